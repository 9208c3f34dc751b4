"""Losses of numbers and of probabilities, element by element: squared, absolute, Huber, binary cross entropy, ..."""

from __future__ import annotations

import math
import warnings
from typing import Any

from ..autograd.operands import array_of
from ..backend.door import whole
from ..backend.library import library
from ..ops import losses as losses_of
from ..ops.activation import logsigmoid
from ..ops.arithmetic import abs
from ..ops.comparison import where_
from ..ops.division import div
from ..ops.elementwise import exp, log
from ..ops.extrema import clamp_min
from ..ops.losses import reduced
from ..ops.reduction import sum_
from ..ops.shape import unsqueeze
from ..ops.special import xlogy
from ._functional_common import check_reduction, legacy_reduction

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "gaussian_nll_loss", "huber_loss", "kl_div", "l1_loss",
    "mse_loss", "poisson_nll_loss", "smooth_l1_loss",
]  # fmt: skip


def _warn_of_sizes(input: Any, target: Any) -> None:
    """PyTorch's warning where input and target broadcast."""
    if array_of(input).shape != array_of(target).shape:
        warnings.warn(
            f"Using a target size ({tuple(target.shape)}) that is different to the input size ({tuple(input.shape)}). "
            "This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.",
            UserWarning,
            stacklevel=3,
        )


def _weighted(losses: Any, weight: Any, reduction: str, normalized: bool) -> Any:
    """`losses` times `weight`, reduced; `normalized` divides the mean by the sum of the weights."""
    if tuple(weight.shape) != tuple(losses.shape):
        raise ValueError(f"weight and input must have one shape, got {tuple(weight.shape)} and {tuple(losses.shape)}")
    losses = losses * weight
    if normalized and reduction == "mean":
        return div(sum_(losses, dim=None, keepdim=False), sum_(weight, dim=None, keepdim=False))
    return reduced(losses, reduction)


def mse_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Any:
    """(input - target)^2, its mean, its sum, or all of it ("none").

    Input and target broadcast, with a warning, for that is seldom meant. `weight` has their shape; the mean is
    then divided by its sum.

    >>> import minigrad
    >>> mse_loss(minigrad.tensor([1.0, 2.0]), minigrad.tensor([1.0, 4.0]))
    tensor(2.)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    _warn_of_sizes(input, target)
    if weight is None:
        return losses_of.mse_loss(input, target, reduction=reduction)
    return _weighted(losses_of.mse_loss(input, target, reduction="none"), weight, reduction, True)


def l1_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Any:
    """|input - target|, reduced; `weight` as for `mse_loss`."""
    reduction = legacy_reduction(size_average, reduce, reduction)
    _warn_of_sizes(input, target)
    losses = abs(input - target)
    return reduced(losses, reduction) if weight is None else _weighted(losses, weight, reduction, True)


def huber_loss(
    input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None
) -> Any:
    """With d = |input - target|: d^2 / 2 where d < delta, delta (d - delta / 2) elsewhere; reduced.

    `weight`, of the same shape, multiplies the losses; the mean is over the elements. [Huber 1964]
    """
    if delta <= 0:
        raise RuntimeError(f"huber_loss does not support non-positive values for delta, got {delta}")
    _warn_of_sizes(input, target)
    losses = losses_of.huber_loss(input - target, delta=delta)
    return reduced(losses, reduction) if weight is None else _weighted(losses, weight, reduction, False)


def smooth_l1_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Any:
    """`huber_loss` with delta = `beta`, divided by it: |input - target| less beta / 2 where that is at least beta."""
    reduction = legacy_reduction(size_average, reduce, reduction)
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta, got {beta}")
    _warn_of_sizes(input, target)
    away = input - target
    return reduced(losses_of.huber_loss(away, delta=beta) / beta if beta else abs(away), reduction)


def binary_cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """-(target log(input) + (1 - target) log(1 - input)), reduced; the logarithms are no less than -100.

    Args:
        input: probabilities, any shape.
        target: of the same shape and dtype, from 0 to 1.
        weight: what each element counts; it broadcasts.

    Raises:
        ValueError: different shapes.
        RuntimeError: elements outside [0, 1] (on a GPU these give nan).

    >>> import minigrad
    >>> binary_cross_entropy(minigrad.tensor([0.5, 1.0]), minigrad.tensor([1.0, 1.0]))
    tensor(0.3466)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if tuple(input.shape) != tuple(target.shape):
        raise ValueError(
            f"binary_cross_entropy() takes an input and a target of one shape, got {tuple(input.shape)} and "
            f"{tuple(target.shape)}"
        )
    losses = losses_of.binary_cross_entropy(input, target)
    return reduced(losses if weight is None else losses * weight, reduction)


def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Any:
    """`binary_cross_entropy(sigmoid(input), target)`, computed so that large logits lose nothing.

    Args:
        input: logits, any shape.
        target: of the same shape, floating point, from 0 to 1.
        weight: what each element counts; it broadcasts.
        pos_weight: what the part of the target that is 1 counts; it broadcasts.

    >>> import minigrad
    >>> binary_cross_entropy_with_logits(minigrad.tensor([0.0, 1000.0]), minigrad.tensor([1.0, 1.0]))
    tensor(0.3466)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce, reduction)
    if tuple(input.shape) != tuple(target.shape):
        raise ValueError(f"Target size ({tuple(target.shape)}) must be the same as input size ({tuple(input.shape)})")
    if array_of(target).dtype.kind != "f":
        raise RuntimeError(
            "binary_cross_entropy_with_logits() takes a floating point target, "
            f"got {array_of(target).dtype}: convert it with .float()"
        )
    if pos_weight is None:
        losses = losses_of.binary_cross_entropy_with_logits(input, target)
    else:
        losses = (1 - target) * input - ((pos_weight - 1) * target + 1) * logsigmoid(input)
    return reduced(losses if weight is None else losses * weight, reduction)


def kl_div(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Any:
    """The Kullback-Leibler divergence of `target` from `input`, element by element: target (log(target) - input).

    Args:
        input: logarithms of probabilities.
        target: probabilities, or with `log_target` their logarithms.
        reduction: "batchmean" (the sum over the size of the first dimension: the divergence as it is defined),
            "mean" (over all elements), "sum" or "none".

    >>> import minigrad
    >>> p = minigrad.tensor([[0.5, 0.5]])
    >>> kl_div(minigrad.log(minigrad.tensor([[0.25, 0.75]])), p, reduction="batchmean")
    tensor(0.1438)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if reduction == "mean" and size_average is None and reduce is None:
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math definition."
            "'mean' will be changed to behave the same as 'batchmean' in the next major release.",
            UserWarning,
            stacklevel=2,
        )
    if array_of(input).dtype.kind != "f" or array_of(target).dtype.kind != "f":
        raise RuntimeError("kl_div() takes floating point numbers: convert input and target first")
    losses = exp(target) * (target - input) if log_target else xlogy(target, target) - target * input
    if reduction != "batchmean":
        return reduced(losses, reduction)
    return div(reduced(losses, "sum"), input.shape[0] if input.ndim else 1)


def poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """The negative log likelihood of counts: exp(input) - target input, where `input` is the log of the rate.

    Without `log_input` it is the rate itself: input - target log(input + eps). `full` adds Stirling's approximation
    of log(target!) where the target is above 1.
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    losses = exp(input) - target * input if log_input else input - target * log(input + eps)
    if full:
        stirling = target * log(target) - target + 0.5 * log(2 * math.pi * target)
        losses = losses + where_(target <= 1, 0, stirling)
    return reduced(losses, reduction)


def _refuse_negative(variances: Any) -> None:
    if (variances < 0).any():
        raise ValueError("gaussian_nll_loss() takes variances of at least 0, got a negative one")


def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Any:
    """(log(var) + (input - target)^2 / var) / 2: the negative log likelihood of a normal distribution.

    Args:
        input: the means.
        target: any shape that broadcasts with them.
        var: the variances: a number, the shape of `input`, or that with a last dimension of 1 or without it. They count
            as at least `eps`, which has no effect on the gradient.
        full: add the constant log(2 pi) / 2.

    Raises:
        ValueError: negative variances (on a GPU they count as `eps`), a shape that does not fit.
    """
    if isinstance(var, (int, float)):
        if var < 0:
            raise ValueError(f"gaussian_nll_loss() takes variances of at least 0, got {var}")
        var = input * 0 + var
    shape, have = tuple(input.shape), tuple(var.shape)
    if have != shape:
        if have == shape[:-1]:
            var = unsqueeze(var, -1)
        elif len(have) != len(shape) or sum(n for n, m in zip(shape, have) if n != m) == 0 or any(
            m not in (1, n) for n, m in zip(shape, have)
        ):
            raise ValueError(f"gaussian_nll_loss() of shape {shape} got a var of shape {have}")
    check_reduction(reduction)
    values = array_of(var)
    if library(values).__name__ == "numpy":
        whole(_refuse_negative, values)
    lifted = clamp_min(values, eps) - values  # a constant: the gradient passes as if nothing had been lifted
    var = var + lifted
    away = input - target
    losses = (log(var) + away * away / var) * 0.5
    if full:
        losses = losses + 0.5 * math.log(2 * math.pi)
    return reduced(losses, reduction)
