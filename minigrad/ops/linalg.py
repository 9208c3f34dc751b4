"""Matrices inverted and solved: `inv`, `det`, `solve`, `cholesky`, `matrix_power`; and `trace`, `kron`, `cross`.

All take one matrix or a batch of them, in float32 or float64. The gradients are those collected by M. Giles, "An
extended collection of matrix derivative results for forward and reverse mode algorithmic differentiation" (2008).
"""

from __future__ import annotations

from typing import Any

from ..autograd.primitive import primitive
from ..autograd.public import public
from . import return_types
from .arithmetic import mul, sub_
from .comparison import where_
from .dims import broadcast_shapes, one_dim
from .parts import diagonal, on_diagonal, tril
from .products import matmul, matmul_nt, matmul_tn
from .reduction import sum
from .repeating import roll
from .shape import adjoint, expand, reshape_, unsqueeze

# --- primitives ----------------------------------------------------------------------------------------------


def solved(xp: Any, name: str, *arguments: Any) -> Any:
    """`xp.linalg.name(*arguments)`, or the error for a matrix that has no such result."""
    try:
        out = getattr(xp.linalg, name)(*arguments)
    except xp.linalg.LinAlgError as error:
        raise _no_result(name, error) from None
    if (
        xp.__name__ != "numpy"
        and not isinstance(out, tuple)
        and not xp.isfinite(out).all()
        and xp.isfinite(arguments[0]).all()
    ):
        raise _no_result(name, "the result is not finite")  # CuPy does not tell of itself
    return out


def _no_result(name: str, why: Any) -> Exception:
    return RuntimeError(f"{name}(): {why}. The matrix is singular, or not of the kind that this needs")


def check_square(x: Any, name: str) -> None:
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise RuntimeError(f"{name}() takes square matrices, got shape {tuple(x.shape)}")


@primitive(dtype="keep", accepts="f")
def inv_(xp, input):
    """The inverse of each matrix."""
    return solved(xp, "inv", input)


inv_.vjp(input=lambda g, out: -matmul_nt(matmul_tn(out, g), out))


@primitive(dtype="keep", accepts="f")
def det_(xp, input):
    """The determinant of each matrix."""
    return xp.linalg.det(input)


det_.vjp(input=lambda g, input, out: unsqueeze(unsqueeze(g * out, -1), -1) * adjoint(inv_(input)))


@primitive(dtype="keep", accepts="f")
def slogdet_(xp, input):
    """(sign, log of the absolute value) of the determinant of each matrix."""
    sign, size = xp.linalg.slogdet(input)
    return xp.asarray(sign), xp.asarray(size)


slogdet_.vjp(input=lambda g, input: _log_det_gradient(g, input))


def _log_det_gradient(g, input):
    """The sign is constant wherever it has a gradient."""
    _, g_log = g
    if g_log is None:
        return input * 0
    return unsqueeze(unsqueeze(g_log, -1), -1) * adjoint(inv_(input))


@primitive(dtype="same", accepts="f")
def solve_(xp, A, B):
    """The X with A X = B, for matrices."""
    return solved(xp, "solve", A, B)


solve_.vjp(
    A=lambda g, A, out: -matmul_nt(solve_(adjoint(A), g), out),
    B=lambda g, A: solve_(adjoint(A), g),
)


@primitive(dtype="keep", accepts="f")
def cholesky_(xp, input):
    """The lower triangular L with L Lᵀ = input."""
    return solved(xp, "cholesky", input)


cholesky_.vjp(input=lambda g, out: _cholesky_gradient(g, out))


def _cholesky_gradient(g, factor):
    """L⁻ᵀ Φ(Lᵀ g) L⁻¹, symmetrised, where Φ takes the lower triangle with half the diagonal (Giles, section 4)."""
    product = matmul_tn(factor, g)
    half = (tril(product) + tril(product, -1)) * 0.5
    inverse = inv_(factor)
    whole = matmul(matmul_tn(inverse, half), inverse)
    return (whole + adjoint(whole)) * 0.5


# --- public functions ----------------------------------------------------------------------------------------


@public
def inv(A: Any) -> Any:
    """The inverse of each square matrix.

    >>> import minigrad
    >>> minigrad.linalg.inv(minigrad.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])

    Raises:
        RuntimeError: a matrix that is not square, or singular.
    """
    check_square(A, "inv")
    return inv_(A)


@public
def inverse(input: Any) -> Any:
    """`inv` under its older name."""
    return inv(input)


@public
def det(A: Any) -> Any:
    """The determinant of each square matrix. Its gradient is that of regular matrices."""
    check_square(A, "det")
    return det_(A)


@public
def slogdet(A: Any) -> Any:
    """Sign and log of the absolute value of the determinant: a pair (sign, logabsdet)."""
    check_square(A, "slogdet")
    return return_types.slogdet(*slogdet_(A))


@public
def logdet(input: Any) -> Any:
    """The log of the determinant; nan where that is negative."""
    sign, size = slogdet(input)
    return where_(sign < 0, float("nan"), size)


@public
def solve(A: Any, B: Any, *, left: bool = True) -> Any:
    """The X with A X = B (`left=False`: X A = B), where B holds columns or, with one dimension less than A, a vector.

    >>> import minigrad
    >>> minigrad.linalg.solve(minigrad.tensor([[2.0, 0.0], [0.0, 4.0]]), minigrad.tensor([2.0, 2.0]))
    tensor([1.0000, 0.5000])
    """
    check_square(A, "solve")
    if not left:
        return adjoint(solve(adjoint(A), adjoint(B)))
    if B.ndim == 1 or (B.ndim == A.ndim - 1 and tuple(B.shape) == tuple(A.shape[:-1])):
        batch = broadcast_shapes(tuple(A.shape[:-2]), tuple(B.shape[:-1]))
        return reshape_(solve(A, unsqueeze(B, -1)), shape=(*batch, A.shape[-1]))
    batch = broadcast_shapes(tuple(A.shape[:-2]), tuple(B.shape[:-2]))
    return solve_(expand(A, (*batch, *A.shape[-2:])), expand(B, (*batch, *B.shape[-2:])))


@public
def cholesky(input: Any, *, upper: bool = False) -> Any:
    """The lower triangular factor L of a symmetric positive definite matrix, L Lᵀ; `upper` gives Lᵀ."""
    check_square(input, "cholesky")
    factor = cholesky_(input)
    return adjoint(factor) if upper else factor


@public
def matrix_power(A: Any, n: int) -> Any:
    """A multiplied by itself n times; for negative n the inverse."""
    check_square(A, "matrix_power")
    if n < 0:
        return matrix_power(inv_(A), -n)
    if n == 0:
        ones = expand(reshape_(A, shape=(-1,))[:1] * 0 + 1, (A.shape[-1],))
        return expand(on_diagonal(ones, shape=tuple(A.shape[-2:]), offset=0, dim1=0, dim2=1), tuple(A.shape))
    half = matrix_power(A, n // 2) if n > 1 else None
    if half is None:
        return A
    return matmul(matmul(half, half), A) if n % 2 else matmul(half, half)


def multi_dot(tensors: Any) -> Any:
    """The product of several matrices (the first and the last may be vectors), in the cheapest order for three."""
    tensors = list(tensors)
    if len(tensors) == 3 and tensors[0].ndim == tensors[2].ndim == 2:
        a, b, c = (x.shape for x in tensors)
        if a[0] * c[1] * (a[1] + b[1]) and b[1] * (a[0] * a[1] + a[0] * c[1]) > c[1] * (a[1] * b[1] + a[0] * a[1]):
            return matmul(tensors[0], matmul(tensors[1], tensors[2]))
    product = tensors[0]
    for x in tensors[1:]:
        product = matmul(product, x)
    return product


@public
def trace(input: Any) -> Any:
    """The sum of the diagonal of a matrix."""
    if input.ndim != 2:
        raise RuntimeError(f"trace() takes a matrix, got {input.ndim} dimensions")
    return sum(diagonal(input))


@public
def kron(input: Any, other: Any) -> Any:
    """The Kronecker product: `other` times each element of `input`, side by side."""
    n = max(input.ndim, other.ndim)
    a = (1,) * (n - input.ndim) + tuple(input.shape)
    b = (1,) * (n - other.ndim) + tuple(other.shape)
    left = reshape_(input, shape=tuple(size for k in a for size in (k, 1)))
    right = reshape_(other, shape=tuple(size for k in b for size in (1, k)))
    return reshape_(mul(left, right), shape=tuple(k * m for k, m in zip(a, b)))


@public
def cross(input: Any, other: Any, dim: Any = None) -> Any:
    """The cross product of vectors of length 3 along `dim` (the first dimension of size 3, if None)."""
    shape = broadcast_shapes(tuple(input.shape), tuple(other.shape))
    if dim is None:
        dim = next((k for k, n in enumerate(shape) if n == 3), None)
        if dim is None:
            raise RuntimeError(f"cross(): none of the sizes of {shape} is 3")
    k = one_dim(dim, len(shape))
    if shape[k] != 3:
        raise RuntimeError(f"cross(): dimension {dim} of shape {shape} must be of size 3")
    a, b = expand(input, shape), expand(other, shape)
    return sub_(roll(a, -1, k) * roll(b, -2, k), roll(a, -2, k) * roll(b, -1, k))


@public
def linalg_cross(input: Any, other: Any, *, dim: int = -1) -> Any:
    """The cross product of vectors of length 3 along `dim`."""
    return cross(input, other, dim)


@public
def linalg_diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """The diagonals of each matrix."""
    return diagonal(A, offset, dim1, dim2)


__all__ = [
    "cholesky", "cross", "det", "inverse", "kron", "logdet", "matrix_power", "slogdet", "trace",
]  # fmt: skip
