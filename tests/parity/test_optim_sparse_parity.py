"""Optimizers on row-sparse gradients beside PyTorch's: those that take them there, and SparseAdam."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad
import minigrad.nn.functional as F
from minigrad import optim

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:Sparse invariant checks")  # PyTorch's own use of its sparse tensors

ROWS, WIDTH = 8, 3
# PyTorch's optimizer, minigrad's
CASES = {
    "SGD": (lambda ps: torch.optim.SGD(ps, lr=0.1), lambda ps: optim.SGD(ps, lr=0.1)),
    "SGD, climbing": (
        lambda ps: torch.optim.SGD(ps, lr=0.1, maximize=True), lambda ps: optim.SGD(ps, lr=0.1, maximize=True),
    ),
    "Adagrad": (lambda ps: torch.optim.Adagrad(ps, lr=0.1), lambda ps: optim.Adagrad(ps, lr=0.1)),
    "Adagrad, decay": (
        lambda ps: torch.optim.Adagrad(ps, lr=0.1, lr_decay=0.2, initial_accumulator_value=0.3, eps=1e-3),
        lambda ps: optim.Adagrad(ps, lr=0.1, lr_decay=0.2, initial_accumulator_value=0.3, eps=1e-3),
    ),
    "SparseAdam": (
        lambda ps: torch.optim.SparseAdam(ps, lr=0.1, eps=1e-3),
        lambda ps: optim.Adam(ps, lr=0.1, eps=1e-3, eps_mode="uncorrected", sparse="lazy"),
    ),
    "SparseAdam, climbing": (
        lambda ps: torch.optim.SparseAdam(ps, lr=0.1, betas=(0.5, 0.8), maximize=True),
        lambda ps: optim.Adam(ps, lr=0.1, betas=(0.5, 0.8), maximize=True, eps_mode="uncorrected", sparse="lazy"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("padding_idx", [None, 1])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_fifty_steps(name, dtype, padding_idx):
    random = np.random.default_rng(0)
    start = random.normal(size=(ROWS, WIDTH)).astype(dtype)
    p, q = minigrad.tensor(start, requires_grad=True), torch.tensor(start, requires_grad=True)
    theirs, ours = (make([leaf]) for make, leaf in zip(CASES[name], (q, p)))
    for step in range(50):
        if step == 25:
            for optimizer in (ours, theirs):
                optimizer.param_groups[0]["lr"] = 0.03
        rows = random.integers(0, ROWS - 1, size=6)  # some twice, the last never
        weights = random.normal(size=(6, WIDTH)).astype(dtype)
        for optimizer in (ours, theirs):
            optimizer.zero_grad()
        for library, embedding, leaf in ((minigrad, F.embedding, p), (torch, torch.nn.functional.embedding, q)):
            found = embedding(library.tensor(rows), leaf, padding_idx=padding_idx, sparse=True)
            (found**2 * library.tensor(weights)).sum().backward()
        np.testing.assert_allclose(p.grad.to_dense().numpy(), q.grad.to_dense().numpy(), rtol=1e-4, atol=1e-5)
        ours.step()
        theirs.step()
        rtol = 1e-11 if dtype == "float64" else 5e-5
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=rtol, atol=rtol, err_msg=f"step {step}")
    np.testing.assert_array_equal(p.detach().numpy()[-1], start[-1])


@pytest.mark.parametrize("name", ["Adagrad", "SparseAdam"])
def test_state_travels_both_ways(name):
    random = np.random.default_rng(1)
    start = random.normal(size=(ROWS, WIDTH))
    p, q = minigrad.tensor(start, requires_grad=True), torch.tensor(start, requires_grad=True)

    def both():
        return [make([leaf]) for make, leaf in zip(CASES[name], (q, p))]

    def step(theirs, ours):
        rows = random.integers(0, ROWS, size=4)
        for embedding, leaf, index, optimizer in (
            (F.embedding, p, minigrad.tensor(rows), ours),
            (torch.nn.functional.embedding, q, torch.tensor(rows), theirs),
        ):
            leaf.grad = None
            (embedding(index, leaf, sparse=True) ** 2).sum().backward()
            optimizer.step()
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-11, atol=1e-11)

    theirs, ours = both()
    for _ in range(4):
        step(theirs, ours)
    saved, given = theirs.state_dict(), ours.state_dict()
    assert saved["state"][0].keys() == given["state"][0].keys()
    given["state"] = {0: {key: torch.from_numpy(value.numpy().copy()) for key, value in given["state"][0].items()}}
    if name == "SparseAdam":  # which computes in float32 what follows from a tensor
        given["state"][0]["step"] = int(given["state"][0]["step"])
    theirs, ours = both()
    theirs.load_state_dict({"state": given["state"], "param_groups": saved["param_groups"]})
    ours.load_state_dict({"state": saved["state"], "param_groups": ours.state_dict()["param_groups"]})
    for _ in range(4):
        step(theirs, ours)


def test_what_pytorch_refuses_is_refused():
    for name, options in (("SGD", {"weight_decay": 0.1}), ("Adagrad", {"weight_decay": 0.1}), ("Adam", {}),
                          ("RMSprop", {"momentum": 0.5}), ("Adamax", {}), ("RAdam", {}), ("NAdam", {})):  # fmt: skip
        for library, classes in ((minigrad, optim), (torch, torch.optim)):
            w = library.ones((4, 2), requires_grad=True)
            optimizer = getattr(classes, name)([w], **options)
            library.nn.functional.embedding(library.tensor([1, 2]), w, sparse=True).sum().backward()
            with pytest.raises((RuntimeError, ValueError, TypeError)):
                optimizer.step()
