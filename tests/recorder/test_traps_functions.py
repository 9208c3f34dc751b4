"""What can be recorded: methods, partials, callables, functions in functions.

Each test is a trap as a hostile user would set it. It ends in one of two ways: every result equals the eager run to the
last bit, or recording raises an error that names the user's line and says what to do. Never a stale value.
"""

from __future__ import annotations

import copy
import functools
import inspect
import pickle
import re

import pytest
from recorded_helpers import (
    ADVICE,
    batches,
    both_ways,
    mlp,
    trainer,
)

import minigrad
import minigrad.nn.functional as F
from minigrad import nn, optim

# Functions


def test_a_jitted_function_calls_itself_and_others():
    def scenario(jit):
        double = jit(lambda x: x * 2)

        @jit
        def power(x, n):
            return x if n == 0 else double(power(x, n - 1)) * x

        for n in (0, 1, 2, 3, 2, 1, 2, 3, 3):
            yield power(minigrad.randn(3), n), double(minigrad.randn(3))

    both_ways(scenario, at_least=10)


def test_a_jitted_training_step_inside_another_jitted_function():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        step = trainer(jit, model, optimizer)
        twice = jit(lambda x, y: (step(x, y), step(y @ y.t() @ x, y)))
        for k, (x, y) in enumerate(batches(9)):
            yield step(x, y) if k % 3 == 0 else twice(x, y), model

    both_ways(scenario, at_least=4)


def test_jitting_twice_changes_nothing():
    step = minigrad.jit(lambda x: x * 2)
    assert minigrad.jit(step) is step


class Trainer:
    """A class whose method is recorded."""

    def __init__(self, jit):
        self.model = mlp()
        self.optimizer = optim.SGD(self.model.parameters(), lr=0.1)
        self.weight = 1.0
        self.own = jit(self.step_of_instance)

    def step_of_instance(self, x, y):
        self.optimizer.zero_grad()
        loss = F.mse_loss(self.model(x), y) * self.weight
        loss.backward()
        self.optimizer.step()
        return loss


def test_methods_are_recorded():
    def scenario(jit):
        class Decorated(Trainer):
            @jit
            def step(self, x, y):
                """One step."""
                return self.step_of_instance(x, y)

        first, second = Decorated(jit), Decorated(jit)
        assert first.step.__doc__ == "One step." and first.step.__name__ == "step"
        for k, (x, y) in enumerate(batches(16)):
            one = [first, second][k // 2 % 2]
            if k == 8:
                first.weight = 3.0
            if k == 12:
                second.model = mlp()
            yield one.step(x, y), one.own(x, y), one.model

    both_ways(scenario, at_least=8)


def test_a_training_step_that_is_a_method_of_the_model():
    def scenario(jit):
        class Learner(nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = nn.Linear(4, 3)
                self.optimizer = optim.SGD(self.layer.parameters(), lr=0.1)
                self.smoothing = 0.5

            def forward(self, x):
                return self.layer(x)

            @jit
            def learn(self, x, y):
                self.optimizer.zero_grad()
                loss = F.mse_loss(self(x), y) * self.smoothing
                loss.backward()
                self.optimizer.step()
                return loss

        model = Learner()
        for k, (x, y) in enumerate(batches(9)):
            model.smoothing = [0.5, 0.7, 0.7][k // 3]
            yield model.learn(x, y), model.layer

    both_ways(scenario, at_least=4)


def test_static_methods_and_class_methods():
    def scenario(jit):
        class Some:
            factor = 2.0

            @staticmethod
            @jit
            def one(x):
                return x * 2

            @classmethod
            def two(cls, x):
                return cls.one(x) * cls.factor

        step = jit(Some.two)
        for k in range(6):
            Some.factor = [2.0, 3.0][k // 3]
            yield Some.one(minigrad.randn(3)), Some().one(minigrad.randn(3)), step(minigrad.randn(3))

    both_ways(scenario, at_least=5)


def test_things_that_can_be_called():
    class Callable:
        def __init__(self):
            self.factor = 2.0

        def __call__(self, x, y=1.0):
            return x * self.factor + y

    def scenario(jit):
        thing = Callable()
        steps = [
            jit(lambda x: x * 2),
            jit(functools.partial(lambda x, y: x * y, y=3.0)),
            jit(thing),
            jit(functools.partial(thing, y=2.0)),
            jit(minigrad.tanh),
            jit(minigrad.Tensor.exp),
            jit(nn.Linear(3, 2)),
            jit(F.softmax),
        ]
        for k in range(8):
            if k == 4:
                thing.factor = 5.0
            x = minigrad.randn(2, 3)
            yield [step(x) if step is not steps[-1] else step(x, dim=1) for step in steps]

    both_ways(scenario, at_least=40)


def test_what_cannot_be_called_is_refused():
    for thing in (5, "text", None, minigrad.ones(2)):
        if thing is not None:
            with pytest.raises(TypeError, match="function"):
                minigrad.jit(thing)


def test_a_jitted_function_looks_like_the_function():
    @minigrad.jit
    def step(x, y: int = 1):
        """Says hello."""
        return x * y

    assert step.__name__ == "step" and step.__doc__ == "Says hello." and step.__module__ == __name__
    assert list(inspect.signature(step).parameters) == ["x", "y"]
    assert "step" in repr(step)
    with pytest.raises(RuntimeError, match="call it first"):
        _ = step.source
    step(minigrad.ones(2))
    assert "x" in step.source and step.report()


def test_pickling_and_copying_a_jitted_function():
    step = minigrad.jit(mlp())
    step(minigrad.ones(2, 4))
    for attempt in (pickle.dumps, copy.deepcopy):
        try:
            done = attempt(step)
        except (TypeError, pickle.PicklingError) as error:
            assert "jit" in str(error) and re.search(ADVICE, str(error)), error
        else:
            assert done is not None


def test_a_model_that_holds_its_jitted_step_is_copied_and_saved():
    model = mlp()
    model.predict = minigrad.jit(model.forward)
    x = minigrad.ones(2, 4)
    before = [model.predict(x).tolist() for _ in range(3)]
    try:
        other = copy.deepcopy(model)
    except TypeError as error:
        assert "jit" in str(error) and re.search(ADVICE, str(error)), error
    else:
        with minigrad.no_grad():
            for p in other.parameters():
                p.zero_()
        assert not any(value for row in other.predict(x).tolist() for value in row), "it predicts with the original"
    assert model.predict(x).tolist() == before[0]
    assert [*model.state_dict()] == [*mlp().state_dict()]
