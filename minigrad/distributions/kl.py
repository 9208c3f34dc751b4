"""The Kullback-Leibler divergence between two distributions of one family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..ops import logical_or
from ..ops.activation import softplus
from .bernoulli import Bernoulli
from .categorical import Categorical
from .distribution import Distribution
from .exponential import Exponential
from .normal import Normal
from .uniform import Uniform


def _normal(p: Normal, q: Normal) -> Any:
    ratio = (p.scale / q.scale) ** 2
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale) ** 2 - 1 - ratio.log())


def _categorical(p: Categorical, q: Categorical) -> Any:
    terms = p.probs * (p.logits - q.logits)
    terms = terms.masked_fill((q.probs == 0).expand(terms.shape), float("inf"))
    return terms.masked_fill((p.probs == 0).expand(terms.shape), 0).sum(-1)


def _bernoulli(p: Bernoulli, q: Bernoulli) -> Any:
    def soft(x: Any) -> Any:
        return softplus(x, threshold=float("inf"))

    ones = p.probs * (soft(-q.logits) - soft(-p.logits))
    zeros = (1 - p.probs) * (soft(q.logits) - soft(p.logits))
    return ones + zeros


def _uniform(p: Uniform, q: Uniform) -> Any:
    result = ((q.high - q.low) / (p.high - p.low)).log()
    return result.masked_fill(logical_or(q.low > p.low, q.high < p.high), float("inf"))


def _exponential(p: Exponential, q: Exponential) -> Any:
    ratio = q.rate / p.rate
    return ratio - ratio.log() - 1


_RULES: dict[type[Distribution], Callable[[Any, Any], Any]] = {
    Normal: _normal, Categorical: _categorical, Bernoulli: _bernoulli, Uniform: _uniform, Exponential: _exponential,
}  # fmt: skip


def kl_divergence(p: Distribution, q: Distribution) -> Any:
    """KL(p || q) = E_p[log p(x) - log q(x)], for each distribution of the batch.

    >>> import minigrad
    >>> kl_divergence(Normal(0.0, 1.0), Normal(1.0, 1.0))
    tensor(0.5000)

    Raises:
        NotImplementedError: no formula for these families.
    """
    rule = _RULES.get(type(p))
    if rule is None or type(p) is not type(q):
        raise NotImplementedError(f"no formula for KL({type(p).__name__} || {type(q).__name__})")
    return rule(p, q)
