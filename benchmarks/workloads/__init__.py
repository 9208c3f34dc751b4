"""What is measured: one small file for each kind, each with a `TITLE`, the `ROWS` and a `NOTE` for the report.

To add a workload, add a row to one of these files; for a new kind, a file named in `GROUPS` below. A row's problem
comes from `benchmarks/problems.py` or `benchmarks/recurrent_problems.py`, and every peer that has the builder for it
takes part.
"""

from types import ModuleType

from . import (
    costs,
    depth,
    epoch,
    optimizers,
    parts,
    recurrent,
    sequence_length,
    small_operation,
    sparse,
    training_step,
    width,
)
from .row import Row

GROUPS: list[ModuleType] = [
    training_step, recurrent, parts, costs, small_operation, optimizers, sparse, epoch, depth, sequence_length, width,
]  # fmt: skip

ROWS: dict[str, Row] = {row.name: row for group in GROUPS for row in group.ROWS}

__all__ = ["GROUPS", "ROWS", "Row"]
