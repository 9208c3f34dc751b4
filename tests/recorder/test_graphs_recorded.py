"""What is built on the graph, in recorded steps: Functions, checkpoint, derivatives of derivatives, limits of
gradients, distributions. Each equals its eager run to the last bit, with other values at every call.
"""

from __future__ import annotations

import pytest
from recorded_helpers import both_ways
from test_operations import X, floats, positive, repeated

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


def differentiated(function):
    """A step that gives the results of `function` and the gradients of its floating point arguments."""

    def step(*inputs):
        inputs = [x.detach().requires_grad_() if x.dtype.is_floating_point else x for x in inputs]
        results = function(*inputs)
        results = results if isinstance(results, (tuple, list)) else [results]
        sum((r * mg.cos(r.detach())).sum() for r in results if r.requires_grad).backward()
        return results, [x.grad for x in inputs]

    return step


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
