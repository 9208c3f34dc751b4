"""Half a period of the cosine, from the initial value down to `eta_min`: once, or again and again."""

from __future__ import annotations

import math

from ..optimizer import Optimizer
from .base import LRScheduler
from .factors import FactorScheduler


class CosineAnnealingLR(FactorScheduler):
    """lr(t) = η_min + (initial - η_min) (1 + cos(π t / T_max)) / 2; after T_max it comes up again the same way.

    [Loshchilov, Hutter 2017, SGDR: https://arxiv.org/abs/1608.03983, without the restarts]

    Args:
        T_max: epochs from the initial value down to η_min.
        eta_min: η_min.

    >>> import minigrad
    >>> optimizer = minigrad.optim.SGD([minigrad.zeros(2, requires_grad=True)], lr=1.0)
    >>> [round(lr, 4) for lr in CosineAnnealingLR(optimizer, T_max=4).preview(7)]
    [1.0, 0.8536, 0.5, 0.1464, 0.0, 0.1464, 0.5]
    """

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1, *,
        hyperparameter: str = "lr",
    ) -> None:  # fmt: skip
        if not T_max > 0:
            raise ValueError(f"T_max must be a positive number of epochs, got {T_max}")
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch, hyperparameter=hyperparameter)

    @property
    def floor(self) -> float:  # type: ignore[override]
        return self.eta_min

    def f(self, t: int) -> float:
        return (1 + math.cos(math.pi * t / self.T_max)) / 2


class CosineAnnealingWarmRestarts(LRScheduler):
    """lr = η_min + (initial - η_min) (1 + cos(π T_cur / T_i)) / 2, where T_cur goes from 0 to T_i in cycle i.

    [Loshchilov, Hutter 2017, SGDR: https://arxiv.org/abs/1608.03983]

    `step(epoch + batch / batches)` after every batch moves within an epoch.

    Args:
        T_0: epochs of the first cycle.
        T_mult: each cycle is as many times as long as the one before.
        eta_min: η_min.

    >>> import minigrad
    >>> optimizer = minigrad.optim.SGD([minigrad.zeros(2, requires_grad=True)], lr=1.0)
    >>> [round(lr, 4) for lr in CosineAnnealingWarmRestarts(optimizer, T_0=2, T_mult=2).preview(7)]
    [1.0, 0.5, 1.0, 0.8536, 0.5, 0.1464, 1.0]
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1, *,
        hyperparameter: str = "lr",
    ) -> None:  # fmt: skip
        for name, value in (("T_0", T_0), ("T_mult", T_mult)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a positive integer, got {value!r}")
        if not isinstance(eta_min, (int, float)):
            raise ValueError(f"eta_min must be a number, got {eta_min!r}")
        self.T_0 = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_i: int = T_0
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch, hyperparameter=hyperparameter)

    def _next_epoch(self) -> float:
        return self.last_epoch + 1 + self.T_cur % 1  # after step(2.25) comes 3.25

    def _place(self, epoch: float) -> None:
        """Find the cycle that `epoch` lies in."""
        if epoch < 0:
            raise ValueError(f"epoch must not be negative, got {epoch}")
        super()._place(math.floor(epoch))
        self.T_i, self.T_cur = self.T_0, epoch % self.T_0 if self.T_mult == 1 else epoch
        while self.T_cur >= self.T_i:
            self.T_cur -= self.T_i
            self.T_i *= self.T_mult

    def get_lr(self) -> list[float]:
        self._warn_outside_step()
        share = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (initial - self.eta_min) * share for initial in self.base_lrs]
