"""Custom operations: autograd.Function in both styles, and everything its ctx offers."""

import pytest
from function_helpers import Exp, SumAndProduct

import minigrad
from minigrad import autograd
from minigrad.autograd import Function
from minigrad.autograd.function import once_differentiable


def leaf(*values, device="cpu", dtype=None):
    return minigrad.tensor(list(values), device=device, dtype=dtype, requires_grad=True)


class MyReLU(Function):
    """As in the tutorial."""

    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        return input.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        (input,) = ctx.saved_tensors
        grad_input = grad_output.clone()
        grad_input[input < 0] = 0
        return grad_input


class Scaled(Function):
    """The newer style, with an argument that is no tensor."""

    @staticmethod
    def forward(x, factor=3.0):
        return x * factor

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.factor = inputs
        assert output.shape == x.shape

    @staticmethod
    def backward(ctx, g):
        assert ctx.needs_input_grad == (True, False)
        return g * ctx.factor, None


def test_relu(device):
    x = leaf(-1.0, 2.0, 3.0, device=device)
    y = MyReLU.apply(x * 2)
    assert y.tolist() == [0.0, 4.0, 6.0] and y.requires_grad
    assert y.grad_fn.name() == "MyReLUBackward" and repr(y.grad_fn) == "<MyReLUBackward>"
    y.sum().backward()
    assert x.grad.tolist() == [0.0, 2.0, 2.0]


def test_the_graph_can_be_walked_through_it():
    x = leaf(1.0)
    y = SumAndProduct.apply(x, minigrad.ones(1))[1]
    assert y.grad_fn.name() == "SumAndProductBackward"
    assert y.grad_fn.next_functions[0][0].variable is x
    assert MyReLU.apply(x).grad_fn.saved_tensors[0] is x


def test_saved_output_and_higher_orders():
    x = leaf(0.5, dtype=minigrad.float64)
    y = Exp.apply(x)
    (g,) = autograd.grad(y.sum(), x, create_graph=True)
    (gg,) = autograd.grad(g.sum(), x, create_graph=True)
    (ggg,) = autograd.grad(gg.sum(), x)
    assert y.item() == g.item() == gg.item() == ggg.item()
    assert autograd.gradcheck(Exp.apply, x) and autograd.gradgradcheck(Exp.apply, x)


def test_setup_context_style():
    x = leaf(1.0, 2.0)
    Scaled.apply(x).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    Scaled.apply(x, 5.0).sum().backward()
    assert x.grad.tolist() == [8.0, 8.0]
    Scaled.apply(x, factor=2.0).sum().backward()
    assert x.grad.tolist() == [10.0, 10.0]


def test_several_outputs():
    a, b = leaf(2.0), leaf(5.0)
    s, p = SumAndProduct.apply(a, b)
    (s + 10 * p).sum().backward()
    assert a.grad.item() == 51.0 and b.grad.item() == 21.0
    a.grad = b.grad = None
    SumAndProduct.apply(a, b)[1].sum().backward()  # the other gradient is zeros
    assert a.grad.item() == 5.0 and b.grad.item() == 2.0
    double = [leaf(2.0, 1.0, dtype=minigrad.float64), leaf(5.0, -1.0, dtype=minigrad.float64)]
    assert autograd.gradcheck(SumAndProduct.apply, double) and autograd.gradgradcheck(SumAndProduct.apply, double)


def test_materialize_grads():
    seen = []

    class Two(Function):
        @staticmethod
        def forward(ctx, x, materialize):
            ctx.set_materialize_grads(materialize)
            return x * 1, x.double() * 2

        @staticmethod
        def backward(ctx, g, h):
            seen.append((g, h))
            return g, None

    x = leaf(1.0, 2.0)
    Two.apply(x, True)[0].sum().backward()
    assert seen[0][1].tolist() == [0.0, 0.0] and seen[0][1].dtype is minigrad.float64
    Two.apply(x, False)[0].sum().backward()
    assert seen[1][1] is None


def test_non_differentiable_outputs():
    class Top(Function):
        @staticmethod
        def forward(ctx, x):
            values, rounded, index = x * 2, x.round(), x.argmax()
            ctx.mark_non_differentiable(rounded)
            ctx.save_for_backward(rounded)
            return values, rounded, index

        @staticmethod
        def backward(ctx, g, *others):
            assert [o.tolist() for o in others] == [[0.0, 0.0], 0]
            assert not ctx.saved_tensors[0].requires_grad
            return g * 2

    x = leaf(1.4, 2.6)
    values, rounded, index = Top.apply(x)
    assert values.requires_grad and not rounded.requires_grad and not index.requires_grad
    values.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_needs_input_grad():
    seen = []

    class Product(Function):
        @staticmethod
        def forward(ctx, a, b, name):
            seen.append(ctx.needs_input_grad)
            ctx.save_for_backward(a, b)
            return a * b

        @staticmethod
        def backward(ctx, g):
            a, b = ctx.saved_tensors
            return g * b if ctx.needs_input_grad[0] else None, g * a if ctx.needs_input_grad[1] else None, None

    a, b = minigrad.ones(1), leaf(3.0)
    Product.apply(a, b, "name").sum().backward()
    assert seen == [(False, True, False)] and b.grad.item() == 1.0 and a.grad is None


def test_nothing_is_recorded_where_nothing_is_needed():
    x = leaf(1.0)
    with minigrad.no_grad():
        y = MyReLU.apply(x)
    assert not y.requires_grad and y.is_leaf
    assert not MyReLU.apply(minigrad.ones(1)).requires_grad

    class Inside(Function):
        @staticmethod
        def forward(ctx, x):
            assert not minigrad.is_grad_enabled() and x.requires_grad
            return x * 2

        @staticmethod
        def backward(ctx, g):
            assert not minigrad.is_grad_enabled()
            return g * 2

    Inside.apply(x).sum().backward()
    assert x.grad.item() == 2.0


def test_gradients_are_fitted_to_the_input():
    class Row(Function):
        @staticmethod
        def forward(ctx, row, matrix):
            return row + matrix

        @staticmethod
        def backward(ctx, g):
            return g, g.double()

    row, matrix = leaf(1.0, 2.0), minigrad.zeros(3, 2, requires_grad=True)
    Row.apply(row, matrix).sum().backward()
    assert row.grad.tolist() == [3.0, 3.0]  # summed, as in PyTorch
    assert matrix.grad.dtype is minigrad.float32


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        (lambda g: (g, g), RuntimeError, "returned 2 gradients, but forward takes 1"),
        (lambda g: (), RuntimeError, "returned 0 gradients"),
        (lambda g: g.sum(), RuntimeError, r"shape \(\) for argument 0"),
        (lambda g: 3.0, TypeError, "must return tensors or None, got float"),
    ],
)
def test_bad_gradients(returned, error, message):
    class Bad(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return returned(g)

    with pytest.raises(error, match=rf"BadBackward: .*{message}"):
        Bad.apply(leaf(1.0, 2.0)).sum().backward()


def test_trailing_none_and_none_for_all():
    class Lazy(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return None, None, None

    x = leaf(1.0)
    Lazy.apply(x).sum().backward()
    assert x.grad is None


def test_a_gradient_for_what_is_no_tensor():
    class Odd(Function):
        @staticmethod
        def forward(ctx, x, n):
            return x * n

        @staticmethod
        def backward(ctx, g):
            return g, g

    with pytest.raises(RuntimeError, match="argument 1, which is not a tensor"):
        Odd.apply(leaf(1.0), 2).sum().backward()


def test_missing_pieces():
    class Nothing(Function):
        pass

    class Half(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

    with pytest.raises(NotImplementedError, match="forward"):
        Nothing.apply(leaf(1.0))
    with pytest.raises(NotImplementedError, match="backward"):
        Half.apply(leaf(1.0)).sum().backward()
    with pytest.raises(RuntimeError, match=r"MyReLU\.apply"):
        MyReLU()(leaf(1.0))


def test_vjp_is_another_name_for_backward():
    class Twice(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def vjp(ctx, g):
            return g * 2

    x = leaf(1.0)
    Twice.apply(x).sum().backward()
    assert x.grad.item() == 2.0


def test_saved_tensors_are_guarded():
    x = leaf(1.0, 2.0) * 1
    y = MyReLU.apply(x)
    x.mul_(2)
    with pytest.raises(RuntimeError, match=r"MyReLUBackward.*mul_"):
        y.sum().backward()
    z = Exp.apply(leaf(1.0))
    w = z * 2
    z.zero_()
    with pytest.raises(RuntimeError, match="ExpBackward"):
        w.sum().backward()


def test_only_tensors_are_saved():
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x, 3)
            return x

    with pytest.raises(TypeError, match="argument 1 is int"):
        Wrong.apply(leaf(1.0))


def test_second_backward():
    x = leaf(1.0)
    y = MyReLU.apply(x)
    y.sum().backward()
    with pytest.raises(RuntimeError, match=r"MyReLUBackward.*retain_graph"):
        y.sum().backward()
    z = MyReLU.apply(x)
    z.sum().backward(retain_graph=True)
    z.sum().backward()
    assert x.grad.item() == 3.0


def test_once_differentiable():
    class Cube(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        @once_differentiable
        def backward(ctx, g):
            assert not minigrad.is_grad_enabled()
            (x,) = ctx.saved_tensors
            return g * 3 * x**2

    x = leaf(2.0)
    Cube.apply(x).sum().backward()
    assert x.grad.item() == 12.0
    (g,) = autograd.grad(Cube.apply(x).sum(), x, create_graph=True)
    assert g.item() == 12.0
    with pytest.raises(RuntimeError, match="once_differentiable"):
        g.sum().backward()
