"""Rows for norms."""

from __future__ import annotations

import numpy as np
from rows_reduction import axes
from table import Bad, Row, Sample, integers, normal

import minigrad as mg
from minigrad import linalg

VECTOR, MATRIX, CUBE = normal(5), normal(3, 4), normal(2, 3, 4)
inf, nan = np.inf, np.nan


def vector_norm(x, ord=2, dim=None, keepdim=False):
    size = np.abs(x)
    dim = axes(dim)
    if ord == inf:
        return size.max(dim, keepdims=keepdim)
    if ord == -inf:
        return size.min(dim, keepdims=keepdim)
    if ord == 0:
        return (x != 0).sum(dim, keepdims=keepdim).astype(float)
    return (size**ord).sum(dim, keepdims=keepdim) ** (1 / ord)


AWAY = normal(3, 4, away=(0,))
ORDERS = [Sample(AWAY, p, *d) for p in (2, 1, 0, 3, 0.5, 1.5, -1, inf, -inf) for d in ((), (0,), ((0, 1), True))]

ROWS = [
    Row(
        "vector_norm",
        linalg.vector_norm,
        vector_norm,
        [*ORDERS, Sample(normal()), Sample(normal(0))],
        method=None,
        tolerance={"float16": (8e-3, 2e-2)},
        dtypes=("float32", "float64"),
        bad=[
            Bad(RuntimeError, "floating", integers(0, 5, 3)),
            Bad(RuntimeError, "non-zero", normal(0), inf),
            Bad(RuntimeError, "matrix_norm", MATRIX, "fro"),
        ],
    ),
    Row(
        "norm",
        mg.norm,
        lambda x, p=2, *a: vector_norm(x, 2 if p == "fro" else p, *a),
        [Sample(AWAY), Sample(AWAY, "fro"), Sample(AWAY, 1), Sample(AWAY, 2, 1), Sample(AWAY, 2, (0, 1), True)],
        dtypes=("float32", "float64"),
    ),
    Row(
        "matrix_norm",
        linalg.matrix_norm,
        lambda x, p="fro": np.linalg.norm(x, p, axis=(-2, -1)),
        [
            Sample(normal(2, 3, 4, away=(0,))),
            Sample(normal(2, 3, 4, away=(0,)), 1),
            Sample(normal(2, 3, 4, away=(0,)), -1),
            Sample(normal(3, 4, away=(0,)), inf),
            Sample(normal(3, 4, away=(0,)), -inf),
        ],
        method=None,
        dtypes=("float32", "float64"),
        bad=[Bad(RuntimeError, "ord", MATRIX, 3)],
    ),
    Row(
        "spectral_norm",
        linalg.matrix_norm,
        lambda x, p: np.linalg.norm(x, p, axis=(-2, -1)),
        [Sample(CUBE, "nuc"), Sample(CUBE, 2), Sample(CUBE, -2)],
        grad_tolerance=1e-4,
        method=None,
        dtypes=("float64",),
    ),
    Row(
        "linalg_norm",
        linalg.norm,
        lambda x, p=None, d=None: np.linalg.norm(x.reshape(-1) if p is None and d is None else x, p, d),
        [
            Sample(normal(3, 4, away=(0,))),
            Sample(VECTOR, 3),
            Sample(normal(3, 4, away=(0,)), 1),
            Sample(normal(3, 4, away=(0,)), 1, 0),
        ],
        method=None,
        dtypes=("float32", "float64"),
        bad=[Bad(RuntimeError, "one or two", CUBE, 1)],
    ),
    Row(
        "dist",
        mg.dist,
        lambda x, y, p=2: vector_norm(x - y, p),
        [Sample(MATRIX, normal(4)), Sample(MATRIX, normal(4), 1)],
        dtypes=("float32", "float64"),
    ),
]
