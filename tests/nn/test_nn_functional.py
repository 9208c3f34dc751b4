"""nn.functional with numbers written out: values, gradients, in-place forms, randomness, warnings."""

from __future__ import annotations

import math

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.ops.normalization import standardize


def close(have, want, tolerance=1e-6):
    np.testing.assert_allclose(np.asarray(have.detach().cpu().numpy()), want, rtol=tolerance, atol=tolerance)


# --- layers ----------------------------------------------------------------------------------------------------


def test_linear_by_hand(device):
    x = mg.tensor([[1.0, 2.0], [3.0, -1.0]], device=device, requires_grad=True)
    w = mg.tensor([[1.0, 0.0], [2.0, 1.0], [0.0, -1.0]], device=device, requires_grad=True)
    b = mg.tensor([0.5, 0.0, 1.0], device=device, requires_grad=True)
    y = F.linear(x, w, b)
    close(y, [[1.5, 4.0, -1.0], [3.5, 5.0, 2.0]])
    y.backward(mg.tensor([[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]], device=device))
    close(x.grad, [[1.0, -2.0], [2.0, 1.0]])
    close(w.grad, [[1.0, 2.0], [3.0, -1.0], [2.0, 4.0]])
    close(b.grad, [1.0, 1.0, 2.0])


def test_linear_leaves_the_bias_alone(device):
    bias = mg.ones(3, device=device)
    F.linear(mg.ones(2, 4, device=device), mg.zeros(3, 4, device=device), bias)
    close(bias, [1, 1, 1])


def test_linear_saves_what_its_gradients_need(device):
    """The bias is not saved, so it may change between forward and backward; the input may not."""
    x, w, b = (mg.ones(*shape, device=device, requires_grad=True) for shape in ((2, 3), (4, 3), (4,)))
    y = F.linear(x, w, b)
    with mg.no_grad():
        b += 1
    y.sum().backward()
    h = x * 2
    y = F.linear(h, w, b)
    h += 1
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()


def test_embedding_adds_up_gradients_of_repeated_rows(device):
    table = mg.zeros(4, 2, device=device, requires_grad=True)
    F.embedding(mg.tensor([[1, 3], [1, 1]], device=device), table).sum().backward()
    close(table.grad, [[0, 0], [3, 3], [0, 0], [1, 1]])


def test_embedding_padding_row_has_no_gradient(device):
    table = mg.ones(3, 2, device=device, requires_grad=True)
    rows = mg.tensor([0, 2, 2], device=device)
    out = F.embedding(rows, table, padding_idx=-1)
    close(out, np.ones((3, 2)))
    (g,) = mg.autograd.grad(out.sum(), table)
    close(g, [[1, 1], [0, 0], [0, 0]])


def test_embedding_max_norm_scales_the_table(device):
    table = mg.tensor([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0]], device=device, requires_grad=True)
    F.embedding(mg.tensor([0, 1], device=device), table, max_norm=1.0)
    close(table, [[0.6, 0.8], [0.3, 0.4], [6.0, 8.0]], 1e-5)


def test_embedding_refuses_rows_that_do_not_exist():
    for row in (3, -1):
        with pytest.raises(IndexError, match=f"index {row} is out of range in a table of 3 rows"):
            F.embedding(mg.tensor([0, row]), mg.ones(3, 2))


def test_one_hot(device):
    x = F.one_hot(mg.tensor([[0, 2], [1, 1]], device=device), num_classes=3)
    assert x.dtype == mg.int64 and x.shape == (2, 2, 3)
    close(x, [[[1, 0, 0], [0, 0, 1]], [[0, 1, 0], [0, 1, 0]]])
    with pytest.raises(RuntimeError, match="smaller than num_classes=2"):
        F.one_hot(mg.tensor([2]), 2)


def test_layer_norm_by_hand(device):
    x = mg.tensor([[1.0, 3.0], [0.0, 4.0]], device=device)
    close(F.layer_norm(x, (2,), mg.tensor([2.0, 1.0], device=device), eps=0.0), [[-2, 1], [-2, 1]])


def test_layer_norm_result_may_change_in_place(device):
    x = mg.tensor([[1.0, 2.0, 4.0]], device=device, requires_grad=True)
    (want,) = mg.autograd.grad((F.layer_norm(x, (3,)) * mg.tensor([1.0, 2.0, 5.0], device=device)).sum(), x)
    y = F.layer_norm(x, (3,))
    z = y * mg.tensor([1.0, 2.0, 5.0], device=device)
    y.add_(1)
    (have,) = mg.autograd.grad(z.sum(), x)
    close(have, want.cpu().numpy())


def test_batch_norm_moves_the_running_statistics(device):
    mean, var = mg.zeros(2, device=device), mg.ones(2, device=device)
    x = mg.tensor([[1.0, 2.0], [3.0, 6.0]], device=device, requires_grad=True)
    y = F.batch_norm(x, mean, var, training=True, momentum=0.5, eps=0.0)
    close(y, [[-1, -1], [1, 1]])
    close(mean, [1.0, 2.0])
    close(var, [1.5, 4.5])  # halfway to the unbiased variances 2 and 8
    assert not mean.requires_grad and not var.requires_grad
    close(F.batch_norm(x, mean, var, eps=0.0), [[0, 0], [2 / 1.5**0.5, 4 / 4.5**0.5]])


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("axes", [(1,), (0,), (0, 2), (1, 2), (0, 1, 2)])
def test_standardize_and_its_twin_are_equal(device, axes, center):
    random = np.random.default_rng(0)
    x = mg.tensor(random.standard_normal((4, 3, 5)), device=device, requires_grad=True)
    shape = tuple(1 if k in axes else n for k, n in enumerate(x.shape)) if axes == (0, 2) else (3, 5)
    w, b = (mg.tensor(random.standard_normal(shape), device=device, requires_grad=True) for _ in range(2))
    g = mg.tensor(random.standard_normal((4, 3, 5)), device=device)
    twin = standardize.rules.twin_function
    for leaves in ([x, w, b], [x, w], [x]):
        fused = standardize(*leaves, axes=axes, eps=1e-3, center=center)[0]
        composed = twin(*leaves, axes=axes, eps=1e-3, center=center)[0]
        close(fused, composed.detach().cpu().numpy(), 1e-12)
        pairs = zip(mg.autograd.grad(fused, leaves, g), mg.autograd.grad(composed, leaves, g), strict=True)
        for have, want in pairs:
            close(have, want.cpu().numpy(), 1e-10)


# --- activations -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, args",
    [
        ("relu", ()), ("relu6", ()), ("elu", (0.5,)), ("selu", ()), ("celu", (0.5,)), ("leaky_relu", (0.2,)),
        ("silu", ()), ("mish", ()), ("hardtanh", (-0.5, 0.5)), ("hardsigmoid", ()), ("hardswish", ()),
        ("threshold", (0.1, 7.0)), ("rrelu", (0.1, 0.3, False)),
    ],
)  # fmt: skip
def test_inplace(device, name, args):
    function = getattr(F, name)
    start = mg.tensor([-2.0, -0.3, 0.4, 3.0], device=device, requires_grad=True)
    want = function(start, *args)
    x = start * 1
    result = function(x, *args, inplace=True)
    assert result is x
    close(x, want.detach().cpu().numpy())
    for y, z in ((x, want),):
        (have,) = mg.autograd.grad(y.sum(), start)
        (should,) = mg.autograd.grad(z.sum(), start)
        close(have, should.cpu().numpy())
    array = start.detach().cpu().numpy().copy()
    assert function(array, *args, inplace=True) is array
    np.testing.assert_allclose(array, want.detach().cpu().numpy(), rtol=1e-6)


def test_inplace_names(device):
    x = mg.tensor([-1.0, 2.0], device=device)
    assert F.relu_(x) is x
    close(x, [0, 2])
    close(F.leaky_relu_(mg.tensor([-1.0, 2.0], device=device), 0.5), [-0.5, 2])


def test_inplace_on_a_leaf_is_refused(device):
    with pytest.raises(RuntimeError, match="leaf"):
        F.relu(mg.ones(2, device=device, requires_grad=True), inplace=True)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin"])
@pytest.mark.parametrize("shape, dim", [((), 0), ((3,), 0), ((2, 3), 1), ((2, 3, 4), 0), ((2, 3, 4, 5), 1)])
def test_softmax_without_dim(name, shape, dim):
    x = mg.randn(*shape)
    with pytest.warns(UserWarning, match=f"Implicit dimension choice for {name}"):
        have = getattr(F, name)(x)
    close(have, getattr(F, name)(x, dim).numpy())


def test_softmax_takes_dtype(device):
    assert F.softmax(mg.tensor([1, 2], device=device), 0, dtype=mg.float64).dtype == mg.float64
    assert mg.softmax(mg.tensor([1, 2], device=device), dim=0, dtype=mg.float32).dtype == mg.float32
    assert mg.tensor([1.0, 2.0], device=device).softmax(-1).sum().item() == pytest.approx(1)


def test_softmax_of_large_numbers(device):
    x = mg.tensor([[1000.0, 1000.0, -1000.0]], device=device)
    close(F.softmax(x, 1), [[0.5, 0.5, 0.0]])
    close(F.log_softmax(x, 1), [[-math.log(2), -math.log(2), -2000 - math.log(2)]])


def test_gumbel_softmax(device):
    logits = mg.tensor([[0.0, 2.0]], device=device).expand(4000, 2).clone().requires_grad_()
    soft = F.gumbel_softmax(logits, tau=0.5)
    close(soft.sum(1), np.ones(4000), 1e-5)
    hard = F.gumbel_softmax(logits, hard=True)
    values = hard.detach().cpu().numpy()
    assert set(values.round(6).reshape(-1)) == {0.0, 1.0} and np.allclose(values.sum(1), 1)
    assert values[:, 1].mean() == pytest.approx(1 / (1 + math.exp(-2)), abs=0.03)
    (g,) = mg.autograd.grad((hard * mg.tensor([1.0, 3.0], device=device)).sum(), logits)
    assert float(abs(g).sum()) > 0
    columns = F.gumbel_softmax(mg.zeros(3, 5, device=device), hard=True, dim=0)
    close(columns.sum(0), np.ones(5))


# --- dropout ---------------------------------------------------------------------------------------------------


def test_dropout_statistics_and_gradient(device):
    x = mg.ones(200, 100, device=device, requires_grad=True)
    y = F.dropout(x, 0.2)
    values = y.detach().cpu().numpy()
    assert set(np.unique(values)) == {np.float32(0), np.float32(1.25)}
    assert (values == 0).mean() == pytest.approx(0.2, abs=0.02)
    (g,) = mg.autograd.grad(y.sum(), x)
    np.testing.assert_array_equal(g.cpu().numpy(), values)


def test_dropout_is_the_same_from_the_same_seed(device):
    def draw():
        mg.manual_seed(3)
        return F.dropout(mg.ones(50, device=device)).cpu().numpy()

    np.testing.assert_array_equal(draw(), draw())


def test_dropout_at_its_limits(device):
    x = mg.ones(3, device=device)
    assert F.dropout(x, 0.7, training=False) is x
    assert F.dropout(x, 0.0) is x
    close(F.dropout(x, 1.0), [0, 0, 0])
    for p in (-0.1, 1.1):
        for function in (F.dropout, F.alpha_dropout, F.dropout1d, F.feature_alpha_dropout):
            with pytest.raises(ValueError, match="between 0 and 1"):
                function(mg.ones(2, 3), p, True)
    with pytest.raises(RuntimeError, match="floating point"):
        F.dropout(mg.tensor([1, 2]))


def test_dropout_in_place(device):
    x = mg.ones(40, device=device)
    assert F.dropout(x, 0.5, True, True) is x
    assert set(np.unique(x.cpu().numpy())) == {0.0, 2.0}


def test_dropout_of_channels(device):
    y = F.dropout1d(mg.ones(30, 20, 4, device=device)).cpu().numpy()
    assert ((y == y[:, :, :1]).all()) and set(np.unique(y)) == {0.0, 2.0}
    y = F.dropout3d(mg.ones(3, 2, 2, 2, 2, device=device)).cpu().numpy()
    assert (y.reshape(6, -1) == y.reshape(6, -1)[:, :1]).all()
    y = F.dropout1d(mg.ones(64, 5, device=device)).cpu().numpy()  # one example of 64 channels
    assert (y == y[:, :1]).all() and set(np.unique(y)) == {0.0, 2.0}
    with pytest.warns(UserWarning, match="3D input"):
        F.dropout2d(mg.ones(2, 3, 4, device=device))
    F.dropout2d(mg.ones(2, 3, 4, 4, device=device))


def test_alpha_dropout_keeps_mean_and_variance(device):
    x = mg.randn(400, 300, device=device)
    y = F.alpha_dropout(x, 0.3, True).cpu().numpy()
    assert y.mean() == pytest.approx(0, abs=0.02) and y.std() == pytest.approx(1, abs=0.02)
    y = F.feature_alpha_dropout(mg.ones(8, 9, 5, device=device), 0.5, True).cpu().numpy()
    assert (y == y[:, :, :1]).all() and len(np.unique(y)) == 2
    assert F.alpha_dropout(x, 0.3) is x
    close(F.alpha_dropout(mg.ones(3, device=device), 1.0, True), [0, 0, 0])


def test_arrays_in_arrays_out(device):
    array = mg.tensor([[1.0, -2.0, 0.5], [0.0, 1.0, 2.0]], device=device).array
    target = mg.tensor([0, 2], device=device).array
    for result in (
        F.relu(array), F.cross_entropy(array, target), F.mse_loss(array, array * 2), F.softmax(array, 1),
        F.layer_norm(array, (3,)), F.dropout(array), F.one_hot(target), F.linear(array, array), F.pad(array, (1, 1)),
        F.normalize(array), F.embedding(target, array[[0, 1, 1]]), F.gumbel_softmax(array, hard=True),
    ):  # fmt: skip
        assert type(result) is type(array)


def test_grad_fn_names():
    x, y = mg.ones(2, 3, requires_grad=True), mg.tensor([0, 1])
    assert F.linear(x, mg.ones(4, 3)).grad_fn.name() == "LinearBackward0"
    assert F.mse_loss(x, mg.zeros(2, 3)).grad_fn.name() == "MseLossBackward0"
    assert F.log_softmax(x, 1).grad_fn.name() == "LogSoftmaxBackward0"
    assert F.nll_loss(x, y).grad_fn.name() == "NllLossBackward0"
    assert F.embedding(y, x).grad_fn.name() == "EmbeddingBackward0"


def test_relu_of_all_sizes(device):
    for shape in ((), (3,), (0, 2), (300, 500), (400, 400)):
        x = mg.randn(*shape, device=device)
        array = x.cpu().numpy()
        np.testing.assert_array_equal(F.relu(x).cpu().numpy(), np.where(array > 0, array, 0))
    special = F.relu(mg.tensor([math.nan, math.inf, -math.inf], device=device)).cpu().numpy()
    np.testing.assert_array_equal(special, [math.nan, math.inf, 0])
