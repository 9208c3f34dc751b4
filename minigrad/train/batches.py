"""Batches on their way from a loader to the model: their size, their device, groups of them, where a pass stands."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterable
from typing import Any

from minigrad import Tensor
from minigrad.nn.utils.rnn import PackedSequence
from minigrad.utils.data import Dataset, IterableDataset
from minigrad.utils.data.iterators import LoaderIterator


def batch_size(batch: Any) -> int:
    """The length of the first tensor or array with dimensions in a batch.

    >>> import minigrad
    >>> batch_size({"images": minigrad.ones(8, 2), "weight": 1.0})
    8
    """
    found = _length(batch)
    if found is None:
        raise TypeError(f"a batch holds tensors whose first dimension counts the samples, got {type(batch).__name__}")
    return found


def target_size(batch: Any) -> int:
    """The number of samples in a batch (inputs..., target): the length of its target, where that has one.

    >>> import minigrad
    >>> target_size((minigrad.ones(5, 8, 2), {"class": minigrad.ones(8)}))
    8
    """
    found = _length(batch[-1]) if isinstance(batch, list | tuple) and batch else None
    return batch_size(batch) if found is None else found


def _length(part: Any) -> int | None:
    if hasattr(part, "ndim"):  # an array, too
        return len(part) if part.ndim else None
    if isinstance(part, dict):
        part = list(part.values())
    if isinstance(part, list | tuple):
        return next((n for each in part if (n := _length(each)) is not None), None)
    return None


def moved(part: Any, device: Any) -> Any:
    """A batch with its tensors on `device`."""
    if isinstance(part, Tensor | PackedSequence):
        return part.to(device)
    if isinstance(part, dict):
        return {key: moved(each, device) for key, each in part.items()}
    if isinstance(part, list | tuple):
        parts = [moved(each, device) for each in part]
        return type(part)(*parts) if hasattr(part, "_fields") else parts
    return part


def check_loader(loader: Any, name: str = "the loader") -> None:
    """Raise TypeError for what gives single samples, or nothing at all."""
    if isinstance(loader, Dataset) and not isinstance(loader, IterableDataset):
        raise TypeError(f"{name} gives samples, not batches: wrap it, DataLoader({type(loader).__name__}(...), 32)")
    if not hasattr(loader, "__iter__") and not hasattr(loader, "__getitem__"):
        raise TypeError(f"{name} must give batches, such as a DataLoader, got {type(loader).__name__}")


def groups(batches: Iterable[Any], size: int, device: Any) -> Generator[list[Any], None, None]:
    """Lists of `size` batches, on `device`; the last one may be shorter.

    >>> [*groups("abc", 2, "cpu")]
    [['a', 'b'], ['c']]
    """
    check_loader(batches)
    group = []
    for batch in batches:
        group.append(moved(batch, device))
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


class Position:
    """How far the running pass over the training batches has come.

    Args:
        batches: done in this pass.
        saved: states of the loaders of training and validation, None of those that have none.
    """

    def __init__(self, batches: int = 0, saved: list[Any] | None = None) -> None:
        self.batches = batches
        self.saved = saved or []
        self._iterator: Any = None  # of the training's pass

    def states(self, *loaders: Any) -> list[Any]:
        """The states of the loaders."""
        if self.saved:  # nobody has gone on from them yet
            return self.saved
        if isinstance(self._iterator, LoaderIterator):
            self._iterator.touch()  # a callback may have looked into the loader since
        return [loader.state_dict() if hasattr(loader, "load_state_dict") else None for loader in loaders]

    def restore(self, *loaders: Any) -> None:
        """Give the loaders their saved states, once."""
        for name, loader, state in zip(("training", "validation"), loaders, self.saved):
            if state is not None and hasattr(loader, "load_state_dict"):
                try:
                    loader.load_state_dict(state)
                except ValueError as error:
                    raise ValueError(f"the loader of {name} batches: {error}") from error
        self.saved = []

    def read(self, loader: Iterable[Any]) -> Iterable[Any]:
        """The batches that are left. A loader that can be saved knows by itself, of another they are skipped."""
        self._iterator = iter(loader)
        if not self.batches or hasattr(loader, "load_state_dict"):
            return self._iterator
        return itertools.islice(self._iterator, self.batches, None)
