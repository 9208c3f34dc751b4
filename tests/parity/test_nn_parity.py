"""Layers: texts, state dicts, results and gradients are PyTorch's."""

from __future__ import annotations

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sides import assert_same, assert_same_gradients, both, copy_parameters  # noqa: E402

import minigrad as mg  # noqa: E402
from minigrad import nn  # noqa: E402

# name, positional arguments, keywords, shapes of the inputs
LAYERS = [
    ("Identity", (), {}, [(2, 3)]),
    ("Identity", (3, "x"), {"any": 1}, [(2, 3)]),
    ("Linear", (4, 3), {}, [(5, 4)]),
    ("Linear", (4, 3), {"bias": False}, [(5, 4)]),
    ("Linear", (4, 3), {}, [(4,)]),
    ("Linear", (4, 3), {}, [(2, 3, 5, 4)]),
    ("Linear", (4, 1), {}, [(0, 4)]),
    ("Bilinear", (3, 4, 2), {}, [(5, 3), (5, 4)]),
    ("Bilinear", (3, 4, 2), {"bias": False}, [(2, 5, 3), (2, 5, 4)]),
    ("Flatten", (), {}, [(2, 3, 4)]),
    ("Flatten", (0, 1), {}, [(2, 3, 4)]),
    ("Flatten", (), {"start_dim": -2}, [(2, 3, 4)]),
    ("Unflatten", (1, (2, 3)), {}, [(4, 6)]),
    ("Unflatten", (-1, [3, -1]), {}, [(2, 6)]),
    ("LayerNorm", (4,), {}, [(3, 4)]),
    ("LayerNorm", ((3, 4),), {"eps": 0.1}, [(2, 3, 4)]),
    ("LayerNorm", ([4],), {"elementwise_affine": False}, [(3, 4)]),
    ("LayerNorm", (4,), {"bias": False}, [(2, 3, 4)]),
    ("RMSNorm", (4,), {}, [(3, 4)]),
    ("RMSNorm", ((3, 4),), {"eps": 0.1}, [(2, 3, 4)]),
    ("RMSNorm", (4,), {"elementwise_affine": False}, [(3, 4)]),
    ("BatchNorm1d", (4,), {}, [(6, 4)]),
    ("BatchNorm1d", (4,), {}, [(6, 4, 3)]),
    ("BatchNorm1d", (4,), {"eps": 0.1, "momentum": 0.5}, [(6, 4)]),
    ("BatchNorm1d", (4,), {"momentum": None}, [(6, 4)]),
    ("BatchNorm1d", (4,), {"momentum": 0.0}, [(6, 4)]),
    ("BatchNorm1d", (4,), {"affine": False}, [(6, 4)]),
    ("BatchNorm1d", (4,), {"track_running_stats": False}, [(6, 4)]),
    ("BatchNorm1d", (4,), {"affine": False, "track_running_stats": False}, [(6, 4, 3)]),
    ("BatchNorm1d", (4,), {"bias": False}, [(6, 4)]),
    ("Dropout", (0.0,), {}, [(3, 4)]),
    ("Dropout", (), {"p": 1.0}, [(3, 4)]),
    ("Dropout1d", (0.0,), {}, [(3, 4, 2)]),
    ("Dropout2d", (0.0,), {}, [(3, 4, 2, 2)]),
    ("Dropout3d", (0.0,), {}, [(3, 4, 2, 2, 2)]),
    ("AlphaDropout", (0.0,), {}, [(3, 4)]),
    ("FeatureAlphaDropout", (0.0,), {}, [(3, 4, 2)]),
    ("CosineSimilarity", (), {}, [(3, 4), (3, 4)]),
    ("CosineSimilarity", (0, 0.1), {}, [(3, 4), (3, 4)]),
    ("PairwiseDistance", (), {}, [(3, 4), (3, 4)]),
    ("PairwiseDistance", (), {"p": 1.0, "keepdim": True}, [(3, 4), (3, 4)]),
    # activations
    ("Threshold", (0.1, 20.0), {}, [(3, 4)]),
    ("ReLU", (), {}, [(3, 4)]),
    ("ReLU6", (), {}, [(3, 4)]),
    ("RReLU", (0.2, 0.2), {}, [(3, 4)]),
    ("Hardtanh", (), {}, [(3, 4)]),
    ("Hardtanh", (-0.5, 0.25), {}, [(3, 4)]),
    ("Sigmoid", (), {}, [(3, 4)]),
    ("Hardsigmoid", (), {}, [(3, 4)]),
    ("Tanh", (), {}, [(3, 4)]),
    ("SiLU", (), {}, [(3, 4)]),
    ("Mish", (), {}, [(3, 4)]),
    ("Hardswish", (), {}, [(3, 4)]),
    ("ELU", (), {}, [(3, 4)]),
    ("ELU", (0.5,), {}, [(3, 4)]),
    ("CELU", (0.5,), {}, [(3, 4)]),
    ("SELU", (), {}, [(3, 4)]),
    ("GLU", (), {}, [(3, 4)]),
    ("GLU", (0,), {}, [(2, 3)]),
    ("GELU", (), {}, [(3, 4)]),
    ("GELU", (), {"approximate": "tanh"}, [(3, 4)]),
    ("Hardshrink", (), {}, [(3, 4)]),
    ("Hardshrink", (0.2,), {}, [(3, 4)]),
    ("LeakyReLU", (), {}, [(3, 4)]),
    ("LeakyReLU", (0.3,), {}, [(3, 4)]),
    ("LogSigmoid", (), {}, [(3, 4)]),
    ("Softplus", (), {}, [(3, 4)]),
    ("Softplus", (2.0, 1.0), {}, [(3, 4)]),
    ("Softshrink", (), {}, [(3, 4)]),
    ("Softshrink", (0.2,), {}, [(3, 4)]),
    ("PReLU", (), {}, [(3, 4)]),
    ("PReLU", (4, 0.1), {}, [(3, 4, 2)]),
    ("Softsign", (), {}, [(3, 4)]),
    ("Tanhshrink", (), {}, [(3, 4)]),
    ("Softmin", (1,), {}, [(3, 4)]),
    ("Softmax", (0,), {}, [(3, 4)]),
    ("Softmax", (-1,), {}, [(2, 3, 4)]),
    ("Softmax2d", (), {}, [(2, 3, 2, 2)]),
    ("LogSoftmax", (1,), {}, [(3, 4)]),
]

IN_PLACE = [
    ("Threshold", (0.1, 20.0)), ("ReLU", ()), ("ReLU6", ()), ("RReLU", (0.2, 0.2)), ("Hardtanh", ()),
    ("Hardsigmoid", ()), ("SiLU", ()), ("Mish", ()), ("Hardswish", ()), ("ELU", (0.5,)), ("CELU", (0.5,)),
    ("SELU", ()), ("LeakyReLU", (0.3,)), ("Dropout", (0.0,)),
]  # fmt: skip


def label(case: tuple) -> str:
    name, args, kw, *_ = case
    return f"{name}({', '.join([*map(str, args), *(f'{k}={v}' for k, v in kw.items())])})"


def numbers(shape: tuple[int, ...], seed: int, dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", LAYERS, ids=label)
def test_layers(case, dtype):
    name, args, kw, shapes = case
    mine = getattr(nn, name)(*args, **kw).to(getattr(mg, dtype))
    theirs = getattr(torch.nn, name)(*args, **kw).to(getattr(torch, dtype))
    assert repr(mine) == repr(theirs)
    copy_parameters(mine, theirs)
    for training in (True, True, False):  # twice, for the running statistics
        mine.train(training)
        theirs.train(training)
        mine.zero_grad()
        theirs.zero_grad()
        inputs = [both(numbers(shape, seed, dtype), requires_grad=True) for seed, shape in enumerate(shapes)]
        out, expected = mine(*(a for a, _ in inputs)), theirs(*(b for _, b in inputs))
        assert_same(out, expected, "result")
        g, h = both(numbers(tuple(expected.shape), 9, dtype))
        out.backward(g)
        expected.backward(h)
        for k, (a, b) in enumerate(inputs):
            # PyTorch's gradient of hardsigmoid multiplies by 1/6 in single precision
            exact = dtype == "float64" and name not in ("Hardsigmoid", "Hardswish")
            assert_same(a.grad, b.grad, f"gradient of input {k}", *((1e-9, 1e-10) if exact else (1e-4, 1e-5)))
        assert_same_gradients(mine, theirs)
        for key, value in theirs.state_dict().items():
            assert_same(mine.state_dict()[key], value, key)


@pytest.mark.parametrize(("name", "args"), IN_PLACE)
def test_in_place(name, args):
    mine, theirs = getattr(nn, name)(*args, inplace=True), getattr(torch.nn, name)(*args, inplace=True)
    assert repr(mine) == repr(theirs)
    a, b = both(numbers((3, 4), 0), requires_grad=True)
    x, y = a * 2, b * 2
    out, expected = mine(x), theirs(y)
    assert out is x
    assert_same(out, expected)
    out.sum().backward()
    expected.sum().backward()
    assert_same(a.grad, b.grad)


EMBEDDINGS = [
    ((6, 3), {}),
    ((6, 3), {"padding_idx": 2}),
    ((6, 3), {"padding_idx": -1}),
    ((6, 3), {"max_norm": 1.0}),
    ((6, 3), {"max_norm": 0.5, "norm_type": 1.0}),
    ((6, 3), {"scale_grad_by_freq": True}),
    ((6, 3), {"scale_grad_by_freq": True, "padding_idx": 0}),
]


@pytest.mark.parametrize("indices", [[1, 2, 2, 5], [[0, 0, 4], [5, 2, 0]], 3], ids=str)
@pytest.mark.parametrize(("args", "kw"), EMBEDDINGS)
def test_embedding(args, kw, indices):
    mine, theirs = nn.Embedding(*args, **kw), torch.nn.Embedding(*args, **kw)
    assert repr(mine) == repr(theirs) and mine.padding_idx == theirs.padding_idx
    if mine.padding_idx is not None:
        assert mine.weight[mine.padding_idx].abs().sum().item() == 0
    copy_parameters(mine, theirs)
    i, j = both(np.array(indices))
    out, expected = mine(i), theirs(j)
    assert_same(out, expected)
    (out * out).sum().backward()
    (expected * expected).sum().backward()
    assert_same_gradients(mine, theirs)
    assert_same(mine.weight, theirs.weight, "weight")  # max_norm scales it


def test_embedding_from_pretrained():
    a, b = both(numbers((5, 3), 0))
    for kw in ({}, {"freeze": False, "padding_idx": 1}):
        mine, theirs = nn.Embedding.from_pretrained(a, **kw), torch.nn.Embedding.from_pretrained(b, **kw)
        assert repr(mine) == repr(theirs) and mine.weight.requires_grad == theirs.weight.requires_grad
        i, j = both(np.array([0, 4]))
        assert_same(mine(i), theirs(j))


LAZY = [
    ("LazyLinear", (3,), {}, (2, 4)),
    ("LazyLinear", (3,), {"bias": False}, (2, 5, 4)),
    ("LazyBatchNorm1d", (), {}, (5, 4)),
    ("LazyBatchNorm1d", (), {"affine": False}, (5, 4, 2)),
    ("LazyBatchNorm1d", (), {"track_running_stats": False, "bias": False}, (5, 4)),
]


@pytest.mark.filterwarnings("ignore:Lazy modules")
@pytest.mark.parametrize("case", LAZY, ids=label)
def test_lazy_layers(case):
    name, args, kw, shape = case
    mine, theirs = getattr(nn, name)(*args, **kw), getattr(torch.nn, name)(*args, **kw)
    assert repr(mine) == repr(theirs) and list(mine.state_dict()) == list(theirs.state_dict())
    assert mine.has_uninitialized_params() == theirs.has_uninitialized_params()
    a, b = both(numbers(shape, 0))
    parameters = list(mine.parameters())
    out, expected = mine(a), theirs(b)
    assert all(p is q for p, q in zip(parameters, mine.parameters(), strict=True))
    assert repr(mine) == repr(theirs) and out.shape == tuple(expected.shape)
    assert type(mine).__name__ == type(theirs).__name__
    copy_parameters(mine, theirs)
    assert_same(mine(a), theirs(b))
    # a state dict gives a lazy module its shapes, too
    fresh = getattr(nn, name)(*args, **kw)
    fresh.load_state_dict(mine.state_dict())
    assert_same(fresh.eval()(a), copy.deepcopy(theirs).eval()(b))


RANDOM = [
    ("Dropout", (20, 500)),
    ("Dropout1d", (40, 50, 5)),
    ("Dropout2d", (40, 50, 2, 3)),
    ("AlphaDropout", (20, 500)),
    ("FeatureAlphaDropout", (40, 50, 5)),
]


@pytest.mark.parametrize(("name", "shape"), RANDOM)
def test_random_layers_by_their_statistics(name, shape):
    torch.manual_seed(0)
    x = numbers(shape, 0) + 3
    a, b = both(x)
    mine, theirs = getattr(nn, name)(0.3), getattr(torch.nn, name)(0.3)
    assert repr(mine) == repr(theirs)
    assert mine.eval()(a) is a
    out, expected = mine.train()(a).numpy(), theirs(b).numpy()
    assert abs(out.mean() - expected.mean()) < 0.15 and abs(out.std() - expected.std()) < 0.15
    # what is kept is a line through the input; what is dropped is one number
    for y in (out, expected):
        kept = ~np.isclose(y, y.min()) if "Alpha" in name else y != 0
        assert abs(kept.mean() - 0.7) < 0.05
        if y is out:
            line = np.polyfit(x[kept], y[kept], 1)
            if "1d" in name or "Feature" in name:
                assert np.array_equal(kept.any(2), kept.all(2))  # whole channels
    assert np.allclose(line, np.polyfit(x[kept], expected[kept], 1), atol=1e-4)


def test_names_are_pytorchs():
    strange = [name for name in nn.__all__ if not hasattr(torch.nn, name)]
    assert sorted(strange) == ["UninitializedBuffer", "UninitializedParameter"] or strange == []
