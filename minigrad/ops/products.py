"""Products of matrices and vectors: `matmul` and the names that PyTorch has for its cases, `addmm` and its kin.

`matmul`, `matmul_tn` (first matrix transposed) and `matmul_nt` (second one) are each other's gradients, so that
none of them has to lay out a transposed copy, and gradients of any order are matrix products again.
"""

from __future__ import annotations

import math
from typing import Any

from ..autograd.core_ops import add
from ..autograd.primitive import primitive
from ..autograd.public import public
from .arithmetic import mul
from .kinds import is_one
from .reduction import sum
from .shape import reshape_, unsqueeze

# --- primitives ----------------------------------------------------------------------------------------------


def _checked(input, other):
    """The error for operands that have no product, before the array library's, which names no shapes."""
    if input.dtype.kind == "b":
        return RuntimeError("matmul() is not defined for bool tensors: convert them first")
    if not input.ndim or not other.ndim:
        return RuntimeError(f"matmul() needs at least one dimension, got shapes {input.shape} and {other.shape}")
    return RuntimeError(
        f"matmul() of shapes {input.shape} and {other.shape}: the last size of the first and the second last size of "
        "the second (its only one, if it is a vector) must agree, and batch sizes broadcast"
    )


@primitive(dtype="same")
def matmul(xp, input, other):
    """The matrix product, as PyTorch's `matmul` and the operator `@` form it.

    Vector times vector is a number; a vector in front counts as a row, one behind as a column; further dimensions
    in front are a batch, and broadcast.

    Returns:
        shape (..., n, m) for inputs (..., n, k) and (..., k, m).

    Raises:
        RuntimeError: sizes that do not fit, different dtypes, 0-d or bool tensors.

    >>> import minigrad
    >>> minigrad.matmul(minigrad.tensor([[1.0, 2.0]]), minigrad.tensor([[3.0], [4.0]]))
    tensor([[11.]])
    """
    if input.dtype.kind == "b" or not input.ndim or not other.ndim:
        raise _checked(input, other)
    try:
        if input.ndim < 3 and other.ndim < 3:
            return input.dot(other)  # 0.4 us for 4 x 4, where matmul takes 0.9; and it copies odd strides for BLAS
        if other.ndim == 2 and input.ndim > 2 and input.flags.c_contiguous:  # one large product, not a batch of small
            rows = input.reshape(math.prod(input.shape[:-1]), input.shape[-1])
            return rows.dot(other).reshape(*input.shape[:-1], other.shape[1])
        return xp.matmul(input, other)
    except ValueError:
        raise _checked(input, other) from None


@primitive(dtype="same")
def matmul_nt(xp, input, other):
    """`input @ other.mT`."""
    return input.dot(other.T) if input.ndim == 2 == other.ndim else xp.matmul(input, other.swapaxes(-1, -2))


@primitive(dtype="same")
def matmul_tn(xp, input, other):
    """`input.mT @ other`."""
    return input.T.dot(other) if input.ndim == 2 == other.ndim else xp.matmul(input.swapaxes(-1, -2), other)


def _matmul_input(g, other, shape_of_input, shape_of_other):
    if len(shape_of_other) == 1:
        return g * other if len(shape_of_input) == 1 else unsqueeze(g, -1) * other
    if len(shape_of_input) == 1:
        if len(shape_of_other) == 2:
            return matmul(other, g)
        return reshape_(matmul(other, unsqueeze(g, -1)), shape=(*shape_of_other[:-1],))
    return matmul_nt(g, other)


def _matmul_other(g, input, shape_of_input, shape_of_other):
    n = math.prod(shape_of_input[:-1])
    if len(shape_of_input) == 1:
        return g * input if len(shape_of_other) == 1 else unsqueeze(input, -1) * unsqueeze(g, -2)
    if len(shape_of_other) == 1:  # a batch is summed over: one product of all its rows
        return matmul(reshape_(g, shape=(n,)), reshape_(input, shape=(n, shape_of_input[-1])))
    if len(shape_of_other) == 2 and len(shape_of_input) > 2:
        rows = reshape_(input, shape=(n, shape_of_input[-1]))
        return matmul_tn(rows, reshape_(g, shape=(n, shape_of_other[-1])))
    return matmul_tn(input, g)


matmul.vjp(input=_matmul_input, other=_matmul_other)
matmul_nt.vjp(input=lambda g, other: matmul(g, other), other=lambda g, input: matmul_tn(g, input))
matmul_tn.vjp(input=lambda g, other: matmul_nt(other, g), other=lambda g, input: matmul(input, g))

# --- the cases under their own names -------------------------------------------------------------------------


def _need(name: str, *wanted: tuple[Any, int]) -> None:
    """Check the numbers of dimensions of the operands."""
    for x, ndim in wanted:
        if x.ndim != ndim:
            shapes = " and ".join(str(tuple(w.shape)) for w, _ in wanted)
            dims = " and ".join(str(n) for _, n in wanted)
            raise RuntimeError(f"{name}() takes tensors of {dims} dimensions, got shapes {shapes}")


@public
def mm(input: Any, mat2: Any) -> Any:
    """The product of two matrices."""
    _need("mm", (input, 2), (mat2, 2))
    return matmul(input, mat2)


@public
def bmm(input: Any, mat2: Any) -> Any:
    """The products of two batches of matrices, (b, n, k) and (b, k, m), without broadcasting."""
    _need("bmm", (input, 3), (mat2, 3))
    if input.shape[0] != mat2.shape[0]:
        raise RuntimeError(f"bmm(): batches of {input.shape[0]} and {mat2.shape[0]} matrices must be equally many")
    return matmul(input, mat2)


@public
def mv(input: Any, vec: Any) -> Any:
    """The product of a matrix and a vector."""
    _need("mv", (input, 2), (vec, 1))
    return matmul(input, vec)


@public
def dot(input: Any, tensor: Any) -> Any:
    """The inner product of two vectors of one length."""
    _need("dot", (input, 1), (tensor, 1))
    return matmul(input, tensor)


@public
def vdot(input: Any, other: Any) -> Any:
    """`dot`: there are no complex numbers to conjugate."""
    return dot(input, other)


@public
def inner(input: Any, other: Any) -> Any:
    """Products summed over the last dimension of both; a plain product where one is a number.

    Returns:
        shape (*input.shape[:-1], *other.shape[:-1]).
    """
    if not input.ndim or not other.ndim:
        return mul(input, other)
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(f"inner(): the last sizes of {tuple(input.shape)} and {tuple(other.shape)} must agree")
    if other.ndim == 1:
        return matmul(input, other)
    n = other.shape[-1]
    left, right = tuple(input.shape[:-1]), tuple(other.shape[:-1])
    rows = (reshape_(x, shape=(math.prod(shape), n)) for x, shape in ((input, left), (other, right)))
    return reshape_(matmul_nt(*rows), shape=(*left, *right))


@public
def outer(input: Any, vec2: Any) -> Any:
    """All products of an element of one vector with one of another: shape (n, m)."""
    _need("outer", (input, 1), (vec2, 1))
    return mul(unsqueeze(input, 1), vec2)


@public
def ger(input: Any, vec2: Any) -> Any:
    """`outer` under its BLAS name."""
    return outer(input, vec2)


@public
def vecdot(x: Any, y: Any, *, dim: int = -1) -> Any:
    """Inner products along `dim`, with broadcasting."""
    return sum(mul(x, y), dim)


def _plus(input: Any, product: Any, beta: Any, alpha: Any) -> Any:
    """beta * input + alpha * product; with beta 0 the input is not looked at, so that its nan and inf stay out."""
    product = product if is_one(alpha) else mul(product, alpha)
    if beta == 0:
        return product
    return add(input if beta == 1 else mul(input, beta), product)


@public
def addmm(input: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """beta * input + alpha * (mat1 @ mat2).

    >>> import minigrad
    >>> x = minigrad.ones(2, 2)
    >>> minigrad.addmm(minigrad.ones(2), x, x, beta=0.5)
    tensor([[2.5000, 2.5000],
            [2.5000, 2.5000]])
    """
    return _plus(input, mm(mat1, mat2), beta, alpha)


@public
def addmv(input: Any, mat: Any, vec: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """beta * input + alpha * (mat @ vec)."""
    return _plus(input, mv(mat, vec), beta, alpha)


@public
def addr(input: Any, vec1: Any, vec2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """beta * input + alpha * outer(vec1, vec2)."""
    return _plus(input, outer(vec1, vec2), beta, alpha)


@public
def baddbmm(input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """beta * input + alpha * bmm(batch1, batch2)."""
    return _plus(input, bmm(batch1, batch2), beta, alpha)


@public
def addbmm(input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """beta * input + alpha * bmm(batch1, batch2).sum(0)."""
    return _plus(input, sum(bmm(batch1, batch2), 0), beta, alpha)


def chain_matmul(*matrices: Any) -> Any:
    """The product of several matrices, from left to right."""
    product = matrices[0]
    for m in matrices[1:]:
        product = mm(product, m)
    return product


__all__ = [
    "addbmm", "addmm", "addmv", "addr", "baddbmm", "bmm", "chain_matmul", "dot", "ger", "inner", "matmul", "mm", "mv",
    "outer", "vdot", "vecdot",
]  # fmt: skip
