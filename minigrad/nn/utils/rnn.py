"""Batches of sequences of several lengths: padded, and packed (`PackedSequence`), as PyTorch has them.

Padded, a batch is one tensor (T, B, *), or (B, T, *) with `batch_first`, in which a sequence shorter than the longest
is followed by `padding_value`. Packed, it has no padding: first the first step of every sequence, then the second step
of those that have one, and so on, the longest sequence first. Recurrent layers take both; with a padded batch and
`lengths=` they give the same numbers.

>>> import minigrad
>>> padded = pad_sequence([minigrad.tensor([1, 2]), minigrad.tensor([3, 4, 5])], batch_first=True)
>>> padded
tensor([[1, 2, 0],
        [3, 4, 5]])
>>> packed = pack_padded_sequence(padded, [2, 3], batch_first=True, enforce_sorted=False)
>>> packed.data, packed.batch_sizes, packed.sorted_indices
(tensor([3, 1, 4, 2, 5]), tensor([2, 2, 1]), tensor([1, 0]))
>>> pad_packed_sequence(packed, batch_first=True)
(tensor([[1, 2, 0],
        [3, 4, 5]]), tensor([2, 3]))

How many rows there are follows from the lengths, so a step recorded by `minigrad.jit` has a program for each batch of
lengths. Where they differ from batch to batch, a padded batch and a tensor of lengths keep it to one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...autograd.primitive import wrap
from ...backend.door import undivided
from ...backend.library import Array, numpy
from ...ops.joining import cat, split
from ...ops.packing import packed_order, place_rows, rows_for, take_rows
from ...ops.shape import reshape_
from .packed_sequence import PackedSequence, invert_permutation
from .sequence_rows import checked_lengths, flat_rows, in_sequence, listed, padded_sizes, running, sorting

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]


# -- packing ----------------------------------------------------------------------------------------------------------


def pack_padded_sequence(
    input: Any, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack a padded batch. What follows the end of a sequence is left out.

    Args:
        input: (T, B, *), with `batch_first` (B, T, *).
        lengths: of the B sequences, 1 to T each: a list, or an integer tensor on the CPU.
        enforce_sorted: the sequences stand from the longest to the shortest; otherwise that is an error. False: in
            any order; `pad_packed_sequence` gives them back in it, and so do recurrent layers their states. (Equal
            lengths keep their order; PyTorch leaves it open.)

    Raises:
        TypeError: `input` is no tensor, or a length is no whole number.
        RuntimeError: a length is below 1 or larger than T (PyTorch packs what is behind the tensor's end); there are
            not B of them; they are not sorted; there is nothing to pack.

    >>> import minigrad
    >>> pack_padded_sequence(minigrad.tensor([[1, 4], [2, 0], [3, 0]]), [3, 1]).data
    tensor([1, 4, 2, 3])
    """
    name = "pack_padded_sequence"
    sizes = padded_sizes(input, batch_first, name)
    if not all(input.shape):
        raise RuntimeError(f"{name}() got an input of shape {tuple(input.shape)}, in which there is nothing to pack")
    counts = checked_lengths(lengths, *sizes, 1, name)
    order = sorting(counts, enforce_sorted, name)
    times, sequences, batch_sizes = packed_order(counts if order is None else counts[order])
    if order is not None:
        sequences = order[sequences]
    rows = flat_rows(times, sequences, sizes, batch_first)
    flat = reshape_(input, shape=(sizes[0] * sizes[1], *input.shape[2:]))
    return _packed(take_rows(flat, rows_for(rows, flat.array)), batch_sizes, order)


def pack_sequence(sequences: Iterable[Any], enforce_sorted: bool = True) -> PackedSequence:
    """Pack tensors (L, *), each of a length L of its own: see `pack_padded_sequence`.

    >>> import minigrad
    >>> pack_sequence([minigrad.tensor([1, 2, 3]), minigrad.tensor([4])]).data
    tensor([1, 4, 2, 3])
    """
    name = "pack_sequence"
    given, counts = listed(sequences, name)
    if counts.min() < 1:
        raise RuntimeError(f"{name}() needs sequences of 1 step or more, got one of 0: leave empty sequences out")
    order = sorting(counts, enforce_sorted, name)
    firsts = counts.cumsum() - counts  # where each sequence begins among the rows of all
    if order is not None:
        counts, firsts = counts[order], firsts[order]
    times, places, batch_sizes = packed_order(counts)
    every = cat(given)
    return _packed(take_rows(every, rows_for(firsts[places] + times, every.array)), batch_sizes, order)


def _packed(data: Any, batch_sizes: Array, order: Array | None) -> PackedSequence:
    """The packed sequence; `order` is that of the sequences, if it is not the given one."""
    indices = [None, None] if order is None else [_index(order, data), _index(order.argsort(), data)]
    return PackedSequence(data, _index(batch_sizes), *indices)


def _index(numbers: Array, like: Any = None) -> Any:
    """An int64 tensor on the CPU, or on the device of the tensor `like`."""
    numbers = numpy.ascontiguousarray(numbers, dtype="int64")
    if like is not None and like.is_cuda:
        return wrap(rows_for(numbers, like.array))
    if undivided():
        numbers.flags.writeable = False  # so a recorded step knows that they never change
    return wrap(numbers)


# -- padding ----------------------------------------------------------------------------------------------------------


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Any, Any]:
    """The padded batch of a packed one, in the order in which it was packed.

    Args:
        total_length: T of the result; without it that of the longest sequence.

    Returns:
        (T, B, *), with `batch_first` (B, T, *); and the lengths, int64 (B,) on the CPU.

    Raises:
        ValueError: a sequence is longer than `total_length`.
        RuntimeError: `batch_sizes` do not fit the data.
    """
    name = "pad_packed_sequence"
    counts, times, places = running(sequence, name)
    longest = int(counts.max())
    if total_length is not None and not isinstance(total_length, int):
        raise TypeError(f"{name}() takes a whole number of steps as total_length, got {total_length!r}")
    if total_length is not None and total_length < longest:
        raise ValueError(f"{name}() got total_length={total_length}, but the longest sequence has {longest} steps")
    sizes = (longest if total_length is None else total_length, len(counts))
    padded = _placed(sequence.data, times, places, sizes, batch_first, padding_value)
    return padded, _index(counts)


def pad_sequence(
    sequences: Iterable[Any], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Any:
    """The padded batch of tensors (L, *), each of a length L of its own.

    Args:
        padding_side: "right" or "left": whether the padding comes after a sequence or before it.

    Returns:
        (T, B, *), with `batch_first` (B, T, *), where T is the length of the longest; the dtype of the first.

    Raises:
        TypeError: one of the sequences is no tensor.
        RuntimeError: there are none; other shapes than (L, *) with one *; another `padding_side`.

    >>> import minigrad
    >>> pad_sequence([minigrad.ones(2), minigrad.ones(3)], True, -1.0, "left")
    tensor([[-1.,  1.,  1.],
            [ 1.,  1.,  1.]])
    """
    if padding_side not in ("right", "left"):
        raise RuntimeError(f"pad_sequence() takes padding_side='right' or 'left', got {padding_side!r}")
    given, counts = listed(sequences, "pad_sequence")
    sizes = (int(counts.max()), len(counts))
    places, times = in_sequence(counts)
    if padding_side == "left":
        times = times + (sizes[0] - counts)[places]
    return _placed(cat(given), times, places, sizes, batch_first, padding_value)


def _placed(data: Any, times: Array, places: Array, sizes: tuple[int, int], batch_first: bool, fill: float) -> Any:
    """The rows of `data` at their time steps and sequences in a padded batch."""
    rows = rows_for(flat_rows(times, places, sizes, batch_first), data.array)
    flat = place_rows(data, rows, count=sizes[0] * sizes[1], fill=fill)
    return reshape_(flat, shape=(*(sizes[::-1] if batch_first else sizes), *data.shape[1:]))


# -- taking apart -----------------------------------------------------------------------------------------------------


def unpad_sequence(padded_sequences: Any, lengths: Any, batch_first: bool = False) -> list[Any]:
    """The sequences of a padded batch, a list of tensors (L, *).

    Args:
        lengths: of the sequences, 0 to T each: a list or an integer tensor. (PyTorch takes tensors only, and leaves
            `padded_sequences` transposed if not `batch_first`.)

    Raises:
        TypeError, RuntimeError: as `pack_padded_sequence`; ValueError: there are not as many lengths as sequences.

    >>> import minigrad
    >>> unpad_sequence(minigrad.tensor([[1, 2, 0], [3, 0, 0]]), [2, 1], batch_first=True)
    [tensor([1, 2]), tensor([3])]
    """
    sizes = padded_sizes(padded_sequences, batch_first, "unpad_sequence")
    counts = checked_lengths(lengths, *sizes, 0, "unpad_sequence", ValueError)
    places, times = in_sequence(counts)
    flat = reshape_(padded_sequences, shape=(sizes[0] * sizes[1], *padded_sequences.shape[2:]))
    return _cut(flat, flat_rows(times, places, sizes, batch_first), counts)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Any]:
    """The sequences of a packed batch, a list of tensors (L, *), in the order in which they were packed.

    >>> import minigrad
    >>> unpack_sequence(pack_sequence([minigrad.tensor([1]), minigrad.tensor([2, 3])], enforce_sorted=False))
    [tensor([1]), tensor([2, 3])]
    """
    counts, times, places = running(packed_sequences, "unpack_sequence")
    return _cut(packed_sequences.data, numpy.lexsort((times, places)), counts)


def _cut(data: Any, rows: Array, counts: Array) -> list[Any]:
    """The given rows of `data`, cut into pieces."""
    if not len(counts):
        return []
    return list(split(take_rows(data, rows_for(rows, data.array)), counts.tolist()))
