"""utils.checkpoint: the same gradients, less memory, the same random numbers."""

import gc
import weakref

import pytest

import minigrad
from minigrad import autograd
from minigrad.utils.checkpoint import checkpoint, checkpoint_sequential


def leaf(*values, device="cpu"):
    return minigrad.tensor(list(values), device=device, requires_grad=True)


def layer(w):
    return lambda x: (x @ w).tanh()


@pytest.fixture
def weights():
    minigrad.manual_seed(3)
    return [minigrad.randn(4, 4, requires_grad=True) for _ in range(4)]


def gradients(loss, tensors):
    return [g.tolist() for g in autograd.grad(loss, tensors)]


@pytest.mark.parametrize("use_reentrant", [None, True, False])
def test_gradients_are_equal(weights, device, use_reentrant):
    weights = [w.detach().to(device).requires_grad_() for w in weights]
    x = minigrad.ones(3, 4, device=device, requires_grad=True)

    def both(x):
        return layer(weights[1])(layer(weights[0])(x))

    def loss(run):
        return (run(both, x * 2) ** 2).sum()

    plain = gradients(loss(lambda f, x: f(x)), [x, *weights[:2]])
    kept = gradients(loss(lambda f, x: checkpoint(f, x, use_reentrant=use_reentrant)), [x, *weights[:2]])
    assert kept == plain
    loss(lambda f, x: checkpoint(f, x, use_reentrant=use_reentrant)).backward()  # into .grad, too
    assert [t.grad.tolist() for t in (x, *weights[:2])] == plain


def test_inputs_need_no_gradient_where_parameters_do(weights):
    x = minigrad.ones(2, 4)
    y = checkpoint(layer(weights[0]), x)
    assert y.requires_grad and y.grad_fn.name() == "CheckpointBackward"
    y.sum().backward()
    assert weights[0].grad.tolist() == gradients(layer(weights[0])(x).sum(), [weights[0]])[0]
    assert not checkpoint(lambda x: x * 2, x).requires_grad


def test_closures_over_intermediates():
    x = leaf(2.0)
    h = x * x
    y = checkpoint(lambda a: a * h + h, x)
    y.sum().backward()
    assert x.grad.item() == 3 * 4.0 + 2 * 2.0  # x^3 + x^2


def test_inside_nothing_is_kept():
    x = leaf(1.0, 2.0)
    seen = []

    def f(x):
        h = x.exp()
        seen.append(weakref.ref(h.array))
        return (h * h).sin()

    gc.disable()
    try:
        y = checkpoint(f, x * 1)
        assert seen[0]() is None  # gone as soon as the function is left
        z = f(x * 1)
        assert seen[1]() is not None
        y.sum().backward()
        assert len(seen) == 3 and seen[2]() is None  # run again, and gone again
        refs = [weakref.ref(y), weakref.ref(y.grad_fn)]
        del y, z
        assert [r() for r in refs] == [None, None]
    finally:
        gc.enable()


def test_there_is_one_node(weights):
    x = minigrad.ones(2, 4, requires_grad=True)
    y = checkpoint(lambda x: layer(weights[1])(layer(weights[0])(x)), x)
    leaves = {id(node.variable) for node, _ in y.grad_fn.next_functions}
    assert leaves == {id(x), id(weights[0]), id(weights[1])}


def test_random_numbers_are_the_same():
    x = minigrad.ones(1000, requires_grad=True)

    def dropped(x):
        return x * (minigrad.rand(1000) < 0.5)

    minigrad.manual_seed(0)
    y = checkpoint(dropped, x)
    after = minigrad.rand(3).tolist()
    y.sum().backward()
    assert x.grad.tolist() == y.tolist()
    minigrad.manual_seed(0)
    dropped(x)
    assert minigrad.rand(3).tolist() == after  # the stream goes on as without checkpoint
    x.grad = None
    y = checkpoint(dropped, x, preserve_rng_state=False)
    y.sum().backward()
    assert x.grad.tolist() != y.tolist()


def test_the_second_run_leaves_the_stream_alone():
    x = minigrad.ones(3, requires_grad=True)
    minigrad.manual_seed(1)
    y = checkpoint(lambda x: x * minigrad.rand(3), x)
    state = minigrad.get_rng_state().tolist()
    y.sum().backward()
    assert minigrad.get_rng_state().tolist() == state


def test_second_order():
    x, w = leaf(2.0), leaf(3.0)
    y = checkpoint(lambda x: x**3 * w, x)
    (g,) = autograd.grad(y.sum(), x, create_graph=True)
    gx, gw = autograd.grad(g.sum(), [x, w])
    assert (g.item(), gx.item(), gw.item()) == (36.0, 36.0, 12.0)


def test_structures_and_keywords():
    x = leaf(1.0, 2.0)

    def f(x, *, factor, names):
        assert names == ["a"]
        return {"double": x * factor, "rest": [x.argmax(), (x + 1, "text")], "input": x}

    out = checkpoint(f, x, factor=2, names=["a"])
    assert out["input"] is x and x.is_leaf and out["rest"][0].item() == 1 and out["rest"][1][1] == "text"
    (out["double"] * 10 + out["rest"][1][0]).sum().backward()
    assert x.grad.tolist() == [21.0, 21.0]
    x.grad = None
    checkpoint(f, x, factor=2, names=["a"])["double"].sum().backward()  # one output of two
    assert x.grad.tolist() == [2.0, 2.0]


def test_nested(weights):
    x = minigrad.ones(2, 4, requires_grad=True)
    calls = []

    def inner(x):
        calls.append("inner")
        return layer(weights[1])(x)

    def outer(x):
        return layer(weights[2])(checkpoint(inner, layer(weights[0])(x)))

    plain = gradients(outer(x).sum(), [x, *weights[:3]])
    calls.clear()
    y = checkpoint(outer, x)
    assert calls == ["inner"]
    assert gradients(y.sum(), [x, *weights[:3]]) == plain
    assert calls == ["inner"] * 3  # forward, outer again, inner again


def test_retain_graph_and_second_backward():
    x = leaf(1.0)
    y = checkpoint(lambda x: x**2, x)
    y.sum().backward(retain_graph=True)
    y.sum().backward()
    assert x.grad.item() == 4.0
    with pytest.raises(RuntimeError, match=r"CheckpointBackward.*retain_graph"):
        y.sum().backward()


def test_changed_arguments_are_noticed():
    h = leaf(1.0) * 1
    y = checkpoint(lambda x: x**2, h)
    h.mul_(2)
    with pytest.raises(RuntimeError, match=r"CheckpointBackward.*mul_"):
        y.sum().backward()
    w = leaf(1.0)
    y = checkpoint(lambda x: x * w, minigrad.ones(1))
    with minigrad.no_grad():
        w.add_(1)
    with pytest.raises(RuntimeError, match=r"CheckpointBackward.*add_"):
        y.sum().backward()


def test_a_function_that_does_something_else_is_noticed():
    a, b = leaf(1.0), leaf(2.0)
    current = [a]
    y = checkpoint(lambda x: x * current[0], leaf(1.0))
    current[0] = b
    with pytest.raises(RuntimeError, match="did something else"):
        y.sum().backward()


def test_a_tensor_that_escapes_says_so():
    escaped = []

    def f(x):
        h = x * 2
        escaped.append(h)
        return h * h

    y = checkpoint(f, leaf(1.0))
    with pytest.raises(RuntimeError, match="inside checkpoint"):
        escaped[0].sum().backward()
    y.sum().backward()


def test_results_may_be_changed_in_place():
    x = leaf(1.0, 2.0)
    y = checkpoint(lambda x: (x * 2).reshape(2, 1), x)  # a view of what is gone
    y += x.reshape(2, 1)
    y.mul_(3)
    y.sum().backward()
    assert x.grad.tolist() == [9.0, 9.0]
    h = x * 1
    z = checkpoint(lambda h: h[0:1], h)
    with pytest.raises(RuntimeError, match="clone"):
        z.mul_(2)  # a view of the argument


def test_in_place_work_inside():
    x = leaf(1.0, 2.0, 3.0)

    def f(x):
        out = minigrad.zeros(3)
        out[0] = x[1] * x[2]
        out[1:] += x[:2] ** 2
        return out

    assert gradients(checkpoint(f, x).sum(), [x]) == gradients(f(x).sum(), [x]) == [[2.0, 7.0, 2.0]]


def test_custom_functions_inside():
    saved = []

    class Cube(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            out = x**3
            saved.append(weakref.ref(out.array))
            ctx.save_for_backward(x, out)
            return out

        @staticmethod
        def backward(ctx, g):
            return g * 3 * ctx.saved_tensors[0] ** 2

    x = leaf(2.0)
    y = checkpoint(lambda x: Cube.apply(x * 1) * 1, x)
    assert saved[0]() is None
    y.sum().backward()
    assert x.grad.item() == 12.0


def test_hooks_inside_run_once():
    x, seen = leaf(1.0), []

    def f(x):
        h = x * 2
        h.register_hook(lambda g: seen.append(g.item()))
        return h * 3

    checkpoint(f, x).sum().backward()
    assert seen == [3.0]


def test_modes():
    x = leaf(1.0)
    with minigrad.no_grad():
        assert not checkpoint(lambda x: x * 2, x).requires_grad

    def f(x):
        with minigrad.no_grad():
            mask = x > 0
        with minigrad.enable_grad():
            return x * mask

    y = checkpoint(f, x).sum()
    with minigrad.no_grad():
        y.backward()
    assert x.grad.item() == 1.0 and minigrad.is_grad_enabled()
    with pytest.raises(KeyError):
        checkpoint(lambda x: {}["missing"], x)
    assert minigrad.is_grad_enabled() and (x * 2).grad_fn.name() == "MulBackward0"


def test_anomalies_inside_are_found():
    with pytest.raises(RuntimeError, match=r"SqrtBackward0[\s\S]*0\)\.sqrt\(\)"), autograd.detect_anomaly():
        checkpoint(lambda x: (x * 0.0).sqrt() * 0.0, leaf(1.0)).sum().backward()


def test_context_fn():
    entered = []

    class Note:
        def __init__(self, name):
            self.name = name

        def __enter__(self):
            entered.append(self.name)

        def __exit__(self, *exc):
            pass

    y = checkpoint(lambda x: x * x, leaf(1.0), context_fn=lambda: (Note("first"), Note("second")))
    y.sum().backward()
    assert entered == ["first", "second"]


def test_sequential(weights):
    x = minigrad.ones(2, 4, requires_grad=True)
    layers = [layer(w) for w in weights]

    def plain(x):
        for f in layers:
            x = f(x)
        return x

    expected = gradients(plain(x).sum(), [x, *weights])
    for segments in (1, 2, 3, 4):
        y = checkpoint_sequential(layers, segments, x)
        assert gradients(y.sum(), [x, *weights]) == expected
    with pytest.raises(ValueError, match="segments"):
        checkpoint_sequential(layers, 5, x)
