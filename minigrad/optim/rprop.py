"""Rprop: steps that grow while the gradient keeps its sign, and shrink when it changes it."""

from __future__ import annotations

from typing import Any, ClassVar

from .base.describing import number
from .base.hyperparameters import Group, Pair, Slots
from .optimizer import Optimizer


class Rprop(Optimizer):
    """Resilient backpropagation: only the signs of gradients count, so it is for full batches.

        s ← clip(η₊ s)  where g has the sign of the last g,  clip(η₋ s)  and g ← 0  where it has the other
        p ← p - sign(g) s

    [Riedmiller and Braun 1993, in the variant that PyTorch has, iRprop- of Igel and Hüsken 2000]

    Args:
        params: parameters or groups.
        lr: the step size s to begin with.
        etas: η₋ below 1 and η₊ above it.
        step_sizes: bounds of s.
        capturable, foreach, differentiable: accepted for PyTorch's sake.
        maximize: climb instead of descend.
        weight_decay: λ, coupled: g ← g + λ p (not in PyTorch).
        decoupled_weight_decay: p ← (1 - lr λ) p before the step instead.

    >>> import minigrad
    >>> p = minigrad.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = Rprop([p], lr=0.1)
    >>> (p ** 2).sum().backward(); optimizer.step(); p
    tensor([0.9000, 1.9000], requires_grad=True)
    """

    conventions: ClassVar = {"pytorch": {}}

    counts_steps = True

    etas = Pair("eta values", low=0)
    step_sizes = Pair("step sizes", low=0)

    def __init__(
        self, params: Any, lr: Any = 1e-2, etas: Any = (0.5, 1.2), step_sizes: Any = (1e-6, 50), *,
        capturable: bool = False, foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
        weight_decay: Any = 0.0, decoupled_weight_decay: bool = False, convention: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(params, {
            "lr": lr, "etas": etas, "step_sizes": step_sizes, "maximize": maximize, "weight_decay": weight_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
        }, convention)  # fmt: skip

    def check(self, group: Group) -> None:
        super().check(group)
        down, up = group["etas"]
        if not callable(down) and not callable(up) and not 0 < down < 1 < up:
            raise ValueError(f"Invalid eta values: {down}, {up}")

    def slots(self, group: Group) -> dict[str, float]:
        lr = group["lr"]
        return {"prev": 0.0, "step_size": float(lr(1) if callable(lr) else lr)}

    def scalars(self, group: Group, t: int) -> dict[str, Any]:
        (down, up), (smallest, largest) = group["etas"], group["step_sizes"]
        return {"down": float(down), "up": float(up), "smallest": float(smallest), "largest": float(largest)}

    def update(  # type: ignore[override]
        self, xp: Any, p: Any, g: Any, state: Any, down: float, up: float, smallest: float, largest: float
    ) -> None:
        before, s = state["prev"], state["step_size"]
        agreement = xp.sign(g * before)
        kept, turned = agreement > 0, agreement < 0
        s *= 1 + (up - 1) * kept.astype(s.dtype) - (1 - down) * turned.astype(s.dtype)
        xp.minimum(xp.maximum(s, smallest, out=s), largest, out=s)
        before[...] = g * (agreement >= 0)
        p -= xp.sign(before) * s

    def formula(self, group: Group, t: int, slots: Slots, **carried: float) -> list[str]:
        (down, up), (smallest, largest) = group["etas"], group["step_sizes"]
        a, b, c, d = map(number, (down, up, smallest, largest))
        return [
            "k ← sign(g q)",
            f"s ← min(max(s (1 + max(k, 0) ({b} - 1) + min(k, 0) (1 - {a})), {c}), {d})",
            "q ← g (1 + min(k, 0))",
            "p ← p - sign(q) s",
        ]
