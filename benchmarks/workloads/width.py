"""How cost grows with width and with the number of parameter tensors."""

from ..problems import mlp
from .row import Row

TITLE = "Growth with width and number of parameters"
NOTE = "Training steps of MLPs with ReLU and cross entropy, batch 32, SGD with momentum 0.9."

ROWS = [
    *(
        Row(f"width-{n}", f"three linear layers, {n} wide", mlp((n, n, n, 10), 32), series="width", size=n * n)
        for n in (8, 32, 128, 512, 2048)
    ),
    *(
        Row(
            f"parameters-{2 * n}",
            f"{2 * n} parameter tensors: {n} linear layers, 16 wide",
            mlp((16,) * n + (10,), 32),
            series="parameters",
            size=n,
        )
        for n in (3, 30, 300)
    ),
]
