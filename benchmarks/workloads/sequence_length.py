"""How the cost of a time step grows with the length of the sequence."""

from ..recurrent_problems import Recurrent
from .row import Row

TITLE = "Growth with the length of a sequence"
NOTE = (
    "Forward and backward of one recurrent layer, batch 1, 32 to 32 features, as above: time of the whole sequence "
    "divided by its length. On the longest sequence minigrad takes turns with itself on the shortest."
)

ROWS = [
    Row(
        f"steps-{layer.lower()}-{steps}",
        f"a time step of {layer}, of {steps:,}",
        Recurrent(layer, steps, 1, 32, 32),
        count=steps,
        over=f"steps-{layer.lower()}-100" if steps == 10_000 else "",
        parallel=False,
        steps=2,
        tolerance=(1e-3, 1e-5),
    )
    for layer in ("RNN", "GRU", "LSTM")
    for steps in (100, 1000, 10_000)
]
