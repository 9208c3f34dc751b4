"""Sequences of different lengths in recurrent layers: packed ones, and `lengths=`, are what PyTorch makes of its packed
sequences: outputs, states at each sequence's own end, and all gradients.
"""

from __future__ import annotations

import itertools

import pytest

torch = pytest.importorskip("torch")

from recurrent_sides import (  # noqa: E402
    KINDS,
    I,
    T,
    assert_same_gradients_of,
    assert_same_parts,
    initial,
    layers,
    leaves,
    parameters,
    parts,
    state,
)
from sides import assert_same  # noqa: E402

import minigrad as mg  # noqa: E402
from minigrad.nn.utils import rnn as my_rnn  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")  # PyTorch's

their_rnn = torch.nn.utils.rnn

LENGTHS = [[3, 5, 1, 4], [5, 4, 3, 1], [1, 3, 4, 5], [5, 5, 5, 5], [2, 5, 5, 2], [1, 1, 1, 5]]


def compare_packed(mine, theirs, lengths, given, dtype="float64", batch_first=False, enforce_sorted=False):
    """Pack, run, pad, on both sides."""
    batch = len(lengths)
    x, y = leaves(*((batch, T, I) if batch_first else (T, batch, I)), dtype=dtype)
    pairs = initial(theirs, batch, dtype) if given else []
    found = []
    for side, (library, layer, padded) in enumerate(((my_rnn, mine, x), (their_rnn, theirs, y))):
        packed = library.pack_padded_sequence(padded, lengths, batch_first, enforce_sorted)
        out, hidden = layer(packed, state(pairs, side))
        assert type(out).__name__ == "PackedSequence"
        found.append((out, parts((library.pad_packed_sequence(out, batch_first, total_length=T)[0], hidden))))
    (my_packed, out), (their_packed, expected) = found
    what = f"lengths {lengths}, initial states={given}"
    for name in ("data", "batch_sizes", "sorted_indices", "unsorted_indices"):
        assert_same(getattr(my_packed, name), getattr(their_packed, name), f"{what}: {name}")
    assert_same_parts(out, expected, what)
    inputs = {"input": (x, y)} | dict(zip(("h_0", "c_0"), pairs))
    assert_same_gradients_of(out, expected, inputs | parameters(mine, theirs), what)


def compare_lengths(mine, theirs, lengths, given, dtype="float64", batch_first=False, as_tensor=False):
    """`lengths=` here, packing there."""
    batch = len(lengths)
    x, y = leaves(*((batch, T, I) if batch_first else (T, batch, I)), dtype=dtype)
    pairs = initial(theirs, batch, dtype) if given else []
    out = parts(mine(x, state(pairs, 0), lengths=mg.tensor(lengths) if as_tensor else lengths))
    packed = their_rnn.pack_padded_sequence(y, lengths, batch_first, enforce_sorted=False)
    result, hidden = theirs(packed, state(pairs, 1))
    expected = parts((their_rnn.pad_packed_sequence(result, batch_first, total_length=T)[0], hidden))
    what = f"lengths {lengths}, initial states={given}"
    assert_same_parts(out, expected, what)
    inputs = {"input": (x, y)} | dict(zip(("h_0", "c_0"), pairs))
    assert_same_gradients_of(out, expected, inputs | parameters(mine, theirs), what)


@pytest.mark.parametrize("compare", [compare_packed, compare_lengths], ids=["packed", "lengths"])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "bidirectional"])
@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_combination_of_options(kind, dtype, num_layers, bidirectional, compare):
    for bias, batch_first in itertools.product([True, False], repeat=2):
        options = {"num_layers": num_layers, "bidirectional": bidirectional, "bias": bias, "batch_first": batch_first}
        mine, theirs = layers(kind, dtype, **options)
        for given in (True, False):
            compare(mine, theirs, LENGTHS[0], given, dtype, batch_first=batch_first)


@pytest.mark.parametrize("compare", [compare_packed, compare_lengths], ids=["packed", "lengths"])
@pytest.mark.parametrize("lengths", [*LENGTHS[1:], [3], [5], [1, 1], [2, 4]], ids=str)
def test_lengths(lengths, compare):
    for kind in KINDS:
        compare(*layers(kind, num_layers=2, bidirectional=True), lengths, True)


@pytest.mark.parametrize("kind", KINDS)
def test_lengths_in_a_tensor(kind):
    compare_lengths(*layers(kind), LENGTHS[0], True, as_tensor=True)


@pytest.mark.parametrize("kind", KINDS)
def test_sorted_sequences(kind):
    """With `enforce_sorted` there is no order to come back to."""
    compare_packed(*layers(kind, bidirectional=True), [5, 4, 2], True, enforce_sorted=True)


@pytest.mark.parametrize("kind", KINDS)
def test_sequences_packed_one_by_one(kind):
    """`pack_sequence`, through a layer, `unpad_sequence`."""
    mine, theirs = layers(kind, bidirectional=True)
    pairs = [leaves(n, I, seed=n) for n in (2, 5, 3)]
    found = []
    for side, (library, layer) in enumerate(((my_rnn, mine), (their_rnn, theirs))):
        out, _ = layer(library.pack_sequence([pair[side] for pair in pairs], enforce_sorted=False))
        pieces = library.unpad_sequence(*library.pad_packed_sequence(out))
        sum((k + 1) * (piece**2).sum() for k, piece in enumerate(pieces)).backward()
        found.append(pieces)
    for a, b in zip(*found, strict=True):
        assert_same(a, b)
    for a, b in pairs:
        assert_same(a.grad, b.grad)


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_a_packed_sequence_goes_through_two_layers(kind):
    first, their_first = layers(kind, bidirectional=True)
    second, their_second = layers(kind, size=(8, 4))
    x, y = leaves(T, 3, I)
    packed = my_rnn.pack_padded_sequence(x, [2, 5, 3], enforce_sorted=False)
    expected = their_rnn.pack_padded_sequence(y, [2, 5, 3], enforce_sorted=False)
    out, wanted = second(first(packed)[0])[0], their_second(their_first(expected)[0])[0]
    assert_same(out.data, wanted.data)
    (out.data**2).sum().backward()
    (wanted.data**2).sum().backward()
    assert_same(x.grad, y.grad)
