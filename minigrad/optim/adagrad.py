"""Adagrad: a learning rate of its own for every number, that falls as its gradients add up."""

from __future__ import annotations

from typing import Any

from .optimizer import Optimizer, require


class Adagrad(Optimizer):
    """Adaptive gradient descent.

        g ← g + λ p                              weight decay, coupled
        s ← s + g²
        p ← p - lr / (1 + (t - 1) η) g / (√s + ε)    with eps_mode="outside"
                                     g / √(s + ε)    with eps_mode="inside"

    [Duchi, Hazan, Singer 2011, the diagonal form; defaults and formula as PyTorch's. Keras starts s at 0.1 and has
    ε inside the root]

    Args:
        params: parameters or groups.
        lr: learning rate.
        lr_decay: η.
        weight_decay: λ.
        initial_accumulator_value: where s starts.
        eps: ε.
        eps_mode: "outside" the root (PyTorch) or "inside".
        maximize: climb instead of descend.
        foreach, fused: accepted for PyTorch's sake.

    >>> import minigrad
    >>> p = minigrad.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = Adagrad([p], lr=0.1)
    >>> (p ** 2).sum().backward(); optimizer.step(); p
    tensor([0.9000, 1.9000], requires_grad=True)
    """

    counts_steps = True

    def __init__(
        self, params: Any, lr: Any = 1e-2, lr_decay: float = 0.0, weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0, eps: float = 1e-10, foreach: bool | None = None, *,
        eps_mode: str = "outside", maximize: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__(params, {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "eps_mode": eps_mode, "maximize": maximize,
        })  # fmt: skip

    def check(self, group: dict[str, Any]) -> None:
        require(group["lr"] >= 0, "learning rate", group["lr"])
        require(group["lr_decay"] >= 0, "lr_decay value", group["lr_decay"])
        require(group["weight_decay"] >= 0, "weight_decay value", group["weight_decay"])
        start = group["initial_accumulator_value"]
        require(start >= 0, "initial_accumulator_value value", start)
        require(group["eps"] >= 0, "epsilon value", group["eps"])
        require(group["eps_mode"] in ("outside", "inside"), "eps_mode ('outside' or 'inside')", group["eps_mode"])

    def slots(self, group: dict[str, Any]) -> dict[str, float]:
        return {"sum": group["initial_accumulator_value"]}

    def scalars(self, group: dict[str, Any], t: int) -> dict[str, Any]:
        rate = float(group["lr"]) / (1 + (t - 1) * group["lr_decay"])
        return {"lr": rate, "eps": float(group["eps"]), "inside": group["eps_mode"] == "inside"}

    def update(self, xp: Any, p: Any, g: Any, state: Any, lr: float, eps: float, inside: bool) -> None:  # type: ignore[override]
        s = state["sum"]
        s += g * g
        p -= lr * normalized(xp, g, s, eps, inside)


def normalized(xp: Any, g: Any, v: Any, eps: float, inside: bool) -> Any:
    """g / √(v + ε) or g / (√v + ε): libraries differ, and for small gradients it decides everything."""
    root = xp.sqrt(v + eps if inside else v)
    if not inside:
        root += eps
    return xp.divide(g, root, out=root)
