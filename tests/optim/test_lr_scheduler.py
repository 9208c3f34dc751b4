"""Schedulers: sequences worked out by hand, any hyperparameter, errors, new groups, and the recorded step."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scheduler_helpers import COMPOSED, KINDS, rates, sgd

import minigrad
from minigrad import optim
from minigrad.optim import lr_scheduler as of

half = math.sqrt(0.5)
SEQUENCES = {
    "step": (lambda o: of.StepLR(o, 2, 0.5), [1, 1, 0.5, 0.5, 0.25, 0.25]),
    "milestones, one twice": (lambda o: of.MultiStepLR(o, [1, 3, 3], 0.5), [1, 0.5, 0.5, 0.125, 0.125]),
    "constant": (lambda o: of.ConstantLR(o, 0.25, 2), [0.25, 0.25, 1, 1]),
    "constant, of nothing": (lambda o: of.ConstantLR(o, 0.0, 2), [0, 0, 1, 1]),
    "linear": (lambda o: of.LinearLR(o, 0.5, 1.0, 2), [0.5, 0.75, 1, 1]),
    "linear, no epochs": (lambda o: of.LinearLR(o, 0.5, 1.0, 0), [1, 1, 1]),
    "exponential": (lambda o: of.ExponentialLR(o, 0.5), [1, 0.5, 0.25, 0.125]),
    "polynomial": (lambda o: of.PolynomialLR(o, 4, 2), [1, 9 / 16, 4 / 16, 1 / 16, 0, 0]),
    "cosine": (
        lambda o: of.CosineAnnealingLR(o, 4, 0.5),
        [1, 0.75 + half / 4, 0.75, 0.75 - half / 4, 0.5, 0.75 - half / 4, 0.75, 0.75 + half / 4, 1, 0.75 + half / 4],
    ),
    "restarts": (lambda o: of.CosineAnnealingWarmRestarts(o, 2), [1, 0.5, 1, 0.5, 1]),
    "longer restarts": (
        lambda o: of.CosineAnnealingWarmRestarts(o, 1, 2),
        [1, 1, 0.5, 1, 0.5 + half / 2, 0.5, 0.5 - half / 2, 1],
    ),
    "lambda": (lambda o: of.LambdaLR(o, lambda t: t + 1), [1, 2, 3, 4]),
    "multiplicative": (lambda o: of.MultiplicativeLR(o, lambda t: t), [1, 1, 2, 6, 24]),
    "triangle": (lambda o: of.CyclicLR(o, 1, 3, 2, 1), [1, 2, 3, 1, 2, 3, 1]),
    "halved triangle": (lambda o: of.CyclicLR(o, 1, 3, 1, 1, "triangular2"), [1, 3, 1, 2, 1, 1.5, 1]),
    "shrinking triangle": (lambda o: of.CyclicLR(o, 1, 3, 1, 1, "exp_range", 0.5), [1, 2, 1, 1.25, 1]),
    "triangle of one's own": (lambda o: of.CyclicLR(o, 1, 3, 1, 1, scale_fn=lambda c: c), [1, 3, 1, 5, 1, 7]),
    "one cycle": (
        lambda o: of.OneCycleLR(
            o, 4.0, 9, pct_start=3 / 9, anneal_strategy="linear", div_factor=4.0, final_div_factor=1.0
        ),
        [1, 2.5, 4, 3.5, 3, 2.5, 2, 1.5, 1],
    ),
    "one cycle, three phases": (
        lambda o: of.OneCycleLR(
            o, 4.0, 8, pct_start=3 / 8, anneal_strategy="linear", div_factor=2.0, final_div_factor=2.0, three_phase=True
        ),
        [2, 3, 4, 3, 2, 2 - 1 / 3, 2 - 2 / 3, 1],
    ),
    "one cycle, no way up": (
        lambda o: of.OneCycleLR(o, 4.0, 10, pct_start=0.1, anneal_strategy="linear", final_div_factor=0.04), [4, 4, 4]
    ),
    "sequence": (
        lambda o: of.SequentialLR(
            o, [of.LinearLR(o, 0.5, 1.0, 2), of.ExponentialLR(o, 0.5), of.StepLR(o, 1, 2)], [2, 4]
        ),
        [0.5, 0.75, 1, 0.5, 1, 2, 4],
    ),
    "chain": (
        lambda o: of.ChainedScheduler([of.ConstantLR(o, 0.25, 2), of.StepLR(o, 1, 0.5)]), [0.25, 0.125, 0.25, 0.125]
    ),
    "chain after a warm-up": (
        lambda o: of.SequentialLR(
            o, [of.LinearLR(o, 0.5, 1.0, 2), of.ChainedScheduler([of.StepLR(o, 2, 0.5), of.ExponentialLR(o, 0.5)])], [2]
        ),
        [0.5, 0.75, 1, 0.5, 0.125, 0.0625],
    ),
    "sequence after a warm-up": (
        lambda o: of.SequentialLR(
            o, [of.ConstantLR(o, 0.5, 2), of.SequentialLR(o, [of.StepLR(o, 1, 0.5), of.StepLR(o, 1, 0.1)], [2])], [2]
        ),
        [0.5, 0.5, 1, 0.5, 1, 0.1],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SEQUENCES)
def test_sequences_by_hand(name):
    make, expected = SEQUENCES[name]
    optimizer = sgd(momentum=0.9, groups=2)
    scheduler = make(optimizer)
    assert scheduler.preview(len(expected)) == pytest.approx(expected, abs=1e-14)
    assert rates(optimizer, scheduler, len(expected)) == pytest.approx(expected, abs=1e-14)


def test_momentum_goes_the_other_way():
    optimizer = sgd(momentum=0.9)
    found = rates(optimizer, of.CyclicLR(optimizer, 1, 2, 2, base_momentum=0.5, max_momentum=0.75), 5, name="momentum")
    assert found == pytest.approx([0.75, 0.625, 0.5, 0.625, 0.75])
    optimizer = optim.Adam([minigrad.zeros(1, requires_grad=True)], betas=(0.8, 0.99))
    scheduler = of.OneCycleLR(
        optimizer, 1.0, 9, pct_start=3 / 9, anneal_strategy="linear", base_momentum=0.5, max_momentum=0.75
    )
    found = rates(optimizer, scheduler, 9, name="betas")
    assert [second for _, second in found] == [0.99] * 9
    assert [first for first, _ in found] == pytest.approx([0.75, 0.625, 0.5] + [0.5 + k / 24 for k in range(1, 7)])


def test_no_rounding_adds_up():
    """A rate that nobody else changes comes from the initial one: after a full period it is that one, to the bit."""
    optimizer = sgd(0.1)
    found = rates(optimizer, of.CosineAnnealingLR(optimizer, 500), 1001)
    assert found[1000] == found[0] == 0.1 and found[500] == 0.0
    optimizer = sgd(0.1)
    assert rates(optimizer, of.ExponentialLR(optimizer, 0.99), 301)[300] == 0.1 * 0.99**300


def test_one_scheduler_after_another():
    """A second one starts from the same initial rate, or from a rate of its own."""
    optimizer = sgd(1.0, momentum=0.9)
    first = of.StepLR(optimizer, 1, 0.5)
    rates(optimizer, first, 3)
    assert rates(optimizer, of.LambdaLR(optimizer, lambda t: 1 / (t + 1)), 3) == [1, 1 / 2, 1 / 3]
    assert rates(optimizer, of.CyclicLR(optimizer, 0.25, 0.5, 1), 4) == [0.25, 0.5, 0.25, 0.5]


def test_groups_have_their_own_rates():
    optimizer = sgd(1.0, groups=2)
    scheduler = of.LambdaLR(optimizer, [lambda t: 1.0, lambda t: 0.5**t])
    optimizer.step()
    scheduler.step()
    assert scheduler.get_last_lr() == [group["lr"] for group in optimizer.param_groups] == [1.0, 1.0]
    scheduler.get_last_lr().clear()
    assert scheduler.get_last_lr() == [1.0, 1.0]


@pytest.mark.parametrize("name", {**KINDS, **COMPOSED})
def test_preview_changes_nothing(name):
    optimizer, untouched = (sgd(momentum=0.9) for _ in range(2))
    scheduler, expected = ({**KINDS, **COMPOSED}[name](o) for o in (optimizer, untouched))
    found = []
    for _ in range(9):
        assert scheduler.preview(12)[0] == optimizer.param_groups[0]["lr"]
        found += rates(optimizer, scheduler, 1)
    assert found == rates(untouched, expected, 9)
    assert optimizer.param_groups[0] == {**untouched.param_groups[0], "params": optimizer.param_groups[0]["params"]}


def test_a_schedule_of_ones_own():
    class Halving(of._LRScheduler):
        def get_lr(self):
            return [base * 0.5**self.last_epoch for base in self.base_lrs]

    class Closed(of.LRScheduler):
        def get_lr(self):
            return [group["lr"] * 0.5 if self.last_epoch else group["lr"] for group in self.optimizer.param_groups]

        def _get_closed_form_lr(self):
            return [base * 0.5**self.last_epoch for base in self.base_lrs]

    for kind in (Halving, Closed):
        optimizer = sgd()
        scheduler = kind(optimizer)
        assert rates(optimizer, scheduler, 4) == [1, 0.5, 0.25, 0.125]
        scheduler.step(1)
        assert optimizer.param_groups[0]["lr"] == 0.5
    with pytest.raises(NotImplementedError):
        of.LRScheduler(sgd())


@pytest.mark.parametrize("name", [name for name in KINDS if name not in ("cyclic", "one cycle")])
def test_any_hyperparameter(name):
    """alpha of RMSprop, or momentum, moves as a rate of the same size would; the rate stays."""
    expected = sgd(0.5)
    expected = rates(expected, KINDS[name](expected), 8)
    optimizer = optim.RMSprop([minigrad.zeros(1, requires_grad=True)], lr=0.3, alpha=0.5)
    scheduler = KINDS[name](optimizer, hyperparameter="alpha")
    assert rates(optimizer, scheduler, 8, name="alpha") == expected
    assert optimizer.param_groups[0]["lr"] == 0.3
    assert optimizer.param_groups[0]["initial_alpha"] == 0.5 and "initial_lr" not in optimizer.param_groups[0]
    again = KINDS[name](optimizer, hyperparameter="alpha")
    again.load_state_dict(scheduler.state_dict())
    assert again.get_last_lr() == scheduler.get_last_lr()


def test_hyperparameters_side_by_side():
    optimizer = sgd(1.0, momentum=0.5)
    scheduler = of.ChainedScheduler(
        [of.StepLR(optimizer, 1, 0.5), of.LinearLR(optimizer, 0.5, 1.0, 2, hyperparameter="momentum")]
    )
    found = []
    for _ in range(4):
        found.append((optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]))
        optimizer.step()
        scheduler.step()
    assert found == [(1, 0.25), (0.5, 0.375), (0.25, 0.5), (0.125, 0.5)]


def test_a_hyperparameter_that_becomes_invalid():
    optimizer = optim.RMSprop([minigrad.zeros(1, requires_grad=True)], alpha=0.9)
    scheduler = of.ExponentialLR(optimizer, 1.2, hyperparameter="alpha")
    optimizer.step()
    with pytest.raises(ValueError, match="alpha"):
        scheduler.step()
    assert optimizer.param_groups[0]["alpha"] == 0.9


@pytest.mark.parametrize("name", ["Momentum", "Adam"])
def test_a_momentum_that_would_be_invalid(name):
    optimizer = getattr(optim, name)([minigrad.zeros(1, requires_grad=True)], lr=0.1)
    before = dict(optimizer.param_groups[0])
    for make in (
        lambda: of.CyclicLR(optimizer, 0.1, 0.2, max_momentum=1.5),
        lambda: of.OneCycleLR(optimizer, 0.1, 10, base_momentum=-0.5),
    ):
        with pytest.raises(ValueError, match=r"momentum|beta"):
            make()
        assert optimizer.param_groups[0] == before


# -- errors ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", {**KINDS, "plateau": of.ReduceLROnPlateau})
def test_a_rate_that_is_a_schedule_itself(name):
    optimizer = optim.SGD([minigrad.zeros(1, requires_grad=True)], lr=lambda t: 1 / t, momentum=0.9)
    with pytest.raises(TypeError, match=r"param_groups\[0\]\['lr'\] is a schedule itself"):
        {**KINDS, "plateau": of.ReduceLROnPlateau}[name](optimizer)
    assert callable(optimizer.param_groups[0]["lr"]) and "initial_lr" not in optimizer.param_groups[0]


def test_what_cannot_be_scheduled():
    with pytest.raises(ValueError, match="SGD has no hyperparameter 'alpha': it has lr, momentum"):
        of.StepLR(sgd(), 3, hyperparameter="alpha")
    with pytest.raises(TypeError, match="must be a number"):
        of.StepLR(optim.Adam([minigrad.zeros(1, requires_grad=True)]), 3, hyperparameter="betas")
    optimizer = optim.SGD([minigrad.zeros(1, requires_grad=True)], momentum=lambda t: 0.5)
    for make in (lambda: of.CyclicLR(optimizer, 1, 2), lambda: of.OneCycleLR(optimizer, 1.0, 10)):
        with pytest.raises(TypeError, match="'momentum'"):
            make()


@pytest.mark.parametrize(
    "make, word",
    [
        (lambda o: of.StepLR(o, 0), "step_size"),
        (lambda o: of.PolynomialLR(o, 0), "total_iters"),
        (lambda o: of.LinearLR(o, total_iters=-1), "total_iters"),
        (lambda o: of.ConstantLR(o, total_iters=-1), "total_iters"),
        (lambda o: of.CosineAnnealingLR(o, 0), "T_max"),
        (lambda o: of.CyclicLR(o, 1, 2, 0), "step_size_up"),
        (lambda o: of.SequentialLR(o, [of.StepLR(o, 1)] * 3, [5, 2]), "milestones"),
    ],
)
def test_lengths_that_make_no_sense(make, word):
    with pytest.raises(ValueError, match=word):
        make(sgd(momentum=0.9))


@pytest.mark.parametrize("name", ["restarts", "lambda", "multiplicative", "cyclic", "one cycle"])
def test_a_group_too_many(name):
    optimizer = sgd(momentum=0.9)
    scheduler = KINDS[name](optimizer)
    optimizer.step()
    optimizer.add_param_group({"params": [minigrad.zeros(1, requires_grad=True)]})
    with pytest.raises(ValueError, match="made for 1 parameter groups, the optimizer has 2 groups now"):
        scheduler.step()


@pytest.mark.parametrize("name", ["step", "milestones", "constant", "linear", "exponential", "polynomial", "cosine"])
def test_a_new_group_decays_from_its_own_rate(name):
    optimizer = sgd(1.0)
    scheduler = KINDS[name](optimizer)
    before = rates(optimizer, scheduler, 2)[1]
    now = optimizer.param_groups[0]["lr"]
    optimizer.add_param_group({"params": [minigrad.zeros(1, requires_grad=True)], "lr": 2 * now})
    optimizer.step()
    scheduler.step()
    first, second = scheduler.get_last_lr()
    floor = scheduler.floor
    assert second - floor == pytest.approx((2 * now - floor) * (first - floor) / (now - floor)), before


def test_get_lr_is_for_step():
    scheduler = of.StepLR(sgd(), 3)
    with pytest.warns(UserWarning, match="get_last_lr") as caught:
        scheduler.get_lr()
    assert caught[0].filename == __file__


# -- the recorded step -------------------------------------------------------------------------------------------


def training(step_of, make, device, kind="SGD", **options):
    """Parameters and options of twelve steps of a small training, `step_of` making the step."""
    minigrad.manual_seed(3)
    random = np.random.default_rng(0)
    x, y = (minigrad.tensor(random.normal(size=(6, 3)), dtype=minigrad.float64, device=device) for _ in range(2))
    w = minigrad.tensor(random.normal(size=(3, 3)), dtype=minigrad.float64, device=device, requires_grad=True)
    optimizer = getattr(optim, kind)([w], lr=0.1, **options)
    scheduler = make(optimizer)

    def step(x, y):
        optimizer.zero_grad()
        loss = ((x @ w - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    step, found = step_of(step), []
    for _ in range(12):
        step(x, y)
        scheduler.step()
        found.append({k: v for k, v in optimizer.param_groups[0].items() if k != "params"})
    return w.detach().cpu().numpy(), found


def assert_recorded_like_eager(*args, **options):
    eager, recorded = training(lambda f: f, *args, **options), training(minigrad.jit, *args, **options)
    assert recorded[1] == eager[1] and any(now != eager[1][0] for now in eager[1])
    np.testing.assert_array_equal(recorded[0], eager[0])


@pytest.mark.parametrize("name", {**KINDS, **COMPOSED})
def test_a_recorded_step_sees_the_rate(name, device):
    assert_recorded_like_eager({**KINDS, **COMPOSED}[name], device, momentum=0.9)


@pytest.mark.parametrize("kind", ["Momentum", "NAG", "RMSprop", "Adam", "AdamW", "Lion", "NAdam"])
def test_a_recorded_step_sees_other_hyperparameters(kind):
    """Momentum and betas in cycles, and the decay of RMSprop's average."""
    if kind == "RMSprop":
        assert_recorded_like_eager(lambda o: of.ExponentialLR(o, 0.9, hyperparameter="alpha"), "cpu", kind)
        assert_recorded_like_eager(lambda o: of.LinearLR(o, hyperparameter="eps"), "cpu", kind, eps=0.1)
    else:
        assert_recorded_like_eager(lambda o: of.OneCycleLR(o, 0.5, 20), "cpu", kind)
        assert_recorded_like_eager(lambda o: of.CyclicLR(o, 0.1, 0.2, 3), "cpu", kind)


def test_no_scheduler_inside_a_recorded_step():
    """Replays would leave it out."""
    optimizer = sgd()
    for scheduler in (of.StepLR(optimizer, 3), of.ReduceLROnPlateau(optimizer)):
        argument = () if isinstance(scheduler, of.StepLR) else (1.0,)

        @minigrad.jit
        def step(x, scheduler=scheduler, argument=argument):
            optimizer.zero_grad()
            loss = (x * optimizer.param_groups[0]["params"][0]).sum()
            loss.backward()
            optimizer.step()
            scheduler.step(*argument)
            return loss

        with pytest.raises(RuntimeError, match=r"scheduler\.step\(\)"):
            for _ in range(4):
                step(minigrad.ones(2))
