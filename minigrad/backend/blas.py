"""What the BLAS library under NumPy multiplies fastest."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from .library import Array, library

_WITHOUT_PACKING = {"SkylakeX", "Cooperlake", "SapphireRapids"}  # OpenBLAS's kernels for AVX-512


def _kernels() -> str:
    """For which processor OpenBLAS has chosen its kernels; "" if NumPy's BLAS does not tell."""
    try:
        loaded = ctypes.CDLL(np.linalg._umath_linalg.__file__)  # type: ignore[attr-defined]
        name = loaded.scipy_openblas_get_corename64_
    except (AttributeError, OSError):
        return ""
    name.argtypes, name.restype = [], ctypes.c_char_p
    return name().decode()


#: Up to so many multiplications a matrix product goes without copying its factors into another order, which takes a
#: quarter to two fifths of its time (512 x 128 by 128 x 32: 24 us in one product, 19 in four); 0 if never.
LEAN = 10**6 if _kernels() in _WITHOUT_PACKING else 0
_PIECES = 2, 4, 8, 16, 32  # of a product; of more each would be too small


def in_pieces(weight: Array, out: Array) -> tuple[Any, Array, Array]:
    """(product, weight, out), so that `product(weight, x, out)` is a matrix product: in as few pieces, of some rows of
    `weight` each, as are lean; in one where that does not come out even.

    >>> product, parts, into = in_pieces(np.ones((8, 2)), out := np.empty((8, 3)))
    >>> _ = product(parts, np.ones((2, 3)), into)
    >>> out[0].tolist()
    [2.0, 2.0, 2.0]
    """
    rows, columns = weight.shape
    multiplications, xp = weight.size * out.shape[1], library(weight)
    for count in _PIECES if multiplications > LEAN else ():
        if multiplications <= LEAN * count and rows % count == 0:
            return xp.matmul, weight.reshape(count, -1, columns), out.reshape(count, rows // count, -1)
    return xp.dot, weight, out
