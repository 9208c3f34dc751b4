"""Who else sees an array's memory: what must be known before a parameter's array may be put somewhere else.

Views keep a reference to the array that they were taken from, and so do memoryviews and what DLPack hands out. An
array that nobody but its holder refers to is therefore seen by nobody else: `alone(holder)`.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy

from .door import door
from .library import Array, library


class _Lender:
    """Memory of a larger array, as the base of an array over it: NumPy looks for no other base behind it."""

    def __init__(self, part: numpy.ndarray) -> None:
        self.part = part
        self.__array_interface__ = part.__array_interface__


def lent(part: Array) -> Array:
    """An array over the memory of `part`, a contiguous view. Views of it refer to it, not to the owner of the memory.

    >>> flat = numpy.zeros(4)
    >>> place = lent(flat[:2])
    >>> flat[0] = 5.0
    >>> place, flat[:2].base is flat, place[1:].base is place
    (array([5., 0.]), True, True)
    """
    xp = library(part)
    return numpy.asarray(_Lender(part)) if xp is numpy else xp.ndarray(part.shape, part.dtype, part.data)


def own(array: Array) -> bool:
    """True if `array` is the array that its memory was allocated for, or that `lent` made over a part of it."""
    xp = library(array)
    if xp is numpy:
        return bool(array.flags.owndata) or type(array.base) is _Lender
    allocated = xp.cuda.memory  # what came by DLPack or an array interface has no base either, but memory of others
    known = (allocated.Memory, allocated.PooledMemory, allocated.MemoryAsync)
    return array.base is None and isinstance(array.data.mem, known)


def root(array: Array) -> Array:
    """The array whose memory `array` is a view of: itself if of none. Arrays of different roots share no memory."""
    while type(array.base) is type(array):
        array = array.base
    return array


def _references(holder: Any) -> int:
    return sys.getrefcount(holder.array)


class _Holder:
    array = None

    def __init__(self) -> None:
        self.array = object()


_ALONE = _references(_Holder())


def alone(holder: Any) -> bool:
    """True if `holder.array` is referred to by `holder` only. (While a step is recorded, its recorder may.)

    >>> holder = _Holder()
    >>> alone(holder)
    True
    >>> seen = holder.array
    >>> alone(holder)
    False
    """
    recorder = door.recorder
    return (recorder is None or bool(recorder.paused)) and _references(holder) == _ALONE
