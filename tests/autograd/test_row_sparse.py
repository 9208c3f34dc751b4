"""Row-sparse gradients: how they arise, add up, go through hooks and graphs, and what can be asked of them."""

from __future__ import annotations

import copy
import pickle
import tracemalloc

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.autograd import RowSparse, grad, gradcheck, gradgradcheck
from minigrad.backend.kernels import sum_rows
from minigrad.utils.checkpoint import checkpoint


def table(rows=6, columns=2, device="cpu", dtype=mg.float32):
    """Rows of small whole numbers, no two alike: sums of them are exact."""
    numbers = mg.arange(rows * columns, dtype=dtype, device=device).reshape(rows, columns)
    return (numbers - 3).detach().requires_grad_()


def look_up(words, weight, **options):
    """The sum of the squares of some rows: the gradient of each is twice its values, each time that it is named."""
    return F.embedding(mg.tensor(words, device=weight.device), weight, sparse=True, **options).square().sum()


def expected(weight, *words):
    """The dense gradient of `look_up`s, as nested lists."""
    g = np.zeros(tuple(weight.shape))
    for word in [word for some in words for word in some]:
        g[word] += 2 * weight.detach().cpu().numpy()[word]
    return g.tolist()


# -- one gradient


def test_a_lookup_leaves_rows_and_values(device):
    w = table(device=device)
    look_up([[1, 2], [1, 0]], w).backward()
    g = w.grad
    assert type(g) is RowSparse and g.is_sparse and not w.is_sparse
    assert g.rows.dtype == mg.int64 and g.rows.tolist() == [1, 2, 1, 0]
    assert g.row_values.tolist() == [[-2.0, 0.0], [2.0, 4.0], [-2.0, 0.0], [-6.0, -4.0]]
    assert g.shape == w.shape and g.dtype == w.dtype and g.device == w.device and len(g) == 6
    assert (g.size(), g.size(1), g.dim(), g.ndim, g.numel(), g._nnz()) == ((6, 2), 2, 2, 2, 12, 4)
    assert g.to_dense().tolist() == expected(w, [1, 2, 1, 0])


def test_coalescing_adds_up_rows_in_rising_order(device):
    w = table(device=device)
    look_up([5, 1, 5, 5, 0], w).backward()
    c = w.grad.coalesce()
    assert c.is_coalesced() and not w.grad.is_coalesced() and c.coalesce() is c
    assert c.indices().tolist() == [[0, 1, 5]] and c.indices().dtype == mg.int64
    assert c.values().tolist() == [expected(w, [5, 1, 5, 5, 0])[k] for k in (0, 1, 5)]
    assert c.to_dense().tolist() == w.grad.to_dense().tolist()
    assert w.grad._indices().tolist() == [[5, 1, 5, 5, 0]] and w.grad._values().shape == (5, 2)
    for name in ("indices", "values"):
        with pytest.raises(RuntimeError, match=rf"{name}\(\) is for coalesced gradients.*coalesce\(\)"):
            getattr(w.grad, name)()


def test_a_padding_row_is_absent(device):
    w = table(device=device)
    look_up([4, 2, 4, 0], w, padding_idx=-2).backward()
    g = w.grad
    assert g._indices().tolist() == [[2, 0]] and g._nnz() == 2 and g._values().shape == (2, 2)
    assert g.coalesce().indices().tolist() == [[0, 2]]
    assert g.to_dense().tolist() == expected(w, [2, 0])
    assert g.rows.tolist() == [6, 2, 6, 0], "no row is the number behind the last"
    w.grad = None
    look_up([4, 4], w, padding_idx=4).backward()
    assert w.grad._nnz() == 0 and w.grad.coalesce().values().shape == (0, 2)
    assert w.grad.to_dense().tolist() == expected(w)
    for word in (4, 2):
        w.grad = None
        look_up([word], w, padding_idx=4).backward()
        assert w.grad.is_coalesced() and w.grad.values().shape == (int(word == 2), 2)
        assert w.grad.norm().item() == w.grad.to_dense().norm().item()


@pytest.mark.parametrize("dtype", [mg.float16, mg.float32, mg.float64])
@pytest.mark.parametrize("index", [mg.int32, mg.int64])
def test_dtypes(dtype, index, device):
    w = table(device=device, dtype=dtype)
    F.embedding(mg.tensor([3, 3], dtype=index, device=device), w, sparse=True).sum().backward()
    assert w.grad.dtype == dtype and w.grad.rows.dtype == mg.int64
    assert w.grad.coalesce().values().dtype == dtype and w.grad.coalesce().values().tolist() == [[2.0, 2.0]]


@pytest.mark.parametrize("shape", [(0,), (2, 0)])
def test_no_lookups(shape, device):
    w = table(device=device)
    F.embedding(mg.zeros(*shape, dtype=mg.int64, device=device), w, sparse=True).sum().backward()
    assert w.grad._indices().shape == (1, 0) and w.grad.coalesce().values().shape == (0, 2)
    assert w.grad.to_dense().tolist() == expected(w) and w.grad.norm().item() == 0.0
    assert [nn.utils.get_total_norm([w.grad], p).item() for p in (1.0, 2.0, float("inf"))] == [0.0, 0.0, 0.0]


def test_one_lookup_without_dimensions():
    w = table()
    look_up(3, w).backward()
    assert w.grad._indices().tolist() == [[3]] and w.grad.to_dense().tolist() == expected(w, [3])


def test_indices_changed_after_backward_do_not_change_the_gradient():
    w, words = table(), mg.tensor([1, 2])
    F.embedding(words, w, sparse=True).sum().backward()
    words += 1
    assert w.grad.rows.tolist() == [1, 2]


def test_indices_changed_before_backward_are_noticed():
    w, words = table(), mg.tensor([1, 2])
    y = F.embedding(words, w, sparse=True).sum()
    words += 1
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_a_table_that_needs_no_gradient_gets_none():
    w = table().detach()
    y = F.embedding(mg.tensor([1]), w, sparse=True)
    assert not y.requires_grad
    frozen = nn.Embedding.from_pretrained(w, sparse=True)
    assert not frozen(mg.tensor([1])).requires_grad


def test_frequencies_are_refused_going_backward():
    w = table()
    y = F.embedding(mg.tensor([1, 1]), w, scale_grad_by_freq=True, sparse=True).sum()
    with pytest.raises(RuntimeError, match="scale_grad_by_freq"):
        y.backward()


def test_the_largest_norm(device):
    w = table(device=device)
    look_up([5, 5], w, max_norm=1.0).backward()
    assert abs(w.detach()[5].norm().item() - 1.0) < 1e-5
    assert w.grad.coalesce().indices().tolist() == [[5]]


def test_costs_grow_with_the_lookups_and_not_with_the_table():
    w = mg.zeros(1_000_000, 16, requires_grad=True)  # 64 MB
    words = mg.randint(0, len(w), (100,))
    tracemalloc.start()
    for _ in range(3):
        F.embedding(words, w, padding_idx=0, sparse=True).sum().backward()
        nn.utils.clip_grad_norm_([w], 1.0)
        nn.utils.clip_grad_value_([w], 0.1)
        copy.deepcopy(w.grad.coalesce())
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 1_000_000 and w.grad.rows.shape == (300,)


# -- adding up


def test_two_sparse_ones_stand_one_after_the_other(device):
    w = table(device=device)
    look_up([1, 2], w).backward()
    first = w.grad
    look_up([2, 5], w).backward()
    assert w.grad.rows.tolist() == [1, 2, 2, 5] and w.grad.to_dense().tolist() == expected(w, [1, 2, 2, 5])
    assert first.rows.tolist() == [1, 2], "a gradient that somebody holds does not change"


def test_in_one_pass_too(device):
    w = table(device=device)
    (look_up([1, 2], w) + look_up([2], w) + look_up([0], w)).backward()
    assert sorted(w.grad.rows.tolist()) == [0, 1, 2, 2] and w.grad.to_dense().tolist() == expected(w, [0, 1, 2, 2])


@pytest.mark.parametrize("order", ["sd", "ds", "ssd", "dds", "sds", "sdd", "dsd"])
@pytest.mark.parametrize("passes", ["one", "several"])
def test_with_a_dense_one_it_becomes_dense(order, passes, device):
    w = table(device=device)
    losses = [look_up([1, 1, 4], w) if kind == "s" else (w * 3).sum() for kind in order]
    if passes == "one":
        sum(losses[1:], start=losses[0]).backward()
    else:
        for loss in losses:
            loss.backward()
    want = np.array(expected(w, *[[1, 1, 4]] * order.count("s"))) + 3 * order.count("d")
    assert isinstance(w.grad, mg.Tensor) and w.grad.tolist() == want.tolist()


def test_a_dense_gradient_that_somebody_holds_does_not_change():
    w = table()
    (w * 3).sum().backward()
    held = w.grad
    look_up([1], w).backward()
    assert held.tolist() == mg.full((6, 2), 3.0).tolist() and w.grad is not held


def test_two_tables_share_nothing():
    a, b = table(), table()
    (F.embedding(mg.tensor([1]), a, sparse=True) + F.embedding(mg.tensor([1]), b, sparse=True)).sum().backward()
    a.grad.mul_(5)
    assert b.grad.row_values.tolist() == [[1.0, 1.0]]


def test_tied_weights():
    embedding = nn.Embedding(5, 3, sparse=True)
    head = nn.Linear(3, 5, bias=False)
    head.weight = embedding.weight
    head(embedding(mg.tensor([1, 1]))).sum().backward()
    w = embedding.weight.detach()
    want = mg.zeros(5, 3) + 2 * w[1]
    want[1] += 2 * w.sum(0)
    assert isinstance(head.weight.grad, mg.Tensor) and mg.allclose(head.weight.grad, want, atol=1e-6)


def test_retained_graphs():
    w = table()
    y = look_up([1, 2], w)
    y.backward(retain_graph=True)
    y.backward()
    assert w.grad.rows.tolist() == [1, 2, 1, 2]
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_backward_into_some_leaves_only():
    a, b = table(), table()
    (look_up([1], a) + look_up([2], b)).backward(inputs=[b])
    assert a.grad is None and b.grad.rows.tolist() == [2]


def test_a_gradient_on_another_device_is_refused():
    w = table()
    w.requires_grad_(False)
    w.grad = None
    with pytest.raises(RuntimeError, match="cpu"):
        w.grad = RowSparse(mg.tensor([1], device="cuda"), mg.ones(1, 2, device="cuda"), (6, 2))


# -- hooks, graphs, other parts of autograd


def test_hooks_get_it_and_may_replace_it(device):
    w, seen = table(device=device), []
    w.register_hook(lambda g: seen.append(g.rows.tolist()))
    w.register_hook(lambda g: g * 10)
    w.register_post_accumulate_grad_hook(lambda p: seen.append(type(p.grad)))
    look_up([2], w).backward()
    assert seen == [[2], RowSparse]
    assert (w.grad.to_dense() / 10).tolist() == expected(w, [2])


def test_a_hook_may_make_it_dense_and_keep_it():
    w, kept = table(), []
    w.register_hook(kept.append)
    look_up([2], w).backward()
    kept[0].mul_(0)
    assert w.grad.to_dense().tolist() == expected(w, [2]), "what the hook keeps is another than .grad"
    other = table()
    other.register_hook(lambda g: g.to_dense())
    look_up([2], other).backward()
    assert isinstance(other.grad, mg.Tensor) and other.grad.tolist() == expected(w, [2])


def test_a_hook_that_returns_another_shape_is_refused():
    w = table()
    w.register_hook(lambda g: g._values())
    with pytest.raises(RuntimeError, match="hook returned a gradient of shape"):
        look_up([2], w).backward()


def test_a_table_that_was_computed_gets_a_dense_one(device):
    w = table(device=device)
    doubled = w * 2
    doubled.retain_grad()
    look_up([1, 1], doubled).backward()
    assert doubled.grad.tolist() == expected(doubled, [1, 1])
    assert w.grad.tolist() == (2 * doubled.grad).tolist()
    w.grad = None
    look_up([1], w.view(4, 3)).backward()
    assert w.grad.shape == (6, 2) and w.grad.reshape(4, 3)[1].tolist() == [0.0, 2.0, 4.0]


def test_grad_returns_it_and_leaves_the_leaf_alone(device):
    w = table(device=device)
    y = look_up([3, 3], w)
    g, again = grad(y, [w, w])
    assert type(g) is RowSparse and w.grad is None and g.rows.tolist() == [3, 3]
    g.mul_(0)
    assert again.to_dense().tolist() == expected(w, [3, 3])


def test_gradients_of_gradients(device):
    w = table(device=device, dtype=mg.float64)
    y = F.embedding(mg.tensor([1, 1, 4], device=device), w, padding_idx=4, sparse=True).pow(3).sum()
    (g,) = grad(y, w, create_graph=True)
    assert g.requires_grad and not g.detach().requires_grad
    for form in (lambda: g.to_dense(), lambda: g.coalesce().values(), lambda: g._values(), lambda: (g + g) * 0.5):
        made = form()
        made = made.to_dense() if type(made) is RowSparse else made
        (second,) = grad((made * made).sum() / 2, w, retain_graph=True)
        x = w.detach().cpu().numpy()[1]
        # dense: f' = 2 * 3 x^2 at row 1, its square halved has the derivative f' * 2 * 6 x; uncoalesced: twice f' / 2
        first = 6 * x**2 if made.shape[0] != 2 else 3 * x**2
        want = first * 12 * x if made.shape[0] != 2 else 2 * first * 6 * x
        assert type(second) is RowSparse
        assert np.allclose(second.to_dense().cpu().numpy()[1], want)
    assert second.coalesce().indices().tolist() == [[1]]


def test_create_graph_into_the_leaves():
    w = table(dtype=mg.float64)
    look_up([1, 1], w).backward(create_graph=True)
    look_up([2], w).backward(create_graph=True)
    assert w.grad.requires_grad and w.grad.rows.tolist() == [1, 1, 2]
    (second,) = grad(w.grad.to_dense().sum(), w)
    assert second.to_dense().tolist() == [[0.0, 0.0], [4.0, 4.0], [2.0, 2.0], *[[0.0, 0.0]] * 3]
    w.grad = None


def test_gradcheck_and_functional():
    w = table(dtype=mg.float64)
    words = mg.tensor([1, 4, 1])

    def loss(weight):
        return F.embedding(words, weight, padding_idx=0, sparse=True).pow(3)

    assert gradcheck(loss, (w,)) and gradgradcheck(loss, (w,))
    jacobian = mg.autograd.functional.jacobian(lambda x: loss(x).sum(), w)
    assert isinstance(jacobian, mg.Tensor) and jacobian[1, 0].item() == 6 * w[1, 0].item() ** 2
    hessian = mg.autograd.functional.hessian(lambda x: loss(x).sum(), w)
    assert hessian.shape == (6, 2, 6, 2) and hessian[1, 1, 1, 1].item() == 12 * w[1, 1].item()


def test_checkpoints(device):
    w = table(device=device)
    words = mg.tensor([1, 1], device=device)
    checkpoint(lambda: F.embedding(words, w, sparse=True).square().sum(), use_reentrant=False).backward()
    assert w.grad.rows.tolist() == [1, 1] and w.grad.to_dense().tolist() == expected(w, [1, 1])


def test_anomaly_detection_sees_nan():
    w = table()
    with mg.autograd.detect_anomaly():
        y = F.embedding(mg.tensor([1]), w, sparse=True) * 1
        with pytest.raises(RuntimeError, match=r"returned nan"):
            (y * mg.tensor(float("nan"))).sum().backward()
        with pytest.raises(RuntimeError, match=r"EmbeddingBackward0 returned nan"):
            F.embedding(mg.tensor([1]), w, sparse=True).backward(mg.full((1, 2), float("nan")))
        look_up([1], w).backward()
    assert w.grad._nnz() == 1


# -- what can be done with one


def made(device="cpu"):
    w = table(device=device)
    look_up([4, 1, 4, 3], w, padding_idx=3).backward()
    return w, w.grad


def test_arithmetic(device):
    _, g = made(device)
    d = g.to_dense()
    for mine, wanted in (
        (g * 2, d * 2), (0.5 * g, d / 2), (g / 4, d / 4), (-g, -d), (g + g, d + d), (g + d, d + d),
        (g * mg.tensor(3.0, device=device), d * 3),
    ):  # fmt: skip
        dense = mine.to_dense() if type(mine) is RowSparse else mine
        assert dense.tolist() == wanted.tolist()
    assert g.norm().item() == pytest.approx(d.norm().item())
    with pytest.raises(RuntimeError, match="shapes"):
        g + RowSparse(g.rows, g.row_values, (7, 2))
    with pytest.raises(TypeError):
        g + 1


def test_in_place(device):
    w, g = made(device)
    d = g.to_dense()
    assert g.mul_(3) is g and g.div_(2) is g and w.grad is g
    assert g.to_dense().tolist() == (d * 3 / 2).tolist()
    copied = g.clone()
    assert g.clamp_(-4.0, 30.0) is g
    assert g.to_dense().tolist() == (d * 3 / 2).clamp(-4.0, 30.0).tolist()
    assert g.coalesce().indices().tolist() == [[1, 4]]
    assert copied.to_dense().tolist() == (d * 3 / 2).tolist()
    assert g.zero_() is g and g._nnz() == 0 and g.shape == (6, 2) and g.dtype == mg.float32


def test_a_gradient_can_be_assigned():
    _, g = made()
    other = table()
    other.grad = g
    assert other.grad is g
    for wrong in (
        RowSparse(g.rows, g.row_values, (7, 2)),
        RowSparse(g.rows, g.row_values.double(), (6, 2)),
    ):
        with pytest.raises(RuntimeError, match="cannot be"):
            other.grad = wrong
    with pytest.raises(TypeError, match="must be a Tensor"):
        other.grad = g.row_values.numpy()
    other.grad = g.to_dense()
    look_up([1], other).backward()
    assert isinstance(other.grad, mg.Tensor)


def test_other_places_and_dtypes():
    _, g = made()
    moved = g.to("cuda", mg.float64)
    assert (moved.dtype, moved.device.type, moved.rows.device.type) == (mg.float64, "cuda", "cuda")
    assert moved.cpu().to_dense().tolist() == g.to_dense().tolist()


def test_copies():
    _, g = made()
    for twin in (copy.deepcopy(g), pickle.loads(pickle.dumps(g))):
        assert type(twin) is RowSparse and twin.to_dense().tolist() == g.to_dense().tolist()
        twin.mul_(0)
    assert g.row_values.abs().sum().item() > 0


def test_what_it_shows():
    w = table()
    look_up([1, 2], w).backward()
    assert repr(w.grad) == (
        "RowSparse(rows=tensor([1, 2]),\n"
        "          values=tensor([[-2.,  0.],\n"
        "                         [ 2.,  4.]]),\n"
        "          shape=(6, 2))"
    )


def test_what_it_cannot_do_says_what_to_do():
    _, g = made()
    for use in (lambda: g.abs(), lambda: g.array):
        with pytest.raises(AttributeError, match=r"use .to_dense\(\)"):
            use()
    with pytest.raises(TypeError, match="RowSparse"):
        mg.ones(6, 2) + g


def test_rows_summed():
    rows, values = sum_rows(np.array([3, 1, 3, 9]), np.array([[1.0], [2.0], [4.0], [8.0]]), 9)
    assert rows.tolist() == [1, 3] and values.tolist() == [[2.0], [5.0]]
    rows, values = sum_rows(np.array([3, 1]), np.array([[1.0], [2.0]]), 3)
    assert rows.tolist() == [1] and values.tolist() == [[2.0]]
    rows, values = sum_rows(np.array([], int), np.zeros((0, 2)), 9)
    assert rows.shape == (0,) and values.shape == (0, 2)


# -- modules, clipping


def trained(device="cpu", **options):
    layer = nn.Embedding(6, 2, sparse=True, device=device, **options)
    layer(mg.tensor([[1, 2], [1, 5]], device=device)).square().sum().backward()
    return layer


@pytest.mark.parametrize("set_to_none", [True, False])
def test_zero_grad(set_to_none, device):
    layer = trained(device)
    held = layer.weight.grad
    layer.zero_grad(set_to_none=set_to_none)
    if set_to_none:
        assert layer.weight.grad is None
    else:
        assert layer.weight.grad._nnz() == 0 and layer.weight.grad.is_coalesced()
        layer(mg.tensor([3], device=device)).sum().backward()
        assert layer.weight.grad.rows.tolist() == [3]
    assert held._nnz() == 4


def test_a_module_that_moves_takes_it_along():
    layer = trained()
    before = layer.weight.grad.to_dense().tolist()
    assert layer.double().weight.grad.dtype == mg.float64 and layer.weight.grad.rows.dtype == mg.int64
    assert layer.to("cuda").weight.grad.rows.device.type == "cuda"
    assert layer.cpu().float().weight.grad.to_dense().tolist() == before
    layer(mg.tensor([0])).sum().backward()
    assert layer.weight.grad._nnz() == 5


def test_modules_are_copied_and_pickled():
    layer = trained()
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert twin.sparse and twin.weight.tolist() == layer.weight.tolist()
        twin.zero_grad()
        twin(mg.tensor([1])).sum().backward()
        assert type(twin.weight.grad) is RowSparse
    w = table()
    look_up([1], w).backward()
    assert copy.deepcopy(w).grad.to_dense().tolist() == w.grad.to_dense().tolist()


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0, float("inf")])
def test_clipping_by_norm_is_that_of_the_dense_gradient(norm_type, device):
    layer, other = trained(device), nn.Linear(2, 2, device=device)
    other(mg.ones(1, 2, device=device)).sum().backward()
    g, twins = layer.weight.grad, [layer.weight.detach().clone(), other.weight.detach().clone()]
    twins[0].grad, twins[1].grad = g.to_dense(), other.weight.grad.clone()
    total = nn.utils.clip_grad_norm_([layer.weight, other.weight], 0.5, norm_type)
    wanted = nn.utils.clip_grad_norm_(twins, 0.5, norm_type)
    assert mg.allclose(total, wanted) and layer.weight.grad is g
    assert mg.allclose(g.to_dense(), twins[0].grad) and mg.allclose(other.weight.grad, twins[1].grad)
    assert mg.allclose(nn.utils.get_total_norm([g], norm_type), twins[0].grad.norm(norm_type))


def test_clipping_by_value_is_that_of_the_dense_gradient(device):
    layer = trained(device)
    g, wanted = layer.weight.grad, layer.weight.grad.to_dense().clamp(-0.7, 0.7)
    nn.utils.clip_grad_value_(layer.parameters(), 0.7)
    assert layer.weight.grad is g and mg.allclose(g.to_dense(), wanted)


def test_clipping_refuses_what_is_not_finite():
    layer = trained()
    layer.weight.grad.mul_(float("inf"))
    with pytest.raises(RuntimeError, match="cannot be clipped"):
        nn.utils.clip_grad_norm_(layer.parameters(), 1.0, error_if_nonfinite=True)


def test_the_layer_says_that_it_is_sparse():
    assert repr(nn.Embedding(3, 2, padding_idx=0, sparse=True)) == "Embedding(3, 2, padding_idx=0, sparse=True)"
