"""Rows for the functions of real numbers: exponentials, angles, special functions."""

from __future__ import annotations

import math

import numpy as np
from table import (
    SPECIAL,
    SPECIAL_PAIRS,
    Row,
    Sample,
    between,
    booleans,
    broadcasts,
    integers,
    normal,
    off,
    shapes,
    uniform,
)

import minigrad as mg

nan, inf = math.nan, math.inf
ODD = [Sample(SPECIAL)]
ODD_PAIRS = [Sample(*SPECIAL_PAIRS)]


def to_default(*arrays):
    """Integers as PyTorch's functions of real numbers take them."""
    return [a.astype("float32") if isinstance(a, np.ndarray) and a.dtype.kind != "f" else a for a in arrays]


def real(function):
    """A NumPy function that takes integers as float32."""
    return lambda *arrays: function(*to_default(*arrays))


INTEGERS = [Sample(integers(1, 5, 3, 2)), Sample(integers(1, 5, 4, dtype="int32")), Sample(booleans(3))]


def smooth(name, reference, domain=normal, **options):
    """A row for a function of real numbers, which takes integers too."""
    options.setdefault("edges", [*ODD, *INTEGERS])
    options.setdefault("inplace", True)
    options.setdefault("tolerance", {"float32": (4e-6, 4e-6)})
    return Row(name, getattr(mg, name), real(reference), shapes(domain), **options)


_vlgamma = np.vectorize(lambda x: math.lgamma(x) if x > 0 or x != math.floor(x) else inf, otypes=["f8"])
_verf = np.vectorize(math.erf, otypes=["f8"])
_verfc = np.vectorize(math.erfc, otypes=["f8"])


def _digamma(x):
    """By the recurrence and the asymptotic series, for x > 0."""
    x = np.asarray(x, dtype="f8").copy()
    shift = np.zeros_like(x)
    for _ in range(30):
        shift -= 1 / x
        x += 1
    s = 1 / (x * x)
    return shift + np.log(x) - 0.5 / x - s * (1 / 12 - s * (1 / 120 - s / 252))


ROWS = [
    smooth("exp", np.exp),
    smooth("exp2", np.exp2),
    smooth("expm1", np.expm1),
    smooth("log", np.log, between(0.2, 4)),
    smooth("log1p", np.log1p, between(-0.8, 4)),
    smooth("log2", np.log2, between(0.2, 4)),
    smooth("log10", np.log10, between(0.2, 4)),
    smooth("sigmoid", lambda x: 1 / (1 + np.exp(-x))),
    smooth("sin", np.sin),
    smooth("cos", np.cos),
    smooth("tan", np.tan, between(-1.2, 1.2)),
    smooth("asin", np.arcsin, between(-0.9, 0.9)),
    smooth("acos", np.arccos, between(-0.9, 0.9)),
    smooth("atan", np.arctan),
    smooth("sinh", np.sinh),
    smooth("cosh", np.cosh),
    smooth("tanh", np.tanh),
    smooth("asinh", np.arcsinh),
    smooth("acosh", np.arccosh, between(1.2, 4)),
    smooth("atanh", np.arctanh, between(-0.8, 0.8)),
    smooth("erf", _verf),
    smooth("erfc", _verfc),
    smooth("erfinv", lambda y: _bisect(_verf, y, -4, 4), between(-0.9, 0.9), edges=[], grad_tolerance=1e-4),
    smooth("lgamma", _vlgamma, between(0.3, 5), edges=INTEGERS[:2], grad_tolerance=1e-4),
    smooth("digamma", _digamma, between(0.3, 5), edges=INTEGERS[:2], grad_tolerance=1e-4),
    smooth("sinc", np.sinc, off(0), tolerance={"float16": (2e-2, 2e-2)}),
    smooth("deg2rad", np.deg2rad),
    smooth("sqrt", np.sqrt, between(0.2, 4)),
    smooth("rsqrt", lambda x: 1 / np.sqrt(x), between(0.2, 4)),
    smooth("reciprocal", lambda x: 1 / x, off(0, gap=0.3)),
    Row(
        "rad2deg",
        mg.rad2deg,
        real(np.rad2deg),
        shapes(),
        edges=ODD,
        inplace=True,
        tolerance={"float16": (4e-3, 0.5), "float32": (4e-6, 1e-4)},
    ),
    Row(
        "polygamma",
        lambda x: mg.polygamma(1, x),
        lambda x: _trigamma(x),
        shapes(between(0.4, 5)),
        method=None,
        grad_tolerance=1e-4,
        bad=[],
    ),
    Row(
        "logit",
        mg.logit,
        lambda x, eps=None: _logit(x, eps),
        [*shapes(between(0.1, 0.9)), Sample(uniform(0, 1, 5), 0.2), Sample(uniform(0.3, 0.7, 5), eps=0.25)],
        edges=ODD,
        inplace=True,
        tolerance={"float16": (2e-2, 2e-2)},
    ),
    Row(
        "xlogy",
        mg.xlogy,
        lambda x, y: np.where((x == 0) & ~np.isnan(y), 0.0, x * np.log(y)),
        broadcasts(normal, between(0.2, 3)),
        edges=[Sample(np.array([0.0, 0.0, 1.0]), np.array([0.0, nan, 0.0]))],
        inplace=True,
    ),
    Row("atan2", mg.atan2, np.arctan2, broadcasts(off(0), off(0)), edges=ODD_PAIRS, inplace=True),
    Row("hypot", mg.hypot, np.hypot, broadcasts(off(0), off(0)), edges=ODD_PAIRS, inplace=True),
    Row("logaddexp", mg.logaddexp, np.logaddexp, broadcasts(), edges=ODD_PAIRS),
    Row("logaddexp2", mg.logaddexp2, np.logaddexp2, broadcasts(), edges=ODD_PAIRS),
]


def _bisect(function, y, low, high):
    low, high = np.full_like(y, low), np.full_like(y, high)
    for _ in range(80):
        middle = (low + high) / 2
        below = function(middle) < y
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return low


def _trigamma(x):
    """By the recurrence and the asymptotic series, for x > 0."""
    x = np.asarray(x, dtype="f8").copy()
    total = np.zeros_like(x)
    for _ in range(30):
        total += 1 / (x * x)
        x += 1
    s = 1 / (x * x)
    return total + 1 / x + s / 2 + s / x * (1 / 6 - s * (1 / 30 - s / 42))


def _logit(x, eps):
    if eps is not None:
        x = np.clip(x, eps, 1 - eps)
    return np.log(x / (1 - x))
