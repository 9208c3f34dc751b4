"""Adam: RMSprop of a running average of gradients, with both averages corrected for their start at zero."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .base.describing import averaged, root, times
from .base.hyperparameters import Group, Hyperparameter, Pair, Slots
from .normalizing import EPS, normalized
from .optimizer import Optimizer

#: β₁ and β₂ of the family
BETAS = Pair("beta parameter", low=0, below=1, name="betas")


class Adam(Optimizer):
    """Adaptive moments.

        g ← g + λ p                        weight decay, coupled (AdamW decouples it)
        m ← β₁ m + (1 - β₁) g
        v ← β₂ v + (1 - β₂) g²             amsgrad: u ← max(u, v) takes the place of v below
        m̂ = m / (1 - β₁^t);  v̂ = v / (1 - β₂^t)
        p ← p - lr m̂ / (√v̂ + ε)            with eps_mode="outside"; m̂ / √(v̂ + ε) with "inside"
        p ← p - lr √(1 - β₂^t) m̂ / (√v + ε)    with "uncorrected"

    [Kingma and Ba 2015, algorithm 1; amsgrad: Reddi et al. 2018. PyTorch and optax have ε beside the corrected root,
    Keras, TensorFlow and Chainer beside the uncorrected one (the form that Kingma and Ba name at the end of their
    section 2); MLX corrects no bias]

    Args:
        params: parameters or groups.
        lr: learning rate.
        betas: β₁ and β₂.
        eps: ε.
        weight_decay: λ.
        amsgrad: see above.
        foreach, capturable, differentiable, fused: accepted for PyTorch's sake.
        maximize: climb instead of descend.
        decoupled_weight_decay: p ← (1 - lr λ) p before the step instead.
        eps_mode: "outside", "inside", "uncorrected" or "none".
        bias_correction: False: m and v in place of m̂ and v̂.
        sparse: how row-sparse gradients are used, "lazy" as PyTorch's SparseAdam: see
            `minigrad/optim/base/sparse_rows.py`.
        convention: sets the options above to what a library does.

    >>> import minigrad
    >>> p = minigrad.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = Adam([p], lr=0.1)
    >>> (p ** 2).sum().backward(); optimizer.step(); p
    tensor([0.9000, 1.9000], requires_grad=True)
    """

    conventions: ClassVar = {
        "pytorch": {},
        "keras": {"eps": 1e-7, "eps_mode": "uncorrected", "decoupled_weight_decay": True},
        "tf1": {"eps_mode": "uncorrected"},
        "tf2": {"eps": 1e-7, "eps_mode": "uncorrected"},
        "chainer": {"eps_mode": "uncorrected"},
        "optax": {"lr": None},
        "mlx": {"lr": None, "bias_correction": False},
    }

    counts_steps = True

    betas = BETAS
    eps = EPS
    amsgrad = Hyperparameter("amsgrad", choices=(True, False))
    eps_mode = Hyperparameter("eps_mode", choices=("outside", "inside", "uncorrected", "none"))
    bias_correction = Hyperparameter("bias_correction", choices=(True, False))

    def __init__(
        self, params: Any, lr: Any = 1e-3, betas: Any = (0.9, 0.999), eps: Any = 1e-8, weight_decay: Any = 0,
        amsgrad: bool = False, *, foreach: bool | None = None, maximize: bool = False, capturable: bool = False,
        differentiable: bool = False, fused: bool | None = None, decoupled_weight_decay: bool = False,
        eps_mode: str = "outside", bias_correction: bool = True, sparse: str = "exact", convention: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize, "decoupled_weight_decay": decoupled_weight_decay, "eps_mode": eps_mode,
            "bias_correction": bias_correction, "sparse": sparse,
        }, convention)  # fmt: skip

    def check(self, group: Group) -> None:
        super().check(group)
        if group["amsgrad"] and self.convention == "optax":
            raise ValueError("optax's amsgrad is the maximum of the corrected averages, which Adam does not have here")

    def slots(self, group: Group) -> dict[str, float]:
        names = ["exp_avg", "exp_avg_sq"]
        return dict.fromkeys([*names, "max_exp_avg_sq"] if group["amsgrad"] else names, 0.0)

    def scalars(self, group: Group, t: int) -> dict[str, Any]:
        (b1, b2), lr, eps, mode = group["betas"], float(group["lr"]), float(group["eps"]), group["eps_mode"]
        first, second = _corrections(group, t)
        # v̂'s correction is taken out of the root, and ε along with it: lr m̂ / (√v̂ + ε) is rate m / (√v + ε')
        below = {"outside": eps * math.sqrt(second), "inside": eps * second, "uncorrected": eps, "none": None}[mode]
        return {
            "b1": float(b1), "b2": float(b2), "rate": lr * math.sqrt(second) / first, "eps": below,
            "inside": mode == "inside",
        }  # fmt: skip

    def update(  # type: ignore[override]
        self, xp: Any, p: Any, g: Any, state: Any, b1: float, b2: float, rate: float, eps: float | None, inside: bool
    ) -> None:
        m, v = moments(state, g, b1, b2)
        if "max_exp_avg_sq" in state:
            u = state["max_exp_avg_sq"]
            xp.maximum(u, v, out=u)
            v = u
        p -= rate * normalized(xp, m, v, eps, inside)

    def formula(self, group: Group, t: int, slots: Slots, **carried: float) -> list[str]:
        (b1, b2), mode = group["betas"], group["eps_mode"]
        first, second = _corrections(group, t)
        lines = [averaged("m", b1, "g"), averaged("v", b2, "g²")]
        if group["amsgrad"]:
            lines.append("u ← max(u, v)")
        largest = "u" if group["amsgrad"] else "v"
        if mode == "uncorrected":
            factor, variance = group["lr"] * math.sqrt(second), largest
        else:
            factor, variance = group["lr"], largest if second == 1 else f"({largest} / {second:.6g})"
        step = f"{times(factor / first, 'm')} / {root(variance, group['eps'], mode)}"
        return [*lines, f"p ← p - {step}"]


def moments(state: dict[str, Any], g: Any, b1: float, b2: float) -> tuple[Any, Any]:
    """The running averages m of gradients and v of their squares, brought up to date."""
    m, v = state["exp_avg"], state["exp_avg_sq"]
    m *= b1
    m += (1 - b1) * g
    v *= b2
    v += (1 - b2) * g * g
    return m, v


def _corrections(group: Group, t: int) -> tuple[float, float]:
    """What m and v are divided by, for their start at zero."""
    b1, b2 = group["betas"]
    return (1 - b1**t, 1 - b2**t) if group["bias_correction"] else (1.0, 1.0)


class AdamW(Adam):
    """Adam with decoupled weight decay: p ← (1 - lr λ) p before the step, whatever the gradients' size.

    [Loshchilov and Hutter 2019, algorithm 2; defaults as PyTorch's]

    Args: as `Adam`, but for decoupled_weight_decay, which is True; weight_decay is 0.01 unless given.

    >>> import minigrad
    >>> p = minigrad.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = AdamW([p], lr=0.1, weight_decay=0.5)
    >>> (0 * p).sum().backward(); optimizer.step(); p
    tensor([0.9500, 1.9000], requires_grad=True)
    """

    conventions: ClassVar = {
        "pytorch": {},
        "keras": {"eps": 1e-7, "eps_mode": "uncorrected", "weight_decay": 0.004},
        "optax": {"lr": None, "weight_decay": 1e-4},
        "mlx": {"lr": None, "bias_correction": False},
    }

    def __init__(
        self, params: Any, lr: Any = 1e-3, betas: Any = (0.9, 0.999), eps: Any = 1e-8, weight_decay: Any = 1e-2,
        amsgrad: bool = False, *, maximize: bool = False, foreach: bool | None = None, capturable: bool = False,
        differentiable: bool = False, fused: bool | None = None, eps_mode: str = "outside",
        bias_correction: bool = True, sparse: str = "exact", convention: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, decoupled_weight_decay=True,
            eps_mode=eps_mode, bias_correction=bias_correction, sparse=sparse, convention=convention,
        )  # fmt: skip
