"""Where a boolean mask is True: `masked_fill`, `masked_select`, `masked_scatter`. The mask is broadcast."""

from __future__ import annotations

from typing import Any

from ..autograd.core_ops import expand
from ..autograd.operands import array_of
from ..autograd.primitive import primitive
from ..autograd.public import public
from ..backend.door import whole
from ..backend.library import library
from .dims import broadcast_shapes
from .indexing import getitem


@primitive(fixed=("mask",))
def _masked_fill(xp, input, mask, value):
    return xp.where(mask, value, input)


_masked_fill.vjp(
    input=lambda g, mask: _masked_fill(g, mask, 0),
    value=lambda g, mask: g * mask,
)


@public
def masked_fill(input: Any, mask: Any, value: Any) -> Any:
    """`input` with `value` (a number or a 0-d tensor) where the boolean `mask`, broadcast, is True."""
    _check_mask(mask, "masked_fill")
    if hasattr(value, "ndim") and value.ndim:
        raise RuntimeError(f"masked_fill() takes a number or a 0-d tensor as value, got shape {tuple(value.shape)}")
    return _masked_fill(input, mask, value)


def _check_mask(mask: Any, name: str) -> None:
    if not str(mask.dtype).endswith("bool"):
        raise RuntimeError(f"{name}() expects a boolean mask, got {mask.dtype}: compare, or convert with .bool()")


@public
def masked_select(input: Any, mask: Any) -> Any:
    """The elements of `input` where the boolean `mask` is True (both broadcast), in one dimension."""
    _check_mask(mask, "masked_select")
    raw = array_of(mask)
    shape = broadcast_shapes(input.shape, raw.shape)
    return getitem(expand(input, shape=shape), library(raw).broadcast_to(raw, shape))


@primitive(fixed=("mask",))
def _masked_scatter(xp, input, source, mask):
    return whole(_scattered, input, source, mask)


def _scattered(input, source, mask):
    out, xp = input.copy(), library(input)
    where = xp.nonzero(xp.broadcast_to(mask, out.shape))
    out[where] = source.reshape(-1)[: where[0].size]
    return out


_masked_scatter.vjp(
    input=lambda g, mask: _masked_fill(g, mask, 0),
    source=lambda g, mask, shape_of_source: _masked_gather(g, mask, shape=shape_of_source),
)


@primitive(dtype="keep")
def _masked_gather(xp, input, mask, *, shape):
    return whole(_gathered, input, mask, shape)


def _gathered(input, mask, shape):
    xp = library(input)
    out = xp.zeros(shape, dtype=input.dtype)
    found = input[xp.nonzero(xp.broadcast_to(mask, input.shape))]
    out.reshape(-1)[: found.size] = found
    return out


_masked_gather.vjp(input=lambda g, mask, shape_of_input: _masked_scatter(zeros_of(g, shape=shape_of_input), g, mask))


@primitive(dtype="keep")
def zeros_of(xp, input, *, shape):
    """Zeros of `shape` in the dtype of `input`."""
    return xp.zeros(shape, dtype=input.dtype)


zeros_of.vjp(input=lambda g, shape_of_input: zeros_of(g, shape=shape_of_input))


@public
def masked_scatter(input: Any, mask: Any, source: Any) -> Any:
    """`input` with the elements of `source`, in order, where the boolean `mask` is True."""
    _check_mask(mask, "masked_scatter")
    return _masked_scatter(input, source, mask)


__all__ = ["masked_fill", "masked_scatter", "masked_select"]
