"""Saving a training and resuming it: the part of `Trainer` that deals with files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from minigrad import nn
from minigrad.optim import Optimizer

from .batches import Position
from .callback import Callback
from .history import Epoch, Tally
from .report import Report
from .session import Session


class SaveMethods:
    """What a trainer saves, and how another one goes on from it."""

    model: nn.Module
    optimizer: Optimizer
    scheduler: Any
    callbacks: list[Callback]
    history: list[Epoch]
    step: int
    loss: Any
    loader: Any
    validation: Any
    _first: int | None
    _tally: Tally
    _position: Position
    _of_callbacks: dict[str, Any]  # their states that have not been loaded yet
    _saved: set[str]  # names of the callbacks in the file

    def say(self, text: str) -> None:
        """Print a line, if progress is shown."""
        raise NotImplementedError

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the whole training into one file: after a step, an epoch, or `fit`. See `Session`."""
        self._session().save(path, epoch=len(self.history), step=self.step)

    def resume(
        self, path: str | os.PathLike[str], lr_scale: float | None = None, lr: float | None = None, strict: bool = True
    ) -> Report:
        """Go on from what `save` has written, with the same numbers to the last bit.

        Model, optimizer, scheduler, callbacks and loader are made as before; this gives them their state. The next
        `fit` finishes the one that was cut short. `lr_scale` or `lr` changes the learning rate. Returns the report.
        """
        report = self._session().resume(path, lr_scale=lr_scale, lr=lr, strict=strict)
        self.say(str(report))
        new = [name for name, callback in self._named_callbacks() if callback.state_dict() and name not in self._saved]
        if new:
            self.say(f"not in the file, and begun anew: {', '.join(new)}")
        return report

    def _session(self) -> Session:
        parts = {"model": self.model, "optimizer": self.optimizer, "scheduler": self.scheduler, "trainer": self}
        return Session(**parts)

    def state_dict(self) -> dict[str, Any]:
        """What a training is besides model, optimizer, scheduler and loader."""
        return {
            "first": self._first,
            "step": self.step,
            "loss": float(self.loss),
            "batches": self._position.batches,
            "loaders": self._position.states(self.loader, self.validation),
            "tally": self._tally.state_dict(),
            "history": [dict(row) for row in self.history],
            "callbacks": {name: callback.state_dict() for name, callback in self._named_callbacks()},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self._first, self.step, self.loss = state["first"], state["step"], state["loss"]
        self._position = Position(state["batches"], state["loaders"])
        self._tally.load_state_dict(state["tally"])
        self.history[:] = [Epoch(row) for row in state["history"]]
        self._of_callbacks, self._saved = dict(state["callbacks"]), set(state["callbacks"])
        self._load_callbacks()

    def _load_callbacks(self) -> None:
        """Give the callbacks what was saved of them; that of `until` is there when `fit` begins."""
        for name, callback in self._named_callbacks():
            if name in self._of_callbacks:
                callback.load_state_dict(self._of_callbacks.pop(name))

    def _named_callbacks(self) -> Iterator[tuple[str, Callback]]:
        seen: dict[str, int] = {}
        for callback in self.callbacks:
            name = type(callback).__name__
            seen[name] = seen.get(name, 0) + 1
            yield (name if seen[name] == 1 else f"{name}_{seen[name]}"), callback
