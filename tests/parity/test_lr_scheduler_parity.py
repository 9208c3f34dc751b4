"""Every scheduler beside PyTorch's: rates and momenta over 60 epochs, states handed over, and the same refusals."""

from __future__ import annotations

import copy
import inspect
import math
import pickle
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from lr_scheduler_cases import COMPOSED, PLATEAUS, SIMPLE, WRONG
from lr_scheduler_trees import tree

import minigrad
from minigrad import optim

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings(  # PyTorch's, of its own doings
    "ignore:Detected call of `lr_scheduler.step:UserWarning", "ignore:The epoch parameter in:UserWarning"
)

OURS, THEIRS = optim.lr_scheduler, torch.optim.lr_scheduler
EPOCHS = 60

CASES = [
    pytest.param(name, arguments, id=f"{name}-{k}") for name, rows in SIMPLE.items() for k, arguments in enumerate(rows)
]


def side(library, schedulers, name="SGD", lr=0.05, **options):
    """An optimizer over two groups, on one of the sides."""
    ps = [library.zeros(2, requires_grad=True) for _ in range(2)]
    optimizer = getattr(library.optim, name)([{"params": ps[:1]}, {"params": ps[1:], "lr": 3 * lr}], lr=lr, **options)
    return SimpleNamespace(library=library, optimizer=optimizer, of=schedulers, scheduler=None, params=ps)


def both(make, name="SGD", **options):
    """Both sides with what `make(schedulers, optimizer)` returns."""
    sides = side(minigrad, OURS, name, **options), side(torch, THEIRS, name, **options)
    for one in sides:
        one.scheduler = make(one.of, one.optimizer)
    return sides


def row(one):
    """Every number of the groups that a scheduler may have changed."""
    return [
        float(value)
        for group in one.optimizer.param_groups
        for key in (
            "lr",
            "momentum",
            "betas",
            "initial_lr",
            "max_lr",
            "min_lr",
            "base_momentum",
            "max_momentum",
            "alpha",
        )
        if key in group
        for value in (group[key] if isinstance(group[key], tuple) else [group[key]])
    ]


def assert_alike(ours, theirs, words=""):
    assert row(ours) == pytest.approx(row(theirs), rel=1e-12, abs=1e-12), words
    assert ours.scheduler.get_last_lr() == pytest.approx(theirs.scheduler.get_last_lr(), rel=1e-12, abs=1e-12), words


def go_on(one, *args):
    one.optimizer.step()
    one.scheduler.step(*args)


def run(ours, theirs, epochs=EPOCHS, words="", steps=None):
    assert_alike(ours, theirs, f"{words} at the start")
    for epoch in range(epochs):
        for one in (ours, theirs):
            go_on(one, *(() if steps is None else steps(epoch)))
        assert_alike(ours, theirs, f"{words} after step {epoch + 1}")


def of_row(name, arguments):
    return lambda of, optimizer: getattr(of, name)(optimizer, **copy.copy(arguments))


MOMENTUM = dict(momentum=0.9)


@pytest.mark.parametrize("name, arguments", CASES)
def test_rates(name, arguments):
    run(*both(of_row(name, arguments), **MOMENTUM), words=f"{name} {arguments}")


@pytest.mark.parametrize("name, arguments", CASES)
def test_goes_on_from_the_other_sides_state(name, arguments):
    """After 13 epochs each side continues with the other's states of scheduler and optimizer."""
    sides = both(of_row(name, arguments), **MOMENTUM)
    run(*sides, epochs=13)
    for giver, taker in ((sides[0], torch), (sides[1], minigrad)):
        fresh = side(taker, THEIRS if taker is torch else OURS, **MOMENTUM)
        fresh.scheduler = of_row(name, arguments)(fresh.of, fresh.optimizer)
        fresh.scheduler.load_state_dict(pickle.loads(pickle.dumps(giver.scheduler.state_dict())))
        fresh.optimizer.load_state_dict(copy.deepcopy(giver.optimizer.state_dict()))
        other = side(taker, THEIRS if taker is torch else OURS, **MOMENTUM)
        other.scheduler = of_row(name, arguments)(other.of, other.optimizer)
        for _ in range(13):
            go_on(other)
        assert row(fresh) == pytest.approx(row(other), rel=1e-12, abs=1e-12)
        for epoch in range(30):
            go_on(fresh)
            go_on(other)
            assert row(fresh) == pytest.approx(row(other), rel=1e-12, abs=1e-12), f"{taker.__name__}, {epoch}"


@pytest.mark.parametrize("name, arguments", CASES)
def test_a_jump_to_an_epoch(name, arguments):
    epochs = [(), (), (9,), (), (2,), (), (31,), (), ()]
    if name == "OneCycleLR" or name == "MultiplicativeLR":
        epochs = epochs[:5]
    run(*both(of_row(name, arguments), **MOMENTUM), epochs=len(epochs), steps=lambda k: epochs[k])


def test_restarts_in_the_middle_of_an_epoch():
    sides = both(lambda of, o: of.CosineAnnealingWarmRestarts(o, T_0=3, T_mult=2, eta_min=0.001))
    for k in range(100):
        for one in sides:
            go_on(one, k / 7)
        assert_alike(*sides, k / 7)
    run(*sides, epochs=5, words="whole epochs again")


@pytest.mark.parametrize("name, arguments", CASES)
def test_a_rate_set_by_hand_stays(name, arguments):
    sides = both(of_row(name, arguments), **MOMENTUM)
    run(*sides, epochs=4)
    for one in sides:
        one.optimizer.param_groups[1]["lr"] *= 0.3
    run(*sides, epochs=25)


@pytest.mark.parametrize("betas", [(0.9, 0.99), (0.5, 0.999)])
@pytest.mark.parametrize("name, arguments", [case for case in CASES if case.values[0] in ("CyclicLR", "OneCycleLR")])
def test_betas(name, arguments, betas):
    if not hasattr(optim, "Adam"):
        pytest.skip("no Adam")
    run(*both(of_row(name, arguments), "Adam", betas=betas))


@pytest.mark.parametrize("last_epoch", [0, 3, 11])
@pytest.mark.parametrize("name, arguments", CASES)
def test_resuming_by_last_epoch(name, arguments, last_epoch):
    """An optimizer that has been restored, and a new scheduler that is told where it stands.

    The same numbers as PyTorch's but where that is wrong: it decays once more where a milestone lies at the epoch
    that training goes on with, loses its cycle of restarts, and takes a `base_lr` for the initial rate.
    """
    finished, theirs = both(of_row(name, arguments), **MOMENTUM)
    for _ in range(last_epoch + 1):
        go_on(finished)
        go_on(theirs)
    ours = side(minigrad, OURS, **MOMENTUM)
    ours.optimizer.load_state_dict(finished.optimizer.state_dict())
    restored = row(ours)
    ours.scheduler = of_row(name, {**arguments, "last_epoch": last_epoch})(OURS, ours.optimizer)
    assert row(ours) == restored
    run(ours, theirs, epochs=40)


@pytest.mark.parametrize("last_epoch", [0, 3, 11])
@pytest.mark.parametrize("name, arguments", CASES)
def test_last_epoch_without_restored_rates(name, arguments, last_epoch):
    """Groups that know where the rate started, and nothing else."""
    now = last_epoch + 1
    if now % arguments.get("step_size", now + 1) == 0 or now in arguments.get("milestones", ()):
        pytest.skip("PyTorch decays once more, also rates that have been restored")
    if arguments.get("T_mult", 1) > 1 and now > arguments["T_0"]:
        pytest.skip("PyTorch does not find the cycle")
    sides = side(minigrad, OURS, **MOMENTUM), side(torch, THEIRS, **MOMENTUM)
    for one in sides:
        of_row(name, arguments)(one.of, one.optimizer)
        for group in one.optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        one.scheduler = of_row(name, {**arguments, "last_epoch": last_epoch})(one.of, one.optimizer)
    run(*sides, epochs=40)


@pytest.mark.parametrize("name, arguments", CASES)
def test_resuming_needs_the_initial_rate(name, arguments):
    for library, of in ((minigrad, OURS), (torch, THEIRS)):
        one = side(library, of, **MOMENTUM)
        with pytest.raises(KeyError, match="initial_lr"):
            of_row(name, {**arguments, "last_epoch": 4})(of, one.optimizer)


@pytest.mark.parametrize("name", COMPOSED)
def test_composed(name):
    run(*both(COMPOSED[name], **MOMENTUM), words=name)


@pytest.mark.parametrize("seed", range(80))
def test_composed_at_random(seed):
    random = np.random.default_rng(seed)
    make, words = tree(random)
    sides = both(make, **MOMENTUM)
    by_hand, factor = random.integers(0, 60), random.uniform(0.2, 2.0)
    for epochs in (by_hand, EPOCHS - by_hand):
        run(*sides, epochs=epochs, words=f"seed {seed}: {words}")
        for one in sides:
            one.optimizer.param_groups[0]["lr"] *= factor


@pytest.mark.parametrize("name", COMPOSED)
@pytest.mark.parametrize("epochs", [3, 13])
def test_composed_states(name, epochs):
    sides = both(COMPOSED[name], **MOMENTUM)
    run(*sides, epochs=epochs)
    crossed = both(COMPOSED[name], **MOMENTUM)
    for giver, taker in zip(sides, reversed(crossed)):
        taker.scheduler.load_state_dict(pickle.loads(pickle.dumps(giver.scheduler.state_dict())))
        taker.optimizer.load_state_dict(copy.deepcopy(giver.optimizer.state_dict()))
    run(*crossed, epochs=30, words=name)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("arguments", PLATEAUS, ids=range(len(PLATEAUS)))
def test_plateau(arguments, sign):
    random = np.random.default_rng(len(str(arguments)))
    sides = both(lambda of, o: of.ReduceLROnPlateau(o, **arguments))
    for epoch in range(EPOCHS):
        metric = sign * (3 / (1 + epoch) + 0.3 * random.random())
        metric = math.nan if epoch == 20 else metric
        for one in sides:
            one.optimizer.step()
            one.scheduler.step(one.library.tensor(metric, dtype=one.library.float64) if epoch % 3 else metric)
        assert_alike(*sides, f"{arguments}, {epoch}")
        for name in ("best", "num_bad_epochs", "cooldown_counter", "last_epoch", "in_cooldown"):
            assert getattr(sides[0].scheduler, name) == getattr(sides[1].scheduler, name), f"{name}, {epoch}"
        if epoch == 30:  # each goes on with the other's state
            ours, theirs = (copy.deepcopy(one.scheduler.state_dict()) for one in sides)
            sides[0].scheduler.load_state_dict(theirs)
            sides[1].scheduler.load_state_dict(ours)


def test_a_group_that_is_added_later():
    """Where PyTorch's schedulers go on, so do ours."""
    for name, arguments in [
        ("StepLR", dict(step_size=3)), ("MultiStepLR", dict(milestones=[4, 9])), ("ConstantLR", dict(total_iters=9)),
        ("LinearLR", dict(total_iters=20)), ("ExponentialLR", dict(gamma=0.9)), ("PolynomialLR", dict(total_iters=30)),
        ("CosineAnnealingLR", dict(T_max=30, eta_min=0.001)), ("ReduceLROnPlateau", dict(patience=1)),
    ]:  # fmt: skip
        sides = both(of_row(name, arguments))
        metric = (1.0,) if name == "ReduceLROnPlateau" else ()
        for epoch in range(25):
            if epoch == 6:
                for one in sides:
                    one.optimizer.add_param_group({"params": [one.library.zeros(3, requires_grad=True)], "lr": 0.7})
            for one in sides:
                go_on(one, *metric)
            assert [g["lr"] for g in sides[0].optimizer.param_groups] == pytest.approx(
                [g["lr"] for g in sides[1].optimizer.param_groups], rel=1e-12
            ), f"{name}, {epoch}"


class Doubling:
    """A function that remembers something."""

    def __init__(self):
        self.factor = 2.0

    def __call__(self, t):
        return self.factor * t + 1


def test_state_of_callable_objects():
    for make in (
        lambda of, o, f: of.LambdaLR(o, [f, lambda t: 1.0]),
        lambda of, o, f: of.MultiplicativeLR(o, [f, lambda t: 1.0]),
        lambda of, o, f: of.CyclicLR(o, 0.1, 0.2, 3, scale_fn=f),
    ):
        sides = both(lambda of, o, make=make: make(of, o, Doubling()), **MOMENTUM)
        for one in sides:
            function = getattr(one.scheduler, "lr_lambdas", [getattr(one.scheduler, "_scale_fn_custom", None)])[0]
            function.factor = 5.0
        fresh = both(lambda of, o, make=make: make(of, o, Doubling()), **MOMENTUM)
        for giver, taker in zip(sides, reversed(fresh)):
            state = giver.scheduler.state_dict()
            entries = state.get("lr_lambdas", [state.get("_scale_fn_custom"), None])
            assert entries == [{"factor": 5.0}, None]
            taker.scheduler.load_state_dict(state)
        for epoch in range(5):
            for one in (*sides, *fresh):
                go_on(one)
            for one in fresh:
                assert row(one) == pytest.approx(row(sides[0]), rel=1e-12), epoch


@pytest.mark.parametrize("name", WRONG)
def test_the_same_kind_of_error(name):
    kinds = []
    for library, of in ((minigrad, OURS), (torch, THEIRS)):
        one = side(library, of, momentum=0.9)
        with pytest.raises(Exception) as caught:
            WRONG[name](of, one.optimizer)
        kinds.append(caught.type)
        if library is minigrad:
            assert len(str(caught.value)) > 20
    assert kinds[0] is kinds[1]


def test_no_momentum_to_cycle():
    for library, of in ((minigrad, OURS), (torch, THEIRS)):
        one = side(library, of, "Adagrad")
        for make in (lambda o, of=of: of.CyclicLR(o, 0.1, 0.2), lambda o, of=of: of.OneCycleLR(o, 0.1, 10)):
            with pytest.raises(ValueError, match="cycle_momentum"):
                make(one.optimizer)


def test_the_same_names_and_arguments():
    """All of PyTorch's names, and its arguments in its order; ours are behind them and have names."""
    for name in THEIRS.__all__:
        theirs = list(inspect.signature(getattr(THEIRS, name)).parameters.values())
        ours = list(inspect.signature(getattr(OURS, name)).parameters.values())
        assert [p.name for p in ours[: len(theirs)]] == [p.name for p in theirs], name
        assert all(p.kind is p.KEYWORD_ONLY for p in ours[len(theirs) :]), name
        for mine, other in zip(ours, theirs):
            if (name, mine.name) not in {("ReduceLROnPlateau", "threshold_mode"), ("ReduceLROnPlateau", "eps")}:
                assert mine.default == other.default, f"{name}, {mine.name}"
        assert name == "LRScheduler" or issubclass(getattr(OURS, name), OURS.LRScheduler)


def test_both_warn_of_the_wrong_order():
    for library, of in ((minigrad, OURS), (torch, THEIRS)):
        one = side(library, of)
        scheduler = of.StepLR(one.optimizer, 3)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for _ in range(3):
                scheduler.step()
        assert [w.category for w in caught] == [UserWarning]
        assert caught[0].filename == __file__
