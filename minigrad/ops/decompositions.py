"""Matrices taken apart: `svd`, `svdvals`, `eigh`, `eigvalsh`, `qr`, `matrix_rank`.

All take one matrix or a batch of them, in float32 or float64.
"""

from __future__ import annotations

from typing import Any

from ..autograd.primitive import primitive
from ..autograd.public import public
from ..backend.door import refuse
from . import return_types
from .arithmetic import square, sub_
from .comparison import where_
from .division import div_
from .linalg import check_square, inv_, solve, solved
from .parts import diagonal, narrow, on_diagonal, select, tril, triu
from .products import matmul, matmul_nt, matmul_tn
from .reduction import sum
from .shape import adjoint, reshape_, unsqueeze

# --- primitives ----------------------------------------------------------------------------------------------


@primitive(dtype="keep", accepts="f")
def svd_(xp, input, *, full_matrices):
    """(U, singular values, Vᵀ) of each matrix."""
    return tuple(solved(xp, "svd", input, full_matrices))


svd_.vjp(input=lambda g, out, shape_of_input, full_matrices: _svd_gradient(g, out, shape_of_input, full_matrices))


def _svd_gradient(g, out, shape_of_input, full_matrices):
    """With A = U S Vᵀ: U [(Uᵀg_U - g_UᵀU) / E · S + S · (Vᵀg_V - g_VᵀV) / E + g_S] Vᵀ, where E_ij = s_j² - s_i², and
    for tall and wide matrices what of g_U and g_V lies outside of U and V. Singular values must be distinct.
    [Townsend 2016, "Differentiating the singular value decomposition"]"""
    (g_u, g_s, g_vh), (u, s, vh) = g, out
    rows, columns = shape_of_input[-2:]
    k = min(rows, columns)
    if full_matrices and rows != columns and not (g_u is None and g_vh is None):
        raise RuntimeError("the vectors of svd() have no gradient with full_matrices=True: use full_matrices=False")
    u, vh = narrow(u, -1, 0, k), narrow(vh, -2, 0, k)
    row, column = unsqueeze(s, -2), unsqueeze(s, -1)
    gap = (row - column) * (row + column)
    same = gap == 0
    gap = where_(same, 1, gap)
    inner = 0 if g_s is None else _diagonal_matrix(g_s, shape_of_input, k)
    if g_u is not None:
        product = matmul_tn(u, g_u)
        inner = inner + where_(same, 0, (product - adjoint(product)) / gap) * row
    if g_vh is not None:
        product = matmul_nt(vh, g_vh)
        inner = inner + column * where_(same, 0, (product - adjoint(product)) / gap)
    whole = matmul(matmul(u, inner), vh)
    if g_u is not None and rows > k:
        scaled = g_u / row
        whole = whole + matmul(scaled - matmul(u, matmul_tn(u, scaled)), vh)
    if g_vh is not None and columns > k:
        scaled = g_vh / column
        whole = whole + matmul(u, scaled - matmul(matmul_nt(scaled, vh), vh))
    return whole


def _diagonal_matrix(x, shape, k):
    """k by k matrices with `x` on their diagonals, for a batch of matrices of `shape`."""
    n = len(shape)
    return on_diagonal(x, shape=(*shape[:-2], k, k), offset=0, dim1=n - 2, dim2=n - 1)


@primitive(dtype="keep", accepts="f")
def qr_(xp, input, *, mode):
    """(Q, R) of each matrix."""
    return tuple(solved(xp, "qr", input, mode))


qr_.vjp(input=lambda g, out, shape_of_input, mode: _qr_gradient(g, out, shape_of_input, mode))


def _qr_gradient(g, out, shape_of_input, mode):
    """(g_Q + Q sym(R g_Rᵀ - g_Qᵀ Q)) R⁻ᵀ, where sym copies the lower triangle to the upper [Walter & Lehmann 2010]."""
    rows, columns = shape_of_input[-2:]
    if mode != "reduced" or rows < columns:
        raise NotImplementedError("qr() has a gradient for mode='reduced' and no more columns than rows")
    (g_q, g_r), (q, r) = g, out
    lower = 0
    if g_r is not None:
        lower = matmul_nt(r, g_r)
    if g_q is not None:
        lower = lower - matmul_tn(g_q, q)
    whole = matmul(q, tril(lower) + adjoint(tril(lower, -1)))
    return matmul_nt(whole if g_q is None else whole + g_q, inv_(r))


@primitive(dtype="keep", accepts="f")
def eigh_(xp, input, *, UPLO):
    """(eigenvalues, eigenvectors) of each symmetric matrix."""
    values, vectors = solved(xp, "eigh", input, UPLO)
    return values, vectors


eigh_.vjp(input=lambda g, out, shape_of_input: _eigh_gradient(g, out, shape_of_input))


def _eigh_gradient(g, out, shape_of_input):
    """V (diag(g_values) + (Vᵀ g_vectors) / (λ_j - λ_i)) Vᵀ; eigenvectors need distinct eigenvalues (Giles, 3.1)."""
    (g_values, g_vectors), (values, vectors) = g, out
    inner = 0
    if g_vectors is not None:
        gap = unsqueeze(values, -2) - unsqueeze(values, -1)
        same = gap == 0
        inner = where_(same, 0, matmul_tn(vectors, g_vectors) / where_(same, 1, gap))
    if g_values is not None:
        inner = _diagonal_matrix(g_values, shape_of_input, shape_of_input[-1]) + inner
    whole = matmul_nt(matmul(vectors, inner), vectors)
    return (whole + adjoint(whole)) * 0.5


@primitive(dtype="keep", accepts="f", differentiable=False)
def matrix_rank_(xp, input, *, tol):
    """How many singular values are above a tolerance."""
    values = xp.linalg.svd(input, compute_uv=False)
    if tol is None:
        tol = values.max(axis=-1, keepdims=True) * max(input.shape[-2:]) * xp.finfo(input.dtype).eps
    return xp.add.reduce(values > tol, axis=-1, dtype="int64")


@primitive(dtype="keep", accepts="f")
def pinv_(xp, input, *, rcond):
    """The Moore-Penrose inverse of each matrix; singular values below rcond times the largest count as 0."""
    return solved(xp, "pinv", input, max(input.shape[-2:]) * xp.finfo(input.dtype).eps if rcond is None else rcond)


pinv_.vjp(input=lambda g, input, out: _pinv_gradient(g, input, out))


def _pinv_gradient(g, a, p):
    """-Pᵀ g Pᵀ + (1 - A P) gᵀ P Pᵀ + Pᵀ P gᵀ (1 - P A), with P the pseudo-inverse [Golub & Pereyra 1973]."""
    inner = matmul_tn(matmul_nt(p, p), g)  # P Pᵀ g, whose transpose is gᵀ P Pᵀ
    left = adjoint(inner)
    right = adjoint(matmul(g, matmul_tn(p, p)))
    return -matmul_nt(matmul_tn(p, g), p) + (left - matmul(a, matmul(p, left))) + (right - matmul(matmul(right, p), a))


# --- public functions ----------------------------------------------------------------------------------------


@public
def linalg_svd(A: Any, full_matrices: bool = True) -> Any:
    """U, the singular values S in falling order, and Vh, with A = U diag(S) Vh.

    The gradient needs distinct singular values, and full_matrices=False unless A is square.
    """
    return return_types.linalg_svd(*svd_(A, full_matrices=full_matrices))


@public
def svd(input: Any, some: bool = True, compute_uv: bool = True) -> Any:
    """U, S and V (not transposed) of a matrix: PyTorch's older form of `linalg.svd`."""
    u, s, vh = svd_(input, full_matrices=not some)
    return return_types.svd(u, s, adjoint(vh))


@public
def svdvals(A: Any) -> Any:
    """The singular values in falling order."""
    return svd_(A, full_matrices=False)[1]


@public
def linalg_qr(A: Any, mode: str = "reduced") -> Any:
    """Q with orthonormal columns and the upper triangular R, with A = Q R; mode "reduced" or "complete"."""
    if mode not in ("reduced", "complete"):
        raise RuntimeError(f"qr(): mode is 'reduced' or 'complete', got {mode!r}")
    return return_types.linalg_qr(*qr_(A, mode=mode))


@public
def qr(input: Any, some: bool = True) -> Any:
    """Q and R of a matrix: PyTorch's older form of `linalg.qr`."""
    return linalg_qr(input, "reduced" if some else "complete")


@public
def eigh(A: Any, UPLO: str = "L") -> Any:
    """Eigenvalues in rising order and eigenvectors (columns) of a symmetric matrix, of which one triangle is read."""
    check_square(A, "eigh")
    return return_types.linalg_eigh(*eigh_(A, UPLO=UPLO))


@public
def eigvalsh(A: Any, UPLO: str = "L") -> Any:
    """The eigenvalues of a symmetric matrix in rising order."""
    return eigh(A, UPLO)[0]


@public
def matrix_rank(A: Any, *, tol: Any = None) -> Any:
    """How many singular values are larger than `tol`."""
    return matrix_rank_(A, tol=tol)


@public
def pinv(A: Any, *, rtol: Any = None, hermitian: bool = False) -> Any:
    """The Moore-Penrose inverse: the X for which A X and X A are the projections that they can be.

    Singular values below `rtol` times the largest count as 0 (by default max(n, m) times the dtype's eps).
    The gradient supposes that their number stays.

    >>> import minigrad
    >>> minigrad.linalg.pinv(minigrad.tensor([[2.0], [0.0]]))
    tensor([[0.5000, 0.0000]])
    """
    return pinv_(A, rcond=rtol)


@public
def pinverse(input: Any, rcond: Any = 1e-15) -> Any:
    """`pinv` under its older name."""
    return pinv_(input, rcond=rcond)


@public
def lstsq(A: Any, B: Any, rcond: Any = None, *, driver: Any = None) -> Any:
    """The X with the smallest sum of squares of A X - B: a tuple (solution, residuals, rank, singular_values).

    Residuals are the sums of squares of the columns, empty where the rank is not the number of columns.

    >>> import minigrad
    >>> x = minigrad.tensor([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
    >>> minigrad.linalg.lstsq(x, minigrad.tensor([[1.0], [3.0], [5.0]])).solution.round(decimals=4)
    tensor([[1.],
            [2.]])
    """
    vector = B.ndim == A.ndim - 1
    columns = unsqueeze(B, -1) if vector else B
    solution = matmul(pinv(A, rtol=rcond), columns)
    n, m = A.shape[-2:]
    rank = matrix_rank_(A, tol=None)
    missed = sub_(matmul(A, solution), columns)
    if n > m:
        refuse("lstsq(), the shape of whose residuals depends on values", "use minigrad.linalg.pinv(A) @ B")
    residuals = sum(square(missed), -2) if n > m and int(rank.min()) == m else sum(missed, -2)[..., :0]
    solution = reshape_(solution, shape=tuple(solution.shape[:-1])) if vector else solution
    return return_types.linalg_lstsq(solution, residuals, rank, svdvals(A))


@public
def cond(A: Any, p: Any = None) -> Any:
    """The condition number: the ratio of the largest to the smallest singular value."""
    if p not in (None, 2):
        raise NotImplementedError(f"cond() is for the 2-norm, got p={p!r}: take norm(A, p) * norm(inv(A), p)")
    values = svdvals(A)
    return div_(select(values, -1, 0), select(values, -1, -1))


@public
def solve_triangular(A: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Any:
    """`solve` with the upper or lower triangle of A; `unitriangular` takes ones for its diagonal."""
    triangle = triu(A) if upper else tril(A)
    if unitriangular:
        n = A.ndim
        ones = diagonal(A, 0, -2, -1) * 0 + 1
        beside = triu(A, 1) if upper else tril(A, -1)
        triangle = beside + on_diagonal(ones, shape=tuple(A.shape), offset=0, dim1=n - 2, dim2=n - 1)
    return solve(triangle, B, left=left)


__all__ = ["pinverse", "qr", "svd"]
