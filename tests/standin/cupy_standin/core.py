"""The storage behind the stand-in's arrays, and the two doors between it and NumPy: ``host`` and ``wrap``.

Everything that computes unwraps its arguments with ``host`` (which refuses NumPy arrays as CuPy does), calls
NumPy, and wraps what comes back; ``wrap`` finds out whether a result is a view of an argument, so that
``.base`` tells the truth.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .settings import current_device, settings

SUPPORTED = frozenset("?bhilqBHILQefdFD")
SCALARS = (bool, int, float, complex, np.generic)
PASS = (*SCALARS, str, type, np.dtype, slice)


class Storage:
    """A NumPy array kept on the "device". ``cupy.ndarray`` is the one class derived from it."""

    __slots__ = ("__weakref__", "_array", "_device", "_owner")

    _array: np.ndarray
    _device: int
    _owner: Storage | None


_array_class: type = Storage


def use_class(cls: type) -> None:
    """Name the class whose instances ``wrap`` makes."""
    global _array_class
    _array_class = cls


def new(array: np.ndarray) -> Any:
    """A device array around a NumPy array that nobody else holds."""
    made = object.__new__(_array_class)
    made._array = array
    made._owner = None
    made._device = current_device()
    return made


def wrap(array: np.ndarray, sources: Any = ()) -> Any:
    """A device array around a result; a view of one of ``sources`` names its owner as ``.base``."""
    for source in sources:
        if array is source._array:
            return source
    base = array.base
    if base is None:
        return new(array)
    for source in sources:
        held = source._array
        if base is held or base is held.base:
            return view_of(source, array)
    for source in sources:  # NumPy hides some bases behind helper objects (as_strided): ask for the memory
        if np.may_share_memory(array, source._array):
            return view_of(source, array)
    return new(array)


def view_of(source: Storage, array: np.ndarray) -> Any:
    """A device array that sees the memory of ``source``."""
    made = object.__new__(_array_class)
    made._array = array
    made._owner = source if source._owner is None else source._owner
    made._device = source._device
    return made


def wrap_result(value: Any, sources: Any, keep_layout: bool = True) -> Any:
    """What NumPy returned, arrays and scalars become device arrays; containers are gone through."""
    if isinstance(value, np.ndarray):
        if value.dtype.char not in SUPPORTED:
            raise ValueError(f"Unsupported dtype {value.dtype}")
        if not keep_layout and value.base is None and not value.flags.c_contiguous:
            value = contiguous(value)
        return wrap(value, sources)
    if isinstance(value, np.generic):
        return new(np.asarray(value))
    if type(value) is tuple:
        return tuple([wrap_result(v, sources, keep_layout) for v in value])
    if isinstance(value, tuple) and hasattr(value, "_fields"):  # numpy's named results (SVDResult, ...)
        return tuple([wrap_result(v, sources, keep_layout) for v in value])
    if isinstance(value, list):
        return [wrap_result(v, sources, keep_layout) for v in value]
    return value


def host(value: Any, sources: list[Storage]) -> Any:
    """The NumPy array behind a device array, which joins ``sources``; scalars and the like pass through.

    NumPy arrays raise TypeError: CuPy does not copy them to the device unasked.
    """
    if isinstance(value, Storage):
        check_device(value)
        sources.append(value)
        return value._array
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {type(value)}")
    if value is None or isinstance(value, PASS):
        return value
    if isinstance(value, (list, tuple)):
        return (
            [host(v, sources) for v in value]
            if type(value) is list
            else tuple([host(v, sources) for v in value])
        )
    offered = device_array(value)
    if offered is not None:
        return host(offered, sources)
    if hasattr(value, "__array__"):
        raise TypeError(f"Unsupported type {type(value)}")
    return value


def device_array(value: Any) -> Any:
    """The device array that an object of another library offers; None where it offers none."""
    if isinstance(value, Storage):
        return value
    if hasattr(value, "__cupy_get_ndarray__"):
        return value.__cupy_get_ndarray__()
    interface = getattr(value, "__cuda_array_interface__", None)
    if interface is None:
        return None
    # The stand-in's device memory is host memory, and so is that of whoever offers it here.
    view = type("Memory", (), {"__array_interface__": {**interface, "version": 3}})()
    view.owner = value
    return new(np.asarray(view))


def check_device(array: Storage) -> None:
    """Refuse an array of another device than the current one: this machine's GPUs do not see each other."""
    if settings.device_count == 1 and array._device == 0:
        return
    here = current_device()
    if array._device != here:
        raise ValueError(
            f"The device where the array resides ({array._device}) is different from the current device "
            f"({here}). Peer access is unavailable between these devices."
        )


def to_dtype(dtype: Any) -> np.dtype:
    """A NumPy dtype that CuPy can hold; ValueError for the others (object, strings, dates, big-endian)."""
    made = np.dtype(dtype)
    if made.char not in SUPPORTED or not made.isnative:
        raise ValueError(f"Unsupported dtype {made}")
    return made


def to_shape(shape: Any) -> tuple[int, ...]:
    """A shape of plain integers; a device array among them is a TypeError, for it has no ``__index__``."""
    made = tuple([operator.index(n) for n in shape]) if np.iterable(shape) else (operator.index(shape),)
    if any(n < 0 for n in made):
        raise ValueError("Negative dimensions are not allowed")
    return made


def garbage(shape: Any, dtype: np.dtype, order: Any = "C") -> np.ndarray:
    """New memory, filled with what nobody can mistake for zeros."""
    made = np.empty(shape, dtype, order)
    if dtype.kind != "b":
        made.fill(np.nan if dtype.kind in "fc" else 101)
    return made


def contiguous(array: np.ndarray) -> np.ndarray:
    """The array, or a C-contiguous copy. (NumPy's ``ascontiguousarray`` makes 0-d arrays 1-d.)"""
    return array if array.flags.c_contiguous else array.copy("C")


def quiet() -> Any:
    """A GPU never warns of overflow, division by zero or nan."""
    return np.errstate(all="ignore")
