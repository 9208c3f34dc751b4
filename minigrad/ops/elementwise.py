"""Mathematical functions of one or two numbers, element by element: `exp`, `log`, `sin`, `tanh` ...

All take integers too and then give the default floating point dtype. Each forward stands above its gradient
rule; the derivatives are those of any table (Abramowitz and Stegun, "Handbook of Mathematical Functions",
chapters 4 to 7).
"""

from __future__ import annotations

import math

from ..autograd.primitive import primitive
from .arithmetic import rsqrt
from .comparison import where_

__all__ = [
    "acos",
    "acosh",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cos",
    "cosh",
    "deg2rad",
    "exp",
    "exp2",
    "expit",
    "expm1",
    "hypot",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logaddexp2",
    "rad2deg",
    "sigmoid",
    "sin",
    "sinh",
    "tan",
    "tanh",
]  # fmt: skip

_LN2, _LN10 = math.log(2), math.log(10)

# --- exponentials and logarithms -----------------------------------------------------------------


@primitive(dtype="float")
def exp(xp, input):
    """e to the power of `input`."""
    return xp.exp(input)


exp.vjp(input=lambda g, out: g * out)


@primitive(dtype="float")
def exp2(xp, input):
    """2 to the power of `input`."""
    return xp.exp2(input)


exp2.vjp(input=lambda g, out: g * (out * _LN2))


@primitive(dtype="float")
def expm1(xp, input):
    """`exp(input) - 1`, exact near 0."""
    return xp.expm1(input)


expm1.vjp(input=lambda g, out: g * (out + 1))


@primitive(dtype="float")
def log(xp, input):
    """The natural logarithm: -inf at 0, nan below."""
    return xp.log(input)


log.vjp(input=lambda g, input: g / input)


@primitive(dtype="float")
def log1p(xp, input):
    """`log(1 + input)`, exact near 0."""
    return xp.log1p(input)


log1p.vjp(input=lambda g, input: g / (input + 1))


@primitive(dtype="float")
def log2(xp, input):
    """The logarithm to base 2."""
    return xp.log2(input)


log2.vjp(input=lambda g, input: g / (input * _LN2))


@primitive(dtype="float")
def log10(xp, input):
    """The logarithm to base 10."""
    return xp.log10(input)


log10.vjp(input=lambda g, input: g / (input * _LN10))


@primitive(dtype="float")
def logaddexp(xp, input, other):
    """`log(exp(input) + exp(other))` without overflow."""
    # NumPy's own takes ten times as long; fmax gives 0 for the distance of two equal infinities, which is nan
    return xp.maximum(input, other) + xp.log1p(xp.exp(-xp.fmax(xp.absolute(input - other), 0)))


logaddexp.vjp(
    input=lambda g, input, other: g / (exp(other - input) + 1),
    other=lambda g, input, other: g / (exp(input - other) + 1),
)


@primitive(dtype="float")
def logaddexp2(xp, input, other):
    """`log2(2 ** input + 2 ** other)` without overflow."""
    rest = xp.log1p(xp.exp2(-xp.fmax(xp.absolute(input - other), 0)))
    return xp.maximum(input, other) + rest * (1 / _LN2)


logaddexp2.vjp(
    input=lambda g, input, other: g / (exp2(other - input) + 1),
    other=lambda g, input, other: g / (exp2(input - other) + 1),
)


# --- the logistic function -----------------------------------------------------------------------


@primitive(dtype="float")
def sigmoid(xp, input):
    """`1 / (1 + exp(-input))`.

    >>> import minigrad
    >>> minigrad.sigmoid(minigrad.tensor([-1.0, 0.0, 100.0]))
    tensor([0.2689, 0.5000, 1.0000])
    """
    out = xp.exp(-input)
    out += 1
    return 1 / out


sigmoid.vjp(input=lambda g, out: g * (out - out * out))
expit = sigmoid


# --- trigonometric functions ---------------------------------------------------------------------


@primitive(dtype="float")
def sin(xp, input):
    """The sine, of radians."""
    return xp.sin(input)


@primitive(dtype="float")
def cos(xp, input):
    """The cosine, of radians."""
    return xp.cos(input)


sin.vjp(input=lambda g, input: g * cos(input))
cos.vjp(input=lambda g, input: -g * sin(input))


@primitive(dtype="float")
def tan(xp, input):
    """The tangent, of radians."""
    return xp.tan(input)


tan.vjp(input=lambda g, out: g * (out * out + 1))


@primitive(dtype="float")
def asin(xp, input):
    """The angle in [-pi/2, pi/2] whose sine is `input`; nan outside [-1, 1]."""
    return xp.arcsin(input)


asin.vjp(input=lambda g, input: g * rsqrt(1 - input * input))


@primitive(dtype="float")
def acos(xp, input):
    """The angle in [0, pi] whose cosine is `input`; nan outside [-1, 1]."""
    return xp.arccos(input)


acos.vjp(input=lambda g, input: -g * rsqrt(1 - input * input))


@primitive(dtype="float")
def atan(xp, input):
    """The angle in [-pi/2, pi/2] whose tangent is `input`."""
    return xp.arctan(input)


atan.vjp(input=lambda g, input: g / (input * input + 1))


@primitive(dtype="float")
def atan2(xp, input, other):
    """The angle in [-pi, pi] of the point (x = other, y = input). Its gradient at the origin is 0, as
    PyTorch's."""
    return xp.arctan2(input, other)


def _over_square_radius(g, part, input, other):
    square_radius = input * input + other * other
    return where_(square_radius == 0, 0, g * (part / square_radius))


atan2.vjp(
    input=lambda g, input, other: _over_square_radius(g, other, input, other),
    other=lambda g, input, other: _over_square_radius(-g, input, input, other),
)


@primitive(dtype="float")
def deg2rad(xp, input):
    """Degrees as radians."""
    return input * (math.pi / 180)


deg2rad.vjp(input=lambda g: g * (math.pi / 180))


@primitive(dtype="float")
def rad2deg(xp, input):
    """Radians as degrees."""
    return input * (180 / math.pi)


rad2deg.vjp(input=lambda g: g * (180 / math.pi))


@primitive(dtype="float")
def hypot(xp, input, other):
    """`sqrt(input ** 2 + other ** 2)` without overflow."""
    return xp.hypot(input, other)


hypot.vjp(input=lambda g, input, out: g * (input / out), other=lambda g, other, out: g * (other / out))

# --- hyperbolic functions ------------------------------------------------------------------------


@primitive(dtype="float")
def sinh(xp, input):
    """The hyperbolic sine."""
    return xp.sinh(input)


@primitive(dtype="float")
def cosh(xp, input):
    """The hyperbolic cosine."""
    return xp.cosh(input)


sinh.vjp(input=lambda g, input: g * cosh(input))
cosh.vjp(input=lambda g, input: g * sinh(input))


@primitive(dtype="float")
def tanh(xp, input):
    """The hyperbolic tangent."""
    return xp.tanh(input)


tanh.vjp(input=lambda g, out: g - g * (out * out))  # as g * (1 - out * out), a third less for small arrays


@primitive(dtype="float")
def asinh(xp, input):
    """The inverse of `sinh`."""
    return xp.arcsinh(input)


asinh.vjp(input=lambda g, input: g * rsqrt(input * input + 1))


@primitive(dtype="float")
def acosh(xp, input):
    """The inverse of `cosh` on [1, inf); nan below."""
    return xp.arccosh(input)


acosh.vjp(input=lambda g, input: g * rsqrt(input * input - 1))


@primitive(dtype="float")
def atanh(xp, input):
    """The inverse of `tanh`; nan outside [-1, 1]."""
    return xp.arctanh(input)


atanh.vjp(input=lambda g, input: g / (1 - input * input))

#: NumPy's names, which PyTorch has too
arcsin, arccos, arctan, arctan2 = asin, acos, atan, atan2
arcsinh, arccosh, arctanh = asinh, acosh, atanh
