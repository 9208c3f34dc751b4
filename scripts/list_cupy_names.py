"""Write the list of what CuPy has, which the stand-in for CuPy under ``tests/standin`` obeys.

    python scripts/list_cupy_names.py            # rewrites tests/standin/cupy_names.txt

Needs CuPy (14.2 when the committed list was made) but no GPU: CuPy imports without one. One line per public
name, sorted, three columns between tabs:

    cupy.sum            function    (a, axis=, dtype=, out=, keepdims=)
    cupy.add            ufunc       2->1 casting=same_kind at=add types=??->?,bb->b,...
    cupy.float32        numpy       float32

The second column is one of: ``function``, ``method``, ``class``, ``property``, ``ufunc``, ``module``,
``numpy`` (the very object that NumPy has under the name in column three), ``value`` (a plain constant) and
``object`` (anything else). In a signature, ``=`` marks a parameter that may be left out.
"""

from __future__ import annotations

import importlib
import inspect
import re
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy


def words(text: str) -> list[str]:
    return text.split()


LIST = Path(__file__).resolve().parents[1] / "tests" / "standin" / "cupy_names.txt"

MODULES = words(
    """cupy cupy.cuda cupy.cuda.memory cupy.cuda.nvtx cupy.cuda.runtime cupy.exceptions cupy.fft cupy.lib
    cupy.lib.stride_tricks cupy.linalg cupy.random cupyx cupyx.profiler cupyx.scipy cupyx.scipy.special"""
)

CLASSES = words(
    """cupy.ndarray cupy.broadcast cupy.flatiter cupy.ufunc cupy.cuda.Device cupy.cuda.Event
    cupy.cuda.Memory cupy.cuda.MemoryPointer cupy.cuda.MemoryPool cupy.cuda.PinnedMemoryPool
    cupy.cuda.Stream cupy.random.BitGenerator cupy.random.Generator cupy.random.MRG32k3a
    cupy.random.Philox4x3210 cupy.random.RandomState cupy.random.XORWOW"""
)

# What a Python class has from `object` says nothing about CuPy.
FROM_OBJECT = set(dir(object))


def main() -> None:
    warnings.simplefilter("ignore")
    rows: dict[str, tuple[str, str]] = {}
    for place in MODULES:
        module = importlib.import_module(place)
        for name, value in members(module):
            rows[f"{place}.{name}"] = describe(value, name)
    for place in CLASSES:
        module_name, _, name = place.rpartition(".")
        cls = getattr(importlib.import_module(module_name), name)
        for member, value in class_members(cls):
            rows[f"{place}.{member}"] = describe(value, member, bound=True)
    import cupy

    rows["cupy.__version__"] = ("value", repr(cupy.__version__))
    lines = [f"{name}\t{kind}\t{detail}".rstrip() for name, (kind, detail) in sorted(rows.items())]
    LIST.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines)} names of CuPy {cupy.__version__} written to {LIST}")


def members(module: types.ModuleType) -> Iterator[tuple[str, Any]]:
    """The public names of a module; modules among them only where they belong to CuPy."""
    for name in sorted(set(dir(module)) | lazy_names(module)):
        if name.startswith("_") or name == "annotations":
            continue
        try:
            value = getattr(module, name)
        except Exception:  # a part of CuPy that needs a library this machine has not
            continue
        if isinstance(value, types.ModuleType) and not value.__name__.startswith("cupy"):
            continue
        yield name, value


def lazy_names(module: types.ModuleType) -> set[str]:
    """Names that a module's ``__getattr__`` answers to and ``dir`` may not show."""
    return {"Generator"} if module.__name__ == "cupy.random" else set()


def class_members(cls: type) -> Iterator[tuple[str, Any]]:
    for name in sorted(dir(cls)):
        special = name.startswith("__") and name.endswith("__")
        if name in FROM_OBJECT or name.startswith("__pyx") or (name.startswith("_") and not special):
            continue
        if name in ("__dict__", "__module__", "__weakref__", "__slots__"):
            continue
        yield name, getattr(cls, name)


def describe(value: Any, name: str, bound: bool = False) -> tuple[str, str]:
    """Column two and three for one value."""
    import cupy

    if isinstance(value, cupy.ufunc):
        return "ufunc", describe_ufunc(value)
    if isinstance(value, types.ModuleType):
        return "module", ""
    if not isinstance(value, (bool, int, float, str, type(None))) and getattr(numpy, name, None) is value:
        return "numpy", name
    if isinstance(value, type):
        alias = getattr(value, "__name__", "")
        if getattr(numpy, alias, None) is value:
            return "numpy", alias
        return "class", signature(value, bound=False)
    if isinstance(value, (bool, int, float, str, bytes, type(None))):
        return "value", repr(value)
    if isinstance(value, (property, types.GetSetDescriptorType, types.MemberDescriptorType)):
        return "property", ""
    if callable(value):
        return ("method" if bound else "function"), signature(value, bound=bound)
    return "object", type(value).__name__


def describe_ufunc(value: Any) -> str:
    parts = [f"{value.nin}->{value.nout}", f"casting={value._default_casting}"]
    if value._scatter_op:
        parts.append(f"at={value._scatter_op}")
    parts.append("types=" + ",".join(value.types))
    if value._out_ops is not None:  # the loops to choose from when dtype= is given
        chars = [
            "".join(numpy.dtype(t).char for t in op.in_types)
            + "->"
            + "".join(numpy.dtype(t).char for t in op.out_types)
            for op in value._out_ops.ops
        ]
        parts.append("dtype_types=" + ",".join(chars))
    return " ".join(parts)


def signature(value: Callable[..., Any], bound: bool) -> str:
    """Parameter names of a function, in Python's notation without defaults; '' where nobody knows them."""
    try:
        parameters = list(inspect.signature(value).parameters.values())
    except (ValueError, TypeError):
        return from_docstring(value.__doc__ or "", bound)
    if bound and parameters and parameters[0].name in ("self", "cls"):
        parameters = parameters[1:]
    words: list[str] = []
    starred = False
    for index, parameter in enumerate(parameters):
        if parameter.kind is parameter.VAR_POSITIONAL:
            words.append("*" + parameter.name)
            starred = True
        elif parameter.kind is parameter.VAR_KEYWORD:
            words.append("**" + parameter.name)
        else:
            if parameter.kind is parameter.KEYWORD_ONLY and not starred:
                words.append("*")
                starred = True
            words.append(parameter.name + ("" if parameter.default is parameter.empty else "="))
            following = parameters[index + 1 :]
            if parameter.kind is parameter.POSITIONAL_ONLY and (
                not following or following[0].kind is not parameter.POSITIONAL_ONLY
            ):
                words.append("/")
    return "(" + ", ".join(words) + ")"


def from_docstring(doc: str, bound: bool) -> str:
    """The signature that Cython writes at the head of a docstring: ``_ndarray_base.sum(self, axis=None)``."""
    head = re.match(r"\s*[\w.]+\((.*)\)(?: ->[^\n]*)?(?:\n|$)", doc)
    if head is None:
        return ""
    words = []
    for part in head.group(1).replace("\\", "").split(", ") if head.group(1) else ():
        name, given, _ = part.partition("=")
        words.append(name.split(":")[0].split()[-1] + ("=" if given else ""))  # "Py_ssize_t axis" is "axis"
    if bound and words and words[0] == "self":
        words = words[1:]
    return "(" + ", ".join(words) + ")"


if __name__ == "__main__":
    main()
