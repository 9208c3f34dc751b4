"""The limit: what NumPy can do when somebody writes the step by hand.

Every array is allocated once and every call writes into one of them (`by_hand.py` has the layers, `rules_by_hand.py`
the optimizers); parameters, gradients and velocities lie end to end in flat buffers, so that SGD is four calls.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..problems import OPTIMIZERS, Chain, SparseUpdate, Training, Update
from ..recurrent_problems import Recurrent
from . import by_hand, recurrent_by_hand, rules_by_hand
from .by_hand import Pair, add_up, empty, multiply, number, places, subtract, tanh
from .functional import count, turned
from .peer import Job, Peer, Trainer, Unsupported


class HandTrainer:
    """The layers' closures in a row, over flat buffers."""

    def __init__(self, problem: Training, erf: Any) -> None:
        arrays = turned(problem, problem.parameters())
        flat = np.concatenate([array.ravel() for array in arrays])
        gradient = np.zeros_like(flat)
        self.problem, self.values = problem, places(flat, arrays)
        self.tensor, self.number, self.wait = np.asarray, float, None
        values, gradients = iter(self.values), iter(places(gradient, arrays))
        masks: list[Any] = []
        batch, drops = problem.batch, 0
        shape: tuple[int, ...] = ()
        pairs: list[Pair] = []
        for layer in problem.layers:
            mine, theirs = ([next(source) for _ in range(count(layer))] for source in (values, gradients))
            if layer.kind == "linear":
                pairs.append(by_hand.linear(batch, mine, theirs, first=not pairs))
                shape = (batch, layer.sizes[1])
            elif layer.kind == "layer norm":
                pairs.append(by_hand.layer_norm(batch, mine, theirs))
            elif layer.kind == "embedding":
                pairs.append(by_hand.embedding((batch, problem.tokens), mine, theirs))
                shape = (batch, problem.tokens, layer.sizes[1])
            elif layer.kind == "mean":
                pairs.append(by_hand.mean_of_tokens(shape))
                shape = (batch, shape[-1])
            elif layer.kind == "dropout":
                pairs.append(by_hand.dropout(masks, drops))
                drops += 1
            elif layer.kind == "gelu":
                if erf is None:
                    raise Unsupported("has no erf without SciPy, which GELU needs")
                pairs.append(by_hand.gelu(shape, erf))
            else:
                pairs.append({"relu": by_hand.relu, "tanh": by_hand.hyperbolic}[layer.kind](shape))
        forwards = [forward for forward, _ in pairs]
        backwards = [backward for _, backward in reversed(pairs)]
        loss_of = (by_hand.mse if problem.loss == "mse" else by_hand.cross_entropy)(shape)
        update = rules_by_hand.sgd(flat, gradient, np.empty_like(flat))

        def step(x: Any, y: Any, *given: Any) -> Any:
            masks[:] = given
            for forward in forwards:
                x = forward(x)
            loss, g = loss_of(x, y)
            for backward in backwards:
                g = backward(g)
            update()
            return loss

        self.step = step

    def parameters(self) -> list[np.ndarray]:
        return turned(self.problem, self.values)


class HandWritten(Peer):
    """NumPy by hand."""

    name = "NumPy by hand"
    module = "numpy"
    distribution = "numpy"
    note = "fixed buffers, every call with out=, one flat buffer for the optimizer: the limit"
    erf: Any = None

    def ready(self) -> None:
        with contextlib.suppress(ImportError):  # without SciPy there is no GELU
            self.erf = importlib.import_module("scipy.special").erf

    def trainer(self, problem: Training) -> HandTrainer:
        return HandTrainer(problem, self.erf)

    def batches(
        self, trainer: Trainer, x: np.ndarray, y: np.ndarray, order: np.ndarray, size: int
    ) -> Callable[[], Iterator[Any]]:
        images, labels = np.empty((size, *x.shape[1:]), x.dtype), np.empty(size, y.dtype)

        def draw() -> Iterator[Any]:
            for start in range(0, len(order), size):
                rows = order[start : start + size]
                yield x.take(rows, 0, images, "clip"), y.take(rows, 0, labels, "clip")

        return draw

    def chain(self, problem: Chain) -> Job:
        if problem.operation not in ("y * a", "tanh(y)"):
            raise Unsupported("is not written by hand here")
        vectors = problem.vectors()
        steps, y, a = problem.length, vectors["y"], vectors["a"]
        outs = empty(steps, problem.width)
        rows, g, slope, one = list(outs), empty(problem.width), empty(problem.width), number(1)

        def product() -> Any:
            x = y
            for row in rows:
                x = multiply(x, a, row)
            g.fill(1)
            for _ in rows:
                multiply(g, a, g)
            return add_up(x)

        def tangent() -> Any:
            x = y
            for row in rows:
                x = tanh(x, row)
            g.fill(1)
            for row in reversed(rows):
                multiply(row, row, slope)
                subtract(one, slope, slope)
                multiply(g, slope, g)
            return add_up(x)

        return Job(product if problem.operation == "y * a" else tangent, state=lambda: [g.copy()])

    def update(self, problem: Update) -> Job:
        values, gradients = problem.arrays()
        flat, gradient = (np.concatenate([a.ravel() for a in arrays]) for arrays in (values, gradients))
        rule, options = rules_by_hand.RULES[problem.optimizer], OPTIMIZERS[problem.optimizer][1]
        run = rules_by_hand.in_blocks(rule, flat, gradient, **options)
        return Job(run, lambda _: 0.0, lambda: places(flat.copy(), values))

    def sparse(self, problem: SparseUpdate) -> Job:
        table, rows, gradient = problem.arrays()
        return Job(rules_by_hand.sparse(problem, table, rows, gradient), lambda _: 0.0, lambda: problem.seen(table))

    def recurrent(self, problem: Recurrent) -> Job:
        if problem.layer != "RNN":
            raise Unsupported("is not written by hand here")
        run, results = recurrent_by_hand.rnn(problem)
        return Job(run, lambda _: 0.0, lambda: [array.copy() for array in results])
