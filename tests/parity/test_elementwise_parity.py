"""Elementwise operations against PyTorch: values, dtypes, gradients; at ties, zeros, infinities, nan."""

from __future__ import annotations

import math

import numpy as np
import pytest

import minigrad as mg

torch = pytest.importorskip("torch")

from alike import DTYPES, assert_alike, at_infinity, at_nan, gradients, outcome, pair, second_order, values  # noqa: E402

nan, inf = math.nan, math.inf

UNARY = [
    "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "asin", "acos", "atan",
    "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "sigmoid", "erf", "erfc", "erfinv", "lgamma",
    "digamma", "sqrt", "rsqrt", "reciprocal", "square", "abs", "absolute", "neg", "negative", "positive",
    "sign", "sgn", "floor", "ceil", "round", "trunc", "fix", "frac", "nan_to_num", "deg2rad", "rad2deg",
    "logit", "sinc", "isnan", "isinf", "isfinite", "isposinf", "isneginf", "signbit", "logical_not",
    "bitwise_not", "relu", "arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh",
]  # fmt: skip
BINARY = [
    "add", "sub", "mul", "multiply", "subtract", "div", "divide", "true_divide", "floor_divide",
    "remainder", "fmod", "pow", "maximum", "minimum", "fmax", "fmin", "atan2", "arctan2", "hypot", "xlogy",
    "logaddexp", "logaddexp2", "copysign", "heaviside", "eq", "ne", "lt", "le", "gt", "ge", "not_equal",
    "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or", "logical_xor",
    "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift", "rsub",
    "clamp_min", "clamp_max", "float_power", "isclose",
]  # fmt: skip

#: where minigrad computes something sensible and PyTorch has no kernel, or refuses
LENIENT = {
    *("sub", "subtract", "rsub"),  # a bool beside numbers counts as 0 or 1; two bools are refused by both
    *("hypot", "logaddexp", "logaddexp2"),  # integers are computed in the default dtype
    "heaviside",  # dtypes are promoted
    *("clamp_min", "clamp_max"),  # bools
    "xlogy",
}


#: where the gradients differ, and why
DIFFERENT_GRADIENTS = {
    "relu": at_nan,  # PyTorch lets the gradient pass at nan; g * (out > 0) is one call less
    "copysign": at_infinity,  # PyTorch divides result by input: nan
    "digamma": lambda x: x == x,  # PyTorch's trigamma is good to 1e-9 only
    "logit": lambda x: x == 0,  # the sign of infinity at -0.0
}


def skipped(name, numbers):
    """Where not to compare the gradients of an operation."""
    different = DIFFERENT_GRADIENTS.get(name)
    return None if different is None else different(np.asarray(numbers, dtype=float))


@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one(name):
    our_function, their_function = getattr(mg, name), getattr(torch, name)
    for dtype in DTYPES:
        floating = dtype in ("float32", "float64")
        numbers = values(dtype)
        mine, other = pair(numbers, dtype, requires_grad=floating)
        ours, theirs = outcome(our_function, mine), outcome(their_function, other)
        assert_alike(ours, theirs, f"{name}({dtype})", name in LENIENT)
        if floating and not isinstance(ours, Exception) and ours.requires_grad:
            gradients(ours, theirs, [mine], [other], f"{name}({dtype})", skipped(name, numbers))


@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two(name):
    our_function, their_function = getattr(mg, name), getattr(torch, name)
    for first in DTYPES:
        for second in DTYPES:
            a, b = (np.array(side) for side in np.meshgrid(values(first), values(second)))
            if "shift" in name or (name in ("floor_divide", "remainder", "fmod") and "float" not in first + second):
                a, b = a[b > 0], b[b > 0]  # by zero and by negative numbers: tested on their own
            both = {first, second}
            smooth = both <= {"float32", "float64"}
            mine, other = pair(a.ravel().tolist(), first, smooth)
            my_second, other_second = pair(b.ravel().tolist(), second, smooth)
            words = f"{name}({first}, {second})"
            ours, theirs = (
                outcome(our_function, mine, my_second),
                outcome(their_function, other, other_second),
            )
            if name == "isclose" and first == second == "bool":
                continue
            assert_alike(ours, theirs, words, name in LENIENT)
            if smooth and not isinstance(ours, Exception) and ours.requires_grad:
                skip = skipped(name, a.ravel())
                gradients(ours, theirs, [mine, my_second], [other, other_second], words, skip)


WITH_NUMBERS = [
    "add", "sub", "mul", "div", "floor_divide", "remainder", "fmod", "pow", "eq", "ne", "lt", "le", "gt",
    "ge", "clamp_min", "clamp_max", "xlogy", "copysign", "rsub", "bitwise_and", "bitwise_or", "bitwise_xor",
]  # fmt: skip


#: -inf ** 0.5 in float16 is no square root for PyTorch; uint8 ** -1 wraps around to 255 in minigrad
ODD_POWERS = [("float16", 0.5), ("uint8", -1)]


@pytest.mark.parametrize("name", WITH_NUMBERS)
def test_functions_of_a_tensor_and_a_number(name):
    our_function, their_function = getattr(mg, name), getattr(torch, name)
    for dtype in DTYPES:
        for number in (0, 1, 2, 3, -1, 0.5, -2.5, 2.0, True, inf, nan):
            if name in ("floor_divide", "remainder", "fmod") and (
                number is True or (number == 0 and "float" not in dtype)
            ):
                continue
            if name == "pow" and (number is True or (dtype, number) in ODD_POWERS):
                continue
            if name == "xlogy" and number != number:
                continue
            floating = dtype in ("float32", "float64")
            mine, other = pair(values(dtype), dtype, requires_grad=floating)
            words = f"{name}({dtype}, {number})"
            ours, theirs = outcome(our_function, mine, number), outcome(their_function, other, number)
            assert_alike(ours, theirs, words, name in LENIENT)
            if floating and not isinstance(ours, Exception) and ours.requires_grad:
                gradients(ours, theirs, [mine], [other], words, skipped(name, values(dtype)))


@pytest.mark.parametrize(
    "text", ["2 - t", "2.5 / t", "2 ** t", "0.5 ** t", "7 // t", "7 % t", "7.5 // t", "-t", "abs(t)"]
)
def test_numbers_on_the_left(text):
    for dtype in DTYPES:
        numbers = [v for v in values(dtype) if v] if "//" in text or "%" in text else values(dtype)
        floating = dtype in ("float32", "float64")
        mine, other = pair(numbers, dtype, requires_grad=floating)
        ours, theirs = (outcome(eval, text, {"t": t}) for t in (mine, other))
        assert_alike(ours, theirs, f"{text}, {dtype}", lenient="-" in text)
        if floating and ours.requires_grad:
            gradients(ours, theirs, [mine], [other], f"{text}, {dtype}")


VARIANTS = [
    (lambda m, t: m.add(t, t, alpha=2), "add alpha"),
    (lambda m, t: m.sub(t, 3, alpha=0.5), "sub alpha"),
    (lambda m, t: m.div(t, 2, rounding_mode="trunc"), "div trunc"),
    (lambda m, t: m.div(t, -2, rounding_mode="floor"), "div floor"),
    (lambda m, t: m.div(t, 1.5, rounding_mode="trunc"), "div trunc by a fraction"),
    (lambda m, t: m.round(t, decimals=1), "round decimals=1"),
    (lambda m, t: m.round(t * 10, decimals=-1), "round decimals=-1"),
    (lambda m, t: m.clamp(t, -1, 1), "clamp"),
    (lambda m, t: m.clamp(t, 1, -1), "clamp upside down"),
    (lambda m, t: m.clamp(t, min=0.5), "clamp min"),
    (lambda m, t: m.clamp(t, max=2), "clamp max"),
    (lambda m, t: m.clamp(t, -inf, 2.5), "clamp to infinity"),
    (lambda m, t: m.nan_to_num(t, 1.0, 2.0, -3.0), "nan_to_num"),
    (lambda m, t: m.nan_to_num(t, posinf=7.0), "nan_to_num posinf"),
    (lambda m, t: m.logit(t, 0.2), "logit eps"),
    (lambda m, t: m.where(t > 0, t, 2), "where with a number"),
    (lambda m, t: m.where(t > 0, 2.5, t), "where with a number first"),
    (lambda m, t: m.where(t > 0, 1, 0), "where with two numbers"),
    (lambda m, t: m.where(t > 0, 1.0, 0), "where with two numbers of two kinds"),
    (lambda m, t: m.addcmul(t, t, t), "addcmul"),
    (lambda m, t: m.polygamma(2, m.clamp(m.abs(t), max=8) + 0.5), "polygamma"),
]
FLOAT_VARIANTS = [
    (lambda m, t: m.lerp(t, t * 2, 0.3), "lerp low"),
    (lambda m, t: m.lerp(t, t * 2, 0.7), "lerp high"),
    (lambda m, t: m.addcmul(t, t, t, value=-0.5), "addcmul value"),
    (lambda m, t: m.addcdiv(t, t, t + 1, value=-0.5), "addcdiv value"),
    (lambda m, t: m.isclose(t, t * 1.01, rtol=0.1), "isclose rtol"),
    (lambda m, t: m.isclose(t, t, equal_nan=True), "isclose equal_nan"),
]


@pytest.mark.parametrize(
    ("function", "words"), [*VARIANTS, *FLOAT_VARIANTS], ids=lambda v: v if isinstance(v, str) else ""
)
def test_keywords(function, words):
    for dtype in ("float32", "float64") if (function, words) in FLOAT_VARIANTS else DTYPES:
        floating = dtype in ("float32", "float64")
        mine, other = pair(values(dtype), dtype, requires_grad=floating)
        ours, theirs = outcome(function, mg, mine), outcome(function, torch, other)
        assert_alike(ours, theirs, f"{words}, {dtype}", lenient=dtype == "bool")
        if floating and ours.requires_grad:
            gradients(ours, theirs, [mine], [other], f"{words}, {dtype}")


@pytest.mark.parametrize("name", ["mul", "add", "div", "maximum", "eq", "pow", "where"])
def test_promotion_with_single_numbers(name):
    """0-d tensors count less than others, and Python numbers less than those."""
    for first in DTYPES:
        for second in DTYPES:
            for shape in ((2,), ()):
                (a, x), (b, y) = pair([1, 0], first), pair(np.ones(shape).tolist(), second)
                if name == "where":
                    ours, theirs = outcome(mg.where, a == a, a, b), outcome(torch.where, x == x, x, y)
                else:
                    ours, theirs = outcome(getattr(mg, name), b, a), outcome(getattr(torch, name), y, x)
                assert_alike(ours, theirs, f"{name}({second}{shape}, {first})")


@pytest.mark.parametrize(
    "name",
    [n for n in UNARY if n not in ("sgn", "sinc", "positive") and "is" not in n and "bit" not in n and "not" not in n],
)
def test_second_derivatives(name):
    our_function, their_function = getattr(mg, name), getattr(torch, name)
    numbers = [1.3, 2.7, 1.9] if name in ("acosh", "arccosh") else [-0.7, -0.2, 0.3, 0.6]
    if name in ("log", "log1p", "log2", "log10", "sqrt", "rsqrt", "lgamma", "digamma", "logit"):
        numbers = [0.2, 0.3, 0.7]
    ours = second_order(mg, our_function, numbers, mg.float64)
    theirs = second_order(torch, their_function, numbers, torch.float64)
    np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-9)
