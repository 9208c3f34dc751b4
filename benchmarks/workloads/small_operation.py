"""The cost of one small differentiable operation, forward and backward."""

from ..problems import CHAINS, Chain
from .row import Row

TITLE = "Small operation"
NOTE = (
    "Chains of 200 operations on vectors of four float32 numbers, forward, sum and gradients, divided by 200; y needs "
    "a gradient, and w where it occurs. `mix` is sigmoid(tanh(y * a + a) - y * w) * a + w, over and over. Compilers "
    "melt a chain into one loop."
)
NAMES = {
    "y * a": "mul", "y + a": "add", "y * w": "mul-both", "y * 1.001": "mul-number", "tanh(y)": "tanh", "mix": "mix",
}  # fmt: skip

ROWS = [
    Row(
        f"op-{NAMES[operation]}",
        f"`{operation}`",
        Chain(operation),
        count=200,
        quick=operation in ("y * a", "mix"),
        parallel=False,
    )
    for operation in CHAINS
]
