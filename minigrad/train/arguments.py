"""What a `Trainer` may be given: mistakes are named before anything runs."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Iterable
from typing import Any

from minigrad import nn
from minigrad.optim import Optimizer

from .batches import check_loader
from .callback import Callback
from .monitor import needs_validation


def check(
    model: Any,
    optimizer: Any,
    loss: Any,
    metrics: Any,
    scheduler: Any,
    step_function: Any,
    callbacks: Any,
    limits: dict[str, float | None],
    accumulate: int,
    scheduler_every: str,
    monitor: str | None,
) -> list[Callback]:
    """The callbacks as a list; raises TypeError or ValueError for what cannot be."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a module, got {_shown(model)}")
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"optimizer must be one that has been made, SGD(model.parameters(), lr=0.1), got {_shown(optimizer)}"
        )
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
    callbacks = list(callbacks) if isinstance(callbacks, Iterable) else [callbacks]
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
    _check_scheduler(scheduler, optimizer, scheduler_every, monitor)
    return callbacks


def _check_scheduler(scheduler: Any, optimizer: Optimizer, scheduler_every: str, monitor: str | None) -> None:
    if scheduler is not None:
        if isinstance(scheduler, type) or not callable(getattr(scheduler, "step", None)):
            raise TypeError(
                f"scheduler must be one scheduler that has been made (SequentialLR and ChainedScheduler combine "
                f"several), got {_shown(scheduler)}"
            )
        if getattr(scheduler, "optimizer", optimizer) is not optimizer:
            raise ValueError("the scheduler is that of another optimizer: make it with the optimizer of this training")
        if takes_value(scheduler) and scheduler_every == "step":
            raise ValueError(f"{type(scheduler).__name__} needs an epoch's value: scheduler_every must be 'epoch'")
    if monitor is not None and (scheduler is None or not takes_value(scheduler)):
        raise ValueError(
            f"monitor={monitor!r} is what a scheduler of a plateau gets, and there is none: EarlyStopping, Checkpoint "
            "and others have a monitor of their own"
        )


def check_fit(loader: Any, validation: Any, epochs: Any, until: Any, monitor: str | None) -> int | None:
    """`epochs` as a whole number; raises TypeError or ValueError for what `fit` cannot be given."""
    check_loader(loader)
    if validation is not None:
        check_loader(validation, "validation")
    elif monitor is not None and needs_validation(monitor):
        raise ValueError(
            f"the scheduler gets {monitor!r}: pass fit(..., validation=loader), or monitor='training_loss' to Trainer"
        )
    if epochs is None and until is None:
        raise ValueError("how long to train? pass epochs=10, or until=StopOnConvergence()")
    if isinstance(until, type) or not (until is None or isinstance(until, Callback) or callable(until)):
        raise TypeError(f"until must be a callback that has been made or a function of the row, got {_shown(until)}")
    if epochs is None:
        return None
    try:
        number = operator.index(epochs)
    except TypeError:
        raise TypeError(f"epochs must be a whole number, got {epochs!r}") from None
    if number < 0:
        raise ValueError(f"epochs must not be negative, got {epochs}")
    return number


def takes_value(scheduler: Any) -> bool:
    """True if `scheduler.step(value)` wants a value, as that of a plateau does."""
    parameters = inspect.signature(scheduler.step).parameters.values()
    return any(p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)


def _shown(given: Any) -> str:
    return f"the class {given.__name__}" if isinstance(given, type) else f"a {type(given).__name__}"
