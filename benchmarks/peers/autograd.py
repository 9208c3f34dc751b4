"""HIPS autograd: gradients of functions of NumPy arrays, the optimizer by hand."""

from __future__ import annotations

import contextlib
import importlib
from typing import Any

import numpy as np

from ..problems import Chain, Training
from .functional import Functions, descend, turned
from .peer import Job, Peer


class AutogradTrainer:
    """The gradient of the loss with respect to the list of parameters, then a loop over them."""

    def __init__(self, peer: Autograd, problem: Training) -> None:
        functions = peer.functions
        self.problem, self.tensor, self.number, self.wait = problem, np.asarray, float, float
        self.weights = turned(problem, problem.parameters())
        self.velocities = [np.zeros_like(p) for p in self.weights]
        self.gradients = peer.lib.value_and_grad(lambda w, x, y, masks: functions.loss(problem, w, x, y, masks))

    def step(self, x: Any, y: Any, *masks: Any) -> Any:
        loss, gradients = self.gradients(self.weights, x, y, masks)
        descend(self.weights, self.velocities, gradients)
        return loss

    def parameters(self) -> list[np.ndarray]:
        return turned(self.problem, self.weights)


class Autograd(Peer):
    """HIPS autograd."""

    name = "autograd"
    module = "autograd"
    distribution = "autograd"
    note = "HIPS autograd; momentum by hand, in place"

    def import_line(self) -> str:
        return "import autograd.numpy, autograd"

    def ready(self) -> None:
        self.functions = Functions(importlib.import_module("autograd.numpy"))
        with contextlib.suppress(ImportError):  # without SciPy there is no GELU
            self.functions.erf = importlib.import_module("autograd.scipy.special").erf

    def trainer(self, problem: Training) -> AutogradTrainer:
        return AutogradTrainer(self, problem)

    def chain(self, problem: Chain) -> Job:
        functions, vectors = self.functions, problem.vectors()

        def total(leaves: Any) -> Any:
            y, a, w = ({**vectors, **leaves}[name] for name in "yaw")
            return self.functions.np.sum(problem.compute(y, a, w, functions.tanh, functions.sigmoid))

        compute = self.lib.value_and_grad(total)
        leaves = {name: vectors[name] for name in problem.leaves()}
        last: list[Any] = []

        def number(results: Any) -> float:
            last[:] = [results[1][name] for name in problem.leaves()]
            return float(results[0])

        return Job(lambda: compute(leaves), number, lambda: list(last))
