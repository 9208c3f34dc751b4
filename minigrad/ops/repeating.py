"""The elements repeated or in another order, always as a copy: `repeat`, `tile`, `flip`, `roll`, `rot90`."""

from __future__ import annotations

import math
from typing import Any

from ..autograd.core_ops import sum_to
from ..autograd.node import TensorBase
from ..autograd.primitive import primitive
from ..autograd.public import public
from ..backend.door import refuse, whole
from .dims import many_dims, one_dim, sizes_of
from .indexing import index
from .shape import reshape_, transpose

# --- primitives ----------------------------------------------------------------------------------------------


@primitive(dtype="keep")
def repeat_(xp, input, *, repeats):
    """`input`, of as many dimensions as `repeats`, laid side by side along each."""
    return xp.tile(input, repeats)


repeat_.vjp(input=lambda g, shape_of_input, repeats: _sum_of_repeats(g, shape_of_input, repeats))


def _sum_of_repeats(g, shape, repeats):
    """The repeats given dimensions of their own, and summed over these."""
    apart = tuple(n for pair in zip(repeats, shape) for n in pair)
    once = tuple(n for size in shape for n in (1, size))
    return reshape_(sum_to(reshape_(g, shape=apart), shape=once), shape=shape)


@primitive(dtype="keep")
def flip_(xp, input, *, dims):
    """Some dimensions in reverse order."""
    return xp.flip(input, dims).copy()


flip_.vjp(input=lambda g, dims: flip_(g, dims=dims))


@primitive(dtype="keep")
def roll_(xp, input, *, shifts, dims):
    """Elements moved along dimensions; what leaves at the end comes in at the start."""
    return xp.roll(input, shifts, dims)


roll_.vjp(input=lambda g, shifts, dims: roll_(g, shifts=_opposite(shifts), dims=dims))


def _opposite(shifts):
    return -shifts if isinstance(shifts, int) else tuple(-s for s in shifts)


@primitive(dtype="keep", differentiable=False)
def repeated_positions(xp, input, repeats, *, dim, size):
    """The indices along `dim` that take each element as often as `repeats` (a number or an array) says; their number is
    `size`, if that is known."""
    n = input.shape[dim]
    if not hasattr(repeats, "ndim"):
        return xp.arange(n * repeats, dtype="int64") // max(repeats, 1)
    if repeats.dtype.kind not in "iu":
        raise RuntimeError(f"repeat_interleave(): repeats must be integers, got {repeats.dtype}")
    if repeats.ndim > 1 or (repeats.size not in (1, n)):
        raise RuntimeError(f"repeat_interleave(): {repeats.size} repeats for {n} elements along dimension {dim}")
    ends = xp.cumsum(xp.broadcast_to(repeats.reshape(-1), (n,)), dtype="int64")
    if size is None:
        refuse("repeat_interleave() by a tensor, whose result's shape depends on values", "give output_size")
        size = int(ends[-1]) if n else 0
    elif xp.__name__ == "numpy":  # on a GPU a look would mean to wait
        whole(_refuse_other_size, ends, size)
    return xp.searchsorted(ends, xp.arange(size, dtype="int64"), side="right")


def _refuse_other_size(ends, size):
    total = int(ends[-1]) if ends.size else 0
    if total != size:
        raise RuntimeError(f"repeat_interleave(): output_size is {size}, but the repeats add up to {total}")


# --- public functions ----------------------------------------------------------------------------------------


@public
def repeat(input: Any, *times: Any, repeats: Any = None) -> Any:
    """`input` laid side by side so many times along each dimension; further numbers in front add dimensions.

    >>> import minigrad
    >>> minigrad.tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])

    Raises:
        RuntimeError: fewer numbers than dimensions, or negative ones.
    """
    times = sizes_of(times if repeats is None else (repeats,))
    new = len(times) - input.ndim
    if new < 0 or any(n < 0 for n in times):
        raise RuntimeError(
            f"repeat(): a tensor of {input.ndim} dimensions needs at least as many numbers, none negative; got {times}"
        )
    if new:
        input = reshape_(input, shape=(*(1,) * new, *input.shape))
    return repeat_(input, repeats=times)


@public
def tile(input: Any, *times: Any, dims: Any = None) -> Any:
    """`repeat` with NumPy's rule: where there are fewer numbers than dimensions, the first dimensions stay."""
    times = sizes_of(times if dims is None else (dims,))
    return repeat(input, (*(1,) * (input.ndim - len(times)), *times))


@public
def repeat_interleave(input: Any, repeats: Any, dim: Any = None, *, output_size: Any = None) -> Any:
    """Each element along `dim` (of all elements, if None) repeated in place, by one number or by one for each.

    `output_size` is the sum of a tensor of repeats: where it is given, a step with `minigrad.jit` knows the shape.

    >>> import minigrad
    >>> minigrad.repeat_interleave(minigrad.tensor([1, 2, 3]), 2)
    tensor([1, 1, 2, 2, 3, 3])
    """
    if dim is None or not input.ndim:
        input, dim = reshape_(input, shape=(math.prod(input.shape),)), 0
    k = one_dim(dim, input.ndim)
    if not isinstance(repeats, TensorBase) and not hasattr(repeats, "dtype") and repeats < 0:
        raise RuntimeError(f"repeat_interleave(): repeats must not be negative, got {repeats}")
    where = repeated_positions(input, repeats, dim=k, size=output_size)
    return index(input, where, key=tuple(0 if d == k else None for d in range(input.ndim)))


@public
def flip(input: Any, *reversed: Any, dims: Any = None) -> Any:
    """A copy with the order along some dimensions reversed.

    >>> import minigrad
    >>> minigrad.arange(3).flip(0)
    tensor([2, 1, 0])
    """
    chosen = many_dims(sizes_of(reversed if dims is None else (dims,)), input.ndim)
    return flip_(input, dims=chosen if input.ndim else ())


@public
def fliplr(input: Any) -> Any:
    """A copy with the columns (dimension 1) in reverse order."""
    if input.ndim < 2:
        raise RuntimeError(f"fliplr() needs at least two dimensions, got {input.ndim}")
    return flip_(input, dims=(1,))


@public
def flipud(input: Any) -> Any:
    """A copy with the rows (dimension 0) in reverse order."""
    if input.ndim < 1:
        raise RuntimeError("flipud() needs at least one dimension")
    return flip_(input, dims=(0,))


@public
def roll(input: Any, shifts: Any, dims: Any = None) -> Any:
    """A copy with the elements moved by `shifts` along `dims` (of the flattened tensor, if None), around the end.

    >>> import minigrad
    >>> minigrad.roll(minigrad.arange(5), 2)
    tensor([3, 4, 0, 1, 2])
    """
    several = isinstance(shifts, (tuple, list))
    if dims is None or (isinstance(dims, (tuple, list)) and not dims):
        if several and len(shifts) != 1:
            raise RuntimeError("roll() by several shifts needs as many dims")
        return roll_(input, shifts=int(shifts[0] if several else shifts), dims=None)
    moved = tuple(one_dim(d, input.ndim) for d in (dims if isinstance(dims, (tuple, list)) else (dims,)))
    by = tuple(int(s) for s in (shifts if several else (shifts,)))
    if len(by) != len(moved):
        raise RuntimeError(f"roll(): {len(by)} shifts for {len(moved)} dims: they must be equally many")
    return roll_(input, shifts=by, dims=moved) if input.ndim else roll_(input, shifts=0, dims=None)


@public
def rot90(input: Any, k: int = 1, dims: Any = (0, 1)) -> Any:
    """A copy turned by `k` quarters in the plane of two dimensions, from the first towards the second."""
    if len(dims) != 2 or input.ndim < 2:
        raise RuntimeError(f"rot90() turns in a plane of two dimensions, got dims {dims} of {input.ndim}")
    first, second = many_dims(dims, input.ndim)
    quarters = k % 4
    if quarters == 2:
        return flip_(input, dims=(first, second))
    if quarters == 1:
        return transpose(flip_(input, dims=(second,)), first, second)
    return flip_(transpose(input, first, second), dims=(second,)) if quarters else flip_(input, dims=())


__all__ = ["flip", "fliplr", "flipud", "repeat", "repeat_interleave", "roll", "rot90", "tile"]
