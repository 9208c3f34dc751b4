"""Measuring a model without training it: the part of `Trainer` that evaluates and predicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from minigrad import Tensor, cat, nn, no_grad
from minigrad.optim import Optimizer

from .batches import batch_size, groups
from .history import Tally
from .step import Measure


class MeasureMethods:
    """Loss, metrics and outputs of a trainer's model."""

    model: nn.Module
    optimizer: Optimizer
    metrics: dict[str, Callable[..., Any]]
    _measure: Measure
    _custom: bool

    def evaluate(self, loader: Iterable[Any]) -> dict[str, float]:
        """The means of loss and metrics over the samples of `loader`, in `eval` mode."""
        tally = Tally()
        with evaluating(self.model), no_grad():
            for (batch,) in groups(loader, 1, self._device()):
                self._count(tally, batch, *self._measure(self.model, batch))
        return tally.means()

    def predict(self, loader: Iterable[Any]) -> Any:
        """The model's outputs for all samples of `loader`, or of a tensor, in `eval` mode, joined along the first
        dimension.

        Batches are inputs alone (a tensor, or a list of one), or (inputs..., target) as for training.
        """
        outputs = []
        if isinstance(loader, Tensor):
            loader = [loader]
        with evaluating(self.model), no_grad():
            for (batch,) in groups(loader, 1, self._device()):
                inputs = [batch] if isinstance(batch, Tensor) else batch if len(batch) == 1 else batch[:-1]
                outputs.append(self.model(*inputs))
        if not outputs:
            raise ValueError("the loader gave no batch: is it empty, or an iterator, which serves once only?")
        if isinstance(outputs[0], tuple):
            return tuple(cat(parts) for parts in zip(*outputs))
        return cat(outputs)

    def _count(self, tally: Tally, batch: Any, loss: Tensor, measured: Any) -> None:
        if self._custom:
            tally.add(batch_size(batch), {"loss": loss, **measured})
        else:
            target = batch[-1]
            tally.add(len(target), {"loss": loss, **{name: m(measured, target) for name, m in self.metrics.items()}})

    def _device(self) -> Any:
        return self.optimizer.param_groups[0]["params"][0].device


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
