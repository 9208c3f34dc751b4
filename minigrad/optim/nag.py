"""Nesterov's accelerated gradient, in the form that needs one gradient per step."""

from __future__ import annotations

from typing import Any

from .momentum import Momentum


class NAG(Momentum):
    """Nesterov momentum: step as if the velocity had been applied once more.

        v ← μ v - lr g
        p ← p + μ v - lr g

    [Bengio et al. 2012, arXiv 1212.0901, eq. 7: the parameters are Sutskever's look-ahead points p + μ v. Keras has
    the same; PyTorch's SGD(nesterov=True) has lr outside, which differs once lr changes; Chainer's NesterovAG is
    another method]

    Args: as `Momentum`.

    >>> import minigrad
    >>> p = minigrad.tensor([1.0], requires_grad=True)
    >>> optimizer = NAG([p], lr=0.1, momentum=0.9)
    >>> (p ** 2).sum().backward(); optimizer.step(); p
    tensor([0.6200], requires_grad=True)
    """

    def update(self, xp: Any, p: Any, g: Any, state: Any, lr: float, mu: float) -> None:  # type: ignore[override]
        v = state["velocity"]
        step = lr * g
        v *= mu
        v -= step
        p += mu * v
        p -= step
