"""Stochastic gradient descent as PyTorch has it."""

from __future__ import annotations

from typing import Any

from .optimizer import Optimizer, require


class SGD(Optimizer):
    """Gradient descent, with momentum if asked for.

        g ← -g                    if maximize
        g ← g + λ p               weight decay, coupled
        b ← μ b + (1 - τ) g       momentum buffer; the first step has b = g, without dampening
        g ← g + μ b               if nesterov, else g ← b
        p ← p - lr g              the learning rate is outside the buffer

    [https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html; Sutskever et al. 2013 and Keras have lr
    inside the velocity, which is the same while lr does not change: see `Momentum`]

    Args:
        params: parameters or groups.
        lr: learning rate.
        momentum: μ, 0 for none.
        dampening: τ.
        weight_decay: λ.
        nesterov: look ahead; needs momentum above 0 and dampening 0.
        maximize: climb instead of descend.
        foreach, fused: accepted for PyTorch's sake; every update is one rule over flat buffers.

    >>> import minigrad
    >>> p = minigrad.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = SGD([p], lr=0.1)
    >>> (p ** 2).sum().backward(); optimizer.step(); p
    tensor([0.8000, 1.6000], requires_grad=True)
    """

    def __init__(
        self, params: Any, lr: Any = 1e-3, momentum: float = 0.0, dampening: float = 0.0, weight_decay: float = 0.0,
        nesterov: bool = False, *, maximize: bool = False, foreach: bool | None = None, fused: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
            "nesterov": nesterov, "maximize": maximize,
        })  # fmt: skip

    def check(self, group: dict[str, Any]) -> None:
        require(group["lr"] >= 0, "learning rate", group["lr"])
        require(group["momentum"] >= 0, "momentum value", group["momentum"])
        require(group["weight_decay"] >= 0, "weight_decay value", group["weight_decay"])
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")

    def slots(self, group: dict[str, Any]) -> dict[str, float]:
        return {"momentum_buffer": 0.0} if group["momentum"] else {}

    def scalars(self, group: dict[str, Any], t: int) -> dict[str, Any]:
        return {
            "lr": float(group["lr"]),
            "mu": float(group["momentum"]),
            "gain": None if t == 1 or not group["dampening"] else 1.0 - group["dampening"],
            "nesterov": group["nesterov"],
        }

    def update(  # type: ignore[override]
        self, xp: Any, p: Any, g: Any, state: Any, lr: float, mu: float, gain: float | None, nesterov: bool
    ) -> None:
        if "momentum_buffer" in state:
            b = state["momentum_buffer"]
            b *= mu
            b += g if gain is None else gain * g
            g = g + mu * b if nesterov else b
        p -= lr * g
