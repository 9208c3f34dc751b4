"""Adagrad: a learning rate of its own for every number, that falls as its gradients add up."""

from __future__ import annotations

from typing import Any, ClassVar

from .base.describing import root, times
from .base.hyperparameters import Group, Hyperparameter, Slots
from .normalizing import EPS, EPS_MODE, eps_numbers, normalized
from .optimizer import Optimizer


class Adagrad(Optimizer):
    """Adaptive gradient descent.

        g ← g + λ p                              weight decay, coupled
        s ← s + g²
        p ← p - lr / (1 + (t - 1) η) g / (√s + ε)    with eps_mode="outside"
                                     g / √(s + ε)    with eps_mode="inside"
                                     g / √s          with eps_mode="none"

    [Duchi, Hazan, Singer 2011, the diagonal form; defaults and formula as PyTorch's. Keras and optax start s at 0.1
    and have ε inside the root, TensorFlow's kernels start it at 0.1 and have ε outside (2) or none (1)]

    Args:
        params: parameters or groups.
        lr: learning rate.
        lr_decay: η.
        weight_decay: λ.
        initial_accumulator_value: where s starts.
        eps: ε.
        foreach, fused, differentiable: accepted for PyTorch's sake.
        maximize: climb instead of descend.
        eps_mode: where ε stands, see above.
        decoupled_weight_decay: p ← (1 - lr λ) p before the step instead.
        sparse: how row-sparse gradients are used, "exact" or "lazy": see `minigrad/optim/base/sparse_rows.py`.
        convention: sets the options above to what a library or paper does.

    >>> import minigrad
    >>> p = minigrad.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = Adagrad([p], lr=0.1)
    >>> (p ** 2).sum().backward(); optimizer.step(); p
    tensor([0.9000, 1.9000], requires_grad=True)
    """

    conventions: ClassVar = {
        "pytorch": {},
        "keras": {
            "lr": 0.001, "initial_accumulator_value": 0.1, "eps": 1e-7, "eps_mode": "inside",
            "decoupled_weight_decay": True,
        },
        "tf1": {"lr": None, "initial_accumulator_value": 0.1, "eps_mode": "none"},
        "tf2": {"lr": 0.001, "initial_accumulator_value": 0.1, "eps": 1e-7},
        "chainer": {"lr": 0.001, "eps": 1e-8},
        "optax": {"lr": None, "initial_accumulator_value": 0.1, "eps": 1e-7, "eps_mode": "inside"},
        "mlx": {"lr": None, "eps": 1e-8},
        "duchi2011": {},
        "seed000": {"lr": 0.1},
    }  # fmt: skip

    counts_steps = True

    lr_decay = Hyperparameter(low=0)
    initial_accumulator_value = Hyperparameter(low=0, schedule=False)
    eps = EPS
    eps_mode = EPS_MODE

    def __init__(
        self, params: Any, lr: Any = 1e-2, lr_decay: Any = 0.0, weight_decay: Any = 0.0,
        initial_accumulator_value: float = 0.0, eps: Any = 1e-10, foreach: bool | None = None, *,
        maximize: bool = False, differentiable: bool = False, fused: bool | None = None, eps_mode: str = "outside",
        decoupled_weight_decay: bool = False, sparse: str = "exact", convention: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(params, {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "maximize": maximize, "eps_mode": eps_mode,
            "decoupled_weight_decay": decoupled_weight_decay, "sparse": sparse,
        }, convention)  # fmt: skip

    def slots(self, group: Group) -> dict[str, float]:
        return {"sum": group["initial_accumulator_value"]}

    def moves_untouched(self, group: Group) -> str:
        return ""

    def scalars(self, group: Group, t: int) -> dict[str, Any]:
        return {"lr": float(group["lr"]) / (1 + (t - 1) * group["lr_decay"]), **eps_numbers(group)}

    def update(  # type: ignore[override]
        self, xp: Any, p: Any, g: Any, state: Any, lr: float, eps: float | None, inside: bool
    ) -> None:
        s = state["sum"]
        s += g * g
        p -= lr * normalized(xp, g, s, eps, inside)

    def formula(self, group: Group, t: int, slots: Slots, **carried: float) -> list[str]:
        lr = self.scalars(group, t)["lr"]
        return ["s ← s + g²", f"p ← p - {times(lr, 'g')} / {root('s', group['eps'], group['eps_mode'])}"]
