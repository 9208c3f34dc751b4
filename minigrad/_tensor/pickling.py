"""How tensors are pickled and deep-copied: values, dtype, device, `requires_grad`, and which memory they share.

Tensors copied together that share an array share one afterwards, and a view of one stays a view of it (they also
share the count of in-place changes, so that a stale gradient is still noticed). A view alone takes the memory that
it lies in with it. The graph, hooks, and, in a pickle, the gradient are left behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..autograd.node import LEAF, TensorBase
from ..backend.dtypes import public_dtype
from ..backend.library import Array, address, strided
from ..backend.ownership import root

_ENGINE_ATTRIBUTES = frozenset(
    ("array", "node", "_storage", "view_of", "_grad", "_hooks", "_post_hooks", "_retained")
)


def reduced(x: Any) -> tuple[Any, ...]:
    """What `__reduce_ex__` returns for a tensor."""
    return rebuilt, (type(x), memory(x), x._storage, x.requires_grad, dict(free_attributes(x)))


def rebuilt(cls: type, memory: tuple[Any, ...], storage: Any, requires_grad: bool, attributes: dict[str, Any]) -> Any:
    """A tensor from what `reduced` gave."""
    result: Any = object.__new__(cls)
    array = memory[0] if len(memory) == 1 else strided(*memory)
    kind = public_dtype(array.dtype).dtype
    # pickle makes new dtype objects, which the engine would have to compare again and again
    result.array = array if array.dtype is kind else array.view(kind)
    if storage is not None:
        result._storage = storage
    result.__dict__.update(attributes)
    if requires_grad:
        result.node = LEAF
    return result


def free_attributes(x: TensorBase) -> Iterator[tuple[str, Any]]:
    """What the user has hung on a tensor (`t.g = ...`)."""
    return ((name, value) for name, value in x.__dict__.items() if name not in _ENGINE_ATTRIBUTES)


def memory(x: TensorBase) -> tuple[Any, ...]:
    """The array alone; or, where it is a part of one, that array, the first element and the strides in it."""
    array = x.array
    whole = root(array)
    if whole is array or not _is_part(array, whole):
        return (array,)
    start, steps = _place(array, whole)
    return whole, start, array.shape, steps


def _place(array: Array, whole: Array) -> tuple[int, tuple[int, ...]]:
    """Where `array` begins in `whole`, and its strides, in elements."""
    size = array.dtype.itemsize
    return (address(array) - address(whole)) // size, tuple(s // size for s in array.strides)


def _is_part(array: Array, whole: Any) -> bool:
    """True where all of `array` lies in the contiguous `whole`, which has its dtype."""
    if whole.dtype != array.dtype or not whole.flags.c_contiguous:
        return False
    start, steps = _place(array, whole)
    ends = [(n - 1) * s for n, s in zip(array.shape, steps)]
    first, last = start + sum(e for e in ends if e < 0), start + sum(e for e in ends if e > 0)
    return array.size > 0 and first >= 0 and last < whole.size
