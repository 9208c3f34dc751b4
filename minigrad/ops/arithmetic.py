"""Arithmetic with gradients: `add`, `mul`, `pow`, `sqrt`, `abs`, `lerp` ... under PyTorch's names.

Each operation is its forward, then the gradient rule of each input. All broadcast, take Python numbers beside
tensors, and promote dtypes by PyTorch's rules. A primitive with a trailing underscore stands behind the
public function of that name, and is what the operator calls (`x - y` is `sub_`, `sub` has PyTorch's `alpha`
too). Division has its own file.
"""

from __future__ import annotations

from typing import Any

from ..autograd import core_ops
from ..autograd.primitive import primitive
from ..autograd.public import public
from ..backend.selection import select
from .comparison import where_
from .kinds import is_one, kind_of, refuse_bools

__all__ = [
    "abs", "absolute", "add", "addcdiv", "addcmul", "copysign", "float_power", "lerp", "mul", "multiply",
    "neg", "negative", "positive", "pow", "reciprocal", "rsqrt", "rsub", "sgn", "sign", "sqrt", "square",
    "sub", "subtract",
]  # fmt: skip

# --- sums ----------------------------------------------------------------------------------------


@public
def add(input: Any, other: Any, *, alpha: float = 1) -> Any:
    """`input + alpha * other`, with broadcasting. Bools add as a logical or.

    >>> import minigrad
    >>> minigrad.add(minigrad.tensor([1.0, 2.0]), minigrad.tensor([10.0, 20.0]), alpha=2)
    tensor([21., 42.])
    """
    return core_ops.add(input, _scaled(other, alpha, input))


@primitive(accepts="iuf")
def sub_(xp, input, other):
    """`input - other`, with broadcasting."""
    return xp.subtract(input, other)


sub_.vjp(input=lambda g: g, other=lambda g: -g)


@public
def sub(input: Any, other: Any, *, alpha: float = 1) -> Any:
    """`input - alpha * other`, with broadcasting. Bool tensors are refused (use `^`, or `~` to invert a
    mask)."""
    return sub_(input, _scaled(other, alpha, input))


@public
def rsub(input: Any, other: Any, *, alpha: float = 1) -> Any:
    """`other - alpha * input`."""
    return sub_(other, _scaled(input, alpha, other))


subtract = sub


def _scaled(x: Any, alpha: float, beside: Any) -> Any:
    """`alpha * x`; a fraction of integers is refused, for their sum would be cut off."""
    if is_one(alpha):
        return x
    kind = kind_of(x, beside)
    if kind == "b":
        return mul(x, bool(alpha))
    if isinstance(alpha, float) and kind != "f":
        raise RuntimeError(f"alpha={alpha} must be an integer for integer tensors: convert them to float first")
    return mul(x, alpha) if hasattr(x, "shape") else x * alpha


# --- products and powers -------------------------------------------------------------------------


@primitive
def mul(xp, input, other):
    """`input * other`, with broadcasting. Bools multiply as a logical and."""
    return xp.multiply(input, other)


mul.vjp(input=lambda g, other: g * other, other=lambda g, input: g * input)
multiply = mul


@primitive(accepts="iuf")
def neg(xp, input):
    """`-input`."""
    return xp.negative(input)


neg.vjp(input=lambda g: -g)
negative = neg


@public
def positive(input: Any) -> Any:
    """`input` itself; bool tensors are refused."""
    if kind_of(input) == "b":
        raise RuntimeError("positive() is not defined for bool tensors: convert them first")
    return input


@primitive
def square(xp, input):
    """`input ** 2`; of bools it is int64, as in PyTorch."""
    return xp.square(input if input.dtype.kind != "b" else input.astype("int64"))


square.vjp(input=lambda g, input: g * (input * 2))


@primitive(dtype="float")
def reciprocal(xp, input):
    """`1 / input`."""
    return 1 / input


reciprocal.vjp(input=lambda g, out: -g * (out * out))


@primitive(dtype="float")
def sqrt(xp, input):
    """The square root; nan where `input` is negative."""
    return xp.sqrt(input)


sqrt.vjp(input=lambda g, out: g / (out * 2))


@primitive(dtype="float")
def rsqrt(xp, input):
    """`1 / sqrt(input)`."""
    return 1 / xp.sqrt(input)


rsqrt.vjp(input=lambda g, out: g * (out * out * out * -0.5))


@primitive
def pow(xp, input, exponent):
    """`input ** exponent`, of which one may be a Python number.

    Integers stay integers: a negative number as exponent is an error then; elements of a negative exponent
    tensor give 0 (1 and -1 to any power are right), as in PyTorch. The gradient at `0 ** 0` is 0 for both.

    >>> import minigrad
    >>> minigrad.pow(minigrad.tensor([1.0, 2.0, 3.0]), 2)
    tensor([1., 4., 9.])
    """
    if isinstance(exponent, _NUMBERS):
        if exponent == 3:
            return input * input * input  # 2.4 us for 8192 elements; NumPy's own takes 50 to 400
        if exponent == -0.5:
            return 1 / xp.sqrt(input)
        if exponent < 0 and input.dtype.kind != "f":
            raise RuntimeError("pow(): integers to negative powers are not integers: convert them to float first")
    elif exponent.dtype.kind != "f":
        return _integer_power(xp, input, exponent)
    return input**exponent


_NUMBERS = (int, float)


def _integer_power(xp: Any, input: Any, exponent: Any) -> Any:
    """Integers to the power of integer arrays; NumPy refuses negative ones, CuPy computes something else."""
    refuse_bools("pow", input, exponent)
    power = xp.power(input, xp.maximum(exponent, 0))
    if exponent.dtype.kind == "u":
        return power
    inverse = (input == 1) + (input == -1) * (1 - 2 * (exponent & 1))  # 0 but for 1 and -1
    return xp.where(exponent < 0, inverse, power).astype(exponent.dtype)


def _pow_input(g, input, exponent):
    if isinstance(exponent, _NUMBERS):
        if exponent == 2:
            return g * (input * 2)
        if exponent == 1:
            return g
        return zeros(g) if exponent == 0 else g * (pow(input, exponent - 1) * exponent)
    return where_(exponent == 0, 0, g * (pow(input, exponent - 1) * exponent))


pow.vjp(input=_pow_input, exponent=lambda g, input, exponent, out: g * (out * log_of_base(input, exponent)))


@primitive
def log_of_base(xp, input, exponent):
    """log(input), but 0 where the power is constantly zero: base 0, exponent not negative."""
    base = input if hasattr(input, "dtype") else xp.asarray(input, dtype=exponent.dtype)
    return select(xp, (base == 0) & (exponent >= 0), 0, xp.log(base))


log_of_base.vjp(
    input=lambda g, input, exponent: where_((input == 0) & (exponent >= 0), 0, g / input),
    exponent=lambda g: zeros(g),
)


@public
def float_power(input: Any, exponent: Any) -> Any:
    """`input ** exponent` computed in float64."""
    wide = [core_ops.cast(x, dtype="float64") if hasattr(x, "shape") else float(x) for x in (input, exponent)]
    return pow(*wide)


# --- sign and size -------------------------------------------------------------------------------


@primitive(differentiable=False)
def zeros(xp, input):
    """Zeros like `input`: the gradient of what is constant between its steps."""
    return xp.zeros_like(input)


@primitive
def sign(xp, input):
    """-1, 0 or 1; 0 for nan, as in PyTorch. The gradient is zero."""
    if input.dtype.kind == "b":
        return input
    return (input > 0).astype(input.dtype) - (input < 0)


sign.vjp(input=lambda g: zeros(g))
sgn = sign


@primitive(accepts="iuf")
def abs(xp, input):
    """The absolute value. Its gradient at 0 is 0."""
    return xp.absolute(input)


abs.vjp(input=lambda g, input: g * sign(input))
absolute = abs


@primitive(dtype="float")
def copysign(xp, input, other):
    """The size of `input` with the sign of `other` (-0.0 counts as negative)."""
    return xp.copysign(input, other)


copysign.vjp(input=lambda g, input, out: g * (sign(input) * sign(out)), other=lambda g: zeros(g))


# --- several inputs ------------------------------------------------------------------------------


@primitive(accepts="f")
def lerp(xp, input, end, weight):
    """`input + weight * (end - input)`: linear interpolation. `weight` is a number or a tensor.

    For a number of 0.5 or more it is computed from the other end, as PyTorch does, so that weight 1 gives
    `end`.
    """
    if isinstance(weight, _NUMBERS) and weight >= 0.5:
        return end - (end - input) * (1 - weight)
    return input + weight * (end - input)


lerp.vjp(
    input=lambda g, weight: g * (1 - weight),
    end=lambda g, weight: g * weight,
    weight=lambda g, input, end: g * (end - input),
)


@primitive
def addcmul(xp, input, tensor1, tensor2, *, value=1):
    """`input + value * tensor1 * tensor2`."""
    product = tensor1 * tensor2
    return input + (product if value == 1 else product * value)


addcmul.vjp(
    input=lambda g: g,
    tensor1=lambda g, tensor2, value: g * (tensor2 * value),
    tensor2=lambda g, tensor1, value: g * (tensor1 * value),
)


@primitive(dtype="float")
def addcdiv(xp, input, tensor1, tensor2, *, value=1):
    """`input + value * tensor1 / tensor2`, always a true division."""
    quotient = tensor1 / tensor2
    return input + (quotient if value == 1 else quotient * value)


addcdiv.vjp(
    input=lambda g: g,
    tensor1=lambda g, tensor2, value: g * value / tensor2,
    tensor2=lambda g, tensor1, tensor2, value: g * (tensor1 * -value) / (tensor2 * tensor2),
)
