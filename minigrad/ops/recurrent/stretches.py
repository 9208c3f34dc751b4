"""A batch of sequences as stretches: runs of time steps through which equally many sequences live.

Sequences of one length are one stretch, or several if they are long. Where lengths differ, sequences are ordered from
the longest to the shortest, so that those which live at a step are the first ones; their rows lie packed, time step
after time step, as in PyTorch's `PackedSequence`. Stretches come in the order in which a layer goes through them: from
the last one for the other direction.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any, NamedTuple

from ...backend.devices import to_host
from ...backend.library import Array, library
from ..packing import packed_order

_MOST = 1 << 20  # numbers in the gates of a stretch: what a step reads and writes should stay near
_MOST_ON_GPU = 1 << 24  # memory alone is the limit: a stretch costs launches
_SMALL = 1 << 9  # numbers in the gates of a step: of fewer, its views take more memory than its numbers
_SHORT = 200  # steps whose views stay near


class Stretch(NamedTuple):
    """`steps` time steps of `size` sequences, whose rows begin at `first`.

    copied: whether what the backward pass needs is copied, so that the next stretch runs in the same memory.
    """

    first: int
    steps: int
    size: int
    copied: bool = False

    @property
    def rows(self) -> slice:
        return slice(self.first, self.first + self.steps * self.size)


class Batch(NamedTuple):
    """Where the sequences of a batch are.

    size: how many there are.
    stretches: in the order of the layer.
    order: the numbers of the sequences from the longest to the shortest, None if they are in that order.
    index: where in (T * B) padded rows each packed row is, None if rows are packed as they are.
    """

    size: int
    stretches: list[Stretch]
    order: Any
    index: Any


def batch_of(input: Array, lengths: Any, width: int, reverse: bool) -> Batch:
    """How to go through `input`: (T, B, I), with `lengths` (B,) if they differ, or rows (N, I) with how many sequences
    live at each step; `width` numbers are computed per row."""
    order = index = None
    if lengths is None or not len(lengths):  # no sequences, no lengths
        size = input.shape[1]
        runs = [(size, input.shape[0])]
    else:
        lengths = to_host(lengths)
        if input.ndim == 3:
            size = input.shape[1]
            order = (-lengths).argsort(kind="stable")
            times, sequences, sizes = packed_order(lengths[order])
            index = times * size + order[sequences]
            if len(index) == len(input) * size:
                order = index = None
        else:
            size, sizes = int(lengths[0]), lengths
        runs = [(b, len(list(same))) for b, same in groupby(sizes.tolist()) if b]
    stretches = []
    first = 0
    on_cpu = library(input).__name__ == "numpy"
    for b, steps in runs:
        most = max((_MOST if on_cpu else _MOST_ON_GPU) // max(width * b, 1), 1)
        copied = on_cpu and width * b <= _SMALL and steps > 2 * _SHORT
        most = _SHORT if copied else most
        for done in range(0, steps, most):
            n = min(most, steps - done)
            stretches.append(Stretch(first, n, b, copied))
            first += n * b
    if index is not None:
        index = library(input).asarray(index)
    if order is not None:
        order = library(input).asarray(order)
    return Batch(size, stretches[::-1] if reverse else stretches, order, index)


class Carried:
    """A state on its way through the stretches, (sequences, features).

    Sequences that begin later are taken from `first`; of those that have ended the state is put into `last`. Going
    backward gradients do the same: those of the last states are taken, those of the first ones put.
    """

    def __init__(self, first: Array, last: Array) -> None:
        self.first, self.last = first, last
        self.state = first[:0]

    def to(self, size: int) -> Array:
        """The state of the first `size` sequences, which are those that live in the stretch that comes."""
        had = len(self.state)
        if not had:
            self.state = self.first[:size]
        elif size < had:
            self.last[size:had] = self.state[size:]
            self.state = self.state[:size]
        elif size > had:
            self.state = library(self.first).concatenate([self.state, self.first[had:size]])
        return self.state

    def end(self) -> Array:
        """The last states of all sequences."""
        had = len(self.state)
        if had == len(self.last):
            return self.state
        self.last[:had] = self.state
        return self.last
