"""Pictures of a training run: `save_curves(path, epochs, title)` draws loss and accuracy over the epochs.

`save_panels` draws any values of the epochs side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from minigrad.serialization.atomic import replacing

from .errors import extra
from .history import Epoch

#: label of a vertical axis -> its curves: (label, style, one value for each epoch)
Panels = dict[str, list[tuple[str, str, list[float]]]]


def save_curves(path: Path, epochs: Sequence[Epoch], title: str) -> None:
    """Write a PNG with the loss on the left and the accuracy on the right, for training and test images."""
    parts = (("training", "--", "training images, with dropout"), ("validation", "-", "test images"))
    panels: Panels = {
        "cross entropy": [(label, style, [e[f"{part}_loss"] for e in epochs]) for part, style, label in parts],
        "accuracy, %": [(label, style, [100 * e[f"{part}_accuracy"] for e in epochs]) for part, style, label in parts],
    }
    save_panels(path, title, [epoch.number for epoch in epochs], panels)


def save_panels(path: Path, title: str, numbers: Sequence[int], panels: Panels) -> None:
    """Write a PNG with a panel for each axis, side by side, over the `numbers` of the epochs.

    The file appears under its name only when it is complete.
    """
    # A Figure of its own, not pyplot: no display is needed, and nobody else's figures or backend are touched.
    figure = extra("matplotlib.figure", "matplotlib", "drawing the curves").Figure(
        figsize=(5 * len(panels), 4), layout="constrained"
    )
    figure.suptitle(title)
    marker = "o" if len(numbers) < 3 else None  # a line through one point would be invisible
    for axes, (name, curves) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items()):
        for label, style, values in curves:
            axes.plot(numbers, values, style, label=label, marker=marker)
        axes.set(xlabel="epoch", ylabel=name)
        axes.grid(alpha=0.3)
        axes.legend()
        axes.xaxis.get_major_locator().set_params(integer=True)

    with replacing(path) as file:
        figure.savefig(file, format="png", dpi=120)
