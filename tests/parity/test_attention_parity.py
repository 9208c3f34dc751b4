"""`scaled_dot_product_attention` beside PyTorch's: values, gradients of first and second order, dtypes, refusals."""

from __future__ import annotations

import contextlib
import itertools

import numpy as np
import pytest
from alike import outcome
from sides import as_array, assert_same, both

import minigrad as mg
import minigrad.nn.functional as F

torch = pytest.importorskip("torch")
TF = torch.nn.functional
SDPBackend, sdpa_kernel = torch.nn.attention.SDPBackend, torch.nn.attention.sdpa_kernel

#: shapes of query, key and value
SHAPES = [
    ((3, 4), (5, 4), (5, 2)),
    ((2, 3, 4), (2, 5, 4), (2, 5, 6)),
    ((2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 5)),
    ((2, 1, 3, 4, 5), (2, 1, 3, 6, 5), (2, 1, 3, 6, 7)),
    ((2, 3, 4), (1, 5, 4), (2, 5, 6)),
    ((2, 2, 3, 4), (2, 1, 5, 4), (1, 1, 5, 6)),
    ((2, 3, 4), (5, 4), (5, 6)),
    ((2, 1, 4), (2, 1, 4), (2, 1, 3)),
]


def arrays(shapes, dtype="float64", seed=0):
    random = np.random.default_rng(seed)
    return [random.standard_normal(shape).astype(dtype) for shape in shapes]


def results(inputs, masks=(None, None), second=True, **options):
    """The result, the gradients of the inputs, and their gradients, on both sides."""
    found = []
    sides = zip(*(both(x, requires_grad=True) for x in inputs))
    for library, functional, leaves, mask in zip((mg, torch), (F, TF), sides, masks):
        with sdpa_kernel(SDPBackend.MATH) if second else contextlib.nullcontext():  # the other has no second gradients
            result = functional.scaled_dot_product_attention(*leaves, attn_mask=mask, **options)
        leaves = [*leaves, *([mask] if mask is not None and mask.requires_grad else [])]
        weights = library.tensor(np.random.default_rng(1).standard_normal(tuple(result.shape)))
        first = library.autograd.grad(result, leaves, weights.to(result.dtype), create_graph=second)
        total = sum((g.sin() * k).sum() for k, g in enumerate(first, 1))
        found.append([result, *first, *(library.autograd.grad(total, leaves) if second else ())])
    return found


def check(*args, rtol=None, atol=None, **options):
    mine, theirs = results(*args, **options)
    for k, (a, b) in enumerate(zip(mine, theirs, strict=True)):
        assert_same(a, b, f"number {k} of result, gradients, second gradients", rtol, atol)


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("scale", [None, 0.7, -1.0, 0.0])
def test_shapes_and_scales(shapes, scale):
    check(arrays(shapes), scale=scale)


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_causal(shapes):
    check(arrays(shapes), is_causal=True)


@pytest.mark.parametrize("shapes", [((2, 5, 4), (2, 3, 4), (2, 3, 2)), ((2, 3, 4), (2, 3, 4), (2, 3, 2))], ids=str)
def test_causal_with_as_many_queries_as_keys_or_more(shapes):
    check(arrays(shapes), is_causal=True)


MASKS = [(3, 5), (5,), (1, 5), (3, 1), (2, 3, 5), (2, 1, 5), (1, 3, 5), (1, 1, 1)]


@pytest.mark.parametrize("shape", MASKS, ids=str)
@pytest.mark.parametrize("kind", ["bool", "float64", "float32"])
def test_masks(shape, kind):
    allowed = np.random.default_rng(2).random(shape) < 0.6
    allowed[..., 0] = True
    if kind == "bool":
        mask = allowed
    else:
        mask = np.where(allowed, np.random.default_rng(3).standard_normal(shape), -np.inf).astype(kind)
    check(arrays(SHAPES[1]), both(mask))


@pytest.mark.parametrize("kind", ["bool", "float"])
@pytest.mark.parametrize("shapes", [SHAPES[1], SHAPES[2]], ids=str)
def test_a_query_that_may_look_nowhere(kind, shapes):
    """It gets 0 and gives a gradient of 0, where the plain formula has NaN."""
    allowed = np.random.default_rng(2).random((shapes[0][-2], shapes[1][-2])) < 0.6
    allowed[1] = False
    mask = allowed if kind == "bool" else np.where(allowed, 0.5, -np.inf)
    check(arrays(shapes), both(mask), second=False)
    check(arrays(shapes), both(mask))
    mine, _ = results(arrays(shapes), both(mask))
    assert all(np.isfinite(as_array(x)).all() for x in mine)
    assert not np.any(as_array(mine[0])[..., 1, :]) and not np.any(as_array(mine[1])[..., 1, :])


def test_a_learned_mask():
    mask = both(np.random.default_rng(4).standard_normal((3, 5)), requires_grad=True)
    check(arrays(SHAPES[1]), mask)


@pytest.mark.parametrize("heads", [(4, 2, 2), (6, 2, 3), (4, 4, 1), (4, 1, 1)], ids=str)
@pytest.mark.parametrize("batch", [(), (2,)], ids=str)
def test_shared_heads(heads, batch):
    shapes = [(*batch, h, n, e) for h, n, e in zip(heads, (3, 5, 5), (4, 4, 6))]
    check(arrays(shapes), enable_gqa=True)
    check(arrays(shapes), enable_gqa=True, is_causal=True)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"scale": 2.0}], ids=str)
def test_dtypes(dtype, options):
    tolerance = 1e-2 if dtype == "float16" else 2e-5
    check(arrays(SHAPES[1], dtype), rtol=tolerance, atol=tolerance / 10, second=False, **options)


@pytest.mark.parametrize(
    "shapes",
    [((2, 3, 4), (2, 0, 4), (2, 0, 6)), ((2, 0, 4), (2, 5, 4), (2, 5, 6)), ((2, 3, 0), (2, 5, 0), (2, 5, 6)),
     ((0, 3, 4), (0, 5, 4), (0, 5, 6))],
    ids=str,
)  # fmt: skip
def test_empty(shapes):
    check(arrays(shapes), second=False)


def test_what_pytorch_refuses_is_refused():
    q, k, v = arrays(SHAPES[1])
    shapes = [[q[0, 0], k, v], [q, k[..., 1:], v], [q, k, v[:, 1:]], [q[:1], k, np.concatenate([v, v[:1]])]]
    dtypes = [[q, k.astype("float32"), v], [x.astype("int64") for x in (q, k, v)]]
    masks = [np.ones(shape, dtype=bool) for shape in ((3, 4), (2, 5), (3, 3, 5), (1, 2, 3, 5))]
    masks.append(np.ones((3, 5), dtype="int64"))
    heads = [arrays([(h, n, 4) for h, n in zip(hs, (3, 5, 5))]) for hs in itertools.product((4,), (3, 2), (3, 8))]
    calls = [(inputs, {}) for inputs in shapes + dtypes]
    calls += [([q, k, v], {"attn_mask": mask}) for mask in masks]
    calls += [([q, k, v], {"attn_mask": np.ones((3, 5), dtype=bool), "is_causal": True})]
    calls += [(inputs, {"enable_gqa": True}) for inputs in [*heads, [q[0], k[0], v[0]]]]
    calls += [([q, k, v], {"dropout_p": 1.5})]
    for inputs, options in calls:
        mine, theirs = (
            outcome(
                functional.scaled_dot_product_attention,
                *map(library.tensor, inputs),
                **{n: library.tensor(x) if isinstance(x, np.ndarray) else x for n, x in options.items()},
            )
            for library, functional in ((mg, F), (torch, TF))
        )
        words = f"{[x.shape for x in inputs]} {list(options)}"
        assert isinstance(theirs, Exception), f"{words}: PyTorch takes it"
        assert isinstance(mine, (RuntimeError, ValueError)), f"{words}: {mine!r}"
