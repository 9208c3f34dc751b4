"""NAdam: Adam with Nesterov's look ahead in the average of gradients."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .adam import BETAS, moments
from .base.describing import averaged, number, root, total
from .base.hyperparameters import Group, Hyperparameter, Slots
from .normalizing import EPS, normalized
from .optimizer import Optimizer


class NAdam(Optimizer):
    """Adam with Nesterov momentum.

        μ_t = β₁ (1 - 0.96^(t ψ) / 2)        on its way up to β₁;  Π_t = μ_1 μ_2 ... μ_t
        m ← β₁ m + (1 - β₁) g
        v ← β₂ v + (1 - β₂) g²;  v̂ = v / (1 - β₂^t)
        p ← p - lr ((1 - μ_t) / (1 - Π_t) g + μ_{t+1} / (1 - Π_{t+1}) m) / (√v̂ + ε)

    [Dozat 2016, the note's algorithm 2; defaults and formula as PyTorch's. Keras has ψ = 1; in optax μ_t = β₁ from
    the start, which is ψ = ∞]

    Args: those of `Adam` that it has; lr is 0.002 unless given, and
        momentum_decay: ψ.

    >>> import minigrad
    >>> p = minigrad.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = NAdam([p], lr=0.1)
    >>> (p ** 2).sum().backward(); optimizer.step(); p
    tensor([0.8944, 1.8944], requires_grad=True)
    """

    conventions: ClassVar = {
        "pytorch": {},
        "keras": {"lr": 0.001, "eps": 1e-7, "momentum_decay": 1.0, "decoupled_weight_decay": True},
        "tf2": {"lr": 0.001, "eps": 1e-7},
        "optax": {"lr": None, "momentum_decay": 1e6},  # 0.96^1,000,000 is 0
    }

    counts_steps = True
    carried: ClassVar = {"mu_product": 1.0}

    betas = BETAS
    eps = EPS
    momentum_decay = Hyperparameter(low=0)

    def __init__(
        self, params: Any, lr: Any = 2e-3, betas: Any = (0.9, 0.999), eps: Any = 1e-8, weight_decay: Any = 0,
        momentum_decay: Any = 4e-3, decoupled_weight_decay: bool = False, *, foreach: bool | None = None,
        maximize: bool = False, capturable: bool = False, differentiable: bool = False,
        convention: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize,
        }, convention)  # fmt: skip

    def slots(self, group: Group) -> dict[str, float]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def scalars(self, group: Group, t: int, mu_product: float = 1.0) -> dict[str, Any]:
        (b1, b2), lr = group["betas"], float(group["lr"])
        now, next_one, root_of_correction = _mu(group, t), _mu(group, t + 1), math.sqrt(1 - b2**t)
        product = mu_product * now
        return {
            "b1": float(b1), "b2": float(b2), "eps": float(group["eps"]) * root_of_correction,
            "of_g": lr * (1 - now) / (1 - product) * root_of_correction,
            "of_m": lr * next_one / (1 - product * next_one) * root_of_correction,
        }  # fmt: skip

    def carry(self, group: Group, t: int, **carried: float) -> dict[str, float]:
        return {"mu_product": carried["mu_product"] * _mu(group, t)}

    def update(  # type: ignore[override]
        self, xp: Any, p: Any, g: Any, state: Any, b1: float, b2: float, eps: float, of_g: float, of_m: float
    ) -> None:
        m, v = moments(state, g, b1, b2)
        p -= normalized(xp, of_g * g + of_m * m, v, eps, False)

    def formula(self, group: Group, t: int, slots: Slots, **carried: float) -> list[str]:
        b1, b2 = group["betas"]
        numbers, correction = self.scalars(group, t, **carried), math.sqrt(1 - b2**t)
        step = total((numbers["of_g"] / correction, "g"), (numbers["of_m"] / correction, "m"))
        below = root(f"(v / {number(1 - b2**t)})", group["eps"], "outside")
        return [averaged("m", b1, "g"), averaged("v", b2, "g²"), f"p ← p - ({step}) / {below}"]


def _mu(group: Group, t: int) -> float:
    return float(group["betas"][0] * (1 - 0.5 * 0.96 ** (t * group["momentum_decay"])))
