"""Attention with numbers written out, on both devices, with dropout and under the jit."""

from __future__ import annotations

import math

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F

attention = F.scaled_dot_product_attention


def close(have, want, tolerance=1e-6):
    np.testing.assert_allclose(np.asarray(have.detach().cpu().numpy()), want, rtol=tolerance, atol=tolerance)


def test_by_hand(device):
    """Scores 0 and ln 3, so weights 1/4 and 3/4."""
    query = mg.tensor([[2.0, 0.0]], device=device, requires_grad=True)
    key = mg.tensor([[0.0, 5.0], [math.log(3), 1.0]], device=device)
    value = mg.tensor([[4.0, 0.0, 1.0], [0.0, 8.0, 1.0]], device=device)
    result = attention(query, key, value, scale=0.5)
    close(result, [[1.0, 6.0, 1.0]])
    result[0, 1].backward()  # d weights / d scores is 3/16 (-1, 1); times 8, times scale (0.5), times the keys
    close(query.grad, [[0.75 * math.log(3), 0.75 * (1 - 5)]])


def test_the_scale_is_one_over_the_root_of_the_size():
    query, key = mg.full((1, 16), 2.0), mg.tensor([[0.0], [0.5 * math.log(3)]]).expand(2, 16) / 4
    close(attention(query, key, mg.eye(2)), [[0.25, 0.75]])


def test_the_identity_as_values_gives_the_weights():
    query, key = mg.randn(2, 3, 4), mg.randn(2, 5, 4)
    weights = attention(query, key, mg.eye(5))
    close(weights.sum(dim=-1), np.ones((2, 3)))
    value = mg.randn(2, 5, 6)
    close(weights @ value, attention(query, key, value).numpy(), 1e-5)


def test_masked_keys_are_as_if_they_were_not_there(device):
    query, key, value = (mg.randn(2, n, 4).to(device).requires_grad_() for n in (3, 5, 5))
    lengths = (2, 5)
    mask = mg.arange(5, device=device) < mg.tensor(lengths, device=device)[:, None, None]
    result = attention(query, key, value, mask)
    for b, n in enumerate(lengths):
        close(result[b], attention(query[b], key[b, :n], value[b, :n]).detach().cpu().numpy(), 1e-5)
    result.sum().backward()
    close(key.grad[0, 2:], np.zeros((3, 4)))
    close(value.grad[0, 2:], np.zeros((3, 4)))
    added = mg.zeros(2, 1, 5, device=device).masked_fill(~mask, -math.inf)
    close(attention(query, key, value, added), result.detach().cpu().numpy())


def test_causal(device):
    """The first query sees the first value alone; a change behind does not show in front."""
    query, key, value = (mg.randn(4, 3).to(device) for _ in range(3))
    result = attention(query, key, value, is_causal=True)
    close(result[0], value[0].cpu().numpy())
    close(result[3], attention(query[3:], key, value)[0].cpu().numpy(), 1e-5)
    key[2], value[2] = 9.0, 9.0
    changed = attention(query, key, value, is_causal=True)
    close(changed[:2], result[:2].cpu().numpy())
    assert (changed[2:] != result[2:]).any(dim=1).all()


@pytest.mark.parametrize("floating", [False, True])
def test_a_query_that_may_look_nowhere(device, floating):
    query, key, value = (mg.ones(2, 3, device=device, requires_grad=True) for _ in range(3))
    mask = mg.tensor([[True, False], [False, False]], device=device)
    if floating:
        mask = mg.zeros(2, 2, device=device).masked_fill(~mask, -math.inf).requires_grad_()
    result = attention(query, key, value, mask)
    close(result, [[1, 1, 1], [0, 0, 0]])
    result.sum().backward()
    close(value.grad, [[1, 1, 1], [0, 0, 0]])
    for leaf in (query, key, *([mask] if floating else [])):
        close(leaf.grad, np.zeros(leaf.shape))


def test_dropout(device):
    """Weights of 1/100 are 0 or 1/75; never in evaluation is for the caller to say."""
    query, key = mg.zeros(50, 2, device=device), mg.ones(100, 2, device=device)
    weights = attention(query, key, mg.eye(100, device=device), dropout_p=0.25).cpu().numpy()
    assert np.all((weights == 0) | (abs(weights - 1 / 75) < 1e-7))
    assert 0.2 < np.mean(weights == 0) < 0.3
    close(attention(query, key, mg.eye(100, device=device), dropout_p=1.0), np.zeros((50, 100)))


def test_shared_heads(device):
    """Queries 0 and 1 share the first head of keys and values, 2 and 3 the second."""
    value = mg.tensor([[[1.0]], [[2.0]]], device=device, requires_grad=True)
    result = attention(mg.zeros(4, 3, 5, device=device), mg.zeros(2, 1, 5, device=device), value, enable_gqa=True)
    close(result[:, :, 0], [[1, 1, 1], [1, 1, 1], [2, 2, 2], [2, 2, 2]])
    result.sum().backward()
    close(value.grad, [[[6]], [[6]]])


def test_sums_of_half_precision_are_exact():
    """4,096 products of 8 x 8 are 262,144: float16 ends at 65,504."""
    query, key = mg.full((1, 4096), 8.0, dtype=mg.float16), mg.full((2, 4096), 8.0, dtype=mg.float16)
    result = attention(query, key, mg.tensor([[1.0], [3.0]], dtype=mg.float16), scale=1.0)
    assert result.dtype == mg.float16 and result.item() == 2


@pytest.mark.parametrize(
    ("shapes", "options"),
    [(((2, 3, 4), (3, 5, 4), (3, 5, 6)), {}), (((2, 3, 4), (2, 5, 4), (3, 5, 6)), {}),
     (((2, 4, 3, 4), (3, 2, 5, 4), (3, 2, 5, 6)), {"enable_gqa": True})],
)  # fmt: skip
def test_batches_that_do_not_fit_are_named(shapes, options):
    with pytest.raises(RuntimeError, match="whose other dimensions broadcast, got") as refused:
        attention(*map(mg.zeros, shapes), **options)
    assert all(str(shape) in str(refused.value) for shape in shapes)
    assert attention(mg.zeros(2, 1, 3, 4), mg.zeros(1, 7, 5, 4), mg.zeros(5, 6)).shape == (2, 7, 3, 6)


@pytest.mark.parametrize("name", ["query", "key", "value", "attn_mask"])
def test_what_is_no_tensor_is_named(name):
    given = {"query": mg.zeros(1, 2), "key": mg.zeros(1, 2), "value": mg.zeros(1, 2), "attn_mask": None}
    with pytest.raises(TypeError, match=f"takes a tensor as {name}, got list"):
        attention(**{**given, name: [[1.0, 2.0]]})


def test_the_result_is_of_the_dtype_of_the_query():
    """Whatever the mask is of."""
    for dtype in (mg.float16, mg.float32, mg.float64):
        query, mask = mg.ones(2, 2, dtype=dtype), mg.zeros(2, 2, dtype=mg.float64)
        assert attention(query, query, query, mask).dtype == attention(query, query, query).dtype == dtype


@pytest.mark.parametrize("how", ["plain", "mask", "bias", "causal", "heads"])
def test_gradients(how):
    query, key, value = (mg.randn(2, n, 3, dtype=mg.float64, requires_grad=True) for n in (3, 4, 4))
    options = {"scale": 0.8}
    if how == "mask":
        options["attn_mask"] = mg.tensor([[[True, False, True, True]], [[False] * 4]])
    elif how == "bias":
        options["attn_mask"] = mg.randn(3, 4, dtype=mg.float64)
    elif how == "causal":
        options["is_causal"] = True
    elif how == "heads":
        query = mg.randn(4, 3, 3, dtype=mg.float64, requires_grad=True)
        options["enable_gqa"] = True
    assert mg.autograd.gradcheck(lambda *qkv: attention(*qkv, **options), (query, key, value))
    assert mg.autograd.gradgradcheck(lambda *qkv: attention(*qkv, **options), (query, key, value))


@pytest.mark.parametrize("how", ["mask", "bias", "causal", "heads", "dropout"])
def test_a_recorded_step_is_the_same(device, how):
    """Other inputs, masks and random numbers in every call; parameters equal the eager run's to the last bit."""
    ends = []
    for recorded in (False, True):
        mg.manual_seed(3)
        weight = mg.randn(4, 4).to(device).requires_grad_()
        optimizer = mg.optim.SGD([weight], lr=0.1)

        def step(x, mask, weight=weight, optimizer=optimizer):
            optimizer.zero_grad()
            options = {
                "mask": {"attn_mask": mask > 0}, "bias": {"attn_mask": mask}, "causal": {"is_causal": True},
                "heads": {"enable_gqa": True}, "dropout": {"dropout_p": 0.5},
            }[how]  # fmt: skip
            loss = attention(x @ weight, x[:1], x[:1].cos(), **options).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        call = mg.jit(step) if recorded else step
        losses = [call(mg.randn(2, 3, 4).to(device), mg.randn(3, 3).to(device)).item() for _ in range(6)]
        ends.append((losses, weight.tolist()))
    assert ends[0] == ends[1]
    assert len(set(ends[0][0])) == 6


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"query": mg.zeros(4)}, r"a query of shape \(\.\.\., L, E\).*got \(4,\), \(5, 4\) and \(5, 2\)"),
        ({"query": mg.zeros(3, 3)}, r"got \(3, 3\), \(5, 4\) and \(5, 2\)"),
        ({"value": mg.zeros(4, 2)}, r"got \(3, 4\), \(5, 4\) and \(4, 2\)"),
        ({"value": mg.zeros(5, 2).double()}, "one floating point dtype, got .*float32, .*float32, .*float64"),
        ({n: mg.zeros(5, 5).long() for n in ("query", "key", "value")}, "one floating point dtype, got .*int64"),
        ({"attn_mask": mg.zeros(3, 5).long()}, "bool or floating point attn_mask, got .*int64"),
        ({"attn_mask": mg.ones(5, 3)}, r"broadcasts to \(\.\.\., L, S\) = \(3, 5\), got \(5, 3\)"),
        ({"attn_mask": mg.ones(1, 3, 5)}, r"broadcasts to \(\.\.\., L, S\) = \(3, 5\), got \(1, 3, 5\)"),
        ({"attn_mask": mg.ones(3, 5), "is_causal": True}, "attn_mask or is_causal=True, not both"),
        ({"enable_gqa": True}, r"heads are a multiple of the key's, got \(3, 4\) and \(5, 4\)"),
        (
            {"query": mg.zeros(2, 3, 4), "key": mg.zeros(0, 5, 4), "enable_gqa": True},
            "heads are a multiple of the key's",
        ),
        (
            {"query": mg.zeros(3, 3, 4), "key": mg.zeros(2, 5, 4), "enable_gqa": True},
            "heads are a multiple of the key's",
        ),
    ],
    ids=range(12),
)
def test_what_does_not_fit_is_named(change, words):
    given = {"query": mg.zeros(3, 4), "key": mg.zeros(5, 4), "value": mg.zeros(5, 2), **change}
    with pytest.raises(RuntimeError, match=words):
        attention(**given)


def test_a_probability_that_is_none():
    with pytest.raises(ValueError, match=r"between 0 and 1, but got -0\.1"):
        attention(*(mg.ones(2, 2) for _ in range(3)), dropout_p=-0.1)
