"""Gated recurrent units on a GPU."""

from __future__ import annotations

from typing import Any

from ....backend.library import Array
from ..gru_gradients import GRUGradients
from ..workspace import Weights, augmented
from .workspace import OnGPU, kernel_of


class GRUOnGPU(GRUGradients, OnGPU):
    """m is W_hn h + b_hn: a row of ones beside h, and b_hh in the last column of the weights, put the bias there.

    `past` is the part z dh' of a state's gradient, which does not go through the product.
    """

    gates = 3
    grad_gates = 4
    kernels = (
        (
            "gru_forward",
            "x_r x_z x_n m h",
            "r z n_ d h_new",
            """
            r = 1 / (1 + exp(-(r + x_r)));
            z = 1 / (1 + exp(-(z + x_z)));
            n_ = tanh(x_n + r * m);
            d = h - n_;
            h_new = n_ + z * d;
            """,
        ),
        (
            "gru_backward",
            "output_grad dh_ r z m n_ d",
            "past dm dr dz dn",
            """
            T dh = output_grad + dh_ + past;
            dn = dh * (1 - z) * (1 - n_ * n_);
            dz = dh * d * z * (1 - z);
            dr = dn * m * r * (1 - r);
            dm = dn * r;
            past = dh * z;
            """,
        ),
    )

    def allocate_blocks(self) -> None:
        self.saved = self.blocks(5)
        self.h_with_one = self.xp.ones((self.steps + 1, self.hidden + 1, self.size), self.dtype)
        self.h, self.h_start = self.h_with_one[:-1, :-1], self.h_with_one[-1, :-1]
        self.past = self.block()

    def views(self) -> tuple[list[Any], list[Any]]:
        forward, backward = [], []
        for x, saved, h, with_one, h_grad, found in zip(
            self.projected, self.saved, self.h, self.h_with_one, self.h_grads, self.step_grads
        ):
            r, z, m, n, d = saved
            into, of_state = (a[:3].reshape(3 * self.hidden, self.size) for a in (saved, found))
            forward.append((into, [*x, m], [r, z, n, d, h], h, with_one))
            backward.append((h_grad, [*saved, self.past, *found], of_state))
        return forward, backward

    @staticmethod
    def laid_out(weights: Weights) -> tuple[Array, Array]:
        return augmented(weights.ih, weights.bias_ih), augmented(weights.hh, weights.bias_hh)

    def forward(self, states: list[Array], weight_hh: Array, weights: Weights, reverse: bool) -> list[Array]:
        dot, kernel = self.xp.dot, kernel_of(self.xp, *self.kernels[0])
        self.xp.copyto(self.start, states[0])
        h, before = self.h_start, self.h_with_one[-1]
        for into, read, written, out, with_one in self.loop(False, reverse):
            dot(weight_hh, before, into)
            kernel(*read, h, *written)
            h, before = out, with_one
        return [h.T]

    def backward(self, grads: list[Array], weights: Weights, reverse: bool) -> list[Array]:
        dot, kernel = self.xp.dot, kernel_of(self.xp, *self.kernels[1])
        dh, through = self.h_grad, self.through(weights)
        self.xp.copyto(dh.T, grads[0])
        self.past[...] = 0
        for output_grad, blocks, of_state in self.loop(True, reverse):
            kernel(output_grad, dh, *blocks)
            dot(through, of_state, dh)
        dh += self.past
        self.put_side_by_side()
        return [dh.T]
