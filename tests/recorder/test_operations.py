"""Beside the table of operations (tests/ops/test_table_recorded.py): what makes tensors, draws, converts, takes float
arguments, and what is built on the graph (checkpoint, Functions, derivatives of derivatives, distributions).

Each equals its eager run to the last bit, with other values at every call and the random stream where it would be.
"""

from __future__ import annotations

import numpy as np
import pytest
from recorded_helpers import both_ways

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, optim
from minigrad.autograd import Function
from minigrad.autograd import functional as derivatives
from minigrad.distributions import (
    Bernoulli,
    Categorical,
    Distribution,
    Exponential,
    Multinomial,
    Normal,
    Uniform,
    kl_divergence,
)  # fmt: skip
from minigrad.utils.checkpoint import checkpoint, checkpoint_sequential


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


def differentiated(function):
    """A step that gives the results of `function` and the gradients of its floating point arguments."""

    def step(*inputs):
        inputs = [x.detach().requires_grad_() if x.dtype.is_floating_point else x for x in inputs]
        results = function(*inputs)
        results = results if isinstance(results, (tuple, list)) else [results]
        sum((r * mg.cos(r.detach())).sum() for r in results if r.requires_grad).backward()
        return results, [x.grad for x in inputs]

    return step


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


# --- the graph ------------------------------------------------------------------------------------


class Square(Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(x)
        ctx.scale = scale
        return x * x * scale

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * x * g * ctx.scale, None


class SinCos(Function):
    """Two outputs, one of which is not differentiable, and saved outputs."""

    @staticmethod
    def forward(x):
        return mg.sin(x), mg.cos(x), x > 0

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(output[0], output[1])
        ctx.mark_non_differentiable(output[2])

    @staticmethod
    def backward(ctx, g_sin, g_cos, _):
        sin, cos = ctx.saved_tensors
        return g_sin * cos - g_cos * sin


class Straight(Function):
    """Rounds, with the gradient of the identity."""

    @staticmethod
    def forward(ctx, x):
        return x.round()

    @staticmethod
    def backward(ctx, g):
        return g


def penalised(x):
    """A gradient penalty, as of WGAN-GP."""
    y = mg.tanh(x @ x.t()).sum()
    (g,) = mg.autograd.grad(y, x, create_graph=True)
    return y, ((g.norm(2, dim=1) - 1) ** 2).mean()


def thrice(x):
    y = (x.sin() * x**2).sum()
    for _ in range(3):
        (g,) = mg.autograd.grad(y, x, create_graph=True)
        y = g.sum()
    return y, g


def with_hooks(x):
    y = x * 2
    y.register_hook(lambda g: g * 3)
    return y.exp()


def retained(x):
    y = (x * 2).tanh()
    y.sum().backward(retain_graph=True)
    return y


def without(x):
    with mg.no_grad():
        factor = x.exp()
    return x * factor, x.detach() * x, (x * x).detach()


GRAPHS = {
    "a Function": lambda x: Square.apply(x, 1.5),
    "a Function twice": lambda x: Square.apply(Square.apply(x, 1.5), 0.5),
    "a Function of two outputs": lambda x: SinCos.apply(x)[:2],
    "a straight-through estimator": Straight.apply,
    "checkpoint": lambda x: checkpoint(lambda x: (x @ x.t()).tanh(), x),
    "checkpoint with dropout": lambda x: checkpoint(lambda x: F.dropout(x.tanh(), 0.4), x),
    "checkpoint of two": lambda x: checkpoint(lambda x, y: (x * y, x + y), x, x.flip(0)),
    "gradient penalty": penalised,
    "three derivatives": thrice,
    "hooks": with_hooks,
    "two backwards": retained,
    "without gradients": without,
}


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs(name):
    repeated(differentiated(GRAPHS[name]), X)


def test_gradients_are_the_same_with_create_graph():
    def step(x):
        x = x.detach().requires_grad_()
        y = Square.apply(x, 2.0).tanh().sum()
        (g,) = mg.autograd.grad(y, x, create_graph=True)
        (h,) = mg.autograd.grad(g.sum(), x)
        return y, g, h

    repeated(step, X)


def test_checkpoint_of_layers_in_a_training_step():
    def scenario(jit):
        model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Dropout(0.3), nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, 2))
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

        @jit
        def step(x):
            optimizer.zero_grad()
            loss = checkpoint_sequential(model, 2, x).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        for _ in range(5):
            yield step(mg.randn(3, 4))
            yield model

    both_ways(scenario, 3)


def polynomial(x):
    return (x**3).sum() + x[0] * x[1]


def field(x):
    return mg.stack([x.sin().sum(), x[0] * x[1], x.prod()])


DERIVATIVES = {
    "jacobian": lambda x: derivatives.jacobian(field, x),
    "jacobian, differentiable": lambda x: derivatives.jacobian(field, x, create_graph=True),
    "hessian": lambda x: derivatives.hessian(polynomial, x),
    "vjp": lambda x: derivatives.vjp(field, x, mg.arange(3) * 1.0),
    "jvp": lambda x: derivatives.jvp(field, x, x * 2),
    "hvp": lambda x: derivatives.hvp(polynomial, x, x * 2),
    "vhp": lambda x: derivatives.vhp(polynomial, x, x * 2),
}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivatives(name):
    repeated(DERIVATIVES[name], floats(4))


# --- parameters together --------------------------------------------------------------------------

LIMITS = {
    "norm": lambda p: nn.utils.clip_grad_norm_(p, 0.5),
    "norm of a generator": lambda p: nn.utils.clip_grad_norm_((q for q in p), 0.5),
    "1-norm": lambda p: nn.utils.clip_grad_norm_(p, 0.5, norm_type=1),
    "largest": lambda p: nn.utils.clip_grad_norm_(p, 0.1, norm_type=float("inf")),
    "finite": lambda p: nn.utils.clip_grad_norm_(p, 100.0, error_if_nonfinite=True),
    "value": lambda p: nn.utils.clip_grad_value_(p, 0.05),
    "total": lambda p: nn.utils.get_total_norm([q.grad for q in p]),
    "by hand": lambda p: [q.grad.mul_(0.5) for q in p] and None,
    "vector": lambda p: nn.utils.parameters_to_vector(p).detach(),
}


@pytest.mark.parametrize("name", LIMITS)
def test_limits_of_gradients(name):
    def scenario(jit):
        model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2))
        optimizer = optim.RMSprop(model.parameters(), lr=0.01)

        @jit
        def step(x):
            optimizer.zero_grad()
            loss = model(x).square().sum()
            loss.backward()
            limited = LIMITS[name](list(model.parameters()))
            optimizer.step()
            return loss, limited

        for _ in range(5):
            yield step(mg.randn(3, 4))
            yield model
            yield [p.grad.clone() for p in model.parameters()]

    both_ways(scenario, 3)


def test_a_norm_that_is_not_finite_is_noticed_by_the_replay():
    w = mg.ones(2, requires_grad=True)

    @mg.jit
    def step(x):
        w.grad = None
        (w * x).sum().backward()
        return nn.utils.clip_grad_norm_([w], 1.0, error_if_nonfinite=True)

    for _ in range(3):
        step(mg.ones(2))
    with pytest.raises(RuntimeError, match="cannot be clipped"):
        step(mg.tensor([1.0, float("inf")]))


# --- distributions --------------------------------------------------------------------------------

DISTRIBUTIONS = {
    "Normal": lambda x, y: Normal(x, y),
    "Uniform": lambda x, y: Uniform(x, x + y),
    "Exponential": lambda x, y: Exponential(y),
    "Bernoulli by probabilities": lambda x, y: Bernoulli(x.sigmoid()),
    "Bernoulli by logits": lambda x, y: Bernoulli(logits=x),
    "Categorical by probabilities": lambda x, y: Categorical(x.softmax(-1)),
    "Categorical by logits": lambda x, y: Categorical(logits=x),
    "Multinomial": lambda x, y: Multinomial(5, logits=x),
}


@pytest.mark.parametrize("validate", [True, False])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_distributions(name, validate):
    def step(x, y):
        x, y = x.detach().requires_grad_(), y.detach().requires_grad_()
        d = DISTRIBUTIONS[name](x, y)
        drawn = d.sample()
        results = [drawn, d.log_prob(drawn), d.sample((2,))]
        if name != "Multinomial":
            results += [d.entropy()]
        if d.has_rsample:
            results.append(d.rsample((2,)))
        sum(r.sum() for r in results if r.requires_grad).backward()
        return results, x.grad, y.grad

    Distribution.set_default_validate_args(validate)
    try:
        repeated(step, X, positive(3, 4))
    finally:
        Distribution.set_default_validate_args(True)


def test_kl_divergence():
    def step(x, y):
        x, y = x.detach().requires_grad_(), y.detach().requires_grad_()
        loss = (
            kl_divergence(Normal(x, y), Normal(0.0, 1.0)).sum()
            + kl_divergence(Categorical(logits=x), Categorical(y)).sum()
        )
        loss.backward()
        return loss, x.grad, y.grad

    repeated(step, X, positive(3, 4))


def test_policy_gradient():
    def scenario(jit):
        policy = nn.Linear(4, 3)
        optimizer = optim.SGD(policy.parameters(), lr=0.1)

        @jit
        def step(states):
            optimizer.zero_grad()
            d = Categorical(logits=policy(states))
            actions = d.sample()
            loss = -(d.log_prob(actions) * (actions == 1)).mean() - 0.01 * d.entropy().mean()
            loss.backward()
            optimizer.step()
            return actions, loss

        for _ in range(5):
            yield step(mg.randn(6, 4))
            yield policy

    both_ways(scenario, 3)
