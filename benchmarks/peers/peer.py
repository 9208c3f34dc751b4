"""What a peer is: a library, under one way of using it, that is asked to build the jobs which are timed.

To add a peer, write a file beside this one with a class that inherits from `Peer`, give it a `name`, the `module` it
imports and its `distribution`, and as many of the builders as it can; then name the class in `__init__.py`. A builder
that is left out makes the peer skip those workloads, by name.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..problems import Chain, Epoch, Part, SparseUpdate, Training, Update
from ..recurrent_problems import CharacterModel, Recurrent

ROOT = Path(__file__).resolve().parents[2]


class Absent(Exception):
    """The peer is not installed or does not run here; the message says why."""


class Unsupported(Exception):
    """The peer is here, but this workload is not for it; the message says why."""


@dataclass
class Job:
    """What is timed.

    run: does the work once, and returns something of the peer's own.
    number: waits until that is there, and makes a float of it (0 if the job has no number).
    state: what the work has changed, as NumPy arrays, to compare with other peers.
    wait: waits until what `run` gave is there; None where `run` does not return earlier.
    timed: does the work once and returns seconds, for jobs of which only a part is to be timed.
    """

    run: Callable[[], Any]
    number: Callable[[Any], float] = float
    state: Callable[[], list[np.ndarray]] = list
    wait: Callable[[Any], Any] | None = None
    timed: Callable[[], float] | None = None

    def check(self, steps: int) -> list[np.ndarray]:
        """The numbers of some steps, then the state after them."""
        numbers = [self.number(self.run()) for _ in range(steps)]
        return [np.array(numbers), *self.state()]


class Trainer(Protocol):
    """A network that can be trained: what the builders of jobs need of it."""

    def tensor(self, array: np.ndarray) -> Any:
        """The peer's own kind of input."""

    def step(self, *inputs: Any) -> Any:
        """One training step on x, y and masks; returns the loss before it."""

    def number(self, loss: Any) -> float: ...

    def parameters(self) -> list[np.ndarray]:
        """The values of the parameters, in the order and layout of `Training.parameters`."""

    wait: Callable[[Any], Any] | None  # until the loss is there; None where `step` does not return earlier


class Peer:
    """One way of using one library."""

    name = ""  # as in the tables
    module = ""  # what is imported
    distribution = ""  # as package indexes have it
    compiles = False  # whether the first calls of a step are dearer than the later ones
    devices: tuple[str, ...] = ("cpu",)
    kinds: tuple[str, ...] | None = None  # the kinds of problem that it is for, elsewhere it is not listed; None: all
    note = ""  # one sentence for the report: how it is used

    lib: Any
    device = "cpu"
    threads = 1

    def load(self, threads: int = 1, device: str = "cpu") -> None:
        """Import the library and set its threads. Raises `Absent`."""
        if device not in self.devices:
            raise Absent(f"runs on {' and '.join(self.devices)} here, not on {device}")
        self.threads, self.device = threads, device
        try:
            self.prepare()
            self.lib = importlib.import_module(self.module)
            self.ready()
        except Absent:
            raise
        except ModuleNotFoundError as error:
            raise Absent(f"{error.name} is not installed") from None
        except Exception as error:  # a library may fail in any way on a machine that it does not know
            raise Absent(f"does not run here: {brief(error)}") from None

    def prepare(self) -> None:
        """What has to happen before the import."""

    def ready(self) -> None:
        """What has to happen after it; may raise `Absent`."""

    def version(self) -> str:
        return metadata.version(self.distribution)

    # -- builders: the first is what most peers write, the next two follow from it ---------------------------------

    def trainer(self, problem: Training) -> Trainer:
        raise Unsupported("has no training step here")

    def training(self, problem: Training) -> Job:
        trainer = self.trainer(problem)
        inputs = [trainer.tensor(array) for array in problem.inputs()]
        step = trainer.step
        return Job(lambda: step(*inputs), trainer.number, trainer.parameters, trainer.wait)

    def epoch(self, problem: Epoch) -> Job:
        trainer = self.trainer(problem.training)
        x, y, order = problem.data()
        batches = self.batches(trainer, x, y, order, problem.training.batch)

        def run() -> Any:
            loss = None
            for inputs in batches():
                loss = trainer.step(*inputs)
            return loss

        return Job(run, trainer.number, trainer.parameters, trainer.wait)

    def batches(
        self, trainer: Trainer, x: np.ndarray, y: np.ndarray, order: np.ndarray, size: int
    ) -> Callable[[], Iterator[Any]]:
        """Batches as users of a library without a data loader draw them."""

        def draw() -> Iterator[Any]:
            for start in range(0, len(order), size):
                rows = order[start : start + size]
                yield trainer.tensor(x[rows]), trainer.tensor(y[rows])

        return draw

    def chain(self, problem: Chain) -> Job:
        raise Unsupported("has no single operations")

    def update(self, problem: Update) -> Job:
        raise Unsupported("has no optimizers of its own")

    def sparse(self, problem: SparseUpdate) -> Job:
        raise Unsupported("has no sparse gradients here")

    def recurrent(self, problem: Recurrent) -> Job:
        raise Unsupported("has no recurrent layers here")

    def character_model(self, problem: CharacterModel) -> Job:
        raise Unsupported("has no character model here")

    def part(self, problem: Part) -> Job:
        raise Unsupported("has no parts that can be timed one by one here")

    def build(self, problem: Any) -> Job:
        """The job for any problem. Raises `Unsupported`."""
        return getattr(self, problem.kind)(problem)

    def forget(self, cold: bool = False) -> None:
        """Drop what the library keeps of earlier jobs, compiled code above all; if `cold`, on disk too."""

    def import_line(self) -> str:
        """What a program of its users begins with."""
        return f"import {self.module}"


def brief(error: BaseException) -> str:
    """An error in one short line."""
    text = " ".join(str(error).split()).replace(f"{ROOT}{os.sep}", "")
    text = text if len(text) <= 160 else text[:157] + "..."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
