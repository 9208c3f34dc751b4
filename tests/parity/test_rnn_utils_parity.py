"""Padded and packed sequences beside PyTorch's `nn.utils.rnn`: results, dtypes, gradients, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg

torch = pytest.importorskip("torch")

from sides import as_array, assert_same, both  # noqa: E402

LENGTHS = st.lists(st.integers(1, 7), min_size=1, max_size=6)
TRAILING = st.sampled_from([(), (3,), (2, 2)])
DTYPES = st.sampled_from(["float32", "float64", "int64", "bool"])


def numbers(shape: tuple[int, ...], dtype: str = "float64", seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=shape) * 3).astype(dtype)


def assert_packed(mine: Any, theirs: Any) -> None:
    assert type(mine).__name__ == type(theirs).__name__ == "PackedSequence"
    for name, a, b in zip(theirs._fields, mine, theirs, strict=True):
        assert_same(a, b, name)


def assert_gradients(mine: Any, theirs: Any, my_leaf: Any, their_leaf: Any) -> None:
    """Of a sum in which every element has another weight."""
    weights = 1.0 + np.arange(mine.numel()).reshape(tuple(mine.shape))
    (mine * mg.tensor(weights, dtype=mine.dtype)).sum().backward()
    (theirs * torch.tensor(weights, dtype=theirs.dtype)).sum().backward()
    assert_same(my_leaf.grad, their_leaf.grad, "gradient")


@settings(deadline=None, max_examples=60)
@given(LENGTHS, st.integers(0, 2), TRAILING, DTYPES, st.booleans(), st.booleans(), st.booleans())
def test_packing_and_padding(lengths, more, trailing, dtype, batch_first, enforce_sorted, as_list):
    if enforce_sorted:
        lengths = sorted(lengths, reverse=True)
    sizes = (max(lengths) + more, len(lengths))
    array = numbers((*(sizes[::-1] if batch_first else sizes), *trailing), dtype)
    mine, theirs = both(array, requires_grad=True)
    counts = (lengths, lengths) if as_list else both(np.array(lengths))
    packed = mg.nn.utils.rnn.pack_padded_sequence(mine, counts[0], batch_first, enforce_sorted)
    wanted = torch.nn.utils.rnn.pack_padded_sequence(theirs, counts[1], batch_first, enforce_sorted)
    assert_packed(packed, wanted)
    for options in ({}, {"padding_value": -2.5, "total_length": max(lengths) + 2}):
        for other_way in (False, True):
            found = mg.nn.utils.rnn.pad_packed_sequence(packed, other_way, **options)
            expected = torch.nn.utils.rnn.pad_packed_sequence(wanted, other_way, **options)
            assert type(found) is type(expected) is tuple
            for a, b in zip(found, expected, strict=True):
                assert_same(a, b)
    parts, expected = mg.nn.utils.rnn.unpack_sequence(packed), torch.nn.utils.rnn.unpack_sequence(wanted)
    assert type(parts) is type(expected) is list
    for a, b in zip(parts, expected, strict=True):
        assert_same(a, b)
    if dtype.startswith("float"):
        assert_gradients(found[0] ** 2, torch.nn.utils.rnn.pad_packed_sequence(wanted, True, **options)[0] ** 2, mine,
                         theirs)  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=5), TRAILING, DTYPES, st.booleans(),
    st.sampled_from([0.0, -1.0, 0.6]), st.sampled_from(["right", "left"]),
)  # fmt: skip
def test_padding_a_list(lengths, trailing, dtype, batch_first, padding_value, side):
    pairs = [both(numbers((n, *trailing), dtype, n), requires_grad=True) for n in lengths]
    options = (batch_first, padding_value, side)
    mine = mg.nn.utils.rnn.pad_sequence([a for a, _ in pairs], *options)
    theirs = torch.nn.utils.rnn.pad_sequence([b for _, b in pairs], *options)
    assert_same(mine, theirs)
    found = mg.nn.utils.rnn.unpad_sequence(mine, mg.tensor(lengths), batch_first)
    wanted = torch.nn.utils.rnn.unpad_sequence(theirs.detach().clone(), torch.tensor(lengths), batch_first)
    assert type(found) is type(wanted) is list
    for a, b in zip(found, wanted, strict=True):
        assert_same(a, b)
    if dtype.startswith("float"):
        weights = numbers(tuple(theirs.shape))
        (mine**2 * mg.tensor(weights)).sum().backward()
        (theirs**2 * torch.tensor(weights)).sum().backward()
        for a, b in pairs:
            assert_same(a.grad, b.grad, "gradient")


@settings(deadline=None, max_examples=30)
@given(LENGTHS, TRAILING, st.booleans())
def test_packing_a_list(lengths, trailing, enforce_sorted):
    if enforce_sorted:
        lengths = sorted(lengths, reverse=True)
    pairs = [both(numbers((n, *trailing), "float64", k), requires_grad=True) for k, n in enumerate(lengths)]
    mine = mg.nn.utils.rnn.pack_sequence([a for a, _ in pairs], enforce_sorted)
    theirs = torch.nn.utils.rnn.pack_sequence([b for _, b in pairs], enforce_sorted)
    assert_packed(mine, theirs)
    for k in range(len(pairs)):
        if k == 0:
            assert_gradients(mine.data**3, theirs.data**3, *pairs[k])
        else:
            assert_same(pairs[k][0].grad, pairs[k][1].grad, f"gradient {k}")


def both_packed() -> tuple[Any, Any]:
    return tuple(m.nn.utils.rnn.pack_sequence([m.ones(2), m.ones(3)], enforce_sorted=False) for m in (mg, torch))


CALLS = {
    "dtypes of lengths": lambda m: (
        m.nn.utils.rnn.pack_padded_sequence(m.ones(3, 2), m.tensor([3, 1], dtype=m.int32)).batch_sizes
    ),
    "lengths as floats": lambda m: m.nn.utils.rnn.pack_padded_sequence(m.ones(3, 2), [3.0, 1.0]).batch_sizes,
    "lengths of floats": lambda m: m.nn.utils.rnn.pack_padded_sequence(m.ones(3, 2), m.tensor([3.0, 1.0])).batch_sizes,
    "several dtypes": lambda m: m.nn.utils.rnn.pad_sequence([m.tensor([1, 2]), m.tensor([3.7])]),
    "a tensor": lambda m: m.nn.utils.rnn.pad_sequence(m.arange(6).reshape(2, 3)),
    "a generator": lambda m: m.nn.utils.rnn.pad_sequence(m.ones(k) for k in (1, 2)),
    "inverse": lambda m: m.nn.utils.rnn.invert_permutation(m.tensor([3, 0, 2, 1])),
    "a transposed batch": lambda m: m.nn.utils.rnn.pack_padded_sequence(m.arange(6).reshape(2, 3).t(), [3, 2]).data,
    "made by hand": lambda m: m.nn.utils.rnn.pad_packed_sequence(
        m.nn.utils.rnn.PackedSequence(m.arange(6), m.tensor([3, 2, 1]), m.tensor([2, 0, 1]))
    )[0],
    "made of a pair": lambda m: m.nn.utils.rnn.PackedSequence((m.arange(5), m.tensor([2, 2, 1]))).batch_sizes,
    "double": lambda m: m.nn.utils.rnn.pack_sequence([m.ones(2)]).double().data,
    "half": lambda m: m.nn.utils.rnn.pack_sequence([m.ones(2)]).half().data,
    "byte": lambda m: m.nn.utils.rnn.pack_sequence([m.ones(2)]).byte().data,
    "char": lambda m: m.nn.utils.rnn.pack_sequence([m.ones(2)]).char().data,
    "short": lambda m: m.nn.utils.rnn.pack_sequence([m.ones(2)]).short().data,
    "to": lambda m: m.nn.utils.rnn.pack_sequence([m.ones(2)]).to("cpu", m.int32).data,
    "to, batch sizes": lambda m: m.nn.utils.rnn.pack_sequence([m.ones(2)]).to("cpu", m.int32).batch_sizes,
}


@pytest.mark.parametrize("name", CALLS)
def test_calls(name):
    assert_same(CALLS[name](mg), CALLS[name](torch))


def test_methods_that_return_the_sequence_itself():
    for packed in both_packed():
        assert packed.to("cpu") is packed and packed.cpu() is packed and packed.float() is packed
        assert packed.is_cuda is False and packed.is_pinned() is False
        assert packed.double().sorted_indices.tolist() == [1, 0]


REFUSED = {
    "a length of 0": (RuntimeError, lambda r, m: r.pack_padded_sequence(m.ones(3, 2), [2, 0])),
    "not sorted": (RuntimeError, lambda r, m: r.pack_padded_sequence(m.ones(3, 2), [1, 2])),
    "more lengths": (RuntimeError, lambda r, m: r.pack_padded_sequence(m.ones(3, 2), [2, 1, 1])),
    "fewer lengths": (RuntimeError, lambda r, m: r.pack_padded_sequence(m.ones(3, 2), [2])),
    "two dimensions": (RuntimeError, lambda r, m: r.pack_padded_sequence(m.ones(3, 2), m.tensor([[2, 1]]))),
    "nothing to pack": (RuntimeError, lambda r, m: r.pack_padded_sequence(m.ones(3, 2, 0), [2, 1])),
    "an empty sequence": (RuntimeError, lambda r, m: r.pack_sequence([m.ones(2), m.ones(0)])),
    "no sequences": (RuntimeError, lambda r, m: r.pad_sequence([])),
    "no sequences to pack": (RuntimeError, lambda r, m: r.pack_sequence([])),
    "a number": (RuntimeError, lambda r, m: r.pad_sequence(3)),
    "lists": (TypeError, lambda r, m: r.pad_sequence([[1], [2]])),
    "other shapes": (RuntimeError, lambda r, m: r.pad_sequence([m.ones(2, 3), m.ones(1, 2)])),
    "numbers of no dimension": (RuntimeError, lambda r, m: r.pad_sequence([m.tensor(1.0)])),
    "padding in the middle": (RuntimeError, lambda r, m: r.pad_sequence([m.ones(1)], padding_side="middle")),
    "a short total": (
        ValueError, lambda r, m: r.pad_packed_sequence(r.pack_sequence([m.ones(3)]), total_length=2)
    ),
    "lengths and sequences": (ValueError, lambda r, m: r.unpad_sequence(m.ones(3, 2), m.tensor([1]))),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name):
    error, function = REFUSED[name]
    for m in (torch, mg):
        with pytest.raises(error):
            function(m.nn.utils.rnn, m)


def test_padding_leaves_its_argument():
    x = mg.arange(6).reshape(3, 2)
    mg.nn.utils.rnn.unpad_sequence(x, [2, 1])
    assert as_array(x).shape == (3, 2)
