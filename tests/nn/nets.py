"""Small models that several tests use."""

import minigrad as mg
from minigrad import nn


class Net(nn.Module):
    """Two layers, a persistent and a passing buffer, in this order of registration."""

    def __init__(self, device="cpu"):
        super().__init__()
        self.register_buffer("scale", mg.full((1,), 2.0, device=device))
        self.hidden = nn.Linear(3, 4, device=device)
        self.out = nn.Linear(4, 2, device=device)
        self.offset = nn.Parameter(mg.zeros(2, device=device))
        self.register_buffer("scratch", mg.zeros(3, device=device), persistent=False)

    def forward(self, x):
        return self.out(self.hidden(x).tanh()) * self.scale + self.offset


class Tied(nn.Module):
    """An embedding whose table is also the weight of the output layer."""

    def __init__(self, device="cpu"):
        super().__init__()
        self.encoder = nn.Embedding(5, 3, device=device)
        self.decoder = nn.Linear(3, 5, bias=False, device=device)
        self.decoder.weight = self.encoder.weight

    def forward(self, x):
        return self.decoder(self.encoder(x))


def same(a, b):
    """True if two tensors have the same shape, dtype and values."""
    return a.dtype == b.dtype and a.tolist() == b.tolist()
