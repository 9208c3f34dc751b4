"""Recurrent layers: a whole sequence through one layer, in one direction, as one operation with its gradients.

`rnn_layer`, `gru_layer` and `lstm_layer` are what `nn.RNN`, `nn.GRU` and `nn.LSTM` stack.
"""

from .gru import gru_layer
from .lstm import lstm_layer
from .rnn import rnn_layer

__all__ = ["gru_layer", "lstm_layer", "rnn_layer"]
