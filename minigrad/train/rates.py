"""Going on with another learning rate: the groups' rates, and what their schedules start from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

#: what a group or a scheduler has of the rate besides "lr" itself
_OF_GROUPS = ("initial_lr", "max_lr", "min_lr")
_OF_SCHEDULERS = ("base_lrs", "max_lrs", "_last_lr")


def check_rates(lr: float | None, lr_scale: float | None, optimizers: dict[str, Any]) -> None:
    """Raise an error if the arguments make no sense for these optimizers."""
    if lr is None and lr_scale is None:
        return
    if lr is not None and lr_scale is not None:
        raise ValueError(f"pass lr or lr_scale, not both (lr={lr}, lr_scale={lr_scale})")
    name, value = ("lr", lr) if lr_scale is None else ("lr_scale", lr_scale)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise ValueError(f"{name} must be a number that is not negative, got {value!r}")
    if not optimizers:
        raise ValueError(f"{name} is for optimizers, and this session has none")
    for part, optimizer in optimizers.items():
        for k, group in enumerate(optimizer.param_groups):
            if callable(group.get("lr")):
                raise ValueError(
                    f"{name}: the rate of group {k} of {part} is a function of the step, which has a scale of its "
                    "own: give the optimizer another function"
                )


def set_rates(
    lr: float | None, lr_scale: float | None, optimizers: dict[str, Any], others: dict[str, Any]
) -> Iterator[str]:
    """Give the groups other rates, and scale what the schedules start from alike. Yields a line for each optimizer.

    Floors that a schedule was given as numbers (`eta_min`, `min_lrs` of a plateau) stay.
    """
    names = {id(optimizer): name for name, optimizer in optimizers.items()}  # each once
    for name, optimizer in optimizers.items():
        if names[id(optimizer)] != name:
            continue
        groups = optimizer.param_groups
        before = [group["lr"] for group in groups]
        after = [lr if lr is not None else rate * lr_scale for rate in before]
        for group, rate in zip(groups, after, strict=True):
            factor = _factor(group["lr"], rate, lr_scale)
            group["lr"] = rate
            for option in _OF_GROUPS:
                if option in group:
                    group[option] = rate if factor is None else group[option] * factor
        for scheduler in _of_optimizer(optimizer, others.values()):
            for attribute in _OF_SCHEDULERS:
                values = getattr(scheduler, attribute, None)
                if isinstance(values, list) and len(values) == len(groups):
                    factors = [_factor(a, b, lr_scale) for a, b in zip(before, after, strict=True)]
                    scaled = zip(values, factors, after, strict=True)
                    setattr(scheduler, attribute, [rate if f is None else value * f for value, f, rate in scaled])
        prefix = "" if len(names) == 1 else f"{name}: "
        why = f"lr_scale={lr_scale}" if lr is None else f"lr={lr}"
        yield f"{prefix}lr {_shown(before)} -> {_shown(after)} ({why})"


def _factor(before: Any, after: Any, lr_scale: float | None) -> float | None:
    """By how much to scale a schedule; None where it starts anew from `after`, as nothing times anything is 0."""
    if lr_scale is not None:
        return lr_scale
    return float(after) / float(before) if float(before) else None


def _of_optimizer(optimizer: Any, things: Any) -> Iterator[Any]:
    """The schedulers of the optimizer's rate among `things`, and those that they are composed of."""
    for thing in things:
        if getattr(thing, "hyperparameter", "lr") == "lr" and getattr(thing, "optimizer", None) is optimizer:
            yield thing
        yield from _of_optimizer(optimizer, getattr(thing, "_schedulers", ()))


def _shown(rates: list[Any]) -> str:
    numbers = [f"{float(rate):.6g}" for rate in rates]
    return numbers[0] if len(set(numbers)) == 1 else f"[{', '.join(numbers)}]"
