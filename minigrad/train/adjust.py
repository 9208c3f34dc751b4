"""Setting hyperparameters while training goes on, from what has been measured: `Adjust`, `AdjustOnPlateau`."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import TYPE_CHECKING, Any

from .callback import Callback
from .monitor import Watched

if TYPE_CHECKING:
    from .history import Epoch
    from .trainer import Trainer


class Adjust(Callback):
    """Set an option of the optimizer after each epoch to `change(value, row)`.

    >>> calmer = Adjust("lr", lambda lr, row: lr / 2 if row["gap"] > 0.1 else lr)

    In a loop of one's own, `update(optimizer, row)` does it and returns the values, one for each group.

    Args:
        option: its name in `optimizer.param_groups`: "lr", "momentum", "alpha", "weight_decay", ...
        change: gets the present value and the epoch's row.
        group: the number of the group that is changed, None for all.
    """

    def __init__(self, option: str, change: Callable[[Any, Any], Any], group: int | None = None) -> None:
        self.option, self.change, self.group = option, change, group

    def update(self, optimizer: Any, row: Any) -> list[Any]:
        """Set the option from `row`."""
        return set_option(optimizer, self.option, lambda value: self.change(value, row), self.group)

    def on_fit_start(self, trainer: Trainer) -> None:
        groups_with(trainer.optimizer, self.option, self.group)  # an error in time

    def on_epoch_end(self, trainer: Trainer, row: Epoch) -> None:
        self.update(trainer.optimizer, row)


class AdjustOnPlateau(Callback):
    """Change any option of the optimizer when a number has not got better for `patience` epochs in a row.

    For the learning rate alone there is `optim.lr_scheduler.ReduceLROnPlateau`. A scheduler that computes the rate anew
    at each epoch (cosine restarts, OneCycleLR, LambdaLR) undoes what this does to it.

    >>> longer = AdjustOnPlateau("alpha", lambda alpha: 1 - (1 - alpha) / 2, monitor="training_loss", patience=5)

    Args:
        option, group: as of `Adjust`.
        change: a factor, or a function of the present value.
        monitor, mode, min_delta: as of `Watched`; "gap" for a growing distance of validation from training loss.
        patience: epochs without improvement, at least 1; counted anew after each change.
    """

    def __init__(
        self,
        option: str,
        change: float | Callable[[Any], Any],
        monitor: str = "validation_loss",
        patience: int = 10,
        min_delta: float = 0.0,
        mode: str | None = None,
        group: int | None = None,
    ) -> None:
        if patience < 1:
            raise ValueError(f"patience is a number of epochs, at least 1, got {patience}")
        if not callable(change) and not isinstance(change, Real):
            raise TypeError(f"change must be a factor or a function of the value, got {type(change).__name__}")
        self.option, self.change, self.group, self.patience = option, change, group, patience
        self.watched = Watched(monitor, mode, min_delta)
        self.waited = 0

    def update(self, value: float, optimizer: Any) -> bool:
        """Look at the number of one more epoch: True if the option has been changed."""
        self.waited = 0 if self.watched.better(float(value)) else self.waited + 1
        if self.waited < self.patience:
            return False
        self.waited = 0
        set_option(optimizer, self.option, lambda value: changed(self.option, value, self.change), self.group)
        return True

    @property
    def saved_as(self) -> str:
        group = "" if self.group is None else f", group {self.group}"
        return f"{type(self).__name__}({self.option}{group}, {self.watched.monitor})"

    def on_fit_start(self, trainer: Trainer) -> None:
        self.watched.require(trainer, self)
        for group in groups_with(trainer.optimizer, self.option, self.group):
            if not callable(self.change):
                changed(self.option, group[self.option], self.change)

    def on_epoch_end(self, trainer: Trainer, row: Epoch) -> None:
        if self.update(self.watched.value(row), trainer.optimizer):
            values = [group[self.option] for group in groups_with(trainer.optimizer, self.option, self.group)]
            shown = ", ".join(f"{value:.4g}" if isinstance(value, Real) else str(value) for value in values)
            trainer.say(f"{self.watched.monitor} has not got better for {self.patience} epochs: {self.option} {shown}")

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.watched.best, "waited": self.waited}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.watched.best, self.waited = state["best"], state["waited"]


def set_option(optimizer: Any, option: str, change: Callable[[Any], Any], group: int | None = None) -> list[Any]:
    """Set `option` of all groups of an optimizer, or of one, to `change(value)`; returns the new values."""
    chosen = groups_with(optimizer, option, group)
    values = [change(one[option]) for one in chosen]
    for one, value in zip(chosen, values):
        one[option] = value
    return values


def groups_with(optimizer: Any, option: str, group: int | None = None) -> list[dict[str, Any]]:
    """All groups of an optimizer, or the one of this number; ValueError if it is not there, or has no such option."""
    groups = optimizer.param_groups
    if group is not None and not -len(groups) <= group < len(groups):
        raise ValueError(f"there is no group {group}: the {type(optimizer).__name__} has {len(groups)}")
    chosen = groups if group is None else [groups[group]]
    for one in chosen:
        if option not in one:
            options = ", ".join(sorted(set(one) - {"params", "param_names"}))
            raise ValueError(f"{type(optimizer).__name__} has no option {option!r}; it has {options}")
    return list(chosen)


def changed(option: str, value: Any, change: float | Callable[[Any], Any]) -> Any:
    """`value` times the factor `change`, or what the function `change` makes of it.

    >>> changed("lr", 0.5, 0.5), changed("betas", (0.9, 0.999), lambda betas: (0.5, betas[1]))
    (0.25, (0.5, 0.999))
    """
    if callable(change):
        return change(value)
    if isinstance(value, bool) or not isinstance(value, Real):
        kind = "a function of the step" if callable(value) else repr(value)
        raise ValueError(f"{option} is {kind}, no number that a factor could change: pass a function of its value")
    return value * change
