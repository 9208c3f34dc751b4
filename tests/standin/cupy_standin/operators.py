"""The operators of device arrays, and the protocols by which NumPy's own functions reach CuPy's.

As in CuPy, an operand that is neither a device array nor a number is left to NumPy's dispatch: other
libraries' arrays get their turn through ``__array_ufunc__``, and a NumPy array ends in a TypeError.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .core import SCALARS, Storage, new
from .namespace import module
from .ufuncs import cupy_ufunc

_NUMBERS = frozenset([bool, int, float, complex])


def _leave_to_other(mine: Any, other: Any) -> bool:
    """Whether the other operand wants to do the operation itself."""
    missing = object()
    protocol = getattr(other, "__array_ufunc__", missing)
    if protocol is not missing:
        return protocol is None
    return getattr(mine, "__array_priority__", 0) < getattr(other, "__array_priority__", 0)


def _operator(name: str) -> tuple[Callable, Callable, Callable]:
    """``a + b``, ``b + a`` and ``a += b`` for one ufunc."""
    own = cupy_ufunc(name)
    numpys = getattr(np, name)

    def forward(self: Any, other: Any) -> Any:
        if isinstance(other, Storage) or type(other) in _NUMBERS:
            return own(self, other)
        if _leave_to_other(self, other):
            return NotImplemented
        return numpys(self, other)

    def reflected(self: Any, other: Any) -> Any:
        return own(other, self)

    def in_place(self: Any, other: Any) -> Any:
        return own(self, other, self)

    return forward, reflected, in_place


def _comparison(name: str) -> Callable:
    own = cupy_ufunc(name)
    numpys = getattr(np, name)

    def compare(self: Any, other: Any) -> Any:
        if isinstance(other, Storage) or type(other) in _NUMBERS:
            return own(self, other)
        if _leave_to_other(self, other):
            return NotImplemented
        if isinstance(other, np.ndarray) and other.ndim == 0:
            other = other.item()
        if name in ("equal", "not_equal") and (other is None or type(other).__eq__ is object.__eq__):
            return new(np.full(self.shape, name == "not_equal"))
        return numpys(self, other)

    return compare


def _pow(self: Any, other: Any, modulo: Any = None) -> Any:
    """CuPy's short cuts for common exponents, which keep the result's dtype out of the ufunc's hands."""
    kind = self._array.dtype.kind
    if type(other) is int and other == 2:
        return cupy_ufunc("square")(
            self, dtype=None if kind in "iufc" else np.result_type(self._array.dtype, other)
        )
    if type(other) is float and other in (0.5, 2.0, -1.0):
        short = {0.5: "sqrt", 2.0: "square", -1.0: "reciprocal"}[other]
        return cupy_ufunc(short)(
            self, dtype=None if kind in "fc" else np.result_type(self._array.dtype, other)
        )
    return _POW[0](self, other)


_POW = _operator("power")


class Operators:
    """Mixed into ``cupy.ndarray``."""

    __slots__ = ()

    __array_priority__ = 100

    __add__, __radd__, __iadd__ = _operator("add")
    __sub__, __rsub__, __isub__ = _operator("subtract")
    __mul__, __rmul__, __imul__ = _operator("multiply")
    __truediv__, __rtruediv__, __itruediv__ = _operator("true_divide")
    __floordiv__, __rfloordiv__, __ifloordiv__ = _operator("floor_divide")
    __mod__, __rmod__, __imod__ = _operator("remainder")
    __lshift__, __rlshift__, __ilshift__ = _operator("left_shift")
    __rshift__, __rrshift__, __irshift__ = _operator("right_shift")
    __and__, __rand__, __iand__ = _operator("bitwise_and")
    __or__, __ror__, __ior__ = _operator("bitwise_or")
    __xor__, __rxor__, __ixor__ = _operator("bitwise_xor")
    __divmod__, __rdivmod__, _ = _operator("divmod")
    __pow__ = _pow
    __rpow__, __ipow__ = _POW[1:]

    __eq__ = _comparison("equal")
    __ne__ = _comparison("not_equal")
    __lt__ = _comparison("less")
    __le__ = _comparison("less_equal")
    __gt__ = _comparison("greater")
    __ge__ = _comparison("greater_equal")
    __hash__ = None  # type: ignore[assignment]

    def __neg__(self) -> Any:
        return cupy_ufunc("negative")(self)

    def __pos__(self) -> Any:
        if self.dtype == bool:
            warnings.warn(
                "Applying '+' to a non-numerical array is ill-defined.", DeprecationWarning, stacklevel=2
            )
            return self.copy()
        return cupy_ufunc("positive")(self)

    def __abs__(self) -> Any:
        return cupy_ufunc("absolute")(self)

    def __invert__(self) -> Any:
        return cupy_ufunc("invert")(self)

    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, Storage):
            return module("cupy").matmul(self, other)
        if _leave_to_other(self, other):
            return NotImplemented
        return np.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return module("cupy").matmul(other, self)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """``numpy.exp(x)`` is ``cupy.exp(x)``; with a NumPy array among the inputs that is a TypeError."""
        involved = inputs
        if "out" in kwargs:
            if len(kwargs["out"]) != 1:
                raise ValueError("The 'out' parameter must have exactly one array value")
            involved += kwargs["out"]
            kwargs["out"] = kwargs["out"][0]
        name = ufunc.__name__
        function = getattr(module("cupy"), name, None) or getattr(module("cupyx.scipy.special"), name, None)
        if function is not None and method != "__call__":
            function = getattr(function, method, None)
        if function is None or method == "inner":
            return NotImplemented
        for value in involved:
            if not (
                isinstance(value, (Storage, np.ndarray, *SCALARS))
                or hasattr(value, "__cuda_array_interface__")
                or hasattr(value, "__cupy_get_ndarray__")
            ):
                return NotImplemented
        if name in ("greater", "greater_equal", "less", "less_equal", "equal", "not_equal"):
            inputs = tuple([x.item() if isinstance(x, np.ndarray) and x.ndim == 0 else x for x in inputs])
        return function(*inputs, **kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """``numpy.sum(x)`` is ``cupy.sum(x)``, where CuPy has the function."""
        try:
            place = functools.reduce(getattr, func.__module__.split(".")[1:], module("cupy"))
            function = getattr(place, func.__name__)
        except AttributeError:
            return NotImplemented
        if function is func or not all(issubclass(t, (Storage, np.ndarray)) for t in types):
            return NotImplemented
        return function(*args, **kwargs)
