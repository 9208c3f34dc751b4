"""`embedding_bag`: rows of a table looked up in bags, and the rows of each bag brought together.

It consists of other operations: a lookup, whose gradient may be row-sparse, and a sum of the rows with one place
each. A row that belongs to no bag (padding, what stands behind the last offset) has the place behind the last bag.
"""

from __future__ import annotations

from typing import Any

from ..autograd.operands import array_of
from ..autograd.public import public
from ..autograd.row_sparse import spread
from ..backend.door import whole
from ..backend.library import library
from .embedding import embedding_, outside, scale_down
from .indexing import index, mask_write
from .shape import reshape

__all__ = ["embedding_bag"]


@public
def embedding_bag(
    input: Any,
    weight: Any,
    offsets: Any = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Any:
    """For each bag of row numbers the sum, the mean or the maximum of the rows of `weight` that it names.

    Args:
        input: int64 or int32; (bags, length), or (n,) for bags of any lengths, one after the other.
        weight: the table, shape (rows, features).
        offsets: int64 or int32 (bags,), where each bag begins in an `input` of one dimension, from 0 on.
        max_norm: before they are looked up, rows with a larger norm (of order `norm_type`) are scaled down to it, in
            place.
        scale_grad_by_freq: divide each row's gradient by how often `input` names it (not for "max").
        mode: "sum", "mean" or "max".
        sparse: the gradient of a leaf is a `RowSparse` (not for "max").
        per_sample_weights: a factor for each row that is looked up, shaped like `input` (for "sum" only).
        include_last_offset: there is one more offset, where the last bag ends.
        padding_idx: this row counts for nothing, and gets no gradient; negative numbers count from the end.

    Returns:
        shape (bags, features); zeros for an empty bag.

    Departs from PyTorch 2.13 on the CPU: there `scale_grad_by_freq` divides by the frequency of other rows, the "mean"
    of the last bag counts what stands behind the last offset, and "max" overlooks a NaN that is not the first.

    Raises:
        ValueError: a wrong number of dimensions, a shape or a mode that does not fit.
        RuntimeError: a wrong dtype, a row that does not exist, offsets that do not rise from 0 to at most n. (The
            values of CUDA arrays are not looked at.)

    >>> import minigrad
    >>> table = minigrad.tensor([[0.0, 1.0], [10.0, 11.0], [20.0, 21.0]])
    >>> embedding_bag(minigrad.tensor([1, 2, 0]), table, minigrad.tensor([0, 2]), mode="sum")
    tensor([[30., 32.],
            [ 0.,  1.]])
    """
    rows, table, starts = array_of(input), array_of(weight), array_of(offsets)
    _check_shapes(rows, table, starts, array_of(per_sample_weights))
    _check_mode(mode, sparse, scale_grad_by_freq, per_sample_weights is not None)
    count = table.shape[0]
    if padding_idx is not None:
        if not -count <= padding_idx < count:
            raise RuntimeError(f"padding_idx must be within the {count} rows of the table, got {padding_idx}")
        padding_idx %= count
    n, length = rows.size, None
    if rows.ndim == 2:
        bags, length = rows.shape
        places = library(rows).arange(bags).repeat(length)
        rows = rows.reshape(-1)
    else:
        bags = starts.shape[0] - bool(include_last_offset)
        if bags < 0:
            raise RuntimeError("embedding_bag() with include_last_offset takes at least one offset, got none")
        if library(starts).__name__ == "numpy":
            whole(_refuse_offsets, starts, n)
        places = whole(_places, starts, n)
    if library(rows).__name__ == "numpy" and n:
        whole(_refuse_outside, rows, count)
    if padding_idx is not None:
        places = library(rows).where(rows == padding_idx, bags, places)
    if max_norm is not None:
        scale_down(weight, rows, max_norm, norm_type)
    found = embedding_(weight, rows, padding_idx=padding_idx, by_frequency=scale_grad_by_freq, sparse=sparse)
    if per_sample_weights is not None:
        found = found * reshape(per_sample_weights, (n, 1))
    if mode == "max" and n:
        return _maxima(found, places, bags)
    if length is not None and padding_idx is None:  # 1,024 bags of 20 rows of 64 numbers: 0.5 ms instead of 1.6
        total = reshape(found, (bags, length, table.shape[1])).sum(1)
    else:
        total = spread(found, places, count=bags)
    return total / whole(_sizes, places, bags, table.dtype) if mode == "mean" else total


def _maxima(found: Any, places: Any, bags: int) -> Any:
    """The largest element of each column in each bag; the gradient goes to the first of several."""
    values = array_of(found)
    first = whole(_first_maxima, values, places, bags)
    empty = first == values.shape[0]
    xp = library(values)
    largest = index(found, xp.where(empty, 0, first), xp.arange(values.shape[1]), key=(0, 1))
    return mask_write(largest, 0, empty)


def _first_maxima(values: Any, places: Any, bags: int) -> Any:
    """Where in `values` (n, features) the largest elements of the bags stand; n for an empty bag."""
    xp, n = library(values), len(values)
    if values.dtype.itemsize < 4:
        values = values.astype("float32")  # CuPy's maximum.at takes no float16
    largest = _reduced(xp.maximum, values, places, bags + 1, -xp.inf)
    candidates = xp.where((values == largest[places]) | xp.isnan(values), xp.arange(n).reshape(-1, 1), n)
    return _reduced(xp.minimum, candidates, places, bags + 1, n)[:bags]


def _reduced(ufunc: Any, values: Any, places: Any, count: int, start: Any) -> Any:
    """What `ufunc` makes of `start` and the rows at each of `count` places."""
    xp = library(values)
    out = xp.full((count, values.shape[1]), start, dtype=values.dtype)
    if xp.__name__ != "numpy":
        ufunc.at(out, places, values)
        return out
    order = places.argsort(kind="stable")  # NumPy's maximum.at takes 15 times as long
    places = places[order]
    first = xp.flatnonzero(xp.diff(places, prepend=-1))
    out[places[first]] = ufunc.reduceat(values[order], first, axis=0)
    return out


def _places(starts: Any, n: int) -> Any:
    """The bag of each of n rows. Behind the last offset of `include_last_offset` there is none."""
    xp = library(starts)
    return xp.maximum(xp.searchsorted(starts, xp.arange(n, dtype=starts.dtype), side="right") - 1, 0)


def _sizes(places: Any, bags: int, dtype: Any) -> Any:
    """How many rows are in each bag, at least 1, shape (bags, 1)."""
    xp = library(places)
    return xp.maximum(xp.bincount(places, minlength=bags + 1)[:bags], 1).astype(dtype).reshape(-1, 1)


def _check_shapes(rows: Any, table: Any, starts: Any, factors: Any) -> None:
    for what, given in (("indices", rows), ("offsets", starts)):
        dtype = getattr(given, "dtype", None)
        if given is not None and (dtype is None or dtype.kind != "i" or dtype.itemsize < 4):
            raise RuntimeError(f"embedding_bag() takes int64 or int32 {what}, got {dtype or type(given).__name__}")
    if table.ndim != 2:
        raise ValueError(f"embedding_bag() takes a weight of shape (rows, features), got {tuple(table.shape)}")
    if table.dtype.kind != "f":
        raise RuntimeError(f"embedding_bag() takes a floating point weight, got {table.dtype}")
    if rows.ndim not in (1, 2):
        raise ValueError(f"embedding_bag() takes indices of 1 or 2 dimensions, got shape {tuple(rows.shape)}")
    if rows.ndim == 2 and starts is not None:
        raise ValueError("embedding_bag() of indices (bags, length) takes no offsets: each row is a bag")
    if rows.ndim == 1 and (starts is None or starts.ndim != 1):
        given = "None" if starts is None else f"shape {tuple(starts.shape)}"
        raise ValueError(f"embedding_bag() of indices (n,) needs offsets of one dimension, got {given}")
    if factors is not None and factors.shape != rows.shape:
        raise ValueError(
            f"per_sample_weights must be shaped like the indices, {tuple(rows.shape)}, got {tuple(factors.shape)}"
        )
    if factors is not None and factors.dtype != table.dtype:
        raise RuntimeError(f"per_sample_weights must have the weight's dtype, {table.dtype}, got {factors.dtype}")


def _check_mode(mode: str, sparse: bool, by_frequency: bool, weighted: bool) -> None:
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"mode must be 'sum', 'mean' or 'max', got {mode!r}")
    if mode == "max" and (by_frequency or sparse):
        what = "scale_grad_by_freq" if by_frequency else "sparse"
        raise ValueError(f"mode 'max' does not support {what}=True")
    if weighted and mode != "sum":
        raise NotImplementedError(f"per_sample_weights is for mode 'sum', got mode {mode!r}")


def _refuse_offsets(starts: Any, n: int) -> None:
    if not starts.size:
        return
    if starts[0] != 0 or starts[-1] > n or (starts[1:] < starts[:-1]).any():
        raise RuntimeError(f"offsets must rise from 0 to at most {n}, the number of indices, got {starts.tolist()}")


def _refuse_outside(rows: Any, count: int) -> None:
    bad = outside(rows, count)
    if bad is not None:
        raise RuntimeError(f"embedding_bag(): index {bad} is out of range in a table of {count} rows")
