"""Softmax and its logarithm along one dimension, computed from the largest element so that nothing overflows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autograd.core_ops import cast
from ..autograd.primitive import primitive
from ..autograd.public import public
from ..backend.dtypes import numpy_dtype
from .dims import one_dim
from .elementwise import exp
from .reduction import sum_
from .shape import reshape_

__all__ = ["log_softmax", "softmax", "softmin"]


def _below_largest(input: Any, dim: int) -> Any:
    """`input` less its largest element along `dim`: a new array, float32 for float16 as in PyTorch."""
    wide = input.astype("float32") if input.dtype.itemsize == 2 else input
    return wide - wide.max(axis=dim, keepdims=True)


@primitive(dtype="keep", accepts="f")
def softmax_(xp, input, *, dim):
    """exp(input), divided by its sum along `dim`."""
    if not input.size:
        return input.copy()
    out = _below_largest(input, dim)
    xp.exp(out, out)
    out /= xp.add.reduce(out, axis=dim, keepdims=True)
    return out.astype(input.dtype, copy=False)


softmax_.vjp(input=lambda g, out, dim: softmax_input(g, out, dim=dim))


def softmax_input(g: Any, out: Any, dim: int) -> Any:
    """The gradient of softmax for its input: each output's share, less the mean of all under the distribution."""
    shares = g * out
    return shares - out * sum_(shares, dim=dim, keepdim=True)


@primitive(dtype="keep", accepts="f")
def log_softmax_(xp, input, *, dim):
    """The logarithm of softmax along `dim`."""
    if not input.size:
        return input.copy()
    out = _below_largest(input, dim)
    out -= xp.log(xp.add.reduce(xp.exp(out), axis=dim, keepdims=True))
    return out.astype(input.dtype, copy=False)


log_softmax_.vjp(input=lambda g, out, dim: g - exp(out) * sum_(g, dim=dim, keepdim=True))


def _along(operation: Callable[..., Any], input: Any, dim: int, dtype: Any) -> Any:
    if dtype is not None:
        input = cast(input, dtype=numpy_dtype(dtype))
    dim = one_dim(dim, input.ndim)
    if input.ndim:
        return operation(input, dim=dim)
    return reshape_(operation(reshape_(input, shape=(1,)), dim=0), shape=())


@public
def softmax(input: Any, dim: int, dtype: Any = None) -> Any:
    """exp(input), divided by its sum along `dim`: positive numbers that sum to 1.

    Args:
        input: floating point, any shape; `dtype` converts it first.
        dim: the dimension along which the results sum to 1.

    Raises:
        IndexError: there is no such dimension.
        NotImplementedError: integers, unless `dtype` converts them.

    >>> import minigrad
    >>> softmax(minigrad.tensor([0.0, 0.0, 1000.0]), dim=0)
    tensor([0., 0., 1.])
    """
    return _along(softmax_, input, dim, dtype)


@public
def log_softmax(input: Any, dim: int, dtype: Any = None) -> Any:
    """log(softmax(input, dim)), without loss of the small ones.

    >>> import minigrad
    >>> log_softmax(minigrad.tensor([0.0, 1000.0]), dim=0)
    tensor([-1000.,     0.])
    """
    return _along(log_softmax_, input, dim, dtype)


@public
def softmin(input: Any, dim: int, dtype: Any = None) -> Any:
    """softmax(-input, dim): the smallest element gets the most."""
    return _along(softmax_, -input, dim, dtype)
