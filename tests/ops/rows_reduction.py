"""Rows for sums, means, products, moments, and running results."""

from __future__ import annotations

import numpy as np
from table import Bad, Row, Sample, booleans, distinct, integers, normal

import minigrad as mg

VECTOR, MATRIX, CUBE = normal(5), normal(3, 4), normal(2, 3, 4)
inf, nan = np.inf, np.nan
ODD = np.array([[1.0, nan, inf], [-inf, 2.0, 0.0]])


def dims(make=normal, **keywords):
    """Samples over all dimensions, one, several, with and without keepdim, for several shapes."""
    matrix, cube = make(3, 4), make(2, 3, 4)
    return [
        Sample(matrix, **keywords),
        Sample(matrix, 0, **keywords),
        Sample(matrix, -1, True, **keywords),
        Sample(cube, (0, 2), **keywords),
        Sample(cube, [0, -1], True, **keywords),
        Sample(make(5), 0, **keywords),
        Sample(make(), **keywords),
        Sample(make(), -1, **keywords),
    ]


def one_dim(make=normal, **keywords):
    matrix = make(3, 4)
    return [
        Sample(matrix, **keywords),
        Sample(matrix, 0, **keywords),
        Sample(matrix, -1, True, **keywords),
        Sample(make(5), 0, **keywords),
    ]


def axes(dim):
    return tuple(dim) if isinstance(dim, list) else dim


def over(function, **fixed):
    """A NumPy reduction with PyTorch's arguments."""

    def reference(x, dim=None, keepdim=False, **keywords):
        dim = axes(dim)
        return function(x, axis=None if dim == () or not x.ndim else dim, keepdims=keepdim, **fixed, **keywords)

    return reference


def with_place(value, place):
    """A pair (values, indices) along one dimension, or the value over all."""

    def reference(x, dim=None, keepdim=False):
        if dim is None:
            return value(x)
        return value(x, axis=dim, keepdims=keepdim), place(x, axis=dim, keepdims=keepdim)

    return reference


def moments(function):
    def reference(x, dim=None, keepdim=False, correction=1):
        return function(x, axis=axes(dim), keepdims=keepdim, ddof=correction)

    return reference


def logsumexp(x, axis, keepdims):
    return (
        np.log(np.exp(x - 700).sum(axis=axis, keepdims=keepdims)) + 700
        if x.max() > 700
        else np.log(np.exp(x).sum(axis=axis, keepdims=keepdims))
    )


SPREAD = [s for s in dims() if s.args[0].ndim]
OUT_OF_RANGE = [
    Bad(IndexError, "range", MATRIX, 2),
    Bad(IndexError, "range", MATRIX, -3),
    Bad(RuntimeError, "more than once", MATRIX, (0, 0)),
]

SUMS = [
    Row(
        "sum",
        mg.sum,
        over(np.sum),
        [*dims(), Sample(normal(0, 3)), Sample(normal(0, 3), 0), Sample(normal(2, 3), ())],
        edges=[Sample(integers(0, 200, 3, dtype="uint8")), Sample(booleans(3, 4), 0), Sample(ODD), Sample(ODD, 1)],
        tolerance={"float16": (8e-3, 2e-2)},
        bad=OUT_OF_RANGE,
    ),
    Row(
        "mean",
        mg.mean,
        over(np.mean),
        [*dims(), Sample(normal(0, 3), 1)],
        edges=[Sample(ODD, 0)],
        bad=[
            *OUT_OF_RANGE,
            Bad(RuntimeError, "mean.*floating", integers(0, 5, 3)),
            Bad(RuntimeError, "mean", booleans(3)),
        ],
        tolerance={"float16": (8e-3, 2e-2)},
    ),
    Row(
        "prod",
        mg.prod,
        over(np.prod),
        [*one_dim(), Sample(normal()), Sample(normal(0))],
        edges=[Sample(integers(-3, 4, 2, 3), 1), Sample(booleans(3)), Sample(normal(0, 3), 0), Sample(ODD)],
        tolerance={"float16": (3e-2, 3e-2)},
        grad_tolerance=1e-4,
        bad=[Bad(IndexError, "range", MATRIX, 2), Bad(TypeError, "integer", MATRIX, (0, 1))],
    ),
    Row(
        "nansum",
        mg.nansum,
        over(np.nansum),
        dims(),
        edges=[Sample(ODD), Sample(ODD, 0), Sample(integers(0, 5, 3))],
        tolerance={"float16": (8e-3, 2e-2)},
    ),
    Row(
        "nanmean",
        mg.nanmean,
        over(np.nanmean),
        dims(),
        edges=[Sample(np.array([[1, nan], [3, 5.0]]), 1)],
        tolerance={"float16": (8e-3, 2e-2)},
    ),
    Row(
        "var",
        mg.var,
        moments(np.var),
        [*[Sample(s.args[0], *s.args[1:2]) for s in SPREAD], Sample(MATRIX, 0, correction=2)],
        bad=[*OUT_OF_RANGE, Bad(RuntimeError, "var.*floating", integers(0, 5, 3))],
        tolerance={"float16": (8e-3, 2e-2)},
    ),
    Row(
        "std",
        mg.std,
        moments(np.std),
        [*[Sample(s.args[0], *s.args[1:2]) for s in SPREAD], Sample(MATRIX, 0, correction=0)],
        bad=[Bad(RuntimeError, "std.*floating", integers(0, 5, 3))],
        tolerance={"float16": (8e-3, 2e-2)},
    ),
    Row(
        "var_mean",
        mg.var_mean,
        lambda x, d=None: (np.var(x, d, ddof=1), np.mean(x, d)),
        [Sample(MATRIX), Sample(CUBE, (0, 2))],
        method=None,
        tolerance={"float16": (8e-3, 2e-2)},
    ),
    Row(
        "std_mean",
        mg.std_mean,
        lambda x, d=None: (np.std(x, d, ddof=1), np.mean(x, d)),
        [Sample(MATRIX), Sample(CUBE, (0, 2))],
        method=None,
        tolerance={"float16": (8e-3, 2e-2)},
    ),
    Row(
        "logsumexp",
        mg.logsumexp,
        over(logsumexp),
        [*dims(), Sample(normal(3) * 3 + 900, 0)],
        dtypes=("float32", "float64"),
        edges=[Sample(np.array([[-inf, 0], [2, inf]]), 0), Sample(np.array([-inf, -inf]), 0)],
    ),
    Row(
        "all",
        mg.all,
        over(np.all),
        [Sample(MATRIX), Sample(booleans(3, 4), 1)],
        gradient=False,
        result="bool",
        edges=[
            Sample(normal(0)),
            Sample(booleans(2, 3, 4), (0, 2), True),
            Sample(np.array([nan, 1])),
            Sample(normal(0, 2), 0),
        ],
    ),
    Row(
        "any",
        mg.any,
        over(np.any),
        [Sample(MATRIX), Sample(booleans(3, 4), 1)],
        gradient=False,
        result="bool",
        edges=[Sample(normal(0)), Sample(booleans(2, 3, 4), (0, 2), True), Sample(np.zeros(3))],
    ),
    Row(
        "count_nonzero",
        mg.count_nonzero,
        lambda x, d=None: np.count_nonzero(x, d),
        [Sample(MATRIX), Sample(integers(0, 2, 3, 4), 1)],
        gradient=False,
        result="int64",
        edges=[Sample(booleans(2, 3, 4), (0, 2)), Sample(np.array([0, nan]))],
    ),
]


def running(function):
    def reference(x, dim):
        values = function.accumulate(x, dim)
        hits = np.where(
            x == values, np.arange(x.shape[dim]).reshape([-1 if k == dim % x.ndim else 1 for k in range(x.ndim)]), 0
        )
        return values, np.maximum.accumulate(hits, dim)

    return reference


def differences(x, n=1, dim=-1, prepend=None, append=None):
    keywords = {k: v for k, v in (("prepend", prepend), ("append", append)) if v is not None}
    return np.diff(x, n, dim, **keywords)


ALONG = [
    Sample(normal(3, 4), 0),
    Sample(normal(2, 3, 4), -1),
    Sample(normal(7), 0),
    Sample(normal(0, 3), 0),
    Sample(normal(1, 3), 0),
]
HALF = {"float16": (3e-2, 3e-2)}
PAIRS = {"result": None, "dtypes": ("float32", "float64")}

RUNNING = [
    Row(
        "cumsum",
        mg.cumsum,
        np.cumsum,
        [*ALONG, Sample(normal(), 0)][:-1],
        tolerance=HALF,
        inplace=True,
        edges=[Sample(integers(0, 9, 3, 4), 1), Sample(booleans(5), 0), Sample(ODD, 1)],
        bad=[Bad(IndexError, "range", MATRIX, 2)],
    ),
    Row(
        "cumprod",
        mg.cumprod,
        np.cumprod,
        [*ALONG, Sample(np.array([1.5, 0, 2, 0, -3]), 0)],
        tolerance=HALF,
        inplace=True,
        grad_tolerance=1e-4,
        edges=[Sample(integers(-3, 4, 3, 4), 1)],
    ),
    Row(
        "logcumsumexp",
        mg.logcumsumexp,
        lambda x, dim: np.logaddexp.accumulate(x, dim),
        [*ALONG[:3], Sample(normal(4) + 900, 0)],
        dtypes=("float32", "float64"),
        edges=[Sample(np.array([-inf, 0, inf]), 0)],
    ),
    Row(
        "cummax",
        mg.cummax,
        running(np.maximum),
        [Sample(distinct(3, 4), 0), Sample(distinct(7), -1)],
        edges=[Sample(np.array([3.0, 3, 1, 3]), 0), Sample(integers(0, 5, 3, 4), 1)],
        **PAIRS,
    ),
    Row("cummin", mg.cummin, running(np.minimum), [Sample(distinct(3, 4), 0), Sample(distinct(7), -1)], **PAIRS),
    Row(
        "diff",
        mg.diff,
        differences,
        [Sample(MATRIX), Sample(MATRIX, 2, 0), Sample(VECTOR, 1, 0, normal(2), normal(1)), Sample(VECTOR, 0)],
        edges=[Sample(booleans(5)), Sample(integers(0, 9, 5)), Sample(VECTOR, 9)],
        bad=[Bad(RuntimeError, "one dimension", normal())],
        tolerance=HALF,
    ),
]

ROWS = [*SUMS, *RUNNING]
