"""What a training has measured: `Epoch`, a row for each epoch, and `Tally`, the means over its batches."""

from __future__ import annotations

from typing import Any

from minigrad import Tensor


class Epoch(dict[str, Any]):
    """What one epoch gave: a dictionary whose entries are attributes, too.

    number: of the epoch, from 1; step: optimizer steps so far.
    training_loss, training_NAME: means over the epoch of the loss and of each metric, taken before each step and with
        dropout at work: worse than those of the same network in `eval` mode at the epoch's end.
    last_loss: the training loss of the last batch alone, which many programs print in place of the mean.
    validation_loss, validation_NAME, and gap (validation_loss - training_loss): where there is validation.
    lr: the learning rate of the last step, and lr_1, ... of further parameter groups; seconds.

    A list of them is what `pandas.DataFrame` takes.

    >>> row = Epoch(number=1, training_loss=0.5)
    >>> row.training_loss, row["number"]
    (0.5, 1)
    """

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"this epoch has no {name!r}, but {', '.join(self)}") from None


class Tally:
    """Means over batches of unequal size. Sums stay on the device: a GPU is asked once, at the end.

    >>> tally = Tally()
    >>> tally.add(3, loss=1.0)
    >>> tally.add(1, loss=2.0)
    >>> tally.means()
    {'loss': 1.25}
    """

    def __init__(self) -> None:
        self.sums: dict[str, Tensor | float] = {}
        self.count = 0

    def add(self, size: int, **values: Any) -> None:
        """Count a batch of `size` samples: floats are means over it, whole numbers counts (of right answers)."""
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + (value * size if _is_mean(value) else value)
        self.count += size

    def means(self) -> dict[str, float]:
        """The mean of each value per sample."""
        if not self.count:
            raise ValueError("the loader gave no batch: there is nothing to train or to measure on")
        return {name: float(value) / self.count for name, value in self.sums.items()}

    def to(self, device: Any) -> None:
        """Move the sums."""
        self.sums = {name: s.to(device) if isinstance(s, Tensor) else s for name, s in self.sums.items()}

    def state_dict(self) -> dict[str, Any]:
        """The sums so far."""
        return {"sums": dict(self.sums), "count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self.sums, self.count = dict(state["sums"]), state["count"]


def _is_mean(value: Any) -> bool:
    return value.dtype.is_floating_point if isinstance(value, Tensor) else isinstance(value, float)
