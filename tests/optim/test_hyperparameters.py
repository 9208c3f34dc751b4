"""Hyperparameters: numbers or schedules, in groups or as attributes, at any time."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from optim_helpers import KINDS, give_gradients, parameters, same_bits, values

import minigrad
from minigrad import optim

#: option -> a schedule that suits every algorithm that has it
SCHEDULES = {
    "lr": lambda t: 0.1 / t,
    "weight_decay": lambda t: 0.01 * t,
    "momentum": lambda t: 1 - 1 / (t + 1),
    "dampening": lambda t: 0.1 * t,
    "alpha": lambda t: 1 - 1 / (t + 2),
    "eps": lambda t: 0.01 / t,
    "lr_decay": lambda t: 0.1 * t,
    "rho": lambda t: 1 - 1 / (t + 2),
    "lambd": lambda t: 0.01 * t,
    "t0": lambda t: 5 - t,
    "momentum_decay": lambda t: 0.1 * t,
    "betas": (lambda t: 1 - 1 / (t + 2), lambda t: 0.9 + 0.01 * t),
    "etas": (0.5, lambda t: 1.1 + 0.1 * t),
    "step_sizes": (lambda t: 0.01 * t, 1.0),
}


def at(schedule, t):
    if isinstance(schedule, tuple):
        return tuple(at(part, t) for part in schedule)
    return schedule(t) if callable(schedule) else schedule


def scheduled_options(optimizer):
    group = optimizer.param_groups[0]
    chosen = {name: schedule for name, schedule in SCHEDULES.items() if name in group}
    if not group.get("momentum"):  # without a buffer it stays without
        chosen.pop("momentum", None)
    if group.get("nesterov"):
        del chosen["dampening"]
    return chosen


@pytest.mark.parametrize("kind", KINDS)
def test_a_schedule_is_the_number_set_before_each_step(kind, device):
    """To the last bit: every option at once, and one by one."""

    def run(names, how):
        params = parameters(device)
        optimizer = KINDS[kind](params)
        schedules = {name: schedule for name, schedule in scheduled_options(optimizer).items() if name in names}
        for t in range(1, 6):
            for name, schedule in schedules.items():
                if how == "schedule":
                    if t == 1:
                        setattr(optimizer, name, schedule)
                elif how == "attribute":
                    setattr(optimizer, name, at(schedule, t))
                else:
                    optimizer.param_groups[0][name] = at(schedule, t)
            give_gradients(params, t)
            optimizer.step()
        return params

    names = list(scheduled_options(KINDS[kind](parameters())))
    assert "lr" in names
    for some in [names, *([name] for name in names)]:
        track = run(some, "schedule")
        assert same_bits(track, run(some, "group")), some
        assert same_bits(track, run(some, "attribute")), some
    assert not same_bits(run(names, "schedule"), run([], "group"))


@pytest.mark.parametrize("kind", ["momentum", "rmsprop-momentum", "sgd-inside", "rmsprop-inside"])
def test_a_momentum_that_a_schedule_starts_at_zero(kind, device):
    """Its buffer keeps the meaning that it has: with the learning rate inside it, too."""
    params, start = parameters(device, dtype=minigrad.float64), parameters(dtype=minigrad.float64)
    optimizer = KINDS[kind](params)
    optimizer.momentum = lambda t: 0.0 if t == 1 else 0.9
    single = KINDS[kind](start)
    single.momentum = 1e-300
    for step in range(3):
        for some in (params, start):
            give_gradients(some, step)
        optimizer.step()
        single.step()
        single.momentum = 0.9
    for p, q in zip(params, start):
        np.testing.assert_allclose(values(p), values(q), rtol=1e-12)


def test_a_schedule_is_any_function_of_the_step():
    class Falling:
        def __call__(self, t):
            return 1.0 / t

    for schedule in (Falling(), functools.partial(lambda a, t: a / t, 1.0), lambda t: minigrad.tensor(1.0) / t,
                     lambda t: np.float32(1) / t):  # fmt: skip
        p = minigrad.zeros(1, requires_grad=True)
        optimizer = optim.SGD([p], lr=schedule)
        for _ in range(3):
            p.grad = -minigrad.ones_like(p)
            optimizer.step()
        assert p.item() == pytest.approx(1 + 1 / 2 + 1 / 3)


def test_the_step_is_the_parameters_own():
    """t counts the steps that a parameter has had: one that had no gradient has had none."""
    seen = []
    a, b = (minigrad.zeros(1, requires_grad=True) for _ in range(2))
    optimizer = optim.SGD([a, b], lr=lambda t: seen.append(t) or float(t))
    for step in range(4):
        a.grad, b.grad = -minigrad.ones_like(a), -minigrad.ones_like(b) if step >= 2 else None
        optimizer.step()
    assert a.item() == 1 + 2 + 3 + 4 and b.item() == 1 + 2
    assert set(seen) == {1, 2, 3, 4}


def test_the_momentum_of_sutskever():
    """min(1 - 2^(-1 - log2(floor(t / 250) + 1)), mu_max)."""

    def mu(t):
        return min(1 - 2 ** (-1 - math.log2(t // 250 + 1)), 0.99)

    assert [mu(t) for t in (1, 249, 250, 500, 1000)] == pytest.approx([0.5, 0.5, 0.75, 5 / 6, 0.9])
    p = minigrad.ones(1, dtype=minigrad.float64, requires_grad=True)
    optimizer = optim.NAG([p], lr=0.001, momentum=mu, convention="sutskever2013")
    point, velocity = 1.0, 0.0

    def closure():
        optimizer.zero_grad()
        loss = (p**2).sum()
        loss.backward()
        return loss

    for t in range(1, 601):
        optimizer.step(closure)
        velocity = mu(t) * velocity - 0.001 * 2 * (point + mu(t) * velocity)
        point += velocity
    assert p.item() == pytest.approx(point, rel=1e-10)


# --- as attributes -------------------------------------------------------------------------------------------


def two_groups(cls=optim.RMSprop, **options):
    a, b = (minigrad.ones(2, requires_grad=True) for _ in range(2))
    return cls([{"params": [a], "lr": 0.5}, {"params": [b]}], **{"lr": 0.1, **options})


def test_an_attribute_sets_every_group_and_those_to_come():
    optimizer = two_groups()
    optimizer.lr = 0.25
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.25] and optimizer.learning_rate == 0.25
    optimizer.learning_rate = 0.125
    optimizer.alpha = 0.5
    optimizer.add_param_group({"params": [minigrad.ones(2, requires_grad=True)]})
    assert [(group["lr"], group["alpha"]) for group in optimizer.param_groups] == [(0.125, 0.5)] * 3
    assert optimizer.lr == 0.125 and optimizer.alpha == 0.5


def test_groups_that_differ_have_no_common_value():
    optimizer = two_groups()
    for name in ("lr", "learning_rate"):
        with pytest.raises(ValueError, match=r"RMSprop have different lr: \[0.5, 0.1\].*param_groups\[0\]\['lr'\]"):
            getattr(optimizer, name)
    assert optimizer.alpha == 0.99


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("lr", -1.0, "Invalid learning rate: -1.0"), ("learning_rate", float("nan"), "Invalid learning rate: nan"),
        ("alpha", 1.0, "Invalid alpha value: 1.0"), ("eps", "small", "Invalid epsilon value: 'small'"),
        ("eps_mode", "between", "Invalid eps_mode: 'between'"), ("centered", 0.5, "Invalid centered: 0.5"),
        ("initial_accumulator_value", lambda t: 1.0, "Invalid initial_accumulator_value"),
        ("maximize", lambda t: True, "Invalid maximize"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_and_nothing_is_set(name, wrong, message):
    optimizer = two_groups()
    before = [dict(group) for group in optimizer.param_groups]
    with pytest.raises(ValueError, match=message):
        setattr(optimizer, name, wrong)
    assert [dict(group) for group in optimizer.param_groups] == before


def test_options_that_an_algorithm_does_not_have():
    optimizer = optim.ASGD([minigrad.ones(2, requires_grad=True)])
    assert not hasattr(optimizer, "momentum") and not hasattr(optimizer, "sparse")
    with pytest.raises(AttributeError, match="ASGD has no option 'sparse'"):
        optimizer.sparse = "lazy"


def test_an_optimizer_written_for_pytorch_may_have_attributes_of_these_names():
    class ByHand(optim.Optimizer):
        def __init__(self, params, lr=0.1):
            self.lr = lr
            super().__init__(params, {"lr": lr, "power": 2})

    optimizer = ByHand([minigrad.ones(2, requires_grad=True)], lr=0.5)
    assert optimizer.lr == 0.5
    optimizer.lr = 0.25
    assert optimizer.param_groups[0]["lr"] == 0.25


# --- wrong numbers from schedules ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cls", "options", "message"),
    [
        (optim.SGD, {"lr": lambda t: 3.5 - t}, "Invalid learning rate: -0.5, given by its schedule at step 4"),
        (optim.SGD, {"momentum": lambda t: 3.5 - t}, "Invalid momentum value: -0.5, given by .* at step 4"),
        (optim.RMSprop, {"alpha": lambda t: 0.25 * t}, "Invalid alpha value: 1.0, given by .* at step 4"),
        (optim.Adam, {"betas": (lambda t: 0.25 * t, 0.9)}, "Invalid beta parameter at index 0: 1.0, .* at step 4"),
        (optim.Adagrad, {"eps": lambda t: "x" if t == 4 else 1}, "Invalid epsilon value: 'x' .* at step 4"),
        (optim.Adadelta, {"rho": lambda t: float("nan") if t == 4 else 0.9}, "Invalid rho value: nan, .* at step 4"),
        (optim.Lion, {"weight_decay": lambda t: 3.5 - t}, "Invalid weight_decay value: -0.5, .* at step 4"),
    ],
)
def test_a_wrong_number_from_a_schedule_names_the_step(cls, options, message, device):
    params = parameters(device)
    optimizer = cls([{"params": params[:2]}, {"params": params[2:], **options}])  # the first group is fine
    for step in range(4):
        give_gradients(params, step)
        if step < 3:
            optimizer.step()
    before = [values(p) for p in params]
    with pytest.raises(ValueError, match=message):
        optimizer.step()
    for p, b in zip(params, before):
        np.testing.assert_array_equal(values(p), b)
    name = next(iter(options))
    optimizer.param_groups[1][name] = (0.5, 0.5) if name == "betas" else 0.5
    optimizer.step()  # and on it goes
    assert not np.array_equal(values(params[0]), before[0]) and not np.array_equal(values(params[2]), before[2])


def test_a_pair_must_be_two_numbers():
    p = minigrad.ones(2, requires_grad=True)
    for wrong in (0.9, (0.9,), (0.9, 0.9, 0.9), "ab", (0.9, "x"), (0.9, 1.0), (-0.1, 0.9)):
        with pytest.raises(ValueError, match="Invalid beta parameter"):
            optim.Adam([p], betas=wrong)
    optimizer = optim.Adam([p], betas=[lambda t: 0.5, 0.9])  # a list, as from JSON
    p.grad = minigrad.ones_like(p)
    optimizer.step()
    assert values(optimizer.state[p]["exp_avg"]) == pytest.approx(0.5)


# --- schedules and saved state -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_run_goes_on_with_its_schedules(kind, device):
    """The step that they are given is saved, also where PyTorch's state of the algorithm has no "step"."""

    def lr(t):
        return 0.1 / t

    def moved(make, params, first, last):
        optimizer = make(params)
        for step in range(first, last):
            give_gradients(params, step)
            optimizer.step()
        return optimizer

    def make(params):
        optimizer = KINDS[kind](params)
        optimizer.lr = lr
        return optimizer

    through, halfway = parameters(device), parameters(device)
    moved(make, through, 0, 6)
    saved = moved(make, halfway, 0, 3).state_dict()

    def resumed(params):
        optimizer = make(params)
        optimizer.load_state_dict(saved)
        return optimizer

    moved(resumed, halfway, 3, 6)
    assert same_bits(through, halfway)
