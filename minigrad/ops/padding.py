"""Putting elements around a tensor: `pad` with a constant, a reflection, the edge, or the other end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..autograd.operands import array_of
from ..autograd.primitive import primitive
from ..autograd.public import public
from ..backend.library import library
from .indexing import index

__all__ = ["pad"]


def _inside(shape: Sequence[int], widths: Sequence[tuple[int, int]]) -> tuple[slice, ...]:
    """The part of `shape` that is left when the negative ones of `widths` are cut off."""
    return tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(shape, widths))


@primitive(dtype="keep")
def pad_(xp, input, *, widths, value=0):
    """`input` with (before, after) elements of `value` around each dimension; negative numbers cut off."""
    out = xp.full([n + a + b for n, (a, b) in zip(input.shape, widths)], value, dtype=input.dtype)
    out[_inside(out.shape, _negative(widths))] = input[_inside(input.shape, widths)]
    return out


def _negative(widths: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    return tuple((-a, -b) for a, b in widths)


pad_.vjp(input=lambda g, widths: pad_(g, widths=_negative(widths)))


def _places(xp: Any, n: int, before: int, after: int, mode: str) -> Any:
    """For each element of the padded dimension the place in the old one, of size n, that it is read from."""
    if mode == "circular":
        return _circular(xp, n, before, after)
    wide = xp.arange(-before, n + after)
    if mode == "replicate":
        if not n:
            raise RuntimeError("pad(mode='replicate') has no edge to repeat in a dimension of size 0")
        return xp.minimum(xp.maximum(wide, 0), n - 1)
    if max(before, after) > n - 1:
        raise RuntimeError(f"pad(mode='reflect') by {max(before, after)} is too wide for a dimension of size {n}")
    return n - 1 - abs(n - 1 - abs(wide))


def _circular(xp: Any, n: int, before: int, after: int) -> Any:
    """`_places` for a dimension that goes on at its other end, after what is cut off has been."""
    if max(before, after) > n:
        raise RuntimeError(f"pad(mode='circular') by {max(before, after)} goes around a dimension of size {n} twice")
    left = n + min(before, 0) + min(after, 0)
    return max(-before, 0) + xp.arange(-max(before, 0), left + max(after, 0)) % (left or 1)


@public
def pad(input: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Any:
    """`input` with elements put around it: `pad` is (before, after) of the last dimension, then of the one before, ...

    Args:
        pad: negative numbers cut elements off.
        mode: "constant" puts `value` (0), "reflect" mirrors at the edge, "replicate" repeats the edge, "circular"
            goes on at the other end. Departs from PyTorch in taking any number of dimensions for all of them.

    >>> import minigrad
    >>> pad(minigrad.tensor([1, 2, 3]), (1, 2)), pad(minigrad.tensor([1, 2, 3]), (2, 1), "reflect")
    (tensor([0, 1, 2, 3, 0, 0]), tensor([3, 2, 1, 2, 3, 2]))
    """
    given = [n.__index__() for n in pad]
    if len(given) % 2 or len(given) > 2 * input.ndim:
        raise RuntimeError(
            f"pad() takes pairs (before, after), at most one for each of the {input.ndim} dimensions, got {given}"
        )
    pairs = list(zip(given[::2], given[1::2]))[::-1]
    widths = ((0, 0),) * (input.ndim - len(pairs)) + tuple(pairs)
    for k, (n, (a, b)) in enumerate(zip(input.shape, widths)):
        if n + a + b < 0 or -a > n or -b > n:
            raise RuntimeError(f"pad() cannot cut {-min(a, 0)} and {-min(b, 0)} elements off dimension {k} of size {n}")
    if mode == "constant":
        return pad_(input, widths=widths, value=0 if value is None else value)
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"pad() has no mode {mode!r}: it is 'constant', 'reflect', 'replicate' or 'circular'")
    if value is not None and value != 0:
        raise RuntimeError(f"pad(mode={mode!r}) takes no value, got {value}")
    xp = library(array_of(input))
    for k, (a, b) in enumerate(widths):
        if a or b:
            input = index(input, _places(xp, input.shape[k], a, b, mode), key=(None,) * k + (0,))
    return input
