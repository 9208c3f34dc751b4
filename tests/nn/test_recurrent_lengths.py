"""Sequences of different lengths in recurrent layers: each comes out as if it had been run alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recurrent_helpers import KINDS, apart, initial, joined, made, one_by_one, parts, weighted

import minigrad as mg
from minigrad import autograd, nn
from minigrad.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

T, I, H = 5, 2, 4
TIGHT = 1e-11


def gradients(outputs, layer, x, states):
    return autograd.grad(weighted(outputs), [x, *states, *layer.parameters()], allow_unused=True)


def assert_alike(found, wanted, what=""):
    for k, (a, b) in enumerate(zip(found, wanted, strict=True)):
        if a is None or b is None:
            a, b = mg.zeros(1) if a is None else a, mg.zeros(1) if b is None else b
            assert not a.any() and not b.any(), f"{what}: {k} is missing"
        else:
            assert apart(a, b) < TIGHT * (1 + b.detach().abs().max().item() if b.numel() else 1), f"{what}: {k}"


def assert_like_alone(layer, lengths, steps=T, with_states=True):
    """Values and gradients of `lengths=` are those of the loop over sequences; so are those of packing."""
    x = mg.randn(steps, len(lengths), layer.input_size, dtype=mg.float64, requires_grad=True)
    states = initial(layer, len(lengths)) if with_states else []
    hx = joined(states) if states else None
    wanted = one_by_one(layer, x, states, lengths)
    expected = gradients(wanted, layer, x, states)
    together = parts(layer(x, hx, lengths=lengths))
    packed, last = layer(pack_padded_sequence(x, lengths, enforce_sorted=False), hx)
    unpacked = parts((pad_packed_sequence(packed, total_length=steps)[0], last))
    for what, found in (("lengths", together), ("packed", unpacked)):
        assert_alike(found, wanted, what)
        assert_alike(gradients(found, layer, x, states), expected, f"{what}, gradients")


@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "bidirectional"])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_each_sequence_as_if_alone(kind, num_layers, bidirectional):
    layer = made(kind, I, H, num_layers=num_layers, bidirectional=bidirectional)
    for lengths in ([3, 5, 1, 4], [1, 2], [5], [2, 2, 2]):
        assert_like_alone(layer, lengths)
    assert_like_alone(layer, [4, 1, 5], with_states=False)


@settings(max_examples=12, deadline=None, derandomize=True, database=None)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=6), more=st.integers(0, 2), data=st.data())
def test_lengths_at_random(lengths, more, data):
    kind = data.draw(st.sampled_from([*KINDS]))
    layer = made(kind, I, H, num_layers=data.draw(st.integers(1, 2)), bidirectional=data.draw(st.booleans()))
    assert_like_alone(layer, lengths, steps=max(lengths) + more, with_states=data.draw(st.booleans()))


@pytest.mark.parametrize("kind", KINDS)
def test_packed_sequences_on_a_device(kind, device):
    layer = made(kind, I, H, num_layers=2, bidirectional=True, device=device)
    x = mg.randn(T, 3, I, dtype=mg.float64, device=device, requires_grad=True)
    packed, last = layer(pack_padded_sequence(x, [3, 5, 1], enforce_sorted=False))
    assert packed.data.device.type == device and packed.batch_sizes.device.type == "cpu"
    found = parts((pad_packed_sequence(packed)[0], last))
    wanted = parts(layer(x, lengths=[3, 5, 1]))
    assert_alike(found, wanted)
    assert_alike(gradients(found, layer, x, []), gradients(wanted, layer, x, []))


@pytest.mark.parametrize("kind", KINDS)
def test_all_of_full_length_is_the_same_as_none_given(kind):
    layer = made(kind, I, H, bidirectional=True)
    x = mg.randn(T, 3, I, dtype=mg.float64)
    assert_alike(parts(layer(x, lengths=[T] * 3)), parts(layer(x)))


@pytest.mark.parametrize("kind", KINDS)
def test_what_lengths_may_be(kind, device):
    """A list, a tuple, a range, NumPy's integers, a tensor of any integer dtype, here or on another device."""
    layer = made(kind, I, H, batch_first=True, device=device)
    x = mg.randn(3, T, I, dtype=mg.float64, device=device)
    wanted = parts(layer(x, lengths=[1, 2, 3]))
    choices = [
        (1, 2, 3), range(1, 4), mg.tensor([1, 2, 3]), mg.tensor([1, 2, 3], device=device),
        mg.tensor([1, 2, 3], dtype=mg.int32), mg.tensor([1, 2, 3], dtype=mg.uint8), mg.tensor([1, 2, 3]).numpy(),
        list(mg.tensor([1, 2, 3]).numpy()), [*mg.tensor([1, 2, 3])],
    ]  # fmt: skip
    for lengths in choices:
        found = parts(layer(x, lengths=lengths))
        assert all(apart(a, b) == 0.0 for a, b in zip(found, wanted)), f"{type(lengths)}"
        assert found[0].device.type == device


@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "bidirectional"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_behind_the_end_does_not_matter(kind, bidirectional):
    """Not even a NaN: neither in values nor in gradients. There is zero in the output and in the input's gradient."""
    layer = made(kind, I, H, num_layers=2, bidirectional=bidirectional)
    lengths = [2, 5, 1]
    behind = mg.arange(T).reshape(T, 1, 1) >= mg.tensor(lengths).reshape(1, 3, 1)
    clean = mg.randn(T, 3, I, dtype=mg.float64).masked_fill(behind, 0.0)
    wanted = None
    for filling in (0.0, 3.0, 1e300, float("inf"), float("nan")):
        x = clean.masked_fill(behind, filling).requires_grad_()
        found = parts(layer(x, lengths=lengths))
        got = [*found, *gradients(found, layer, x, [])]
        assert not found[0].masked_select(behind).any() and not got[len(found)].masked_select(behind).any()
        wanted = wanted or got
        assert all(bool(mg.isfinite(a).all()) for a in got), filling
        assert_alike(got, wanted, f"{filling} behind the end")


@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_behind_the_end_does_not_matter_to_second_order(kind):
    layer = made(kind, I, H)
    behind = mg.arange(T).reshape(T, 1, 1) >= mg.tensor([2, 5]).reshape(1, 2, 1)
    clean, found = mg.randn(T, 2, I, dtype=mg.float64), []
    for filling in (0.0, float("nan")):
        x = clean.masked_fill(behind, filling).requires_grad_()
        (first,) = autograd.grad(weighted(parts(layer(x, lengths=[2, 5]))), x, create_graph=True)
        found.append([first, *autograd.grad((first**2).sum(), [x, *layer.parameters()], allow_unused=True)])
    assert_alike(found[1], found[0])


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_is_the_one_given(kind):
    """Sequences in another order come out in that order."""
    layer = made(kind, I, H, bidirectional=True)
    x, lengths, order = mg.randn(T, 4, I, dtype=mg.float64), [3, 5, 1, 4], [2, 0, 3, 1]
    states = initial(layer, 4)
    wanted = parts(layer(x, joined(states), lengths=lengths))
    found = parts(layer(x[:, order], joined([s[:, order] for s in states]), lengths=[lengths[k] for k in order]))
    for a, b in zip(found, wanted):
        assert apart(a, b[:, order]) < TIGHT


def test_lengths_in_any_list():
    layer = made("GRU", I, H)
    x = mg.randn(T, 2, I, dtype=mg.float64)
    wanted = layer(x, lengths=mg.tensor([2, 4]))[0]
    for lengths in ([2, 4], (2, 4), iter([2, 4]), range(2, 5, 2), np.array([2, 4]), mg.tensor([2, 4], dtype=mg.int16)):
        assert apart(layer(x, lengths=lengths)[0], wanted) == 0.0


def test_one_sequence_without_a_batch():
    """One length; the output is 0 behind it."""
    layer = made("LSTM", I, H)
    x = mg.randn(T, I, dtype=mg.float64)
    output, (h, c) = layer(x, lengths=[3])
    wanted, (wanted_h, wanted_c) = layer(x[:3])
    assert apart(output[:3], wanted) < TIGHT and not output[3:].any()
    assert apart(h, wanted_h) < TIGHT and apart(c, wanted_c) < TIGHT


@pytest.mark.parametrize("kind", KINDS)
def test_lengths_that_are_changed_between_forward_and_backward(kind):
    """The tensor of lengths is the user's to write on: gradients, and theirs, are those of the lengths given."""
    layer = made(kind, I, H, bidirectional=True)
    x = mg.randn(T, 2, I, dtype=mg.float64, requires_grad=True)
    expected = gradients(parts(layer(x, lengths=[2, 4])), layer, x, [])
    for create_graph in (False, True):
        lengths = mg.tensor([2, 4])
        outputs = parts(layer(x, lengths=lengths))
        lengths.fill_(1)
        found = autograd.grad(weighted(outputs), [x, *layer.parameters()], create_graph=create_graph)
        assert_alike(found, expected)


WRONG = [
    ([0, 2, 3], ValueError, r"1 or more, got 0"),
    ([-1, 2, 3], ValueError, r"1 or more, got -1"),
    ([2, 6, 3], ValueError, r"length of 6.*5 steps"),
    ([2, 3], ValueError, r"3 sequences.*\(2,\)"),
    ([2, 3, 4, 5], ValueError, r"3 sequences.*\(4,\)"),
    ([], ValueError, r"3 sequences.*\(0,\)"),
    ([2.0, 3.0, 1.0], TypeError, r"2\.0"),
    ([2.5, 3, 1], TypeError, r"2\.5"),
    ([[1, 2, 3]], (TypeError, ValueError), r"\[\[1, 2, 3\]\]|\(1, 3\)"),
    (["a", 2, 3], TypeError, "'a'"),
    ([True, True, True], TypeError, "True|bool"),
    ([None, 2, 3], TypeError, "None"),
    (3, (TypeError, ValueError), "3"),
    ("abc", TypeError, "'a'|'abc'|str"),
]
WRONG_TENSORS = [
    (mg.tensor([0, 2, 3]), ValueError, r"1 or more, got 0"),
    (mg.tensor([2, 6, 3]), ValueError, r"length of 6.*5 steps"),
    (mg.tensor([2.0, 3.0, 1.0]), TypeError, "float32"),
    (mg.tensor([True, True, True]), TypeError, "bool"),
    (mg.tensor([[1, 2, 3]]), ValueError, r"\(1, 3\)"),
    (mg.tensor(3), ValueError, r"\(\)"),
]


@pytest.mark.parametrize(("lengths", "error", "match"), WRONG + WRONG_TENSORS, ids=str)
@pytest.mark.parametrize("batch_first", [False, True])
def test_wrong_lengths(lengths, error, match, batch_first):
    """One sentence: what was given, and what is expected."""
    layer = nn.GRU(I, H, batch_first=batch_first)
    x = mg.zeros(3, T, I) if batch_first else mg.zeros(T, 3, I)
    with pytest.raises(error, match=match) as raised:
        layer(x, lengths=lengths)
    assert "GRU" in str(raised.value) and "length" in str(raised.value)


@pytest.mark.parametrize("lengths", [[0, 2], [2, T + 1], [1, 2, 3]], ids=str)
def test_wrong_lengths_that_are_known_on_the_host(lengths, device):
    """Nothing has to be fetched from a device to look at a list."""
    with pytest.raises(ValueError, match=r"GRU.*length.*(0|6|3)"):
        nn.GRU(I, H, device=device)(mg.zeros(T, 2, I, device=device), lengths=lengths)


def test_a_packed_sequence_has_its_own_lengths():
    packed = pack_padded_sequence(mg.zeros(T, 2, I), [3, 2])
    with pytest.raises(ValueError, match="PackedSequence"):
        nn.RNN(I, H)(packed, lengths=[3, 2])


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_states_for_a_packed_sequence(kind):
    layer = made(kind, I, H)
    packed = pack_padded_sequence(mg.zeros(T, 2, I, dtype=mg.float64), [1, 3], enforce_sorted=False)
    with pytest.raises((ValueError, RuntimeError), match=r"\(1, 2, [34]\).*\(1, 3, [34]\)"):
        layer(packed, joined(initial(layer, 3)))
    with pytest.raises((ValueError, RuntimeError), match=rf"{I}.*{I + 1}"):
        layer(pack_padded_sequence(mg.zeros(T, 2, I + 1, dtype=mg.float64), [3, 1]))


def test_long_sequences_of_every_length():
    """Hundreds of sequences, sorted or not."""
    layer = made("GRU", 1, 2)
    lengths = [1 + (37 * k) % 100 for k in range(300)]
    x = mg.randn(100, 300, 1, dtype=mg.float64)
    output, last = layer(x, lengths=lengths)
    for b in (0, 1, 150, 299):
        alone, end = layer(x[: lengths[b], b : b + 1])
        assert apart(output[: lengths[b], b : b + 1], alone) < TIGHT and apart(last[:, b : b + 1], end) < TIGHT
