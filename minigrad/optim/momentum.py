"""The textbook's momentum."""

from __future__ import annotations

from typing import Any, ClassVar

from .base.describing import times, total
from .base.hyperparameters import Group, Hyperparameter, Slots
from .optimizer import Optimizer
from .velocity import FIRST_STEP, LR_IN_VELOCITY, factors, or_one


class Momentum(Optimizer):
    """Classical momentum: a velocity that remembers past steps.

        v ← μ v - lr g
        p ← p + v

    [Polyak 1964; Sutskever et al. 2013, eq. 1-2. As in Keras and Chainer the learning rate is inside the velocity;
    PyTorch's SGD(momentum=μ), TensorFlow 1, optax and MLX have it outside, v ← μ v - g and p ← p + lr v, which
    differs once lr changes]

    Args:
        params: parameters or groups.
        lr: learning rate.
        momentum: μ.
        weight_decay: λ, coupled: g ← g + λ p.
        dampening: τ: the gradient enters the velocity times 1 - τ.
        maximize: climb instead of descend.
        lr_in_velocity: False: see above.
        first_step: "zeros", or "copy": τ does not apply to the first step.
        decoupled_weight_decay: p ← (1 - lr λ) p before the step instead.
        sparse: how row-sparse gradients are used, "exact" or "lazy": see `minigrad/optim/base/sparse_rows.py`.
        convention: sets the options above to what a library does.

    Sutskever's schedule of μ: `momentum=lambda t: min(1 - 2 ** (-1 - math.log2(t // 250 + 1)), 0.99)`.

    >>> import minigrad
    >>> p = minigrad.tensor([1.0], requires_grad=True)
    >>> optimizer = Momentum([p], lr=0.1, momentum=0.9)
    >>> for _ in range(2):
    ...     optimizer.zero_grad(); (p ** 2).sum().backward(); optimizer.step()
    >>> p
    tensor([0.4600], requires_grad=True)
    """

    conventions: ClassVar = {
        "pytorch": {"lr": 1e-3, "lr_in_velocity": False, "first_step": "copy"},
        "keras": {"decoupled_weight_decay": True},
        "tf1": {"lr": None, "momentum": None, "lr_in_velocity": False},
        "tf2": {},
        "chainer": {},
        "optax": {"lr": None, "lr_in_velocity": False},
        "mlx": {"lr": None, "lr_in_velocity": False},
        "sutskever2013": {},
    }

    momentum = Hyperparameter("momentum value", low=0, below=1)
    dampening = Hyperparameter()
    lr_in_velocity = LR_IN_VELOCITY
    first_step = FIRST_STEP

    def __init__(
        self, params: Any, lr: Any = 0.01, momentum: Any = 0.9, weight_decay: Any = 0.0, *, dampening: Any = 0.0,
        maximize: bool = False, lr_in_velocity: bool = True, first_step: str = "zeros",
        decoupled_weight_decay: bool = False, sparse: str = "exact", convention: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "weight_decay": weight_decay, "dampening": dampening,
            "maximize": maximize, "lr_in_velocity": lr_in_velocity, "first_step": first_step,
            "decoupled_weight_decay": decoupled_weight_decay, "sparse": sparse,
        }, convention)  # fmt: skip

    def slots(self, group: Group) -> dict[str, float]:
        return {"velocity": 0.0}

    def moves_untouched(self, group: Group) -> str:
        return "momentum"

    def scalars(self, group: Group, t: int) -> dict[str, Any]:
        return factors(group, t)

    def update(  # type: ignore[override]
        self, xp: Any, p: Any, g: Any, state: Any, gain: float | None, rate: float | None, mu: float
    ) -> None:
        v = state["velocity"]
        v *= mu
        v -= g if gain is None else gain * g
        p += v if rate is None else rate * v

    def formula(self, group: Group, t: int, slots: Slots, **carried: float) -> list[str]:
        numbers = factors(group, t)
        gain, rate = or_one(numbers["gain"]), or_one(numbers["rate"])
        return [f"v ← {total((numbers['mu'], 'v'), (-gain, 'g'))}", f"p ← p + {times(rate, 'v')}"]
