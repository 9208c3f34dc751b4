"""Optimizer steps over few and many small tensors, with given gradients and no network."""

from ..problems import Update
from .row import Row

TITLE = "Optimizer step"
NOTE = "Tensors of (16, 16) and (16,) by turns. SGD with momentum 0.9; RMSprop with PyTorch's defaults."
TITLES = {"sgd": "SGD with momentum", "rmsprop": "RMSprop"}

ROWS = [
    Row(
        f"{optimizer}-{tensors}",
        f"{TITLES[optimizer]}, {tensors} tensors",
        Update(optimizer, tensors),
        quick=(optimizer, tensors) == ("sgd", 60),
        parallel=False,
        series=optimizer,
        size=tensors,
    )
    for optimizer in TITLES
    for tensors in (6, 60, 600)
]
