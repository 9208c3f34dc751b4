"""From indices to a batch: the one step that the loader's own process and its workers share.

Tensors in memory are indexed a whole batch at a time: the same values as item by item, without the cost of
making, for every item, a tensor that is at once copied into the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..._tensor.creation import as_tensor
from ..._tensor.tensor import Tensor
from ...autograd.primitive import wrap
from ...backend.host import host_array
from ...backend.library import is_array
from .collate import default_collate
from .dataset import IterableDataset, Subset, TensorDataset


class MapFetcher:
    """Reads a map-style dataset: lists of indices where `batched`, else single ones."""

    def __init__(self, dataset: Any, batched: bool, collate: Callable[[Any], Any]) -> None:
        self.dataset = dataset
        self.batched = batched
        self.collate = collate
        self.read_batch = batch_reader(dataset) if batched and collate is default_collate else None

    def fetch(self, index: Any) -> Any:
        if not self.batched:
            return self.collate(self.dataset[index])
        if self.read_batch is not None and _are_ints(index):
            return self.read_batch(index)
        read_all = getattr(self.dataset, "__getitems__", None)
        return self.collate(read_all(index) if read_all else [self.dataset[i] for i in index])


class IterableFetcher:
    """Reads a stream: as many items as there are indices where `batched`, else one; then StopIteration."""

    def __init__(self, dataset: Any, batched: bool, collate: Callable[[Any], Any], drop_last: bool) -> None:
        self.items = iter(dataset)
        self.batched = batched
        self.collate = collate
        self.drop_last = drop_last
        self.ended = False

    def fetch(self, index: Any) -> Any:
        return self.collate(self.take(index))

    def take(self, index: Any) -> Any:
        """The items of the next batch, or the next item, as they are."""
        if self.ended:
            raise StopIteration
        if not self.batched:
            return next(self.items)
        # zip asks the indices first, so that no item is taken beyond the batch
        batch = [item for _, item in zip(index, self.items, strict=False)]
        self.ended = len(batch) < len(index)
        if not batch or (self.drop_last and self.ended):
            raise StopIteration
        return batch


def make_fetcher(dataset: Any, batched: bool, collate: Callable[[Any], Any], drop_last: bool) -> Any:
    """The fetcher for `dataset`; called anew for each pass over the data."""
    if isinstance(dataset, IterableDataset):
        return IterableFetcher(dataset, batched, collate, drop_last)
    return MapFetcher(dataset, batched, collate)


def batch_reader(dataset: Any) -> Callable[[Sequence[int]], Any] | None:
    """A function from a list of indices to their collated batch, where `dataset` is tensors in memory:
    a tensor or array, a `TensorDataset`, or a `Subset` of one. None for every other dataset."""
    kind = type(dataset)
    if isinstance(dataset, Tensor) or (is_array(dataset) and dataset.dtype.kind in "biuf"):
        return lambda indices: _rows((dataset,), indices)[0]
    if hasattr(dataset, "__getitems__") and kind.__getitems__ is not Subset.__getitems__:
        return None
    if isinstance(dataset, TensorDataset) and kind.__getitem__ is TensorDataset.__getitem__:
        return lambda indices: _rows(dataset.tensors, indices)
    if isinstance(dataset, Subset) and kind.__getitem__ is Subset.__getitem__:
        inner = batch_reader(dataset.dataset)
        if inner is not None and _are_ints(dataset.indices):
            return lambda indices: inner([dataset.indices[i] for i in indices])
    return None


def _rows(sources: Sequence[Any], indices: Sequence[int]) -> list[Tensor]:
    """The rows `indices` of every source, with the index sent to each device once."""
    host = host_array(indices, "int64")
    index: dict[Any, Tensor] = {}
    rows = []
    for source in map(as_tensor, sources):
        where = source.device
        at = index.get(where)
        if at is None:
            at = index[where] = as_tensor(host, device=where)
        # Data want no gradient as a rule: then the arrays alone are asked, at 1.3 us instead of 9.
        rows.append(wrap(source.array[at.array]) if source.node is None else source[at])
    return rows


def _are_ints(indices: Any) -> bool:
    """True for a non-empty sequence of plain integers; anything else is left to the dataset."""
    if isinstance(indices, range):
        return len(indices) > 0
    return isinstance(indices, list | tuple) and set(map(type, indices)) == {int}
