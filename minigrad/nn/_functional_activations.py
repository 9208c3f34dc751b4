"""Activations under PyTorch's signatures in `nn.functional`: with `inplace`, and softmax without `dim`."""

from __future__ import annotations

import warnings
from typing import Any

from .._tensor.inplace import in_place
from ..autograd.node import TensorBase
from ..autograd.operands import array_of
from ..autograd.primitive import wrap
from ..backend.devices import device_of
from ..backend.random import default_generator
from ..ops import activation, maxima
from ..ops import softmax as softmaxes
from ..ops.activation import gelu, glu, hardshrink, logsigmoid, prelu, softplus, softshrink, softsign, tanhshrink
from ..ops.dims import one_dim
from ..ops.elementwise import log, sigmoid, tanh
from ..ops.embedding import one_hot
from ..ops.shape import movedim
from ._functional_common import applied

__all__ = [
    "celu", "celu_", "elu", "elu_", "gelu", "glu", "gumbel_softmax", "hardshrink", "hardsigmoid", "hardswish",
    "hardtanh", "hardtanh_", "leaky_relu", "leaky_relu_", "log_softmax", "logsigmoid", "mish", "prelu", "relu",
    "relu6", "relu_", "rrelu", "rrelu_", "selu", "selu_", "sigmoid", "silu", "softmax", "softmin", "softplus",
    "softshrink", "softsign", "tanh", "tanhshrink", "threshold", "threshold_",
]  # fmt: skip

celu_ = in_place(activation.celu)
elu_ = in_place(activation.elu)
hardtanh_ = in_place(activation.hardtanh)
leaky_relu_ = in_place(activation.leaky_relu)
relu_ = in_place(activation.relu)
rrelu_ = in_place(activation.rrelu)
selu_ = in_place(activation.selu)
threshold_ = in_place(activation.threshold)


def relu(input: Any, inplace: bool = False) -> Any:
    """`max(input, 0)`.

    >>> import minigrad
    >>> relu(minigrad.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return applied(activation.relu, True, input) if inplace else activation.relu(input)


def relu6(input: Any, inplace: bool = False) -> Any:
    """`min(max(input, 0), 6)`."""
    return applied(activation.relu6, inplace, input)


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    """`input` where it is positive, `negative_slope * input` elsewhere."""
    return applied(activation.leaky_relu, inplace, input, negative_slope)


def rrelu(
    input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False
) -> Any:
    """`leaky_relu` with slopes between `lower` and `upper`: random ones in training, else their mean."""
    return applied(activation.rrelu, inplace, input, lower, upper, training)


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """`input` above 0, `alpha * (exp(input) - 1)` below."""
    return applied(activation.elu, inplace, input, alpha)


def selu(input: Any, inplace: bool = False) -> Any:
    """`elu` scaled so that layers keep mean 0 and variance 1."""
    return applied(activation.selu, inplace, input)


def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """`input` above 0, `alpha * (exp(input / alpha) - 1)` below."""
    return applied(activation.celu, inplace, input, alpha)


def silu(input: Any, inplace: bool = False) -> Any:
    """`input * sigmoid(input)`."""
    return applied(activation.silu, inplace, input)


def mish(input: Any, inplace: bool = False) -> Any:
    """`input * tanh(softplus(input))`."""
    return applied(activation.mish, inplace, input)


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Any:
    """`input` limited to [min_val, max_val]."""
    return applied(activation.hardtanh, inplace, input, min_val, max_val)


def hardsigmoid(input: Any, inplace: bool = False) -> Any:
    """`min(max(input + 3, 0), 6) / 6`."""
    return applied(activation.hardsigmoid, inplace, input)


def hardswish(input: Any, inplace: bool = False) -> Any:
    """`input * hardsigmoid(input)`."""
    return applied(activation.hardswish, inplace, input)


def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Any:
    """`input` where it is above `threshold`, `value` elsewhere."""
    return applied(activation.threshold, inplace, input, threshold, value)


def _implicit_dim(name: str, ndim: int) -> int:
    """The dimension that PyTorch takes where none is given."""
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.",
        UserWarning,
        stacklevel=3,
    )
    return 0 if ndim in (0, 1, 3) else 1


def softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """exp(input), divided by its sum along `dim`. Without `dim` a warning, and dimension 0 of 0, 1 or 3, else 1."""
    return softmaxes.softmax(input, _implicit_dim("softmax", input.ndim) if dim is None else dim, dtype)


def log_softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """log(softmax(input, dim)); `dim` as for `softmax`."""
    return softmaxes.log_softmax(input, _implicit_dim("log_softmax", input.ndim) if dim is None else dim, dtype)


def softmin(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """softmax(-input, dim); `dim` as for `softmax`."""
    return softmaxes.softmin(input, _implicit_dim("softmin", input.ndim) if dim is None else dim, dtype)


def gumbel_softmax(logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Any:
    """A sample of a relaxed one-hot variable: softmax((logits + Gumbel noise) / tau) along `dim`.

    With `hard` it is one-hot, with the gradient of the relaxed one. `eps` has no effect, as in PyTorch.
    [Jang et al. 2016, arXiv:1611.01144]
    """
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", UserWarning, stacklevel=2)
    array = array_of(logits)
    noise = default_generator(device_of(array)).exponential(array.shape, array.dtype)
    soft = softmaxes.softmax((logits - log(noise)) / tau, dim)
    if not hard:
        return soft
    dim = one_dim(dim, array.ndim)
    plain = wrap(soft.array) if isinstance(soft, TensorBase) else soft
    chosen = movedim(one_hot(maxima.argmax(plain, dim), array.shape[dim]), -1, dim)
    return chosen - plain + soft
