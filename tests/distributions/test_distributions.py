"""`minigrad.distributions`: numbers written out, moments of draws, gradients, and what is refused."""

from __future__ import annotations

import math

import pytest

import minigrad
from minigrad.distributions import (
    Bernoulli,
    Categorical,
    Exponential,
    Multinomial,
    Normal,
    Uniform,
    kl_divergence,
)  # fmt: skip

MAKERS = {
    "Normal": lambda t: Normal(t([0.0, 1.0]), t([1.0, 2.0])),
    "Uniform": lambda t: Uniform(t([0.0, 1.0]), t([1.0, 3.0])),
    "Exponential": lambda t: Exponential(t([0.5, 2.0])),
    "Bernoulli": lambda t: Bernoulli(t([0.2, 0.7])),
    "Bernoulli of logits": lambda t: Bernoulli(logits=t([-1.0, 2.0])),
    "Multinomial": lambda t: Multinomial(5, t([[0.2, 0.3, 0.5], [1.0, 1.0, 2.0]])),
}


@pytest.fixture
def t(device):
    return lambda data: minigrad.tensor(data, device=device)


@pytest.mark.parametrize("name", MAKERS)
def test_draws_have_the_moments_and_shapes_that_are_promised(name, t, device):
    d = MAKERS[name](t)
    draws = d.sample((20_000,))
    assert draws.shape == (20_000, *d.batch_shape, *d.event_shape) and draws.device == t([0.0]).device
    spread = d.stddev / math.sqrt(20_000)
    assert bool(((draws.mean(0) - d.mean).abs() < 5 * spread).all())
    assert bool(((draws.var(0) / d.variance - 1).abs() < 0.1).all())
    assert d.sample().shape == (*d.batch_shape, *d.event_shape) and not draws.requires_grad
    assert d.sample((0, 2)).shape == (0, 2, *d.batch_shape, *d.event_shape)
    assert d.log_prob(draws[:3]).shape == (3, *d.batch_shape)
    # the entropy is the expectation of -log p
    assert bool(((-d.log_prob(draws).mean(0) - d.entropy()).abs() < 0.05).all())


def test_categorical(t, device):
    d = Categorical(t([[1.0, 3.0], [2.0, 2.0]]))
    draws = d.sample((10_000,))
    assert draws.dtype is minigrad.int64 and draws.shape == (10_000, 2)
    assert draws.float().mean(0).tolist() == pytest.approx([0.75, 0.5], abs=0.03)
    assert d.probs.tolist() == [[0.25, 0.75], [0.5, 0.5]]
    assert d.log_prob(t([1, 0])).exp().tolist() == pytest.approx([0.75, 0.5])
    assert d.log_prob(t([[0], [1]])).shape == (2, 2)
    assert d.entropy()[1].item() == pytest.approx(math.log(2))
    assert d.mode.tolist() == [1, 0] and d.mean.isnan().all() and d.perplexity()[1].item() == pytest.approx(2)
    assert d.enumerate_support().tolist() == [[0, 0], [1, 1]]
    assert Categorical(logits=t([0.0, -math.inf])).entropy().item() == 0
    assert Categorical(t([3.0, 1.0])).sample((2, 3)).shape == (2, 3)


def test_gradients_reach_the_parameters(t):
    loc, scale = t([0.5]).requires_grad_(), t([2.0]).requires_grad_()
    draw = Normal(loc, scale).rsample()
    draw.sum().backward()
    assert loc.grad.tolist() == [1] and scale.grad.item() == pytest.approx(((draw - loc) / scale).item())
    logits = t([0.0, 1.0, 2.0]).requires_grad_()
    (-Categorical(logits=logits).log_prob(t(2))).backward()  # REINFORCE
    expected = logits.detach().softmax(0) - t([0.0, 0.0, 1.0])
    assert minigrad.allclose(logits.grad, expected)
    for d in (Uniform(t([0.0]).requires_grad_(), 1.0), Exponential(t([1.0]).requires_grad_())):
        assert d.has_rsample and d.rsample().requires_grad and not d.sample().requires_grad
    with pytest.raises(NotImplementedError, match="Bernoulli has no draws with a gradient"):
        Bernoulli(0.5).rsample()


def test_numbers_and_dtypes():
    assert Normal(0, 1).sample().dtype is minigrad.float32
    assert Normal(minigrad.zeros(2, dtype=minigrad.float64), 1).sample().dtype is minigrad.float64
    assert Categorical(minigrad.tensor([1, 3])).probs.tolist() == [0.25, 0.75]
    assert Normal(0.0, 1.0).log_prob(minigrad.tensor(0.0)).item() == pytest.approx(-0.5 * math.log(2 * math.pi))
    assert Uniform(0.0, 2.0).log_prob(minigrad.tensor([0.0, 2.0])).tolist() == pytest.approx([-math.log(2), -math.inf])
    assert Normal(0.0, 1.0).icdf(Normal(0.0, 1.0).cdf(minigrad.tensor(0.3))).item() == pytest.approx(0.3, abs=1e-6)


def test_the_same_seed_gives_the_same_draws(t):
    for make in MAKERS.values():
        minigrad.manual_seed(3)
        first = make(t).sample((4,)).tolist()
        minigrad.manual_seed(3)
        assert make(t).sample((4,)).tolist() == first


def test_divergences():
    assert kl_divergence(Normal(0.0, 1.0), Normal(1.0, 2.0)).item() == pytest.approx(math.log(2) + 2 / 8 - 0.5)
    p, q = Categorical(minigrad.tensor([0.5, 0.5])), Categorical(minigrad.tensor([1.0, 0.0]))
    assert kl_divergence(p, q).item() == math.inf and kl_divergence(q, p).item() == pytest.approx(math.log(2), abs=1e-5)
    with pytest.raises(NotImplementedError, match=r"no formula for KL\(Normal \|\| Uniform\)"):
        kl_divergence(Normal(0.0, 1.0), Uniform(0.0, 1.0))


def test_what_is_refused():
    x = minigrad.tensor
    cases = [
        (lambda: Normal(0.0, -1.0), "Normal: expected scale to be greater than 0"),
        (lambda: Normal(math.nan, 1.0), "expected loc to be real"),
        (lambda: Uniform(1.0, 1.0), "Uniform: expected high to be greater than low"),
        (lambda: Bernoulli(1.5), "expected probs to be between 0 and 1"),
        (lambda: Bernoulli(), "give either probs or logits, and not both"),
        (lambda: Categorical(x([1.0]), x([1.0])), "give either probs or logits"),
        (lambda: Categorical(x(1.0)), "at least one dimension"),
        (lambda: Categorical(x([-1.0, 2.0])), "expected probs to be not negative"),
        (lambda: Categorical(x([0.0, 0.0])), "above 0 in their sum"),
        (lambda: Categorical(x([1.0, 1.0])).log_prob(x(2)), "integers from 0 to 1"),
        (lambda: Normal(0.0, 1.0).log_prob(3.0), "expected a Tensor as value, got float"),
        (lambda: Normal(minigrad.zeros(3), 1.0).log_prob(minigrad.zeros(2)), "does not fit the distribution"),
        (lambda: Bernoulli(0.5).log_prob(x(0.5)), "expected the value to be 0 or 1"),
        (lambda: Multinomial(2, x([0.5, 0.5])).log_prob(x([1.0, 2.0])), "counts with the sum 2"),
        (lambda: Multinomial(2, x([0.5, 0.5])).log_prob(x([[2.0]])), "expected values of shape"),
    ]
    for call, message in cases:
        with pytest.raises(ValueError, match=message):
            call()
    assert Normal(0.0, -1.0, validate_args=False).log_prob(2.0).isnan().item()


def test_printing_and_import_paths():
    assert repr(Normal(0.0, 1.0)) == "Normal(loc: 0.0, scale: 1.0)"
    assert repr(Categorical(logits=minigrad.zeros(2, 3))) == "Categorical(logits: minigrad.Size([2, 3]))"
    assert minigrad.distributions.multinomial.Multinomial is Multinomial
