"""autograd.functional: values with numbers written out, and PyTorch's structures of results."""

import pytest

import minigrad
from minigrad.autograd.functional import hessian, hvp, jacobian, jvp, vhp, vjp


def t(*values):
    return minigrad.tensor(list(values), dtype=minigrad.float64)


def square(x):
    return x * x


def polar(r, a):
    """From polar coordinates; Jacobian [[cos, -r sin], [sin, r cos]]."""
    return r * a.cos(), r * a.sin()


def energy(x):
    return x[0] ** 2 * x[1] + x[1] ** 3


# --- products with a Jacobian ---------------------------------------------------------------------------------


def test_vjp(device):
    x = minigrad.tensor([1.0, 2.0, 3.0], device=device)
    y, g = vjp(square, x, minigrad.tensor([1.0, 10.0, 100.0], device=device))
    assert y.tolist() == [1.0, 4.0, 9.0] and g.tolist() == [2.0, 40.0, 600.0]
    assert not y.requires_grad and not g.requires_grad and not x.requires_grad


def test_vjp_of_one_number_needs_no_vector():
    assert vjp(lambda x: square(x).sum(), t(1.0, 2.0))[1].tolist() == [2.0, 4.0]
    with pytest.raises(RuntimeError, match="v can be left out"):
        vjp(square, t(1.0, 2.0))


def test_vjp_structure():
    r, a = t(2.0), t(0.0)
    (x, y), (gr, ga) = vjp(polar, (r, a), (t(1.0), t(3.0)))
    assert (x.item(), y.item()) == (2.0, 0.0)
    assert (gr.item(), ga.item()) == (1.0, 6.0)
    with pytest.raises(RuntimeError, match="shapes of the outputs"):
        vjp(polar, (r, a), t(1.0))
    with pytest.raises(TypeError, match="inputs must be a tensor"):
        vjp(square, 3.0)
    with pytest.raises(TypeError, match="what the function returns"):
        vjp(lambda x: 3, r)


def test_jvp(device):
    x = minigrad.tensor([1.0, 2.0], device=device)
    y, g = jvp(lambda x: (x[0] * x[1]).reshape(1) + x, x, minigrad.tensor([1.0, 10.0], device=device))
    assert y.tolist() == [3.0, 4.0] and g.tolist() == [13.0, 22.0]


def test_jvp_structure_and_one_element():
    (x, y), (dx, dy) = jvp(polar, (t(2.0), t(0.0)), (t(1.0), t(5.0)))
    assert (dx.item(), dy.item()) == (1.0, 10.0) and x.item() == 2.0 and y.item() == 0.0
    assert jvp(lambda x: minigrad.stack([x, x * x]).reshape(2), t(3.0))[1].tolist() == [1.0, 6.0]
    with pytest.raises(RuntimeError, match="v can be left out"):
        jvp(square, t(1.0, 2.0))


def test_independent_outputs_give_zeros_or_raise():
    constant = t(5.0)
    assert vjp(lambda x: constant * 1, t(1.0, 2.0))[1].tolist() == [0.0, 0.0]
    assert jvp(lambda x: (x, constant * 1), t(1.0), t(1.0))[1][1].tolist() == [0.0]
    assert jacobian(lambda x, y: x * 2, (t(1.0), t(1.0, 2.0)))[1].tolist() == [[0.0, 0.0]]
    for call in (
        lambda: vjp(lambda x: constant * 1, t(1.0), strict=True),
        lambda: jvp(lambda x: constant * 1, t(1.0), strict=True),
        lambda: jacobian(lambda x, y: x * 2, (t(1.0), t(1.0)), strict=True),
        lambda: hessian(lambda x: x.sum(), t(1.0), strict=True),
        lambda: vhp(lambda x: x.sum(), t(1.0), strict=True),
    ):
        with pytest.raises(RuntimeError, match="strict=True"):
            call()


def test_create_graph():
    x = t(3.0).requires_grad_()
    for f, expected in ((vjp, 12 * 9.0), (jvp, 12 * 9.0)):
        _, g = f(lambda x: (x**4).sum(), x, create_graph=True)
        g.sum().backward()
        assert g.sum().item() == 4 * 27.0 and x.grad.item() == expected
        x.grad = None
    v = t(2.0).requires_grad_()
    vjp(square, x, v, create_graph=True)[1].sum().backward()
    assert v.grad.item() == 6.0 and x.grad.item() == 4.0


def test_products_within_no_grad():
    with minigrad.no_grad():
        assert vjp(square, t(3.0))[1].item() == 6.0
        assert jvp(square, t(3.0))[1].item() == 6.0
        assert hessian(energy, t(1.0, 2.0)).tolist() == [[4.0, 2.0], [2.0, 12.0]]
        assert not minigrad.is_grad_enabled()


# --- whole matrices -------------------------------------------------------------------------------------------


def test_jacobian(device):
    x = minigrad.tensor([1.0, 2.0], device=device)
    j = jacobian(lambda x: minigrad.stack([x[0] * x[1], x[0], x[1] ** 2]), x)
    assert j.tolist() == [[2.0, 1.0], [1.0, 0.0], [0.0, 4.0]] and not j.requires_grad


def test_jacobian_shapes_and_structure():
    x, w = minigrad.randn(2, 3), minigrad.randn(3, 4)
    jx, jw = jacobian(minigrad.matmul, (x, w))
    assert jx.shape == (2, 4, 2, 3) and jw.shape == (2, 4, 3, 4)
    assert jx[1, 2, 1].tolist() == w[:, 2].tolist() and jx[0, 2, 1].tolist() == [0.0] * 3
    rows = jacobian(polar, (t(2.0), t(0.0)))
    assert [[e.item() for e in row] for row in rows] == [[1.0, 0.0], [0.0, 2.0]]
    assert jacobian(lambda x: x.sum(), x).shape == (2, 3)
    assert jacobian(lambda x: x * 2, minigrad.randn(())).shape == ()
    assert jacobian(lambda x: x[:0], x).shape == (0, 3, 2, 3)
    assert isinstance(jacobian(lambda x: (x,), x), tuple)


def test_jacobian_with_create_graph():
    x = t(1.0, 2.0).requires_grad_()
    j = jacobian(lambda x: x**3, x, create_graph=True, vectorize=True)
    assert j.tolist() == [[3.0, 0.0], [0.0, 12.0]]
    (j**2).sum().backward()
    assert x.grad.tolist() == [2 * 3 * 6.0, 2 * 12 * 12.0]


def test_hessian(device):
    x = minigrad.tensor([1.0, 2.0], device=device)
    assert hessian(energy, x).tolist() == [[4.0, 2.0], [2.0, 12.0]]


def test_hessian_structure():
    h = hessian(lambda a, b: (a.sum() * b).sum() + (a**2).sum(), (t(1.0, 2.0), t(3.0)))
    assert h[0][0].tolist() == [[2.0, 0.0], [0.0, 2.0]]
    assert h[0][1].tolist() == [[1.0], [1.0]] and h[1][0].tolist() == [[1.0, 1.0]] and h[1][1].tolist() == [[0.0]]
    with pytest.raises(RuntimeError, match="one tensor with one element"):
        hessian(square, t(1.0, 2.0))
    x = t(2.0).requires_grad_()
    hessian(lambda x: (x**4).sum(), x, create_graph=True).sum().backward()
    assert x.grad.item() == 48.0


def test_products_with_the_hessian():
    x, v = t(1.0, 2.0), t(1.0, 10.0)
    for product in (vhp, hvp):
        value, result = product(energy, x, v)
        assert value.item() == 10.0 and result.tolist() == [24.0, 122.0]
        assert not result.requires_grad
        values = product(lambda a, b: (a * b).sum(), (t(2.0), t(3.0)), (t(1.0), t(10.0)))
        assert [r.item() for r in values[1]] == [10.0, 1.0]
        with pytest.raises(RuntimeError, match="v can be left out"):
            product(energy, x)
        with pytest.raises(RuntimeError, match="one element"):
            product(square, x, v)
        y = t(3.0).requires_grad_()
        product(lambda y: (y**4).sum(), y, create_graph=True)[1].sum().backward()
        assert y.grad.item() == 72.0


def test_a_module_like_closure_gets_no_gradient():
    w = t(2.0).requires_grad_()
    assert jacobian(lambda x: x * w, t(3.0)).tolist() == [[2.0]]
    assert w.grad is None
