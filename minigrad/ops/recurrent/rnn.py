"""`rnn_layer`: the simple recurrent network, h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu of that.

[Elman 1990, Cognitive Science 14]
"""

from __future__ import annotations

from typing import Any

from ...autograd.primitive import primitive
from ...backend.door import whole
from ...backend.library import Array
from ..activation import relu
from ..elementwise import tanh
from ..linear import linear
from .fused import Kinds, backward, forward, options
from .gpu import ReLUOnGPU, RNNOnGPU
from .unrolled import first_state, unrolled
from .workspace import Weights, Workspace, augmented


def rnn_twin(input, h, weight_ih, weight_hh, bias_ih, bias_hh, *, lengths, nonlinearity, reverse, keep):
    """`rnn_layer` composed of small operations."""
    activation = {"tanh": tanh, "relu": relu}[nonlinearity]

    def step(x: Any, h: Any) -> tuple[Any, ...]:
        return (activation(linear(x, weight_ih, bias_ih) + linear(h, weight_hh, bias_hh)),)

    first = first_state(h, input, weight_hh.shape[1])
    return *unrolled(step, input, (first,), lengths, reverse), None


class RNNWorkspace(Workspace):
    """One gate lies contiguous anyway, so here the loops work on (sequences, features), as the input comes.

    The states are all that the backward pass needs: the slope of tanh is 1 - h'², that of relu 1 where h' > 0.
    """

    def allocate(self) -> None:
        xp, block = self.xp, (self.size, self.hidden)
        self.start, self.part, self.h_grad = (xp.empty(block, self.dtype) for _ in range(3))
        self.outputs, self.output_grads, self.slopes = (xp.empty((self.steps, *block), self.dtype) for _ in range(3))
        self.grads = xp.empty((self.steps * self.size, self.hidden), self.dtype).T
        self.kept = [self.inputs, self.outputs, self.start]

    def views(self) -> tuple[list[Any], list[Any]]:
        grads = self.grads.T.reshape(self.outputs.shape)
        return list(zip(self.outputs)), list(zip(self.output_grads, self.slopes, grads))

    @staticmethod
    def laid_out(weights: Weights) -> tuple[Array, Array]:
        bias = None if weights.bias_ih is None else weights.bias_ih + weights.bias_hh
        return augmented(weights.ih, bias), weights.hh.T.copy()

    def activate(self, x: Array) -> None:
        """The nonlinearity, in place."""
        self.xp.tanh(x, x)

    def find_slopes(self) -> None:
        """The derivative of the nonlinearity at every step."""
        self.xp.multiply(self.outputs, self.outputs, self.slopes)
        self.xp.subtract(self.one, self.slopes, self.slopes)

    def project(self, rows: Array, weight: Array) -> None:
        self.inputs[:, :-1] = rows
        self.xp.dot(self.inputs, weight.T, self.outputs.reshape(len(rows), self.hidden))

    def forward(self, states: list[Array], weight_hh: Array, weights: Weights, reverse: bool) -> list[Array]:
        dot, add, activate = self.xp.dot, self.xp.add, self.activate
        self.xp.copyto(self.start, states[0])
        h, part = self.start, self.part
        for (out,) in self.loop(False, reverse):
            dot(h, weight_hh, part)
            add(out, part, out)
            activate(out)
            h = out
        return [h]

    def backward(self, grads: list[Array], weights: Weights, reverse: bool) -> list[Array]:
        dot, add, multiply = self.xp.dot, self.xp.add, self.xp.multiply
        self.find_slopes()
        dh, weight = self.h_grad, weights.hh
        self.xp.copyto(dh, grads[0])
        for output_grad, slope, grad in self.loop(True, reverse):
            add(dh, output_grad, dh)
            multiply(dh, slope, grad)
            dot(grad, weight, dh)
        return [dh]


class ReLUWorkspace(RNNWorkspace):
    """The same with relu."""

    def activate(self, x: Array) -> None:
        self.xp.maximum(x, 0, out=x)

    def find_slopes(self) -> None:
        self.xp.greater(self.outputs, 0, self.slopes)


_KINDS = {"tanh": Kinds(RNNWorkspace, RNNOnGPU), "relu": Kinds(ReLUWorkspace, ReLUOnGPU)}


def rnn_forward(nonlinearity: str, *args: Any) -> tuple[Any, ...]:
    return forward(_KINDS[nonlinearity], *args)


def rnn_backward(nonlinearity: str, *args: Any) -> tuple[Any, ...]:
    return backward(_KINDS[nonlinearity], *args)


@primitive(dtype="same", accepts="f", nondiff=(2,), watched=())
def rnn(xp, input, h, weight_ih, weight_hh, bias_ih=None, bias_hh=None, *, lengths, nonlinearity, reverse, keep):
    """(output, h_n, key) of a layer in one direction: see `rnn_layer` and `fused.forward`."""
    weights = weight_ih, weight_hh, bias_ih, bias_hh
    return whole(rnn_forward, nonlinearity, reverse, keep, lengths, input, h, *weights)


@rnn.joint
def _rnn_gradients(g, out, input, weight_ih, weight_hh, bias_ih, bias_hh, nonlinearity, reverse, needs):
    key, weights = out[-1], (weight_ih, weight_hh, bias_ih, bias_hh)
    return whole(rnn_backward, nonlinearity, reverse, needs, key, input, *g[:2], *weights)


rnn.twin(rnn_twin)


def rnn_layer(
    input: Any,
    h: Any,
    weight_ih: Any,
    weight_hh: Any,
    bias_ih: Any = None,
    bias_hh: Any = None,
    *,
    nonlinearity: str = "tanh",
    lengths: Any = None,
    reverse: bool = False,
) -> tuple[Any, Any]:
    """A simple recurrent layer over a batch of sequences, in one direction: output (T, B, H), and the last h.

    Arguments as for `lstm_layer`, with weights (H, I) and (H, H); `nonlinearity` is "tanh" or "relu".

    >>> import minigrad
    >>> input, h, *weights = minigrad.ones(2, 1, 1), minigrad.zeros(1, 1), *minigrad.ones(2, 1, 1)
    >>> output, h = rnn_layer(input, h, *weights, nonlinearity="relu")
    >>> output[:, 0, 0], h
    (tensor([1., 2.]), tensor([[2.]]))
    """
    arrays = input, h, weight_ih, weight_hh, bias_ih, bias_hh
    return rnn(*arrays, nonlinearity=nonlinearity, **options(arrays, lengths, reverse))[:2]
