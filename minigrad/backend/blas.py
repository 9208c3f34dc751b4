"""What the BLAS library under NumPy multiplies fastest."""

from __future__ import annotations

import ctypes

import numpy as np

_WITHOUT_PACKING = {"SkylakeX", "Cooperlake", "SapphireRapids"}  # OpenBLAS's kernels for AVX-512


def _kernels() -> str:
    """For which processor OpenBLAS has chosen its kernels; "" if NumPy's BLAS does not tell."""
    try:
        library = ctypes.CDLL(np.linalg._umath_linalg.__file__)  # type: ignore[attr-defined]
        name = library.scipy_openblas_get_corename64_
    except (AttributeError, OSError):
        return ""
    name.argtypes, name.restype = [], ctypes.c_char_p
    return name().decode()


#: Up to so many multiplications a matrix product goes without copying its factors into another order, which takes a
#: quarter to two fifths of its time (512 x 128 by 128 x 32: 24 us in one product, 19 in four); 0 if never.
LEAN = 10**6 if _kernels() in _WITHOUT_PACKING else 0
