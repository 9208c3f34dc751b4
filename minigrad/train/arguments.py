"""What a `Trainer` may be given: mistakes are named before anything runs."""

from __future__ import annotations

from typing import Any

from .callback import Callback


def check(
    loss: Any,
    metrics: Any,
    step_function: Any,
    callbacks: list[Any],
    limits: dict[str, float | None],
    accumulate: int,
    scheduler_every: str,
) -> None:
    """Raise TypeError or ValueError for what cannot be."""
    if (loss is None) == (step_function is None):
        raise TypeError("a Trainer takes either loss, a function (output, target), or step_function, (model, batch)")
    for name, function in {"loss": loss, "step_function": step_function}.items():
        if function is not None and not callable(function):
            raise TypeError(f"{name} must be a function, got {type(function).__name__}")
    if metrics is not None and not isinstance(metrics, dict):
        raise TypeError(f"metrics are given by name, {{'accuracy': accuracy}}, got {type(metrics).__name__}")
    if metrics and step_function is not None:
        raise TypeError("with step_function, metrics are what it returns: (loss, {'accuracy': ...})")
    for name, function in (metrics or {}).items():
        if name == "loss" or not callable(function):
            raise ValueError(f"a metric is a function (output, target) with a name other than 'loss', got {name!r}")
    for callback in callbacks:
        if isinstance(callback, type) or not isinstance(callback, Callback):
            raise TypeError(f"callbacks must be objects of subclasses of Callback, got {callback!r}")
    for name, limit in limits.items():
        if limit is not None and not limit > 0:
            raise ValueError(f"{name} must be above 0, got {limit}")
    if not isinstance(accumulate, int) or accumulate < 1:
        raise ValueError(f"accumulate is a number of batches, at least 1, got {accumulate!r}")
    if scheduler_every not in ("epoch", "step"):
        raise ValueError(f"scheduler_every must be 'epoch' or 'step', got {scheduler_every!r}")
