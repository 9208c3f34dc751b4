"""The arrays of arguments, and what an operation does with unusual ones: NumPy's scalars, mixed devices, and the
errors for those that cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..backend.door import door
from ..backend.dtypes import public_dtype
from ..backend.library import find_library, libraries
from .node import TensorBase

_KIND_NAMES = {"b": "bool", "iu": "integer", "f": "floating point"}


def array_of(x: Any) -> Any:
    """The array of a tensor; anything else as it is."""
    return x.array if isinstance(x, TensorBase) else x


def foreign(x: Any, name: str) -> Any:
    """An operand that is neither tensor, array nor Python number: NumPy's scalars are taken as numbers."""
    if door.recorder is not None:
        x = door.recorder.as_array(x)
        if type(x) in libraries:
            return x
    if find_library(type(x)) is not None:
        return x.view(find_library(type(x)).ndarray)  # type: ignore[union-attr]
    if type(x).__module__ == "numpy" and hasattr(x, "item"):
        return x.item()
    raise TypeError(f"{name}() takes tensors, arrays and numbers, got {type(x).__name__}: make it a tensor first")


def check_kinds(arrays: Sequence[Any], accepts: str, name: str) -> None:
    """Refuse arrays of dtypes for which an operation is not defined."""
    for a in arrays:
        if hasattr(a, "dtype") and a.dtype.kind not in accepts:
            wanted = " or ".join(words for kinds, words in _KIND_NAMES.items() if kinds in accepts)
            raise RuntimeError(f"{name}() is for {wanted} tensors, got {public_dtype(a.dtype)}: convert it first")


def check_one_dtype(arrays: Sequence[Any], name: str) -> None:
    """Refuse arrays of different dtypes, for an operation that does not promote."""
    dtypes = [a.dtype for a in arrays if hasattr(a, "dtype")]
    if len(set(dtypes)) > 1:
        names = ", ".join(str(public_dtype(d)) for d in dtypes)
        raise RuntimeError(f"{name}() expects tensors of one dtype, got {names}: convert one, x.to(y.dtype)")


def one_library(arrays: list[Any], inputs: Sequence[Any], name: str) -> tuple[Any, list[Any]]:
    """The library in which `arrays` meet. A 0-d tensor of the CPU may join tensors on a GPU, as in PyTorch."""
    if door.recorder is not None:
        arrays = door.recorder.admitted(arrays)
    owners = [libraries.get(type(a)) for a in arrays]
    known = {owner for owner in owners if owner is not None}
    if not known:  # rules compute with NumPy's scalars where a tensor is 0-d
        arrays = [x.__array__() if type(x).__module__ == "numpy" else a for x, a in zip(inputs, arrays, strict=True)]
        known = {owner for owner in map(libraries.get, map(type, arrays)) if owner is not None}
        if known:
            return known.pop(), arrays
        raise TypeError(f"{name}() needs a tensor or an array among its arguments, got {_kinds(inputs)}")
    numpy = libraries_named("numpy", known)
    for owner in known - {numpy}:
        moved = [
            owner.asarray(a) if o is numpy and isinstance(x, TensorBase) and a.ndim == 0 else a
            for a, o, x in zip(arrays, owners, inputs, strict=True)
        ]
        if {libraries.get(type(a)) for a in moved} <= {owner, None}:
            return owner, moved
    if len(known) == 1:
        return known.pop(), arrays
    raise RuntimeError(
        f"{name}() got arguments on different devices ({_kinds(inputs)}): "
        "move them to one device with .to(device), NumPy arrays with minigrad.from_numpy(a).to(device)"
    )


def libraries_named(name: str, known: set[Any]) -> Any:
    """The library called `name` among `known`, or None."""
    return next((owner for owner in known if owner.__name__ == name), None)


def _kinds(inputs: Sequence[Any]) -> str:
    """What the inputs are, in words for an error message."""
    words = []
    for x in inputs:
        array = array_of(x)
        owner = libraries.get(type(array))
        place = "" if owner is None else " on cpu" if owner.__name__ == "numpy" else " on cuda"
        words.append(("Tensor" if isinstance(x, TensorBase) else type(x).__name__) + place)
    return ", ".join(words)


def explained(error: Exception, name: str, arrays: Sequence[Any]) -> Exception:
    """The array library's error, with the operation and the shapes it was given. Shape errors are RuntimeErrors."""
    shapes = ", ".join(str(tuple(a.shape)) for a in arrays if hasattr(a, "shape"))
    kind = RuntimeError if type(error) is ValueError else type(error)
    if kind not in (RuntimeError, TypeError, IndexError):
        return error
    return kind(f"{name}() of shapes {shapes}: {error}")
