"""Schedules that a function of one's own states: `LambdaLR` gives the factor, `MultiplicativeLR` its change."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler
from .options import per_group, require_numbers

Function = Callable[[int], float]


class _OfFunctions(LRScheduler):
    def __init__(
        self, optimizer: Optimizer, lr_lambda: Function | list[Function], last_epoch: int = -1, *,
        hyperparameter: str = "lr",
    ) -> None:  # fmt: skip
        require_numbers(optimizer, hyperparameter)
        self.lr_lambdas: list[Function] = per_group(optimizer, "lr_lambda", lr_lambda)
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(f"lr_lambda must be a function of the epoch, got {type(function).__name__}")
        super().__init__(optimizer, last_epoch, hyperparameter=hyperparameter)

    def state_dict(self) -> dict[str, Any]:
        """As the base's. Of "lr_lambdas" it has the attributes of callable objects; functions cannot be saved."""
        return {**super().state_dict(), "lr_lambdas": [function_state(function) for function in self.lr_lambdas]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As the base's. The functions are those of this scheduler."""
        functions = self._entry(state_dict, "lr_lambdas")
        if len(functions) != len(self.lr_lambdas):
            raise ValueError(f"the state has {len(functions)} functions, the scheduler {len(self.lr_lambdas)}")
        super().load_state_dict({name: value for name, value in state_dict.items() if name != "lr_lambdas"})
        for function, state in zip(self.lr_lambdas, functions):
            load_function_state(function, state)


class LambdaLR(_OfFunctions):
    """lr(t) = initial · λ(t).

    Args:
        lr_lambda: λ, a function of the epoch, or a list with one for each group.

    >>> import minigrad
    >>> optimizer = minigrad.optim.SGD([minigrad.zeros(2, requires_grad=True)], lr=1.0)
    >>> LambdaLR(optimizer, lambda t: 1 / (t + 1)).preview(4)
    [1.0, 0.5, 0.3333333333333333, 0.25]
    """

    def get_lr(self) -> list[float]:
        self._warn_outside_step()
        return [initial * function(self.last_epoch) for initial, function in zip(self.base_lrs, self.lr_lambdas)]


class MultiplicativeLR(_OfFunctions):
    """lr(t) = lr(t - 1) · λ(t).

    Args:
        lr_lambda: λ, a function of the epoch, or a list with one for each group. The first is λ(1).

    >>> import minigrad
    >>> optimizer = minigrad.optim.SGD([minigrad.zeros(2, requires_grad=True)], lr=1.0)
    >>> MultiplicativeLR(optimizer, lambda t: 0.5).preview(4)
    [1.0, 0.5, 0.25, 0.125]
    """

    def get_lr(self) -> list[float]:
        self._warn_outside_step()
        if self._is_initial:
            return self.read()
        return [value * function(self.last_epoch) for value, function in zip(self.read(), self.lr_lambdas)]


def function_state(function: Any) -> dict[str, Any] | None:
    """What a callable object remembers; None for a function."""
    if function is None or isinstance(function, FunctionType):
        return None
    return dict(getattr(function, "__dict__", {}))


def load_function_state(function: Any, state: dict[str, Any] | None) -> None:
    """Give a callable object what it remembered."""
    if state:
        vars(function).update(state)
