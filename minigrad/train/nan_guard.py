"""`NaNGuard`: a loss or gradient that is not finite ends the training before it can spoil the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad import Tensor, nn
from minigrad.backend.random import default_generator, default_states

from .callback import Callback
from .errors import NonFiniteError
from .origin import all_finite, explained, nonfinite, watching

if TYPE_CHECKING:
    from .trainer import Trainer


class NaNGuard(Callback):
    """Look at loss and gradients before each update. Where one is not finite, run the batch once more, eagerly and
    from the same random state, and raise an error that names the layer and the operation in which it first arose.

    Nothing is lost: weights, buffers, the optimizer's state and the random generators are as before that step. The bad
    gradients are left in `.grad` to be looked at.

    A guarded step is recorded in two parts, gradients and update; its numbers are the same. In a loop of one's own:

        guard = NaNGuard()
        for x, y in loader:
            guard.remember(model)
            optimizer.zero_grad()
            loss = compute(x, y)
            loss.backward()
            guard.check(model, loss, lambda: compute(x, y).backward())
            optimizer.step()

    Raises:
        NonFiniteError: from `check`, and from `fit`.
    """

    def __init__(self) -> None:
        self._before: tuple[dict[Any, bytes], list[tuple[Any, Any]]] = ({}, [])

    def remember(self, model: nn.Module) -> None:
        """Note what a forward pass changes: random generators and buffers."""
        self._before = default_states(), [(buffer, buffer.detach().clone()) for buffer in model.buffers()]

    def check(self, model: nn.Module, loss: Any, again: Any) -> None:
        """Raise if `loss` or a gradient of `model` is not finite; `again()` computes the gradients once more."""
        if not nonfinite(loss) and all_finite(model):
            return
        found = "the loss" if nonfinite(loss) else "a gradient"
        what = nonfinite(loss) or "not finite"
        for name, p in model.named_parameters():
            if nonfinite(p):
                raise NonFiniteError(
                    f"{found} is {what}, as the parameter {name!r} is not finite: an update before this step has made "
                    "it so, try a smaller learning rate"
                )
        self._restore()
        for p in model.parameters():
            p.grad = None
        try:
            with watching(model) as watch:
                again()
        finally:
            self._restore()
        raise NonFiniteError(f"{found} is {what}: {explained(watch)}")

    def _restore(self) -> None:
        states, buffers = self._before
        for where, state in states.items():
            default_generator(where).restore_bytes(state)
        for buffer, before in buffers:
            buffer.detach().copy_(before)

    def on_step_start(self, trainer: Trainer) -> None:
        self.remember(trainer.model)

    def on_gradients(self, trainer: Trainer) -> None:
        try:
            self.check(trainer.model, trainer.loss, trainer.gradients)
        except NonFiniteError as error:
            error.add_note(
                f"This was step {trainer.step + 1}, in epoch {len(trainer.history) + 1}; weights and optimizer are as "
                "before it"
            )
            what = _nonfinite_in(trainer.batches)
            if what:
                error.add_note(f"Its batch itself holds {what}")
            raise


def _nonfinite_in(part: Any) -> str:
    """'nan' or 'inf' if a tensor of a batch holds one, else an empty string."""
    if isinstance(part, dict):
        part = list(part.values())
    if isinstance(part, list | tuple):
        return next(filter(None, map(_nonfinite_in, part)), "")
    return nonfinite(part) if isinstance(part, Tensor) else ""
