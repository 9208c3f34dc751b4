"""Arrays placed by hand in a stretch of host memory."""

from __future__ import annotations

from typing import Any

import numpy as np

_LINE = 64  # bytes of a cache line, and of the widest vector registers


def block(size: int) -> np.ndarray:
    """`size` bytes of memory that begin on a cache line, as an array of uint8."""
    padded = np.empty(size + _LINE, dtype=np.uint8)
    start = -padded.__array_interface__["data"][0] % _LINE
    return padded[start : start + size]


def array_in(memory: np.ndarray, offset: int, shape: tuple[int, ...], dtype: Any, strides: Any = None) -> np.ndarray:
    """The array of `shape` that begins `offset` bytes into `memory`; strides in bytes, by default those of C.

    >>> memory = block(64)
    >>> array_in(memory, 8, (2, 3), np.dtype("float32")).shape
    (2, 3)
    """
    return np.ndarray(shape, dtype, memory.data, offset, strides)
