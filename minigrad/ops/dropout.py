"""Dropout: random factors, drawn first and then multiplied with the input as with any other tensor.

The product is the recorded operation and the factors one of its inputs, so a recorded step can draw them anew.
"""

from __future__ import annotations

from typing import Any

from ..autograd.operands import array_of
from ..autograd.public import public
from ..backend.devices import device_of
from ..backend.dtypes import float32
from ..backend.library import library
from ..backend.random import Generator, default_generator
from .arithmetic import mul

__all__ = ["alpha_dropout", "dropout", "feature_alpha_dropout", "feature_dropout"]

_ALPHA = 1.7580993408473766  # SELU's scale times its alpha: minus the value that it tends to for small inputs


def kept(input: Any, p: float, features: bool, generator: Generator | None) -> Any:
    """A bool array, False with probability `p`: for each element, or for each of the first two dimensions."""
    array = array_of(input)
    if array.dtype.kind != "f":
        raise RuntimeError(f"dropout takes floating point numbers, got {array.dtype}: convert them first")
    if features and array.ndim < 2:
        raise RuntimeError(f"feature dropout takes 2 dimensions or more (batch, channel), got {array.ndim}")
    shape = array.shape[:2] + (1,) * (array.ndim - 2) if features else array.shape
    source = default_generator(device_of(array)) if generator is None else generator
    return source.uniform(shape, array.dtype if array.dtype.itemsize > 2 else float32.dtype) >= p


def check_probability(p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _dropout(input: Any, p: float, training: bool, features: bool, generator: Generator | None) -> Any:
    check_probability(p)
    if not training or p == 0:
        return input
    mask = kept(input, p, features, generator)
    xp = library(mask)
    dtype = array_of(input).dtype
    return mul(input, xp.multiply(mask, 1 / (1 - p) if p < 1 else 0, dtype=dtype))


@public
def dropout(input: Any, p: float = 0.5, training: bool = True, *, generator: Generator | None = None) -> Any:
    """Each element 0 with probability `p`, else divided by 1 - p; outside training the input itself.

    [Srivastava et al. 2014, JMLR 15]

    Raises:
        ValueError: p outside [0, 1].

    >>> import minigrad
    >>> dropout(minigrad.ones(3), p=1.0), dropout(minigrad.ones(3), training=False)
    (tensor([0., 0., 0.]), tensor([1., 1., 1.]))
    """
    return _dropout(input, p, training, False, generator)


@public
def feature_dropout(input: Any, p: float = 0.5, training: bool = True, *, generator: Generator | None = None) -> Any:
    """`dropout` of whole channels: shape (N, C, *), one draw for each of the N * C."""
    return _dropout(input, p, training, True, generator)


def _alpha_dropout(input: Any, p: float, training: bool, features: bool, generator: Generator | None) -> Any:
    check_probability(p)
    if not training or p == 0:
        return input
    if p == 1:
        return input * 0
    mask = kept(input, p, features, generator)
    xp = library(mask)
    dtype = array_of(input).dtype
    scale = ((_ALPHA**2 * p + 1) * (1 - p)) ** -0.5
    factor = xp.multiply(mask, scale, dtype=dtype)
    return mul(input, factor) + (factor * _ALPHA + (scale * _ALPHA * (p - 1)))


@public
def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, *, generator: Generator | None = None) -> Any:
    """Dropout that keeps mean 0 and variance 1, for layers with `selu`: dropped elements take its lower limit.

    [Klambauer et al. 2017, arXiv:1706.02515]
    """
    return _alpha_dropout(input, p, training, False, generator)


@public
def feature_alpha_dropout(
    input: Any, p: float = 0.5, training: bool = False, *, generator: Generator | None = None
) -> Any:
    """`alpha_dropout` of whole channels."""
    return _alpha_dropout(input, p, training, True, generator)
