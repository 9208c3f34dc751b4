"""What the tests of the schedulers share: an optimizer to write to, and one scheduler of every kind."""

from __future__ import annotations

from typing import Any

import minigrad
from minigrad import optim
from minigrad.optim import lr_scheduler as of

#: every kind of scheduler, made for an optimizer with momentum; ReduceLROnPlateau by itself
KINDS: dict[str, Any] = {
    "step": lambda o, **kw: of.StepLR(o, 3, 0.5, **kw),
    "milestones": lambda o, **kw: of.MultiStepLR(o, [2, 5], 0.5, **kw),
    "constant": lambda o, **kw: of.ConstantLR(o, 0.25, 4, **kw),
    "linear": lambda o, **kw: of.LinearLR(o, 0.25, 1.0, 4, **kw),
    "exponential": lambda o, **kw: of.ExponentialLR(o, 0.9, **kw),
    "polynomial": lambda o, **kw: of.PolynomialLR(o, 8, 2.0, **kw),
    "cosine": lambda o, **kw: of.CosineAnnealingLR(o, 5, 0.01, **kw),
    "restarts": lambda o, **kw: of.CosineAnnealingWarmRestarts(o, 2, 2, 0.01, **kw),
    "lambda": lambda o, **kw: of.LambdaLR(o, lambda t: 1 / (t + 1), **kw),
    "multiplicative": lambda o, **kw: of.MultiplicativeLR(o, lambda t: t / (t + 1), **kw),
    "cyclic": lambda o, **kw: of.CyclicLR(o, 0.1, 0.5, 3, **kw),
    "one cycle": lambda o, **kw: of.OneCycleLR(o, 0.5, 40, **kw),
}
COMPOSED: dict[str, Any] = {
    "sequence": lambda o, **kw: of.SequentialLR(
        o, [of.LinearLR(o, 0.25, 1.0, 4, **kw), of.CosineAnnealingWarmRestarts(o, 2, 2, **kw)], [4], **kw
    ),
    "chain": lambda o, **kw: of.ChainedScheduler([of.ConstantLR(o, 0.25, 4, **kw), of.ExponentialLR(o, 0.9, **kw)]),
    "chain after a warm-up": lambda o: of.SequentialLR(
        o, [of.LinearLR(o, 0.25, 1.0, 4), of.ChainedScheduler([of.StepLR(o, 2, 0.5), of.ExponentialLR(o, 0.9)])], [4]
    ),
}


def sgd(lr: Any = 1.0, groups: int = 1, **options: Any) -> Any:
    """An optimizer of `groups` parameters with rates lr, 2 lr, ..., without gradients."""
    params = [{"params": [minigrad.zeros(2, requires_grad=True)], "lr": lr * (k + 1)} for k in range(groups)]
    return optim.SGD(params, **options)


def rates(optimizer: Any, scheduler: Any, epochs: int, group: int = 0, name: str = "lr") -> list[Any]:
    """The option of a group in each of the epochs of a training, the first one included."""
    values = []
    for _ in range(epochs):
        values.append(optimizer.param_groups[group][name])
        optimizer.step()
        scheduler.step()
    return values
