"""sparse="lazy": rows that were looked up move, the others and their state stay; and what "exact" refuses."""

from __future__ import annotations

import numpy as np
import pytest
from optim_helpers import values
from sparse_helpers import MIXED, ROWS, backward, happen, table, words

import minigrad
from minigrad import optim

#: options with which rows depend on nothing but their own gradients: each could be a parameter of its own
LAZY = {
    "sgd": lambda ps, **kw: optim.SGD(ps, lr=0.1, **kw),
    "sgd-momentum": lambda ps, **kw: optim.SGD(ps, lr=0.1, momentum=0.9, dampening=0.5, first_step="zeros", **kw),
    "sgd-nesterov": lambda ps, **kw: optim.SGD(ps, lr=0.1, momentum=0.9, nesterov=True, **kw),
    "sgd-keras": lambda ps, **kw: optim.SGD(ps, lr=0.1, momentum=0.9, weight_decay=0.1, convention="keras", **kw),
    "momentum": lambda ps, **kw: optim.Momentum(ps, lr=0.1, weight_decay=0.1, **kw),
    "nag": lambda ps, **kw: optim.NAG(ps, lr=0.1, maximize=True, **kw),
    "nag-new": lambda ps, **kw: optim.NAG(ps, lr=0.1, momentum_order="new", lr_in_velocity=False, **kw),
    "adagrad": lambda ps, **kw: optim.Adagrad(ps, lr=0.1, weight_decay=0.1, **kw),
    "rmsprop": lambda ps, **kw: optim.RMSprop(ps, lr=0.1, alpha=0.7, **kw),
    "rmsprop-momentum": lambda ps, **kw: optim.RMSprop(ps, lr=0.1, momentum=0.9, convention="tf1", **kw),
    "rmsprop-centered": lambda ps, **kw: optim.RMSprop(ps, lr=0.1, centered=True, eps=1e-3, **kw),
    "graves": lambda ps, **kw: optim.RMSpropGraves(ps, lr=0.1, weight_decay=0.1, **kw),
    "adam-uncorrected": lambda ps, **kw: optim.Adam(ps, lr=0.1, amsgrad=True, bias_correction=False, **kw),
    "adamw-uncorrected": lambda ps, **kw: optim.AdamW(ps, lr=0.1, bias_correction=False, **kw),
}


@pytest.mark.parametrize("kind", LAZY)
def test_each_row_is_as_a_parameter_of_its_own(kind, device):
    """Which has no gradient where it was not looked up."""
    w = table(device, dtype=minigrad.float64)
    rows = [w.detach()[k].clone().requires_grad_() for k in range(ROWS)]
    lazy, apart = LAZY[kind]([w], sparse="lazy"), LAZY[kind](rows)
    for step in range(8):
        w.grad = None
        backward(w, step, True)
        dense = w.grad.to_dense()
        for k, row in enumerate(rows):
            row.grad = dense[k].clone() if k in words(step) else None
        lazy.step()
        apart.step()
        for k, row in enumerate(rows):
            np.testing.assert_allclose(values(w)[k], values(row), rtol=1e-12, err_msg=f"row {k}, step {step}")
    for k, row in enumerate(rows):
        for name, entry in apart.state[row].items():
            np.testing.assert_allclose(values(lazy.state[w][name])[k], values(entry), rtol=1e-12, atol=1e-14)


def test_momentum_written_out(device):
    """v[row] <- mu v[row] - lr g[row]; p[row] <- p[row] + v[row], with lambda p added to g."""
    w = table(device, dtype=minigrad.float64)
    optimizer = optim.Momentum([w], lr=0.1, momentum=0.8, weight_decay=0.2, sparse="lazy")
    p, v = values(w), np.zeros_like(values(w))
    for step in range(6):
        w.grad = None
        backward(w, step, True)
        for row in np.unique(words(step)):
            g = values(w.grad.to_dense())[row] + 0.2 * p[row]
            v[row] = 0.8 * v[row] - 0.1 * g
            p[row] += v[row]
        optimizer.step()
        np.testing.assert_allclose(values(w), p, rtol=1e-12)


def test_adam_counts_the_steps_of_the_table(device):
    """The correction of a row that is looked up late is that of the table's step, as in PyTorch's SparseAdam."""
    w = minigrad.zeros(3, 1, dtype=minigrad.float64, device=device, requires_grad=True)
    optimizer = optim.Adam([w], lr=0.1, betas=(0.5, 0.75), eps=0.0, sparse="lazy")
    for row in (0, 0, 1):
        w.grad = None
        minigrad.nn.functional.embedding(minigrad.tensor([row], device=device), w, sparse=True).sum().backward()
        optimizer.step()
    late = (0.5 / (1 - 0.5**3)) / np.sqrt(0.25 / (1 - 0.75**3))
    np.testing.assert_allclose(values(w), [[-0.2], [-0.1 * late], [0.0]], rtol=1e-12)


@pytest.mark.parametrize("kind", LAZY)
def test_lazy_takes_dense_gradients_in_between(kind, device):
    w = table(device)
    optimizer = LAZY[kind]([w], sparse="lazy")
    for step, event in enumerate(MIXED):
        before = values(w)
        happen(w, step, event, True)
        optimizer.step()
        changed = (values(w) != before).any(1)
        if event == "dense":
            assert changed.all()
        elif event == "sparse":
            assert set(np.flatnonzero(changed)) == set(words(step))
        else:
            assert not changed.any()


# --- what exact refuses --------------------------------------------------------------------------------------

REFUSED = [
    (lambda ps, **kw: optim.SGD(ps, momentum=0.9, **kw), "momentum"),
    (lambda ps, **kw: optim.SGD(ps, momentum=lambda t: 0.5, **kw), "momentum"),
    (lambda ps, **kw: optim.SGD(ps, weight_decay=0.1, **kw), "weight decay"),
    (lambda ps, **kw: optim.SGD(ps, weight_decay=0.1, decoupled_weight_decay=True, **kw), "weight decay"),
    (lambda ps, **kw: optim.SGD(ps, weight_decay=lambda t: 0.0, **kw), "weight decay"),
    (lambda ps, **kw: optim.Momentum(ps, **kw), "momentum"),
    (lambda ps, **kw: optim.NAG(ps, **kw), "momentum"),
    (lambda ps, **kw: optim.Adagrad(ps, weight_decay=0.1, **kw), "weight decay"),
    (lambda ps, **kw: optim.RMSprop(ps, weight_decay=0.1, **kw), "weight decay"),
    (lambda ps, **kw: optim.RMSprop(ps, momentum=0.5, **kw), "momentum"),
    (lambda ps, **kw: optim.RMSprop(ps, centered=True, **kw), "centered=True"),
    (lambda ps, **kw: optim.RMSprop(ps, convention="graves2013", **kw), "momentum"),
    (lambda ps, **kw: optim.Adam(ps, **kw), "running averages"),
    (lambda ps, **kw: optim.AdamW(ps, **kw), "weight decay"),
    (lambda ps, **kw: optim.AdamW(ps, weight_decay=0.0, **kw), "running averages"),
]


@pytest.mark.parametrize(("make", "reason"), REFUSED)
def test_what_exact_cannot_do_names_lazy(make, reason, device):
    w, bias = table(device), minigrad.ones(2, device=device, requires_grad=True)
    before = values(w)
    optimizer = make([{"params": [bias]}, {"params": [w]}])
    backward(w, 0, True)
    bias.grad = minigrad.ones_like(bias)
    with pytest.raises(ValueError, match=rf"{type(optimizer).__name__} with {reason} moves .* sparse=\"lazy\""):
        optimizer.step()
    np.testing.assert_array_equal(values(w), before)
    assert bias.tolist() == [1.0, 1.0]  # nothing has moved
    optimizer.sparse = "lazy"
    optimizer.step()
    assert not np.array_equal(values(w), before)
    lazy = make([table(device)], sparse="lazy")
    (again,) = lazy.param_groups[0]["params"]
    backward(again, 0, True)
    lazy.step()
    np.testing.assert_array_equal(values(again), values(w))


@pytest.mark.parametrize(
    "cls",
    [optim.Adamax, optim.NAdam, optim.RAdam, optim.Adadelta, optim.Rprop, optim.ASGD, optim.Lion, optim.SMORMS3],
)
def test_algorithms_without_sparse_steps_say_so(cls, device):
    w = table(device)
    optimizer = cls([w])
    backward(w, 0, True)
    with pytest.raises(TypeError, match=rf"{cls.__name__} does not take row-sparse gradients \(SGD, .* and Adam do\)"):
        optimizer.step()
    w.grad = w.grad.to_dense()
    optimizer.step()
