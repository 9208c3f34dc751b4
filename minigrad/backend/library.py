"""Which array library owns an array: the one door through which arrays and their library pass.

Everything above this package is written for "an array library `xp`" and gets it from `library(array)`.
NumPy is always there; CuPy is loaded the first time a CUDA device is asked for. A recorder can register an
array type of its own beside them.
"""

from __future__ import annotations

import importlib
import warnings
from types import ModuleType
from typing import Any

import numpy

Array = Any  # a numpy.ndarray, a cupy.ndarray, or whatever else has been registered

# NumPy warns when a result is inf or nan; PyTorch and CuPy return it in silence. The filter acts on calls made
# in minigrad's own files only, and costs nothing otherwise (np.errstate around a call would cost 0.5 us).
warnings.filterwarnings("ignore", ".* encountered in .*", RuntimeWarning, module=r"minigrad\.")

#: array type -> the module whose functions work on it
libraries: dict[type, Any] = {numpy.ndarray: numpy}


def register(array_type: type, module: Any) -> None:
    """Let arrays of `array_type` through the door, computed by the functions of `module`."""
    libraries[array_type] = module


def load_cupy() -> ModuleType | None:
    """CuPy, or None where it is not installed."""
    try:
        cupy = importlib.import_module("cupy")
    except ImportError:
        return None
    register(cupy.ndarray, cupy)
    return cupy


def is_array(value: object) -> bool:
    """True for arrays of a known library (not for NumPy's scalars).

    >>> is_array(numpy.zeros(2)), is_array(numpy.float32(1)), is_array([1])
    (True, False, False)
    """
    return find_library(type(value)) is not None


def find_library(array_type: type) -> ModuleType | None:
    """The module that computes on `array_type`, or None. Subclasses (numpy.memmap) count as their parent."""
    found = libraries.get(array_type)
    if found is None:
        if array_type.__module__.partition(".")[0] == "cupy":
            load_cupy()
        for parent in array_type.__mro__:
            if parent in libraries:
                return libraries[parent]
    return found


def library(array: Array) -> ModuleType:
    """The module (NumPy or CuPy) whose functions work on `array`.

    >>> library(numpy.zeros(2)).__name__
    'numpy'
    """
    found = libraries.get(type(array)) or find_library(type(array))
    if found is None:
        raise TypeError(f"expected an array of NumPy or CuPy, got {type(array).__name__}")
    return found


def shares_memory_as_view(out: Array, source: Array) -> bool:
    """True when `out` was made as a view of `source` (both libraries let `.base` point at the owner)."""
    base = out.base
    while base is not None:
        if base is source or base is source.base:
            return True
        base = getattr(base, "base", None)  # as_strided puts an object of its own between a view and its owner
    if library(out).__name__ == "numpy":
        return False
    memory = getattr(out.data, "mem", None)
    return memory is not None and memory is source.data.mem  # CuPy's as_strided names no owner at all


def address(array: Array) -> int:
    """Where in memory the first element lies."""
    data = array.data
    return data.ptr if hasattr(data, "ptr") else array.__array_interface__["data"][0]


def strided(memory: Array, start: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    """The view of contiguous `memory` that begins at element `start`, with strides counted in elements."""
    flat = memory.reshape(-1)[start:]
    steps = tuple(s * memory.dtype.itemsize for s in strides)
    return library(memory).lib.stride_tricks.as_strided(flat, shape, steps)
