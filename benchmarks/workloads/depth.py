"""How cost grows with depth: longer and longer chains of one operation."""

from ..problems import Chain
from .row import Row

TITLE = "Growth with depth"
NOTE = (
    "A chain of `y * a` on four numbers, forward, sum and gradient: time of the whole chain. A library that takes "
    "linear time has ten times the number of the row above it."
)

ROWS = [
    Row(
        f"depth-{n}",
        f"{n:,} operations",
        Chain("y * a", n),
        series="depth",
        size=n,
        quick=n in (10, 100),
        parallel=False,
    )
    for n in (10, 100, 1000, 10_000)
]
