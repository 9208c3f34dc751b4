"""The few kernels where the obvious array call is slow, or where the two libraries differ."""

from __future__ import annotations

import math
from typing import Any

from .library import Array, library

_SEVERAL = 256  # numbers from which flat positions pay
_IN_CACHE = 1 << 17  # numbers up to which making an array of zeros pays


def positive_part(xp: Any, x: Array) -> Array:
    """`max(x, 0)`: NumPy's `maximum` of two arrays is vectorised, that of an array and a number is not.

    64 x 128 float32: 1.4 to 2.1 us instead of 3.9, 256 x 512: 18 to 23 instead of 48.
    """
    if xp.__name__ == "numpy" and x.size <= _IN_CACHE:
        return xp.maximum(x, xp.zeros(x.shape, x.dtype))
    return xp.maximum(x, 0)


def add_at(xp: Any, out: Array, key: tuple[Any, ...], values: Any) -> None:
    """`out[key] += values`, where an element that `key` names twice gets both values."""
    first = key[0]
    whole_rows = out.ndim > 1 and not isinstance(first, slice) and all(isinstance(k, slice) for k in key[1:])
    several = getattr(values, "size", 0) > _SEVERAL
    if several and whole_rows and xp.__name__ == "numpy" and out.flags.c_contiguous:
        _add_rows(xp, out, first.reshape(-1), xp.broadcast_to(values, (*first.shape, *out.shape[1:])))
    else:
        xp.add.at(out, key, values)


def _add_rows(xp: Any, out: Array, rows: Array, values: Array) -> None:
    """`out[rows] += values` for whole rows: NumPy's `add.at` is five times as fast along one dimension.

    256 rows of 32 numbers: 15 us instead of 66, 2,048 of 256: 0.9 ms instead of 4.8 (sorting the rows and
    summing each run by `add.reduceat` takes 31 us and 1 to 3 ms).
    """
    width = math.prod(out.shape[1:])
    rows = rows.astype("int64")
    starts = xp.where(rows < 0, rows + out.shape[0], rows) * width
    places = starts.reshape(-1, 1) + xp.arange(width)
    xp.add.at(out.reshape(-1), places.reshape(-1), values.reshape(-1))


def distinct_rows(rows: Array, count: int) -> tuple[Array, Array, int]:
    """The distinct numbers among `rows`, in rising order; for each of `rows` its place among them; and how many of
    them are smaller than `count`: the last may stand for no row."""
    found, places = library(rows).unique(rows, return_inverse=True)
    return found, places, len(found) - 1 if len(found) and int(found[-1]) >= count else len(found)


def sum_rows(rows: Array, values: Array, count: int) -> tuple[Array, Array]:
    """The distinct numbers among `rows`, in rising order, and for each the sum of its `values`.

    Args:
        rows: int64 of shape (n,).
        values: shape (n, *).
        count: numbers from here on stand for no row, and are left out.

    >>> import numpy
    >>> sum_rows(numpy.array([3, 1, 3]), numpy.array([[1.0], [2.0], [4.0]]), 5)
    (array([1, 3]), array([[2.],
           [5.]]))
    """
    xp = library(rows)
    found, places, there = distinct_rows(rows, count)
    shape = (len(found), *values.shape[1:])
    if len(found) == len(rows):  # 4,096 rows of 128 numbers: 0.3 ms instead of 0.7
        sums = xp.empty(shape, dtype=values.dtype)
        sums[places] = values
    else:
        sums = xp.zeros(shape, dtype=values.dtype)
        add_at(xp, sums, (places, *(slice(None),) * (values.ndim - 1)), values)
    return found[:there], sums[:there]
