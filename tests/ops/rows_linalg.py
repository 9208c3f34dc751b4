"""Rows for products, sums of products and decompositions of matrices."""

from __future__ import annotations

import numpy as np
from table import Bad, Row, Sample, booleans, integers, normal

import minigrad as mg
from minigrad import linalg

WIDE = ("float32", "float64")
HALF = {"float16": (2e-2, 4e-2), "float32": (1e-5, 1e-5)}
SOLVED = {"float32": (1e-3, 1e-3), "float64": (1e-9, 1e-9)}


def pairs(*shapes, **keywords):
    return [Sample(normal(*a), normal(*b), **keywords) for a, b in shapes]


def regular(*shape):
    return normal(*shape) + 3 * np.eye(shape[-1])


def positive(*shape):
    x = normal(*shape)
    return x @ x.swapaxes(-1, -2) + np.eye(shape[-1])


MATMUL = pairs(
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (3, 4)),
    ((5, 2, 3), (3,)),
    ((3,), (5, 3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((2, 1, 2, 3), (3, 3, 4)),
    ((1, 2, 3), (2, 5, 3, 4)),
    ((2, 0), (0, 3)),
    ((0, 2, 3), (3, 4)),
    ((2, 3, 0), (0, 4)),
    ((0, 3), (3, 0)),
    ((0,), (0,)),
)

PRODUCTS = [
    Row(
        "matmul",
        mg.matmul,
        np.matmul,
        MATMUL,
        tolerance=HALF,
        edges=[Sample(integers(0, 5, 2, 3), integers(0, 5, 3, 2))],
        bad=[
            Bad(RuntimeError, "must agree", normal(2, 3), normal(2, 3)),
            Bad(RuntimeError, "must agree", normal(3), normal(4)),
            Bad(RuntimeError, "one dimension", normal(), normal(3)),
            Bad(RuntimeError, "bool", booleans(2, 2), booleans(2, 2)),
            Bad(RuntimeError, "must agree", normal(2, 2, 3), normal(3, 3, 2)),
            Bad(RuntimeError, "one dtype", normal(2, 2), integers(0, 3, 2, 2)),
        ],
    ),
    Row(
        "mm",
        mg.mm,
        np.matmul,
        pairs(((2, 3), (3, 4))),
        tolerance=HALF,
        bad=[Bad(RuntimeError, "dimensions", normal(3), normal(3, 2))],
    ),
    Row(
        "bmm",
        mg.bmm,
        np.matmul,
        pairs(((5, 2, 3), (5, 3, 4))),
        tolerance=HALF,
        bad=[
            Bad(RuntimeError, "equally many", normal(1, 2, 3), normal(5, 3, 4)),
            Bad(RuntimeError, "dimensions", normal(2, 3), normal(3, 4)),
        ],
    ),
    Row(
        "mv",
        mg.mv,
        np.matmul,
        pairs(((2, 3), (3,))),
        tolerance=HALF,
        bad=[Bad(RuntimeError, "dimensions", normal(3), normal(3))],
    ),
    Row(
        "dot",
        mg.dot,
        np.dot,
        pairs(((3,), (3,))),
        tolerance=HALF,
        bad=[
            Bad(RuntimeError, "dimensions", normal(2, 2), normal(2)),
            Bad(RuntimeError, "must agree", normal(2), normal(3)),
        ],
    ),
    Row("vdot", mg.vdot, np.vdot, pairs(((3,), (3,))), tolerance=HALF),
    Row(
        "inner",
        mg.inner,
        np.inner,
        pairs(((3,), (3,)), ((2, 3), (4, 3)), ((2, 3), (3,)), ((2, 2, 3), (4, 3)), ((), (3,))),
        tolerance=HALF,
        bad=[Bad(RuntimeError, "inner", normal(2), normal(3))],
    ),
    Row(
        "outer",
        mg.outer,
        np.outer,
        pairs(((2,), (3,)), ((0,), (3,))),
        bad=[Bad(RuntimeError, "dimensions", normal(2, 2), normal(2))],
    ),
    Row("ger", mg.ger, np.outer, pairs(((2,), (3,)))),
    Row(
        "vecdot",
        linalg.vecdot,
        lambda x, y, dim=-1: (x * y).sum(dim),
        [*pairs(((2, 3), (3,))), *pairs(((2, 3), (2, 3)), dim=0)],
        method=None,
        tolerance=HALF,
    ),
    Row("kron", mg.kron, np.kron, pairs(((2, 3), (2,)), ((2,), (3,)), ((2, 2), (1, 3)))),
    Row(
        "cross",
        mg.cross,
        lambda x, y, dim=-1: np.cross(x, y, axis=dim),
        [*pairs(((2, 3), (2, 3)), dim=1), *pairs(((3, 2), (3, 2)), dim=0), *pairs(((3,), (3,)))],
        tolerance=HALF,
        bad=[Bad(RuntimeError, "3", normal(2), normal(2))],
    ),
    Row(
        "addmm",
        mg.addmm,
        lambda c, a, b, beta=1, alpha=1: beta * c + alpha * (a @ b),
        [
            Sample(normal(4), normal(2, 3), normal(3, 4)),
            Sample(normal(2, 4), normal(2, 3), normal(3, 4), beta=0.5, alpha=-2),
        ],
        tolerance=HALF,
    ),
    Row(
        "addmv",
        mg.addmv,
        lambda c, a, b: c + a @ b,
        [Sample(normal(2), normal(2, 3), normal(3))],
        tolerance=HALF,
        inplace=True,
    ),
    Row(
        "addr",
        mg.addr,
        lambda c, a, b: c + np.outer(a, b),
        [Sample(normal(2, 3), normal(2), normal(3))],
        tolerance=HALF,
        inplace=True,
    ),
    Row(
        "baddbmm",
        mg.baddbmm,
        lambda c, a, b: c + a @ b,
        [Sample(normal(2, 4), normal(5, 2, 3), normal(5, 3, 4))],
        tolerance=HALF,
    ),
    Row(
        "addbmm",
        mg.addbmm,
        lambda c, a, b: c + (a @ b).sum(0),
        [Sample(normal(2, 4), normal(5, 2, 3), normal(5, 3, 4))],
        tolerance=HALF,
    ),
    Row(
        "chain_matmul",
        mg.chain_matmul,
        lambda a, b, c: a @ b @ c,
        [Sample(normal(2, 3), normal(3, 4), normal(4, 2))],
        method=None,
        dtypes=WIDE,
        tolerance=HALF,
    ),
    Row(
        "multi_dot",
        lambda *x: linalg.multi_dot(x),
        lambda a, b, c: a @ b @ c,
        [Sample(normal(2, 3), normal(3, 4), normal(4, 2))],
        method=None,
        dtypes=WIDE,
        tolerance=HALF,
    ),
]

EQUATIONS = {
    "ij,jk->ik": ((2, 3), (3, 4)),
    "ij,jk": ((2, 3), (3, 4)),
    "ji,k->": ((2, 3), (2,)),
    "ij->ji": ((2, 3),),
    "ii->i": ((3, 3),),
    "ii": ((3, 3),),
    "ij->": ((2, 3),),
    "i,i->": ((3,), (3,)),
    "i,j->ij": ((3,), (2,)),
    "bij,bjk->bik": ((2, 3, 4), (2, 4, 2)),
    "...ij,jk->...ik": ((2, 1, 2, 3), (3, 2)),
    "...ij,...jk->...ik": ((2, 2, 3), (1, 3, 2)),
    "ij,jk,kl->il": ((2, 3), (3, 4), (4, 2)),
    "ijk,k->j": ((2, 3, 4), (4,)),
    "iij,j->i": ((2, 2, 3), (3,)),
    "ij,ij->ij": ((2, 3), (2, 3)),
    "ij,kl->": ((2, 3), (2, 2)),
    "b i d, b j d -> b i j": ((2, 3, 4), (2, 2, 4)),
    ",ij->ij": ((), (2, 3)),
    "i...->...": ((2, 3, 2),),
    "ij,j,k->ki": ((2, 3), (3,), (2,)),
    "iii->i": ((2, 2, 2),),
    "ij,ik,il->jkl": ((2, 3), (2, 2), (2, 4)),
    "ij,jk->ik ": ((2, 3), (1, 4)),
    "Ab,bC->AC": ((2, 0), (0, 3)),
}

CONTRACTIONS = [
    Row(
        "einsum",
        lambda *x, eq: mg.einsum(eq, *x),
        lambda *x, eq: np.einsum(eq.replace(" ", ""), *x),
        [Sample(*(normal(*s) for s in shapes), eq=eq) for eq, shapes in EQUATIONS.items()],
        dtypes=WIDE,
        tolerance=HALF,
        method=None,
        bad=[
            Bad(RuntimeError, "2 operands, got 1", normal(2, 2), eq="ij,jk"),
            Bad(RuntimeError, "must agree", normal(2, 3), normal(4, 4), eq="ij,jk->ik"),
            Bad(RuntimeError, "letters", normal(2, 3), eq="ij->k"),
            Bad(RuntimeError, "letters", normal(2, 3), eq="ij->ii"),
            Bad(RuntimeError, "names 1 dimensions", normal(2, 3), eq="i->i"),
            Bad(RuntimeError, "agree", normal(2, 3), eq="ii->i"),
            Bad(RuntimeError, "one dtype", normal(2, 3), integers(0, 3, 3), eq="ij,j->i"),
            Bad(RuntimeError, "a-z", normal(2, 3), eq="i1->i"),
        ],
    ),
    Row(
        "tensordot",
        mg.tensordot,
        np.tensordot,
        [
            *pairs(((2, 3, 4), (3, 4, 5))),
            *pairs(((2, 3), (4,)), dims=0)[:1],
            Sample(normal(2, 3, 4), normal(4, 2, 3), ([0, 2], [1, 0])),
        ],
        method=None,
        dtypes=WIDE,
        tolerance=HALF,
        bad=[Bad(RuntimeError, "differ", normal(2, 3), normal(2, 3), 1)],
    ),
]
CONTRACTIONS[1].reference = lambda a, b, dims=2: np.tensordot(a, b, dims)

DECOMPOSED = [
    Row(
        "trace",
        mg.trace,
        np.trace,
        [Sample(normal(3, 4))],
        bad=[Bad(RuntimeError, "matrix", normal(3))],
        tolerance=HALF,
    ),
    Row(
        "inverse",
        mg.inverse,
        np.linalg.inv,
        [Sample(regular(3, 3)), Sample(regular(2, 3, 3))],
        dtypes=WIDE,
        tolerance=SOLVED,
        bad=[Bad(RuntimeError, "square", normal(2, 3)), Bad(RuntimeError, "singular", np.zeros((2, 2)))],
    ),
    Row(
        "det",
        mg.det,
        np.linalg.det,
        [Sample(regular(3, 3)), Sample(regular(2, 3, 3))],
        dtypes=WIDE,
        tolerance=SOLVED,
        grad_tolerance=1e-4,
    ),
    Row(
        "slogdet",
        mg.slogdet,
        lambda x: tuple(np.linalg.slogdet(x)),
        [Sample(regular(2, 3, 3))],
        dtypes=WIDE,
        tolerance=SOLVED,
    ),
    Row(
        "logdet",
        mg.logdet,
        lambda x: np.log(np.linalg.det(x)),
        [Sample(positive(3, 3))],
        dtypes=WIDE,
        tolerance=SOLVED,
    ),
    Row(
        "solve",
        linalg.solve,
        lambda a, b: np.linalg.solve(a, b if b.ndim > 1 and b.ndim == a.ndim else b[..., None]).reshape(b.shape),
        [
            Sample(regular(3, 3), normal(3, 2)),
            Sample(regular(3, 3), normal(3)),
            Sample(regular(2, 3, 3), normal(2, 3)),
            Sample(regular(2, 3, 3), normal(2, 3, 1)),
        ],
        dtypes=WIDE,
        tolerance=SOLVED,
        method=None,
        bad=[Bad(RuntimeError, "singular", np.zeros((2, 2)), normal(2))],
    ),
    Row(
        "cholesky",
        lambda x: mg.cholesky(x @ x.mT + 3),
        lambda x: np.linalg.cholesky(x @ x.swapaxes(-1, -2) + 3),
        [Sample(normal(2, 2)), Sample(normal(2, 3, 4))],
        dtypes=WIDE,
        tolerance=SOLVED,
        arrays=False,
        method=None,
    ),
    Row(
        "eigh",
        lambda x: linalg.eigvalsh(x + x.mT),
        lambda x: np.linalg.eigvalsh(x + x.swapaxes(-1, -2)),
        [Sample(normal(2, 3, 3))],
        dtypes=WIDE,
        tolerance=SOLVED,
        arrays=False,
        method=None,
    ),
    Row(
        "matrix_power",
        mg.matrix_power,
        np.linalg.matrix_power,
        [Sample(regular(3, 3), 3), Sample(regular(3, 3), -2), Sample(regular(3, 3), 1)],
        dtypes=WIDE,
        tolerance=SOLVED,
        grad_tolerance=1e-4,
        edges=[Sample(regular(3, 3), 0)],
    ),
    Row(
        "cdist",
        mg.cdist,
        lambda a, b, p=2.0: (np.abs(a[..., :, None, :] - b[..., None, :, :]) ** p).sum(-1) ** (1 / p),
        pairs(((3, 2), (4, 2)), ((2, 3, 2), (2, 4, 2))),
        method=None,
        dtypes=WIDE,
        tolerance=HALF,
    ),
]

ROWS = [*PRODUCTS, *CONTRACTIONS, *DECOMPOSED]
