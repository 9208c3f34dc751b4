"""The stateless side of `nn`: layers, activations and losses as functions, under PyTorch's names and signatures.

>>> import minigrad
>>> import minigrad.nn.functional as F
>>> F.relu(F.linear(minigrad.tensor([[1.0, -1.0]]), minigrad.tensor([[2.0, 1.0], [0.0, 3.0]])))
tensor([[1., 0.]])
"""

from __future__ import annotations  # noqa: I001 (many names to a line below)

import warnings
from typing import Any

from ..ops import dropout as dropouts
from ..ops.embedding import embedding, one_hot
from ..ops.embedding_bag import embedding_bag
from ..ops.linear import bilinear, linear
from ..ops.normalization import batch_norm, layer_norm, normalize, rms_norm
from ..ops.padding import pad
from ._functional_activations import (
    celu, celu_, elu, elu_, gelu, glu, gumbel_softmax, hardshrink, hardsigmoid, hardswish, hardtanh, hardtanh_,
    leaky_relu, leaky_relu_, log_softmax, logsigmoid, mish, prelu, relu, relu6, relu_, rrelu, rrelu_, selu, selu_,
    sigmoid, silu, softmax, softmin, softplus, softshrink, softsign, tanh, tanhshrink, threshold, threshold_,
)  # fmt: skip
from ._functional_attention import scaled_dot_product_attention
from ._functional_classes import cross_entropy, nll_loss
from ._functional_common import applied, legacy_reduction
from ._functional_distances import (
    cosine_embedding_loss, cosine_similarity, pairwise_distance, triplet_margin_loss,
    triplet_margin_with_distance_loss,
)  # fmt: skip
from ._functional_losses import (
    binary_cross_entropy, binary_cross_entropy_with_logits, gaussian_nll_loss, huber_loss, kl_div, l1_loss,
    mse_loss, poisson_nll_loss, smooth_l1_loss,
)  # fmt: skip
from ._functional_margins import (
    hinge_embedding_loss, margin_ranking_loss, multi_margin_loss, multilabel_margin_loss,
    multilabel_soft_margin_loss, soft_margin_loss,
)  # fmt: skip

__all__ = [
    "alpha_dropout", "batch_norm", "bilinear", "binary_cross_entropy", "binary_cross_entropy_with_logits", "celu",
    "celu_", "cosine_embedding_loss", "cosine_similarity", "cross_entropy", "dropout", "dropout1d", "dropout2d",
    "dropout3d", "elu", "elu_", "embedding", "embedding_bag", "feature_alpha_dropout", "gaussian_nll_loss", "gelu",
    "glu", "gumbel_softmax", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "hardtanh_", "hinge_embedding_loss",
    "huber_loss", "kl_div", "l1_loss", "layer_norm", "leaky_relu", "leaky_relu_", "legacy_reduction", "linear",
    "log_softmax", "logsigmoid", "margin_ranking_loss", "mish", "mse_loss", "multi_margin_loss",
    "multilabel_margin_loss", "multilabel_soft_margin_loss", "nll_loss", "normalize", "one_hot", "pad",
    "pairwise_distance", "poisson_nll_loss", "prelu", "relu", "relu6", "relu_", "rms_norm", "rrelu", "rrelu_",
    "scaled_dot_product_attention", "selu", "selu_", "sigmoid", "silu", "smooth_l1_loss", "soft_margin_loss",
    "softmax", "softmin", "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold", "threshold_",
    "triplet_margin_loss", "triplet_margin_with_distance_loss",
]  # fmt: skip


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """In training each element 0 with probability `p`, else divided by 1 - p; otherwise the input itself.

    >>> import minigrad
    >>> dropout(minigrad.ones(2), p=0.9, training=False)
    tensor([1., 1.])
    """
    return applied(dropouts.dropout, inplace and training, input, p, training)


def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """Dropout for layers with `selu`: it keeps mean 0 and variance 1."""
    return applied(dropouts.alpha_dropout, inplace and training, input, p, training)


def feature_alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """`alpha_dropout` of whole channels, shape (N, C, *)."""
    return applied(dropouts.feature_alpha_dropout, inplace and training, input, p, training)


def _of_channels(name: str, dims: int, input: Any, p: float, training: bool, inplace: bool) -> Any:
    """Dropout of whole channels: (N, C, *) with `dims` dimensions for *, or (C, *) without a batch."""
    dropouts.check_probability(p)
    n = input.ndim
    if n not in (dims + 1, dims + 2):
        shapes = f"{dims + 1} or {dims + 2} dimensions: (C, *) or (N, C, *) with {dims} for *"
        if dims == 1:
            raise RuntimeError(f"{name}() takes {shapes}; got {n}")
        warnings.warn(f"{name}() is meant for {shapes}; got {n}. Use dropout() instead", UserWarning, stacklevel=3)
    if n == dims + 1 and dims != 2:  # PyTorch takes three dimensions in dropout2d as (N, C, L), with a warning
        return applied(_of_one_example, inplace and training, input, p, training)
    if n == 3 and dims == 2:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is "
            "desired - input is interpreted as shape (N, C, L), where C is the channel dim.",
            UserWarning,
            stacklevel=3,
        )
    return applied(dropouts.feature_dropout, inplace and training, input, p, training)


def _of_one_example(input: Any, p: float, training: bool) -> Any:
    return dropouts.feature_dropout(input[None], p, training)[0]


def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """`dropout` of whole channels, shape (N, C, L) or (C, L)."""
    return _of_channels("dropout1d", 1, input, p, training, inplace)


def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """`dropout` of whole channels, shape (N, C, H, W); three dimensions are taken as (N, C, L), with a warning."""
    return _of_channels("dropout2d", 2, input, p, training, inplace)


def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """`dropout` of whole channels, shape (N, C, D, H, W) or (C, D, H, W)."""
    return _of_channels("dropout3d", 3, input, p, training, inplace)
