"""MyGrad: tensors that record themselves, losses of its own, the optimizer by hand."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from ..problems import Chain, Training
from .functional import Functions, descend, turned
from .peer import Job, Peer, Unsupported


class MyGradTrainer:
    """Tensors as parameters; a step ends with their gradients taken off."""

    def __init__(self, peer: MyGrad, problem: Training) -> None:
        self.functions, self.problem = peer.functions, problem
        self.tensor, self.number, self.wait = np.asarray, float, None
        self.weights = [peer.lib.tensor(a) for a in turned(problem, problem.parameters())]
        self.velocities = [np.zeros_like(p.data) for p in self.weights]

    def step(self, x: Any, y: Any, *masks: Any) -> Any:
        loss = self.functions.loss(self.problem, self.weights, x, y, masks)
        loss.backward()
        descend([p.data for p in self.weights], self.velocities, [p.grad for p in self.weights])
        for p in self.weights:
            p.null_grad()
        return loss

    def parameters(self) -> list[np.ndarray]:
        return turned(self.problem, [p.data for p in self.weights])


class MyGrad(Peer):
    """MyGrad."""

    name = "MyGrad"
    module = "mygrad"
    distribution = "mygrad"
    note = "momentum by hand, in place"

    def import_line(self) -> str:
        return "import mygrad, mygrad.nnet"

    def ready(self) -> None:
        self.functions = MyGradFunctions(self.lib, importlib.import_module("mygrad.nnet"))

    def trainer(self, problem: Training) -> MyGradTrainer:
        return MyGradTrainer(self, problem)

    def chain(self, problem: Chain) -> Job:
        lib, functions, vectors = self.lib, self.functions, problem.vectors()
        a = vectors["a"]
        y, w = (lib.tensor(vectors[n]) if n in problem.leaves() else vectors[n] for n in "yw")
        leaves = [{"y": y, "w": w}[name] for name in problem.leaves()]

        def run() -> Any:
            for leaf in leaves:
                leaf.null_grad()
            result = problem.compute(y, a, w, functions.tanh, functions.sigmoid).sum()
            result.backward()
            return result

        return Job(run, float, lambda: [leaf.grad.copy() for leaf in leaves])


class MyGradFunctions(Functions):
    """What mygrad.nnet has ready."""

    def __init__(self, mygrad: Any, nnet: Any) -> None:
        super().__init__(mygrad)
        self.relu, self.sigmoid = nnet.relu, nnet.sigmoid
        self.cross_entropy = nnet.softmax_crossentropy

    def gelu(self, x: Any) -> Any:
        raise Unsupported("has no erf, which GELU needs")
