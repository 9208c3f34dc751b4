"""A training step: forward and backward on one batch or several, clipping, update; as one recorded program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad import Tensor, jit, nn
from minigrad.nn.utils import clip_grad_norm_, clip_grad_value_
from minigrad.optim import Optimizer

from .batches import batch_size

#: (model, batch) -> (loss, what is measured)
Measure = Callable[[Any, Any], tuple[Tensor, Any]]


class Steps:
    """Makes steps: `steps(batches)` returns a pair (mean loss, what was measured) for each batch.

    A step on several batches is one on all their samples, if the loss is a mean: each has the weight of its size.

    Args:
        measure: forward pass and loss of one batch.
        clip_norm, clip_value: limits of the gradients, the first one first.
        say: is told why the step cannot be recorded; None runs eagerly and says nothing.
        size: the number of samples in a batch.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        measure: Measure,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        say: Callable[[str], None] | None = print,
        size: Callable[[Any], int] = batch_size,
    ) -> None:
        self._say, self._size = say, size
        self.eager_because = ""
        # listed here: a step that itself reads the groups is recorded anew when one of their options changes
        self._parameters = parameters_of(optimizer)
        gradients = _gradients(model, optimizer, measure, size)
        self._clip = _clip(self._parameters, clip_norm, clip_value)
        update = _in_turn(self._clip, optimizer.step)
        self._functions: dict[str, Callable[..., Any]] = {
            "gradients": gradients,
            "update": update,
            "step": _both(gradients, update),
        }
        self._closure = optimizer.needs_closure
        self._optimizer = optimizer
        self._recorded: dict[Any, Callable[..., Any]] = {}

    def __call__(self, batches: list[Any], between: Callable[[Any], None] | None = None) -> list[tuple[Any, Any]]:
        """One step. `between(results)` is called when the gradients are there and nothing has been updated."""
        if sum(len(group["params"]) for group in self._optimizer.param_groups) != len(self._parameters):
            self.refresh()  # a callback has added a group
        if self._closure:
            return self._with_closure(batches, between)
        count, parts = _parts(batches)
        if between is None:
            return self._step("step", count)(count, *parts)
        results = self._step("gradients", count)(count, *parts)
        between(results)
        self._step("update", 0)()
        return results

    def refresh(self) -> None:
        """Look at the optimizer's groups again: some may have come."""
        self._parameters[:] = parameters_of(self._optimizer)

    def gradients(self, batches: list[Any]) -> list[tuple[Any, Any]]:
        """The first half of a step, eagerly: gradients, and no update."""
        count, parts = _parts(batches)
        return self._functions["gradients"](count, *parts)

    def _with_closure(self, batches: list[Any], between: Callable[[Any], None] | None) -> Any:
        count, parts = _parts(batches)
        first: list[Any] = []

        def closure() -> Any:
            results = self._step("gradients", count)(count, *parts)
            if between is not None:
                between(results)
            self._clip()
            first.append(results)
            return sum(loss * share for (loss, _), share in zip(results, _shares(batches, self._size)))

        self._optimizer.step(closure)
        return first[0]

    def _step(self, name: str, count: int) -> Callable[..., Any]:
        """The whole step, or a half of it, for `count` batches: each has a recording of its own."""
        if self._say is None:
            return self._functions[name]
        found = self._recorded.get((name, count))
        if found is None:
            found = self._recorded[name, count] = jit(self._functions[name], fallback=self._tell)
        return found

    def _tell(self, why: str) -> None:
        self.eager_because = why
        say, self._say = self._say, None  # once, and everything runs eagerly from here on
        if say is not None:
            say(f"the step cannot be recorded and runs eagerly: {why}")


def _parts(batches: list[Any]) -> tuple[int, Any]:
    """The number of batches, and what they consist of, side by side: a recorded step takes flat arguments fastest.

    Batches that are no plain lists are handed over as they are, which a number below 0 tells.
    """
    if len(batches) == 1 and type(batches[0]) in (list, tuple):
        return 1, batches[0]
    if all(type(batch) in (list, tuple) for batch in batches):
        return len(batches), [part for batch in batches for part in batch]
    return -len(batches), batches


def _gradients(
    model: nn.Module, optimizer: Optimizer, measure: Measure, size: Callable[[Any], int]
) -> Callable[..., Any]:
    def gradients(count: int, *parts: Any) -> list[tuple[Any, Any]]:
        optimizer.zero_grad()
        length = len(parts) // abs(count)
        batches = [parts[k * length : (k + 1) * length] if count > 0 else parts[k] for k in range(abs(count))]
        results = []
        for batch, share in zip(batches, _shares(batches, size)):
            loss, measured = measure(model, batch)
            (loss * share if len(batches) > 1 else loss).backward()
            results.append((loss.detach(), measured))
        return results

    return gradients


def parameters_of(optimizer: Optimizer) -> list[Any]:
    """The parameters of all groups."""
    return [p for group in optimizer.param_groups for p in group["params"]]


def learning_rates(optimizer: Optimizer) -> dict[str, float]:
    """The rates of the groups at their last step, of those that have one: "lr", "lr_1", ..."""
    groups = [group for group in optimizer.param_groups if "lr" in group]
    rates = [group["lr"](_steps_done(optimizer, group)) if callable(group["lr"]) else group["lr"] for group in groups]
    return {"lr" if k == 0 else f"lr_{k}": float(rate) for k, rate in enumerate(rates)}


def _steps_done(optimizer: Optimizer, group: dict[str, Any]) -> int:
    """The number of steps of the group's parameters: what a rate that is a function is called with, at least 1."""
    return max((optimizer.state[p].steps for p in group["params"] if p in optimizer.state), default=1)


def _shares(batches: list[Any], size: Callable[[Any], int]) -> list[float]:
    """The part of all samples that each batch has."""
    if len(batches) == 1:
        return [1.0]
    sizes = [size(batch) for batch in batches]
    return [size / sum(sizes) for size in sizes]


def _clip(parameters: list[Any], clip_norm: float | None, clip_value: float | None) -> Callable[[], None]:
    def clip() -> None:
        if clip_norm is not None:
            clip_grad_norm_(parameters, clip_norm)
        if clip_value is not None:
            clip_grad_value_(parameters, clip_value)

    return clip


def _in_turn(clip: Callable[[], None], update: Callable[[], Any]) -> Callable[[], None]:
    def clip_and_update() -> None:
        clip()
        update()

    return clip_and_update


def _both(gradients: Callable[..., Any], update: Callable[[], None]) -> Callable[..., Any]:
    def step(count: int, *parts: Any) -> Any:
        results = gradients(count, *parts)
        update()
        return results

    return step


# -- what a batch gives ------------------------------------------------------------------------------------------


def measuring(loss: Callable[..., Any] | None, step_function: Callable[..., Any] | None, with_output: bool) -> Measure:
    """How a batch is measured: by `step_function` where it is given, else by `loss`."""
    if step_function is not None:
        return _custom(step_function)
    assert loss is not None
    return _supervised(loss, with_output)


def _supervised(loss: Callable[..., Any], with_output: bool) -> Measure:
    """A batch (inputs..., target) gives its loss, and the output for metrics if they need it."""

    def measure(model: Any, batch: Any) -> tuple[Tensor, Any]:
        if not isinstance(batch, list | tuple) or len(batch) < 2:
            raise TypeError(
                f"a batch must be (inputs..., target), got {type(batch).__name__}: pass step_function for other batches"
            )
        *inputs, target = batch
        output = model(*inputs)
        return loss(output, target), output.detach() if with_output else None

    return measure


def _custom(function: Callable[..., Any]) -> Measure:
    """A batch gives what `function(model, batch)` says: its loss, or (loss, {name: metric})."""

    def measure(model: Any, batch: Any) -> tuple[Tensor, Any]:
        result = function(model, batch)
        loss, metrics = result if isinstance(result, tuple) else (result, {})
        return loss, {name: value.detach() for name, value in metrics.items()}

    return measure
