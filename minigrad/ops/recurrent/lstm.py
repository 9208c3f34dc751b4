"""`lstm_layer`: long short-term memory.

    i = sigmoid(W_ii x + b_ii + W_hi h + b_hi)        f, o likewise
    g = tanh(W_ig x + b_ig + W_hg h + b_hg)
    c' = f c + i g
    h' = o tanh(c'), or W_hr times that

[Hochreiter and Schmidhuber 1997, Neural Computation 9; the forget gate: Gers et al. 2000; the projection: Sak et al.
2014, arXiv:1402.1128]
"""

from __future__ import annotations

from typing import Any

from ...autograd.primitive import primitive
from ...backend.blas import in_pieces
from ...backend.door import whole
from ...backend.library import Array, library
from ..activation import sigmoid
from ..elementwise import tanh
from ..joining import chunk
from ..linear import linear
from .fused import Kinds, backward, forward, options
from .gpu import LSTMOnGPU
from .unrolled import first_state, unrolled
from .workspace import GatedWorkspace, Weights, augmented, columns


def lstm_twin(input, h, c, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, *, lengths, reverse, keep):
    """`lstm_layer` composed of small operations."""

    def step(x: Any, h: Any, c: Any) -> tuple[Any, ...]:
        i, f, g, o = chunk(linear(x, weight_ih, bias_ih) + linear(h, weight_hh, bias_hh), 4, dim=1)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(c)
        return (h if weight_hr is None else linear(h, weight_hr)), c

    rows, width = weight_hh.shape
    states = first_state(h, input, width), first_state(c, input, rows // 4)
    return *unrolled(step, input, states, lengths, reverse), None


class LSTMWorkspace(GatedWorkspace):
    """One block of (hidden, size) for each of tanh(c'), g, o, i, f, q = o tanh(c'), i g and f c, at each step.

    sigmoid(z) is (1 + tanh(z / 2)) / 2: halving the weights of o, i and f leaves one tanh for all four gates. The
    factors of the backward pass, with the blocks in this order, take four calls:

        dq/do o (1 - o) = q (1 - o)     dc'/di i (1 - i) = (i g) (1 - i)     dc'/df f (1 - f) = (f c) (1 - f)
        dq/dc' = o - q tanh(c')         dc'/dg (1 - g²) = i - (i g) g
    """

    gates = 4
    states = 2

    def allocate_blocks(self) -> None:
        xp, block = self.xp, (self.hidden, self.size)
        self.blocks = xp.empty((self.steps, 8, *block), self.dtype)
        self.cell, self.cell_grad, self.from_q = (xp.empty(block, self.dtype) for _ in range(3))
        self.rest = xp.empty((3, *block), self.dtype)
        self.factors = xp.empty((3, *block), self.dtype)
        self.slopes = xp.empty((2, *block), self.dtype)
        self.projected = self.blocks[:, 1:5].reshape(self.steps, 4 * self.hidden, self.size)
        self.h_start = xp.empty((self.state, self.size), self.dtype)
        self.h = self.blocks[:, 5]
        if self.state != self.hidden:
            self.h = xp.empty((self.steps, self.state, self.size), self.dtype)
            self.q_grad = xp.empty(block, self.dtype)
        self.kept = [self.inputs, self.blocks, self.rows]

    def views(self) -> tuple[list[Any], list[Any]]:
        forward, backward = [], []
        for t, block in enumerate(self.blocks):
            tanh_c, g, o, i, f, q, ig, fc = block
            oif, h = block[2:5], q if self.state == self.hidden else self.h[t]
            forward.append((self.projected[t], oif, o, i, f, g, ig, fc, tanh_c, q, h))
            backward.append((self.h_grads[t], oif, block[5:8], block[5:7], block[:2], block[2:4], f, self.grads_at(t)))
        return forward, backward

    @staticmethod
    def laid_out(weights: Weights) -> tuple[Array, Array]:
        """Rows for g, o, i, f; those of the last three halved."""
        bias = None if weights.bias_ih is None else weights.bias_ih + weights.bias_hh
        return _rearranged(augmented(weights.ih, bias)), _rearranged(weights.hh)

    def forward(self, states: list[Array], weight_hh: Array, weights: Weights, reverse: bool) -> list[Array]:
        xp = self.xp
        dot, add, multiply, tanh = xp.dot, xp.add, xp.multiply, xp.tanh
        xp.copyto(self.start, states[0])
        xp.copyto(self.cell.T, states[1])
        h, c, part, half, hr = self.h_start, self.cell, self.part, self.half, weights.hr
        product, weight, into = in_pieces(weight_hh, part)
        for gates, oif, o, i, f, g, ig, fc, tanh_c, q, out in self.loop(False, reverse):
            product(weight, h, into)
            add(gates, part, gates)
            tanh(gates, gates)
            multiply(oif, half, oif)
            add(oif, half, oif)
            multiply(i, g, ig)
            multiply(f, c, fc)
            add(ig, fc, c)
            tanh(c, tanh_c)
            multiply(o, tanh_c, q)
            h = out
            if hr is not None:
                dot(hr, q, out)
        return [h.T, c.T]

    def backward(self, grads: list[Array], weights: Weights, reverse: bool) -> list[Array]:
        xp = self.xp
        dot, add, multiply, subtract, copyto = xp.dot, xp.add, xp.multiply, xp.subtract, xp.copyto
        dh, dc, rest, factors, slopes = self.h_grad, self.cell_grad, self.rest, self.factors, self.slopes
        copyto(dh.T, grads[0])
        copyto(dc.T, grads[1])
        by_o, by_i, by_f = factors
        by_c, by_g = slopes
        di, df, dg, do = self.gate_grads
        every = self.gate_grads.reshape(4 * self.hidden, self.size)
        one, from_q, hr = self.one, self.from_q, weights.hr
        product, weight, out = in_pieces(xp.ascontiguousarray(weights.hh.T), dh)
        dq = dh if hr is None else self.q_grad
        for grad, oif, q_ig_fc, q_ig, tanh_c_g, o_i, f, into in self.loop(True, reverse):
            add(dh, grad, dh)
            if hr is not None:
                copyto(grad, dh)
                dot(hr.T, dh, dq)
            subtract(one, oif, rest)
            multiply(q_ig_fc, rest, factors)
            multiply(q_ig, tanh_c_g, slopes)
            subtract(o_i, slopes, slopes)
            multiply(dq, by_c, from_q)
            add(dc, from_q, dc)
            multiply(dq, by_o, do)
            multiply(dc, by_i, di)
            multiply(dc, by_f, df)
            multiply(dc, by_g, dg)
            multiply(dc, f, dc)
            copyto(into, every)
            product(weight, every, out)
        return [dh.T, dc.T]

    def weight_grads(self, before: Array) -> list[Array]:
        sums = super().weight_grads(before)
        if self.state != self.hidden:
            sums.append(columns(self.h_grads).dot(columns(self.blocks[:, 5]).T))
        return sums


def _rearranged(weight: Array) -> Array:
    """The rows of g, o, i, f of a weight with those of i, f, g, o; those of the last three halved."""
    hidden = len(weight) // 4
    xp = library(weight)
    half = xp.asarray(0.5, weight.dtype)
    out = xp.empty_like(weight)
    out[:hidden] = weight[2 * hidden : 3 * hidden]
    xp.multiply(weight[3 * hidden :], half, out[hidden : 2 * hidden])
    xp.multiply(weight[: 2 * hidden], half, out[2 * hidden :])
    return out


_KINDS = Kinds(LSTMWorkspace, LSTMOnGPU)


def lstm_forward(*args: Any) -> tuple[Any, ...]:
    return forward(_KINDS, *args)


def lstm_backward(*args: Any) -> tuple[Any, ...]:
    return backward(_KINDS, *args)


@primitive(dtype="same", accepts="f", nondiff=(3,), watched=())
def lstm(
    xp, input, h, c, weight_ih, weight_hh, bias_ih=None, bias_hh=None, weight_hr=None, *, lengths, reverse, keep
):
    """(output, h_n, c_n, key) of a layer in one direction: see `lstm_layer` and `fused.forward`."""
    weights = weight_ih, weight_hh, bias_ih, bias_hh, weight_hr
    return whole(lstm_forward, reverse, keep, lengths, input, h, c, *weights)


@lstm.joint
def _lstm_gradients(g, out, input, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, reverse, needs):
    key, weights = out[-1], (weight_ih, weight_hh, bias_ih, bias_hh, weight_hr)
    return whole(lstm_backward, reverse, needs, key, input, *g[:3], *weights)


lstm.twin(lstm_twin)


def lstm_layer(
    input: Any,
    h: Any,
    c: Any,
    weight_ih: Any,
    weight_hh: Any,
    bias_ih: Any = None,
    bias_hh: Any = None,
    weight_hr: Any = None,
    *,
    lengths: Any = None,
    reverse: bool = False,
) -> tuple[Any, Any, Any]:
    """An LSTM layer over a batch of sequences, in one direction.

    Args:
        input: (T, B, I); or rows (N, I) that are packed as in a `PackedSequence`.
        h, c: the first states, (B, H) or (1, B, H), with a projection P for H in h; None for zeros.
        weight_ih: (4 H, I), the rows of i, f, g and o.
        weight_hh: (4 H, H), or (4 H, P).
        bias_ih, bias_hh: (4 H,), or None.
        weight_hr: (P, H), or None.
        lengths: None; (B,) how long each sequence is; or for packed rows (T,) how many sequences live at each step.
        reverse: from the end of each sequence to its beginning.

    Returns:
        output (T, B, H), or (N, H), 0 after the end of a sequence; and the last h and c, shaped like the first ones,
        (1, B, H) for None.

    >>> import minigrad
    >>> weights = [minigrad.ones(8, 3), minigrad.ones(8, 2)]
    >>> output, h, c = lstm_layer(minigrad.ones(5, 1, 3), minigrad.zeros(1, 2), minigrad.zeros(1, 2), *weights)
    >>> output.shape, float(c[0, 0]) < 5
    (minigrad.Size([5, 1, 2]), True)
    """
    arrays = input, h, c, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr
    return lstm(*arrays, **options(arrays, lengths, reverse))[:3]
