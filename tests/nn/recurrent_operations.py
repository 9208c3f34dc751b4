"""The operations below recurrent layers and their composed twins, with inputs to check them on."""

from __future__ import annotations

import minigrad as mg
from minigrad.ops.recurrent import gru_layer, lstm_layer, rnn_layer
from minigrad.ops.recurrent.gru import gru_twin
from minigrad.ops.recurrent.lstm import lstm_twin
from minigrad.ops.recurrent.rnn import rnn_twin

#: the operation, its twin, rows of a weight per unit, states, whether there is a projection, options
OPERATIONS = {
    "RNN of tanh": (rnn_layer, rnn_twin, 1, 1, False, {"nonlinearity": "tanh"}),
    "RNN of relu": (rnn_layer, rnn_twin, 1, 1, False, {"nonlinearity": "relu"}),
    "GRU": (gru_layer, gru_twin, 3, 1, False, {}),
    "LSTM": (lstm_layer, lstm_twin, 4, 2, False, {}),
    "LSTM with projection": (lstm_layer, lstm_twin, 4, 2, True, {}),
}
#: how the sequences end: all at T, at lengths of their own, or packed
ENDS = ["whole", "lengths", "packed"]


class Case:
    """Leaves for one operation, and calls of it and of its twin with them.

    `names` and `leaves` are the inputs that can be differentiated; the biases are left out with `bias=False`.
    """

    def __init__(self, kind, ends="whole", *, reverse=False, bias=True, sizes=(3, 3, 2, 2), device="cpu", frozen=()):
        self.operation, self.twin, rows, count, projected, self.options = OPERATIONS[kind]
        self.count = count
        T, B, I, H = sizes
        self.reverse, self.lengths = reverse, None
        P = H
        if projected:
            H, P = max(H, 2), max(H - 1, 1)
        shapes = {"input": (T, B, I), "h": (B, P)}
        if ends == "lengths":
            self.lengths = mg.tensor([1 + (5 * b + T - 2) % T for b in range(B)], device=device)
        if ends == "packed":
            ending = sorted((1 + (5 * b + T - 2) % T for b in range(B)), reverse=True)
            sizes = [sum(n > t for n in ending) for t in range(ending[0])]  # how many rows each step has
            self.lengths = mg.tensor(sizes, device=device)
            shapes["input"] = (sum(ending), I)
        if count == 2:
            shapes["c"] = (B, H)
        shapes |= {"weight_ih": (rows * H, I), "weight_hh": (rows * H, P)}
        if bias:
            shapes |= {"bias_ih": (rows * H,), "bias_hh": (rows * H,)}
        if projected:
            shapes["weight_hr"] = (P, H)
        self.names = list(shapes)
        self.leaves = [
            mg.randn(*shape, dtype=mg.float64, device=device, requires_grad=name not in frozen)
            for name, shape in shapes.items()
        ]
        self.needed = [x for x in self.leaves if x.requires_grad]
        self.every = ["input", "h", *(["c"] if count == 2 else []), "weight_ih", "weight_hh", "bias_ih", "bias_hh"]
        if count == 2:
            self.every.append("weight_hr")

    def __call__(self, *leaves):
        """(output, *last states) of the operation."""
        given = dict(zip(self.names, leaves or self.leaves))
        arguments = [given.get(name) for name in self.every]
        return self.operation(*arguments, lengths=self.lengths, reverse=self.reverse, **self.options)

    def composed(self, *leaves):
        """The same of the twin."""
        given = dict(zip(self.names, leaves or self.leaves))
        arguments = [given.get(name) for name in self.every]
        lengths = None if self.lengths is None else self.lengths.array
        found = self.twin(*arguments, lengths=lengths, reverse=self.reverse, keep=True, **self.options)
        return found[: self.count + 1]  # without the key to what the operation keeps
