"""no_grad, enable_grad, set_grad_enabled, inference_mode: as contexts, as decorators, in generators and threads."""

import threading

import pytest

import minigrad
from minigrad import autograd


def leaf(*values):
    return minigrad.tensor(list(values), requires_grad=True)


def test_as_contexts():
    x = leaf(1.0)
    with minigrad.no_grad():
        assert not minigrad.is_grad_enabled() and not (x * 2).requires_grad
        with minigrad.enable_grad():
            assert (x * 2).requires_grad
        assert not (x * 2).requires_grad
    with minigrad.inference_mode():
        assert minigrad.is_inference_mode_enabled() and not (x * 2).requires_grad
    with minigrad.inference_mode(False):
        assert not minigrad.is_inference_mode_enabled() and (x * 2).requires_grad
    with minigrad.set_grad_enabled(False):
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad and not minigrad.is_inference_mode_enabled()


def test_a_leaf_made_inside_may_require_a_gradient():
    with minigrad.no_grad():
        x = leaf(1.0)
    assert x.requires_grad and (x * 2).requires_grad


@pytest.mark.parametrize(
    "make",
    [
        lambda: minigrad.no_grad,
        lambda: minigrad.no_grad(),
        lambda: minigrad.inference_mode,
        lambda: minigrad.inference_mode(),
        lambda: minigrad.set_grad_enabled(False),
    ],
)
def test_as_decorators(make):
    x = leaf(1.0)

    @make()
    def f(n):
        """Doc."""
        inner = f(n - 1) if n else None  # a decorated function may call itself
        assert inner is None or not inner.requires_grad
        return x * 2

    assert minigrad.is_grad_enabled()
    assert not f(3).requires_grad and f.__name__ == "f" and f.__doc__ == "Doc."
    assert minigrad.is_grad_enabled()


def test_enable_grad_as_decorator():
    x = leaf(1.0)

    @minigrad.enable_grad()
    def f():
        return x * 2

    with minigrad.no_grad():
        assert f().requires_grad


def test_decorated_generators():
    x = leaf(1.0)

    @minigrad.no_grad()
    def values():
        """Yields what it is sent, doubled."""
        sent = None
        try:
            while True:
                sent = yield (x * 2).requires_grad, minigrad.is_grad_enabled(), sent
        except KeyError:
            yield "caught", minigrad.is_grad_enabled(), None
        return "done"

    running = values()
    assert next(running) == (False, False, None)
    assert minigrad.is_grad_enabled() and (x * 2).requires_grad  # between the steps the caller's mode holds
    assert running.send(7) == (False, False, 7)
    assert running.throw(KeyError()) == ("caught", False, None)
    with pytest.raises(StopIteration) as stop:
        next(running)
    assert stop.value.value == "done"
    closing = values()
    next(closing)
    closing.close()
    assert minigrad.is_grad_enabled()


def test_set_grad_enabled_as_a_call():
    before = minigrad.is_grad_enabled()
    try:
        minigrad.set_grad_enabled(False)
        assert not minigrad.is_grad_enabled()
    finally:
        minigrad.set_grad_enabled(before)
    assert minigrad.is_grad_enabled()


def test_an_exception_restores_the_mode():
    for make in (minigrad.no_grad, minigrad.inference_mode, lambda: minigrad.set_grad_enabled(False)):
        with pytest.raises(KeyError), make():
            raise KeyError
        assert minigrad.is_grad_enabled()
    x = leaf(1.0)
    with pytest.raises(RuntimeError):
        (x * 2).sum().backward(minigrad.ones(3), create_graph=False)
    assert minigrad.is_grad_enabled()


def test_one_object_entered_twice():
    mode = minigrad.no_grad()
    with mode:
        with mode:
            assert not minigrad.is_grad_enabled()
        assert not minigrad.is_grad_enabled()
    assert minigrad.is_grad_enabled()


def test_backward_works_inside_no_grad():
    x = leaf(2.0)
    y = (x * x).sum()
    with minigrad.no_grad():
        y.backward()
        assert not minigrad.is_grad_enabled()
    assert x.grad.item() == 4.0
    y = (x * x).sum()
    with minigrad.no_grad():
        (g,) = autograd.grad(y, x, create_graph=True)
        assert g.requires_grad and not minigrad.is_grad_enabled()


def test_modes_belong_to_their_thread():
    seen = {}
    inside, go_on = threading.Event(), threading.Event()

    def other():
        with minigrad.no_grad():
            inside.set()
            go_on.wait(5)
            seen["other"] = minigrad.is_grad_enabled()

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait(5)
    seen["main"] = minigrad.is_grad_enabled()
    with minigrad.no_grad():
        fresh = threading.Thread(target=lambda: seen.update(fresh=minigrad.is_grad_enabled()))
        fresh.start()
        fresh.join()
    go_on.set()
    thread.join()
    assert seen == {"main": True, "other": False, "fresh": True}


def test_threads_differentiate_side_by_side():
    results = [None] * 4

    def work(k):
        x = leaf(float(k))
        for _ in range(200):
            x.grad = None
            (x * x * x).sum().backward()
        results[k] = x.grad.item()

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [0.0, 3.0, 12.0, 27.0]
