"""Parts of a tensor along a dimension or a diagonal: `select`, `narrow`, `unfold`, `diagonal`, `tril`, `trace`, ...

`select`, `narrow`, `unfold` and `diagonal` are views; `tril` and `triu` are copies with the rest set to zero.
"""

from __future__ import annotations

import math
from typing import Any

from ..autograd.primitive import primitive
from ..autograd.public import public
from ..backend.door import whole
from .dims import one_dim
from .indexing import getitem_, view_write
from .shape import contiguous_, reshape_

# --- primitives ----------------------------------------------------------------------------------------------


@primitive(dtype="keep", view=True)
def unfold_(xp, input, *, dim, size, step):
    """Windows along `dim`, laid along a new last dimension."""
    count = (input.shape[dim] - size) // step + 1
    shape = (*input.shape[:dim], count, *input.shape[dim + 1 :], size)
    strides = list(input.strides)
    strides.append(strides[dim])
    strides[dim] *= step
    return xp.lib.stride_tricks.as_strided(input, shape, strides)


unfold_.vjp(
    input=lambda g, shape_of_input, dim, size, step: fold_(g, shape=shape_of_input, dim=dim, size=size, step=step)
)


@primitive(dtype="keep")
def fold_(xp, input, *, shape, dim, size, step):
    """Zeros of `shape` to which windows along `dim` are added: the adjoint of `unfold_`."""
    out = xp.zeros(shape, dtype=input.dtype)
    count = input.shape[dim]
    for k in range(size if count else 0):
        out[(slice(None),) * dim + (slice(k, k + step * (count - 1) + 1, step),)] += input[..., k]
    return out


fold_.vjp(input=lambda g, dim, size, step: unfold_(g, dim=dim, size=size, step=step))


@primitive(dtype="keep", view=True)
def diagonal_(xp, input, *, offset, dim1, dim2):
    """The diagonals of the matrices along two dimensions, as the last dimension."""
    return whole(_diagonal, input, offset, dim1, dim2)


def _diagonal(array, offset, dim1, dim2):
    out = array.diagonal(offset, dim1, dim2)
    if not getattr(out.flags, "writeable", True) and array.flags.writeable:
        out.flags.writeable = True  # NumPy's is read-only, though a diagonal may be written to as any view
    return out


diagonal_.vjp(
    input=lambda g, shape_of_input, offset, dim1, dim2: on_diagonal(
        g, shape=shape_of_input, offset=offset, dim1=dim1, dim2=dim2
    )
)


@primitive(dtype="keep")
def on_diagonal(xp, input, *, shape, offset, dim1, dim2):
    """Zeros of `shape` with `input` on the diagonals: the adjoint of `diagonal_`."""
    out = xp.zeros(shape, dtype=input.dtype)
    diagonal_(out, offset=offset, dim1=dim1, dim2=dim2)[...] = input
    return out


on_diagonal.vjp(
    input=lambda g, offset, dim1, dim2: diagonal_(g, offset=offset, dim1=dim1, dim2=dim2),
)


@primitive(dtype="keep")
def triangle(xp, input, *, diagonal, upper):
    """A triangle of each matrix, the rest zero."""
    rows, columns = input.shape[-2:]
    below = xp.tri(rows, columns, diagonal - upper, dtype=bool)
    zero = xp.zeros((), dtype=input.dtype)
    return xp.where(below, zero, input) if upper else xp.where(below, input, zero)


triangle.vjp(input=lambda g, diagonal, upper: triangle(g, diagonal=diagonal, upper=upper))

# --- public functions ----------------------------------------------------------------------------------------


@public
def select(input: Any, dim: Any, index: Any) -> Any:
    """The view at `index` along `dim`, without that dimension."""
    if not input.ndim:
        raise IndexError("select() needs at least one dimension")
    k, n = one_dim(dim, input.ndim), index.__index__()
    if not -input.shape[k] <= n < input.shape[k]:
        raise IndexError(f"select(): index {n} is out of range for dimension {dim} of size {input.shape[k]}")
    return getitem_(input, key=(*(slice(None),) * k, n, Ellipsis))


@public
def narrow(input: Any, dim: Any, start: int, length: int) -> Any:
    """The view of `length` elements from `start` along `dim`."""
    if not input.ndim:
        raise RuntimeError("narrow() needs at least one dimension")
    k, start, length = one_dim(dim, input.ndim), start.__index__(), length.__index__()
    n = input.shape[k]
    if not -n <= start <= n:
        raise IndexError(f"narrow(): start {start} is out of range for dimension {dim} of size {n}")
    start = start + n if start < 0 else start
    if length < 0 or start + length > n:
        raise RuntimeError(f"narrow(): start {start} and length {length} exceed dimension {dim} of size {n}")
    return getitem_(input, key=(*(slice(None),) * k, slice(start, start + length), Ellipsis))


@public
def unfold(input: Any, dimension: Any, size: int, step: int) -> Any:
    """A view of all windows of `size` along `dimension`, `step` apart, each along a new last dimension.

    >>> import minigrad
    >>> minigrad.arange(5).unfold(0, 3, 2)
    tensor([[0, 1, 2],
            [2, 3, 4]])
    """
    k = one_dim(dimension, input.ndim)
    n = input.shape[k] if input.ndim else 1
    if not 0 <= size <= n or step <= 0:
        raise RuntimeError(f"unfold(): windows of {size}, {step} apart, do not fit dimension {dimension} of size {n}")
    if not input.ndim:
        return reshape_(input, shape=(size,))
    return unfold_(input, dim=k, size=size, step=step)


@public
def diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """The view of the diagonals of the matrices along `dim1` and `dim2`, as the last dimension.

    >>> import minigrad
    >>> minigrad.arange(9).reshape(3, 3).diagonal(1)
    tensor([1, 5])
    """
    d1, d2 = one_dim(dim1, input.ndim), one_dim(dim2, input.ndim)
    if d1 == d2 or input.ndim < 2:
        raise RuntimeError(f"diagonal() needs two different dimensions, got {dim1} and {dim2} of {input.ndim}")
    return diagonal_(input, offset=offset, dim1=d1, dim2=d2)


@public
def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """Matrices along `dim1` and `dim2`, zero but for their diagonals, which hold the last dimension of `input`."""
    d1, d2 = one_dim(dim1, input.ndim + 1), one_dim(dim2, input.ndim + 1)
    if d1 == d2:
        raise RuntimeError(f"diag_embed() needs two different dimensions, got {dim1} and {dim2}")
    n = input.shape[-1] + abs(offset)
    shape = list(input.shape[:-1])
    for d in sorted((d1, d2)):
        shape.insert(d, n)
    if d1 > d2:
        d1, d2, offset = d2, d1, -offset
    return on_diagonal(input, shape=tuple(shape), offset=offset, dim1=d1, dim2=d2)


@public
def diag(input: Any, diagonal: int = 0) -> Any:
    """A vector as the diagonal of a matrix; the diagonal of a matrix as a vector (a copy)."""
    if input.ndim == 1:
        return diag_embed(input, diagonal)
    if input.ndim != 2:
        raise RuntimeError(f"diag() takes a vector or a matrix, got {input.ndim} dimensions")
    return contiguous_(diagonal_(input, offset=diagonal, dim1=0, dim2=1))


@public
def diagflat(input: Any, offset: int = 0) -> Any:
    """All elements of `input` as the diagonal of a matrix."""
    return diag_embed(reshape_(input, shape=(math.prod(input.shape),)), offset)


@public
def tril(input: Any, diagonal: int = 0) -> Any:
    """The lower triangle of each matrix, up to `diagonal` above the main one; zero elsewhere."""
    _check_matrix(input, "tril")
    return triangle(input, diagonal=diagonal, upper=False)


@public
def triu(input: Any, diagonal: int = 0) -> Any:
    """The upper triangle of each matrix, from `diagonal` above the main one; zero elsewhere.

    >>> import minigrad
    >>> minigrad.triu(minigrad.ones(3, 3), diagonal=1)
    tensor([[0., 1., 1.],
            [0., 0., 1.],
            [0., 0., 0.]])
    """
    _check_matrix(input, "triu")
    return triangle(input, diagonal=diagonal, upper=True)


@public
def select_scatter(input: Any, src: Any, dim: Any, index: Any) -> Any:
    """A copy of `input` with `src` written at `index` along `dim`."""
    return _scattered(input, src, select(input, dim, index), (*_all_before(input, dim), index, Ellipsis))


@public
def slice_scatter(input: Any, src: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    """A copy of `input` with `src` written at places `start` to `end` along `dim`."""
    key = (*_all_before(input, dim), slice(start, end, step), Ellipsis)
    return _scattered(input, src, getitem_(input, key=key), key)


@public
def diagonal_scatter(input: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """A copy of `input` with `src` written on the diagonal."""
    part = diagonal(input, offset, dim1, dim2)
    _same_shape(src, part)
    d1, d2 = one_dim(dim1, input.ndim), one_dim(dim2, input.ndim)
    return view_write(input, src, steps=((diagonal_, {"offset": offset, "dim1": d1, "dim2": d2}),))


def _all_before(input, dim):
    return (slice(None),) * one_dim(dim, input.ndim)


def _scattered(input, src, part, key):
    _same_shape(src, part)
    return view_write(input, src, steps=((getitem_, {"key": key}),))


def _same_shape(src, part):
    if tuple(src.shape) != tuple(part.shape):
        raise RuntimeError(f"src has shape {tuple(src.shape)}, the place for it {tuple(part.shape)}: they must agree")


def _check_matrix(input, name):
    if input.ndim < 2:
        raise RuntimeError(f"{name}() takes matrices or batches of them, got {input.ndim} dimensions")


__all__ = [
    "diag", "diag_embed", "diagflat", "diagonal", "diagonal_scatter", "narrow", "select", "select_scatter",
    "slice_scatter", "tril", "triu", "unfold",
]  # fmt: skip
