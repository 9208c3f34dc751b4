"""The recorded step behind `minigrad.jit`.

Read in this order:

- `jit`: what a user calls; `record`: one recording, from start to program;
- `trace`: what a recording consists of (Call, Value, Memory); `tracer`, `library` and `interception`: how array calls
  are seen; `calls` and `recorder`: how they are noted; `results`: what a run leaves behind, `undo`: how it is put back;
- `plan`, with `merging`, `memory`, `chains` and `scalars`: what becomes of the recording;
- `names`, `wording`, `writer` and `program`: the Python that is replayed;
- `leaves`, `watch`, `reach` and `guards`: when it may be replayed.
"""

from .errors import RecordingError
from .jit import jit

__all__ = ["RecordingError", "jit"]
