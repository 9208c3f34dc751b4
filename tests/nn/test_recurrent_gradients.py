"""The gradient rules of recurrent operations: finite differences, the composed twin, second order."""

from __future__ import annotations

import itertools

import pytest
from recurrent_helpers import CELLS, KINDS, apart, initial, joined, made, parts, weighted
from recurrent_operations import ENDS, OPERATIONS, Case

import minigrad as mg
from minigrad import autograd
from minigrad.autograd import gradcheck, gradgradcheck
from minigrad.backend import blas
from minigrad.ops.recurrent import stretches

TIGHT = 1e-11


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("kind", OPERATIONS)
def test_gradients_are_finite_differences(kind, ends, reverse, bias):
    """Of every output by every input: each output alone, so that one which nobody used is None to the rule."""
    case = Case(kind, ends, reverse=reverse, bias=bias)
    assert gradcheck(case, case.leaves, check_grad_dtypes=True)


def compare_with_twin(case, used, message):
    """Values, and the gradients of the outputs at the positions `used`."""
    fused, composed = case(), case.composed()
    assert len(fused) == len(composed)
    for a, b in zip(fused, composed):
        assert apart(a, b) < TIGHT * (1 + b.detach().abs().max().item()), message
    if not case.needed:
        assert not any(y.requires_grad for y in fused)
        return
    starts = [mg.randn(*y.shape, dtype=y.dtype, device=y.device) for y in fused]
    both = [
        autograd.grad([ys[k] for k in used], case.needed, [starts[k] for k in used], allow_unused=True)
        for ys in (fused, composed)
    ]
    for x, g, w in zip(case.needed, *both, strict=True):
        g, w = (mg.zeros_like(x) if part is None else part for part in (g, w))
        assert apart(g, w) < TIGHT * (1 + w.abs().max().item()), f"{message}: input of shape {tuple(x.shape)}"


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("kind", OPERATIONS)
def test_the_twin_is_equal(kind, ends, reverse):
    """At several sizes, with every set of outputs used."""
    for sizes in [(7, 5, 3, 4), (1, 1, 1, 1), (2, 1, 4, 3), (1, 6, 2, 5), (12, 2, 2, 9), (3, 11, 3, 2)]:
        for bias in (True, False):
            case = Case(kind, ends, reverse=reverse, bias=bias, sizes=sizes)
            count = len(case())
            for n in range(1, count + 1):
                for used in itertools.combinations(range(count), n):
                    compare_with_twin(case, used, f"{sizes}, bias={bias}, outputs {used}")


@pytest.mark.parametrize("lean", [0, 100, 300, 10**6])
@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("kind", OPERATIONS)
def test_the_twin_is_equal_however_products_are_cut(kind, ends, lean, monkeypatch):
    """Into pieces, step by step, or not at all: on this processor or on another."""
    monkeypatch.setattr(blas, "LEAN", lean)
    for sizes in [(4, 9, 3, 8), (3, 9, 2, 3)]:
        case = Case(kind, ends, reverse=lean == 100, sizes=sizes)
        compare_with_twin(case, range(len(case())), f"{sizes}, lean up to {lean}")


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("kind", OPERATIONS)
def test_the_twin_is_equal_over_short_stretches(kind, ends, reverse, monkeypatch):
    """Long sequences go through the same memory again and again, and what is needed later is copied."""
    monkeypatch.setattr(stretches, "_SHORT", 2)
    case = Case(kind, ends, reverse=reverse, sizes=(13, 2, 3, 4))
    for _ in range(2):  # the second time in memory that has been used
        compare_with_twin(case, range(len(case())), "short stretches")


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("kind", OPERATIONS)
def test_any_inputs_may_need_no_gradient(kind, ends):
    names = Case(kind, ends).names
    sets = [{name} for name in names] + [{*names} - {name} for name in names]
    sets += [{*names}, {"input", "h", "c"}, {name for name in names if "_" in name}]
    for frozen in sets:
        case = Case(kind, ends, reverse=len(frozen) % 2 == 0, frozen=frozen)
        compare_with_twin(case, range(len(case())), f"frozen: {sorted(frozen)}")


@pytest.mark.parametrize("kind", OPERATIONS)
def test_the_twin_is_equal_on_a_device(kind, device):
    for ends in ENDS:
        case = Case(kind, ends, reverse=True, device=device)
        compare_with_twin(case, range(len(case())), ends)


@pytest.mark.parametrize("kind", OPERATIONS)
def test_the_twin_is_equal_for_large_numbers(kind):
    """Where gates are shut or wide open, and where tanh is flat."""
    case = Case(kind, sizes=(4, 3, 2, 3))
    with mg.no_grad():
        for x in case.leaves:
            x.mul_(30.0)
    if kind == "RNN of relu":  # which grows by powers
        case.leaves[case.names.index("weight_hh")].data.mul_(0.01)
    compare_with_twin(case, range(len(case())), "large")


# -- gradients of gradients


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("kind", OPERATIONS)
def test_second_order_gradients_are_finite_differences(kind, ends, reverse):
    case = Case(kind, ends, reverse=reverse, sizes=(2, 2, 1, 2), frozen={"bias_hh"} if reverse else {"bias_ih"})
    assert gradgradcheck(case, case.leaves)


@pytest.mark.parametrize("kind", KINDS)
def test_products_of_the_hessian_with_a_vector(kind):
    """Through a whole module, against differences of first-order gradients; lengths and two directions within."""
    layer = made(kind, 2, 4, num_layers=2, bidirectional=True)
    x, states = mg.randn(4, 3, 2, dtype=mg.float64), initial(layer, 3, requires_grad=False)
    points = [*layer.parameters()]
    directions = [mg.randn(*p.shape, dtype=mg.float64) for p in points]

    def gradients(create_graph=False):
        loss = weighted([y**2 for y in parts(layer(x, joined(states), lengths=[4, 1, 3]))])
        return autograd.grad(loss, points, create_graph=create_graph)

    products = autograd.grad(gradients(create_graph=True), points, directions)
    eps = 1e-5
    ends = []
    for sign in (1, -1):
        with mg.no_grad():
            for p, v in zip(points, directions):
                p.add_(sign * eps * v)
        ends.append(gradients())
        with mg.no_grad():
            for p, v in zip(points, directions):
                p.sub_(sign * eps * v)
    for found, above, below in zip(products, *ends, strict=True):
        assert apart(found, (above - below) / (2 * eps)) < 1e-6 * (1 + found.abs().max().item())


@pytest.mark.parametrize("kind", KINDS)
def test_a_gradient_penalty_reaches_the_weights(kind, device):
    """The norm of the input's gradient, differentiated by `backward`; first-order gradients do not change by it."""
    layer = made(kind, 2, 4, device=device)
    x = mg.randn(4, 3, 2, dtype=mg.float64, device=device, requires_grad=True)
    (plain,) = autograd.grad(weighted(parts(layer(x))), x)
    (first,) = autograd.grad(weighted(parts(layer(x))), x, create_graph=True)
    assert apart(plain, first) < TIGHT
    (first**2).sum().backward()
    found = layer.weight_hh_l0.grad
    assert found is not None and bool((found != 0).any())
    eps = 1e-6
    penalty = []
    for sign in (1, -1):
        with mg.no_grad():
            layer.weight_hh_l0[0, 0] += sign * eps
        (g,) = autograd.grad(weighted(parts(layer(x))), x)
        penalty.append((g**2).sum().item())
        with mg.no_grad():
            layer.weight_hh_l0[0, 0] -= sign * eps
    assert abs(found[0, 0].item() - (penalty[0] - penalty[1]) / (2 * eps)) < 1e-5 * (1 + abs(found[0, 0].item()))


@pytest.mark.parametrize("kind", CELLS)
def test_cells(kind):
    """First and second order, batched and not, the state used or not."""
    cell = made(kind, 2, 2)
    count = 2 if "LSTM" in kind else 1
    for batch in ((2,), ()):
        x = mg.randn(*batch, 2, dtype=mg.float64, requires_grad=True)
        states = [mg.randn(*batch, 2, dtype=mg.float64, requires_grad=True) for _ in range(count)]

        def run(x, *given):
            return cell(x, joined(given[:count]))

        assert gradcheck(run, (x, *states, *cell.parameters()))
        assert gradgradcheck(run, (x, *states, cell.weight_hh, cell.bias_ih))
        assert gradcheck(lambda x, *_: cell(x), (x, *cell.parameters()))


@pytest.mark.parametrize("kind", KINDS)
def test_a_hessian(kind):
    """Of the last state by the first input: symmetric, and differences of the Jacobian."""
    layer = made(kind, 2, 4)
    x = mg.randn(3, 1, 2, dtype=mg.float64)

    def last(x):
        return (layer(x)[0][-1] ** 2).sum()

    found = autograd.functional.hessian(last, x).reshape(6, 6)
    assert apart(found, found.T) < TIGHT
    eps = 1e-5
    step = mg.zeros(6, dtype=mg.float64)
    step[0] = eps
    ends = [autograd.functional.jacobian(last, x + sign * step.reshape(3, 1, 2)).flatten() for sign in (1, -1)]
    assert apart(found[0], (ends[0] - ends[1]) / (2 * eps)) < 1e-7
