"""Calls that are made twice with the same arguments: the second is dropped, and its result is the first's."""

from __future__ import annotations

from operator import methodcaller
from typing import Any

from .trace import PURE, Call, Memory, Value


def merged(calls: list[Call], apart: set[int]) -> tuple[list[Call], int]:
    """The calls without repetitions, and how many those were.

    A call repeats another if it has the same function and arguments, and nothing that it reads has been changed since.
    Parameters may lie in a buffer that is changed under another name: between two reads of memory from outside there
    must not be a change of any such memory. Results that are changed in place later, or that outlive the call (whose
    memories are in `apart`), stay apart.
    """
    known: dict[Any, Call] = {}
    renamed: dict[int, Value] = {}
    moved: dict[int, Memory] = {}
    kept: list[Call] = []
    changed_outside = -1  # number of the last call that changed memory from outside
    for call in calls:
        if renamed:
            call.rename(lambda part: renamed.get(id(part), part))
        for out in call.outs:
            out.memory = moved.get(id(out.memory), out.memory)
        if call.kind not in PURE or call.writes or call.several or len(call.outs) != 1:
            kept.append(call)
            if call.writes and any(value.memory.kind != "temporary" for value in call.writes):
                changed_outside = call.number
            continue
        out = call.outs[0]
        function = None if isinstance(call.function, methodcaller) else id(call.function)  # its text says it all
        key = (call.kind, call.text, function, _key(call.args), _key(call.kwargs))
        first = known.get(key)
        if first is None or not _still(first, call, changed_outside) or not _mergeable(out, apart):
            kept.append(call)
            if _mergeable(out, apart):
                known[key] = call
            continue
        renamed[id(out)] = first.outs[0]
        moved[id(out.memory)] = first.outs[0].memory
    return kept, len(calls) - len(kept)


def _mergeable(out: Value, apart: set[int]) -> bool:
    return id(out.memory) not in apart and not out.memory.writes


def _still(first: Call, second: Call, changed_outside: int) -> bool:
    """True if what `first` read has not been changed by the time of `second`."""
    for value in second.reads():
        memory = value.memory
        if value.scalar:
            continue
        if memory.kind != "temporary" and changed_outside > first.number:
            return False
        if any(first.number < k < second.number for k in memory.writes):
            return False
    return True


def _key(part: Any) -> Any:
    """Something that two arguments share if they are the same."""
    if isinstance(part, Value):
        return "value", id(part)
    if isinstance(part, (list, tuple)):
        return type(part), tuple([_key(each) for each in part])
    if isinstance(part, dict):
        return tuple([(name, _key(each)) for name, each in part.items()])
    if isinstance(part, slice):
        return "slice", _key((part.start, part.stop, part.step))
    if isinstance(part, (bool, int, float, str, type(None))):
        return type(part), repr(part)  # 0.0 and -0.0 are equal, True and 1
    return id(part)
