"""Filling tensors with starting values, in place: `kaiming_uniform_`, `xavier_normal_`, `orthogonal_`, ...

Each function works outside the graph, takes an optional `generator`, and returns the tensor.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

from .._tensor.creation import empty_like, eye
from .._tensor.sampling import rand, randn
from ..autograd.modes import no_grad
from ..autograd.primitive import wrap
from ..backend.dtypes import float64
from ..backend.library import library
from ..backend.random import Generator

_LINEAR = frozenset(("linear", "sigmoid")) | {f"conv{t}{n}d" for t in ("", "_transpose") for n in (1, 2, 3)}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor on the weights before a nonlinearity that keeps the variance from layer to layer.

    Args:
        nonlinearity: "linear", "sigmoid", "tanh", "relu", "leaky_relu" or "selu".
        param: the negative slope of "leaky_relu" (0.01).

    >>> round(calculate_gain("relu"), 4), calculate_gain("linear")
    (1.4142, 1.0)
    """
    if nonlinearity in _LINEAR:
        return 1.0
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"the negative slope must be a number, got {slope!r}")
        return math.sqrt(2.0 / (1 + slope**2))
    gains = {"tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 3.0 / 4}
    if nonlinearity not in gains:
        raise ValueError(
            f"no gain is known for the nonlinearity {nonlinearity!r}: expected linear, sigmoid, tanh, relu, "
            "leaky_relu or selu"
        )
    return gains[nonlinearity]


@no_grad()
def uniform_(tensor: Any, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Any:
    """Uniform between `a` and `b`."""
    return tensor.uniform_(a, b, generator=generator)


@no_grad()
def normal_(tensor: Any, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Any:
    """Normal."""
    return tensor.normal_(mean, std, generator=generator)


@no_grad()
def constant_(tensor: Any, val: float) -> Any:
    """One number everywhere."""
    return tensor.fill_(val)


def ones_(tensor: Any) -> Any:
    """Ones."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Any) -> Any:
    """Zeros."""
    return constant_(tensor, 0.0)


@no_grad()
def eye_(tensor: Any) -> Any:
    """The identity matrix, for a tensor of two dimensions."""
    if tensor.ndim != 2:
        raise ValueError(f"eye_() fills a tensor of 2 dimensions, got shape {tuple(tensor.shape)}")
    return tensor.copy_(eye(*tensor.shape, dtype=tensor.dtype, device=tensor.device))


@no_grad()
def trunc_normal_(
    tensor: Any,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Any:
    """Normal, but only between `a` and `b`: uniform numbers through the inverse distribution function."""
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            f"trunc_normal_(): the mean {mean} is more than 2 std from [{a}, {b}]: the values may be inexact",
            stacklevel=2,
        )
    low, high = (math.erf((bound - mean) / (std * math.sqrt(2.0))) for bound in (a, b))
    drawn = empty_like(tensor, dtype=float64).uniform_(low, high, generator=generator)
    values = drawn.erfinv() * (std * math.sqrt(2.0)) + mean
    return tensor.copy_(values.clamp(a, b))


def fans(tensor: Any) -> tuple[int, int]:
    """How many inputs an output depends on, and how many outputs an input reaches; weight (out, in, ...)."""
    if tensor.ndim < 2:
        raise ValueError(
            "fan in and fan out need a weight of 2 or more dimensions (outputs, inputs, ...), got shape "
            f"{tuple(tensor.shape)}"
        )
    outputs, inputs, *field = tensor.shape
    return inputs * math.prod(field), outputs * math.prod(field)


def _fan(tensor: Any, mode: str) -> int:
    if mode.lower() not in ("fan_in", "fan_out"):
        raise ValueError(f"mode must be 'fan_in' or 'fan_out', got {mode!r}")
    return fans(tensor)[mode.lower() == "fan_out"]


def _is_empty(tensor: Any) -> bool:
    if 0 in tensor.shape:
        warnings.warn("there is nothing to initialize in a tensor without elements", stacklevel=3)
        return True
    return False


def xavier_uniform_(tensor: Any, gain: float = 1.0, generator: Generator | None = None) -> Any:
    """Uniform with standard deviation gain * sqrt(2 / (fan_in + fan_out)) [Glorot and Bengio 2010]."""
    bound = gain * math.sqrt(6.0 / sum(fans(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Any, gain: float = 1.0, generator: Generator | None = None) -> Any:
    """Normal with standard deviation gain * sqrt(2 / (fan_in + fan_out)) [Glorot and Bengio 2010]."""
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / sum(fans(tensor))), generator)


def kaiming_uniform_(
    tensor: Any,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Any:
    """Uniform with standard deviation gain / sqrt(fan) [He et al. 2015].

    Args:
        a: the negative slope of the leaky ReLU that follows.
        mode: "fan_in" keeps the variance on the way forward, "fan_out" on the way back.
    """
    if _is_empty(tensor):
        return tensor
    bound = calculate_gain(nonlinearity, a) * math.sqrt(3.0 / _fan(tensor, mode))
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Any,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Any:
    """Normal with standard deviation gain / sqrt(fan) [He et al. 2015]. See `kaiming_uniform_`."""
    if _is_empty(tensor):
        return tensor
    return normal_(tensor, 0.0, calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode)), generator)


@no_grad()
def orthogonal_(tensor: Any, gain: float = 1, generator: Generator | None = None) -> Any:
    """A (semi) orthogonal matrix, uniform among all of them [Saxe et al. 2013, Mezzadri 2006].

    Dimensions beyond the first are taken together.
    """
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_() fills a tensor of 2 or more dimensions, got shape {tuple(tensor.shape)}")
    if 0 in tensor.shape:
        return tensor
    rows = tensor.shape[0]
    columns = math.prod(tensor.shape[1:])
    drawn = randn(rows, columns, dtype=tensor.dtype, device=tensor.device, generator=generator)
    tall = (drawn if rows >= columns else drawn.t()).double().array
    # the decomposition is unique, and Q uniform, where the diagonal of R is positive
    q, r = library(tall).linalg.qr(tall)
    q = q * library(tall).sign(r.diagonal())
    return tensor.copy_(wrap((q if rows >= columns else q.T).reshape(tensor.shape)) * gain)


@no_grad()
def sparse_(tensor: Any, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Any:
    """Normal, with the share `sparsity` of each column set to zero [Martens 2010]; for 2 dimensions."""
    if tensor.ndim != 2:
        raise ValueError(f"sparse_() fills a tensor of 2 dimensions, got shape {tuple(tensor.shape)}")
    rows, columns = tensor.shape
    tensor.normal_(0, std, generator=generator)
    order = rand(rows, columns, device=tensor.device, generator=generator).argsort(0)  # each column a permutation
    return tensor.masked_fill_(order < math.ceil(sparsity * rows), 0.0)


def _old_name(function: Callable[..., Any]) -> Callable[..., Any]:
    """PyTorch's name of `function` before 2017, without the underscore; it warns."""
    name = function.__name__[:-1]

    def deprecated(*args: Any, **kwargs: Any) -> Any:
        warnings.warn(f"nn.init.{name} is an old name: use nn.init.{name}_", FutureWarning, stacklevel=2)
        return function(*args, **kwargs)

    deprecated.__name__ = name
    deprecated.__doc__ = f"The old name of `{name}_`."
    return deprecated


uniform = _old_name(uniform_)
normal = _old_name(normal_)
constant = _old_name(constant_)
xavier_uniform = _old_name(xavier_uniform_)
xavier_normal = _old_name(xavier_normal_)
kaiming_uniform = _old_name(kaiming_uniform_)
kaiming_normal = _old_name(kaiming_normal_)
orthogonal = _old_name(orthogonal_)
sparse = _old_name(sparse_)

__all__ = [
    "calculate_gain", "constant", "constant_", "eye_", "kaiming_normal", "kaiming_normal_", "kaiming_uniform",
    "kaiming_uniform_", "normal", "normal_", "ones_", "orthogonal", "orthogonal_", "sparse", "sparse_",
    "trunc_normal_", "uniform", "uniform_", "xavier_normal", "xavier_normal_", "xavier_uniform",
    "xavier_uniform_", "zeros_",
]  # fmt: skip
