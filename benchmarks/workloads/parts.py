"""Where the time of an eager training step goes."""

from ..problems import PARTS, Part
from .row import Row
from .training_step import LARGE, MIDDLE

TITLE = "Parts of an eager training step"
NOTE = "The parts of two steps above, timed one by one, which costs the whole a little."

ROWS = [
    Row(f"{part}-{name}", f"MLP {name}: {part}", Part(training, part), parallel=False)
    for name, training in (("64-128-128-10", MIDDLE), ("784-512-512-10", LARGE))
    for part in PARTS
]
