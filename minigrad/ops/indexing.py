"""Reading and writing parts of a tensor: `x[index]`, `x[index] = value`, and the writes that views need.

An index is taken apart as PyTorch does: integers, slices, None and Ellipsis first, which gives a view; then the
index arrays together, which gives a copy. (NumPy counts an integer beside an array as an array, and puts the
dimensions elsewhere.) Masks become the indices of their True elements.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..autograd.node import TensorBase
from ..autograd.primitive import primitive
from ..backend.kernels import add_at
from ..backend.library import is_array, library

_ALL = slice(None)


@primitive(dtype="keep", view=True)
def basic_getitem(xp, input, *, key):
    """`input[key]` for a key of integers, slices, None and Ellipsis: a view."""
    return input[key if Ellipsis in key else (*key, Ellipsis)]  # with Ellipsis NumPy gives a 0-d array, not a scalar


basic_getitem.vjp(input=lambda g, key, shape_of_input: basic_spread(g, key=key, shape=shape_of_input))


@primitive(dtype="keep")
def basic_spread(xp, input, *, key, shape):
    """Zeros of `shape` with `input` at `key`."""
    out = xp.zeros(shape, dtype=input.dtype)
    out[key] = input
    return out


basic_spread.vjp(input=lambda g, key: basic_getitem(g, key=key))


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
    if all(type(p) is int or type(p) is slice or p is None or p is Ellipsis for p in parts):
        for p in parts:
            if type(p) is slice and p.step is not None:
                _check_step(p)
        return parts, None, []
    xp = library(x.array if isinstance(x, TensorBase) else x)
    basic: list[Any] = []
    arrays_at: list[tuple[int, Any]] = []  # (place in basic, index array)
    for p in parts:
        if p is None or p is Ellipsis or isinstance(p, slice):
            if isinstance(p, slice):
                _check_step(p)
            basic.append(p)
        elif isinstance(p, bool):
            basic.append(None)
            arrays_at.append((len(basic) - 1, xp.zeros(1 if p else 0, dtype="int64")))
        elif hasattr(p, "__index__") and not hasattr(p, "shape"):
            basic.append(p.__index__())
        else:
            a = index_array(p, xp)
            if a.ndim == 0 and a.dtype.kind in "iu" and xp.__name__ == "numpy":
                basic.append(int(a))
            elif a.dtype.kind == "b":
                start = _dimension(basic, parts, x)
                if a.ndim and tuple(a.shape) != tuple(x.shape[start : start + a.ndim]):
                    raise IndexError(
                        f"a mask of shape {tuple(a.shape)} cannot index dimensions {start} to {start + a.ndim - 1} "
                        f"of a tensor of shape {tuple(x.shape)}: the shapes must agree"
                    )
                found = xp.nonzero(a) if a.ndim else (xp.zeros(int(a), dtype="int64"),)
                for where in found:
                    arrays_at.append((len(basic), where))
                    basic.append(_ALL if a.ndim else None)
            else:
                # a tensor stays one: it is saved, and so its changes are noticed
                arrays_at.append((len(basic), p if isinstance(p, TensorBase) and p.array is a else a))
                basic.append(_ALL)
    if not arrays_at:
        return tuple(basic), None, []
    view_key = None if all(p is not None and type(p) is slice and p == _ALL for p in basic) else tuple(basic)
    ndim = x.ndim - sum(p is not None and p is not Ellipsis for p in basic)  # dimensions that an Ellipsis stands for
    if ndim < 0:
        raise IndexError(f"too many indices for a tensor of {x.ndim} dimensions: {len(basic)}")
    places: list[int | None] = []
    by_place = {place: number for number, (place, _) in enumerate(arrays_at)}
    for place, p in enumerate(basic):
        if p is Ellipsis:
            places.extend([None] * ndim)
        elif type(p) is not int:
            places.append(by_place.get(place))
    return view_key, tuple(places), [a for _, a in arrays_at]


def _check_step(p: slice) -> None:
    if p.step is not None and p.step.__index__() <= 0:
        raise ValueError(f"the step of a slice must be positive, got {p.step}: use flip() to reverse a tensor")


def _dimension(basic: Sequence[Any], parts: Sequence[Any], x: Any) -> int:
    """The dimension of `x` that the next part of an index refers to."""
    used = sum(p is not None and p is not Ellipsis for p in basic)
    if not any(p is Ellipsis for p in basic):
        return used
    total = sum(
        (q.ndim if hasattr(q, "ndim") and str(q.dtype).endswith("bool") else 1)
        for q in parts
        if q is not None and q is not Ellipsis
    )
    return used + x.ndim - total


def index_array(p: Any, xp: Any) -> Any:
    """An index (tensor, array, list, range) as an integer or boolean array of library `xp`."""
    if isinstance(p, TensorBase):
        p = p.array
    if not is_array(p):
        if isinstance(p, (list, tuple, range)):
            numbers: list[Any] = list(p)
            p = [q.item() if hasattr(q, "item") and q.ndim == 0 else q for q in numbers]
            a = xp.asarray(p, dtype="int64" if len(p) == 0 else None)
        elif hasattr(p, "__array__"):
            a = xp.asarray(p)
        else:
            raise IndexError(
                f"a tensor is indexed by integers, slices, None, ..., and tensors or lists of integers or booleans; "
                f"got {type(p).__name__}"
            )
    else:
        a = p if library(p) is xp else xp.asarray(p)
    if a.dtype.kind not in "iub":
        raise IndexError(f"tensors used as indices must be integers or booleans, got {a.dtype}")
    if a.dtype == "uint8":
        a = a.astype(bool)  # as in PyTorch, where uint8 masks are older than bool
    return a


def getitem(input: Any, key: Any) -> Any:
    """`input[key]`: a view for integers, slices, None and Ellipsis, a copy where index arrays or masks take part.

    Raises:
        IndexError: an index is out of range, or of a kind that cannot index.
    """
    view_key, places, arrays = split_index(input, key)
    if view_key is not None:
        input = basic_getitem(input, key=view_key)
    return input if places is None else index(input, *arrays, key=places)


__all__ = ["basic_getitem", "follow", "getitem", "index", "index_array", "index_write", "split_index", "view_write"]
