"""The memory in which a recurrent layer runs through a stretch: `Workspace`, and what those with gates share."""

from __future__ import annotations

from typing import Any, NamedTuple

from ...backend import blas
from ...backend.library import Array, library

_FEW = 8  # sequences; of fewer, what belongs to one time step would lie scattered if a row were a feature
_VIEW = 150  # bytes of a view, about


class Weights(NamedTuple):
    """The weights of a layer in one direction, in PyTorch's layouts."""

    ih: Array  # (gates * H, I)
    hh: Array  # (gates * H, P), P features of the state, which are H but for a projection
    bias_ih: Any = None  # (gates * H,), or None
    bias_hh: Any = None
    hr: Any = None  # (P, H), or None


class Copies(NamedTuple):
    """What a workspace, told from others by `key`, has kept."""

    key: tuple[Any, ...]
    arrays: list[Array]


class Workspace:
    """Memory for `steps` time steps of `size` sequences, with the views of each step.

    Attributes:
        inputs: (steps * size, I + 1), the last column ones, for the bias.
        outputs: (steps, size, P), the states h.
        start: (size, P), h before the first step.
        output_grads: (steps, size, P).
        kept: what a backward pass reads of the forward pass.
        key: what tells it from others of its kind, `place` among it (`place_of` in lending.py).
        by_step: for each step the views that the loop forward works on, and those of the loop backward.
        nbytes: what all of it takes, about.
    """

    gates = 1  # rows of a weight per hidden unit
    states = 1  # h, or h and c
    outputs: Array
    start: Array
    output_grads: Array
    grads: Array
    kept: list[Array]

    def __init__(
        self, xp: Any, steps: int, size: int, features: int, hidden: int, state: int, dtype: Any, place: Any = None
    ) -> None:
        self.key = xp, steps, size, features, hidden, state, dtype, place
        self.xp = xp
        self.steps, self.size, self.hidden, self.state, self.dtype = steps, size, hidden, state, dtype
        self.inputs = xp.ones((steps * size, features + 1), dtype)
        self.one = xp.ones((), dtype)
        self.allocate()
        self.by_step = self.views()
        arrays = [a if a.base is None else a.base for a in vars(self).values() if isinstance(a, xp.ndarray)]
        views = sum(len(step) + 1 for steps in self.by_step for step in steps)
        self.nbytes = sum({id(a): a.nbytes for a in arrays}.values()) + _VIEW * views

    def allocate(self) -> None:
        """Make the arrays."""
        raise NotImplementedError

    def views(self) -> tuple[list[Any], list[Any]]:
        """`by_step`."""
        raise NotImplementedError

    @staticmethod
    def laid_out(weights: Weights) -> tuple[Array, Array]:
        """The weights of the input with the bias in a last column, (rows, I + 1), and those of the state."""
        raise NotImplementedError

    def project(self, rows: Array, weight: Array) -> None:
        """The part of the input `rows` in what goes into the gates, for all steps."""
        raise NotImplementedError

    def forward(self, states: list[Array], weight_hh: Array, weights: Weights, reverse: bool) -> list[Array]:
        """Run all steps from `states`, each (size, features), and return the last ones."""
        raise NotImplementedError

    def give(self, out: Array, keep: bool, reverse: bool) -> None:
        """Put the outputs into `out`, (steps, size, P); `keep`, if there will be a backward pass."""
        self.xp.copyto(out, self.outputs)

    def before(self, reverse: bool) -> Array:
        """h before each step, (steps * size, P)."""
        h, start = self.outputs, self.start[None]
        found = self.xp.concatenate([h[1:], start] if reverse else [start, h[:-1]])
        return found.reshape(self.steps * self.size, self.state)

    def backward(self, grads: list[Array], weights: Weights, reverse: bool) -> list[Array]:
        """From `output_grads` and the gradients of the last states to those of the first ones; what is between is kept
        for `input_grads` and `weight_grads`."""
        raise NotImplementedError

    def copies(self) -> Copies:
        """Of `kept`."""
        return Copies(self.key, [a.copy() for a in self.kept])

    def input_grads(self, weights: Weights, out: Array) -> None:
        """Put the gradients of the rows of the input into `out`, (steps * size, I)."""
        self.xp.dot(self.grads[-len(weights.ih) :].T, weights.ih, out)

    def weight_grads(self, before: Array) -> list[Array]:
        """Sums over this stretch: the gradient of weight_ih with that of bias_ih in a last column, that of weight_hh,
        and what else `separated` needs. `before`: h before each step, (steps * size, P)."""
        return [self.product(self.grads, self.inputs), self.product(self.grads, before)]

    def product(self, a: Array, b: Array) -> Array:
        """The matrix product of gradients and what they belong to."""
        return a.dot(b)

    @staticmethod
    def separated(sums: list[Array], weights: Weights) -> Weights:
        """The gradients of the weights from those sums; None for weights that there are not."""
        ih, hh, *hr = sums
        if weights.bias_ih is None:
            return Weights(ih[:, :-1].copy(), hh, None, None, *hr)
        return Weights(ih[:, :-1].copy(), hh, ih[:, -1].copy(), ih[:, -1].copy(), *hr)

    def loop(self, backward: bool, reverse: bool) -> list[Any]:
        """The views of each step, in the order in which the steps are gone through."""
        steps = self.by_step[backward]
        return steps if backward == reverse else steps[::-1]


class GatedWorkspace(Workspace):
    """A workspace whose loops work on (features, sequences).

    There each gate is one contiguous block, and an array call on it costs a quarter of a microsecond, where one on a
    strided block costs two.

    Attributes:
        projected: (steps, rows, size), the input's part of what goes into the gates, in the place of those.
        part: (rows, size), the state's part, at one step.
        h: (steps, P, size); h_start: (P, size); h_grads: (steps, P, size).
        rows: (steps + 1, size, P), h before the first step and after each one, in the order of time: the outputs are
            there on their way to `out`, so that they are turned once.
    """

    grad_gates = 4  # blocks of gradients
    projected: Array
    h: Array
    h_start: Array

    def allocate(self) -> None:
        xp, block = self.xp, (self.state, self.size)
        self.half = self.one / 2
        self.part = xp.empty((self.gates * self.hidden, self.size), self.dtype)
        self.h_grads = xp.empty((self.steps, *block), self.dtype)
        self.h_grad = xp.empty(block, self.dtype)
        self.gate_grads = xp.empty((self.grad_gates, self.hidden, self.size), self.dtype)
        rows, count = self.grad_gates * self.hidden, self.steps * self.size
        few = self.size < _FEW
        self.grads = xp.empty((count, rows), self.dtype).T if few else xp.empty((rows, count), self.dtype)
        self.rows = xp.empty((self.steps + 1, self.size, self.state), self.dtype)
        self.allocate_blocks()
        self.outputs, self.output_grads = self.h.transpose(0, 2, 1), self.h_grads.transpose(0, 2, 1)
        self.start = self.h_start.T

    def allocate_blocks(self) -> None:
        """Make the arrays of the kind, `projected`, `h` and `h_start` among them."""
        raise NotImplementedError

    def grads_at(self, t: int) -> Array:
        """The gradients of one step, (rows, size)."""
        return self.grads[:, t * self.size : (t + 1) * self.size]

    def project(self, rows: Array, weight: Array) -> None:
        self.inputs[:, :-1] = rows
        if self.size >= _FEW:
            inputs = self.inputs.reshape(self.steps, self.size, self.inputs.shape[1])
            if self.size * weight.size > blas.LEAN:  # kernels that pack take rows faster, the lean ones columns
                weight = self.xp.ascontiguousarray(weight)
            self.xp.matmul(weight, inputs.transpose(0, 2, 1), out=self.projected)
        else:
            product = self.inputs.dot(weight.T).reshape(self.steps, self.size, len(weight))
            self.xp.copyto(self.projected, product.transpose(0, 2, 1))

    def give(self, out: Array, keep: bool, reverse: bool) -> None:
        if not keep:
            return super().give(out, keep, reverse)
        h = self.rows[:-1] if reverse else self.rows[1:]
        self.xp.copyto(h, self.outputs)
        self.xp.copyto(out, h)
        self.xp.copyto(self.rows[-1 if reverse else 0], self.start)

    def before(self, reverse: bool) -> Array:
        return (self.rows[1:] if reverse else self.rows[:-1]).reshape(self.steps * self.size, self.state)

    def input_grads(self, weights: Weights, out: Array) -> None:
        weight, size = weights.ih, self.size
        if size < _FEW or size * weight.size > blas.LEAN:
            super().input_grads(weights, out)
        else:  # step by step
            grads = self.grads[-len(weight) :].reshape(len(weight), self.steps, size)
            self.xp.matmul(grads.transpose(1, 2, 0), weight, out=out.reshape(self.steps, size, -1))

    def product(self, a: Array, b: Array) -> Array:
        if b.ndim == 1 or self.size < _FEW:  # where gradients lie in columns, which pieces of rows would copy
            return a.dot(b)
        out = self.xp.empty((len(a), b.shape[1]), self.dtype)
        product, a, into = blas.in_pieces(a, out)
        product(a, b, into)
        return out


def augmented(weight: Array, bias: Any) -> Array:
    """`weight` with `bias`, or zeros, as a last column; column after column in memory."""
    rows, columns = weight.shape
    out = library(weight).empty((columns + 1, rows), weight.dtype).T
    out[:, :-1] = weight
    out[:, -1] = 0 if bias is None else bias
    return out


def columns(blocks: Array) -> Array:
    """(steps, features, size) as (features, steps * size)."""
    return blocks.transpose(1, 0, 2).reshape(blocks.shape[1], blocks.shape[0] * blocks.shape[2])
