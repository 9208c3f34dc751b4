"""Row-sparse gradients and EmbeddingBag beside PyTorch's, over their options and random lookups."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.autograd import RowSparse

torch = pytest.importorskip("torch")

from sides import assert_same, both, copy_parameters  # noqa: E402 - it imports torch

TF = torch.nn.functional


def numbers(*shape, seed=0, dtype="float32"):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def words(*shape, rows=7, seed=0):
    return np.random.default_rng(seed).integers(0, rows, shape)


def assert_same_sparse(mine, theirs, what="", raw=False):
    """Both are sparse, and equal once coalesced; with `raw` before, too. Or both are dense."""
    if theirs is None or not theirs.is_sparse:
        assert type(mine) is not RowSparse, what
        assert_same(mine, theirs, what)
        return
    assert type(mine) is RowSparse and tuple(mine.shape) == tuple(theirs.shape), what
    if raw:
        assert mine._nnz() == theirs._nnz() and mine.is_coalesced() == theirs.is_coalesced(), what
        assert_same(mine._indices(), theirs._indices(), what)
        assert_same(mine._values(), theirs._values(), what)
    a, b = mine.coalesce(), theirs.coalesce()
    assert_same(a.indices(), b.indices(), what)
    assert_same(a.values(), b.values(), what)
    assert_same(mine.to_dense(), theirs.to_dense(), what)


OPTIONS = [
    {}, {"padding_idx": 2}, {"padding_idx": -1}, {"max_norm": 1.0}, {"max_norm": 0.5, "norm_type": 1.0},
    {"max_norm": 0.7, "padding_idx": 0},
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("shape", [(), (5,), (4, 6), (0,), (2, 3, 2)], ids=str)
def test_embedding(options, shape, dtype):
    kinds = {"dtype": getattr(mg, dtype)}, {"dtype": getattr(torch, dtype)}
    mine = nn.Embedding(7, 3, sparse=True, **options, **kinds[0])
    theirs = torch.nn.Embedding(7, 3, sparse=True, **options, **kinds[1])
    assert repr(mine) == repr(theirs)
    copy_parameters(mine, theirs)
    if shape == () and mine.padding_idx is not None:
        pytest.skip("refused by PyTorch")
    for seed in range(2):  # the second adds to the first
        i, j = both(np.array(words(*shape, seed=seed)))
        ((mine(i) ** 3).sum() + mine(i).sum()).backward()
        ((theirs(j) ** 3).sum() + theirs(j).sum()).backward()
        assert_same_sparse(mine.weight.grad, theirs.weight.grad)
    mine.zero_grad(set_to_none=False)
    theirs.zero_grad(set_to_none=False)
    mine(i).sum().backward()
    theirs(j).sum().backward()
    assert_same_sparse(mine.weight.grad, theirs.weight.grad, raw="padding_idx" not in options)


@pytest.mark.parametrize("order", ["s", "ss", "sd", "ds", "sds", "dss"])
def test_tables_used_densely_too(order):
    a, b = both(numbers(7, 3), requires_grad=True)
    i, j = both(words(2, 4))
    for kind in order:
        for functional, weight, index in ((F, a, i), (TF, b, j)):
            looked_up = functional.embedding(index, weight, sparse=True).sum() if kind == "s" else (weight * 2).sum()
            looked_up.backward()
        assert_same_sparse(a.grad, b.grad, order)


def test_autograd_grad_and_hooks():
    found, seen = [], []
    for module, functional, (weight, index) in zip(
        (mg, torch), (F, TF), zip(both(numbers(7, 3), requires_grad=True), both(words(2, 4)))
    ):
        y = (functional.embedding(index, weight, padding_idx=3, sparse=True) ** 3).sum()
        found.append(module.autograd.grad(y, weight, create_graph=True)[0])
        seen.append(module.autograd.grad(found[-1].to_dense().sum(), weight, retain_graph=True)[0])
        weight.register_hook(lambda g: g * 2)
        y.backward()
        found.append(weight.grad)
    assert_same_sparse(found[0].detach(), found[2].detach(), raw=True)
    assert_same_sparse(found[1], found[3], raw=True)
    assert_same_sparse(seen[0], seen[1], raw=True)


@pytest.mark.parametrize(
    "use",
    [
        lambda g: g * 2, lambda g: 2 * g, lambda g: g / 4, lambda g: -g, lambda g: g + g, lambda g: g.clone(),
        lambda g: g.detach(), lambda g: g.mul_(3), lambda g: g.div_(3), lambda g: g.coalesce(), lambda g: g.cpu(),
        lambda g: g.coalesce() * 2, lambda g: g.clone().zero_(),
    ],
)  # fmt: skip
def test_what_can_be_done_with_one(use):
    grads = []
    for functional, (weight, index) in zip((F, TF), zip(both(numbers(7, 3), requires_grad=True), both(words(2, 4)))):
        (functional.embedding(index, weight, sparse=True) ** 2).sum().backward()
        grads.append(weight.grad)
    for name in ("dim", "numel", "size", "_nnz", "__len__"):
        assert getattr(grads[0], name)() == getattr(grads[1], name)()
    assert_same(grads[0].norm(), grads[1].norm())
    assert_same_sparse(use(grads[0]), use(grads[1]))


def test_clipping_is_that_of_the_dense_gradient():
    """PyTorch clips no sparse gradients on the CPU."""
    for norm_type in (1.0, 2.0, float("inf")):
        a, b = both(numbers(7, 3), requires_grad=True)
        i, j = both(words(2, 4))
        (F.embedding(i, a, sparse=True) ** 2).sum().backward()
        (TF.embedding(j, b) ** 2).sum().backward()
        total = nn.utils.clip_grad_norm_([a], 0.5, norm_type)
        assert_same(total, torch.nn.utils.clip_grad_norm_([b], 0.5, norm_type))
        assert_same(a.grad.to_dense(), b.grad)
        nn.utils.clip_grad_value_([a], 0.05)
        torch.nn.utils.clip_grad_value_([b], 0.05)
        assert_same(a.grad.to_dense(), b.grad)


# -- bags


LENGTHS = [[3, 0, 4, 1], [0, 0], [5], [1, 1, 1], [2, 3, 0]]


def bags(kind, lengths, rows, seed, last):
    """(input, offsets) for both sides."""
    if kind == "2d":
        return both(words(4, 5, rows=rows, seed=seed)), (None, None)
    starts = np.cumsum([0, *lengths])
    index = words(int(starts[-1]), rows=rows, seed=seed)
    return both(index), both(starts if last else starts[:-1])


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("padding", [None, 1, -2])
@pytest.mark.parametrize("max_norm", [None, 0.8])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_embedding_bag(mode, sparse, padding, max_norm, dtype):
    if mode == "max" and sparse:
        pytest.skip("refused by both")
    cases = itertools.product([("2d", None), *(("1d", lengths) for lengths in LENGTHS)], [False, True], [False, True])
    for seed, ((kind, lengths), last, weighted) in enumerate(cases):
        if weighted and mode != "sum":
            continue
        (i, j), (starts, ends) = bags(kind, lengths, 6, seed, last)
        a, b = both(numbers(6, 3, seed=seed, dtype=dtype), requires_grad=True)
        p, q = both(numbers(*i.shape, seed=seed + 1, dtype=dtype), requires_grad=True) if weighted else (None, None)
        options = {"mode": mode, "sparse": sparse, "padding_idx": padding, "max_norm": max_norm}
        options["include_last_offset"] = last
        mine = F.embedding_bag(i, a, starts, per_sample_weights=p, **options)
        theirs = TF.embedding_bag(j, b, ends, per_sample_weights=q, **options)
        what = f"{kind} {lengths} last={last} weighted={weighted}"
        assert_same(mine, theirs, what)
        assert_same(a, b, f"weight of {what}")
        factors, others = both(numbers(*mine.shape, seed=seed + 2, dtype=dtype))
        (mine * factors).sum().backward()
        (theirs * others).sum().backward()
        assert_same_sparse(a.grad, b.grad, what, raw=padding is None)
        if weighted:
            assert_same(p.grad, q.grad, what)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_embedding_bag_in_half_precision(mode):
    (i, j), (starts, ends) = bags("1d", [3, 0, 4], 6, 0, False)
    a, b = both(numbers(6, 3, dtype="float16"), requires_grad=True)
    mine, theirs = F.embedding_bag(i, a, starts, mode=mode), TF.embedding_bag(j, b, ends, mode=mode)
    assert_same(mine, theirs, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("mode", ["sum", "mean"])
def test_embedding_bag_by_frequency(mode):
    """Where every row is named equally often: PyTorch's CPU kernel divides by the frequency of other rows."""
    index = np.array([[1, 2, 0], [0, 1, 2]])
    (i, j), (a, b) = both(index), both(numbers(6, 3), requires_grad=True)
    for functional, x, weight in ((F, i, a), (TF, j, b)):
        (functional.embedding_bag(x, weight, mode=mode, scale_grad_by_freq=True) ** 2).sum().backward()
    assert_same(a.grad, b.grad)


LAYERS = [
    {}, {"mode": "sum"}, {"mode": "max"}, {"padding_idx": 2}, {"padding_idx": -1, "sparse": True},
    {"max_norm": 1.0, "norm_type": 1.0}, {"include_last_offset": True, "mode": "sum"}, {"scale_grad_by_freq": True},
]  # fmt: skip


@pytest.mark.parametrize("options", LAYERS, ids=str)
def test_the_layer(options):
    mine, theirs = nn.EmbeddingBag(6, 3, **options), torch.nn.EmbeddingBag(6, 3, **options)
    assert repr(mine) == repr(theirs) and mine.padding_idx == theirs.padding_idx
    assert mine.include_last_offset == theirs.include_last_offset and mine.mode == theirs.mode
    copy_parameters(mine, theirs)
    (i, j), (starts, ends) = bags("1d", [3, 0, 2], 6, 0, mine.include_last_offset)
    assert_same(mine(i, starts), theirs(j, ends))
    (x, y), _ = bags("2d", None, 6, 1, False)
    assert_same(mine(x), theirs(y))
    table, other = both(numbers(4, 2))
    for more in ({}, {"freeze": False, "mode": "max"}, {"padding_idx": 1, "sparse": True}):
        a = nn.EmbeddingBag.from_pretrained(table, **more)
        b = torch.nn.EmbeddingBag.from_pretrained(other, **more)
        assert repr(a) == repr(b) and a.weight.requires_grad == b.weight.requires_grad and a.sparse == b.sparse


ERRORS = {
    "weight dimensions": lambda F, t: F.embedding_bag(t.tensor([1]), t.ones(3), t.tensor([0])),
    "weight dtype": lambda F, t: F.embedding_bag(t.tensor([1]), t.ones(3, 2).to(t.int64), t.tensor([0])),
    "input dimensions": lambda F, t: F.embedding_bag(t.tensor([[[1]]]), t.ones(3, 2), t.tensor([0])),
    "input scalar": lambda F, t: F.embedding_bag(t.tensor(1), t.ones(3, 2), t.tensor([0])),
    "input dtype": lambda F, t: F.embedding_bag(t.tensor([1.0]), t.ones(3, 2), t.tensor([0])),
    "offsets with 2d": lambda F, t: F.embedding_bag(t.tensor([[1]]), t.ones(3, 2), t.tensor([0])),
    "no offsets": lambda F, t: F.embedding_bag(t.tensor([1]), t.ones(3, 2)),
    "offsets dimensions": lambda F, t: F.embedding_bag(t.tensor([1]), t.ones(3, 2), t.tensor([[0]])),
    "offsets dtype": lambda F, t: F.embedding_bag(t.tensor([1]), t.ones(3, 2), t.tensor([0.0])),
    "offsets first": lambda F, t: F.embedding_bag(t.tensor([1]), t.ones(3, 2), t.tensor([1])),
    "offsets last": lambda F, t: F.embedding_bag(t.tensor([1]), t.ones(3, 2), t.tensor([0, 2])),
    "no last offset": lambda F, t: F.embedding_bag(
        t.tensor([1]), t.ones(3, 2), t.tensor([], dtype=t.int64), include_last_offset=True
    ),
    "row": lambda F, t: F.embedding_bag(t.tensor([3]), t.ones(3, 2), t.tensor([0])),
    "negative row": lambda F, t: F.embedding_bag(t.tensor([-1]), t.ones(3, 2), t.tensor([0])),
    "padding": lambda F, t: F.embedding_bag(t.tensor([1]), t.ones(3, 2), t.tensor([0]), padding_idx=3),
    "mode": lambda F, t: F.embedding_bag(t.tensor([1]), t.ones(3, 2), t.tensor([0]), mode="min"),
    "max sparse": lambda F, t: F.embedding_bag(t.tensor([1]), t.ones(3, 2), t.tensor([0]), mode="max", sparse=True),
    "max frequency": lambda F, t: F.embedding_bag(
        t.tensor([1]), t.ones(3, 2), t.tensor([0]), mode="max", scale_grad_by_freq=True
    ),
    "weights mean": lambda F, t: F.embedding_bag(
        t.tensor([1]), t.ones(3, 2), t.tensor([0]), per_sample_weights=t.ones(1)
    ),
    "weights shape": lambda F, t: F.embedding_bag(
        t.tensor([1]), t.ones(3, 2), t.tensor([0]), mode="sum", per_sample_weights=t.ones(2)
    ),
    "weights dtype": lambda F, t: F.embedding_bag(
        t.tensor([1]), t.ones(3, 2), t.tensor([0]), mode="sum", per_sample_weights=t.ones(1).to(t.float64)
    ),
}


@pytest.mark.parametrize("call", ERRORS.values(), ids=ERRORS)
def test_kinds_of_errors(call):
    with pytest.raises(Exception) as theirs:
        call(TF, torch)
    with pytest.raises(Exception) as mine:
        call(F, mg)
    assert mine.type is theirs.type
