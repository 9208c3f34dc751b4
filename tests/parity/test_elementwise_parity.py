"""Elementwise operations against PyTorch: values, dtypes, gradients; at ties, zeros, infinities, nan."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

import minigrad as mg
from minigrad.ops import activation

torch = pytest.importorskip("torch")
F = torch.nn.functional

nan, inf = math.nan, math.inf
SPECIAL = [-inf, -3.0, -2.5, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.5, 3.0, 6.0, inf, nan]
DTYPES = ["float32", "float64", "float16", "int64", "int32", "int8", "uint8", "bool"]
WHOLE = [-3, -1, 0, 1, 2, 5]

UNARY = [
    "exp",
    "exp2",
    "expm1",
    "log",
    "log1p",
    "log2",
    "log10",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "sigmoid",
    "erf",
    "erfc",
    "erfinv",
    "lgamma",
    "digamma",
    "sqrt",
    "rsqrt",
    "reciprocal",
    "square",
    "abs",
    "absolute",
    "neg",
    "negative",
    "positive",
    "sign",
    "sgn",
    "floor",
    "ceil",
    "round",
    "trunc",
    "fix",
    "frac",
    "nan_to_num",
    "deg2rad",
    "rad2deg",
    "logit",
    "sinc",
    "isnan",
    "isinf",
    "isfinite",
    "isposinf",
    "isneginf",
    "signbit",
    "logical_not",
    "bitwise_not",
    "relu",
    "arcsin",
    "arccos",
    "arctan",
    "arcsinh",
    "arccosh",
    "arctanh",
]
ACTIVATIONS = [
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "celu",
    "gelu",
    "silu",
    "mish",
    "logsigmoid",
    "softplus",
    "hardtanh",
    "hardsigmoid",
    "hardswish",
    "softsign",
    *("tanhshrink", "softsign"),  # bools
    "softshrink",
    "hardshrink",
]
BINARY = [
    "add",
    "sub",
    "mul",
    "multiply",
    "subtract",
    "div",
    "divide",
    "true_divide",
    "floor_divide",
    "remainder",
    "fmod",
    "pow",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "atan2",
    "arctan2",
    "hypot",
    "xlogy",
    "logaddexp",
    "logaddexp2",
    "copysign",
    "heaviside",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "not_equal",
    "less",
    "less_equal",
    "greater",
    "greater_equal",
    "logical_and",
    "logical_or",
    "logical_xor",
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "bitwise_left_shift",
    "bitwise_right_shift",
    "rsub",
    "clamp_min",
    "clamp_max",
    "float_power",
    "isclose",
]

#: where minigrad computes something sensible and PyTorch has no kernel, or refuses
LENIENT = {
    *("sub", "subtract", "rsub"),  # a bool beside numbers counts as 0 or 1; two bools are refused by both
    *("hypot", "logaddexp", "logaddexp2"),  # integers are computed in the default dtype
    "heaviside",  # dtypes are promoted
    *("clamp_min", "clamp_max"),  # bools
    *("tanhshrink", "softsign"),  # bools
    "xlogy",
}


def at_nan(x):
    return np.isnan(x)


def at_infinity(x):
    return ~np.isfinite(x)


#: where the gradients differ, and why
DIFFERENT_GRADIENTS = {
    "relu": at_nan,  # PyTorch lets the gradient pass at nan; g * (out > 0) is one call less
    "elu": at_nan,
    "selu": at_nan,
    "celu": at_nan,
    "logsigmoid": at_nan,
    "copysign": at_infinity,  # PyTorch divides result by input: nan
    "softsign": at_infinity,  # PyTorch's is composed and gives nan; the limit is 0
    "gelu": at_infinity,  # PyTorch's float32 and float64 differ
    "digamma": lambda x: x == x,  # PyTorch's trigamma is good to 1e-9 only
    "hardsigmoid": lambda x: np.abs(x) < 3,  # PyTorch's 1/6 is a float32 number in float64 too
    "logit": lambda x: x == 0,  # the sign of infinity at -0.0
}


def values(dtype):
    if dtype.startswith("float"):
        return SPECIAL
    if dtype == "bool":
        return [False, True]
    return [v for v in WHOLE if v >= 0 or dtype != "uint8"]


def outcome(function, *args, **keywords):
    """The result, or the exception."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return function(*args, **keywords)
        except Exception as error:
            return error


def skipped(name, numbers):
    """Where not to compare the gradients of an operation."""
    different = DIFFERENT_GRADIENTS.get(name)
    return None if different is None else different(np.asarray(numbers, dtype=float))


def plain(t):
    return t.detach().numpy(force=True) if isinstance(t, (mg.Tensor, torch.Tensor)) else np.asarray(t)


def assert_alike(ours, theirs, words, lenient=False):
    if isinstance(theirs, Exception):
        assert lenient or isinstance(ours, Exception), f"{words}: PyTorch refuses ({theirs}), minigrad gave {ours}"
        return
    assert not isinstance(ours, Exception), f"{words}: {type(ours).__name__}: {ours}, PyTorch gave {theirs}"
    assert str(ours.dtype).split(".")[1] == str(theirs.dtype).split(".")[1], f"{words}: {ours.dtype}, {theirs.dtype}"
    assert tuple(ours.shape) == tuple(theirs.shape), f"{words}: {ours.shape}, {theirs.shape}"
    equal_numbers(ours, theirs, words)


def equal_numbers(ours, theirs, words):
    ours, theirs = plain(ours), plain(theirs)
    if ours.dtype.kind in "biu":
        np.testing.assert_array_equal(ours, theirs, err_msg=words)
        return
    rtol, atol = {"float16": (4e-3, 4e-3), "float32": (4e-6, 1e-6), "float64": (1e-11, 1e-12)}[str(ours.dtype)]
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol, err_msg=words)


def pair(numbers, dtype, requires_grad=False):
    """One tensor of minigrad and its like of PyTorch."""
    return (
        mg.tensor(numbers, dtype=getattr(mg, dtype), requires_grad=requires_grad),
        torch.tensor(numbers, dtype=getattr(torch, dtype), requires_grad=requires_grad),
    )


def gradients(ours, theirs, our_leaves, their_leaves, words, skip=None):
    """The gradients of both sums are equal, but where `skip` is True."""
    if isinstance(theirs, Exception) or not theirs.requires_grad:
        return
    try:
        wanted = torch.autograd.grad(theirs, their_leaves, torch.ones_like(theirs), allow_unused=True)
    except RuntimeError as error:
        if "not implemented" in str(error):  # PyTorch has no gradient; minigrad's is zero
            return
        raise
    found = mg.autograd.grad(ours, our_leaves, mg.ones_like(ours), allow_unused=True)
    for number, (g, w) in enumerate(zip(found, wanted, strict=True)):
        if w is None or getattr(w, "_is_zerotensor", bool)():
            w = torch.zeros_like(their_leaves[number])
        g = plain(mg.zeros_like(our_leaves[number]) if g is None else g)
        keep = np.ones(g.shape, dtype=bool) if skip is None else ~skip
        equal_numbers(g[keep], plain(w)[keep], f"{words}, gradient {number}")


def ours_and_theirs(name):
    if name in ACTIVATIONS:
        return getattr(activation, name), getattr(F, name)
    return getattr(mg, name), getattr(torch, name)


@pytest.mark.parametrize("name", [*UNARY, *ACTIVATIONS])
def test_functions_of_one(name):
    our_function, their_function = ours_and_theirs(name)
    for dtype in DTYPES:
        floating = dtype in ("float32", "float64")
        numbers = [v for v in values(dtype) if name != "gelu" or not math.isinf(v)]  # PyTorch: by dtype
        mine, other = pair(numbers, dtype, requires_grad=floating)
        ours, theirs = outcome(our_function, mine), outcome(their_function, other)
        assert_alike(ours, theirs, f"{name}({dtype})", name in LENIENT)
        if floating and not isinstance(ours, Exception) and ours.requires_grad:
            gradients(ours, theirs, [mine], [other], f"{name}({dtype})", skipped(name, numbers))


@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two(name):
    our_function, their_function = ours_and_theirs(name)
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
    "add",
    "sub",
    "mul",
    "div",
    "floor_divide",
    "remainder",
    "fmod",
    "pow",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "clamp_min",
    "clamp_max",
    "xlogy",
    "copysign",
    "rsub",
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
]


#: -inf ** 0.5 in float16 is no square root for PyTorch; uint8 ** -1 wraps around to 255 in minigrad
ODD_POWERS = [("float16", 0.5), ("uint8", -1)]


@pytest.mark.parametrize("name", WITH_NUMBERS)
def test_functions_of_a_tensor_and_a_number(name):
    our_function, their_function = ours_and_theirs(name)
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


def second_order(library, function, numbers, dtype):
    leaf = library.tensor(numbers, dtype=dtype, requires_grad=True)
    (first,) = library.autograd.grad(function(leaf), leaf, library.ones_like(leaf), create_graph=True)
    if not first.requires_grad:
        return np.zeros(len(numbers))
    (second,) = library.autograd.grad(first, leaf, library.ones_like(leaf), allow_unused=True)
    return np.zeros(len(numbers)) if second is None else plain(second)


@pytest.mark.parametrize(
    "name",
    [
        n
        for n in (*UNARY, *ACTIVATIONS)
        if n not in ("sgn", "sinc", "positive", "hardsigmoid") and "is" not in n and "bit" not in n and "not" not in n
    ],
)
def test_second_derivatives(name):
    our_function, their_function = ours_and_theirs(name)
    numbers = [1.3, 2.7, 1.9] if name in ("acosh", "arccosh") else [-0.7, -0.2, 0.3, 0.6]
    if name in ("log", "log1p", "log2", "log10", "sqrt", "rsqrt", "lgamma", "digamma", "logit"):
        numbers = [0.2, 0.3, 0.7]
    ours = second_order(mg, our_function, numbers, mg.float64)
    theirs = second_order(torch, their_function, numbers, torch.float64)
    np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-9)
