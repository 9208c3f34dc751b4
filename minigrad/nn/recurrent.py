"""Recurrent layers: `RNN`, `GRU` and `LSTM`.

Each layer runs a whole sequence as one operation (`minigrad/ops/recurrent/`); what is here stacks them.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

from .._tensor.creation import empty, zeros
from ..ops.gathering import index_select
from ..ops.joining import cat
from ..ops.recurrent import gru_layer, lstm_layer, rnn_layer
from ..ops.shape import transpose, unsqueeze
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter
from .recurrent_checks import (
    check_input,
    check_lengths,
    check_nonlinearity,
    check_options,
    check_sizes,
    check_state,
)
from .utils.packed_sequence import PackedSequence
from .utils.sequence_rows import running_sizes


class RNNBase(Module):
    """What `RNN`, `GRU` and `LSTM` share: layers upon layers, in one direction or both.

    The arguments of all of them:

    Args:
        input_size: features of the input, I.
        hidden_size: features of the state, H.
        num_layers: the second layer's input is the first one's output, and so on.
        bias: whether there are b_ih and b_hh.
        batch_first: input and output are (B, T, *) instead of (T, B, *); states are not concerned.
        dropout: probability, in training, with which elements of each layer's output but the last one's are zeroed.
        bidirectional: a second network reads each sequence from its end; outputs are side by side.

    Parameters, for layer k and with the suffix `_reverse` for the other direction: `weight_ih_l{k}` (gates * H, I),
    for the upper layers (gates * H, directions * H), `weight_hh_l{k}` (gates * H, H), `bias_ih_l{k}` and
    `bias_hh_l{k}` (gates * H,), all uniform in ±1/sqrt(H) at the start.

    Called with `input` (T, B, I), (T, I) without a batch, or a `PackedSequence`; `hx`, the first state of every layer
    and direction, (num_layers * directions, B, H), zeros if it is None; and, for sequences that end before T,
    `lengths`: a list or an integer tensor (B,), in any order, so that the output is 0 after the end of each.

    Returns:
        output (T, B, directions * H), the states of the last layer, as the input was given; and the last state of
        every layer and direction, shaped like `hx`: that at the end of each sequence, or at its beginning for the
        other direction.

    Raises:
        RuntimeError: shapes that do not fit; ValueError: lengths that are 0 or longer than T, a wrong dtype.
    """

    gates = 1  # rows of a weight per unit
    states = 1  # h, or h and c

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bias: bool,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        proj_size: int,
        device: Any,
        dtype: Any,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        check_sizes(name, input_size, hidden_size, num_layers=num_layers)
        check_options(name, hidden_size, proj_size, dropout)
        if dropout > 0 and num_layers == 1:
            warnings.warn(
                f"dropout={dropout} acts between layers, and there is one: it has no effect with num_layers=1",
                stacklevel=3,
            )
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size
        state = proj_size or hidden_size
        rows = self.gates * hidden_size
        directions = 2 if bidirectional else 1
        self._all_weights: list[list[str]] = []  # names, for each layer and direction
        for k in range(num_layers):
            for suffix in ("", "_reverse")[:directions]:
                shapes: dict[str, tuple[int, ...]] = {}
                shapes["weight_ih"] = rows, input_size if k == 0 else state * directions
                shapes["weight_hh"] = rows, state
                if bias:
                    shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
                if proj_size:
                    shapes["weight_hr"] = proj_size, hidden_size
                for weight, shape in shapes.items():
                    made = Parameter(empty(*shape, device=device, dtype=dtype))
                    self.register_parameter(f"{weight}_l{k}{suffix}", made)
                self._all_weights.append([f"{weight}_l{k}{suffix}" for weight in shapes])
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the starting values anew."""
        bound = 1 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    @property
    def mode(self) -> str:
        """The kind of network, under PyTorch's name."""
        return type(self).__name__

    @property
    def all_weights(self) -> list[list[Any]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def flatten_parameters(self) -> None:
        """Nothing: there is no copy of the weights to keep in order. (For programs written for cuDNN.)"""

    def forward(self, input: Any, hx: Any = None, *, lengths: Any = None) -> Any:
        packed = input if isinstance(input, PackedSequence) else None
        if packed is not None:
            if lengths is not None:
                raise ValueError(f"{type(self).__name__}() got lengths beside a PackedSequence, which has its own")
            input = packed.data
        batched = check_input(self, input, packed is not None)
        if not batched:
            input = unsqueeze(input, 1)
        elif self.batch_first and packed is None:
            input = transpose(input, 0, 1)
        if packed is None:
            size = input.shape[1]
            lengths = check_lengths(type(self).__name__, lengths, input)
        else:
            size = int(running_sizes(packed, type(self).__name__)[0])
            lengths = packed.batch_sizes
            if hx is None:
                hx = self._zeros(size, input)
        states = None if hx is None else self._first_states(hx, size, batched, packed)
        output, *last = self._run(input, states, lengths)
        if packed is not None:
            order = packed.unsorted_indices
            last = last if order is None else [index_select(x, 1, order) for x in last]
            return packed._replace(data=output), self._state(last)
        if not batched:
            return output[:, 0], self._state([x[:, 0] for x in last])
        return (transpose(output, 0, 1) if self.batch_first else output), self._state(last)

    def _first_states(self, hx: Any, size: int, batched: bool, packed: Any) -> list[Any]:
        """The given first states, (layers * directions, B, features), one for each kind of state."""
        features = [self.proj_size or self.hidden_size] + [self.hidden_size] * (self.states - 1)
        given = check_state(self, hx, [(len(self._all_weights), size, n) for n in features], batched)
        if not batched:
            given = [unsqueeze(x, 1) for x in given]
        if packed is not None and packed.sorted_indices is not None:
            given = [index_select(x, 1, packed.sorted_indices) for x in given]
        return given

    def _zeros(self, size: int, input: Any) -> Any:
        """First states of `size` sequences."""
        options = {"device": input.device, "dtype": input.dtype}
        h = zeros(len(self._all_weights), size, self.proj_size or self.hidden_size, **options)
        return h if self.states == 1 else (h, zeros(len(self._all_weights), size, self.hidden_size, **options))

    def _run(self, x: Any, states: list[Any] | None, lengths: Any) -> tuple[Any, ...]:
        """The output of the last layer, and the last states of all."""
        directions = 2 if self.bidirectional else 1
        last = []
        for k in range(0, len(self._all_weights), directions):
            if k and self.dropout:
                x = F.dropout(x, self.dropout, self.training)
            outputs = []
            for d in range(directions):
                first = [None] * self.states if states is None else [s[k + d : k + d + 1] for s in states]
                output, *ends = self._layer(x, first, k + d, lengths)
                outputs.append(output)
                last.append(ends)
            x = outputs[0] if directions == 1 else cat(outputs, -1)
        return x, *(last[0] if len(last) == 1 else map(cat, zip(*last)))

    def _layer(self, x: Any, states: list[Any], number: int, lengths: Any) -> tuple[Any, ...]:
        """(output, *last states) of one layer in one direction, of which `all_weights[number]` are the weights; states
        are (1, B, features), or None for zeros."""
        return self._operation(x, *states, *self._weights(number), lengths=lengths, reverse=self._is_reverse(number))

    def _operation(self, *arrays: Any, **keywords: Any) -> tuple[Any, ...]:
        """The operation that runs such a layer: see `minigrad/ops/recurrent/`."""
        raise NotImplementedError

    def _weights(self, number: int) -> list[Any]:
        """`all_weights[number]`, None for biases that there are not."""
        weights = [getattr(self, name) for name in self._all_weights[number]]
        if not self.bias:
            weights[2:2] = None, None
        return weights

    def _is_reverse(self, number: int) -> bool:
        return self.bidirectional and number % 2 == 1

    def _state(self, last: list[Any]) -> Any:
        """The last states as they are returned."""
        return last[0] if self.states == 1 else tuple(last)

    def extra_repr(self) -> str:
        shown = f"{self.input_size}, {self.hidden_size}"
        for name, usual in (
            ("proj_size", 0), ("num_layers", 1), ("bias", True), ("batch_first", False), ("dropout", 0.0),
            ("bidirectional", False),
        ):  # fmt: skip
            if getattr(self, name) != usual:
                shown += f", {name}={getattr(self, name)}"
        return shown


class RNN(RNNBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu of that. [Elman 1990, Cognitive Science 14]

    See `RNNBase` for the arguments; `nonlinearity` ("tanh" or "relu") comes after `num_layers`.

    >>> import minigrad
    >>> from minigrad import nn
    >>> output, h_n = nn.RNN(10, 20, num_layers=2)(minigrad.randn(5, 3, 10))
    >>> output.shape, h_n.shape
    (minigrad.Size([5, 3, 20]), minigrad.Size([2, 3, 20]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        check_nonlinearity(nonlinearity)
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype
        )
        self.nonlinearity = nonlinearity

    @property
    def mode(self) -> str:
        return f"RNN_{self.nonlinearity.upper()}"

    def _operation(self, *arrays: Any, **keywords: Any) -> tuple[Any, ...]:
        return rnn_layer(*arrays, **keywords, nonlinearity=self.nonlinearity)


class GRU(RNNBase):
    """r, z = sigmoid(W x + b + V h + d) with weights of their own; n = tanh(W x + b + r (V h + d));
    h' = (1 - z) n + z h. [Cho et al. 2014, arXiv:1406.1078, the reset gate placed as in cuDNN]

    See `RNNBase` for the arguments. The rows of the weights are those of r, z and n.

    >>> import minigrad
    >>> from minigrad import nn
    >>> sequences = minigrad.randn(2, 7, 10)
    >>> output, h_n = nn.GRU(10, 20, batch_first=True)(sequences, lengths=[4, 7])
    >>> output.shape, bool((output[0, 3] == h_n[0, 0]).all()), float(output[0, 4:].abs().sum())
    (minigrad.Size([2, 7, 20]), True, 0.0)
    """

    gates = 3

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype
        )

    def _operation(self, *arrays: Any, **keywords: Any) -> tuple[Any, ...]:
        return gru_layer(*arrays, **keywords)


class LSTM(RNNBase):
    """i, f, o = sigmoid(W x + b + V h + d) with weights of their own; g = tanh(W x + b + V h + d);
    c' = f c + i g;  h' = o tanh(c'). [Hochreiter and Schmidhuber 1997; Gers et al. 2000]

    See `RNNBase` for the arguments. Here `hx` and the last state are pairs: h and c. The rows of the weights are those
    of i, f, g and o. With `proj_size` P, h' is `weight_hr` (P, H) times o tanh(c'): states h and outputs have P
    features [Sak et al. 2014, arXiv:1402.1128].

    >>> import minigrad
    >>> from minigrad import nn
    >>> output, (h_n, c_n) = nn.LSTM(10, 20, bidirectional=True)(minigrad.randn(5, 3, 10))
    >>> output.shape, h_n.shape, c_n.shape
    (minigrad.Size([5, 3, 40]), minigrad.Size([2, 3, 20]), minigrad.Size([2, 3, 20]))
    """

    gates = 4
    states = 2

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size, device, dtype
        )

    def _operation(self, *arrays: Any, **keywords: Any) -> tuple[Any, ...]:
        return lstm_layer(*arrays, **keywords)
