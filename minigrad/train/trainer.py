"""`Trainer`: the training loop, with validation, metrics, callbacks, a progress bar and files to resume from."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from typing import Any
from weakref import ref

from minigrad import nn
from minigrad.optim import Optimizer

from .arguments import check, check_fit, takes_value
from .batches import Position, batch_size, groups, target_size
from .callback import Callback, acting
from .early_stopping import StopWhen
from .errors import NonFiniteError
from .evaluation import MeasureMethods
from .history import Epoch, Tally
from .monitor import usual_monitor
from .progress import Progress
from .saving import SaveMethods
from .step import Steps, learning_rates, measuring

Function = Callable[..., Any]


class Trainer(SaveMethods, MeasureMethods):
    """Trains a model on the batches of a loader.

    Args:
        model: a module.
        optimizer: of its parameters.
        loss: (output, target) -> the mean loss of a batch.
        metrics: by name, (output, target) -> the mean over a batch, such as those of `minigrad.train.metrics`.
        scheduler: its `step()` is called after each epoch; that of a plateau gets the epoch's value of `monitor`.
        callbacks: see `Callback`.
        clip_norm, clip_value: limits of the gradients' norm and of each of their elements.
        accumulate: batches per step. Such a step equals one on a single batch of all their samples.
        jit: record the step and replay it (`minigrad.jit`). Where that cannot be, `eager_because` says why.
        progress: show a bar, a line for each epoch, and a line for what callbacks, `resume` and `jit` have to say:
            True, False, or a `Progress` of your own.
        scheduler_every: "epoch" or "step".
        monitor: what a plateau scheduler gets; by default "validation_loss", "training_loss" without validation.
        step_function: (model, batch) -> the loss, or (loss, {"name": metric, ...}), in place of `loss` and `metrics`
            for batches that are not (inputs..., target). The backward pass and the update are the trainer's.

    Batches are (inputs..., target): the model is called with the inputs. They are moved to the model's device.

    Attributes: `history`, a list of `Epoch`; `step`, the number of optimizer steps so far; `loss`, the training loss of
    the last batch; `rates`, the learning rates of the last step; `batches`, of the running step; `loader` and
    `validation`, those of the running `fit`.

    See the package's docstring for a whole program.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        loss: Function | None = None,
        metrics: dict[str, Function] | None = None,
        scheduler: Any = None,
        callbacks: Iterable[Callback] = (),
        clip_norm: float | None = None,
        clip_value: float | None = None,
        accumulate: int = 1,
        jit: bool = True,
        progress: bool | Progress = True,
        *,
        scheduler_every: str = "epoch",
        monitor: str | None = None,
        step_function: Function | None = None,
    ) -> None:
        limits = {"clip_norm": clip_norm, "clip_value": clip_value}
        callbacks = check(
            model, optimizer, loss, metrics, scheduler, step_function, callbacks, limits, accumulate,
            scheduler_every, monitor,
        )  # fmt: skip
        self.model, self.optimizer, self.scheduler = model, optimizer, scheduler
        self.metrics: dict[str, Function] = dict(metrics or {})
        self.callbacks: list[Callback] = callbacks
        if progress:
            self.callbacks.append(Progress() if progress is True else progress)
        self.callbacks.sort(key=lambda callback: callback.order)
        self.accumulate, self.scheduler_every, self.monitor = accumulate, scheduler_every, monitor
        self._takes_value = scheduler is not None and takes_value(scheduler)
        self._custom = step_function is not None
        self._size = batch_size if self._custom else target_size
        self._measure = measuring(loss, step_function, with_output=bool(metrics))
        say = _speaker(self) if jit else None
        self._steps = Steps(model, optimizer, self._measure, clip_norm, clip_value, say, self._size)
        self.history: list[Epoch] = []
        self.step = 0
        self.loss: Any = math.nan
        self.rates: dict[str, float] = {}
        self.batches: list[Any] = []
        self.loader: Any = None
        self.validation: Any = None
        self.epochs: int | None = None  # the number of the last epoch of the running fit
        self.stopping = False
        self._first: int | None = None  # epochs before the fit that is running, or that a file is in
        self._number = 0  # of the epoch that is running, or was the last
        self._tally = Tally()
        self._position = Position()
        self._saved: set[str] = set()
        self._of_callbacks: dict[str, Any] = {}  # saved, and not yet loaded

    # -- training ------------------------------------------------------------------------------------------------

    def fit(
        self,
        loader: Iterable[Any],
        epochs: int | None = None,
        *,
        validation: Iterable[Any] | None = None,
        until: Callback | Callable[[Epoch], Any] | None = None,
    ) -> list[Epoch]:
        """Train for `epochs` passes over `loader`; returns the history, a row for each epoch.

        After `resume` it finishes the fit that the file is in: `epochs` counts those that were done before, so that
        the same program comes to the same end, and the started epoch goes on where it was cut. If that fit had come
        to its end, by `epochs` or because a callback had stopped it, nothing is trained, and a line says so. With
        `lr` or `lr_scale` given to `resume`, a fit that had ended is followed by a new one of `epochs` epochs.

        Args:
            validation: batches on which loss and metrics are measured after each epoch, in `eval` mode.
            until: another reason to end: a callback that stops, such as `StopOnConvergence()`, or a function of the
                epoch's row that returns True. Without `epochs` it is the only one.

        Raises:
            NonFiniteError: the training loss of an epoch is no finite number. `NaNGuard` tells where it comes from.
        """
        epochs = check_fit(loader, validation, epochs, until, self.monitor)
        first = len(self.history) if self._first is None else self._first
        last = None if epochs is None else first + epochs
        if self._position.batches and last is not None and len(self.history) >= last:
            raise ValueError(
                f"the fit that is resumed was cut in its epoch {len(self.history) - first + 1}, which would be lost: "
                f"epochs counts all epochs of that fit and must be at least that number, got {epochs}"
            )
        self._position.restore(loader, validation)
        self.loader, self.validation, self.epochs = loader, validation, last
        self.stopping = self.stopping and self._first is not None
        self._first, self._number = first, len(self.history)
        own = self.callbacks
        if until is not None:
            self.callbacks = [*own, until if isinstance(until, Callback) else StopWhen(until)]
            self.callbacks.sort(key=lambda callback: callback.order)
        if not self.step:
            for callback in self.callbacks:
                callback.reset()
        self._load_callbacks()
        self._say_what_is_left()
        self._steps.refresh()
        if not self.model.training:  # parts that have been set to eval on purpose stay so
            self.model.train()
        try:
            self._tell("on_fit_start")
            while not self._over():
                self._epoch()
            self._tell("on_fit_end")
        finally:
            self._first, self._position = None, Position()
            with ExitStack() as stack:  # all are closed, whatever one of them raises
                stack.callback(setattr, self, "callbacks", own)
                for close in reversed(acting(self.callbacks, "close")):
                    stack.callback(close, self)
        return self.history

    def _epoch(self) -> None:
        start = time.perf_counter()
        self._number = len(self.history) + 1
        if not self._position.batches:
            self._tally = Tally()
        self._tell("on_epoch_start")
        self._pass()
        row = self._row()
        row["seconds"] = time.perf_counter() - start
        self.history.append(row)
        self._position = Position()
        if self.scheduler is not None and self.scheduler_every == "epoch":
            self._schedule(row)
        self._tell("on_epoch_end", row)

    def _pass(self) -> None:
        """The steps of one pass over the loader, or of what is left of it."""
        before, after = acting(self.callbacks, "on_step_start"), acting(self.callbacks, "on_step_end")
        between = acting(self.callbacks, "on_gradients")
        each_step = self.scheduler is not None and self.scheduler_every == "step"
        # closed on errors, too: a loader goes on with a pass that somebody still holds
        with closing(groups(self._position.read(self.loader), self.accumulate, self._device())) as running:
            for batches in running:
                self.batches = batches
                for act in before:
                    act(self)
                results = self._steps(batches, self._between if between else None)
                for batch, (loss, measured) in zip(batches, results):
                    self._count(self._tally, batch, loss, measured)
                self.loss = results[-1][0]
                self.step += 1
                self.rates = learning_rates(self.optimizer)
                self._position.batches += len(batches)
                if each_step:
                    self.scheduler.step()
                for act in after:
                    act(self)

    def _row(self) -> Epoch:
        """What the pass that has just ended gave, and validation."""
        row = Epoch(number=len(self.history) + 1, step=self.step)
        row |= {f"training_{name}": mean for name, mean in self._tally.means().items()}
        if not math.isfinite(row.training_loss):
            raise NonFiniteError(
                f"the loss became {row.training_loss} in epoch {row.number}: try a smaller learning rate; with "
                "NaNGuard() among the callbacks the error names the layer and the operation"
            )
        row["last_loss"] = float(self.loss)
        row |= self.rates
        if self.validation is not None:
            row |= {f"validation_{name}": mean for name, mean in self.evaluate(self.validation).items()}
            row["gap"] = row.validation_loss - row.training_loss
        return row

    def _between(self, results: list[tuple[Any, Any]]) -> None:
        self.loss = results[-1][0]
        self._tell("on_gradients")

    def gradients(self) -> None:
        """Compute the gradients of the running step's batches once more, eagerly."""
        self._steps.gradients(self.batches)

    def _schedule(self, row: Epoch) -> None:
        if not self._takes_value:
            self.scheduler.step()
            return
        name = self.monitor or usual_monitor(self.validation is not None)
        if name not in row:
            raise ValueError(f"monitor={name!r} is not measured; what is: {', '.join(row)}")
        self.scheduler.step(row[name])

    def stop(self, reason: str = "") -> None:
        """End the training after the running epoch."""
        self.stopping = True
        if reason:
            self.say(f"stopped after epoch {self._number}: {reason}")

    @property
    def eager_because(self) -> str:
        """Why the step runs eagerly although it should be recorded; empty if it is recorded."""
        return self._steps.eager_because

    def say(self, text: str) -> None:
        """Print a line, if progress is shown."""
        self._tell("on_message", text)

    def _tell(self, moment: str, *args: Any) -> None:
        for act in acting(self.callbacks, moment):
            act(self, *args)

    def steps_of_fit(self) -> tuple[int | None, int]:
        """The steps that the running fit has in all (None: nobody knows), and those that it has done."""
        if self.epochs is None or not hasattr(self.loader, "__len__"):
            return None, 0
        of_epoch = -(-len(self.loader) // self.accumulate)
        done = len(self.history) - (self._first or 0)
        total = (self.epochs - (self._first or 0)) * of_epoch
        return total, done * of_epoch + self._position.batches // self.accumulate


def _speaker(trainer: Trainer) -> Callable[[str], None]:
    """`trainer.say` for its own parts: a reference back would keep the trainer until the garbage collector runs."""
    owner = ref(trainer)

    def say(text: str) -> None:
        trainer = owner()
        if trainer is not None:
            trainer.say(text)

    return say
