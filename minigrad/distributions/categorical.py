"""The categorical distribution: one of n classes, each with its probability."""

from __future__ import annotations

import functools
from typing import Any

from .._tensor.creation import arange, full
from .._tensor.sampling import multinomial
from .._tensor.size import Size
from ..autograd.modes import no_grad
from ..backend.dtypes import numeric_limits
from ..ops import argmax, broadcast_shapes, clamp, expand, logsumexp
from .distribution import Distribution, broadcast_all, logits_to_probs, one_of, probs_to_logits


class Categorical(Distribution):
    """The numbers 0 to n - 1 with probabilities in proportion to `probs`.

    Args:
        probs: weights along the last dimension, not negative, with a sum above 0.
        logits: or their logs, up to a constant.

    >>> import minigrad
    >>> Categorical(minigrad.tensor([1.0, 3.0])).log_prob(minigrad.tensor([0, 1])).exp()
    tensor([0.2500, 0.7500])
    """

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        one_of(probs, logits)
        self._given = "probs" if logits is None else "logits"
        (given,) = broadcast_all(probs if logits is None else logits)
        if given.ndim < 1:
            raise ValueError(f"{self._given} must have at least one dimension, that of the classes")
        super().__init__(given.shape[:-1], (), validate_args)
        self._num_events = given.shape[-1]
        if logits is None:
            self.check_parameter("probs", given, "not negative", lambda x: x >= 0)
            self.check_parameter("probs", given, "above 0 in their sum", lambda x: x.sum(-1) > 0)
            self.probs = given / given.sum(-1, keepdim=True)
        else:
            self.check_parameter("logits", given, "real numbers", lambda x: x == x)
            self.logits = given - logsumexp(given, -1, keepdim=True)

    @functools.cached_property
    def probs(self) -> Any:
        """The probabilities of the classes."""
        return logits_to_probs(self.logits)

    @functools.cached_property
    def logits(self) -> Any:
        """The logs of the probabilities."""
        return probs_to_logits(self.probs)

    @property
    def param_shape(self) -> Any:
        """The shape of `probs`."""
        return self.parameters()[self._given].shape

    def sample(self, sample_shape: Any = ()) -> Any:
        with no_grad():
            rows = self.probs.reshape(-1, self._num_events)
            count = Size(sample_shape).numel()
            drawn = multinomial(rows, count, True) if count else rows[:, :0].long()
            return drawn.T.reshape(self.shape_of(sample_shape))

    def log_prob(self, value: Any) -> Any:
        self.check_value(
            value, f"integers from 0 to {self._num_events - 1}",
            lambda x: (x == x.long()) & (x >= 0) & (x < self._num_events),
        )  # fmt: skip
        shape = broadcast_shapes(tuple(value.shape), self.batch_shape)
        index = expand(value.long(), shape).unsqueeze(-1)
        return expand(self.logits, (*shape, self._num_events)).gather(-1, index).squeeze(-1)

    def entropy(self) -> Any:
        smallest = float(numeric_limits(self.logits.array.dtype).min)  # so that 0 * log(0) is 0
        return -(self.probs * clamp(self.logits, min=smallest)).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Any:
        """The numbers of the classes, along a new first dimension."""
        n = self._num_events
        values = arange(n, device=self.probs.device).reshape(n, *(1 for _ in self.batch_shape))
        return values.expand(n, *self.batch_shape) if expand else values

    @property
    def mean(self) -> Any:
        """nan: classes are names, not numbers."""
        return full(self.batch_shape, float("nan"), dtype=self.probs.dtype, device=self.probs.device)

    @property
    def variance(self) -> Any:
        """nan: classes are names, not numbers."""
        return self.mean

    @property
    def mode(self) -> Any:
        """The most likely class."""
        return argmax(self.probs, -1)

    def parameters(self) -> dict[str, Any]:
        return {self._given: self.__dict__[self._given]}
