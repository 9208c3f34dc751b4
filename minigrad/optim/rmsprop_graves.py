"""RMSpropGraves: centered RMSprop with momentum, as in Graves's paper."""

from __future__ import annotations

from typing import Any

from .rmsprop import RMSprop


class RMSpropGraves(RMSprop):
    """RMSprop with the numbers and the formula of Graves 2013: `RMSprop(convention="graves2013")` by another name.

        n ← α n + (1 - α) g²
        m ← α m + (1 - α) g
        b ← μ b + lr g / √(n - m² + ε)
        p ← p - b

    [Graves 2013, arXiv 1308.0850, eq. 38-41; the name is Chainer's]

    Args: as `RMSprop`, by name.

    >>> import minigrad
    >>> p = minigrad.tensor([1.0, 2.0], requires_grad=True)
    >>> RMSpropGraves([p], lr=0.1).alpha
    0.95
    """

    def __init__(self, params: Any, **options: Any) -> None:
        super().__init__(params, **{"convention": "graves2013", **options})
