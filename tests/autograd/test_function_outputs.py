"""Custom Functions: what they may return and save, and what they keep alive."""

import gc
import weakref

import pytest
from function_helpers import Exp, SumAndProduct

import minigrad
from minigrad import autograd
from minigrad.autograd import Function


def leaf(*values):
    return minigrad.tensor(list(values), requires_grad=True)


# --- outputs that are inputs, views, or changed in place ------------------------------------------------------


class Identity(Function):
    @staticmethod
    def forward(ctx, x):
        return x

    @staticmethod
    def backward(ctx, g):
        return g * 10


def test_an_input_returned_as_it_is():
    x = leaf(1.0, 2.0)
    y = Identity.apply(x)
    assert y is not x and x.is_leaf and x.grad_fn is None and y.grad_fn.name() == "IdentityBackward"
    y.sum().backward()
    assert x.grad.tolist() == [10.0, 10.0]
    h = x * 1
    z = Identity.apply(h)
    with pytest.raises(RuntimeError, match="clone"):
        z.mul_(2)  # would have to reach h past the custom backward
    with minigrad.no_grad():
        assert not Identity.apply(h).requires_grad
    assert h.requires_grad


def test_a_view_of_an_input():
    class First(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.shape = x.shape
            return x[0]

        @staticmethod
        def backward(ctx, g):
            out = minigrad.zeros(ctx.shape)
            out[0] = g * 100
            return out

    x = leaf(1.0, 2.0)
    First.apply(x * 1).backward()
    assert x.grad.tolist() == [100.0, 0.0]
    with pytest.raises(RuntimeError):
        First.apply(x * 1).mul_(2)


def test_a_view_whose_base_changes_afterwards_is_refused():
    x = leaf(1.0, 2.0)
    h = x * 1
    y = Identity.apply(h)
    h.mul_(2)
    with pytest.raises(RuntimeError, match="changed in place"):
        (y * 1).sum().backward()


class ExpInPlace(Function):
    @staticmethod
    def forward(ctx, x):
        x.exp_()
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx, g):
        (out,) = ctx.saved_tensors
        return g * out


def test_mark_dirty():
    x = leaf(0.0, 1.0)
    h = x * 2
    view = h[1:]
    y = ExpInPlace.apply(h)
    assert y is h and h.grad_fn.name() == "ExpInPlaceBackward"
    (h.sum() + view.sum()).backward()
    e2 = minigrad.tensor(2.0).exp().item()
    assert x.grad.tolist() == pytest.approx([2.0, 2 * 2 * e2])


def test_mark_dirty_of_a_view():
    x = leaf(0.0, 1.0)
    h = x * 2
    ExpInPlace.apply(h[1:])
    h.sum().backward()
    assert x.grad.tolist() == pytest.approx([2.0, 2 * minigrad.tensor(2.0).exp().item()])


def test_mark_dirty_is_checked():
    class Lost(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)
            return x * 1

    with pytest.raises(RuntimeError, match="marked dirty is not an output"):
        Lost.apply(leaf(1.0) * 1)
    with pytest.raises(RuntimeError, match="leaf"):
        ExpInPlace.apply(leaf(1.0))
    saved = leaf(1.0) * 1
    y = saved * saved
    ExpInPlace.apply(saved)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()


def test_the_engine_does_not_take_the_users_array_for_its_own():
    kept = minigrad.ones(1)

    class Constant(Function):
        @staticmethod
        def forward(ctx, a, b):
            return a + b

        @staticmethod
        def backward(ctx, g):
            return kept, kept

    a, b = leaf(1.0), leaf(1.0)
    (Constant.apply(a, b) + a * 5 + a).sum().backward()
    assert (kept.item(), a.grad.item(), b.grad.item()) == (1.0, 7.0, 1.0)
    b.grad.zero_()
    assert kept.item() == 1.0


def test_no_reference_cycles():
    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0, 2.0)
        y = Exp.apply(x * 1)
        s, p = SumAndProduct.apply(y, y)
        t = ExpInPlace.apply(x * 1)
        refs = [weakref.ref(r) for r in (y, s, p, t, y.grad_fn, s.grad_fn, t.grad_fn)]
        del y, s, p, t
        assert [r() for r in refs] == [None] * len(refs)
        y = Exp.apply(x)
        (g,) = autograd.grad(y.sum(), x, create_graph=True)
        refs = [weakref.ref(r) for r in (y, g, y.grad_fn, g.grad_fn)]
        del y, g
        assert [r() for r in refs] == [None] * len(refs)
        h = x * 1
        z = SumAndProduct.apply(h, x)[1]
        saved = weakref.ref(h.array)
        del h
        assert saved() is not None
        z.sum().backward()
        assert saved() is None  # released by the pass
    finally:
        gc.enable()


def test_free_attributes_and_saved_none():
    class Attributes(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(None, x)
            ctx.shapes, ctx.op, ctx.anything = x.shape, "op", [1]
            return x * 2

        @staticmethod
        def backward(ctx, g):
            nothing, x = ctx.saved_tensors
            assert nothing is None and (ctx.shapes, ctx.op, ctx.anything) == (x.shape, "op", [1])
            return g * 2

    x = leaf(1.0)
    Attributes.apply(x).sum().backward()
    assert x.grad.item() == 2.0
