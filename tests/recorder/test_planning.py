"""What the planning of a program must not do: merge calls across a change, cut overlapping chains, ask too early."""

from __future__ import annotations

import numpy as np
import pytest
from recorded_helpers import both_ways

import minigrad
import minigrad.nn.functional as F
from minigrad import RecordingError, optim
from minigrad.recorder.chains import LARGE, chains
from minigrad.recorder.trace import Call, Memory, Origin, Value


def test_a_call_before_and_after_the_optimizer_is_made_twice():
    """Parameters lie in a flat buffer, which the optimizer changes under another name."""

    def scenario(jit):
        w, v = (minigrad.ones(3, requires_grad=True) for _ in range(2))
        optimizer = optim.SGD([w, v], lr=0.1, momentum=0.9)

        @jit
        def step(x):
            optimizer.zero_grad()
            (w * v * x).sum().backward()
            before = (w * 3).detach().sum()
            optimizer.step()
            return before, (w * 3).detach().sum()

        for _ in range(6):
            yield step(minigrad.randn(3))

    both_ways(scenario, at_least=4)


def test_a_condition_on_a_tensor_is_not_asked_before_the_step_changes_it():
    def scenario(jit):
        base = minigrad.tensor([1, 2, 1])
        labels = base.view(3)

        @jit
        def step(x, y):
            base.copy_(y)
            return F.cross_entropy(x, labels)

        for y in ([1, 2, 1], [0, 2, 1], [1, -100, 2], [1, 1, 1]):
            yield step(minigrad.randn(3, 4), minigrad.tensor(y))

    both_ways(scenario, at_least=1)


def test_steps_of_an_optimizer_are_uncounted_when_recording_is_refused():
    w = minigrad.ones(3, requires_grad=True)
    optimizer = optim.Adagrad([w], lr=0.1, lr_decay=0.5)

    def step(x, look):
        optimizer.zero_grad()
        loss = (w * x).sum()
        loss.backward()
        optimizer.step()
        return loss.item() if look else loss

    jitted = minigrad.jit(step)
    for _ in range(3):
        jitted(minigrad.ones(3), False)
    before = optimizer.state_dict()["state"][0]["step"].item()
    with pytest.raises(RecordingError):
        jitted(minigrad.ones(3), True)
    assert optimizer.state_dict()["state"][0]["step"].item() == before == 3


def test_chains_of_overlapping_arrays_are_not_made_in_blocks():
    """A block of `out` would be written before the last block of what it overlaps is read."""
    array = np.zeros(LARGE, np.float32)
    a, b, c = (Value(array, Memory("outside", array.nbytes)) for _ in range(3))
    origin = Origin("forward", "", "", ("", 0))

    def calls():
        first = Call("ufunc", np.negative, "negative", (a, b), {}, origin)
        second = Call("ufunc", np.negative, "negative", (b, c), {}, origin)
        return [first, second]

    apart = {id(a): ("memory", 0, 100), id(b): ("memory", 100, 200), id(c): ("memory", 0, 100)}
    overlapping = {**apart, id(c): ("memory", 50, 150)}
    assert [len(chain) for chain in chains(calls(), lambda value: apart[id(value)])] == [2]
    assert [len(chain) for chain in chains(calls(), lambda value: overlapping[id(value)])] == [1, 1]


def test_a_calculation_with_numbers_does_not_cut_a_chain_in_two():
    """Adam's 1 - β stands between its averages; large arrays are nevertheless gone through block by block."""
    p = minigrad.zeros(1_000_000, requires_grad=True)
    optimizer = optim.Adam([p], lr=0.1)

    @minigrad.jit
    def step(x):
        optimizer.zero_grad()
        (p * x).sum().backward()
        optimizer.step()

    x = minigrad.ones(1_000_000)
    for _ in range(3):
        step(x)
    lines = [line.strip() for line in step.source.splitlines()]
    loops = [k for k, line in enumerate(lines) if line.startswith("for ")]
    blocks = ("multiply(exp_avg_block", "multiply(exp_avg_sq_block")
    averages = [k for k, line in enumerate(lines) if line.startswith(blocks)]
    assert len(averages) == 2 and not any(averages[0] < loop < averages[1] for loop in loops)
