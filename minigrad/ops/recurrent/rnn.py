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
from .fused import Weights, Workspace, augmented, backward, differentiated, forward
from .unrolled import unrolled


def rnn_twin(input, h, weight_ih, weight_hh, bias_ih, bias_hh, lengths, *, nonlinearity, reverse, keep):
    """`rnn_layer` composed of small operations."""
    activation = {"tanh": tanh, "relu": relu}[nonlinearity]

    def step(x: Any, h: Any) -> tuple[Any, ...]:
        return (activation(linear(x, weight_ih, bias_ih) + linear(h, weight_hh, bias_hh)),)

    return *unrolled(step, input, (h,), lengths, reverse), None


class RNNWorkspace(Workspace):
    """The states h' are all that the backward pass needs; the slope of tanh is 1 - h'², that of relu 1 where h' > 0."""

    def lay_out(self) -> Array:
        xp = self.xp
        block = (self.hidden, self.size)
        self.slope, self.gate_grad = (xp.empty(block, self.dtype) for _ in range(2))
        self.zero = xp.zeros(block, self.dtype)
        return xp.empty((self.steps, *block), self.dtype)

    def views(self) -> tuple[list[Any], list[Any]]:
        columns = [self.at_step(self.grads, t) for t in range(self.steps)]
        return list(zip(self.outputs, self.projected)), list(zip(self.output_grads, self.outputs, columns))

    @staticmethod
    def laid_out(weights: Weights) -> tuple[Array, Array]:
        bias = None if weights.bias_ih is None else weights.bias_ih + weights.bias_hh
        return augmented(weights.ih, bias), weights.hh

    def activate(self, x: Array) -> None:
        """The nonlinearity, in place."""
        self.xp.tanh(x, x)

    def find_slope(self, h: Array) -> None:
        """Put the derivative of the nonlinearity, where it gave `h`, into `slope`."""
        self.xp.multiply(h, h, self.slope)
        self.xp.subtract(self.one, self.slope, self.slope)

    def forward(self, states: list[Array], weight_hh: Array, weights: Weights, reverse: bool) -> list[Array]:
        xp = self.xp
        dot, add, activate = xp.dot, xp.add, self.activate
        xp.copyto(self.start, states[0])
        h = self.start
        for out, x in self.loop(False, reverse):
            dot(weight_hh, h, out)
            add(out, x, out)
            activate(out)
            h = out
        return [h]

    def backward(self, grads: list[Array], weights: Weights, reverse: bool) -> list[Array]:
        xp = self.xp
        dot, add, multiply, copyto = xp.dot, xp.add, xp.multiply, xp.copyto
        dh, slope, grad, find_slope = self.state_grad, self.slope, self.gate_grad, self.find_slope
        copyto(dh, grads[0])
        through = xp.ascontiguousarray(weights.hh.T)
        for output_grad, h, columns in self.loop(True, reverse):
            add(dh, output_grad, dh)
            find_slope(h)
            multiply(dh, slope, grad)
            copyto(columns, grad)
            dot(through, grad, dh)
        return [dh]


class ReLUWorkspace(RNNWorkspace):
    """The same with relu."""

    def activate(self, x: Array) -> None:
        self.xp.maximum(x, self.zero, out=x)

    def find_slope(self, h: Array) -> None:
        self.xp.greater(h, self.zero, self.slope)


_KINDS = {"tanh": RNNWorkspace, "relu": ReLUWorkspace}


def rnn_forward(nonlinearity: str, *args: Any) -> tuple[Any, ...]:
    return forward(_KINDS[nonlinearity], *args)


def rnn_backward(nonlinearity: str, *args: Any) -> tuple[Any, ...]:
    return backward(_KINDS[nonlinearity], *args)


@primitive(dtype="same", fixed=("lengths",), accepts="f", nondiff=(2,), watched=(0,))
def rnn(xp, input, h, weight_ih, weight_hh, bias_ih=None, bias_hh=None, lengths=None, *, nonlinearity, reverse, keep):
    """(output, h_n, key) of a layer in one direction: see `rnn_layer` and `fused.forward`."""
    weights = weight_ih, weight_hh, bias_ih, bias_hh
    return whole(rnn_forward, nonlinearity, reverse, keep, lengths, input, h, *weights)


@rnn.joint
def _rnn_gradients(g, out, input, h, weight_ih, weight_hh, bias_ih, bias_hh, lengths, nonlinearity, reverse, needs):
    (output, _, key), weights = out, (weight_ih, weight_hh, bias_ih, bias_hh)
    return whole(rnn_backward, nonlinearity, reverse, needs[0], key, output, input, *g[:2], h, *weights)


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
    return rnn(*arrays, lengths, nonlinearity=nonlinearity, reverse=reverse, keep=differentiated(arrays))[:2]
