"""What is asked of the BLAS library agrees with what threadpoolctl, which knows them all, says of it."""

import os
import subprocess
import sys

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
