"""Rounding and repair: `floor`, `round`, `trunc`, `frac`, `nan_to_num`, `heaviside`.

What is constant between steps has the gradient zero, as in PyTorch. Integers are returned as they are.
"""

from __future__ import annotations

from typing import Any

from ..autograd.primitive import primitive
from ..autograd.public import public
from .arithmetic import zeros
from .comparison import isfinite, where_

__all__ = ["ceil", "fix", "floor", "frac", "heaviside", "nan_to_num", "round", "trunc"]


@primitive(accepts="iuf")
def floor(xp, input):
    """The largest integer that is not above `input`."""
    return xp.floor(input) if input.dtype.kind == "f" else input.copy()


@primitive(accepts="iuf")
def ceil(xp, input):
    """The smallest integer that is not below `input`."""
    return xp.ceil(input) if input.dtype.kind == "f" else input.copy()


@primitive(accepts="iuf")
def trunc(xp, input):
    """`input` without its fraction, rounded towards zero."""
    return xp.trunc(input) if input.dtype.kind == "f" else input.copy()


@primitive(accepts="iuf")
def round(xp, input, *, decimals=0):
    """`input` rounded to `decimals` places (negative: tens, hundreds ...); halves go to the even neighbour.

    >>> import minigrad
    >>> minigrad.round(minigrad.tensor([0.5, 1.5, 2.345]))
    tensor([0., 2., 2.])
    >>> minigrad.round(minigrad.tensor([1234.567]), decimals=-2)
    tensor([1200.])
    """
    if input.dtype.kind != "f":
        if decimals:
            raise RuntimeError("round(decimals=...) is for floating point tensors: convert it first")
        return input.copy()
    if decimals == 0:
        return xp.rint(input)
    power = 10.0 ** (decimals if decimals > 0 else -decimals)
    return xp.rint(input * power) / power if decimals > 0 else xp.rint(input / power) * power


@primitive
def heaviside(xp, input, values):
    """0 where `input` is negative (or nan), 1 where it is positive, `values` where it is 0."""
    return xp.where(input == 0, values, (input > 0).astype(input.dtype))


for _step in (floor, ceil, trunc, round):
    _step.vjp(input=lambda g: zeros(g))
heaviside.vjp(input=lambda g: zeros(g), values=lambda g, input: where_(input == 0, g, 0))
fix = trunc


@primitive(accepts="f")
def frac(xp, input):
    """The fraction of `input`, with its sign: `input - trunc(input)`."""
    return input - xp.trunc(input)


frac.vjp(input=lambda g: g)


@primitive
def nan_to_num_(xp, input, *, nan, posinf, neginf):
    """The replacement of `nan_to_num`."""
    if input.dtype.kind != "f":
        return input.copy()
    limits = xp.finfo(input.dtype)
    posinf = float(limits.max) if posinf is None else posinf
    neginf = float(limits.min) if neginf is None else neginf
    out = xp.where(input != input, nan, input)
    out = xp.where(input == float("inf"), posinf, out)
    return xp.where(input == float("-inf"), neginf, out)


nan_to_num_.vjp(input=lambda g, input: where_(isfinite(input), g, 0))


@public
def nan_to_num(input: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """`input` with nan and the infinities replaced, the latter by the dtype's largest and smallest
    numbers."""
    return nan_to_num_(input, nan=0.0 if nan is None else nan, posinf=posinf, neginf=neginf)
