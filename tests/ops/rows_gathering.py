"""Rows for indexing and for picking and scattering by index tensors."""

from __future__ import annotations

import numpy as np
from table import Bad, Row, Sample, booleans, distinct, integers, normal

import minigrad as mg
from minigrad.ops.indexing import getitem

I = np.array([[0, 2], [1, 1], [2, 0]])  # with a repeated index
V = np.array([2, 0, 2, 1])
MASK = np.array([[True, False, True], [False, False, True]])


def along(a, dim, index, source, combine):
    """`a` with `combine(old, new)` at the places that index names along dim, one after the other."""
    out = np.array(a, copy=True)
    for place in np.ndindex(*index.shape):
        where = list(place)
        where[dim] = index[place]
        new = source[place] if isinstance(source, np.ndarray) else source
        out[tuple(where)] = combine(out[tuple(where)], new)
    return out


def picked(a, dim, index):
    out = np.empty(index.shape)
    for place in np.ndindex(*index.shape):
        where = list(place)
        where[dim] = index[place]
        out[place] = a[tuple(where)]
    return out


def rows_of(a, dim, index):
    return np.take(a, index, axis=dim)


def with_rows(a, dim, index, source, combine):
    out = np.moveaxis(np.array(a, copy=True), dim, 0)
    parts = np.moveaxis(source, dim, 0) if isinstance(source, np.ndarray) else [source] * len(index)
    for k, n in enumerate(index):
        out[n] = combine(out[n], parts[k])
    return np.moveaxis(out, 0, dim)


def put(a, indices, values, accumulate=False):
    out = np.array(a, copy=True)
    if accumulate:
        np.add.at(out, tuple(indices), values)
    else:
        out[tuple(indices)] = values
    return out


def masked_scatter(a, mask, source):
    out = np.array(a, copy=True)
    mask = np.broadcast_to(mask, out.shape)
    out[mask] = source.ravel()[: mask.sum()]
    return out


PERM = np.array([[0, 1], [2, 0], [1, 2]])  # no index twice along dimension 0

INDEXED = [
    Sample(normal(3, 4), 1), Sample(normal(3, 4), (slice(0, 3, 2), None, 1)), Sample(normal(3, 4), (Ellipsis, -1)),
    Sample(normal(3, 4), V[:2]), Sample(normal(3, 4), (V, np.array([0, 3, 0, 1]))), Sample(normal(3, 4), [0, 0, 2]),
    Sample(normal(2, 3), MASK), Sample(normal(2, 3, 2), MASK),
    Sample(normal(2, 3, 4), (slice(None), V[:2], slice(1, 3))),
    Sample(normal(2, 3, 4), (V[1:2], slice(None), np.array([[0], [3]]))), Sample(normal(0, 3), slice(0, 0)),
]  # fmt: skip

ROWS = [
    Row("getitem", getitem, lambda a, key: a[key], INDEXED, method="__getitem__", layouts=False),
    Row(
        "gather", mg.gather, picked,
        [Sample(normal(3, 2), 0, I), Sample(normal(4, 5), 1, I), Sample(normal(3), -1, V),
         Sample(normal(3, 2), 0, I[:1])],
        bad=[Bad(RuntimeError, "dimensions", normal(2), 0, I),
             Bad(IndexError, "dimension", normal(3, 2), 2, I)],
    ),
    Row(
        "scatter", mg.scatter, lambda a, dim, index, src: along(a, dim, index, src, lambda old, new: new),
        [Sample(normal(3, 2), 0, PERM, normal(3, 2)), Sample(normal(3, 2), 0, PERM, 1.5),
         Sample(normal(4, 3), 0, PERM, normal(5, 4))],
        inplace=True,
    ),
    Row(
        "scatter_add", mg.scatter_add, lambda a, dim, index, src: along(a, dim, index, src, lambda old, new: old + new),
        [Sample(normal(3, 2), 0, I, normal(3, 2)), Sample(normal(4, 3), 1, I, normal(3, 4)),
         Sample(normal(3), 0, V, normal(4))],
        inplace=True,
    ),
    Row(
        "scatter_reduce", mg.scatter_reduce,
        lambda a, dim, index, src, how: along(a, dim, index, src, lambda old, new: old + new),
        [Sample(normal(3, 2), 0, I, normal(3, 2), "sum")], inplace=True,
    ),
    Row("index_select", mg.index_select, rows_of,
        [Sample(normal(3, 4), 0, V), Sample(normal(2, 3), -1, V), Sample(normal(3), 0, V)]),
    Row("index_add", mg.index_add, lambda a, dim, i, s: with_rows(a, dim, i, s, lambda old, new: old + new),
        [Sample(normal(3, 4), 0, V, normal(4, 4)), Sample(normal(2, 3), 1, V, normal(2, 4))], inplace=True),
    Row("index_copy", mg.index_copy, lambda a, dim, i, s: with_rows(a, dim, i, s, lambda old, new: new),
        [Sample(normal(3, 4), 0, V[:2], normal(2, 4))], inplace=True),
    Row("index_fill", mg.index_fill, lambda a, dim, i, s: with_rows(a, dim, i, s, lambda old, new: new),
        [Sample(normal(3, 4), 1, V, 2.5)], inplace=True),
    Row("index_put", mg.index_put, put,
        [Sample(normal(3, 4), (PERM[:, 0], V[1:]), normal(3)), Sample(normal(3, 4), (V,), normal(4, 4), True)],
        inplace=True),
    Row("take", mg.take, lambda a, i: a.ravel()[i], [Sample(normal(3, 4), I), Sample(normal(5), V)]),
    Row("take_along_dim", mg.take_along_dim, lambda a, i, dim=None: np.take_along_axis(a, i, dim),
        [Sample(normal(3, 4), I, dim=1), Sample(normal(3, 4), V[None], dim=0)]),
    Row("masked_fill", mg.masked_fill, lambda a, m, v: np.where(m, v, a),
        [Sample(normal(2, 3), MASK, 0.5), Sample(normal(2, 3), MASK[0], normal())],
        edges=[Sample(normal(2, 3), MASK, -np.inf)], inplace=True,
        bad=[Bad(RuntimeError, "mask", normal(2), np.array([0, 1]), 1.0)]),
    Row("masked_select", mg.masked_select, lambda a, m: np.broadcast_to(a, np.broadcast_shapes(a.shape, m.shape))[
        np.broadcast_to(m, np.broadcast_shapes(a.shape, m.shape))],
        [Sample(normal(2, 3), MASK), Sample(normal(3), MASK), Sample(normal(2, 3), MASK[0])]),
    Row("masked_scatter", mg.masked_scatter, masked_scatter, [Sample(normal(2, 3), MASK, normal(6))], inplace=True),
    Row("nonzero", mg.nonzero, lambda a: np.argwhere(a), [Sample(distinct(2, 3)), Sample(np.zeros((2, 2)))],
        edges=[Sample(booleans(3, 2)), Sample(integers(0, 2, 4))], result="int64", gradient=False),
]  # fmt: skip
