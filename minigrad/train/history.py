"""What a training has measured: `Epoch`, a row for each epoch, and `Tally`, the means over its batches."""

from __future__ import annotations

from typing import Any

from minigrad import Tensor, stack

NO_BATCH = "the loader gave no batch: is it empty, or an iterator, which serves once only?"
_MOST_WAITING = 256  # batches whose values are kept before they are summed


class Epoch(dict[str, Any]):
    """What one epoch gave: a dictionary whose entries are attributes, too.

    number: of the epoch, from 1; step: optimizer steps so far.
    training_loss, training_NAME: means over the epoch of the loss and of each metric, taken before each step and with
        dropout at work: worse than those of the same network in `eval` mode at the epoch's end.
    last_loss: the training loss of the last batch alone, which many programs print in place of the mean.
    validation_loss, validation_NAME, and gap (validation_loss - training_loss): where there is validation.
    lr: the learning rate that the last step was made with, and lr_1, ... of further parameter groups; seconds.

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
    """Means over batches of unequal size. Values stay on the device for a while: a GPU is asked for many at once.

    >>> tally = Tally()
    >>> tally.add(3, {"loss": 1.0})
    >>> tally.add(1, {"loss": 2.0})
    >>> tally.means()
    {'loss': 1.25}
    """

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.count = 0
        self._waiting: list[tuple[int, dict[str, Any]]] = []

    def add(self, size: int, values: dict[str, Any]) -> None:
        """Count a batch of `size` samples: floats are means over it, whole numbers counts (of right answers)."""
        self._waiting.append((size, values))
        if len(self._waiting) == _MOST_WAITING:
            self._sum()

    def _sum(self) -> None:
        waiting, self._waiting = self._waiting, []
        for name in waiting[0][1] if waiting else ():
            total = self.sums.get(name, 0.0)
            for (size, _), value in zip(waiting, _numbers([values[name] for _, values in waiting])):
                total += value * size if isinstance(value, float) else value
            self.sums[name] = total
        self.count += sum(size for size, _ in waiting)

    def means(self) -> dict[str, float]:
        """The mean of each value per sample."""
        self._sum()
        if not self.count:
            raise ValueError(NO_BATCH)
        return {name: total / self.count for name, total in self.sums.items()}

    def state_dict(self) -> dict[str, Any]:
        """The sums so far."""
        self._sum()
        return {"sums": dict(self.sums), "count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self.sums, self.count, self._waiting = dict(state["sums"]), state["count"], []


def _numbers(values: list[Any]) -> list[Any]:
    """Numbers, or tensors that hold one each, as Python's numbers."""
    if not all(isinstance(value, Tensor) for value in values):
        return [value.item() if hasattr(value, "item") else value for value in values]
    return [value.item() for value in values] if values[0].device.type == "cpu" else stack(values).tolist()
