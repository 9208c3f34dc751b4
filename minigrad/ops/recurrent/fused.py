"""A whole sequence through a recurrent layer, forward and backward: what all kinds of layers share.

One matrix product serves all inputs, and one each the gradients of weights and of the input, over all time steps of a
stretch. What is done step by step is in the workspaces of the kinds, beside their formulas.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

from ...autograd.modes import modes
from ...autograd.node import TensorBase
from ...autograd.operands import array_of
from ...autograd.views import current_node
from ...backend.library import Array, library
from .lending import NOTHING, borrow, give_back, lend, lent, place_of
from .stretches import Batch, Carried, batch_of
from .workspace import Copies, Weights, Workspace


class Kinds(NamedTuple):
    """The workspaces of one kind of layer."""

    on_cpu: type[Workspace]
    on_gpu: type[Workspace]

    def of(self, array: Array) -> type[Workspace]:
        """The one for where `array` is."""
        return self.on_cpu if library(array).__name__ == "numpy" else self.on_gpu


class _Record(NamedTuple):
    """What a forward pass leaves."""

    batch: Batch
    kept: list[Workspace | Copies]  # of each stretch
    shapes: list[tuple[int, ...]]  # of the states
    lock: threading.Lock  # the loops backward write on the workspaces, and two threads may walk one graph


def forward(kinds: Kinds, reverse: bool, keep: bool, lengths: Any, input: Array, *arrays: Any) -> tuple[Array, ...]:
    """(output, *last states, key): the key is for `backward`, if `keep`.

    Args:
        lengths: None; (B,) lengths; or, for packed rows, (T,) how many sequences live at each step.
        input: (T, B, I), or packed rows (N, I).
        arrays: the first states, each (B, features) or (1, B, features), or None for zeros; and the weights. The last
            states are shaped like the first ones, (1, B, features) for None.
    """
    xp, kind = library(input), kinds.of(input)
    states, weights = arrays[: kind.states], Weights(*arrays[kind.states :])
    hidden, features = len(weights.ih) // kind.gates, weights.hh.shape[1]
    batch = batch_of(input, lengths, len(weights.ih), reverse)
    rows = _packed(input, batch)
    weight_ih, weight_hh = kind.laid_out(weights)
    output = xp.empty((rows.shape[0], features), input.dtype)
    carried = [_carried(s, xp, n, input.dtype, batch) for s, n in zip(states, (features, hidden))]
    kept: list[Workspace | Copies] = []
    place = place_of(input)
    for stretch in batch.stretches:
        work = borrow(kind, xp, stretch.steps, stretch.size, rows.shape[1], hidden, features, input.dtype, place)
        work.project(rows[stretch.rows], weight_ih)
        for state, end in zip(
            carried, work.forward([c.to(stretch.size) for c in carried], weight_hh, weights, reverse)
        ):
            state.state = end if keep and not stretch.copied else end.copy()  # others may borrow the workspace
        work.give(output[stretch.rows].reshape(stretch.steps, stretch.size, features), keep, reverse)
        if keep:
            kept.append(work.copies() if stretch.copied else work)
        if not keep or stretch.copied:
            give_back(work)
    shapes = [(1, *c.last.shape) if s is None else s.shape for c, s in zip(carried, states)]
    last = [_as_given(c.end(), batch.order, shape) for c, shape in zip(carried, shapes)]
    workspaces = [work for work in kept if isinstance(work, Workspace)]
    key = lend(workspaces, _Record(batch, kept, shapes, threading.Lock())) if keep else NOTHING
    return (_unpacked(output, batch, input.shape), *last, key)


def backward(
    kinds: Kinds, reverse: bool, needs: Sequence[bool], key: Array, input: Array, *arrays: Any
) -> tuple[Any, ...]:
    """The gradients of the input and of the first states (None where `needs` says that nobody needs one), and of the
    weights (None for those that there are not).

    `arrays`: the gradients of the output and of the last states, None for those that nobody used; and the weights.
    """
    record = lent(key)
    with record.lock:
        return _backward(kinds.of(input), record, reverse, needs, input, *arrays)


def _backward(
    kind: type[Workspace], record: _Record, reverse: bool, needs: Sequence[bool], input: Array, *arrays: Any
) -> tuple[Any, ...]:
    """`backward`, by one thread at a time."""
    grads, weights = arrays[: kind.states + 1], Weights(*arrays[kind.states + 1 :])
    xp, batch = library(input), record.batch
    output_grad = _packed(grads[0], batch)
    input_grad = rows_grad = None
    if needs[0]:  # made in its last shape: what the walk gets as a view it has to copy for a leaf
        input_grad = xp.empty(input.shape if batch.index is None else (len(batch.index), input.shape[2]), input.dtype)
        rows_grad = input_grad.reshape(-1, input.shape[-1])
    widths = weights.hh.shape[1], len(weights.ih) // kind.gates
    carried = [_carried(g, xp, n, input.dtype, batch) for g, n in zip(grads[1:], widths)]
    totals: list[Array] = []
    for stretch, kept in zip(reversed(batch.stretches), reversed(record.kept)):
        work = kept if isinstance(kept, Workspace) else _restored(kind, kept)
        rows = stretch.rows
        if output_grad is None:
            work.output_grads[...] = 0
        else:
            xp.copyto(work.output_grads, output_grad[rows].reshape(work.output_grads.shape))
        for state, start in zip(carried, work.backward([c.to(stretch.size) for c in carried], weights, reverse)):
            state.state = start.copy() if stretch.copied else start
        found = work.weight_grads(work.before(reverse))
        totals = [total.__iadd__(more) for total, more in zip(totals, found)] if totals else found
        if rows_grad is not None:
            work.input_grads(weights, rows_grad[rows])
        if stretch.copied:
            give_back(work)
    states = zip(carried, record.shapes, needs[1:])
    starts = [_as_given(c.end(), batch.order, shape) if need else None for c, shape, need in states]
    if input_grad is not None and batch.index is not None:
        input_grad = _unpacked(input_grad, batch, input.shape)
    return (input_grad, *starts, *kind.separated(totals, weights))


def _restored(kind: type[Workspace], copies: Copies) -> Workspace:
    """A workspace in which that stands again of which there are copies."""
    work = borrow(kind, *copies.key)
    for array, copy in zip(work.kept, copies.arrays):
        work.xp.copyto(array, copy)
    return work


def _packed(x: Any, batch: Batch) -> Any:
    """The rows of an input, of an output or of its gradient, packed."""
    if x is None:
        return None
    if x.ndim == 3:
        x = x.reshape(x.shape[0] * x.shape[1], x.shape[2])
    return x if batch.index is None else x[batch.index]


def _carried(state: Any, xp: Any, width: int, dtype: Any, batch: Batch) -> Carried:
    """A state of (sequences, features) numbers, or its gradient, about to set out; zeros if it is None."""
    shape = batch.size, width
    state = xp.zeros(shape, dtype) if state is None else state.reshape(shape)
    if batch.order is not None:
        state = state[batch.order]
    return Carried(state, xp.empty(shape, dtype))


def _as_given(state: Array, order: Any, shape: tuple[int, ...]) -> Array:
    """The sequences of a state in the order and the shape in which they were given; an array of its own."""
    out = library(state).empty(shape, state.dtype)
    out.reshape(state.shape)[slice(None) if order is None else order] = state
    return out


def _unpacked(rows: Array, batch: Batch, shape: tuple[int, ...]) -> Array:
    """Packed rows where the steps of the input of that `shape` are, 0 where there are none."""
    if batch.index is None:
        return rows.reshape(*shape[:-1], rows.shape[1])
    out = library(rows).zeros((shape[0] * shape[1], rows.shape[1]), rows.dtype)
    out[batch.index] = rows
    return out.reshape(*shape[:-1], rows.shape[1])


def options(arrays: Sequence[Any], lengths: Any, reverse: bool) -> dict[str, Any]:
    """The keywords of an operation on `arrays`: a copy of the lengths, which nobody changes before the twin reads them
    again for gradients of gradients; and whether there can be a backward pass."""
    keep = modes.node_type is not None and any(
        current_node(x) is not None for x in arrays if isinstance(x, TensorBase)
    )
    return {"lengths": None if lengths is None else array_of(lengths).copy(), "reverse": reverse, "keep": keep}
