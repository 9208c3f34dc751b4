"""Hooks on gradients: on leaves, on intermediates, after accumulation; retain_grad."""

import pytest

import minigrad
from minigrad import autograd


def leaf(*values):
    return minigrad.tensor(list(values), requires_grad=True)


def test_on_a_leaf():
    x, seen = leaf(1.0, 2.0), []
    x.register_hook(lambda g: seen.append(g.tolist()))
    (x * 3).sum().backward()
    assert seen == [[3.0, 3.0]] and x.grad.tolist() == [3.0, 3.0]


def test_a_leaf_hook_sees_the_whole_gradient_once():
    x, seen = leaf(2.0), []
    x.register_hook(lambda g: seen.append(g.item()))
    (x * x + x).sum().backward()
    assert seen == [5.0]


def test_what_it_returns_replaces_the_gradient():
    x = leaf(1.0)
    x.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: g + 1)
    (x * 3).sum().backward()
    assert x.grad.tolist() == [31.0]


def test_on_an_intermediate():
    x = leaf(1.0, -2.0)
    h = x * 2
    h.register_hook(lambda g: g.clamp(max=1.0))
    (h * h).sum().backward()
    assert x.grad.tolist() == [2.0, -16.0]


def test_removed_and_as_a_context():
    x = leaf(1.0)
    handle = x.register_hook(lambda g: g * 100)
    handle.remove()
    handle.remove()
    with x.register_hook(lambda g: g * 2):
        (x * 1).sum().backward()
    (x * 1).sum().backward()
    assert x.grad.tolist() == [3.0]


def test_wrong_shape_is_refused():
    x = leaf(1.0, 2.0)
    x.register_hook(lambda g: g.sum())
    with pytest.raises(RuntimeError, match="hook returned a gradient of shape"):
        (x * 2).sum().backward()


def test_a_hook_needs_a_gradient():
    with pytest.raises(RuntimeError, match="does not require a gradient"):
        minigrad.ones(1).register_hook(print)


def test_what_a_hook_keeps_does_not_change():
    x, kept = leaf(1.0), []
    x.register_hook(kept.append)
    (x * 3).sum().backward()
    x.grad.zero_()
    assert kept[0].tolist() == [3.0]
    constant = minigrad.ones(1)
    y = leaf(1.0)
    y.register_hook(lambda g: constant)
    (y * 2 + y).sum().backward()
    y.grad.zero_()
    assert constant.tolist() == [1.0]


def test_a_hook_works_in_grad_and_for_second_order():
    x = leaf(3.0)
    h = x * x
    h.register_hook(lambda g: g * 2)
    (g,) = autograd.grad(h.sum(), x, create_graph=True)
    assert g.item() == 12.0
    (gg,) = autograd.grad(g.sum(), x)
    assert gg.item() == 4.0


def test_after_accumulation():
    x, seen = leaf(1.0), []

    def step(p):
        seen.append(p.grad.item())
        p.grad = None

    handle = x.register_post_accumulate_grad_hook(step)
    (x * 3).sum().backward()
    (x * 4).sum().backward()
    assert seen == [3.0, 4.0] and x.grad is None
    handle.remove()
    (x * 5).sum().backward()
    assert x.grad.item() == 5.0
    with pytest.raises(RuntimeError, match="leaves"):
        (x * 2).register_post_accumulate_grad_hook(step)


def test_retain_grad():
    x = leaf(1.0, 2.0)
    h = x * 2
    assert not h.retains_grad
    h.retain_grad()
    h.retain_grad()
    assert h.retains_grad
    (h * h).sum().backward(retain_graph=True)
    assert h.grad.tolist() == [4.0, 8.0]
    (h * 1).sum().backward()
    assert h.grad.tolist() == [5.0, 9.0]
    x.retain_grad()  # no effect on a leaf
    with pytest.raises(RuntimeError):
        minigrad.ones(1).retain_grad()


def test_on_one_output_of_several():
    x = leaf(3.0, 1.0, 2.0)
    values, _ = x.sort()
    values.register_hook(lambda g: g * 10)
    (values * minigrad.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert x.grad.tolist() == [30.0, 10.0, 20.0]


def test_on_a_node():
    x = leaf(1.0)
    y = x * 2
    y.grad_fn.register_prehook(lambda gradients: (gradients[0] * 3,))
    y.sum().backward()
    assert x.grad.item() == 6.0


def test_a_retained_gradient_is_that_of_the_value_after_an_in_place_change():
    x = minigrad.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 2
    y.retain_grad()
    y.mul_(3)
    y.sum().backward()
    assert y.grad.tolist() == [1.0, 1.0, 1.0] and x.grad.tolist() == [6.0, 6.0, 6.0]
    base = x * 2
    view = base[1:]
    base.retain_grad()
    view.retain_grad()
    view.mul_(5)
    (base.sum() + view.sum()).backward()
    assert base.grad.tolist() == [1.0, 2.0, 2.0] and view.grad.tolist() == [1.0, 1.0]
