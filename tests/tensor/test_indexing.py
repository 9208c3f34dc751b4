"""Reading and writing by index: against NumPy where it means the same, with numbers where PyTorch differs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minigrad

SETTINGS = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4)


def forward_only(key):
    """True if no slice goes backward (which PyTorch refuses)."""
    parts = key if isinstance(key, tuple) else (key,)
    return all(not isinstance(p, slice) or p.step is None or p.step > 0 for p in parts)


BASIC = SHAPES.flatmap(
    lambda shape: st.tuples(st.just(shape), hnp.basic_indices(shape, allow_newaxis=True).filter(forward_only))
)
SMALL = hnp.array_shapes(max_dims=2, min_side=0, max_side=3)
ADVANCED = SHAPES.flatmap(
    lambda shape: st.tuples(st.just(shape), hnp.integer_array_indices(shape, result_shape=SMALL))
)
MASKS = SHAPES.flatmap(lambda shape: st.tuples(st.just(shape), hnp.arrays(bool, shape)))


def values(shape):
    return np.arange(1.0, np.prod(shape) + 1).reshape(shape)


def check_reading(shape, key, device):
    a = values(shape)
    x = minigrad.tensor(a, device=device, requires_grad=True)
    got, expected = x[key], a[key]
    assert got.shape == expected.shape and got.detach().cpu().numpy().tolist() == expected.tolist()
    weights = np.cos(values(expected.shape))
    (got * minigrad.tensor(weights, device=device)).sum().backward()
    gradient = np.zeros(shape)
    np.add.at(gradient, key, weights)
    np.testing.assert_allclose(x.grad.cpu().numpy(), gradient)


def check_writing(shape, key, device):
    a = values(shape)
    before = minigrad.tensor(a, device=device, requires_grad=True)
    v = minigrad.tensor(-values(a[key].shape), device=device, requires_grad=True)
    x = before.clone()
    x[key] = v
    a[key] = v.detach().cpu().numpy()
    assert x.detach().cpu().numpy().tolist() == a.tolist()
    weights = np.cos(values(shape))
    (x * minigrad.tensor(weights, device=device)).sum().backward()
    np.testing.assert_allclose(v.grad.cpu().numpy(), weights[key])
    weights[key] = 0
    np.testing.assert_allclose(before.grad.cpu().numpy(), weights)


@SETTINGS
@given(case=BASIC)
def test_basic_indices_read(case, device):
    check_reading(*case, device)
    x = minigrad.tensor(values(case[0]), device=device)
    part = x[case[1]]
    part.fill_(0)  # it is a view
    assert not part.numel() or x.count_nonzero().item() == x.numel() - part.numel()


@SETTINGS
@given(case=BASIC)
def test_basic_indices_write(case, device):
    check_writing(*case, device)


@SETTINGS
@given(case=ADVANCED)
def test_integer_arrays_read(case, device):
    check_reading(*case, device)
    shape, key = case
    x = minigrad.tensor(values(shape), device=device)
    key = key if isinstance(key, tuple) else (key,)
    as_tensors = tuple(minigrad.tensor(k, device=device) for k in key)
    assert x[as_tensors].tolist() == x[key].tolist()


@SETTINGS
@given(case=MASKS)
def test_masks_read_and_write(case, device):
    check_reading(*case, device)
    check_writing(*case, device)


@SETTINGS
@given(shapes=hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=4, min_side=0, max_side=3))
def test_broadcasting(shapes, device):
    arrays = [values(shape) for shape in shapes.input_shapes]
    a, b, c = (minigrad.tensor(array, device=device, requires_grad=True) for array in arrays)
    got = minigrad.where(a > 2, a * b, c) + a
    expected = np.where(arrays[0] > 2, arrays[0] * arrays[1], arrays[2]) + arrays[0]
    assert got.shape == expected.shape == shapes.result_shape
    np.testing.assert_allclose(got.detach().cpu().numpy(), expected)
    got.sum().backward()
    above = np.broadcast_to(arrays[0] > 2, expected.shape)
    for t, whole in ((a, np.where(above, arrays[1], 0) + 1), (b, np.where(above, arrays[0], 0)), (c, ~above)):
        whole = np.broadcast_to(whole, expected.shape)
        extra = tuple(range(whole.ndim - t.ndim))
        summed = whole.sum(extra, dtype=float)
        summed = summed.sum(tuple(k for k, n in enumerate(t.shape) if n == 1), keepdims=True)
        np.testing.assert_allclose(t.grad.cpu().numpy(), summed)
    assert minigrad.broadcast_shapes(*shapes.input_shapes) == shapes.result_shape


# -- written out ---------------------------------------------------------------------------------------------------


@pytest.fixture
def x(device):
    return minigrad.arange(24, device=device).reshape(2, 3, 4)


def test_an_integer_beside_an_array_is_taken_first(x, device):
    """NumPy counts the integer as an array and puts the arrays' dimensions in front: it gives shape (2, 3)."""
    assert x[0, :, [1, 2]].tolist() == [[1, 2], [5, 6], [9, 10]]
    assert x[minigrad.tensor(0, device=device), :, [1, 2]].tolist() == [[1, 2], [5, 6], [9, 10]]
    x[1, :, [0, 3]] = minigrad.arange(6, device=device).reshape(3, 2)
    assert x[1].tolist() == [[0, 13, 14, 1], [2, 17, 18, 3], [4, 21, 22, 5]]


def test_where_the_dimensions_of_arrays_go(x):
    assert x[[0, 1], :, [1, 2]].shape == (2, 3) and x[:, [0, 1], [1, 2]].shape == (2, 2)
    assert x[[[0], [1]], [[0, 1, 2]]].shape == (2, 3, 4) and x[None, [0, 1], None].shape == (1, 2, 1, 3, 4)
    assert x[..., [True, False, True, False]].tolist() == x[:, :, [0, 2]].tolist()
    assert x[:, x[0, :, 0] > 1].shape == (2, 2, 4) and x[..., x[0] > 5].shape == (2, 6)
    assert x[True].shape == (1, 2, 3, 4) and x[False].shape == (0, 2, 3, 4) and x[..., True, [0]].shape == (2, 3, 1)
    assert x[[]].shape == (0, 3, 4) and x[()].shape == x.shape


def test_numbers_lists_and_tensors_as_indices(x, device):
    one = minigrad.tensor(1, device=device)
    for key in (1, np.int64(1), np.array(1), one, -1):
        assert x[key].tolist() == x[1].tolist()
    assert x[one:, one, : one + 1].tolist() == [[16, 17]]
    for key in ([1, 0], np.array([1, 0]), range(1, -1, -1), [one, 0], minigrad.tensor([1, 0], device=device)):
        assert x[key].tolist() == x.flip(0).tolist()
    for kind in (minigrad.int32, minigrad.uint8, minigrad.bool):
        index = minigrad.tensor([1, 0], dtype=kind, device=device)
        assert x[index].shape == ((2, 3, 4) if kind is minigrad.int32 else (1, 3, 4))
    x[0][1][2] = 100
    assert x[0, 1, 2].item() == 100 and x.view(-1)[6].item() == 100


def test_embedding_rows_add_their_gradients(device):
    table = minigrad.zeros(4, 2, device=device, requires_grad=True)
    rows = minigrad.tensor([[0, 2, 0], [3, 3, 3]], device=device)
    (table[rows] * minigrad.tensor([1.0, 10.0], device=device)).sum().backward()
    assert table.grad.tolist() == [[2, 20], [0, 0], [1, 10], [3, 30]]


def test_counting_with_assignments(device):
    n = minigrad.zeros((3, 3), dtype=minigrad.int32, device=device)
    for i, j in [(0, 1), (0, 1), (2, 0)]:
        n[i, j] += 1
    assert n.tolist() == [[0, 2, 0], [0, 0, 0], [1, 0, 0]]


def test_assignments_reach_the_gradients(device):
    outputs = minigrad.zeros(3, 2, device=device)
    weight = minigrad.ones(2, device=device, requires_grad=True)
    state = weight
    for t in range(3):
        state = state * 2
        outputs[t] = state
    outputs[minigrad.tensor([0, 2], device=device), 1] = weight[0] * 10
    outputs.sum().backward()
    assert weight.grad.tolist() == [34, 4]


def test_values_are_fitted(device):
    x = minigrad.zeros(2, 3, device=device)
    x[0] = minigrad.ones(1, 3, device=device)
    x[[1]] = minigrad.full((1, 1, 3), 2.0, device=device)
    x[1, 2] = minigrad.tensor(7, device=device)
    x[0, :2] = [8, 9]
    x[0, 2] = np.float64(0.5)
    assert x.tolist() == [[8, 9, 0.5], [2, 2, 7]]
    n = minigrad.zeros(3, dtype=minigrad.int64, device=device)
    n[0], n[1], n[2] = 2.7, True, minigrad.tensor(-1.5, device=device)
    assert n.tolist() == [2, 1, -1]
    small = minigrad.zeros(2, dtype=minigrad.uint8, device=device)
    small[0] = -1
    assert small.tolist() == [255, 0]


def test_an_index_that_changes_later(device):
    """Indices are saved for the gradient; a change of one is noticed, or does not matter."""
    w = minigrad.zeros(3, device=device, requires_grad=True)
    array, start = np.array([0, 1]), minigrad.tensor(0, device=device)
    y = w[array].sum() + w[start : start + 1].sum() + w[start]
    array[:] = 2
    start += 2
    y.backward()
    assert w.grad.tolist() == [3, 1, 0]
    index = minigrad.tensor([0, 1], device=device)
    z = w[index].sum()
    index += 1
    with pytest.raises(RuntimeError, match="add_"):
        z.backward()


def test_gradients_of_gradients(device):
    x = minigrad.tensor([1.0, 2.0, 3.0], dtype=minigrad.float64, device=device, requires_grad=True)
    index = minigrad.tensor([0, 2, 0], device=device)
    assert minigrad.autograd.gradgradcheck(lambda x: x[index] ** 3, (x,))
    assert minigrad.autograd.gradgradcheck(lambda x: x[1:] ** 3 * x[0], (x,))

    def write(x):
        y = x**2
        y[index[:2]] = x[1:] ** 3
        return y * x[0]

    assert minigrad.autograd.gradcheck(write, (x,)) and minigrad.autograd.gradgradcheck(write, (x,))


def test_errors(x, device):
    def assign(key, value):
        x[key] = value

    cases = [
        (lambda: x[2], IndexError, "out of bounds"),
        (lambda: x[0, 0, 0, 0], IndexError, "too many indices"),
        (lambda: x[[0], [0], [0], [0]], IndexError, "too many indices for a tensor of 3 dimensions: 4"),
        (lambda: x[..., ...], IndexError, "ellipsis"),
        (lambda: x[::-1], ValueError, r"the step of a slice must be positive, got -1: use flip\(\)"),
        (lambda: x[1.0], IndexError, "indexed by integers, slices, None, ..., and tensors or lists .*; got float"),
        (lambda: x[[0.5]], IndexError, "must be integers or booleans, got float64"),
        (lambda: x["a"], IndexError, "got str"),
        (lambda: x[minigrad.ones(3, device=device).bool()], IndexError, "mask"),
        (lambda: x[0][0][0][0], IndexError, "too many indices"),
        (lambda: x[1.5:], TypeError, "float"),
        (lambda: assign(0, minigrad.ones(5, device=device)), RuntimeError, "broadcast"),
        (lambda: assign([0, 1], minigrad.ones(2, 3, 4, device=device)), RuntimeError, "convert the value with"),
        (lambda: assign(0, "text"), TypeError, "takes a tensor or a number, got str"),
        (lambda: assign(0, None), TypeError, "got NoneType"),
        (lambda: minigrad.ones(3, device=device).expand(2, 3).fill_(1), RuntimeError, r"clone\(\) it before writing"),
    ]
    if device == "cpu":
        cases.append((lambda: x[[5]], IndexError, "out of bounds"))
        cases.append((lambda: x.requires_grad_(), RuntimeError, "floating point"))
    for call, error, message in cases:
        with pytest.raises(error, match=message):
            call()
    leaf = minigrad.ones(2, device=device, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf"):
        leaf[0] = 1


def test_indices_and_values_on_another_device(device):
    x = minigrad.arange(3.0, device=device)
    assert x[minigrad.tensor([2, 0])].tolist() == [2, 0]  # indices on the CPU are taken along
    x[minigrad.tensor(1)] = minigrad.tensor(5.0)
    assert x.tolist() == [0, 5, 2]
    if device == "cuda":
        with pytest.raises(RuntimeError, match=r"the index is on a GPU, the tensor on the CPU"):
            x.cpu()[minigrad.tensor([0], device=device)]
        with pytest.raises(RuntimeError, match=r"a value on cpu cannot be written into a tensor on cuda:0"):
            x[:2] = minigrad.ones(2)
