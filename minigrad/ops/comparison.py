"""Compare tensors: `eq`, `lt`, `isclose`, `logical_and` ... give bool tensors, and `where` chooses by one.

Only `where` has a gradient. Everything broadcasts, and takes Python numbers beside tensors; numbers of
different dtypes are compared in their common dtype, as in PyTorch.
"""

from __future__ import annotations

from typing import Any

from ..autograd.node import TensorBase
from ..autograd.primitive import primitive
from ..autograd.public import public
from ..backend.selection import select
from .gathering import nonzero

__all__ = [
    "allclose", "eq", "equal", "ge", "greater", "greater_equal", "gt", "isclose", "isfinite", "isinf",
    "isnan", "isneginf", "isposinf", "le", "less", "less_equal", "logical_and", "logical_not", "logical_or",
    "logical_xor", "lt", "ne", "not_equal", "signbit", "where",
]  # fmt: skip


@primitive(differentiable=False)
def eq(xp, input, other):
    """True where `input == other`."""
    return xp.equal(input, other)


@primitive(differentiable=False)
def ne(xp, input, other):
    """True where `input != other`; nan differs from everything, itself too."""
    return xp.not_equal(input, other)


@primitive(differentiable=False)
def lt(xp, input, other):
    """True where `input < other`."""
    return xp.less(input, other)


@primitive(differentiable=False)
def le(xp, input, other):
    """True where `input <= other`."""
    return xp.less_equal(input, other)


@primitive(differentiable=False)
def gt(xp, input, other):
    """True where `input > other`."""
    return xp.greater(input, other)


@primitive(differentiable=False)
def ge(xp, input, other):
    """True where `input >= other`."""
    return xp.greater_equal(input, other)


not_equal, less, less_equal, greater, greater_equal = ne, lt, le, gt, ge


@primitive(differentiable=False)
def isnan(xp, input):
    """True where an element is nan."""
    return xp.not_equal(input, input)


@primitive(differentiable=False)
def isfinite(xp, input):
    """True where an element is neither nan nor infinite."""
    return xp.isfinite(input)


@primitive(differentiable=False)
def isinf(xp, input):
    """True where an element is inf or -inf."""
    return xp.isinf(input)


@primitive(differentiable=False)
def isposinf(xp, input):
    """True where an element is inf."""
    return xp.equal(input, float("inf"))


@primitive(differentiable=False)
def isneginf(xp, input):
    """True where an element is -inf."""
    return xp.equal(input, float("-inf"))


@primitive(differentiable=False)
def signbit(xp, input):
    """True where an element is negative, -0.0 included."""
    return xp.signbit(input) if input.dtype.kind == "f" else xp.less(input, 0)


@primitive(dtype="keep", differentiable=False)
def logical_not(xp, input):
    """True where an element is zero."""
    return xp.logical_not(input)


@primitive(dtype="keep", differentiable=False)
def logical_and(xp, input, other):
    """True where both are nonzero."""
    return xp.logical_and(input, other)


@primitive(dtype="keep", differentiable=False)
def logical_or(xp, input, other):
    """True where one or both are nonzero."""
    return xp.logical_or(input, other)


@primitive(dtype="keep", differentiable=False)
def logical_xor(xp, input, other):
    """True where one of the two is nonzero, not both."""
    return xp.logical_xor(input, other)


@primitive(differentiable=False)
def close(xp, input, other, *, rtol, atol, equal_nan):
    """The comparison of `isclose`."""
    return xp.isclose(input, other, rtol=rtol, atol=atol, equal_nan=equal_nan)


@public
def isclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
    """True where `|input - other| <= atol + rtol * |other|`, and where both are the same infinity.

    Two tensors must have one dtype, as in PyTorch: a tolerance means little between float32 and float64.

    >>> import minigrad
    >>> minigrad.isclose(minigrad.tensor([1.0, 2.0]), minigrad.tensor([1.0, 2.1]))
    tensor([ True, False])
    """
    if rtol < 0 or atol < 0:
        raise RuntimeError(f"isclose() needs rtol and atol of at least zero, got {rtol} and {atol}")
    if isinstance(input, TensorBase) and isinstance(other, TensorBase) and input.array.dtype != other.array.dtype:
        raise RuntimeError(
            f"isclose() compares tensors of one dtype, got {input.array.dtype} and {other.array.dtype}: "
            "convert one with .to(dtype) first"
        )
    return close(input, other, rtol=rtol, atol=atol, equal_nan=equal_nan)


@public
def allclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """True if `isclose` holds everywhere; a Python bool."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


@public
def equal(input: Any, other: Any) -> bool:
    """True if both have the same shape and the same elements; a Python bool. nan is not equal to nan."""
    if not (hasattr(input, "shape") and hasattr(other, "shape")):
        raise TypeError(f"equal() compares two tensors, got {type(input).__name__} and {type(other).__name__}")
    return tuple(input.shape) == tuple(other.shape) and bool(eq(input, other).all())


@primitive(fixed=("condition",))
def where_(xp, condition, input, other):
    """The choice of `where`."""
    if isinstance(condition, bool):  # NumPy compares 0-d arrays to a scalar
        condition = xp.asarray(condition)
    if condition.dtype.kind != "b":
        if condition.dtype != "uint8":
            raise RuntimeError(f"where() needs a bool tensor as condition, got {condition.dtype}: compare it first")
        condition = condition.astype(bool)
    return select(xp, condition, input, other)


where_.vjp(
    input=lambda g, condition: where_(condition, g, 0),
    other=lambda g, condition: where_(condition, 0, g),
)


@public
def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """`input` where `condition` is True, `other` elsewhere; the three broadcast.

    `input` and `other` may be numbers; they are promoted to one dtype. A gradient goes only to the element
    that was chosen, so that nan and inf in the other stay out of it. With a condition alone: its nonzero
    indices, a tensor for each dimension.

    >>> import minigrad
    >>> x = minigrad.tensor([-1.0, 2.0])
    >>> minigrad.where(x > 0, x, 0)
    tensor([0., 2.])
    """
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    if input is None or other is None:
        raise TypeError("where() takes a condition alone, or a condition and two values")
    return where_(condition, input, other)
