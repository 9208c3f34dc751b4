"""Rows for moving rows between a padded batch and a packed one."""

from __future__ import annotations

import numpy as np
from table import Row, Sample, normal

from minigrad.ops.packing import place_rows, take_rows

R = np.array([2, 0, 3])


def placed(a, rows, count, fill):
    out = np.full((count, *a.shape[1:]), fill, dtype=a.dtype)
    out[rows] = a
    return out


ROWS = [
    Row(
        "take_rows", take_rows, lambda a, rows: a[rows],
        [Sample(normal(5, 2), R), Sample(normal(4), R), Sample(normal(4, 2, 3), R[:0]), Sample(normal(4, 0), R)],
        method=None,
    ),
    Row(
        "place_rows", place_rows, placed,
        [Sample(normal(3, 2), R, count=5, fill=0), Sample(normal(3), R, count=4, fill=-1.5),
         Sample(normal(0, 2), R[:0], count=2, fill=1)],
        method=None,
    ),
]  # fmt: skip
