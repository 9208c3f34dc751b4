"""Recurrent layers on a GPU, where a call costs its launch: a time step is one matrix product and one kernel.

The kernel does all that is pointwise in a step; its text is the formulas of `lstm.py`, `gru.py` and `rnn.py` in the
folder above, for one element.
"""

from .gru import GRUOnGPU
from .lstm import LSTMOnGPU
from .rnn import ReLUOnGPU, RNNOnGPU

__all__ = ["GRUOnGPU", "LSTMOnGPU", "RNNOnGPU", "ReLUOnGPU"]
