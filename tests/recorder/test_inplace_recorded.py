"""Writing into tensors in a recorded step: states of recurrent networks by hand, buffers, views, masks and indices."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from recorded_helpers import both_ways

import minigrad as mg
from minigrad import nn

STEPS, BATCH, FEATURES, HIDDEN = 5, 3, 4, 6


def scenario_of(body, *makers, calls=4, params=()):
    """For `both_ways`: `body(inputs..., parameters...)` gives tensors; their weighted sum is differentiated."""

    def scenario(jit):
        weights = [mg.randn(*shape, requires_grad=True) for shape in params]

        @jit
        def step(*inputs):
            inputs = [x.detach().requires_grad_() if x.dtype.is_floating_point else x for x in inputs]
            for w in weights:
                w.grad = None
            results = body(*inputs, *weights)
            loss = sum((r * mg.cos(r.detach())).sum() for r in results if r.requires_grad)
            loss.backward()
            with mg.no_grad():
                for w in weights:
                    w -= 0.1 * w.grad
            return results, loss, [x.grad for x in inputs]

        for _ in range(calls):
            yield step(*[make() for make in makers])
            yield weights
            yield [None if w.grad is None else w.grad.clone() for w in weights]

    return scenario


def floats(*shape):
    return lambda: mg.randn(*shape)


def places(n, *shape):
    return lambda: mg.randint(0, n, shape)


def distinct(n, count):
    return lambda: mg.randperm(n)[:count]


# --- recurrent networks by hand -------------------------------------------------------------------

WEIGHTS = ((HIDDEN, FEATURES), (HIDDEN, HIDDEN), (HIDDEN,))
SEQUENCE = floats(STEPS, BATCH, FEATURES)


def cell(x, h, w_in, w_rec, bias):
    return mg.tanh(x @ w_in.t() + h @ w_rec.t() + bias)


def rnn_into_outputs(x, *weights):
    h, outputs = mg.zeros(BATCH, HIDDEN), mg.zeros(STEPS, BATCH, HIDDEN)
    for t in range(STEPS):
        h = cell(x[t], h, *weights)
        outputs[t] = h
    return outputs, h


def rnn_into_columns(x, *weights):
    h, outputs = x.new_zeros(BATCH, HIDDEN), x.new_empty(BATCH, STEPS, HIDDEN)
    for t in range(STEPS):
        h = cell(x[t], h, *weights)
        outputs[:, t] = h
    return outputs, outputs[:, 1:-1].mean(1)


def rnn_in_a_list(x, *weights):
    h, outputs = mg.zeros(BATCH, HIDDEN), []
    for part in x:
        h = cell(part, h, *weights)
        outputs.append(h)
    return mg.stack(outputs), mg.cat(outputs, dim=1)


def rnn_with_a_state_copied(x, *weights):
    h = mg.zeros(BATCH, HIDDEN)
    for t in range(STEPS):
        new = mg.empty_like(h)
        new.copy_(cell(x[t], h, *weights))
        h = new
    return (h,)


def rnn_backwards_in_time(x, *weights):
    h = mg.zeros(BATCH, HIDDEN)
    outputs = [None] * STEPS
    for t in reversed(range(STEPS)):
        h = outputs[t] = cell(x[t], h, *weights)
    return (mg.stack(outputs).flip(0),)


def rnn_with_gates_in_slices(x, w_in, w_rec, bias):
    h, half = mg.zeros(BATCH, HIDDEN), HIDDEN // 2
    for t in range(STEPS):
        a = x[t] @ w_in.t() + h @ w_rec.t() + bias
        gate, value = a[:, :half].sigmoid(), a[:, half:].tanh()
        h = mg.cat([gate * value, h[:, half:] * (1 - gate)], 1)
    return (h,)


def rnn_of_two_chunks(x, *weights):
    """Truncated backpropagation: the state goes on, its history does not."""
    h, results = mg.zeros(BATCH, HIDDEN), []
    for chunk in x.split(3):
        h = h.detach()
        for part in chunk.unbind(0):
            h = cell(part, h, *weights)
        results.append(h)
    return results


@pytest.mark.parametrize(
    "body",
    [rnn_into_outputs, rnn_into_columns, rnn_in_a_list, rnn_with_a_state_copied, rnn_backwards_in_time,
     rnn_with_gates_in_slices, rnn_of_two_chunks],
)  # fmt: skip
def test_recurrent_networks(body):
    both_ways(scenario_of(body, SEQUENCE, params=WEIGHTS), at_least=3)


def test_lengths_by_a_mask():
    def body(x, lengths, *weights):
        h = mg.zeros(BATCH, HIDDEN)
        for t in range(STEPS):
            h = mg.where((t < lengths).unsqueeze(1), cell(x[t], h, *weights), h)
        return (h,)

    both_ways(scenario_of(body, SEQUENCE, places(STEPS + 1, BATCH), params=WEIGHTS), at_least=3)


def test_last_outputs_by_gather():
    def body(x, lengths, *weights):
        outputs = rnn_in_a_list(x, *weights)[0]
        where = lengths.reshape(1, -1, 1).expand(1, BATCH, HIDDEN)
        return outputs.gather(0, where)[0], outputs[lengths, mg.arange(BATCH)]

    both_ways(scenario_of(body, SEQUENCE, places(STEPS, BATCH), params=WEIGHTS), at_least=3)


def test_a_state_that_outlives_the_step():
    """Kept in a buffer, as stateful networks do."""

    def scenario(jit):
        layer, state = nn.Linear(FEATURES + HIDDEN, HIDDEN), mg.zeros(BATCH, HIDDEN)
        memory = mg.zeros(4, BATCH, HIDDEN)

        @jit
        def step(x):
            layer.zero_grad()
            h = mg.tanh(layer(mg.cat([x, state], 1)))
            h.sum().backward()
            with mg.no_grad():
                state.copy_(h)
                memory[1:] = memory[:-1].clone()
                memory[0] = h
            return h

        for _ in range(5):
            yield step(mg.randn(BATCH, FEATURES))
            yield [state.clone(), memory.clone(), layer]

    both_ways(scenario, at_least=4)


# --- writing --------------------------------------------------------------------------------------


def add_to_a_row(x, v):
    y = x * 2
    y[1] += v
    return (y,)


def add_to_a_part_of_a_part(x, v):
    y = x * 2
    y[1:][0][2:] += v[2:]
    y[:, -1] *= 3
    return (y,)


def write_rows(x, v):
    y = x.clone()
    y[0], y[2] = v, v * 2
    return y, y.t()


def write_through_a_view(x, v):
    y = x.clone()
    y.view(-1)[3] = 7.0
    y.t()[0] = v.sum()
    return (y,)


def write_the_base_of_a_view(x, v):
    y = x.clone()
    part = y[1:]
    y *= 2
    y[2].copy_(v)
    return part, y


def write_in_place(x, v):
    y = x * 1
    y.mul_(2).add_(v, alpha=0.5).clamp_(-3, 3).tanh_()
    y.sub_(1).div_(2).neg_().exp_()
    return (y,)


def operators_in_place(x, v):
    y = x * 1
    y += v
    y *= v
    y -= 1
    y /= 2
    y **= 2
    return (y,)


def fill_and_zero(x, v):
    y = x * 1
    y[0].fill_(2.0)
    y[1].zero_()
    y[:, 0].fill_(v.sum())
    return (y,)


def fill_masked(x, v):
    return x.masked_fill(x > 0, 0.5), (x * 1).masked_fill_(x < v, float("-inf")).softmax(1)


def choose(x, v):
    return mg.where(x > v, x, v * 2), mg.where(x > 0, 1.0, x), x.clamp(min=v)


def scatter_masked(x, v):
    return x.masked_scatter(x > 0, v.repeat(4)), (x * 1).masked_scatter_(x < 0, v.repeat(4))


def fill_the_diagonal(x, v):
    y = x * 1
    y.diagonal().copy_(v[:4])
    y.diagonal(1).zero_()
    return (y,)


def write_masked(x, v):
    y = x * 1
    y[y > 0.5] = 0.0
    y[y < v] = v.sum()
    y[1:][y[1:] > 0.1] = v[0] * v[1]
    return (y,)


def reset_rows(x, v):
    y = x * 1
    y[x[:, 0] > 0] = 0
    y.t()[v > 0] = 1.5
    return (y,)


WRITES = [
    write_masked, reset_rows,
    add_to_a_row, add_to_a_part_of_a_part, write_rows, write_through_a_view, write_the_base_of_a_view, write_in_place,
    operators_in_place, fill_and_zero, fill_masked, choose, scatter_masked, fill_the_diagonal,
]  # fmt: skip


@pytest.mark.parametrize("body", WRITES)
def test_writes(body):
    both_ways(scenario_of(body, floats(4, 5), floats(5)), at_least=3)


def add_at(x, rows, v):
    y = x * 1
    y[rows] += v
    return y, x.index_add(0, rows, v), (x * 1).index_add_(0, rows, v, alpha=-2)


def write_at(x, rows, v):
    y = x * 1
    y[rows] = v
    y[rows, 0] = 3.0
    y[:, rows] = 1.5
    return y, x.index_copy(0, rows, v), (x * 1).index_fill_(0, rows, 2.0)


def put(x, rows, v):
    y = x * 1
    y.index_put_((rows, rows), v[:, 0])
    return y, x.index_put((rows,), v, accumulate=True)


def scatter(x, rows, v):
    where = rows.unsqueeze(1).expand(3, 5)
    return x.scatter(0, where, v), (x * 1).scatter_add_(0, where, v), (x * 1).scatter_(0, where, 1.0)


def pick(x, rows, v):
    return x[rows], x[rows, 1:3], x.index_select(0, rows), x.take(rows), mg.gather(x, 1, rows.reshape(3, 1)), v * 1


def reorder(x, rows, v):
    return x.sort(1).values, x.topk(2, 1)[0], x.flip(0), x.roll(1, 0), x[mg.argsort(x[:, 0])], v * 1


INDEXED = [add_at, write_at, put, scatter, pick, reorder]


@pytest.mark.parametrize("body", INDEXED)
def test_indexed(body):
    both_ways(scenario_of(body, floats(4, 5), distinct(4, 3), floats(3, 5)), at_least=3)


@pytest.mark.parametrize("body", [pick, scatter, add_at])
def test_rows_named_twice(body):
    both_ways(scenario_of(body, floats(4, 5), places(4, 3), floats(3, 5)), at_least=3)


def test_an_index_out_of_range_is_noticed_by_the_replay():
    jitted = mg.jit(lambda x, rows: [x[rows], x.index_select(0, rows), x.gather(0, rows.reshape(2, 1))])
    x = mg.randn(3, 2)
    for _ in range(3):
        jitted(x, mg.tensor([0, 2]))
    with pytest.raises(IndexError):
        jitted(x, mg.tensor([0, 3]))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (lambda x: x[x > 0], "nonzero"),
        (lambda x: x.masked_select(x > 0), "nonzero"),
        (lambda x: mg.nonzero(x), "nonzero"),
        (lambda x: mg.unique(x), "nonzero"),
        (lambda x: x.item() if x.numel() == 1 else x.sum().item(), "item"),
        (lambda x: x * 2 if x.sum() > 0 else x, "branch"),
        (lambda x: x[int(x.sum())], "int"),
        (lambda x: float(x.sum()), "float|item"),
        (lambda x: x.tolist(), "tolist"),
        (lambda x: x[x.argmax()], "index_select"),
        (lambda x: copy.deepcopy(x), "clone"),
        (lambda x: x * 2 if mg.is_nonzero(x[0]) else x, "branch"),
        (lambda x: mg.tensor([x.sum(), x.mean()]), "reading"),
        (lambda x: f"{x.sum():.2f}", "item"),
        (lambda x: np.asarray(x), "NumPy array"),
        (lambda x: np.array([x.sum(), x.mean()]), "NumPy array"),
        (lambda x: mg.allclose(x, x), "branch|bool|read"),
        (lambda x: mg.equal(x, x), "branch|bool|array_equal"),
        (lambda x: F_one_hot(x), "one_hot"),
        (lambda x: mg.bincount(x.long().abs()), "bincount"),
        (lambda x: mg.repeat_interleave(x, x.long().abs()), "output_size"),
    ],
)
def test_what_depends_on_values_is_refused(body, words):
    with pytest.raises(mg.RecordingError, match=words):
        mg.jit(body)(mg.tensor([0.0, 1.0, 2.0]))


def F_one_hot(x):
    return nn.functional.one_hot(x.long())


def test_repeats_of_a_known_sum_are_recorded():
    def scenario(jit):
        step = jit(lambda x, repeats: x.repeat_interleave(repeats, output_size=6))
        for repeats in ([1, 2, 3], [3, 2, 1], [0, 0, 6], [2, 2, 2]):
            yield step(mg.randn(3), mg.tensor(repeats))

    both_ways(scenario, at_least=3)
    with pytest.raises(RuntimeError, match="output_size is 5"):
        mg.repeat_interleave(mg.ones(2), mg.tensor([3, 3]), output_size=5)
