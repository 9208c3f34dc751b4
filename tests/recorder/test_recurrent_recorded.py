"""Recurrent layers in recorded steps: results, states, gradients, parameters and the random stream are the eager run's,
to the last bit, whatever lengths, states and sizes the calls bring.
"""

from __future__ import annotations

import pytest
from recorded_helpers import bits, both_ways, loud_or_equal, replays

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, optim
from minigrad.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

T, B, I, H = 4, 3, 2, 5

KINDS = {
    "RNN of tanh": ("RNN", {}),
    "RNN of relu": ("RNN", {"nonlinearity": "relu"}),
    "GRU": ("GRU", {}),
    "LSTM": ("LSTM", {}),
    "LSTM with projection": ("LSTM", {"proj_size": 3}),
}
CELLS = {
    "RNNCell of tanh": ("RNNCell", {}),
    "RNNCell of relu": ("RNNCell", {"nonlinearity": "relu"}),
    "GRUCell": ("GRUCell", {}),
    "LSTMCell": ("LSTMCell", {}),
}
OPTIMIZERS = {
    "momentum": lambda params: optim.SGD(params, lr=0.05, momentum=0.9),
    "rmsprop": lambda params: optim.RMSprop(params, lr=0.01),
    "adam": lambda params: optim.Adam(params, lr=0.01),
}


def made(kind, size=(I, H), **options):
    name, own = (KINDS | CELLS)[kind]
    return getattr(nn, name)(*size, **own, **options)


def flat(result):
    """The tensors in a nest of tuples."""
    return [y for part in result for y in flat(part)] if isinstance(result, tuple) else [result]


def detached(state):
    return tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()


def loss_of(result):
    """A number that depends on every output."""
    return sum((y * mg.cos(y.detach() + k)).sum() for k, y in enumerate(flat(result)))


def looks(module):
    """The module and its gradients, as they are now."""
    return module, [None if p.grad is None else p.grad.clone() for p in module.parameters()]


def step_of(jit, module, optimizer, call=None):
    """A training step of the module; it gives the loss, what the module gave and the gradient of the first input."""

    @jit
    def step(x, *more):
        x = x.detach().requires_grad_()
        optimizer.zero_grad()
        result = call(module, x, *more) if call else module(x, *more)
        loss = loss_of(result)
        loss.backward()
        optimizer.step()
        return loss.detach(), [y.detach() for y in flat(result)], x.grad

    return step


def trained(make, inputs, calls=6, call=None, optimizer=OPTIMIZERS["momentum"], at_least=None):
    """A module in `calls` training steps, both ways; `inputs(k)` are the arguments of call k."""

    def scenario(jit):
        module = make()
        step = step_of(jit, module, optimizer([p for p in module.parameters() if p.requires_grad]), call)
        for k in range(calls):
            yield step(*inputs(k))
            yield looks(module)

    (jitted,) = both_ways(scenario, at_least=calls - 2 if at_least is None else at_least)
    return jitted


def batch(*shape):
    return lambda k: (mg.randn(*shape),)


# -- every layer and cell


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("kind", KINDS)
def test_layers(kind, optimizer):
    jitted = trained(lambda: made(kind), batch(T, B, I), optimizer=OPTIMIZERS[optimizer])
    assert jitted._recordings == 1


@pytest.mark.parametrize("kind", CELLS)
def test_cells(kind):
    def unrolled(cell, x):
        state, outputs = None, []
        for part in x.unbind(0):
            state = cell(part, state)
            outputs.append(flat(state)[0])
        return mg.stack(outputs), state

    for optimizer in OPTIMIZERS.values():
        assert trained(lambda: made(kind), batch(T, B, I), call=unrolled, optimizer=optimizer)._recordings == 1
    trained(lambda: made(kind), batch(I))
    trained(lambda: made(kind, bias=False), batch(B, I))


OPTIONS = {
    "bidirectional": {"bidirectional": True},
    "stacked": {"num_layers": 3},
    "stacked, bidirectional, no bias": {"num_layers": 2, "bidirectional": True, "bias": False},
    "dropout between": {"num_layers": 3, "dropout": 0.4, "bidirectional": True},
    "batch first": {"num_layers": 2, "batch_first": True},
    "float64": {"bidirectional": True, "dtype": mg.float64},
}


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_options(kind, options):
    options = OPTIONS[options]
    dtype = options.get("dtype", mg.float32)
    jitted = trained(lambda: made(kind, **options), lambda k: (mg.randn(T, B, I, dtype=dtype),))
    assert jitted._recordings == 1


@pytest.mark.parametrize("kind", KINDS)
def test_inputs(kind):
    """Without a batch, one step, one sequence, transposed."""
    for make_input in (
        batch(T, I), batch(1, B, I), batch(T, 1, I), lambda k: (mg.randn(B, T, I).transpose(0, 1),),
        lambda k: (mg.randn(T, I, B).transpose(1, 2),),
    ):  # fmt: skip
        trained(lambda: made(kind, bidirectional=True), make_input, calls=4)


@pytest.mark.parametrize("kind", KINDS)
def test_training_and_eval_by_turns(kind):
    """Dropout acts in training and draws nothing in eval; inference under no_grad is a recorded step, too."""

    def scenario(jit):
        layer = made(kind, num_layers=2, dropout=0.5)
        step = step_of(jit, layer, optim.SGD(layer.parameters(), lr=0.05))
        predict = jit(mg.no_grad()(lambda x: layer(x)))
        for k in range(12):
            layer.train(k // 3 % 2 == 0)
            yield step(mg.randn(T, B, I))
            yield predict(mg.randn(T, B, I))
            yield looks(layer)

    both_ways(scenario, at_least=12)


# -- lengths


def with_lengths(layer, x, lengths):
    return layer(x, lengths=lengths)


def some_lengths(k, dtype=mg.int64):
    return mg.tensor([[3, 4, 1], [1, 1, 1], [4, 4, 4], [2, 1, 3], [1, 2, 4], [4, 3, 2]][k % 6], dtype=dtype)


@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "bidirectional"])
@pytest.mark.parametrize("kind", KINDS)
def test_lengths_that_change_from_call_to_call(kind, bidirectional):
    """They are values: one recording serves them all."""
    jitted = trained(
        lambda: made(kind, num_layers=2, bidirectional=bidirectional),
        lambda k: (mg.randn(T, B, I), some_lengths(k)), calls=12, call=with_lengths,
    )  # fmt: skip
    assert jitted._recordings == 1


def test_lengths_of_other_kinds():
    trained(lambda: made("GRU"), lambda k: (mg.randn(T, B, I), some_lengths(k, mg.int32)), call=with_lengths)
    trained(
        lambda: made("LSTM", batch_first=True), lambda k: (mg.randn(B, T, I), some_lengths(k)), call=with_lengths
    )  # fmt: skip
    # a list is a part of the program
    trained(lambda: made("GRU"), lambda k: (mg.randn(T, B, I), [2, 1 + k // 3, 4]), call=with_lengths, at_least=2)


@pytest.mark.parametrize("wrong", [[0, 1, 2], [1, 5, 2], [-3, 1, 1]], ids=str)
def test_wrong_lengths_are_refused_by_a_replay_too(wrong):
    layer = made("GRU")
    step = mg.jit(lambda x, lengths: layer(x, lengths=lengths)[1])
    x = mg.randn(T, B, I)
    for k in range(4):
        step(x, some_lengths(k))
    assert replays(step) >= 2
    before = bits(layer)
    with pytest.raises(ValueError, match=r"GRU.*length"):
        step(x, mg.tensor(wrong))
    assert bits(layer) == before
    assert bits(step(x, some_lengths(0))) == bits(layer(x, lengths=some_lengths(0))[1])


@pytest.mark.parametrize("kind", ["GRU", "LSTM with projection"])
def test_lengths_made_in_the_step(kind):
    """From the words themselves: how many are not padding."""

    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(6, I, padding_idx=0)
            self.layer = made(kind, batch_first=True, bidirectional=True)

        def forward(self, words):
            return self.layer(self.table(words), lengths=(words != 0).sum(1))

    def scenario(jit):
        reader = Reader()
        optimizer = optim.Adam(reader.parameters(), lr=0.01)

        @jit
        def step(words):
            optimizer.zero_grad()
            loss = loss_of(reader(words))
            loss.backward()
            optimizer.step()
            return loss

        for k in range(8):
            words = mg.randint(1, 6, (B, T)).masked_fill(mg.arange(T) >= some_lengths(k).unsqueeze(1), 0)
            yield step(words)
            yield looks(reader)

    (jitted,) = both_ways(scenario, at_least=6)
    assert jitted._recordings == 1


def packed_step(jit, layer):
    optimizer = optim.SGD(layer.parameters(), lr=0.05)

    @jit
    def step(packed):
        optimizer.zero_grad()
        output, state = layer(packed)
        loss = loss_of((output.data, state))
        loss.backward()
        optimizer.step()
        return loss, output, [s.detach() for s in flat(state)]

    return step


@pytest.mark.parametrize("kind", KINDS)
def test_packed_sequences(kind):
    """As arguments and results of the step."""

    def scenario(jit):
        layer = made(kind, bidirectional=True)
        step = packed_step(jit, layer)
        for k in range(9):
            lengths = [[3, 4, 1], [4, 2, 2], [1, 3, 4]][k // 3]  # of one sum, but not of one layout
            loss, output, state = step(pack_padded_sequence(mg.randn(T, B, I), lengths, enforce_sorted=False))
            yield loss, state, [bits(part.detach()) for part in output]
            yield looks(layer)

    both_ways(scenario, at_least=4)


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_packed_sequences_of_one_shape_but_of_another_batch(kind):
    """3 steps of 6 rows in all are 2, 3 or 4 sequences: nothing but the numbers in `batch_sizes` tells."""

    def scenario(jit):
        layer = made(kind)
        step = packed_step(jit, layer)
        for k in range(9):
            lengths = [[3, 3], [3, 2, 1], [3, 1, 1, 1]][k // 3]
            loss, output, state = step(pack_padded_sequence(mg.randn(3, len(lengths), I), lengths))
            yield loss, state, bits(output.data.detach())

    loud_or_equal(scenario)


@pytest.mark.parametrize("kind", ["RNN of tanh", "LSTM"])
def test_packing_within_the_step(kind):
    def packed(layer, x, lengths):
        output, state = layer(pack_padded_sequence(x, lengths, enforce_sorted=False))
        return pad_packed_sequence(output, total_length=T)[0], state

    trained(
        lambda: made(kind), lambda k: (mg.randn(T, B, I), [[3, 4, 1], [2, 2, 4]][k // 4]), calls=8, call=packed,
        at_least=3,
    )  # fmt: skip


# -- states


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
