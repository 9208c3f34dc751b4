"""CuPy functions whose behaviour is not NumPy's: results that stay arrays, arguments that must be arrays.

Each has the signature that CuPy's has. What is not here and not in creation.py or linalg.py is NumPy's
function behind the wrapper of dispatch.py.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from . import indexing
from .core import SCALARS, Storage, check_device, contiguous, device_array, host, new, quiet, view_of, wrap
from .creation import array, asarray
from .dispatch import require
from .indexing import along_axis, into
from .names import Entry, words
from .namespace import module, provide
from .settings import counter
from .ufuncs import ufunc

_WHERE_TYPES = ",".join(f"?{c}{c}->{c}" for c in "?bBhHiIlLqQefdFD")
_where = ufunc(
    "cupy_where", Entry("cupy.where", "ufunc", f"3->1 casting=same_kind types={_WHERE_TYPES}"), np.where
)
_CLOSE_TYPES = "eeee?->?,ffff?->?,dddd?->?,FFff?->?,DDdd?->?"
_isclose = ufunc(
    "cupy_is_close",
    Entry("cupy.isclose", "ufunc", f"5->1 casting=same_kind types={_CLOSE_TYPES}"),
    lambda a, b, rtol, atol, nan: np.where(
        np.isfinite(a) & np.isfinite(b),
        np.abs(a - b) <= atol + rtol * np.abs(b),
        (a == b) | (nan & (a != a) & (b != b)),
    ),
)


def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    """Both ``x`` and ``y``, or neither for the indices; the condition must be a device array."""
    require("where", condition)
    if (x is None) != (y is None):
        raise ValueError("Must provide both 'x' and 'y' or neither.")
    return condition.nonzero() if x is None else _where(condition.astype("?", copy=False), x, y)


def isclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    return _isclose(asarray(a), asarray(b), rtol, atol, equal_nan)


def allclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    """A 0-d array, not a bool."""
    return isclose(a, b, rtol, atol, equal_nan).all()


def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Any:
    """A 0-d array, not a bool."""
    require("array_equal", a1), require("array_equal", a2)
    return new(np.asarray(np.array_equal(host(a1, []), host(a2, []), equal_nan)))


def array_equiv(a1: Any, a2: Any) -> Any:
    require("array_equiv", a1), require("array_equiv", a2)
    return new(np.asarray(np.array_equiv(host(a1, []), host(a2, []))))


def clip(a: Any, a_min: Any, a_max: Any, out: Any = None) -> Any:
    require("clip", a)
    return a.clip(a_min, a_max, out=out)


def compress(condition: Any, a: Any, axis: Any = None, out: Any = None) -> Any:
    require("compress", a)
    return a.compress(condition, axis, out)


def copy(a: Any, order: str = "K") -> Any:
    require("copy", a)
    return a.copy(order)


def put(a: Any, ind: Any, v: Any, mode: str = "wrap") -> None:
    require("put", a)
    a.put(ind, v, mode)


def ravel(a: Any, order: str = "C") -> Any:
    require("ravel", a)
    return a.ravel(order)


def reshape(a: Any, newshape: Any, order: str = "C", *, copy: Any = None) -> Any:
    require("reshape", a)
    return a.reshape(newshape, order=order, copy=copy)


def transpose(a: Any, axes: Any = None) -> Any:
    require("transpose", a)
    return a.transpose(axes)


def expand_dims(a: Any, axis: Any) -> Any:
    require("expand_dims", a)
    return view_of(a, np.expand_dims(host(a, []), axis))


def broadcast_to(array: Any, shape: Any) -> Any:
    require("broadcast_to", array)
    shape = tuple([operator.index(n) for n in shape]) if np.iterable(shape) else (operator.index(shape),)
    return view_of(array, np.broadcast_to(host(array, []), shape))


def _atleast(n: int) -> Any:
    function = getattr(np, f"atleast_{n}d")

    def atleast(*arys: Any) -> Any:
        made = [asarray(a) for a in arys]
        made = [a if a.ndim >= n else view_of(a, function(a._array)) for a in made]
        return made[0] if len(made) == 1 else made

    return atleast


def count_nonzero(a: Any, axis: Any = None) -> Any:
    require("count_nonzero", a)
    return new(np.asarray(np.count_nonzero(host(a, []), axis=axis)))


def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = None) -> None:
    require("copyto", dst)
    if isinstance(src, np.ndarray):
        if src.size != 1:
            raise ValueError("non-scalar numpy.ndarray cannot be used for copyto")
        src = src.reshape(())[()]
    elif not isinstance(src, (Storage, *SCALARS)):
        raise TypeError(f"Unsupported type {type(src)}")
    counter.launch("copyto")
    with quiet():
        np.copyto(host(dst, []), host(src, []), casting, True if where is None else host(where, []))


def sort(a: Any, axis: Any = -1, kind: Any = None) -> Any:
    require("sort", a)
    made = a.flatten() if axis is None else a.copy()
    made.sort(axis=-1 if axis is None else axis, kind=kind)
    return made


def partition(a: Any, kth: Any, axis: Any = -1) -> Any:
    return sort(a, axis)


def lexsort(keys: Any) -> Any:
    """The keys must be the rows of one device array."""
    require("lexsort", keys)
    if keys.ndim > 2:
        raise NotImplementedError("Keys with the rank of three or more is not supported in lexsort")
    return new(np.asarray(np.lexsort(host(keys, []))))


def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    if not isinstance(a, Storage):
        raise NotImplementedError("Only int or ndarray are supported for a")
    if not isinstance(v, (Storage, int, float, complex)):
        raise NotImplementedError("Only python scalars or ndarrays are supported for v")
    return new(np.asarray(np.searchsorted(host(a, []), host(v, []), side, host(sorter, []))))


def bincount(x: Any, weights: Any = None, minlength: Any = None) -> Any:
    require("bincount", x)
    if x.dtype.kind == "f":
        raise TypeError("x must be int array")
    counter.wait("bincount")
    return new(np.bincount(host(x, []).astype(np.int64), host(weights, []), minlength or 0))


def unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: Any = None,
    *,
    equal_nan: bool = True,
) -> Any:
    require("unique", ar)
    counter.wait("unique")
    options = {"axis": axis, "equal_nan": equal_nan}
    found = np.unique(host(ar, []), return_index, return_inverse, return_counts, **options)
    return tuple([new(f) for f in found]) if isinstance(found, tuple) else new(found)


def take_along_axis(a: Any, indices: Any, axis: Any) -> Any:
    require("take_along_axis", a), require("take_along_axis", indices)
    values = host(a.ravel() if axis is None else a, [])
    axis = 0 if axis is None else axis
    if values.ndim != indices.ndim:
        raise ValueError("`indices` and `a` must have the same number of dimensions")
    return new(np.take_along_axis(values, along_axis(host(indices, []), values.shape[axis]), axis))


def put_along_axis(arr: Any, indices: Any, values: Any, axis: Any) -> None:
    require("put_along_axis", arr), require("put_along_axis", indices)
    if axis is None:
        return arr.put(indices, values)
    target = host(arr, [])
    positions = along_axis(host(indices, []), target.shape[axis])
    given = indexing._value_for(arr, values).astype(target.dtype)
    return np.put_along_axis(target, positions, given, axis)


def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    given = x if isinstance(x, Storage) else array(x)
    made = np.nan_to_num(host(given, []), True, host(nan, []), host(posinf, []), host(neginf, []))
    if copy or given is not x:
        return new(np.asarray(made))
    given._array[...] = made
    return given


def angle(z: Any, deg: bool = False) -> Any:
    require("angle", z)
    made = np.asarray(np.angle(host(z, []), deg))
    return new(made.astype(z.dtype) if z.dtype.kind == "f" else made)


def real(val: Any) -> Any:
    return (val if isinstance(val, Storage) else array(val)).real


def imag(val: Any) -> Any:
    return (val if isinstance(val, Storage) else array(val)).imag


def einsum(*operands: Any, **kwargs: Any) -> Any:
    """``dtype`` and ``optimize`` are the only keywords; one operand gives a view where it can."""
    dtype = kwargs.pop("dtype", None)
    kwargs.pop("optimize", None)
    if kwargs:
        raise TypeError(f"Did not understand the following kwargs: {list(kwargs)}")
    sources: list[Storage] = []
    arrays = [o if isinstance(o, str) else host(o, sources) for o in operands]
    if not sources:
        raise TypeError("cupy.einsum takes cupy.ndarrays")
    with quiet():
        made = np.asarray(np.einsum(*arrays, dtype=dtype, casting="unsafe"))
    return wrap(made if made.base is not None else contiguous(made), sources)


def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    require("roll", a)
    given = device_array(shift)
    return new(contiguous(np.roll(host(a, []), shift if given is None else given._array, axis)))


def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    require("split", ary)
    return [view_of(ary, part) for part in np.split(host(ary, []), indices_or_sections, axis)]


def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    require("array_split", ary)
    return [view_of(ary, part) for part in np.array_split(host(ary, []), indices_or_sections, axis)]


def _quantile(name: str) -> Any:
    function = getattr(np, name)

    def quantile(
        a: Any,
        q: Any,
        axis: Any = None,
        out: Any = None,
        overwrite_input: bool = False,
        method: str = "linear",
        keepdims: bool = False,
        *,
        interpolation: Any = None,
    ) -> Any:
        require(name, a)
        if method not in ("linear", "lower", "higher", "midpoint", "nearest"):
            raise ValueError(f"'{method}' method is not yet supported. Please use any other method.")
        given = device_array(q)
        values = np.asarray(q if given is None else given._array)
        made = np.asarray(function(host(a, []), values, axis, method=method, keepdims=keepdims))
        return into(made.astype(np.result_type(a.dtype, values if values.ndim else float(values))), out)

    return quantile


def histogram(x: Any, bins: Any = 10, range: Any = None, density: bool = False, weights: Any = None) -> Any:
    require("histogram", x)
    if isinstance(bins, str):
        raise NotImplementedError("only integer and array bins are implemented")
    counter.wait("histogram")
    given = device_array(bins)
    found = np.histogram(
        host(x, []), bins if given is None else given._array, range, density, host(weights, [])
    )
    return tuple([new(f) for f in found])


def result_type(*arrays_and_dtypes: Any) -> np.dtype:
    return np.result_type(*[a.dtype if isinstance(a, Storage) else a for a in arrays_and_dtypes])


def can_cast(from_: Any, to: Any, casting: str = "safe") -> bool:
    return np.can_cast(from_.dtype if isinstance(from_, Storage) else from_, to, casting)


def min_scalar_type(a: Any) -> np.dtype:
    return a.dtype if isinstance(a, Storage) else np.min_scalar_type(a)


def size(a: Any, axis: Any = None) -> int:
    require("size", a)
    return a.size if axis is None else a.shape[axis]


def get_array_module(*args: Any) -> Any:
    """This module if any argument is a device array, numpy otherwise."""
    return module("cupy") if any(isinstance(a, Storage) for a in args) else np


class broadcast:
    """``shape``, ``nd``, ``size`` and the broadcast arrays in ``values``."""

    def __init__(self, *arrays: Any):
        shapes = [a.shape for a in arrays if isinstance(a, Storage)]
        self.shape = np.broadcast_shapes(*shapes)
        self.values = tuple([broadcast_to(a, self.shape) if isinstance(a, Storage) else a for a in arrays])
        self.nd = len(self.shape)
        self.size = int(np.prod(self.shape))


def broadcast_arrays(*args: Any) -> tuple[Any, ...]:
    return broadcast(*args).values


class flatiter:
    """``a.flat``: single elements and slices, as copies."""

    def __init__(self, a: Any):
        self.base = a
        self._next = 0

    def __len__(self) -> int:
        return self.base.size

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self._next == len(self):
            raise StopIteration
        self._next += 1
        return self[self._next - 1]

    def __getitem__(self, ind: Any) -> Any:
        self._check(ind)
        return new(np.array(host(self.base, []).flat[ind]))

    def __setitem__(self, ind: Any, value: Any) -> None:
        self._check(ind)
        check_device(self.base)
        self.base._array.flat[ind] = asarray(value, self.base.dtype)._array

    def copy(self) -> Any:
        return self.base.flatten()

    @staticmethod
    def _check(ind: Any) -> None:
        if isinstance(ind, bool) or not (ind is Ellipsis or isinstance(ind, slice) or np.isscalar(ind)):
            raise IndexError("unsupported iterator index")


_HERE = words(
    """where isclose allclose array_equal array_equiv clip compress copy put ravel reshape transpose
    expand_dims broadcast_to count_nonzero copyto sort partition lexsort searchsorted bincount unique
    take_along_axis put_along_axis nan_to_num angle real imag einsum roll split array_split histogram
    result_type can_cast min_scalar_type size get_array_module broadcast broadcast_arrays flatiter"""
)
provide("cupy", {name: globals()[name] for name in _HERE})
provide("cupy", {f"atleast_{n}d": _atleast(n) for n in (1, 2, 3)})
provide("cupy", {name: _quantile(name) for name in ("quantile", "percentile")})
provide("cupy", {"ufunc": ufunc})
