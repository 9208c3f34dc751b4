"""Picking and scattering by index tensors: gather, scatter, index_select, index_add, take, ...

A dimension `dim` is given as in PyTorch: from the front, or negative from the back.
"""

from __future__ import annotations

from typing import Any

from ..autograd.core_ops import expand
from ..autograd.operands import array_of
from ..autograd.primitive import primitive
from ..autograd.public import public
from ..backend.door import whole
from ..backend.kernels import add_at
from ..backend.library import library
from .dims import one_dim
from .indexing import getitem, index, index_array, index_write
from .kinds import is_one


def _along(xp: Any, where: Any, dim: int) -> tuple[Any, ...]:
    """Index arrays that name, for each element of `where`, the same place but `where`'s value along `dim`."""
    grids = [xp.arange(n).reshape([-1 if k == d else 1 for k in range(where.ndim)]) for d, n in enumerate(where.shape)]
    grids[dim] = where
    return tuple(grids)


def _checked_index(input: Any, dim: int, where: Any, name: str, source: Any = None) -> int:
    """Check the shapes of gather and scatter as PyTorch does; returns `dim` from the front."""
    dim = one_dim(dim, input.ndim)
    if where.dtype not in ("int64", "int32") and str(where.dtype) not in ("minigrad.int64", "minigrad.int32"):
        raise RuntimeError(f"{name}() expects an int64 index, got {where.dtype}")
    if max(where.ndim, 1) != max(input.ndim, 1):
        raise RuntimeError(f"{name}(): the index has {where.ndim} dimensions, the tensor {input.ndim}: they must agree")
    for k, (n, m) in enumerate(zip(where.shape, input.shape)):
        if k != dim and n > m:
            raise RuntimeError(
                f"{name}(): the index of shape {tuple(where.shape)} is larger than the tensor of shape "
                f"{tuple(input.shape)} in dimension {k}"
            )
    if source is not None and hasattr(source, "shape") and any(n > m for n, m in zip(where.shape, source.shape)):
        raise RuntimeError(
            f"{name}(): the index of shape {tuple(where.shape)} is larger than the source, {tuple(source.shape)}"
        )
    return dim


def _row(value: Any) -> Any:
    """A 0-d index or source counts as one of one element, numbers and all else stay."""
    return value.reshape(1) if getattr(value, "ndim", None) == 0 else value


def _check_range(xp: Any, where: Any, size: int, name: str) -> None:
    """CUDA arrays are not checked: that would wait for the GPU at every call."""
    if xp.__name__ == "numpy" and where.size:
        whole(_refuse_outside, where, size, name)


def _refuse_outside(where: Any, size: int, name: str) -> None:
    if where.min() < 0 or where.max() >= size:
        bad = where[(where < 0) | (where >= size)].reshape(-1)[0]
        raise IndexError(f"{name}(): index {int(bad)} is out of bounds for dimension of size {size}")


@primitive(dtype="keep")
def gather_along(xp, input, index, *, dim):
    """out[i][j] = input[index[i][j]][j] for dim 0, and so on."""
    if not input.ndim:
        return xp.broadcast_to(input, index.shape).copy()
    _check_range(xp, index, input.shape[dim], "gather")
    return input[_along(xp, index, dim)]


gather_along.vjp(
    input=lambda g, index, dim, shape_of_input: spread_along(g, index, dim=dim, shape=shape_of_input),
)


@primitive(dtype="keep")
def spread_along(xp, input, index, *, dim, shape):
    """Zeros of `shape` to which `input` is added where `gather_along` would pick."""
    out = xp.zeros(shape, dtype=input.dtype)
    if not shape:
        out += input.sum()
    else:
        add_at(xp, out, _along(xp, index, dim), input)
    return out


spread_along.vjp(input=lambda g, index, dim: gather_along(g, index, dim=dim))


@primitive(dtype="keep")
def scatter_along(xp, input, src, index, *, dim, add):
    """`input` with `src` written, or added, where `gather_along` would pick."""
    out = input.copy()
    if not out.ndim:
        out = out.reshape(1)
        index = index.reshape(1)
    _check_range(xp, index, out.shape[dim], "scatter")
    part = src[tuple(slice(n) for n in index.shape)] if getattr(src, "ndim", 0) else src
    key = _along(xp, index, dim)
    if add:
        add_at(xp, out, key, part)
    else:
        out[key] = part
    return out.reshape(input.shape)


scatter_along.vjp(
    input=lambda g, index, dim, add: g if add else scatter_along(g, 0, index, dim=dim, add=False),
    src=lambda g, index, dim, shape_of_src: pad_end(gather_along(g, index, dim=dim), shape=shape_of_src),
)


@primitive(dtype="keep")
def pad_end(xp, input, *, shape):
    """`input` with zeros behind, up to `shape` (None: as it is)."""
    if shape is None or input.shape == shape or len(shape) != input.ndim:
        return input
    out = xp.zeros(shape, dtype=input.dtype)
    out[tuple(slice(n) for n in input.shape)] = input
    return out


pad_end.vjp(input=lambda g, shape_of_input: cut_end(g, shape=shape_of_input))


@primitive(dtype="keep")
def cut_end(xp, input, *, shape):
    """The first elements of `input`, up to `shape`."""
    return input[tuple(slice(n) for n in shape)]


cut_end.vjp(input=lambda g, shape_of_input: pad_end(g, shape=shape_of_input))


@public
def gather(input: Any, dim: int, index: Any, *, sparse_grad: bool = False) -> Any:
    """Pick along `dim`: out[i][j][k] = input[index[i][j][k]][j][k] for dim 0, ...

    Returns:
        a tensor of the shape of `index`, which may be smaller than `input` in the other dimensions.
    """
    dim = _checked_index(input, dim, index, "gather")
    if input.ndim and not index.ndim:
        return gather_along(input, _row(index), dim=dim).reshape(())
    return gather_along(input, index, dim=dim)


@public
def scatter(input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None) -> Any:
    """`input` with `src` (a tensor or number) written at the places that `gather` would pick from.

    With reduce="add" or "multiply" it is added or multiplied instead. Of several values for one place any may win.
    """
    index, src = _row(index), _row(value if src is None else src)
    dim = _checked_index(input, dim, index, "scatter", src)
    if reduce is None:
        return scatter_along(input, src, index, dim=dim, add=False)
    if reduce == "add":
        return scatter_along(input, src, index, dim=dim, add=True)
    if reduce == "multiply":
        return scatter_reduce(input, dim, index, input * 0 + src if not hasattr(src, "shape") else src, "prod")
    raise RuntimeError(f"scatter(): reduce must be None, 'add' or 'multiply', got {reduce!r}")


@public
def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Any:
    """`input` with `src` added at the places that `gather` would pick from; values for one place add up."""
    index, src = _row(index), _row(src)
    return scatter_along(input, src, index, dim=_checked_index(input, dim, index, "scatter_add", src), add=True)


@public
def scatter_reduce(input: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True) -> Any:
    """`input` with `src` combined into it at the places that `gather` would pick from.

    reduce: "sum" (differentiable), or "prod", "mean", "amax", "amin" (values only).
    """
    index, src = _row(index), _row(src)
    dim = _checked_index(input, dim, index, "scatter_reduce", src)
    if reduce == "sum":
        start = input if include_self else scatter_along(input, 0, index, dim=dim, add=False)
        return scatter_along(start, src, index, dim=dim, add=True)
    return _scatter_reduced(input, src, index, dim=dim, reduce=reduce, include_self=include_self)


@primitive(dtype="keep", differentiable=False)
def _scatter_reduced(xp, input, src, index, *, dim, reduce, include_self):
    combine = {"prod": xp.multiply, "amax": xp.maximum, "amin": xp.minimum, "mean": xp.add}.get(reduce)
    if combine is None:
        raise ValueError(f"reduce must be 'sum', 'prod', 'mean', 'amax' or 'amin', got {reduce!r}")
    out = input.copy()
    key = _along(xp, index, dim)
    part = src[tuple(slice(n) for n in index.shape)]
    if not include_self:
        big = xp.inf if out.dtype.kind == "f" else xp.iinfo(out.dtype).max
        out[key] = {"prod": 1, "mean": 0, "amax": -big, "amin": big}[reduce]
    combine.at(out, key, part)
    if reduce == "mean":
        count = xp.full(out.shape, 1 if include_self else 0, dtype=out.dtype)
        xp.add.at(count, key, xp.ones(index.shape, dtype=out.dtype))
        count[count == 0] = 1
        out = out / count if out.dtype.kind == "f" else out // count
    return out


def _rows_key(ndim: int, dim: int) -> tuple[int | None, ...]:
    return tuple(0 if k == dim else None for k in range(ndim))


def _vector(input: Any, where: Any, name: str) -> Any:
    """An index of one dimension as an array."""
    array = index_array(where, library(array_of(input)))
    if array.ndim > 1:
        raise IndexError(f"{name}() takes an index of one dimension, got shape {tuple(array.shape)}")
    return array.reshape(-1)


@public
def index_select(input: Any, dim: int, index: Any) -> Any:
    """The slices of `input` along `dim` that the one-dimensional `index` names."""
    dim = one_dim(dim, input.ndim)
    where = _vector(input, index, "index_select")
    if not input.ndim:
        return input.reshape(1)[where].reshape(())
    _check_range(library(where), where, input.shape[dim], "index_select")
    return _index(input, where, key=_rows_key(input.ndim, dim))


_index = index


@public
def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Any:
    """`input` with `alpha` times the slices of `source` added to the slices along `dim` that `index` names."""
    dim = one_dim(dim, input.ndim)
    where = _vector(input, index, "index_add")
    _check_range(library(where), where, input.shape[dim], "index_add")
    scaled = source if is_one(alpha) else source * alpha
    return index_write(input, scaled, where, key=_rows_key(input.ndim, dim), accumulate=True)


@public
def index_copy(input: Any, dim: int, index: Any, source: Any) -> Any:
    """`input` with the slices along `dim` that `index` names replaced by those of `source`."""
    dim = one_dim(dim, input.ndim)
    where = _vector(input, index, "index_copy")
    _check_range(library(where), where, input.shape[dim], "index_copy")
    return index_write(input, source, where, key=_rows_key(input.ndim, dim))


@public
def index_fill(input: Any, dim: int, index: Any, value: Any) -> Any:
    """`input` with the slices along `dim` that `index` names filled with `value`."""
    dim = one_dim(dim, input.ndim)
    where = _vector(input, index, "index_fill")
    _check_range(library(where), where, input.shape[dim], "index_fill")
    return index_write(input, value, where, key=_rows_key(input.ndim, dim))


@public
def index_put(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    """`input` with `values` written at `input[indices]`, or added there (values for one place add up)."""
    xp = library(array_of(input))
    arrays: list[Any] = []
    key: list[int | None] = []
    for part in indices:
        if part is None:
            key.append(None)
            continue
        a = index_array(part, xp)
        for found in xp.nonzero(a) if a.dtype.kind == "b" else (a,):
            key.append(len(arrays))
            arrays.append(found)
    return index_write(input, values, *arrays, key=tuple(key), accumulate=accumulate)


@public
def take(input: Any, index: Any) -> Any:
    """The elements of `input`, seen as flat, at `index`."""
    return getitem(input.reshape(-1), index)


@public
def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Any:
    """As `gather`, with the other dimensions broadcast; without `dim` on the flat tensor."""
    if dim is None:
        return gather_along(input.reshape(-1), indices.reshape(-1), dim=0)
    dim = one_dim(dim, input.ndim)
    xp = library(array_of(indices))
    shape = [max(n, m) if k != dim else None for k, (n, m) in enumerate(zip(input.shape, indices.shape))]
    wide = [indices.shape[dim] if n is None else n for n in shape]
    source = [input.shape[dim] if n is None else n for n in shape]
    raw = array_of(indices)
    raw = xp.broadcast_to(xp.where(raw < 0, raw + input.shape[dim], raw), tuple(wide))
    return gather_along(expand(input, shape=tuple(source)), raw, dim=dim)


@public
def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    """The indices of the elements that are not zero: int64, shape (number, dimensions), or a tuple of one per
    dimension."""
    rows = _nonzero(input)
    if not as_tuple:
        return rows
    return tuple(rows[:, k] for k in range(rows.shape[1]))


@primitive(dtype="keep", differentiable=False)
def _nonzero(xp, input):
    if not input.ndim:
        return xp.zeros((int(bool(input)), 0), dtype="int64")
    return xp.stack(xp.nonzero(input), axis=1)


def argwhere(input: Any) -> Any:
    """As `nonzero`."""
    return nonzero(input)


__all__ = [
    "argwhere", "gather", "index_add", "index_copy", "index_fill", "index_put", "index_select",
    "nonzero", "scatter", "scatter_add", "scatter_reduce", "take", "take_along_dim",
]  # fmt: skip
