"""Watching one number of an epoch's row: is it measured, which way is better, has it got better?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .trainer import Trainer


def needs_validation(monitor: str) -> bool:
    """True for what is measured only where there is validation.

    >>> needs_validation("gap"), needs_validation("training_loss")
    (True, False)
    """
    return monitor.startswith("validation_") or monitor == "gap"


def usual_monitor(validated: bool) -> str:
    """What is watched where nobody says what: the loss on data that the model does not learn from, if there are any."""
    return "validation_loss" if validated else "training_loss"


class Watched:
    """The number `monitor` of each row, and the best so far.

    Args:
        monitor: an entry of `Epoch`: "validation_loss", "training_accuracy", "gap" (validation less training loss), ...
        mode: "min" or "max", what is better. By default "min" for losses, errors and the gap, "max" for accuracies.
        min_delta: a smaller change for the better does not count.

    >>> watched = Watched("validation_loss")
    >>> [watched.better(value) for value in (3.0, 2.0, 2.5)], watched.best
    ([True, True, False], 2.0)
    """

    def __init__(self, monitor: str, mode: str | None = None, min_delta: float = 0.0) -> None:
        if mode is None:
            mode = "max" if "accuracy" in monitor else "min" if monitor.endswith(("loss", "error", "gap")) else ""
        if mode not in ("min", "max"):
            raise ValueError(f"is a larger or a smaller {monitor} better? mode must be 'max' or 'min', got {mode!r}")
        if not min_delta >= 0:
            raise ValueError(f"min_delta must not be negative, got {min_delta}")
        self.monitor, self.mode, self.min_delta = monitor, mode, min_delta
        self.best = math.nan  # before the first value

    def better(self, value: float) -> bool:
        """Note `value`; True if it is better than the best before. A NaN never is."""
        ahead = self.best - value if self.mode == "min" else value - self.best
        if math.isnan(value) or not (math.isnan(self.best) or ahead > self.min_delta):
            return False
        self.best = value
        return True

    def value(self, row: dict[str, Any]) -> float:
        """The number in `row`."""
        if self.monitor not in row:
            raise ValueError(f"{self.monitor!r} is not measured; what is: {', '.join(row)}")
        return float(row[self.monitor])

    def require(self, trainer: Trainer, who: object) -> None:
        """Raise at once, and not after an epoch, where the number needs a validation that there is not."""
        if trainer.validation is None and needs_validation(self.monitor):
            raise ValueError(
                f"{type(who).__name__} watches {self.monitor!r}: pass fit(..., validation=loader), or watch another "
                "number with monitor='training_loss'"
            )
