"""Training on windows of long streams: `TextWindows` is the loader, `CarryingTrainer` hands the recurrent state on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from minigrad import Tensor
from minigrad.utils import tbptt
from minigrad.utils.text import streams

from ..history import Tally
from ..session import Session
from ..trainer import Trainer

#: what begins the name of a part of the state among the things that a step measures
STATE = "state"


class TextWindows:
    """The windows of parallel streams, as a loader of batches [inputs, targets, *state], tokens of shape (steps, B).

    Targets are the inputs one token later. The state is that of the window before, which `carry` takes; a pass begins
    with `first`. In the middle of a pass, `state_dict` has the place and the state.

    Args:
        tokens: (n,), int64.
        batch_size: the number of streams, B.
        steps: of a window; the last one may be shorter.
        first: the state before the first window.
    """

    def __init__(self, tokens: Tensor, batch_size: int, steps: int, first: Iterable[Tensor]) -> None:
        self.inputs, self.targets = streams(tokens[:-1], batch_size), streams(tokens[1:], batch_size)
        self.steps, self.first = steps, tuple(first)
        self._done, self._state = 0, self.first
        self._resumed = False
        self._windows: Any = None

    def __len__(self) -> int:
        return -(-len(self.inputs) // self.steps)

    def __iter__(self) -> Iterator[list[Tensor]]:
        if not self._resumed:
            self._done, self._state = 0, self.first
        self._resumed = False
        if self._done < len(self):
            start = self._done * self.steps
            self._windows = tbptt(self.inputs[start:], self.targets[start:], steps=self.steps, state=self._state)
            for inputs, targets in self._windows:
                yield [inputs, targets, *self._windows.state]
        self._done, self._state = 0, self.first

    def carry(self, state: Iterable[Tensor]) -> None:
        """Take the state after the window that has just been read: the next one begins with it."""
        self._windows.state = self._state = tuple(state)
        self._done += 1

    def state_dict(self) -> dict[str, Any]:
        """The windows of this pass that are done, and the state after them."""
        return {"done": self._done, "state": list(self._state)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next pass go on from there."""
        self._done, self._resumed = state["done"], True
        self._state = tuple(state["state"])  # the trainer moves it to its device


class CarryingTrainer(Trainer):
    """A `Trainer` on `TextWindows`: what `step_function` measures under "state0", "state1", ... goes to the next one.

    So the state is an argument and a result of the recorded step. `description`, anything with a state, is saved with
    the training.
    """

    def __init__(self, *args: Any, description: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.description = description
        self._evaluated: Any = None

    def evaluate(self, loader: Iterable[Any]) -> dict[str, float]:
        self._evaluated = loader
        return super().evaluate(loader)

    def _count(self, tally: Tally, batch: Any, loss: Tensor, measured: Any) -> None:
        source = self.loader if tally is self._tally else self._evaluated
        source.carry(value for name, value in measured.items() if name.startswith(STATE))
        rest = {name: value for name, value in measured.items() if not name.startswith(STATE)}
        super()._count(tally, batch, loss, rest)

    def _session(self) -> Session:
        return Session(**super()._session().things, description=self.description)
