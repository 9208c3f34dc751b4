"""Dense layers: `linear` (x Wᵀ + b) as one operation with its gradients, and `bilinear`.

The three primitives below differentiate into each other, so gradients of any order come from the same few lines.
Measured (NumPy 2.4, one thread, float32):

- the product with the transposed view: `x.dot(w.T)` takes 12.0 us for 64x64 by 64x128 (`x @ w.T` the same), and
  3.3 us against 4.6 for 64x128 by 128x10; a copy of the transpose would cost 3 us more;
- the bias gradient, a sum over rows: `ones.dot(g)` with the ones made on the spot 1.3 us for 64x128, 6.0 for
  256x512; `add.reduce(g, 0)` 2.1 and 11 us; `einsum` 2.5 and 13 us.
"""

from __future__ import annotations

import math
from typing import Any

from ..autograd.core_ops import expand
from ..autograd.primitive import primitive
from ..autograd.public import public
from .shape import reshape, unsqueeze

__all__ = ["bilinear", "linear"]


@primitive(dtype="same")
def linear(xp, input, weight, bias=None):
    """`input` Wᵀ + `bias`: a layer of neurons.

    Args:
        input: shape (*, in_features), * any number of dimensions.
        weight: (out_features, in_features), or (in_features,) for one output without a dimension of its own.
        bias: (out_features,), or None.

    Returns:
        shape (*, out_features), the inputs' dtype, which must be one and the same.

    Raises:
        RuntimeError: shapes that do not fit, or different dtypes.

    >>> import minigrad
    >>> linear(minigrad.tensor([1.0, 2.0]), minigrad.tensor([[3.0, 4.0]]), minigrad.tensor([0.5]))
    tensor([11.5000])
    """
    if weight.ndim > 2 or (bias is not None and bias.ndim > 1):
        raise _misfit(input, weight, bias)  # these would broadcast, and the rules below would not know
    try:
        if input.ndim == 2:
            out = input.dot(weight.T)
        else:
            out = _rows(input).dot(weight.T).reshape(input.shape[:-1] + weight.shape[:-1])
        if bias is not None:
            out += bias
    except (ValueError, TypeError, IndexError) as error:
        raise _misfit(input, weight, bias) from error
    return out


def _rows(x):
    """`x` as a matrix with the same last dimension."""
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def _misfit(input, weight, bias):
    """The error for shapes that do not fit."""
    return RuntimeError(
        "linear() takes an input (*, in_features), a weight (out_features, in_features) and a bias (out_features,); "
        f"got {', '.join(str(tuple(x.shape)) for x in (input, weight, bias) if x is not None)}"
    )


@primitive(dtype="keep")
def linear_input(xp, grad, weight):
    """The gradient of `linear` for its input: `grad` (*, out_features) times `weight`."""
    if grad.ndim == 2 and weight.ndim == 2:
        return grad.dot(weight)
    if weight.ndim == 1:
        return grad[..., None] * weight
    return _rows(grad).dot(weight).reshape(grad.shape[:-1] + weight.shape[1:])


@primitive(dtype="keep")
def linear_weight(xp, grad, input):
    """The gradient of `linear` for its weight: `grad`ᵀ `input`, over all rows."""
    if grad.ndim == 2 and input.ndim == 2:
        return grad.T.dot(input)
    rows = _rows(input)
    return (grad.reshape(-1) if grad.ndim < input.ndim else _rows(grad).T).dot(rows)


@primitive(dtype="keep")
def column_sum(xp, input):
    """The sum over all dimensions but the last."""
    rows = input if input.ndim == 2 else _rows(input) if input.ndim else input.reshape(1, 1)
    return xp.ones(rows.shape[0], input.dtype).dot(rows)


linear.vjp(
    input=lambda g, weight: linear_input(g, weight),
    weight=lambda g, input: linear_weight(g, input),
    bias=lambda g: column_sum(g),
)
linear_input.vjp(
    grad=lambda g, weight: linear(g, weight),
    weight=lambda g, grad: linear_weight(grad, g),
)
linear_weight.vjp(
    grad=lambda g, input: linear(input, g),
    input=lambda g, grad: linear_input(grad, g),
)
column_sum.vjp(input=lambda g, shape_of_input: expand(g, shape=shape_of_input))


@public
def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """`input1`ᵀ W_k `input2` + bias_k for each output k: `linear` over all products of one feature with another.

    Args:
        input1: shape (*, in1_features).
        input2: (*, in2_features), with the same dimensions before the last.
        weight: (out_features, in1_features, in2_features).
        bias: (out_features,), or None.

    Returns:
        shape (*, out_features).
    """
    if (
        weight.ndim != 3
        or not input1.ndim
        or input1.shape[:-1] != input2.shape[:-1]
        or (input1.shape[-1], input2.shape[-1]) != tuple(weight.shape[1:])
    ):
        raise RuntimeError(
            "bilinear() takes inputs (*, in1_features) and (*, in2_features) and a weight (out_features, in1_features, "
            f"in2_features); got {tuple(input1.shape)}, {tuple(input2.shape)} and {tuple(weight.shape)}"
        )
    products = unsqueeze(input1, -1) * unsqueeze(input2, -2)
    pairs = weight.shape[1] * weight.shape[2]
    return linear(reshape(products, (*input1.shape[:-1], pairs)), reshape(weight, (weight.shape[0], pairs)), bias)
