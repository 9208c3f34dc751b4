"""Tensors put together and taken apart: `cat`, `stack`, `split`, `chunk`, `unbind`, `meshgrid`, ...

What is taken apart are views. `split`, `chunk` and `unbind` are one node of the graph with many outputs, so that a
loop over the time steps of a sequence costs its length, not the square of it.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from ..autograd.primitive import primitive
from ..autograd.public import public
from .dims import broadcast_shapes, one_dim
from .indexing import getitem_
from .shape import atleast_1d, atleast_2d, atleast_3d, expand, reshape_

_ALL = slice(None)

# --- primitives ----------------------------------------------------------------------------------------------


@primitive(dtype="keep", view=True)
def split_(xp, input, *, keys):
    """The parts of `input` at some basic indices, all together."""
    return tuple([input[key] for key in keys])


split_.vjp(input=lambda g, shape_of_input, keys: assemble(*g, shape=shape_of_input, keys=keys))
split_.parts(lambda k, input, keys: (getitem_, {"key": keys[k]}))


@primitive
def assemble(xp, *parts, shape, keys):
    """Zeros of `shape` with each part (None: nothing) at its index: the adjoint of `split_`."""
    given = next(part for part in parts if part is not None)
    out = xp.zeros(shape, dtype=given.dtype)
    for key, part in zip(keys, parts):
        if part is not None:
            out[key] = part
    return out


assemble.joint(lambda g, keys: split_(g, keys=keys))


@primitive
def cat_(xp, *tensors, dim):
    """Tensors one after the other along `dim`."""
    return xp.concatenate(tensors, axis=dim)


cat_.joint(lambda g, shape_of_tensors, dim: split_(g, keys=_ranges([s[dim] for s in shape_of_tensors], dim)))


@primitive
def stack_(xp, *tensors, dim):
    """Tensors of one shape side by side along a new dimension."""
    return xp.stack(tensors, axis=dim)


stack_.joint(lambda g, shape_of_tensors, dim: split_(g, keys=_places(len(shape_of_tensors), dim)))


def _ranges(sizes, dim):
    """The indices of parts of `sizes` along `dim`."""
    keys, start = [], 0
    for n in sizes:
        keys.append((*(_ALL,) * dim, slice(start, start + n), Ellipsis))
        start += n
    return tuple(keys)


def _places(n, dim):
    """The indices of the single places along `dim`."""
    return tuple([(*(_ALL,) * dim, k, Ellipsis) for k in range(n)])


def _listed(tensors, name, error=RuntimeError):
    tensors = tuple(tensors)
    if not tensors:
        raise error(f"{name}() needs at least one tensor, got an empty list")
    return tensors


# --- putting together ----------------------------------------------------------------------------------------


@public
def cat(tensors: Any, dim: int = 0) -> Any:
    """Tensors one after the other along `dim`; their other sizes agree. Empty 1-d tensors fit everywhere.

    >>> import minigrad
    >>> minigrad.cat([minigrad.ones(2, 1), minigrad.zeros(2, 2)], dim=1)
    tensor([[1., 0., 0.],
            [1., 0., 0.]])

    Raises:
        ValueError: no tensors.
        RuntimeError: 0-d tensors, or sizes that do not agree.
    """
    tensors = _listed(tensors, "cat", ValueError)
    ndim = max(x.ndim for x in tensors)
    if min(x.ndim for x in tensors) == 0:
        raise RuntimeError("cat() cannot join 0-d tensors: use stack()")
    dim = 0 if ndim == 1 and not any(x.shape[0] for x in tensors) else one_dim(dim, ndim)
    if ndim > 1:
        tensors = tuple(
            reshape_(x, shape=(*first.shape[:dim], 0, *first.shape[dim + 1 :])) if tuple(x.shape) == (0,) else x
            for first in [next(x for x in tensors if x.ndim == ndim)]
            for x in tensors
        )
    return cat_(*tensors, dim=dim)


@public
def concat(tensors: Any, dim: int = 0) -> Any:
    """`cat` under another name."""
    return cat(tensors, dim)


@public
def concatenate(tensors: Any, dim: int = 0) -> Any:
    """`cat` under NumPy's name."""
    return cat(tensors, dim)


@public
def stack(tensors: Any, dim: int = 0) -> Any:
    """Tensors of one shape side by side along a new dimension `dim`.

    >>> import minigrad
    >>> minigrad.stack([minigrad.zeros(3), minigrad.ones(3)], dim=1).shape
    minigrad.Size([3, 2])
    """
    tensors = _listed(tensors, "stack")
    return stack_(*tensors, dim=one_dim(dim, tensors[0].ndim + 1))


@public
def hstack(tensors: Any) -> Any:
    """Tensors joined along dimension 1 (along 0, if they have only one)."""
    tensors = atleast_1d(_listed(tensors, "hstack"))
    return cat(tensors, 0 if tensors[0].ndim == 1 else 1)


@public
def vstack(tensors: Any) -> Any:
    """Tensors joined along dimension 0, vectors as rows."""
    return cat(atleast_2d(_listed(tensors, "vstack")), 0)


@public
def row_stack(tensors: Any) -> Any:
    """`vstack` under another name."""
    return vstack(tensors)


@public
def dstack(tensors: Any) -> Any:
    """Tensors joined along dimension 2."""
    return cat(atleast_3d(_listed(tensors, "dstack")), 2)


@public
def column_stack(tensors: Any) -> Any:
    """Tensors joined along dimension 1, vectors as columns."""
    tensors = _listed(tensors, "column_stack")
    return cat([x if x.ndim > 1 else reshape_(x, shape=(math.prod(x.shape), 1)) for x in tensors], 1)


def block_diag(*tensors: Any) -> Any:
    """A matrix with the given matrices along its diagonal, zero elsewhere."""
    blocks = [atleast_2d(x) for x in tensors]
    if any(b.ndim > 2 for b in blocks):
        raise RuntimeError("block_diag() takes tensors of at most two dimensions")
    keys, row, column = [], 0, 0
    for b in blocks:
        n, m = b.shape
        keys.append((slice(row, row + n), slice(column, column + m), Ellipsis))
        row, column = row + n, column + m
    return assemble(*blocks, shape=(row, column), keys=tuple(keys))


def meshgrid(*tensors: Any, indexing: str = "ij") -> Any:
    """Vectors as coordinates along the dimensions of a grid: each expanded over the whole grid.

    With `indexing="xy"` the first two dimensions are exchanged.
    """
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f"meshgrid(): indexing is 'ij' or 'xy', got {indexing!r}")
    if any(x.ndim > 1 for x in tensors):
        raise RuntimeError("meshgrid() takes vectors and numbers")
    order = list(range(len(tensors)))
    if indexing == "xy" and len(order) > 1:
        order[:2] = (1, 0)
    laid = [
        reshape_(x, shape=tuple(math.prod(x.shape) if order[d] == k else 1 for d in range(len(order))))
        for k, x in enumerate(tensors)
    ]
    shape = broadcast_shapes(*(tuple(x.shape) for x in laid))
    return tuple(expand(x, shape) for x in laid)


def cartesian_prod(*tensors: Any) -> Any:
    """All combinations of the elements of vectors, one per row."""
    if len(tensors) == 1:
        return tensors[0]
    return stack([reshape_(x, shape=(-1,)) for x in meshgrid(*tensors)], 1)


# --- taking apart --------------------------------------------------------------------------------------------


@public
def split(tensor: Any, split_size_or_sections: Any = None, dim: int = 0, *, split_size: Any = None) -> Any:
    """Views of `tensor` along `dim`: pieces of one size (the last may be smaller), or of the sizes in a list.

    >>> import minigrad
    >>> [len(part) for part in minigrad.arange(5).split(2)]
    [2, 2, 1]
    """
    size = split_size if split_size_or_sections is None else split_size_or_sections
    n = _size_along(tensor, dim, "split")
    if isinstance(size, (tuple, list)):
        sizes = [int(s) for s in size]
        if math.fsum(sizes) != n or min(sizes, default=0) < 0:
            raise RuntimeError(f"split(): sizes {sizes} must add up to the size {n} of dimension {dim}")
    else:
        size = size.__index__()
        if size < 0 or (size == 0 and n):
            raise RuntimeError(f"split(): the size of a piece must be positive, got {size}")
        sizes = [min(size, n - start) for start in range(0, n, size)] if n else [0]
    return split_(tensor, keys=_ranges(sizes, one_dim(dim, tensor.ndim)))


@public
def split_with_sizes(input: Any, split_sizes: Any, dim: int = 0) -> Any:
    """`split` by a list of sizes."""
    return split(input, list(split_sizes), dim)


@public
def chunk(input: Any, chunks: int, dim: int = 0) -> Any:
    """Views of `input` along `dim`: at most `chunks` pieces of one size, the last one perhaps smaller."""
    if chunks <= 0:
        raise RuntimeError(f"chunk() expects a positive number of chunks, got {chunks}")
    n = _size_along(input, dim, "chunk")
    return split(input, -(-n // chunks), dim) if n else split(input, [0] * chunks, dim)


@public
def tensor_split(
    input: Any, indices_or_sections: Any = None, dim: int = 0, *, indices: Any = None, sections: Any = None
) -> Any:
    """Views of `input` along `dim`: a number of pieces whose sizes differ by at most 1, or the pieces between the
    places in a list."""
    where: Any = next((w for w in (indices_or_sections, indices, sections) if w is not None), None)
    n, k = _size_along(input, dim, "tensor_split"), one_dim(dim, input.ndim)
    if hasattr(where, "tolist"):
        where = where.tolist()
    if isinstance(where, (tuple, list)):
        ends = [0, *(int(w) for w in where), n]  # the pieces may overlap, so each is a view for itself
        return tuple(getitem_(input, key=(*(_ALL,) * k, slice(a, b), Ellipsis)) for a, b in pairwise(ends))
    if where <= 0:
        raise RuntimeError(f"tensor_split() expects a positive number of sections, got {where}")
    return split_(input, keys=_ranges([n // where + (j < n % where) for j in range(where)], k))


def hsplit(input: Any, indices_or_sections: Any) -> Any:
    """`tensor_split` along dimension 1 (along 0, if there is only one), into pieces of one size."""
    return _split_evenly(input, indices_or_sections, 0 if input.ndim == 1 else 1, "hsplit", 1)


def vsplit(input: Any, indices_or_sections: Any) -> Any:
    """`tensor_split` along dimension 0, into pieces of one size."""
    return _split_evenly(input, indices_or_sections, 0, "vsplit", 2)


def dsplit(input: Any, indices_or_sections: Any) -> Any:
    """`tensor_split` along dimension 2, into pieces of one size."""
    return _split_evenly(input, indices_or_sections, 2, "dsplit", 3)


def _split_evenly(input, where, dim, name, needed):
    if input.ndim < needed:
        raise RuntimeError(f"{name}() needs at least {needed} dimensions, got {input.ndim}")
    if isinstance(where, int) and (where <= 0 or input.shape[dim] % where):
        raise RuntimeError(f"{name}(): size {input.shape[dim]} of dimension {dim} is not divisible by {where}")
    return tensor_split(input, where, dim)


@public
def unbind(input: Any, dim: int = 0) -> Any:
    """The views of `input` at every place along `dim`, without that dimension.

    >>> import minigrad
    >>> minigrad.arange(4).reshape(2, 2).unbind()
    (tensor([0, 1]), tensor([2, 3]))
    """
    return split_(input, keys=_places(_size_along(input, dim, "unbind", IndexError), one_dim(dim, input.ndim)))


def _size_along(input, dim, name, error=RuntimeError):
    if not input.ndim:
        raise error(f"{name}() needs at least one dimension, got a 0-d tensor")
    return input.shape[one_dim(dim, input.ndim)]


__all__ = [
    "block_diag", "cartesian_prod", "cat", "chunk", "column_stack", "concat", "concatenate", "dsplit", "dstack",
    "hsplit", "hstack", "meshgrid", "row_stack", "split", "split_with_sizes", "stack", "tensor_split", "unbind",
    "vsplit", "vstack",
]  # fmt: skip
