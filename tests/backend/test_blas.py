"""What is asked of the BLAS library agrees with what threadpoolctl, which knows them all, says of it."""

import os
import subprocess
import sys

import numpy as np
import pytest

from minigrad.backend import blas


def test_the_kernels_are_those_in_use():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    found = [pool for pool in threadpoolctl.threadpool_info() if "numpy" in pool["filepath"]]
    if not found or "scipy_openblas" not in found[0]["filepath"]:
        pytest.skip("this NumPy has another BLAS")
    assert blas._kernels() == found[0]["architecture"]


@pytest.mark.parametrize("chosen, lean", [("Haswell", 0), ("SkylakeX", 10**6)])
def test_products_are_cut_for_the_kernels_that_gain(chosen, lean):
    """OpenBLAS takes other kernels than the processor's best if it is told to."""
    program = "from minigrad.backend import blas; print(blas._kernels(), blas.LEAN)"
    environment = {**os.environ, "OPENBLAS_CORETYPE": chosen}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    kernels, found = done.stdout.split() if len(done.stdout.split()) == 2 else ("", done.stdout)
    if kernels != chosen:
        pytest.skip(f"this BLAS cannot be told to take {chosen}'s kernels")
    assert int(found) == lean


def test_a_library_that_does_not_tell(monkeypatch):
    monkeypatch.setattr(blas.ctypes, "CDLL", lambda path: object())
    assert blas._kernels() == ""


def test_products_are_cut_into_lean_pieces(monkeypatch):
    weight, out = np.ones((12, 5)), np.empty((12, 10))
    for lean, pieces in {599: 2, 300: 2, 299: 4, 150: 4}.items():
        monkeypatch.setattr(blas, "LEAN", lean)
        product, parts, into = blas.in_pieces(weight, out)
        assert product is np.matmul and parts.shape == (pieces, 12 // pieces, 5)
        product(parts, np.full((5, 10), 2.0), into)
        assert (out == 10).all()
        out[...] = 0
    for lean in (600, 149, 0):  # lean as it is; 8 pieces of 12 rows do not come out even; never
        monkeypatch.setattr(blas, "LEAN", lean)
        assert blas.in_pieces(weight, out)[0] is np.dot
