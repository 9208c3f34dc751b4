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
    rates: dict[str, float]
    epochs: int | None
    stopping: bool
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
        self,
        path: str | os.PathLike[str],
        lr_scale: float | None = None,
        lr: float | None = None,
        strict: bool = True,
        *,
        missing_ok: bool = False,
    ) -> Report:
        """Go on from what `save` has written, with the same numbers to the last bit.

        Model, optimizer, scheduler, callbacks and loader are made as before; this gives them their state. The next
        `fit` finishes the fit that the file is in: its `epochs` counts those that were done, and where that fit had
        ended there is nothing to do. Returns the report, which is printed, too, where progress is shown.

        Args:
            lr_scale, lr: go on with all rates times this, or with this rate. A fit that had ended does not bind then:
                the next one is new. The rate is changed at each call: a program that is started again after a crash
                should not scale once more what it has scaled.
            strict: as of `Session.resume`.
            missing_ok: where there is no such file, do nothing, so that one program begins a training and resumes it.
        """
        if missing_ok and not os.path.exists(path):
            return Report(os.fsdecode(path))
        report = self._session().resume(path, lr_scale=lr_scale, lr=lr, strict=strict)
        if (lr is not None or lr_scale is not None) and self._over():
            self._first = None
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
            "last": self.epochs,
            "stopping": self.stopping and self._first is not None,
            "step": self.step,
            "loss": float(self.loss),
            "rates": dict(self.rates),
            "batches": self._position.batches,
            "loaders": self._position.states(self.loader, self.validation),
            "tally": self._tally.state_dict(),
            "history": [dict(row) for row in self.history],
            "callbacks": {name: callback.state_dict() for name, callback in self._named_callbacks()},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self._first, self.epochs, self.stopping = state["first"], state["last"], state["stopping"]
        self.step, self.loss, self.rates = state["step"], state["loss"], dict(state["rates"])
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

    def _over(self) -> bool:
        """True if the fit has come to its end; one that is stopped within an epoch finishes it."""
        if self._position.batches:
            return False
        return self.stopping or (self.epochs is not None and len(self.history) >= self.epochs)

    def _say_what_is_left(self) -> None:
        """At the beginning of a fit: states that nobody here wants, and that there may be nothing to do."""
        gone = [name for name, state in self._of_callbacks.items() if state]
        self._of_callbacks = {}
        if gone:
            self.say(f"in the file, and not here: {', '.join(gone)}")
        if self.stopping and self._over():
            self.say("nothing to do: this training had been stopped; another fit, or resume with lr_scale, goes on")
        elif self._over() and self.epochs:
            self.say(f"nothing to do: {len(self.history)} epochs have been done, and {self.epochs} were asked for")

    def _named_callbacks(self) -> Iterator[tuple[str, Callback]]:
        seen: dict[str, int] = {}
        for callback in self.callbacks:
            name = callback.saved_as
            seen[name] = seen.get(name, 0) + 1
            yield (name if seen[name] == 1 else f"{name}_{seen[name]}"), callback
