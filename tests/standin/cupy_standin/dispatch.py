"""One wrapper for the many CuPy functions that do what NumPy's of the same name do.

The wrapper checks the call against CuPy's signature, unwraps device arrays, refuses NumPy arrays, calls
NumPy and wraps the result. Functions that CuPy defines as the method of the same name go to that method.
The tables say which functions are stricter or looser than the rule.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .core import Storage, check_device, host, new, quiet, wrap_result
from .names import Entry, words
from .namespace import maker
from .settings import counter
from .ufuncs import make_ufunc

METHODS = frozenset(
    words(
        """all any argmax argmin argpartition argsort choose cumprod cumsum diagonal dot max mean min nonzero
    prod ptp repeat squeeze std sum swapaxes take trace var"""
    )
)
NUMPY_NAMES = {
    "alltrue": "all",
    "amax": "max",
    "amin": "min",
    "concat": "concatenate",
    "cumproduct": "cumprod",
    "in1d": "isin",
    "permute_dims": "transpose",
    "product": "prod",
    "round_": "round",
    "row_stack": "vstack",
    "sometrue": "any",
    "trapz": "trapezoid",
}
# How many leading arguments must be device arrays (1 where nothing is said).
TWO = words(
    """vdot inner outer tensordot digitize isin in1d setdiff1d setxor1d union1d intersect1d convolve
    correlate solve lstsq tensorsolve may_share_memory shares_memory"""
)
NONE = words(
    """concatenate concat stack hstack vstack row_stack dstack column_stack meshgrid kron select extract
    fftfreq rfftfreq tril_indices triu_indices diag_indices bartlett blackman hamming hanning kaiser
    indices isscalar ndim size shape common_type array2string array_repr array_str base_repr binary_repr
    broadcast_arrays unravel_index ravel_multi_index mgrid ogrid ix_ iscomplexobj isrealobj iscomplex
    isreal"""
)
ARRAYS = dict.fromkeys(TWO, 2) | dict.fromkeys(NONE, 0)
# Functions of a sequence that must hold device arrays and nothing else.
SEQUENCES = frozenset(words("concatenate concat stack column_stack"))
# Old names that CuPy warns of.
DEPRECATED = frozenset(words("cumproduct product round_ row_stack"))
# CuPy calls asarray on the first argument of these: lists and NumPy arrays are copied to the device.
CONVERTED = frozenset(
    words("average tile around round round_ vander resize unwrap append cross cond gradient diff")
)
# The layout of the argument stays in the result of these; everything else that is new is C-contiguous.
KEEPS_LAYOUT = frozenset(["asfortranarray"])
# Functions that must read a count back before they can allocate their result.
WAITING = frozenset(words("argwhere flatnonzero bincount histogram histogram2d histogramdd extract delete"))
# NumPy warns of all-nan and empty slices in these, CuPy does not.
SILENT = frozenset(words("nanmean nanvar nanstd nanmedian median nanargmax nanargmin"))
# These hand arrays to a function of the caller's, which would meet NumPy arrays: nobody needed them yet.
UNWRITTEN = frozenset(words("apply_along_axis apply_over_axes fromfunction mask_indices piecewise vectorize"))


@maker("function")
def make_function(entry: Entry) -> Callable[..., Any] | None:
    """The wrapper for one function of the list; None where the stand-in has none."""
    if entry.short in UNWRITTEN:
        return None
    if not entry.name.startswith("cupy."):
        return None
    name = NUMPY_NAMES.get(entry.short, entry.short)
    place = entry.name.rpartition(".")[0].partition(".")[2]
    if not place and name in METHODS:
        return method(entry, name)
    try:
        parent = functools.reduce(getattr, place.split(".") if place else [], np)
        return wrapper(entry, getattr(parent, name))
    except AttributeError:
        return None


@maker("ufunc")
def make_universal(entry: Entry) -> Any:
    place, _, name = entry.name.rpartition(".")
    return make_ufunc(place, name) if hasattr(np, name) else None


def method(entry: Entry, name: str) -> Callable[..., Any]:
    """``cupy.sum(a, ...)``, which is ``a.sum(...)``."""
    signature = entry.signature
    names = signature.positions[1:]

    def call(a: Any, *args: Any, **kwargs: Any) -> Any:
        signature.check((a, *args), kwargs)
        require(entry.short, a)
        return getattr(a, name)(**dict(zip(names, args, strict=False)), **kwargs)

    return named(call, entry)


def wrapper(entry: Entry, implementation: Callable[..., Any]) -> Callable[..., Any]:
    """A function that behaves as CuPy's towards its arguments and computes by ``implementation``."""
    name = entry.short
    signature = entry.signature
    needed = ARRAYS.get(name, 1)
    converts, waits, silent, keeps = (name in group for group in (CONVERTED, WAITING, SILENT, KEEPS_LAYOUT))
    no_none = ("prepend", "append") if name == "diff" else ()  # where NumPy takes None for a value
    sequence, deprecated = name in SEQUENCES, name in DEPRECATED
    accepted = _keywords(implementation)

    def call(*args: Any, **kwargs: Any) -> Any:
        signature.check(args, kwargs)
        if deprecated:
            warnings.warn(f"cupy.{name} is deprecated", DeprecationWarning, stacklevel=2)
        if sequence:
            for value in args[0] if args else kwargs["tup"]:
                require(name, value)
        if converts and args and not isinstance(args[0], Storage):
            args = (_converted(args[0]), *args[1:])
        given = dict(zip(signature.positions, args, strict=False))
        for key in signature.positions[:needed]:
            require(name, given.get(key, kwargs.get(key)))
        out = kwargs.pop("out", None)
        if "out" in given:
            out = given.pop("out")
            args = tuple(given.values())
        if accepted is not None and not signature.any_position:
            # NumPy may have its parameters in another order: all but the leading ones go by name.
            by_name = {k: v for k, v in list(given.items())[max(needed, 1) :] if k in accepted}
            kwargs |= by_name
            args = tuple([v for k, v in given.items() if k not in by_name])
        sources: list[Storage] = []
        args = tuple([host(a, sources) for a in args])
        kwargs = {k: host(v, sources) for k, v in kwargs.items() if v is not None or k not in no_none}
        if waits:
            counter.wait(name)
        with quiet(), warnings.catch_warnings() if silent else quiet():
            if silent:
                warnings.simplefilter("ignore")
            result = implementation(*args, **kwargs)
        made = wrap_result(result, sources, keeps)
        if getattr(made, "base", made) is None:  # views cost nothing
            counter.launch(name)
        return made if out is None else _into(made, out)

    return named(call, entry)


def require(name: str, value: Any) -> None:
    """Refuse anything but a device array where CuPy needs one."""
    if not isinstance(value, Storage):
        raise TypeError(f"cupy.{name} takes a cupy.ndarray, not {type(value).__name__}")


def named(function: Callable[..., Any], entry: Entry) -> Callable[..., Any]:
    function.__name__ = function.__qualname__ = entry.short
    function.__module__ = entry.name.rpartition(".")[0]
    return function


def _keywords(implementation: Callable[..., Any]) -> set[str] | None:
    """The parameters that NumPy's function takes by name; None where it does not say."""
    try:
        parameters = inspect.signature(implementation).parameters.values()
    except (TypeError, ValueError):
        return None
    return {p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}


def _converted(value: Any) -> Any:
    made = np.array(value)
    if made.ndim:
        counter.device("asarray")
    return new(made)


def _into(result: Any, out: Any) -> Any:
    if not isinstance(out, Storage):
        raise TypeError("Output arguments must be cupy.ndarray")
    check_device(out)
    if out._array.shape != result._array.shape:
        raise ValueError(f"Output array has the wrong shape: {out._array.shape}, not {result._array.shape}")
    if not np.can_cast(result._array.dtype, out._array.dtype, "same_kind"):
        raise TypeError(
            f"Cannot cast from {result._array.dtype!r} to {out._array.dtype!r} according to 'same_kind'"
        )
    out._array[...] = result._array
    return out
