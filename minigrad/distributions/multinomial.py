"""The multinomial distribution: how often each of n classes comes in a number of draws."""

from __future__ import annotations

from typing import Any

from .._tensor.creation import zeros
from ..autograd.modes import no_grad
from ..ops import lgamma
from .categorical import Categorical
from .distribution import Distribution


class Multinomial(Distribution):
    """The counts of the classes in `total_count` draws from `Categorical(probs, logits)`.

    >>> import minigrad
    >>> Multinomial(2, minigrad.tensor([0.5, 0.5])).log_prob(minigrad.tensor([1.0, 1.0])).exp()
    tensor(0.5000)
    """

    def __init__(
        self, total_count: int = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError("Multinomial takes one total_count for the whole batch, an int")
        self.total_count = total_count
        self._categorical = Categorical(probs=probs, logits=logits, validate_args=validate_args)
        shape = self._categorical.param_shape
        super().__init__(shape[:-1], shape[-1:], validate_args)

    @property
    def probs(self) -> Any:
        """The probabilities of the classes."""
        return self._categorical.probs

    @property
    def logits(self) -> Any:
        """The logs of the probabilities."""
        return self._categorical.logits

    @property
    def param_shape(self) -> Any:
        """The shape of `probs`."""
        return self._categorical.param_shape

    def sample(self, sample_shape: Any = ()) -> Any:
        with no_grad():
            drawn = self._categorical.sample((self.total_count, *sample_shape)).movedim(0, -1)
            counts = zeros(self.shape_of(sample_shape), dtype=self.probs.dtype, device=self.probs.device)
            return counts.scatter_add(-1, drawn, counts.new_ones(drawn.shape))

    def log_prob(self, value: Any) -> Any:
        self.check_value(
            value, f"counts with the sum {self.total_count}",
            lambda x: (x >= 0).all(-1) & (x == x.round()).all(-1) & (x.sum(-1) == self.total_count),
        )  # fmt: skip
        logits = self.logits.masked_fill((value == 0) & (self.logits == -float("inf")), 0)  # 0 * log(0) is 0
        return lgamma(value.sum(-1) + 1) - lgamma(value + 1).sum(-1) + (logits * value).sum(-1)

    def entropy(self) -> Any:
        """n H(probs) - log n! + sum over classes of E[log x!], where x is binomial.

        [https://en.wikipedia.org/wiki/Multinomial_distribution]
        """
        n = self.total_count
        probs = self.probs.unsqueeze(-1)
        x = self.probs.new_tensor(range(n + 1))
        total = self.probs.new_tensor(n + 1.0)
        ways = (lgamma(total) - lgamma(x + 1) - lgamma(n - x + 1)).exp()
        expected = (ways * probs**x * (1 - probs) ** (n - x) * lgamma(x + 1)).sum((-1, -2))
        return n * self._categorical.entropy() - lgamma(total) + expected

    @property
    def mean(self) -> Any:
        return self.probs * self.total_count

    @property
    def variance(self) -> Any:
        return self.total_count * self.probs * (1 - self.probs)

    def parameters(self) -> dict[str, Any]:
        return self._categorical.parameters()

    def __repr__(self) -> str:
        return f"Multinomial(total_count: {self.total_count}, {super().__repr__()[12:]}"
