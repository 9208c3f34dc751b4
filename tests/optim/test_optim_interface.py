"""What an optimizer accepts and refuses: parameters, groups; and zero_grad, closure, hooks, versions."""

from __future__ import annotations

import numpy as np
import pytest
from optim_helpers import CLASSES, KINDS, give_gradients, leaf, parameters, values

import minigrad
from minigrad import optim

# --- parameters ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", CLASSES)
def test_refuses_what_is_no_list_of_leaves(cls):
    p = leaf()
    for given, error, message in [
        ([], ValueError, "empty list"),
        (iter(()), ValueError, "empty list"),
        (p, TypeError, "put it in a list"),
        ({"params": [p]}, TypeError, "put it in a list"),
        ({p}, TypeError, "set"),
        ([{"params": {p}}], TypeError, "set"),
        ([p * 2], ValueError, "no leaf"),
        ([p, 3.0], TypeError, "float"),
        ([np.zeros(2)], TypeError, "ndarray"),
        ([p, p], ValueError, "twice"),
        ([{"params": [p]}, {"params": [leaf(), p]}], ValueError, "more than one"),
    ]:
        with pytest.raises(error, match=message):
            cls(given)


def test_accepts_generators_single_tensors_in_groups_and_names(device):
    a, b, c = leaf(device), leaf(device), leaf(device)
    optimizer = optim.SGD((p for p in (a, b)), lr=0.1)
    assert [id(p) for p in optimizer.param_groups[0]["params"]] == [id(a), id(b)]
    named = optim.SGD([("weight", a), ("bias", b)], lr=0.1)
    assert named.param_groups[0]["param_names"] == ["weight", "bias"]
    assert named.param_groups[0]["params"][0] is a
    groups = optim.SGD([{"params": a}, {"params": iter([b, c]), "lr": 0.5}], lr=0.1)
    assert [len(group["params"]) for group in groups.param_groups] == [1, 2]
    for p in (a, b, c):
        p.grad = minigrad.ones_like(p)
    groups.step()
    assert a.tolist() == pytest.approx([0.9] * 2) and c.tolist() == [0.5] * 2


def test_a_leaf_without_gradient_and_integers_are_left_alone(device):
    fixed, whole, p = minigrad.ones(2, device=device), minigrad.arange(3, device=device), leaf(device)
    optimizer = optim.RMSprop([fixed, whole, p], weight_decay=0.1)
    p.grad = minigrad.ones_like(p)
    optimizer.step()
    assert fixed.tolist() == [1, 1] and whole.tolist() == [0, 1, 2] and p.tolist() != [1, 1]


# --- groups --------------------------------------------------------------------------------------------------


def test_weight_decay_and_learning_rate_by_group(device):
    a, b, c = (minigrad.ones(1, device=device, requires_grad=True) for _ in range(3))
    optimizer = optim.SGD([{"params": [a], "weight_decay": 0.5}, {"params": [b], "lr": 1.0}, {"params": [c]}], lr=0.1)
    for p in (a, b, c):
        p.grad = minigrad.full_like(p, 0.25)
    optimizer.step()
    assert [p.item() for p in (a, b, c)] == pytest.approx([1 - 0.1 * 0.75, 1 - 0.25, 1 - 0.1 * 0.25])


@pytest.mark.parametrize("kind", KINDS)
def test_a_group_added_after_steps(kind, device):
    """The new parameters start from the first step, the others go on."""
    params = parameters(device)
    optimizer = KINDS[kind](params[:2])
    apart = parameters(device)
    first, second = KINDS[kind](apart[:2]), KINDS[kind](apart[2:])
    for step in range(5):
        if step == 2:
            optimizer.add_param_group({"params": params[2:]})
        give_gradients(params, step)
        give_gradients(apart, step)
        optimizer.step()
        first.step()
        if step >= 2:
            second.step()
    for p, q in zip(params, apart):
        np.testing.assert_array_equal(values(p), values(q))


def test_groups_exchanged_between_steps(device):
    """Another dict in its place, and another order: options and state go with the group and the parameter."""

    def run(how):
        params = parameters(device)
        optimizer = optim.SGD([{"params": params[:3]}, {"params": params[3:], "lr": 0.2}], lr=0.1, momentum=0.9)
        for step in range(4):
            if step == 2 and how == "dict":
                optimizer.param_groups[0] = {**optimizer.param_groups[0], "lr": 0.5}
            elif step == 2 and how == "order":
                optimizer.param_groups.reverse()
                optimizer.param_groups[1]["lr"] = 0.5
            elif step == 2:
                optimizer.param_groups[0]["lr"] = 0.5
            give_gradients(params, step)
            optimizer.step()
        return params

    expected = [values(p) for p in run("number")]
    for how in ("dict", "order"):
        for p, e in zip(run(how), expected):
            np.testing.assert_array_equal(values(p), e)


def test_a_group_must_be_a_dict():
    with pytest.raises(TypeError, match='must be a dict with "params", got list'):
        optim.SGD([leaf()]).add_param_group([leaf()])


def test_hyperparameters_changed_between_steps(device):
    p = minigrad.zeros(1, device=device, requires_grad=True)
    optimizer = optim.SGD([p], lr=1.0)
    group = optimizer.param_groups[0]
    seen = []
    for changes in ({}, {"lr": 0.5}, {"maximize": True}, {"maximize": False, "momentum": 0.5}, {}, {"momentum": 0.0}):
        group.update(changes)
        p.grad = minigrad.ones_like(p)
        before = p.item()
        optimizer.step()
        seen.append(p.item() - before)
    assert seen == [-1.0, -0.5, 0.5, -0.5, -0.75, -0.5]


def test_the_printed_form_shows_the_options():
    text = repr(optim.SGD([leaf()], lr=0.1, momentum=0.9))
    assert text.startswith("SGD (\nParameter Group 0\n") and text.endswith(")")
    assert "    lr: 0.1\n" in text and "    momentum: 0.9\n" in text


# --- zero_grad, closure, hooks, versions ---------------------------------------------------------------------


def test_zero_grad_both_ways(device):
    params = parameters(device)
    optimizer = optim.SGD(params, lr=0.1)
    give_gradients(params, 0, without=(1,))
    optimizer.zero_grad(set_to_none=False)
    assert params[1].grad is None
    for k, p in enumerate(params):
        if k != 1:
            assert p.grad.shape == p.shape and p.grad.dtype == p.dtype and not values(p.grad).any()
    optimizer.zero_grad()
    assert all(p.grad is None for p in params)


def test_closure(device):
    p = minigrad.full((1,), 3.0, device=device, requires_grad=True)
    optimizer = optim.SGD([p], lr=0.25)

    def closure():
        optimizer.zero_grad()
        loss = (p**2).sum()
        loss.backward()
        return loss

    with minigrad.no_grad():  # the closure records all the same
        loss = optimizer.step(closure)
    assert loss.item() == 9.0 and p.item() == 1.5
    assert optimizer.step() is None


def test_a_look_ahead_needs_a_closure_and_leaves_no_trace(device):
    """The closure sees the parameters at p + mu v; whatever it does, they are at p again afterwards."""
    p = minigrad.full((2,), 4.0, device=device, requires_grad=True)
    optimizer = optim.NAG([p], lr=0.125, momentum=0.5, form="lookahead")
    with pytest.raises(ValueError, match=r'form="lookahead".*closure.*form="reformulated"'):
        optimizer.step()
    seen = []

    def closure():
        optimizer.zero_grad()
        seen.append(p.tolist()[0])
        loss = (p**2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 32.0 and p.tolist() == [3.0, 3.0]
    optimizer.step(closure)
    assert seen == [4.0, 2.5]  # v is -1
    before, version = values(p), p._version

    def failing():
        closure()
        raise KeyError("data")

    with pytest.raises(KeyError, match="data"):
        optimizer.step(failing)
    np.testing.assert_array_equal(values(p), before)
    assert p._version > version and optimizer.state_dict()["state"].keys() == {0}


def test_hooks_run_before_and_after(device):
    p = leaf(device)
    optimizer = optim.SGD([p], lr=1.0)
    p.grad = minigrad.ones_like(p)
    seen = []
    before = optimizer.register_step_pre_hook(lambda o, args, kw: seen.append(("before", o is optimizer, p.tolist())))
    after = optimizer.register_step_post_hook(lambda o, args, kw: seen.append(("after", o is optimizer, p.tolist())))
    optimizer.step()
    assert seen == [("before", True, [1.0, 1.0]), ("after", True, [0.0, 0.0])]
    before.remove()
    after.remove()
    optimizer.step()
    assert len(seen) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_is_an_in_place_change(kind, device):
    """An array that the graph has saved and the optimizer changed since is found out."""
    w = minigrad.ones(3, 3, device=device, requires_grad=True)
    optimizer = KINDS[kind]([w, *parameters(device)])
    loss = (w * w).sum()
    version = w._version
    w.grad = minigrad.ones_like(w)
    optimizer.step()
    assert w._version == version + 1
    with pytest.raises(RuntimeError, match=f"changed in place afterwards, by {type(optimizer).__name__}.step"):
        loss.backward()


def test_a_gradient_that_does_not_fit_says_so(device):
    p = leaf(device)
    optimizer = optim.SGD([p, leaf(device)], lr=0.1)
    p.grad = minigrad.ones_like(p)
    p.data = p.data.double()
    with pytest.raises(RuntimeError, match=r"float64 and shape \(2,\) .* gradient of float32"):
        optimizer.step()
    p.data = minigrad.ones(3, device=device)
    with pytest.raises(RuntimeError, match=r"shape \(3,\) .* \(2,\)"):
        optimizer.step()


def test_a_gradient_left_on_another_device_says_so():
    p = leaf()
    optimizer = optim.SGD([p, leaf()], lr=0.1)
    p.grad = minigrad.ones_like(p)
    p.data = p.data.cuda()
    with pytest.raises(RuntimeError, match=r"on cuda:0 has a gradient .* on cpu"):
        optimizer.step()
