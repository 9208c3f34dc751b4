"""`Checkpoint`: the last and the best state of a training in files, whole at any moment."""

from __future__ import annotations

import math
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minigrad.nn.parameter import is_uninitialized
from minigrad.serialization.atomic import replacing

from .callback import Callback
from .monitor import Watched, usual_monitor

if TYPE_CHECKING:
    from .history import Epoch
    from .trainer import Trainer


class Checkpoint(Callback):
    """Save the whole training after each epoch: `trainer.resume(f"{folder}/last.safetensors")` goes on from there.

    Files in `folder`: last.safetensors; best.safetensors, of the best epoch so far; and with `keep`
    epoch-0001.safetensors, ... of that many latest epochs. Each takes its name when it is complete, and old ones are
    removed after that: Ctrl-C, a crash or a power cut at any moment leaves whole files. Only files of this training
    are removed.

    Args:
        folder: made if needed.
        best: whether to keep the best state. What is best, `monitor`, `mode` and `min_delta` say, as of `Watched`; by
            default the validation loss, or the training loss if there is no validation.
        keep: the number of numbered files.
        every_steps: save last.safetensors after so many steps, too, in the middle of an epoch.

    A state whose loss or weights are not finite is not saved: the files are those of the last that was.
    """

    order = 1  # when all others have seen the epoch

    def __init__(
        self,
        folder: str | os.PathLike[str],
        best: bool = True,
        keep: int = 0,
        monitor: str | None = None,
        mode: str | None = None,
        min_delta: float = 0.0,
        every_steps: int | None = None,
    ) -> None:
        if keep < 0 or (every_steps is not None and every_steps < 1):
            raise ValueError(f"keep must be at least 0 and every_steps 1, got {keep} and {every_steps}")
        self.folder = Path(folder)
        self.keep, self.every_steps = keep, every_steps
        self._best, self._options = best, (monitor, mode, min_delta)
        self.reset()

    def reset(self) -> None:
        monitor, mode, min_delta = self._options
        self.watched = Watched(monitor, mode, min_delta) if self._best and monitor is not None else None
        self.kept: list[str] = []  # names of the numbered files, the oldest first

    @property
    def saved_as(self) -> str:
        return f"Checkpoint({self._options[0] or 'loss'})"  # known before the first fit

    @property
    def last(self) -> Path:
        """The file with the last state."""
        return self.folder / "last.safetensors"

    @property
    def best(self) -> Path:
        """The file with the best state."""
        return self.folder / "best.safetensors"

    def on_fit_start(self, trainer: Trainer) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._best and self.watched is None:
            _, mode, min_delta = self._options
            self.watched = Watched(usual_monitor(trainer.validation is not None), mode, min_delta)
        if self.watched is not None:
            self.watched.require(trainer, self)

    def on_step_end(self, trainer: Trainer) -> None:
        if self.every_steps is not None and trainer.step % self.every_steps == 0 and not _broken(trainer):
            trainer.save(self.last)

    def on_epoch_end(self, trainer: Trainer, row: Epoch) -> None:
        if broken := _broken(trainer):
            trainer.say(f"epoch {row.number} is not saved: {broken} is not finite")
            return
        better = self.watched is not None and self.watched.better(self.watched.value(row))
        written = [self.best] if better else []
        dropped: list[str] = []
        if self.keep:
            name = f"epoch-{row.number:04}.safetensors"
            kept = [*(other for other in self.kept if other != name), name]
            self.kept, dropped = kept[-self.keep :], kept[: -self.keep]
            written.append(self.folder / name)
        written.append(self.last)  # at the end: whoever resumes from it finds the others
        trainer.save(written[0])
        for path in written[1:]:
            copy(written[0], path)
        for name in dropped:
            (self.folder / name).unlink(missing_ok=True)

    def state_dict(self) -> dict[str, Any]:
        return {
            "monitor": self.watched.monitor if self.watched else None,
            "best": self.watched.best if self.watched else None,
            "kept": list(self.kept),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.kept = list(state["kept"])
        if self._best and state["monitor"] is not None:
            _, mode, min_delta = self._options
            self.watched = self.watched or Watched(state["monitor"], mode, min_delta)
            if self.watched.monitor == state["monitor"]:
                self.watched.best = state["best"]


def _broken(trainer: Trainer) -> str:
    """What is not finite, the loss or a parameter; empty if all is. Far cheaper than writing the file."""
    if not math.isfinite(float(trainer.loss)):
        return "the loss"
    weights = ((name, p) for name, p in trainer.model.named_parameters() if not is_uninitialized(p))
    return next((name for name, p in weights if not bool(p.detach().isfinite().all())), "")


def copy(source: Path, target: Path) -> None:
    """Copy a file; `target` is replaced as a whole."""
    with open(source, "rb") as file, replacing(target) as new:
        shutil.copyfileobj(file, new)
