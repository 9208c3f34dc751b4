"""The methods of device arrays that compute or change shape, with CuPy's signatures.

Reductions give 0-d arrays, never scalars; results are C-contiguous as CuPy's are; what NumPy returns as a
view is a view here too.
"""

from __future__ import annotations

import inspect
import operator
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from . import indexing
from .core import Storage, check_device, contiguous, device_array, host, new, quiet, to_dtype, view_of, wrap
from .indexing import into
from .names import Entry
from .settings import counter
from .ufuncs import cupy_ufunc, ufunc

_CLIP_TYPES = ",".join(f"{c * 3}->{c}" for c in "?bBhHiIlLqQefd")
_clip = ufunc(
    "cupy_clip",
    Entry("cupy.clip", "ufunc", f"3->1 casting=same_kind types={_CLIP_TYPES}"),
    lambda x, low, high: np.where(low > high, high, np.where(x < low, low, np.where(x > high, high, x))),
)


def _axes(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


def _reduction(name: str) -> Callable[..., Any]:
    """A reduction of NumPy on a device array: 0-d results stay arrays, ``out`` must be a device array."""
    function = getattr(np, name)

    def reduce(self: Any, axis: Any, out: Any, keepdims: Any, **more: Any) -> Any:
        check_device(self)
        with quiet(), warnings.catch_warnings():
            if self._array.size == 0:
                warnings.simplefilter("ignore")
            result = function(self._array, axis=_axes(axis), keepdims=bool(keepdims), **more)
        return into(contiguous(np.asarray(result)), out)

    return reduce


_sum, _prod, _max, _min = _reduction("sum"), _reduction("prod"), _reduction("max"), _reduction("min")
_all, _any, _mean, _var = _reduction("all"), _reduction("any"), _reduction("mean"), _reduction("var")
_argmax, _argmin, _ptp = _reduction("argmax"), _reduction("argmin"), _reduction("ptp")


class Methods:
    """Mixed into ``cupy.ndarray``."""

    __slots__ = ()

    # Reductions

    def sum(self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return _sum(self, axis, out, keepdims, dtype=dtype)

    def prod(self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = None) -> Any:
        return _prod(self, axis, out, keepdims, dtype=dtype)

    def max(self, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return _max(self, axis, out, keepdims)

    def min(self, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return _min(self, axis, out, keepdims)

    def ptp(self, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return _ptp(self, axis, out, keepdims)

    def all(self, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return _all(self, axis, out, keepdims)

    def any(self, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return _any(self, axis, out, keepdims)

    def mean(self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return _mean(self, axis, out, keepdims, dtype=dtype)

    def var(
        self, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: bool = False
    ) -> Any:
        """NaN where there are no more elements than ``ddof``, without a warning."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = _var(self, axis, None, keepdims, dtype=dtype, ddof=ddof)
        count = self._array.size // result.size if result.size else 0
        if result.size and count <= ddof:
            result._array.fill(np.nan)
        return result if out is None else into(result._array, out)

    def std(
        self, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: bool = False
    ) -> Any:
        return cupy_ufunc("sqrt")(self.var(axis, dtype, None, ddof, keepdims), out=out)

    def argmax(self, axis: Any = None, out: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
        found = _argmax(self, axis, out, keepdims)
        return found if dtype is None else found.astype(dtype)

    def argmin(self, axis: Any = None, out: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
        found = _argmin(self, axis, out, keepdims)
        return found if dtype is None else found.astype(dtype)

    def _scan(self, function: Callable[..., Any], axis: Any, dtype: Any, out: Any) -> Any:
        check_device(self)
        with quiet():
            return into(function(self._array, axis=axis, dtype=dtype if out is None else out.dtype), out)

    def cumsum(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        return self._scan(np.cumsum, axis, dtype, out)

    def cumprod(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        return self._scan(np.cumprod, axis, dtype, out)

    def trace(
        self, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None
    ) -> Any:
        return self.diagonal(offset, axis1, axis2).sum(-1, dtype, out, False)

    def clip(self, min: Any = None, max: Any = None, out: Any = None) -> Any:
        kind = self._array.dtype.kind
        if kind == "f":
            min = self._array.dtype.type("-inf") if min is None else min
            max = self._array.dtype.type("inf") if max is None else max
        elif kind in "iu":
            limits = np.iinfo(self._array.dtype)
            min = limits.min if min is None else min
            max = limits.max if max is None else max
        return _clip(self, min, max, out=out)

    def round(self, decimals: int = 0, out: Any = None) -> Any:
        with quiet():
            return into(np.asarray(np.round(self._array, decimals)), out)

    def conj(self) -> Any:
        return cupy_ufunc("conjugate")(self) if self._array.dtype.kind == "c" else self

    conjugate = conj

    def dot(self, b: Any, out: Any = None) -> Any:
        if not isinstance(b, Storage):
            raise TypeError(
                f"Argument 'b' has incorrect type (expected cupy.ndarray, got {type(b).__name__})"
            )
        if out is not None:
            if np.result_type(self.dtype, b.dtype) != out.dtype:
                raise ValueError("Not supported dtype combination.")
            if not out.flags.c_contiguous:
                raise ValueError("Output array must be C-contiguous")
        counter.launch("dot")
        with quiet():
            return into(np.asarray(np.dot(host(self, []), host(b, []))), out)

    # Copies and casts

    def astype(
        self, dtype: Any, order: Any = "K", casting: Any = None, subok: Any = None, copy: bool = True
    ) -> Any:
        if casting is not None:
            raise TypeError("casting is not supported yet")
        if subok is not None:
            raise TypeError("subok is not supported yet")
        with quiet():
            made = self._array.astype(to_dtype(dtype), order=order or "K", copy=bool(copy))
        if made is self._array:
            return self
        counter.launch("astype")
        return new(made)

    def copy(self, order: Any = "C") -> Any:
        counter.launch("copy")
        return new(self._array.copy(order))

    def fill(self, value: Any) -> None:
        given = device_array(value)
        if given is not None and given._array.ndim:
            raise ValueError("non-scalar cupy.ndarray cannot be used for fill")
        self[...] = value

    def view(self, dtype: Any = None, type: Any = None) -> Any:
        if dtype is None or (inspect.isclass(dtype) and issubclass(dtype, Storage)):
            return view_of(self, self._array.view())
        return view_of(self, self._array.view(dtype))

    def byteswap(self, inplace: bool = False) -> Any:
        swapped = self._array.byteswap(inplace)
        return self if inplace else new(swapped)

    def flatten(self, order: str = "C") -> Any:
        return new(self._array.flatten(order))

    # Shape

    @property
    def T(self) -> Any:
        return self if self._array.ndim < 2 else view_of(self, self._array.T)

    @property
    def mT(self) -> Any:
        if self._array.ndim < 2:
            raise ValueError("matrix transpose with ndim < 2 is undefined")
        return self.swapaxes(-1, -2)

    @property
    def flat(self) -> Any:
        from .functions import flatiter

        return flatiter(self)

    def reshape(self, *shape: Any, order: str = "C", copy: Any = None) -> Any:
        if len(shape) == 1 and np.iterable(shape[0]):
            shape = tuple(shape[0])
        shape = tuple([operator.index(n) for n in shape])
        made = self._array.reshape(shape, order=order)
        shares = self._array.size == 0 or np.may_share_memory(made, self._array)
        if copy is False and not shares:
            raise ValueError("Unable to avoid creating a copy while reshaping.")
        if shares and not copy:
            return view_of(self, made)
        return new(made.copy("F" if order == "F" else "C"))

    def ravel(self, order: str = "C") -> Any:
        return wrap(contiguous(self._array.ravel(order)).view(), [self])

    def transpose(self, *axes: Any) -> Any:
        return view_of(self, self._array.transpose(*axes))

    def swapaxes(self, axis1: int, axis2: int) -> Any:
        return view_of(self, self._array.swapaxes(axis1, axis2))

    def squeeze(self, axis: Any = None) -> Any:
        made = self._array.squeeze(axis)
        return self if made.ndim == self._array.ndim else view_of(self, made)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        made = self._array.diagonal(offset, axis1, axis2)
        if self._array.flags.writeable:
            made.flags.writeable = True  # NumPy's is read-only, CuPy's is not
        return view_of(self, made)

    def reduced_view(self, dtype: Any = None) -> Any:
        return self.reshape(-1) if self._array.flags.c_contiguous and self._array.ndim > 1 else self

    def repeat(self, repeats: Any, axis: Any = None) -> Any:
        if isinstance(repeats, np.ndarray):
            raise TypeError("'repeats' does not accept numpy.ndarray; convert with cupy.array() first")
        given = device_array(repeats)
        if given is not None:
            counter.wait("repeat")
            repeats = given._array
        return new(np.repeat(self._array, repeats, axis))

    # Selecting and sorting

    def take(self, indices: Any, axis: Any = None, out: Any = None) -> Any:
        return indexing.take(self, indices, axis, out)

    def put(self, indices: Any, values: Any, mode: str = "wrap") -> None:
        indexing.put(self, indices, values, mode)

    def choose(self, choices: Any, out: Any = None, mode: str = "raise") -> Any:
        return into(np.choose(self._array, host(choices, []), mode=mode), out)

    def compress(self, condition: Any, axis: Any = None, out: Any = None) -> Any:
        counter.wait("compress")
        given = device_array(condition)
        return into(np.compress(condition if given is None else given._array, self._array, axis), out)

    def nonzero(self) -> tuple[Any, ...]:
        """One array per dimension: strided views of one table, as CuPy's are."""
        if self._array.ndim == 0:
            raise ValueError(
                "Calling nonzero on 0d arrays is not allowed. Use cp.atleast_1d(scalar).nonzero() instead."
            )
        counter.wait("nonzero")
        table = new(np.argwhere(self._array))
        return tuple([table[:, i] for i in range(self._array.ndim)])

    def sort(self, axis: int = -1, kind: Any = None) -> None:
        self._check_sort(kind)
        if not self._array.flags.c_contiguous:
            raise NotImplementedError("Sorting non-contiguous array is not supported.")
        self._array.sort(axis, kind="stable")

    def argsort(self, axis: Any = -1, kind: Any = None) -> Any:
        self._check_sort(kind)
        return new(contiguous(np.argsort(np.atleast_1d(self._array), axis, kind="stable")))

    def partition(self, kth: Any, axis: int = -1) -> None:
        self.sort(axis)

    def argpartition(self, kth: Any, axis: Any = -1) -> Any:
        length = self._array.size if axis is None else self._array.shape[axis]
        for k in (kth,) if isinstance(kth, int) else kth:
            if not -length <= k < length:
                raise ValueError(f"kth(={k}) out of bounds {length}")
        return self.argsort(axis)

    def searchsorted(self, v: Any, side: str = "left", sorter: Any = None) -> Any:
        from .functions import searchsorted

        return searchsorted(self, v, side, sorter)

    @staticmethod
    def _check_sort(kind: Any) -> None:
        if kind is not None and kind != "stable":
            raise ValueError("kind can only be None or 'stable'")

    # Deprecated on the array, alive in cupyx

    def scatter_add(self, slices: Any, value: Any) -> None:
        warnings.warn("Please use `cupy.add.at` instead.", DeprecationWarning, stacklevel=2)
        indexing.scatter(self, slices, value, "add")

    def scatter_max(self, slices: Any, value: Any) -> None:
        warnings.warn("Please use `cupy.maximum.at` instead.", DeprecationWarning, stacklevel=2)
        indexing.scatter(self, slices, value, "max")

    def scatter_min(self, slices: Any, value: Any) -> None:
        warnings.warn("Please use `cupy.minimum.at` instead.", DeprecationWarning, stacklevel=2)
        indexing.scatter(self, slices, value, "min")
