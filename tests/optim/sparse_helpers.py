"""What the tests of row-sparse gradients share: a table of words, looked up sparse or dense."""

from __future__ import annotations

from typing import Any

import numpy as np

import minigrad
import minigrad.nn.functional as F
from minigrad import optim

ROWS, WIDTH = 9, 3

#: those whose exact step is that of the dense gradient
EXACT: dict[str, Any] = {
    "sgd": lambda ps: optim.SGD(ps, lr=0.1),
    "sgd-climbing": lambda ps: optim.SGD(ps, lr=lambda t: 0.1 / t, maximize=True),
    "sgd-keras": lambda ps: optim.SGD(ps, lr=0.1, convention="keras"),
    "adagrad": lambda ps: optim.Adagrad(ps, lr=0.1),
    "adagrad-decay": lambda ps: optim.Adagrad(ps, lr=0.1, lr_decay=0.2, initial_accumulator_value=0.5),
    "adagrad-keras": lambda ps: optim.Adagrad(ps, lr=0.1, convention="keras"),
    "rmsprop": lambda ps: optim.RMSprop(ps, lr=0.1, alpha=0.7),
    "rmsprop-climbing": lambda ps: optim.RMSprop(ps, lr=lambda t: 0.1 / t, alpha=0.9, maximize=True),
    "rmsprop-schedule": lambda ps: optim.RMSprop(ps, lr=0.1, alpha=lambda t: 1 - 1 / (t + 1)),
    "rmsprop-forgetful": lambda ps: optim.RMSprop(ps, lr=0.1, alpha=lambda t: 0.0 if t == 4 else 0.9),
    "rmsprop-corrected": lambda ps: optim.RMSprop(ps, lr=0.1, alpha=0.9, bias_correction=True),
    "rmsprop-tf1": lambda ps: optim.RMSprop(ps, lr=0.1, convention="tf1"),
    "rmsprop-keras": lambda ps: optim.RMSprop(ps, lr=0.1, convention="keras"),
}

#: what happens to a table at each step: a sparse gradient, a dense one, none, or an empty sparse one
MIXED = ["sparse", "sparse", "dense", "sparse", "none", "empty", "sparse", "dense", "empty", "sparse", "sparse"]


def table(device: str = "cpu", seed: int = 0, rows: int = ROWS, dtype: Any = None) -> Any:
    """A leaf of shape (rows, WIDTH)."""
    start = np.random.default_rng(seed).normal(size=(rows, WIDTH))
    return minigrad.tensor(start, dtype=dtype or minigrad.float32, device=device, requires_grad=True)


def words(step: int, rows: int = ROWS - 2) -> np.ndarray:
    """Rows to look up at a step, some of them twice; the last two of a table are never looked up."""
    return np.random.default_rng(step).integers(0, rows, size=5)


def backward(w: Any, step: int, sparse: bool, padding_idx: int | None = None) -> None:
    """A gradient that depends on the values of the table, by autograd."""
    index = minigrad.tensor(words(step), device=w.device)
    weights = minigrad.tensor(np.random.default_rng(100 + step).normal(size=(5, WIDTH)), dtype=w.dtype, device=w.device)
    found = F.embedding(index, w, padding_idx=padding_idx, sparse=sparse)
    ((found**2 + found) * weights).sum().backward()
    assert (type(w.grad).__name__ == "RowSparse") == sparse


def happen(w: Any, step: int, event: str, sparse: bool, padding_idx: int | None = None) -> None:
    """Give the table the gradient of one of `MIXED`; sparse=False: the same in a dense tensor."""
    w.grad = None
    if event == "dense":
        (w**2 * 0.3 + w).sum().backward()
    elif event != "none":
        backward(w, step, sparse, padding_idx)
        if event == "empty":
            w.grad = w.grad.emptied() if sparse else minigrad.zeros_like(w)
