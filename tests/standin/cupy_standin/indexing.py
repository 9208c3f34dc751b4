"""Reading and writing parts of device arrays, by CuPy's rules.

Where CuPy differs from NumPy: integer arrays out of bounds wrap around instead of raising (unless
``settings.wrap_indices`` is off), a 0-d integer array as index copies, a NumPy array or list as index is
copied to the device, a NumPy array as value is refused except with advanced indices, and ``at`` takes few
dtypes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .core import Storage, check_device, contiguous, device_array, host, new, view_of
from .names import words
from .settings import counter, settings

INTEGERS = words("int32 int64 uint32 uint64")
ATOMIC = {
    "add": [*INTEGERS, "float16", "float32", "float64"],
    "sub": ["int32", "uint32"],
    "max": [*INTEGERS, "float32", "float64"],
    "min": [*INTEGERS, "float32", "float64"],
    "and": INTEGERS,
    "or": INTEGERS,
    "xor": INTEGERS,
}
UFUNC = {
    "add": np.add,
    "sub": np.subtract,
    "max": np.maximum,
    "min": np.minimum,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
}
PUBLIC = {"sub": "subtract", "max": "maximum", "min": "minimum"} | {
    k: f"bitwise_{k}" for k in ("and", "or", "xor")
}


def getitem(array: Any, index: Any) -> Any:
    parts, advanced = _prepare(array, index)
    found = array._array[parts]
    if not advanced:
        return view_of(array, found)
    _count_masks(parts, "boolean index")
    counter.launch("getitem")
    found = np.asarray(found)
    return new(found.copy() if np.may_share_memory(found, array._array) else contiguous(found))


def setitem(array: Any, index: Any, value: Any) -> None:
    parts, advanced = _prepare(array, index)
    if isinstance(value, Storage):
        check_device(value)
        given = value._array
        while given.ndim and given.shape[0] == 1:
            given = given[0, ...]
    elif advanced:
        _count_masks(parts, "boolean index")
        given = _value_for(array, value)
    else:
        given = np.asarray(_scalar_only(value), array._array.dtype)
    target = array._array
    counter.launch("setitem")
    with np.errstate(all="ignore"):
        target[parts] = given.astype(target.dtype) if given.dtype != target.dtype else given


def scatter(array: Any, index: Any, value: Any, op: str) -> None:
    """``ufunc.at``: apply an operation at the indices, repeated indices repeatedly."""
    parts, advanced = _prepare(array, index)
    target, dtype = array._array, array._array.dtype
    if isinstance(value, Storage):
        check_device(value)
        given = value._array.astype(dtype)
    else:
        given = _value_for(array, value) if advanced else np.asarray(_scalar_only(value)).astype(dtype)
    masks_only = [p.dtype == bool for p in parts if isinstance(p, np.ndarray)] == [True]
    if advanced and not masks_only and dtype.name not in ATOMIC[op]:
        raise TypeError(f"cupy.{PUBLIC.get(op, op)}.at only supports {', '.join(ATOMIC[op])} as data type")
    _count_masks(parts, "boolean index")
    with np.errstate(all="ignore"):
        UFUNC[op].at(target, parts, given)


def take(array: Any, indices: Any, axis: Any = None, out: Any = None) -> Any:
    values = array._array
    if not isinstance(indices, Storage):
        if not np.isscalar(indices):
            counter.device("index")
        positions = np.asarray(indices, dtype=np.int64)
    else:
        check_device(indices)
        positions = indices._array
    if values.ndim == 0 and axis not in (None, 0, -1):
        raise np.exceptions.AxisError(axis, 1)
    if positions.dtype.kind not in "iu":
        raise TypeError(f"indices must be integers, not {positions.dtype}")
    source = np.atleast_1d(values)
    found = np.take(
        source, positions.astype(np.int64), axis=axis, mode="wrap" if settings.wrap_indices else "raise"
    )
    return into(np.asarray(found), out, same_dtype=True)


def into(result: np.ndarray, out: Any, same_dtype: bool = False) -> Any:
    """A fresh result as a device array, or copied into ``out``."""
    if out is None:
        return new(result)
    if not isinstance(out, Storage):
        raise TypeError("Output arguments type must be cupy.ndarray")
    if out._array.shape != result.shape:
        raise ValueError(f"Output shape mismatch: {out._array.shape} for a result of shape {result.shape}")
    if same_dtype and out._array.dtype != result.dtype:
        raise TypeError("Output dtype mismatch")
    out._array[...] = result
    return out


def put(array: Any, indices: Any, values: Any, mode: str = "wrap") -> None:
    if mode not in ("raise", "wrap", "clip"):
        raise ValueError("clipmode not understood")
    np.put(array._array, _array(indices), _array(values).astype(array._array.dtype), mode=mode)


def along_axis(indices: np.ndarray, size: int) -> np.ndarray:
    """Indices along one axis, wrapped as CuPy wraps them."""
    if indices.dtype.kind not in "iu":
        raise IndexError("`indices` must be an integer array")
    return indices.astype(np.int64) % size if settings.wrap_indices and size else indices


def _array(value: Any) -> np.ndarray:
    if isinstance(value, Storage):
        return host(value, [])
    if not np.isscalar(value):
        counter.device("array")
    return np.asarray(value)


def _value_for(array: Any, value: Any) -> np.ndarray:
    offered = device_array(value)
    if offered is not None:
        return offered._array
    made = np.array(value, dtype=array._array.dtype)
    if made.ndim:
        counter.device("assigned value")
    return made


def _scalar_only(value: Any) -> Any:
    offered = device_array(value)
    if offered is not None:
        return offered._array
    if np.ndim(value) != 0:
        raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
    return value


def _count_masks(parts: tuple, reason: str) -> None:
    if any(isinstance(p, np.ndarray) and p.dtype == bool for p in parts):
        counter.wait(reason)


def _prepare(array: Any, index: Any) -> tuple[tuple, bool]:
    """The index for NumPy, always with an Ellipsis, and whether any part of it is an array."""
    parts: list[Any] = []
    advanced = ellipsis = False
    dims = 0
    for part in index if isinstance(index, tuple) else (index,):
        if part is Ellipsis:
            if ellipsis:
                raise IndexError("an index can only have a single ellipsis ('...')")
            ellipsis = True
        elif part is None or isinstance(part, slice):
            dims += part is not None
        else:
            part = _part(part)
            if isinstance(part, np.ndarray):
                advanced = True
                dims += part.ndim if part.dtype == bool else 1
            else:
                dims += 1
        parts.append(part)
    ndim = array._array.ndim
    if dims > ndim:
        raise IndexError(f"too many indices for array: array is {ndim}-dimensional, but {dims} were indexed")
    if not ellipsis:
        parts.append(Ellipsis)
    if advanced:
        parts = _wrap_around(parts, array._array.shape, ndim - dims)
    return tuple(parts), advanced


def _part(part: Any) -> Any:
    """One index as an int or a NumPy array of integers or booleans."""
    if isinstance(part, Storage):
        check_device(part)
        found = part._array
    elif isinstance(part, (bool, np.bool_)):
        found = np.asarray(part)
    elif np.isscalar(part):
        return int(part)  # as CuPy does: 1.5 is taken for 1
    else:
        offered = device_array(part)
        if offered is not None:
            found = offered._array
        else:
            found = np.asarray(part)
            if found.size == 0 and isinstance(part, (list, tuple)):
                found = found.astype(np.int32)
            counter.device("index")
    if found.dtype.kind not in "biu":
        raise IndexError(
            f"arrays used as indices must be of integer or boolean type. (actual: {found.dtype.type})"
        )
    return found


def _wrap_around(parts: list, shape: tuple[int, ...], hidden: int) -> list:
    axis = 0
    wrapped = []
    for part in parts:
        if part is None:
            pass
        elif part is Ellipsis:
            axis += hidden
        elif isinstance(part, np.ndarray):
            if part.dtype == bool:
                axis += part.ndim
            else:
                size = shape[axis]
                if size == 0 and part.size:
                    raise IndexError("cannot do a non-empty take from an empty axes.")
                if settings.wrap_indices and size:
                    part = part.astype(np.int64) % size
                axis += 1
        else:
            axis += 1
        wrapped.append(part)
    return wrapped
