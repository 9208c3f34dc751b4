"""Rows for matrices taken apart, statistics of several variables, and integrals over samples."""

from __future__ import annotations

import numpy as np
from rows_linalg import SOLVED, WIDE, regular
from table import Bad, Row, Sample, integers, normal

import minigrad as mg
from minigrad import linalg

DECOMPOSED = [
    Row(
        "svdvals",
        linalg.svdvals,
        lambda x: np.linalg.svd(x, compute_uv=False),
        [Sample(normal(2, 3, 4)), Sample(normal(3, 3))],
        dtypes=WIDE,
        tolerance=SOLVED,
        grad_tolerance=1e-4,
        method=None,
    ),
    # vectors are known up to their signs
    Row(
        "svd",
        lambda x: [abs(part) for part in linalg.svd(x, full_matrices=False)],
        lambda x: [abs(part) for part in np.linalg.svd(x, full_matrices=False)],
        [Sample(normal(3, 3)), Sample(normal(2, 4, 3)), Sample(normal(3, 4))],
        dtypes=("float64",),
        tolerance=SOLVED,
        grad_tolerance=1e-3,
        arrays=False,
        method=None,
    ),
    Row(
        "qr",
        lambda x, mode="reduced": [abs(part) for part in linalg.qr(x, mode)],
        lambda x: [abs(part) for part in np.linalg.qr(x)],
        [Sample(normal(3, 3)), Sample(normal(2, 4, 3))],
        dtypes=("float64",),
        tolerance=SOLVED,
        grad_tolerance=1e-3,
        arrays=False,
        method=None,
        bad=[Bad(RuntimeError, "mode", normal(3, 3), "raw")],
    ),
    Row(
        "eigenvectors",
        lambda x: [abs(part) for part in linalg.eigh(x + x.mT)],
        lambda x: [abs(part) for part in np.linalg.eigh(x + x.swapaxes(-1, -2))],
        [Sample(normal(3, 3))],
        dtypes=("float64",),
        tolerance=SOLVED,
        grad_tolerance=1e-3,
        arrays=False,
        method=None,
    ),
    Row(
        "matrix_rank",
        linalg.matrix_rank,
        np.linalg.matrix_rank,
        [Sample(normal(3, 4)), Sample(np.ones((3, 3)))],
        gradient=False,
        dtypes=WIDE,
        result="int64",
        method=None,
    ),
    Row(
        "pinv",
        linalg.pinv,
        np.linalg.pinv,
        [Sample(regular(3, 3)), Sample(normal(4, 2)), Sample(normal(2, 3, 4))],
        dtypes=WIDE,
        tolerance=SOLVED,
        grad_tolerance=1e-3,
        method=None,
    ),
    Row(
        "lstsq",
        lambda a, b: linalg.lstsq(a, b).solution,
        lambda a, b: np.linalg.lstsq(a, b)[0],
        [Sample(normal(5, 3), normal(5, 2)), Sample(normal(5, 3), normal(5))],
        dtypes=WIDE,
        tolerance=SOLVED,
        grad_tolerance=1e-3,
        method=None,
    ),
    Row(
        "cond",
        linalg.cond,
        np.linalg.cond,
        [Sample(regular(3, 3))],
        dtypes=WIDE,
        tolerance=SOLVED,
        grad_tolerance=1e-3,
        method=None,
    ),
    Row(
        "solve_triangular",
        lambda a, b, upper, **k: linalg.solve_triangular(a, b, upper=upper, **k),
        lambda a, b, upper, unitriangular=False: np.linalg.solve(
            (np.triu if upper else np.tril)(a) * (1 - unitriangular * np.eye(3)) + unitriangular * np.eye(3), b
        ),
        [Sample(regular(3, 3), normal(3, 2), True), Sample(normal(3, 3), normal(3, 2), False, unitriangular=True)],
        dtypes=WIDE,
        tolerance=SOLVED,
        grad_tolerance=1e-4,
        method=None,
    ),
]

STATISTICS = [
    Row(
        "cov",
        mg.cov,
        lambda x, correction=1: np.cov(x, ddof=correction),
        [Sample(normal(3, 5)), Sample(normal(5), correction=0)],
        dtypes=WIDE,
    ),
    Row("corrcoef", mg.corrcoef, np.corrcoef, [Sample(normal(3, 5))], dtypes=WIDE, grad_tolerance=1e-4),
    Row(
        "trapezoid",
        mg.trapezoid,
        lambda y, x=None, dx=1, dim=-1: np.trapezoid(y, x, dx, dim),
        [
            Sample(normal(3, 4)),
            Sample(normal(3, 4), dx=0.5, dim=0),
            Sample(normal(3, 4), normal(3), dim=0),
            Sample(normal(4), normal(4)),
        ],
        dtypes=WIDE,
        method=None,
    ),
    Row(
        "cumulative_trapezoid",
        mg.cumulative_trapezoid,
        lambda y: np.cumsum((y[..., 1:] + y[..., :-1]) / 2, -1),
        [Sample(normal(3, 4))],
        dtypes=WIDE,
        method=None,
    ),
    Row(
        "isin",
        mg.isin,
        lambda a, b, invert=False: np.isin(a, b, invert=invert),
        [Sample(integers(0, 9, 3, 4), integers(0, 9, 3)), Sample(integers(0, 9, 5), integers(0, 9, 3), invert=True)],
        gradient=False,
        result="bool",
        method=None,
        edges=[Sample(integers(0, 9, 5), 3)],
    ),
]


def written(x, src, key):
    out = x.copy()
    out[key] = src
    return out


SCATTERED = [
    Row(
        "select_scatter",
        mg.select_scatter,
        lambda x, s, d, k: written(x, s, (slice(None), k)),
        [Sample(normal(3, 4), normal(3), 1, 2)],
        bad=[Bad(RuntimeError, "must agree", normal(3, 4), normal(4), 1, 2)],
    ),
    Row(
        "slice_scatter",
        mg.slice_scatter,
        lambda x, s, d, *k: written(x, s, (slice(None), slice(*k))),
        [Sample(normal(3, 4), normal(3, 2), 1, 0, 4, 2), Sample(normal(3, 4), normal(3, 2), -1, 2, 4)],
    ),
    Row(
        "diagonal_scatter",
        mg.diagonal_scatter,
        lambda x, s: x * (1 - np.eye(*x.shape)) + np.eye(3, 4) * s[:, None],
        [Sample(normal(3, 4), normal(3))],
    ),
]

ROWS = [*DECOMPOSED, *STATISTICS, *SCATTERED]
