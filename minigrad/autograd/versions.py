"""Counting in-place changes, so that a gradient is never computed from an array that has changed since.

A tensor and its views share one `Storage`. Each in-place change stamps it with the time of a clock that only
such changes advance; a node of the graph remembers when it was made. What it saved is stale if the stamp is
younger than the node. (NumPy's `.base` would not do: two parameters may live in one flat buffer.)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class Clock:
    """`now` is the number of in-place changes made so far."""

    now = 0


class Storage:
    """What a tensor and its views share: when their memory last changed, and by what."""

    # defaults on the class, so that making one costs next to nothing: most memory is never changed in place
    stamp = 0  # time of the last in-place change
    rewritten = 0  # time of the last change that altered the history (the graph) as well
    detached = False  # taken out of the graph: views made before lose their history at the next change
    version = 0  # number of changes, PyTorch's `_version`
    writer = ""

    def __reduce__(self) -> tuple[Any, ...]:
        return Storage, ()  # copies are counted anew: their clock may be another

    def changed(self, by: str) -> None:
        """Note an in-place change made by the operation `by`."""
        change_together((self,), by)


def change_together(storages: Iterable[Storage | None], by: str) -> None:
    """Note one in-place change, by the operation `by`, of several tensors; None stands for one never looked at."""
    now = Clock.now = Clock.now + 1
    for storage in storages:
        if storage is not None:
            storage.stamp = now
            storage.version += 1
            storage.writer = by
            if storage.detached:
                storage.rewritten = now
