"""Dimensions and shapes as PyTorch takes them: negative ones count from the end, several come as a tuple or one
after the other, none means all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def one_dim(dim: Any, ndim: int) -> int:
    """`dim` counted from the front. A 0-d tensor counts as having one dimension.

    >>> one_dim(-1, 3)
    2
    """
    k = _integer(dim)
    n = ndim or 1
    if not -n <= k < n:
        raise IndexError(f"dimension out of range: {k} for a tensor of {ndim} dimensions (expected {-n} to {n - 1})")
    return k + n if k < 0 else k


def many_dims(dims: Any, ndim: int) -> tuple[int, ...]:
    """Several dimensions counted from the front, each at most once."""
    found = tuple(one_dim(d, ndim) for d in (dims if isinstance(dims, (tuple, list)) else (dims,)))
    if len(set(found)) != len(found):
        raise RuntimeError(f"a dimension appears more than once in {tuple(dims)}")
    return found


def reduced_dims(dim: Any, ndim: int) -> Any:
    """The dimensions that a reduction goes over: an integer, a tuple, or None for all of them.

    >>> reduced_dims(-1, 2), reduced_dims((0, -1), 3), reduced_dims((), 2)
    (1, (0, 2), None)
    """
    if dim is None:
        return None
    dims = many_dims(dim, ndim) if isinstance(dim, (tuple, list)) else one_dim(dim, ndim)
    return None if not ndim or dims == () else dims


def kept_shape(shape: Sequence[int], dim: Any) -> tuple[int, ...]:
    """`shape` after a reduction over `dim` (as `reduced_dims` gives it) that keeps the dimensions, with size 1."""
    if dim is None:
        return (1,) * len(shape)
    dims = (dim,) if isinstance(dim, int) else dim
    return tuple(1 if k in dims else n for k, n in enumerate(shape))


def count(shape: Sequence[int], dim: Any) -> int:
    """How many elements of `shape` a reduction over `dim` puts together.

    >>> count((2, 3, 4), (0, 2)), count((2, 3, 4), None)
    (8, 24)
    """
    n = 1
    for k in range(len(shape)) if dim is None else (dim,) if isinstance(dim, int) else dim:
        n *= shape[k]
    return n


def reversed_along(array: Any, dim: int) -> Any:
    """The view of an array with the order along `dim` reversed."""
    return array[(slice(None),) * dim + (slice(None, None, -1),)]


def sizes_of(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Integers given as `f(2, 3)`, `f((2, 3))` or `f([2, 3])`."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    return tuple(n if type(n) is int else _integer(n) for n in sizes)


def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """The shape to which shapes broadcast together.

    >>> broadcast_shapes((2, 1), (3,), ())
    (2, 3)

    Raises:
        RuntimeError: they do not fit together.
    """
    result: list[int] = []
    for shape in shapes:
        shape = (shape,) if isinstance(shape, int) else shape
        result[:0] = [1] * (len(shape) - len(result))
        for k, n in enumerate(reversed(shape), 1):
            if n != 1 and result[-k] not in (1, n):
                raise RuntimeError(f"shapes {', '.join(str(tuple(s)) for s in shapes)} cannot be broadcast together")
            result[-k] = n if result[-k] == 1 else result[-k]
    return tuple(result)


def _integer(value: Any) -> int:
    try:
        return value.__index__()
    except (AttributeError, TypeError):
        raise TypeError(f"expected an integer, got {type(value).__name__}: {value!r}") from None


__all__ = ["broadcast_shapes"]
