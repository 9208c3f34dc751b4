"""Recurrent layers in recorded steps, over many calls: states that are carried, sizes and weights that change, a long
run, text that is drawn; all to the last bit as in the eager run.
"""

from __future__ import annotations

import pytest
from recorded_helpers import both_ways, loud_or_equal
from recurrent_steps import (
    KINDS,
    B,
    H,
    I,
    T,
    batch,
    detached,
    flat,
    looks,
    loss_of,
    made,
    some_lengths,
    step_of,
    trained,
    with_lengths,
)  # fmt: skip

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, optim


@pytest.mark.parametrize("kind", KINDS)
def test_truncated_backpropagation(kind):
    """The state is an argument and a result; windows of two sizes; now and then a start from zeros."""

    def scenario(jit):
        layer = made(kind, num_layers=2)
        optimizer = optim.RMSprop(layer.parameters(), lr=0.01)

        @jit
        def step(x, state):
            optimizer.zero_grad()
            output, state = layer(x, state)
            loss = loss_of((output, state))
            loss.backward()
            nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
            optimizer.step()
            return loss.detach(), detached(state)

        _, state = layer(mg.zeros(1, B, I))
        state = detached(state)
        for k in range(15):
            loss, state = step(mg.randn(T if k % 5 else 2, B, I), state)
            yield loss, state
            if k % 6 == 5:
                state = tuple(s * 0 for s in state) if isinstance(state, tuple) else state * 0
        yield looks(layer)

    (jitted,) = both_ways(scenario, at_least=11)
    assert jitted._recordings == 2


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_a_state_that_the_model_keeps(kind):
    """`self.state = state.detach()` in the step: an error that says what to do, or the same numbers."""

    class Keeper(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = made(kind)
            self.state = None

        def forward(self, x):
            output, state = self.layer(x, self.state)
            self.state = detached(state)
            return output

    def scenario(jit):
        keeper = Keeper()
        step = step_of(jit, keeper, optim.SGD(keeper.parameters(), lr=0.05))
        for _ in range(6):
            yield step(mg.randn(T, B, I))

    loud_or_equal(scenario)


@pytest.mark.parametrize("kind", KINDS)
def test_states_that_are_learned(kind):
    """First states that are parameters, one for all sequences of a batch."""

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = made(kind, bidirectional=True)
            sizes = [self.layer.proj_size or H, H] if "LSTM" in kind else [H]
            self.first = nn.ParameterList([mg.randn(2, 1, n) for n in sizes])

        def forward(self, x):
            state = tuple(s.expand(-1, x.shape[1], -1) for s in self.first)
            return self.layer(x, state if len(state) == 2 else state[0])

    trained(Model, batch(T, B, I))


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_from_some_outputs_only(kind):
    for pick in (lambda y: y[0], lambda y: y[-1], lambda y: y[0][0], lambda y: y[0][:, 1:]):
        trained(
            lambda: made(kind, num_layers=2), lambda k: (mg.randn(T, B, I), some_lengths(k)), calls=4,
            call=lambda layer, *args, pick=pick: pick(flat(with_lengths(layer, *args))),
        )  # fmt: skip


# -- sizes, weights, long runs


def test_sizes_that_change_are_recorded_anew():
    sizes = [(4, 3), (4, 3), (2, 3), (4, 1), (4, 3), (2, 3), (4, 1), (7, 3), (7, 3), (1, 1), (1, 1), (4, 3)]
    jitted = trained(
        lambda: made("LSTM", num_layers=2, bidirectional=True), lambda k: (mg.randn(*sizes[k], I),),
        calls=len(sizes), at_least=5,
    )  # fmt: skip
    assert jitted._recordings == 5


@pytest.mark.parametrize("kind", KINDS)
def test_weights_that_change_between_calls(kind):
    """Loaded, written on, replaced, frozen: the next call works with what is there."""

    def scenario(jit):
        layer, other = made(kind, bidirectional=True), made(kind, bidirectional=True)
        step = step_of(jit, layer, optim.SGD(layer.parameters(), lr=0.05, momentum=0.9))
        for k in range(15):
            if k == 4:
                layer.load_state_dict(other.state_dict())
            if k == 6:
                with mg.no_grad():
                    layer.weight_hh_l0_reverse.mul_(0.5)
            if k == 8:
                layer.weight_ih_l0.data = mg.ones_like(layer.weight_ih_l0)
            if k == 10:
                layer.bias_hh_l0.requires_grad_(False)
            yield step(mg.randn(T, B, I))
            yield looks(layer)

    both_ways(scenario, at_least=8)


def test_a_thousand_steps():
    """Of a small language model with everything in it: lengths, dropout, two directions, clipping, a falling rate."""

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(7, I)
            self.lower = nn.GRU(I, H, bidirectional=True)
            self.upper = nn.LSTM(2 * H, H, num_layers=2, dropout=0.3, proj_size=3)
            self.out = nn.Linear(3, 7)

        def forward(self, words, lengths):
            hidden, _ = self.lower(self.table(words), lengths=lengths)
            return self.out(self.upper(hidden, lengths=lengths)[0])

    def scenario(jit):
        model = Model()
        optimizer = optim.Adam(model.parameters(), lr=0.01)

        @jit
        def step(words, lengths):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(words, lengths).reshape(-1, 7), words.reshape(-1))
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
            return loss

        batches = [(mg.randint(0, 7, (T, B)), some_lengths(k)) for k in range(6)]
        losses = []
        for k in range(1000):
            optimizer.param_groups[0]["lr"] = 0.01 / (1 + k / 100)
            losses.append(step(*batches[k % 6]))
            if k in (2, 10, 100, 999):
                yield looks(model), optimizer
        yield losses

    (jitted,) = both_ways(scenario, at_least=998)
    assert jitted._recordings == 1


@pytest.mark.parametrize("kind", ["GRUCell", "LSTMCell"])
def test_text_is_drawn_one_step_at_a_time(kind):
    """Sampling: state and word go round, the random stream is the eager one's."""

    def scenario(jit):
        table, cell, out = nn.Embedding(7, I), made(kind), nn.Linear(H, 7)

        @jit
        @mg.no_grad()
        def step(word, state):
            state = cell(table(word), state)
            return mg.multinomial(F.softmax(out(flat(state)[0]) / 0.8, -1), 1)[:, 0], state

        word, state = mg.zeros(2, dtype=mg.int64), mg.zeros(2, H)
        state = (state, state.clone()) if kind == "LSTMCell" else state
        for _ in range(20):
            word, state = step(word, state)
            yield word, state

    both_ways(scenario, at_least=17)


@pytest.mark.parametrize("kind", ["RNN of tanh", "GRU", "LSTM"])
def test_second_order(kind):
    """A penalty on the gradient of the input: the same numbers, or an error that says what to do."""

    def scenario(jit):
        layer = made(kind)

        @jit
        def step(x):
            x = x.detach().requires_grad_()
            layer.zero_grad()
            (g,) = mg.autograd.grad(loss_of(layer(x)), x, create_graph=True)
            (g**2).sum().backward()
            return g.detach()

        for _ in range(4):
            yield step(mg.randn(T, B, I))
            yield looks(layer)

    loud_or_equal(scenario)


@pytest.mark.parametrize("kind", KINDS)
def test_on_a_device(kind, device):
    def scenario(jit):
        layer = made(kind, num_layers=2, bidirectional=True, device=device)
        step = step_of(jit, layer, optim.RMSprop(layer.parameters(), lr=0.01), with_lengths)
        for k in range(5):
            yield step(mg.randn(T, B, I, device=device), some_lengths(k).to(device))
            yield looks(layer)

    both_ways(scenario, at_least=3)
