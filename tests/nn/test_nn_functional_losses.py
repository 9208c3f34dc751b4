"""The losses of nn.functional with numbers written out: values, gradients, errors, warnings."""

from __future__ import annotations

import math

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.ops import losses


def close(have, want, tolerance=1e-6):
    np.testing.assert_allclose(np.asarray(have.detach().cpu().numpy()), want, rtol=tolerance, atol=tolerance)


def test_cross_entropy_by_hand(device):
    x = mg.tensor([[0.0, math.log(3.0)], [0.0, 0.0]], device=device, requires_grad=True)
    loss = F.cross_entropy(x, mg.tensor([1, 0], device=device))
    close(loss, (-math.log(0.75) - math.log(0.5)) / 2)
    loss.backward()
    close(x.grad, [[0.125, -0.125], [-0.25, 0.25]])


def test_cross_entropy_weights_and_ignored(device):
    x = mg.zeros(3, 2, device=device, requires_grad=True)
    target, weight = mg.tensor([0, 1, -100], device=device), mg.tensor([1.0, 3.0], device=device)
    close(F.cross_entropy(x, target, weight), math.log(2))
    close(F.cross_entropy(x, target, weight, reduction="sum"), 4 * math.log(2))
    close(F.cross_entropy(x, target, weight, reduction="none"), [math.log(2), 3 * math.log(2), 0])
    F.cross_entropy(x, target, weight).backward()
    close(x.grad, [[-0.125, 0.125], [0.375, -0.375], [0, 0]])


def test_all_ignored_is_nan_without_gradient(device):
    x = mg.zeros(2, 3, device=device, requires_grad=True)
    loss = F.cross_entropy(x, mg.tensor([-100, -100], device=device))
    assert math.isnan(loss.item())
    loss.backward()
    close(x.grad, np.zeros((2, 3)))
    assert math.isnan(F.cross_entropy(mg.zeros(0, 3), mg.zeros(0, dtype=mg.int64)).item())


def test_ignored_rows_may_hold_anything(device):
    x = mg.tensor([[0.0, 0.0], [-math.inf, -math.inf]], device=device)
    close(F.cross_entropy(x, mg.tensor([0, -1], device=device), ignore_index=-1), math.log(2))


@pytest.mark.parametrize("function", [F.cross_entropy, F.nll_loss])
@pytest.mark.parametrize("weight", [None, [1.0, 1.0, 1.0]])
@pytest.mark.parametrize("bad", [3, -1, 99])
def test_classes_out_of_range(function, weight, bad):
    weight = None if weight is None else mg.tensor(weight)
    with pytest.raises(IndexError, match=f"Target {bad} is out of bounds"):
        function(mg.zeros(2, 3), mg.tensor([0, bad]), weight)


@pytest.mark.parametrize("bad", [3, -1])
def test_classes_out_of_range_on_a_gpu(device, bad):
    """There a look at the classes would wait for the GPU: the loss is nan instead."""
    if device == "cuda":
        assert math.isnan(F.cross_entropy(mg.zeros(2, 3, device=device), mg.tensor([0, bad], device=device)).item())


def test_class_target_changed_before_backward(device):
    target = mg.tensor([0, 1], device=device)
    x = mg.zeros(2, 3, device=device, requires_grad=True)
    loss = F.cross_entropy(x, target)
    target += 1
    if device == "cpu":
        with pytest.raises(RuntimeError, match="changed in place"):
            loss.backward()
    else:  # there the operation has a copy
        loss.backward()
        close(x.grad, [[-1 / 3, 1 / 6, 1 / 6], [1 / 6, -1 / 3, 1 / 6]])


def test_fused_cross_entropy_is_the_composed_one(device):
    random = np.random.default_rng(1)
    x = mg.tensor(random.standard_normal((6, 4)), device=device, requires_grad=True)
    target = mg.tensor(random.integers(0, 4, 6), device=device)
    factor = mg.tensor(random.random(6), device=device)
    rows = mg.arange(6, device=device)
    for reduction in ("mean", "sum", "none"):
        for f in (None, factor):
            fused = losses.cross_entropy(x, target, f, reduction=reduction)[0]
            each = -F.log_softmax(x, 1)[rows, target]
            each = each if f is None else each * f
            total = each.sum() / (6 if f is None else f.sum()) if reduction == "mean" else each
            composed = total.sum() if reduction == "sum" else total
            close(fused, composed.detach().cpu().numpy(), 1e-12)
            g = mg.ones_like(fused) * 1.7
            (have,), (want,) = mg.autograd.grad(fused, x, g), mg.autograd.grad(composed, x, g)
            close(have, want.cpu().numpy(), 1e-12)


def test_mse_by_hand_and_its_warning(device):
    x, y = mg.tensor([1.0, 4.0], device=device, requires_grad=True), mg.tensor([0.0, 1.0], device=device)
    loss = F.mse_loss(x, y)
    close(loss, 5.0)
    loss.backward()
    close(x.grad, [1.0, 3.0])
    with pytest.warns(UserWarning, match="different to the input size"):
        assert F.mse_loss(mg.zeros(2, 1, device=device), mg.ones(2, device=device), reduction="none").shape == (2, 2)


def test_bce_bounds_its_logarithms(device):
    x = mg.tensor([0.0, 1.0], device=device, requires_grad=True)
    loss = F.binary_cross_entropy(x, mg.tensor([1.0, 1.0], device=device), reduction="none")
    close(loss, [100, 0])


def test_bce_refuses_what_is_no_probability():
    with pytest.raises(RuntimeError, match="elements of input should be between 0 and 1"):
        F.binary_cross_entropy(mg.tensor([1.5]), mg.tensor([1.0]))
    with pytest.raises(RuntimeError, match="elements of target should be between 0 and 1"):
        F.binary_cross_entropy(mg.tensor([0.5]), mg.tensor([-1.0]))


def test_bce_with_logits_keeps_small_losses(device):
    x, y = mg.tensor([30.0, -30.0], device=device), mg.tensor([1.0, 0.0], device=device)
    close(F.binary_cross_entropy_with_logits(x, y, reduction="none") * 1e13, [math.exp(-30) * 1e13] * 2, 1e-5)


def test_kl_div_warns_of_mean():
    p = mg.tensor([[0.5, 0.5]])
    with pytest.warns(UserWarning, match="batchmean"):
        F.kl_div(mg.log(p), p)
    assert F.kl_div(mg.log(p), p, reduction="batchmean").item() == 0


@pytest.mark.parametrize(
    "keywords, reduction",
    [
        ({"size_average": False}, "sum"), ({"size_average": True}, "mean"), ({"reduce": False}, "none"),
        ({"reduce": True}, "mean"), ({"size_average": False, "reduce": True}, "sum"),
        ({"size_average": False, "reduce": False}, "none"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("function", [F.mse_loss, F.l1_loss, F.soft_margin_loss, F.smooth_l1_loss])
def test_older_arguments(function, keywords, reduction):
    x, y = mg.tensor([1.0, 4.0]), mg.tensor([1.0, -1.0])
    with pytest.warns(UserWarning, match=f"use reduction='{reduction}' instead"):
        have = function(x, y, **keywords)
    close(have, function(x, y, reduction=reduction).numpy())


def test_soft_margin_does_not_overflow(device):
    close(F.soft_margin_loss(mg.tensor([1000.0], device=device), mg.tensor([-1.0], device=device)), 1000.0)


def test_multi_margin_by_hand(device):
    x = mg.tensor([[0.1, 0.2, 0.9]], device=device, requires_grad=True)
    loss = F.multi_margin_loss(x, mg.tensor([1], device=device))
    close(loss, (0.9 + 1.7) / 3)
    loss.backward()
    close(x.grad, [[1 / 3, -2 / 3, 1 / 3]])


def test_multilabel_margin_by_hand(device):
    x = mg.tensor([0.1, 0.2, 0.4, 0.8], device=device)
    y = mg.tensor([3, 0, -1, 1], device=device)
    close(F.multilabel_margin_loss(x, y), 0.25 * ((1 - 0.6) + (1 - 0.4) + (1 + 0.1) + (1 + 0.3)))


def test_triplet_and_ranking(device):
    a, p, n = (mg.tensor([[v, 0.0]], device=device) for v in (0.0, 1.0, 3.0))
    close(F.triplet_margin_loss(a, p, n, margin=3.0), 1.0, 1e-5)
    close(F.triplet_margin_loss(a, p, n, margin=3.0, swap=True), 2.0, 1e-5)
    x1, x2, y = (mg.tensor([v], device=device) for v in (1.0, 3.0, 1.0))
    close(F.margin_ranking_loss(x1, x2, y, margin=0.5), 2.5)


def test_cross_entropy_of_logits_in_column_order(device):
    x = mg.tensor([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]], device=device)
    target = mg.tensor([2, 0], device=device)
    columns = mg.stack([x[:, k] for k in range(3)], 0).requires_grad_()
    rows = x.clone().requires_grad_()
    for reduction in ("mean", "none"):
        loss = F.cross_entropy(columns.T, target, reduction=reduction)
        (have,) = mg.autograd.grad(loss.sum(), columns)
        (want,) = mg.autograd.grad(F.cross_entropy(rows, target, reduction=reduction).sum(), rows)
        close(have.T, want.cpu().numpy())
