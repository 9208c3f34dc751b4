"""`TensorBoard`: the numbers of each epoch as curves in TensorBoard, through the package tensorboardX."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from .callback import Callback
from .errors import extra

if TYPE_CHECKING:
    from .history import Epoch
    from .trainer import Trainer


class TensorBoard(Callback):
    """Write each number of an epoch to event files in `folder`, which `tensorboard --logdir FOLDER` shows.

    In a loop of one's own: `board.write({"loss": 0.5}, step)`, and `board.finish()` at the end. `board.writer` is the
    SummaryWriter of tensorboardX, for histograms, pictures and all else. A resumed training hides what an earlier run
    has written of the epochs that are now done again.

    Raises:
        UserError: tensorboardX is not installed.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._module = extra("tensorboardX", "tensorboardX", "TensorBoard", install="tensorboardX")
        self.folder = os.fspath(folder)
        self._writer: Any = None

    @property
    def writer(self) -> Any:
        """The SummaryWriter, opened when it is first needed."""
        if self._writer is None:
            self._writer = self._module.SummaryWriter(self.folder)
        return self._writer

    def write(self, row: dict[str, Any], step: int) -> None:
        """Add the numbers in `row` as those of `step`."""
        for name, value in row.items():
            if name not in ("number", "step"):
                self.writer.add_scalar(name, value, step)
        self.writer.flush()

    def finish(self) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def on_fit_start(self, trainer: Trainer) -> None:
        self.finish()
        self._writer = self._module.SummaryWriter(self.folder, purge_step=len(trainer.history) + 1)

    def on_epoch_end(self, trainer: Trainer, row: Epoch) -> None:
        self.write(row, row.number)

    def close(self, trainer: Trainer) -> None:
        self.finish()
