"""Metrics: functions (output, target) -> the mean over a batch, a tensor without dimensions.

Any function of this form is a metric for `Trainer(metrics={"name": function})`, which weights batches by their size. A
whole number counts as a number of right answers, a float as a mean. What is no mean over samples (R2, F1, ...) wants
all samples at once: `scikit-learn`'s functions on `trainer.predict(loader)`.
"""

from __future__ import annotations

from minigrad import Tensor


def accuracy(output: Tensor, target: Tensor) -> Tensor:
    """The part of the samples whose class is right: output (N, C, ...), scores of the classes, target (N, ...).

    >>> import minigrad
    >>> accuracy(minigrad.tensor([[2.0, 1.0], [0.0, 3.0], [5.0, 4.0]]), minigrad.tensor([0, 1, 1]))
    tensor(0.6667)
    """
    if output.ndim != target.ndim + 1:
        raise ValueError(
            f"accuracy takes scores (N, classes) and class numbers (N,), got {tuple(output.shape)} and "
            f"{tuple(target.shape)}: for one score per sample use binary_accuracy"
        )
    return (output.argmax(dim=1) == target).float().mean()


def correct(output: Tensor, target: Tensor) -> Tensor:
    """The number of samples whose class is right, a whole number: as a metric it gives the accuracy, without rounding.

    >>> import minigrad
    >>> correct(minigrad.tensor([[2.0, 1.0], [0.0, 3.0], [5.0, 4.0]]), minigrad.tensor([0, 1, 1]))
    tensor(2)
    """
    return (output.argmax(dim=1) == target).sum()


def binary_accuracy(output: Tensor, target: Tensor) -> Tensor:
    """The part of the answers that are right: output, scores (above 0: yes), and target, 0 or 1, of one shape.

    >>> import minigrad
    >>> binary_accuracy(minigrad.tensor([2.0, -1.0, 3.0, 1.0]), minigrad.tensor([1.0, 0.0, 0.0, 1.0]))
    tensor(0.7500)
    """
    _same_shape("binary_accuracy", output, target)
    return ((output > 0) == (target > 0.5)).float().mean()


def mean_squared_error(output: Tensor, target: Tensor) -> Tensor:
    """The mean of (output - target)^2; both have one shape.

    >>> import minigrad
    >>> mean_squared_error(minigrad.tensor([1.0, 2.0]), minigrad.tensor([1.0, 4.0]))
    tensor(2.)
    """
    _same_shape("mean_squared_error", output, target)
    return (output - target).square().mean()


def mean_absolute_error(output: Tensor, target: Tensor) -> Tensor:
    """The mean of |output - target|; both have one shape.

    >>> import minigrad
    >>> mean_absolute_error(minigrad.tensor([1.0, 2.0]), minigrad.tensor([1.0, 4.0]))
    tensor(1.)
    """
    _same_shape("mean_absolute_error", output, target)
    return (output - target).abs().mean()


def _same_shape(name: str, output: Tensor, target: Tensor) -> None:
    if output.shape != target.shape:
        raise ValueError(
            f"{name} takes an output and a target of one shape, got {tuple(output.shape)} and {tuple(target.shape)} "
            "(they would broadcast to something else): reshape one of them"
        )
