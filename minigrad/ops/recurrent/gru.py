"""`gru_layer`: gated recurrent units.

    r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)        z likewise
    n = tanh(W_in x + b_in + r (W_hn h + b_hn))
    h' = (1 - z) n + z h

[Cho et al. 2014, arXiv:1406.1078, with the reset gate after the product, as in cuDNN and PyTorch]
"""

from __future__ import annotations

from typing import Any

from ...autograd.primitive import primitive
from ...backend.blas import in_pieces
from ...backend.door import whole
from ...backend.library import Array
from ..activation import sigmoid
from ..elementwise import tanh
from ..joining import chunk
from ..linear import linear
from .fused import Kinds, backward, forward, options
from .gpu import GRUOnGPU
from .gru_gradients import GRUGradients
from .unrolled import first_state, unrolled
from .workspace import GatedWorkspace, Weights, augmented


def gru_twin(input, h, weight_ih, weight_hh, bias_ih, bias_hh, *, lengths, reverse, keep):
    """`gru_layer` composed of small operations."""

    def step(x: Any, h: Any) -> tuple[Any, ...]:
        r_x, z_x, n_x = chunk(linear(x, weight_ih, bias_ih), 3, dim=1)
        r_h, z_h, n_h = chunk(linear(h, weight_hh, bias_hh), 3, dim=1)
        z = sigmoid(z_x + z_h)
        n = tanh(n_x + sigmoid(r_x + r_h) * n_h)
        return (n + z * (h - n),)

    first = first_state(h, input, weight_hh.shape[1])
    return *unrolled(step, input, (first,), lengths, reverse), None


class GRUWorkspace(GRUGradients, GatedWorkspace):
    """One block of (hidden, size) for r, z, n, r m, z d and h' at each step; m is W_hn h + b_hn, and d = h - n.

    sigmoid(v) is (1 + tanh(v / 2)) / 2, so the weights of r and z are halved. Beside a step's h' lies a row of ones:
    b_hh is a column of the weights of the state. The factors of the backward pass:

        dh'/dz z (1 - z) = (z d) (1 - z)     dh'/dn (1 - n²) = (1 - z) (1 - n²)     dv/dr r (1 - r) = (r m) (1 - r)

    where n = tanh(v).
    """

    gates = 3

    def allocate_blocks(self) -> None:
        xp, hidden, size = self.xp, self.hidden, self.size
        block = (hidden, size)
        self.blocks = xp.ones((self.steps, 6 * hidden + 1, size), self.dtype)
        self.projected = self.blocks[:, : 3 * hidden]
        self.first = xp.ones((hidden + 1, size), self.dtype)
        self.h_start = self.first[:-1]
        self.rest, self.factors = (xp.empty((2, *block), self.dtype) for _ in range(2))
        self.slope, self.difference, self.past_grad = (xp.empty(block, self.dtype) for _ in range(3))
        self.h = self.blocks[:, 5 * hidden : -1]
        self.kept = [self.inputs, self.blocks, self.rows]

    def views(self) -> tuple[list[Any], list[Any]]:
        forward, backward = [], []
        hidden = self.hidden
        for t, block in enumerate(self.blocks):
            parts = block[:-1].reshape(6, hidden, self.size)
            r, z, n, rm, zd, h = parts
            forward.append((block[: 2 * hidden], r, z, n, rm, zd, h, block[5 * hidden :]))
            backward.append((self.h_grads[t], parts[:2], parts[3:5], r, z, n, self.grads_at(t)))
        return forward, backward

    @staticmethod
    def laid_out(weights: Weights) -> tuple[Array, Array]:
        """The rows of r and z halved; each bias a last column."""
        left = augmented(weights.ih, weights.bias_ih)
        right = augmented(weights.hh, weights.bias_hh)
        for weight in (left, right):
            weight[: len(weight) // 3 * 2] *= 0.5
        return left, right

    def forward(self, states: list[Array], weight_hh: Array, weights: Weights, reverse: bool) -> list[Array]:
        xp = self.xp
        add, multiply, subtract, tanh = xp.add, xp.multiply, xp.subtract, xp.tanh
        xp.copyto(self.start, states[0])
        h, before, half, d, part = self.h_start, self.first, self.half, self.difference, self.part
        product, weight, into = in_pieces(weight_hh, part)
        part_rz, m = part[: 2 * self.hidden], part[2 * self.hidden :]
        for r_z, r, z, n, rm, zd, out, with_one in self.loop(False, reverse):
            product(weight, before, into)
            add(r_z, part_rz, r_z)
            tanh(r_z, r_z)
            multiply(r_z, half, r_z)
            add(r_z, half, r_z)
            multiply(r, m, rm)
            add(n, rm, n)
            tanh(n, n)
            subtract(h, n, d)
            multiply(z, d, zd)
            add(zd, n, out)
            h, before = out, with_one
        return [h.T]

    def backward(self, grads: list[Array], weights: Weights, reverse: bool) -> list[Array]:
        xp = self.xp
        add, multiply, subtract, copyto = xp.add, xp.multiply, xp.subtract, xp.copyto
        dh, rest, factors, slope, past, one = (
            self.h_grad, self.rest, self.factors, self.slope, self.past_grad, self.one
        )  # fmt: skip
        copyto(dh.T, grads[0])
        dm, dr, dz, dn = self.gate_grads
        by_r, by_z = factors
        rest_z = rest[1]
        every = self.gate_grads.reshape(4 * self.hidden, self.size)
        of_state = every[: 3 * self.hidden]
        product, weight, out = in_pieces(self.through(weights), dh)
        for grad, r_z, rm_zd, r, z, n, into in self.loop(True, reverse):
            add(dh, grad, dh)
            subtract(one, r_z, rest)
            multiply(rm_zd, rest, factors)
            multiply(n, n, slope)
            subtract(one, slope, slope)
            multiply(slope, rest_z, slope)
            multiply(dh, slope, dn)
            multiply(dh, by_z, dz)
            multiply(dn, by_r, dr)
            multiply(dn, r, dm)
            multiply(dh, z, past)
            copyto(into, every)
            product(weight, of_state, out)
            add(dh, past, dh)
        return [dh.T]


_KINDS = Kinds(GRUWorkspace, GRUOnGPU)


def gru_forward(*args: Any) -> tuple[Any, ...]:
    return forward(_KINDS, *args)


def gru_backward(*args: Any) -> tuple[Any, ...]:
    return backward(_KINDS, *args)


@primitive(dtype="same", accepts="f", nondiff=(2,), watched=())
def gru(xp, input, h, weight_ih, weight_hh, bias_ih=None, bias_hh=None, *, lengths, reverse, keep):
    """(output, h_n, key) of a layer in one direction: see `gru_layer` and `fused.forward`."""
    return whole(gru_forward, reverse, keep, lengths, input, h, weight_ih, weight_hh, bias_ih, bias_hh)


@gru.joint
def _gru_gradients(g, out, input, weight_ih, weight_hh, bias_ih, bias_hh, reverse, needs):
    key, weights = out[-1], (weight_ih, weight_hh, bias_ih, bias_hh)
    return whole(gru_backward, reverse, needs, key, input, *g[:2], *weights)


gru.twin(gru_twin)


def gru_layer(
    input: Any,
    h: Any,
    weight_ih: Any,
    weight_hh: Any,
    bias_ih: Any = None,
    bias_hh: Any = None,
    *,
    lengths: Any = None,
    reverse: bool = False,
) -> tuple[Any, Any]:
    """A GRU layer over a batch of sequences, in one direction: output (T, B, H), and the last h.

    Arguments as for `lstm_layer`; the weights have the rows of r, z and n, (3 H, I) and (3 H, H).

    >>> import minigrad
    >>> output, h = gru_layer(minigrad.ones(5, 1, 3), minigrad.zeros(1, 2), minigrad.ones(6, 3), minigrad.ones(6, 2))
    >>> output.shape, bool((output[-1] == h).all())
    (minigrad.Size([5, 1, 2]), True)
    """
    arrays = input, h, weight_ih, weight_hh, bias_ih, bias_hh
    return gru(*arrays, **options(arrays, lengths, reverse))[:2]
