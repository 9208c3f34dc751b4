"""What an optimizer accepts and refuses: parameters, groups, options; and zero_grad, closure, hooks, versions."""

from __future__ import annotations

import numpy as np
import pytest
from optim_helpers import KINDS, give_gradients, parameters, values

import minigrad
from minigrad import optim
from minigrad.optim import Optimizer

CLASSES = [
    optim.SGD, optim.Momentum, optim.NAG, optim.Adagrad, optim.RMSprop, optim.RMSpropGraves, optim.Adam, optim.AdamW,
    optim.Adamax, optim.NAdam, optim.RAdam, optim.Adadelta, optim.Rprop, optim.ASGD, optim.Lion, optim.SMORMS3,
]  # fmt: skip


def leaf(device="cpu"):
    return minigrad.ones(2, device=device, requires_grad=True)


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


# --- options -------------------------------------------------------------------------------------------------

INVALID = [
    (optim.SGD, {"lr": -0.1}, "Invalid learning rate: -0.1"),
    (optim.SGD, {"momentum": -0.5}, "Invalid momentum value: -0.5"),
    (optim.SGD, {"weight_decay": -1}, "Invalid weight_decay value: -1"),
    (optim.SGD, {"nesterov": True}, "Nesterov momentum requires a momentum and zero dampening"),
    (optim.SGD, {"nesterov": True, "momentum": 0.9, "dampening": 0.5}, "Nesterov momentum requires"),
    (optim.Momentum, {"lr": -1}, "Invalid learning rate: -1"),
    (optim.Momentum, {"momentum": 1.0}, "Invalid momentum value: 1.0"),
    (optim.Momentum, {"momentum": -0.1}, "Invalid momentum value: -0.1"),
    (optim.Momentum, {"weight_decay": -1}, "Invalid weight_decay value: -1"),
    (optim.NAG, {"lr": -1}, "Invalid learning rate: -1"),
    (optim.NAG, {"momentum": 1.5}, "Invalid momentum value: 1.5"),
    (optim.NAG, {"weight_decay": -1}, "Invalid weight_decay value: -1"),
    (optim.Adagrad, {"lr": -1}, "Invalid learning rate: -1"),
    (optim.Adagrad, {"lr_decay": -0.5}, "Invalid lr_decay value: -0.5"),
    (optim.Adagrad, {"weight_decay": -0.5}, "Invalid weight_decay value: -0.5"),
    (optim.Adagrad, {"initial_accumulator_value": -1}, "Invalid initial_accumulator_value value: -1"),
    (optim.Adagrad, {"eps": -1}, "Invalid epsilon value: -1"),
    (optim.Adagrad, {"eps_mode": "between"}, "Invalid eps_mode.*between"),
    (optim.RMSprop, {"lr": -1}, "Invalid learning rate: -1"),
    (optim.RMSprop, {"eps": -1}, "Invalid epsilon value: -1"),
    (optim.RMSprop, {"momentum": -1}, "Invalid momentum value: -1"),
    (optim.RMSprop, {"weight_decay": -1}, "Invalid weight_decay value: -1"),
    (optim.RMSprop, {"alpha": -0.1}, "Invalid alpha value: -0.1"),
    (optim.RMSprop, {"alpha": 1.0}, "Invalid alpha value: 1.0"),
    (optim.RMSprop, {"eps_mode": None}, "Invalid eps_mode"),
    (optim.RMSprop, {"centered_mode": "both"}, "Invalid centered_mode: 'both'.*'recurrence', 'textbook'"),
    (optim.RMSprop, {"initial_accumulator_value": -1}, "Invalid initial_accumulator_value value: -1"),
    (optim.RMSprop, {"sparse": "no"}, "Invalid sparse: 'no'.*'exact', 'lazy'"),
    (optim.SGD, {"first_step": "ones"}, "Invalid first_step: 'ones'.*'copy', 'zeros'"),
    (optim.SGD, {"lr_in_velocity": "yes"}, "Invalid lr_in_velocity: 'yes'.*True, False"),
    (optim.SGD, {"decoupled_weight_decay": None}, "Invalid decoupled_weight_decay"),
    (optim.SGD, {"nesterov": True, "momentum": 0.9, "dampening": lambda t: 0.0}, "Nesterov momentum requires"),
    (optim.NAG, {"form": "ahead"}, "Invalid form: 'ahead'.*'reformulated', 'lookahead'"),
    (optim.NAG, {"momentum_order": "newest"}, "Invalid momentum_order: 'newest'.*'old', 'new'"),
    (optim.Adam, {"betas": (0.9, 1.0)}, "Invalid beta parameter at index 1: 1.0"),
    (optim.Adam, {"betas": (-0.1, 0.9)}, "Invalid beta parameter at index 0: -0.1"),
    (optim.Adam, {"eps": -1}, "Invalid epsilon value: -1"),
    (optim.Adam, {"eps_mode": "both"}, "Invalid eps_mode: 'both'"),
    (optim.AdamW, {"weight_decay": -1}, "Invalid weight_decay value: -1"),
    (optim.Adamax, {"eps_mode": "none"}, "Invalid eps_mode: 'none'"),
    (optim.NAdam, {"momentum_decay": -1}, "Invalid momentum_decay value: -1"),
    (optim.RAdam, {"betas": (1.0, 0.9)}, "Invalid beta parameter at index 0: 1.0"),
    (optim.Adadelta, {"rho": 1.0}, "Invalid rho value: 1.0"),
    (optim.Adadelta, {"rho": -0.1}, "Invalid rho value: -0.1"),
    (optim.Rprop, {"etas": (0.5, 0.9)}, "Invalid eta values: 0.5, 0.9"),
    (optim.Rprop, {"etas": (1.1, 1.2)}, "Invalid eta values: 1.1, 1.2"),
    (optim.ASGD, {"lr": -1}, "Invalid learning rate: -1"),
    (optim.Lion, {"betas": (0.9, 1.5)}, "Invalid beta parameter at index 1: 1.5"),
    (optim.SMORMS3, {"eps": -1e-8}, "Invalid epsilon value: -1e-08"),
    (optim.RMSpropGraves, {"momentum": -1}, "Invalid momentum value: -1"),
]


@pytest.mark.parametrize(("cls", "options", "message"), INVALID)
def test_invalid_options_are_value_errors(cls, options, message):
    with pytest.raises(ValueError, match=message):
        cls([leaf()], **options)
    with pytest.raises(ValueError, match=message):
        cls([{"params": [leaf()], **options}])
    optimizer = cls([leaf()])
    with pytest.raises(ValueError, match=message):
        optimizer.add_param_group({"params": [leaf()], **options})
    assert len(optimizer.param_groups) == 1


@pytest.mark.parametrize("cls", CLASSES)
def test_nan_is_no_learning_rate(cls):
    with pytest.raises(ValueError, match="Invalid learning rate: nan"):
        cls([leaf()], lr=float("nan"))


def test_options_of_pytorch_that_change_nothing_are_accepted():
    optim.SGD([leaf()], 0.1, foreach=True, fused=None)
    optim.Adagrad([leaf()], 0.1, 0.0, 0.0, 0.0, 1e-10, None, fused=False)
    optim.RMSprop([leaf()], 0.1, 0.9, 1e-8, 0.0, 0.9, False, False, None, differentiable=False)
    optim.Adam([leaf()], 0.1, (0.9, 0.99), 1e-8, 0.0, True, foreach=False, fused=True, capturable=False)


def test_a_tensor_as_learning_rate(device):
    p = leaf(device)
    optimizer = optim.SGD([p], lr=minigrad.tensor(0.5, device=device))
    p.grad = minigrad.ones_like(p)
    optimizer.step()
    assert p.tolist() == [0.5, 0.5]


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


def test_a_group_must_be_a_dict():
    with pytest.raises(TypeError, match="must be a dict, got list"):
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


# --- an optimizer of one's own -------------------------------------------------------------------------------


class Signed(Optimizer):
    """By the rule: p <- p - lr sign(g), with the count of steps in a slot."""

    def __init__(self, params, lr=0.1):
        super().__init__(params, {"lr": lr})

    def slots(self, group):
        return {"count": 1.0}

    def scalars(self, group, t):
        return {"lr": group["lr"], "t": t}

    def update(self, xp, p, g, state, lr, t):
        state["count"] += t
        p -= lr * xp.sign(g)


class ByHand(Optimizer):
    """As one writes it for PyTorch: its own step, its own state."""

    def __init__(self, params, lr=0.1):
        super().__init__(params, {"lr": lr})

    @minigrad.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if len(state) == 0:
                    state["step"] = 0
                    state["memory"] = minigrad.zeros_like(p)
                state["step"] += 1
                state["memory"].mul_(0.5).add_(p.grad)
                p.data.add_(state["memory"], alpha=-group["lr"])


def test_an_algorithm_of_ones_own(device):
    params = parameters(device)
    start = [values(p) for p in params]
    optimizer = Signed(params)
    for _ in range(3):
        give_gradients(params, 0)
        optimizer.step()
    for p, before in zip(params, start):
        np.testing.assert_allclose(values(p), before - 0.3 * np.sign(values(p.grad)), rtol=1e-4, atol=1e-6)
        assert (values(optimizer.state[p]["count"]) == 1 + 1 + 2 + 3).all()


def test_an_optimizer_written_for_pytorch(device):
    params = parameters(device)
    optimizer = ByHand(params)
    for step in range(3):
        give_gradients(params, step)
        optimizer.step()
    fresh = ByHand(params)
    fresh.load_state_dict(optimizer.state_dict())
    for p in params:
        assert fresh.state[p]["step"] == 3
        np.testing.assert_array_equal(values(fresh.state[p]["memory"]), values(optimizer.state[p]["memory"]))
