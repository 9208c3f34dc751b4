"""The text of tensors equals PyTorch's, over hundreds of random arrays, shapes, magnitudes and options."""

import math
import random

import numpy as np
import pytest

from minigrad._tensor.printing import format_tensor, printoptions

torch = pytest.importorskip("torch")

FLOATS = ["float16", "float32", "float64"]
DTYPES = [*FLOATS, "int8", "int16", "int32", "int64", "uint8", "bool"]
SHAPES = [(), (0,), (1,), (2,), (7,), (8,), (9,), (13,), (60,), (1000,), (1001,), (3, 0), (0, 4), (1, 1),
          (2, 3), (5, 17), (3, 100), (2, 2000), (2000, 2), (40, 40), (2, 3, 4), (1, 1, 1), (2, 0, 3),
          (3, 7, 60), (20, 10, 8), (2, 1, 3, 2), (7, 7, 7, 7), (2, 2, 2, 2, 2)]  # fmt: skip
FLOAT_KINDS = ["normal", "small", "large", "spread", "whole", "whole_spread", "zeros", "nonfinite", "halves",
               "whole_nonfinite", "edge", "limits"]  # fmt: skip


def sample(rng, dtype, shape, kind):
    """An array whose values of the named kind meet one of the rules of formatting."""
    if dtype == "bool":
        return np.asarray(rng.random(shape) < 0.5)
    if dtype not in FLOATS:
        limits = np.iinfo(dtype)
        if kind in ("large", "limits"):
            return rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
        return rng.integers(0 if dtype == "uint8" else -min(limits.max, 120), 120, shape).astype(dtype)
    normal = rng.standard_normal(shape)
    tail = rng.random(shape)
    values = {
        "normal": normal,
        "small": normal * 10.0 ** rng.integers(-12, 0),
        "large": normal * 10.0 ** rng.integers(0, 12),
        "spread": normal * 10.0 ** rng.integers(-4, 4, shape),
        "whole": np.round(normal * 10.0 ** rng.integers(0, 4)),
        "whole_spread": np.round(normal * 10.0 ** rng.integers(0, 10, shape)),
        "zeros": np.where(tail < 0.5, 0.0, -0.0),
        "nonfinite": np.select([tail < 0.1, tail < 0.2, tail < 0.3], [np.nan, np.inf, -np.inf], normal),
        "halves": np.round(normal * 4) / 2,
        "whole_nonfinite": np.select([tail < 0.3, tail < 0.6], [np.nan, -np.inf], np.round(normal * 5)),
        "edge": rng.choice([1e-4, 1e-3, 1.0, 1e3, 1001.0, 1e8, 0.5, 99999999.5, 0.00011, -1e-4, 0.0], shape),
        "limits": rng.choice([np.finfo(dtype).max, np.finfo(dtype).tiny, -np.finfo(dtype).max], shape),
    }[kind]
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(values).astype(dtype)


def reference(array, requires_grad=False):
    tensor = torch.from_numpy(array.copy()).requires_grad_(requires_grad)
    return repr(tensor).replace("torch.", "minigrad.")


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_values(dtype, shape):
    rng = np.random.default_rng(len(shape) * 100 + math.prod(shape))
    for kind in FLOAT_KINDS if dtype in FLOATS else ["normal", "large"]:
        for _ in range(3):
            array = sample(rng, dtype, shape, kind)
            assert format_tensor(array) == reference(array), kind


@pytest.mark.parametrize("dtype", FLOATS)
def test_gradient_suffixes_wrap_where_torch_wraps(dtype):
    rng = np.random.default_rng(0)
    for length in range(1, 30):
        for shape in [(length,), (2, length)]:
            for digits in (0, 1, 2):
                whole = np.round(rng.standard_normal(shape) * 10) * 10**digits
                array = (whole if digits % 2 else whole / 2).astype(dtype)
                assert format_tensor(array, requires_grad=True) == reference(array, requires_grad=True)
                leaf = torch.from_numpy(array).requires_grad_()
                for result in (leaf.clone(), leaf * 1, leaf.reshape(*shape, 1)):
                    name = type(result.grad_fn).__name__
                    text = format_tensor(result.detach().numpy(), requires_grad=True, grad_fn_name=name)
                    assert text == repr(result).replace("torch.", "minigrad.")


def test_empty_leaf_and_scalar():
    for array in (np.zeros((0, 3), "float32"), np.array(2.0), np.zeros(0, "float64")):
        assert format_tensor(array, requires_grad=True) == reference(array, requires_grad=True)


def test_parameter():
    array = np.random.default_rng(0).standard_normal((3, 9)).astype("float32")
    expected = repr(torch.nn.Parameter(torch.from_numpy(array)))
    assert format_tensor(array, prefix="Parameter containing:\ntensor(", requires_grad=True) == expected


def test_device_comes_first_in_the_suffixes():
    meta = repr(torch.zeros(0, 3, device="meta", dtype=torch.float64))
    text = format_tensor(np.zeros((0, 3)), device="meta")
    assert text.replace("[]", "...") == meta.replace("torch.", "minigrad.")


@pytest.mark.parametrize("default", ["float32", "float64", "float16"])
def test_default_dtype(default):
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, default))
    try:
        for dtype in DTYPES:
            for array in (np.ones(3, dtype), np.ones(0, dtype)):
                assert format_tensor(array, dtype_suffix_default=default) == reference(array)
    finally:
        torch.set_default_dtype(before)


def test_options():
    rng = np.random.default_rng(1)
    draw = random.Random(1)
    for _ in range(400):
        options = {
            "precision": draw.choice([None, 0, 1, 2, 6, 10]),
            "threshold": draw.choice([None, 0, 5, 50, float("inf")]),
            "edgeitems": draw.choice([None, 0, 1, 2, 10]),
            "linewidth": draw.choice([None, 5, 30, 79, 120]),
            "profile": draw.choice([None, None, "default", "short", "full"]),
            "sci_mode": draw.choice([None, True, False]),
        }
        shape = draw.choice([(), (4,), (30,), (3, 4), (12, 13), (5, 6, 7), (0, 2)])
        array = sample(rng, draw.choice(DTYPES), shape, draw.choice(FLOAT_KINDS))
        with printoptions(**options):
            torch.set_printoptions(**options)
            try:
                assert format_tensor(array) == reference(array), options
            finally:
                torch.set_printoptions(profile="default")
