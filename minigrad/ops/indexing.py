"""Reading and writing parts of a tensor: `x[index]`, `x[index] = value`, and the writes that views need.

An index is taken apart as PyTorch does: integers, slices, None and Ellipsis first, which gives a view; then the
index arrays together, which gives a copy. (NumPy counts an integer beside an array as an array, and puts the
dimensions elsewhere.) Masks become the indices of their True elements.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from ..autograd.node import TensorBase
from ..autograd.operands import array_of
from ..autograd.primitive import primitive
from ..backend.door import admitted, refuse
from ..backend.kernels import add_at
from ..backend.library import is_array, library

_ALL = slice(None)


@primitive(dtype="keep", view=True)
def getitem_(xp, input, *, key):
    """`input[key]` for a key of integers, slices, None and Ellipsis: a view."""
    return input[key if Ellipsis in key else (*key, Ellipsis)]  # with Ellipsis NumPy gives a 0-d array, not a scalar


getitem_.vjp(input=lambda g, key, shape_of_input: basic_spread(g, key=key, shape=shape_of_input))


@primitive(dtype="keep")
def basic_spread(xp, input, *, key, shape):
    """Zeros of `shape` with `input` at `key`."""
    out = xp.zeros(shape, dtype=input.dtype)
    out[key] = input
    return out


basic_spread.vjp(input=lambda g, key: getitem_(g, key=key))


def full_key(key: Sequence[int | None], indices: Sequence[Any]) -> tuple[Any, ...]:
    """`key` with index array number k in place of k, and a full slice for None."""
    return tuple(_ALL if k is None else indices[k] for k in key)


@primitive(dtype="keep")
def index(xp, input, *indices, key):
    """`input` at index arrays; `key` says for each dimension which array, or None for all of it."""
    return input[full_key(key, indices)]


index.vjp(
    input=lambda g, indices, key, shape_of_input: index_spread(g, *indices, key=key, shape=shape_of_input),
)


@primitive(dtype="keep")
def index_spread(xp, input, *indices, key, shape):
    """Zeros of `shape` to which `input` is added at index arrays; elements named twice get both."""
    out = xp.zeros(shape, dtype=input.dtype)
    add_at(xp, out, full_key(key, indices), input)
    return out


index_spread.vjp(input=lambda g, indices, key: index(g, *indices, key=key))


@primitive(dtype="keep")
def index_write(xp, input, value, *indices, key, accumulate=False):
    """A copy of `input` with `value` written at, or added to, index arrays."""
    out = input.copy()
    value = value.astype(out.dtype) if hasattr(value, "astype") else value
    if accumulate:
        add_at(xp, out, full_key(key, indices), value)
    else:
        out[full_key(key, indices)] = value
    return out


index_write.vjp(
    input=lambda g, indices, key, accumulate: g if accumulate else index_write(g, 0, *indices, key=key),
    value=lambda g, indices, key: index(g, *indices, key=key),
)


@primitive(dtype="keep")
def mask_write(xp, input, value, mask):
    """A copy of `input` with the number `value` where `mask`, broadcast, is True."""
    out = input.copy()
    out[xp.broadcast_to(mask, out.shape)] = value
    return out


mask_write.vjp(
    input=lambda g, mask: mask_write(g, 0, mask),
    value=lambda g, mask: mask_write(g, 0, ~mask),
)


Steps = tuple[tuple[Callable[..., Any], dict[str, Any]], ...]


def follow(array: Any, steps: Steps) -> Any:
    """The view of `array` (an array or a Tensor) that `steps` lead to."""
    for operation, keywords in steps:
        array = operation(array, **keywords)
    return array


@primitive(dtype="keep")
def view_write(xp, input, value, *, steps):
    """A copy of `input` with `value` written to the view that `steps` lead to."""
    out = input.copy()
    follow(out, steps)[...] = value
    return out


view_write.vjp(
    input=lambda g, steps: view_write(g, 0, steps=steps),
    value=lambda g, steps: view_read(g, steps=steps),
)


@primitive(dtype="keep")
def view_read(xp, input, *, steps):
    """A copy of the view of `input` that `steps` lead to."""
    return follow(input, steps).copy()


view_read.vjp(input=lambda g, steps, shape_of_input: view_spread(g, steps=steps, shape=shape_of_input))


@primitive(dtype="keep")
def view_spread(xp, input, *, steps, shape):
    """Zeros of `shape` with `input` at the view that `steps` lead to."""
    out = xp.zeros(shape, dtype=input.dtype)
    follow(out, steps)[...] = input
    return out


view_spread.vjp(input=lambda g, steps: view_read(g, steps=steps))


def split_index(x: Any, key: Any) -> tuple[tuple[Any, ...] | None, tuple[int | None, ...] | None, list[Any]]:
    """Take an index of `x` apart: the key of the view (None: all of x), the key of the arrays (None: no arrays)
    and the index arrays."""
    parts = key if isinstance(key, tuple) else (key,)
    for p in parts:
        kind = type(p)
        if not (kind is int or p is None or p is Ellipsis or (kind is slice and _is_plain(p))):
            break
    else:
        return parts, None, []
    xp = library(array_of(x))
    parts = tuple(_part(p, xp) for p in parts)
    total = sum(_dimensions(p) for p in parts)
    if total > x.ndim:
        raise IndexError(f"too many indices for a tensor of {x.ndim} dimensions: {total}")
    basic: list[Any] = []  # integers, slices, None, Ellipsis, and in the places of index arrays slices over everything
    arrays: list[Any] = []
    places: list[int | None] = []  # for each dimension that `basic` leaves, the number of the array that indexes it
    dim = 0  # of x, that the next part refers to
    for p in parts:
        if p is Ellipsis:
            if Ellipsis in basic:
                raise IndexError("an index can only have one ellipsis (...)")
            places += [None] * (x.ndim - total)
            dim += x.ndim - total
            basic.append(p)
        elif not hasattr(p, "ndim"):
            places += [] if type(p) is int else [None]
            dim += p is not None
            basic.append(p)
        else:
            for found in _indices(p, dim, x, xp):
                places.append(len(arrays))
                arrays.append(found)
                basic.append(_ALL if _dimensions(p) else None)
            dim += _dimensions(p)
    if not arrays:
        return tuple(basic), None, []
    untouched = all(type(p) is slice and p == _ALL for p in basic)
    return None if untouched else tuple(basic), tuple(places), arrays


def _is_plain(p: slice) -> bool:
    """True for a slice of Python's integers with a step that goes forward."""
    if p.step is not None and (type(p.step) is not int or p.step <= 0):
        return False
    return (p.start is None or type(p.start) is int) and (p.stop is None or type(p.stop) is int)


def _part(p: Any, xp: Any) -> Any:
    """One part of an index as an int, a slice of ints, None, Ellipsis, or an array of integers or booleans."""
    if p is None or p is Ellipsis:
        return p
    if isinstance(p, slice):
        start, stop, step = (None if k is None else operator.index(k) for k in (p.start, p.stop, p.step))
        if step is not None and step <= 0:
            raise ValueError(f"the step of a slice must be positive, got {step}: use flip() to reverse a tensor")
        return slice(start, stop, step)
    if isinstance(p, bool):
        return xp.asarray(p)
    if hasattr(p, "__index__") and not hasattr(p, "shape"):
        return p.__index__()
    array = index_array(p, xp)
    if not array.ndim and array.dtype.kind != "b":
        refuse("an index that is a single number in a tensor", "use x.index_select(0, i.reshape(1)), or gather")
        return int(array)
    return p if isinstance(p, TensorBase) and p.array is array else array  # a tensor's changes are noticed


def _dimensions(p: Any) -> int:
    """How many dimensions a part of an index refers to."""
    if p is None or p is Ellipsis:
        return 0
    return p.ndim if _is_mask(p) else 1


def _is_mask(p: Any) -> bool:
    return hasattr(p, "ndim") and array_of(p).dtype.kind == "b"


def _indices(p: Any, dim: int, x: Any, xp: Any) -> Sequence[Any]:
    """The index arrays of one part: itself, or where a mask is True."""
    if not _is_mask(p):
        return (p,)
    mask = array_of(p)
    if not mask.ndim:
        return (xp.zeros(int(mask), dtype="int64"),)
    if tuple(mask.shape) != tuple(x.shape[dim : dim + mask.ndim]):
        raise IndexError(
            f"a mask of shape {tuple(mask.shape)} cannot index dimensions {dim} to {dim + mask.ndim - 1} of a tensor "
            f"of shape {tuple(x.shape)}: the shapes must agree"
        )
    return xp.nonzero(mask)


def index_array(p: Any, xp: Any) -> Any:
    """An index (tensor, array, list, range) as an integer or boolean array of library `xp`."""
    given = p
    if isinstance(p, TensorBase):
        p = p.array
    if is_array(p):
        p = admitted(p)
        if library(p) is xp:
            a = p if isinstance(given, TensorBase) else p.copy()  # whose changes nobody would notice
        elif xp.__name__ == "numpy":
            raise RuntimeError("the index is on a GPU, the tensor on the CPU: move the index there with .cpu()")
        else:
            a = xp.asarray(p)
    elif isinstance(p, (list, tuple, range)):
        numbers = _numbers(p)
        a = xp.asarray(numbers, dtype=None if len(numbers) else "int64")
    elif hasattr(p, "__array__"):
        a = xp.asarray(p.__array__())
    else:
        raise IndexError(
            f"a tensor is indexed by integers, slices, None, ..., and tensors or lists of integers or booleans; "
            f"got {type(p).__name__}"
        )
    if a.dtype.kind not in "iub":
        raise IndexError(f"tensors used as indices must be integers or booleans, got {a.dtype}")
    if a.dtype == "uint8":
        a = a.astype(bool)  # as in PyTorch, where uint8 masks are older than bool
    return a


def _numbers(p: Any) -> Any:
    """Nested lists with numbers for the tensors and arrays in them."""
    if isinstance(p, (list, tuple, range)):
        return [_numbers(part) for part in p]
    return p.tolist() if hasattr(p, "tolist") else p


def getitem(input: Any, key: Any) -> Any:
    """`input[key]`: a view for integers, slices, None and Ellipsis, a copy where index arrays or masks take part.

    Raises:
        IndexError: an index is out of range, or of a kind that cannot index.
    """
    view_key, places, arrays = split_index(input, key)
    if view_key is not None:
        input = getitem_(input, key=view_key)
    return input if places is None else index(input, *arrays, key=places)


__all__ = [
    "follow", "getitem", "getitem_", "index", "index_array", "index_write", "mask_write", "split_index", "view_write",
]  # fmt: skip
