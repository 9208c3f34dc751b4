"""DeZero, the framework of a textbook, with its functions and its optimizers.

Its last release asks for `np.int`, which NumPy took away in 1.24: the name is lent to it while it is imported.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from ..problems import LEARNING_RATE, MOMENTUM, OPTIMIZERS, Chain, Training, Update
from .functional import count, turned
from .peer import Job, Peer, Unsupported


class DeZero(Peer):
    """DeZero."""

    name = "DeZero"
    module = "dezero"
    distribution = "dezero"
    note = "its own functions and optimizers; `np.int` is lent to it for its import"

    def prepare(self) -> None:
        vars(np)["int"] = int
        try:
            importlib.import_module(self.module)
        finally:
            del vars(np)["int"]

    def import_line(self) -> str:
        return "import numpy; numpy.int = int; import dezero.functions"

    def ready(self) -> None:
        self.functions = importlib.import_module("dezero.functions")
        self.optimizers = importlib.import_module("dezero.optimizers")

    def number(self, result: Any) -> float:
        return float(result.data)

    def trainer(self, problem: Training) -> DeZeroTrainer:
        return DeZeroTrainer(self, problem)

    def chain(self, problem: Chain) -> Job:
        functions, vectors = self.functions, problem.vectors()
        y, w = (self.lib.Variable(vectors[name]) for name in "yw")
        leaves = [{"y": y, "w": w}[name] for name in problem.leaves()]

        def run() -> Any:
            for leaf in leaves:
                leaf.cleargrad()
            total = functions.sum(problem.compute(y, vectors["a"], w, functions.tanh, functions.sigmoid))
            total.backward()
            return total

        return Job(run, self.number, lambda: [leaf.grad.data for leaf in leaves])

    def optimizer(self, made: Any, weights: list[Any]) -> Any:
        """An optimizer over a list; DeZero's own layers hand out their parameters in changing order."""
        return made.setup(type("Target", (), {"params": lambda self: weights})())

    def update(self, problem: Update) -> Job:
        name, options = OPTIMIZERS[problem.optimizer]
        lr, eps = options["lr"], options.get("eps")
        made = {
            "sgd": lambda: self.optimizers.MomentumSGD(lr, options["momentum"]),
            "adagrad": lambda: self.optimizers.AdaGrad(lr, eps),
        }
        if problem.optimizer == "adam":
            raise Unsupported("has another Adam, with eps added before the corrections")
        if problem.optimizer not in made:
            raise Unsupported(f"has no {name}")
        values, gradients = problem.arrays()
        weights = [self.lib.Parameter(value) for value in values]
        for p, gradient in zip(weights, gradients):
            p.grad = self.lib.Variable(gradient)
        run = self.optimizer(made[problem.optimizer](), weights).update
        return Job(run, lambda _: 0.0, lambda: [p.data for p in weights])


class DeZeroTrainer:
    """Parameters, DeZero's functions in a row, its optimizer."""

    def __init__(self, peer: DeZero, problem: Training) -> None:
        kinds = {layer.kind for layer in problem.layers}
        if missing := sorted(kinds & {"gelu", "layer norm"}):
            raise Unsupported(f"has no {' and no '.join(missing)}")
        self.functions, self.problem = peer.functions, problem
        self.tensor, self.number, self.wait = np.asarray, peer.number, None
        self.weights = [peer.lib.Parameter(array) for array in turned(problem, problem.parameters())]
        self.optimizer = peer.optimizer(peer.optimizers.MomentumSGD(LEARNING_RATE, MOMENTUM), self.weights)

    def step(self, x: Any, y: Any, *masks: Any) -> Any:
        F, weights, mask = self.functions, iter(self.weights), iter(masks)
        for layer in self.problem.layers:
            parameters = [next(weights) for _ in range(count(layer))]
            if layer.kind == "linear":
                x = F.linear(x, *parameters)
            elif layer.kind == "embedding":
                x = F.embed_id(x, *parameters)
            elif layer.kind == "mean":
                x = F.sum(x, axis=1) / x.shape[1]
            elif layer.kind == "dropout":
                x = x * next(mask)
            else:
                x = getattr(F, layer.kind)(x)
        loss = F.mean_squared_error(x, y) if self.problem.loss == "mse" else F.softmax_cross_entropy(x, y)
        for p in self.weights:
            p.cleargrad()
        loss.backward()
        self.optimizer.update()
        return loss

    def parameters(self) -> list[np.ndarray]:
        return turned(self.problem, [p.data for p in self.weights])
