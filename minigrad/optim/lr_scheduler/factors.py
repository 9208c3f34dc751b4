"""Decays and warm-ups: the initial value times a factor f(t) of the epoch t."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ..optimizer import Optimizer
from .base import LRScheduler


class FactorScheduler(LRScheduler):
    """lr(t) = floor + (initial - floor) f(t).

    As in PyTorch, a step multiplies what is there by f(t) / f(t - 1): several such schedulers of one optimizer
    multiply, and a rate that you set by hand in between is where the decay goes on. While nobody else changes the
    rate it is computed from the initial one, so that rounding errors do not add up.
    """

    floor = 0.0

    def f(self, t: int) -> float:
        """The factor of epoch t; -1 is the one before the first."""
        raise NotImplementedError

    def _at(self, initial: float, factor: float) -> float:
        return self.floor + (initial - self.floor) * factor

    def get_lr(self) -> list[float]:
        self._warn_outside_step()
        values = self.read()
        if self._is_initial and self.last_epoch > 0:  # training goes on: these are the values of this epoch
            return values
        now, before = self.f(self.last_epoch), 1.0 if self._is_initial else self.f(self.last_epoch - 1)
        if now == before:
            return values
        return [self._next(value, initial, before, now) for value, initial in zip(values, self.base_lrs)]

    def _meet_groups(self) -> None:
        for group in self.optimizer.param_groups[len(self.base_lrs) :]:  # they go on from the rate that they have
            group.setdefault(f"initial_{self.hyperparameter}", group[self.hyperparameter])
            self.base_lrs.append(float(group[f"initial_{self.hyperparameter}"]))

    def _next(self, value: float, initial: float, before: float, now: float) -> float:
        if value == self._at(initial, before):
            return self._at(initial, now)
        if before:
            return self.floor + (value - self.floor) * (now / before)
        return value + (initial - self.floor) * now

    def _get_closed_form_lr(self) -> list[float]:
        return [self._at(initial, self.f(self.last_epoch)) for initial in self.base_lrs]


def require_length(name: str, epochs: float, least: float = 0) -> None:
    """Raise ValueError for a number of epochs that is too small."""
    if not epochs >= least:
        raise ValueError(f"{name} must be {least} epochs or more, got {epochs}")


class StepLR(FactorScheduler):
    """A factor γ every `step_size` epochs: f(t) = γ^⌊t / step_size⌋.

    Args:
        step_size: epochs between decays.
        gamma: γ.

    >>> import minigrad
    >>> optimizer = minigrad.optim.SGD([minigrad.zeros(2, requires_grad=True)], lr=1.0)
    >>> StepLR(optimizer, step_size=2, gamma=0.5).preview(6)
    [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1, *,
        hyperparameter: str = "lr",
    ) -> None:  # fmt: skip
        require_length("step_size", step_size, 1)
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch, hyperparameter=hyperparameter)

    def f(self, t: int) -> float:
        return self.gamma ** (max(t, 0) // self.step_size)


class MultiStepLR(FactorScheduler):
    """A factor γ at each of the given epochs: f(t) = γ^(number of milestones ≤ t).

    Args:
        milestones: epochs; one that is named twice counts twice.
        gamma: γ.

    >>> import minigrad
    >>> optimizer = minigrad.optim.SGD([minigrad.zeros(2, requires_grad=True)], lr=1.0)
    >>> MultiStepLR(optimizer, milestones=[1, 4], gamma=0.5).preview(6)
    [1.0, 0.5, 0.5, 0.5, 0.25, 0.25]
    """

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1, *,
        hyperparameter: str = "lr",
    ) -> None:  # fmt: skip
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch, hyperparameter=hyperparameter)

    def f(self, t: int) -> float:
        return self.gamma ** sum(times for milestone, times in self.milestones.items() if milestone <= t)


class ConstantLR(FactorScheduler):
    """A fixed factor for a while: f(t) = factor for t < total_iters, then 1.

    Args:
        factor: 0 to 1.
        total_iters: epochs that it holds.

    >>> import minigrad
    >>> optimizer = minigrad.optim.SGD([minigrad.zeros(2, requires_grad=True)], lr=1.0)
    >>> ConstantLR(optimizer, factor=0.25, total_iters=2).preview(4)
    [0.25, 0.25, 1.0, 1.0]
    """

    def __init__(
        self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1, *,
        hyperparameter: str = "lr",
    ) -> None:  # fmt: skip
        if not 0 <= factor <= 1:
            raise ValueError(f"factor must be between 0 and 1, got {factor}")
        require_length("total_iters", total_iters)
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch, hyperparameter=hyperparameter)

    def f(self, t: int) -> float:
        return self.factor if 0 <= t < self.total_iters else 1.0


class LinearLR(FactorScheduler):
    """From one factor to another in equal steps: f(t) = start + (end - start) min(t, T) / T with T = total_iters.

    Args:
        start_factor: above 0, at most 1. end_factor: 0 to 1.
        total_iters: T, epochs from start to end.

    >>> import minigrad
    >>> optimizer = minigrad.optim.SGD([minigrad.zeros(2, requires_grad=True)], lr=1.0)
    >>> LinearLR(optimizer, start_factor=0.25, total_iters=3).preview(5)
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1.0 / 3, end_factor: float = 1.0, total_iters: int = 5,
        last_epoch: int = -1, *, hyperparameter: str = "lr",
    ) -> None:  # fmt: skip
        if not 0 < start_factor <= 1:
            raise ValueError(f"start_factor must be above 0 and at most 1, got {start_factor}")
        if not 0 <= end_factor <= 1:
            raise ValueError(f"end_factor must be between 0 and 1, got {end_factor}")
        require_length("total_iters", total_iters)
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch, hyperparameter=hyperparameter)

    def f(self, t: int) -> float:
        if t < 0:
            return 1.0
        if t >= self.total_iters:
            return self.end_factor
        return self.start_factor + (self.end_factor - self.start_factor) * t / self.total_iters


class ExponentialLR(FactorScheduler):
    """A factor γ in every epoch: f(t) = γ^t.

    Args:
        gamma: γ.

    >>> import minigrad
    >>> optimizer = minigrad.optim.SGD([minigrad.zeros(2, requires_grad=True)], lr=1.0)
    >>> ExponentialLR(optimizer, gamma=0.5).preview(4)
    [1.0, 0.5, 0.25, 0.125]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1, *, hyperparameter: str = "lr") -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch, hyperparameter=hyperparameter)

    def f(self, t: int) -> float:
        return self.gamma**t


class PolynomialLR(FactorScheduler):
    """Down to zero along a polynomial: f(t) = (1 - min(t, T) / T)^power with T = total_iters.

    Args:
        total_iters: T, epochs until zero.
        power: of the polynomial; 1 is a straight line.

    >>> import minigrad
    >>> optimizer = minigrad.optim.SGD([minigrad.zeros(2, requires_grad=True)], lr=1.0)
    >>> PolynomialLR(optimizer, total_iters=4, power=2).preview(6)
    [1.0, 0.5625, 0.25, 0.0625, 0.0, 0.0]
    """

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1, *,
        hyperparameter: str = "lr",
    ) -> None:  # fmt: skip
        require_length("total_iters", total_iters, 1)
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch, hyperparameter=hyperparameter)

    def f(self, t: int) -> float:
        return (1.0 - min(t, self.total_iters) / self.total_iters) ** self.power
