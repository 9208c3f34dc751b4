"""CuPy's universal functions: which types they take is read from the list, the numbers come from NumPy.

CuPy tries the loops of a function in their order and takes the first that every argument can be cast to
safely; Python's numbers give way to the arrays beside them unless they are of a higher kind (NEP 50). Loops
that NumPy has and CuPy has not are a TypeError here, and loops that differ (``erf`` of float16 is float64)
differ here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import core
from .core import Storage, check_device, quiet
from .names import Entry, known, words
from .settings import counter

WEAK = {int: np.dtype("int64"), float: np.dtype("float64"), complex: np.dtype("complex128")}
COMPARISONS = frozenset(words("equal not_equal less less_equal greater greater_equal logical_and logical_or"))
Loop = tuple[tuple[np.dtype, ...], tuple[np.dtype, ...]]


class ufunc:
    """An elementwise function on device arrays and scalars."""

    def __init__(self, name: str, entry: Entry, implementation: Callable[..., Any]):
        facts = dict(word.partition("=")[::2] for word in entry.detail.split())
        counts = entry.detail.split()[0].split("->")
        self.name = self.__name__ = name
        self.nin, self.nout = int(counts[0]), int(counts[1])
        self.nargs = self.nin + self.nout
        self.types = facts["types"].split(",")
        self._scatter = facts.get("at")
        self._casting = facts["casting"]
        self._implementation = implementation
        self._native = isinstance(implementation, np.ufunc)
        self._loops = [_loop(t) for t in self.types if "V" not in t]
        self._dtype_loops = [
            _loop(t) for t in facts.get("dtype_types", facts["types"]).split(",") if "V" not in t
        ]
        self._found: dict[Any, Loop] = {}
        self._compares = entry.short in COMPARISONS

    def __repr__(self) -> str:
        return f"<ufunc '{self.name}'>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        out = kwargs.pop("out", None)
        dtype = kwargs.pop("dtype", None)
        casting = kwargs.pop("casting", self._casting)
        if kwargs:
            raise TypeError(f"Wrong arguments {kwargs}")
        if not self.nin <= len(args) <= self.nargs:
            raise TypeError(
                f"Wrong number of arguments for {self.name!r}. It must be either {self.nin} or {self.nargs} "
                f"(with outputs), but given {len(args)}."
            )
        outs = args[self.nin :]
        if out is not None:
            if outs:
                raise ValueError("Cannot specify 'out' as both a positional and keyword argument")
            outs = self._outputs(out)
        inputs, key = [], []
        for value in args[: self.nin]:
            kind = type(value)
            if isinstance(value, Storage):
                check_device(value)
                value = value._array
                key.append(value.dtype.char)
            elif kind in WEAK:
                key.append(kind)
            elif kind is bool:
                key.append("?")
            elif isinstance(value, np.generic):
                key.append(value.dtype.char)
            else:
                offered = core.device_array(value)
                if offered is None:
                    raise TypeError(f"Unsupported type {kind}")
                value = offered._array
                key.append(value.dtype.char)
            inputs.append(value)
        if self._compares and int in key:
            key = _strong_integers(inputs, key)
        wanted = (dtype, *key) if dtype is not None else tuple(key)
        try:
            in_types, out_types = self._found[wanted]
        except KeyError:
            in_types, out_types = self._found[wanted] = self._choose(tuple(key), dtype)
        for i, wanted_type in enumerate(in_types):
            value = inputs[i]
            if type(value) is not np.ndarray:
                inputs[i] = _scalar(value, wanted_type)
            elif value.dtype is not wanted_type and value.dtype != wanted_type:
                inputs[i] = value.astype(wanted_type)
        return self._compute(inputs, out_types, outs, casting)

    def _compute(self, inputs: list, out_types: tuple[np.dtype, ...], outs: tuple, casting: str) -> Any:
        given = self._given(outs, out_types, casting) if outs else None
        counter.launch(self.name.removeprefix("cupy_"))
        with quiet():
            if self._native and given is None:
                result = self._implementation(*inputs, order="C")
            elif self._native and all(g is not None for g in given):
                result = self._implementation(*inputs, out=tuple([g._array for g in given]), casting="unsafe")
            else:
                result = self._implementation(*inputs)
            results = result if self.nout > 1 else (result,)
            finished = []
            for i, value in enumerate(results):
                target = given[i] if given is not None else None
                if target is None:
                    value = np.asarray(value)
                    if value.dtype != out_types[i]:
                        value = value.astype(out_types[i])
                    target = core.new(value)
                elif value is not target._array:
                    np.copyto(target._array, value, casting="unsafe")
                finished.append(target)
        return finished[0] if self.nout == 1 else tuple(finished)

    def _outputs(self, out: Any) -> tuple:
        if isinstance(out, tuple):
            if len(out) != self.nout:
                raise ValueError("The 'out' tuple must have exactly one entry per ufunc output")
            return out
        if self.nout != 1:
            raise ValueError("'out' must be a tuple of arrays")
        return (out,)

    def _given(self, outs: tuple, out_types: tuple[np.dtype, ...], casting: str) -> list:
        for target, result_type in zip(outs, out_types, strict=False):
            if target is None:
                continue
            if not isinstance(target, Storage):
                raise TypeError("Output arguments type must be cupy.ndarray")
            check_device(target)
            if not np.can_cast(result_type, target._array.dtype, casting):
                raise TypeError(
                    f"Cannot cast output operand from {result_type!r} to {target._array.dtype!r} "
                    f"according to the rule '{casting}'"
                )
        return [*outs, *[None] * (self.nout - len(outs))]

    def _choose(self, key: tuple, dtype: Any) -> Loop:
        if dtype is not None:
            wanted = np.dtype(dtype)
            for loop in self._dtype_loops:
                if all(t == wanted for t in loop[1]):
                    return loop
            raise TypeError(f"Wrong type ({wanted}) of arguments for {self.name}")
        weak = [k if isinstance(k, type) else None for k in key]
        types = [WEAK[k] if isinstance(k, type) else np.dtype(k) for k in key]
        if self._all_strong(weak, types):
            weak = [None] * len(types)
        for loop in self._loops:
            if all(_fits(t, w, target) for t, w, target in zip(types, weak, loop[0], strict=True)):
                return loop
        raise TypeError(f"Wrong type ({tuple(types)}) of arguments for {self.name}")

    @staticmethod
    def _all_strong(weak: list, types: list) -> bool:
        scalars = [_rank(WEAK[w]) for w in weak if w is not None]
        arrays = [_rank(t) for t, w in zip(types, weak, strict=True) if w is None]
        return not scalars or not arrays or max(arrays) < max(scalars)

    # The methods, each only for the few functions that CuPy has it for.

    def outer(self, A: Any, B: Any, **kwargs: Any) -> Any:
        first, second = (core.device_array(a) for a in (A, B))
        return self(first.reshape(first.shape + (1,) * second.ndim), second, **kwargs)

    def at(self, a: Any, indices: Any, b: Any = None) -> None:
        if self._scatter is None:
            raise NotImplementedError(f"`{self.name}.at` is not supported yet")
        from .indexing import scatter  # indexing needs this module for its own arithmetic

        scatter(a, indices, b, self._scatter)

    def reduce(
        self, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: bool = False
    ) -> Any:
        if self.name == "cupy_add":
            return array.sum(axis, dtype, out, keepdims)
        if self.name == "cupy_multiply":
            return array.prod(axis, dtype, out, keepdims)
        raise NotImplementedError(f"`{self.name}.reduce` is not supported yet")

    def accumulate(self, array: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
        if self.name == "cupy_add":
            return array.cumsum(axis, dtype, out)
        if self.name == "cupy_multiply":
            return array.cumprod(axis, dtype, out)
        raise NotImplementedError(f"`{self.name}.accumulate` is not supported yet")

    def reduceat(self, array: Any, indices: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
        if self.name != "cupy_add":
            raise NotImplementedError(f"`{self.name}.reduceat` is not supported yet")
        sources: list = []
        where = core.host(indices, sources)
        return core.wrap_result(np.add.reduceat(core.host(array, sources), where, axis, dtype), ())


def _loop(text: str) -> Loop:
    ins, outs = text.split("->")
    return tuple([np.dtype(c) for c in ins]), tuple([np.dtype(c) for c in outs])


def _rank(dtype: np.dtype) -> int:
    return {"b": 0, "i": 1, "u": 1}.get(dtype.kind, 2)


def _fits(dtype: np.dtype, weak: Any, target: np.dtype) -> bool:
    if np.can_cast(dtype, target):
        return True
    return weak is not None and np.result_type(weak(0), target) == target


def _strong_integers(inputs: list, key: list) -> list:
    """Comparing an integer array with a Python integer that it cannot hold must not overflow."""
    for i in (0, 1):
        other = key[1 - i]
        if key[i] is int and type(other) is str and np.dtype(other).kind in "iu":
            key = [*key[:i], "Q" if inputs[i] >= 2**63 else "q", *key[i + 1 :]]
    return key


def _scalar(value: Any, dtype: np.dtype) -> Any:
    """A number as an array of the loop's type; OverflowError where an integer does not fit."""
    if dtype.kind in "iu" and type(value) is int:
        return np.array(value, dtype)
    with quiet():
        return np.asarray(value).astype(dtype)


def _power(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """NumPy's power, but integers to negative powers give 0 (or 1, -1) as CuPy's do, where NumPy raises."""
    if x.dtype.kind not in "iu" or not np.any(np.less(y, 0)):
        return np.power(x, y)
    positive = np.power(x, np.where(np.less(y, 0), 0, y).astype(x.dtype))
    ones = np.where(x == -1, np.where(y % 2 == 0, 1, -1), np.where(x == 1, 1, 0))
    return np.where(np.less(y, 0), ones, positive).astype(x.dtype)


def _sinc(x: np.ndarray) -> np.ndarray:
    return np.sinc(x).astype(x.dtype)


IMPLEMENTATIONS: dict[str, Callable[..., Any]] = {
    "power": _power,
    "pow": _power,
    "fix": np.trunc,
    "i0": lambda x: np.i0(x.astype(np.float64)).astype(x.dtype),
    "sinc": _sinc,
}


def make_ufunc(place: str, name: str) -> ufunc:
    """The ufunc ``place.name`` of the list, computed by NumPy's function of that name."""
    entry = known(f"{place}.{name}")
    implementation = IMPLEMENTATIONS.get(name) or getattr(np, name)
    return ufunc(f"cupy_{name}", entry, implementation)


_made: dict[str, ufunc] = {}


def cupy_ufunc(name: str) -> ufunc:
    """``cupy.<name>``, one object per name."""
    if name not in _made:
        _made[name] = make_ufunc("cupy", name)
    return _made[name]
