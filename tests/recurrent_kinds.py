"""What makes a recurrent layer or cell: the class, and the options that it is of this kind by."""

KINDS = {
    "RNN of tanh": ("RNN", {}),
    "RNN of relu": ("RNN", {"nonlinearity": "relu"}),
    "GRU": ("GRU", {}),
    "LSTM": ("LSTM", {}),
    "LSTM with projection": ("LSTM", {"proj_size": 3}),
}
CELLS = {
    "RNNCell of tanh": ("RNNCell", {}),
    "RNNCell of relu": ("RNNCell", {"nonlinearity": "relu"}),
    "GRUCell": ("GRUCell", {}),
    "LSTMCell": ("LSTMCell", {}),
}
