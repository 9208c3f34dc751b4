"""`lstm_layer`: long short-term memory.

    i = sigmoid(W_ii x + b_ii + W_hi h + b_hi)        f, o likewise
    g = tanh(W_ig x + b_ig + W_hg h + b_hg)
    c' = f c + i g
    h' = o tanh(c'), or W_hr times that

[Hochreiter and Schmidhuber 1997, Neural Computation 9; the forget gate: Gers et al. 2000; the projection: Sak et al.
2014, arXiv:1402.1128]
"""

from __future__ import annotations

from typing import Any

from ..activation import sigmoid
from ..elementwise import tanh
from ..joining import chunk
from ..linear import linear
from .unrolled import unrolled


def lstm_twin(input, h, c, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, lengths, *, reverse):
    """`lstm_layer` composed of small operations."""

    def step(x: Any, h: Any, c: Any) -> tuple[Any, ...]:
        i, f, g, o = chunk(linear(x, weight_ih, bias_ih) + linear(h, weight_hh, bias_hh), 4, dim=1)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(c)
        return (h if weight_hr is None else linear(h, weight_hr)), c

    return unrolled(step, input, (h, c), lengths, reverse)


def lstm_layer(
    input: Any, h: Any, c: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None,
    weight_hr: Any = None, lengths: Any = None, reverse: bool = False,
) -> tuple[Any, Any, Any]:  # fmt: skip
    return lstm_twin(input, h, c, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, lengths, reverse=reverse)
