"""The states of the generators from which everybody draws who was given none: minigrad's, Python's and NumPy's."""

from __future__ import annotations

from typing import Any

from minigrad.backend.devices import resolve
from minigrad.backend.random import default_generator
from minigrad.utils.data.generators import default_generators, get_state, kind_of, set_state


def random_states() -> dict[str, Any]:
    """{name: {"kind": ..., "state": ...}}, plain data. The names are "python", "numpy", and those of devices.

    >>> sorted(random_states())[-2:]
    ['numpy', 'python']
    """
    generators = default_generators()
    return {name: {"kind": kind_of(g), "state": get_state(g)} for name, g in generators.items()}


def restore_random_states(states: dict[str, Any]) -> dict[str, str]:
    """Let the generators go on from what `random_states` gave. Returns why some cannot, by name."""
    left = {}
    for name, saved in states.items():
        generators = default_generators()
        if name not in generators:  # of a device that nothing has been drawn on here
            try:
                generators[name] = default_generator(resolve(name))
            except RuntimeError:
                left[name] = "there is no such device here"
                continue
        if kind_of(generators[name]) != saved["kind"]:
            left[name] = f"it is a {kind_of(generators[name])}, and was a {saved['kind']}"
        else:
            set_state(generators[name], saved["state"])
    for name, generator in default_generators().items():
        if name not in states and hasattr(generator, "manual_seed"):  # as if it had been made now
            generator.manual_seed(default_generators()["cpu"].initial_seed())
    return left
