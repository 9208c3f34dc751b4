"""Text of a tensor: what `repr` shows, equal to PyTorch's character for character.

`format_tensor` turns a host array into that text; `set_printoptions` and the context manager `printoptions`
change precision, summarising, line width and scientific notation. Nothing here needs a Tensor, so the same
text can be made for any array that is at hand.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from typing import Any

__all__ = ["PrintOptions", "format_tensor", "get_printoptions", "printoptions", "set_printoptions"]


@dataclasses.dataclass(frozen=True)
class PrintOptions:
    """How tensors print.

    precision: digits after the point; threshold: with more elements than this only the edges are shown;
    edgeitems: how many per edge; linewidth: characters per line; sci_mode: scientific notation always
    (True), never (False) or where the values ask for it (None).
    """

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_PROFILES = {
    "default": PrintOptions(),
    "short": PrintOptions(precision=2, edgeitems=2),
    "full": PrintOptions(threshold=float("inf")),
}
_options = _PROFILES["default"]


def get_printoptions() -> PrintOptions:
    """The options in force."""
    return _options


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Change how tensors print; None leaves an option as it is.

    `profile` ("default", "short" or "full") sets all options at once, and the other arguments then override
    it. As in PyTorch every call sets `sci_mode`: leaving it out makes the choice automatic again. Unlike
    PyTorch, an unknown profile raises ValueError instead of passing unnoticed.

    >>> set_printoptions(precision=2)
    >>> set_printoptions(profile="default")
    """
    global _options
    base = _options
    if profile is not None:
        if profile not in _PROFILES:
            raise ValueError(f"profile is {profile!r}; choose one of {', '.join(map(repr, _PROFILES))}")
        base = _PROFILES[profile]
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    _options = dataclasses.replace(base, sci_mode=sci_mode, **changes)


@contextmanager
def printoptions(**options: Any) -> Iterator[None]:
    """`set_printoptions(**options)` for the length of a `with` block."""
    global _options
    before = _options
    set_printoptions(**options)
    try:
        yield
    finally:
        _options = before


def format_tensor(
    array: Any,
    *,
    prefix: str = "tensor(",
    dtype_suffix_default: Any = "float32",
    device: str | None = None,
    requires_grad: bool = False,
    grad_fn_name: str | None = None,
) -> str:
    """The text of a tensor whose values are in the NumPy array `array` (any shape; float, integer or bool).

    prefix: what stands before the values and sets how far later lines are indented; for a parameter
        "Parameter containing:\\ntensor(".
    dtype_suffix_default: the default floating dtype (a name, NumPy's or minigrad's dtype), shown without
        a `dtype=` suffix, as are int64 and bool.
    device: shown as `device='cuda:0'`; None for the CPU, which is not shown.
    grad_fn_name: shown as `grad_fn=<MulBackward0>`; it takes precedence over `requires_grad=True`.

    >>> import numpy
    >>> print(format_tensor(numpy.array([1.5, -2.0], dtype="float32"), requires_grad=True))
    tensor([ 1.5000, -2.0000], requires_grad=True)
    """
    title, newline, opening = prefix.rpartition("\n")
    options = _options
    summarised = array.size > options.threshold and array.ndim > 0
    shown = _edges(array, options.edgeitems) if summarised else array
    if shown.size:
        cells, width = _cells(shown, options)
        per_line = max(1, (options.linewidth - len(opening) - shown.ndim + 1) // (width + 2))
        body = _body(cells, shown.shape, array.shape, len(opening), per_line)
    else:
        body = "[...]" if array.size else "[]"

    suffixes = []
    if device is not None:
        suffixes.append(f"device='{device}'")
    if options.edgeitems == 0 if array.size else array.ndim != 1:
        suffixes.append(f"size={array.shape}")
    # the text of an empty tensor does not tell integers and booleans apart from floats
    understood = array.dtype.kind == "b" or array.dtype == "int64"
    if array.dtype != dtype_suffix_default and not (understood and array.size):
        suffixes.append(f"dtype=minigrad.{array.dtype.name}")
    if grad_fn_name is not None:
        suffixes.append(f"grad_fn=<{grad_fn_name}>")
    elif requires_grad:
        suffixes.append("requires_grad=True")
    return title + newline + _with_suffixes(opening + body, suffixes, len(opening), options.linewidth) + ")"


def _edges(array: Any, edgeitems: int) -> Any:
    """`array` with only the first and last `edgeitems` kept along each axis that is longer than both."""
    kept = [*range(edgeitems), *range(-edgeitems, 0)]
    for axis, size in enumerate(array.shape):
        if size > len(kept):
            array = array.take(kept, axis=axis)
    return array


def _cells(array: Any, options: PrintOptions) -> tuple[list[str], int]:
    """The elements as texts, in C order, padded to the common width, and that width."""
    values = array.ravel().tolist()
    if array.dtype.kind != "f":
        cells = [str(value) for value in values]
        width = max(map(len, cells))
        return [cell.rjust(width) for cell in cells], width

    # The finite values other than zero alone decide notation and width, as in PyTorch: so `nan` and `-0.` may
    # stick out of a narrow column, and without any such value sci_mode has no say.
    magnitudes = [abs(value) for value in values if value and isfinite(value)]
    integral = all(value.is_integer() for value in magnitudes)
    scientific = options.sci_mode
    if not magnitudes:
        scientific = False
    elif scientific is None:
        scientific = _spread_out(min(magnitudes), max(magnitudes), integral)
    if integral and not scientific:
        cells = [f"{value:.0f}." if isfinite(value) else str(value) for value in values]
    else:
        spec = f".{options.precision}{'e' if scientific else 'f'}"
        cells = [format(value, spec) for value in values]
    finite = (len(cell) for cell, value in zip(cells, values, strict=True) if value and isfinite(value))
    width = max(finite, default=1)
    return [cell.rjust(width) for cell in cells], width


def _spread_out(smallest: float, largest: float, integral: bool) -> bool:
    """Whether values of these magnitudes need scientific notation."""
    return largest > 1e8 or largest / smallest > 1000 or (not integral and smallest < 1e-4)


def _body(
    cells: list[str], shape: tuple[int, ...], full_shape: tuple[int, ...], indent: int, per_line: int
) -> str:
    """The cells in nested brackets. Where `shape` is shorter than `full_shape`, dots stand in the middle."""
    if not shape:
        return cells[0]
    size = shape[0]
    cut = size < full_shape[0]
    if len(shape) == 1:
        if cut:
            cells = [*cells[: size // 2], " ...", *cells[size // 2 :]]
        lines = [", ".join(cells[i : i + per_line]) for i in range(0, len(cells), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    step = len(cells) // size
    parts = [
        _body(cells[i : i + step], shape[1:], full_shape[1:], indent + 1, per_line)
        for i in range(0, len(cells), step)
    ]
    if cut:
        parts.insert(size // 2, "...")
    return "[" + ("," + "\n" * (len(shape) - 1) + " " * (indent + 1)).join(parts) + "]"


def _with_suffixes(text: str, suffixes: list[str], indent: int, linewidth: int) -> str:
    """`text` followed by the suffixes, each put on a new line where the line would grow too long.

    Lines break exactly where PyTorch breaks them, so a dtype counts with the three characters less that its
    name has there.
    """
    length = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        counted = len(suffix) - 3 if suffix.startswith("dtype=") else len(suffix)
        if length + counted + 2 > linewidth:
            text += ",\n" + " " * indent + suffix
            length = indent + counted
        else:
            text += ", " + suffix
            length += counted + 2
    return text
