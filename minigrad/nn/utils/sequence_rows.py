"""Where the rows of padded and packed sequences go, and what is wrong with arguments of `nn.utils.rnn`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..._tensor.tensor import Tensor
from ...autograd.operands import array_of
from ...backend.library import Array, numpy
from ...ops.packing import known_values, lengths_of, packed_order
from .packed_sequence import PackedSequence


def flat_rows(times: Array, places: Array, sizes: tuple[int, int], batch_first: bool) -> Array:
    """The numbers of rows in a padded batch, T by B, whose first two dimensions are made one."""
    return places * sizes[0] + times if batch_first else times * sizes[1] + places


def in_sequence(counts: Array) -> tuple[Array, Array]:
    """For the rows of one sequence after the other: the sequence, and the time step in it."""
    places = numpy.repeat(numpy.arange(len(counts)), counts)
    return places, numpy.arange(len(places)) - (counts.cumsum() - counts)[places]


def running_sizes(packed: Any, name: str) -> Array:
    """How many of the packed sequences run at each step, (T,), on the host."""
    if not isinstance(packed, PackedSequence):
        raise TypeError(f"{name}() takes a PackedSequence, got {type(packed).__name__}: pack_sequence() makes one")
    sizes = packed.batch_sizes
    if not isinstance(sizes, Tensor) or array_of(sizes).dtype.kind not in "iu":
        given = sizes.dtype if isinstance(sizes, Tensor) else type(sizes).__name__
        raise TypeError(f"{name}() takes packed sequences whose batch_sizes are a tensor of whole numbers, got {given}")
    sizes = known_values(sizes, "batch_sizes")
    n = packed.data.shape[0]
    if sizes.ndim != 1 or not len(sizes) or (sizes[1:] > sizes[:-1]).any() or sizes[-1] < 1 or sizes.sum() != n:
        raise RuntimeError(
            f"{name}() got batch_sizes {sizes.tolist()} for {n} rows: they are at least 1, never rise, and add up to "
            "the rows"
        )
    return sizes


def running(packed: Any, name: str) -> tuple[Array, Array, Array]:
    """The lengths (B,) of packed sequences in their first order; for each packed row its time step and sequence."""
    counts = lengths_of(running_sizes(packed, name))
    times, places, _ = packed_order(counts)
    if packed.unsorted_indices is None:
        return counts, times, places
    now = known_values(packed.unsorted_indices, "unsorted_indices")
    order = now.argsort()
    if len(now) != len(counts) or (now[order] != numpy.arange(len(counts))).any():
        raise RuntimeError(
            f"{name}() got unsorted_indices {now.tolist()}, which is no order of the {len(counts)} sequences"
        )
    return counts[now], times, order[places]


def sorting(counts: Array, enforce_sorted: bool, name: str) -> Array | None:
    """The sequences from the longest to the shortest; None if they have to be so already."""
    if not enforce_sorted:
        return numpy.argsort(-counts, kind="stable")
    if (counts[1:] > counts[:-1]).any():
        raise RuntimeError(
            f"{name}() got lengths {counts.tolist()}, which are not sorted from the longest to the shortest: pass "
            "enforce_sorted=False to have them sorted"
        )
    return None


def padded_sizes(padded: Any, batch_first: bool, name: str) -> tuple[int, int]:
    """T and B of a padded batch."""
    if not isinstance(padded, Tensor):
        raise TypeError(f"{name}() takes a tensor, got {type(padded).__name__}: pad_sequence() makes one of a list")
    if padded.ndim < 2:
        raise RuntimeError(f"{name}() takes a tensor (T, B, *), got shape {tuple(padded.shape)}")
    T, B = padded.shape[:2]
    return (B, T) if batch_first else (T, B)


def checked_lengths(
    lengths: Any, T: int, B: int, lowest: int, name: str, miscounted: type[Exception] = RuntimeError
) -> Array:
    """The lengths of B sequences on the host, int64 (B,)."""
    if isinstance(lengths, Tensor):
        if lengths.is_cuda:
            raise RuntimeError(f"{name}() takes lengths on the CPU, got them on {lengths.device}: use lengths.cpu()")
        numbers = known_values(lengths, "lengths")
    else:
        try:
            numbers = numpy.asarray(lengths if hasattr(lengths, "dtype") else list(lengths))
        except (TypeError, ValueError):
            raise TypeError(f"{name}() takes a list of whole numbers as lengths, got {lengths!r}") from None
    if numbers.ndim != 1:
        raise RuntimeError(f"{name}() takes lengths of one dimension, got shape {numbers.shape}")
    counts = numbers.astype("int64") if numbers.dtype.kind in "iuf" or not len(numbers) else None
    if counts is None or (counts != numbers).any():
        raise TypeError(f"{name}() takes whole numbers as lengths, got {numbers.tolist()}")
    if len(counts) != B:
        raise miscounted(f"{name}() got {len(counts)} lengths for a batch of {B} sequences")
    if B:
        refuse_lengths(counts, T, lowest, name, RuntimeError)
    return counts


def refuse_lengths(counts: Array, T: int, lowest: int, name: str, error: type[Exception]) -> None:
    """Raise `error` if one of the lengths is below `lowest` or above T."""
    if counts.min() < lowest:
        advice = ": leave empty sequences out" if lowest else ""
        raise error(f"{name}() needs lengths of {lowest} or more, got {counts.min()}{advice}")
    if counts.max() > T:
        raise error(f"{name}() got a length of {counts.max()}, but the input has {T} steps")


def listed(sequences: Iterable[Any], name: str) -> tuple[list[Any], Array]:
    """Tensors of one dtype and equal shapes but for the first size, and these."""
    if not isinstance(sequences, Iterable):
        raise RuntimeError(f"{name}() takes a list of tensors, got {type(sequences).__name__}")
    given = list(sequences)
    if not given:
        raise RuntimeError(f"{name}() needs at least one sequence, got an empty list")
    for k, x in enumerate(given):
        if not isinstance(x, Tensor):
            raise TypeError(f"{name}() takes a list of tensors, got {type(x).__name__} at place {k}")
        if not x.ndim or x.shape[1:] != given[0].shape[1:]:
            raise RuntimeError(
                f"{name}() takes tensors (L, *) that differ in L only, got shapes {tuple(given[0].shape)} and "
                f"{tuple(x.shape)}"
            )
    dtype = given[0].dtype
    return [x if x.dtype == dtype else x.to(dtype) for x in given], numpy.array([x.shape[0] for x in given])
