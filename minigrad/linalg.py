"""`minigrad.linalg`: norms, inverses, factorisations and products of matrices (the functions are in `ops/`)."""

from .ops.decompositions import cond, eigh, eigvalsh, lstsq, matrix_rank, pinv, solve_triangular, svdvals
from .ops.decompositions import linalg_qr as qr
from .ops.decompositions import linalg_svd as svd
from .ops.linalg import cholesky, det, inv, matrix_power, multi_dot, slogdet, solve
from .ops.linalg import linalg_cross as cross
from .ops.linalg import linalg_diagonal as diagonal
from .ops.norms import linalg_norm as norm
from .ops.norms import matrix_norm, vector_norm
from .ops.products import matmul, vecdot

__all__ = [
    "cholesky", "cond", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "lstsq", "matmul", "matrix_norm",
    "matrix_power", "matrix_rank", "multi_dot", "norm", "pinv", "qr", "slogdet", "solve", "solve_triangular", "svd",
    "svdvals", "vecdot", "vector_norm",
]  # fmt: skip
