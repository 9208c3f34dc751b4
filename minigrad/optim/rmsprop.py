"""RMSprop: each number's step divided by the recent size of its gradient."""

from __future__ import annotations

from typing import Any

from .adagrad import normalized
from .optimizer import Optimizer, require


class RMSprop(Optimizer):
    """Gradient descent scaled by a running average of squared gradients.

        g ← g + λ p                      weight decay, coupled
        v ← α v + (1 - α) g²
        d ← g / (√v + ε)                 with eps_mode="outside"; g / √(v + ε) with "inside"
        p ← p - lr d                     without momentum
        b ← μ b + d;  p ← p - lr b       with momentum

    centered=True divides by the standard deviation instead. PyTorch computes it as √(v - m²), which goes below zero
    in float32; here mean m and variance c are kept by a recurrence that is equal in exact arithmetic from a zero
    start, and cannot:

        d ← g - m;  c ← α (c + (1 - α) d²);  m ← m + (1 - α) d

    [Hinton 2012, lecture 6; centered: Graves 2013, eq. 38-41; defaults and formula as PyTorch's]

    Args:
        params: parameters or groups.
        lr: learning rate.
        alpha: α.
        eps: ε.
        weight_decay: λ.
        momentum: μ.
        centered: see above.
        eps_mode: "outside" the root (PyTorch) or "inside" (Keras, TensorFlow, optax).
        maximize: climb instead of descend.
        capturable, foreach, differentiable: accepted for PyTorch's sake.

    >>> import minigrad
    >>> p = minigrad.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = RMSprop([p], lr=0.1, alpha=0.9)
    >>> (p ** 2).sum().backward(); optimizer.step(); p
    tensor([0.6838, 1.6838], requires_grad=True)
    """

    counts_steps = True

    def __init__(
        self, params: Any, lr: Any = 1e-2, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0.0,
        momentum: float = 0.0, centered: bool = False, capturable: bool = False, foreach: bool | None = None,
        maximize: bool = False, differentiable: bool = False, *, eps_mode: str = "outside",
    ) -> None:  # fmt: skip
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "eps_mode": eps_mode, "maximize": maximize,
        })  # fmt: skip

    def check(self, group: dict[str, Any]) -> None:
        require(group["lr"] >= 0, "learning rate", group["lr"])
        require(group["eps"] >= 0, "epsilon value", group["eps"])
        require(group["momentum"] >= 0, "momentum value", group["momentum"])
        require(group["weight_decay"] >= 0, "weight_decay value", group["weight_decay"])
        require(0 <= group["alpha"] < 1, "alpha value", group["alpha"])
        require(group["eps_mode"] in ("outside", "inside"), "eps_mode ('outside' or 'inside')", group["eps_mode"])

    def slots(self, group: dict[str, Any]) -> dict[str, float]:
        names = ["grad_avg", "variance"] if group["centered"] else ["square_avg"]
        return dict.fromkeys([*names, "momentum_buffer"] if group["momentum"] else names, 0.0)

    def scalars(self, group: dict[str, Any], t: int) -> dict[str, Any]:
        return {
            "lr": float(group["lr"]), "alpha": float(group["alpha"]), "mu": float(group["momentum"]),
            "eps": float(group["eps"]), "inside": group["eps_mode"] == "inside", "centered": group["centered"],
        }  # fmt: skip

    def update(  # type: ignore[override]
        self, xp: Any, p: Any, g: Any, state: Any,
        lr: float, alpha: float, mu: float, eps: float, inside: bool, centered: bool,
    ) -> None:  # fmt: skip
        if centered:
            m, v = state["grad_avg"], state["variance"]
            d = g - m
            v += (1 - alpha) * d * d
            v *= alpha
            m += (1 - alpha) * d
        else:
            v = state["square_avg"]
            v *= alpha
            v += (1 - alpha) * g * g
        step = normalized(xp, g, v, eps, inside)
        if "momentum_buffer" in state:
            b = state["momentum_buffer"]
            b *= mu
            b += step
            step = b
        p -= lr * step

    def saved(self, entries: dict[str, Any]) -> dict[str, Any]:
        """With the average of squares that PyTorch keeps for centered=True. The variance is saved as it is, too:
        read back as a difference it would have lost its digits."""
        if "variance" not in entries:
            return entries
        mean = entries["grad_avg"]
        return {**entries, "square_avg": entries["variance"] + mean * mean}

    def restored(self, entries: dict[str, Any]) -> dict[str, Any]:
        """PyTorch's centered state (average of squares and mean) as mean and variance."""
        if "grad_avg" not in entries:
            return entries
        mean, squares = entries["grad_avg"], entries["square_avg"]
        kept = {name: value for name, value in entries.items() if name != "square_avg"}
        return {"variance": (squares - mean * mean).clamp(min=0), **kept}
