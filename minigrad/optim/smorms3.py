"""SMORMS3: RMSprop whose memory and rate follow from the signal in the gradients."""

from __future__ import annotations

from typing import Any, ClassVar

from .base.describing import number
from .base.hyperparameters import Group, Slots
from .normalizing import EPS
from .optimizer import Optimizer


class SMORMS3(Optimizer):
    """Squared mean over root mean squared cubed.

        r = 1 / (k + 1)                      the memory k starts at 1
        m ← (1 - r) m + r g;  v ← (1 - r) v + r g²
        x = m² / (v + ε)                     1: all signal; 0: all noise
        p ← p - min(lr, x) / (√v + ε) g
        k ← 1 + k (1 - x)

    [Funk 2015, "RMSprop loses to SMORMS3 - beware the epsilon!"; defaults as Chainer's]

    Args:
        params: parameters or groups.
        lr: the largest learning rate.
        eps: ε.
        weight_decay: λ, coupled: g ← g + λ p.
        maximize: climb instead of descend.
        decoupled_weight_decay: p ← (1 - lr λ) p before the step instead.

    >>> import minigrad
    >>> p = minigrad.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = SMORMS3([p], lr=0.1)
    >>> (p ** 2).sum().backward(); optimizer.step(); p
    tensor([0.8586, 1.8586], requires_grad=True)
    """

    conventions: ClassVar = {"chainer": {}}

    eps = EPS

    def __init__(
        self, params: Any, lr: Any = 0.001, eps: Any = 1e-16, weight_decay: Any = 0.0, *, maximize: bool = False,
        decoupled_weight_decay: bool = False, convention: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(params, {
            "lr": lr, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "decoupled_weight_decay": decoupled_weight_decay,
        }, convention)  # fmt: skip

    def slots(self, group: Group) -> dict[str, float]:
        return {"memory": 1.0, "grad_avg": 0.0, "square_avg": 0.0}

    def scalars(self, group: Group, t: int) -> dict[str, Any]:
        return {"lr": float(group["lr"]), "eps": float(group["eps"])}

    def update(self, xp: Any, p: Any, g: Any, state: Any, lr: float, eps: float) -> None:  # type: ignore[override]
        k, m, v = state["memory"], state["grad_avg"], state["square_avg"]
        r = 1 / (k + 1)
        m += r * (g - m)
        v += r * (g * g - v)
        x = m * m / (v + eps)
        p -= xp.minimum(x, lr) / (xp.sqrt(v) + eps) * g
        k *= 1 - x
        k += 1

    def formula(self, group: Group, t: int, slots: Slots, **carried: float) -> list[str]:
        lr, eps = number(group["lr"]), number(group["eps"])
        return [
            "r ← 1 / (k + 1)", "m ← m + r (g - m)", "v ← v + r (g² - v)", f"x ← m² / (v + {eps})",
            f"p ← p - min({lr}, x) / (√v + {eps}) g", "k ← 1 + k (1 - x)",
        ]  # fmt: skip
