"""A row of the tables: what is measured, under which name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One workload.

    name: for `--only`, and for targets.
    title: for the tables, with the sizes that matter.
    problem: one of `benchmarks.problems`; None where there is none (import time).
    measure: "time" of a run, cost of the "start" of a compiled step, peak "memory" or "import" time, the last two in
        processes of their own.
    count: times are given per this part of a run, 200 for a chain of 200 operations.
    quick: whether `--quick` has it.
    compile: whether `--quick` has the peers in it that take seconds to compile.
    series, size: a row of a growing series; a peer that has become too slow for the next size is spared it.
    over: the name of a smaller row: minigrad's jobs of that row take turns with this one's, so that what a part costs
        here can be divided by what it costs there.
    parallel: whether more threads can matter; a row without it runs with the first number of threads alone.
    steps, tolerance: how many steps are compared, and how closely (relative and absolute).
    compare: a smaller problem that is compared instead, where rounding grows too far in this one.
    """

    name: str
    title: str
    problem: Any = None
    measure: str = "time"
    count: int = 1
    quick: bool = False
    compile: bool = False
    series: str = ""
    size: int = 0
    over: str = ""
    parallel: bool = True
    steps: int = 5
    tolerance: tuple[float, float] = (1e-3, 1e-4)
    compare: Any = None
