"""Functions for LBFGS to minimise, written for minigrad and PyTorch alike."""

from __future__ import annotations

from typing import Any

import numpy as np

random = np.random.default_rng(0)
ROOTS = random.normal(size=(8, 8))
CENTRE = random.normal(size=8)
INPUTS = random.normal(size=(40, 3))
TARGETS = np.sin(INPUTS.sum(1, keepdims=True)) + 0.1 * random.normal(size=(40, 1))
#: of a network 3-6-1
WEIGHTS = [random.normal(size=shape) * 0.5 for shape in ((6, 3), (6,), (1, 6), (1,))]


def rosenbrock(lib: Any, x: Any) -> Any:
    """A bent valley; 0 at (1, 1)."""
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def quadratic(lib: Any, x: Any) -> Any:
    """(|A (x - c)|² + |x - c|²) / 2"""
    like = {"dtype": x.dtype, "device": x.device}
    away = x - lib.tensor(CENTRE, **like)
    return (((lib.tensor(ROOTS, **like) @ away) ** 2).sum() + (away**2).sum()) / 2


def regression(lib: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
    """Mean squared error of a small network."""
    like = {"dtype": w1.dtype, "device": w1.device}
    hidden = lib.tanh(lib.tensor(INPUTS, **like) @ w1.T + b1)
    return ((hidden @ w2.T + b2 - lib.tensor(TARGETS, **like)) ** 2).mean()


#: name -> function, where it starts
PROBLEMS: dict[str, tuple[Any, list[np.ndarray]]] = {
    "rosenbrock": (rosenbrock, [np.array([-1.2, 1.0])]),
    "quadratic": (quadratic, [np.zeros(8)]),
    "regression": (regression, WEIGHTS),
}


class Run:
    """Parameters, an optimizer made by `make`, and its closure, in either library."""

    def __init__(self, lib: Any, make: Any, problem: str, dtype: str = "float64", **where: Any) -> None:
        function, start = PROBLEMS[problem]
        self.params = [lib.tensor(a, dtype=getattr(lib, dtype), requires_grad=True, **where) for a in start]
        self.optimizer = make(self.params)
        self.losses: list[float] = []  # of every evaluation

        def closure() -> Any:
            self.optimizer.zero_grad()
            loss = function(lib, *self.params)
            loss.backward()
            self.losses.append(loss.item())
            return loss

        self.closure = closure

    def steps(self, n: int) -> np.ndarray:
        """All numbers of the parameters after each of some steps."""
        found = []
        for _ in range(n):
            self.optimizer.step(self.closure)
            found.append(self.numbers())
        return np.array(found)

    def numbers(self) -> np.ndarray:
        return np.concatenate([p.detach().cpu().numpy().ravel() for p in self.params])
