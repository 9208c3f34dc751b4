"""`Callback`: what may act at certain moments of a training."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from .monitor import Watched

if TYPE_CHECKING:
    from .history import Epoch
    from .trainer import Trainer


class Callback:
    """Base of the callbacks: a subclass defines the moments at which it acts.

    A callback sees the trainer: its `model`, `optimizer` (whose `param_groups` it may change), `history`, `step` (the
    number of optimizer steps so far) and `loss` (of the last batch). `trainer.stop(reason)` ends the training after
    the running epoch, `trainer.say(text)` prints a line.

    >>> class Halve(Callback):
    ...     def on_epoch_end(self, trainer, row):
    ...         for group in trainer.optimizer.param_groups:
    ...             group["lr"] /= 2
    """

    #: those with a smaller number act first: a checkpoint is written when all others have seen the epoch
    order = 0

    _fresh: dict[str, Any]  # its state before its first training

    @property
    def saved_as(self) -> str:
        """The name of its state in a saved training. Several of a class that do different things have different ones,
        so that they may change places; those of one name are told apart by their order."""
        watched = getattr(self, "watched", None)
        return f"{type(self).__name__}({watched.monitor})" if isinstance(watched, Watched) else type(self).__name__

    def on_fit_start(self, trainer: Trainer) -> None:
        """Before the first epoch of `fit`, also where a training is resumed."""

    def on_epoch_start(self, trainer: Trainer) -> None:
        """Before the first batch of an epoch."""

    def on_step_start(self, trainer: Trainer) -> None:
        """Before a step; `trainer.batches` are the batches that it is made on."""

    def on_gradients(self, trainer: Trainer) -> None:
        """The gradients are there, nothing has been updated yet. The step is recorded in two parts then."""

    def on_step_end(self, trainer: Trainer) -> None:
        """After a step, the scheduler's included."""

    def on_epoch_end(self, trainer: Trainer, row: Epoch) -> None:
        """After validation and the scheduler; `row` is what the epoch gave."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """The training has ended by itself, or a callback has ended it."""

    def on_message(self, trainer: Trainer, text: str) -> None:
        """Somebody has something to say."""

    def close(self, trainer: Trainer) -> None:
        """`fit` is left, whatever the reason: an error, and Ctrl-C, too."""

    def reset(self) -> None:
        """A new training begins: what the callback has seen of another one is forgotten."""
        if "_fresh" in vars(self):
            self.load_state_dict(deepcopy(self._fresh))
        else:
            self._fresh = deepcopy(self.state_dict())

    def state_dict(self) -> dict[str, Any]:
        """What has to be saved with a training."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned."""


def acting(callbacks: list[Callback], moment: str) -> list[Any]:
    """The methods `moment` of those callbacks that define it."""
    return [getattr(c, moment) for c in callbacks if getattr(type(c), moment) is not getattr(Callback, moment)]
