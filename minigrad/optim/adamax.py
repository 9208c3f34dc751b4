"""Adamax: Adam with the largest recent gradient in place of the root of an average."""

from __future__ import annotations

from typing import Any, ClassVar

from .adam import BETAS
from .base.describing import averaged, number, times
from .base.hyperparameters import Group, Hyperparameter, Slots
from .normalizing import EPS
from .optimizer import Optimizer


class Adamax(Optimizer):
    """Adam by the infinity norm.

        m ← β₁ m + (1 - β₁) g
        u ← max(β₂ u, |g| + ε)               with eps_mode="inside"; max(β₂ u, |g|) with "outside"
        p ← p - lr / (1 - β₁^t) m / u        m / (u + ε) with "outside"

    [Kingma and Ba 2015, algorithm 2, which has no ε; PyTorch's puts it inside the maximum, Keras outside]

    Args: those of `Adam` that it has; lr is 0.002 unless given.

    >>> import minigrad
    >>> p = minigrad.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = Adamax([p], lr=0.1)
    >>> (p ** 2).sum().backward(); optimizer.step(); p
    tensor([0.9000, 1.9000], requires_grad=True)
    """

    conventions: ClassVar = {
        "pytorch": {},
        "keras": {"lr": 0.001, "eps": 1e-7, "eps_mode": "outside", "decoupled_weight_decay": True},
        "tf2": {"lr": 0.001, "eps": 1e-7, "eps_mode": "outside"},
        "optax": {"lr": None},
    }

    counts_steps = True

    betas = BETAS
    eps = EPS
    eps_mode = Hyperparameter("eps_mode", choices=("inside", "outside"))

    def __init__(
        self, params: Any, lr: Any = 2e-3, betas: Any = (0.9, 0.999), eps: Any = 1e-8, weight_decay: Any = 0,
        foreach: bool | None = None, *, maximize: bool = False, differentiable: bool = False,
        capturable: bool = False, eps_mode: str = "inside", decoupled_weight_decay: bool = False,
        convention: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "eps_mode": eps_mode, "decoupled_weight_decay": decoupled_weight_decay,
        }, convention)  # fmt: skip

    def slots(self, group: Group) -> dict[str, float]:
        return {"exp_avg": 0.0, "exp_inf": 0.0}

    def scalars(self, group: Group, t: int) -> dict[str, Any]:
        b1, b2 = group["betas"]
        return {
            "b1": float(b1), "b2": float(b2), "rate": float(group["lr"]) / (1 - b1**t), "eps": float(group["eps"]),
            "inside": group["eps_mode"] == "inside",
        }  # fmt: skip

    def update(  # type: ignore[override]
        self, xp: Any, p: Any, g: Any, state: Any, b1: float, b2: float, rate: float, eps: float, inside: bool
    ) -> None:
        m, u = state["exp_avg"], state["exp_inf"]
        m *= b1
        m += (1 - b1) * g
        u *= b2
        size = xp.abs(g)
        if inside:
            size += eps
        xp.maximum(u, size, out=u)
        p -= rate * m / (u if inside else u + eps)

    def formula(self, group: Group, t: int, slots: Slots, **carried: float) -> list[str]:
        (b1, b2), eps = group["betas"], number(group["eps"])
        size, below = (f"|g| + {eps}", "u") if group["eps_mode"] == "inside" else ("|g|", f"(u + {eps})")
        rate = group["lr"] / (1 - b1**t)
        return [averaged("m", b1, "g"), f"u ← max({times(b2, 'u')}, {size})", f"p ← p - {times(rate, 'm')} / {below}"]
