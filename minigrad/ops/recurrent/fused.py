"""A whole sequence through a recurrent layer as one operation on the CPU: what the kinds of layers share.

The loop over time works on (features, sequences): there each gate is one contiguous block, and an array call on it
costs a quarter of a microsecond, where one on a strided block costs two. One matrix product serves all inputs, and
one each the gradients of weights and of the input, over all time steps of a stretch; what the loop itself does is in
the subclasses of `Workspace`, beside the formulas.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ...autograd.modes import modes
from ...autograd.node import TensorBase
from ...autograd.views import current_node
from ...backend.library import Array, library
from .stretches import Batch, Carried, batch_of
from .workspaces import NOTHING, borrow, give_back, lend, lent

_FEW = 8  # sequences; fewer lie scattered if a row is a feature


_VIEWS = 4096  # bytes that the views of a step take, about


class Weights(NamedTuple):
    """The weights of a layer in one direction, in PyTorch's layouts."""

    ih: Array  # (gates * H, I)
    hh: Array  # (gates * H, P), P features of the state, which are H but for a projection
    bias_ih: Any = None  # (gates * H,), or None
    bias_hh: Any = None
    hr: Any = None  # (P, H), or None


class Workspace:
    """Memory for `steps` time steps of `size` sequences, and the views of each step.

    Attributes:
        inputs: (steps * size, I + 1), the last column ones, for the bias.
        projected: (steps, rows, size), the input's part of what goes into the gates.
        outputs: (steps, P, size), the states.
        start: (P, size), the state before the first step.
        output_grads: (steps, P, size).
        grads: (rows, steps * size), gradients of what went into the gates.
    """

    gates = 1  # rows of a weight per hidden unit
    grad_gates = 1  # as many, unless gradients differ between the part of the input and that of the state
    states = 1

    def __init__(self, xp: Any, steps: int, size: int, features: int, hidden: int, state: int, dtype: Any) -> None:
        self.key = xp, steps, size, features, hidden, state, dtype
        self.xp = xp
        self.steps, self.size, self.hidden, self.state, self.dtype = steps, size, hidden, state, dtype
        self.inputs = xp.ones((steps * size, features + 1), dtype)
        self.projected = xp.empty((steps, self.gates * hidden, size), dtype)
        self.start = xp.empty((state, size), dtype)
        self.output_grads = xp.empty((steps, state, size), dtype)
        self.state_grad = xp.empty((state, size), dtype)
        self.grads = self.columns(self.grad_gates * hidden)
        self.one = xp.ones((), dtype)
        self.half = self.one / 2
        self.outputs = self.lay_out()
        self.by_step = self.views()
        owned = [a.nbytes for a in vars(self).values() if isinstance(a, xp.ndarray) and a.base is None]
        self.nbytes = sum(owned) + _VIEWS * steps

    def columns(self, rows: int) -> Array:
        """(rows, steps * size), laid out so that what is written at one step lies together."""
        count = self.steps * self.size
        if self.size >= _FEW:
            return self.xp.empty((rows, count), self.dtype)
        return self.xp.empty((count, rows), self.dtype).T

    def at_step(self, columns: Array, t: int) -> Array:
        """The columns of one step."""
        return columns[:, t * self.size : (t + 1) * self.size]

    def lay_out(self) -> Array:
        """Make what the kind needs besides, and return the place of the outputs."""
        raise NotImplementedError

    def views(self) -> tuple[list[Any], list[Any]]:
        """For each time step what the loops forward and backward work on."""
        raise NotImplementedError

    @staticmethod
    def laid_out(weights: Weights) -> tuple[Array, Array]:
        """The weights of the input with the bias in a last column, (rows, I + 1), and those of the state."""
        raise NotImplementedError

    def forward(self, states: list[Array], weight_hh: Array, weights: Weights, reverse: bool) -> list[Array]:
        """Run all steps, and return the last states."""
        raise NotImplementedError

    def backward(self, grads: list[Array], weights: Weights, reverse: bool) -> list[Array]:
        """Fill `grads`, from `output_grads` and the gradients of the last states; return those of the first ones."""
        raise NotImplementedError

    def loop(self, backward: bool, reverse: bool) -> list[Any]:
        """The views of each step, in the order in which the steps are gone through."""
        steps = self.by_step[backward]
        return steps if backward == reverse else steps[::-1]

    def project(self, rows: Array, weight: Array) -> None:
        """The part of the input `rows` in what goes into the gates, for all steps."""
        self.inputs[:, :-1] = rows
        if self.size >= _FEW:
            inputs = self.inputs.reshape(self.steps, self.size, self.inputs.shape[1])
            self.xp.matmul(weight, inputs.transpose(0, 2, 1), out=self.projected)
        else:
            product = self.inputs.dot(weight.T).reshape(self.steps, self.size, len(weight))
            self.xp.copyto(self.projected, product.transpose(0, 2, 1))

    def input_grads(self, weights: Weights, out: Array) -> None:
        """Put the gradients of the rows of the input into `out`, (steps * size, I)."""
        self.xp.dot(self.grads.T, weights.ih, out)

    def weight_grads(self, before: Array) -> list[Array]:
        """Sums over this stretch: the gradient of weight_ih with that of bias_ih in a last column, that of weight_hh,
        and what else `separated` needs. `before`: the states before each step, (steps * size, P)."""
        return [self.grads.dot(self.inputs), self.grads.dot(before)]

    @staticmethod
    def separated(sums: list[Array], weights: Weights) -> Weights:
        """The gradients of the weights from those sums; None for weights that there are not."""
        ih, hh, *hr = sums
        if weights.bias_ih is None:
            return Weights(ih[:, :-1].copy(), hh, None, None, *hr)
        return Weights(ih[:, :-1].copy(), hh, ih[:, -1].copy(), ih[:, -1].copy(), *hr)


class _Record(NamedTuple):
    """What a forward pass leaves."""

    batch: Batch
    workspaces: list[Workspace]


def forward(
    kind: type[Workspace], reverse: bool, keep: bool, lengths: Any, input: Array, *arrays: Any
) -> tuple[Array, ...]:
    """(output, *last states, key): the key is for `backward`, if `keep`.

    Args:
        lengths: None; (B,) lengths; or, for packed rows, (T,) how many sequences live at each step.
        input: (T, B, I), or packed rows (N, I).
        arrays: the first states, each (B, features), and the weights.
    """
    xp = library(input)
    states, weights = arrays[: kind.states], Weights(*arrays[kind.states :])
    hidden = weights.ih.shape[0] // kind.gates
    size, features = states[0].shape
    batch = batch_of(input, lengths, size, weights.ih.shape[0], reverse)
    rows = input if input.ndim == 2 else input.reshape(input.shape[0] * size, input.shape[2])
    if batch.index is not None:
        rows = rows[batch.index]
    weight_ih, weight_hh = kind.laid_out(weights)
    output = xp.empty((rows.shape[0], features), input.dtype)
    carried = [Carried(_in_order(s, batch.order), xp.empty(s.shape[::-1], s.dtype)) for s in states]
    used = []
    for stretch in batch.stretches:
        work = borrow(kind, xp, stretch.steps, stretch.size, rows.shape[1], hidden, features, input.dtype)
        work.project(rows[stretch.rows], weight_ih)
        for state, end in zip(
            carried, work.forward([c.to(stretch.size) for c in carried], weight_hh, weights, reverse)
        ):
            state.state = end
        xp.copyto(output[stretch.rows].reshape(stretch.steps, stretch.size, features), work.outputs.transpose(0, 2, 1))
        if keep:
            used.append(work)
        else:
            give_back(work)
    last = [_as_given(c.end(), batch.order) for c in carried]
    key = lend(used, _Record(batch, used)) if keep else NOTHING
    return (_unpacked(output, batch, input.shape), *last, key)


def backward(
    kind: type[Workspace], reverse: bool, needs_input: bool, key: Array, output: Array, input: Array, *arrays: Any
) -> tuple[Any, ...]:
    """The gradients of the input (None unless it needs one), of the first states, and of the weights (None for none).

    `arrays`: the gradients of the output and of the last states, None for those that nobody used; the first states;
    the weights.
    """
    count = kind.states
    grads, states = arrays[: count + 1], arrays[count + 1 : 2 * count + 1]
    weights = Weights(*arrays[2 * count + 1 :])
    xp = library(input)
    batch, workspaces = lent(key)
    output_grad, output = (_packed(x, batch) for x in (grads[0], output))
    input_grad = xp.empty((len(output), input.shape[-1]), input.dtype) if needs_input else None
    carried = []
    for state, grad in zip(states, grads[1:]):
        shape = state.shape[::-1]
        last = xp.zeros(shape, state.dtype) if grad is None else _in_order(grad, batch.order)
        carried.append(Carried(last, xp.empty(shape, state.dtype)))
    totals: list[Array] = []
    for stretch, work in zip(reversed(batch.stretches), reversed(workspaces)):
        n, b, rows = stretch.steps, stretch.size, stretch.rows
        if output_grad is None:
            work.output_grads.fill(0)
        else:
            xp.copyto(work.output_grads, output_grad[rows].reshape(n, b, output.shape[1]).transpose(0, 2, 1))
        for state, start in zip(carried, work.backward([c.to(b) for c in carried], weights, reverse)):
            state.state = start
        start, others = work.start.T, output[rows]
        before = xp.concatenate([others[b:], start] if reverse else [start, others[:-b]])
        found = work.weight_grads(before)
        totals = [total.__iadd__(more) for total, more in zip(totals, found)] if totals else found
        if input_grad is not None:
            work.input_grads(weights, input_grad[rows])
    first = [_as_given(c.end(), batch.order) for c in carried]
    if input_grad is not None:
        input_grad = _unpacked(input_grad, batch, input.shape)
    return (input_grad, *first, *kind.separated(totals, weights))


def _packed(x: Any, batch: Batch) -> Any:
    """The rows of an output, or of its gradient, packed."""
    if x is None:
        return None
    x = x if x.ndim == 2 else x.reshape(x.shape[0] * x.shape[1], x.shape[2])
    return x if batch.index is None else x[batch.index]


def _in_order(state: Array, order: Any) -> Array:
    """A state as (features, sequences), the longest sequence first."""
    return state.T if order is None else state[order].T


def _as_given(state: Array, order: Any) -> Array:
    """A state (features, sequences) as (sequences, features), in the order in which they were given."""
    out = library(state).empty(state.shape[::-1], state.dtype)
    out[slice(None) if order is None else order] = state.T
    return out


def _unpacked(rows: Array, batch: Batch, shape: tuple[int, ...]) -> Array:
    """Packed rows where the steps of the input of that `shape` are, 0 where there are none."""
    if batch.index is None:
        return rows.reshape(*shape[:-1], rows.shape[1])
    out = library(rows).zeros((shape[0] * shape[1], rows.shape[1]), rows.dtype)
    out[batch.index] = rows
    return out.reshape(*shape[:-1], rows.shape[1])


def differentiated(arrays: Sequence[Any]) -> bool:
    """Whether a gradient can be asked for."""
    return modes.node_type is not None and any(
        current_node(x) is not None for x in arrays if isinstance(x, TensorBase)
    )


def augmented(weight: Array, bias: Any) -> Array:
    """`weight` with `bias`, or zeros, as a last column."""
    rows, columns = weight.shape
    out = library(weight).empty((rows, columns + 1), weight.dtype)
    out[:, :-1] = weight
    out[:, -1] = 0 if bias is None else bias
    return out
