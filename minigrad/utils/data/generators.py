"""States of random generators of every kind, as plain data that can be compared and saved.

A kind is minigrad's `Generator`; Python's `random.Random`, or the module `random` itself; NumPy's `Generator` and
`RandomState`, or the module `numpy.random`, whose functions draw from a global generator.
"""

from __future__ import annotations

import random
from typing import Any

from ...backend.host import bytes_to_array
from ...backend.library import is_array, numpy
from ...backend.random import Generator, default_generator, default_states

_KINDS = (Generator, random.Random, numpy.random.Generator, numpy.random.RandomState)


def is_generator(thing: Any) -> bool:
    """True for an object whose state `get_state` can give."""
    return isinstance(thing, _KINDS) or thing is random or thing is numpy.random


def kind_of(generator: Any) -> str:
    """What the states of a generator are good for: those of one kind fit each other.

    >>> kind_of(Generator()), kind_of(numpy.random.default_rng(0))
    ('minigrad.Generator on cpu', 'NumPy PCG64')
    """
    if isinstance(generator, Generator):
        return f"minigrad.Generator on {generator.device.type}"
    if generator is random or isinstance(generator, random.Random):
        return "random.Random"
    return f"NumPy {_numpy_state(generator)['bit_generator']}"


def get_state(generator: Any) -> Any:
    """All that is needed to continue the stream, as plain data that compares by value.

    >>> a, b = random.Random(1), random.Random(2)
    >>> set_state(b, get_state(a))
    >>> a.random() == b.random()
    True
    """
    if isinstance(generator, Generator):
        return generator.state_bytes()
    if hasattr(generator, "getstate"):
        return generator.getstate()
    return _plain(_numpy_state(generator))


def set_state(generator: Any, state: Any) -> None:
    """Continue from what `get_state` gave of a generator of this kind."""
    if isinstance(generator, Generator):
        generator.restore_bytes(state)
    elif hasattr(generator, "setstate"):
        generator.setstate(state)
    elif isinstance(generator, numpy.random.Generator):
        generator.bit_generator.state = _arrays(state)
    elif generator is numpy.random and state["bit_generator"] != "MT19937":  # of numpy.random.set_bit_generator
        numpy.random.get_bit_generator().state = _arrays(state)
    else:
        generator.set_state(_arrays(state))


def default_generators() -> dict[str, Any]:
    """The generators from which everybody draws who was given none: minigrad's by device, Python's and NumPy's."""
    return {**minigrad_generators(), "python": random, "numpy": numpy.random}


def minigrad_generators() -> dict[str, Generator]:
    """minigrad's default generators, by the name of their device."""
    return {str(where): default_generator(where) for where in default_states()}


def _numpy_state(generator: Any) -> Any:
    if isinstance(generator, numpy.random.Generator):
        return generator.bit_generator.state
    return generator.get_state(legacy=False)


def _plain(state: Any) -> Any:
    if isinstance(state, dict):
        return {name: _plain(value) for name, value in state.items()}
    if is_array(state):
        return (state.dtype.name, state.tobytes())
    return state


def _arrays(state: Any) -> Any:
    if isinstance(state, dict):
        return {name: _arrays(value) for name, value in state.items()}
    if isinstance(state, tuple):
        return bytes_to_array(state[1]).view(state[0])
    return state
