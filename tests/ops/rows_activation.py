"""Rows for the activation functions."""

from __future__ import annotations

import math

import numpy as np
from table import SPECIAL, TIES, Bad, Row, Sample, booleans, integers, normal, off, shapes, uniform

from minigrad.ops import activation

_erf = np.vectorize(math.erf, otypes=["f8"])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _elu(x, alpha=1.0, scale=1.0, stretch=1.0):
    return scale * np.where(x > 0, x, alpha * np.expm1(stretch * np.minimum(x, 0)))


def _softplus(x, beta=1.0, threshold=20.0):
    return np.where(beta * x > threshold, x, np.log1p(np.exp(beta * x)) / beta)


def _gelu(x, approximate="none"):
    if approximate == "tanh":
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + _erf(x / math.sqrt(2)))


def _glu(x, dim=-1):
    value, gate = np.split(x, 2, dim)
    return value * sigmoid(gate)


def _prelu(x, weight):
    if weight.ndim and x.ndim > 1:
        weight = weight.reshape((-1,) + (1,) * (x.ndim - 2))
    return np.where(x > 0, x, x * weight)


FINITE = [
    Sample(np.array([-800.0, -90.0, -20.0, 0.0, 20.0, 90.0, 800.0])),
    Sample(np.array([-math.inf, math.inf, math.nan])),
]
LOOSE = {"float16": (1e-2, 1e-2), "float32": (4e-6, 4e-6)}


def _stem(name):
    return "elu" if name in ("selu", "celu") else name.split()[0]


def row(name, reference, samples, edges=(), whole=False, **options):
    """A row whose function refuses integers, unless `whole`."""
    bad = list(options.pop("bad", []))
    if not whole:
        bad.append(Bad(RuntimeError, f"{_stem(name)}.*floating point", integers(-3, 4, 3)))
    options.setdefault("method", None)
    options.setdefault("tolerance", LOOSE)
    function = options.pop("function", None) or getattr(activation, name)
    return Row(name, function, reference, samples, edges, bad=bad, **options)


ROWS = [
    row(
        "relu",
        lambda x: np.maximum(x, 0),
        shapes(off(0)),
        [Sample(SPECIAL), Sample(integers(-3, 4, 5))],
        whole=True,
        method="relu",
        inplace=True,
        bad=[Bad(RuntimeError, "bool", booleans(3))],
    ),
    row(
        "relu6",
        lambda x: np.clip(x, 0, 6),
        [*shapes(off(0)), Sample(np.array([1.0, 7.0]))],
        [Sample(SPECIAL), Sample(integers(-3, 9, 5))],
        whole=True,
    ),
    row(
        "leaky_relu",
        lambda x, slope=0.01: np.where(x > 0, x, slope * x),
        [*shapes(off(0)), Sample(off(0)(5), 0.3), Sample(off(0)(5), -2.0)],
        [Sample(SPECIAL)],
    ),
    row(
        "prelu",
        _prelu,
        [
            Sample(off(0)(3, 4), normal(4)),
            Sample(off(0)(2, 3, 2), normal(3)),
            Sample(off(0)(3, 4), normal(1)),
            Sample(off(0)(5), normal(1)),
            Sample(off(0)(3, 4), normal()),
        ],
        whole=True,
        method="prelu",
        bad=[
            Bad(RuntimeError, "channels", normal(3, 4), normal(3)),
            Bad(RuntimeError, "dimension", normal(3, 4), normal(3, 4)),
        ],
    ),
    row(
        "rrelu",
        lambda x, lower=1 / 8, upper=1 / 3: np.where(x > 0, x, x * (lower + upper) / 2),
        [*shapes(off(0)), Sample(off(0)(5), 0.1, 0.3)],
        whole=True,
        bad=[Bad(RuntimeError, "lower", normal(3), 1.0, 0.5)],
    ),
    row(
        "hardtanh",
        lambda x, low=-1.0, high=1.0: np.clip(x, low, high),
        [*shapes(off(-1, 1)), Sample(off(-0.5, 2)(6), -0.5, 2.0)],
        [Sample(SPECIAL), Sample(integers(-3, 4, 5))],
        whole=True,
        bad=[Bad(ValueError, "min_val", normal(3), 1.0, -1.0)],
    ),
    row("hardsigmoid", lambda x: np.clip(x + 3, 0, 6) / 6, [*shapes(), Sample(np.array([-4.0, 4.0]))], FINITE),
    row(
        "hardswish",
        lambda x: x * (np.clip(x + 3, 0, 6) / 6),
        [*shapes(), Sample(np.array([-4.0, 4.0]))],
        FINITE,
    ),
    row(
        "threshold",
        lambda x, t, v: np.where(x <= t, v, x),
        [Sample(off(0.2)(3, 4), 0.2, -7.0)],
        [Sample(integers(-3, 4, 5), 0, 9)],
        whole=True,
    ),
    row(
        "hardshrink",
        lambda x, t=0.5: np.where(np.abs(x) <= t, 0, x),
        [*shapes(off(-0.5, 0.5)), Sample(off(-1, 1)(6), 1.0)],
        FINITE,
        method="hardshrink",
    ),
    row(
        "softshrink",
        lambda x, t=0.5: np.sign(x) * np.maximum(np.abs(x) - t, 0),
        [*shapes(off(-0.5, 0.5)), Sample(off(-1, 1)(6), 1.0)],
        FINITE,
        bad=[Bad(RuntimeError, "lambd", normal(3), -1.0)],
    ),
    row("elu", _elu, [*shapes(off(0)), Sample(off(0)(5), 0.3), Sample(off(0)(5), alpha=-2.0)], FINITE),
    row("selu", lambda x: _elu(x, 1.6732632423543772, 1.0507009873554805), shapes(off(0)), FINITE),
    row(
        "celu",
        lambda x, alpha=1.0: _elu(x, alpha, 1, 1 / alpha),
        [*shapes(off(0)), Sample(off(0)(5), 0.3)],
        FINITE,
        bad=[Bad(RuntimeError, "alpha", normal(3), 0.0)],
    ),
    row("gelu", _gelu, shapes(), FINITE, bad=[Bad(RuntimeError, "approximate", normal(3), "erf")]),
    row(
        "gelu tanh",
        lambda x: _gelu(x, "tanh"),
        shapes(),
        FINITE,
        function=lambda x: activation.gelu(x, approximate="tanh"),
    ),
    row("silu", lambda x: x * sigmoid(x), shapes(), FINITE),
    row("mish", lambda x: x * np.tanh(np.logaddexp(x, 0)), shapes(), FINITE),
    row("logsigmoid", lambda x: -np.logaddexp(0, -x), shapes(), FINITE),
    row(
        "softplus",
        _softplus,
        [*shapes(), Sample(normal(4), 2.5), Sample(uniform(-3, 3, 8), 1.0, 1.5)],
        FINITE,
    ),
    row("softsign", lambda x: x / (1 + np.abs(x)), shapes(off(0)), FINITE, whole=True),
    row("tanhshrink", lambda x: x - np.tanh(x), shapes(), FINITE, whole=True),
    row(
        "glu",
        _glu,
        [
            Sample(normal(3, 4)),
            Sample(normal(4, 3), 0),
            Sample(normal(2, 6, 3), dim=1),
            Sample(normal(0, 4)),
            Sample(normal(4)),
        ],
        [Sample(TIES)],
        whole=True,
        bad=[
            Bad(RuntimeError, "even", normal(3, 3)),
            Bad(IndexError, "dim", normal(3, 4), 2),
            Bad(RuntimeError, "single", normal()),
        ],
    ),
]
