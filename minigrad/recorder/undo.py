"""Taking back what a run has changed, so that a step that cannot be recorded has done nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_ABSENT = object()


class Undo:
    """What has to be put back, in the order in which it was changed."""

    def __init__(self) -> None:
        self._steps: list[tuple[Callable[..., Any], tuple]] = []
        self._seen: set[tuple[Any, ...]] = set()
        self._alive: list[Any] = []  # what ids were taken of

    def _first(self, thing: Any, *what: Any) -> bool:
        key = (id(thing), *what)
        if key in self._seen:
            return False
        self._seen.add(key)
        self._alive.append(thing)
        return True

    def array(self, array: Any) -> None:
        """Remember the values of an array that is about to be changed in place."""
        if self._first(array):
            self._steps.append((_restore, (array, array.copy())))

    def attribute(self, owner: Any, name: str) -> None:
        """Remember an attribute that is about to be set, as it stands in the owner's `__dict__`."""
        if self._first(owner, name):
            self._steps.append((_reset, (owner.__dict__, name, owner.__dict__.get(name, _ABSENT))))

    def generator(self, generator: Any) -> None:
        """Remember the state of a random generator that is about to draw."""
        if self._first(generator):
            self._steps.append((generator.restore_bytes, (generator.state_bytes(),)))

    def later(self, function: Callable[..., Any], args: tuple) -> None:
        """Remember to call `function(*args)`."""
        self._steps.append((function, args))

    def run(self) -> None:
        """Put everything back."""
        while self._steps:
            function, args = self._steps.pop()
            function(*args)


def _restore(array: Any, before: Any) -> None:
    array[...] = before


def _reset(attributes: dict[str, Any], name: str, before: Any) -> None:
    if before is _ABSENT:
        attributes.pop(name, None)
    else:
        attributes[name] = before
