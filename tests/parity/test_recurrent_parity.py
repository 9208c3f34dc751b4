"""Recurrent layers and cells: values, states and all gradients are PyTorch's, for every combination of options."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from recurrent_kinds import CELLS, KINDS  # noqa: E402
from recurrent_sides import (  # noqa: E402
    B,
    H,
    I,
    T,
    assert_same_gradients_of,
    assert_same_parts,
    initial,
    layers,
    leaves,
    numbers,
    parameters,
    parts,
    state,
)
from sides import assert_same, assert_same_gradients, both, copy_parameters  # noqa: E402

import minigrad as mg  # noqa: E402
from minigrad import nn  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")  # PyTorch's


def compare(mine, theirs, shape, batch, given, dtype, what):
    """Results and gradients for one input; `batch` is None for an unbatched one."""
    x, y = leaves(*shape, dtype=dtype)
    pairs = initial(theirs, batch, dtype) if given else []
    out, expected = parts(mine(x, state(pairs, 0))), parts(theirs(y, state(pairs, 1)))
    assert_same_parts(out, expected, what)
    inputs = {"input": (x, y)} | dict(zip(("h_0", "c_0"), pairs))
    assert_same_gradients_of(out, expected, inputs | parameters(mine, theirs), what)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "bidirectional"])
@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_every_combination_of_options(kind, num_layers, bidirectional, dtype):
    """Within: bias, batch_first, batched or not, initial states or not, gradients from output, states or both."""
    for bias, batch_first in itertools.product([True, False], repeat=2):
        options = {"num_layers": num_layers, "bidirectional": bidirectional, "bias": bias, "batch_first": batch_first}
        mine, theirs = layers(kind, dtype, **options)
        for batched, given in itertools.product([True, False], repeat=2):
            what = f"{options}, batched={batched}, initial states={given}"
            shape = (T, I) if not batched else (B, T, I) if batch_first else (T, B, I)
            compare(mine, theirs, shape, B if batched else None, given, dtype, what)


@pytest.mark.parametrize("kind", KINDS)
def test_one_time_step_and_one_sequence(kind):
    mine, theirs = layers(kind, num_layers=2, bidirectional=True)
    for length, batch, given in [(1, B, True), (1, B, False), (T, 1, True), (1, 1, False)]:
        compare(mine, theirs, (length, batch, I), batch, given, "float64", f"T={length}, B={batch}")
    compare(mine, theirs, (1, I), None, True, "float64", "T=1, unbatched")


@pytest.mark.parametrize("sizes", [(1, 1), (7, 1), (1, 9), (3, 17), (33, 33)], ids=str)
def test_sizes(sizes):
    for kind in KINDS:
        if "projection" in kind and sizes[1] <= 3:
            continue
        for batch in (1, 2, 8):
            mine, theirs = layers(kind, size=sizes, bidirectional=True)
            compare(mine, theirs, (4, batch, sizes[0]), batch, True, "float64", f"{kind}, B={batch}")


@pytest.mark.parametrize("kind", KINDS)
def test_a_hundred_steps_in_single_precision(kind):
    mine, theirs = layers(kind, "float32", size=(6, 16), num_layers=2)
    x, y = leaves(100, 8, 6, dtype="float32")
    out, expected = mine(x), theirs(y)
    assert_same(out[0], expected[0], "output", rtol=1e-4, atol=1e-5)
    (out[0] ** 2).mean().backward()
    (expected[0] ** 2).mean().backward()
    assert_same(x.grad, y.grad, "input", rtol=1e-3, atol=1e-6)
    assert_same_gradients(mine, theirs, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_large_numbers_saturate_without_nan(kind):
    mine, theirs = layers(kind, "float32", bidirectional=True)
    x, y = both(numbers(T, B, I, dtype="float32") * 1e4, requires_grad=True)
    out, expected = parts(mine(x)), parts(theirs(y))
    for a, b in zip(out, expected, strict=True):
        assert_same(a, b, rtol=1e-4)
    out[0].sum().backward()
    expected[0].sum().backward()
    assert_same(x.grad, y.grad, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_second_order_gradients(kind):
    """A penalty on the gradients of input and weights, differentiated by all of them."""
    mine, theirs = layers(kind, num_layers=2, bidirectional=True)
    x, y = leaves(3, 2, I)
    penalties = []
    for library, layer, leaf in ((mg, mine, x), (torch, theirs, y)):
        loss = sum((k + 1) * (part**3).sum() for k, part in enumerate(parts(layer(leaf))))
        first = library.autograd.grad(loss, [leaf, *layer.parameters()], create_graph=True)
        penalties.append(sum((g**2).sum() for g in first))
        penalties[-1].backward()
    assert_same(*penalties)
    assert_same(x.grad, y.grad)
    assert_same_gradients(mine, theirs)


def test_a_model_of_two_layers_and_an_embedding_trains_alike():
    """Ten steps of SGD with momentum: the same losses."""
    words = np.random.default_rng(0).integers(0, 7, (10, 6, 4))

    def build(library, n):
        class Model(n.Module):
            def __init__(self):
                super().__init__()
                self.table = n.Embedding(7, 3)
                self.gru = n.GRU(3, 5, bidirectional=True)
                self.lstm = n.LSTM(10, 6, num_layers=2, proj_size=4)
                self.out = n.Linear(4, 7)

            def forward(self, x):
                return self.out(self.lstm(self.gru(self.table(x))[0])[0])

        return Model().to(library.float64)

    mine, theirs = build(mg, nn), build(torch, torch.nn)
    copy_parameters(mine, theirs)
    losses = []
    for library, model in ((mg, mine), (torch, theirs)):
        optimizer = library.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
        losses.append([])
        for batch in words:
            x = library.tensor(batch)
            logits = model(x[:-1])
            loss = library.nn.functional.cross_entropy(logits.reshape(-1, 7), x[1:].reshape(-1))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses[-1].append(loss.item())
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-9)
    assert losses[0][-1] != losses[0][0]


# -- cells

def cells(kind, dtype, **options):
    name, own = CELLS[kind]
    mine = getattr(nn, name)(I, H, **own, **options, dtype=getattr(mg, dtype))
    theirs = getattr(torch.nn, name)(I, H, **own, **options, dtype=getattr(torch, dtype))
    copy_parameters(mine, theirs)
    return mine, theirs


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("kind", CELLS)
def test_cells(kind, bias, dtype):
    mine, theirs = cells(kind, dtype, bias=bias)
    assert repr(mine) == repr(theirs)
    count = 2 if "LSTM" in kind else 1
    for batch, given in itertools.product([(B,), (1,), (0,), ()], [True, False]):
        what = f"batch {batch}, initial state={given}"
        x, y = leaves(*batch, I, dtype=dtype)
        pairs = [leaves(*batch, H, seed=5 + k, dtype=dtype) for k in range(count)] if given else []
        out, expected = mine(x, state(pairs, 0)), theirs(y, state(pairs, 1))
        assert type(out) is tuple or count == 1
        out = list(out) if count == 2 else [out]
        expected = list(expected) if count == 2 else [expected]
        for a, b in zip(out, expected, strict=True):
            assert_same(a, b, what)
        inputs = {"input": (x, y)} | dict(zip(("hx", "cx"), pairs))
        assert_same_gradients_of(out, expected, inputs | parameters(mine, theirs), what)


@pytest.mark.parametrize("kind", CELLS)
def test_a_loop_over_a_cell(kind):
    """State carried through four steps, a loss on all of them, gradients by `backward`."""
    mine, theirs = cells(kind, "float64")
    xs, ys = leaves(4, B, I)
    for cell, sequence in ((mine, xs), (theirs, ys)):
        hidden, loss = None, 0
        for k in range(4):
            hidden = cell(sequence[k], hidden)
            loss = loss + ((hidden[0] * hidden[1]) if isinstance(hidden, tuple) else hidden**2).sum()
        loss.backward()
    assert_same(xs.grad, ys.grad)
    assert_same_gradients(mine, theirs)
