"""What the kinds of layers share on a GPU.

As on the CPU the loops work on (features, sequences), where each gate is a block; the rows of the weights stay in
PyTorch's order. What depends on no step stands outside the loop: the gradients of a step lie together, and are put
side by side at the end, by one copy.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from ....backend.library import Array
from ..workspace import Weights, Workspace, augmented


@cache
def kernel_of(xp: Any, name: str, inputs: str, outputs: str, text: str) -> Any:
    """The kernel on elements of the one type T of all its arguments. What an output holds before can be read."""
    lists = [", ".join(f"T {word}" for word in names.split()) for names in (inputs, outputs)]
    return xp.ElementwiseKernel(*lists, text, f"minigrad_{name}", no_return=True)


class OnGPU(Workspace):
    """What the kinds share.

    Attributes:
        projected: (steps, gates, hidden, size), the input's part of what goes into the gates.
        h: (steps, P, size); h_start: (P, size); h_grads: (steps, P, size).
        step_grads: (steps, grad_gates, hidden, size), gradients of what went into the gates.
        grads: the same, the sequences of all steps side by side.
    """

    grad_gates = 1
    h: Array
    h_start: Array

    def allocate(self) -> None:
        xp, steps, hidden, size = self.xp, self.steps, self.hidden, self.size
        self.projected = xp.empty((steps, self.gates, hidden, size), self.dtype)
        self.step_grads = xp.empty((steps, self.grad_gates, hidden, size), self.dtype)
        self.grads = xp.empty((steps * size, self.grad_gates * hidden), self.dtype).T
        self.h_grads = xp.empty((steps, self.state, size), self.dtype)
        self.h_grad = xp.empty((self.state, size), self.dtype)
        self.allocate_blocks()
        self.outputs, self.output_grads = self.h.transpose(0, 2, 1), self.h_grads.transpose(0, 2, 1)
        self.start = self.h_start.T

    def allocate_blocks(self) -> None:
        """Make the arrays of the kind, `h` and `h_start` among them."""
        self.h, self.h_start = self.blocks(1)[:, 0], self.block()

    def blocks(self, count: int) -> Array:
        """(steps, count, hidden, size)"""
        return self.xp.empty((self.steps, count, self.hidden, self.size), self.dtype)

    def block(self) -> Array:
        """(hidden, size)"""
        return self.xp.empty((self.hidden, self.size), self.dtype)

    @staticmethod
    def laid_out(weights: Weights) -> tuple[Array, Array]:
        bias = None if weights.bias_ih is None else weights.bias_ih + weights.bias_hh
        return augmented(weights.ih, bias), weights.hh

    def project(self, rows: Array, weight: Array) -> None:
        self.inputs[:, :-1] = rows
        product = self.inputs.dot(weight.T).reshape(self.steps, self.size, self.gates, self.hidden)
        self.xp.copyto(self.projected, product.transpose(0, 2, 3, 1))

    def put_side_by_side(self) -> None:
        """Fill `grads` from `step_grads`."""
        by_step = self.grads.T.reshape(self.steps, self.size, self.grad_gates, self.hidden)
        self.xp.copyto(by_step, self.step_grads.transpose(0, 3, 1, 2))
