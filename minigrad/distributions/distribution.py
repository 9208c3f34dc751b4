"""What all distributions have in common: shapes, arguments, samples, and the checks of what they are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._tensor.creation import tensor
from .._tensor.size import Size
from ..autograd.modes import no_grad
from ..autograd.node import TensorBase
from ..autograd.primitive import wrap
from ..backend.devices import device_of
from ..backend.door import whole
from ..backend.dtypes import default_float, numeric_limits
from ..ops import broadcast_shapes, broadcast_tensors, clamp, log, log1p, sigmoid
from ..ops.softmax import softmax


class Distribution:
    """A batch of distributions of one family.

    A sample has the shape `sample_shape + batch_shape + event_shape`: as many draws as asked for, of each
    distribution of the batch, each an event (a number for most families, a vector for `Multinomial`).
    """

    has_rsample = False
    _validate_args = True

    def __init__(self, batch_shape: Any = (), event_shape: Any = (), validate_args: bool | None = None) -> None:
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether arguments and values are checked unless `validate_args` says otherwise."""
        Distribution._validate_args = value

    @property
    def batch_shape(self) -> Size:
        """The shape of the batch of distributions."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one draw from one distribution."""
        return self._event_shape

    def sample(self, sample_shape: Any = ()) -> Any:
        """Draws without a gradient, of shape `sample_shape + batch_shape + event_shape`."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Any:
        """Draws through which gradients reach the parameters, where the family has them (`has_rsample`)."""
        raise NotImplementedError(f"{type(self).__name__} has no draws with a gradient: use sample()")

    def sample_n(self, n: int) -> Any:
        """As `sample((n,))`."""
        return self.sample((n,))

    def log_prob(self, value: Any) -> Any:
        """The log of the probability, or of its density, of `value`."""
        raise NotImplementedError(f"{type(self).__name__} has no log_prob()")

    def entropy(self) -> Any:
        """The entropy of each distribution, in nats."""
        raise NotImplementedError(f"{type(self).__name__} has no entropy()")

    def perplexity(self) -> Any:
        """exp(entropy)."""
        return self.entropy().exp()

    @property
    def mean(self) -> Any:
        """The expectation of each distribution."""
        raise NotImplementedError(f"{type(self).__name__} has no mean")

    @property
    def variance(self) -> Any:
        """The variance of each distribution."""
        raise NotImplementedError(f"{type(self).__name__} has no variance")

    @property
    def stddev(self) -> Any:
        """The standard deviation of each distribution."""
        return self.variance.sqrt()

    def shape_of(self, sample_shape: Any) -> tuple[int, ...]:
        """The shape of samples."""
        return (*sample_shape, *self._batch_shape, *self._event_shape)

    def check_parameter(self, name: str, value: Any, rule: str, valid: Callable[[Any], Any]) -> None:
        """Raise where `valid(value)`, a boolean tensor, is False and arguments are to be checked."""
        if self._validate_args:
            expected = f"{type(self).__name__}: expected {name} to be {rule}"
            whole(_refuse_other, valid(value).array, value.array, expected)

    def check_value(self, value: Any, rule: str, valid: Callable[[Any], Any]) -> None:
        """As `check_parameter`, for what is asked about; its shape must fit the distribution's too."""
        if not self._validate_args:
            return
        if not isinstance(value, TensorBase):
            raise ValueError(f"{type(self).__name__}: expected a Tensor as value, got {type(value).__name__}")
        shape = self.shape_of(())
        events = tuple(value.array.shape[value.array.ndim - len(self._event_shape) :])
        if events != tuple(self._event_shape):
            raise ValueError(f"{type(self).__name__}: expected values of shape (..., {shape}), got {value.array.shape}")
        try:
            broadcast_shapes(tuple(value.array.shape), shape)
        except RuntimeError as error:
            raise ValueError(f"{type(self).__name__}: the value does not fit the distribution: {error}") from None
        self.check_parameter("the value", value, rule, valid)

    def parameters(self) -> dict[str, Any]:
        """The parameters that the distribution was made with, by name."""
        return {}

    def __repr__(self) -> str:
        shown = (f"{k}: {v.item() if v.numel() == 1 else v.shape}" for k, v in self.parameters().items())
        return f"{type(self).__name__}({', '.join(shown)})"


def _refuse_other(valid: Any, values: Any, expected: str) -> None:
    if not bool(valid.all()):
        raise ValueError(f"{expected}, got a tensor of shape {values.shape} with other values:\n{wrap(values)}")


def broadcast_all(*values: Any) -> tuple[Any, ...]:
    """Tensors and numbers as floating point tensors of one shape; numbers take dtype and device of the tensors."""
    given = [v for v in values if isinstance(v, TensorBase)]
    kind = next((v.array.dtype for v in given if v.array.dtype.kind == "f"), default_float())
    where = device_of(given[0].array) if given else None
    found: list[Any] = [v if isinstance(v, TensorBase) else tensor(v, dtype=kind, device=where) for v in values]
    found = [v if v.is_floating_point() else v.to(kind) for v in found]
    return tuple(broadcast_tensors(*found))


def one_of(probs: Any, logits: Any) -> None:
    """Raise unless exactly one of the two is given."""
    if (probs is None) == (logits is None):
        raise ValueError("give either probs or logits, and not both")


def clamp_probs(probs: Any) -> Any:
    """`probs` a little away from 0 and 1, so that their logs are finite."""
    eps = numeric_limits(probs.array.dtype).eps
    return clamp(probs, eps, 1 - eps)


def probs_to_logits(probs: Any, binary: bool = False) -> Any:
    """The logs of probabilities; for binary ones the log odds."""
    probs = clamp_probs(probs)
    return log(probs) - log1p(-probs) if binary else log(probs)


def logits_to_probs(logits: Any, binary: bool = False) -> Any:
    """The probabilities of log odds, or of logits along the last dimension."""
    return sigmoid(logits) if binary else softmax(logits, -1)
