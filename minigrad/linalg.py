"""`minigrad.linalg`: norms, products and decompositions of matrices, under PyTorch's names.

>>> import minigrad
>>> minigrad.linalg.det(minigrad.tensor([[1.0, 2.0], [3.0, 5.0]]))
tensor(-1.0000)
"""

from .ops.linalg import cholesky, det, eigh, eigvalsh, inv, matrix_power, matrix_rank, multi_dot, qr, slogdet, solve, svdvals
from .ops.linalg import linalg_cross as cross
from .ops.linalg import linalg_diagonal as diagonal
from .ops.linalg import linalg_svd as svd
from .ops.products import matmul, vecdot
from .ops.norms import linalg_norm as norm
from .ops.norms import matrix_norm, vector_norm

__all__ = [
    "cholesky", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "matmul", "matrix_norm", "matrix_power",
    "matrix_rank", "multi_dot", "norm", "qr", "slogdet", "solve", "svd", "svdvals", "vecdot", "vector_norm",
]  # fmt: skip
