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
from collections import deque
from typing import Any

from ...backend.devices import device_of
from ...backend.library import Array, library, numpy

_MOST = 1 << 28  # bytes of free workspaces
NOTHING = numpy.empty(0, bool)  # the key of nothing
_returned: deque[Any] = deque()  # a key may end at any moment, through the garbage collector: no more is done there
_free: dict[Any, list[Any]] = {}  # the size used last is at the end
_bytes = 0  # in the free ones
_lent: dict[int, tuple[Any, Any]] = {}  # id of the key -> what is lent, and the reference that sees its end
_lock = threading.Lock()


def place_of(array: Array) -> Any:
    """Where memory can be used again without waiting: the device, and on a GPU the stream. What another stream has
    been given to do may not be done."""
    where = device_of(array)
    return where if where.type == "cpu" else (where, library(array).cuda.get_current_stream().ptr)


def borrow(kind: type, *size: Any) -> Any:
    """A workspace `kind(*size)`: a free one, or a new one."""
    global _bytes
    with _lock:
        _take_in()
        free = _free.get((kind, *size))
        if free:
            _bytes -= free[-1].nbytes
            return free.pop()
    return kind(*size)


def give_back(workspace: Any) -> None:
    """The workspace is free."""
    _returned.append(workspace)


def _take_in() -> None:
    """Put what was returned to the free ones. Of too many, those go first whose size has not been used for longest."""
    global _bytes
    while _returned:
        workspace = _returned.popleft()
        if workspace.nbytes > _MOST:
            continue
        size = type(workspace), *workspace.key
        _free[size] = [*_free.pop(size, ()), workspace]
        _bytes += workspace.nbytes
    while _bytes > _MOST:
        _bytes -= sum(oldest.nbytes for oldest in _free.pop(next(iter(_free))))


def clear() -> None:
    """Let go of all free workspaces."""
    global _bytes
    with _lock:
        _take_in()
        _free.clear()
        _bytes = 0


def lend(workspaces: list[Any], record: Any) -> Any:
    """The key on which `record` and its workspaces are lent."""
    key = numpy.empty(0, bool)
    number = id(key)

    def end(_: Any) -> None:
        del _lent[number]
        _returned.extend(workspaces)

    _lent[number] = record, weakref.ref(key, end)
    return key


def lent(key: Any) -> Any:
    """What is lent on `key`."""
    return _lent[id(key)][0]
