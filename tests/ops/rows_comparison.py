"""Rows for comparisons, logic and bits."""

from __future__ import annotations

import math

import numpy as np
from table import (
    MIXED,
    SPECIAL,
    SPECIAL_PAIRS,
    TIES,
    Bad,
    Row,
    Sample,
    booleans,
    broadcasts,
    integers,
    normal,
    shapes,
)

import minigrad as mg

nan, inf = math.nan, math.inf
ODD = [Sample(SPECIAL)]
ODD_PAIRS = [Sample(*SPECIAL_PAIRS)]
PAIRS = [
    *broadcasts(),
    *ODD_PAIRS,
    *MIXED,
    Sample(TIES, TIES),
    Sample(integers(0, 3, 5), integers(0, 3, 5)),
    Sample(booleans(4), booleans(4)),
    Sample(booleans(4), 1),
]
ALONE = [*shapes(), *ODD, Sample(integers(-2, 3, 6)), Sample(booleans(4))]


def test_of(name, reference, samples, **options):
    return Row(name, getattr(mg, name), reference, samples, result="bool", gradient=False, **options)


COMPARISON = [
    *(
        test_of(
            name,
            reference,
            PAIRS,
            bad=[Bad(RuntimeError, "shapes", normal(3), normal(4)), Bad(TypeError, name, normal(3), "x")],
        )
        for name, reference in (
            ("eq", np.equal),
            ("ne", np.not_equal),
            ("lt", np.less),
            ("le", np.less_equal),
            ("gt", np.greater),
            ("ge", np.greater_equal),
        )
    ),
    *(test_of(f"logical_{word}", getattr(np, f"logical_{word}"), PAIRS) for word in ("and", "or", "xor")),
    test_of("logical_not", np.logical_not, ALONE),
    *(test_of(name, getattr(np, name), ALONE) for name in ("isnan", "isinf", "isfinite")),
    test_of("isposinf", lambda x: x == inf, ALONE),
    test_of("isneginf", lambda x: x == -inf, ALONE),
    test_of("signbit", lambda x: np.signbit(x) if x.dtype.kind == "f" else x < 0, ALONE),
    test_of(
        "isclose",
        np.isclose,
        [
            Sample(np.array([1.0, 1.0, 1e-9, inf, nan]), np.array([1.0 + 1e-6, 1.1, 0.0, inf, nan])),
            *broadcasts(),
            Sample(normal(3), normal(3), rtol=0.5, atol=0.2),
            Sample(SPECIAL, SPECIAL, equal_nan=True),
            Sample(integers(0, 3, 5), integers(0, 3, 5)),
        ],
        dtypes=["float64"],
        bad=[
            Bad(RuntimeError, "rtol", normal(3), normal(3), rtol=-1.0),
            Bad(RuntimeError, "dtype", normal(3), integers(0, 3, 3)),
        ],
    ),
    Row(
        "where",
        mg.where,
        np.where,
        [
            Sample(booleans(3, 4), normal(3, 4), normal(4)),
            Sample(booleans(3, 1), normal(4), 0),
            Sample(booleans(3), 1.5, normal(3)),
            Sample(booleans(), normal(), normal(2)),
            Sample(booleans(0), normal(0), normal()),
        ],
        method=None,
        edges=[
            Sample(booleans(3), 1, 2),
            Sample(booleans(3), integers(0, 5, 3), 2),
            Sample(booleans(3), SPECIAL[-3:], 0),
        ],
        bad=[
            Bad(RuntimeError, "condition", normal(3), normal(3), normal(3)),
            Bad(TypeError, "where", booleans(3), normal(3)),
        ],
    ),
]

BIT_PAIRS = [
    Sample(integers(-9, 9, 3, 4), integers(0, 9, 4)),
    Sample(integers(-9, 9, 4), 6),
    Sample(booleans(4), booleans(4)),
    Sample(integers(0, 200, 4, dtype="uint8"), integers(0, 9, 4, dtype="uint8")),
]
BITS = [
    *(
        Row(
            name,
            getattr(mg, name),
            getattr(np, name),
            [],
            edges=BIT_PAIRS,
            gradient=False,
            bad=[Bad(RuntimeError, name, normal(3), normal(3))],
        )
        for name in ("bitwise_and", "bitwise_or", "bitwise_xor")
    ),
    Row(
        "bitwise_not",
        mg.bitwise_not,
        np.invert,
        [],
        edges=[Sample(integers(-9, 9, 4)), Sample(booleans(4))],
        gradient=False,
        bad=[Bad(RuntimeError, "bitwise_not", normal(3))],
    ),
    *(
        Row(
            f"bitwise_{side}_shift",
            getattr(mg, f"bitwise_{side}_shift"),
            getattr(np, f"{side}_shift"),
            [],
            edges=[Sample(integers(-9, 9, 4), integers(0, 5, 4)), Sample(integers(-9, 9, 4), 2)],
            gradient=False,
            bad=[Bad(RuntimeError, "shift", normal(3), 1)],
        )
        for side in ("left", "right")
    ),
]

ROWS = [*COMPARISON, *BITS]
