"""`minigrad.linalg`: norms, inverses, factorisations and products of matrices (the functions are in `ops/`)."""

from .ops.linalg import (
    cholesky,
    det,
    eigh,
    eigvalsh,
    inv,
    matrix_power,
    matrix_rank,
    multi_dot,
    qr,
    slogdet,
    solve,
    svdvals,
)  # fmt: skip
from .ops.linalg import linalg_cross as cross
from .ops.linalg import linalg_diagonal as diagonal
from .ops.linalg import linalg_svd as svd
from .ops.norms import linalg_norm as norm
from .ops.norms import matrix_norm, vector_norm
from .ops.products import matmul, vecdot

__all__ = [
    "cholesky", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "matmul", "matrix_norm", "matrix_power",
    "matrix_rank", "multi_dot", "norm", "qr", "slogdet", "solve", "svd", "svdvals", "vecdot",
    "vector_norm",
]  # fmt: skip
