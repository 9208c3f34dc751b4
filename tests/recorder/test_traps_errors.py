"""Errors in a recorded step: while recording, in a replay, and too many programs.

Each test is a trap as a hostile user would set it. It ends in one of two ways: every result equals the eager run to the
last bit, or recording raises an error that names the user's line and says what to do. Never a stale value.
"""

from __future__ import annotations

import types

import pytest
from recorded_helpers import (
    batches,
    bits,
    both_ways,
    loud_or_equal,
    mlp,
    refused,
    regularized,
    replays,
    trainer,
)

import minigrad
import minigrad.nn.functional as F
from minigrad import RecordingError, nn, optim

# Errors in the middle


class Broken(Exception):
    pass


@pytest.mark.parametrize("where", ["cleared", "forward", "backward", "clipped", "stepped"])
def test_an_error_of_the_users_own_leaves_what_an_eager_call_leaves(where):
    def scenario(jit):
        model = regularized()
        optimizer = optim.RMSprop(model.parameters(), lr=0.01, momentum=0.9)
        failing = types.SimpleNamespace(now=False)

        def fail(at):
            if failing.now and at == where:
                raise Broken

        def step(x, y):
            optimizer.zero_grad()
            fail("cleared")
            loss = F.mse_loss(model(x), y)
            fail("forward")
            loss.backward()
            fail("backward")
            nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            fail("clipped")
            optimizer.step()
            fail("stepped")
            return loss

        for x, y in batches(3):
            yield step(x, y)
        jitted = jit(step)
        for failing.now in (True, True, False, False, False, True, False, False):
            x, y = next(batches(1))
            if failing.now:
                with pytest.raises(Broken):
                    jitted(x, y)
            else:
                yield jitted(x, y)
            yield bits(model), bits(optimizer)

    both_ways(scenario, at_least=3)


def test_a_class_out_of_range_raises_in_a_replay_as_in_eager():
    def scenario(jit):
        model = regularized()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        step = trainer(jit, model, optimizer, F.cross_entropy)
        for k in range(12):
            target = minigrad.randint(0, 3, (8,))
            if k in (5, 8):
                target[3] = 7
                with pytest.raises(IndexError) as raised:
                    step(minigrad.randn(8, 4), target)
                assert "Target 7 is out of bounds: there are 3 classes" in str(raised.value)
                yield bits(model), bits(optimizer)
            else:
                yield step(minigrad.randn(8, 4), target), bits(model), bits(optimizer)

    both_ways(scenario, at_least=5)


def test_an_index_out_of_range_in_an_embedding_raises_in_a_replay():
    def scenario(jit):
        table = nn.Embedding(5, 3)
        optimizer = optim.SGD(table.parameters(), lr=0.1)

        @jit
        def step(x):
            optimizer.zero_grad()
            loss = (table(x) ** 2).sum()
            loss.backward()
            optimizer.step()
            return loss

        for index in (0, 4, 1, 5, -1, 2, -6, 3, 3):
            try:
                yield step(minigrad.tensor([1, index, 2])), table
            except IndexError as error:
                yield type(error).__name__, bits(table.weight.detach())

    both_ways(scenario, at_least=3)


def test_an_index_out_of_range_in_getitem_and_gather_raises_in_a_replay():
    def scenario(jit):
        steps = [
            jit(lambda x, k: x[k]),
            jit(lambda x, k: x.gather(0, k)),
            jit(lambda x, k: x.index_select(0, k)),
            jit(lambda x, k: x.index_add(0, k, minigrad.ones(2))),
            jit(lambda x, k: F.one_hot(k, 5)),
        ]
        for index in (0, 4, 2, 9, -7, 1):
            for step in steps:
                try:
                    yield step(minigrad.arange(5.0), minigrad.tensor([1, index]))
                except (IndexError, RuntimeError, ValueError) as error:
                    assert not isinstance(error, RecordingError), error
                    yield type(error).__name__

    both_ways(scenario, at_least=8)


def test_labels_outside_their_range_raise_in_a_replay():
    def scenario(jit):
        step = jit(lambda p, y: F.binary_cross_entropy(p, y))
        for bad in (False, False, True, False, True):
            p = minigrad.tensor([0.2, 1.7 if bad else 0.7])
            try:
                yield step(p, minigrad.tensor([0.0, 1.0]))
            except RuntimeError as error:
                assert not isinstance(error, RecordingError), error
                yield type(error).__name__

    both_ways(scenario, at_least=1)


def test_a_division_by_zero_of_integers_is_as_in_eager():
    def scenario(jit):
        step = jit(lambda a, b: (a // b, a % b) if b is not None else a)
        for b in (2, 3, 0, 2):
            try:
                yield step(minigrad.tensor([4, 5]), minigrad.tensor([b, 1]))
            except (ZeroDivisionError, RuntimeError) as error:
                yield type(error).__name__

    loud_or_equal(scenario)


def test_an_in_place_change_of_a_saved_tensor_raises_as_in_eager():
    w = minigrad.ones(3, requires_grad=True)

    @minigrad.jit
    def step(x):
        y = (w * x).exp()
        loss = y.sum()
        y.mul_(2)
        loss.backward()

    for _ in range(3):
        with pytest.raises(RuntimeError, match="mul_"):
            step(minigrad.ones(3))
        assert w.grad is None


def test_an_in_place_change_of_an_outside_tensor_that_was_saved_raises_as_in_eager():
    def scenario(jit):
        w, table = minigrad.ones(3, requires_grad=True), minigrad.ones(3)

        @jit
        def step(x):
            loss = (w * table).sum()
            table.add_(x)
            loss.backward()

        for _ in range(3):
            with pytest.raises(RuntimeError, match="add_"):
                step(minigrad.ones(3))
            yield bits([w, table]), table._version

    both_ways(scenario, at_least=0)


def test_a_graph_made_before_a_replay_refuses_backward_after_it():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        step = trainer(jit, model, optimizer)
        for x, y in batches(6):
            graph = model(x).sum()
            yield step(x, y)
            with pytest.raises(RuntimeError, match="changed"):
                graph.backward()

    both_ways(scenario, at_least=3)


def test_a_graph_over_an_argument_or_buffer_that_a_replay_changes_refuses_backward():
    def scenario(jit):
        w, buffer = minigrad.ones(3, requires_grad=True), minigrad.ones(3)

        @jit
        def step(x):
            x.add_(1)
            buffer.mul_(2)

        for _ in range(5):
            x = minigrad.ones(3)
            one, two, three = (w * x).sum(), (w * buffer).sum(), (w * x[:2].sum()).sum()
            step(x)
            for graph in (one, two):
                with pytest.raises(RuntimeError, match="changed"):
                    graph.backward()
            three.backward()
            yield w.grad

    both_ways(scenario, at_least=3)


def test_version_counters_rise_in_replays():
    def scenario(jit):
        model = nn.BatchNorm1d(4)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        step = trainer(jit, model, optimizer, lambda out, y: out.sum())
        tensors = [model.weight, model.bias, model.running_mean, model.num_batches_tracked]
        for x, y in batches(6):
            before = [t._version for t in tensors]
            step(x, y)
            yield [t._version > b for t, b in zip(tensors, before)]

    both_ways(scenario, at_least=3)


def test_a_closure_passed_to_the_optimizer_is_refused():
    model = mlp()
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    @minigrad.jit
    def step(x, y):
        def closure():
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            return loss

        return optimizer.step(closure)  # refused

    refused(step, *next(batches()), watched=[model, optimizer], saying="closure")


def test_a_refused_step_still_runs_without_jit():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

        def step(x, y):
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            if loss > 0.5:
                loss = loss * 2
            loss.backward()
            optimizer.step()
            return loss

        jitted = jit(step)
        for x, y in batches(6):
            try:
                yield jitted(x, y), model
            except RecordingError:
                yield step(x, y), model

    both_ways(scenario, at_least=0)


def test_new_programs_at_every_call_bring_a_warning():
    step = minigrad.jit(lambda x: x * 2)
    with pytest.warns(UserWarning, match="recorded") as caught:
        for n in range(1, 40):
            assert step(minigrad.ones(n)).tolist() == [2.0] * n
    assert len(caught) == 1 and caught[0].filename == __file__
    for n in (39, 38, 39):
        step(minigrad.ones(n))
    assert replays(step) == 3


def test_a_result_is_as_in_eager_when_a_program_has_been_forgotten():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        step = trainer(jit, model, optimizer)
        for _ in range(2):
            for size in range(1, 19):
                yield step(minigrad.randn(size, 4), minigrad.randn(size, 3))
        yield model

    with pytest.warns(UserWarning, match="recorded"):
        both_ways(scenario, at_least=0)
