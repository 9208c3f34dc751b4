"""What a training shows while it runs: `Progress`, a bar with loss and rate, and a line for each epoch."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from .callback import Callback
from .errors import UserError, extra

if TYPE_CHECKING:
    from .history import Epoch
    from .trainer import Trainer


class Progress(Callback):
    """A bar of tqdm on a terminal, and a line for each epoch. A subclass may define another `line`."""

    order = -1

    def __init__(self) -> None:
        self.bar: Any = None

    def number(self, trainer: Trainer, row: Epoch) -> str:
        """The number of the epoch, and of how many where that is known."""
        return f"{row['number']:{len(str(trainer.epochs))}}/{trainer.epochs}" if trainer.epochs else str(row["number"])

    def line(self, trainer: Trainer, row: Epoch) -> str:
        """What is printed after an epoch.

        >>> from types import SimpleNamespace
        >>> row = dict(number=3, step=120, training_loss=0.25, training_accuracy=0.9, last_loss=0.2, lr=0.1, seconds=1)
        >>> Progress().line(SimpleNamespace(epochs=10), row)
        'epoch  3/10  training loss 0.2500 (last batch 0.2000), accuracy 0.9000  lr 0.1  1.00 s'
        """
        parts = [f"epoch {self.number(trainer, row)}"]
        for part in "training", "validation":
            shown = [f"{k.removeprefix(part)[1:]} {v:.4f}" for k, v in row.items() if k.startswith(f"{part}_")]
            if part == "training":
                shown[0] += f" (last batch {row['last_loss']:.4f})"
            if shown:
                parts.append(f"{part} {', '.join(shown)}")
        if "lr" in row:
            parts.append(f"lr {row['lr']:.4g}")
        return "  ".join([*parts, f"{row['seconds']:.2f} s"])

    def on_fit_start(self, trainer: Trainer) -> None:
        try:
            tqdm = extra("tqdm", "tqdm", "the progress bar").tqdm
        except UserError as error:
            self.on_message(trainer, str(error))
            return
        # On a terminal only (disable=None): in a file or a pipe the lines say enough.
        # With the size given, since tqdm shows nothing on a terminal that does not know its own.
        columns, rows = shutil.get_terminal_size()
        total, done = trainer.steps_of_fit()
        self.bar = tqdm(
            total=total, initial=done, unit="step", leave=False, disable=None, ncols=columns, nrows=rows
        )  # fmt: skip

    def on_step_end(self, trainer: Trainer) -> None:
        if self.bar is not None and self.bar.update():  # it has drawn itself: now and then, as asking a GPU is slow
            rate = f", lr {trainer.rates['lr']:.4g}" if "lr" in trainer.rates else ""
            self.bar.set_postfix_str(f"loss {float(trainer.loss):.4f}{rate}", refresh=False)

    def on_epoch_end(self, trainer: Trainer, row: Epoch) -> None:
        self.on_message(trainer, self.line(trainer, row))

    def on_message(self, trainer: Trainer, text: str) -> None:
        print(text) if self.bar is None else self.bar.write(text)

    def close(self, trainer: Trainer) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None
