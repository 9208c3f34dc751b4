"""Rows for the largest and smallest elements, and where they are."""

from __future__ import annotations

import numpy as np
from rows_reduction import dims, one_dim, over, with_place
from table import Bad, Row, Sample, booleans, distinct, integers, normal

import minigrad as mg

VECTOR, MATRIX, CUBE = normal(5), normal(3, 4), normal(2, 3, 4)
inf, nan = np.inf, np.nan

NO_ELEMENTS = [Bad(RuntimeError, "non-zero size", normal(0))]

ROWS = [
    Row(
        "max",
        mg.max,
        with_place(np.max, np.argmax),
        one_dim(distinct),
        edges=[
            Sample(np.array([1, nan, 3])),
            Sample(np.array([[1, nan, 3]]), 1),
            Sample(integers(0, 9, 3, 4), 0),
            Sample(booleans(3, 4), 0),
            Sample(np.array([2.0, 5, 5]), 0),
            Sample(normal(0, 3), 1),
        ],
        result=None,
        bad=[*NO_ELEMENTS, Bad(IndexError, "non-zero", normal(0, 3), 0), Bad(IndexError, "range", MATRIX, 2)],
    ),
    Row(
        "min",
        mg.min,
        with_place(np.min, np.argmin),
        one_dim(distinct),
        edges=[Sample(np.array([1, nan, 3])), Sample(integers(0, 9, 3, 4), 0), Sample(booleans(3, 4), 0)],
        result=None,
        bad=[*NO_ELEMENTS, Bad(IndexError, "non-zero", normal(0, 3), 0)],
    ),
    Row("max_of_two", mg.max, np.maximum, [Sample(MATRIX, MATRIX + 0.1)], method="max"),
    Row("min_of_two", mg.min, np.minimum, [Sample(MATRIX, MATRIX + 0.1)], method="min"),
    Row(
        "amax",
        mg.amax,
        over(np.max),
        dims(distinct),
        edges=[Sample(np.array([1, nan])), Sample(integers(0, 9, 3, 4), (0, 1))],
        bad=[*NO_ELEMENTS, Bad(IndexError, "non-zero", normal(0, 3), 0)],
    ),
    Row("amin", mg.amin, over(np.min), dims(distinct), edges=[Sample(np.array([1, nan]))], bad=NO_ELEMENTS),
    Row(
        "aminmax",
        mg.aminmax,
        lambda x, dim=None, keepdim=False: (np.min(x, dim, keepdims=keepdim), np.max(x, dim, keepdims=keepdim)),
        [Sample(distinct(3, 4)), Sample(distinct(3, 4), dim=0, keepdim=True)],
        bad=NO_ELEMENTS,
    ),
    Row(
        "argmax",
        mg.argmax,
        over(np.argmax),
        [Sample(distinct(3, 4)), Sample(distinct(3, 4), -1, True), Sample(integers(0, 9, 3, 4), 0)],
        gradient=False,
        result="int64",
        edges=[Sample(np.array([1.0, 3, 3])), Sample(np.array([1, nan, 3])), Sample(normal()), Sample(normal(), 0)],
        bad=[
            Bad(IndexError, "non-zero", normal(0)),
            Bad(RuntimeError, "argmax", booleans(3)),
            Bad(TypeError, "integer", MATRIX, (0, 1)),
        ],
    ),
    Row(
        "argmin",
        mg.argmin,
        over(np.argmin),
        [Sample(distinct(3, 4)), Sample(distinct(3, 4), -1, True)],
        gradient=False,
        result="int64",
        bad=[Bad(IndexError, "non-zero", normal(0))],
    ),
]
