"""The namespaces ``cupy``, ``cupy.linalg``, ... : a name is there if CuPy has it, and not otherwise.

A module of the stand-in calls ``door(__name__)`` and gets its ``__getattr__`` and ``__dir__``. Names that
CuPy has and nobody wrote for the stand-in yet raise NotImplementedError when they are used.
"""

from __future__ import annotations

import ast
import importlib
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from .names import Entry, known, members

_made: dict[str, Any] = {}
_written: dict[str, Any] = {}
_makers: dict[str, Callable[[Entry], Any]] = {}


def module(name: str) -> types.ModuleType:
    """The module of the stand-in, imported when it is first needed."""
    found = sys.modules.get(name)
    return found if found is not None else importlib.import_module(name)


def provide(place: str, values: dict[str, Any]) -> None:
    """Give the stand-in's own version of some names of ``place``; each must be in CuPy's list."""
    for name, value in values.items():
        if known(f"{place}.{name}") is None:
            raise LookupError(f"{place}.{name} is not in the list of CuPy's names")
        _written[f"{place}.{name}"] = value


def maker(kind: str) -> Callable[[Callable[[Entry], Any]], Callable[[Entry], Any]]:
    """Declare how names of one kind (``function``, ``ufunc``) are made when nobody wrote them."""

    def register(make: Callable[[Entry], Any]) -> Callable[[Entry], Any]:
        _makers[kind] = make
        return make

    return register


def lookup(place: str, name: str) -> Any:
    """The value of ``place.name``; AttributeError where CuPy has no such name."""
    full = f"{place}.{name}"
    entry = known(full)
    if entry is None:
        raise AttributeError(f"module {place!r} has no attribute {name!r}: CuPy 14.2 has no such name")
    if full not in _made:
        _made[full] = _make(entry)
    return _made[full]


def _make(entry: Entry) -> Any:
    if entry.name in _written:
        return _written[entry.name]
    if entry.kind == "module":
        try:
            return importlib.import_module(entry.name)
        except ModuleNotFoundError:
            raise NotImplementedError(f"the stand-in for CuPy has no module {entry.name} yet") from None
    if entry.kind == "numpy":
        return getattr(np, entry.detail)
    if entry.kind == "value":
        return (
            float(entry.detail) if entry.detail in ("inf", "-inf", "nan") else ast.literal_eval(entry.detail)
        )
    if entry.kind in _makers:
        made = _makers[entry.kind](entry)
        if made is not None:
            return made
    return unwritten(entry)


def unwritten(entry: Entry) -> Any:
    """A name that CuPy has and the stand-in has not."""
    message = f"the stand-in for CuPy has no {entry.name} yet"
    if "Kernel" in entry.short or entry.short in ("RawModule", "fuse"):
        message = "the stand-in compiles no kernels"

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(message)

    if entry.kind == "class":
        return type(entry.short, (), {"__init__": refuse, "__module__": entry.name.rpartition(".")[0]})
    refuse.__name__ = refuse.__qualname__ = entry.short
    return refuse


def door(place: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` for the module ``place``."""
    own = sys.modules[place].__dict__

    def __getattr__(name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(f"module {place!r} has no attribute {name!r}")
        value = lookup(place, name)
        own[name] = value  # the next access is an ordinary one
        return value

    def __dir__() -> list[str]:
        return members(place)

    return __getattr__, __dir__
