"""Search the learning rate, alpha and eps of RMSprop by cross-validation, then run the best few from several seeds.

    python examples/search.py                                     12 settings on the digits, some seconds
    python examples/search.py --data diabetes                     a regression
    python examples/search.py --lr 1e-4 1e-3 1e-2 1e-1 --alpha 0.5 0.9 0.95 0.99 --eps 1e-10 1e-8 1e-4 --epochs 30
    python examples/search.py --random 50 --epochs 30             50 settings drawn between the ends of the grid

The first table has every setting with its score over the folds. A lead there may be luck: the second table runs the
best settings again from other seeds (weights and order of the samples; the folds stay), and says how far the scores
spread over folds and over seeds. Settings whose means lie closer than that are equally good. The winner is trained on
all of these samples, and measured once on samples that nothing has been chosen by.

A search is scikit-learn's, and where it runs is up to joblib: `--jobs 16` takes 16 processes, and in a program of
one's own a cluster of Dask (pip install 'dask[distributed]') does the work on its machines, on each of which minigrad
and scikit-learn must be installed:

    client = dask.distributed.Client("tcp://scheduler:8786")
    with joblib.parallel_config(backend="dask"):
        search.main(["--random", "1000", "--jobs", "-1"])

Ray does so with `ray.util.joblib.register_ray()` and backend="ray".
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV, KFold, RandomizedSearchCV, StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from minigrad import optim
from minigrad.train.estimators import NetworkClassifier, NetworkRegressor

#: the parameters that are searched: names that the estimators know, and those of this program's options and tables
SEARCHED = {"lr": "lr", "optimizer__alpha": "alpha", "optimizer__eps": "eps"}


def parsed(arguments):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", choices=["digits", "diabetes"], default="digits")
    parser.add_argument("--lr", type=float, nargs="+", default=[1e-3, 1e-2, 1e-1])
    parser.add_argument("--alpha", type=float, nargs="+", default=[0.9, 0.99])
    parser.add_argument("--eps", type=float, nargs="+", default=[1e-8, 1e-2])
    parser.add_argument("--random", type=int, metavar="N", help="N settings from between the ends of the grid")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--best", type=int, default=3, help="settings that are run again from other seeds")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2, help="processes; -1 for all cores")
    return parser.parse_args(arguments)


def problem(options):
    """Samples, what is trained on them, the folds, where its network's parameters are, and what its score is called."""
    same = {"optimizer": optim.RMSprop, "batch_size": 64, "epochs": options.epochs, "random_state": 0}
    if options.data == "digits":
        samples = load_digits(return_X_y=True)
        model = make_pipeline(StandardScaler(), NetworkClassifier(**same))
        folds = StratifiedKFold(options.folds, shuffle=True, random_state=0)
        return samples, model, folds, "networkclassifier__", "accuracy"
    samples = load_diabetes(return_X_y=True)
    network = make_pipeline(StandardScaler(), NetworkRegressor(**same))
    model = TransformedTargetRegressor(network, transformer=StandardScaler())
    return samples, model, KFold(options.folds, shuffle=True, random_state=0), "regressor__networkregressor__", "R²"


def between(name, values):
    """A thousand values from the least to the largest: evenly in powers of ten, alpha by its distance from 1."""
    low, high = min(values), max(values)
    return list(1 - np.geomspace(1 - low, 1 - high, 1000) if name == "alpha" else np.geomspace(low, high, 1000))


def scores_of(search, folds):
    """The score of every setting in every fold, (settings, folds); NaN where a training has diverged."""
    return np.array([search.cv_results_[f"split{fold}_test_score"] for fold in range(folds)]).T


def ranked(means):
    """The numbers of the settings, best first."""
    return np.argsort(-np.nan_to_num(means, nan=-np.inf), kind="stable")


def print_table(heads, rows):
    print("".join(f"{head:>10s}" for head in [*SEARCHED.values(), *heads]))
    for setting, *numbers in rows:
        print(
            "".join(f"{value:10.4g}" for value in setting.values())
            + "".join(f"{x:10.4f}" if abs(x) < 1e3 else f"{x:10.1e}" for x in numbers)
        )


def main(arguments=None):
    options = parsed(arguments)
    (X, y), model, folds, prefix, score = problem(options)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, random_state=0)
    same = {"cv": folds, "n_jobs": options.jobs, "refit": False}
    warnings.simplefilter("ignore", FitFailedWarning)  # the tables show it: NaN
    warnings.filterwarnings("ignore", "One or more of the test scores are non-finite")

    grid = {prefix + name: getattr(options, short) for name, short in SEARCHED.items()}
    if options.random is None:
        search = GridSearchCV(model, grid, **same)
    else:
        drawn = {prefix + name: between(short, getattr(options, short)) for name, short in SEARCHED.items()}
        search = RandomizedSearchCV(model, drawn, n_iter=options.random, random_state=0, **same)
    search.fit(X, y)
    settings = [{name: p[prefix + name] for name in SEARCHED} for p in search.cv_results_["params"]]
    scores = scores_of(search, options.folds)
    order = ranked(scores.mean(axis=1))
    print(f"{len(settings)} settings, {options.epochs} epochs: {score}, its mean and spread over {options.folds} folds")
    print_table(["mean", "folds"], [(settings[k], scores[k].mean(), scores[k].std()) for k in order])

    # Each setting with each seed is a point of one more grid.
    best = [settings[k] for k in order[: options.best]]
    seeds = {f"{prefix}random_state": [*range(1, options.seeds + 1)]}
    grids = [{prefix + name: [value] for name, value in setting.items()} | seeds for setting in best]
    search = GridSearchCV(model, grids, **same).fit(X, y)
    scores = scores_of(search, options.folds).reshape(len(best), options.seeds, options.folds)
    means, over_folds = scores.mean(axis=(1, 2)), scores.mean(axis=1).std(axis=1)
    over_seeds = scores.mean(axis=2).std(axis=1)
    order = ranked(means)
    print(f"\nthe best {len(best)} from {options.seeds} other seeds: mean, spread over folds, spread over seeds")
    print_table(["mean", "folds", "seeds"], [(best[k], means[k], over_folds[k], over_seeds[k]) for k in order])

    winner = best[order[0]]
    model.set_params(**{prefix + name: value for name, value in winner.items()}).fit(X, y)
    print(
        f"\n{score} of the first on {len(y_test)} samples that nothing was chosen by: {model.score(X_test, y_test):.4f}"
    )


if __name__ == "__main__":
    main()
