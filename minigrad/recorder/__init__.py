"""The recorded step behind `minigrad.jit`.

Read in this order: `jit` (what a user calls), `recorder` (what happens while a step is recorded), `plan` (what becomes
of the recording), `writer` and `program` (the Python that is replayed), `guards` (when it may be).
"""

from .errors import RecordingError
from .jit import jit

__all__ = ["RecordingError", "jit"]
