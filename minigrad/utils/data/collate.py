"""From a list of items to one batch: `default_collate` stacks, `default_convert` only makes tensors."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

from ..._tensor.creation import as_tensor, tensor
from ..._tensor.tensor import Tensor
from ...backend.dtypes import float64
from ...backend.library import is_array
from ...ops.joining import stack


def default_collate(batch: Sequence[Any]) -> Any:
    """Stack the items of `batch` along a new first dimension, inside whatever containers they come in.

    Tensors and arrays are stacked; numbers become a tensor (int -> int64, float -> float64, bool -> bool,
    NumPy's scalars keep their type); strings and bytes stay as they are; mappings, namedtuples and lists keep
    their type with each field collated; tuples become lists, as in PyTorch.

    Raises TypeError for items of any other type (give the loader a `collate_fn` then), and RuntimeError for
    items of unequal size.

    >>> default_collate([(1, 2.5, "a"), (3, 4.5, "b")])
    [tensor([1, 3]), tensor([2.5000, 4.5000], dtype=minigrad.float64), ('a', 'b')]
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return stack(tuple(batch))
    if is_array(first):
        if not _is_numeric(first):
            raise _cannot_collate(f"an array of {first.dtype}")
        return stack(tuple(as_tensor(item) for item in batch))
    if _is_numpy_scalar(first):
        return as_tensor(list(batch))
    if isinstance(first, float):
        return tensor(list(batch), dtype=float64)
    if isinstance(first, int):
        return tensor(list(batch))
    if isinstance(first, str | bytes):
        return batch
    if isinstance(first, Mapping):
        return _like_mapping(first, {key: default_collate([item[key] for item in batch]) for key in first})
    if isinstance(first, Sequence):
        if any(len(item) != len(first) for item in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        return _like_sequence(first, [default_collate(field) for field in zip(*batch, strict=True)])
    raise _cannot_collate(str(type(first)))


def default_convert(data: Any) -> Any:
    """Make tensors of the arrays and NumPy scalars in `data`; the rest stays as it is.

    >>> import numpy
    >>> default_convert({"x": numpy.arange(2), "n": 3})
    {'x': tensor([0, 1]), 'n': 3}
    """
    if isinstance(data, Tensor | str | bytes):
        return data
    if is_array(data):
        return as_tensor(data) if _is_numeric(data) else data
    if _is_numpy_scalar(data):
        return as_tensor(data)
    if isinstance(data, Mapping):
        return _like_mapping(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, Sequence):
        return _like_sequence(data, [default_convert(item) for item in data])
    return data


def _like_mapping(original: Mapping[Any, Any], values: dict[Any, Any]) -> Any:
    """`values` in a mapping of the type of `original`, its extra attributes kept where it can be copied."""

    def rebuild() -> Any:
        if not isinstance(original, MutableMapping):
            return type(original)(values)  # type: ignore[call-arg]
        clone = copy.copy(original)
        clone.update(values)
        return clone

    return _or_plain(rebuild, values)


def _like_sequence(original: Sequence[Any], values: list[Any]) -> Any:
    """`values` in a sequence of the type of `original`: a list for tuples, and where it cannot be."""
    if isinstance(original, tuple):
        return type(original)(*values) if hasattr(original, "_fields") else values

    def rebuild() -> Any:
        if not isinstance(original, MutableSequence):
            return type(original)(values)  # type: ignore[call-arg]
        clone = copy.copy(original)
        for i, value in enumerate(values):
            clone[i] = value
        return clone

    return _or_plain(rebuild, values)


def _or_plain(rebuild: Callable[[], Any], plain: Any) -> Any:
    try:
        return rebuild()
    except TypeError:  # such as range, which cannot be made from values
        return plain


def _is_numeric(array: Any) -> bool:
    return array.dtype.kind in "biufc"


def _is_numpy_scalar(value: Any) -> bool:
    return type(value).__module__ == "numpy" and hasattr(value, "dtype") and _is_numeric(value)


def _cannot_collate(found: str) -> TypeError:
    return TypeError(
        f"default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {found}"
        " (a collate_fn can make batches of anything)"
    )
