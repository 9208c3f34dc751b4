"""What recurrent layers say of bad input: one sentence that names what was given and what is expected."""

from __future__ import annotations

import re

import pytest
from recurrent_helpers import KINDS, initial, joined, made

import minigrad as mg
from minigrad import autograd, nn
from minigrad.nn.utils.rnn import PackedSequence

T, B, I, H = 5, 3, 2, 4


def assert_refused(module, given, error, match):
    with pytest.raises(error) as raised:
        module(*given)
    assert re.search(match, str(raised.value)), f"{raised.value!r} does not say {match}"


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])
def test_errors_of_layers(name):
    layer = getattr(nn, name)(I, H, 2)
    pair = name == "LSTM"
    x = mg.zeros(T, B, I)

    def states(*shape, dtype=mg.float32):
        return (mg.zeros(*shape, dtype=dtype),) * 2 if pair else mg.zeros(*shape, dtype=dtype)

    for given, error, match in [
        ((mg.zeros(T, B, 7),), RuntimeError, rf"{name}.*{I} features.*\({T}, {B}, 7\)"),
        ((mg.zeros(2, T, B, I),), ValueError, rf"{name}.*\(T, B, input_size\).*\(2, {T}, {B}, {I}\)"),
        ((mg.zeros(0, B, I),), RuntimeError, rf"{name}.*1 step or more.*\(0, {B}, {I}\)"),
        ((x.double(),), ValueError, rf"{name}.*float64.*float32"),
        ((x.long(),), ValueError, rf"{name}.*int64.*float32"),
        ((x, states(2, B, H + 1)), RuntimeError, rf"{name}.*\(2, {B}, {H}\).*\(2, {B}, {H + 1}\)"),
        ((x, states(1, B, H)), RuntimeError, rf"{name}.*\(2, {B}, {H}\).*\(1, {B}, {H}\)"),
        ((x, states(2, H)), RuntimeError, rf"{name}.*\(2, {B}, {H}\).*\(2, {H}\)"),
        ((x[:, 0], states(2, B, H)), RuntimeError, rf"{name}.*\(2, {H}\).*\(2, {B}, {H}\)"),
        ((x, states(2, B, H, dtype=mg.float64)), (ValueError, RuntimeError), rf"{name}.*float64.*float32"),
        ((x, states(2, B, H)[0] if pair else (states(2, B, H),)), TypeError, f"{name}.*hx.*"),
        ((x, [[0.0] * H] * 2 if not pair else ([[0.0]], [[0.0]])), TypeError, f"{name}.*list"),
        (([[[1.0] * I]],), TypeError, f"{name}.*tensor.*list"),
        ((x.numpy(),), TypeError, f"{name}.*tensor.*ndarray"),
        ((None,), TypeError, f"{name}.*tensor.*None"),
    ]:
        assert_refused(layer, given, error, match)


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])
def test_errors_of_packed_sequences(name):
    """Made by hand: what does not fit together would leave rows unfilled."""
    layer = getattr(nn, name)(I, H)

    def packed(rows, sizes):
        return (PackedSequence(rows, sizes),)

    for given, error, match in [
        (packed(mg.ones(4, I), mg.tensor([2, 1])), RuntimeError, rf"{name}.*batch_sizes \[2, 1\] for 4 rows"),
        (packed(mg.ones(3, I), mg.tensor([1, 2])), RuntimeError, rf"{name}.*batch_sizes \[1, 2\].*never rise"),
        (packed(mg.ones(3, I), [2, 1]), TypeError, rf"{name}.*batch_sizes.*tensor of whole numbers, got list"),
        (packed(mg.ones(3, I), mg.tensor([2.0, 1.0])), TypeError, rf"{name}.*tensor of whole numbers.*float32"),
        (packed(mg.ones(3), mg.tensor([2, 1])), ValueError, rf"{name}.*packed data \(N, input_size\).*\(3,\)"),
        (packed(mg.ones(3, I + 1), mg.tensor([2, 1])), RuntimeError, rf"{name}.*{I} features.*\(3, {I + 1}\)"),
    ]:
        assert_refused(layer, given, error, match)


@pytest.mark.parametrize("name", ["RNNCell", "GRUCell", "LSTMCell"])
def test_errors_of_cells(name):
    cell = getattr(nn, name)(I, H)
    pair = name == "LSTMCell"

    def states(*shape, dtype=mg.float32):
        return (mg.zeros(*shape, dtype=dtype),) * 2 if pair else mg.zeros(*shape, dtype=dtype)

    x = mg.zeros(B, I)
    for given, error, match in [
        ((mg.zeros(B, 7),), RuntimeError, rf"{name}.*{I} features.*\({B}, 7\)"),
        ((mg.zeros(1, B, I),), ValueError, rf"{name}.*\(B, input_size\).*\(1, {B}, {I}\)"),
        ((x, states(B, H + 1)), RuntimeError, rf"{name}.*\({B}, {H}\).*\({B}, {H + 1}\)"),
        ((x, states(B + 1, H)), RuntimeError, rf"{name}.*\({B}, {H}\).*\({B + 1}, {H}\)"),
        ((x[0], states(1, H)), RuntimeError, rf"{name}.*\({H},\).*\(1, {H}\)"),
        ((x.double(),), (ValueError, RuntimeError), rf"{name}.*float64.*float32"),
        ((x, states(B, H, dtype=mg.float64)), (ValueError, RuntimeError), rf"{name}.*float64.*float32"),
        ((x, states(B, H)[0] if pair else (states(B, H),)), TypeError, f"{name}.*hx"),
        (([[1.0] * I],), TypeError, f"{name}.*tensor.*list"),
        ((None,), TypeError, f"{name}.*tensor.*None"),
    ]:
        assert_refused(cell, given, error, match)


def test_errors_of_constructors():
    for name in ("RNN", "GRU", "LSTM", "RNNCell", "GRUCell", "LSTMCell"):
        for sizes, error, match in [
            ((0, H), ValueError, "input_size.*0"),
            ((I, 0), ValueError, "hidden_size.*0"),
            ((I, -1), ValueError, "hidden_size.*-1"),
            ((I, 2.5), TypeError, "hidden_size.*2.5"),
        ]:
            with pytest.raises(error, match=f"{name}.*{match}"):
                getattr(nn, name)(*sizes)
    for size, error in [("2", TypeError), (None, TypeError), (1.5, TypeError), (True, TypeError), (-1, ValueError)]:
        with pytest.raises(error, match=f"LSTM .*proj_size.*{size!r}"):
            nn.LSTM(I, H, proj_size=size)


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])
def test_the_warning_of_dropout_points_at_the_caller(name):
    with pytest.warns(UserWarning, match="no effect with num_layers=1") as caught:
        getattr(nn, name)(I, H, dropout=0.5)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize("kind", KINDS)
def test_the_layer_on_one_device_and_the_input_on_another(kind):
    layer = made(kind, I, H, device="cuda")
    with pytest.raises((RuntimeError, ValueError, TypeError), match=r"cuda.*cpu|cpu.*cuda"):
        layer(mg.zeros(T, B, I, dtype=mg.float64))
    with pytest.raises((RuntimeError, ValueError, TypeError), match=r"cuda.*cpu|cpu.*cuda"):
        layer(mg.zeros(T, B, I, dtype=mg.float64, device="cuda"), joined(initial(made(kind, I, H), B)))


def test_an_error_leaves_the_layer_usable():
    layer = nn.LSTM(I, H)
    with pytest.raises(RuntimeError):
        layer(mg.zeros(T, B, I + 1))
    (g,) = autograd.grad(layer(mg.ones(T, B, I))[0].sum(), layer.weight_hh_l0)
    assert bool(g.any())
