"""Training a language model: from a description and a text to a history, and a folder with all that it gave."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import minigrad
from minigrad import Tensor, nn
from minigrad.optim.lr_scheduler import LambdaLR

from ..checkpoint import Checkpoint
from ..curves import Panels, save_panels
from ..history import Epoch
from ..logs import CSVLog
from ..progress import Progress
from ..trainer import Trainer
from .carrying import STATE, CarryingTrainer, TextWindows
from .corpus import Corpus
from .description import OPTIMIZERS, Description, bits
from .generation import Samples

#: steps in which the rate rises from 0 to its highest: RMSprop's first averages are of few gradients
WARM_UP = 50

#: time steps of a window of the text that is held out: one stream, and nothing to be kept for a way back
_MEASURED = 512

#: steps from one checkpoint to the next in an epoch
_SAVE_EVERY = 200


def measure(model: nn.Module, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of a window, in nats per token, and the state after it."""
    inputs, targets, *state = batch
    scores, state = model(inputs, tuple(state))
    loss = nn.functional.cross_entropy(scores.flatten(0, 1), targets.flatten())
    return loss, {f"{STATE}{k}": part for k, part in enumerate(state)}


def rate_factor(step: int, steps: int) -> float:
    """What the highest rate is multiplied by after `step` of `steps` steps: up, then down to 0 as a cosine.

    >>> [round(rate_factor(step, 1000), 2) for step in (0, 49, 500, 1000)]
    [0.02, 0.99, 0.5, 0.0]
    """
    return min(1, (step + 1) / WARM_UP) * (1 + math.cos(math.pi * min(1, step / steps))) / 2


def make_trainer(
    description: Description, corpus: Corpus, out: Path, device: str = "cpu", recorded: bool = True,
    save_every: int = _SAVE_EVERY,
) -> tuple[Trainer, TextWindows, TextWindows]:  # fmt: skip
    """A trainer of a new model, the windows to train on, and those to measure on.

    Everything random follows from the seed.
    """
    settings = description.settings
    minigrad.manual_seed(settings.seed)
    model = description.make_model().to(device)
    optimizer = OPTIMIZERS[settings.optimizer][0](model.parameters(), lr=settings.rate)
    streams = settings.batch_size
    training = TextWindows(corpus.training, streams, settings.window, model.first_state(streams))
    held_out = TextWindows(corpus.held_out, 1, _MEASURED, model.first_state(1))
    steps = settings.epochs * len(training)
    trainer = CarryingTrainer(
        model,
        optimizer,
        step_function=measure,
        scheduler=LambdaLR(optimizer, lambda step: rate_factor(step, steps)),
        scheduler_every="step",
        clip_norm=settings.clip,
        callbacks=[
            Samples(corpus.vocabulary, out / "samples.txt", every=max(1, settings.epochs // 4)),
            CSVLog(out / "log.csv"),
            Checkpoint(out, every_steps=save_every),
        ],
        jit=recorded,
        progress=Lines(),
        description=description,
    )
    return trainer, training, held_out


class Lines(Progress):
    """The lines of the command: bits per character."""

    def line(self, trainer: Trainer, row: Epoch) -> str:
        measured = f"training {bits(row.training_loss):.3f}, held out {bits(row.validation_loss):.3f}"
        rest = f"lr {row.lr:.2g}  {row.seconds:.1f} s"
        return f"epoch {self.number(trainer, row)}  bits per character: {measured}  {rest}"


def save_picture(path: Path, history: list[Epoch], title: str) -> None:
    """Draw bits per character, and the learning rate at the end of each epoch."""
    panels: Panels = {
        "bits per character": [
            ("training", "--", [bits(row.training_loss) for row in history]),
            ("held out", "-", [bits(row.validation_loss) for row in history]),
        ],
        "learning rate": [("at the end of the epoch", "-", [row.lr for row in history])],
    }
    save_panels(path, title, [row.number for row in history], panels)


def checkpoint_in(path: str, name: str) -> str:
    """The file of a checkpoint: `path` itself, or `name` in it if it is a folder."""
    return os.path.join(path, f"{name}.safetensors") if os.path.isdir(path) else path
