"""Special functions: `erf`, `lgamma`, `digamma`, `logit`, `xlogy`, `sinc` ...

All take integers too and then give the default floating point dtype. NumPy has no `erf` or `lgamma` of its
own: see `backend/special.py`. The derivatives are those of Abramowitz and Stegun, chapters 6 and 7.
"""

from __future__ import annotations

import math
from typing import Any

from ..autograd.primitive import primitive
from ..autograd.public import public
from ..backend import special
from ..backend.selection import select
from .comparison import where_
from .elementwise import cos, exp

__all__ = [
    "digamma", "erf", "erfc", "erfinv", "lgamma", "logit", "polygamma", "sinc", "xlogy",
]  # fmt: skip


@primitive(dtype="float")
def erf(xp, input):
    """The error function, `2/sqrt(pi)` times the integral of `exp(-t^2)` from 0 to `input`."""
    return special.erf(xp, input)


erf.vjp(input=lambda g, input: g * (exp(-input * input) * (2 / math.sqrt(math.pi))))


@primitive(dtype="float")
def erfc(xp, input):
    """`1 - erf(input)`, exact where it is tiny."""
    return special.erfc(xp, input)


erfc.vjp(input=lambda g, input: g * (exp(-input * input) * (-2 / math.sqrt(math.pi))))


@primitive(dtype="float")
def erfinv(xp, input):
    """The inverse of `erf`: inf at 1, -inf at -1, nan outside [-1, 1]."""
    return special.erfinv(xp, input)


erfinv.vjp(input=lambda g, out: g * (exp(out * out) * (math.sqrt(math.pi) / 2)))


@primitive(dtype="float")
def lgamma(xp, input):
    """The logarithm of the absolute value of the gamma function."""
    return special.lgamma(xp, input)


@primitive(dtype="float")
def digamma(xp, input):
    """The derivative of `lgamma`."""
    return special.digamma(xp, input)


@primitive(dtype="float")
def polygamma_(xp, input, *, n):
    """Derivative number n of `digamma`."""
    return special.polygamma(xp, n, input)


lgamma.vjp(input=lambda g, input: g * digamma(input))
digamma.vjp(input=lambda g, input: g * polygamma_(input, n=1))
polygamma_.vjp(input=lambda g, input, n: g * polygamma_(input, n=n + 1))


@public
def polygamma(n: int, input: Any) -> Any:
    """Derivative number `n` of `digamma` (n = 0 is `digamma` itself)."""
    if n < 0:
        raise RuntimeError(f"polygamma() needs n of at least 0, got {n}")
    return digamma(input) if n == 0 else polygamma_(input, n=n)


@primitive(dtype="float")
def xlogy(xp, input, other):
    """`input * log(other)`, which is 0 where `input` is 0 (but nan where `other` is nan)."""
    first = input if hasattr(input, "dtype") else xp.asarray(input, dtype=other.dtype)
    product = first * (xp.log(other) if hasattr(other, "dtype") else _log_of_number(other))
    return select(xp, (first == 0) & (other == other), 0, product)


xlogy.vjp(
    input=lambda g, input, other: where_((input == 0) & (other <= 0), 0, xlogy(g, other)),
    other=lambda g, input, other: g * (input / other),
)


def _log_of_number(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf if x == 0 else math.nan


@public
def logit(input: Any, eps: float | None = None) -> Any:
    """`log(input / (1 - input))`, the inverse of `sigmoid`; nan outside [0, 1].

    With `eps`, `input` is moved into [eps, 1 - eps] first, and the gradient is 0 where it was.
    """
    return logit_(input, eps=eps)


@primitive(dtype="float")
def logit_(xp, input, *, eps):
    """The computation of `logit`."""
    if eps is not None:
        input = xp.minimum(xp.maximum(input, eps), 1 - eps)
    return xp.log(input / (1 - input))


def _logit_input(g, input, eps):
    if eps is None:
        return where_((input < 0) | (input > 1), math.nan, g / (input * (1 - input)))
    return where_((input < eps) | (input > 1 - eps), 0, g / (input * (1 - input)))


logit_.vjp(input=_logit_input)


@primitive(dtype="float")
def sinc(xp, input):
    """`sin(pi input) / (pi input)`, 1 at 0."""
    angle = input * math.pi
    return select(xp, angle == 0, 1, xp.sin(angle) / angle)


def _sinc_input(g, input, out):
    nonzero = where_(input == 0, 1, input)
    return where_(input == 0, input * (g * -(math.pi**2 / 3)), g * ((cos(input * math.pi) - out) / nonzero))


sinc.vjp(input=_sinc_input)
