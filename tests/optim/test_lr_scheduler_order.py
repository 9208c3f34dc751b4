"""The warning about scheduler.step() before optimizer.step(): where it points, and when nothing is said."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import warnings
import weakref

import pytest
from scheduler_helpers import COMPOSED, KINDS, sgd

import minigrad
from minigrad import optim
from minigrad.optim import lr_scheduler as of
from minigrad.optim.lbfgs import LBFGS
from minigrad.optim.lr_scheduler import order

ALL = {**KINDS, **COMPOSED}


def caught(function, *args):
    """The warnings of a call."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        function(*args)
    return found


@pytest.mark.parametrize("name", ALL)
def test_wrong_order_names_the_line_to_change(name):
    scheduler = ALL[name](sgd(momentum=0.9))

    def wrong():
        for _ in range(3):
            scheduler.step()

    found = caught(wrong)
    line = wrong.__code__.co_firstlineno + 2
    assert [(w.category, w.filename, w.lineno) for w in found] == [(UserWarning, __file__, line)]
    assert str(found[0].message).startswith(
        f"{__file__}:{line}: scheduler.step() comes before the first optimizer.step()"
    )
    assert "move this line behind optimizer.step()" in str(found[0].message)


@pytest.mark.parametrize("name", ALL)
def test_right_order(name):
    """One step of the optimizer, even without any gradient, and as many of the scheduler as one likes."""
    optimizer = sgd(momentum=0.9)
    scheduler = ALL[name](optimizer)
    optimizer.step()
    for _ in range(5):
        scheduler.step()


def test_a_composition_knows_what_its_schedulers_have_seen():
    optimizer = sgd()
    parts = [of.StepLR(optimizer, 3), of.ExponentialLR(optimizer, 0.9)]
    optimizer.step()
    of.ChainedScheduler(parts).step()
    optimizer = sgd()
    optimizer.param_groups[0]["initial_lr"] = 1.0
    of.SequentialLR(
        optimizer, [of.StepLR(optimizer, 3, last_epoch=1), of.StepLR(optimizer, 2, last_epoch=1)], [5], last_epoch=1
    ).step()


def test_each_scheduler_has_its_own_order():
    optimizer = sgd()
    first, second = of.StepLR(optimizer, 3), of.ExponentialLR(optimizer, 0.9)
    assert len(caught(first.step)) == 1
    optimizer.step()
    second.step()
    assert not caught(first.step)


def test_nothing_is_said_where_an_epoch_is_named():
    of.CosineAnnealingWarmRestarts(sgd(), 3).step(0.5)
    of.StepLR(sgd(), 3).step(2)


def test_a_metric_may_come_before_the_first_step():
    of.ReduceLROnPlateau(sgd()).step(1.0)


def test_preview_says_nothing_and_forgets_nothing():
    scheduler = of.StepLR(sgd(), 3)
    scheduler.preview(10)
    assert len(caught(scheduler.step)) == 1


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("before", [True, False], ids=["recorded before", "recorded after"])
def test_a_recorded_step_is_seen(momentum, before):
    """The replays of a recorded step do not call the optimizer."""
    p, idle = minigrad.ones(3, requires_grad=True), minigrad.ones(2, requires_grad=True)
    optimizer = optim.SGD([p, idle], lr=0.1, momentum=momentum)

    @minigrad.jit
    def step(x):
        optimizer.zero_grad()
        loss = (p * x).sum()
        loss.backward()
        optimizer.step()
        return loss

    x = minigrad.ones(3)
    if before:
        for _ in range(5):
            step(x)
    scheduler = of.ExponentialLR(optimizer, 0.5)
    for _ in range(6):
        step(x)
        scheduler.step()
    another, calls = of.ExponentialLR(optimizer, 0.5), order.progress(optimizer)[0]
    step(x)
    another.step()
    assert order.progress(optimizer)[0] == calls, "the step was not replayed"
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1 * 0.5**7)


def test_a_replay_alone_is_seen():
    """Of a step that was recorded when the optimizer's counts were forgotten again."""
    p = minigrad.ones(3, requires_grad=True)
    optimizer = optim.SGD([p], lr=0.1)
    watch = order.Order(optimizer)

    @minigrad.jit
    def step(x):
        optimizer.zero_grad()
        (p * x).sum().backward()
        optimizer.step()

    for _ in range(4):
        step(minigrad.ones(3))
    watch.before = order.progress(optimizer)
    step(minigrad.ones(3))
    calls, steps = watch.before
    assert order.progress(optimizer) == (calls, steps + 1)
    watch.check()
    watch.before = order.progress(optimizer)
    with pytest.warns(UserWarning, match="before the first"):
        watch.check()


def test_a_new_scheduler_after_training():
    optimizer = sgd()
    optimizer.step()
    of.StepLR(optimizer, 3)
    other = sgd()
    first = of.StepLR(other, 3)
    other.step()
    first.step()
    of.ExponentialLR(other, 0.9).step()


def test_nothing_is_said_after_resuming():
    optimizer = sgd(momentum=0.9)
    optimizer.param_groups[0]["params"][0].grad = minigrad.ones(2)
    scheduler = of.StepLR(optimizer, 3)
    fresh = of.StepLR(sgd(), 3)
    optimizer.step()
    scheduler.step()
    fresh.load_state_dict(scheduler.state_dict())
    fresh.step()
    loaded = sgd(momentum=0.9)
    loaded.load_state_dict(optimizer.state_dict())
    of.StepLR(loaded, 3, last_epoch=0).step()
    told = sgd()
    told.param_groups[0]["initial_lr"] = 1.0
    of.StepLR(told, 3, last_epoch=4).step()
    forward = of.StepLR(loaded, 3)
    for _ in range(4):  # a loop that brings a scheduler to where training stood
        forward.step()


def test_nothing_is_said_about_copies():
    optimizer = sgd()
    scheduler = of.StepLR(optimizer, 3)
    for other in (copy.deepcopy(scheduler), pickle.loads(pickle.dumps(scheduler))):
        assert other.optimizer is not optimizer
        other.step()
        assert other.last_epoch == 1 and scheduler.last_epoch == 0


def test_optimizers_with_steps_of_their_own():
    class Own(optim.SGD):
        def step(self, closure=None):
            for p in self.param_groups[0]["params"]:
                p.array -= 1

    def replaced(closure=None):
        pass

    own = Own([minigrad.zeros(1, requires_grad=True)])
    scheduler = of.StepLR(own, 3)
    own.step()
    scheduler.step()
    optimizer = sgd()
    scheduler = of.StepLR(optimizer, 3)
    optimizer.step = replaced
    optimizer.step()
    scheduler.step()


def test_an_optimizer_with_a_closure():
    p = minigrad.ones(2, requires_grad=True)
    optimizer = LBFGS([p], lr=0.5)
    assert len(caught(of.StepLR(optimizer, 3).step)) == 1
    scheduler = of.StepLR(optimizer, 3)

    def closure():
        optimizer.zero_grad()
        loss = (p**2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    scheduler.step()


def test_nothing_is_kept_alive():
    optimizer = sgd()
    scheduler = of.StepLR(optimizer, 3)
    references = weakref.ref(scheduler), weakref.ref(optimizer)
    gc.disable()
    try:
        del scheduler
        assert references[0]() is None, sys.getrefcount(references[0]())
        del optimizer
        assert references[1]() is None
    finally:
        gc.enable()
