"""In which order a dataset is read: samplers yield indices, a `BatchSampler` groups them into lists."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar

from ..._tensor.creation import as_tensor
from ..._tensor.sampling import multinomial, randint, randperm
from ..._tensor.tensor import Tensor
from ...backend.dtypes import float64, int64
from ...backend.random import Generator

Index = TypeVar("Index", covariant=True)

#: random indices drawn with replacement are drawn in blocks of this many
_BLOCK = 1024


class Sampler(Generic[Index]):
    """Base class of samplers: subclasses give `__iter__` over indices, and `__len__` where they can."""

    def __init__(self, data_source: Sized | None = None) -> None:
        """`data_source` is not used: subclasses written for old versions of PyTorch pass it."""

    def __iter__(self) -> Iterator[Index]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__(self)")


class SequentialSampler(Sampler[int]):
    """0, 1, 2, ..., len(data_source) - 1.

    >>> list(SequentialSampler("abc"))
    [0, 1, 2]
    """

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class Endless(Sampler[None]):
    """The indices of a stream: it does not need any, and ends by itself."""

    def __iter__(self) -> Iterator[None]:
        return itertools.repeat(None)


class RandomSampler(Sampler[int]):
    """Indices in random order, a new one on each pass; `num_samples` of them (default: as many as items).

    Without replacement every index comes once before any comes again. With a `generator` the order comes from
    it; without, from a fresh one that is seeded by the default generator (`minigrad.manual_seed` fixes it).
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        require_bool("replacement", replacement, TypeError)
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        require_positive("num_samples", self.num_samples)

    @property
    def num_samples(self) -> int:
        """How many indices one pass yields; follows the length of the data unless it was given."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        n, wanted = len(self.data_source), self.num_samples
        generator = self.generator
        if generator is None:
            generator = Generator().manual_seed(draw_seed(None))
        for start in range(0, wanted, _BLOCK if self.replacement else n):
            if self.replacement:
                size = min(_BLOCK, wanted - start)
                yield from randint(0, n, (size,), generator=generator, dtype=int64).tolist()
            else:
                yield from randperm(n, generator=generator).tolist()[: wanted - start]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """The given `indices` in random order, each once."""

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        for i in randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """`num_samples` indices, each drawn with probability proportional to its weight.

    >>> list(WeightedRandomSampler([0.0, 1.0, 0.0], 3))
    [1, 1, 1]
    """

    weights: Tensor

    def __init__(
        self,
        weights: Sequence[float],
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ) -> None:
        require_positive("num_samples", num_samples)
        require_bool("replacement", replacement, ValueError)
        self.weights = as_tensor(weights, dtype=float64)
        if self.weights.ndim != 1:
            raise ValueError(f"weights should be a 1d sequence but have shape {tuple(self.weights.shape)}")
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        drawn = multinomial(self.weights, self.num_samples, self.replacement, generator=self.generator)
        return iter(drawn.tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Lists of `batch_size` indices from `sampler`; a shorter last one unless `drop_last`.

    >>> list(BatchSampler(range(7), 3, False)), list(BatchSampler(range(7), 3, True))
    ([[0, 1, 2], [3, 4, 5], [6]], [[0, 1, 2], [3, 4, 5]])
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        require_positive("batch_size", batch_size)
        require_bool("drop_last", drop_last, ValueError)
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        smallest = self.batch_size if self.drop_last else 1
        while len(batch := list(itertools.islice(indices, self.batch_size))) >= smallest:
            yield batch

    def __len__(self) -> int:
        count: int = len(self.sampler)  # type: ignore[arg-type]
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)


def draw_seed(generator: Generator | None) -> int:
    """A seed from `generator` (None: the default one), 0 to 2**63 - 2."""
    return int(randint(0, 2**63 - 1, (), generator=generator, dtype=int64).item())


def require_positive(name: str, value: Any) -> None:
    """Refuse what is no whole number of 1 or more."""
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{name} should be a positive integer value, but got {name}={value}")


def require_bool(name: str, value: Any, error: type[Exception]) -> None:
    """Refuse what is no bool."""
    if not isinstance(value, bool):
        raise error(f"{name} should be a boolean value, but got {name}={value}")
