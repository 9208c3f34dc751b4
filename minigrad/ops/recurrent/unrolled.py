"""A recurrent layer composed of small operations, step by step: what the fused operations are equal to.

Gradients of gradients go through it (`twin`), and tests compare with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...autograd.operands import array_of
from ...backend.door import whole
from ...backend.library import library
from ..comparison import where
from ..embedding import embedding_
from ..indexing import getitem
from ..joining import cat, stack
from ..shape import reshape

Step = Callable[..., tuple[Any, ...]]


def unrolled(step: Step, input: Any, states: tuple[Any, ...], lengths: Any, reverse: bool) -> tuple[Any, ...]:
    """(output, *last states) of `step(x, *states) -> states` over a sequence; the output is the first state.

    Args:
        input: (T, B, I), or packed rows (N, I).
        states: each (B, *).
        lengths: None, (B,) steps of each sequence, or for packed rows (T,) sequences at each step.
        reverse: from the last step of each sequence to its first.
    """
    if input.ndim == 2:
        return _unrolled_packed(step, input, states, lengths, reverse)
    T = input.shape[0]
    outputs: list[Any] = [None] * T
    for t in reversed(range(T)) if reverse else range(T):
        x = getitem(input, t)
        if lengths is None:
            states = step(x, *states)
            outputs[t] = states[0]
        else:
            lives = (array_of(lengths) > t).reshape(-1, 1)
            new = step(where(lives, x, 0.0), *states)  # what stands behind an end may be nan: 0 times that is nan
            states = tuple([where(lives, a, b) for a, b in zip(new, states)])
            outputs[t] = where(lives, new[0], 0.0)
    return stack(outputs), *states


def _unrolled_packed(step: Step, rows: Any, states: tuple[Any, ...], sizes: Any, reverse: bool) -> tuple[Any, ...]:
    """The same for packed rows: they are laid out as padded sequences, and the output is packed again."""
    xp, sizes = library(array_of(rows)), array_of(sizes)
    N, B, T = rows.shape[0], states[0].shape[0], len(sizes)
    sequences = xp.arange(B)
    present = sizes.reshape(-1, 1) > sequences
    starts = xp.cumsum(sizes) - sizes
    places = xp.where(present, starts.reshape(-1, 1) + sequences, N)  # row N is a row of zeros
    padding = xp.zeros((1, rows.shape[1]), array_of(rows).dtype)
    padded = embedding_(cat([rows, padding]), places)
    output, *last = unrolled(step, padded, states, present.sum(axis=0), reverse)
    width = output.shape[-1]
    return embedding_(reshape(output, (T * B, width)), whole(_packed_places, places, N)), *last


def _packed_places(places: Any, n: int) -> Any:
    """Where in the padded sequences each of `n` packed rows is."""
    xp = library(places)
    out = xp.empty(n, "int64")
    flat = places.reshape(-1)
    out[flat[flat < n]] = xp.flatnonzero(flat < n)
    return out
