"""The training loop: `fit` trains a classifier and yields what was measured after each epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from minigrad import Tensor, jit, nn, no_grad
from minigrad.nn.functional import cross_entropy
from minigrad.optim import Optimizer
from minigrad.utils.data import DataLoader

from .errors import UserError


@dataclass(frozen=True)
class Epoch:
    """What one epoch gave: mean losses, the parts of the images that were classified right, seconds.

    The training numbers are means over the epoch, taken before each step and with dropout at work; they are
    therefore worse than those of the same network in `eval` mode at its end.
    """

    number: int
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float
    seconds: float


def fit(
    model: nn.Module,
    optimizer: Optimizer,
    train: DataLoader,
    test: DataLoader,
    epochs: int,
    on_step: Callable[[], None] = lambda: None,
    recorded: bool = True,
    say: Callable[[str], None] = print,
) -> Iterator[Epoch]:
    """Train `model` for `epochs` passes over `train`, and yield an `Epoch` after each.

    The loaders give batches (inputs, class indices). The learning rate falls linearly from its value
    at the start to 0 at the end: the last steps settle. `on_step` is called after each step.

    The step is recorded and replayed (`minigrad.jit`) unless `recorded` is False; where that cannot be, `say` is
    called with one line that tells why, and the run goes on eagerly. Either way the numbers are the same.

    Raises `UserError` when the loss is no longer a finite number.
    """
    rates = [group["lr"] for group in optimizer.param_groups]
    steps, done = epochs * len(train), 0
    step = training_step(model, optimizer)
    if recorded:
        step = jit(step, fallback=lambda why: say(f"the step cannot be recorded and runs eagerly: {why}"))
    for number in range(1, epochs + 1):
        start = time.perf_counter()
        model.train()
        tally = Tally()
        for inputs, labels in train:
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * (1 - done / steps)
            loss, logits = step(inputs, labels)
            tally.add(loss, logits, labels)
            done += 1
            on_step()
        train_loss, train_accuracy = tally.means()
        if not math.isfinite(train_loss):
            raise UserError(f"the loss became {train_loss} in epoch {number}: try a smaller --lr")
        test_loss, test_accuracy = evaluate(model, test)
        seconds = time.perf_counter() - start
        yield Epoch(number, train_loss, train_accuracy, test_loss, test_accuracy, seconds)


def training_step(model: nn.Module, optimizer: Optimizer) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """A function that makes one step on a batch (inputs, class indices), and returns its mean loss and the logits."""

    def step(inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        optimizer.zero_grad()
        logits = model(inputs)
        loss = cross_entropy(logits, labels)
        loss.backward()
        optimizer.step()
        return loss.detach(), logits.detach()

    return step


def evaluate(model: nn.Module, batches: DataLoader) -> tuple[float, float]:
    """Mean loss and accuracy of `model` in `eval` mode."""
    model.eval()
    tally = Tally()
    with no_grad():
        for inputs, labels in batches:
            logits = model(inputs)
            tally.add(cross_entropy(logits, labels), logits, labels)
    return tally.means()


class Tally:
    """Means over batches of unequal size. Sums stay on the device: a GPU is asked once, at the end."""

    def __init__(self) -> None:
        self.loss: Tensor | float = 0.0
        self.right: Tensor | int = 0
        self.count = 0

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Count a batch with its mean loss."""
        self.loss = self.loss + loss * len(labels)
        self.right = self.right + (logits.argmax(dim=1) == labels).sum()
        self.count += len(labels)

    def means(self) -> tuple[float, float]:
        """Mean loss per image, and the part of the images that were classified right."""
        return float(self.loss) / self.count, float(self.right) / self.count
