"""`CyclicLR`: up and down between two rates, and the momentum down and up."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler
from .functions import function_state, load_function_state
from .momentum import begin_momentum, momentum_is_beta, write_momentum
from .options import per_group, require_numbers


class CyclicLR(LRScheduler):
    """lr(t) = base + (max - base) · h(t) · s, with h a triangle: 0 → 1 in step_size_up steps, 1 → 0 in step_size_down.

        triangular     s = 1
        triangular2    s = 1 / 2^(c - 1)    c is the number of the cycle, from 1
        exp_range      s = γ^t

    The momentum, or the first of the betas, is max_momentum - (max_momentum - base_momentum) · h(t) · s.

    [Smith 2017, https://arxiv.org/abs/1506.01186] It is meant to be stepped after every batch.

    Args:
        base_lr: lowest rate, or a list with one for each group; the optimizer's own is not used.
        max_lr: highest rate, likewise.
        step_size_up: steps from lowest to highest.
        step_size_down: steps from highest to lowest; None: as many.
        mode: "triangular", "triangular2" or "exp_range".
        gamma: γ of "exp_range".
        scale_fn: a function instead of `mode`'s: s = scale_fn(x) where x is c or t.
        scale_mode: "cycle" if x is c, "iterations" if it is t.
        cycle_momentum: whether the momentum goes the other way.
        base_momentum, max_momentum: its lowest and highest value, or lists.

    >>> import minigrad
    >>> optimizer = minigrad.optim.SGD([minigrad.zeros(2, requires_grad=True)], momentum=0.9)
    >>> CyclicLR(optimizer, base_lr=1.0, max_lr=2.0, step_size_up=2, mode="triangular2").preview(8)
    [1.0, 1.5, 2.0, 1.5, 1.0, 1.25, 1.5, 1.25]
    """

    def __init__(
        self, optimizer: Optimizer, base_lr: float | list[float], max_lr: float | list[float],
        step_size_up: float = 2000, step_size_down: float | None = None, mode: str = "triangular", gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None, scale_mode: str = "cycle", cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8, max_momentum: float | list[float] = 0.9, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        require_numbers(optimizer, "lr")
        base_lrs = per_group(optimizer, "base_lr", base_lr)
        self.max_lrs = per_group(optimizer, "max_lr", max_lr)
        down = step_size_up if step_size_down is None else step_size_down
        if not (step_size_up > 0 and down >= 0):
            raise ValueError(f"step_size_up must be above 0 and step_size_down not below, got {step_size_up}, {down}")
        self.total_size = float(step_size_up + down)
        self.step_ratio = step_size_up / self.total_size
        if scale_fn is None and mode not in ("triangular", "triangular2", "exp_range"):
            raise ValueError(f'mode must be "triangular", "triangular2" or "exp_range", got {mode!r}')
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode if scale_fn is not None else "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1 = momentum_is_beta(optimizer)
            self.base_momentums = per_group(optimizer, "base_momentum", base_momentum)
            self.max_momentums = per_group(optimizer, "max_momentum", max_momentum)
            if last_epoch == -1:
                begin_momentum(optimizer, self.base_momentums, self.max_momentums)
        if last_epoch == -1:
            for group, value in zip(optimizer.param_groups, base_lrs):
                group["lr"] = value
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs  # not the initial rates, which may be those of an earlier scheduler
        if last_epoch == -1:
            self._update_lr(0)

    def state_dict(self) -> dict[str, Any]:
        """As the base's. Of a `scale_fn` of one's own it has what `LambdaLR` has of its functions."""
        return {**super().state_dict(), "_scale_fn_custom": function_state(self._scale_fn_custom)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As the base's. A `scale_fn` of one's own is that of this scheduler."""
        super().load_state_dict({name: value for name, value in state_dict.items() if name != "_scale_fn_custom"})
        load_function_state(self._scale_fn_custom, state_dict.get("_scale_fn_custom"))

    def scale_fn(self, x: float) -> float:
        """s of cycle or step x."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        return {"triangular": 1.0, "triangular2": 0.5 ** (x - 1), "exp_range": self.gamma**x}[self.mode]

    def get_lr(self) -> list[float]:
        self._warn_outside_step()
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1 + self.last_epoch / self.total_size - cycle  # of the cycle, how much has passed
        height = x / self.step_ratio if x <= self.step_ratio else (1 - x) / (1 - self.step_ratio)
        height *= self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            values = [high - (high - low) * height for low, high in zip(self.base_momentums, self.max_momentums)]
            write_momentum(self.optimizer, values)
        return [low + (high - low) * height for low, high in zip(self.base_lrs, self.max_lrs)]
