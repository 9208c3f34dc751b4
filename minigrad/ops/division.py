"""Division and what remains: `div` with its rounding modes, `floor_divide`, `remainder`, `fmod`.

Dividing integers by zero raises, as in PyTorch (NumPy would give 0).
"""

from __future__ import annotations

from typing import Any

from ..autograd.primitive import primitive
from ..autograd.public import public
from ..backend.door import whole
from .arithmetic import zeros
from .kinds import refuse_bools

__all__ = ["div", "divide", "floor_divide", "fmod", "remainder", "true_divide"]


@primitive(dtype="float")
def div_(xp, input, other):
    """`input / other`, with broadcasting; integers give the default floating point dtype."""
    return xp.true_divide(input, other)


div_.vjp(input=lambda g, other: g / other, other=lambda g, other, out: (g / -other) * out)


@public
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
    """`input / other`, with broadcasting.

    rounding_mode None is the true quotient (integers become the default dtype), "floor" rounds it down as
    Python's `//` does, "trunc" towards zero as C does; these two keep integers, and their gradient is zero.

    >>> import minigrad
    >>> x = minigrad.tensor([-7, 7])
    >>> x / 2, minigrad.div(x, 2, rounding_mode="floor"), minigrad.div(x, 2, rounding_mode="trunc")
    (tensor([-3.5000,  3.5000]), tensor([-4,  3]), tensor([-3,  3]))
    """
    if rounding_mode is None:
        return div_(input, other)
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode == "trunc":
        return trunc_divide(input, other)
    raise RuntimeError(f"div() knows the rounding modes None, 'floor' and 'trunc', got {rounding_mode!r}")


divide = div


@public
def true_divide(input: Any, other: Any) -> Any:
    """`input / other`."""
    return div_(input, other)


def _is_integer(input: Any, other: Any, name: str) -> bool:
    """Whether integers are to be divided; an error if by zero, or if they are bools."""
    dtype = input.dtype if hasattr(input, "dtype") else other.dtype
    if dtype.kind == "f":
        return False
    refuse_bools(name, input, other)
    whole(_refuse_zero, name, other)
    return True


def _refuse_zero(name: str, other: Any) -> None:
    if (other == 0).any() if hasattr(other, "dtype") else other == 0:
        raise RuntimeError(f"ZeroDivisionError: {name}() of integers by zero")


@primitive
def floor_divide(xp, input, other):
    """`input / other` rounded down, as Python's `//`. The gradient is zero."""
    _is_integer(input, other, "floor_divide")
    return xp.floor_divide(input, other)


floor_divide.vjp(input=lambda g: zeros(g), other=lambda g: zeros(g))


@primitive
def trunc_divide(xp, input, other):
    """`input / other` rounded towards zero. The gradient is zero."""
    if _is_integer(input, other, "div"):
        return xp.floor_divide(input - xp.fmod(input, other), other)
    return xp.trunc(xp.true_divide(input, other))


trunc_divide.vjp(input=lambda g: zeros(g), other=lambda g: zeros(g))


@primitive
def remainder(xp, input, other):
    """What `floor_divide` leaves, with the sign of `other`: Python's `%`."""
    _is_integer(input, other, "remainder")
    return xp.remainder(input, other)


remainder.vjp(input=lambda g: g, other=lambda g, input, other: g * -floor_divide(input, other))


@primitive
def fmod(xp, input, other):
    """What division rounded towards zero leaves, with the sign of `input`: C's `fmod`."""
    _is_integer(input, other, "fmod")
    return xp.fmod(input, other)


fmod.vjp(input=lambda g: g, other=lambda g, input, other: g * -trunc_divide(input, other))
