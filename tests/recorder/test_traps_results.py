"""What leaves a recorded step: tensors that escape, and what it returns.

Each test is a trap as a hostile user would set it. It ends in one of two ways: every result equals the eager run to the
last bit, or recording raises an error that names the user's line and says what to do. Never a stale value.
"""

from __future__ import annotations

from collections import OrderedDict, namedtuple

import numpy as np
import pytest
from recorded_helpers import (
    Settings,
    batches,
    bits,
    both_ways,
    loud_or_equal,
    mlp,
    refused,
    trainer,
)

import minigrad
from minigrad import RecordingError, nn, optim

# Tensors that escape


def test_losses_appended_inside_the_step():
    losses = []

    @minigrad.jit
    def step(x):
        loss = (x * 2).sum()
        losses.append(loss)  # refused
        return loss

    refused(step, minigrad.ones(3), saying="return")


def test_detached_losses_appended_inside_the_step():
    losses = []

    @minigrad.jit
    def step(x):
        losses.append((x * 2).sum().detach())  # refused

    refused(step, minigrad.ones(3), saying="return")


def test_a_hidden_state_kept_on_the_model():
    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.Linear(4, 4)
            self.hidden = minigrad.zeros(1, 4)

        def forward(self, x):
            self.hidden = minigrad.tanh(self.cell(x) + self.hidden.detach())
            return self.hidden * 1

    def scenario(jit):
        model = Recurrent()
        step = jit(lambda x: model(x))
        for _ in range(5):
            yield step(minigrad.randn(1, 4)), model.hidden

    loud_or_equal(scenario)


def test_a_hidden_state_copied_into_a_buffer():
    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.Linear(4, 4)
            self.register_buffer("hidden", minigrad.zeros(2, 4))

        def forward(self, x):
            hidden = minigrad.tanh(self.cell(x) + self.hidden)
            self.hidden.copy_(hidden.detach())
            return hidden

    def scenario(jit):
        model = Recurrent()
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        @jit
        def step(x):
            optimizer.zero_grad()
            loss = (model(x) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        for k in range(6):
            if k == 4:
                model.hidden.zero_()
            yield step(minigrad.randn(2, 4)), model

    loud_or_equal(scenario)


def test_a_hidden_state_passed_from_call_to_call():
    def scenario(jit):
        cell = nn.Linear(4, 4)
        optimizer = optim.SGD(cell.parameters(), lr=0.1)

        @jit
        def step(x, h):
            optimizer.zero_grad()
            h = minigrad.tanh(cell(x) + h)
            loss = (h**2).mean()
            loss.backward()
            optimizer.step()
            return loss, h.detach()

        h = minigrad.zeros(2, 4)
        for _ in range(6):
            loss, h = step(minigrad.randn(2, 4), h)
            yield loss, h

    both_ways(scenario, at_least=4)


def test_a_hidden_state_passed_on_with_its_graph():
    def scenario(jit):
        cell = nn.Linear(4, 4)

        @jit
        def step(x, h):
            h = minigrad.tanh(cell(x) + h)
            return h

        h = minigrad.zeros(2, 4)
        for _ in range(4):
            h = step(minigrad.randn(2, 4), h)
            yield h

    loud_or_equal(scenario)


def test_something_kept_in_a_cache_of_the_model():
    class Cached(nn.Module):
        def __init__(self):
            super().__init__()
            self.cache = {}

        def forward(self, x):
            if x.shape not in self.cache:
                self.cache[x.shape] = minigrad.arange(x.shape[1], dtype=minigrad.float32)
            return x + self.cache[x.shape]

    def scenario(jit):
        model = Cached()
        step = jit(lambda x: model(x))
        for k in range(9):
            yield step(minigrad.randn(2, 3 + k % 2))

    both_ways(scenario, at_least=4)


def test_a_tensor_set_as_data_inside_the_step():
    def scenario(jit):
        w, average = minigrad.ones(3, requires_grad=True), minigrad.zeros(3)

        @jit
        def step(x):
            w.data = w.data * 0.5 + x
            average.data = 0.9 * average + 0.1 * w.detach()
            return (w * average).sum()

        for k in range(6):
            if k == 3:
                w.data = minigrad.zeros(3)
            yield step(minigrad.randn(3)), w, average

    both_ways(scenario, at_least=3)


def test_running_sums_outside_the_step():
    def scenario(jit):
        total, history, position = minigrad.zeros(()), minigrad.zeros(4, 3), minigrad.zeros(2, 3)

        @jit
        def step(x):
            total.add_(x.sum())
            history[1] = x
            history[2:4] += x
            position[0].mul_(0.5).add_(x)
            history.view(-1)[0] = total
            return total * 2

        for _ in range(6):
            yield step(minigrad.randn(3)), bits([total, history, position])

    both_ways(scenario, at_least=5)


def test_a_running_sum_with_the_graph_of_the_loss():
    def scenario(jit):
        total, w = minigrad.zeros(()), minigrad.ones(3, requires_grad=True)

        @jit
        def step(x):
            loss = (w * x).sum()
            total.add_(loss)
            return loss

        for _ in range(3):
            yield step(minigrad.randn(3))

    loud_or_equal(scenario)


def test_a_global_tensor_rebound_inside_the_step():
    def scenario(jit):
        total = minigrad.zeros(3)

        @jit
        def step(x):
            nonlocal total
            total = total + x
            return total * 1

        for _ in range(5):
            yield step(minigrad.ones(3))

    loud_or_equal(scenario)


# What a step returns


def test_returned_losses_are_all_kept():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        step = trainer(jit, model, optimizer)
        losses = [step(x, y) for x, y in batches(10)]
        yield losses
        assert len({loss.item() for loss in losses}) == 10

    both_ways(scenario, at_least=8)


def test_structures_are_returned():
    Pair = namedtuple("Pair", "first second")

    def scenario(jit):
        @jit
        def step(x):
            y = x * 2
            return {
                "nested": [(x + 1, [y, y]), {"deep": (y.sum(),)}],
                "pair": Pair(x * 3, None),
                "plain": (1, 2.5, True, "text", None, minigrad.float32, ()),
                "shape": y.shape,
                "empty": [],
            }

        for _ in range(4):
            result = step(minigrad.randn(3))
            yield result
            assert type(result["pair"]) is Pair
            assert result["nested"][0][1][0] is result["nested"][0][1][1], "one tensor in two places"
            result["empty"].append(1)
            result["nested"].clear()

    both_ways(scenario, at_least=3)


def test_nothing_is_returned():
    def scenario(jit):
        total = minigrad.zeros(3)

        @jit
        def step(x):
            total.add_(x)

        for _ in range(4):
            assert step(minigrad.randn(3)) is None
            yield total.clone()

    both_ways(scenario, at_least=3)


def test_an_argument_is_returned():
    def scenario(jit):
        step = jit(lambda x, n: (x, [x], n, x * n))
        for _ in range(4):
            x = minigrad.randn(3)
            first, (second,), number, product = step(x, 2.5)
            assert first is x and second is x and number == 2.5 and type(number) is float
            yield product

    both_ways(scenario, at_least=3)


def test_a_parameter_a_buffer_and_a_module_are_returned():
    def scenario(jit):
        model = nn.BatchNorm1d(4)
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        @jit
        def step(x):
            optimizer.zero_grad()
            loss = (model(x) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss, model.weight, model.running_mean, model

        for x, _ in batches(5):
            loss, weight, mean, same = step(x)
            assert weight is model.weight and mean is model.running_mean and same is model
            yield loss, weight.clone(), mean.clone()

    both_ways(scenario, at_least=3)


def test_views_of_parameters_and_arguments_are_returned():
    def scenario(jit):
        w = minigrad.randn(3, 4)

        @jit
        def step(x):
            return w[1], w.t(), x[0], x.view(-1), w.detach()

        for k in range(5):
            x = minigrad.randn(2, 2)
            results = step(x)
            yield bits(results)
            results[0].fill_(k)
            results[1][0, 0] = -k
            results[2].zero_()
            results[3][-1] = 9.0
            yield bits([w, x, results])

    both_ways(scenario, at_least=4)


def test_gradients_are_returned():
    def scenario(jit):
        w = minigrad.ones(3, requires_grad=True)

        @jit
        def step(x):
            w.grad = None
            loss = (w * x).sum()
            loss.backward()
            return loss, w.grad

        held = []
        for k in range(6):
            loss, gradient = step(minigrad.randn(3))
            assert gradient is w.grad
            held.append(gradient)
            if k == 3:
                gradient.zero_()
            yield loss, bits(w.grad)
        yield held

    both_ways(scenario, at_least=4)


def test_intermediate_gradients_are_returned():
    def scenario(jit):
        w = minigrad.ones(3, requires_grad=True)

        @jit
        def step(x):
            h = w * x
            h.retain_grad()
            (h**2).sum().backward()
            return h, h.grad

        for _ in range(4):
            h, gradient = step(minigrad.randn(3))
            assert h.grad is gradient
            yield h.detach(), gradient

    both_ways(scenario, at_least=2)


def test_results_are_changed_by_the_user():
    def scenario(jit):
        step = jit(lambda x: (x * 2, (x * 2).sum(), x.exp()))
        held = []
        for k in range(5):
            a, b, c = step(minigrad.ones(3))
            yield bits([a, b, c])
            a.add_(k)
            b.zero_()
            c.numpy()[:] = -1
            held.append((a, b, c))
        yield held

    both_ways(scenario, at_least=4)


def test_slices_of_one_result_share_memory_as_in_eager():
    def scenario(jit):
        @jit
        def step(x):
            y = x * 2
            return y, y[0], y.t()

        for k in range(4):
            whole, row, turned = step(minigrad.ones(2, 3))
            row.fill_(k)
            yield whole, row, turned

    both_ways(scenario, at_least=3)


def test_a_returned_loss_has_no_graph_and_says_so():
    w = minigrad.ones(3, requires_grad=True)
    step = minigrad.jit(lambda x: (w * x).sum())
    for _ in range(3):
        loss = step(minigrad.ones(3))
        assert loss.requires_grad and not loss.is_leaf
        with pytest.raises(RuntimeError, match=r"backward\(\) inside"):
            loss.backward()
        with pytest.raises(RuntimeError, match=r"backward\(\) inside"):
            (loss * 2).backward()


def test_objects_that_hold_tensors_cannot_be_returned():
    @minigrad.jit
    def step(x):
        return Settings(other=x * 2)  # refused

    refused(step, minigrad.ones(3), saying="return")


def test_a_set_or_custom_container_of_tensors():
    class Bag(list):
        """A list of the user's own."""

    def scenario(jit):
        step = jit(lambda x: [Bag([x * 2]), OrderedDict(a=x * 3)])
        for _ in range(4):
            yield [[*part.values()] if isinstance(part, dict) else list(part) for part in step(minigrad.randn(2))]

    loud_or_equal(scenario)


def test_memory_of_a_traced_array_is_not_handed_out():
    for look in (memoryview, bytes, lambda array: array.__array_interface__, lambda array: array.ctypes.data):
        w = minigrad.ones(3)

        @minigrad.jit
        def step(x, w=w, look=look):
            w.add_(x)
            look(w.numpy())

        for _ in range(2):
            before = w.tolist()
            with pytest.raises((RecordingError, TypeError, AttributeError)) as raised:
                step(minigrad.ones(3))
            if raised.type is RecordingError:
                assert w.tolist() == before
            assert type(w.array) is np.ndarray
