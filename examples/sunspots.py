"""Forecast next year's sunspot number with an LSTM: does it beat persistence and a linear autoregression?

The record is that of statsmodels, 1700 to 2008. All see the same: the numbers of the last years, as square roots
(which makes high and low years equally noisy); the autoregression once more with the numbers as they are. The LSTM
adds to a linear function of these years, which goes on where there were never so many sunspots before. What has to be
chosen (how many years to look at, how long to train; before that the shape of the network and its rate) was chosen by
cross-validation on the years before the test, the first as it suits the autoregression; then all is fitted to these
years, and asked for the years of the test.

    python examples/sunspots.py --out runs/sunspots

`--out FOLDER` draws forecasts and truth (needs matplotlib). The data need statsmodels. What it printed, in 12 seconds:
errors on 1956 to 2008 of 33.4 (persistence), 20.5 (autoregression of order 8), 18.8 (of roots) and 17.1 ± 0.6 (LSTM,
five seeds, each below 18.8). It beats persistence and the autoregression. The autoregression of roots it beats at this
order only: with nine or ten years, which cross-validation did not choose, that has 16.4, and the LSTM is no better for
them. For a record of 300 numbers a linear model of well-chosen ones is hard to beat.
"""

import argparse
import csv
import sys
from importlib.util import find_spec
from pathlib import Path
from statistics import mean, stdev

import minigrad
from minigrad import nn, optim

TEST = 1956  # its first year
FOLDS, ORDERS = 5, range(1, 13)
HIDDEN, LR, BATCH, EPOCHS, CHECK_EVERY = 8, 0.003, 32, 200, 20
SEEDS = (0, 1, 2, 3, 4)


def record():
    """The years, and the yearly numbers of sunspots."""
    found = find_spec("statsmodels")  # not imported: of all its parts one file is needed
    if found is None:
        raise SystemExit("the sunspot numbers come with statsmodels: pip install statsmodels")
    with open(Path(found.origin).parent / "datasets" / "sunspots" / "sunspots.csv") as file:
        rows = [(int(float(row["YEAR"])), float(row["SUNACTIVITY"])) for row in csv.DictReader(file)]
    years, numbers = zip(*rows)
    return years, minigrad.tensor(numbers, dtype=minigrad.float64)


def windows(series, order):
    """For each year but the first ones the `order` numbers before it (n, order), and its own (n,)."""
    places = range(order, len(series))
    return minigrad.stack([series[k - order : k] for k in places]), series[order:]


def folds(x, y):
    """(fitted, asked) for each of FOLDS spans of years: all pairs but theirs, and theirs.

    Targets of the one are inputs of the other, which does no harm [Bergmeir, Hyndman and Koo 2018, "A note on the
    validity of cross-validation for evaluating autoregressive time series prediction"].
    """
    for span in minigrad.arange(len(x)).chunk(FOLDS):
        first, last = span[0], span[-1] + 1
        yield tuple(minigrad.cat([part[:first], part[last:]]) for part in (x, y)), (x[span], y[span])


def squared(roots):
    """The numbers of which these are the roots; below 0 there are none."""
    return roots.clamp(min=0).square()


def error(forecast, truth):
    """The root of the mean squared error, in sunspots."""
    return (forecast - truth).square().mean().sqrt().item()


def autoregression(x, y):
    """The best linear function of the years before, as a function."""
    w = minigrad.linalg.lstsq(nn.functional.pad(x, (0, 1), value=1.0), y.unsqueeze(1)).solution
    return lambda x: (nn.functional.pad(x, (0, 1), value=1.0) @ w)[:, 0]


class Forecaster(nn.Module):
    """An LSTM over the roots of the numbers of some years (n, order), and a linear function; the next root (n,)."""

    def __init__(self, x):
        super().__init__()
        self.shift, self.scale = x.mean().item(), x.std().item()  # of the years that it learns from
        self.lstm, self.out, self.linear = nn.LSTM(1, HIDDEN), nn.Linear(HIDDEN, 1), nn.Linear(x.shape[1], 1)

    def forward(self, x):
        x = ((x - self.shift) / self.scale).float()
        output, _ = self.lstm(x.t().unsqueeze(2))
        return (self.out(output[-1]) + self.linear(x))[:, 0].double() * self.scale + self.shift


def train(x, y, epochs, seed, asked=None):
    """A trained Forecaster; and its error on other windows and numbers, `asked`, every CHECK_EVERY epochs."""
    minigrad.manual_seed(seed)
    model, errors = Forecaster(x), []
    optimizer = optim.RMSprop(model.parameters(), lr=LR, alpha=0.9)
    numbers, usual = y.square(), 2 * model.shift * model.scale  # the second brings the loss to about 1

    @minigrad.jit
    def step(x, numbers):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x).square() / usual, numbers / usual).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    for epoch in range(1, epochs + 1):
        order = minigrad.randperm(len(x))
        for part in order[: len(x) // BATCH * BATCH].split(BATCH):
            step(x[part], numbers[part])
        if asked and epoch % CHECK_EVERY == 0:
            with minigrad.no_grad():
                errors.append(error(squared(model(asked[0])), squared(asked[1])))
    return model, errors


def chosen(roots):
    """The order of the autoregression, and the epochs of the LSTM, with the least error in cross-validation."""

    def of_order(order):
        parts = folds(*windows(roots, order))
        return mean(error(squared(autoregression(*fitted)(x)), squared(y)) for fitted, (x, y) in parts)

    def of_lstm(seed):
        curves = [train(*fitted, EPOCHS, seed, asked)[1] for fitted, asked in folds(*windows(roots, order))]
        return [mean(errors) for errors in zip(*curves)]

    order = min(ORDERS, key=of_order)
    errors = [mean(each) for each in zip(*map(of_lstm, SEEDS))]
    epochs = CHECK_EVERY * (1 + errors.index(min(errors)))
    print(f"chosen by cross-validation on the years before {TEST}: {order} years (error {of_order(order):.2f}),")
    print(f"{epochs} epochs of the LSTM (error {min(errors):.2f}, mean of {len(SEEDS)} seeds)")
    return order, epochs


def forecasts(numbers, count, order, epochs):
    """name -> the forecasts of the last `count` years, a list with one for each seed; and the truth."""
    x, truth = (part[-count:] for part in windows(numbers, order))
    fitted = windows(numbers[:-count].sqrt(), order)
    models = [train(*fitted, epochs, seed)[0] for seed in SEEDS]
    with minigrad.no_grad():
        of_seeds = [squared(model(x.sqrt())) for model in models]
    return {
        "persistence": [x[:, -1]],
        "autoregression": [autoregression(*windows(numbers[:-count], order))(x)],
        "autoregression of roots": [squared(autoregression(*fitted)(x.sqrt()))],
        "LSTM": of_seeds,
        "mean of these LSTMs": [minigrad.stack(of_seeds).mean(dim=0)],
    }, truth


def with_hindsight(numbers, count):
    """What nobody could have chosen: the order of the autoregression that suits the test."""
    errors = {}
    for order in ORDERS:
        fitted, (x, truth) = windows(numbers[:-count].sqrt(), order), windows(numbers, order)
        errors[order] = error(squared(autoregression(*fitted)(x[-count:].sqrt())), truth[-count:])
    best = min(errors, key=errors.get)
    print(f"with hindsight, {best} years would have given the autoregression of roots {errors[best]:.2f}")


def draw(years, found, truth, file):
    from matplotlib.figure import Figure  # optional: only a picture needs it

    figure = Figure(figsize=(10, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot(years, truth.tolist(), "k.-", label="truth")
    for name, style in ("autoregression of roots", "--"), ("LSTM", "-"):
        runs = minigrad.stack(found[name])
        (line,) = axes.plot(years, runs.mean(dim=0).tolist(), style, label=name)
        low, high = runs.min(dim=0).values, runs.max(dim=0).values
        axes.fill_between(years, low.tolist(), high.tolist(), color=line.get_color(), alpha=0.3)
    axes.set(title="sunspots, forecast a year ahead", xlabel="year", ylabel="number")
    axes.legend()
    figure.savefig(file)
    print(f"drawn in {file}")


def main(arguments=()):
    parser = argparse.ArgumentParser(description="sunspots, forecast a year ahead by an LSTM and by linear models")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="draw sunspots.png there")
    options = parser.parse_args(arguments)
    if options.out:  # that there is a folder and matplotlib is known before the training
        import matplotlib  # noqa: F401

        options.out.mkdir(parents=True, exist_ok=True)
    years, numbers = record()
    count = sum(year >= TEST for year in years)
    order, epochs = chosen(numbers[:-count].sqrt())
    found, truth = forecasts(numbers, count, order, epochs)
    errors = {name: [error(run, truth) for run in runs] for name, runs in found.items()}
    print(f"error of forecasts of {TEST} to {years[-1]}, a year ahead (their deviation is {truth.std().item():.1f}):")
    for name, each in errors.items():
        spread = f" ± {stdev(each):.2f} ({', '.join(f'{e:.2f}' for e in each)})" if len(each) > 1 else ""
        print(f"{name:25s}{mean(each):7.2f}{spread}")
    for name in ("persistence", "autoregression", "autoregression of roots"):
        better = sum(e < errors[name][0] for e in errors["LSTM"])
        verdict = "beats" if better == len(SEEDS) else f"beats with {better} of {len(SEEDS)} seeds"
        print(f"the LSTM {verdict if better else 'does not beat'} {name}")
    with_hindsight(numbers, count)
    if options.out:
        draw(years[-count:], found, truth, options.out / "sunspots.png")


if __name__ == "__main__":
    main(sys.argv[1:])
