"""What a library costs beside its steps: recording or compiling, importing, memory."""

from .row import Row
from .training_step import LARGE, MIDDLE, SMALL

TITLE = "Start, import, memory"
NOTE = (
    "Recording or compiling: the first three calls of a fresh step less three later ones, for the peers that record or "
    "compile, nothing found on disk. Import time: a fresh interpreter, files in the system's cache. Peak memory: the "
    "most that a fresh process ever held, after importing one library and twenty steps of the network."
)

ROWS = [
    Row("start-2-16-16-1", "recording or compiling MLP 2-16-16-1", SMALL, "start", parallel=False),
    Row("start-64-128-128-10", "recording or compiling MLP 64-128-128-10", MIDDLE, "start", quick=True, parallel=False),
    Row("start-784-512-512-10", "recording or compiling MLP 784-512-512-10", LARGE, "start", parallel=False),
    Row("import", "import", None, "import", quick=True),
    Row("memory-784-512-512-10", "peak memory of MLP 784-512-512-10, batch 256", LARGE, "memory", quick=True),
]
