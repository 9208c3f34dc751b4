"""Norms of vectors and matrices: `norm`, `linalg.norm`, `linalg.vector_norm`, `linalg.matrix_norm`, `dist`."""

from __future__ import annotations

import math
from typing import Any

from ..autograd.core_ops import cast
from ..autograd.primitive import primitive
from ..autograd.public import public
from ..backend.dtypes import numpy_dtype
from .arithmetic import abs, pow, sign, sub_
from .comparison import where_
from .decompositions import svd_
from .dims import many_dims, reduced_dims
from .maxima import amax, amax_, amin, amin_, share_of_ties
from .reduction import reciprocal_or_zero, sum, sum_
from .shape import movedim, reshape_, unreduced, unsqueeze

_INF = math.inf


@primitive(dtype="keep", accepts="f")
def vector_norm_(xp, input, *, ord, dim, keepdim):
    """sum(abs(input) ** ord) ** (1 / ord) over `dim`."""
    x = input.astype("float32") if input.dtype.itemsize == 2 else input
    if ord == 2:
        out = xp.sqrt(xp.add.reduce(x * x, axis=dim, keepdims=keepdim))
    elif ord == 0:
        out = xp.add.reduce(x != 0, axis=dim, dtype=x.dtype, keepdims=keepdim)
    elif ord in (_INF, -_INF):
        size = xp.absolute(x)
        out = (size.max if ord > 0 else size.min)(axis=dim, keepdims=keepdim)
    else:
        total = xp.add.reduce(xp.absolute(x) ** ord, axis=dim, keepdims=keepdim)
        out = total if ord == 1 else total ** (1 / ord)
    return out if x is input else out.astype(input.dtype)


def _norm_gradient(g, input, out, shape_of_input, ord, dim, keepdim):
    """d out / d input is sign(x) (abs(x) / out) ** (ord - 1); PyTorch's subgradient where that has none is 0."""
    g, out = unreduced(g, shape_of_input, dim, keepdim), unreduced(out, shape_of_input, dim, keepdim)
    if ord == 2:
        return g * (input * reciprocal_or_zero(out))
    if ord == 1:
        return g * sign(input)
    if ord == 0:
        return g * (input * 0)
    if ord in (_INF, -_INF):
        return g * (sign(input) * share_of_ties(abs(input), out, dim=dim))
    ratio = abs(input) * reciprocal_or_zero(out)
    safe = where_(ratio == 0, 1, ratio)  # 0 ** (ord - 1) and its derivatives are not finite for small ord
    return g * (sign(input) * where_(ratio == 0, 0, pow(safe, ord - 1)))


vector_norm_.vjp(input=_norm_gradient)


def _as(x: Any, dtype: Any) -> Any:
    return x if dtype is None else cast(x, dtype=numpy_dtype(dtype))


@public
def vector_norm(x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The norm of order `ord` over `dim` (all dimensions, if None): sum(abs(x) ** ord) ** (1 / ord).

    `inf` and `-inf` give the largest and smallest absolute value, 0 the number of elements that are not 0. Where
    the norm has no derivative the gradient is PyTorch's subgradient: 0 at the origin, even over ties.

    >>> import minigrad
    >>> vector_norm(minigrad.tensor([3.0, -4.0]))
    tensor(5.)
    """
    if isinstance(ord, str):
        raise RuntimeError(f"vector_norm(): ord must be a number, got {ord!r}: use matrix_norm for 'fro' and 'nuc'")
    dim = reduced_dims(dim, x.ndim)
    if ord in (_INF, -_INF) and 0 in x.shape:
        amax(x, () if dim is None else dim)  # raises where there is no largest element
    return vector_norm_(_as(x, dtype), ord=ord, dim=dim, keepdim=keepdim)


@public
def matrix_norm(A: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The norm of each matrix: "fro", inf and -inf (of row sums), 1 and -1 (of column sums), "nuc", 2 and -2 (of
    singular values; these have no gradient)."""
    first, second = many_dims(dim, A.ndim)
    A = _as(A, dtype)
    if ord == "fro":
        return vector_norm_(A, ord=2, dim=(first, second), keepdim=keepdim)
    if ord in (1, -1, _INF, -_INF):
        over, along = (first, second) if ord in (1, -1) else (second, first)
        sums = sum(abs(A), over, True)
        kept = (amax if ord > 0 else amin)(sums, along, True)
        return sum(kept, (first, second), keepdim)  # of one number: takes the dimensions away
    if ord in ("nuc", 2, -2):
        values = svd_(movedim(A, (first, second), (-2, -1)), full_matrices=False)[1]
        last = values.ndim - 1
        if ord == "nuc":
            out = sum_(values, dim=last, keepdim=False)
        else:
            out = (amax_ if ord == 2 else amin_)(values, dim=last, keepdim=False)
        kept = tuple(1 if k in (first, second) else n for k, n in enumerate(A.shape))
        return reshape_(out, shape=kept) if keepdim else out
    raise RuntimeError(f"matrix_norm(): ord must be 'fro', 'nuc', inf, -inf, 1, -1, 2 or -2, got {ord!r}")


@public
def linalg_norm(A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """`torch.linalg.norm`: without `ord` the 2-norm of all elements; else a vector norm of one dimension, or a
    matrix norm of two."""
    if ord is None:
        return vector_norm(A, 2, dim, keepdim, dtype=dtype)
    dims = tuple(range(A.ndim)) if dim is None else many_dims(dim, A.ndim)
    if len(dims) == 1 and not isinstance(ord, str):
        return vector_norm(A, ord, dims, keepdim, dtype=dtype)
    if len(dims) != 2:
        raise RuntimeError(f"norm() with ord={ord!r} is for one or two dimensions, got {len(dims)}: give dim")
    return matrix_norm(A, ord, dims, keepdim, dtype=dtype)


@public
def norm(input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """The p-norm over `dim` (all, if None), elements taken as one vector; "fro" is 2, "nuc" that of matrices.

    >>> import minigrad
    >>> minigrad.norm(minigrad.tensor([[3.0, 4.0]])), minigrad.tensor([3.0, -4.0]).norm(1)
    (tensor(5.), tensor(7.))
    """
    if p == "nuc":
        return matrix_norm(input, "nuc", (-2, -1) if dim is None else dim, keepdim, dtype=dtype)
    return vector_norm(input, 2 if p in ("fro", None) else p, dim, keepdim, dtype=dtype)


@public
def dist(input: Any, other: Any, p: Any = 2) -> Any:
    """The p-norm of the difference of two tensors."""
    return vector_norm(sub_(input, other), p)


@public
def cdist(x1: Any, x2: Any, p: Any = 2.0) -> Any:
    """The p-norms of the differences of all rows of `x1` (..., n, d) and `x2` (..., m, d): shape (..., n, m)."""
    return norm(sub_(unsqueeze(x1, -2), unsqueeze(x2, -3)), p, -1)


__all__ = ["cdist", "dist", "norm"]
