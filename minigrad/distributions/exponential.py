"""The exponential distribution: the time until the next of events that come at a constant rate."""

from __future__ import annotations

from typing import Any

from .._tensor.creation import empty
from .distribution import Distribution, broadcast_all


class Exponential(Distribution):
    """p(x) = rate exp(-rate x) for x >= 0.

    >>> import minigrad
    >>> Exponential(2.0).log_prob(minigrad.tensor(0.0)).exp()
    tensor(2.)
    """

    has_rsample = True

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.shape, (), validate_args)
        self.check_parameter("rate", self.rate, "greater than 0", lambda x: x > 0)

    def rsample(self, sample_shape: Any = ()) -> Any:
        """Exponential numbers of rate 1, divided by the rate."""
        noise = empty(self.shape_of(sample_shape), dtype=self.rate.dtype, device=self.rate.device).exponential_()
        return noise / self.rate

    def log_prob(self, value: Any) -> Any:
        self.check_value(value, "not negative", lambda x: x >= 0)
        return self.rate.log() - self.rate * value

    def cdf(self, value: Any) -> Any:
        """The probability of a draw of at most `value`."""
        self.check_value(value, "not negative", lambda x: x >= 0)
        return 1 - (-self.rate * value).exp()

    def icdf(self, value: Any) -> Any:
        """The number below which draws lie with probability `value`."""
        return -(-value).log1p() / self.rate

    def entropy(self) -> Any:
        return 1 - self.rate.log()

    @property
    def mean(self) -> Any:
        return 1 / self.rate

    @property
    def variance(self) -> Any:
        return self.rate**-2

    def parameters(self) -> dict[str, Any]:
        return {"rate": self.rate}
