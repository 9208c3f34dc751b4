"""Arguments of a recorded step, of every kind.

Each test is a trap as a hostile user would set it. It ends in one of two ways: every result equals the eager run to the
last bit, or recording raises an error that names the user's line and says what to do. Never a stale value.
"""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import pytest
from recorded_helpers import (
    batches,
    bits,
    both_ways,
    loud_or_equal,
    mlp,
    refused,
    regularized,
    trainer,
)

import minigrad
import minigrad.nn.functional as F
from minigrad import optim

# Arguments


def test_the_same_tensor_twice_and_then_two():
    def scenario(jit):
        @jit
        def step(a, b):
            a.add_(1)
            return a * b, b * 2

        for k in range(9):
            a = minigrad.randn(3)
            b = a if k // 3 % 2 == 0 else minigrad.randn(3)
            yield step(a, b), a, b

    both_ways(scenario, at_least=6)


def test_views_of_one_tensor_as_arguments():
    def scenario(jit):
        @jit
        def step(a, b):
            a.mul_(2)
            c = a + b
            b.add_(1)
            return c, a * b

        for k in range(6):
            base = minigrad.randn(6)
            pair = [(base[:3], base[3:]), (base[:4], base[2:]), (base[::2], base[:3])][k % 3]
            yield step(*pair), base

    both_ways(scenario, at_least=2)


def test_an_argument_that_is_also_in_the_closure():
    def scenario(jit):
        w = minigrad.randn(3)

        @jit
        def step(x):
            w.add_(1)
            x.mul_(2)
            return w + x

        for k in range(9):
            yield step(w if k % 3 == 2 else minigrad.randn(3)), bits(w)

    both_ways(scenario, at_least=4)


def test_a_parameter_as_an_argument():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        @jit
        def step(x, y, penalized):
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), y) + (penalized**2).sum()
            loss.backward()
            optimizer.step()
            return loss

        for k, (x, y) in enumerate(batches(9)):
            yield step(x, y, [model[0].weight, model[2].weight, minigrad.ones(2)][k // 3]), model

    both_ways(scenario, at_least=5)


def test_a_view_of_a_parameter_as_an_argument():
    def scenario(jit):
        w = minigrad.randn(3, 2, requires_grad=True)
        optimizer = optim.SGD([w], lr=0.1)

        @jit
        def step(row):
            optimizer.zero_grad()
            loss = (w**2).sum() * row.sum()
            loss.backward()
            optimizer.step()
            return loss, row * 1

        for k in range(6):
            yield step(w.detach()[k % 2]), w

    both_ways(scenario, at_least=3)


def test_arguments_changed_in_place():
    def scenario(jit):
        @jit
        def step(x, buffer):
            x += 1
            buffer[0] = x.sum()
            buffer[1:] *= 2
            return x * 2

        buffer = minigrad.ones(4)
        for _ in range(5):
            x = minigrad.randn(3)
            before = x._version
            yield step(x, buffer), x, bits(buffer)
            assert x._version > before

    both_ways(scenario, at_least=4)


def test_adversarial_examples_with_gradients_of_the_input():
    def scenario(jit):
        model = mlp()

        @jit
        def attack(x, y):
            x = x.detach().requires_grad_()
            loss = F.mse_loss(model(x), y)
            (gradient,) = minigrad.autograd.grad(loss, x)
            return (x + 0.1 * gradient.sign()).detach()

        for x, y in batches(5):
            yield attack(x, y), x

    both_ways(scenario, at_least=4)


def test_an_argument_that_comes_to_require_a_gradient_inside():
    def scenario(jit):
        model = mlp()

        @jit
        def attack(x, y):
            x.requires_grad_()
            F.mse_loss(model(x), y).backward()
            return x.grad * 2

        for x, y in batches(5):
            model.zero_grad()
            yield attack(x, y), x, x.grad, model

    both_ways(scenario, at_least=3)


@pytest.mark.filterwarnings("ignore:.*has been recorded.*")
def test_arguments_that_require_gradients():
    def scenario(jit):
        model = mlp()

        @jit
        def step(x, y):
            loss = F.mse_loss(model(x), y)
            loss.backward()
            return loss

        x = minigrad.randn(8, 4, requires_grad=True)
        for _, y in batches(5):
            x.grad = None
            yield step(x, y), bits(x)
        for x, y in batches(5):
            x.requires_grad_()
            yield step(x, y), x
            yield step(x, y), x

    both_ways(scenario, at_least=3)


def test_floats_are_inputs():
    def scenario(jit):
        step = jit(lambda x, a, b=1.0: (x * a, a * x, a - x, x / a, a / x, x + b, -a * x, abs(a) * x, a * b))
        numbers = [0.5, 2.0, -1.0, 1e-30, 0.0, -0.0, float("inf"), float("nan")]
        for k, a in enumerate(numbers):
            yield step(minigrad.ones(3), a)
            yield step(minigrad.ones(3), a, float(k))
            yield step(minigrad.ones(3), b=a, a=2.0)

    both_ways(scenario, at_least=20)


def put_into(x, value):
    x[:] = minigrad.as_tensor(value)
    return x


FLOATS = {
    "tensor": lambda x, a: x + minigrad.tensor(a),
    "full": lambda x, a: x + minigrad.full((3,), a),
    "fill": lambda x, a: x.clone().fill_(a),
    "clamp": lambda x, a: x.clamp(min=a),
    "alpha": lambda x, a: minigrad.add(x, x, alpha=a),
    "lerp": lambda x, a: minigrad.lerp(x, x * 2, a),
    "where": lambda x, a: minigrad.where(x > 0, x, a),
    "compare": lambda x, a: x > a,
    "pow": lambda x, a: x.abs() ** a,
    "leaky": lambda x, a: F.leaky_relu(x, a),
    "masked": lambda x, a: x.masked_fill(x > 0, a),
    "setitem": lambda x, a: put_into(x.clone(), a),
    "int tensor": lambda x, a: minigrad.arange(3) * a,
    "dropout": lambda x, a: F.dropout(x, a),
    "list": lambda x, a: x + minigrad.tensor([a, 2 * a, 1.0]),
    "linspace": lambda x, a: x + minigrad.linspace(0.0, a, 3),
    "sqrt": lambda x, a: x * a**0.5,
    "math": lambda x, a: x * __import__("math").sqrt(a),
    "branch": lambda x, a: x if a > 0.5 else -x,
    "equal": lambda x, a: x if a == 0.25 else -x,
    "bool": lambda x, a: x if a else -x,
    "max": lambda x, a: x * max(a, 0.5),
    "int": lambda x, a: x * int(a * 10),
    "round": lambda x, a: x * round(a, 1),
    "print": lambda x, a: x * len(f"{a}"),
    "key": lambda x, a: {0.25: x, 0.75: -x, 0.5: 2 * x}[a],
    "in": lambda x, a: x if a in (0.25, 0.5) else -x,
    "numpy": lambda x, a: x * np.float32(a),
    "numpy function": lambda x, a: x * float(np.exp(a)),
    "numpy scalar": lambda x, a: x + np.exp(a),
    "manual lr": lambda x, a: x.clone().sub_(x, alpha=a),
    "normal": lambda x, a: minigrad.normal(0.0, a, (3,)),
}


@pytest.mark.parametrize("use", FLOATS.values(), ids=FLOATS.keys())
def test_a_float_argument_used_in_every_way(use):
    def scenario(jit):
        step = jit(lambda x, a: use(x, a))
        for a in (0.25, 0.75, 0.25, 0.5):
            yield step(minigrad.tensor([0.3, -1.0, 2.0]), a)

    loud_or_equal(scenario)


@pytest.mark.parametrize("use", FLOATS.values(), ids=FLOATS.keys())
def test_a_static_float_may_be_used_in_every_way(use):
    def scenario(jit):
        step = jit(lambda x, a: use(x, a), static=["a"])
        for a in (0.25, 0.75, 0.25, 0.75, 0.5):
            yield step(minigrad.tensor([0.3, -1.0, 2.0]), a)

    both_ways(scenario, at_least=1)


def test_static_zeros_of_both_signs():
    def scenario(jit):
        step = jit(lambda x, a: 1 / (x * a), static="a")
        for a in (0.0, 0.0, -0.0, -0.0, 0.0):
            yield step(minigrad.ones(2), a)

    both_ways(scenario)


def test_ints_bools_texts_and_none_select_programs():
    def scenario(jit):
        @jit
        def step(x, how, n=1, *, double=False, other=None):
            y = x.sum() if how == "sum" else x.mean() if how == "mean" else x
            y = y * n
            return (y * 2 if double else y) + (0 if other is None else other)

        for how in ("sum", "mean", None, 1, True):
            for n in (1, 2, True):
                for _ in range(2):
                    yield step(minigrad.randn(3), how, n)
        for double in (True, False, 1, 0):
            yield step(minigrad.randn(3), "sum", double=double)
            yield step(minigrad.randn(3), how="sum", double=double, other=minigrad.ones(3))

    both_ways(scenario, at_least=8)


def test_numpy_numbers_and_dtypes_as_arguments():
    def scenario(jit):
        step = jit(lambda x, n, dtype: (x * n).to(dtype))
        for n in (np.float32(2), np.float64(2), np.int64(2), np.bool_(True), 2, np.float32(3)):
            for dtype in (minigrad.float32, minigrad.float64):
                for _ in range(2):
                    yield step(minigrad.ones(3), n, dtype)

    both_ways(scenario, at_least=4)


def test_numpy_arrays_as_arguments():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        @jit
        def step(x, y):
            optimizer.zero_grad()
            loss = F.mse_loss(model(minigrad.from_numpy(x)), minigrad.tensor(y))
            loss.backward()
            optimizer.step()
            return loss

        for x, y in batches(6):
            yield step(x.numpy(), y.numpy()), model

    both_ways(scenario, at_least=4)


def test_numpy_arrays_as_arguments_are_changed_in_place_and_returned():
    def scenario(jit):
        @jit
        def step(x, out):
            out += x
            return x * 2, out, minigrad.from_numpy(x).sum()

        out = np.zeros(3, np.float32)
        for k in range(5):
            yield [*step(np.full(3, k, np.float32), out)], out.copy()

    both_ways(scenario, at_least=4)


def test_structures_as_arguments():
    Batch = namedtuple("Batch", "x y")

    def scenario(jit):
        step = jit(lambda batch, more, **named: batch.x * more[0] + more[1]["a"] * named["b"][0] + len(more))
        for k in range(8):
            one = minigrad.randn(3)
            batch = Batch(minigrad.randn(3), None)
            more = [one, {"a": one if k % 2 else minigrad.randn(3)}] + [None] * (k // 4)
            yield step(batch, more, b=(minigrad.randn(3), 2.5))

    both_ways(scenario, at_least=4)


def test_a_list_of_tensors_grows():
    def scenario(jit):
        step = jit(lambda tensors: sum(tensors))
        for k in range(12):
            yield step([minigrad.randn(3) for _ in range(1 + k % 3)])

    both_ways(scenario, at_least=9)


def test_shapes_strides_and_dtypes_select_programs():
    def scenario(jit):
        w = minigrad.randn(4, 4)

        @jit
        def step(x):
            return (x @ w.to(x.dtype)).sum(), x.sum(0), x.tanh() * 2, x.contiguous().view(-1)[0]

        base = minigrad.randn(12, 12)
        for _ in range(2):
            for x in (base[:4, :4], base[:4, :4].t(), base[::3, ::3], base[:4, :4].contiguous(), base[:1, :4]):
                for dtype in (minigrad.float32, minigrad.float64, minigrad.float16):
                    yield step(x.to(dtype)), step(x.to(dtype).clone()), step(x)

    both_ways(scenario, at_least=20)


def test_empty_batches_and_numbers():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        step = trainer(jit, model, optimizer, lambda a, b: ((a - b) ** 2).sum())
        for size in (3, 3, 3, 0, 0, 1, 1, 3):
            yield step(minigrad.randn(size, 4), minigrad.randn(size, 3)), model
        square = jit(lambda x: (x * x, x.sum(), x.exp() + 1))
        for _ in range(3):
            yield square(minigrad.randn(())), square(minigrad.randn(0)), square(minigrad.randn(2, 0, 3))

    both_ways(scenario, at_least=8)


def test_a_smaller_last_batch():
    def scenario(jit):
        model = regularized()
        optimizer = optim.RMSprop(model.parameters(), lr=0.01)
        step = trainer(jit, model, optimizer)
        for _ in range(4):
            for size in (8, 8, 8, 3):
                yield step(minigrad.randn(size, 4), minigrad.randn(size, 3)), model
        yield optimizer

    both_ways(scenario, at_least=12)


def test_missing_wrong_and_additional_arguments_raise_as_in_eager():
    step = minigrad.jit(lambda x, n=2: x * n)
    for _ in range(2):
        step(minigrad.ones(3))
    for bad in (
        lambda: step(),
        lambda: step(minigrad.ones(3), 1, 2),
        lambda: step(minigrad.ones(3), nonsense=1),
        lambda: step(minigrad.ones(3), x=minigrad.ones(3)),
    ):
        with pytest.raises(TypeError, match="argument"):
            bad()
    assert step(minigrad.ones(3)).tolist() == [2, 2, 2]


def test_a_model_and_an_optimizer_as_arguments():
    def scenario(jit):
        @jit
        def step(model, optimizer, x, y):
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        pairs = []
        for _ in range(2):
            model = mlp()
            pairs.append((model, optim.SGD(model.parameters(), lr=0.1, momentum=0.9)))
        for k, (x, y) in enumerate(batches(12)):
            model, optimizer = pairs[k // 3 % 2]
            yield step(model, optimizer, x, y), model

    both_ways(scenario, at_least=6)


def test_an_argument_that_was_computed_with_a_graph():
    def scenario(jit):
        w = minigrad.ones(3, requires_grad=True)
        step = jit(lambda x: (x * 2).sum())
        for _ in range(3):
            loss = step(w * minigrad.randn(3))
            w.grad = None
            loss.backward()
            yield loss, bits(w)

    loud_or_equal(scenario)


def test_a_closure_tensor_that_was_computed_with_a_graph():
    w = minigrad.ones(3, requires_grad=True)
    h = w * 2

    @minigrad.jit
    def step(x):
        return (h * x).sum()  # refused

    refused(step, minigrad.ones(3), watched=[w], saying="detach")


def test_a_step_whose_calls_all_differ_falls_back():
    """Batches of 60 shapes in turn, more than are kept: with a fallback the step runs eagerly, after one line."""
    w = minigrad.ones(1, requires_grad=True)
    said = []
    step = minigrad.jit(lambda x: (w * x).sum(), fallback=said.append)
    for k in range(200):
        assert step(minigrad.ones(1 + k % 60)).item() == 1 + k % 60
    assert len(said) == 1 and said[0].startswith("it has been recorded 32 times: something differs at every call")
    assert step._recordings == 32


def test_a_step_that_is_replayed_often_stays_recorded():
    w = minigrad.ones(1, requires_grad=True)
    step = minigrad.jit(lambda x: (w * x).sum(), fallback=pytest.fail)
    for size in range(1, 35):
        for _ in range(110):
            step(minigrad.ones(size))
    assert step._recordings == 34
