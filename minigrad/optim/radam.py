"""RAdam: Adam that waits until its average of squares can be trusted."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .adam import BETAS, moments
from .base.describing import averaged, number, times
from .base.hyperparameters import Group, Slots
from .normalizing import EPS, normalized
from .optimizer import Optimizer


class RAdam(Optimizer):
    """Rectified Adam.

        m ← β₁ m + (1 - β₁) g;  v ← β₂ v + (1 - β₂) g²
        ρ = 2 / (1 - β₂) - 1;   ρ_t = ρ - 2 t β₂^t / (1 - β₂^t)
        r = √((ρ_t - 4) (ρ_t - 2) ρ / ((ρ - 4) (ρ - 2) ρ_t))
        p ← p - lr / (1 - β₁^t) r √(1 - β₂^t) m / (√v + ε)      if ρ_t > 5
        p ← p - lr / (1 - β₁^t) m                               before

    [Liu et al. 2020, algorithm 2, with PyTorch's bound of 5 and its ε]

    Args: those of `Adam` that it has.

    >>> import minigrad
    >>> p = minigrad.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = RAdam([p], lr=0.1)
    >>> (p ** 2).sum().backward(); optimizer.step(); p
    tensor([0.8000, 1.6000], requires_grad=True)
    """

    conventions: ClassVar = {"pytorch": {}}

    counts_steps = True

    betas = BETAS
    eps = EPS

    def __init__(
        self, params: Any, lr: Any = 1e-3, betas: Any = (0.9, 0.999), eps: Any = 1e-8, weight_decay: Any = 0,
        decoupled_weight_decay: bool = False, *, foreach: bool | None = None, maximize: bool = False,
        capturable: bool = False, differentiable: bool = False, convention: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "decoupled_weight_decay": decoupled_weight_decay,
        }, convention)  # fmt: skip

    def slots(self, group: Group) -> dict[str, float]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def scalars(self, group: Group, t: int) -> dict[str, Any]:
        b1, b2 = group["betas"]
        rate, length, longest = float(group["lr"]) / (1 - b1**t), _length(b2, t), 2 / (1 - b2) - 1
        trusted = length > 5
        if trusted:
            r = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
            rate *= math.sqrt(r * (1 - b2**t))
        return {"b1": float(b1), "b2": float(b2), "rate": rate, "eps": float(group["eps"]), "trusted": trusted}

    def update(  # type: ignore[override]
        self, xp: Any, p: Any, g: Any, state: Any, b1: float, b2: float, rate: float, eps: float, trusted: bool
    ) -> None:
        m, v = moments(state, g, b1, b2)
        p -= rate * (normalized(xp, m, v, eps, False) if trusted else m)

    def formula(self, group: Group, t: int, slots: Slots, **carried: float) -> list[str]:
        numbers = self.scalars(group, t)
        below = f" / (√v + {number(numbers['eps'])})" if numbers["trusted"] else ""
        averages = [averaged("m", numbers["b1"], "g"), averaged("v", numbers["b2"], "g²")]
        return [*averages, f"p ← p - {times(numbers['rate'], 'm')}{below}"]


def _length(b2: float, t: int) -> float:
    """ρ_t, the length of the simple average that the running one is worth."""
    return 2 / (1 - b2) - 1 - 2 * t * b2**t / (1 - b2**t)
