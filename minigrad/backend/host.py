"""Python numbers, nested lists and NumPy data as NumPy arrays, with the dtypes that PyTorch infers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .dtypes import default_float, public_dtype
from .library import find_library


def is_host_array(value: object) -> bool:
    """True for NumPy's arrays, subclasses included."""
    found = find_library(type(value))
    return found is not None and found.__name__ == "numpy"


def plain_array(array: np.ndarray) -> np.ndarray:
    """`array` as exactly numpy.ndarray, in the same memory."""
    return array.view(np.ndarray) if isinstance(array, np.ndarray) and type(array) is not np.ndarray else array


def host_array(value: Any, dtype: Any = None) -> np.ndarray:
    """`value` (numbers, lists) as a NumPy array, by NumPy's inference."""
    return np.asarray(value, dtype=dtype)


def bytes_to_array(data: bytes) -> np.ndarray:
    """Bytes as a uint8 array of its own."""
    return np.frombuffer(data, dtype=np.uint8).copy()


def host_data(data: Any, wanted: np.dtype | None, unwrap: Callable[[Any], Any]) -> np.ndarray:
    """A new array from numbers and nested sequences: floats become the default dtype, integers int64, booleans bool.

    NumPy's arrays and scalars keep their dtype. `unwrap` turns tensors, wherever they stand, into arrays.

    >>> host_data([[1, 2.5]], None, lambda part: part)
    array([[1. , 2.5]], dtype=float32)
    """
    data, keeps_dtype = _plain(data, unwrap)
    try:
        host = np.asarray(data, dtype=wanted if wanted is not None and wanted.kind == "f" else None)
    except (ValueError, TypeError, OverflowError) as error:
        raise _data_error(data, error) from None
    if host.dtype.kind not in "biuf":
        raise _data_error(data, None)
    if wanted is None and not keeps_dtype:
        if host.dtype == np.uint64:  # NumPy's answer to integers from 2**63 on
            raise RuntimeError(f"the number {host.max()} does not fit into int64")
        wanted = default_float() if host.dtype == np.float64 else None
    public_dtype(host.dtype)
    if wanted is not None and not hasattr(data, "__array__"):
        _check_fits(host, wanted)
    return np.array(host, dtype=wanted)


def held_number(number: float, dtype: np.dtype) -> float:
    """`number` as a dtype holds it: negative integers wrap around in unsigned ones; what does not fit raises."""
    if type(number) is not int or dtype.kind not in "iu" or 0 <= number < 128:
        return number
    return host_data(number, dtype, lambda part: part).item()


def _check_fits(host: np.ndarray, wanted: np.dtype) -> None:
    """Refuse numbers that an integer dtype does not hold. Negative ones wrap around in unsigned ones, as in PyTorch."""
    if wanted.kind not in "iu" or not host.size:
        return
    limits = np.iinfo(wanted)
    smallest = limits.min or -limits.max
    with np.errstate(invalid="ignore"):
        fits = (host >= smallest) & (host <= limits.max)
    if not fits.all():
        raise RuntimeError(f"the number {host[~fits].flat[0]} does not fit into {wanted}")


def _plain(data: Any, unwrap: Callable[[Any], Any]) -> tuple[Any, bool]:
    """`data` without tensors, and whether its values have a dtype that is to be kept."""
    if isinstance(data, (list, tuple, range)):
        parts = [_plain(part, unwrap) for part in data]
        return [value for value, _ in parts], bool(parts) and all(keeps for _, keeps in parts)
    unwrapped = unwrap(data)
    if unwrapped is not data:
        return unwrapped, True
    if isinstance(data, float) and not isinstance(data, np.generic):
        data = float(data)  # a number that is not known yet, while a step is recorded, says so here
    return data, isinstance(data, (np.ndarray, np.generic)) or hasattr(data, "__array__")


def _data_error(data: Any, error: Exception | None) -> Exception:
    if isinstance(error, OverflowError):
        return RuntimeError(f"a number does not fit into int64: {error}")
    kind: type[Exception] = ValueError if isinstance(data, (list, tuple)) else TypeError
    return kind(
        "a tensor is made from numbers, lists of equal lengths at each depth, arrays and tensors; "
        f"got {type(data).__name__}"
        + (" with lengths or contents that do not fit together" if kind is ValueError else "")
    )
