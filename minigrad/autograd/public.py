"""Calling conventions of public functions: PyTorch's `out=`, NumPy's keyword spellings, arguments by name."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from .modes import modes
from .node import TensorBase
from .operands import array_of

F = TypeVar("F", bound=Callable[..., Any])

#: NumPy's name -> PyTorch's
NUMPY_NAMES = {"axis": "dim", "keepdims": "keepdim", "x": "input", "a": "input", "x1": "input", "x2": "other"}


def public(function: F) -> F:
    """Let a function take `out=` and NumPy's names (`axis`, `keepdims`) beside PyTorch's."""
    names = frozenset(inspect.signature(function).parameters)

    @functools.wraps(function)
    def call(*args: Any, **kw: Any) -> Any:
        if not kw or kw.keys() <= names:
            return function(*args, **kw)
        destination = kw.pop("out", None)
        result = function(*args, **renamed(kw, names))
        return result if destination is None else write_out(result, destination)

    return call  # type: ignore[return-value]


def renamed(kw: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """`kw` with NumPy's names replaced by those that the function has."""
    return {NUMPY_NAMES[k] if k not in names and NUMPY_NAMES.get(k) in names else k: v for k, v in kw.items()}


def bind_keywords(rules: Any, inputs: tuple, kw: dict[str, Any]) -> tuple[tuple, dict[str, Any], Any]:
    """Sort a primitive's keywords into inputs given by name, metadata, and `out=`."""
    kw = dict(kw)
    destination = kw.pop("out", None)
    kw = renamed(kw, frozenset((*rules.inputs, *rules.keywords)))
    values = list(inputs)
    for name in rules.inputs[len(inputs) :]:
        if name in kw:
            values.append(kw.pop(name))
        elif name in rules.defaults:
            values.append(rules.defaults[name])
        else:
            raise TypeError(f"{rules.__name__}() is missing the argument {name!r}")
    unknown = [k for k in kw if k not in rules.keywords]
    if unknown:
        known = ", ".join((*rules.inputs, *rules.keywords, "out"))
        raise TypeError(f"{rules.__name__}() has no argument {unknown[0]!r}; it takes {known}")
    return tuple(values), kw, destination


def write_out(result: Any, destination: Any) -> Any:
    """Copy `result` into the tensors given as `out=`, and return them."""
    if isinstance(result, tuple):
        written = [write_out(r, d) for r, d in zip(result, destination, strict=True)]
        return type(result)(*written) if hasattr(result, "_fields") else tuple(written)
    if not isinstance(destination, TensorBase):
        raise TypeError(f"out= takes a Tensor, got {type(destination).__name__}")
    if modes.node_type is not None and (
        destination.node is not None or (isinstance(result, TensorBase) and result.node is not None)
    ):
        raise RuntimeError("out= cannot be used where a gradient is needed: assign the result, or use no_grad()")
    array = array_of(result)
    if destination.array.shape != array.shape:
        if destination.array.size:
            raise RuntimeError(
                f"out= has shape {tuple(destination.array.shape)}, the result {tuple(array.shape)}: they must agree"
            )
        destination.array = array.astype(destination.array.dtype)
    else:
        destination.array[...] = array
    destination.shared_storage().changed("out=")
    return destination
