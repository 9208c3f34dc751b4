"""The normal (Gaussian) distribution."""

from __future__ import annotations

import math
from typing import Any

from .._tensor.sampling import randn
from ..ops import erf, erfinv
from .distribution import Distribution, broadcast_all


class Normal(Distribution):
    """p(x) = exp(-(x - loc)^2 / (2 scale^2)) / (scale sqrt(2 pi)).

    Args:
        loc: the mean, a tensor or number.
        scale: the standard deviation, above 0.

    >>> import minigrad
    >>> Normal(0.0, 1.0).log_prob(minigrad.tensor(0.0))
    tensor(-0.9189)
    """

    has_rsample = True

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, (), validate_args)
        self.check_parameter("loc", self.loc, "real numbers", lambda x: x == x)
        self.check_parameter("scale", self.scale, "greater than 0", lambda x: x > 0)

    def rsample(self, sample_shape: Any = ()) -> Any:
        """loc + scale * standard normal numbers."""
        noise = randn(self.shape_of(sample_shape), dtype=self.loc.dtype, device=self.loc.device)
        return self.loc + noise * self.scale

    def log_prob(self, value: Any) -> Any:
        self.check_value(value, "real numbers", lambda x: x == x)
        return -((value - self.loc) ** 2) / (2 * self.scale**2) - self.scale.log() - math.log(math.sqrt(2 * math.pi))

    def cdf(self, value: Any) -> Any:
        """The probability of a draw of at most `value`."""
        self.check_value(value, "real numbers", lambda x: x == x)
        return 0.5 * (1 + erf((value - self.loc) / (self.scale * math.sqrt(2))))

    def icdf(self, value: Any) -> Any:
        """The number below which draws lie with probability `value`."""
        return self.loc + self.scale * erfinv(2 * value - 1) * math.sqrt(2)

    def entropy(self) -> Any:
        return 0.5 + 0.5 * math.log(2 * math.pi) + self.scale.log()

    @property
    def mean(self) -> Any:
        return self.loc

    @property
    def mode(self) -> Any:
        """The most likely value."""
        return self.loc

    @property
    def stddev(self) -> Any:
        return self.scale

    @property
    def variance(self) -> Any:
        return self.scale**2

    def parameters(self) -> dict[str, Any]:
        return {"loc": self.loc, "scale": self.scale}
