"""Recurrent layers in recorded steps: results, states, gradients, parameters and the random stream are the eager run's,
to the last bit, whatever options and lengths there are. (States, sizes and long runs: test_recurrent_recorded_runs.py.)
"""

from __future__ import annotations

import pytest
from recorded_helpers import bits, both_ways, loud_or_equal, replays
from recurrent_steps import (
    CELLS,
    KINDS,
    OPTIMIZERS,
    B,
    I,
    T,
    batch,
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
from minigrad import nn, optim
from minigrad.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

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
