"""Layers and losses on fixed buffers, of which `numpy.py` makes a training step.

A layer is a pair of closures over its buffers, `forward(x)` and `backward(g)`; both may overwrite what they are given,
and both write into arrays that were allocated once. Numbers are arrays of no dimensions, which ufuncs take in faster
than Python's floats; sums over a batch are products with a vector of ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..problems import NORM_EPS

Pair = tuple[Callable[[Any], Any], Callable[[Any], Any]]

dot, add, subtract, multiply, divide = np.dot, np.add, np.subtract, np.multiply, np.divide
greater, tanh, exp, log, sqrt = np.greater, np.tanh, np.exp, np.log, np.sqrt
row_max, add_up = np.maximum.reduce, np.add.reduce


def number(value: float) -> np.ndarray:
    return np.array(value, np.float32)


def empty(*shape: int) -> np.ndarray:
    return np.empty(shape, np.float32)


def linear(batch: int, values: list[np.ndarray], gradients: list[np.ndarray], first: bool) -> Pair:
    """x @ w + b. The first layer's input needs no gradient."""
    (w, b), (gw, gb) = values, gradients
    out, gx, ones, w_turned = empty(batch, len(b)), empty(batch, len(w)), np.ones(batch, np.float32), w.T
    seen: Any = None

    def forward(x: Any) -> Any:
        nonlocal seen
        seen = x
        dot(x, w, out)
        return add(out, b, out)

    def backward(g: Any) -> Any:
        dot(seen.T, g, gw)
        dot(ones, g, gb)
        return None if first else dot(g, w_turned, gx)

    return forward, backward


def relu(shape: tuple[int, ...]) -> Pair:
    mask, zero = empty(*shape), number(0)

    def forward(x: Any) -> Any:
        greater(x, zero, mask)
        return multiply(x, mask, x)

    def backward(g: Any) -> Any:
        return multiply(g, mask, g)

    return forward, backward


def hyperbolic(shape: tuple[int, ...]) -> Pair:
    """tanh; the gradient is g (1 - out²)."""
    out: Any = None
    slope, one = empty(*shape), number(1)

    def forward(x: Any) -> Any:
        nonlocal out
        out = tanh(x, x)
        return out

    def backward(g: Any) -> Any:
        multiply(out, out, slope)
        subtract(one, slope, slope)
        return multiply(g, slope, g)

    return forward, backward


def gelu(shape: tuple[int, ...], erf: Any) -> Pair:
    """x Φ(x); the gradient is g (Φ(x) + x φ(x))."""
    seen, below, density, out = empty(*shape), empty(*shape), empty(*shape), empty(*shape)
    root, one, half, scale = number(math.sqrt(0.5)), number(1), number(0.5), number(1 / math.sqrt(2 * math.pi))
    minus_half = number(-0.5)

    def forward(x: Any) -> Any:
        seen[...] = x
        multiply(x, root, below)
        erf(below, below)
        add(below, one, below)
        multiply(below, half, below)
        return multiply(x, below, out)

    def backward(g: Any) -> Any:
        multiply(seen, seen, density)
        multiply(density, minus_half, density)
        exp(density, density)
        multiply(density, scale, density)
        multiply(density, seen, density)
        add(density, below, density)
        return multiply(g, density, g)

    return forward, backward


def layer_norm(batch: int, values: list[np.ndarray], gradients: list[np.ndarray]) -> Pair:
    """(x - mean) / sqrt(variance + eps) * w + b, over each row."""
    (w, b), (gw, gb) = values, gradients
    n = len(w)
    normal, spare, out = empty(batch, n), empty(batch, n), empty(batch, n)
    ones, mean_of = np.ones(batch, np.float32), np.full((n, 1), 1 / n, np.float32)
    mean, deviation, eps = empty(batch, 1), empty(batch, 1), number(NORM_EPS)
    w_column, scaled, share = w.reshape(n, 1), empty(n, 1), number(1 / n)

    def forward(x: Any) -> Any:
        dot(x, mean_of, mean)
        subtract(x, mean, normal)
        multiply(normal, normal, spare)
        dot(spare, mean_of, deviation)
        add(deviation, eps, deviation)
        sqrt(deviation, deviation)
        divide(normal, deviation, normal)
        multiply(normal, w, out)
        return add(out, b, out)

    def backward(g: Any) -> Any:
        dot(ones, g, gb)
        multiply(g, normal, spare)
        dot(ones, spare, gw)
        multiply(w_column, share, scaled)
        dot(spare, scaled, mean)  # the mean of g w normal
        multiply(normal, mean, spare)
        multiply(g, w, g)
        dot(g, mean_of, mean)
        subtract(g, mean, g)
        subtract(g, spare, g)
        return divide(g, deviation, g)

    return forward, backward


def dropout(masks: list[Any], position: int) -> Pair:
    def through(x: Any) -> Any:
        return multiply(x, masks[position], x)

    return through, through


def embedding(shape: tuple[int, ...], values: list[np.ndarray], gradients: list[np.ndarray]) -> Pair:
    """Rows of a table; their gradients are added up row by row in the order of the table."""
    (table,), (gradient,) = values, gradients
    out = empty(*shape, table.shape[1])
    seen: Any = None

    def forward(x: Any) -> Any:
        nonlocal seen
        seen = x
        return table.take(x, 0, out, "clip")

    def backward(g: Any) -> None:
        rows = seen.ravel()
        order = rows.argsort()
        rows = rows[order]
        starts = np.flatnonzero(np.concatenate(([True], rows[1:] != rows[:-1])))
        gradient.fill(0)
        gradient[rows[starts]] = add.reduceat(g.reshape(-1, g.shape[-1])[order], starts, 0)

    return forward, backward


def mean_of_tokens(shape: tuple[int, ...]) -> Pair:
    batch, tokens, features = shape
    out, gx, share = empty(batch, features), empty(*shape), number(1 / tokens)

    def forward(x: Any) -> Any:
        add_up(x, 1, None, out)
        return multiply(out, share, out)

    def backward(g: Any) -> Any:
        return multiply(g[:, None], share, gx)

    return forward, backward


def mse(shape: tuple[int, ...]) -> Callable[[Any, Any], Any]:
    """(output, target) -> loss, gradient."""
    g, size = empty(*shape), math.prod(shape)
    flat, factor, share = g.reshape(-1), number(2 / size), 1 / size

    def loss(out: Any, y: Any) -> Any:
        subtract(out, y, g)
        value = dot(flat, flat)
        return value * share, multiply(g, factor, g)

    return loss


def cross_entropy(shape: tuple[int, ...]) -> Callable[[Any, Any], Any]:
    """(logits, labels) -> loss, gradient."""
    batch, classes = shape
    g, top, total, logs, chosen = empty(*shape), empty(batch, 1), empty(batch, 1), empty(batch, 1), empty(*shape)
    unit, ones = np.eye(classes, dtype=np.float32), np.ones((classes, 1), np.float32)
    over, share, flat_logs = np.ones(batch, np.float32), number(1 / batch), logs.reshape(-1)
    flat_chosen = chosen.reshape(-1)

    def loss(out: Any, y: Any) -> Any:
        row_max(out, 1, None, top, True)
        subtract(out, top, out)
        exp(out, g)
        dot(g, ones, total)
        log(total, logs)
        unit.take(y, 0, chosen, "clip")
        value = dot(over, flat_logs) - dot(out.reshape(-1), flat_chosen)
        divide(g, total, g)
        subtract(g, chosen, g)
        return value * share, multiply(g, share, g)

    return loss


def places(flat: np.ndarray, like: list[np.ndarray]) -> list[np.ndarray]:
    """Views of consecutive parts of `flat` with the shapes of `like`."""
    found, start = [], 0
    for array in like:
        found.append(flat[start : start + array.size].reshape(array.shape))
        start += array.size
    return found
