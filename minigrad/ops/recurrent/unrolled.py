"""A recurrent layer composed of small operations, step by step: what the fused operations are equal to.

Gradients of gradients go through it (`twin`), and tests compare with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...autograd.node import TensorBase
from ...autograd.operands import array_of
from ...autograd.primitive import wrap
from ...backend.devices import device_of, to_device, to_host
from ...backend.door import whole
from ...backend.library import Array, library, numpy
from ..comparison import where
from ..indexing import getitem
from ..joining import stack
from ..packing import lengths_of, place_rows, take_rows
from ..shape import reshape, unsqueeze

Step = Callable[..., tuple[Any, ...]]


def unrolled(step: Step, input: Any, states: tuple[Any, ...], lengths: Any, reverse: bool) -> tuple[Any, ...]:
    """(output, *last states) of `step(x, *states) -> states` over a sequence; the output is the first state.

    Args:
        input: (T, B, I), or packed rows (N, I).
        states: each (B, *) or (1, B, *), and so are the last ones.
        lengths: None, (B,) steps of each sequence, or for packed rows (T,) sequences at each step.
        reverse: from the last step of each sequence to its first.
    """
    if input.ndim == 2:
        return _unrolled_packed(step, input, states, lengths, reverse)
    if lengths is not None and device_of(lengths) != device_of(array_of(input)):
        lengths = whole(_beside, lengths, array_of(input))
    T = input.shape[0]
    layered = states[0].ndim == 3
    if layered:
        states = tuple([getitem(s, 0) for s in states])
    outputs: list[Any] = [None] * T
    for t in reversed(range(T)) if reverse else range(T):
        x = getitem(input, t)
        if lengths is None:
            states = step(x, *states)
            outputs[t] = states[0]
        else:
            lives = (lengths > t).reshape(-1, 1)
            new = step(where(lives, x, 0.0), *states)  # what stands behind an end may be nan: 0 times that is nan
            states = tuple([where(lives, a, b) for a, b in zip(new, states)])
            outputs[t] = where(lives, new[0], 0.0)
    return stack(outputs), *([unsqueeze(s, 0) for s in states] if layered else states)


def first_state(state: Any, input: Any, width: int) -> Any:
    """`state`, or zeros (1, B, width) if it is None."""
    if state is not None:
        return state
    array = array_of(input)
    made = library(array).zeros((1, array.shape[1], width), array.dtype)
    return wrap(made) if isinstance(input, TensorBase) else made  # CuPy's operators do not give way to a tensor's


def _unrolled_packed(step: Step, rows: Any, states: tuple[Any, ...], sizes: Any, reverse: bool) -> tuple[Any, ...]:
    """The same for packed rows: they are laid out as padded sequences, and the output is packed again."""
    T, B = len(sizes), states[0].shape[-2]
    places, lengths = whole(_places, sizes, B, array_of(rows))
    padded = reshape(place_rows(rows, places, count=T * B, fill=0), (T, B, rows.shape[1]))
    output, *last = unrolled(step, padded, states, lengths, reverse)
    return take_rows(reshape(output, (T * B, output.shape[2])), places), *last


def _places(sizes: Array, B: int, rows: Array) -> tuple[Array, Array]:
    """Which of (T * B) rows, step after step, each of the packed `rows` is, and the lengths (B,), where `rows` are."""
    sizes = to_host(sizes)
    places = (sizes.reshape(-1, 1) > numpy.arange(B)).reshape(-1).nonzero()[0]
    return _beside(places, rows), _beside(lengths_of(sizes), rows)


def _beside(lengths: Array, input: Array) -> Array:
    """`lengths` where `input` is."""
    return to_device(lengths, device_of(input))
