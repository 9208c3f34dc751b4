"""`ReduceLROnPlateau`: follow a metric, and reduce the rate when it no longer improves."""

from __future__ import annotations

import math
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler
from .options import require_numbers, write

#: what a convention means where the arguments do not say it
CONVENTIONS: dict[str, dict[str, Any]] = {
    "pytorch": {"threshold_mode": "rel", "eps": 1e-8},
    "keras": {"threshold_mode": "abs", "eps": 0.0},
}


class ReduceLROnPlateau(LRScheduler):
    """lr ← max(factor · lr, min_lr) after too many epochs without improvement: `step(metric)` after each validation.

    A metric m improves on the best one b, in mode "min", if

        m < b (1 - threshold)    threshold_mode="rel", PyTorch's
        m < b - threshold        threshold_mode="abs", Keras's

    and in mode "max" if m > b (1 + threshold), or m > b + threshold. NaN never does. With patience P, PyTorch
    reduces in the (P + 1)-th epoch in a row without improvement, Keras in the P-th. Afterwards PyTorch does not count
    for `cooldown` epochs, Keras for one less. PyTorch leaves a rate that would change by `eps` or less.

    Args:
        mode: "min" or "max".
        factor: below 1.
        patience: P, epochs.
        threshold: how much is an improvement.
        threshold_mode: "rel" or "abs"; None: the convention's.
        cooldown: epochs.
        min_lr: the smallest rate, or a list with one for each group.
        eps: the smallest change; None: the convention's, 1e-8 or 0.
        convention: "pytorch" or "keras".
        hyperparameter: what to reduce, "alpha" for instance; `min_lr` and `eps` are of that then.

    >>> import minigrad
    >>> optimizer = minigrad.optim.SGD([minigrad.zeros(2, requires_grad=True)], lr=1.0)
    >>> scheduler = ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     scheduler.step(loss)
    >>> scheduler.get_last_lr()
    [0.5]
    """

    def __init__(
        self, optimizer: Optimizer, mode: str = "min", factor: float = 0.1, patience: int = 10,
        threshold: float = 1e-4, threshold_mode: str | None = None, cooldown: int = 0,
        min_lr: float | list[float] = 0.0, eps: float | None = None, *, convention: str = "pytorch",
        hyperparameter: str = "lr",
    ) -> None:  # fmt: skip
        if factor >= 1:
            raise ValueError(f"factor must be below 1, got {factor}")
        if convention not in CONVENTIONS:
            raise ValueError(f"convention must be one of {', '.join(map(repr, CONVENTIONS))}, got {convention!r}")
        defaults = CONVENTIONS[convention]
        threshold_mode = defaults["threshold_mode"] if threshold_mode is None else threshold_mode
        if mode not in ("min", "max"):
            raise ValueError(f'mode must be "min" or "max", got {mode!r}')
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f'threshold_mode must be "rel" or "abs", got {threshold_mode!r}')
        require_numbers(optimizer, hyperparameter)
        self.optimizer = optimizer
        if hyperparameter != "lr":
            self.hyperparameter = hyperparameter
        groups = len(optimizer.param_groups)
        self.default_min_lr = None if isinstance(min_lr, (list, tuple)) else min_lr
        self.min_lrs = list(min_lr) if isinstance(min_lr, (list, tuple)) else [min_lr] * groups
        if len(self.min_lrs) != groups:
            raise ValueError(f"min_lr has {len(self.min_lrs)} values, the optimizer has {groups} parameter groups")
        self.convention = convention
        self.mode, self.factor, self.patience, self.cooldown = mode, factor, patience, cooldown
        self.threshold, self.threshold_mode = threshold, threshold_mode
        self.eps = defaults["eps"] if eps is None else eps
        self.best = self.mode_worse = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = 0
        self.last_epoch = 0
        self._last_lr = self.read()

    @property
    def in_cooldown(self) -> bool:
        """Whether epochs without improvement are not counted."""
        return self.cooldown_counter > 0

    def _is_better(self, metric: float) -> bool:
        sign = 1.0 if self.mode == "max" else -1.0
        if self.threshold_mode == "rel":
            limit = self.best * (1.0 + sign * self.threshold)
        else:
            limit = self.best + sign * self.threshold
        return sign * metric > sign * limit

    def step(self, metrics: Any, epoch: int | None = None) -> None:  # type: ignore[override]
        """Look at the metric of another epoch: a number, or a tensor of one element."""
        self._called(epoch)
        metric = float(metrics)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        keras = self.convention == "keras"
        resting = self.in_cooldown
        if resting:
            self.cooldown_counter -= 1
            resting = self.in_cooldown if keras else True
        if self._is_better(metric):
            self.best, self.num_bad_epochs = metric, 0
        else:
            self.num_bad_epochs = 0 if resting else self.num_bad_epochs + 1
        if self.num_bad_epochs >= (max(self.patience, 1) if keras else self.patience + 1):
            self._reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = self.read()

    def _reduce(self) -> None:
        groups = self.optimizer.param_groups
        if len(groups) != len(self.min_lrs):
            if self.default_min_lr is None:
                raise RuntimeError(
                    f"min_lr has {len(self.min_lrs)} values, the optimizer has {len(groups)} parameter groups now: "
                    "append to scheduler.min_lrs"
                )
            self.min_lrs = [self.default_min_lr] * len(groups)
        for group, before, least in zip(groups, self.read(), self.min_lrs):
            after = max(before * self.factor, least)
            if before - after > self.eps:
                write(self.optimizer, group, self.hyperparameter, after)

    def preview(self, epochs: int, group: int = 0) -> list[float]:
        """Not for this one: what it does depends on the metric."""
        raise TypeError("what ReduceLROnPlateau is going to do depends on the metric")
