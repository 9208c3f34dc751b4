"""Activation functions against PyTorch: values, dtypes, gradients, errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad.ops import activation

torch = pytest.importorskip("torch")
F = torch.nn.functional

from alike import (  # noqa: E402
    DTYPES,
    SPECIAL,
    assert_alike,
    at_infinity,
    at_nan,
    gradients,
    outcome,
    pair,
    second_order,
    values,
)  # fmt: skip

ACTIVATIONS = [
    "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "logsigmoid", "softplus",
    "hardtanh", "hardsigmoid", "hardswish", "softsign", "tanhshrink", "softsign", "softshrink",
    "hardshrink",
]  # fmt: skip
#: where minigrad computes something sensible and PyTorch refuses: bools
LENIENT = {"tanhshrink", "softsign"}
#: where the gradients differ, and why
DIFFERENT_GRADIENTS = {
    "elu": at_nan,
    "selu": at_nan,
    "celu": at_nan,
    "logsigmoid": at_nan,
    "softsign": at_infinity,  # PyTorch's is composed and gives nan; the limit is 0
    "gelu": at_infinity,  # PyTorch's float32 and float64 differ
    "hardsigmoid": lambda x: np.abs(x) < 3,  # PyTorch's 1/6 is a float32 number in float64 too
}


def skipped(name, numbers):
    """Where not to compare the gradients of an operation."""
    different = DIFFERENT_GRADIENTS.get(name)
    return None if different is None else different(np.asarray(numbers, dtype=float))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name):
    for dtype in DTYPES:
        floating = dtype in ("float32", "float64")
        numbers = [v for v in values(dtype) if name != "gelu" or not math.isinf(v)]  # PyTorch: by dtype
        mine, other = pair(numbers, dtype, requires_grad=floating)
        ours, theirs = outcome(getattr(activation, name), mine), outcome(getattr(F, name), other)
        assert_alike(ours, theirs, f"{name}({dtype})", name in LENIENT)
        if floating:
            gradients(ours, theirs, [mine], [other], f"{name}({dtype})", skipped(name, numbers))


ACTIVATION_VARIANTS = [
    ("leaky_relu", (0.3,), {}),
    ("leaky_relu", (), {"negative_slope": -2.0}),
    ("elu", (0.3,), {}),
    ("elu", (), {"alpha": -1.0}),
    ("celu", (0.5,), {}),
    ("celu", (0.0,), {}),
    ("gelu", (), {"approximate": "tanh"}),
    ("gelu", (), {"approximate": "x"}),
    ("softplus", (2.0,), {}),
    ("softplus", (), {"beta": 0.5, "threshold": 1.0}),
    ("hardtanh", (-0.5, 2.5), {}),
    ("hardtanh", (1.0, -1.0), {}),
    ("softshrink", (1.0,), {}),
    ("softshrink", (-1.0,), {}),
    ("hardshrink", (1.0,), {}),
    ("threshold", (0.5, 7.0), {}),
    ("rrelu", (), {}),
    ("rrelu", (0.5, 0.2), {}),
    ("glu", (), {}),
    ("glu", (1,), {}),
]


@pytest.mark.parametrize(("name", "args", "keywords"), ACTIVATION_VARIANTS)
def test_activations_with_arguments(name, args, keywords):
    for dtype in ("float32", "float64"):
        mine, other = pair(SPECIAL, dtype, requires_grad=True)
        words = f"{name}({dtype}, {args}, {keywords})"
        ours = outcome(getattr(activation, name), mine, *args, **keywords)
        theirs = outcome(getattr(F, name), other, *args, **keywords)
        assert_alike(ours, theirs, words)
        if not isinstance(ours, Exception):
            gradients(ours, theirs, [mine], [other], words, skipped(name, SPECIAL))


@pytest.mark.parametrize(
    ("shape", "count"), [((5,), 1), ((3, 4), 4), ((2, 3, 2), 3), ((2, 3, 2), 1), ((3, 4), 3), ((), 1)]
)
def test_prelu(shape, count):
    random = np.random.default_rng(0)
    mine, other = pair(random.standard_normal(shape).tolist(), "float64", True)
    my_weight, other_weight = pair(random.standard_normal(count).tolist(), "float64", True)
    ours, theirs = outcome(activation.prelu, mine, my_weight), outcome(F.prelu, other, other_weight)
    assert_alike(ours, theirs, "prelu")
    if not isinstance(ours, Exception):
        gradients(ours, theirs, [mine, my_weight], [other, other_weight], "prelu")


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name != "hardsigmoid"])  # PyTorch has none
def test_second_derivatives(name):
    numbers = [-0.7, -0.2, 0.3, 0.6]
    ours = second_order(mg, getattr(activation, name), numbers, mg.float64)
    theirs = second_order(torch, getattr(F, name), numbers, torch.float64)
    np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-9)
