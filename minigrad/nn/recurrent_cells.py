"""Single steps of recurrent networks: `RNNCell`, `GRUCell` and `LSTMCell`."""

from __future__ import annotations

import math
from typing import Any

from .._tensor.creation import empty, zeros
from ..ops.recurrent import gru_layer, lstm_layer, rnn_layer
from ..ops.shape import unsqueeze
from . import init
from .module import Module
from .parameter import Parameter
from .recurrent_checks import check_dtype, check_nonlinearity, check_pair, check_sizes, check_tensor


class RNNCellBase(Module):
    """What `RNNCell`, `GRUCell` and `LSTMCell` share: one step of the layer of that name.

    Args:
        input_size: features of the input, I.
        hidden_size: features of the state, H.
        bias: whether there are `bias_ih` and `bias_hh`.

    The parameters are `weight_ih` (gates * H, I), `weight_hh` (gates * H, H), `bias_ih` and `bias_hh` (gates * H,),
    all uniform in ±1/sqrt(H) at the start. Called with an input (B, I) or (I,) and a state (B, H) or (H,), zeros if it
    is None; returns the next state.
    """

    gates = 1
    bias_ih: Any
    bias_hh: Any

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        check_sizes(type(self).__name__, input_size, hidden_size)
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows = self.gates * hidden_size
        self.weight_ih = Parameter(empty(rows, input_size, device=device, dtype=dtype))
        self.weight_hh = Parameter(empty(rows, hidden_size, device=device, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(empty(rows, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the starting values anew."""
        bound = 1 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def _step(self, layer: Any, input: Any, hx: Any, pair: bool = False, **more: Any) -> list[Any]:
        """The next states."""
        name = type(self).__name__
        check_tensor(name, "input", input)
        if input.ndim not in (1, 2):
            raise ValueError(f"{name}() takes an input (B, input_size) or (input_size,), got {tuple(input.shape)}")
        if input.shape[-1] != self.input_size:
            raise RuntimeError(f"{self} takes an input with {self.input_size} features, got {tuple(input.shape)}")
        check_dtype(name, "an input", input, self.weight_ih)
        shape = (*input.shape[:-1], self.hidden_size)
        if hx is None:
            states = [zeros(*shape, device=input.device, dtype=input.dtype)] * (1 + pair)
        else:
            states = check_pair(name, hx, pair)
            for x in states:
                if tuple(x.shape) != shape:
                    raise RuntimeError(f"{name}() needs states of shape {shape} for this input, got {tuple(x.shape)}")
                check_dtype(name, "a state", x, self.weight_ih)
        batched = input.ndim == 2
        if not batched:
            input, states = unsqueeze(input, 0), [unsqueeze(x, 0) for x in states]
        weights = self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh
        _, *new = layer(unsqueeze(input, 0), *states, *weights, **more)
        return new if batched else [x[0] for x in new]

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class RNNCell(RNNCellBase):
    """One step of `RNN`: see `RNNCellBase`. `nonlinearity` is "tanh" or "relu".

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.RNNCell(10, 20)(minigrad.randn(3, 10)).shape
    minigrad.Size([3, 20])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        check_nonlinearity(nonlinearity)
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Any = None) -> Any:
        return self._step(rnn_layer, input, hx, nonlinearity=self.nonlinearity)[0]

    def extra_repr(self) -> str:
        shown = super().extra_repr()
        return shown if self.nonlinearity == "tanh" else f"{shown}, nonlinearity={self.nonlinearity}"


class GRUCell(RNNCellBase):
    """One step of `GRU`: see `RNNCellBase`.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.GRUCell(10, 20)(minigrad.randn(3, 10), minigrad.zeros(3, 20)).shape
    minigrad.Size([3, 20])
    """

    gates = 3

    def forward(self, input: Any, hx: Any = None) -> Any:
        return self._step(gru_layer, input, hx)[0]


class LSTMCell(RNNCellBase):
    """One step of `LSTM`: see `RNNCellBase`. The state is a pair: h and c.

    >>> import minigrad
    >>> from minigrad import nn
    >>> h, c = nn.LSTMCell(10, 20)(minigrad.randn(3, 10))
    >>> h.shape, c.shape
    (minigrad.Size([3, 20]), minigrad.Size([3, 20]))
    """

    gates = 4

    def forward(self, input: Any, hx: Any = None) -> Any:
        return tuple(self._step(lstm_layer, input, hx, pair=True))
