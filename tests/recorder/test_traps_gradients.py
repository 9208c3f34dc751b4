"""Gradients that a recorded step leaves, finds, adds to, and that the user keeps.

Each test is a trap as a hostile user would set it. It ends in one of two ways: every result equals the eager run to the
last bit, or recording raises an error that names the user's line and says what to do. Never a stale value.
"""

from __future__ import annotations

import numpy as np
import pytest
from recorded_helpers import (
    batches,
    bits,
    both_ways,
    mlp,
    trainer,
)

import minigrad
import minigrad.nn.functional as F
from minigrad import nn, optim

# Gradients


def test_gradients_accumulate_over_calls():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        @jit
        def accumulate(x, y):
            loss = F.mse_loss(model(x), y) / 2
            loss.backward()
            return loss

        @jit
        def update():
            optimizer.step()
            optimizer.zero_grad()

        for k, (x, y) in enumerate(batches(12)):
            yield accumulate(x, y), bits(model)
            if k % 2:
                update()
                yield bits([model, optimizer])

    both_ways(scenario, at_least=10)


def test_gradients_accumulate_for_ever():
    def scenario(jit):
        model = mlp()

        @jit
        def accumulate(x, y):
            F.mse_loss(model(x), y).backward()

        for x, y in batches(8):
            accumulate(x, y)
            yield bits(model)

    both_ways(scenario, at_least=5)


def test_zero_grad_outside_the_step():
    for set_to_none in (True, False):

        def scenario(jit, set_to_none=set_to_none):
            model = mlp()
            optimizer = optim.SGD(model.parameters(), lr=0.1)

            @jit
            def step(x, y):
                loss = F.mse_loss(model(x), y)
                loss.backward()
                optimizer.step()
                return loss

            for x, y in batches(8):
                optimizer.zero_grad(set_to_none=set_to_none)
                yield step(x, y), bits(model)

        both_ways(scenario, at_least=5)


def test_zero_grad_that_keeps_zeros():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        @jit
        def step(x, y):
            optimizer.zero_grad(set_to_none=False)
            loss = F.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        for x, y in batches(8):
            yield step(x, y), bits(model)

    both_ways(scenario, at_least=5)


def test_gradients_zeroed_in_place():
    def scenario(jit):
        model = mlp()

        @jit
        def step(x, y):
            for p in model.parameters():
                if p.grad is not None:
                    p.grad.zero_()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            with minigrad.no_grad():
                for p in model.parameters():
                    p -= 0.1 * p.grad
            return loss

        for x, y in batches(8):
            yield step(x, y), bits(model)

    both_ways(scenario, at_least=5)


KEEPS = {
    "tensor": lambda p: p.grad,
    "detach": lambda p: p.grad.detach(),
    "data": lambda p: p.grad.data,
    "numpy": lambda p: p.grad.numpy(),
    "numpy slice": lambda p: p.grad.numpy()[0],
    "numpy of a slice": lambda p: p.grad[0].numpy(),
    "numpy T": lambda p: p.grad.numpy().T,
    "numpy ravel": lambda p: p.grad.numpy().ravel(),
    "numpy view": lambda p: p.grad.numpy().view(np.int32),
    "numpy slice of a slice": lambda p: p.grad.numpy()[1:][:1],
    "array": lambda p: p.grad.array,
    "slice": lambda p: p.grad[0],
    "slice of a slice": lambda p: p.grad[1:][0],
    "view": lambda p: p.grad.view(-1),
    "transposed": lambda p: p.grad.t(),
    "element": lambda p: p.grad[0, 0],
    "dlpack": lambda p: np.from_dlpack(p.grad),
    "frombuffer": lambda p: np.asarray(memoryview(p.grad.numpy())),
    "dict": lambda p: {"deep": [p.grad]},
}


@pytest.mark.parametrize("cleared", ["inside", "outside", "outside, grad = None", "never"])
@pytest.mark.parametrize("keep", KEEPS.values(), ids=KEEPS.keys())
def test_a_gradient_that_the_user_keeps(keep, cleared):
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        @jit
        def step(x, y):
            if cleared == "inside":
                optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        for x, y in batches(7):
            if cleared == "outside":
                optimizer.zero_grad()
            if cleared == "outside, grad = None":
                model[0].weight.grad = None
            yield step(x, y)
            yield keep(model[0].weight)

    both_ways(scenario, at_least=4)


@pytest.mark.parametrize("keep", KEEPS.values(), ids=KEEPS.keys())
def test_a_gradient_in_another_order_that_the_user_keeps(keep):
    def scenario(jit):
        w = minigrad.randn(4, 5, requires_grad=True)
        optimizer = optim.SGD([w], lr=0.1)

        @jit
        def step(x):
            optimizer.zero_grad()
            loss = ((x @ w.t()) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        for _ in range(6):
            yield step(minigrad.randn(3, 5))
            yield keep(w)

    both_ways(scenario, at_least=4)


def test_all_gradients_kept_at_every_step():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        step = trainer(jit, model, optimizer)
        history = []
        for x, y in batches(8):
            step(x, y)
            history.append([p.grad for p in model.parameters()])
            yield bits(history)
        yield history

    both_ways(scenario, at_least=5)


def test_a_gradient_kept_while_another_program_runs():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        step = trainer(jit, model, optimizer)
        for sizes in ((8, 8, 8), (8, 3, 8), (3, 8, 3), (8, 3, 3, 8, 8)):
            for size in sizes:
                step(minigrad.randn(size, 4), minigrad.randn(size, 3))
                yield model[0].weight.grad, model[2].bias.grad.numpy()

    both_ways(scenario, at_least=8)


def test_a_gradient_moved_to_another_tensor():
    def scenario(jit):
        model, shadow = mlp(), mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        step = trainer(jit, model, optimizer)
        for x, y in batches(8):
            step(x, y)
            yield bits(shadow)
            for p, q in zip(model.parameters(), shadow.parameters()):
                q.grad, p.grad = p.grad, None

    both_ways(scenario, at_least=5)


def test_gradients_exchanged_between_parameters():
    def scenario(jit):
        a, b = minigrad.ones(3, requires_grad=True), minigrad.zeros(3, requires_grad=True)

        @jit
        def step(x):
            ((a - x) ** 2).sum().backward()
            ((b + x) ** 3).sum().backward()
            return a.grad * b.grad

        for _ in range(6):
            yield step(minigrad.randn(3)), bits([a, b])
            a.grad, b.grad = b.grad, a.grad

    both_ways(scenario, at_least=3)


def test_the_gradient_of_the_last_step_is_used_in_the_next():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        @jit
        def step(x, y):
            before = [p.grad for p in model.parameters()]
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            alike = sum((b * p.grad).sum() for b, p in zip(before, model.parameters()) if b is not None)
            optimizer.step()
            return loss, alike * 1

        for x, y in batches(8):
            yield step(x, y), bits(model)

    both_ways(scenario, at_least=5)


def test_the_gradient_of_the_last_step_is_given_back():
    def scenario(jit):
        w = minigrad.ones(3, requires_grad=True)

        @jit
        def step(x):
            before = w.grad
            w.grad = None
            ((w * x) ** 2).sum().backward()
            return before, w.grad

        for _ in range(7):
            yield step(minigrad.randn(3))

    both_ways(scenario, at_least=3)


def test_gradients_set_by_the_user():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        update = jit(lambda: optimizer.step())
        ones = {p: minigrad.ones_like(p) for p in model.parameters()}
        for k in range(10):
            for p in model.parameters():
                p.grad = [ones[p], minigrad.randn(*p.shape), minigrad.ones_like(p.t() if p.ndim > 1 else p).t()][k % 3]
            if k > 5:
                model[0].bias.grad = None
            update()
            yield bits(model)

    both_ways(scenario, at_least=4)


def test_gradient_clipping_between_backward_and_step():
    def scenario(jit):
        for clip in (
            lambda model: nn.utils.clip_grad_norm_(model.parameters(), 0.1),
            lambda model: nn.utils.clip_grad_value_(model.parameters(), 0.01),
        ):
            model = mlp()
            optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

            @jit
            def step(x, y, model=model, optimizer=optimizer, clip=clip):
                optimizer.zero_grad()
                loss = F.mse_loss(model(x), y)
                loss.backward()
                norm = clip(model)
                optimizer.step()
                return loss, norm

            for x, y in batches(6):
                yield step(x, y), model

    both_ways(scenario, at_least=8)


def test_clipping_outside_between_two_recorded_halves():
    def scenario(jit):
        model = mlp()
        optimizer = optim.RMSprop(model.parameters(), lr=0.01)

        @jit
        def forward_backward(x, y):
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            return loss

        update = jit(optimizer.step)
        for x, y in batches(8):
            yield forward_backward(x, y), bits(model)
            norm = nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            update()
            yield norm, bits(model)

    both_ways(scenario, at_least=10)


def test_two_backward_passes_in_one_step():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        @jit
        def step(x, y):
            optimizer.zero_grad()
            first = F.mse_loss(model(x), y)
            first.backward()
            second = F.l1_loss(model(x * 2), y)
            second.backward()
            optimizer.step()
            return first, second

        for x, y in batches():
            yield step(x, y), model

    both_ways(scenario, at_least=4)


def test_backward_twice_through_a_retained_graph():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        @jit
        def step(x, y):
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward(retain_graph=True)
            loss.backward()
            optimizer.step()
            return loss

        for x, y in batches():
            yield step(x, y), model

    both_ways(scenario, at_least=4)


def test_a_gradient_penalty():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        @jit
        def step(x, y):
            optimizer.zero_grad()
            x = x.detach().requires_grad_()
            out = model(x)
            (gradient,) = minigrad.autograd.grad(out.sum(), x, create_graph=True)
            loss = F.mse_loss(out, y) + (gradient.norm() - 1) ** 2
            loss.backward()
            optimizer.step()
            return loss

        for x, y in batches():
            yield step(x, y), model

    both_ways(scenario, at_least=4)


def test_an_optimizer_step_without_any_gradient():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1, weight_decay=0.1)

        @jit
        def step(x):
            optimizer.step()
            return model(x).sum()

        for x, _ in batches(4):
            yield step(x), model

    both_ways(scenario, at_least=2)


def test_backward_of_nothing_and_twice_raises_as_in_eager():
    def scenario(jit):
        w = minigrad.ones(3, requires_grad=True)

        @jit
        def twice(x):
            loss = (w * x).exp().sum()
            loss.backward()
            loss.backward()

        @jit
        def nothing(x):
            (x * 2).sum().backward()

        for _ in range(3):
            with pytest.raises(RuntimeError, match="second time"):
                twice(minigrad.ones(3))
            with pytest.raises(RuntimeError, match="does not require a gradient"):
                nothing(minigrad.ones(3))
            yield bits(w)

    both_ways(scenario, at_least=0)
