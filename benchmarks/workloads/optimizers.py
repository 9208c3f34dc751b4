"""Optimizer steps over few and many small tensors, and over one large one, with given gradients and no network."""

from ..problems import OPTIMIZERS, Update
from .row import Row

TITLE = "Optimizer step"
NOTE = (
    "The step alone, its gradients given; nothing but the step is timed. Tensors of 1,000 numbers each, or one of ten "
    "million. SGD with momentum 0.9, the others with PyTorch's defaults. minigrad.jit records the step; NumPy by hand "
    "walks one flat buffer in blocks that stay in cache."
)
TITLES = {"sgd": "SGD with momentum", "rmsprop": "RMSprop", "adagrad": "Adagrad", "adam": "Adam"}
#: Five steps at a rate of 0.001 change a parameter by 0.005 or more: relative to that, a thousandth.
TOLERANCE = (3e-6, 3e-6)

ROWS = [
    row
    for optimizer in OPTIMIZERS
    for row in [
        *(
            Row(
                f"{optimizer}-{tensors}",
                f"{TITLES[optimizer]}, {tensors} tensors",
                Update(optimizer, tensors),
                quick=tensors == 60,
                parallel=False,
                series=optimizer,
                size=tensors,
                tolerance=TOLERANCE,
            )
            for tensors in (6, 60, 600)
        ),
        Row(
            f"{optimizer}-10m",
            f"{TITLES[optimizer]}, ten million numbers",
            Update(optimizer, 1, 10_000_000),
            tolerance=TOLERANCE,
            compare=Update(optimizer, 1, 100_000),
        ),
    ]
]
