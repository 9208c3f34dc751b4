"""gradcheck and gradgradcheck find wrong gradients, and pass right ones."""

import pytest

import minigrad
from minigrad import autograd
from minigrad.autograd import Function, GradcheckError, gradcheck, gradgradcheck


def doubles(*shape, requires_grad=True):
    return minigrad.randn(*shape, dtype=minigrad.float64, requires_grad=requires_grad)


class WrongCube(Function):
    """x^3 with the derivative 2 x^2."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 2 * x**2


class WrongSecond(Function):
    """A right first derivative that hides its dependence on x."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * x.detach() ** 2


def test_right_gradients(device):
    x = minigrad.tensor([[0.3, -1.2], [2.0, 0.7]], dtype=minigrad.float64, device=device, requires_grad=True)
    w = minigrad.tensor([0.5, 1.5], dtype=minigrad.float64, device=device, requires_grad=True)

    def f(x, w):
        return (x * w).sin(), (x @ w).tanh()

    assert gradcheck(f, (x, w)) and gradgradcheck(f, (x, w))


def test_a_wrong_gradient_names_input_and_output_and_shows_both():
    x = minigrad.tensor([2.0], dtype=minigrad.float64, requires_grad=True)
    with pytest.raises(GradcheckError) as error:
        gradcheck(lambda a, x: (a * 1, WrongCube.apply(x)), (doubles(1), x))
    text = str(error.value)
    assert "output 1 with respect to input 1" in text and "12." in text and "8." in text
    assert isinstance(error.value, RuntimeError)
    assert gradcheck(WrongCube.apply, x, raise_exception=False) is False


def test_a_wrong_second_derivative():
    x = doubles(3)
    assert gradcheck(WrongSecond.apply, x)
    with pytest.raises(GradcheckError):
        gradgradcheck(WrongSecond.apply, x)


def test_arguments_that_are_no_tensors_or_need_no_gradient():
    constant = doubles(3, requires_grad=False)
    assert gradcheck(lambda x, n, c, s: (x * c) ** n + len(s), (doubles(3), 2, constant, "word"))


def test_a_lost_gradient_is_found():
    x = doubles(2)
    with pytest.raises(GradcheckError, match="does not require a gradient, but depends on input 0"):
        gradcheck(lambda x: x.detach() * 2, x)
    assert gradcheck(lambda x: minigrad.ones(2, dtype=minigrad.float64), x)


def test_gradients_that_differ_from_run_to_run():
    class Shaky(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2 * (1 + 1e-7 * minigrad.rand((), dtype=minigrad.float64))

    x = doubles(2)
    with pytest.raises(GradcheckError, match="nondet_tol"):
        gradcheck(Shaky.apply, x)
    assert gradcheck(Shaky.apply, x, nondet_tol=1e-5)


def test_a_backward_that_forgets_its_gradient():
    class Forgetful(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return minigrad.full_like(g, 2.0)

    with pytest.raises(GradcheckError, match="does not multiply by the gradient"):
        gradcheck(Forgetful.apply, doubles(1))


def test_bad_inputs():
    with pytest.raises(ValueError, match="requires_grad=True"):
        gradcheck(lambda x: x, (minigrad.ones(2),))
    with pytest.raises(ValueError, match="clone"):
        gradcheck(lambda x: x * 2, (doubles(1).expand(3),))
    with pytest.warns(UserWarning, match="float64"), pytest.raises(GradcheckError):
        gradcheck(lambda x: x.exp(), minigrad.ones(1, requires_grad=True), eps=1e-9)


def test_views_and_in_place_inside():
    def f(x):
        y = x.clone()
        y[0] = x[1] * x[2]
        y[1:].mul_(x[:2])
        return y

    assert gradcheck(f, doubles(3)) and gradgradcheck(f, doubles(3))


def test_given_grad_outputs():
    start = doubles(2)
    assert gradgradcheck(lambda x: x**3, doubles(2), start)
    assert gradgradcheck(lambda x: x**3, doubles(2), gen_non_contig_grad_outputs=True)


def test_0d_empty_and_non_contiguous_inputs():
    assert gradcheck(lambda x: x * x, doubles(()))
    assert gradcheck(lambda x: x * x, doubles(0, 3))
    assert gradcheck(lambda x: x.exp(), doubles(3, 2).detach().t().requires_grad_())


def test_inputs_are_left_as_they_were():
    x = doubles(3)
    before = x.tolist()
    gradcheck(lambda x: x.sin(), x)
    assert x.tolist() == before and x.grad is None
    assert autograd.gradcheck is gradcheck
