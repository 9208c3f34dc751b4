"""The forecasts of sunspots in a small form: two seeds, three orders, little training."""

import csv
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from test_examples import line_of, module_of, numbers, small
from watched_steps import watched

import minigrad

pytestmark = pytest.mark.skipif(find_spec("statsmodels") is None, reason="the data come with statsmodels")

FORM = {"ORDERS": range(7, 10), "EPOCHS": 60, "SEEDS": (0, 1), "FOLDS": 3}


@pytest.fixture(scope="module")
def out():
    return small("sunspots", **FORM)


@pytest.fixture(scope="module")
def record():
    path = Path(find_spec("statsmodels").origin).parent / "datasets" / "sunspots" / "sunspots.csv"
    with open(path) as file:
        return np.array([float(row[1]) for row in list(csv.reader(file))[1:]])


def by_hand(series, order, back=lambda v: v, test=53):
    """The error of an autoregression fitted to all but the last years, in NumPy."""
    x = np.stack([series[k - order : k] for k in range(order, len(series))])
    x, y = np.column_stack([x, np.ones(len(x))]), series[order:]
    w = np.linalg.lstsq(x[:-test], y[:-test], rcond=None)[0]
    return np.sqrt(np.mean((back(x[-test:] @ w) - back(y[-test:])) ** 2))


def test_the_linear_models_are_what_they_are_by_hand(out, record):
    order = int(numbers(line_of(out, "chosen by cross-validation on the years before 1956:"))[0])
    assert order in FORM["ORDERS"]
    truth = record[-53:]
    assert "error of forecasts of 1956 to 2008" in out
    assert numbers(line_of(out, "persistence "))[0] == pytest.approx(
        np.sqrt(np.mean((record[-54:-1] - truth) ** 2)), abs=0.006
    )

    def squared(v):
        return np.maximum(v, 0) ** 2

    assert numbers(line_of(out, "autoregression  "))[0] == pytest.approx(by_hand(record, order), abs=0.006)
    of_roots = {k: by_hand(np.sqrt(record), k, squared) for k in FORM["ORDERS"]}
    assert numbers(line_of(out, "autoregression of roots "))[0] == pytest.approx(of_roots[order], abs=0.006)
    best = min(of_roots, key=of_roots.get)
    assert numbers(line_of(out, "with hindsight")) == pytest.approx([best, of_roots[best]], abs=0.006)


def test_the_lstm_is_no_worse_than_the_linear_model_for_long(out):
    mean, _, *each = numbers(line_of(out, "LSTM "))
    assert len(each) == 2 and mean == pytest.approx(sum(each) / 2, abs=0.011)
    (persistence, *_), (linear, *_) = (numbers(line_of(out, name)) for name in ("persistence ", "autoregression  "))
    assert max(each) < 0.8 * persistence and mean < 1.1 * linear
    assert numbers(line_of(out, "mean of these LSTMs"))[0] <= mean + 0.01  # a mean of forecasts is no worse


def test_what_it_says_follows_from_the_numbers(out):
    each = numbers(line_of(out, "LSTM "))[2:]
    for name in ("persistence", "autoregression", "autoregression of roots"):
        of_name = numbers(line_of(out, f"{name}  "))[0]
        better = sum(e < of_name for e in each)
        verdict = {0: "does not beat", 1: "beats with 1 of 2 seeds", 2: "beats"}[better]
        assert f"the LSTM {verdict} {name}\n" in out


def test_no_forecast_knows_what_comes(record):
    """Other numbers in the last years change the forecasts of the years after them only."""
    module = module_of("sunspots")
    module.SEEDS = (0,)
    series = minigrad.tensor(record)
    changed = series.clone()
    changed[-20:] += 50
    before, truth = module.forecasts(series, 53, 8, 5)
    after, _ = module.forecasts(changed, 53, 8, 5)
    assert truth.tolist() == record[-53:].tolist()
    for name, (forecast, *_) in before.items():
        same = [a == b for a, b in zip(forecast.tolist(), after[name][0].tolist())]
        assert same == [True] * 34 + [False] * 19, name


def test_what_is_chosen_knows_nothing_of_the_test(record, capsys):
    module = module_of("sunspots")
    asked = []
    module.chosen = lambda roots: asked.append(roots) or (8, 5)
    module.SEEDS, module.ORDERS = (0, 1), (8,)
    module.main()
    assert asked[0].tolist() == np.sqrt(record[:-53]).tolist()
    assert "LSTM" in capsys.readouterr().out


def test_the_least_error_chooses(capsys):
    """A sine follows from two values before it; the curves of the networks are made up."""
    module = module_of("sunspots")
    curves = {0: [3.0, 1.0, 2.0], 1: [1.0, 2.0, 9.0]}
    asked = []

    def train(x, y, epochs, seed, held_out):
        asked.append((x.shape[1], epochs, seed, len(x) + len(held_out[0])))
        return None, curves[seed]

    module.train, module.SEEDS, module.ORDERS = train, (0, 1), (1, 2)
    assert module.chosen(5 + minigrad.arange(100).double().sin()) == (2, 2 * module.CHECK_EVERY)
    assert asked == [(2, module.EPOCHS, seed, 98) for seed in (0, 1) for _ in range(5)]
    assert "2 years (error 0.00)" in capsys.readouterr().out


def test_folds_hold_out_every_year_once(record):
    module = module_of("sunspots")
    x, y = module.windows(minigrad.tensor(record), 9)
    assert x.shape == (300, 9) and x[0].tolist() == record[:9].tolist() and y[0].item() == record[9]
    held = []
    for (x_fitted, y_fitted), (x_asked, y_asked) in module.folds(x, y):
        assert len(x_fitted) + len(x_asked) == len(x) and len(y_fitted) == len(x_fitted)
        held += y_asked.tolist()
        rest = y.tolist()
        del rest[len(held) - len(y_asked) : len(held)]
        assert y_fitted.tolist() == rest and len(x_asked) == 60
    assert held == y.tolist()


def test_the_lstm_adds_to_a_linear_function(record):
    module = module_of("sunspots")
    x, _ = module.windows(minigrad.tensor(record).sqrt(), 8)
    model = module.Forecaster(x)
    with minigrad.no_grad():
        model.out.weight.fill_(0.0)
        model.out.bias.fill_(0.0)
    standard = ((x - x.mean()) / x.std()).float()
    linear = standard @ model.linear.weight[0] + model.linear.bias
    assert minigrad.allclose(model(x), linear.double() * x.std() + x.mean(), rtol=1e-5)
    assert abs(model(x) - x.mean()).max() > 0.1


def test_the_error_of_numbers_is_trained_on_and_large_gradients_are_clipped(record, monkeypatch):
    """Not that of their roots: with y = 30 for every year, the first step's gradient by hand."""
    module, steps = module_of("sunspots"), watched(monkeypatch)
    x, _ = module.windows(minigrad.tensor(record).sqrt()[:40], 8)
    y = minigrad.full((32,), 30.0, dtype=minigrad.float64)
    module.train(x, y, 1, seed=0)
    minigrad.manual_seed(0)
    model = module.Forecaster(x)
    (model(x).square() - y.square()).square().mean().backward()
    by_hand = minigrad.cat([p.grad.flatten() for p in model.parameters()])
    ((_, norm, found),) = steps
    assert norm == pytest.approx(1, rel=1e-4)
    assert minigrad.allclose(found, by_hand / by_hand.norm(), rtol=1e-3, atol=1e-5)


def test_a_folder_that_cannot_be_is_known_before_the_training(monkeypatch, tmp_path):
    pytest.importorskip("matplotlib")
    module = module_of("sunspots")
    monkeypatch.setattr(module, "chosen", lambda roots: pytest.fail("trained in vain"))
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(NotADirectoryError):
        module.main(["--out", str(tmp_path / "file" / "x")])


def test_the_years(record):
    years, series = module_of("sunspots").record()
    assert (years[0], years[-1], len(years)) == (1700, 2008, 309) and series.tolist() == record.tolist()


def test_statsmodels_is_asked_for(monkeypatch):
    module = module_of("sunspots")
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="come with statsmodels: pip install statsmodels"):
        module.record()


def test_the_picture(tmp_path):
    pytest.importorskip("matplotlib")
    module = module_of("sunspots")
    runs = [minigrad.rand(3), minigrad.rand(3)]
    module.draw((2006, 2007, 2008), {"autoregression of roots": runs[:1], "LSTM": runs}, runs[0], tmp_path / "s.png")
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")
