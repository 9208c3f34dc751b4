"""The few operations that the engine itself uses: adding gradients up, copying them, and fitting them to shapes and
dtypes."""

from __future__ import annotations

from typing import Any

from .primitive import primitive


@primitive
def add(xp, input, other):
    """Sum of two tensors, with broadcasting."""
    return xp.add(input, other)


add.vjp(input=lambda g: g, other=lambda g: g)


@primitive(dtype="keep")
def sum_to(xp, input, *, shape):
    """`input` summed over the dimensions along which `shape` was broadcast to it."""
    extra = input.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(k + extra for k, n in enumerate(shape) if n == 1 and input.shape[k + extra] != 1)
    summed = xp.add.reduce(input, axis=axes, dtype=input.dtype) if axes else input
    return summed.reshape(shape)


sum_to.vjp(input=lambda g, shape_of_input: expand(g, shape=shape_of_input))


@primitive(dtype="keep", view=True)
def expand(xp, input, *, shape):
    """`input` repeated to `shape` without copying."""
    return xp.broadcast_to(input, shape)


expand.vjp(input=lambda g, shape_of_input: sum_to(g, shape=shape_of_input))


@primitive(dtype="keep")
def cast(xp, input, *, dtype):
    """`input` converted to a NumPy dtype. The engine casts the gradient back."""
    return input.astype(dtype)


cast.vjp(input=lambda g: g)


@primitive
def clone(xp, input):
    """A copy, through which the gradient passes."""
    return input.copy()


clone.vjp(input=lambda g: g)


@primitive(dtype="keep")
def alias(xp, input):
    """The same array with a node of its own."""
    return input


alias.vjp(input=lambda g: g)


def fit(gradient: Any, shape: tuple[int, ...]) -> Any:
    """A gradient brought to the shape of its input: summed where that was broadcast, repeated where it is smaller."""
    have = gradient.shape
    if len(have) >= len(shape) and all(
        n == m or n == 1 for n, m in zip(shape, have[len(have) - len(shape) :], strict=True)
    ):
        return sum_to(gradient, shape=shape)
    return expand(gradient, shape=shape)
