"""What a step reads through Python: closures, globals, containers, objects, iterators.

Each test is a trap as a hostile user would set it. It ends in one of two ways: every result equals the eager run to the
last bit, or recording raises an error that names the user's line and says what to do. Never a stale value.
"""

from __future__ import annotations

import functools
import types
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import pytest
from recorded_helpers import (
    Net,
    Settings,
    both_ways,
    loud_or_equal,
)

import minigrad
from minigrad import nn

# Names that the step reads: closures, globals, other modules

SCALE = 1.0
CONSTANT = minigrad.tensor([1.0, 2.0, 3.0])
settings = types.ModuleType("settings")


def combine(a, b):
    return a * b


def rebound(name, values):
    """A scenario that gives a global name of this file one value after the other, and undoes it."""

    def scenario(jit):
        before = globals()[name]
        step = jit(lambda x: combine(x, SCALE) + CONSTANT)
        try:
            for value in values:
                globals()[name] = value
                for _ in range(3):
                    yield step(minigrad.randn(3))
        finally:
            globals()[name] = before

    return scenario


@pytest.mark.parametrize(
    "name, values",
    [
        ("SCALE", [1.0, 2.0, 3, True, 0.0, -0.0, float("nan")]),
        ("CONSTANT", [minigrad.ones(3), minigrad.zeros(3), 5.0, minigrad.ones(3, dtype=minigrad.float64)]),
        ("combine", [lambda a, b: a + b, minigrad.sub, functools.partial(minigrad.add, alpha=2), max]),
    ],
    ids=["number", "tensor", "function"],
)
def test_a_global_name_rebound(name, values):
    if name == "combine":
        values = values[:3]
    both_ways(rebound(name, values), at_least=2 * len(values) - 4)


@pytest.mark.parametrize("first, second", [(2, 2.0), (1, True), (0.0, -0.0), (2.0, 2)], ids=str)
def test_a_number_rebound_to_one_that_compares_equal(first, second):
    def scenario(jit):
        scale = first
        step = jit(lambda x: (1 / (minigrad.ones(3) * scale), x * scale))
        for k in range(6):
            scale = first if k < 3 else second
            yield step(minigrad.tensor([1, 2, 3]))

    both_ways(scenario, at_least=2)


@pytest.mark.parametrize("first, second", [(0.0, -0.0), (1, True), (2, 2.0)], ids=str)
def test_an_attribute_set_to_a_number_that_compares_equal(first, second):
    def scenario(jit):
        model = Net()
        step = jit(lambda x: (x * model.scale, 1 / (minigrad.ones(1) * model.scale)))
        for k in range(6):
            model.scale = first if k < 3 else second
            yield step(minigrad.tensor([1, 2, 3]))

    both_ways(scenario, at_least=2)


def test_closure_variables_rebound():
    def scenario(jit):
        scale, other, act = 2.0, minigrad.ones(3), minigrad.tanh
        step = jit(lambda x: act(x * scale + other))
        for k in range(12):
            if k == 3:
                scale = 5.0
            if k == 6:
                other = minigrad.zeros(3)
            if k == 9:
                act = minigrad.exp
            yield step(minigrad.randn(3))

    both_ways(scenario, at_least=6)


def test_a_closure_variable_of_a_helper_inside_a_helper():
    def scenario(jit):
        scale = 2.0

        def inner(x):
            return x * scale

        def outer(x):
            return inner(x) + 1

        step = jit(outer)
        for k in range(6):
            scale = [2.0, 3.0][k // 3]
            yield step(minigrad.ones(3))

    both_ways(scenario, at_least=4)


def hidden_helpers(make_step):
    """A scenario in which the closure variable `scale` is read by a function that no name of the step leads to."""

    def scenario(jit):
        scale = 2.0

        def scaled(x):
            return x * scale

        step = make_step(jit, scaled)
        for k in range(6):
            scale = [2.0, 3.0][k // 3]
            yield step(minigrad.ones(3))

    return scenario


class Holder:
    def __init__(self, function):
        self.function = function

    def __call__(self, x):
        return self.function(x)


HELPERS = {
    "partial": lambda jit, f: jit(functools.partial(f)),
    "partial in a closure": lambda jit, f: (lambda g: jit(lambda x: g(x)))(functools.partial(f)),
    "list": lambda jit, f: (lambda fs: jit(lambda x: fs[0](x)))([f]),
    "dict": lambda jit, f: (lambda fs: jit(lambda x: fs["f"](x)))({"f": f}),
    "object": lambda jit, f: (lambda h: jit(lambda x: h.function(x)))(Holder(f)),
    "callable object": lambda jit, f: jit(Holder(f)),
    "jitted function": lambda jit, f: (lambda g: jit(lambda x: g(x)))(jit(f)),
    "argument": lambda jit, f: (lambda g: lambda x: g(x, f))(jit(lambda x, g: g(x))),
    "module's attribute": lambda jit, f: (lambda m: jit(lambda x: m(x)))(
        type("M", (nn.Module,), {"forward": lambda self, x: f(x)})()
    ),
    "static method": lambda jit, f: (lambda c: jit(lambda x: c.f(x)))(type("C", (), {"f": staticmethod(f)})),
    "default": lambda jit, f: jit(lambda x, g=f: g(x)),
    "cached": lambda jit, f: (lambda g: jit(lambda x: g()(x)))(functools.lru_cache(lambda: f)),
    "hook": lambda jit, f: (lambda m: jit(lambda x: m(x)))(hooked(nn.Identity(), f)),
}


def hooked(module, function):
    module.register_forward_hook(lambda module, args, output: function(output))
    return module


@pytest.mark.parametrize("make_step", HELPERS.values(), ids=HELPERS.keys())
def test_a_closure_variable_of_a_function_that_is_reached_in_a_roundabout_way(make_step):
    both_ways(hidden_helpers(make_step), at_least=4)


def test_a_model_whose_class_reads_a_variable_around_it():
    def scenario(jit):
        scale = 2.0

        class Local(nn.Module):
            def forward(self, x):
                return x * scale

        model = Local()
        step = jit(lambda x: model(x))
        for k in range(6):
            scale = [2.0, 3.0][k // 3]
            yield step(minigrad.ones(3))

    both_ways(scenario, at_least=4)


def test_numbers_in_another_module():
    def scenario(jit):
        settings.scale = 2.0
        step = jit(lambda x: x * settings.scale)
        for k in range(6):
            settings.scale = [2.0, 3.0][k // 3]
            yield step(minigrad.ones(3))

    both_ways(scenario, at_least=2)


def test_default_arguments_changed():
    def scenario(jit):
        def scaled(x, scale=2.0, *, shift=0.0):
            return x * scale + shift

        step = jit(lambda x: scaled(x))
        for k in range(9):
            scaled.__defaults__ = ([2.0, 3.0, 3.0][k // 3],)
            scaled.__kwdefaults__["shift"] = [0.0, 0.0, 1.0][k // 3]
            yield step(minigrad.ones(3))

    both_ways(scenario, at_least=3)


@dataclass(slots=True)
class Slotted:
    scale: float = 2.0


CONTAINERS = {
    "namespace": (types.SimpleNamespace(scale=2.0), lambda c: c.scale, lambda c, v: setattr(c, "scale", v)),
    "dataclass": (Settings(), lambda c: c.scale, lambda c, v: setattr(c, "scale", v)),
    "slots": (Slotted(), lambda c: c.scale, lambda c, v: setattr(c, "scale", v)),
    "nested": (Settings(other=Settings()), lambda c: c.other.scale, lambda c, v: setattr(c.other, "scale", v)),
    "dict": ({"scale": 2.0}, lambda c: c["scale"], lambda c, v: c.update(scale=v)),
    "ordered": (OrderedDict(scale=2.0), lambda c: c["scale"], lambda c, v: c.update(scale=v)),
    "list": ([2.0], lambda c: c[0], lambda c, v: c.__setitem__(0, v)),
    "list in dict": ({"a": [2.0]}, lambda c: c["a"][0], lambda c, v: c["a"].__setitem__(0, v)),
    "tuple with list": (([2.0],), lambda c: c[0][0], lambda c, v: c[0].__setitem__(0, v)),
    "set": ({2.0}, lambda c: sum(c), lambda c, v: (c.clear(), c.add(v))),
    "bytearray": (bytearray([2]), lambda c: c[0], lambda c, v: c.__setitem__(0, int(v))),
    "function attribute": (combine, lambda c: c.scale, lambda c, v: setattr(c, "scale", v)),
    "numpy": (np.array([2.0]), lambda c: float(c[0]), lambda c, v: c.__setitem__(0, v)),
    "numpy item": (np.array([2.0]), lambda c: c[0].item(), lambda c, v: c.__setitem__(0, v)),
}


@pytest.mark.parametrize("container, read, write", CONTAINERS.values(), ids=CONTAINERS.keys())
def test_a_number_changed_inside_an_object_that_the_step_reads(container, read, write):
    def scenario(jit):
        write(container, 2.0)
        step = jit(lambda x: x * read(container))
        for k in range(6):
            write(container, [2.0, 3.0][k // 3])
            yield step(minigrad.ones(3))

    loud_or_equal(scenario)


@pytest.mark.parametrize("container, read, write", CONTAINERS.values(), ids=CONTAINERS.keys())
def test_a_number_changed_inside_an_argument(container, read, write):
    if not isinstance(container, np.ndarray):

        def scenario(jit):
            write(container, 2.0)
            step = jit(lambda x, c: x * read(c))
            for k in range(6):
                write(container, [2.0, 3.0][k // 3])
                yield step(minigrad.ones(3), container)

        loud_or_equal(scenario)


@pytest.mark.parametrize("name", ["namespace", "dataclass", "dict", "ordered", "list", "list in dict"])
def test_a_tensor_exchanged_inside_an_object_that_the_step_reads(name):
    container, read, write = CONTAINERS[name]

    def scenario(jit):
        write(container, minigrad.ones(3))
        step = jit(lambda x: x * read(container))
        for k in range(6):
            if k == 3:
                write(container, minigrad.zeros(3))
            yield step(minigrad.ones(3))
        write(container, 2.0)

    both_ways(scenario, at_least=2)


@pytest.mark.parametrize("name", ["namespace", "dataclass", "dict", "ordered", "list", "list in dict"])
def test_a_tensor_exchanged_inside_an_argument(name):
    container, read, write = CONTAINERS[name]

    def scenario(jit):
        write(container, minigrad.ones(3))
        step = jit(lambda x, c: x * read(c))
        for k in range(6):
            if k == 3:
                write(container, minigrad.zeros(3))
            yield step(minigrad.ones(3), container)
        write(container, 2.0)

    both_ways(scenario, at_least=2)


def test_a_list_of_layers_or_weights_grows():
    def scenario(jit):
        weights = [1.0]
        step = jit(lambda x: sum([x * w for w in weights]))
        for k in range(6):
            if k == 3:
                weights.append(2.0)
            yield step(minigrad.ones(3))

    both_ways(scenario, at_least=2)


def test_a_counter_in_a_global_a_closure_and_an_object():
    for kind in ("closure", "object", "list", "dict"):

        def scenario(jit, kind=kind):
            count, thing, many, named = 0, types.SimpleNamespace(count=0), [0], {"count": 0}

            @jit
            def step(x):
                nonlocal count
                if kind == "closure":
                    count += 1
                elif kind == "object":
                    thing.count += 1
                elif kind == "list":
                    many[0] += 1
                else:
                    named["count"] += 1
                return x * (count + thing.count + many[0] + named["count"])

            for _ in range(5):
                yield step(minigrad.ones(3))

        loud_or_equal(scenario)


def test_data_taken_from_an_iterator_inside_the_step():
    for wrap in (iter, lambda some: (each for each in some), enumerate):

        def scenario(jit, wrap=wrap):
            data = wrap([minigrad.full((3,), float(k)) for k in range(20)])

            @jit
            def step(x):
                taken = next(data)
                return x + (taken[1] if isinstance(taken, tuple) else taken)

            for _ in range(5):
                yield step(minigrad.ones(3))

        loud_or_equal(scenario)


def test_a_queue_emptied_inside_the_step():
    def scenario(jit):
        waiting = [minigrad.full((3,), float(k)) for k in range(20)]
        step = jit(lambda x: x + waiting.pop())
        for _ in range(5):
            yield step(minigrad.ones(3))

    loud_or_equal(scenario)


def test_a_generator_function_is_no_step():
    def step(x):
        yield x * 2

    with pytest.raises(TypeError, match="generator"):
        minigrad.jit(step)
