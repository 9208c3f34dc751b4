"""`gru_layer`: gated recurrent units.

    r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)        z likewise
    n = tanh(W_in x + b_in + r (W_hn h + b_hn))
    h' = (1 - z) n + z h

[Cho et al. 2014, arXiv:1406.1078, with the reset gate after the product, as in cuDNN and PyTorch]
"""

from __future__ import annotations

from typing import Any

from ..activation import sigmoid
from ..elementwise import tanh
from ..joining import chunk
from ..linear import linear
from .unrolled import unrolled


def gru_twin(input, h, weight_ih, weight_hh, bias_ih, bias_hh, lengths, *, reverse):
    """`gru_layer` composed of small operations."""

    def step(x: Any, h: Any) -> tuple[Any, ...]:
        r_x, z_x, n_x = chunk(linear(x, weight_ih, bias_ih), 3, dim=1)
        r_h, z_h, n_h = chunk(linear(h, weight_hh, bias_hh), 3, dim=1)
        z = sigmoid(z_x + z_h)
        n = tanh(n_x + sigmoid(r_x + r_h) * n_h)
        return (n + z * (h - n),)

    return unrolled(step, input, (h,), lengths, reverse)


def gru_layer(
    input: Any, h: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None,
    lengths: Any = None, reverse: bool = False,
) -> tuple[Any, Any]:  # fmt: skip
    return gru_twin(input, h, weight_ih, weight_hh, bias_ih, bias_hh, lengths, reverse=reverse)
