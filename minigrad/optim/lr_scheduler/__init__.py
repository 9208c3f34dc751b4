"""Schedules of the learning rate, as PyTorch names them: each class is a formula of the epoch.

A scheduler belongs to an optimizer and writes `group["lr"]`, of every group, when its `step()` is called:

    scheduler = CosineAnnealingLR(optimizer, T_max=100)
    for epoch in range(100):
        for x, y in loader:
            ...
            optimizer.step()
        scheduler.step()

"Epoch" means: one call of `scheduler.step()`. What is called after every batch counts batches. `preview(n)` shows
what a scheduler is going to do.

Every number is PyTorch's, but for what goes wrong there: `last_epoch` leaves restored rates alone (PyTorch's StepLR and
MultiStepLR decay once more where a milestone is next) and finds the cycle of CosineAnnealingWarmRestarts; CyclicLR
begins at `base_lr` also behind another scheduler; SequentialLR takes composed schedulers at any place.

`base` has what all share, `order` the warning about calls in the wrong order; the formulas are in `factors` (decays
and warm-ups), `functions` (of one's own), `cosine`, `cyclic` and `onecycle`; `composed` puts schedulers together,
`plateau` follows a metric.
"""

from .base import LRScheduler, _LRScheduler
from .composed import ChainedScheduler, SequentialLR
from .cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from .cyclic import CyclicLR
from .factors import ConstantLR, ExponentialLR, FactorScheduler, LinearLR, MultiStepLR, PolynomialLR, StepLR
from .functions import LambdaLR, MultiplicativeLR
from .onecycle import OneCycleLR
from .plateau import ReduceLROnPlateau

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "FactorScheduler",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
    "_LRScheduler",
]
