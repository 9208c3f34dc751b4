"""`rnn_layer`: the simple recurrent network, h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu of that.

[Elman 1990, Cognitive Science 14]
"""

from __future__ import annotations

from typing import Any

from ..activation import relu
from ..elementwise import tanh
from ..linear import linear
from .unrolled import unrolled


def rnn_twin(input, h, weight_ih, weight_hh, bias_ih, bias_hh, lengths, *, nonlinearity, reverse):
    """`rnn_layer` composed of small operations."""
    activation = {"tanh": tanh, "relu": relu}[nonlinearity]

    def step(x: Any, h: Any) -> tuple[Any, ...]:
        return (activation(linear(x, weight_ih, bias_ih) + linear(h, weight_hh, bias_hh)),)

    return unrolled(step, input, (h,), lengths, reverse)


def rnn_layer(
    input: Any, h: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None,
    lengths: Any = None, reverse: bool = False, nonlinearity: str = "tanh",
) -> tuple[Any, Any]:  # fmt: skip
    return rnn_twin(
        input, h, weight_ih, weight_hh, bias_ih, bias_hh, lengths, nonlinearity=nonlinearity, reverse=reverse
    )
