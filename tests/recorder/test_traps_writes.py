"""What a step writes into tensors from outside: in place, through `.data`, `out=`, shared memory and odd gradients.

Each test is a trap as a hostile user would set it. It ends in one of two ways: every result equals the eager run to the
last bit, or recording raises an error that names the user's line and says what to do. Never a stale value.
"""

from __future__ import annotations

import numpy as np
import pytest
from recorded_helpers import bits, both_ways, loud_or_equal

import minigrad
from minigrad import nn, optim


def test_a_tensor_as_default_argument_is_changed():
    def scenario(jit):
        total = minigrad.zeros(3)

        @jit
        def step(x, total=total):
            total.add_(x)
            return total * 2

        for _ in range(4):
            yield step(minigrad.ones(3))

    both_ways(scenario, at_least=2)


def test_out():
    def scenario(jit):
        out = minigrad.zeros(3)

        @jit
        def step(x):
            minigrad.add(x, 1, out=out)
            return out * 2

        for _ in range(4):
            yield step(minigrad.randn(3)), bits(out)

    both_ways(scenario, at_least=3)


def test_data_of_another_shape():
    def scenario(jit):
        buffer = minigrad.zeros(3)

        @jit
        def step(x):
            buffer.data = minigrad.cat([x, x])
            return buffer.sum()

        for _ in range(4):
            yield step(minigrad.randn(3)), bits(buffer)

    both_ways(scenario)


def test_data_of_two_parameters_exchanged():
    def scenario(jit):
        a, b = nn.Linear(3, 3), nn.Linear(3, 3)
        optimizer = optim.SGD([*a.parameters(), *b.parameters()], lr=0.1, momentum=0.9)

        @jit
        def step(x):
            optimizer.zero_grad()
            loss = (b(a(x)) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        for k in range(9):
            if k in (4, 6):
                a.weight.data, b.weight.data = b.weight.data, a.weight.data
            yield step(minigrad.randn(2, 3)), a, b, optimizer

    both_ways(scenario, at_least=2)


def test_two_parameters_share_memory():
    def scenario(jit):
        base = minigrad.randn(6)
        a, b = base[:4].detach().requires_grad_(), base[2:].detach().requires_grad_()
        optimizer = optim.SGD([a, b], lr=0.1, momentum=0.9)

        @jit
        def step(x):
            optimizer.zero_grad()
            loss = ((a * x) ** 2).sum() + ((b * x) ** 3).sum()
            loss.backward()
            optimizer.step()
            return loss

        for _ in range(6):
            yield step(minigrad.randn(4)), bits([a, b, base])

    both_ways(scenario, at_least=2)


def test_parts_of_gradients_and_parameters():
    def scenario(jit):
        model = nn.Linear(3, 2)
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        @jit
        def step(x):
            optimizer.zero_grad()
            loss = model(x).sum()
            loss.backward()
            model.weight.grad[0] = 0
            model.bias.grad.data.mul_(2)
            optimizer.step()
            model.weight.data[1].clamp_(-0.1, 0.1)
            return loss

        for _ in range(6):
            yield step(minigrad.randn(2, 3)), bits(model)

    both_ways(scenario, at_least=3)


def test_a_hook_after_a_gradient_is_accumulated():
    def scenario(jit):
        model = nn.Linear(3, 2)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        model.weight.register_post_accumulate_grad_hook(lambda p: p.grad.mul_(0.5))

        @jit
        def step(x):
            optimizer.zero_grad()
            loss = model(x).sum()
            loss.backward()
            optimizer.step()
            return loss

        for _ in range(6):
            yield step(minigrad.randn(2, 3)), model

    both_ways(scenario, at_least=3)


def test_gradients_with_other_strides_are_added_to():
    def scenario(jit):
        w = minigrad.ones(3, requires_grad=True)
        step = jit(lambda x: (w * x).sum().backward())
        for k in range(8):
            step(minigrad.randn(3))
            yield bits(w)
            if k == 3:
                w.grad = minigrad.ones(3)
            if k == 5:
                w.grad = minigrad.ones(6)[::2]

    both_ways(scenario, at_least=3)


def test_an_argument_in_the_memory_of_a_parameter():
    def scenario(jit):
        model = nn.Linear(3, 2)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        weight = model.weight.detach()

        @jit
        def step(x, weight):
            optimizer.zero_grad()
            loss = (model(x) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss, weight * 1, weight.sum()

        for _ in range(6):
            yield step(minigrad.randn(2, 3), weight), model

    both_ways(scenario, at_least=2)


def test_expanded_arguments():
    def scenario(jit):
        step = jit(lambda x: (x * 2, x.sum(0), x.contiguous()))
        for _ in range(4):
            yield step(minigrad.randn(3).expand(4, 3))

    both_ways(scenario, at_least=3)
    change = minigrad.jit(lambda x: x.add_(1))
    for _ in range(2):
        with pytest.raises(RuntimeError):
            change(minigrad.randn(3).expand(4, 3))


def test_arrays_that_cannot_be_written():
    def scenario(jit):
        step = jit(lambda x: minigrad.tensor(x) * 2)
        for k in range(4):
            array = np.full(3, float(k), dtype=np.float32)
            array.flags.writeable = False
            yield step(array)

    both_ways(scenario, at_least=3)


def test_learning_rates_of_numpy():
    def scenario(jit):
        w = minigrad.ones(3, requires_grad=True)
        optimizer = optim.SGD([w], lr=np.float64(0.1))

        @jit
        def step(x):
            optimizer.zero_grad()
            (w * x).sum().backward()
            optimizer.step()

        for k in range(6):
            optimizer.param_groups[0]["lr"] = [np.float64(0.1), np.float32(0.2), np.array(0.3)][k // 2]
            step(minigrad.ones(3))
            yield bits(w)

    both_ways(scenario, at_least=2)


def test_a_step_under_a_mode_of_its_own():
    def scenario(jit):
        w = minigrad.ones(3, requires_grad=True)

        @jit
        @minigrad.no_grad()
        def step(x):
            w.mul_(0.5)
            return w * x

        for _ in range(5):
            yield step(minigrad.ones(3)), bits(w)

    both_ways(scenario, at_least=3)


def test_a_tensor_as_a_count_is_refused():
    def scenario(jit):
        step = jit(lambda x, n: sum(x for _ in range(n)))
        for n in (3, 2):
            yield step(minigrad.ones(2), minigrad.tensor(n))

    loud_or_equal(scenario)
