"""Rows for shapes, parts and repeating."""

from __future__ import annotations

import numpy as np
from table import Bad, Row, Sample, booleans, integers, normal, shapes

import minigrad as mg

VECTOR, MATRIX, CUBE = normal(5), normal(3, 4), normal(2, 3, 4)
INTS = [Sample(integers(-9, 9, 2, 3))]


def view_row(name, function, reference, samples, **options):
    options.setdefault("dtypes", ("float32", "float64"))
    return Row(name, function, reference, samples, **options)


def windows(x, dim, size, step):
    found = np.lib.stride_tricks.sliding_window_view(x, size, axis=dim)
    return found[(slice(None),) * (dim % x.ndim) + (slice(None, None, step),)]


RESHAPED = [
    view_row(
        "reshape",
        mg.reshape,
        lambda x, *s: x.reshape(*s),
        [
            Sample(MATRIX, (2, 6)),
            Sample(MATRIX, (-1,)),
            Sample(normal(), (1, 1)),
            Sample(CUBE, [4, -1]),
            Sample(normal(0, 3), (3, 0)),
        ],
        edges=[Sample(MATRIX, 2, -1), Sample(normal(1), ()), Sample(booleans(4), (2, 2))],
        bad=[
            Bad(RuntimeError, "reshape", MATRIX, (5, 2)),
            Bad(RuntimeError, "reshape", MATRIX, (-1, -1)),
            Bad(RuntimeError, "reshape", normal(0), (-1, 0)),
            Bad(TypeError, "integer", MATRIX, (2.0, 6)),
        ],
    ),
    view_row(
        "view",
        lambda x, *s: x.view(*s),
        lambda x, *s: x.reshape(*s),
        [Sample(MATRIX, 2, 6), Sample(MATRIX, (-1,)), Sample(normal(0, 3), 0)],
        arrays=False,
        layouts=False,
        bad=[Bad(RuntimeError, "shape", MATRIX, 5)],
    ),
    view_row("flatten", mg.flatten, lambda x, *a: x.reshape(-1), shapes()),
    view_row(
        "flatten_some",
        mg.flatten,
        lambda x, start, end=-1: x.reshape((2, 12) if start == 1 else (6, 4)),
        [Sample(CUBE, 1), Sample(CUBE, 0, 1)],
        method="flatten",
        bad=[Bad(RuntimeError, "start_dim", CUBE, 2, 1), Bad(IndexError, "range", CUBE, 3)],
    ),
    view_row("ravel", mg.ravel, np.ravel, shapes()),
    view_row(
        "unflatten",
        mg.unflatten,
        lambda x, dim, sizes: x.reshape(3, 2, 2),
        [Sample(MATRIX, 1, (2, 2)), Sample(MATRIX, -1, (-1, 2))],
        bad=[Bad(RuntimeError, "multiply", MATRIX, 1, (3, 2)), Bad(RuntimeError, "multiply", MATRIX, 1, (-1, 3))],
    ),
    view_row(
        "squeeze",
        mg.squeeze,
        lambda x, dim=None: np.squeeze(x, dim if dim is None or x.shape[dim] == 1 else ()),
        [
            Sample(normal(2, 1, 3)),
            Sample(normal(2, 1, 3), 1),
            Sample(normal(2, 1, 3), 0),
            Sample(normal()),
            Sample(normal(1)),
        ],
        bad=[Bad(IndexError, "range", MATRIX, 2)],
    ),
    view_row("squeeze_dims", mg.squeeze, np.squeeze, [Sample(normal(1, 2, 1), (0, 2))], method="squeeze"),
    view_row(
        "unsqueeze",
        mg.unsqueeze,
        np.expand_dims,
        [Sample(MATRIX, 0), Sample(MATRIX, -1), Sample(MATRIX, 2), Sample(normal(), 0)],
        bad=[Bad(IndexError, "range", MATRIX, 3), Bad(IndexError, "range", MATRIX, -4)],
    ),
]

TURNED = [
    view_row(
        "transpose",
        mg.transpose,
        np.swapaxes,
        [Sample(MATRIX, 0, 1), Sample(CUBE, 0, -1), Sample(CUBE, 1, 1)],
        bad=[Bad(IndexError, "range", MATRIX, 0, 2)],
    ),
    view_row("swapaxes", mg.swapaxes, np.swapaxes, [Sample(CUBE, -2, 0)]),
    view_row("swapdims", mg.swapdims, np.swapaxes, [Sample(CUBE, -2, 0)]),
    view_row(
        "t",
        mg.t,
        np.transpose,
        [Sample(MATRIX), Sample(VECTOR), Sample(normal())],
        bad=[Bad(RuntimeError, "two", CUBE)],
    ),
    view_row("T", lambda x: x.T, np.transpose, [Sample(MATRIX), Sample(CUBE), Sample(VECTOR)], method=None),
    view_row("mT", lambda x: x.mT, lambda x: x.swapaxes(-1, -2), [Sample(CUBE)], arrays=False, method=None),
    view_row(
        "permute",
        mg.permute,
        np.transpose,
        [Sample(CUBE, (2, 0, 1)), Sample(MATRIX, (-1, 0)), Sample(normal(), ())],
        edges=[Sample(CUBE, (1, 2, 0))],
        bad=[Bad(RuntimeError, "permute", CUBE, (0, 1)), Bad(RuntimeError, "more than once", MATRIX, (0, 0))],
    ),
    view_row(
        "movedim",
        mg.movedim,
        np.moveaxis,
        [Sample(CUBE, 0, -1), Sample(CUBE, (0, 1), (2, 0)), Sample(CUBE, (-1,), (0,))],
        bad=[Bad(RuntimeError, "equally many", CUBE, (0, 1), (0,))],
    ),
    view_row("moveaxis", mg.moveaxis, np.moveaxis, [Sample(CUBE, 1, 0)]),
]

EXPANDED = [
    view_row(
        "expand",
        lambda x, *s: mg.expand(x, *s),
        lambda x, *s: np.broadcast_to(x, [4 if n == -1 else n for n in s]),
        [Sample(normal(4), 3, -1), Sample(normal(4, 1), -1, 3), Sample(normal(), 2, 3), Sample(normal(1, 4), 0, 4)],
        bad=[Bad(RuntimeError, "expand", VECTOR, 3), Bad(RuntimeError, "expand", VECTOR, -1, 5)],
    ),
    view_row(
        "broadcast_to", mg.broadcast_to, np.broadcast_to, [Sample(normal(3, 1), (2, 3, 4)), Sample(normal(3), (3,))]
    ),
    view_row(
        "expand_as", mg.expand_as, lambda x, y: np.broadcast_to(x, y.shape), [Sample(normal(4), MATRIX)], gradient=[0]
    ),
    view_row(
        "broadcast_tensors",
        mg.broadcast_tensors,
        lambda *x: tuple(np.broadcast_arrays(*x)),
        [Sample(normal(4), normal(3, 1))],
        gradient=[0],
        method=None,
        bad=[Bad(RuntimeError, "broadcast", VECTOR, MATRIX)],
    ),
    Row(
        "repeat",
        lambda x, *s: mg.repeat(x, *s),
        np.tile,
        [Sample(VECTOR, (2,)), Sample(MATRIX, (2, 1, 3)), Sample(normal(), (2, 2)), Sample(MATRIX, (0, 2))],
        bad=[Bad(RuntimeError, "repeat", MATRIX, 2), Bad(RuntimeError, "negative", VECTOR, -1)],
    ),
    Row("tile", mg.tile, np.tile, [Sample(MATRIX, (2,)), Sample(VECTOR, (3, 2)), Sample(MATRIX, (2, 2))]),
    Row(
        "repeat_interleave",
        mg.repeat_interleave,
        np.repeat,
        [
            Sample(MATRIX, 2, 1),
            Sample(MATRIX, 3),
            Sample(MATRIX, integers(0, 3, 3), 0),
            Sample(normal(), 2),
            Sample(MATRIX, 0, 0),
        ],
        edges=INTS and [Sample(integers(0, 5, 4), integers(0, 3, 4))],
        bad=[Bad(RuntimeError, "repeats", VECTOR, -1), Bad(RuntimeError, "repeats", VECTOR, integers(1, 3, 4))],
    ),
    Row(
        "flip",
        mg.flip,
        lambda x, *d: np.flip(x, *d),
        [Sample(MATRIX, (0,)), Sample(CUBE, (0, -1)), Sample(normal(), ())],
    ),
    Row("fliplr", mg.fliplr, np.fliplr, [Sample(MATRIX)], bad=[Bad(RuntimeError, "two dimensions", VECTOR)]),
    Row("flipud", mg.flipud, np.flipud, [Sample(MATRIX), Sample(VECTOR)], bad=[Bad(RuntimeError, "one", normal())]),
    Row(
        "roll",
        mg.roll,
        np.roll,
        [
            Sample(VECTOR, 2),
            Sample(MATRIX, -1),
            Sample(MATRIX, 1, 0),
            Sample(MATRIX, (1, -2), (0, 1)),
            Sample(MATRIX, (1, 1), (0, 0)),
            Sample(normal(0), 3),
        ],
        bad=[Bad(RuntimeError, "equally many", MATRIX, (1, 2), 0), Bad(IndexError, "range", VECTOR, 1, 1)],
    ),
    Row(
        "rot90",
        mg.rot90,
        np.rot90,
        [Sample(MATRIX), Sample(MATRIX, 2), Sample(MATRIX, -1), Sample(CUBE, 1, (0, 2)), Sample(MATRIX, 4)],
        bad=[Bad(RuntimeError, "plane", VECTOR)],
    ),
]

PARTS = [
    view_row(
        "narrow",
        mg.narrow,
        lambda x, d, start, n: np.take(x, np.arange(start % x.shape[d], start % x.shape[d] + n), d),
        [Sample(MATRIX, 0, 1, 2), Sample(MATRIX, -1, 0, 3), Sample(MATRIX, 1, -2, 2), Sample(MATRIX, 0, 1, 0)],
        bad=[Bad(RuntimeError, "exceed", MATRIX, 0, 2, 2), Bad(IndexError, "range", MATRIX, 0, 4, 1)],
    ),
    view_row(
        "select",
        mg.select,
        lambda x, d, k: np.take(x, k, d),
        [Sample(MATRIX, 0, 1), Sample(MATRIX, -1, -2), Sample(VECTOR, 0, 3)],
        bad=[Bad(IndexError, "range", MATRIX, 0, 3), Bad(IndexError, "one dimension", normal(), 0, 0)],
    ),
    view_row(
        "unfold",
        lambda x, *a: x.unfold(*a),
        windows,
        [Sample(normal(7), 0, 3, 2), Sample(MATRIX, 1, 2, 1), Sample(CUBE, -2, 3, 1), Sample(normal(7), 0, 2, 3)],
        arrays=False,
        bad=[Bad(RuntimeError, "fit", VECTOR, 0, 6, 1), Bad(RuntimeError, "fit", VECTOR, 0, 2, 0)],
    ),
    view_row(
        "diagonal",
        mg.diagonal,
        np.diagonal,
        [Sample(MATRIX), Sample(MATRIX, 1), Sample(MATRIX, -2), Sample(CUBE, 0, 1, 2), Sample(CUBE, 1, -1, 0)],
        edges=[Sample(MATRIX, 7)],
        bad=[Bad(RuntimeError, "different", MATRIX, 0, 1, 1)],
    ),
    Row("diag", mg.diag, np.diag, [Sample(VECTOR), Sample(VECTOR, -1), Sample(MATRIX), Sample(MATRIX, 1)]),
    Row("diagflat", mg.diagflat, np.diagflat, [Sample(VECTOR), Sample(MATRIX, 1), Sample(normal())]),
    Row(
        "diag_embed",
        mg.diag_embed,
        lambda x, k=0, *dims: np.moveaxis(np.stack([np.diag(r, k) for r in x]), (1, 2), dims or (1, 2)),
        [Sample(MATRIX), Sample(MATRIX, 1), Sample(MATRIX, -1, 2, 0)],
    ),
    Row(
        "tril",
        mg.tril,
        np.tril,
        [Sample(MATRIX), Sample(CUBE, 1), Sample(MATRIX, -1), Sample(normal(0, 3))],
        edges=[*INTS, Sample(booleans(3, 3)), Sample(MATRIX, 9), Sample(MATRIX, -9)],
        inplace=True,
        bad=[Bad(RuntimeError, "matrices", VECTOR)],
    ),
    Row(
        "triu",
        mg.triu,
        np.triu,
        [Sample(MATRIX), Sample(CUBE, 1), Sample(MATRIX, -1)],
        edges=[*INTS, Sample(np.full((2, 2), np.nan))],
        inplace=True,
        bad=[Bad(RuntimeError, "matrices", VECTOR)],
    ),
]


ROWS = [*RESHAPED, *TURNED, *EXPANDED, *PARTS]
