"""A stand-in for `torch.autograd.profiler`: the total time of a block, and of the ranges named inside it.

It does not look into single operations. For those, Python's own profiler (`python -m cProfile`) works on minigrad.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

_profiling: list[profile] = []


class Range(NamedTuple):
    """A named stretch of time."""

    name: str
    seconds: float


class profile:
    """Time a block: `with profile() as p: ...`, then `print(p)`.

    Arguments other than `enabled` are PyTorch's; they are accepted and do nothing.

    >>> with profile() as p:
    ...     with record_function("inner"):
    ...         pass
    >>> [r.name for r in p.ranges]
    ['inner', 'total']
    """

    def __init__(self, enabled: bool = True, **others: Any) -> None:
        self.enabled = enabled
        self.ranges: list[Range] = []

    def __enter__(self) -> profile:
        _profiling.append(self)
        self._start = time.perf_counter()
        return self

    def __exit__(self, *exc: object) -> None:
        self.ranges.append(Range("total", time.perf_counter() - self._start))
        _profiling.remove(self)

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds in the block."""
        return self.ranges[-1].seconds * 1e6 if self.ranges else 0.0

    def key_averages(self, *args: Any, **others: Any) -> profile:
        """The profile itself: it has no operations to group."""
        return self

    def table(self, *args: Any, **others: Any) -> str:
        """Names, numbers of calls and total times as text."""
        names = dict.fromkeys(r.name for r in self.ranges)
        width = max([len("Name"), *map(len, names)])
        lines = [f"{'Name':<{width}}  {'Calls':>6}  {'Total time':>12}"]
        for name in names:
            times = [r.seconds for r in self.ranges if r.name == name]
            lines.append(f"{name:<{width}}  {len(times):>6}  {sum(times) * 1e3:>9.3f} ms")
        return "\n".join(lines)

    __str__ = table

    def __repr__(self) -> str:
        return f"<minigrad.autograd.profiler.profile, {self.self_cpu_time_total / 1e3:.3f} ms>"


class record_function:
    """Name a stretch of code for the profile around it: `with record_function("forward"): ...`."""

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name = name

    def __enter__(self) -> record_function:
        self._start = time.perf_counter()
        return self

    def __exit__(self, *exc: object) -> None:
        if _profiling and _profiling[-1].enabled:
            _profiling[-1].ranges.append(Range(self.name, time.perf_counter() - self._start))


__all__ = ["profile", "record_function"]
