"""Rows for sorting, order statistics and counts."""

from __future__ import annotations

import numpy as np
from table import Bad, Row, Sample, booleans, distinct, integers, normal

import minigrad as mg

inf, nan = np.inf, np.nan
ODD = np.array([1.0, nan, 0, 3, nan, inf, -inf])
TIES = np.array([3.0, 3, 1, 3, 1])
INTS = integers(0, 5, 4, 6)


def order(x, dim=-1, descending=False):
    """The stable order, as PyTorch has it."""
    if not x.ndim:
        return np.zeros((), "int64")
    if not descending:
        return np.argsort(x, dim, kind="stable")
    n = x.shape[dim]
    return np.flip(n - 1 - np.argsort(np.flip(x, dim), dim, kind="stable"), dim)


def take(x, places, dim):
    return np.take_along_axis(x, places, dim) if x.ndim else x


def sort(x, dim=-1, descending=False):
    places = order(x, dim, descending)
    return take(x, places, dim), places


def topk(x, k, dim=-1, largest=True, sorted=True):
    values, places = sort(x, dim, largest)
    return np.take(values, np.arange(k), dim), np.take(places, np.arange(k), dim)


def kth(x, k, dim=-1, keepdim=False):
    values, places = sort(x, dim)
    found = np.take(values, [k - 1], dim), np.take(places, [k - 1], dim)
    return found if keepdim else tuple(f.squeeze(dim) for f in found)


def median(x, dim=None, keepdim=False):
    if dim is None:
        return np.sort(x.reshape(-1))[(x.size - 1) // 2]
    return kth(x, (x.shape[dim] - 1) // 2 + 1, dim, keepdim)


def quantile(function):
    def reference(x, q, dim=None, keepdim=False, interpolation="linear"):
        return function(x, q, axis=dim, keepdims=keepdim, method=interpolation)

    return reference


def unique(x, **keywords):
    dim = keywords.pop("dim", None)
    keywords.pop("sorted", None)
    found = np.unique(x, axis=dim, equal_nan=False, **keywords)
    if isinstance(found, tuple) and keywords.get("return_inverse"):
        inverse = found[1].reshape(x.shape if dim is None else x.shape[dim])
        return found[0], inverse, *found[2:]
    return found


PAIRS = {"result": None}
OUT_OF_RANGE = Bad(IndexError, "range", INTS, 2)

ROWS = [
    Row(
        "sort",
        mg.sort,
        sort,
        [
            Sample(distinct(3, 4)),
            Sample(distinct(3, 4), 0, True),
            Sample(distinct(7)),
            Sample(normal()),
            Sample(normal(0)),
        ],
        edges=[
            Sample(ODD),
            Sample(ODD, 0, True),
            Sample(TIES),
            Sample(TIES, -1, True),
            Sample(INTS, 0),
            Sample(booleans(6)),
        ],
        bad=[OUT_OF_RANGE],
        **PAIRS,
    ),
    Row(
        "argsort",
        mg.argsort,
        order,
        [Sample(distinct(3, 4)), Sample(distinct(3, 4), 0, True), Sample(INTS)],
        gradient=False,
        edges=[Sample(TIES, -1, True), Sample(ODD)],
        result="int64",
    ),
    Row("msort", mg.msort, lambda x: np.sort(x, 0), [Sample(distinct(3, 4)), Sample(distinct(5))]),
    Row(
        "topk",
        mg.topk,
        topk,
        [
            Sample(distinct(3, 4), 2),
            Sample(distinct(3, 4), 1, 0, False),
            Sample(distinct(7), 7),
            Sample(distinct(100), 3),
        ],
        edges=[
            Sample(ODD, 3),
            Sample(TIES, 2),
            Sample(INTS, 2),
            Sample(distinct(3, 4), 0),
            Sample(distinct(200), 2, 0, False),
        ],
        bad=[Bad(RuntimeError, "out of range", normal(3), 4), Bad(RuntimeError, "out of range", normal(3), -1)],
        **PAIRS,
    ),
    Row(
        "kthvalue",
        mg.kthvalue,
        kth,
        [Sample(distinct(3, 4), 2), Sample(distinct(3, 4), 1, 0, True)],
        edges=[Sample(INTS, 3)],
        bad=[Bad(RuntimeError, "out of range", normal(3), 0), Bad(RuntimeError, "out of range", normal(3), 4)],
        **PAIRS,
    ),
    Row(
        "median",
        mg.median,
        median,
        [Sample(distinct(3, 4)), Sample(distinct(3, 4), 0), Sample(distinct(3, 4), -1, True), Sample(distinct(5))],
        edges=[Sample(INTS), Sample(np.array([1.0, nan, 3])[:1])],
        bad=[Bad(IndexError, "non-zero", normal(0, 3), 0)],
        **PAIRS,
    ),
    Row(
        "nanmedian",
        mg.nanmedian,
        lambda x, *a: median(x[~np.isnan(x)], *a),
        [Sample(distinct(3, 4))],
        edges=[Sample(ODD), Sample(np.array([nan, 2.0, 1]))],
        **PAIRS,
    ),
    Row(
        "quantile",
        mg.quantile,
        quantile(np.quantile),
        [
            Sample(distinct(3, 4), 0.3),
            Sample(distinct(3, 4), 0.5, 0),
            Sample(distinct(3, 4), 1.0, 1, True),
            *(Sample(distinct(7), 0.4, interpolation=how) for how in ("lower", "higher", "midpoint", "nearest")),
        ],
        gradient=[0],
        dtypes=("float32", "float64"),
        bad=[
            Bad(RuntimeError, "interpolation", normal(3), 0.5, interpolation="cubic"),
            Bad(RuntimeError, "floating", INTS, 0.5),
        ],
    ),
    Row(
        "quantiles",
        lambda x, q, *a: mg.quantile(x, mg.tensor(q, dtype=x.dtype, device=x.device), *a),
        quantile(np.quantile),
        [Sample(distinct(3, 4), [0.1, 0.6], 1)],
        arrays=False,
        method=None,
        dtypes=("float32", "float64"),
    ),
    Row(
        "nanquantile",
        mg.nanquantile,
        quantile(np.nanquantile),
        [Sample(distinct(3, 4), 0.3)],
        edges=[Sample(np.array([[1, nan, 3], [4, 5, 9.0]]), 0.4, 1)],
        dtypes=("float32", "float64"),
    ),
    Row(
        "unique",
        mg.unique,
        unique,
        [
            Sample(INTS),
            Sample(TIES),
            Sample(INTS, return_inverse=True, return_counts=True),
            Sample(integers(0, 2, 5, 2), dim=0, return_inverse=True, return_counts=True),
            Sample(integers(0, 2, 2, 5), dim=1),
        ],
        edges=[Sample(booleans(5)), Sample(ODD), Sample(integers(0, 5, 0)), Sample(booleans(5, 2), dim=0)],
        gradient=False,
        result=None,
    ),
    Row(
        "unique_consecutive",
        mg.unique_consecutive,
        lambda x: x[[True, *(x[1:] != x[:-1])]],
        [Sample(TIES), Sample(integers(0, 2, 9))],
        gradient=False,
        result=None,
    ),
    Row(
        "bincount",
        mg.bincount,
        lambda x, weights=None, minlength=0: np.bincount(x, weights, minlength),
        [Sample(integers(0, 5, 9)), Sample(integers(0, 5, 9), normal(9)), Sample(integers(0, 5, 0), minlength=3)],
        gradient=False,
        result=None,
        bad=[Bad(RuntimeError, "bincount", normal(3)), Bad(RuntimeError, "bincount", integers(-3, 0, 3))],
    ),
    Row(
        "histc",
        mg.histc,
        lambda x, bins=100, min=0, max=0: np.histogram(x, bins, None if min == max else (min, max))[0].astype(x.dtype),
        [Sample(normal(50), 5), Sample(normal(50), 4, -1, 1)],
        edges=[Sample(np.ones(3), 3), Sample(normal(0), 2, 0, 1)],
        gradient=False,
        dtypes=("float32", "float64"),
    ),
    Row(
        "histogram",
        mg.histogram,
        lambda x, b: tuple(a.astype(float) for a in np.histogram(x, b)),
        [Sample(normal(50), 5)],
        gradient=False,
        dtypes=("float64",),
    ),
    Row(
        "searchsorted",
        mg.searchsorted,
        lambda a, v, side="left", right=False: np.searchsorted(a, v, "right" if right else side),
        [
            Sample(np.array([1.0, 2, 2, 3]), normal(2, 3) * 3),
            Sample(np.array([1, 2, 2, 3]), integers(0, 5, 4), right=True),
        ],
        gradient=False,
        method=None,
        result="int64",
        layouts=False,
        edges=[Sample(np.array([1, 2, 2, 3]), 2), Sample(np.array([1, 2, 2, 3]), 2, side="right")],
        bad=[
            Bad(RuntimeError, "side", normal(3), normal(2), side="middle"),
            Bad(RuntimeError, "rows", normal(2, 3), normal(3, 1)),
        ],
    ),
    Row(
        "searchsorted_rows",
        mg.searchsorted,
        lambda a, v: np.stack([np.searchsorted(r, w) for r, w in zip(a, v, strict=True)]),
        [Sample(np.sort(normal(3, 5)), normal(3, 2))],
        gradient=False,
        method=None,
        result="int64",
        layouts=False,
    ),
    Row(
        "bucketize",
        mg.bucketize,
        lambda v, a, right=False: np.searchsorted(a, v, "right" if right else "left"),
        [Sample(normal(2, 3), np.array([-1.0, 0, 1])), Sample(np.array([0.0, 1]), np.array([-1.0, 0, 1]), right=True)],
        gradient=False,
        method=None,
        result="int64",
        layouts=False,
    ),
]
