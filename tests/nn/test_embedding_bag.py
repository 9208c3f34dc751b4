"""`EmbeddingBag` and `F.embedding_bag`: values, gradients, errors. (Beside PyTorch's: tests/parity.)"""

from __future__ import annotations

import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.autograd import RowSparse, gradcheck, gradgradcheck

MODES = ["sum", "mean", "max"]


def table(device="cpu", dtype=mg.float32):
    return mg.tensor([[0.0, 9.0], [1.0, 8.0], [2.0, 7.0], [4.0, 6.0]], device=device, dtype=dtype, requires_grad=True)


def bag(words, offsets, weight, **options):
    where = weight.device
    return F.embedding_bag(mg.tensor(words, device=where), weight, mg.tensor(offsets, device=where), **options)


def close(a, b):
    return mg.allclose(a, mg.tensor(b, dtype=a.dtype, device=a.device))


# -- values


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        ("sum", [[3.0, 15.0], [0.0, 0.0], [4.0, 15.0]]),
        ("mean", [[1.5, 7.5], [0.0, 0.0], [2.0, 7.5]]),
        ("max", [[2.0, 8.0], [0.0, 0.0], [4.0, 9.0]]),
    ],
)
@pytest.mark.parametrize("index", [mg.int64, mg.int32])
def test_bags_of_any_length(mode, wanted, index, device):
    words, offsets = mg.tensor([1, 2, 3, 0], dtype=index, device=device), mg.tensor([0, 2, 2], device=device)
    w = table(device)
    assert close(F.embedding_bag(words, w, offsets, mode=mode), wanted)
    ends = mg.tensor([0, 2, 2, 4], dtype=index, device=device)
    assert close(F.embedding_bag(words, w, ends, mode=mode, include_last_offset=True), wanted)


@pytest.mark.parametrize("mode", MODES)
def test_bags_of_one_length(mode, device):
    w = table(device)
    words = mg.tensor([[1, 2], [3, 3]], device=device)
    assert close(F.embedding_bag(words, w, mode=mode), bag([1, 2, 3, 3], [0, 2], w, mode=mode).tolist())


def test_what_stands_behind_the_last_offset_is_in_no_bag():
    w = table()
    ends = {"include_last_offset": True}
    assert bag([1, 2, 3], [0, 2], w, mode="mean", **ends).tolist() == [[1.5, 7.5]]
    bag([1, 2, 3], [0, 2], w, mode="sum", **ends).sum().backward()
    assert w.grad.tolist() == [[0.0, 0.0], [1.0, 1.0], [1.0, 1.0], [0.0, 0.0]]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("padding", [1, -3])
def test_padding_counts_for_nothing(mode, padding, device):
    w = table(device)
    out = bag([1, 2, 1, 1], [0, 2], w, mode=mode, padding_idx=padding)
    assert close(out, [[2.0, 7.0], [0.0, 0.0]])
    out.sum().backward()
    assert w.grad.tolist() == [[0.0, 0.0], [0.0, 0.0], [1.0, 1.0], [0.0, 0.0]]


def test_weights_of_the_rows(device):
    w = table(device)
    factors = mg.tensor([[1.0, 2.0], [3.0, -1.0]], device=device, requires_grad=True)
    words = mg.tensor([[1, 2], [3, 1]], device=device)
    out = F.embedding_bag(words, w, mode="sum", per_sample_weights=factors, padding_idx=2)
    assert close(out, [[1.0, 8.0], [11.0, 10.0]])
    out.sum().backward()
    assert factors.grad.tolist() == [[9.0, 0.0], [10.0, 9.0]]
    assert w.grad.tolist() == [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [3.0, 3.0]]


def test_the_first_of_equal_maxima_gets_the_gradient(device):
    w = mg.tensor([[1.0, 2.0], [1.0, 2.0], [0.0, 5.0]], device=device, requires_grad=True)
    F.embedding_bag(mg.tensor([[0, 1, 2], [1, 0, 0]], device=device), w, mode="max").sum().backward()
    assert w.grad.tolist() == [[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]


def test_negative_maxima_and_nan(device):
    w = mg.tensor([[-1.0, float("nan")], [-2.0, 1.0], [-3.0, float("-inf")]], device=device)
    out = F.embedding_bag(mg.tensor([[1, 0], [2, 2]], device=device), w, mode="max").tolist()
    assert out[0][0] == -1.0 and out[0][1] != out[0][1] and out[1] == [-3.0, float("-inf")]


@pytest.mark.parametrize("mode", MODES)
def test_nothing_to_look_up(mode, device):
    w = table(device)
    out = F.embedding_bag(
        mg.zeros(0, dtype=mg.int64, device=device), w, mg.zeros(2, dtype=mg.int64, device=device), mode=mode
    )  # fmt: skip
    assert out.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    out.sum().backward()
    assert w.grad.abs().sum().item() == 0.0
    none = mg.zeros(0, dtype=mg.int64, device=device)
    assert F.embedding_bag(none, w, none, mode=mode).shape == (0, 2)
    assert F.embedding_bag(mg.tensor([1], device=device), w, none, mode=mode).shape == (0, 2)
    assert F.embedding_bag(mg.zeros(3, 0, dtype=mg.int64, device=device), w, mode=mode).tolist() == [[0.0, 0.0]] * 3


def test_the_largest_norm(device):
    w = table(device)
    before = w.tolist()
    out = bag([1, 3], [0], w, mode="sum", max_norm=1.0)
    assert close(w.detach().norm(dim=1), [9.0, 1.0, *[mg.tensor(before[2]).norm().item()], 1.0])
    assert close(out, w.detach()[[1, 3]].sum(0, keepdim=True).tolist())


# -- gradients


@pytest.mark.parametrize("mode", MODES)
def test_gradcheck(mode):
    w = table(dtype=mg.float64)
    words, offsets = mg.tensor([1, 2, 3, 1]), mg.tensor([0, 1, 1])

    def out(weight, factors=None):
        return F.embedding_bag(words, weight, offsets, mode=mode, per_sample_weights=factors)

    assert gradcheck(out, (w,)) and gradgradcheck(lambda x: out(x) ** 2, (w,))
    if mode == "sum":
        factors = mg.tensor([0.5, 2.0, -1.0, 3.0], dtype=mg.float64, requires_grad=True)
        assert gradcheck(out, (w, factors)) and gradgradcheck(out, (w, factors))


@pytest.mark.parametrize("mode", ["sum", "mean"])
@pytest.mark.parametrize("padding", [None, 3])
def test_sparse_gradients_are_the_dense_ones(mode, padding, device):
    grads = []
    for sparse in (False, True):
        w = table(device)
        factors = mg.tensor([1.0, 2.0, 4.0, 8.0, 0.5], device=device) if mode == "sum" else None
        out = bag(
            [1, 2, 3, 1, 1], [0, 2, 2], w, mode=mode, padding_idx=padding, sparse=sparse, per_sample_weights=factors
        )
        (out * mg.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], device=device)).sum().backward()
        grads.append(w.grad)
    dense, sparse = grads
    assert type(sparse) is RowSparse and close(sparse.to_dense(), dense.tolist())
    assert sparse._nnz() == 5 - (padding is not None)
    assert sparse.coalesce().indices().tolist() == [[1, 2] if padding else [1, 2, 3]]


@pytest.mark.parametrize("mode", ["sum", "mean"])
def test_gradients_divided_by_frequency(mode, device):
    plain, divided = table(device), table(device)
    for w, by_frequency in ((plain, False), (divided, True)):
        bag([1, 2, 3, 1], [0, 2], w, mode=mode, scale_grad_by_freq=by_frequency).sum().backward()
    counts = mg.tensor([[1.0], [2.0], [1.0], [1.0]], device=device)
    assert close(divided.grad, (plain.grad / counts).tolist())
    with pytest.raises(RuntimeError, match="scale_grad_by_freq"):
        bag([1], [0], divided, mode=mode, scale_grad_by_freq=True, sparse=True).sum().backward()


@pytest.mark.parametrize("dtype", [mg.float16, mg.float64])
@pytest.mark.parametrize("mode", MODES)
def test_dtypes(mode, dtype, device):
    w = table(device, dtype)
    out = bag([1, 2, 3], [0, 1], w, mode=mode)
    out.sum().backward()
    assert out.dtype == w.grad.dtype == dtype


# -- the layer


def test_the_layer(device):
    layer = nn.EmbeddingBag(4, 2, mode="sum", padding_idx=-1, sparse=True, device=device)
    assert layer.padding_idx == 3 and layer.weight[3].tolist() == [0.0, 0.0]
    out = layer(mg.tensor([1, 3, 1], device=device), mg.tensor([0, 2], device=device))
    assert close(out, [layer.weight[1].tolist()] * 2)
    out.sum().backward()
    assert layer.weight.grad._indices().tolist() == [[1, 1]]
    factors = mg.tensor([[2.0, 3.0]], device=device)
    assert close(
        layer(mg.tensor([[0, 0]], device=device), per_sample_weights=factors),
        (5 * layer.weight.detach()[0]).reshape(1, 2).tolist(),
    )
    assert nn.EmbeddingBag(4, 2)(mg.tensor([[1, 2, 3]])).shape == (1, 2)
    assert list(layer.state_dict()) == ["weight"]


def test_the_layer_from_a_table():
    weight = table().detach()
    frozen = nn.EmbeddingBag.from_pretrained(weight)
    assert frozen.weight.array is weight.array and not frozen.weight.requires_grad and frozen.mode == "mean"
    trained = nn.EmbeddingBag.from_pretrained(
        weight, freeze=False, mode="max", max_norm=2.0, norm_type=1.0, include_last_offset=True, padding_idx=-1
    )
    assert trained.weight.requires_grad and trained.padding_idx == 3 and trained.include_last_offset
    assert repr(trained) == "EmbeddingBag(4, 2, max_norm=2.0, norm_type=1.0, mode='max', padding_idx=3)"
    assert "scale_grad_by_freq=True" in repr(nn.EmbeddingBag(3, 2, scale_grad_by_freq=True))
    for wrong in (
        lambda: nn.EmbeddingBag.from_pretrained(mg.ones(3)),
        lambda: nn.EmbeddingBag(3, 2, _weight=mg.ones(2, 2)),
        lambda: nn.EmbeddingBag(3, 2, padding_idx=3),
    ):
        with pytest.raises(AssertionError, match=r"\b(3|2, 2)\b"):
            wrong()


# -- errors


W = mg.ones(4, 2)
I, O = mg.tensor([1, 2, 3]), mg.tensor([0, 2])


@pytest.mark.parametrize(
    ("kind", "words", "call"),
    [
        (ValueError, "2 dimensions|features", lambda: F.embedding_bag(I, mg.ones(4), O)),
        (ValueError, "1 or 2 dimensions", lambda: F.embedding_bag(I.reshape(1, 1, 3), W, O)),
        (ValueError, "1 or 2 dimensions", lambda: F.embedding_bag(I[0], W, O)),
        (ValueError, "no offsets", lambda: F.embedding_bag(I.reshape(1, 3), W, O)),
        (ValueError, "needs offsets", lambda: F.embedding_bag(I, W)),
        (ValueError, "needs offsets", lambda: F.embedding_bag(I, W, O.reshape(1, 2))),
        (ValueError, "mode must be", lambda: F.embedding_bag(I, W, O, mode="min")),
        (ValueError, "scale_grad_by_freq", lambda: F.embedding_bag(I, W, O, mode="max", scale_grad_by_freq=True)),
        (ValueError, "sparse", lambda: F.embedding_bag(I, W, O, mode="max", sparse=True)),
        (ValueError, "shaped like", lambda: F.embedding_bag(I, W, O, mode="sum", per_sample_weights=mg.ones(2))),
        (NotImplementedError, "mode 'mean'", lambda: F.embedding_bag(I, W, O, per_sample_weights=mg.ones(3))),
        (RuntimeError, "dtype", lambda: F.embedding_bag(I, W, O, mode="sum", per_sample_weights=mg.ones(3).double())),
        (RuntimeError, "int64 or int32 indices", lambda: F.embedding_bag(I.float(), W, O)),
        (RuntimeError, "int64 or int32 offsets", lambda: F.embedding_bag(I, W, O.float())),
        (RuntimeError, "floating point weight", lambda: F.embedding_bag(I, W.long(), O)),
        (RuntimeError, "index 4 is out of range", lambda: F.embedding_bag(I + 1, W, O)),
        (RuntimeError, "index -1 is out of range", lambda: F.embedding_bag(I - 2, W, O)),
        (RuntimeError, "rise from 0", lambda: F.embedding_bag(I, W, O + 1)),
        (RuntimeError, "rise from 0", lambda: F.embedding_bag(I, W, O * 2)),
        (RuntimeError, "rise from 0", lambda: F.embedding_bag(I, W, mg.tensor([0, 2, 1]))),
        (RuntimeError, "at least one offset", lambda: F.embedding_bag(I, W, O[:0], include_last_offset=True)),
        (RuntimeError, "padding_idx", lambda: F.embedding_bag(I, W, O, padding_idx=4)),
    ],
)
def test_bad_input_is_refused(kind, words, call):
    with pytest.raises(kind, match=words):
        call()
