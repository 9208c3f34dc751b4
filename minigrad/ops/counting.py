"""Values counted and looked up: `unique`, `bincount`, `histc`, `histogram`, `searchsorted`, `bucketize`.

None of these has a gradient.
"""

from __future__ import annotations

import math
from typing import Any

from ..autograd.primitive import primitive
from ..autograd.public import public
from ..backend.door import whole
from ..backend.library import library
from . import return_types
from .dims import one_dim

# --- primitives ----------------------------------------------------------------------------------------------


@primitive(dtype="keep", differentiable=False)
def unique_(xp, input, *, dim, neighbours):
    """(distinct elements, or slices along `dim`; which of them each was; how often each occurs).

    `neighbours`: only those that follow each other are compared; else all, and the result is sorted.
    """
    whole = input.reshape(-1, 1) if dim is None else xp.moveaxis(input, dim, 0)
    rows = whole.reshape(whole.shape[0], math.prod(whole.shape[1:]))
    n = rows.shape[0]
    if neighbours or not rows.shape[1]:
        order = xp.arange(n)
    elif rows.shape[1] == 1:
        order = xp.argsort(rows[:, 0], kind="stable")
    else:
        order = xp.lexsort(xp.ascontiguousarray(_sortable(rows).T[::-1]))
    ordered = rows[order]
    new = xp.ones(n, dtype=bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    starts = xp.nonzero(new)[0]
    inverse = xp.empty(n, dtype="int64")
    inverse[order] = xp.cumsum(new) - 1
    counts = xp.empty(starts.shape, dtype="int64")
    counts[:-1] = starts[1:] - starts[:-1]
    counts[-1:] = n - starts[-1:]
    distinct = ordered[starts].reshape((starts.shape[0], *whole.shape[1:]))
    if dim is None:
        return distinct.reshape(-1), inverse.reshape(input.shape), counts
    return xp.moveaxis(distinct, 0, dim), inverse, counts


def _sortable(rows):
    """CuPy's lexsort knows neither bool nor float16."""
    return rows.astype("uint8" if rows.dtype.kind == "b" else "float32") if rows.dtype in ("bool", "float16") else rows


@primitive(differentiable=False, fixed=("sorter",))
def searchsorted_(xp, sorted_sequence, input, sorter=None, *, right, small):
    """Where to insert each input so that the rows of `sorted_sequence` stay sorted."""
    side = "right" if right else "left"
    values = xp.asarray(input)
    if sorter is not None:
        sorted_sequence = xp.take_along_axis(sorted_sequence, sorter, -1)
    if sorted_sequence.ndim == 1:
        found = xp.searchsorted(sorted_sequence, values, side=side)
    else:
        rows = sorted_sequence.reshape(-1, sorted_sequence.shape[-1])
        wanted = values.reshape(rows.shape[0], -1)
        found = xp.stack([xp.searchsorted(row, v, side=side) for row, v in zip(rows, wanted)]).reshape(values.shape)
    return xp.asarray(found).astype("int32" if small else "int64")


@primitive(dtype="keep", differentiable=False)
def bincount_(xp, input, weights=None, *, minlength):
    """How often each of 0, 1, 2, ... occurs, or the sum of its weights."""
    if input.ndim != 1 or input.dtype.kind not in "iu":
        raise RuntimeError("bincount() takes integers that are not negative, in one dimension")
    whole(_refuse_negative, input)
    if weights is None:
        return xp.bincount(input, minlength=minlength).astype("int64", copy=False)
    if weights.shape != input.shape:
        raise RuntimeError(f"bincount(): {weights.shape} weights for {input.shape} elements: they must be equally many")
    return xp.bincount(input, weights=weights, minlength=minlength).astype(
        weights.dtype if weights.dtype.kind == "f" else "float64", copy=False
    )


def _refuse_negative(numbers):
    if numbers.size and int(numbers.min()) < 0:
        raise RuntimeError("bincount() takes integers that are not negative, in one dimension")


@primitive(dtype="keep", accepts="f", differentiable=False)
def histc_(xp, input, *, bins, min, max):
    """Numbers of elements in intervals of one width; x falls into number (x - min) * bins / width."""
    return whole(_histc, input, bins, min, max)


def _histc(input, bins, min, max):
    flat, xp = input.reshape(-1), library(input)
    if min == max and flat.size:
        min, max = flat.min(), flat.max()
        if not (math.isfinite(min) and math.isfinite(max)):
            raise RuntimeError(f"histc(): the range of the data must be finite, got {float(min)} to {float(max)}")
    if min == max:
        min, max = min - 1, max + 1
    flat = flat[(flat >= min) & (flat <= max)]
    place = ((flat - min) * bins / (max - min)).astype("int64")
    return xp.bincount(xp.minimum(place, bins - 1), minlength=bins).astype(input.dtype)


@primitive(dtype="keep", differentiable=False)
def histogram_(xp, input, weight=None, *, bins, range, density):
    """(numbers in each bin, edges of the bins), both in the dtype of the input."""
    return whole(_histogram, input, weight, bins, range, density)


def _histogram(input, weight, bins, range, density):
    flat, xp = input.reshape(-1), library(input)
    weights = None if weight is None else weight.reshape(-1)
    if not hasattr(bins, "shape"):
        low, high = range if range is not None else (0.0, 0.0)
        if low == high and range is None:
            low, high = (float(flat.min()), float(flat.max())) if flat.size else (0.0, 1.0)
        if not (math.isfinite(low) and math.isfinite(high)) or low > high:
            raise RuntimeError(f"the range of a histogram must be finite and rising, got {low} to {high}")
        if low == high:
            low, high = low - 0.5, high + 0.5
        bins = xp.linspace(low, high, bins + 1, dtype=input.dtype)
    hist, edges = xp.histogram(flat, bins=bins, weights=weights, density=density)
    return hist.astype(input.dtype), edges.astype(input.dtype)


@primitive(differentiable=False)
def isin_(xp, elements, test_elements, *, invert):
    """Whether each element is among others."""
    return xp.isin(elements, xp.asarray(test_elements), invert=invert)


# --- public functions ----------------------------------------------------------------------------------------


def _chosen(results, return_inverse, return_counts):
    values, inverse, counts = results
    chosen = (values, *([inverse] if return_inverse else ()), *([counts] if return_counts else ()))
    return chosen if len(chosen) > 1 else values


@public
def unique(
    input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: Any = None
) -> Any:
    """The distinct elements, sorted; or the distinct slices along `dim`.

    Returns:
        the values, and as asked for: for each element the place of its value, and how often each value occurs.

    >>> import minigrad
    >>> minigrad.unique(minigrad.tensor([3, 1, 3]), return_counts=True)
    (tensor([1, 3]), tensor([1, 2]))
    """
    dim = None if dim is None else one_dim(dim, input.ndim)
    return _chosen(unique_(input, dim=dim, neighbours=False), return_inverse, return_counts)


@public
def unique_consecutive(input: Any, return_inverse: bool = False, return_counts: bool = False, dim: Any = None) -> Any:
    """The elements (or slices along `dim`) without those that equal the one before them."""
    dim = None if dim is None else one_dim(dim, input.ndim)
    return _chosen(unique_(input, dim=dim, neighbours=True), return_inverse, return_counts)


@public
def searchsorted(
    sorted_sequence: Any,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: Any = None,
    sorter: Any = None,
) -> Any:
    """Where to insert `input` into the last dimension of `sorted_sequence` so that it stays sorted.

    `right=False` finds the first suitable place, `right=True` (or side="right") the last. Sequences of several
    dimensions have as many rows as `input`.

    >>> import minigrad
    >>> minigrad.searchsorted(minigrad.tensor([1, 3, 5]), minigrad.tensor([3, 6]))
    tensor([1, 3])
    """
    if side not in (None, "left", "right") or (side == "left" and right):
        raise RuntimeError(f"searchsorted(): side must be 'left' or 'right' and agree with right={right}, got {side!r}")
    if sorted_sequence.ndim > 1 and tuple(getattr(input, "shape", ()))[:-1] != tuple(sorted_sequence.shape[:-1]):
        raise RuntimeError(
            f"searchsorted(): sequences of shape {tuple(sorted_sequence.shape)} need values with the same rows, "
            f"got shape {tuple(getattr(input, 'shape', ()))}"
        )
    return searchsorted_(sorted_sequence, input, sorter, right=right or side == "right", small=out_int32)


@public
def bucketize(input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Any:
    """In which interval between `boundaries` each input lies: boundaries[i-1] < x <= boundaries[i], or with
    `right=True` boundaries[i-1] <= x < boundaries[i]."""
    return searchsorted_(boundaries, input, None, right=right, small=out_int32)


@public
def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Any:
    """How often each of 0, 1, 2, ... occurs in a vector of integers; with `weights` the sum of theirs.

    >>> import minigrad
    >>> minigrad.bincount(minigrad.tensor([0, 2, 2]))
    tensor([1, 0, 2])
    """
    return bincount_(input, weights, minlength=minlength)


@public
def histc(input: Any, bins: Any = 100, min: Any = 0, max: Any = 0) -> Any:
    """The numbers of elements in `bins` intervals of one width between `min` and `max` (if equal: of the data)."""
    if min > max:
        raise RuntimeError(f"histc(): max must not be below min, got {min} and {max}")
    return histc_(input, bins=bins, min=min, max=max)


@public
def histogram(input: Any, bins: Any = 100, *, range: Any = None, weight: Any = None, density: bool = False) -> Any:
    """The numbers of elements between edges (a number of `bins`, or the edges themselves): (hist, bin_edges)."""
    bins = getattr(bins, "array", bins)
    return return_types.histogram(*histogram_(input, weight, bins=bins, range=range, density=density))


@public
def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Any:
    """True where an element is among `test_elements` (False there, with `invert`).

    >>> import minigrad
    >>> minigrad.isin(minigrad.tensor([1, 2, 3]), minigrad.tensor([1, 3]))
    tensor([ True, False,  True])
    """
    return isin_(elements, test_elements, invert=invert)


__all__ = [
    "bincount", "bucketize", "histc", "histogram", "isin", "searchsorted", "unique", "unique_consecutive",
]  # fmt: skip
