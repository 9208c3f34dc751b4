"""Rows for arithmetic, division, limits and rounding."""

from __future__ import annotations

import numpy as np
from table import (
    MIXED,
    SPECIAL,
    SPECIAL_PAIRS,
    TIES,
    Bad,
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

ODD = [Sample(SPECIAL)]
ODD_PAIRS = [Sample(*SPECIAL_PAIRS)]
NUMBERS = [Sample(normal(3, 2, away=(0,)), 1.7), Sample(normal(3, 2, away=(0,)), 2)]
NUMBERS_FIRST = [Sample(2.5, normal(3, away=(0,))), Sample(3, normal(3, away=(0,)))]


def to_default(*arrays):
    """Integers as PyTorch's functions of real numbers take them."""
    return [a.astype("float32") if isinstance(a, np.ndarray) and a.dtype.kind != "f" else a for a in arrays]


def real(function):
    """A NumPy function that takes integers as float32."""
    return lambda *arrays: function(*to_default(*arrays))


def alpha_of(function):
    return lambda x, y, alpha=1: function(x, y if alpha == 1 else alpha * y)


ARITHMETIC = [
    Row(
        "add",
        mg.add,
        alpha_of(np.add),
        [*broadcasts(), *broadcasts(alpha=-2.5)[:2], *NUMBERS, Sample(normal(3), 2, alpha=0.5)],
        edges=[
            *MIXED,
            *ODD_PAIRS,
            Sample(booleans(4), booleans(4)),
            Sample(integers(0, 9, 3), integers(0, 9, 3), alpha=2),
        ],
        inplace=True,
        bad=[
            Bad(RuntimeError, "alpha", integers(0, 5, 3), integers(0, 5, 3), alpha=0.5),
            Bad(RuntimeError, "add.*shapes", normal(3), normal(4)),
            Bad(TypeError, "add", normal(3), "text"),
            Bad(TypeError, "add", normal(3), None),
            Bad(TypeError, "add", 2, 3),
        ],
    ),
    Row("radd", lambda x, y: y + x, lambda x, y: y + x, NUMBERS_FIRST, method=None),
    Row(
        "sub",
        mg.sub,
        alpha_of(np.subtract),
        [*broadcasts(), *broadcasts(alpha=-2.5)[:2], *NUMBERS, Sample(normal(3), 2, alpha=0.5)],
        edges=[*MIXED, *ODD_PAIRS],
        inplace=True,
        bad=[
            Bad(RuntimeError, "sub.*bool", booleans(3), booleans(3)),
            Bad(RuntimeError, "shapes", normal(3), normal(4)),
        ],
    ),
    Row(
        "rsub",
        mg.rsub,
        lambda x, y, alpha=1: y - alpha * x,
        [*broadcasts(alpha=2), *NUMBERS],
        edges=MIXED,
        method=None,
    ),
    Row("minus", lambda x, y: x - y, np.subtract, [*broadcasts()[:2], *NUMBERS_FIRST], method=None),
    Row(
        "mul",
        mg.mul,
        np.multiply,
        [*broadcasts(), *NUMBERS],
        edges=[*MIXED, *ODD_PAIRS, Sample(booleans(4), booleans(4))],
        inplace=True,
        bad=[Bad(RuntimeError, "mul.*shapes", normal(3), normal(4))],
    ),
    Row(
        "div",
        mg.div,
        real(np.true_divide),
        [*broadcasts(normal, off(0, gap=0.3)), *NUMBERS],
        edges=[*MIXED, *ODD_PAIRS],
        inplace=True,
        bad=[Bad(RuntimeError, "rounding", normal(3), 2, rounding_mode="up")],
        tolerance={"float16": (1e-2, 1e-2), "float32": (3e-6, 3e-6)},
    ),
    Row(
        "over",
        lambda x, y: x / y,
        np.true_divide,
        [*broadcasts(off(0), off(0, gap=0.3))[:2], *NUMBERS_FIRST],
        method=None,
    ),
    Row(
        "div floor",
        lambda x, y: mg.div(x, y, rounding_mode="floor"),
        np.floor_divide,
        [Sample(normal(3, 4), off(0, gap=0.3)(4))],
        edges=MIXED,
        method=None,
        dtypes=["float64"],
    ),
    Row(
        "div trunc",
        lambda x, y: mg.div(x, y, rounding_mode="trunc"),
        lambda x, y: np.trunc(x / y),
        [Sample(normal(3, 4), off(0, gap=0.3)(4))],
        edges=MIXED,
        method=None,
        dtypes=["float64"],
    ),
    Row(
        "floor_divide",
        mg.floor_divide,
        np.floor_divide,
        [Sample(normal(3, 4), off(0, gap=0.3)(4))],
        inplace=True,
        edges=[*MIXED, *ODD_PAIRS],
        dtypes=["float64"],
        bad=[
            Bad(RuntimeError, "ZeroDivisionError", integers(1, 5, 3), 0),
            Bad(RuntimeError, "ZeroDivisionError", integers(1, 5, 3), np.array([1, 0, 2])),
            Bad(RuntimeError, "bool", booleans(3), booleans(3)),
        ],
    ),
    Row(
        "remainder",
        mg.remainder,
        np.remainder,
        [Sample(normal(3, 4), off(0, gap=0.3)(4)), *NUMBERS, *NUMBERS_FIRST],
        edges=MIXED,
        inplace=True,
        dtypes=["float64"],
        bad=[Bad(RuntimeError, "ZeroDivisionError", integers(1, 5, 3), 0)],
    ),
    Row(
        "fmod",
        mg.fmod,
        np.fmod,
        [Sample(normal(3, 4), off(0, gap=0.3)(4)), *NUMBERS],
        edges=MIXED,
        inplace=True,
        dtypes=["float64"],
        bad=[Bad(RuntimeError, "ZeroDivisionError", integers(1, 5, 3), 0)],
    ),
    Row(
        "neg",
        mg.neg,
        np.negative,
        shapes(),
        edges=[*ODD, Sample(integers(-5, 6, 3))],
        inplace=True,
        bad=[Bad(RuntimeError, "neg.*bool", booleans(3))],
    ),
    Row(
        "positive",
        mg.positive,
        np.positive,
        shapes(),
        edges=ODD,
        bad=[Bad(RuntimeError, "bool", booleans(3))],
    ),
    Row(
        "pow",
        mg.pow,
        np.power,
        [
            *broadcasts(between(0.3, 2), normal),
            *(Sample(normal(3, 2, away=(0,), gap=0.3), n) for n in (0, 1, 2, 3, 4, -1, -2, 2.0)),
            Sample(uniform(0.3, 2, 5), 0.5),
            Sample(uniform(0.3, 2, 5), 1.7),
            Sample(2, normal(4)),
            Sample(0.5, normal(4)),
        ],
        edges=[
            *ODD_PAIRS,
            Sample(SPECIAL, 0),
            Sample(SPECIAL, 3),
            Sample(integers(-4, 5, 6), 3),
            Sample(integers(-4, 5, 6), integers(0, 5, 6)),
            Sample(2, integers(0, 5, 3)),
            Sample(integers(0, 4, 3), 0.5),
        ],
        inplace=True,
        grad_tolerance=1e-4,
        tolerance={"float16": (2e-2, 2e-2), "float32": (1e-5, 1e-5)},
        bad=[
            Bad(RuntimeError, "negative", integers(1, 5, 3), -1),
            Bad(RuntimeError, "bool", booleans(3), booleans(3)),
            Bad(TypeError, "pow", 2, 3),
        ],
    ),
    Row(
        "float_power",
        mg.float_power,
        lambda x, y: np.float_power(x, y),
        [Sample(uniform(0.3, 2, 5), 3), Sample(2, normal(4))],
        edges=[Sample(integers(1, 5, 3), -1)],
        result="float64",
        dtypes=["float64"],
    ),
    Row("square", mg.square, np.square, shapes(), edges=[*ODD, Sample(integers(-5, 6, 3))], inplace=True),
    Row(
        "abs",
        mg.abs,
        np.abs,
        shapes(off(0)),
        edges=[*ODD, Sample(integers(-5, 6, 3))],
        inplace=True,
        bad=[Bad(RuntimeError, "abs.*bool", booleans(3))],
    ),
    Row(
        "sign",
        mg.sign,
        lambda x: np.nan_to_num(np.sign(x)),
        shapes(off(0)),
        edges=[*ODD, Sample(integers(-2, 3, 6))],
        inplace=True,
    ),
    Row(
        "copysign",
        mg.copysign,
        real(np.copysign),
        broadcasts(off(0), off(0)),
        edges=[Sample(integers(-2, 3, 6), -1.0)],
        inplace=True,
    ),
    Row(
        "lerp",
        mg.lerp,
        lambda x, y, w: x + w * (y - x),
        [
            Sample(normal(3, 4), normal(4), normal(3, 1)),
            *(Sample(normal(3), normal(3), w) for w in (0.3, 0.7, 1.0)),
        ],
        inplace=True,
        bad=[Bad(RuntimeError, "lerp", integers(0, 5, 3), integers(0, 5, 3), 1)],
    ),
    Row(
        "addcmul",
        mg.addcmul,
        lambda x, a, b, value=1: x + value * a * b,
        [Sample(normal(3, 4), normal(4), normal(3, 1)), Sample(normal(3), normal(3), normal(3), value=-2.5)],
        edges=[Sample(integers(0, 5, 3), integers(0, 5, 3), integers(0, 5, 3))],
        inplace=True,
    ),
    Row(
        "addcdiv",
        mg.addcdiv,
        lambda x, a, b, value=1: x + value * a / b,
        [
            Sample(normal(3, 4), normal(4), off(0, gap=0.3)(3, 1)),
            Sample(normal(3), normal(3), off(0, gap=0.3)(3), value=-2.5),
        ],
        inplace=True,
        tolerance={"float16": (3e-2, 3e-2), "float32": (6e-6, 6e-6)},
    ),
]

LIMITS = [
    *(
        Row(
            name,
            getattr(mg, name),
            getattr(np, name),
            broadcasts(),
            edges=[*ODD_PAIRS, *MIXED[:3], Sample(TIES, TIES)],
        )
        for name in ("maximum", "minimum", "fmax", "fmin")
    ),
    Row(
        "clamp",
        mg.clamp,
        lambda x, min=None, max=None: np.clip(x, min, max),
        [
            *shapes(off(-0.5, 0.8), min=-0.5, max=0.8),
            *shapes(off(-0.5), min=-0.5)[:1],
            *shapes(off(0.8), max=0.8)[:1],
            Sample(normal(3, 4), normal(4), normal(3, 1)),
            Sample(normal(3, 4), max=normal(4)),
        ],
        edges=[Sample(SPECIAL, -1, 1), Sample(SPECIAL, 1, -1), Sample(integers(-5, 6, 5), -2, 2)],
        inplace=True,
        bad=[Bad(RuntimeError, "clamp", normal(3))],
    ),
    Row(
        "clamp_min",
        mg.clamp_min,
        lambda x, min: np.maximum(x, min),
        [*shapes(off(0.2), min=0.2), *broadcasts()],
        edges=[Sample(SPECIAL, 0)],
        inplace=True,
    ),
    Row(
        "clamp_max",
        mg.clamp_max,
        lambda x, max: np.minimum(x, max),
        [*shapes(off(0.2), max=0.2), *broadcasts()],
        edges=[Sample(SPECIAL, 0)],
        inplace=True,
    ),
]

HALVES = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])
STEPS = tuple(np.arange(-4, 5) / 2)  # floor, ceil and round jump there
ROUNDING = [
    *(
        Row(
            name,
            getattr(mg, name),
            reference,
            shapes(off(*STEPS, gap=0.02)),
            inplace=True,
            edges=[*ODD, Sample(HALVES), Sample(integers(-5, 6, 4))],
            bad=[Bad(RuntimeError, name, booleans(3))],
        )
        for name, reference in (("floor", np.floor), ("ceil", np.ceil), ("trunc", np.trunc))
    ),
    Row(
        "round",
        mg.round,
        lambda x, decimals=0: np.round(x, decimals),
        [
            *shapes(off(*STEPS, gap=0.02)),
            Sample(np.array([1.234, -5.678]), decimals=1),
            Sample(np.array([1234.5, -876.5]), decimals=-2),
        ],
        edges=[*ODD, Sample(HALVES), Sample(integers(-5, 6, 4))],
        inplace=True,
        bad=[Bad(RuntimeError, "round", integers(0, 5, 3), decimals=1)],
    ),
    Row(
        "frac",
        mg.frac,
        lambda x: x - np.trunc(x),
        shapes(off(*STEPS, gap=0.02)),
        edges=ODD,
        inplace=True,
        bad=[Bad(RuntimeError, "frac", integers(0, 5, 3))],
    ),
    Row(
        "nan_to_num",
        mg.nan_to_num,
        lambda x, nan=0.0, posinf=None, neginf=None: np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf),
        shapes(),
        edges=[*ODD, Sample(SPECIAL, 1.0, 2.0, -3.0), Sample(SPECIAL, posinf=7.0), Sample(integers(0, 5, 3))],
        inplace=True,
    ),
    Row(
        "heaviside",
        mg.heaviside,
        lambda x, v: np.where(x == 0, v, x > 0),
        broadcasts(off(0)),
        edges=[*ODD_PAIRS, Sample(TIES, TIES + 3)],
        inplace=True,
    ),
]

ROWS = [*ARITHMETIC, *LIMITS, *ROUNDING]
