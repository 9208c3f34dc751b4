"""Ending a training: `EarlyStopping` (validation gets no better), `StopOnConvergence` (the loss hardly changes)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minigrad import nn

from .callback import Callback
from .monitor import Watched

if TYPE_CHECKING:
    from .history import Epoch
    from .trainer import Trainer


class EarlyStopping(Callback):
    """End the training when a number has not got better for `patience` epochs in a row.

    In a loop of one's own, `update` says whether it is time to stop:

    >>> stopper = EarlyStopping(patience=2)
    >>> [stopper.update(value) for value in (3.0, 2.0, 2.5, 2.2)], stopper.best
    ([False, False, False, True], 2.0)

    Args:
        monitor, mode, min_delta: as of `Watched`. With monitor="gap" a growing distance of the validation loss from
            the training loss ends the training: the network has begun to learn its examples by heart.
        patience: epochs without improvement, at least 1.
        restore_best: give the model the weights of the best epoch when the training ends, for whatever reason it ends
            by itself (all epochs are done, another callback stops it). After an error or Ctrl-C the model keeps the
            weights that it has, and `restore(model)` gives it the best ones. The optimizer keeps the state of the last
            epoch.
        start_from_epoch: epochs before this one are not looked at.
    """

    def __init__(
        self,
        monitor: str = "validation_loss",
        patience: int = 10,
        min_delta: float = 0.0,
        mode: str | None = None,
        restore_best: bool = True,
        start_from_epoch: int = 1,
    ) -> None:
        if patience < 1:
            raise ValueError(f"patience is a number of epochs, at least 1, got {patience}")
        self.watched = Watched(monitor, mode, min_delta)
        self.patience, self.restore_best, self.start_from_epoch = patience, restore_best, start_from_epoch
        self.waited = 0  # epochs since the best one
        self.best_epoch = 0  # counted by the calls of `update` in a loop of one's own
        self.stopped = False  # has said that it is time to stop
        self._seen = 0
        self._weights: dict[str, Any] | None = None

    @property
    def best(self) -> float:
        """The best number so far, NaN before the first."""
        return self.watched.best

    def update(self, value: float, model: nn.Module | None = None) -> bool:
        """Look at the number of one more epoch: True if it is time to stop.

        With `restore_best`, pass the model: its weights are copied when they are the best so far.
        """
        self._seen += 1
        if self._seen < self.start_from_epoch:
            return False
        if self.watched.better(float(value)):
            self.waited, self.best_epoch = 0, self._seen
            if self.restore_best and model is not None:
                self._weights = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
            return False
        self.waited += 1
        self.stopped = self.waited >= self.patience
        return self.stopped

    def restore(self, model: nn.Module) -> bool:
        """Give `model` the weights of the best epoch; False if none have been copied."""
        if self._weights is None:
            return False
        model.load_state_dict(self._weights)
        return True

    def on_fit_start(self, trainer: Trainer) -> None:
        self.watched.require(trainer, self)
        if self.stopped and not trainer.stopping:  # this training has been ended by it, and now goes on
            self.waited, self.stopped = 0, False

    def on_epoch_end(self, trainer: Trainer, row: Epoch) -> None:
        self._seen = row.number - 1
        if self.update(self.watched.value(row), trainer.model):
            where = f"epoch {self.best_epoch} ({self.best:.4g})" if self.best_epoch else "the start"
            trainer.stop(f"{self.watched.monitor} has not got better since {where}")

    def on_fit_end(self, trainer: Trainer) -> None:
        if self.restore_best and self.restore(trainer.model) and self.best_epoch != len(trainer.history):
            trainer.say(f"the model has the weights of epoch {self.best_epoch}, the best")

    def state_dict(self) -> dict[str, Any]:
        return {
            "best": self.best, "best_epoch": self.best_epoch, "waited": self.waited, "stopped": self.stopped,
            "seen": self._seen, "weights": self._weights,
        }  # fmt: skip

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.watched.best, self.best_epoch, self.waited = state["best"], state["best_epoch"], state["waited"]
        self.stopped, self._seen, self._weights = state["stopped"], state["seen"], state["weights"]


class StopOnConvergence(Callback):
    """End the training when a number has converged: it has changed, for `patience` epochs in a row, by no more than
    `tolerance` times its size.

    >>> converged = StopOnConvergence(tolerance=0.01)
    >>> [converged.update(loss) for loss in (2.0, 1.0, 0.9, 0.895)]
    [False, False, False, True]
    """

    def __init__(self, tolerance: float = 1e-4, monitor: str = "training_loss", patience: int = 1) -> None:
        if not tolerance >= 0 or patience < 1:
            raise ValueError(f"tolerance must be at least 0 and patience 1, got {tolerance} and {patience}")
        self.watched = Watched(monitor, "min")
        self.tolerance, self.patience = tolerance, patience
        self.before: float | None = None
        self.quiet = 0  # epochs in a row with hardly a change

    def update(self, value: float) -> bool:
        """Look at one more number: True if it has converged."""
        value = float(value)
        still = self.before is not None and abs(value - self.before) <= self.tolerance * abs(self.before)
        self.before = value
        self.quiet = self.quiet + 1 if still else 0
        return self.quiet >= self.patience

    def on_fit_start(self, trainer: Trainer) -> None:
        self.watched.require(trainer, self)

    def on_epoch_end(self, trainer: Trainer, row: Epoch) -> None:
        before = self.before
        if self.update(self.watched.value(row)):
            trainer.stop(f"{self.watched.monitor} has converged ({before:.6g}, then {self.before:.6g})")

    def state_dict(self) -> dict[str, Any]:
        return {"before": self.before, "quiet": self.quiet}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.before, self.quiet = state["before"], state["quiet"]


class StopWhen(Callback):
    """End the training when `function(row)` says so.

    >>> good_enough = StopWhen(lambda row: row.validation_accuracy > 0.99)
    """

    def __init__(self, function: Callable[[Epoch], Any]) -> None:
        self.function = function

    def on_epoch_end(self, trainer: Trainer, row: Epoch) -> None:
        if self.function(row):
            trainer.stop("the condition that was waited for holds")
