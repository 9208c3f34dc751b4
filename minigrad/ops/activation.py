"""Activation functions: `relu`, `elu`, `gelu`, `silu`, `softplus`, `hardtanh`, `prelu`, `glu` ...

`sigmoid` and `tanh` are in `elementwise.py`. Apart from `relu`, `relu6`, `hardtanh` and `threshold`, which
take integers too, they are for floating point tensors. Numbers such as `negative_slope` are constants without
a gradient; the weight of `prelu` is a tensor and has one.
"""

from __future__ import annotations

import math
from typing import Any

from ..autograd.operands import array_of
from ..autograd.primitive import primitive
from ..autograd.public import public
from ..backend.devices import device_of
from ..backend.kernels import positive_part
from ..backend.random import default_generator
from ..backend.selection import select
from ..backend.special import erf as erf_of_array
from .arithmetic import abs, mul
from .comparison import where_
from .elementwise import exp, sigmoid, tanh
from .indexing import getitem_
from .kinds import kind_of
from .special import erf

__all__ = [
    "celu", "elu", "gelu", "glu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu",
    "logsigmoid", "mish", "prelu", "relu", "relu6", "rrelu", "selu", "silu", "softplus", "softshrink",
    "softsign", "tanhshrink", "threshold",
]  # fmt: skip

# --- pieces of straight lines --------------------------------------------------------------------


@primitive(accepts="iuf")
def relu(xp, input):
    """`max(input, 0)`. The gradient at 0 is 0.

    >>> import minigrad
    >>> minigrad.relu(minigrad.tensor([-1.0, 0.0, 2.0]))
    tensor([0., 0., 2.])
    """
    return positive_part(xp, input)


relu.vjp(input=lambda g, out: g * (out > 0))


@primitive(accepts="f")
def leaky_relu(xp, input, negative_slope=0.01):
    """`input` where it is positive, `negative_slope * input` elsewhere."""
    return select(xp, input > 0, input, input * negative_slope)


leaky_relu.vjp(input=lambda g, input, negative_slope: where_(input > 0, g, g * negative_slope))


@primitive
def prelu_(xp, input, weight):
    """`prelu` with the weight in a shape that broadcasts."""
    return select(xp, input > 0, input, input * weight)


prelu_.vjp(
    input=lambda g, input, weight: where_(input > 0, g, g * weight),
    weight=lambda g, input: where_(input > 0, 0, g * input),
)


@public
def prelu(input: Any, weight: Any) -> Any:
    """`input` where it is positive, `weight * input` elsewhere, with a learned weight.

    `weight` holds one number, or one for each channel (dimension 1 of `input`).
    """
    if weight.ndim > 1:
        raise RuntimeError(f"prelu() needs a weight of one dimension, got {weight.ndim}")
    count = weight.shape[0] if weight.ndim else 1
    if count == 1:
        return prelu_(input, weight.reshape(()))
    channels = 1 if input.ndim < 2 else input.shape[1]
    if count != channels:
        raise RuntimeError(f"prelu() got a weight of {count} numbers for {channels} channels (dimension 1)")
    return prelu_(input, weight.reshape((count,) + (1,) * (input.ndim - 2)))


@public
def rrelu(input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, generator: Any = None) -> Any:
    """`leaky_relu` with the slope between `lower` and `upper`: their mean, or in training a random one each
    time."""
    if lower > upper:
        raise RuntimeError(f"rrelu() needs lower <= upper, got {lower} and {upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2)
    array = array_of(input)
    source = generator or default_generator(device_of(array))
    return prelu_(input, source.uniform(array.shape, array.dtype) * (upper - lower) + lower)


@primitive(accepts="iuf")
def hardtanh_(xp, input, min_val, max_val):
    """The computation of `hardtanh`."""
    return xp.minimum(xp.maximum(input, min_val), max_val)


hardtanh_.vjp(
    input=lambda g, input, min_val, max_val: where_((input <= min_val) | (input >= max_val), 0, g),
)


@public
def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """`input` limited to [min_val, max_val]. As `clamp`, but the gradient on the limits is 0."""
    if min_val > max_val:
        raise ValueError(f"hardtanh() needs min_val <= max_val, got {min_val} and {max_val}")
    if min_val < 0 and kind_of(input) == "u":
        raise RuntimeError("hardtanh() with a negative limit is for signed tensors: convert it first")
    return hardtanh_(input, *(int(v) if v == math.trunc(v) else v for v in (min_val, max_val)))


@public
def relu6(input: Any) -> Any:
    """`min(max(input, 0), 6)`."""
    return hardtanh_(input, 0, 6)


@primitive(accepts="f")
def hardsigmoid(xp, input):
    """`min(max(input + 3, 0), 6) / 6`: a sigmoid of straight lines."""
    return xp.minimum(xp.maximum(input + 3, 0), 6) / 6


hardsigmoid.vjp(input=lambda g, input: where_((input > -3) & (input < 3), g / 6, 0))


@primitive(accepts="f")
def hardswish(xp, input):
    """`input * hardsigmoid(input)`."""
    return input * (xp.minimum(xp.maximum(input + 3, 0), 6) / 6)


hardswish.vjp(
    input=lambda g, input: where_(input <= -3, 0, where_(input < 3, g * (input / 3 + 0.5), g)),
)


@primitive
def threshold(xp, input, threshold, value):
    """`input` where it is above `threshold`, `value` elsewhere."""
    return select(xp, input <= threshold, value, input)


threshold.vjp(input=lambda g, input, threshold: where_(input <= threshold, 0, g))


@primitive(accepts="f")
def hardshrink(xp, input, lambd=0.5):
    """`input`, but 0 within [-lambd, lambd]."""
    return select(xp, (input >= -lambd) & (input <= lambd), 0, input)


hardshrink.vjp(input=lambda g, input, lambd: where_((input >= -lambd) & (input <= lambd), 0, g))


@primitive(accepts="f")
def softshrink(xp, input, lambd=0.5):
    """`input` moved towards 0 by `lambd`, and 0 within [-lambd, lambd]."""
    if lambd < 0:
        raise RuntimeError(f"softshrink() needs lambd of at least 0, got {lambd}")
    return input - xp.minimum(xp.maximum(input, -lambd), lambd)


softshrink.vjp(input=lambda g, input, lambd: where_((input >= -lambd) & (input <= lambd), 0, g))

# --- exponential below zero ----------------------------------------------------------------------


@primitive(accepts="f")
def elu_(xp, input, *, alpha, scale=1.0, stretch=1.0):
    """`scale * input` above 0, `scale * alpha * (exp(stretch * input) - 1)` below: elu, selu and celu."""
    low = xp.minimum(input, 0)
    low = xp.expm1(low if stretch == 1 else low * stretch) * (scale * alpha)
    high = xp.maximum(input, 0)
    return low + (high if scale == 1 else high * scale)


@primitive
def exp_below(xp, input, *, stretch):
    """`exp(stretch * input)` where `input` is not positive, 0 above."""
    return select(xp, input > 0, 0, xp.exp(xp.minimum(input, 0) * stretch))


elu_.vjp(
    input=lambda g, input, alpha, scale, stretch: where_(
        input > 0, g * scale, g * (exp_below(input, stretch=stretch) * (scale * alpha * stretch))
    )
)
exp_below.vjp(input=lambda g, out, stretch: g * (out * stretch))


@public
def elu(input: Any, alpha: float = 1.0) -> Any:
    """`input` above 0, `alpha * (exp(input) - 1)` below [Clevert et al. 2015, arXiv:1511.07289]."""
    return elu_(input, alpha=alpha)


@public
def selu(input: Any) -> Any:
    """`elu` scaled so that layers keep mean 0 and variance 1 [Klambauer et al. 2017, arXiv:1706.02515]."""
    return elu_(input, alpha=1.6732632423543772848170429916717, scale=1.0507009873554804934193349852946)


@public
def celu(input: Any, alpha: float = 1.0) -> Any:
    """`input` above 0, `alpha * (exp(input / alpha) - 1)` below [Barron 2017, arXiv:1704.07483]."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: celu() needs an alpha other than 0")
    return elu_(input, alpha=alpha, stretch=1 / alpha)


# --- smooth ones ---------------------------------------------------------------------------------


@primitive(accepts="f")
def gelu_(xp, input):
    """`input` times the probability that a standard normal number is below it."""
    return (erf_of_array(xp, xp.asarray(input * math.sqrt(0.5))) + 1) * (input * 0.5)


gelu_.vjp(
    input=lambda g, input: (
        g
        * ((erf(input * math.sqrt(0.5)) + 1) * 0.5 + input * (exp(input * input * -0.5) * (1 / math.sqrt(2 * math.pi))))
    )
)

_GELU_SLOPE, _GELU_CUBE = math.sqrt(2 / math.pi), 0.044715


@primitive(accepts="f")
def gelu_tanh(xp, input):
    """The approximation of `gelu` by tanh."""
    inner = (input * input * _GELU_CUBE + 1) * input * _GELU_SLOPE
    return (xp.tanh(inner) + 1) * (input * 0.5)


def _gelu_tanh_input(g, input):
    square = input * input
    t = tanh((square * _GELU_CUBE + 1) * input * _GELU_SLOPE)
    inner_slope = square * (3 * _GELU_CUBE * _GELU_SLOPE) + _GELU_SLOPE
    return g * ((t + 1) * 0.5 + input * (1 - t * t) * inner_slope * 0.5)


gelu_tanh.vjp(input=_gelu_tanh_input)


@public
def gelu(input: Any, approximate: str = "none") -> Any:
    """`input` times the standard normal distribution function of it [Hendrycks and Gimpel 2016,
    arXiv:1606.08415].

    `approximate="tanh"` takes the paper's approximation by tanh instead.
    """
    if approximate == "none":
        return gelu_(input)
    if approximate == "tanh":
        return gelu_tanh(input)
    raise RuntimeError(f"gelu(approximate=...) is 'none' or 'tanh', got {approximate!r}")


@primitive(accepts="f")
def silu(xp, input):
    """`input * sigmoid(input)`, also called swish."""
    out = xp.exp(-input)
    out += 1
    return input / out


def _silu_input(g, input):
    s = sigmoid(input)
    return g * (s + input * (s - s * s))


silu.vjp(input=_silu_input)


def log1p_exp_of_array(xp: Any, x: Any) -> Any:
    """`log(1 + exp(x))` without overflow."""
    return xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.absolute(x)))


@primitive(accepts="f")
def log1p_exp(xp, input):
    """`softplus` with beta 1 and no threshold."""
    return log1p_exp_of_array(xp, input)


log1p_exp.vjp(input=lambda g, input: g * sigmoid(input))


@primitive(accepts="f")
def mish(xp, input):
    """`input * tanh(softplus(input))` [Misra 2019, arXiv:1908.08681]."""
    return input * xp.tanh(log1p_exp_of_array(xp, input))


def _mish_input(g, input):
    t = tanh(log1p_exp(input))
    return g * (t + input * ((1 - t * t) * sigmoid(input)))


mish.vjp(input=_mish_input)


@primitive(accepts="f")
def logsigmoid(xp, input):
    """`log(sigmoid(input))` without overflow."""
    return -log1p_exp_of_array(xp, -input)


logsigmoid.vjp(input=lambda g, input: g * sigmoid(-input))


@primitive(accepts="f")
def softplus_(xp, input, *, beta, threshold):
    """The computation of `softplus`."""
    scaled = input * beta
    return select(xp, scaled > threshold, input, log1p_exp_of_array(xp, scaled) / beta)


softplus_.vjp(
    input=lambda g, input, beta, threshold: where_(input * beta > threshold, g, g * sigmoid(input * beta)),
)


@public
def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """`log(1 + exp(beta * input)) / beta`, and `input` itself where `beta * input` is above `threshold`."""
    return softplus_(input, beta=beta, threshold=threshold)


@primitive(dtype="float")
def softsign(xp, input):
    """`input / (1 + |input|)`."""
    return input / (xp.absolute(input) + 1)


def _softsign_input(g, input):
    size = abs(input) + 1
    return g / (size * size)


softsign.vjp(input=_softsign_input)


@primitive(dtype="float")
def tanhshrink(xp, input):
    """`input - tanh(input)`."""
    return input - xp.tanh(input)


def _tanhshrink_input(g, input):
    t = tanh(input)
    return g * (t * t)


tanhshrink.vjp(input=_tanhshrink_input)


@public
def glu(input: Any, dim: int = -1) -> Any:
    """The first half of `input` along `dim`, times the sigmoid of the second [Dauphin et al. 2016,
    arXiv:1612.08083]."""
    n = input.ndim
    if n == 0:
        raise RuntimeError("glu() needs a dimension to halve, got a single number")
    if not -n <= dim < n:
        raise IndexError(f"glu() got dim={dim} for {n} dimensions: it must be from {-n} to {n - 1}")
    size = input.shape[dim]
    if size % 2:
        raise RuntimeError(f"glu() needs an even size along dim={dim}, got {size}")
    before = (slice(None),) * (dim % n)
    halves = (slice(0, size // 2), slice(size // 2, size))
    value, gate = (getitem_(input, key=(*before, half)) for half in halves)
    return mul(value, sigmoid(gate))
