"""Recorded steps in several threads give what they give in one."""

from __future__ import annotations

import sys
import threading

import pytest
from recorded_helpers import bits, difference

import minigrad
import minigrad.nn.functional as F
from minigrad import nn, optim


@pytest.fixture(autouse=True)
def threads_change_often():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def in_threads(*functions):
    """Run functions at the same time, from one barrier; their results. Errors are raised here."""
    barrier = threading.Barrier(len(functions))
    results, errors = [None] * len(functions), []

    def work(k, function):
        try:
            barrier.wait(30)
            results[k] = function()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a thread waits for ever"
    if errors:
        raise errors[0]
    return results


def training(seed, jit, steps=60):
    """A function that trains a model of its own; all that comes of it."""
    generator = minigrad.Generator().manual_seed(seed)
    minigrad.manual_seed(seed)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 3))
    optimizer = optim.RMSprop(model.parameters(), lr=0.01, momentum=0.9)

    @jit
    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    def train():
        losses = []
        for k in range(steps):
            size = 8 if k % 7 else 5
            x = minigrad.randn(size, 4, generator=generator)
            y = minigrad.randint(0, 3, (size,), generator=generator)
            losses.append(step(x, y))
        return bits([losses, model, optimizer])

    return train


def unrecorded(function):
    return function


def test_two_recorded_steps_in_two_threads():
    for _ in range(5):
        expected = [training(seed, unrecorded)() for seed in (1, 2)]
        found = in_threads(*[training(seed, minigrad.jit) for seed in (1, 2)])
        assert difference(expected, found) is None


def test_recorded_and_eager_steps_in_four_threads():
    kinds = [minigrad.jit, unrecorded, minigrad.jit, unrecorded]
    expected = [training(seed, unrecorded)() for seed in range(4)]
    found = in_threads(*[training(seed, jit) for seed, jit in enumerate(kinds)])
    assert difference(expected, found) is None


def test_one_function_called_from_two_threads():
    w = minigrad.randn(3, 3)

    @minigrad.jit
    def function(x, a):
        y = minigrad.tanh(x @ w) * a
        return y, y.sum(), y.t().exp().cumsum(0)

    def calls(seed):
        inputs = [(minigrad.full((2 + seed % 2, 3), float(seed)) / (k + 1), k / 7) for k in range(300)]
        return lambda: [bits(function(*each)) for each in inputs]

    works = [calls(seed) for seed in range(4)]
    expected = [work() for work in works]
    assert difference(expected, in_threads(*works)) is None
    assert difference(expected, in_threads(*works)) is None


def test_one_function_recorded_in_two_threads_at_once():
    for _ in range(10):
        w = minigrad.randn(3, 3)
        function = minigrad.jit(lambda x, w=w: (x @ w).tanh().sum(0))
        x = minigrad.randn(5, 3)
        expected = bits((x @ w).tanh().sum(0))
        results = in_threads(*[lambda: [bits(function(x)) for _ in range(5)]] * 3)  # noqa: B023
        assert all(difference(expected, found) is None for each in results for found in each)


def test_steps_on_one_model_from_two_threads_are_taken_one_after_the_other():
    """The order is open, but every step is one whole step: each adds 1."""
    w = minigrad.zeros(3, requires_grad=True)
    optimizer = optim.SGD([w], lr=1.0)

    @minigrad.jit
    def step(x):
        optimizer.zero_grad()
        (-(w * x).sum()).backward()
        optimizer.step()

    for _ in range(3):
        step(minigrad.ones(3))

    def many():
        for _ in range(200):
            step(minigrad.ones(3))

    in_threads(many, many)
    assert w.tolist() == [403, 403, 403]


def test_one_thread_records_over_and_over_while_another_runs_eagerly():
    expected = training(1, unrecorded, 150)()
    done = threading.Event()

    def record():
        count = 0
        while not done.is_set() and count < 2000:
            minigrad.jit(lambda x: (x * 2).tanh().sum())(minigrad.ones(3))
            count += 1
        return count

    eager = training(1, unrecorded, 150)

    def run():
        try:
            return eager()
        finally:
            done.set()

    count, found = in_threads(record, run)
    assert count > 1
    assert difference(expected, found) is None


def test_a_refused_recording_in_one_thread_leaves_the_others_alone():
    expected = training(1, unrecorded, 100)()
    found = training(1, minigrad.jit, 100)

    def refuse():
        step = minigrad.jit(lambda x: float(x.sum()))
        for _ in range(200):
            with pytest.raises(minigrad.RecordingError):
                step(minigrad.ones(3))

    assert difference(expected, in_threads(found, refuse)[0]) is None


def test_gradient_modes_belong_to_a_thread():
    w = minigrad.ones(3, requires_grad=True)
    function = minigrad.jit(lambda x: (w * x).sum())

    def without():
        with minigrad.no_grad():
            return [function(minigrad.ones(3)).requires_grad for _ in range(100)]

    def with_gradients():
        return [function(minigrad.ones(3)).requires_grad for _ in range(100)]

    assert in_threads(without, with_gradients) == [[False] * 100, [True] * 100]


def test_a_jitted_function_inside_another_while_a_third_thread_replays_it():
    inner = minigrad.jit(lambda x: x * 2 + 1)
    outer = minigrad.jit(lambda x: inner(x) * inner(x + 1))

    def run(function, expected):
        return lambda: all(function(minigrad.full((2,), float(k))).tolist() == expected(k) for k in range(100))

    results = in_threads(
        run(inner, lambda k: [2.0 * k + 1] * 2),
        run(outer, lambda k: [(2.0 * k + 1) * (2.0 * k + 3)] * 2),
        run(outer, lambda k: [(2.0 * k + 1) * (2.0 * k + 3)] * 2),
    )
    assert results == [True] * 3


def test_a_thread_started_inside_the_step_is_not_part_of_it():
    results = []

    @minigrad.jit
    def step(x):
        thread = threading.Thread(target=lambda: results.append((minigrad.ones(2) * 3).tolist()))
        thread.start()
        thread.join()
        return x * 2

    try:
        for _ in range(3):
            assert step(minigrad.ones(2)).tolist() == [2, 2]
    except minigrad.RecordingError as error:
        assert __file__ in str(error)
    assert results and all(result == [3, 3] for result in results)
