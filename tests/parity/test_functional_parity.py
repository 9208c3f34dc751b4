"""autograd.functional and custom Functions beside PyTorch: values, and the structure of what is returned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch")

SHAPES = {"vector": [(3,)], "matrix": [(2, 3)], "two": [(3,), (2, 3)], "number": [()]}
FUNCTIONS = {
    "vector": [
        lambda m, x: x.sin() * x.sum(),
        lambda m, x: (x**2, x.exp()[:2]),
        lambda m, x: (x**3).sum(),
        lambda m, x: (x.cumsum(0).tanh(),),
    ],
    "matrix": [lambda m, x: x @ x.t(), lambda m, x: (x**3).sum(), lambda m, x: x[0] * x[1].softmax(0)],
    "two": [
        lambda m, x, w: w @ x,
        lambda m, x, w: ((w @ x).sin() ** 2).sum(),
        lambda m, x, w: (x * 2, (w @ x).sum(), w.t()),
        lambda m, x, w: x.exp(),
        lambda m, x, w: (x**2).sum(),
    ],
    "number": [lambda m, x: x**3, lambda m, x: m.stack([x, x * x])],
}
CASES = [(kind, k) for kind, functions in FUNCTIONS.items() for k in range(len(functions))]


def values(m: Any, shapes: list[tuple[int, ...]], first: float) -> Any:
    made = [
        m.tensor((first + 0.3 * np.arange(np.prod(shape, dtype=int)).reshape(shape) ** 0.5).tolist(), dtype=m.float64)
        for shape in shapes
    ]
    return made[0] if len(made) == 1 else tuple(made)


def plain(result: Any) -> Any:
    """Nested tuples of arrays."""
    return tuple(map(plain, result)) if isinstance(result, tuple) else result.detach().numpy()


def assert_same(ours: Any, theirs: Any) -> None:
    assert isinstance(ours, tuple) == isinstance(theirs, tuple)
    if isinstance(ours, tuple):
        for a, b in zip(ours, theirs, strict=True):
            assert_same(a, b)
    else:
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, 1e-9, 1e-12)


def run(m: Any, name: str, kind: str, k: int, create_graph: bool) -> Any:
    inputs = values(m, SHAPES[kind], 0.4)
    function = FUNCTIONS[kind][k]

    def f(*args: Any) -> Any:
        return function(m, *args)

    F = m.autograd.functional
    if name in ("jacobian", "hessian"):
        return plain(getattr(F, name)(f, inputs, create_graph=create_graph))
    if name == "vjp":
        outputs = f(*inputs) if isinstance(inputs, tuple) else f(inputs)
        tensors = outputs if isinstance(outputs, tuple) else (outputs,)
        v: Any = tuple(y.detach() * 0 + 0.7 for y in tensors)
        v = v if isinstance(outputs, tuple) else v[0]
    else:
        v = values(m, SHAPES[kind], -0.2)
    return plain(getattr(F, name)(f, inputs, v, create_graph=create_graph))


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize(("kind", "k"), CASES)
@pytest.mark.parametrize("name", ["vjp", "jvp", "jacobian", "hessian", "vhp", "hvp"])
def test_functional(name, kind, k, create_graph):
    try:
        expected = run(torch, name, kind, k, create_graph)
    except RuntimeError:
        with pytest.raises(RuntimeError):
            run(minigrad, name, kind, k, create_graph)
    else:
        assert_same(run(minigrad, name, kind, k, create_graph), expected)


def polynomial(m: Any) -> type:
    """A Function with two outputs, tensor and other arguments, an input in the result and a saved output."""

    class Polynomial(m.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, w: Any, power: int) -> Any:
            y = x**power * w
            ctx.power = power
            ctx.save_for_backward(x, w, y)
            return y, y.sum(0), w

        @staticmethod
        def backward(ctx: Any, g: Any, g_sum: Any, g_w: Any) -> Any:
            x, _, y = ctx.saved_tensors
            g = g + g_sum
            return g * ctx.power * y / x, (g * x**ctx.power) + 5 * g_w, None

    return Polynomial


@pytest.mark.parametrize("used", [(1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1)])
def test_function(used):
    results = []
    for m in (minigrad, torch):
        x, w = (values(m, [(2, 3)], first).requires_grad_() for first in (0.4, 1.3))
        outputs = polynomial(m).apply(x * 2, w, 3)
        loss = sum((y**2).sum() for y, take in zip(outputs, used, strict=True) if take)
        first = m.autograd.grad(loss, [x, w], create_graph=True)
        second = m.autograd.grad(sum((g**2).sum() for g in first), [x, w])
        results.append(plain((*first, *second)))
    assert_same(*results)
