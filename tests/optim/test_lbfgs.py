"""LBFGS: it converges, its line search keeps its promises, and it goes on exactly from a saved state."""

from __future__ import annotations

import copy
import functools
import math

import numpy as np
import pytest
from lbfgs_problems import PROBLEMS, Run

import minigrad
from minigrad.optim import lbfgs
from minigrad.optim.lbfgs import LBFGS
from minigrad.optim.line_search import strong_wolfe

SEARCH = {"line_search_fn": "strong_wolfe"}
BOTH = [pytest.param(SEARCH, id="search"), pytest.param({"lr": 0.3}, id="fixed")]


def run(problem, dtype="float64", device="cpu", **options):
    return Run(minigrad, functools.partial(LBFGS, **options), problem, dtype, device=device)


def tensor(numbers, **options):
    return minigrad.tensor(numbers, dtype=minigrad.float64, requires_grad=True, **options)


# -- where it gets --------------------------------------------------------------------------------------------------


def test_rosenbrocks_valley_is_walked_to_its_end(device):
    found = run("rosenbrock", device=device, max_iter=100, tolerance_change=1e-15, **SEARCH)
    first = found.optimizer.step(found.closure)
    assert first.item() == pytest.approx(24.2)  # the loss before the step
    np.testing.assert_allclose(found.numbers(), [1, 1], rtol=1e-7)
    assert found.params[0].device.type == device
    state = found.optimizer.state[found.params[0]]
    assert all(v.device.type == device for v in [state["d"], state["prev_flat_grad"], *state["old_dirs"]])
    assert state["func_evals"] == len(found.losses) < 60


def test_a_quadratic_takes_about_as_many_iterations_as_it_has_dimensions():
    found = run("quadratic", max_iter=20, tolerance_change=0, **SEARCH)
    found.steps(1)
    assert found.losses[-1] < 1e-12 < found.losses[0]


def test_a_network_is_fitted_better_than_by_gradient_descent(device):
    found = run("regression", "float32", device=device, **SEARCH)
    found.steps(5)
    plain = run("regression", "float32", device=device)
    descent = minigrad.optim.SGD(plain.params, lr=0.05)
    for _ in range(len(found.losses)):
        plain.closure()
        descent.step()
    assert found.losses[-1] < 0.5 * plain.losses[-1]


@pytest.mark.parametrize(
    ("factor", "options", "evaluations"),
    [
        (1e8, {"lr": 1e-10}, 2),  # x moves by 1e-10, the loss by 0.02
        (1e-2, {"lr": 1e-3, "tolerance_change": 1e-6}, 2),  # the loss moves by 4e-7, x by 2e-5
        (1e-4, {"lr": 1e-3, "tolerance_change": 0}, 5),
        (1e-8, {}, 1),  # the gradient is 2e-8
        (1e-4, {"tolerance_change": 1e-7}, 1),  # the slope is 4e-8
        (1.0, {"lr": 0.01, "max_eval": 3}, 3),
    ],
)
def test_where_a_step_ends(factor, options, evaluations):
    x, seen = tensor([1.0]), []
    optimizer = LBFGS([x], **{"max_iter": 5, **options})

    def closure():
        optimizer.zero_grad()
        loss = factor * (x**2).sum()
        loss.backward()
        seen.append(loss.item())
        return loss

    optimizer.step(closure)
    assert len(seen) == evaluations


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("lr", [1e-3, 1, 50])
def test_accepted_steps_satisfy_the_strong_wolfe_conditions(monkeypatch, problem, lr):
    accepted = []

    def spy(along, start, *args):
        point, count = strong_wolfe(along, start, *args)
        accepted.append((start, point))
        return point, count

    monkeypatch.setattr(lbfgs, "strong_wolfe", spy)
    run(problem, lr=lr, max_iter=10, max_eval=200, **SEARCH).steps(1)
    assert len(accepted) > 3
    for start, point in accepted:
        assert point.t > 0
        assert point.value <= start.value + 1e-4 * point.t * start.slope
        assert abs(point.slope) <= 0.9 * abs(start.slope)


def test_a_step_that_was_not_made_teaches_nothing():
    x = tensor([1.0, 1.0])
    optimizer = LBFGS([x], max_iter=1)

    def closure(scale):
        optimizer.zero_grad()
        loss = (scale * x**2).sum()
        loss.backward()
        return loss

    optimizer.step(lambda: closure(1e-6))  # the slope is below the tolerance, the gradient is not
    assert x.tolist() == [1, 1] and optimizer.state[x]["n_iter"] == 1
    optimizer.step(lambda: closure(0.25))  # another batch
    assert optimizer.state[x]["old_stps"] == [] and x.tolist() == [0.5, 0.5]


# -- saving ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", BOTH)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_saved_run_goes_on_to_the_same_bits(device, options, dtype):
    options = {**options, "max_iter": 4, "history_size": 5}
    whole, second = (run("regression", dtype, device, **options) for _ in range(2))
    whole.steps(3)
    saved = copy.deepcopy(whole.optimizer.state_dict())
    held = whole.optimizer.state_dict()
    values = [p.detach().clone() for p in whole.params]
    expected = whole.steps(3)
    for state in (saved, held):  # a state that was not copied must not have gone on by itself
        with minigrad.no_grad():
            for p, value in zip(second.params, values):
                p.copy_(value)
        second.optimizer.load_state_dict(state)
        assert np.array_equal(second.steps(3), expected)


def test_the_state_has_pytorchs_entries():
    found = run("rosenbrock", max_iter=3, max_eval=20, **SEARCH)
    found.steps(1)
    entries = found.optimizer.state_dict()["state"]
    names = "func_evals n_iter d t old_dirs old_stps ro H_diag prev_flat_grad prev_loss"
    assert list(entries) == [0] and set(entries[0]) == set(names.split())
    entries = entries[0]
    assert entries["n_iter"] == 3 and entries["func_evals"] == len(found.losses)
    y, s = (entries[name][0].numpy() for name in ("old_dirs", "old_stps"))
    assert entries["ro"][0] == pytest.approx(1 / (y @ s))


@pytest.mark.parametrize(("dtype", "other"), [("float32", "float64"), ("float64", "float32")])
def test_a_state_follows_its_parameters_to_another_dtype(device, dtype, other):
    found = run("quadratic", dtype, device, max_iter=3, **SEARCH)
    found.steps(1)
    found.params[0].data = found.params[0].detach().to(getattr(minigrad, other))
    found.steps(1)
    state = found.optimizer.state[found.params[0]]
    assert {str(v.dtype) for v in [state["d"], *state["old_dirs"], *state["old_stps"]]} == {f"minigrad.{other}"}


def test_a_state_of_other_sizes_is_told():
    found = run("quadratic", max_iter=3)
    found.steps(1)
    found.params[0].data = minigrad.zeros(3, dtype=minigrad.float64)
    optimizer, p = found.optimizer, found.params[0]

    def closure():
        optimizer.zero_grad()
        loss = ((p - 1) ** 2).sum()
        loss.backward()
        return loss

    with pytest.raises(RuntimeError, match=r"8 numbers, its parameters have 3 now.*state\.clear"):
        optimizer.step(closure)
    optimizer.state.clear()
    optimizer.step(closure)


# -- parameters that do not move ------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", BOTH)
def test_a_parameter_without_gradient_does_not_move(options):
    both = []
    for extra in (False, True):
        x, frozen, unused = tensor([-1.2, 1.0]), tensor([5.0, 6.0]), tensor([7.0])
        frozen.requires_grad_(False)
        versions = frozen._version, unused._version
        optimizer = LBFGS([frozen, x, unused] if extra else [x], max_iter=6, **options)

        def closure(x=x, optimizer=optimizer):
            optimizer.zero_grad()
            loss = PROBLEMS["quadratic"][0](minigrad, minigrad.cat([x, x, x, x]))
            loss.backward()
            return loss

        for _ in range(3):
            optimizer.step(closure)
        both.append(x.tolist())
        assert frozen.tolist() == [5, 6] and unused.tolist() == [7]
        assert (frozen._version, unused._version) == versions
    np.testing.assert_allclose(both[0], both[1], rtol=1e-12)


def test_a_parameter_frozen_on_the_way_stays():
    found = run("regression", max_iter=4, **SEARCH)
    found.steps(2)
    first = found.params[0]
    first.requires_grad_(False)
    before, loss = first.tolist(), found.losses[-1]
    found.steps(2)
    assert first.tolist() == before and found.losses[-1] < loss
    state = found.optimizer.state[first]
    assert not state["d"][: first.numel()].any() and not state["old_stps"][-1][: first.numel()].any()


def test_all_frozen_is_no_error():
    x = tensor([1.0]).requires_grad_(False)
    assert LBFGS([x]).step(lambda: 3.0) == 3.0


# -- what is refused ------------------------------------------------------------------------------------------------


def test_bad_closures_are_named():
    x = tensor([1.0, 2.0])
    optimizer = LBFGS([x])
    with pytest.raises(TypeError, match=r"takes a closure.*got NoneType"):
        optimizer.step()
    with pytest.raises(TypeError, match=r"takes a closure.*got Tensor"):
        optimizer.step((x**2).sum())
    with pytest.raises(RuntimeError, match=r"call loss\.backward\(\)"):
        optimizer.step(lambda: (x**2).sum())

    def closure(result):
        optimizer.zero_grad()
        (x**2).sum().backward()
        return result

    with pytest.raises(TypeError, match="returned NoneType"):
        optimizer.step(lambda: closure(None))
    with pytest.raises(TypeError, match=r"returned a tensor of shape \(2,\)"):
        optimizer.step(lambda: closure(x))
    assert x.tolist() == [1, 2]


def test_bad_options_and_groups_are_named():
    x, y = tensor([1.0]), minigrad.ones(1, requires_grad=True)
    for options in (
        {"lr": -1}, {"max_iter": 0}, {"history_size": 0}, {"tolerance_grad": -1}, {"line_search_fn": "armijo"}
    ):  # fmt: skip
        with pytest.raises(ValueError, match="Invalid"):
            LBFGS([x], **options)
    with pytest.raises(ValueError, match="parameter groups"):
        LBFGS([{"params": [x]}, {"params": [y]}])
    with pytest.raises(ValueError, match="parameter groups"):
        LBFGS([x]).add_param_group({"params": [y]})
    with pytest.raises(ValueError, match=r"agree in dtype and device; got float64 .* float32"):
        LBFGS([x, y]).step(lambda: x.sum())


def test_a_recorded_step_refuses_it():
    found = run("rosenbrock")
    step = minigrad.jit(lambda: found.optimizer.step(found.closure))
    with pytest.raises(minigrad.RecordingError, match=r"LBFGS\.step\(\).*without minigrad\.jit"):
        for _ in range(3):
            step()


# -- numbers that are none ------------------------------------------------------------------------------------------


def test_a_search_turns_back_from_where_there_is_no_loss(device):
    x = tensor([5.0], device=device)
    optimizer = LBFGS([x], lr=100, max_iter=30, **SEARCH)
    losses = []

    def closure():
        optimizer.zero_grad()
        loss = (x - x.log()).sum()  # nan below 0, smallest at 1
        loss.backward()
        losses.append(loss.item())
        return loss

    optimizer.step(closure)
    assert np.isnan(losses).any() and x.item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("options", BOTH)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_step_that_begins_without_a_loss_changes_nothing(options, bad):
    found = run("quadratic", max_iter=3, **options)
    found.steps(1)
    before = found.numbers()
    state = dict(found.optimizer.state[found.params[0]])
    p = found.params[0]

    def closure():
        found.optimizer.zero_grad()
        loss = (p * bad).sum()
        loss.backward()
        return loss

    assert not math.isfinite(found.optimizer.step(closure).item())
    assert np.array_equal(found.numbers(), before)
    after = found.optimizer.state[p]
    assert after["func_evals"] == state["func_evals"] + 1
    assert after["d"].tolist() == state["d"].tolist() and after["n_iter"] == state["n_iter"]
    found.steps(3)  # and it goes on from there
    assert found.losses[-1] < found.losses[0]


def test_without_a_search_a_step_ends_where_the_loss_does():
    x = tensor([5.0])
    optimizer = LBFGS([x], lr=100)
    losses = []

    def closure():
        optimizer.zero_grad()
        loss = (x - x.log()).sum()
        loss.backward()
        losses.append(loss.item())
        return loss

    assert optimizer.step(closure).item() == pytest.approx(5 - math.log(5))
    assert len(losses) == 2 and math.isnan(losses[1])
    assert math.isnan(optimizer.step(closure).item()) and math.isfinite(x.item())


# -- the rest of an optimizer ---------------------------------------------------------------------------------------


def test_a_graph_from_before_the_step_is_out_of_date():
    found = run("rosenbrock", max_iter=2)
    loss = (found.params[0] ** 2).sum()
    found.steps(1)
    with pytest.raises(RuntimeError, match=r"LBFGS\.step"):
        loss.backward()


def test_the_closure_may_be_called_without_gradients_around_it():
    found = run("regression", max_iter=2)
    with minigrad.no_grad():
        found.optimizer.step(found.closure)
    assert found.losses[1] < found.losses[0]


def test_hooks_run_once_a_step():
    found = run("rosenbrock", max_iter=4)
    seen = []
    found.optimizer.register_step_pre_hook(lambda optimizer, args, kwargs: seen.append("before"))
    found.optimizer.register_step_post_hook(lambda optimizer, args, kwargs: seen.append("after"))
    found.steps(2)
    assert seen == ["before", "after"] * 2


def test_a_schedule_counts_iterations_over_all_steps():
    asked = []
    found = run("regression", lr=lambda t: asked.append(t) or 0.1, max_iter=3, max_eval=9)
    found.steps(2)
    assert [*dict.fromkeys(asked)] == [1, 2, 3, 4, 5, 6]


def test_it_says_what_it_does():
    found = run("regression", history_size=7, **SEARCH)
    found.steps(1)
    text = found.optimizer.describe()
    assert "d ← -H g" in text and "last 7 pairs" in text and "Wolfe" in text and "step 21" in text
    assert "history_size: 7" in repr(found.optimizer)
    other = run("regression", history_size=7, **SEARCH).optimizer
    other.load_state_dict(found.optimizer.state_dict())
    assert other.describe() == text


def test_a_closure_that_raises_leaves_the_parameters_where_they_were(device):
    x = minigrad.tensor([-1.2, 1.0], dtype=minigrad.float64, device=device, requires_grad=True)
    optimizer = LBFGS([x], line_search_fn="strong_wolfe")
    calls = []

    def closure():
        optimizer.zero_grad()
        calls.append(x.tolist())
        if len(calls) == 4:
            raise KeyboardInterrupt
        loss = (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
        loss.backward()
        return loss

    with pytest.raises(KeyboardInterrupt):
        optimizer.step(closure)
    assert calls[3] != [-1.2, 1.0] and x.tolist() == [-1.2, 1.0]


def test_an_option_that_it_does_not_have():
    x = minigrad.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match="LBFGS has no option 'weight_decay'"):
        LBFGS([{"params": [x], "weight_decay": 0.1}])
