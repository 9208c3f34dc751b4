"""Losses of classes: `cross_entropy` and `nll_loss`, with classes as indices or as probabilities.

An input of shape (N, C), (N, C, d1, ...) or (C,) is brought to rows of classes; the operations on rows are in
`ops/losses.py`.
"""

from __future__ import annotations

import math
from typing import Any

from ..autograd.modes import is_grad_enabled
from ..autograd.operands import array_of
from ..backend.door import holds, whole
from ..backend.library import library
from ..ops import losses as losses_of
from ..ops.comparison import where_
from ..ops.division import div
from ..ops.losses import reduced
from ..ops.reduction import sum_
from ..ops.shape import movedim, reshape, reshape_
from ..ops.softmax import log_softmax_
from ._functional_common import check_reduction, legacy_reduction

__all__ = ["cross_entropy", "nll_loss"]


def _rows(name: str, input: Any, target: Any) -> tuple[Any, Any]:
    """`input` of shape (n, classes) and `target` of shape (n,), as the operations on rows take them."""
    shape, given = array_of(input).shape, array_of(target).shape  # of arrays: a tensor's shape is made anew each time
    if len(shape) == 2 and len(given) == 1:
        if shape[0] != given[0]:
            raise ValueError(f"{name}(): input of batch_size {shape[0]}, target of batch_size {given[0]}")
        return input, target
    if not shape:
        raise ValueError(f"{name}() takes an input of 1 or more dimensions (the classes), got a single number")
    if len(shape) == 1:
        if given not in ((), (1,)):
            raise ValueError(f"{name}() of one example takes one class, got a target of shape {given}")
        return reshape_(input, shape=(1, shape[0])), reshape_(target, shape=(1,))
    wanted = shape[:1] + shape[2:]
    if given != wanted:
        kind = RuntimeError if given[:1] == wanted[:1] else ValueError
        several = " (several classes for one example are no target)" if len(shape) == 2 else ""
        raise kind(f"{name}() of shape {shape} takes classes of shape {wanted}, got {given}{several}")
    return reshape(movedim(input, 1, -1), (-1, shape[1])), reshape_(target, shape=(math.prod(given),))


def _none_negative(labels: Any) -> bool:
    """`argmin` finds the smallest of 64 classes in 0.3 us, `min` in 2."""
    return not labels.size or labels.item(labels.argmin()) >= 0


def _checked(name: str, target: Any, weight: Any, ignore_index: int, rows: Any) -> tuple[Any, Any]:
    """The classes of `rows`, and what each row counts: None where all count 1.

    Raises:
        IndexError: a class that does not exist. (On a GPU, where looking would mean to wait, its loss is nan.)
    """
    labels, rows = array_of(target), array_of(rows)
    classes, dtype = rows.shape[1], rows.dtype
    if labels.dtype != "int64" and labels.dtype != "uint8":
        raise RuntimeError(f"{name}() takes int64 classes as target, got {labels.dtype}: convert it with .long()")
    xp = library(labels)
    if weight is None and not 0 <= ignore_index < classes and holds(_none_negative, labels):
        return target, None  # classes that are too large are noticed where they pick
    if weight is not None and tuple(weight.shape) != (classes,):
        raise RuntimeError(f"{name}() needs a weight of {classes} numbers, got shape {tuple(weight.shape)}")
    if getattr(weight, "requires_grad", False) and is_grad_enabled():
        raise RuntimeError(f"{name}() has no gradient with respect to weight: pass weight.detach()")
    counts = labels != ignore_index
    labels = xp.where(counts, labels, 0)
    wrong = (labels < 0) | (labels >= classes)
    seen = xp.__name__ == "numpy"
    if seen and classes:
        whole(_refuse_wrong, name, labels, wrong, classes)
    if weight is None:
        factor = counts.astype(dtype)
    else:
        weights = array_of(weight)
        if weights.dtype != dtype:
            raise RuntimeError(f"{name}() takes a weight of the input's dtype {dtype}, got {weights.dtype}")
        factor = weights[xp.where(wrong, 0, labels)] * counts
    if not seen:
        factor = xp.where(wrong, xp.nan, factor).astype(dtype)
        labels = xp.where(wrong, 0, labels)
    return labels, factor


def _refuse_wrong(name: str, labels: Any, wrong: Any, classes: int) -> None:
    if wrong.any():
        raise IndexError(f"{name}(): Target {int(labels[wrong][0])} is out of bounds: there are {classes} classes")


def _shaped(loss: Any, reduction: str, target: Any) -> Any:
    """Losses of rows in the shape of the target that they came from."""
    return loss if reduction != "none" else reshape_(loss, shape=tuple(target.shape))


def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """-input at the target's class: the negative log likelihood, where `input` are log-probabilities.

    Args:
        input: (N, C), (N, C, d1, ...) or (C,), floating point, for C classes.
        target: (N,), (N, d1, ...) or (): the classes, int64.
        weight: (C,), what each class counts; it has no gradient.
        ignore_index: a class that counts nothing.
        reduction: "mean" weighted by what each counts, "sum", or "none".

    Raises:
        IndexError: a class that does not exist.

    >>> import minigrad
    >>> nll_loss(minigrad.tensor([[-1.0, -2.0], [-3.0, -4.0]]), minigrad.tensor([0, 1]))
    tensor(2.5000)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    rows, classes = _rows("nll_loss", input, target)
    classes, factor = _checked("nll_loss", classes, weight, ignore_index, rows)
    return _shaped(losses_of.nll_loss(rows, classes, factor, reduction=reduction), reduction, target)


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """-log(softmax(input)) at the target's class, or averaged over the target's probabilities of classes.

    Args:
        input: (N, C), (N, C, d1, ...) or (C,), floating point: the logits of C classes.
        target: the classes, (N,), (N, d1, ...) or (), int64; or probabilities, floating point in the shape of `input`.
        weight: (C,), what each class counts; it has no gradient.
        ignore_index: a class that counts nothing.
        reduction: "mean" (weighted by what each counts; over the examples for probabilities), "sum", or "none".
        label_smoothing: how much of the target is spread evenly over all classes.

    Raises:
        IndexError: a class that does not exist.

    >>> import minigrad
    >>> cross_entropy(minigrad.tensor([[0.0, 0.0], [0.0, 1000.0]]), minigrad.tensor([1, 1]))
    tensor(0.3466)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"cross_entropy(): label_smoothing must be between 0.0 and 1.0, got {label_smoothing}")
    if array_of(input).shape == array_of(target).shape:
        return _of_probabilities(input, target, weight, ignore_index, reduction, label_smoothing)
    rows, classes = _rows("cross_entropy", input, target)
    if label_smoothing:
        losses = _smoothed(rows, classes, weight, ignore_index, reduction, label_smoothing)
        return _shaped(losses, reduction, target)
    classes, factor = _checked("cross_entropy", classes, weight, ignore_index, rows)
    return _shaped(losses_of.cross_entropy(rows, classes, factor, reduction=reduction)[0], reduction, target)


def _smoothed(rows: Any, target: Any, weight: Any, ignore_index: int, reduction: str, smoothing: float) -> Any:
    """Cross entropy of rows with a part of the target spread over all classes."""
    n = rows.shape[1]
    classes, factor = _checked("cross_entropy", target, weight, ignore_index, rows)
    log_p = log_softmax_(rows, dim=1)
    losses = losses_of.nll_loss(log_p, classes, factor, reduction="none")
    spread = -sum_(log_p if weight is None else log_p * weight, dim=1, keepdim=False)
    losses = losses * (1 - smoothing) + spread * (smoothing / n)
    losses = where_(array_of(target) == ignore_index, 0, losses)
    if reduction == "mean" and factor is not None:
        return div(sum_(losses, dim=None, keepdim=False), sum_(factor, dim=None, keepdim=False))
    return reduced(losses, reduction)


def _of_probabilities(
    input: Any, target: Any, weight: Any, ignore_index: int, reduction: str, smoothing: float
) -> Any:
    """Cross entropy with a target of probabilities."""
    if array_of(target).dtype.kind != "f":
        raise RuntimeError(
            "cross_entropy() with a target of the input's shape takes probabilities, floating point; "
            f"got {array_of(target).dtype} (classes have one dimension less)"
        )
    if ignore_index >= 0:
        raise RuntimeError("cross_entropy(): ignore_index goes with classes, not with probabilities")
    dim = 0 if input.ndim == 1 else 1
    classes = input.shape[dim]
    if smoothing:
        target = target * (1 - smoothing) + smoothing / classes
    products = log_softmax_(input, dim=dim) * target
    if weight is not None:
        if tuple(weight.shape) != (classes,):
            raise RuntimeError(f"cross_entropy() needs a weight of {classes} numbers, got shape {tuple(weight.shape)}")
        products = products * reshape_(weight, shape=(classes,) + (1,) * (input.ndim - dim - 1))
    losses = -sum_(products, dim=dim, keepdim=False)
    return reduced(losses, reduction)
