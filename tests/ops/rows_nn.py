"""Rows for the functions of `nn.functional`: layers, softmax, normalisation and losses."""

from __future__ import annotations

import functools
import warnings

import nn_references as ref
import numpy as np
from table import Bad, Row, Sample, integers, normal, off, uniform

import minigrad.nn.functional as F

LOOSE = {"float16": (2e-2, 2e-2), "float32": (2e-5, 2e-5)}  # sums of many numbers, differences of near ones


def quiet(function):
    """Without PyTorch's warnings, which have tests of their own."""

    @functools.wraps(function)
    def call(*args, **keywords):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*args, **keywords)

    return call


def loss(name, reference, *samples, edges=(), bad=(), **options):
    """A row for a loss: every sample with every reduction."""
    every = [
        Sample(*s.args, **{**s.keywords, "reduction": reduction})
        for s in samples
        for reduction in ("mean", "sum", "none")
    ]
    refused = [*bad, Bad(ValueError, "valid value for reduction", *samples[0].args, reduction="median")]
    return Row(
        name,
        quiet(getattr(F, name)),
        reference,
        every,
        edges=edges,
        bad=refused,
        method=None,
        tolerance=LOOSE,
        **options,
    )


def row(name, reference, samples, **options):
    options = {"method": None, "tolerance": LOOSE, **options}
    return Row(name, getattr(F, name), reference, samples, **options)


X, Y = normal(4, 3), normal(4, 3)
SIGNS = np.where(normal(4, 3) > 0, 1, -1)
APART = off([0], gap=0.1)(4, 3)  # differences that are not near a kink
P = uniform(0.1, 0.9, 4, 3)
INF = np.inf

ROWS = [
    row(
        "linear",
        ref.linear,
        [
            Sample(normal(4, 3), normal(5, 3), normal(5)),
            Sample(normal(2, 4, 3), normal(5, 3), normal(5)),
            Sample(normal(4, 3), normal(5, 3)),
            Sample(normal(3), normal(5, 3), normal(5)),
            Sample(normal(2, 3), normal(3)),
            Sample(normal(2, 4, 3), normal(3), normal()),
            Sample(normal(3), normal(3)),
            Sample(normal(0, 3), normal(5, 3), normal(5)),
            Sample(normal(4, 0), normal(5, 0), normal(5)),
        ],
        bad=[
            Bad(RuntimeError, "takes an input", normal(2, 3), normal(4, 4)),
            Bad(RuntimeError, "takes an input", normal(2, 3), normal(4, 3), normal(5)),
            Bad(RuntimeError, "takes an input", normal(2, 3), normal(4, 3), normal(2, 4)),
            Bad(RuntimeError, "takes an input", normal(), normal(4, 3)),
            Bad(RuntimeError, "dtype", normal(2, 3), integers(0, 3, 4, 3)),
        ],
    ),
    row(
        "bilinear",
        ref.bilinear,
        [
            Sample(normal(4, 3), normal(4, 2), normal(5, 3, 2), normal(5)),
            Sample(normal(2, 4, 3), normal(2, 4, 2), normal(5, 3, 2)),
            Sample(normal(3), normal(2), normal(5, 3, 2)),
        ],
        bad=[Bad(RuntimeError, "bilinear", normal(4, 3), normal(4, 3), normal(5, 3, 2))],
    ),
    row(
        "embedding",
        lambda index, table, padding_idx=None: table[index],
        [
            Sample(integers(0, 5, 4), normal(5, 3)),
            Sample(integers(0, 5, 2, 7), normal(5, 3)),
            Sample(np.asarray(2), normal(5, 3)),
            Sample(integers(0, 5, 0), normal(5, 3)),
        ],
        bad=[
            Bad(RuntimeError, "int64", normal(2), normal(5, 3)),
            Bad(RuntimeError, "rows, features", integers(0, 5, 2), normal(5)),
            Bad(AssertionError, "padding_idx", integers(0, 5, 2), normal(5, 3), padding_idx=5),
        ],
    ),
    row(
        "one_hot", lambda x, n: np.eye(n, dtype=int)[x], [Sample(integers(0, 4, 2, 3), 4)], gradient=False, result=None
    ),
    Row(
        "softmax",
        F.softmax,
        ref.softmax,
        [
            Sample(normal(4, 3), dim=1),
            Sample(normal(4, 3), dim=-2),
            Sample(normal(2, 4, 3), dim=1),
            Sample(normal(5), dim=0),
            Sample(normal(0, 3), dim=1),
            Sample(normal(3, 0), dim=1),
        ],
        edges=[Sample(np.array([1e4, 0.0, -1e4]), dim=0), Sample(np.array([[-INF, 0.0], [-INF, -INF]]), dim=1)],
        tolerance=LOOSE,
        bad=[
            Bad(IndexError, "dimension", normal(2, 3), dim=2),
            Bad(RuntimeError, "softmax", integers(0, 3, 2), dim=0),
        ],
    ),
    Row(
        "log_softmax",
        F.log_softmax,
        ref.log_softmax,
        [
            Sample(normal(4, 3), dim=1),
            Sample(normal(2, 4, 3), dim=1),
            Sample(normal(5), dim=0),
            Sample(normal(0, 3), 1),
        ],
        edges=[Sample(np.array([1e4, 0.0, -1e4]), dim=0)],
        tolerance=LOOSE,
        bad=[Bad(IndexError, "dimension", normal(2, 3), dim=-3)],
    ),
    row("softmin", lambda x, dim: ref.softmax(-x, dim), [Sample(normal(4, 3), dim=1)]),
    row(
        "layer_norm",
        ref.layer_norm,
        [
            Sample(normal(4, 5), (5,), normal(5), normal(5)),
            Sample(normal(4, 5), (5,)),
            Sample(normal(2, 3, 4), (3, 4), normal(3, 4), normal(3, 4), eps=0.1),
            Sample(normal(4, 5), (5,), None, normal(5)),
            Sample(normal(5), (5,), normal(5)),
        ],
        bad=[Bad(RuntimeError, "normalized_shape", normal(2, 3), (2,))],
    ),
    row(
        "rms_norm",
        ref.rms_norm,
        [
            Sample(normal(4, 5), (5,), normal(5), eps=1e-5),
            Sample(normal(4, 5), (5,), eps=0.1),
            Sample(normal(2, 3, 4), (3, 4), normal(3, 4), eps=1e-3),
        ],
        bad=[Bad(RuntimeError, "normalized_shape", normal(2, 3), (2,))],
    ),
    row(
        "batch_norm",
        ref.batch_norm,
        [
            Sample(normal(6, 3), None, None, normal(3), normal(3), True),
            Sample(normal(6, 3), None, None, training=True, eps=0.1),
            Sample(normal(4, 3, 2), None, None, normal(3), normal(3), training=True),
            Sample(normal(6, 3), normal(3), uniform(0.5, 2, 3), normal(3), normal(3)),
            Sample(normal(4, 3, 2), normal(3), uniform(0.5, 2, 3)),
        ],
        bad=[
            Bad(ValueError, "more than 1 value", normal(1, 3), None, None, training=True),
            Bad(RuntimeError, "running_mean", normal(2, 3), None, None),
        ],
    ),
    row(
        "normalize",
        ref.normalize,
        [Sample(normal(4, 3)), Sample(normal(4, 3), 3.0, 0), Sample(normal(5), dim=0), Sample(normal(4, 3), 1.0, -1)],
    ),
    row(
        "cosine_similarity",
        ref.cosine_similarity,
        [Sample(X, Y), Sample(X, Y, dim=0), Sample(normal(4, 1, 3), normal(1, 2, 3), dim=-1)],
    ),
    row(
        "pairwise_distance",
        ref.pairwise_distance,
        [Sample(X, Y), Sample(X, Y, 3.0, keepdim=True), Sample(X, normal(3))],
    ),
    row(
        "pad",
        ref.pad,
        [
            Sample(normal(2, 3), (1, 2)),
            Sample(normal(2, 3), (1, 0, 2, 1), value=1.5),
            Sample(normal(2, 3), (2, 1), "reflect"),
            Sample(normal(2, 3), (4, 0, 0, 2), "replicate"),
            Sample(normal(2, 3), (3, 2), "circular"),
            Sample(normal(3), ()),
        ],
        edges=[Sample(integers(0, 5, 2, 3), (1, 1))],
        bad=[
            Bad(RuntimeError, "pairs", normal(2, 3), (1,)),
            Bad(NotImplementedError, "mode", normal(2, 3), (1, 1), "foo"),
        ],
    ),
    loss(
        "cross_entropy",
        ref.cross_entropy,
        Sample(normal(6, 5), integers(0, 5, 6)),
        Sample(normal(6, 5), integers(0, 5, 6), uniform(0.2, 2, 5)),
        Sample(normal(2, 5, 3), integers(0, 5, 2, 3)),
        Sample(normal(4, 5), np.array([1, 4, 1, 2]), ignore_index=1),
        Sample(normal(4, 5), np.array([1, 4, -100, 2]), label_smoothing=0.2),
        Sample(normal(4, 5), ref.softmax(normal(4, 5), 1)),
        Sample(normal(2, 3, 4), ref.softmax(normal(2, 3, 4), 1), label_smoothing=0.1),
        gradient=(0,),
        edges=[Sample(normal(4, 5) * 1000, integers(0, 5, 4))],
        bad=[
            Bad(ValueError, "batch_size", normal(2, 3), integers(0, 3, 1)),
            Bad(RuntimeError, "int64", normal(2, 3), normal(2)),
            Bad(RuntimeError, "weight", normal(2, 3), integers(0, 3, 2), normal(2)),
        ],
    ),
    loss(
        "nll_loss",
        ref.nll_loss,
        Sample(normal(6, 5), integers(0, 5, 6)),
        Sample(normal(6, 5), integers(0, 5, 6), uniform(0.2, 2, 5)),
        Sample(normal(2, 5, 3), integers(0, 5, 2, 3)),
        gradient=(0,),
    ),
    loss(
        "mse_loss",
        ref.mse_loss,
        Sample(X, Y),
        Sample(X, normal(3)),
        Sample(normal(), normal()),
        Sample(normal(4, 1), Y),
    ),
    loss("l1_loss", ref.l1_loss, Sample(X, X + APART), Sample(normal(), normal())),
    loss("huber_loss", ref.huber_loss, Sample(X, X + APART), Sample(X, X + APART, delta=0.05)),
    loss("smooth_l1_loss", ref.smooth_l1_loss, Sample(X, X + APART), Sample(X, X + APART, beta=0.05)),
    loss(
        "binary_cross_entropy",
        ref.binary_cross_entropy,
        Sample(P, P[::-1].copy()),
        edges=[Sample(np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0, 1.0]), reduction="none")],
        bad=[Bad(ValueError, "one shape", P, P[0])],
    ),
    loss(
        "binary_cross_entropy_with_logits",
        ref.binary_cross_entropy_with_logits,
        Sample(X, P),
        Sample(X, P, pos_weight=uniform(0.1, 2, 3)),
        Sample(X, P, weight=uniform(0.1, 2, 4, 3)),
        edges=[Sample(np.array([1e3, -1e3, 50.0, -50.0]), np.array([1.0, 1.0, 1.0, 0.0]), reduction="none")],
        bad=[Bad(ValueError, "Target size", X, P[0]), Bad(RuntimeError, "floating", X, integers(0, 2, 4, 3))],
    ),
    loss(
        "kl_div",
        ref.kl_div,
        Sample(ref.log_softmax(X, 1), ref.softmax(Y, 1)),
        Sample(ref.log_softmax(X, 1), ref.log_softmax(Y, 1), log_target=True),
        edges=[Sample(ref.log_softmax(X, 1), ref.softmax(Y, 1), reduction="batchmean")],
    ),
    loss(
        "poisson_nll_loss",
        ref.poisson_nll_loss,
        Sample(X, uniform(0.1, 0.9, 4, 3)),
        Sample(X, uniform(1.1, 5, 4, 3), full=True),
        Sample(uniform(0.1, 2, 4, 3), uniform(1.1, 5, 4, 3), log_input=False),
    ),
    loss(
        "gaussian_nll_loss", ref.gaussian_nll_loss, Sample(X, Y, P), Sample(X, Y, P, full=True), Sample(X, Y, P[:, :1])
    ),
    loss("soft_margin_loss", ref.soft_margin_loss, Sample(X, SIGNS)),
    loss("hinge_embedding_loss", ref.hinge_embedding_loss, Sample(uniform(0.1, 0.9, 4, 3), SIGNS)),
    loss(
        "margin_ranking_loss", ref.margin_ranking_loss, Sample(X, X + APART, SIGNS), Sample(X, X + APART, SIGNS, 0.05)
    ),
    loss(
        "multi_margin_loss",
        ref.multi_margin_loss,
        Sample(uniform(0, 0.9, 4, 3), integers(0, 3, 4)),
        Sample(uniform(0, 0.9, 4, 3), integers(0, 3, 4), p=2, margin=1.5),
    ),
    loss(
        "multilabel_margin_loss",
        ref.multilabel_margin_loss,
        Sample(uniform(0, 0.9, 3, 4), np.array([[0, 2, -1, 1], [-1, 0, 1, 2], [3, 2, 1, 0]])),
    ),
    loss("multilabel_soft_margin_loss", ref.multilabel_soft_margin_loss, Sample(X, P)),
    loss(
        "cosine_embedding_loss",
        ref.cosine_embedding_loss,
        Sample(X, Y, np.array([1, -1, 1, -1])),
        Sample(X, Y, SIGNS[:, 0]),
    ),
    loss(
        "triplet_margin_loss",
        ref.triplet_margin_loss,
        Sample(X, Y, normal(4, 3), margin=9.0),
        Sample(X, Y, normal(4, 3), margin=9.0, swap=True),
    ),
]
