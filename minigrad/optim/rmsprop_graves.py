"""RMSpropGraves: centered RMSprop with momentum, as in Graves's paper."""

from __future__ import annotations

from typing import Any, ClassVar

from .rmsprop import RMSprop


class RMSpropGraves(RMSprop):
    """RMSprop with the numbers and the formula of Graves 2013, as `RMSprop(convention="graves2013")`.

        n ← α n + (1 - α) g²
        m ← α m + (1 - α) g
        b ← μ b + lr g / √(n - m² + ε)       n - m² by RMSprop's recurrence
        p ← p - b

    [Graves 2013, arXiv 1308.0850, eq. 38-41; the name is Chainer's]

    Args: those of `RMSprop` that it has.

    >>> import minigrad
    >>> p = minigrad.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = RMSpropGraves([p], lr=0.1)
    >>> (p ** 2).sum().backward(); optimizer.step(); p
    tensor([0.5413, 1.5412], requires_grad=True)
    """

    conventions: ClassVar = {}

    def __init__(
        self, params: Any, lr: Any = 1e-4, alpha: Any = 0.95, eps: Any = 1e-4, momentum: Any = 0.9,
        weight_decay: Any = 0.0, *, maximize: bool = False, centered_mode: str = "recurrence",
        decoupled_weight_decay: bool = False, sparse: str = "exact",
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr, alpha, eps, weight_decay, momentum, centered=True, maximize=maximize, eps_mode="inside",
            lr_in_velocity=True, centered_mode=centered_mode, decoupled_weight_decay=decoupled_weight_decay,
            sparse=sparse,
        )  # fmt: skip
