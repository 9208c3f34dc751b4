"""`Size`: the shape of a tensor, a tuple that prints and adds up like PyTorch's."""

from __future__ import annotations

import math
from typing import Any


class Size(tuple):
    """A shape.

    >>> Size((2, 3)), Size((2, 3)).numel(), Size((2, 3)) == (2, 3)
    (minigrad.Size([2, 3]), 6, True)
    """

    __slots__ = ()

    def numel(self) -> int:
        """The number of elements of a tensor of this shape."""
        return math.prod(self)

    def __repr__(self) -> str:
        return f"minigrad.Size({list(self)})"

    def __getitem__(self, key: Any) -> Any:
        part = tuple.__getitem__(self, key)
        return Size(part) if isinstance(key, slice) else part

    def __add__(self, other: tuple) -> Size:  # type: ignore[override]
        return Size(tuple.__add__(self, tuple(other)))

    def __reduce__(self) -> tuple[Any, ...]:
        return (Size, (tuple(self),))


def as_shape(size: tuple[Any, ...], name: str = "size") -> tuple[int, ...]:
    """A shape given as `f(2, 3)`, `f((2, 3))` or `f([2, 3])`."""
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = tuple(size[0])
    try:
        shape = tuple(n.__index__() for n in size)
    except (AttributeError, TypeError):
        raise TypeError(f"{name} must be integers, got {size}") from None
    if any(n < 0 for n in shape):
        raise RuntimeError(f"{name} must not be negative, got {list(shape)}")
    return shape
