"""Saving schedulers: each goes on with the same sequence, from its state or from the optimizer's alone."""

from __future__ import annotations

import copy
import pickle

import pytest
from scheduler_helpers import COMPOSED, KINDS, rates, sgd

import minigrad
from minigrad.optim import lr_scheduler as of

ALL = {**KINDS, **COMPOSED}


def straight(name, epochs):
    optimizer = sgd(momentum=0.9)
    return rates(optimizer, ALL[name](optimizer), epochs)


@pytest.mark.parametrize("cut", [0, 1, 4, 6])
@pytest.mark.parametrize("name", ALL)
def test_goes_on_from_a_file(name, cut, tmp_path):
    optimizer = sgd(momentum=0.9)
    scheduler = ALL[name](optimizer)
    before = rates(optimizer, scheduler, cut)
    minigrad.save({"o": optimizer.state_dict(), "s": scheduler.state_dict()}, tmp_path / "state")
    saved = minigrad.load(tmp_path / "state")
    again = sgd(lr=7.0, momentum=0.9)
    fresh = ALL[name](again)
    fresh.load_state_dict(saved["s"])
    again.load_state_dict(saved["o"])
    assert fresh.get_last_lr() == scheduler.get_last_lr()
    assert before + rates(again, fresh, 9) == straight(name, cut + 9)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))], ids=["copy", "pickle"])
@pytest.mark.parametrize("name", ["step", "cosine", "restarts", "cyclic", "one cycle", "chain"])
def test_copies_go_on_by_themselves(name, copied):
    optimizer = sgd(momentum=0.9)
    scheduler = ALL[name](optimizer)
    if name == "cyclic":  # its functions are its own
        assert scheduler.scale_fn(1) == 1.0
    before = rates(optimizer, scheduler, 4)
    other = copied(scheduler)
    assert before + rates(other.optimizer, other, 6) == straight(name, 10)
    assert before + rates(optimizer, scheduler, 6) == straight(name, 10)


@pytest.mark.parametrize("cut", [1, 3, 4, 5, 6, 8])
@pytest.mark.parametrize("name", [name for name in ALL if name != "chain after a warm-up"])
def test_goes_on_from_last_epoch(name, cut):
    """The optimizer is restored, the scheduler made anew: nothing is overwritten, and the sequence is the same."""
    optimizer = sgd(momentum=0.9)
    before = rates(optimizer, ALL[name](optimizer), cut)
    again = sgd(lr=7.0, momentum=0.9)
    again.load_state_dict(optimizer.state_dict())
    restored = dict(again.param_groups[0])
    scheduler = ALL[name](again, last_epoch=cut - 1)
    assert {k: again.param_groups[0][k] for k in restored if k != "params"} == {
        k: v for k, v in restored.items() if k != "params"
    }
    assert before + rates(again, scheduler, 9) == pytest.approx(straight(name, cut + 9), rel=1e-13)


@pytest.mark.parametrize("name", ["step", "milestones", "constant", "linear", "exponential", "polynomial", "cosine"])
def test_a_rate_that_was_made_smaller_is_kept(name):
    """Going on with a tenth of the rate: by `last_epoch`, and by the state of the scheduler."""
    whole = straight(name, 8)
    for by_state in (False, True):
        optimizer = sgd()
        scheduler = ALL[name](optimizer)
        rates(optimizer, scheduler, 3)
        again = sgd()
        fresh = ALL[name](again) if by_state else None
        again.load_state_dict(optimizer.state_dict())
        floor = scheduler.floor
        again.param_groups[0]["lr"] = floor + (whole[3] - floor) * 0.1
        if by_state:
            fresh.load_state_dict(scheduler.state_dict())
        else:
            fresh = ALL[name](again, last_epoch=2)
        expected = [floor + (rate - floor) * 0.1 for rate in whole[3:6]]
        assert rates(again, fresh, 3) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ALL)
def test_the_making_of_a_scheduler_keeps_what_is_restored(name):
    """Whatever it is; a rate that only knows where it started is computed, if the formula can."""
    if name == "chain after a warm-up":
        pytest.skip("see its schedulers")
    optimizer = sgd(momentum=0.9)
    rates(optimizer, ALL[name](optimizer), 3)
    again = sgd(momentum=0.9)
    again.load_state_dict(optimizer.state_dict())
    again.param_groups[0]["lr"] = 0.0123
    assert ALL[name](again, last_epoch=2).get_last_lr() == [0.0123] == [again.param_groups[0]["lr"]]
    if name in ("lambda", "restarts", "one cycle"):
        again.param_groups[0]["lr"] = again.param_groups[0]["initial_lr"]
        assert ALL[name](again, last_epoch=2).get_last_lr() == [optimizer.param_groups[0]["lr"]]


@pytest.mark.parametrize("name", KINDS)
def test_resuming_without_the_optimizers_state(name):
    optimizer = sgd(momentum=0.9)
    with pytest.raises(KeyError, match=r"param_groups\[0\] has no 'initial_lr'.*load the state of the optimizer first"):
        KINDS[name](optimizer, last_epoch=3)


def test_states_that_do_not_fit():
    scheduler = of.CosineAnnealingLR(sgd(), 5)
    before = scheduler.state_dict()
    with pytest.raises(ValueError, match="the state has no 'T_max': it is not one of CosineAnnealingLR"):
        scheduler.load_state_dict(of.StepLR(sgd(), 3).state_dict())
    with pytest.raises(ValueError, match="the state has 2 parameter groups, the optimizer 1"):
        scheduler.load_state_dict(of.CosineAnnealingLR(sgd(groups=2), 3).state_dict())
    assert scheduler.state_dict() == before
    for kind in ("lambda", "chain"):
        with pytest.raises(ValueError, match=r"the state has no '(lr_lambdas|_schedulers)'"):
            ALL[kind](sgd()).load_state_dict(before)
    chain = of.ChainedScheduler([of.StepLR(sgd(), 3)])
    optimizer = sgd()
    with pytest.raises(ValueError, match="the state has 1 schedulers, this one 2"):
        of.ChainedScheduler([of.StepLR(optimizer, 3), of.StepLR(optimizer, 2)]).load_state_dict(chain.state_dict())
    with pytest.raises(ValueError, match="1 functions, the scheduler 2"):
        of.LambdaLR(sgd(groups=2), lambda t: 1.0).load_state_dict(of.LambdaLR(sgd(), lambda t: 1.0).state_dict())


def test_a_state_is_not_shared():
    optimizer = sgd()
    scheduler = of.MultiStepLR(optimizer, [2, 4])
    state = scheduler.state_dict()
    kept = copy.deepcopy(state)
    rates(optimizer, scheduler, 5)
    scheduler.base_lrs[0] = 9.0
    assert state == kept
    scheduler.load_state_dict(state)
    scheduler.base_lrs[0] = 9.0
    assert state == kept
