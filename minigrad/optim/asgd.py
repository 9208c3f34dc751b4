"""ASGD: gradient descent with a falling rate, and the average of the points that it visits."""

from __future__ import annotations

from typing import Any, ClassVar

from .base.describing import times
from .base.hyperparameters import Group, Hyperparameter, Slots
from .optimizer import Optimizer


class ASGD(Optimizer):
    """Averaged stochastic gradient descent.

        p ← (1 - λ' η_t) p - η_t g
        a ← a + μ_t (p - a)                       the average: `state[p]["ax"]`
        η_{t+1} = lr / (1 + λ' lr t)^α            η_1 = lr
        μ_{t+1} = 1 / max(1, t - t0)              μ_1 = 1

    [Polyak and Juditsky 1992; the schedule is that of Bottou and of Xu 2011 as PyTorch has it]

    Args:
        params: parameters or groups.
        lr: η before the first step.
        lambd: λ', which also shrinks the parameters.
        alpha: power of the rate's fall.
        t0: the step at which averaging begins.
        weight_decay: λ, coupled: g ← g + λ p.
        foreach, differentiable, capturable: accepted for PyTorch's sake.
        maximize: climb instead of descend.
        decoupled_weight_decay: p ← (1 - lr λ) p before the step instead.

    >>> import minigrad
    >>> p = minigrad.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = ASGD([p], lr=0.1)
    >>> (p ** 2).sum().backward(); optimizer.step(); optimizer.state[p]["ax"]
    tensor([0.8000, 1.6000])
    """

    conventions: ClassVar = {"pytorch": {}}

    counts_steps = True
    carried: ClassVar = {"eta": -1.0, "mu": 1.0}  # -1 stands for lr

    lambd = Hyperparameter()
    alpha = Hyperparameter()
    t0 = Hyperparameter()

    def __init__(
        self, params: Any, lr: Any = 1e-2, lambd: Any = 1e-4, alpha: Any = 0.75, t0: Any = 1e6, weight_decay: Any = 0,
        foreach: bool | None = None, maximize: bool = False, differentiable: bool = False, capturable: bool = False,
        *, decoupled_weight_decay: bool = False, convention: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(params, {
            "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay, "maximize": maximize,
            "decoupled_weight_decay": decoupled_weight_decay,
        }, convention)  # fmt: skip

    def slots(self, group: Group) -> dict[str, float]:
        return {"ax": 0.0}

    def scalars(self, group: Group, t: int, eta: float = -1.0, mu: float = 1.0) -> dict[str, Any]:
        rate = float(group["lr"]) if eta < 0 else eta
        return {"shrunk": 1 - float(group["lambd"]) * rate, "eta": rate, "mu": mu}

    def carry(self, group: Group, t: int, **carried: float) -> dict[str, float]:
        lr = float(group["lr"])
        return {"eta": lr / (1 + group["lambd"] * lr * t) ** group["alpha"], "mu": 1 / max(1.0, t - group["t0"])}

    def update(  # type: ignore[override]
        self, xp: Any, p: Any, g: Any, state: Any, shrunk: float, eta: float, mu: float
    ) -> None:
        a = state["ax"]
        p *= shrunk
        p -= eta * g
        a += mu * (p - a)

    def formula(self, group: Group, t: int, slots: Slots, **carried: float) -> list[str]:
        shrunk, eta, mu = self.scalars(group, t, **carried).values()
        return [f"p ← {shrunk:.10g} p - {times(eta, 'g')}", f"a ← a + {times(mu, '(p - a)')}"]
