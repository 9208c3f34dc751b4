"""A picture of a training run: `save_curves(path, epochs, title)` draws loss and accuracy over the epochs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from minigrad.serialization.atomic import replacing

from .errors import extra
from .history import Epoch


def save_curves(path: Path, epochs: Sequence[Epoch], title: str) -> None:
    """Write a PNG with the loss on the left and the accuracy on the right, for training and test images.

    The file appears under its name only when it is complete.
    """
    # A Figure of its own, not pyplot: no display is needed, and nobody else's figures or backend are touched.
    figure = extra("matplotlib.figure", "matplotlib", "drawing the curves").Figure(
        figsize=(10, 4), layout="constrained"
    )
    figure.suptitle(title)
    loss, accuracy = figure.subplots(1, 2)
    numbers = [epoch.number for epoch in epochs]
    marker = "o" if len(numbers) < 3 else None  # a line through one point would be invisible
    for part, style, label in ("training", "--", "training images, with dropout"), ("validation", "-", "test images"):
        losses = [epoch[f"{part}_loss"] for epoch in epochs]
        parts = [100 * epoch[f"{part}_accuracy"] for epoch in epochs]
        loss.plot(numbers, losses, style, label=label, marker=marker)
        accuracy.plot(numbers, parts, style, label=label, marker=marker)
    loss.set(xlabel="epoch", ylabel="cross entropy")
    accuracy.set(xlabel="epoch", ylabel="accuracy, %")
    for axes in loss, accuracy:
        axes.grid(alpha=0.3)
        axes.legend()
        axes.xaxis.get_major_locator().set_params(integer=True)

    with replacing(path) as file:
        figure.savefig(file, format="png", dpi=120)
