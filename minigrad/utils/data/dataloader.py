"""`DataLoader`: batches of a dataset, shuffled, collated, and read ahead by worker processes if wished."""

from __future__ import annotations

import multiprocessing
import os
import warnings
import weakref
from collections.abc import Callable, Iterable
from multiprocessing.context import BaseContext
from typing import Any

from ...backend.random import Generator
from .collate import default_collate, default_convert
from .dataset import IterableDataset
from .iterators import InProcessIterator, LoaderIterator, PersistentPass, WorkersIterator
from .places import StateMethods
from .sampler import BatchSampler, Endless, RandomSampler, SequentialSampler
from .worker import get_worker_info

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

#: attributes that the samplers were made from, and that cannot be changed afterwards
_FIXED = frozenset({"batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"})


class DataLoader(StateMethods):
    """Iterate over `dataset` in batches of `batch_size` (None: item by item, without collating).

    Each `iter(loader)` is a fresh pass: with `shuffle`, in a new random order, which comes from `generator`
    or follows from `minigrad.manual_seed`. A `sampler` (indices) or `batch_sampler` (lists of indices) may
    give the order instead. `collate_fn` makes a batch of a list of items (default: `default_collate`);
    `drop_last` leaves out an incomplete last batch. Tensors in memory (`TensorDataset`, a tensor, a `Subset`
    of them) are indexed a batch at a time.

    With `num_workers` > 0 so many processes read ahead, `prefetch_factor` (2) batches each, in the same order
    and with the same result as without; an error in one is raised here with its traceback. They end when the
    pass ends or is left, unless `persistent_workers`. Worker i is seeded with base seed + i, then
    `worker_init_fn(i)` runs in it; `get_worker_info()` tells it who it is. `timeout` (seconds) limits the
    wait for a batch, and `in_order=False` gives batches as they come. `multiprocessing_context` is a start
    method ("fork", "spawn", "forkserver") or a context of `multiprocessing`.

    `pin_memory` and `pin_memory_device` are accepted, and do nothing: NumPy's memory is not pinned.

    >>> from minigrad import arange
    >>> [batch.tolist() for batch in DataLoader(arange(5), batch_size=2)]
    [[0, 1], [2, 3], [4]]
    """

    _ready = False

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: str | BaseContext | None = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        _check_order(dataset, batch_size, shuffle, sampler, batch_sampler, drop_last)

        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor: int | None = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = _context(multiprocessing_context, num_workers)
        self.generator = generator
        self.persistent_workers = persistent_workers
        self.in_order = in_order

        indices: Any = sampler
        if indices is None:
            if isinstance(dataset, IterableDataset):
                indices = Endless()
            elif shuffle:
                indices = RandomSampler(dataset, generator=generator)
            else:
                indices = SequentialSampler(dataset)
        if batch_sampler is not None:
            batch_size = None
        elif batch_size is not None:
            batch_sampler = BatchSampler(indices, batch_size, drop_last)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = indices
        self.batch_sampler = batch_sampler
        self.collate_fn = collate_fn or (default_collate if self.batched else default_convert)
        #: the length that an iterable dataset gave when it was asked, to be compared with what comes
        self.promised_length: int | None = None
        self.clock = [0]  # counts batches of all passes: it tells which pass was read last
        self._iterator: WorkersIterator | None = None
        self._passes: list[weakref.ref[LoaderIterator]] = []
        self._ready = True

    def __setattr__(self, name: str, value: Any) -> None:
        if self._ready and name in _FIXED:
            raise ValueError(f"{name} attribute should not be set after DataLoader is initialized")
        super().__setattr__(name, value)

    @property
    def batched(self) -> bool:
        """Whether items are collected into batches."""
        return self.batch_sampler is not None

    @property
    def index_sampler(self) -> Iterable[Any]:
        """What is iterated for one pass: lists of indices where `batched`, else indices."""
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def __iter__(self) -> LoaderIterator:
        saved = self._take_place()
        iterator: LoaderIterator
        if self.num_workers == 0:
            iterator = InProcessIterator(self, saved)
        elif not self.persistent_workers:
            iterator = WorkersIterator(self, saved)
        else:
            if self._iterator is None:
                self._iterator = WorkersIterator(self, saved)
            else:
                self._iterator.restart(self, saved)
            iterator = PersistentPass(self, self._iterator)
        self._passes = [*(one for one in self._passes if one() is not None), weakref.ref(iterator)]
        return iterator

    def __len__(self) -> int:
        """The number of batches (of items, without batches) in one pass."""
        if not isinstance(self.dataset, IterableDataset):
            return len(self.index_sampler)  # type: ignore[arg-type]
        length: int = len(self.dataset)  # type: ignore[arg-type]
        self.promised_length = length
        if self.batch_size is not None:
            length = length // self.batch_size if self.drop_last else -(-length // self.batch_size)
        return length


def _check_workers(
    num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool
) -> None:
    if num_workers < 0:
        raise ValueError(
            f"num_workers option should be non-negative, got {num_workers}; num_workers=0 starts no processes"
        )
    if timeout < 0:
        raise ValueError(f"timeout option should be non-negative, got {timeout}")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError("prefetch_factor option is for worker processes: it needs num_workers > 0")
    if prefetch_factor is not None and prefetch_factor < 0:
        raise ValueError(f"prefetch_factor option should be non-negative, got {prefetch_factor}")
    if num_workers == 0 and persistent_workers:
        raise ValueError("persistent_workers option needs num_workers > 0")
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if num_workers > allowed:
        warnings.warn(
            f"This DataLoader will create {num_workers} worker processes, more than the {allowed} processors "
            "that this process may use: it may be slower than with fewer",
            stacklevel=3,
        )


def _check_order(
    dataset: Any,
    batch_size: int | None,
    shuffle: bool | None,
    sampler: Any,
    batch_sampler: Any,
    drop_last: bool,
) -> None:
    if isinstance(dataset, IterableDataset):
        given = {"shuffle": shuffle or None, "sampler": sampler, "batch_sampler": batch_sampler}
        for name, value in given.items():
            if value is not None:
                raise ValueError(
                    f"DataLoader with IterableDataset: expected unspecified {name} option, but got "
                    f"{name}={value} (a stream comes in its own order)"
                )
    if sampler is not None and shuffle:
        raise ValueError("sampler option is mutually exclusive with shuffle")
    if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
        raise ValueError(
            "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
        )
    if batch_size is None and batch_sampler is None and drop_last:
        raise ValueError("batch_size=None disables auto-batching and is mutually exclusive with drop_last")


def _context(wanted: str | BaseContext | None, num_workers: int) -> BaseContext | None:
    if wanted is None:
        return None
    if num_workers == 0:
        raise ValueError("multiprocessing_context is for worker processes: it needs num_workers > 0")
    if isinstance(wanted, str):
        methods = multiprocessing.get_all_start_methods()
        if wanted not in methods:
            raise ValueError(f"multiprocessing_context should be a start method of {methods}, got {wanted!r}")
        return multiprocessing.get_context(wanted)
    if not isinstance(wanted, BaseContext):
        raise TypeError(f"multiprocessing_context should be a start method or a context, got {wanted!r}")
    return wanted
