"""Making device arrays: from NumPy arrays and lists (a copy to the device, counted), and from nothing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .core import (
    Storage,
    check_device,
    contiguous,
    device_array,
    garbage,
    host,
    new,
    quiet,
    to_dtype,
    to_shape,
)
from .dispatch import require
from .dlpack import Capsule, from_dlpack
from .names import words
from .namespace import provide
from .settings import counter, current_device
from .ufuncs import cupy_ufunc


def array(
    obj: Any,
    dtype: Any = None,
    copy: Any = True,
    order: Any = "K",
    subok: bool = False,
    ndmin: int = 0,
    *,
    blocking: bool = False,
) -> Any:
    """A device array of an array, a scalar or nested lists; lists of device arrays join on the device."""
    if subok:
        raise NotImplementedError
    current_device()
    given = device_array(obj)
    if given is not None:
        return _from_device(given, dtype, copy, order or "K", ndmin)
    if isinstance(obj, (list, tuple)) and _device_arrays(obj):
        made = np.array(host(obj, []))
        if dtype is not None:
            made = made.astype(to_dtype(dtype))
    else:
        made = np.array(obj, dtype=None if dtype is None else to_dtype(dtype), order=order)
        to_dtype(made.dtype)
        if made.ndim:
            counter.device("array")
    return new(made.reshape((1,) * (ndmin - made.ndim) + made.shape))


array.__module__ = "cupy"  # pickles of arrays name this function


def _from_device(given: Any, dtype: Any, copy: Any, order: str, ndmin: int) -> Any:
    values = given._array
    wanted = values.dtype if dtype is None else to_dtype(dtype)
    if given._device != current_device():
        made = new(values.astype(wanted))  # asarray brings arrays of another device here, unlike arithmetic
    else:
        with quiet():
            same = values.astype(wanted, order=order, copy=False)
        if copy is False and same is not values:
            raise ValueError("Unable to avoid copy while creating an array as requested.")
        made = given if same is values and not copy else new(values.astype(wanted, order=order))
    if ndmin > made._array.ndim:
        made = made.reshape((1,) * (ndmin - made._array.ndim) + made._array.shape)
    return made


def _device_arrays(obj: Any) -> bool:
    """Whether nested lists hold device arrays of one shape and nothing else."""
    if isinstance(obj, (list, tuple)):
        return len(obj) > 0 and all(_device_arrays(o) for o in obj)
    return isinstance(obj, Storage)


def asarray(a: Any, dtype: Any = None, order: Any = None, *, copy: Any = None, blocking: bool = False) -> Any:
    return array(a, dtype, copy, order)


def asanyarray(
    a: Any, dtype: Any = None, order: Any = None, *, copy: Any = None, blocking: bool = False
) -> Any:
    return array(a, dtype, copy, order)


def ascontiguousarray(a: Any, dtype: Any = None) -> Any:
    require("ascontiguousarray", a)
    return array(a, dtype, None, "C", ndmin=1)


def asfortranarray(a: Any, dtype: Any = None) -> Any:
    require("asfortranarray", a)
    return array(a, dtype, None, "F")


def asarray_chkfinite(a: Any, dtype: Any = None, order: Any = None) -> Any:
    made = array(a, dtype, None, order)
    if not cupy_ufunc("isfinite")(made).all():
        raise ValueError("array must not contain Infs or NaNs")
    return made


def asnumpy(
    a: Any, stream: Any = None, order: str = "C", out: Any = None, *, blocking: bool = True
) -> np.ndarray:
    """A NumPy array of anything; of a device array, a counted copy."""
    given = device_array(a)
    if given is not None:
        return given._leave("asnumpy", order, out)
    made = np.asarray(a, order=order)
    if out is None:
        return made
    out[...] = made
    return out


def astype(x: Any, dtype: Any, /, *, copy: bool = True) -> Any:
    if not isinstance(x, Storage):
        raise TypeError(f"Input should be a CuPy array. It is a {type(x)} instead.")
    return x.astype(dtype, copy=copy)


def empty(shape: Any, dtype: Any = float, order: Any = "C") -> Any:
    return new(garbage(to_shape(shape), to_dtype(dtype), order))


def zeros(shape: Any, dtype: Any = float, order: Any = "C") -> Any:
    return new(np.zeros(to_shape(shape), to_dtype(dtype), order))


def ones(shape: Any, dtype: Any = float, order: Any = "C") -> Any:
    return new(np.ones(to_shape(shape), to_dtype(dtype), order))


def full(shape: Any, fill_value: Any, dtype: Any = None, order: Any = "C") -> Any:
    value = _fill_value(fill_value)
    with quiet():
        return new(np.full(to_shape(shape), value, value.dtype if dtype is None else to_dtype(dtype), order))


def _fill_value(value: Any) -> np.ndarray:
    if isinstance(value, Storage):
        check_device(value)
        return value._array
    if not np.isscalar(value) and np.size(value) != 1:
        raise ValueError("non-scalar numpy.ndarray cannot be used for copyto")
    return np.asarray(value).reshape(())


def _like(a: Any, dtype: Any, order: str, subok: Any, shape: Any) -> np.ndarray:
    if subok is not None:
        raise TypeError("subok is not supported yet")
    if not isinstance(a, Storage):
        raise TypeError(f"cupy takes a cupy.ndarray as prototype, not {type(a).__name__}")
    # CuPy takes an empty shape, () as much as None, for "the shape of the prototype".
    shape = to_shape(shape) if shape else None
    like = np.empty_like(a._array, None if dtype is None else to_dtype(dtype), order, shape=shape)
    like[...] = garbage((), like.dtype)
    return like


def empty_like(
    prototype: Any, dtype: Any = None, order: str = "K", subok: Any = None, shape: Any = None
) -> Any:
    return new(_like(prototype, dtype, order, subok, shape))


def zeros_like(a: Any, dtype: Any = None, order: str = "K", subok: Any = None, shape: Any = None) -> Any:
    made = _like(a, dtype, order, subok, shape)
    made.fill(0)
    return new(made)


def ones_like(a: Any, dtype: Any = None, order: str = "K", subok: Any = None, shape: Any = None) -> Any:
    made = _like(a, dtype, order, subok, shape)
    made.fill(1)
    return new(made)


def full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: Any = None, shape: Any = None
) -> Any:
    made = _like(a, dtype, order, subok, shape)
    with quiet():
        np.copyto(made, _fill_value(fill_value), casting="unsafe")
    return new(made)


def eye(N: int, M: Any = None, k: int = 0, dtype: Any = float, order: Any = "C") -> Any:
    return new(np.eye(N, M, k, to_dtype(dtype), order))


def identity(n: int, dtype: Any = float) -> Any:
    return eye(n, dtype=dtype)


def tri(N: int, M: Any = None, k: int = 0, dtype: Any = float) -> Any:
    return new(np.tri(N, M, k, to_dtype(dtype)))


def tril(m: Any, k: int = 0) -> Any:
    return new(np.tril(asarray(m)._array, k))


def triu(m: Any, k: int = 0) -> Any:
    return new(np.triu(asarray(m)._array, k))


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Any:
    """Numbers only: a 0-d device array as a bound fails in CuPy too."""
    step = 1 if step is None else step
    if any(isinstance(v, (Storage, np.ndarray)) for v in (start, stop, step)):
        raise TypeError("arange takes numbers, not arrays")
    if dtype is None:
        dtype = (
            float if any(np.dtype(type(v)).kind == "f" for v in (start, stop, step) if v is not None) else int
        )
    if stop is None:
        start, stop = 0, start
    return new(np.arange(start, stop, step, to_dtype(dtype)))


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    if num < 0:
        raise ValueError("linspace with num<0 is not supported")
    ends = [v if np.isscalar(v) else asarray(v)._array for v in (start, stop)]
    with quiet():
        made, step = np.linspace(*ends, num, endpoint, True, None if dtype is None else to_dtype(dtype), axis)
    made = new(contiguous(made))
    if not retstep:
        return made
    return made, (float(step) if np.ndim(step) == 0 and math.isfinite(step) else step)


def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: Any = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    made = cupy_ufunc("power")(base, linspace(start, stop, num, endpoint, axis=axis))
    return made if dtype is None else made.astype(dtype)


def diag(v: Any, k: int = 0) -> Any:
    return new(np.diag(asarray(v)._array, k).copy())


def from_dlpack_capsule(dltensor: Any) -> Any:
    if not isinstance(dltensor, Capsule):
        raise ValueError("A DLPack tensor object cannot be consumed multiple times")
    return from_dlpack(dltensor)


def _through_numpy(name: str) -> Any:
    def make(*args: Any, **kwargs: Any) -> Any:
        return array(getattr(np, name)(*args, **kwargs))

    return make


_HERE = words(
    """array asarray asanyarray ascontiguousarray asfortranarray asarray_chkfinite asnumpy astype empty
    zeros ones full empty_like zeros_like ones_like full_like eye identity tri tril triu arange linspace
    logspace diag from_dlpack"""
)
provide("cupy", {name: globals()[name] for name in _HERE})
provide("cupy", {"fromDlpack": from_dlpack_capsule})
provide(
    "cupy",
    {n: _through_numpy(n) for n in words("frombuffer fromfile fromiter fromstring loadtxt genfromtxt")},
)
