"""The small parts of ``cupyx``: scatter operations, rsqrt, pinned memory, timing."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .indexing import scatter
from .names import known
from .namespace import provide
from .ufuncs import ufunc


def _deprecated(op: str, instead: str) -> Any:
    def call(a: Any, slices: Any, value: Any) -> None:
        warnings.warn(f"Please use `cupy.{instead}.at` instead.", DeprecationWarning, stacklevel=2)
        scatter(a, slices, value, op)

    return call


def empty_pinned(shape: Any, dtype: Any = float, order: str = "C") -> np.ndarray:
    """A NumPy array; pinned memory differs in nothing but speed."""
    return np.empty(shape, dtype, order)


def zeros_pinned(shape: Any, dtype: Any = float, order: str = "C") -> np.ndarray:
    return np.zeros(shape, dtype, order)


def get_array_module(*args: Any) -> Any:
    from .functions import get_array_module as find

    return find(*args)


@contextmanager
def time_range(message: str, *args: Any, **kwargs: Any) -> Iterator[None]:
    yield


provide(
    "cupyx",
    {
        "empty_pinned": empty_pinned,
        "rsqrt": ufunc("cupy_rsqrt", known("cupyx.rsqrt"), lambda x: 1 / np.sqrt(x)),  # type: ignore[arg-type]
        "scatter_add": _deprecated("add", "add"),
        "scatter_max": _deprecated("max", "maximum"),
        "scatter_min": _deprecated("min", "minimum"),
        "zeros_pinned": zeros_pinned,
    },
)
provide("cupyx.scipy", {"get_array_module": get_array_module})
provide("cupyx.profiler", {"time_range": time_range})
