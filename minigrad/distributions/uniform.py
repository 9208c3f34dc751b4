"""The uniform distribution on an interval."""

from __future__ import annotations

from typing import Any

from .._tensor.sampling import rand
from ..ops import clamp
from .distribution import Distribution, broadcast_all


class Uniform(Distribution):
    """p(x) = 1 / (high - low) for low <= x < high.

    >>> import minigrad
    >>> Uniform(0.0, 4.0).log_prob(minigrad.tensor([1.0, 2.0])).exp()
    tensor([0.2500, 0.2500])
    """

    has_rsample = True

    def __init__(self, low: Any, high: Any, validate_args: bool | None = None) -> None:
        self.low, self.high = broadcast_all(low, high)
        super().__init__(self.low.shape, (), validate_args)
        self.check_parameter("high", self.high, "greater than low", lambda x: x > self.low)

    def rsample(self, sample_shape: Any = ()) -> Any:
        """low + (high - low) * uniform numbers in [0, 1)."""
        noise = rand(self.shape_of(sample_shape), dtype=self.low.dtype, device=self.low.device)
        return self.low + noise * (self.high - self.low)

    def _check(self, value: Any) -> None:
        self.check_value(value, "between low and high", lambda x: (x >= self.low) & (x <= self.high))

    def log_prob(self, value: Any) -> Any:
        self._check(value)
        inside = (value >= self.low) & (value < self.high)
        return inside.to(self.low.dtype).log() - (self.high - self.low).log()

    def cdf(self, value: Any) -> Any:
        """The probability of a draw of at most `value`."""
        self._check(value)
        return clamp((value - self.low) / (self.high - self.low), 0, 1)

    def icdf(self, value: Any) -> Any:
        """The number below which draws lie with probability `value`."""
        return value * (self.high - self.low) + self.low

    def entropy(self) -> Any:
        return (self.high - self.low).log()

    @property
    def mean(self) -> Any:
        return (self.high + self.low) / 2

    @property
    def variance(self) -> Any:
        return (self.high - self.low) ** 2 / 12

    def parameters(self) -> dict[str, Any]:
        return {"low": self.low, "high": self.high}
