"""Long short-term memory on a GPU."""

from __future__ import annotations

from typing import Any

from ....backend.library import Array
from ..workspace import Weights, columns
from .workspace import OnGPU, kernel_of


class LSTMOnGPU(OnGPU):
    """The kernel forward gets in the places of i, f, g, o what comes from the state, and leaves the gates there.

    With a projection there are two products in a step, and backward one sum before the second of them.
    """

    gates = grad_gates = 4
    states = 2
    kernels = (
        (
            "lstm_forward",
            "x_i x_f x_g x_o",
            "i_ f g o c fc tanh_c q",
            """
            i_ = 1 / (1 + exp(-(i_ + x_i)));
            f = 1 / (1 + exp(-(f + x_f)));
            g = tanh(g + x_g);
            o = 1 / (1 + exp(-(o + x_o)));
            fc = f * c;
            c = fc + i_ * g;
            tanh_c = tanh(c);
            q = o * tanh_c;
            """,
        ),
        (
            "lstm_backward",
            "q_grad dh_ i_ f g o fc tanh_c",
            "dc di df dg do_",
            """
            T dq = q_grad + dh_;
            T dc_new = dc + dq * o * (1 - tanh_c * tanh_c);
            di = dc_new * g * i_ * (1 - i_);
            df = dc_new * fc * (1 - f);
            dg = dc_new * i_ * (1 - g * g);
            do_ = dq * tanh_c * o * (1 - o);
            dc = dc_new * f;
            """,
        ),
    )

    def allocate_blocks(self) -> None:
        self.saved = self.blocks(7)
        self.cell, self.cell_grad = self.block(), self.block()
        self.q = self.saved[:, 6]
        self.h, self.h_start = self.q, self.xp.empty((self.state, self.size), self.dtype)
        if self.state != self.hidden:
            self.h = self.xp.empty((self.steps, self.state, self.size), self.dtype)
            self.q_grad, self.nothing = self.block(), self.xp.zeros((self.hidden, self.size), self.dtype)

    def views(self) -> tuple[list[Any], list[Any]]:
        forward, backward = [], []
        for x, saved, h, h_grad, found in zip(self.projected, self.saved, self.h, self.h_grads, self.step_grads):
            *gates, fc, tanh_c, q = saved
            into, every = (a[:4].reshape(4 * self.hidden, self.size) for a in (saved, found))
            forward.append((into, [*x, *gates, self.cell, fc, tanh_c, q], q, h))
            backward.append((h_grad, [*gates, fc, tanh_c, self.cell_grad, *found], every))
        return forward, backward

    def forward(self, states: list[Array], weight_hh: Array, weights: Weights, reverse: bool) -> list[Array]:
        dot, kernel, hr = self.xp.dot, kernel_of(self.xp, *self.kernels[0]), weights.hr
        self.xp.copyto(self.start, states[0])
        self.xp.copyto(self.cell.T, states[1])
        h = self.h_start
        for gates, blocks, q, out in self.loop(False, reverse):
            dot(weight_hh, h, gates)
            kernel(*blocks)
            h = out
            if hr is not None:
                dot(hr, q, h)
        return [h.T, self.cell.T]

    def backward(self, grads: list[Array], weights: Weights, reverse: bool) -> list[Array]:
        dot, kernel, hr = self.xp.dot, kernel_of(self.xp, *self.kernels[1]), weights.hr
        dh, through = self.h_grad, self.xp.ascontiguousarray(weights.hh.T)
        self.xp.copyto(dh.T, grads[0])
        self.xp.copyto(self.cell_grad.T, grads[1])
        for output_grad, blocks, every in self.loop(True, reverse):
            if hr is None:
                kernel(output_grad, dh, *blocks)
            else:
                output_grad += dh
                dot(hr.T, output_grad, self.q_grad)
                kernel(self.q_grad, self.nothing, *blocks)
            dot(through, every, dh)
        self.put_side_by_side()
        return [dh.T, self.cell_grad.T]

    def weight_grads(self, before: Array) -> list[Array]:
        sums = super().weight_grads(before)
        if self.state != self.hidden:
            sums.append(columns(self.h_grads).dot(columns(self.q).T))
        return sums
