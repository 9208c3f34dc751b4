"""`Oscillation`: does the start of a training jump to and fro? Then the learning rate is too large."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad import no_grad

from .callback import Callback

if TYPE_CHECKING:
    from .trainer import Trainer


class Oscillation(Callback):
    """Say, once, if the first steps go to and fro: most of them against the step before.

    Watched are the parameters (the product of each step with the one before is negative), or the loss of the batches
    (it falls, rises, falls, ...). In a loop of one's own:

    >>> import minigrad
    >>> watch = Oscillation(first=6)
    >>> [watch.update([minigrad.tensor([x])]) for x in (1.0, -0.9, 0.8, -0.7, 0.6, -0.5)][-1]
    True

    Args:
        watch: "steps" or "loss". The loss of small batches goes up and down in 2 of 3 steps by chance alone.
        first: the number of steps that are looked at, at least 3; nothing is kept or computed after them.
        share: the part of them from which on it is called oscillation.
    """

    def __init__(self, watch: str = "steps", first: int = 50, share: float = 0.85) -> None:
        if watch not in ("steps", "loss"):
            raise ValueError(f"watch must be 'steps' or 'loss', got {watch!r}")
        if first < 3 or not 0 < share <= 1:
            raise ValueError(f"first must be at least 3 and share lie in (0, 1], got {first} and {share}")
        self.watch, self.first, self.share = watch, first, share
        self.seen = self.turns = 0
        self._values: list[Any] | None = None
        self._step: list[Any] | None = None

    @no_grad()
    def update(self, values: list[Any]) -> bool:
        """Look at the parameters (a list of tensors, or of numbers) after one more step: True if they oscillate.

        The answer is False until `first` of them have been seen.
        """
        if self.seen == self.first:
            return self._oscillates()
        self.seen += 1
        new = [value.detach().clone() if hasattr(value, "detach") else float(value) for value in values]
        if self._values is not None:
            step = [b - _beside(b, a) for a, b in zip(self._values, new)]
            if self._step is not None:
                products = (_beside(b, a) * b for a, b in zip(self._step, step))
                self.turns += float(sum(p.sum() if hasattr(p, "sum") else p for p in products)) < 0
            self._step = step
        self._values = new
        if self.seen == self.first:
            self._values = self._step = None
            return self._oscillates()
        return False

    def _oscillates(self) -> bool:
        return self.turns >= self.share * (self.first - 2)

    @property
    def saved_as(self) -> str:
        return f"{type(self).__name__}({self.watch})"

    def on_step_end(self, trainer: Trainer) -> None:
        if self.seen == self.first:
            return
        parameters = [p for group in trainer.optimizer.param_groups for p in group["params"]]
        if self.update(parameters if self.watch == "steps" else [trainer.loss]):
            what = "went against the step before" if self.watch == "steps" else "changed the direction of the loss"
            trainer.say(
                f"{self.turns} of the first {self.first - 2} steps {what}: the training oscillates, "
                "try a smaller learning rate"
            )

    def state_dict(self) -> dict[str, Any]:
        return {"seen": self.seen, "turns": self.turns, "values": self._values, "step": self._step}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.seen, self.turns, self._values, self._step = (state[k] for k in ("seen", "turns", "values", "step"))


def _beside(here: Any, value: Any) -> Any:
    """`value` on the device of `here`: a state that was read from a file is on the CPU."""
    return value.to(here.device) if hasattr(value, "to") else value
