"""The adding problem in a small form: shorter sequences, one rate for each method."""

import math
import re

import pytest
from test_examples import line_of, module_of, numbers, small
from watched_steps import watched

import minigrad
from minigrad.study import gradient_flow

RATES = {"SGD": 0.1, "momentum": 0.03, "Adagrad": 0.1, "RMSprop": 0.01}


@pytest.fixture(scope="module")
def out():
    module = module_of("adding_problem")
    optimizers = {name: (make, (RATES[name],)) for name, (make, _) in module.OPTIMIZERS.items()}
    return small("adding_problem", LENGTH=12, HIDDEN=16, STEPS=700, CHECKS=10, SEEDS=(2,), OPTIMIZERS=optimizers)


def ends(out):
    """(kind, method) -> (rate, mean loss, step below the limit or None)."""
    rows = re.findall(r"^(RNN|LSTM) +(\w+) +([\d.]+) +([\d.]+) +[\d.]+ +(\d+|-)$", out, flags=re.M)
    return {(kind, name): (float(lr), float(loss), step) for kind, name, lr, loss, step in rows}


def test_an_lstm_learns_what_a_simple_network_does_not(out):
    found = ends(out)
    assert list(found) == [(kind, name) for kind in ("RNN", "LSTM") for name in RATES]
    assert all(lr == RATES[name] for (_, name), (lr, _, _) in found.items())
    for name in ("Adagrad", "RMSprop"):
        assert found["LSTM", name][1] < 0.02 < 0.03 < found["RNN", name][1] < 0.2
        assert 100 < int(found["LSTM", name][2]) <= 700 and found["RNN", name][2] == "-"
    for name in ("SGD", "momentum"):
        assert 0.1 < found["LSTM", name][1] < 0.2 and found["LSTM", name][2] == "-"


def test_what_it_says_follows_from_the_table(out):
    found = ends(out)
    said = {text: word == "held" for word, text in re.findall(r"^(held|did not hold): +(.*)$", out, flags=re.M)}
    assert len(said) == 10
    assert said["an LSTM learns it with RMSprop"] and said["a simple RNN learns it with none of the four"]
    for other in ("SGD", "momentum", "Adagrad"):
        lower = found["LSTM", "RMSprop"][1] < found["LSTM", other][1]
        assert said[f"on the LSTM RMSprop ends lower than {other}"] == lower
    sooner = int(found["LSTM", "RMSprop"][2]) < int(found["LSTM", "Adagrad"][2])
    assert said["on the LSTM RMSprop has learned it sooner than Adagrad"] == sooner


def test_a_claim_holds_if_it_does_at_every_seed(capsys):
    module = module_of("adding_problem")
    module.STEPS, module.CHECKS = 20, 2
    curves = {(kind, name): [[0.2, 0.15], [0.2, 0.16]] for kind in module.LAYERS for name in RATES}
    flow = {f"{kind}, {state}": [1.0, 2.0] for kind in module.LAYERS for state in ("new", "trained")}
    flow["LSTM, new"] = [1e-4, 2.0]
    curves["LSTM", "RMSprop"] = [[0.2, 0.010], [0.01, 0.012]]
    curves["LSTM", "Adagrad"] = [[0.2, 0.011], [0.15, 0.011]]
    curves["LSTM", "momentum"] = [[0.2, 0.011], [0.15, 0.013]]
    module.say(curves, flow)
    held = {line[14:]: line.startswith("held") for line in capsys.readouterr().out.splitlines()}
    assert list(held.values()) == [True, True, True, True, False, False, False, False, False, True]
    curves["LSTM", "RMSprop"][0][0] = 0.019  # now sooner with both seeds
    curves["RNN", "SGD"][1][0] = 0.001  # which learned it once
    module.say(curves, flow | {"RNN, new": [1e-5, 1.0]})
    held = {line[14:]: line.startswith("held") for line in capsys.readouterr().out.splitlines()}
    assert list(held.values()) == [True, False, True, True, False, True, False, True, False, True]


def test_the_gradient_comes_back_through_a_trained_lstm(out):
    lines = {name: line_of(out, name) for name in ("RNN   new", "RNN   trained", "LSTM  new", "LSTM  trained")}
    kept = {name: numbers(line)[0] for name, line in lines.items()}
    assert kept["RNN   new"] < kept["LSTM  new"] < 0.1 < kept["LSTM  trained"]
    for name, line in lines.items():
        assert numbers(line)[1] == pytest.approx(kept[name] ** (1 / 11), abs=0.006)


def test_the_flow_is_that_at_the_state_that_remembers(capsys):
    module = module_of("adding_problem")
    module.LENGTH = 8
    models = {kind: module.Network(kind) for kind in module.LAYERS}
    found = module.flows(models)
    x, y = module.sequences(1000, minigrad.Generator().manual_seed(1000))
    for kind, model in models.items():
        with gradient_flow(model) as flow:
            minigrad.nn.functional.mse_loss(model(x), y).backward()
        norms = flow.hidden if kind == "RNN" else flow.cell
        assert found[f"{kind}, trained"] == norms.tolist() != found[f"{kind}, new"]
    assert capsys.readouterr().out.count("with each step back") == 4


def test_the_task():
    module = module_of("adding_problem")
    x, y = module.sequences(500, minigrad.Generator().manual_seed(0))
    values, marks = x.unbind(2)
    half = module.LENGTH // 2
    assert module.held_out()[0].shape == (module.LENGTH, 1000, 2)
    assert set(marks.flatten().tolist()) == {0.0, 1.0}
    assert marks[:half].sum(dim=0).tolist() == marks[half:].sum(dim=0).tolist() == [1.0] * 500
    assert y.tolist() == pytest.approx(
        [sum(v for v, m in zip(*s) if m) for s in zip(values.t().tolist(), marks.t().tolist())]
    )
    assert marks.sum(dim=1).min() > 0  # every place is marked at some time
    assert (y - 1).square().mean().item() == pytest.approx(module.ALWAYS_ONE, rel=0.1)
    same = [module.sequences(3, minigrad.Generator().manual_seed(1))[0].tolist() for _ in range(2)]
    assert same[0] == same[1]


def test_large_gradients_are_clipped(monkeypatch):
    module, steps = module_of("adding_problem"), watched(monkeypatch)
    module.STEPS, module.CHECKS, of = 4, 2, module.sequences
    monkeypatch.setattr(module, "sequences", lambda *args: (lambda x, y: (x, 100 * y))(*of(*args)))
    module.train("LSTM", lambda params: minigrad.optim.RMSprop(params), 0)
    assert [norm for _, norm, _ in steps] == pytest.approx([1.0] * 4, rel=1e-4)


def test_a_folder_that_cannot_be_is_known_before_the_training(monkeypatch, tmp_path):
    pytest.importorskip("matplotlib")
    module = module_of("adding_problem")
    monkeypatch.setattr(module, "compare", lambda: pytest.fail("trained in vain"))
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(NotADirectoryError):
        module.main(["--out", str(tmp_path / "file" / "x")])


def test_what_counts_as_learned():
    module = module_of("adding_problem")
    module.STEPS, module.CHECKS = 100, 5
    assert module.learned([1.0, 0.5, 0.019, 0.5, 0.01]) == 60
    assert module.learned([0.02, math.nan]) is None


def test_the_rate_of_the_lowest_loss_towards_the_end_is_taken():
    module = module_of("adding_problem")
    curves = {0.1: [9.0, 3.0, 1.0, 2.0], 0.2: [0.1, 2.0, 2.0, 3.0], 0.3: [0.1, 0.1, math.nan, 0.1], 0.4: [math.inf] * 4}
    asked = []

    def train(kind, make, seed):
        asked.append((kind, seed))
        return None, curves[make([])]

    module.train = train
    for rates in (tuple(curves), tuple(curves)[::-1]):
        module.OPTIMIZERS = {"SGD": (lambda params, lr: lr, rates)}
        assert module.tuned("LSTM", "SGD") == 0.1
    assert set(asked) == {("LSTM", module.SEARCH_SEED)} and module.SEARCH_SEED not in module.SEEDS


def test_the_picture(tmp_path):
    pytest.importorskip("matplotlib")
    module = module_of("adding_problem")
    curves = {(kind, name): [[0.2] * module.CHECKS, [0.1] * module.CHECKS] for kind in module.LAYERS for name in RATES}
    module.draw(curves, {"RNN, new": [1e-3, 1.0]}, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
