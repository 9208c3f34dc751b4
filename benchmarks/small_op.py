"""The cost of one small differentiable operation, forward and backward: chains of 200 on vectors of four numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from measure import Disagreement, Side, row, take_turns, values

LENGTH = 200
TARGET = 0.5  # the most that minigrad may need of PyTorch's time, on a CPU


def _mix(y: Any, a: Any, w: Any) -> Any:
    """Eight operations, those of a gate."""
    for _ in range(LENGTH // 8):
        y = ((y * a + a).tanh() - y * w).sigmoid() * a + w
    return y


def _chain(operation: Callable[[Any, Any, Any], Any]) -> Callable[[Any, Any, Any], Any]:
    def chain(y: Any, a: Any, w: Any) -> Any:
        for _ in range(LENGTH):
            y = operation(y, a, w)
        return y

    return chain


#: what -> the chain, of the vector y that needs a gradient, a constant vector a and a leaf w that needs one
CHAINS = {
    "y * a": _chain(lambda y, a, w: y * a),
    "y + a": _chain(lambda y, a, w: y + a),
    "y * w, both need a gradient": _chain(lambda y, a, w: y * w),
    "y * 1.001": _chain(lambda y, a, w: y * 1.001),
    "tanh(y)": _chain(lambda y, a, w: y.tanh()),
    "mix of *, +, -, tanh, sigmoid": _mix,
}


class Chain:
    """One chain on one side."""

    def __init__(self, side: Side, chain: Callable[[Any, Any, Any], Any]) -> None:
        start = np.linspace(0.5, 1.0, 4, dtype=np.float32)
        self.y = side.tensor(start, requires_grad=True)
        self.w = side.tensor(1.01 - 0.01 * start, requires_grad=True)
        self.a = side.tensor(1.005 - 0.01 * start)
        self.chain = chain

    def run(self) -> Any:
        """Forward and backward."""
        self.y.grad = self.w.grad = None
        result = self.chain(self.y, self.a, self.w).sum()
        result.backward()
        return result

    def results(self) -> list[np.ndarray]:
        """The sum and the gradients."""
        result = self.run()
        return [values(t) for t in (result, self.y.grad, self.w.grad) if t is not None]


def rows(sides: Mapping[str, Side], repeats: int, quick: bool) -> list[dict[str, Any]]:
    """Each chain, per operation."""
    found = []
    for what, chain in CHAINS.items():
        chains = {name: Chain(side, chain) for name, side in sides.items()}
        results = [c.results() for c in chains.values()]
        for a, b in zip(results[0], results[-1]):
            if not np.allclose(a, b, rtol=1e-3, atol=1e-5):
                raise Disagreement(f"chain {what}: minigrad and PyTorch differ by {np.abs(a - b).max():.2g}")
        taken = take_turns({name: c.run for name, c in chains.items()}, sides, repeats, 1 if quick else 4)
        on_cpu = sides["minigrad"].device == "cpu"
        found.append(row(f"one operation of {LENGTH}: {what}", taken, TARGET if on_cpu else None, count=LENGTH))
    return found
