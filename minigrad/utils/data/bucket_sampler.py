"""`BucketSampler`: batches of sequences of similar length, so that little of a padded batch is padding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ..._tensor.creation import as_tensor
from ..._tensor.sampling import randint, randperm
from ...backend.dtypes import int64
from ...backend.random import Generator
from .sampler import Sampler, draw_seed, require_bool, require_positive


class BucketSampler(Sampler[list[int]]):
    """Lists of `batch_size` indices of samples of similar length, in random order, for `DataLoader(batch_sampler=)`.

    Each pass deals the samples into buckets at random, sorts each bucket by length, cuts it into batches, and shuffles
    the batches of all buckets. Every sample comes once. [the pools of torchtext's BucketIterator]

    Args:
        lengths: of the samples, in their order: a list or an integer tensor.
        batch_size: samples in a batch. One batch, of any length, is smaller where they do not divide evenly.
        drop_last: leave out as many samples, others on each pass, as would make a smaller batch.
        shuffle: False: always the same batches, from the shortest to the longest.
        generator: where the order comes from; without it, from a fresh one that is seeded by the default generator
            (`minigrad.manual_seed` fixes it).
        bucket_batches: how many batches a bucket makes. More: less padding; fewer: batches that differ more from pass
            to pass.

    Raises:
        ValueError: no lengths, or some that are no whole numbers of 0 or more; a `batch_size` or `bucket_batches` that
            is no whole number of 1 or more; a `drop_last` or `shuffle` that is no bool.

    >>> from minigrad import Generator
    >>> sampler = BucketSampler([3, 9, 8, 2, 7, 4], batch_size=2, generator=Generator().manual_seed(0))
    >>> sorted(sorted(batch) for batch in sampler)
    [[0, 3], [1, 2], [4, 5]]
    """

    def __init__(
        self,
        lengths: Iterable[int],
        batch_size: int,
        drop_last: bool = False,
        shuffle: bool = True,
        generator: Generator | None = None,
        bucket_batches: int = 100,
    ) -> None:
        require_positive("batch_size", batch_size)
        require_positive("bucket_batches", bucket_batches)
        require_bool("drop_last", drop_last, ValueError)
        require_bool("shuffle", shuffle, ValueError)
        self.lengths = _whole_numbers(lengths)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.shuffle = shuffle
        self.generator = generator
        self.bucket_batches = bucket_batches

    def __iter__(self) -> Iterator[list[int]]:
        if not self.shuffle:
            yield from self._batches(range(len(self.lengths)), len(self))
            return
        generator = self.generator
        if generator is None:
            generator = Generator().manual_seed(draw_seed(None))
        order = randperm(len(self.lengths), generator=generator).tolist()
        if self.drop_last:
            order = order[: len(self) * self.batch_size]
        batches = []
        size = self.batch_size * self.bucket_batches
        for start in range(0, len(order), size):
            bucket = order[start : start + size]
            # the smaller batch has any place, or it would always be the longest sequences that are in it
            place = randint(0, len(bucket) // self.batch_size + 1, (), generator=generator, dtype=int64).item()
            batches += self._batches(bucket, place)
        for k in randperm(len(batches), generator=generator).tolist():
            yield batches[k]

    def _batches(self, bucket: Sequence[int], place: int) -> list[list[int]]:
        """The samples of a bucket by length, in batches; the smaller one, if any, behind `place` full ones."""
        size = self.batch_size
        order = sorted(bucket, key=self.lengths.__getitem__)
        first = min(place, len(order) // size) * size
        rest = len(order) % size
        starts = [*range(0, first, size), *range(first + rest, len(order), size)]
        batches = [order[start : start + size] for start in starts]
        if rest and not self.drop_last:
            batches.insert(first // size, order[first : first + rest])
        return batches

    def __len__(self) -> int:
        """The number of batches in one pass."""
        count = len(self.lengths)
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)


def _whole_numbers(lengths: Any) -> list[int]:
    try:
        given = as_tensor(lengths if hasattr(lengths, "dtype") else list(lengths))
    except (TypeError, ValueError):
        given = None
    if given is None or given.ndim != 1 or "int" not in str(given.dtype) or not len(given) or int(given.min()) < 0:
        shown = repr(lengths)
        raise ValueError(
            "BucketSampler takes one length for each sample, a list of whole numbers of 0 or more; got "
            + (shown if len(shown) < 80 else f"{shown[:80]}...")
        )
    return given.tolist()
