"""The estimators in scikit-learn's searches and pipelines, in this process and in others."""

import numpy as np
import pytest
from joblib import parallel_config
from joblib.externals.loky import get_reusable_executor
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from minigrad import nn, optim
from minigrad.train import NonFiniteError
from minigrad.train.estimators import NetworkClassifier, NetworkRegressor

X, Y = load_iris(return_X_y=True)
GRID = {
    "networkclassifier__lr": [1e-5, 1e-2],
    "networkclassifier__optimizer__alpha": [0.9, 0.99],
    "networkclassifier__optimizer__eps": [1e-8, 1e-2],
}


@pytest.fixture(scope="module", autouse=True)
def workers():
    """Processes of joblib's outlive the call that started them."""
    yield
    get_reusable_executor().shutdown(wait=True)


def pipeline(**parameters):
    options = {"optimizer": optim.RMSprop, "epochs": 3, "random_state": 0, **parameters}
    return make_pipeline(StandardScaler(), NetworkClassifier(**options))


def test_a_search_over_the_optimizers_options_is_the_same_in_processes():
    searches = [GridSearchCV(pipeline(), GRID, cv=3, n_jobs=jobs).fit(X, Y) for jobs in (None, 2)]
    alone, spread = (search.cv_results_ for search in searches)
    for fold in range(3):
        np.testing.assert_array_equal(alone[f"split{fold}_test_score"], spread[f"split{fold}_test_score"])
    best = searches[1]
    assert best.best_params_["networkclassifier__lr"] == 1e-2
    assert best.score(X, Y) > 0.8 and (best.predict(X) == searches[0].predict(X)).all()
    assert len({*alone["mean_test_score"]}) > 2  # the grid's points are different trainings


def test_each_option_of_a_grid_makes_a_training_of_its_own():
    search = GridSearchCV(pipeline(epochs=2), GRID, cv=KFold(2, shuffle=True, random_state=0), scoring="neg_log_loss")
    assert len({*search.fit(X, Y).cv_results_["mean_test_score"]}) == 8


def own(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, outputs))


def test_a_network_of_ones_own_goes_into_processes():
    for module in own, lambda inputs, outputs: own(inputs, outputs):
        scores = cross_val_score(pipeline(module=module, lr=0.01, epochs=20), X, Y, cv=3, n_jobs=2)
        assert scores.min() > 0.8


def test_in_threads_the_scores_are_those_of_one_after_the_other():
    alone = cross_val_score(pipeline(lr=1e-2), X, Y, cv=4)
    with parallel_config(backend="threading"):
        np.testing.assert_array_equal(cross_val_score(pipeline(lr=1e-2), X, Y, cv=4, n_jobs=2), alone)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning", "ignore:One or more of the test scores")
def test_a_point_that_diverges_scores_nan_and_the_search_goes_on():
    search = GridSearchCV(NetworkRegressor(optimizer="sgd", epochs=20, random_state=0), {"lr": [1e-3, 1e9]}, cv=2)
    target = X[:, 0] - X[:, 1]
    search.fit(X, target)
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [False, True]
    assert search.best_params_ == {"lr": 1e-3}
    with pytest.raises(NonFiniteError, match="try a smaller learning rate"):
        search.set_params(error_score="raise").fit(X, target)


def test_large_features_lie_in_memory_that_processes_share():
    rows = np.random.default_rng(0).normal(size=(20_000, 8))  # beyond 1 MB joblib hands out read-only memory maps
    scores = cross_val_score(NetworkRegressor(epochs=2, batch_size=256), rows, rows[:, 0], cv=2, n_jobs=2)
    assert scores.min() > 0.8
