"""Methods that multiply, solve and take apart matrices; each is a function of `ops/products.py`, `ops/linalg.py`
or `ops/decompositions.py`."""

from __future__ import annotations

from typing import Any

from ..ops import decompositions, linalg, products
from .inplace import in_place


class LinalgMethods:
    """Products and decompositions of matrices."""

    # -- products

    matmul = products.matmul
    __matmul__ = products.matmul
    mm = products.mm
    bmm = products.bmm
    mv = products.mv
    dot = products.dot
    vdot = products.vdot
    inner = products.inner
    outer = products.outer
    ger = products.ger
    addmm = products.addmm
    addmm_ = in_place(products.addmm)
    addmv = products.addmv
    addmv_ = in_place(products.addmv)
    addr = products.addr
    addr_ = in_place(products.addr)
    addbmm = products.addbmm
    addbmm_ = in_place(products.addbmm)
    baddbmm = products.baddbmm
    baddbmm_ = in_place(products.baddbmm)
    kron = linalg.kron
    cross = linalg.cross

    def __rmatmul__(self, other: Any) -> Any:
        return products.matmul(other, self)

    # -- of one matrix

    trace = linalg.trace
    inverse = linalg.inverse
    det = linalg.det
    logdet = linalg.logdet
    slogdet = linalg.slogdet
    cholesky = linalg.cholesky
    pinverse = decompositions.pinverse
    qr = decompositions.qr
    svd = decompositions.svd
    matrix_power = linalg.matrix_power
