"""Objects of every kind that a step reads numbers from, and what Python's machinery does while it is recorded.

Each test is a trap as a hostile user would set it. It ends in one of two ways: every result equals the eager run to the
last bit, or recording raises an error that names the user's line and says what to do. Never a stale value.
"""

from __future__ import annotations

import array
import enum
import gc
import sys
import threading
import types
import warnings
import weakref
from collections import ChainMap, Counter, OrderedDict, UserDict, UserList, defaultdict, deque
from contextvars import ContextVar

import numpy as np
import pytest
from recorded_helpers import both_ways, loud_or_equal

import minigrad
from minigrad import RecordingError, nn, optim


def two_and_three(read, write):
    """A scenario: `read()` is a number in the step, which `write(number)` sets between the calls."""

    def scenario(jit):
        write(2)
        step = jit(lambda x: x * read())
        for k in range(6):
            write([2, 3][k // 3])
            yield step(minigrad.ones(2))

    return scenario


UNDERLYING = {0: 2}
CONTAINERS = {
    "defaultdict": defaultdict(float, {0: 2}),
    "deque": deque([2]),
    "Counter": Counter({0: 2}),
    "OrderedDict": OrderedDict({0: 2}),
    "UserDict": UserDict({0: 2}),
    "UserList": UserList([2]),
    "ChainMap": ChainMap({0: 2}),
    "array.array": array.array("d", [2]),
    "memoryview": memoryview(bytearray(b"2")),
    "array of objects": np.array([2], dtype=object),
    "nested deeply": [types.SimpleNamespace(b=(1, {"c": [2]}))],
    "large list": [2] * 1000,
    "large dict": {k: 2 for k in range(1000)},
    "large array": np.full(100_000, 2.0),
}


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS.keys())
def test_containers(container):
    if isinstance(container, list) and len(container) == 1:
        container = container[0].b[1]["c"]
    loud_or_equal(two_and_three(lambda: float(container[0]), lambda value: container.__setitem__(0, value)))


def test_the_view_of_a_dict():
    view = types.MappingProxyType(UNDERLYING)
    loud_or_equal(two_and_three(lambda: view[0], lambda value: UNDERLYING.update({0: value})))


class Thing:
    """An object of the user's own."""


def test_a_weak_reference():
    thing = Thing()
    reference = weakref.ref(thing)
    loud_or_equal(two_and_three(lambda: reference().scale, lambda value: setattr(thing, "scale", value)))


def test_values_of_a_thread_and_of_a_context():
    local, variable = threading.local(), ContextVar("variable")
    loud_or_equal(two_and_three(lambda: local.scale, lambda value: setattr(local, "scale", value)))
    loud_or_equal(two_and_three(lambda: variable.get(), lambda value: variable.set(value)))


class Mode(enum.Enum):
    SAME = 1
    TURNED = -1


def test_an_enumeration():
    def scenario(jit):
        mode = Mode.SAME
        step = jit(lambda x: x if mode is Mode.SAME else x * mode.value)
        for k in range(6):
            mode = [Mode.SAME, Mode.TURNED][k // 3]
            yield step(minigrad.ones(2))

    both_ways(scenario, at_least=2)


def test_a_property():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = 1

        @property
        def scale(self):
            return self.hidden

        def forward(self, x):
            return x * self.scale

    model = Model()
    both_ways(two_and_three(lambda: model(minigrad.ones(1)), lambda value: setattr(model, "hidden", value)), 2)


def test_an_object_that_computes_its_attributes():
    class Config:
        def __init__(self):
            self.__dict__["known"] = {"scale": 2}

        def __getattr__(self, name):
            return self.__dict__["known"][name]

    config = Config()
    loud_or_equal(two_and_three(lambda: config.scale, lambda value: config.known.update(scale=value)))


def test_a_layer_in_a_dict_of_an_object():
    class Holder:
        def __init__(self):
            self.nets = {"a": nn.Dropout(0.5)}

        def run(self, x):
            return self.nets["a"](x)

    def scenario(jit):
        holder = Holder()
        step = jit(holder.run)
        for k in range(9):
            if k == 3:
                holder.nets["a"].p = 0.1
            if k == 6:
                holder.nets["a"] = nn.Tanh()
            yield step(minigrad.ones(4))

    both_ways(scenario, at_least=3)


def test_an_attribute_of_a_tensor():
    w = minigrad.ones(2)
    loud_or_equal(two_and_three(lambda: w * w.scale, lambda value: setattr(w, "scale", value)))


def test_an_attribute_of_an_argument():
    def scenario(jit):
        step = jit(lambda x: x * x.scale)
        for k in range(6):
            x = minigrad.ones(2)
            x.scale = [2, 3][k // 3]
            yield step(x)

    loud_or_equal(scenario)


def test_the_variables_of_a_hook():
    def scenario(jit):
        scale = 2.0
        model = nn.Linear(3, 2)
        model.register_forward_hook(lambda module, args, output: output * scale)
        model.weight.register_hook(lambda g: g * scale)
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        @jit
        def step(x):
            optimizer.zero_grad()
            loss = model(x).sum()
            loss.backward()
            optimizer.step()
            return loss

        for k in range(8):
            scale = [2.0, 3.0][k // 4]
            yield step(minigrad.ones(2, 3)), model

    both_ways(scenario, at_least=3)


def test_steps_made_in_a_loop():
    def scenario(jit):
        steps = [jit(lambda x, k=k: x * k) for k in (1.0, 2.0, 3.0)]
        for _ in range(3):
            yield [step(minigrad.ones(2)) for step in steps]

    both_ways(scenario, at_least=3)


def test_exceptions_decide():
    def scenario(jit):
        @jit
        def step(x, named):
            try:
                return x * named["a"]
            except KeyError:
                return x

        for named in ({"a": 2}, {}, {"a": 3}, {"a": 2}, {}):
            yield step(minigrad.ones(2), named)

    both_ways(scenario)


def test_an_attribute_that_the_step_sets_and_reads():
    class Model(nn.Module):
        def forward(self, x):
            self.count = x.shape[0]
            return x * self.count

    def scenario(jit):
        model = Model()
        step = jit(lambda x: model(x))
        for n in (2, 2, 3, 3, 2, 2):
            yield step(minigrad.ones(n)), model.count

    loud_or_equal(scenario)


def test_a_tensor_kept_in_an_attribute_for_a_moment():
    class Model(nn.Module):
        def forward(self, x):
            self.hidden = x * 2
            result = self.hidden + 1
            del self.hidden
            return result

    def scenario(jit):
        model = Model()
        step = jit(lambda x: model(x))
        for _ in range(5):
            yield step(minigrad.randn(2))

    loud_or_equal(scenario)


def test_text_printed_and_warned():
    def scenario(jit):
        @jit
        def step(x):
            print("a batch of shape", x.shape)
            with warnings.catch_warnings(record=True):
                warnings.simplefilter("always")
                warnings.warn("slow", stacklevel=1)
            return x * 2

        for _ in range(4):
            yield step(minigrad.ones(2))

    loud_or_equal(scenario)


def test_a_result_that_is_lazy():
    def scenario(jit):
        step = jit(lambda x: map(lambda t: t * 2, [x]))
        for _ in range(3):
            yield [*step(minigrad.ones(2))]

    loud_or_equal(scenario)


def test_a_coroutine():
    async def step(x):
        return x * 2

    with pytest.raises((RecordingError, TypeError), match=r"coroutine|async|generator"):
        minigrad.jit(step)


def test_the_garbage_collector_is_left_as_it_was():
    for enabled in (False, True):
        (gc.enable if enabled else gc.disable)()
        try:
            minigrad.jit(lambda x: x * 2)(minigrad.ones(2))
            assert gc.isenabled() == enabled
            with pytest.raises(RecordingError):
                minigrad.jit(bool)(minigrad.ones(1))
            assert gc.isenabled() == enabled
        finally:
            gc.enable()


def test_a_debugger():
    events = []

    def trace(frame, event, argument):
        events.append(event)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        step = minigrad.jit(lambda x: x * 2)
        results = [step(minigrad.ones(2)) for _ in range(3)]
        assert sys.gettrace() is trace
    finally:
        sys.settrace(before)
    assert events and all(result.tolist() == [2, 2] for result in results)


def test_a_finalizer_that_calls_a_jitted_function():
    inner = minigrad.jit(lambda x: x * 2)
    for _ in range(2):
        inner(minigrad.ones(2))

    class Last:
        def __del__(self):
            inner(minigrad.ones(2))

    @minigrad.jit
    def step(x):
        last = Last()
        del last
        return x * 3

    for _ in range(3):
        assert step(minigrad.ones(2)).tolist() == [3, 3]
