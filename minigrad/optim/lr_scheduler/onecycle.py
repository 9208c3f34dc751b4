"""`OneCycleLR`: one long cycle of the rate, up and far down, with the momentum the other way."""

from __future__ import annotations

import math
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler
from .momentum import begin_momentum, momentum_is_beta, write_momentum
from .options import per_group, require_numbers


class OneCycleLR(LRScheduler):
    """initial = max_lr / div_factor → max_lr → min = initial / final_div_factor, over N = total_steps in all.

        phase    ends at step        rate              momentum
        1        pct_start N - 1     initial → max     max → base
        2        N - 1               max → min         base → max

    and with three_phase

        2        2 pct_start N - 2   max → initial     base → max
        3        N - 1               initial → min     max → max

    With p, the part of a phase that has passed, a → b is b + (a - b) (1 + cos πp) / 2, or a + (b - a) p.

    [Smith, Topin 2017, https://arxiv.org/abs/1708.07120; two phases as fastai has them] It is meant to be stepped
    after every batch, N times at most.

    Args:
        max_lr: highest rate, or a list with one for each group; the optimizer's own is not used.
        total_steps: N; or epochs and steps_per_epoch, whose product it is.
        pct_start: the part of N in which the rate rises, a float between 0 and 1.
        anneal_strategy: "cos" or "linear".
        cycle_momentum: whether the momentum goes the other way.
        base_momentum, max_momentum: its lowest and highest value, or lists.
        div_factor, final_div_factor: initial and last rate, see above.
        three_phase: the rate comes down the way it went up before it falls to the last one.

    >>> import minigrad
    >>> optimizer = minigrad.optim.SGD([minigrad.zeros(2, requires_grad=True)], momentum=0.9)
    >>> scheduler = OneCycleLR(
    ...     optimizer, max_lr=1.0, total_steps=8, pct_start=0.5, anneal_strategy="linear", div_factor=4.0)
    >>> [round(lr, 4) for lr in scheduler.preview(8)]
    [0.25, 0.5, 0.75, 1.0, 0.75, 0.5, 0.25, 0.0]
    """

    def __init__(
        self, optimizer: Optimizer, max_lr: float | list[float], total_steps: int | None = None,
        epochs: int | None = None, steps_per_epoch: int | None = None, pct_start: float = 0.3,
        anneal_strategy: str = "cos", cycle_momentum: bool = True, base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95, div_factor: float = 25.0, final_div_factor: float = 1e4,
        three_phase: bool = False, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        require_numbers(optimizer, "lr")
        if total_steps is not None:
            self.total_steps = _positive("total_steps", total_steps)
        elif epochs is not None and steps_per_epoch is not None:
            self.total_steps = _positive("epochs", epochs) * _positive("steps_per_epoch", steps_per_epoch)
        else:
            raise ValueError("OneCycleLR needs total_steps, or epochs and steps_per_epoch")
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(f"pct_start must be a float between 0 and 1, got {pct_start!r}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f'anneal_strategy must be "cos" or "linear", got {anneal_strategy!r}')
        self._anneal_func_type = anneal_strategy
        last = self.total_steps - 1
        self._schedule_phases = [_phase(pct_start * self.total_steps - 1, "initial max", "max base")]
        if three_phase:
            self._schedule_phases += [
                _phase(2 * pct_start * self.total_steps - 2, "max initial", "base max"),
                _phase(last, "initial min", "max max"),
            ]
        else:
            self._schedule_phases += [_phase(last, "max min", "base max")]
        max_lrs = per_group(optimizer, "max_lr", max_lr)
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1 = momentum_is_beta(optimizer)
            lows, highs = (
                per_group(optimizer, name, value)
                for name, value in (("base_momentum", base_momentum), ("max_momentum", max_momentum))
            )
            if last_epoch == -1:
                begin_momentum(optimizer, lows, highs)
        if last_epoch == -1:
            for group, highest in zip(optimizer.param_groups, max_lrs):
                group["initial_lr"] = highest / div_factor
                group["max_lr"] = highest
                group["min_lr"] = group["initial_lr"] / final_div_factor
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        self._warn_outside_step()
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(
                f"step {step} of a schedule of {self.total_steps}: give OneCycleLR as many total_steps as "
                "scheduler.step() is called"
            )
        groups, phases = self.optimizer.param_groups, self._schedule_phases
        k = next((k for k, phase in enumerate(phases) if step <= phase["end_step"]), len(phases) - 1)
        start, end = phases[k - 1]["end_step"] if k else 0.0, phases[k]["end_step"]
        passed = (step - start) / (end - start) if end != start else 1.0
        if self.cycle_momentum:
            write_momentum(self.optimizer, [self._between(group, phases[k], "momentum", passed) for group in groups])
        return [self._between(group, phases[k], "lr", passed) for group in groups]

    def _between(self, group: dict[str, Any], phase: dict[str, Any], what: str, passed: float) -> float:
        """The value of a phase, of which the part `passed` is over."""
        a, b = group[phase[f"start_{what}"]], group[phase[f"end_{what}"]]
        if self._anneal_func_type == "cos":
            return b + (a - b) / 2 * (1 + math.cos(math.pi * passed))
        return a + (b - a) * passed


def _positive(name: str, value: int) -> int:
    if not isinstance(value, int) or value <= 0:
        raise ValueError(f"{name} must be a positive integer, got {value!r}")
    return value


def _phase(end: float, rate: str, momentum: str) -> dict[str, Any]:
    """A phase as PyTorch saves it: its last step, and which entries of a group it goes between."""
    (low, high), (first, last) = rate.split(), momentum.split()
    return {
        "end_step": end, "start_lr": f"{low}_lr", "end_lr": f"{high}_lr",
        "start_momentum": f"{first}_momentum", "end_momentum": f"{last}_momentum",
    }  # fmt: skip
