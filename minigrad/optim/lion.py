"""Lion: the sign of a gradient averaged with its past."""

from __future__ import annotations

from typing import Any, ClassVar

from .adam import BETAS
from .base.describing import averaged, times, total
from .base.hyperparameters import Group, Slots
from .optimizer import Optimizer


class Lion(Optimizer):
    """Evolved sign momentum: every number moves by lr at each step, up or down.

        p ← p - lr sign(β₁ m + (1 - β₁) g)
        m ← β₂ m + (1 - β₂) g

    [Chen et al. 2023, arXiv 2302.06675, algorithm 2; weight decay is decoupled there, and here unless told otherwise]

    Args:
        params: parameters or groups.
        lr: learning rate; a third to a tenth of what is good for AdamW.
        betas: β₁ and β₂.
        weight_decay: λ.
        maximize: climb instead of descend.
        decoupled_weight_decay: False: g ← g + λ p instead of p ← (1 - lr λ) p.
        convention: sets the options above to what a library does.

    >>> import minigrad
    >>> p = minigrad.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = Lion([p], lr=0.1)
    >>> (p ** 2).sum().backward(); optimizer.step(); p
    tensor([0.9000, 1.9000], requires_grad=True)
    """

    conventions: ClassVar = {"keras": {"lr": 0.001}, "optax": {"lr": None, "weight_decay": 1e-3}, "mlx": {"lr": None}}

    betas = BETAS

    def __init__(
        self, params: Any, lr: Any = 1e-4, betas: Any = (0.9, 0.99), weight_decay: Any = 0.0, *,
        maximize: bool = False, decoupled_weight_decay: bool = True, convention: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(params, {
            "lr": lr, "betas": betas, "weight_decay": weight_decay, "maximize": maximize,
            "decoupled_weight_decay": decoupled_weight_decay,
        }, convention)  # fmt: skip

    def slots(self, group: Group) -> dict[str, float]:
        return {"exp_avg": 0.0}

    def scalars(self, group: Group, t: int) -> dict[str, Any]:
        b1, b2 = group["betas"]
        return {"lr": float(group["lr"]), "b1": float(b1), "b2": float(b2)}

    def update(  # type: ignore[override]
        self, xp: Any, p: Any, g: Any, state: Any, lr: float, b1: float, b2: float
    ) -> None:
        m = state["exp_avg"]
        p -= lr * xp.sign(b1 * m + (1 - b1) * g)
        m *= b2
        m += (1 - b2) * g

    def formula(self, group: Group, t: int, slots: Slots, **carried: float) -> list[str]:
        b1, b2 = group["betas"]
        direction = f"sign({total((b1, 'm'), (1 - b1, 'g'))})"
        return [f"p ← p - {times(group['lr'], direction)}", averaged("m", b2, "g")]
