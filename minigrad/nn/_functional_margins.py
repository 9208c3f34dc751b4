"""Losses that want scores apart by a margin."""

from __future__ import annotations

from typing import Any

from ..autograd.operands import array_of
from ..backend.door import whole
from ..backend.library import library
from ..ops.activation import logsigmoid
from ..ops.comparison import where_
from ..ops.extrema import clamp_min
from ..ops.gathering import gather_along
from ..ops.losses import binary_cross_entropy_with_logits, reduced
from ..ops.reduction import mean_, sum_
from ..ops.shape import reshape_, unsqueeze
from ._functional_common import legacy_reduction

__all__ = [
    "hinge_embedding_loss", "margin_ranking_loss", "multi_margin_loss", "multilabel_margin_loss",
    "multilabel_soft_margin_loss", "soft_margin_loss",
]  # fmt: skip


def margin_ranking_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """max(-target (input1 - input2) + margin, 0), reduced. The target is 1 where input1 should be larger, else -1."""
    reduction = legacy_reduction(size_average, reduce, reduction)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss() takes tensors of the same number of dimensions, got shapes "
            f"{tuple(input1.shape)}, {tuple(input2.shape)} and {tuple(target.shape)}"
        )
    return reduced(clamp_min(-target * (input1 - input2) + margin, 0), reduction)


def hinge_embedding_loss(
    input: Any,
    target: Any,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """`input` (a distance) where the target is 1, max(margin - input, 0) where it is -1, reduced."""
    reduction = legacy_reduction(size_average, reduce, reduction)
    apart = where_(target != 1, clamp_min(margin - input, 0), 0)
    return reduced(apart + where_(target != -1, input, 0), reduction)


def soft_margin_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """log(1 + exp(-target input)), reduced, for targets 1 and -1. (PyTorch's overflows to inf; this does not.)"""
    reduction = legacy_reduction(size_average, reduce, reduction)
    return reduced(-logsigmoid(input * target), reduction)


def multilabel_soft_margin_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """`binary_cross_entropy_with_logits` averaged over the classes (the last dimension), then reduced.

    `weight` says what each class counts.
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    losses = binary_cross_entropy_with_logits(input, target)
    if weight is not None:
        losses = losses * weight
    return reduced(mean_(losses, dim=input.ndim - 1, keepdim=False), reduction)


def _classes_of_rows(name: str, input: Any, target: Any, lowest: int) -> Any:
    """The target's array, checked: int64, with numbers of classes from `lowest`."""
    labels = array_of(target)
    if labels.dtype != "int64":
        raise RuntimeError(f"{name}() takes int64 classes as target, got {labels.dtype}: convert it with .long()")
    classes = input.shape[-1] if input.ndim else 1
    if library(labels).__name__ == "numpy" and labels.size:
        whole(_refuse_outside, name, labels, lowest, classes)
    return labels


def _refuse_outside(name: str, labels: Any, lowest: int, classes: int) -> None:
    if labels.min() < lowest or labels.max() >= classes:
        raise RuntimeError(f"{name}(): target out of range: classes are from {lowest} to {classes - 1}")


def multi_margin_loss(
    input: Any,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """The sum over all classes but the right one of max(margin - input[right] + input[class], 0)^p, over their number.

    Args:
        input: (N, C) or (C,), scores.
        target: (N,) or (), the right classes, int64.
        p: 1 or 2.
        weight: (C,), what examples of each class count.
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss(): only p == 1 and p == 2 supported, got {p}")
    if input.ndim not in (1, 2):
        raise RuntimeError(f"multi_margin_loss() takes scores of shape (N, C) or (C,), got {tuple(input.shape)}")
    labels = _classes_of_rows("multi_margin_loss", input, target, 0).reshape(-1)
    shape = (1, *input.shape)[-2:]
    if labels.shape[0] != shape[0] or target.ndim > 1:
        raise RuntimeError(f"multi_margin_loss() takes a target of shape ({shape[0]},), got {tuple(target.shape)}")
    if weight is not None and tuple(weight.shape) != (shape[1],):
        raise RuntimeError(f"multi_margin_loss() needs a weight of {shape[1]} numbers, got shape {tuple(weight.shape)}")
    rows, column = reshape_(input, shape=shape), labels.reshape(-1, 1)
    over = clamp_min(margin - gather_along(rows, column, dim=1) + rows, 0)
    over = over * over if p == 2 else over
    if weight is not None:
        over = over * reshape_(weight[labels], shape=(shape[0], 1))
    wrong = library(labels).arange(shape[1]) != column
    losses = mean_(where_(wrong, over, 0), dim=1, keepdim=False)
    return reduced(losses if target.ndim else reshape_(losses, shape=()), reduction)


def multilabel_margin_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """The sum over right and wrong classes of max(1 - input[right] + input[wrong], 0), over the number of classes.

    Args:
        input: (N, C) or (C,), scores.
        target: of the same shape, int64: each row lists its right classes, then -1.
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if tuple(target.shape) != tuple(input.shape) or input.ndim > 2:
        raise RuntimeError(
            "multilabel_margin_loss() takes scores of shape (N, C) or (C,) and a target of the same, got "
            f"{tuple(input.shape)} and {tuple(target.shape)}"
        )
    labels = _classes_of_rows("multilabel_margin_loss", input, target, -1)
    xp = library(labels)
    shape = (1, 1, *input.shape)[-2:]
    labels, rows = labels.reshape(shape), reshape_(input, shape=shape)
    listed = xp.cumprod(labels >= 0, axis=1) > 0  # up to the first -1
    right = xp.where(listed, labels, 0)
    wrong = ~((right[:, :, None] == xp.arange(shape[1])) & listed[:, :, None]).any(1)
    scores = gather_along(rows, right, dim=1)
    over = clamp_min(1 - unsqueeze(scores, 2) + unsqueeze(rows, 1), 0)
    pairs = listed[:, :, None] & wrong[:, None, :]
    losses = sum_(where_(pairs, over, 0), dim=(1, 2), keepdim=False) / shape[1]
    return reduced(losses if input.ndim == 2 else reshape_(losses, shape=()), reduction)
