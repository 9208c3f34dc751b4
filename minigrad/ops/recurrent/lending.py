"""Memory that recurrent layers use again and again.

A step of a small LSTM is twenty array calls of a quarter of a microsecond; making the views that they work on would
take as long as the work. So a workspace, the memory of one stretch with the views of all its steps, is made once and
kept here for the next call of the same size.

What a forward pass leaves for its backward pass is *lent* on a key, an empty array: when nobody holds the key any
longer (the graph has been released), the workspaces are free again.
"""

from __future__ import annotations

import threading
import weakref
from typing import Any

from ...backend.library import numpy

_MOST = 1 << 26  # bytes of free workspaces
NOTHING = numpy.empty(0, bool)  # the key of nothing
_free: dict[Any, list[Any]] = {}  # the one used last is at the end
_lent: dict[int, tuple[Any, Any]] = {}  # id of the key -> what is lent, and the reference that sees its end
_bytes = 0  # in the free ones
_lock = threading.RLock()  # a key may end, through the garbage collector, in the midst of a call


def borrow(kind: type, *size: Any) -> Any:
    """A workspace `kind(*size)`: a free one, or a new one."""
    global _bytes
    with _lock:
        free = _free.get((kind, *size))
        if free:
            _bytes -= free[-1].nbytes
            return free.pop()
    return kind(*size)


def give_back(workspace: Any) -> None:
    """The workspace is free. Of too many, those go first whose size has not been used for longest."""
    global _bytes
    if workspace.nbytes > _MOST:
        return
    size = type(workspace), *workspace.key
    with _lock:
        _free[size] = [*_free.pop(size, ()), workspace]
        _bytes += workspace.nbytes
        while _bytes > _MOST:
            _bytes -= sum(oldest.nbytes for oldest in _free.pop(next(iter(_free))))


def lend(workspaces: list[Any], record: Any) -> Any:
    """The key on which `record` and its workspaces are lent."""
    key = numpy.empty(0, bool)
    number = id(key)

    def end(_: Any) -> None:
        del _lent[number]
        for workspace in workspaces:
            give_back(workspace)

    _lent[number] = record, weakref.ref(key, end)
    return key


def lent(key: Any) -> Any:
    """What is lent on `key`."""
    return _lent[id(key)][0]
