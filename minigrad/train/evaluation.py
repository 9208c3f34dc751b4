"""Measuring a model without training it: the part of `Trainer` that evaluates and predicts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from minigrad import Tensor, as_tensor, cat, nn, no_grad
from minigrad.optim import Optimizer

from .batches import groups
from .history import NO_BATCH, Tally
from .step import Measure


class MeasureMethods:
    """Loss, metrics and outputs of a trainer's model."""

    model: nn.Module
    optimizer: Optimizer
    metrics: dict[str, Callable[..., Any]]
    _measure: Measure
    _custom: bool
    _size: Callable[[Any], int]

    def evaluate(self, loader: Iterable[Any]) -> dict[str, float]:
        """The means of loss and metrics over the samples of `loader`, in `eval` mode."""
        tally = Tally()
        with evaluating(self.model), no_grad():
            for (batch,) in groups(loader, 1, self._device()):
                self._count(tally, batch, *self._measure(self.model, batch))
        return tally.means()

    def predict(self, loader: Iterable[Any]) -> Any:
        """The model's outputs for all samples of `loader`, or of a tensor or array, in `eval` mode, joined along the
        first dimension. A model that gives a tuple or a dict gets each of its parts joined.

        Batches are inputs alone (a tensor, or a list of one), or (inputs..., target) as for training.
        """
        outputs: list[Any] = []
        if hasattr(loader, "__array__") or isinstance(loader, Tensor):
            loader = [loader]
        device = self._device()
        with evaluating(self.model), no_grad():
            for (batch,) in groups(loader, 1, device):
                inputs = list(batch) if isinstance(batch, list | tuple) else [batch]
                inputs = inputs if len(inputs) == 1 else inputs[:-1]
                arrays = (as_tensor(x, device=device) if hasattr(x, "__array__") else x for x in inputs)
                outputs.append(self.model(*arrays))
        if not outputs:
            raise ValueError(NO_BATCH)
        return _joined(outputs)

    def _count(self, tally: Tally, batch: Any, loss: Tensor, measured: Any) -> None:
        if not self._custom:
            measured = {name: metric(measured, batch[-1]) for name, metric in self.metrics.items()}
        tally.add(self._size(batch), {"loss": loss, **measured})

    def _device(self) -> Any:
        """The device of the model: that of its first parameter."""
        of_optimizer = (p for group in self.optimizer.param_groups for p in group["params"])
        return next((p.device for p in itertools.chain(self.model.parameters(), of_optimizer)), "cpu")


def _joined(outputs: list[Any]) -> Any:
    first = outputs[0]
    if isinstance(first, dict):
        return {name: _joined([output[name] for output in outputs]) for name in first}
    if isinstance(first, list | tuple):
        return tuple(_joined(list(parts)) for parts in zip(*outputs))
    return cat(outputs)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """`model` in `eval` mode; afterwards each of its parts has the mode that it had."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
