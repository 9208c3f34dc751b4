"""Beside the table of operations (tests/ops/test_table_recorded.py): what makes tensors, draws, converts, and takes
float arguments, recorded.

Each equals its eager run to the last bit, with other values at every call and the random stream where it would be.
"""

from __future__ import annotations

import numpy as np
import pytest
from recorded_helpers import both_ways

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn


def repeated(function, *makers, calls=5, at_least=4):
    """Compare `function` of fresh inputs with its recorded twin."""

    def scenario(jit):
        step = jit(function)
        for _ in range(calls):
            yield step(*[make() for make in makers])

    return both_ways(scenario, at_least)


def floats(*shape):
    return lambda: mg.randn(*shape)


def positive(*shape):
    return lambda: mg.rand(*shape) + 0.1


X = floats(3, 4)


# --- made from nothing ----------------------------------------------------------------------------

MADE = {
    "zeros, ones, full": lambda x: [
        mg.zeros(2, 3),
        mg.ones(4, dtype=mg.int64),
        mg.full((2,), 0.5),
        mg.full((2,), 3) + x[0, 0],
    ],
    "like": lambda x: [
        mg.zeros_like(x),
        mg.ones_like(x) + x,
        mg.full_like(x, 2.5),
        x.new_zeros(2),
        x.new_full((2,), 1.0),
    ],
    "empty, then written": lambda x: [mg.empty_like(x).copy_(x), mg.empty(3).fill_(2.0), x.new_empty(2).zero_()],
    "ranges": lambda x: [mg.arange(5), mg.arange(0, 1, 0.25) * x[0], mg.linspace(0, 1, 4) + x, mg.eye(3) @ x],
    "numbers": lambda x: [
        mg.tensor([1.0, 2.0, 3.0, 4.0]) * x,
        mg.tensor(0.5) + x,
        mg.as_tensor([1, 2, 3]),
        x + 2,
        x * True,
    ],
    "triangles": lambda x: [mg.tril_indices(3, 3), mg.ones(3, 3).tril() @ x, mg.ones(4, 4).triu(1).bool()],
    "causal mask": lambda x: (x @ x.t()).masked_fill(mg.ones(3, 3).triu(1).bool(), float("-inf")).softmax(-1),
    "positions": lambda x: x + mg.stack([mg.sin(mg.arange(3) / 10.0), mg.cos(mg.arange(3) / 10.0)], 1).repeat(1, 2),
    "grids": lambda x: [g * x[:, :3] for g in mg.meshgrid(mg.arange(3), mg.arange(3), indexing="ij")],
    "changed after it was made": lambda x: mg.zeros(3, 4).add_(x).mul_(2),
}


@pytest.mark.parametrize("name", MADE)
def test_made(name):
    repeated(MADE[name], X)


# --- drawn ----------------------------------------------------------------------------------------

DRAWN = {
    "rand": lambda x: mg.rand(3, 4) * x,
    "randn": lambda x: [mg.randn(2), mg.randn(3, 4, dtype=mg.float64) + x],
    "randint": lambda x: mg.randint(0, 9, (3, 4)) * x,
    "randperm": lambda x: x[:, mg.randperm(4)],
    "like": lambda x: [mg.rand_like(x), mg.randn_like(x), mg.randint_like(x, 5)],
    "normal": lambda x: [mg.normal(x, 0.5), mg.normal(0.0, x.abs()), mg.normal(x, x.abs()), mg.normal(1.0, 2.0, (2,))],
    "bernoulli": lambda x: [mg.bernoulli(x.sigmoid()), x.clone().bernoulli_(0.3), x.clone().bernoulli_(x.sigmoid())],
    "multinomial": lambda x: [mg.multinomial(x.softmax(1), 2), mg.multinomial(x[0].softmax(0), 7, replacement=True)],
    "in place": lambda x: [
        x.clone().uniform_(-1, 1),
        x.clone().normal_(1, 2),
        x.clone().exponential_(3),
        x.clone().random_(5),
    ],
    "noise added": lambda x: x + 0.1 * mg.randn_like(x),
    "a half of the noise unused": lambda x: (mg.rand(3, 4), mg.randn(2))[0] + x,
    "shuffled rows": lambda x: x[mg.randperm(3)],
    "a shape without elements": lambda x: [mg.randn(0, 3), x * mg.rand(1)],
}


@pytest.mark.parametrize("name", DRAWN)
def test_drawn(name):
    repeated(DRAWN[name], X)


def test_drawn_from_a_generator_of_ones_own():
    def scenario(jit):
        generator = mg.Generator().manual_seed(3)

        @jit
        def step(x):
            return x + mg.randn(3, 4, generator=generator), mg.randperm(4, generator=generator)

        for _ in range(4):
            yield step(mg.randn(3, 4))
            yield generator

    both_ways(scenario, 3)


def test_drawing_by_impossible_weights_is_noticed_by_the_replay():
    step = mg.jit(lambda p: mg.multinomial(p, 2))
    for _ in range(3):
        step(mg.rand(4) + 0.1)
    with pytest.raises(RuntimeError, match="finite, not negative"):
        step(mg.tensor([-1.0, 1.0, 1.0, 1.0]))


# --- converted ------------------------------------------------------------------------------------


def with_a_diagonal(x):
    y = x * 1
    return y.fill_diagonal_(2.0)


def with_the_gradient_of_a_result(x):
    w = x.detach().requires_grad_()
    y = w * 2
    y.retain_grad()
    w.register_post_accumulate_grad_hook(lambda p: p.grad.mul_(0.5))
    y.square().sum().backward()
    return y.grad, w.grad


def parameters_from_a_vector(x):
    layer = nn.Linear(2, 1)
    nn.utils.vector_to_parameters(x.reshape(-1)[:3], layer.parameters())
    return layer(x[:, :2]).detach()


OTHERS = {
    "diagonal": with_a_diagonal,
    "gradients of results": with_the_gradient_of_a_result,
    "a vector's parameters": parameters_from_a_vector,
    "dimensions": lambda x: [mg.atleast_1d(x.sum()), mg.atleast_3d(x), x.view_as(x), x.reshape_as(x.t()), x.adjoint()],
    "parts": lambda x: [
        *x.split_with_sizes([1, 2]),
        *x,
        sum(x.unbind()),
        x.select(0, 1),
        x[1:, ::2],
        x[None, ..., None],
    ],
    "strides": lambda x: x * x.stride(0) + x.storage_offset() if x.is_contiguous() else x,
    "resized": lambda x: [(x * 1).resize_(2, 6), (x * 1).set_(x * 2), (x * 1).detach_()],
    "into": lambda x: mg.add(x, x, out=mg.empty(3, 4)),
    "numbers of a list": lambda x: [x[[0, 2]], x[:, [1]], mg.logspace(0, 1, 4) * x, mg.triu_indices(3, 3)],
    "seeded inside": lambda x: [mg.manual_seed(5) and None, mg.rand(2)],
    "another default dtype": lambda x: in_doubles(x),
}


def in_doubles(x):
    mg.set_default_dtype(mg.float64)
    try:
        return mg.zeros(2), x * 2.0
    finally:
        mg.set_default_dtype(mg.float32)


@pytest.mark.parametrize("name", OTHERS)
def test_others(name):
    repeated(OTHERS[name], X)


CONVERTED = {
    "dtypes": lambda x: [
        x.double(),
        x.half(),
        x.int(),
        x.long(),
        x.bool(),
        x.to(mg.float64).float(),
        x.type_as(x.double()),
    ],
    "no change": lambda x: [x.float(), x.contiguous(), x.cpu(), x.to("cpu"), x.detach(), x.clone()],
    "layouts": lambda x: [x.t().contiguous(), x.t().clone(), x.t().reshape(2, 6), x[:, ::2].contiguous()],
    "mixed": lambda x: [x.double() + x, x.half() * 2, x.int() + x, x.long() / 2, x.bool() * x, x.int() // 2],
    "real and data": lambda x: [x.data * 2, x.real if hasattr(x, "real") else x, +x, -x, abs(x)],
    "sizes": lambda x: [
        x * x.shape[0],
        x / x.numel(),
        x.sum() / len(x),
        x.view(-1, x.size(0)),
        x.new_zeros(x.shape[-1]),
    ],
    "numpy": lambda x: [np.exp(x), np.maximum(x, 0.0), x.numpy() * 2, np.concatenate([x, x])],
}


@pytest.mark.parametrize("name", CONVERTED)
def test_converted(name):
    repeated(CONVERTED[name], X)


# --- float arguments ------------------------------------------------------------------------------

BY_NUMBER = {
    "sums": lambda x, s: [x + s, s + x, x - s, s - x, x.add(s), mg.add(x, x, alpha=s), mg.sub(x, x, alpha=s)],
    "products": lambda x, s: [x * s, s * x, x / s, s / x, x // s, x % s, s % x],
    "powers": lambda x, s: [x.abs() ** s, s**x],
    "comparisons": lambda x, s: [x < s, x >= s, x == s, s > x],
    "choices": lambda x, s: [mg.where(x > 0, x, s), x.masked_fill(x > 0, s), x.clamp(-s, s), x.clamp_min(s)],
    "filled": lambda x, s: [mg.full((2,), s), mg.full_like(x, s), mg.tensor(s), x.new_tensor(s), x.clone().fill_(s)],
    "activations": lambda x, s: [F.leaky_relu(x, s), F.elu(x, s), F.softplus(x, s), F.threshold(x, s, 1.0)],
    "losses": lambda x, s: [F.huber_loss(x, 2 * x, delta=s), F.smooth_l1_loss(x, 2 * x, beta=s)],
    "smoothing": lambda x, s: F.cross_entropy(x, mg.tensor([0, 1, 3]), label_smoothing=s),
    "a temperature": lambda x, s: [F.softmax(x / s, 1), F.gumbel_softmax(x, s)],
    "mixing": lambda x, s: [mg.lerp(x, x * x, s), mg.addcmul(x, x, x, value=s), s * x + (1 - s) * x.flip(0)],
    "written": lambda x, s: written(x * 1, s),
    "dropped": lambda x, s: F.dropout(x, s),
    "drawn": lambda x, s: [x.clone().uniform_(0, s), x.clone().normal_(0, s), mg.normal(x, s)],
    "normalised": lambda x, s: [F.layer_norm(x, (4,), eps=s), F.normalize(x, eps=s), x.quantile(s)],
}


def written(x, s):
    x[0] = s
    x[:, 1:] *= s
    x += s
    return x


@pytest.mark.parametrize("name", BY_NUMBER)
def test_float_arguments(name):
    def scenario(jit):
        step = jit(BY_NUMBER[name])
        for s in (0.5, 0.25, 0.75, 0.125, 0.5):
            yield step(mg.randn(3, 4), s)

    (jitted,) = both_ways(scenario, 2)
    assert jitted._recordings <= 3
