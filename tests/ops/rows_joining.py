"""Rows for joining and taking apart."""

from __future__ import annotations

import numpy as np
from table import Bad, Row, Sample, booleans, integers, normal

import minigrad as mg

VECTOR, MATRIX, CUBE = normal(5), normal(3, 4), normal(2, 3, 4)


def chunks(x, n, dim=0):
    size = -(-x.shape[dim] // n)
    return np.split(x, range(size, x.shape[dim], size), dim)


def pieces(x, size, dim=0):
    ends = np.cumsum(size)[:-1] if isinstance(size, list) else range(size, x.shape[dim], size)
    return np.split(x, ends, dim)


JOINED = [
    Row(
        "cat",
        lambda *x, **k: mg.cat(x, **k),
        lambda *x, dim=0: np.concatenate(x, dim),
        [
            Sample(MATRIX, normal(2, 4)),
            Sample(MATRIX, normal(3, 1), normal(3, 0), dim=1),
            Sample(VECTOR, VECTOR, dim=-1),
            Sample(CUBE, CUBE, dim=-2),
        ],
        edges=[Sample(integers(0, 5, 2), np.array([0.5, 1.5], "float32")), Sample(booleans(2), integers(0, 5, 2))],
        method=None,
        bad=[
            Bad(ValueError, "empty list"),
            Bad(RuntimeError, "0-d", normal()),
            Bad(RuntimeError, "cat", MATRIX, CUBE),
            Bad(RuntimeError, "cat", MATRIX, normal(3, 3)),
            Bad(IndexError, "range", VECTOR, dim=1),
        ],
    ),
    Row("cat_with_legacy_empty", lambda *x: mg.cat(x, 1), lambda *x: x[1], [Sample(normal(0), MATRIX)], method=None),
    Row(
        "stack",
        lambda *x, **k: mg.stack(x, **k),
        lambda *x, dim=0: np.stack(x, dim),
        [
            Sample(MATRIX, MATRIX + 1),
            Sample(normal(3), normal(3), dim=-1),
            Sample(normal(), normal()),
            Sample(MATRIX, dim=1),
        ],
        method=None,
        bad=[Bad(RuntimeError, "empty list"), Bad(RuntimeError, "stack", VECTOR, MATRIX)],
    ),
    Row(
        "hstack",
        lambda *x: mg.hstack(x),
        lambda *x: np.hstack(x),
        [Sample(VECTOR, normal(2)), Sample(MATRIX, MATRIX)],
        method=None,
    ),
    Row(
        "vstack",
        lambda *x: mg.vstack(x),
        lambda *x: np.vstack(x),
        [Sample(VECTOR, normal(5)), Sample(MATRIX, normal(4))],
        method=None,
    ),
    Row(
        "dstack",
        lambda *x: mg.dstack(x),
        lambda *x: np.dstack(x),
        [Sample(VECTOR, normal(5)), Sample(MATRIX, MATRIX)],
        method=None,
    ),
    Row(
        "column_stack",
        lambda *x: mg.column_stack(x),
        lambda *x: np.column_stack(x),
        [Sample(normal(3), MATRIX)],
        method=None,
    ),
    Row(
        "block_diag",
        mg.block_diag,
        lambda a, b: np.block([[a, np.zeros((3, b.size))], [np.zeros((1, 4)), np.atleast_2d(b)]]),
        [Sample(MATRIX, VECTOR)],
        method=None,
    ),
    Row(
        "meshgrid",
        mg.meshgrid,
        lambda *x, indexing="ij": tuple(np.meshgrid(*x, indexing=indexing)),
        [Sample(VECTOR, normal(2)), Sample(VECTOR, normal(2), normal(3), indexing="xy"), Sample(normal(), VECTOR)],
        gradient=[0],
        method=None,
        bad=[Bad(RuntimeError, "indexing", VECTOR, indexing="no")],
    ),
    Row(
        "cartesian_prod",
        mg.cartesian_prod,
        lambda a, b: np.array([(x, y) for x in a for y in b]),
        [Sample(VECTOR, normal(2))],
        method=None,
    ),
]

TAKEN_APART = [
    Row(
        "split",
        mg.split,
        pieces,
        [
            Sample(VECTOR, 2),
            Sample(MATRIX, 3, 1),
            Sample(MATRIX, [1, 3], -1),
            Sample(VECTOR, 9),
            Sample(VECTOR, [0, 5]),
        ],
        bad=[Bad(RuntimeError, "add up", VECTOR, [2, 2]), Bad(RuntimeError, "positive", VECTOR, 0)],
    ),
    Row(
        "chunk",
        mg.chunk,
        chunks,
        [Sample(VECTOR, 2), Sample(MATRIX, 3, 1), Sample(VECTOR, 9)],
        bad=[Bad(RuntimeError, "positive", VECTOR, 0), Bad(RuntimeError, "0-d", normal(), 1)],
    ),
    Row(
        "tensor_split",
        mg.tensor_split,
        lambda x, n, dim=0: np.array_split(x, n, dim),
        [Sample(VECTOR, 2), Sample(MATRIX, (1, 3), 1), Sample(VECTOR, [3, 1]), Sample(VECTOR, 7)],
    ),
    Row(
        "unbind",
        mg.unbind,
        lambda x, dim=0: tuple(np.moveaxis(x, dim, 0)),
        [Sample(MATRIX), Sample(CUBE, -1), Sample(VECTOR)],
        bad=[Bad(IndexError, "0-d", normal())],
    ),
    Row(
        "hsplit",
        mg.hsplit,
        np.hsplit,
        [Sample(MATRIX, 2), Sample(normal(4), 2)],
        bad=[Bad(RuntimeError, "divisible", MATRIX, 3)],
    ),
    Row("vsplit", mg.vsplit, np.vsplit, [Sample(MATRIX, 3)], bad=[Bad(RuntimeError, "at least 2", VECTOR, 5)]),
]

ROWS = [*JOINED, *TAKEN_APART]
