"""Elementwise operations with every number written out, in case the table's harness is itself wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad.ops import activation

nan, inf = math.nan, math.inf


def test_forward_and_both_gradients_of_a_product(device):
    a = mg.tensor([[1.0, 2.0], [3.0, 4.0]], device=device, requires_grad=True)
    b = mg.tensor([10.0, 100.0], device=device, requires_grad=True)
    out = a * b
    assert out.tolist() == [[10.0, 200.0], [30.0, 400.0]]
    out.backward(mg.tensor([[1.0, 1.0], [2.0, 0.5]], device=device))
    assert a.grad.tolist() == [[10.0, 100.0], [20.0, 50.0]]
    assert b.grad.tolist() == [1.0 * 1 + 2.0 * 3, 1.0 * 2 + 0.5 * 4]


def test_second_and_third_derivative_of_a_cube(device):
    x = mg.tensor(2.0, device=device, requires_grad=True)
    (first,) = mg.autograd.grad(x**3, x, create_graph=True)
    (second,) = mg.autograd.grad(first, x, create_graph=True)
    (third,) = mg.autograd.grad(second, x)
    assert (first.item(), second.item(), third.item()) == (12.0, 12.0, 6.0)


def test_gradients_of_tanh_and_sigmoid_at_known_points(device):
    x = mg.tensor([0.0, math.log(3)], dtype=mg.float64, device=device, requires_grad=True)
    (t,) = mg.autograd.grad(mg.tanh(x), x, mg.ones(2, dtype=mg.float64, device=device))
    (s,) = mg.autograd.grad(mg.sigmoid(x), x, mg.ones(2, dtype=mg.float64, device=device))
    assert t.tolist() == pytest.approx([1.0, 0.36])  # tanh(log 3) = 0.8
    assert s.tolist() == pytest.approx([0.25, 3 / 16])  # sigmoid(log 3) = 3/4


def gradient(function, *values, device="cpu"):
    """The gradients of sum(function) at lists of numbers, as lists."""
    leaves = [mg.tensor(v, dtype=mg.float64, device=device, requires_grad=True) for v in values]
    out = function(*leaves)
    found = mg.autograd.grad(out, leaves, mg.ones_like(out))
    return [g.tolist() for g in found]


def test_ties_of_maximum_and_minimum_halve_the_gradient(device):
    assert gradient(mg.maximum, [1.0, 2.0, 3.0], [2.0, 2.0, 2.0], device=device) == [[0, 0.5, 1], [1, 0.5, 0]]
    assert gradient(mg.minimum, [1.0, 2.0, 3.0], [2.0, 2.0, 2.0], device=device) == [[1, 0.5, 0], [0, 0.5, 1]]
    assert gradient(mg.fmax, [2.0, nan, 1.0], [2.0, 1.0, nan], device=device) == [[1, 0, 1], [0, 1, 0]]


def test_clamp_passes_the_gradient_on_its_limits_and_hardtanh_does_not(device):
    edges = [-1.0, -0.5, 1.0, 2.0]
    assert gradient(lambda x: mg.clamp(x, -1, 1), edges, device=device) == [[1, 1, 1, 0]]
    assert gradient(activation.hardtanh, edges, device=device) == [[0, 1, 0, 0]]
    assert gradient(mg.clamp, [0.0, 1.0, 5.0], [1.0, 1.0, 1.0], [2.0, 2.0, 2.0], device=device) == [
        [0, 1, 0],
        [1, 0, 0],
        [0, 0, 1],
    ]


def test_kinks_at_zero(device):
    assert gradient(mg.relu, [-1.0, 0.0, 1.0], device=device) == [[0, 0, 1]]
    assert gradient(mg.abs, [-1.0, 0.0, 1.0], device=device) == [[-1, 0, 1]]
    assert gradient(lambda x: activation.leaky_relu(x, 0.25), [-1.0, 0.0, 1.0], device=device) == [[0.25, 0.25, 1]]


def test_where_keeps_the_gradient_of_the_other_branch_out(device):
    x = mg.tensor([0.0, 4.0], device=device, requires_grad=True)
    mg.where(x > 0, mg.sqrt(x), 0.0).backward(mg.ones(2, device=device))
    assert x.grad.tolist()[1] == 0.25 and math.isnan(x.grad.tolist()[0])  # 0 * inf, as PyTorch gives
    y = mg.tensor([0.0, 4.0], device=device, requires_grad=True)
    mg.sqrt(mg.where(y > 0, y, 1.0)).backward(mg.ones(2, device=device))
    assert y.grad.tolist() == [0.0, 0.25]


def test_powers_at_zero(device):
    assert gradient(lambda x: x**0, [0.0, 2.0, nan], device=device) == [[0, 0, 0]]
    assert gradient(mg.pow, [0.0, 0.0], [0.0, 2.0], device=device) == [[0, 0], [0, 0]]
    assert gradient(lambda x: 2**x, [0.0, 3.0], device=device) == [pytest.approx([math.log(2), 8 * math.log(2)])]


def test_integer_powers(device):
    x = mg.tensor([2, -3], device=device)
    assert (x**2).tolist() == [4, 9] and (x**2).dtype == mg.int64
    assert (2 ** mg.tensor([0, 1, 5], device=device)).tolist() == [1, 2, 32]
    powers = mg.tensor([1, -1, 2, 0], device=device) ** mg.tensor([-3, -3, -1, -1], device=device)
    assert powers.tolist()[:3] == [1, -1, 0]
    with pytest.raises(RuntimeError, match="negative"):
        x**-1


def test_dtypes_of_results(device):
    i, b = mg.tensor([1, 2], device=device), mg.tensor([True, False], device=device)
    f, h = mg.tensor([1.0, 2.0], device=device), mg.tensor([1.0, 2.0], dtype=mg.float16, device=device)
    assert (i + 1).dtype == mg.int64 and (i + 1.0).dtype == mg.float32 and (i / 2).dtype == mg.float32
    assert (b + b).dtype == mg.bool and (b + 1).dtype == mg.int64 and (b * 2.0).dtype == mg.float32
    assert (h * 2.5).dtype == mg.float16 and (h + f).dtype == mg.float32 and (h * i).dtype == mg.float16
    assert mg.exp(i).dtype == mg.float32 and mg.abs(i).dtype == mg.int64 and mg.floor(i).dtype == mg.int64
    assert (f > 1).dtype == mg.bool and (i // 2).dtype == mg.int64 and (i % 2).dtype == mg.int64
    assert (f * np.float64(2)).dtype == mg.float32 and (np.float64(2) * f).dtype == mg.float32
    d = mg.tensor(3.0, dtype=mg.float64, device=device)
    assert (f * d).dtype == mg.float32 and (i * d).dtype == mg.float64


def test_small_integers_wrap_around(device):
    u = mg.tensor([255, 3], dtype=mg.uint8, device=device)
    assert (u + 1).tolist() == [0, 4] and (u * -1).tolist() == [1, 253] and (u - 4).tolist() == [251, 255]
    assert (u + 300).tolist() == [43, 47] and (-u).tolist() == [1, 253]


def test_operators_with_numbers_on_the_left(device):
    x = mg.tensor([2.0, 4.0], device=device)
    assert (1 - x).tolist() == [-1, -3] and (8 / x).tolist() == [4, 2] and (2**x).tolist() == [4, 16]
    assert (9 // x).tolist() == [4, 2] and (9 % x).tolist() == [1, 1] and (1 + x).tolist() == [3, 5]
    assert (3 * x).tolist() == [6, 12] and (-x).tolist() == [-2, -4] and abs(-x).tolist() == [2, 4]
    i = mg.tensor([1, 6], device=device)
    assert (3 & i).tolist() == [1, 2] and (8 | i).tolist() == [9, 14] and (1 ^ i).tolist() == [0, 7]
    assert (i << 1).tolist() == [2, 12] and (i >> 1).tolist() == [0, 3] and (1 << i).tolist() == [2, 64]
    assert (~i).tolist() == [-2, -7] and (~(i > 3)).tolist() == [True, False]


def test_operators_in_place(device):
    x = mg.tensor([7.0, -7.0], device=device)
    same = x
    x += 1
    x *= 2
    x -= 4
    x /= 4
    assert x is same and x.tolist() == [3.0, -4.0]
    x **= 2
    x //= 5
    x %= 2
    assert x is same and x.tolist() == [1.0, 1.0]
    mask = mg.tensor([True, False], device=device)
    mask |= mg.tensor([True, True], device=device)
    mask ^= mg.tensor([True, False], device=device)
    mask &= mg.tensor([True, True], device=device)
    assert mask.tolist() == [False, True]
    i = mg.tensor([1, 2], device=device)
    i <<= 3
    i >>= 1
    assert i.tolist() == [4, 8]
    with pytest.raises(RuntimeError):
        i /= 2


def test_comparison_with_what_is_no_number(device):
    x = mg.tensor([1.0, 2.0], device=device)
    assert (x == None) is False and (x != None) is True  # noqa: E711
    assert (x == "a") is False and (x == [1, 2]) is False
    with pytest.raises(TypeError):
        x < "a"  # noqa: B015
    assert (x == 2).tolist() == [False, True] and (x == 2).tolist() == [False, True]
    assert (x == np.float32(2)).tolist() == [False, True]
    assert {x: 1}[x] == 1


def test_integer_division_as_python_has_it(device):
    x = mg.tensor([-7, 7], device=device)
    assert (x // 2).tolist() == [-4, 3] and (x % 3).tolist() == [2, 1] and (x % -3).tolist() == [-1, -2]
    assert mg.fmod(x, 3).tolist() == [-1, 1] and mg.div(x, 2, rounding_mode="trunc").tolist() == [-3, 3]
    for divide in (lambda: x // 0, lambda: x % 0, lambda: mg.fmod(x, 0), lambda: x // mg.zeros_like(x)):
        with pytest.raises(RuntimeError, match="ZeroDivisionError"):
            divide()
    assert (x / 0).tolist() == [-inf, inf]


def test_values_of_special_functions(device):
    def at(function, x):
        return function(mg.tensor(x, dtype=mg.float64, device=device)).item()

    assert at(mg.erf, 0.5) == pytest.approx(0.5204998778130465)
    assert at(mg.erfc, 3.0) == pytest.approx(2.209049699858544e-05)
    assert at(mg.erfinv, 0.5) == pytest.approx(0.4769362762044699)
    assert at(mg.lgamma, 4.0) == pytest.approx(math.log(6))
    assert at(mg.digamma, 1.0) == pytest.approx(-0.5772156649015329)
    assert at(lambda x: mg.polygamma(1, x), 1.0) == pytest.approx(math.pi**2 / 6)
    assert at(mg.logit, 0.75) == pytest.approx(math.log(3))
    assert mg.xlogy(mg.tensor([0.0, 2.0]), mg.tensor([0.0, math.e])).tolist() == pytest.approx([0.0, 2.0])


def test_values_of_activations(device):
    x = mg.tensor([-1.0, 0.0, 2.0], dtype=mg.float64, device=device)
    expected = {
        "elu": [math.exp(-1) - 1, 0, 2],
        "selu": [-1.1113307378125625, 0, 2.101401974710961],
        "gelu": [-0.15865525393145707, 0, 1.9544997361036416],
        "silu": [-0.2689414213699951, 0, 1.7615941559557646],
        "mish": [-0.30340146137410895, 0, 1.9439589595339946],
        "softplus": [0.31326168751822286, 0.6931471805599453, 2.1269280110429727],
        "logsigmoid": [-1.3132616875182228, -0.6931471805599453, -0.1269280110429726],
        "softsign": [-0.5, 0, 2 / 3],
        "hardsigmoid": [1 / 3, 0.5, 5 / 6],
        "hardswish": [-1 / 3, 0, 5 / 3],
        "hardshrink": [-1, 0, 2],
        "softshrink": [-0.5, 0, 1.5],
        "tanhshrink": [-0.23840584404423515, 0, 1.035972419924183],
        "relu6": [0, 0, 2],
        "leaky_relu": [-0.01, 0, 2],
    }
    for name, values in expected.items():
        assert getattr(activation, name)(x).tolist() == pytest.approx(values, rel=1e-6, abs=1e-12), name


def test_rrelu_in_training_draws_slopes_between_its_limits(device):
    x = mg.tensor([-1.0] * 200 + [3.0], device=device, requires_grad=True)
    out = activation.rrelu(x, 0.25, 0.5, training=True)
    slopes = [-v for v in out.tolist()[:-1]]
    assert 0.25 <= min(slopes) < 0.3 and 0.45 < max(slopes) <= 0.5 and out.tolist()[-1] == 3.0
    out.backward(mg.ones_like(out))
    assert x.grad.tolist()[:-1] == pytest.approx(slopes)


def test_isclose_allclose_equal(device):
    a = mg.tensor([1.0, nan, inf], device=device)
    assert mg.isclose(a, a).tolist() == [True, False, True]
    assert mg.allclose(a, a, equal_nan=True) is True and mg.allclose(a, a) is False
    assert mg.equal(a, a) is False and mg.equal(mg.ones(2), mg.ones(2)) is True
    assert mg.equal(mg.ones(2), mg.ones(3)) is False
    with pytest.raises(TypeError):
        mg.equal(a, 3)


def test_large_arguments_do_not_overflow(device):
    x = mg.tensor([-1000.0, 1000.0], device=device)
    assert mg.sigmoid(x).tolist() == [0, 1] and activation.softplus(x).tolist() == [0, 1000]
    assert activation.logsigmoid(x).tolist() == [-1000, 0] and activation.silu(x).tolist() == [0, 1000]
    assert mg.logaddexp(x, x).tolist() == pytest.approx([-1000 + math.log(2), 1000 + math.log(2)])


def test_out_and_numpy_names(device):
    out = mg.zeros(2, device=device)
    assert mg.add(mg.ones(2, device=device), 2, out=out) is out and out.tolist() == [3, 3]
    assert mg.exp(x=mg.zeros(2, device=device)).tolist() == [1, 1]
    assert mg.mul(input=mg.ones(2, device=device), other=3).tolist() == [3, 3]


def test_gradient_names(device):
    x = mg.tensor([1.0], device=device, requires_grad=True)
    names = [str(t.grad_fn) for t in (x + 1, x - 1, x / 2, mg.exp(x), mg.relu(x))]
    assert [name.split()[0].strip("<>") for name in names] == [
        "AddBackward0", "SubBackward0", "DivBackward0", "ExpBackward0", "ReluBackward0",
    ]  # fmt: skip
