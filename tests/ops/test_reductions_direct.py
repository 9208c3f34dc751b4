"""Reductions, order and products with every number written out: ties, zeros, kinks, named results, warnings."""

from __future__ import annotations

import math
import warnings

import pytest

import minigrad as mg
from minigrad import linalg

nan, inf = math.nan, math.inf


def gradient(function, values, device):
    """The gradient of a function with a single number as result."""
    x = mg.tensor(values, dtype=mg.float64, device=device, requires_grad=True)
    (g,) = mg.autograd.grad(function(x), x)
    return g.tolist()


def test_ties_share_the_gradient_of_amax_and_one_element_gets_that_of_max(device):
    tied = [1.0, 3.0, 3.0, 0.0]
    for function in (mg.amax, mg.max, lambda x: -mg.amin(-x), lambda x: -(-x).min()):
        assert gradient(function, tied, device) == [0, 0.5, 0.5, 0]
    assert gradient(lambda x: x.max(0).values, tied, device) == [0, 1, 0, 0]
    assert gradient(mg.median, [2.0, 2.0, 1.0, 9.0], device) == [0.5, 0.5, 0, 0]
    assert gradient(lambda x: x.norm(inf), [2.0, -2.0, 1.0], device) == [0.5, -0.5, 0]
    assert gradient(mg.max, [1.0, nan, 0.0], device) == [0, 1, 0]


@pytest.mark.parametrize(
    ("values", "want"),
    [
        ([2.0, 3.0, 5.0], [15, 10, 6]),
        ([2.0, 0.0, 5.0], [0, 10, 0]),
        ([0.0, 0.0, 5.0], [0, 0, 0]),
        ([7.0], [1]),
    ],
)
def test_prod_with_zeros(values, want, device):
    assert gradient(mg.prod, values, device) == want
    assert gradient(lambda x: x.prod(0), values, device) == want


def test_second_derivative_of_prod_with_two_zeros(device):
    x = mg.tensor([0.0, 0.0, 5.0], device=device, requires_grad=True)
    (g,) = mg.autograd.grad(x.prod(), x, create_graph=True)
    (h,) = mg.autograd.grad(g[0], x)
    assert h.tolist() == [0, 5, 0]


def test_cumprod_with_zeros(device):
    assert gradient(lambda x: x.cumprod(0).sum(), [2.0, 0.0, 3.0, 0.0], device) == [1, 2 + 2 * 3, 0, 0]


def test_kinks_have_pytorchs_subgradients(device):
    for p in (1, 2, 3, 0.5, inf):
        assert gradient(lambda x, p=p: x.norm(p), [0.0, 0.0], device) == [0, 0]
    assert gradient(mg.std, [2.0, 2.0, 2.0], device) == [0, 0, 0]
    assert gradient(lambda x: mg.logsumexp(x, 0), [-inf, -inf], device) == [0, 0]
    assert gradient(lambda x: mg.logcumsumexp(x, 0).sum(), [-inf, 0.0], device) == [0, 1]


def test_variance_without_degrees_of_freedom_warns(device):
    x = mg.tensor([1.0], device=device)
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always", UserWarning)
        assert math.isnan(x.var().item())
        assert mg.tensor([1.0, 3.0], device=device).std(correction=2).item() == inf
    words = [str(w.message) for w in given if w.category is UserWarning]
    assert len(words) == 2 and words[0].startswith("var(): degrees of freedom is <= 0") and "std" in words[1]
    assert x.var(correction=0).item() == 0 and x.std(unbiased=False).item() == 0


def test_results_have_names(device):
    x = mg.tensor([[1.0, 4.0], [3.0, 2.0]], device=device)
    values, indices = found = x.max(1)
    assert values.tolist() == found.values.tolist() == found[0].tolist() == [4, 3]
    assert indices.tolist() == found.indices.tolist() == [1, 0] and indices.dtype == mg.int64
    if device == "cpu":
        assert repr(x.max(0)) == "minigrad.return_types.max(\nvalues=tensor([3., 4.]),\nindices=tensor([1, 0]))"
    assert x.sort(descending=True).values.tolist() == [[4, 1], [3, 2]]
    assert x.topk(1, dim=0).indices.tolist() == [[1, 0]]
    assert mg.aminmax(x).max.item() == 4 and x.median(0).values.tolist() == [1, 2]


def test_numpys_names_for_arguments(device):
    x = mg.tensor([[1.0, 2.0], [3.0, 5.0]], device=device)
    assert x.sum(axis=0).tolist() == [4, 7] and x.mean(axis=1, keepdims=True).tolist() == [[1.5], [4]]
    assert x.max(axis=0).values.tolist() == [3, 5] and x.argmax(axis=1).tolist() == [1, 1]
    assert mg.concatenate([x, x], axis=1).shape == (2, 4) and mg.std(x, axis=0).tolist() == pytest.approx(
        [2**0.5, 4.5**0.5]
    )


def test_out(device):
    out = mg.empty(2, device=device)
    assert mg.sum(mg.ones(3, 2, device=device), 0, out=out) is out and out.tolist() == [3, 3]
    values, indices = mg.empty(0, device=device), mg.empty(0, dtype=mg.int64, device=device)
    mg.max(mg.tensor([[1.0, 2.0]], device=device), 1, out=(values, indices))
    assert values.tolist() == [2] and indices.tolist() == [1]
    with pytest.raises(RuntimeError, match="out="):
        mg.sum(mg.ones(3, device=device, requires_grad=True), out=mg.empty((), device=device))


def test_integers_and_bools(device):
    flags = mg.tensor([True, False, True], device=device)
    assert flags.sum().item() == 2 and flags.sum().dtype == mg.int64 and flags.cumsum(0).tolist() == [1, 1, 2]
    assert mg.tensor([200, 100], dtype=mg.uint8, device=device).sum().item() == 300
    assert mg.tensor([3, 4], device=device).prod().dtype == mg.int64
    assert mg.tensor([3, 4], device=device).mean(dtype=mg.float64).item() == 3.5
    with pytest.raises(RuntimeError, match="mean"):
        mg.tensor([3, 4], device=device).mean()


def test_sums_of_float16_are_taken_in_float32(device):
    ones = mg.ones(70000, dtype=mg.float16, device=device)
    assert ones.mean().item() == 1 and (ones * 0.5).sum().item() == 35008 and ones.norm().item() == 264.5


def test_matmul_does_not_promote(device):
    x = mg.ones(2, 2, device=device)
    with pytest.raises(RuntimeError, match=r"expects tensors of one dtype, got minigrad\.float32, minigrad\.int64"):
        x @ mg.ones(2, 2, dtype=mg.int64, device=device)
    with pytest.raises(RuntimeError, match=r"shapes \(2, 2\) and \(3, 2\)"):
        x @ mg.ones(3, 2, device=device)


def test_product_and_its_gradients(device):
    a = mg.tensor([[1.0, 2.0], [3.0, 4.0]], device=device, requires_grad=True)
    b = mg.tensor([[5.0], [6.0]], device=device, requires_grad=True)
    out = a @ b
    assert out.tolist() == [[17], [39]]
    out.backward(mg.tensor([[1.0], [10.0]], device=device))
    assert a.grad.tolist() == [[5, 6], [50, 60]] and b.grad.tolist() == [[31], [42]]


def test_batched_product_sums_the_gradient_of_a_shared_matrix(device):
    x = mg.ones(5, 2, 3, device=device)
    w = mg.zeros(3, 4, device=device, requires_grad=True)
    (x @ w).sum().backward()
    assert w.grad.tolist() == [[10.0] * 4] * 3


def test_addmm_with_beta_zero_does_not_look_at_its_input(device):
    x = mg.ones(1, 1, device=device)
    assert mg.addmm(mg.tensor([[nan]], device=device), x, x, beta=0).item() == 1


def test_unique_and_counts(device):
    x = mg.tensor([3, 1, 3, 2], device=device)
    values, inverse, counts = x.unique(return_inverse=True, return_counts=True)
    assert (values.tolist(), inverse.tolist(), counts.tolist()) == ([1, 2, 3], [2, 0, 2, 1], [1, 1, 2])
    rows = mg.tensor([[1, 2], [0, 9], [1, 2]], device=device)
    assert mg.unique(rows, dim=0).tolist() == [[0, 9], [1, 2]]
    assert mg.bincount(x, minlength=5).tolist() == [0, 1, 1, 2, 0]
    assert mg.bucketize(mg.tensor([3, 6, 9], device=device), mg.tensor([1, 3, 5, 7, 9], device=device)).tolist() == [
        1,
        3,
        4,
    ]


def test_determinant_and_inverse(device):
    x = mg.tensor([[2.0, 1.0], [1.0, 3.0]], dtype=mg.float64, device=device, requires_grad=True)
    (g,) = mg.autograd.grad(linalg.det(x), x)
    assert linalg.det(x).item() == pytest.approx(5)
    assert g.flatten().tolist() == pytest.approx([3, -1, -1, 2])
    assert (linalg.inv(x) @ x).flatten().tolist() == pytest.approx([1, 0, 0, 1])
