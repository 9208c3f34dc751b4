"""Sequences of several lengths, packed: the rows of all sequences that are running, one time step after the other.

Which row goes where follows from the lengths, and is worked out on the host; moving the rows is one call.
"""

from __future__ import annotations

from typing import Any

from ..autograd.operands import array_of
from ..autograd.primitive import primitive
from ..backend.devices import device_of, to_device, to_host
from ..backend.door import constant, holds, refuse, undivided, whole
from ..backend.library import Array, numpy

__all__: list[str] = []


@primitive(dtype="keep")
def take_rows(xp, input, rows):
    """The `rows` of `input`, no row twice."""
    return input.take(rows, axis=0)


take_rows.vjp(
    input=lambda g, rows, shape_of_input: place_rows(g, rows, count=shape_of_input[0], fill=0),
)


@primitive(dtype="keep")
def place_rows(xp, input, rows, *, count, fill):
    """`count` rows, full of `fill` but for those numbered `rows` (no number twice), which are those of `input`."""
    out = xp.full((count, *input.shape[1:]), fill, dtype=input.dtype)
    out[rows] = input
    return out


place_rows.vjp(input=lambda g, rows: take_rows(g, rows))


def rows_for(rows: Array, array: Array) -> Array:
    """`rows`, from the host, to be used on `array`."""
    return to_device(constant(numpy.ascontiguousarray(rows)), device_of(array))


def packed_order(lengths: Array) -> tuple[Array, Array, Array]:
    """How sequences of falling `lengths` (B,) are packed.

    Returns:
        the time step and the sequence of each packed row, (N,); how many sequences run at each step, (T,).

    >>> packed_order(numpy.array([3, 1]))
    (array([0, 0, 1, 2]), array([0, 1, 0, 0]), array([2, 1, 1]))
    """
    running = numpy.arange(lengths.max(initial=0)).reshape(-1, 1) < lengths
    times, sequences = running.nonzero()
    return times, sequences, running.sum(axis=1)


def lengths_of(batch_sizes: Array) -> Array:
    """The falling lengths (B,) of packed sequences, from how many run at each step, (T,).

    >>> lengths_of(numpy.array([2, 1, 1]))
    array([3, 1])
    """
    return (batch_sizes.reshape(-1, 1) > numpy.arange(batch_sizes[0])).sum(axis=0)


class _Remembered:
    """The values of an array when it was first asked, and whether they still are the same."""

    values: Array | None = None

    def __call__(self, array: Array) -> bool:
        if self.values is None:
            self.values = array.copy()
            return True
        return bool((self.values == array).all())


def known_values(tensor: Any, name: str) -> Array:
    """The values of an integer `tensor` on the host, where the shapes of results depend on them.

    In a recorded step they become a condition of the program: other values have a program of their own.

    Raises:
        RecordingError: while a step is recorded, of what it computes itself, parts of tensors, and tensors on a GPU.
    """
    array = array_of(tensor)
    if not undivided():
        return to_host(array)
    values = _Remembered()
    if not holds(_Remembered(), array):
        refuse(
            f"{name}, on whose values the shapes of packed sequences depend: computed in the step, a part of another "
            "tensor, or on a GPU",
            "pass lengths as a list, or as a tensor of the CPU that is an argument of the step",
        )
    whole(_look, array, values)
    return values.values


def _look(array: Array, values: _Remembered) -> None:
    """Have the values remembered (at each replay they are there already)."""
    if values.values is None:
        values(array)
