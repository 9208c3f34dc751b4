"""Adadelta: RMSprop that takes its own learning rate from the size of its steps."""

from __future__ import annotations

from typing import Any, ClassVar

from .base.describing import averaged, number, times
from .base.hyperparameters import Group, Hyperparameter, Slots
from .normalizing import EPS
from .optimizer import Optimizer


class Adadelta(Optimizer):
    """Steps in the units of the parameters.

        v ← ρ v + (1 - ρ) g²
        d = √(u + ε) / √(v + ε) g
        u ← ρ u + (1 - ρ) d²
        p ← p - lr d

    [Zeiler 2012, algorithm 1, which has lr = 1; defaults as PyTorch's. Keras has lr 0.001, ρ 0.95, ε 1e-7]

    Args:
        params: parameters or groups.
        lr: factor of the steps.
        rho: ρ.
        eps: ε.
        weight_decay: λ, coupled: g ← g + λ p.
        foreach, capturable, differentiable: accepted for PyTorch's sake.
        maximize: climb instead of descend.
        decoupled_weight_decay: p ← (1 - lr λ) p before the step instead.
        convention: sets the options above to what a library or paper does.

    >>> import minigrad
    >>> p = minigrad.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = Adadelta([p])
    >>> (p ** 2).sum().backward(); optimizer.step(); p
    tensor([0.9968, 1.9968], requires_grad=True)
    """

    conventions: ClassVar = {
        "pytorch": {},
        "keras": {"lr": 0.001, "rho": 0.95, "eps": 1e-7, "decoupled_weight_decay": True},
        "tf1": {"lr": 0.001, "rho": 0.95, "eps": 1e-8},
        "tf2": {"lr": 0.001, "rho": 0.95, "eps": 1e-7},
        "chainer": {"rho": 0.95},
        "optax": {},
        "mlx": {"lr": None},
    }

    counts_steps = True

    rho = Hyperparameter(low=0, below=1)
    eps = EPS

    def __init__(
        self, params: Any, lr: Any = 1.0, rho: Any = 0.9, eps: Any = 1e-6, weight_decay: Any = 0,
        foreach: bool | None = None, *, capturable: bool = False, maximize: bool = False,
        differentiable: bool = False, decoupled_weight_decay: bool = False, convention: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(params, {
            "lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "decoupled_weight_decay": decoupled_weight_decay,
        }, convention)  # fmt: skip

    def slots(self, group: Group) -> dict[str, float]:
        return {"square_avg": 0.0, "acc_delta": 0.0}

    def scalars(self, group: Group, t: int) -> dict[str, Any]:
        return {"lr": float(group["lr"]), "rho": float(group["rho"]), "eps": float(group["eps"])}

    def update(  # type: ignore[override]
        self, xp: Any, p: Any, g: Any, state: Any, lr: float, rho: float, eps: float
    ) -> None:
        v, u = state["square_avg"], state["acc_delta"]
        v *= rho
        v += (1 - rho) * g * g
        d = xp.sqrt(u + eps) / xp.sqrt(v + eps) * g
        u *= rho
        u += (1 - rho) * d * d
        p -= lr * d

    def formula(self, group: Group, t: int, slots: Slots, **carried: float) -> list[str]:
        rho, eps = group["rho"], number(group["eps"])
        return [
            averaged("v", rho, "g²"), f"d ← √(u + {eps}) / √(v + {eps}) g", averaged("u", rho, "d²"),
            f"p ← p - {times(group['lr'], 'd')}",
        ]  # fmt: skip
