"""The simple recurrent network on a GPU, with tanh or relu."""

from __future__ import annotations

from typing import Any

from ....backend.library import Array
from ..workspace import Weights
from .workspace import OnGPU, kernel_of


class RNNOnGPU(OnGPU):
    kernels = (
        ("tanh_forward", "x", "h", "h = tanh(h + x);"),
        ("tanh_backward", "output_grad dh_ h", "grad", "grad = (output_grad + dh_) * (1 - h * h);"),
    )

    def views(self) -> tuple[list[Any], list[Any]]:
        h, (x, grads) = self.h, (a.reshape(self.h.shape) for a in (self.projected, self.step_grads))
        return list(zip(h, x)), list(zip(self.h_grads, h, grads))

    def forward(self, states: list[Array], weight_hh: Array, weights: Weights, reverse: bool) -> list[Array]:
        dot, kernel = self.xp.dot, kernel_of(self.xp, *self.kernels[0])
        self.xp.copyto(self.start, states[0])
        h = self.h_start
        for out, x in self.loop(False, reverse):
            dot(weight_hh, h, out)
            kernel(x, out)
            h = out
        return [h.T]

    def backward(self, grads: list[Array], weights: Weights, reverse: bool) -> list[Array]:
        dot, kernel = self.xp.dot, kernel_of(self.xp, *self.kernels[1])
        dh, through = self.h_grad, self.xp.ascontiguousarray(weights.hh.T)
        self.xp.copyto(dh.T, grads[0])
        for output_grad, h, grad in self.loop(True, reverse):
            kernel(output_grad, dh, h, grad)
            dot(through, grad, dh)
        self.put_side_by_side()
        return [dh.T]


class ReLUOnGPU(RNNOnGPU):
    kernels = (
        ("relu_forward", "x", "h", "T sum = h + x; h = sum < 0 ? T(0) : sum;"),  # nan stays nan
        ("relu_backward", "output_grad dh_ h", "grad", "grad = (output_grad + dh_) * (h > 0);"),
    )
