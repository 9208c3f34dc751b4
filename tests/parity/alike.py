"""Comparing minigrad with PyTorch: the same call on both, then the results, dtypes and gradients side by side."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

import minigrad as mg

torch = pytest.importorskip("torch")

nan, inf = math.nan, math.inf
SPECIAL = [-inf, -3.0, -2.5, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.5, 3.0, 6.0, inf, nan]
DTYPES = ["float32", "float64", "float16", "int64", "int32", "int8", "uint8", "bool"]
WHOLE = [-3, -1, 0, 1, 2, 5]


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


def second_order(library, function, numbers, dtype):
    leaf = library.tensor(numbers, dtype=dtype, requires_grad=True)
    (first,) = library.autograd.grad(function(leaf), leaf, library.ones_like(leaf), create_graph=True)
    if not first.requires_grad:
        return np.zeros(len(numbers))
    (second,) = library.autograd.grad(first, leaf, library.ones_like(leaf), allow_unused=True)
    return np.zeros(len(numbers)) if second is None else plain(second)


def at_nan(x):
    return np.isnan(x)


def at_infinity(x):
    return ~np.isfinite(x)
