"""Stochastic gradient descent as PyTorch has it."""

from __future__ import annotations

from typing import Any, ClassVar

from .base.describing import times, total
from .base.hyperparameters import Group, Hyperparameter, Slots
from .optimizer import Optimizer
from .velocity import FIRST_STEP, LR_IN_VELOCITY, factors, or_one


class SGD(Optimizer):
    """Gradient descent, with momentum if asked for.

        g ← -g                    if maximize
        g ← g + λ p               weight decay, coupled (p ← (1 - lr λ) p before the step if decoupled)
        b ← μ b + (1 - τ) g       momentum buffer; the first step has b = g, without dampening
        g ← g + μ b               if nesterov, else g ← b
        p ← p - lr g              the learning rate is outside the buffer

    [https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html; Sutskever et al. 2013 and Keras have lr
    inside the velocity, which is the same while lr does not change; MLX has b = 0 before the first step, so that τ
    applies to it; Keras decouples weight decay. autograd's averaged form, v ← μ v + (1 - μ) g, is dampening=μ with
    first_step="zeros"]

    Args:
        params: parameters or groups.
        lr: learning rate.
        momentum: μ, 0 for none.
        dampening: τ.
        weight_decay: λ.
        nesterov: look ahead; needs momentum above 0 and dampening 0.
        maximize: climb instead of descend.
        foreach, differentiable, fused: accepted for PyTorch's sake; every update is one rule over flat buffers.
        lr_in_velocity: b ← μ b + lr (1 - τ) g and p ← p - b.
        first_step: "copy" the gradient into the buffer (PyTorch), or let it start from "zeros".
        decoupled_weight_decay: see above.
        sparse: how row-sparse gradients are used, "exact" or "lazy": see `minigrad/optim/base/sparse_rows.py`.
        convention: sets the options above to what a library does.

    >>> import minigrad
    >>> p = minigrad.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = SGD([p], lr=0.1)
    >>> (p ** 2).sum().backward(); optimizer.step(); p
    tensor([0.8000, 1.6000], requires_grad=True)
    """

    conventions: ClassVar = {
        "pytorch": {},
        "keras": {"lr": 0.01, "lr_in_velocity": True, "first_step": "zeros", "decoupled_weight_decay": True},
        "tf1": {"lr": None, "first_step": "zeros"},
        "tf2": {"lr": 0.01, "lr_in_velocity": True, "first_step": "zeros"},
        "chainer": {"lr": 0.01, "lr_in_velocity": True, "first_step": "zeros"},
        "optax": {"lr": None, "first_step": "zeros"},
        "mlx": {"lr": None, "first_step": "zeros"},
        "sutskever2013": {"lr_in_velocity": True, "first_step": "zeros"},
        "seed003": {"lr": 0.096},
    }

    momentum = Hyperparameter("momentum value", low=0)
    dampening = Hyperparameter()
    nesterov = Hyperparameter("nesterov", choices=(True, False))
    lr_in_velocity = LR_IN_VELOCITY
    first_step = FIRST_STEP

    def __init__(
        self, params: Any, lr: Any = 1e-3, momentum: Any = 0.0, dampening: Any = 0.0, weight_decay: Any = 0.0,
        nesterov: bool = False, *, maximize: bool = False, foreach: bool | None = None, differentiable: bool = False,
        fused: bool | None = None, lr_in_velocity: bool = False, first_step: str = "copy",
        decoupled_weight_decay: bool = False, sparse: str = "exact", convention: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
            "nesterov": nesterov, "maximize": maximize, "lr_in_velocity": lr_in_velocity, "first_step": first_step,
            "decoupled_weight_decay": decoupled_weight_decay, "sparse": sparse,
        }, convention)  # fmt: skip

    def check(self, group: Group) -> None:
        super().check(group)
        mu, tau = group["momentum"], group["dampening"]
        if group["nesterov"] and ((not callable(mu) and mu <= 0) or tau != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        if group["nesterov"] and self.convention in ("chainer", "sutskever2013"):
            raise ValueError(f"this convention's Nesterov momentum is NAG(params, convention={self.convention!r})")

    def slots(self, group: Group) -> dict[str, float]:
        return {"momentum_buffer": 0.0} if group["momentum"] else {}

    def moves_untouched(self, group: Group) -> str:
        return "momentum" if group["momentum"] else ""

    def scalars(self, group: Group, t: int) -> dict[str, Any]:
        return {**factors(group, t), "nesterov": group["nesterov"]}

    def update(  # type: ignore[override]
        self, xp: Any, p: Any, g: Any, state: Any, gain: float | None, rate: float | None, mu: float, nesterov: bool
    ) -> None:
        if gain is not None:
            g = gain * g
        if "momentum_buffer" in state:
            b = state["momentum_buffer"]
            b *= mu
            b += g
            g = g + mu * b if nesterov else b
        p -= g if rate is None else rate * g

    def formula(self, group: Group, t: int, slots: Slots, **carried: float) -> list[str]:
        numbers = factors(group, t)
        gain, rate, mu = or_one(numbers["gain"]), or_one(numbers["rate"]), numbers["mu"]
        if not slots:
            return [f"p ← p - {times(group['lr'], 'g')}"]
        step = f"({total((gain, 'g'), (mu, 'b'))})" if group["nesterov"] else "b"
        return [f"b ← {total((mu, 'b'), (gain, 'g'))}", f"p ← p - {times(rate, step)}"]
