"""What a recording consists of: memory, the arrays that lie in it, and the calls that made them.

A `Memory` is what one allocation was in the eager run; a `Value` is one array in it, the whole of it or a view; a
`Call` is one line of the program to be. Where a line comes from is its `Origin`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Origin:
    """Where a call comes from.

    Attributes:
        phase: "forward", "backward" or "optimizer".
        layer: the path of the innermost module, "" outside of modules.
        operation: name of the primitive, or of the optimizer's class.
        line: (file, number) of the user's line.
    """

    __slots__ = ("layer", "line", "operation", "phase")

    def __init__(self, phase: str, layer: str, operation: str, line: tuple[str, int]) -> None:
        self.phase, self.layer, self.operation, self.line = phase, layer, operation, line

    def __str__(self) -> str:
        return " ".join(part for part in (self.layer, self.operation, self.phase) if part)


class Unseen:
    """The base of an array that is a view of another which nobody has seen."""

    base = None


class Memory:
    """One allocation of the eager run.

    Attributes:
        kind: "temporary" (made by a call of the step), "constant" (the same in each step), "outside" (a parameter, a
            buffer of an optimizer: whoever else sees it), "argument" (of the step, another array at each call), or
            "gradient" (what a tensor from outside holds as its `.grad` when the step begins).
        size: in bytes.
        writes: numbers of the calls that change it in place after it was made.
        owner: the value that is the whole of it.
        unseen: stands for what the owner is a view of, where it is one.
    """

    __slots__ = ("kind", "owner", "size", "unseen", "writes")

    def __init__(self, kind: str, size: int) -> None:
        self.kind = kind
        self.size = size
        self.writes: list[int] = []
        self.unseen = Unseen()
        self.owner: Value | None = None


class Value:
    """One array of the recording, or a scalar of NumPy's or Python's.

    Attributes:
        array: what it was in the recorded run.
        memory: where it lies; a scalar has none that anyone could see.
        call: the call that made it, None for what comes from outside.
        scalar: True for numbers that are no arrays: they are local variables of the program.
    """

    __slots__ = ("array", "call", "memory", "name", "scalar")

    def __init__(self, array: Any, memory: Memory, call: Call | None = None, scalar: bool = False) -> None:
        self.array = array
        self.memory = memory
        self.call = call
        self.scalar = scalar
        self.name = ""
        if memory.owner is None:
            memory.owner = self


#: kinds of calls whose result depends on nothing but what they are given
PURE = {"ufunc", "function", "method", "operator", "subscript", "view", "make"}


class Call:
    """One call of an array library's function.

    Attributes:
        function: what was called; `text` is how the program writes it.
        args, kwargs: its arguments, with `Value`s for arrays, in lists and tuples too.
        outs: what it returned, the parts if it was a tuple.
        writes: the values that it changes in place.
        kind: "ufunc", "function", "method" (of the first argument), "view", "make" (an array from nothing), "item"
            (in place by subscript), "draw" (random numbers), "effect" (kept even though nobody reads a result).
        several: True if it returned a tuple.
    """

    __slots__ = (
        "_reads", "args", "function", "kind", "kwargs", "number", "origin", "outs", "several", "text", "writes",
    )  # fmt: skip

    def __init__(
        self, kind: str, function: Any, text: str, args: tuple, kwargs: dict[str, Any], origin: Origin
    ) -> None:
        self.kind, self.function, self.text = kind, function, text
        self.args, self.kwargs = args, kwargs
        self.origin = origin
        self.outs: list[Value] = []
        self.writes: list[Value] = []
        self.several = False
        self.number = 0
        self._reads: list[Value] | None = None

    def reads(self) -> list[Value]:
        """The values among its arguments."""
        if self._reads is None:
            self._reads = [*values_in(self.args), *values_in(self.kwargs)]
        return self._reads

    def rename(self, change: Callable[[Any], Any]) -> None:
        """Replace what stands in its arguments."""
        self.args, self.kwargs, self._reads = mapped(self.args, change), mapped(self.kwargs, change), None


def values_in(part: Any) -> list[Value]:
    """The values in nested lists, tuples and dicts."""
    if isinstance(part, Value):
        return [part]
    if isinstance(part, (list, tuple)):
        return [value for each in part for value in values_in(each)]
    if isinstance(part, dict):
        return [value for each in part.values() for value in values_in(each)]
    if isinstance(part, slice):
        return values_in((part.start, part.stop, part.step))
    return []


def mapped(part: Any, change: Callable[[Any], Any]) -> Any:
    """Nested lists, tuples, dicts and slices with `change` applied to what stands in them."""
    if type(part) in (list, tuple):
        return type(part)([mapped(each, change) for each in part])
    if isinstance(part, tuple) and hasattr(part, "_fields"):
        return type(part)(*[mapped(each, change) for each in part])
    if isinstance(part, tuple):
        return tuple([mapped(each, change) for each in part])
    if type(part) is dict:
        return {key: mapped(each, change) for key, each in part.items()}
    if type(part) is slice:
        return slice(change(part.start), change(part.stop), change(part.step))
    return change(part)
