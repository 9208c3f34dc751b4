"""Sorting and what follows from it: `sort`, `argsort`, `topk`, `kthvalue`, `median`, `mode`, `quantile`.

The indices are found by operations without gradient; the values are then gathered by them, which is what gives
them their gradient. nan counts as larger than every number.
"""

from __future__ import annotations

import math
from typing import Any

from ..autograd.primitive import primitive
from ..autograd.public import public
from ..backend.door import whole
from . import return_types
from .comparison import isnan, where_
from .dims import one_dim, reversed_along
from .gathering import gather_along
from .maxima import pick, share_of_ties
from .reduction import any_
from .shape import movedim, reshape_, unreduced

# --- primitives ----------------------------------------------------------------------------------------------


def _order(xp, array, dim, descending):
    """The indices that sort `array`; equal elements keep their order."""
    if not descending:
        return xp.argsort(array, axis=dim, kind="stable")
    turned = reversed_along(xp.argsort(reversed_along(array, dim), axis=dim, kind="stable"), dim)
    return array.shape[dim] - 1 - turned


def _part(array, dim, start, stop):
    return array[(slice(None),) * dim + (slice(start, stop),)]


@primitive(dtype="keep", differentiable=False)
def order_(xp, input, *, dim, descending):
    """The indices that sort the elements along `dim`."""
    return _order(xp, input, dim, descending)


_FEW = 16  # times k: from there on selecting the k largest first is faster than sorting all


@primitive(dtype="keep", differentiable=False)
def places_of_largest(xp, input, *, k, dim, largest):
    """The indices of the k largest or smallest elements along `dim`, in order."""
    n = input.shape[dim]
    if not 0 < k * _FEW < n:
        return _part(_order(xp, input, dim, largest), dim, 0, k)
    start, stop = (n - k, n) if largest else (0, k)
    found = _part(xp.argpartition(input, start if largest else k - 1, axis=dim), dim, start, stop)
    found = xp.sort(found, axis=dim)  # so that equal elements come in their order
    return xp.take_along_axis(found, _order(xp, xp.take_along_axis(input, found, dim), dim, largest), dim)


@primitive(dtype="keep", differentiable=False)
def place_of_kth(xp, input, *, k, dim):
    """The index along `dim` of the element that sorting would put at k, keeping the dimension."""
    return _part(_order(xp, input, dim, False), dim, k, k + 1)


@primitive(dtype="keep", differentiable=False)
def place_of_median(xp, input, *, dim, skip_nan):
    """The index along `dim` of the lower middle element, or of a nan if there is one and it is not skipped."""
    order, missing = _order(xp, input, dim, False), input != input
    n = input.shape[dim]
    middle = _part(order, dim, (n - 1) // 2, (n - 1) // 2 + 1)
    if input.dtype.kind != "f":
        return middle
    if skip_nan:
        numbers = n - xp.add.reduce(missing, axis=dim, dtype="int64", keepdims=True)
        return xp.take_along_axis(order, xp.maximum(numbers - 1, 0) // 2, dim)
    return xp.where(missing.any(axis=dim, keepdims=True), missing.argmax(axis=dim, keepdims=True), middle)


@primitive(dtype="keep")
def median_(xp, input, *, skip_nan):
    """The lower middle of all elements; nan for none, or if one is nan and nan are not skipped."""
    flat = xp.sort(input.reshape(-1))
    n = flat.size
    if not n:
        return xp.full((), xp.nan, dtype=input.dtype)
    middle = (n - 1) // 2
    if input.dtype.kind != "f":
        return flat[middle, ...]
    if skip_nan:
        numbers = n - xp.add.reduce(flat != flat, dtype="int64")
        return flat[xp.maximum(numbers - 1, 0) // 2, ...]
    return xp.where(flat[-1] != flat[-1], flat[-1], flat[middle])


median_.vjp(input=lambda g, input, out: unreduced(g, (), None, False) * share_of_ties(input, out, dim=None))


@primitive(dtype="keep", differentiable=False)
def place_of_mode(xp, input, *, dim):
    """The index along `dim` of the most frequent element (the smallest of several), keeping the dimension."""
    order = _order(xp, input, dim, False)
    ordered = xp.take_along_axis(input, order, dim)
    n = input.shape[dim]
    equal = _part(ordered, dim, 1, n) == _part(ordered, dim, 0, n - 1)
    run = xp.zeros(input.shape, dtype="int64")  # how many equal elements stand directly before each
    for k in range(1, n):  # a step per place, each over all other dimensions at once
        here, before = (slice(None),) * dim + (slice(k, k + 1),), (slice(None),) * dim + (slice(k - 1, k),)
        run[here] = xp.where(equal[before], run[before] + 1, 0)
    return xp.take_along_axis(order, run.argmax(axis=dim, keepdims=True), dim)


# --- public functions ----------------------------------------------------------------------------------------


def _as_1d(input: Any) -> Any:
    """A 0-d tensor counts as having one dimension."""
    return input if input.ndim else reshape_(input, shape=(1,))


def _sorted(input, dim, descending):
    order = order_(input, dim=dim, descending=descending)
    return gather_along(input, order, dim=dim), order


def _back(pair, input):
    """0-d results for a 0-d input."""
    return pair if input.ndim else tuple(reshape_(x, shape=()) for x in pair)


@public
def sort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """The elements along `dim` in order, and where they were: a pair (values, indices). Always stable.

    >>> import minigrad
    >>> minigrad.sort(minigrad.tensor([3, 1, 2])).values
    tensor([1, 2, 3])
    """
    k = one_dim(dim, input.ndim)
    return return_types.sort(*_back(_sorted(_as_1d(input), k, descending), input))


@public
def msort(input: Any) -> Any:
    """The elements in order along the first dimension."""
    return sort(input, 0)[0]


@public
def argsort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """The indices that sort the elements along `dim`."""
    k = one_dim(dim, input.ndim)
    order = order_(_as_1d(input), dim=k, descending=descending)
    return order if input.ndim else reshape_(order, shape=())


@public
def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """The k largest (or smallest) elements along `dim` in order, and where they are: a pair (values, indices).

    >>> import minigrad
    >>> minigrad.tensor([1, 5, 3]).topk(2).indices
    tensor([1, 2])

    Raises:
        RuntimeError: there are fewer than k elements.
    """
    d, x = one_dim(dim, input.ndim), _as_1d(input)
    k = k.__index__()
    if not 0 <= k <= x.shape[d]:
        raise RuntimeError(f"topk(): k={k} is out of range for dimension {dim} of size {x.shape[d]}")
    places = places_of_largest(x, k=k, dim=d, largest=largest)
    pair = (gather_along(x, places, dim=d), places)
    return return_types.topk(*(_back(pair, input) if k else pair))


@public
def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """The k-th smallest element along `dim` (k counts from 1), and where it is: a pair (values, indices)."""
    d, x = one_dim(dim, input.ndim), _as_1d(input)
    if not 1 <= k <= x.shape[d]:
        raise RuntimeError(
            f"kthvalue(): k={k} is out of range, dimension {dim} is of size {x.shape[d]}; 1 is the first"
        )
    return return_types.kthvalue(*_back(pick(x, place_of_kth(x, k=k - 1, dim=d), d, keepdim), input))


def _median(input, dim, keepdim, skip_nan, pair):
    if dim is None:
        return median_(input, skip_nan=skip_nan)
    d, x = one_dim(dim, input.ndim), _as_1d(input)
    if not x.shape[d]:
        raise IndexError(f"median(): dimension {dim} of shape {tuple(x.shape)} must have non-zero size")
    return pair(*_back(pick(x, place_of_median(x, dim=d, skip_nan=skip_nan), d, keepdim), input))


@public
def median(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The middle element, the lower one of two; along `dim` a pair (values, indices). nan if there is a nan.

    >>> import minigrad
    >>> minigrad.tensor([4, 1, 3, 2]).median()
    tensor(2)
    """
    return _median(input, dim, keepdim, False, return_types.median)


@public
def nanmedian(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """`median` of the elements that are not nan."""
    return _median(input, dim, keepdim, True, return_types.nanmedian)


@public
def mode(input: Any, dim: int = -1, keepdim: bool = False) -> Any:
    """The most frequent element along `dim` (the smallest of several), and where it is last: (values, indices)."""
    d, x = one_dim(dim, input.ndim), _as_1d(input)
    return return_types.mode(*_back(pick(x, place_of_mode(x, dim=d), d, keepdim), input))


@primitive(dtype="keep", accepts="f", differentiable=False)
def quantile_places(xp, input, q, *, skip_nan, interpolation):
    """For elements sorted along the last dimension and each of `q`: the places to either side, and the weight of
    the second."""
    n = input.shape[-1]
    if xp.__name__ == "numpy":
        whole(_refuse_outside, q)
    last = xp.full((*input.shape[:-1], 1), n - 1, dtype=input.dtype)
    if skip_nan:
        last = xp.maximum(last - xp.add.reduce(input != input, axis=-1, dtype=input.dtype, keepdims=True), 0)
    at = last * xp.asarray(q, dtype=input.dtype).reshape(-1)
    low, high = xp.floor(at), xp.ceil(at)
    if interpolation == "midpoint":
        weight = xp.where(low == high, xp.zeros_like(at), xp.full_like(at, 0.5))
    else:
        weight = at - low
    if interpolation == "lower":
        high, weight = low, xp.zeros_like(at)
    elif interpolation in ("higher", "nearest"):
        low = high = high if interpolation == "higher" else xp.rint(at)
        weight = xp.zeros_like(at)
    return low.astype("int64"), high.astype("int64"), weight


def _refuse_outside(q):
    if not ((q >= 0) & (q <= 1)).all() if hasattr(q, "all") else not 0 <= q <= 1:
        raise RuntimeError(f"quantile(): q must be between 0 and 1, got {q}")


_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


def _quantile(input, q, dim, keepdim, interpolation, skip_nan):
    if interpolation not in _INTERPOLATIONS:
        raise RuntimeError(f"quantile(): interpolation is one of {', '.join(_INTERPOLATIONS)}, got {interpolation!r}")
    if not math.prod(input.shape):
        raise RuntimeError("quantile() needs at least one element")
    shape = tuple(input.shape)
    if dim is None:
        k, rows, left = None, reshape_(input, shape=(-1,)), (1,) * len(shape)
    else:
        k = one_dim(dim, input.ndim)
        rows = movedim(_as_1d(input), k, -1)
        left = (*shape[:k], 1, *shape[k + 1 :]) if shape else ()
    ordered = _sorted(rows, rows.ndim - 1, False)[0]
    low, high, weight = quantile_places(ordered, q, skip_nan=skip_nan, interpolation=interpolation)
    last = rows.ndim - 1
    lower, upper = (gather_along(ordered, places, dim=last) for places in (low, high))
    found = lower + (upper - lower) * weight
    if not skip_nan:
        found = where_(any_(isnan(ordered), dim=last, keepdim=True), math.nan, found)
    found = movedim(found, -1, 0)  # one row for each of q
    kept = left if keepdim else left[:0] if k is None else (*shape[:k], *shape[k + 1 :])
    several = (len(q),) if getattr(q, "ndim", 0) else ()
    return reshape_(found, shape=(*several, *kept))


@public
def quantile(input: Any, q: Any, dim: Any = None, keepdim: bool = False, *, interpolation: str = "linear") -> Any:
    """The elements below which a share `q` (a number, or several in a tensor) of the elements along `dim` lies.

    Between two elements it is interpolated: "linear", "lower", "higher", "midpoint" or "nearest". Several q come
    as a new first dimension. nan if there is a nan.

    >>> import minigrad
    >>> minigrad.quantile(minigrad.tensor([0.0, 1.0, 4.0]), 0.75)
    tensor(2.5000)
    """
    return _quantile(input, q, dim, keepdim, interpolation, False)


@public
def nanquantile(input: Any, q: Any, dim: Any = None, keepdim: bool = False, *, interpolation: str = "linear") -> Any:
    """`quantile` of the elements that are not nan."""
    return _quantile(input, q, dim, keepdim, interpolation, True)


__all__ = [
    "argsort", "kthvalue", "median", "mode", "msort", "nanmedian", "nanquantile", "quantile", "sort", "topk",
]  # fmt: skip
