"""The door through which everything that is not a tensor's array enters a computation.

Operations and optimizers call these functions where something besides arrays matters: a kernel that looks at values,
a random draw, a buffer that is kept between steps, a number that changes from step to step. Eagerly each of them does
the obvious and costs one look at a thread-local attribute. While `minigrad.jit` records a step, the recorder of the
thread stands in the door and notes what it has to repeat. (Tensors' own arrays need none of this: see
`minigrad/recorder/interception.py`.)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

from .library import Array, library

T = TypeVar("T")


class _Door(threading.local):
    recorder: Any = None


door = _Door()


def whole(function: Callable[..., T], *args: Any, writes: tuple[int, ...] = ()) -> T:
    """`function(*args)`, which a recorder takes as one call: inside it, values may be looked at.

    The function gets arrays and returns arrays, or nothing (a check). `writes` are the places of the arguments that it
    changes in place.

    >>> whole(max, 1, 2)
    2
    """
    recorder = door.recorder
    return function(*args) if recorder is None else recorder.whole(function, args, writes)


def holds(test: Callable[[Array], bool], array: Array) -> bool | None:
    """`test(array)`, where values may be looked at: None on a GPU, where a look would mean to wait.

    The order of the elements must not matter. A recorded step is replayed for arguments of which the test says the
    same; None of arrays that it computes itself.

    >>> import numpy
    >>> holds(lambda array: bool((array > 0).all()), numpy.ones(3))
    True
    """
    if library(array).__name__ != "numpy":
        return None
    recorder = door.recorder
    return test(array) if recorder is None else recorder.holds(test, array)


def drawn(generator: Any, function: Callable[..., Array], *args: Any) -> Array:
    """`function(*args)`, an array drawn from `generator`: a recorder draws anew each time."""
    recorder = door.recorder
    return function(*args) if recorder is None else recorder.drawn(generator, function, args)


def constant(array: Array) -> Array:
    """`array`, made from Python's numbers where it is needed: it is the same at each run of this line."""
    recorder = door.recorder
    return array if recorder is None else recorder.constant(array)


def kept(array: Array, name: str) -> Array:
    """`array`, kept from step to step by something that is no tensor; `name` is what a program calls it."""
    recorder = door.recorder
    return array if recorder is None else recorder.kept(array, name)


def admitted(array: Array) -> Array:
    """`array`, which somebody passes to an operation without a tensor around it."""
    recorder = door.recorder
    return array if recorder is None else recorder.admitted([array])[0]


def scratch(array: Array, name: str) -> Array:
    """`array`, of which only the memory matters: what it holds is never read before it is written."""
    recorder = door.recorder
    return array if recorder is None else recorder.scratch(array, name)


def undivided() -> bool:
    """True if elementwise work is to be one call on whole arrays: a recorder divides it into blocks itself."""
    return door.recorder is not None


def changing(function: Callable[..., dict[str, Any]], *args: Any) -> dict[str, Any]:
    """`function(*args)`, numbers by name. Floats among them may change from step to step, anything else may not."""
    recorder = door.recorder
    return function(*args) if recorder is None else recorder.changing(function, args)


class Attribute(NamedTuple):
    """The condition that `owner.name` is the object `value`."""

    owner: Any
    name: str
    value: Any


class Item(NamedTuple):
    """The condition that `mapping[key]` is the object `value`."""

    mapping: Any
    key: Any
    value: Any


class Equal(NamedTuple):
    """The condition that `function(*args)` equals `value`."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    value: Any


class Content(NamedTuple):
    """The condition that a container holds the same as when it was asked for: `container == copy`."""

    container: Any
    copy: Any


class Alike(NamedTuple):
    """The condition that the attribute `name` is equal for all `owners`."""

    owners: list[Any]
    name: str


def settled(function: Callable[..., T], because: Callable[..., Iterable[Any]], *args: Any) -> T:
    """`function(*args)`, which looks at no values and comes out the same as long as the conditions hold that
    `because(result, *args)` lists (`Attribute`, `Item`, `Equal`, `Content`, `Alike`)."""
    recorder = door.recorder
    return function(*args) if recorder is None else recorder.settled(function, because, args)


def effect(function: Callable[..., T], undo: Callable[..., None], *args: Any) -> T:
    """`function(*args)`, for what it does besides computing arrays (counting steps); `undo(*args)` takes it back."""
    recorder = door.recorder
    return function(*args) if recorder is None else recorder.effect(function, undo, args)


def unsettle(what: str) -> None:
    """Say that something has just been laid out anew: a step that is being recorded has to be recorded later."""
    if door.recorder is not None:
        door.recorder.postpone(what)


def refuse(what: str, instead: str) -> None:
    """Say that a recorded step cannot do `what`, and what to do `instead`. Nothing happens in an eager one."""
    if door.recorder is not None:
        door.recorder.refuse(what, instead)


def module_of(xp: Any) -> Any:
    """The functions of the library `xp`, as they are to be called now."""
    recorder = door.recorder
    return xp if recorder is None else recorder.module(xp)
