"""The Bernoulli distribution: 1 with a probability, else 0."""

from __future__ import annotations

import functools
from typing import Any

from .._tensor.sampling import bernoulli
from ..autograd.modes import no_grad
from ..ops import expand
from ..ops.activation import softplus
from .distribution import Distribution, broadcast_all, logits_to_probs, one_of, probs_to_logits


class Bernoulli(Distribution):
    """1 with probability `probs`, else 0.

    Args:
        probs: the probability of 1.
        logits: or the log odds, log(probs / (1 - probs)).

    >>> import minigrad
    >>> Bernoulli(0.25).log_prob(minigrad.tensor([0.0, 1.0])).exp()
    tensor([0.7500, 0.2500])
    """

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        one_of(probs, logits)
        self._given = "probs" if logits is None else "logits"
        (given,) = broadcast_all(probs if logits is None else logits)
        self.__dict__[self._given] = given
        super().__init__(given.shape, (), validate_args)
        if logits is None:
            self.check_parameter("probs", given, "between 0 and 1", lambda x: (x >= 0) & (x <= 1))
        else:
            self.check_parameter("logits", given, "real numbers", lambda x: x == x)

    @functools.cached_property
    def probs(self) -> Any:
        """The probability of 1."""
        return logits_to_probs(self.logits, binary=True)

    @functools.cached_property
    def logits(self) -> Any:
        """The log odds of 1."""
        return probs_to_logits(self.probs, binary=True)

    @property
    def param_shape(self) -> Any:
        """The shape of `probs`."""
        return self.batch_shape

    def sample(self, sample_shape: Any = ()) -> Any:
        with no_grad():
            return bernoulli(expand(self.probs, self.shape_of(sample_shape)))

    def log_prob(self, value: Any) -> Any:
        self.check_value(value, "0 or 1", lambda x: (x == 0) | (x == 1))
        return self._log_likelihood(*broadcast_all(self.logits, value))

    def _log_likelihood(self, logits: Any, value: Any) -> Any:
        return value * logits - softplus(logits, threshold=float("inf"))

    def entropy(self) -> Any:
        return -self._log_likelihood(self.logits, self.probs)

    def enumerate_support(self, expand: bool = True) -> Any:
        """0 and 1, along a new first dimension."""
        values = self.probs.new_tensor([0, 1]).reshape(2, *(1 for _ in self.batch_shape))
        return values.expand(2, *self.batch_shape) if expand else values

    @property
    def mean(self) -> Any:
        return self.probs

    @property
    def mode(self) -> Any:
        """The more likely value; nan where both are as likely."""
        mode = (self.probs >= 0.5).to(self.probs.dtype)
        return mode.masked_fill(self.probs == 0.5, float("nan"))

    @property
    def variance(self) -> Any:
        return self.probs * (1 - self.probs)

    def parameters(self) -> dict[str, Any]:
        return {self._given: self.__dict__[self._given]}
