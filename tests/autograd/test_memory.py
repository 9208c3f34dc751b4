"""Memory is freed by reference counting alone, at once: the garbage collector is off in every test here."""

import gc
import tracemalloc
import weakref

import pytest

import minigrad
from minigrad import autograd


@pytest.fixture(autouse=True)
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def leaf(*shape):
    return minigrad.ones(*shape, requires_grad=True)




def watched(tensor):
    """A weak reference to a tensor's array."""
    return weakref.ref(tensor.array)


def test_saved_arrays_go_with_the_backward_pass():
    x = leaf(3)
    h = x * 2
    y = h.exp()
    arrays = [watched(h), watched(y)]
    loss = (y * y).sum()
    del h, y
    assert [a() is not None for a in arrays] == [False, True]  # exp saved its output, mul by a number nothing
    loss.backward()
    assert [a() is not None for a in arrays] == [False, False]
    assert loss.grad_fn is not None


def test_a_graph_that_is_dropped_is_freed():
    x = leaf(3)
    h = x * x
    e = h.exp()
    y = (e * e + h.sigmoid() + h[0]).sum()
    arrays, node = [watched(e), weakref.ref(h.grad_fn)], weakref.ref(y.grad_fn)
    del h, e
    assert all(r() is not None for r in arrays)
    del y
    assert node() is None and all(r() is None for r in arrays)


def test_every_kind_of_node_is_freed():
    x = leaf(4, 4)
    index = minigrad.tensor([0, 2])
    outputs = [
        x.sort(0).values, x.max(1)[0], x[index], x[1:, ::2], x.view(2, 8), x.split(2)[1], minigrad.cat([x, x]),
        x.softmax(1), x.std(), x @ x, x.unbind(0)[0], x.cumsum(0), minigrad.where(x > 0, x, x * 2), x.prod(),
        minigrad.einsum("ij,jk->ik", x, x), x.t(), x.norm(),
    ]  # fmt: skip
    nodes = [weakref.ref(y.grad_fn) for y in outputs]
    del outputs
    assert [n for n in nodes if n() is not None] == []


def test_in_place_histories_are_freed():
    x = leaf(4)
    base = x * 1
    view = base[1:3]
    view.mul_(2)
    base[0] = x[1] * 3
    view += 1
    y = (base * view.sum()).sum()
    refs = [weakref.ref(t) for t in (base, view)] + [weakref.ref(t.grad_fn) for t in (base, view, y)]
    del base, view, y
    assert [r() for r in refs] == [None] * len(refs)


def test_values_kept_for_an_in_place_change_go_with_the_pass():
    h = leaf(4) * 2
    h.pow_(3)
    kept = weakref.ref(next(a for a in h.grad_fn.frame if isinstance(a, type(h.array))))
    assert kept() is not None
    h.sum().backward()
    assert kept() is None


def test_hooks_and_retain_grad_make_no_cycle():
    x = leaf(2)
    h = x * 2
    h.retain_grad()
    h.register_hook(lambda g: g * 2)
    h.sum().backward()
    refs = weakref.ref(h), weakref.ref(h.grad_fn)
    del h
    assert refs[0]() is None and refs[1]() is None


def test_grad_with_create_graph_makes_no_cycle():
    x = leaf(2)
    y = (x.exp() * x.tanh()).sum()
    (g,) = autograd.grad(y, x, create_graph=True)
    (gg,) = autograd.grad(g.sum(), x, create_graph=True)
    refs = [weakref.ref(t) for t in (y, g, gg)] + [weakref.ref(t.grad_fn) for t in (y, g, gg)]
    del y, g, gg
    assert [r() for r in refs] == [None] * len(refs)


def test_a_graph_is_freed_after_an_error():
    x = leaf(2)
    h = x * 1
    y = (h * h).sum()
    h.add_(1)
    ref = weakref.ref(y.grad_fn)
    with pytest.raises(RuntimeError) as raised:
        y.backward()
    del raised, h, y
    assert ref() is None


def blocks():
    return tracemalloc.get_traced_memory()[0]


def test_ten_thousand_training_steps_in_flat_memory():
    minigrad.manual_seed(0)
    w1, b1 = minigrad.randn(4, 8, requires_grad=True), leaf(8)
    w2 = minigrad.randn(8, 1, requires_grad=True)
    x, target = minigrad.randn(16, 4), minigrad.randn(16, 1)

    def step():
        hidden = (x @ w1 + b1).tanh()
        loss = ((hidden @ w2 - target) ** 2).mean()
        for p in (w1, b1, w2):
            p.grad = None
        loss.backward()
        with minigrad.no_grad():
            for p in (w1, b1, w2):
                p -= 0.01 * p.grad
        return loss

    def many(n):
        for _ in range(n):
            step()

    many(3_000)  # Python keeps up to 2,000 freed tuples of each size for later use
    tracemalloc.start()
    try:
        many(10)
        before = blocks()
        many(10_000)
        growth = blocks() - before
    finally:
        tracemalloc.stop()
    assert growth < 20_000, f"{growth} bytes more after ten thousand steps"
    assert len(gc.get_objects()) and gc.collect() < 100


def test_in_place_and_second_order_steps_in_flat_memory():
    x = leaf(6)

    def step():
        out = minigrad.zeros(6)
        for k in range(3):
            out[k] = x[k] * 2
        out += x
        (g,) = autograd.grad((out**2).sum(), x, create_graph=True)
        (g**2).sum().backward()
        x.grad = None

    for _ in range(2_500):
        step()
    tracemalloc.start()
    try:
        step()
        before = blocks()
        for _ in range(1_000):
            step()
        growth = blocks() - before
    finally:
        tracemalloc.stop()
    assert growth < 20_000, f"{growth} bytes more after 1,000 steps"
