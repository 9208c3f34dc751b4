"""Normalisation over the batch: `BatchNorm1d`, `LazyBatchNorm1d`."""

from __future__ import annotations

from typing import Any

from .._tensor.creation import empty, ones, tensor, zeros
from ..backend.door import whole
from ..backend.dtypes import int64
from ..backend.library import library
from . import functional as F
from . import init
from .lazy import LazyModuleMixin
from .module import Module
from .parameter import Parameter, UninitializedBuffer, UninitializedParameter


def _one_over(count: Any) -> Any:
    return library(count).asarray(1.0 / count)


class BatchNorm(Module):
    """What batch normalisation of any number of dimensions shares: the statistics and their use.

    Args:
        num_features: the size of dimension 1.
        eps: keeps the root from zero.
        momentum: share of a new batch in the running statistics; None for the plain average of all batches.
        affine: whether there are a weight (starts as ones) and a bias (zeros).
        track_running_stats: keep running statistics for `eval()`; otherwise each batch is its own measure.
        bias: whether there is a bias.
    """

    _version = 2
    weight: Any
    bias: Any
    running_mean: Any
    running_var: Any
    num_batches_tracked: Any

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            value = Parameter(empty(num_features, device=device, dtype=dtype)) if wanted else None
            self.register_parameter(name, value)
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, device=device, dtype=dtype) if tracked else None)
        self.register_buffer("running_var", ones(num_features, device=device, dtype=dtype) if tracked else None)
        self.register_buffer("num_batches_tracked", tensor(0, dtype=int64, device=device) if tracked else None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget the batches seen: mean 0, variance 1."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Forget the batches seen, set the weight to ones and the bias to zeros."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def check_input(self, input: Any) -> None:
        """Raise where the input does not have the dimensions that the layer is for."""
        raise NotImplementedError

    def forward(self, input: Any) -> Any:
        self.check_input(input)
        if input.shape[1] != self.num_features:
            raise RuntimeError(f"{self} takes {self.num_features} features in dimension 1, got {tuple(input.shape)}")
        share: Any = self.momentum or 0.0
        updating = self.training and self.track_running_stats
        if updating:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:
                share = whole(_one_over, self.num_batches_tracked.array)
        measure = not self.training or self.track_running_stats
        return F.batch_norm(
            input,
            self.running_mean if measure else None,
            self.running_var if measure else None,
            self.weight,
            self.bias,
            self.training or self.running_mean is None,
            share,
            self.eps,
        )

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, local_metadata: Any, *rest: Any) -> None:
        # state dicts without a version may lack the number of batches
        if local_metadata.get("version", 1) < 2 and self.track_running_stats:
            state_dict.setdefault(f"{prefix}num_batches_tracked", self.num_batches_tracked)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(BatchNorm):
    """(x - mean) / sqrt(var + eps) * weight + bias for each feature of (N, C) or (N, C, L).

    While training, mean and (biased) variance are those of the batch, and the running statistics (with the
    unbiased variance) follow; after `eval()` the running statistics are used [Ioffe and Szegedy 2015].
    Arguments: see `BatchNorm`.

    >>> import minigrad
    >>> from minigrad import nn
    >>> layer = nn.BatchNorm1d(2)
    >>> layer(minigrad.tensor([[0.0, 1.0], [2.0, 3.0]])).mean(0).abs().max().item() < 1e-6
    True
    """

    def check_input(self, input: Any) -> None:
        if input.ndim not in (2, 3):
            raise ValueError(f"BatchNorm1d takes an input (N, C) or (N, C, L), got shape {tuple(input.shape)}")


class LazyBatchNorm1d(LazyModuleMixin, BatchNorm1d):
    """A `BatchNorm1d` that takes `num_features` from the first input that it gets."""

    cls_to_become = BatchNorm1d

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(0, eps, momentum, False, False, device, dtype)
        self.affine, self.track_running_stats = affine, track_running_stats
        if affine:
            self.weight = UninitializedParameter(device=device, dtype=dtype)
            if bias:
                self.bias = UninitializedParameter(device=device, dtype=dtype)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(device=device, dtype=dtype)
            self.running_var = UninitializedBuffer(device=device, dtype=dtype)
            self.num_batches_tracked = tensor(0, dtype=int64, device=device)

    def reset_parameters(self) -> None:
        if not self.has_uninitialized_params() and self.num_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Any) -> None:
        """Take `num_features` from dimension 1 of the input."""
        self.check_input(input)
        if self.has_uninitialized_params():
            self.num_features = input.shape[1]
            for value in (self.weight, self.bias, self.running_mean, self.running_var):
                if value is not None:
                    value.materialize((self.num_features,))
            self.reset_parameters()
        self.num_features = input.shape[1]
