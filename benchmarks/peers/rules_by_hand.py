"""Optimizers on fixed buffers, for the limit in `numpy.py`.

A rule is a closure over parameters p and their gradient g, flat arrays of one size: each call is one step. Large
arrays are walked in blocks that stay in a core's cache from the first call of a formula to its last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..problems import LEARNING_RATE, MOMENTUM, SparseUpdate
from .by_hand import add, divide, multiply, number, sqrt, subtract

Rule = Callable[[], Any]

#: numbers in a block. Adam over ten million took 26 ms in blocks of 4,096, 13 in these, 20 in one piece.
BLOCK = 32_768


def sgd(p: Any, g: Any, spare: Any, lr: float = LEARNING_RATE, momentum: float = MOMENTUM) -> Rule:
    """v ← μ v + g;  p ← p - lr v"""
    v, rate, mu = np.zeros_like(p), number(lr), number(momentum)

    def update() -> None:
        multiply(v, mu, v)
        add(v, g, v)
        multiply(v, rate, spare)
        subtract(p, spare, p)

    return update


def rmsprop(p: Any, g: Any, spare: Any, lr: float, alpha: float, eps: float) -> Rule:
    """v ← α v + (1 - α) g²;  p ← p - lr g / (√v + ε)"""
    v, rate, old, new, small = np.zeros_like(p), number(lr), number(alpha), number(1 - alpha), number(eps)

    def update() -> None:
        multiply(v, old, v)
        multiply(g, g, spare)
        multiply(spare, new, spare)
        add(v, spare, v)
        sqrt(v, spare)
        add(spare, small, spare)
        divide(g, spare, spare)
        multiply(spare, rate, spare)
        subtract(p, spare, p)

    return update


def adagrad(p: Any, g: Any, spare: Any, lr: float, eps: float) -> Rule:
    """s ← s + g²;  p ← p - lr g / (√s + ε)"""
    s, rate, small = np.zeros_like(p), number(lr), number(eps)

    def update() -> None:
        multiply(g, g, spare)
        add(s, spare, s)
        sqrt(s, spare)
        add(spare, small, spare)
        divide(g, spare, spare)
        multiply(spare, rate, spare)
        subtract(p, spare, p)

    return update


def adam(p: Any, g: Any, spare: Any, lr: float, betas: tuple[float, float], eps: float) -> Rule:
    """m ← β₁ m + (1 - β₁) g;  v ← β₂ v + (1 - β₂) g²;  p ← p - lr m / (1 - β₁ᵗ) / (√(v / (1 - β₂ᵗ)) + ε)

    with both corrections moved into the learning rate and ε.
    """
    m, v = np.zeros_like(p), np.zeros_like(p)
    (b1, b2), (n1, n2) = map(number, betas), (number(1 - beta) for beta in betas)
    rate, small = number(lr), number(eps)
    left1 = left2 = 1.0  # β₁ᵗ and β₂ᵗ

    def update() -> None:
        nonlocal left1, left2
        left1, left2 = left1 * betas[0], left2 * betas[1]
        root = (1 - left2) ** 0.5
        rate.fill(lr * root / (1 - left1))
        small.fill(eps * root)
        multiply(m, b1, m)
        multiply(g, n1, spare)
        add(m, spare, m)
        multiply(v, b2, v)
        multiply(g, g, spare)
        multiply(spare, n2, spare)
        add(v, spare, v)
        sqrt(v, spare)
        add(spare, small, spare)
        divide(m, spare, spare)
        multiply(spare, rate, spare)
        subtract(p, spare, p)

    return update


RULES: dict[str, Callable[..., Rule]] = {"sgd": sgd, "rmsprop": rmsprop, "adagrad": adagrad, "adam": adam}


def in_blocks(rule: Callable[..., Rule], p: Any, g: Any, **options: Any) -> Rule:
    """A rule over arrays of any size."""
    spare = np.empty_like(p[:BLOCK])
    rules = [
        rule(part, g[start : start + BLOCK], spare[: part.size], **options)
        for start in range(0, p.size, BLOCK)
        for part in [p[start : start + BLOCK]]
    ]
    if len(rules) == 1:
        return rules[0]

    def update() -> None:
        for rule in rules:
            rule()

    return update


def sparse(problem: SparseUpdate, table: Any, rows: Any, gradient: Any) -> Rule:
    """Gradients of equal rows added up, then SGD or Adagrad on the rows that there are.

    `take` needs a third of the time of an index, and adding all second gradients of a row, then all third ones, as
    long as there are any, less than half of `add.reduceat`'s.
    """
    options = problem.options()
    lr, eps = number(options["lr"]), number(options.get("eps", 0.0))
    squares = np.zeros_like(table) if problem.optimizer == "adagrad" else None
    found = np.empty_like(gradient)

    def update() -> None:
        table.take(rows, 0, found, "clip")
        order = rows.argsort()
        ordered = rows.take(order)
        starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        touched, counts = ordered.take(starts), np.diff(starts, append=len(rows))
        g = gradient.take(order.take(starts), 0)
        for k in range(1, counts.max()):
            some = np.flatnonzero(counts > k)
            more = gradient.take(order.take(starts.take(some) + k), 0)
            if len(some) == len(g):
                add(g, more, g)
            else:
                g[some] += more
        if squares is not None:
            s = squares.take(touched, 0)
            add(s, multiply(g, g), s)
            squares[touched] = s
            sqrt(s, s)
            add(s, eps, s)
            divide(g, s, g)
        p = table.take(touched, 0)
        table[touched] = subtract(p, multiply(g, lr, g), p)

    return update
