"""`minigrad.nn.functional` beside PyTorch's: values, dtypes, gradients of first and second order, errors."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest
from nn_functional_cases import CASES, Case, Fixed

import minigrad as mg
import minigrad.nn.functional as F

torch = pytest.importorskip("torch")
TF = torch.nn.functional


def converted(library, case: Case, dtype: str):
    """The case's arguments as tensors of a library, and those of them that have gradients."""
    leaves = []

    def one(value):
        if isinstance(value, Fixed):
            return library.tensor(value.array.astype(dtype), dtype=getattr(library, dtype))
        if not isinstance(value, np.ndarray):
            return value
        if value.dtype.kind != "f":
            return library.tensor(value)
        leaves.append(library.tensor(value.astype(dtype), dtype=getattr(library, dtype), requires_grad=True))
        return leaves[-1]

    return [one(v) for v in case.args], {k: one(v) for k, v in case.keywords.items()}, leaves


def called(library, functional, case: Case, dtype: str = "float64"):
    args, keywords, leaves = converted(library, case, dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(functional, case.name)(*args, **keywords), leaves


def host(t):
    return t.detach().numpy(force=True)


def same(ours, theirs, words, rtol=1e-9, atol=1e-11):
    assert tuple(ours.shape) == tuple(theirs.shape), f"{words}: shape {ours.shape} instead of {theirs.shape}"
    assert str(ours.dtype).split(".")[1] == str(theirs.dtype).split(".")[1], f"{words}: {ours.dtype}, {theirs.dtype}"
    np.testing.assert_allclose(host(ours), host(theirs), rtol=rtol, atol=atol, err_msg=words)


def weights(shape, seed):
    return np.random.default_rng(seed).standard_normal(tuple(shape))


def filled(library, found, leaves):
    return [library.zeros_like(leaf) if g is None else g for g, leaf in zip(found, leaves, strict=True)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_and_gradients(case):
    ours, our_leaves = called(mg, F, case)
    theirs, their_leaves = called(torch, TF, case)
    same(ours, theirs, str(case))
    if not theirs.requires_grad:
        assert not ours.requires_grad
        return
    found, wanted = [], []
    for library, result, leaves, into in ((mg, ours, our_leaves, found), (torch, theirs, their_leaves, wanted)):
        w = library.tensor(weights(result.shape, 1), requires_grad=True)
        first = library.autograd.grad(result, leaves, w, create_graph=case.second, allow_unused=True)
        first = filled(library, first, leaves)
        into += first
        live = [g for g in first if g.requires_grad]
        if case.second and live:
            factors = [library.tensor(weights(g.shape, 2 + k)) for k, g in enumerate(first) if g.requires_grad]
            second = library.autograd.grad(live, [*leaves, w], factors, allow_unused=True)
            into += filled(library, second, [*leaves, w])
    assert len(found) == len(wanted)
    for number, (g, h) in enumerate(zip(found, wanted, strict=True)):
        same(g, h, f"{case}, gradient {number} of {len(our_leaves)}", rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_float32(case):
    ours, our_leaves = called(mg, F, case, "float32")
    theirs, their_leaves = called(torch, TF, case, "float32")
    same(ours, theirs, str(case), rtol=2e-4, atol=2e-5)
    if theirs.requires_grad:
        found = filled(mg, mg.autograd.grad(ours.sum(), our_leaves, allow_unused=True), our_leaves)
        wanted = filled(torch, torch.autograd.grad(theirs.sum(), their_leaves, allow_unused=True), their_leaves)
        for number, (g, h) in enumerate(zip(found, wanted, strict=True)):
            same(g, h, f"{case}, gradient {number}", rtol=1e-3, atol=1e-4)


HALF = ("linear", "softmax", "log_softmax", "cross_entropy", "mse_loss", "layer_norm", "rms_norm", "embedding", "relu")


@pytest.mark.parametrize("case", [c for c in CASES if c.name in HALF and not c.keywords], ids=str)
def test_float16(case):
    ours, _ = called(mg, F, case, "float16")
    theirs, _ = called(torch, TF, case, "float16")
    same(ours, theirs, str(case), rtol=1e-2, atol=1e-2)


def test_names_and_parameters():
    """Every function of minigrad's has PyTorch's parameters, in their order, with their defaults."""
    for name in F.__all__:
        if name == "legacy_reduction":
            continue
        theirs = getattr(TF, name)
        try:
            wanted = inspect.signature(theirs)
        except ValueError:  # written in C
            continue
        have = inspect.signature(getattr(F, name)).parameters
        for k, (p, q) in enumerate(zip(wanted.parameters.values(), have.values())):
            if p.kind is p.VAR_POSITIONAL or name in ("sigmoid", "tanh", "elu_", "celu_", "leaky_relu_", "rrelu_"):
                continue
            assert p.name == q.name, f"{name}: parameter {k} is {q.name} instead of {p.name}"
            assert p.default in (q.default, p.empty), f"{name}: {p.name}={q.default} instead of {p.default}"


def test_running_statistics():
    case = Case("batch_norm", (weights((6, 3, 2), 1),), {})
    for momentum in (0.1, 0.7, 0.0, 1.0):
        statistics = []
        for library, functional in ((mg, F), (torch, TF)):
            mean, var = library.zeros(3, dtype=library.float64), library.ones(3, dtype=library.float64)
            (x,), _, _ = converted(library, case, "float64")
            for _ in range(2):
                functional.batch_norm(x, mean, var, training=True, momentum=momentum)
            assert not mean.requires_grad
            statistics.append((mean, var))
        for ours, theirs in zip(*statistics, strict=True):
            same(ours, theirs, "running statistics")


def test_embedding_max_norm():
    rows, table = np.array([1, 1, 4]), weights((5, 3), 3) * 2
    for norm_type in (2.0, 1.0):
        ours, theirs = mg.tensor(table), torch.tensor(table)
        same(
            F.embedding(mg.tensor(rows), ours, max_norm=0.7, norm_type=norm_type),
            TF.embedding(torch.tensor(rows), theirs, max_norm=0.7, norm_type=norm_type),
            "rows",
        )
        same(ours, theirs, "table")


ERRORS = {
    "linear shapes": lambda F, t: F.linear(t.ones(2, 3), t.ones(4, 4)),
    "linear bias": lambda F, t: F.linear(t.ones(2, 3), t.ones(4, 3), t.ones(5)),
    "linear dtypes": lambda F, t: F.linear(t.ones(2, 3, dtype=t.float64), t.ones(4, 3)),
    "linear bias dtype": lambda F, t: F.linear(t.ones(2, 3), t.ones(4, 3), t.ones(4, dtype=t.float64)),
    "linear 0d": lambda F, t: F.linear(t.tensor(1.0), t.ones(4, 3)),
    "linear 3d weight": lambda F, t: F.linear(t.ones(2, 3), t.ones(2, 4, 3)),
    "bilinear": lambda F, t: F.bilinear(t.ones(2, 3), t.ones(2, 6), t.ones(4, 3, 5)),
    "bilinear batch": lambda F, t: F.bilinear(t.ones(2, 3), t.ones(3, 5), t.ones(4, 3, 5)),
    "embedding range": lambda F, t: F.embedding(t.tensor([5]), t.ones(5, 3)),
    "embedding negative": lambda F, t: F.embedding(t.tensor([-1]), t.ones(5, 3)),
    "embedding float": lambda F, t: F.embedding(t.tensor([1.0]), t.ones(5, 3)),
    "embedding bool": lambda F, t: F.embedding(t.tensor([True]), t.ones(5, 3)),
    "embedding padding": lambda F, t: F.embedding(t.tensor([1]), t.ones(5, 3), padding_idx=5),
    "embedding table": lambda F, t: F.embedding(t.tensor([1]), t.ones(5)),
    "one_hot negative": lambda F, t: F.one_hot(t.tensor([-1])),
    "one_hot large": lambda F, t: F.one_hot(t.tensor([3]), 3),
    "one_hot empty": lambda F, t: F.one_hot(t.zeros(0, dtype=t.int64)),
    "one_hot dtype": lambda F, t: F.one_hot(t.tensor([1.0])),
    "dropout": lambda F, t: F.dropout(t.ones(2), 1.5),
    "dropout integers": lambda F, t: F.dropout(t.tensor([1, 2])),
    "dropout1d": lambda F, t: F.dropout1d(t.ones(3)),
    "layer_norm": lambda F, t: F.layer_norm(t.ones(2, 3), (2,)),
    "layer_norm weight": lambda F, t: F.layer_norm(t.ones(2, 3), (3,), t.ones(2)),
    "layer_norm nothing": lambda F, t: F.layer_norm(t.ones(2, 3), ()),
    "layer_norm integers": lambda F, t: F.layer_norm(t.ones(2, 3, dtype=t.int64), (3,)),
    "layer_norm dtypes": lambda F, t: F.layer_norm(t.ones(2, 3, dtype=t.float64), (3,), t.ones(3)),
    "rms_norm": lambda F, t: F.rms_norm(t.ones(2, 3), (2,)),
    "batch_norm one": lambda F, t: F.batch_norm(t.ones(1, 3), None, None, training=True),
    "batch_norm eval": lambda F, t: F.batch_norm(t.ones(2, 3), None, None),
    "batch_norm running": lambda F, t: F.batch_norm(t.ones(2, 3), t.ones(2), t.ones(2), training=True),
    "batch_norm weight": lambda F, t: F.batch_norm(t.ones(2, 3), t.ones(3), t.ones(3), t.ones(2)),
    "normalize dim": lambda F, t: F.normalize(t.ones(3)),
    "normalize integers": lambda F, t: F.normalize(t.ones(3, 2, dtype=t.int64)),
    "softmax dim": lambda F, t: F.softmax(t.ones(2, 3), 2),
    "softmax integers": lambda F, t: F.softmax(t.tensor([1, 2]), 0),
    "cross_entropy range": lambda F, t: F.cross_entropy(t.ones(2, 3), t.tensor([0, 3])),
    "cross_entropy negative": lambda F, t: F.cross_entropy(t.ones(2, 3), t.tensor([0, -1])),
    "cross_entropy weighted range": lambda F, t: F.cross_entropy(t.ones(2, 3), t.tensor([0, 3]), t.ones(3)),
    "cross_entropy no classes": lambda F, t: F.cross_entropy(t.ones(2, 0), t.tensor([0, 1])),
    "cross_entropy float": lambda F, t: F.cross_entropy(t.ones(2, 3), t.tensor([0.0, 1.0])),
    "cross_entropy int32": lambda F, t: F.cross_entropy(t.ones(2, 3), t.tensor([0, 1], dtype=t.int32)),
    "cross_entropy batch": lambda F, t: F.cross_entropy(t.ones(2, 3), t.tensor([0])),
    "cross_entropy columns": lambda F, t: F.cross_entropy(t.ones(2, 3), t.tensor([[0], [1]])),
    "cross_entropy 3d": lambda F, t: F.cross_entropy(t.ones(2, 3, 4), t.zeros(2, 5, dtype=t.int64)),
    "cross_entropy weight": lambda F, t: F.cross_entropy(t.ones(2, 3), t.tensor([0, 1]), t.ones(2)),
    "cross_entropy weight dtype": lambda F, t: F.cross_entropy(
        t.ones(2, 3), t.tensor([0, 1]), t.ones(3, dtype=t.float64)
    ),
    "cross_entropy weight gradient": lambda F, t: F.cross_entropy(
        t.ones(2, 3), t.tensor([0, 1]), t.ones(3, requires_grad=True)
    ),
    "cross_entropy integers": lambda F, t: F.cross_entropy(t.ones(2, 3, dtype=t.int64), t.tensor([0, 1])),
    "cross_entropy probabilities": lambda F, t: F.cross_entropy(t.ones(2, 3), t.ones(2, 3, dtype=t.int64)),
    "cross_entropy ignored": lambda F, t: F.cross_entropy(t.ones(2, 3), t.ones(2, 3), ignore_index=1),
    "cross_entropy smoothing": lambda F, t: F.cross_entropy(t.ones(2, 3), t.tensor([0, 1]), label_smoothing=2.0),
    "cross_entropy reduction": lambda F, t: F.cross_entropy(t.ones(2, 3), t.tensor([0, 1]), reduction="foo"),
    "nll_loss range": lambda F, t: F.nll_loss(t.ones(2, 3), t.tensor([0, 3])),
    "nll_loss integers": lambda F, t: F.nll_loss(t.ones(2, 3, dtype=t.int64), t.tensor([0, 1])),
    "nll_loss 0d": lambda F, t: F.nll_loss(t.tensor(1.0), t.tensor(0)),
    "mse_loss shapes": lambda F, t: F.mse_loss(t.ones(2, 3), t.ones(2, 2)),
    "mse_loss integers": lambda F, t: F.mse_loss(t.tensor([1]), t.tensor([2])),
    "mse_loss reduction": lambda F, t: F.mse_loss(t.ones(2), t.ones(2), reduction="foo"),
    "mse_loss weight": lambda F, t: F.mse_loss(t.ones(2, 3), t.ones(2, 3), weight=t.ones(3)),
    "l1_loss integers": lambda F, t: F.l1_loss(t.tensor([1]), t.tensor([2])),
    "huber_loss delta": lambda F, t: F.huber_loss(t.ones(2), t.ones(2), delta=0),
    "smooth_l1_loss beta": lambda F, t: F.smooth_l1_loss(t.ones(2), t.ones(2), beta=-1.0),
    "bce sizes": lambda F, t: F.binary_cross_entropy(t.ones(2, 3), t.ones(3)),
    "bce range": lambda F, t: F.binary_cross_entropy(t.ones(2) + 1, t.ones(2)),
    "bce target range": lambda F, t: F.binary_cross_entropy(t.ones(2), t.ones(2) + 1),
    "bce dtypes": lambda F, t: F.binary_cross_entropy(t.ones(2), t.ones(2, dtype=t.int64)),
    "bce logits sizes": lambda F, t: F.binary_cross_entropy_with_logits(t.ones(2, 3), t.ones(3)),
    "bce logits target": lambda F, t: F.binary_cross_entropy_with_logits(t.ones(2), t.ones(2, dtype=t.int64)),
    "bce logits pos_weight": lambda F, t: F.binary_cross_entropy_with_logits(
        t.ones(2, 3), t.ones(2, 3), pos_weight=t.ones(2)
    ),
    "kl_div integers": lambda F, t: F.kl_div(t.ones(2), t.ones(2, dtype=t.int64), reduction="sum"),
    "poisson reduction": lambda F, t: F.poisson_nll_loss(t.ones(2), t.ones(2), reduction="foo"),
    "gaussian negative": lambda F, t: F.gaussian_nll_loss(t.ones(2), t.ones(2), -t.ones(2)),
    "gaussian size": lambda F, t: F.gaussian_nll_loss(t.ones(2, 3), t.ones(2, 3), t.ones(3)),
    "gaussian number": lambda F, t: F.gaussian_nll_loss(t.ones(2, 3), t.ones(2, 3), -2.0),
    "margin_ranking": lambda F, t: F.margin_ranking_loss(t.ones(2, 3), t.ones(2, 3), t.ones(3)),
    "multi_margin p": lambda F, t: F.multi_margin_loss(t.ones(2, 3), t.tensor([0, 1]), p=3),
    "multi_margin weight": lambda F, t: F.multi_margin_loss(t.ones(2, 3), t.tensor([0, 1]), weight=t.ones(2)),
    "multi_margin range": lambda F, t: F.multi_margin_loss(t.ones(2, 3), t.tensor([0, 3])),
    "multi_margin target": lambda F, t: F.multi_margin_loss(t.ones(2, 3), t.tensor([0])),
    "multi_margin 3d": lambda F, t: F.multi_margin_loss(t.ones(2, 3, 4), t.tensor([0, 1])),
    "multi_margin float": lambda F, t: F.multi_margin_loss(t.ones(2, 3), t.tensor([0.0, 1.0])),
    "multilabel size": lambda F, t: F.multilabel_margin_loss(t.ones(2, 3), t.tensor([[0, 1], [0, 1]])),
    "multilabel range": lambda F, t: F.multilabel_margin_loss(t.ones(1, 3), t.tensor([[0, 3, -1]])),
    "cosine_embedding 0d": lambda F, t: F.cosine_embedding_loss(t.ones(2, 3), t.ones(2, 3), t.tensor(1.0)),
    "cosine_embedding 2d": lambda F, t: F.cosine_embedding_loss(t.ones(2, 3), t.ones(2, 3), t.ones(2, 3)),
    "triplet dims": lambda F, t: F.triplet_margin_loss(t.ones(2, 3), t.ones(2, 3), t.ones(3)),
    "triplet margin": lambda F, t: F.triplet_margin_loss(t.ones(2, 3), t.ones(2, 3), t.ones(2, 3), margin=-1.0),
    "cosine_similarity": lambda F, t: F.cosine_similarity(t.ones(2, 3), t.ones(2, 2)),
    "cosine_similarity integers": lambda F, t: F.cosine_similarity(t.tensor([[1]]), t.tensor([[1]])),
    "pad odd": lambda F, t: F.pad(t.ones(2, 3), (1,)),
    "pad many": lambda F, t: F.pad(t.ones(2, 3), (1, 1) * 3),
    "pad cut": lambda F, t: F.pad(t.ones(2, 3), (-2, -2)),
    "pad mode": lambda F, t: F.pad(t.ones(2, 3), (1, 1), "foo"),
    "pad reflect": lambda F, t: F.pad(t.ones(2, 3), (3, 1), "reflect"),
    "pad value": lambda F, t: F.pad(t.ones(2, 3), (1, 1), "reflect", 3),
    "pad circular": lambda F, t: F.pad(t.ones(2, 3), (4, 0), "circular"),
    "in place on a leaf": lambda F, t: F.relu(t.ones(2, requires_grad=True), inplace=True),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    """What PyTorch refuses, minigrad refuses with an error of the same kind."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(Exception) as theirs:
            ERRORS[name](TF, torch)
        expected = RuntimeError if theirs.type is NotImplementedError else theirs.type
        with pytest.raises(expected) as ours:
            ERRORS[name](F, mg)
    assert len(str(ours.value)) > 20
