"""Memory that recurrent layers use again and again.

A step of a small LSTM is twenty array calls of a quarter of a microsecond; making the views that they work on would
take as long as the work. So a workspace, the memory of one stretch with the views of all its steps, is made once and
kept here for the next call of the same size.

What a forward pass leaves for its backward pass is *lent* on a key, an empty array: when nobody holds the key any
longer (the graph has been released), the workspaces are free again.
"""

from __future__ import annotations

import weakref
from collections import defaultdict
from typing import Any

from ...backend.library import numpy

_MOST = 1 << 27  # bytes of free workspaces
NOTHING = numpy.empty(0, bool)  # the key of nothing
_free: dict[Any, list[Any]] = defaultdict(list)
_lent: dict[int, tuple[Any, Any]] = {}  # id of the key -> what is lent, and the reference that sees its end
_bytes = 0  # in the free ones, about


def borrow(kind: type, *size: Any) -> Any:
    """A workspace `kind(*size)`: a free one, or a new one."""
    global _bytes
    try:
        found = _free[kind, *size].pop()
    except IndexError:
        return kind(*size)
    _bytes -= found.nbytes
    return found


def give_back(workspace: Any) -> None:
    """The workspace is free."""
    global _bytes
    if _bytes + workspace.nbytes > _MOST:
        _free.clear()
        _bytes = 0
        if workspace.nbytes > _MOST:
            return
    _free[type(workspace), *workspace.key].append(workspace)
    _bytes += workspace.nbytes


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
