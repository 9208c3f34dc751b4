"""The textbook's momentum."""

from __future__ import annotations

from typing import Any

from .optimizer import Optimizer, require


class Momentum(Optimizer):
    """Classical momentum: a velocity that remembers past steps.

        v ← μ v - lr g
        p ← p + v

    [Polyak 1964; Sutskever et al. 2013, eq. 1-2. As in Keras and Chainer the learning rate is inside the velocity;
    PyTorch's SGD(momentum=μ) has it outside, which differs once lr changes]

    Args:
        params: parameters or groups.
        lr: learning rate.
        momentum: μ.
        weight_decay: λ, coupled: g ← g + λ p.
        maximize: climb instead of descend.

    >>> import minigrad
    >>> p = minigrad.tensor([1.0], requires_grad=True)
    >>> optimizer = Momentum([p], lr=0.1, momentum=0.9)
    >>> for _ in range(2):
    ...     optimizer.zero_grad(); (p ** 2).sum().backward(); optimizer.step()
    >>> p
    tensor([0.4600], requires_grad=True)
    """

    def __init__(
        self, params: Any, lr: Any = 0.01, momentum: float = 0.9, weight_decay: float = 0.0, *, maximize: bool = False
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "maximize": maximize})

    def check(self, group: dict[str, Any]) -> None:
        require(group["lr"] >= 0, "learning rate", group["lr"])
        require(0 <= group["momentum"] < 1, "momentum value", group["momentum"])
        require(group["weight_decay"] >= 0, "weight_decay value", group["weight_decay"])

    def slots(self, group: dict[str, Any]) -> dict[str, float]:
        return {"velocity": 0.0}

    def scalars(self, group: dict[str, Any], t: int) -> dict[str, Any]:
        return {"lr": float(group["lr"]), "mu": float(group["momentum"])}

    def update(self, xp: Any, p: Any, g: Any, state: Any, lr: float, mu: float) -> None:  # type: ignore[override]
        v = state["velocity"]
        v *= mu
        v -= lr * g
        p += v
