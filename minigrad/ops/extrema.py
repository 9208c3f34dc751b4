"""The larger, the smaller, and limits: `maximum`, `fmin`, `clamp` ...

Where two numbers tie, `maximum` and `minimum` give each half of the gradient; `clamp` gives all of it to the
input.
"""

from __future__ import annotations

from typing import Any

from ..autograd.primitive import primitive
from ..autograd.public import public
from .comparison import isnan, where_

__all__ = ["clamp", "clamp_max", "clamp_min", "clip", "fmax", "fmin", "maximum", "minimum"]


@primitive
def maximum(xp, input, other):
    """The larger of two, nan if one is nan. A tie halves the gradient."""
    return xp.maximum(input, other)


maximum.vjp(
    input=lambda g, input, other: where_(input < other, 0, _half_where(input == other, g)),
    other=lambda g, input, other: where_(input > other, 0, _half_where(input == other, g)),
)


@primitive
def minimum(xp, input, other):
    """The smaller of two, nan if one is nan. A tie halves the gradient."""
    return xp.minimum(input, other)


minimum.vjp(
    input=lambda g, input, other: where_(input > other, 0, _half_where(input == other, g)),
    other=lambda g, input, other: where_(input < other, 0, _half_where(input == other, g)),
)


def _half_where(tie, g):
    return where_(tie, g * 0.5, g)


@primitive
def fmax(xp, input, other):
    """The larger of two, ignoring nan. At a tie the gradient is the first's, as PyTorch has it."""
    return xp.fmax(input, other)


fmax.vjp(
    input=lambda g, input, other: where_((input >= other) | isnan(other), g, 0),
    other=lambda g, input, other: where_((input >= other) | isnan(other), 0, g),
)


@primitive
def fmin(xp, input, other):
    """The smaller of two, ignoring nan. At a tie the gradient is the first's, as PyTorch has it."""
    return xp.fmin(input, other)


fmin.vjp(
    input=lambda g, input, other: where_((input <= other) | isnan(other), g, 0),
    other=lambda g, input, other: where_((input <= other) | isnan(other), 0, g),
)


@primitive
def clamp_min(xp, input, min):
    """`input`, but `min` where it is smaller. `min` is a number or a tensor."""
    return xp.maximum(input, min)


clamp_min.vjp(
    input=lambda g, input, min: where_(input >= min, g, 0),
    min=lambda g, input, min: where_(input < min, g, 0),
)


@primitive
def clamp_max(xp, input, max):
    """`input`, but `max` where it is larger. `max` is a number or a tensor."""
    return xp.minimum(input, max)


clamp_max.vjp(
    input=lambda g, input, max: where_(input <= max, g, 0),
    max=lambda g, input, max: where_(input > max, g, 0),
)


@primitive
def clamp_(xp, input, min, max):
    """`input` limited on both sides; `max` wins where `min` is larger."""
    return xp.minimum(xp.maximum(input, min), max)


clamp_.vjp(
    input=lambda g, input, min, max: where_((input >= min) & (input <= max), g, 0),
    min=lambda g, input, min, max: where_((input < min) & (min < max), g, 0),
    max=lambda g, input, min, max: where_((input > max) | (max < min), g, 0),
)


@public
def clamp(input: Any, min: Any = None, max: Any = None) -> Any:
    """`input` limited to at least `min` and at most `max`; numbers or tensors, one of them may be left out.

    Where `min` is larger than `max` the result is `max`. The gradient passes where the input lies within the
    limits or on them.

    >>> import minigrad
    >>> minigrad.clamp(minigrad.tensor([-2.0, 0.5, 2.0]), -1, 1)
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if max is None:
        if min is None:
            raise RuntimeError("clamp() needs min, max or both")
        return clamp_min(input, min)
    return clamp_max(input, max) if min is None else clamp_(input, min, max)


clip = clamp
