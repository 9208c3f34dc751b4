"""Other shapes for the same elements: `reshape`, `transpose`, `squeeze`, `expand`, `movedim`, ...

All of them are views that share the input's memory where PyTorch's do; `reshape` and `flatten` copy where they
must, `view` refuses to. Parts of a tensor (`select`, `diagonal`) are in `parts.py`, what repeats or reorders elements
(`repeat`, `flip`, `roll`) in `repeating.py`.
"""

from __future__ import annotations

import math
from typing import Any

from ..autograd.core_ops import expand as expand_to
from ..autograd.operands import array_of
from ..autograd.primitive import primitive
from ..autograd.public import public
from ..backend.dtypes import dtype as Dtype
from ..backend.dtypes import numpy_dtype
from ..backend.library import shares_memory_as_view
from .dims import broadcast_shapes, many_dims, one_dim, sizes_of

# --- primitives ----------------------------------------------------------------------------------------------


@primitive(dtype="keep", view=True)
def reshape_(xp, input, *, shape):
    """The elements in the same order, in another shape."""
    return input.reshape(shape)


reshape_.vjp(input=lambda g, shape_of_input: reshape_(g, shape=shape_of_input))


@primitive(dtype="keep", view=True)
def view_(xp, input, *, shape):
    """`reshape_` without a copy."""
    out = input.reshape(shape)
    if out.size and not shares_memory_as_view(out, input):
        raise ValueError(
            f"view size {shape} is not compatible with the input's size and stride: use .reshape(...) instead"
        )
    return out


view_.vjp(input=lambda g, shape_of_input: reshape_(g, shape=shape_of_input))


@primitive(dtype="keep", view=True, differentiable=False)
def bits_as(xp, input, *, dtype):
    """The same memory read as another dtype."""
    return input.view(dtype)


@primitive(dtype="keep", view=True)
def permute_(xp, input, *, dims):
    """The dimensions in another order."""
    return input.transpose(dims)


permute_.vjp(input=lambda g, dims: permute_(g, dims=_inverse(dims)))


@primitive(dtype="keep", view=True)
def transpose_(xp, input, *, dim0, dim1):
    """Two dimensions exchanged."""
    return input.swapaxes(dim0, dim1)


transpose_.vjp(input=lambda g, dim0, dim1: transpose_(g, dim0=dim0, dim1=dim1))


@primitive(dtype="keep")
def contiguous_(xp, input):
    """A copy in row-major order."""
    return input.copy()


contiguous_.vjp(input=lambda g: g)


def _inverse(dims: tuple[int, ...]) -> tuple[int, ...]:
    inverse = [0] * len(dims)
    for k, d in enumerate(dims):
        inverse[d] = k
    return tuple(inverse)


def unreduced(g: Any, shape: tuple[int, ...], dim: Any, keepdim: bool) -> Any:
    """The result of a reduction of `shape` over `dim`, or its gradient, so that it broadcasts against the input."""
    if keepdim or dim is None:
        return g
    dims = (dim,) if isinstance(dim, int) else dim
    return reshape_(g, shape=tuple([1 if k in dims else n for k, n in enumerate(shape)]))


# --- public functions ----------------------------------------------------------------------------------------


@public
def reshape(input: Any, *sizes: Any, shape: Any = None) -> Any:
    """`input` in another shape, one size of which may be -1: a view where possible, else a copy.

    >>> import minigrad
    >>> minigrad.arange(6).reshape(2, -1)
    tensor([[0, 1, 2],
            [3, 4, 5]])

    Raises:
        RuntimeError: the shapes have different numbers of elements.
    """
    return reshape_(input, shape=sizes_of(sizes if shape is None else (shape,)))


@public
def view(input: Any, *sizes: Any, size: Any = None, dtype: Any = None) -> Any:
    """`input` in another shape, always sharing its memory; or, given a dtype, its memory read as that dtype.

    Raises:
        RuntimeError: the layout in memory does not allow it, or the numbers of elements differ.
    """
    if dtype is not None or (len(sizes) == 1 and isinstance(sizes[0], (Dtype, type))):
        return bits_as(input, dtype=numpy_dtype(sizes[0] if dtype is None else dtype))
    return view_(input, shape=sizes_of(sizes if size is None else (size,)))


@public
def reshape_as(input: Any, other: Any) -> Any:
    """`input` in the shape of `other`."""
    return reshape_(input, shape=tuple(other.shape))


@public
def view_as(input: Any, other: Any) -> Any:
    """A view of `input` in the shape of `other`."""
    return view_(input, shape=tuple(other.shape))


@public
def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Dimensions `start_dim` to `end_dim` made one. A 0-d tensor becomes one of shape (1,).

    >>> import minigrad
    >>> minigrad.zeros(2, 3, 4).flatten(1).shape
    minigrad.Size([2, 12])
    """
    start, end = one_dim(start_dim, input.ndim), one_dim(end_dim, input.ndim)
    if start > end:
        raise RuntimeError(f"flatten(): start_dim {start_dim} comes after end_dim {end_dim}")
    shape = tuple(input.shape)
    return reshape_(input, shape=(*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))


@public
def ravel(input: Any) -> Any:
    """All elements in one dimension."""
    return reshape_(input, shape=(-1,) if math.prod(input.shape) else (0,))


@public
def unflatten(input: Any, dim: Any, sizes: Any) -> Any:
    """Dimension `dim` made into several of `sizes`, one of which may be -1."""
    k = one_dim(dim, input.ndim)
    if not input.ndim:
        raise RuntimeError("unflatten() needs at least one dimension, got a 0-d tensor")
    sizes, n = sizes_of(tuple(sizes)), input.shape[k]
    known = -math.prod(sizes) if -1 in sizes else math.prod(sizes)
    if (n != known) if -1 not in sizes else (known <= 0 or n % known):
        raise RuntimeError(f"unflatten(): sizes {sizes} do not multiply up to dimension {dim}'s size {n}")
    if -1 in sizes:
        sizes = tuple(n // known if s == -1 else s for s in sizes)
    return view_(input, shape=(*input.shape[:k], *sizes, *input.shape[k + 1 :]))


@public
def squeeze(input: Any, dim: Any = None) -> Any:
    """`input` without its dimensions of size 1, or without those of `dim` that are of size 1."""
    shape = tuple(input.shape)
    dims = range(len(shape)) if dim is None else many_dims(dim, len(shape))
    return reshape_(input, shape=tuple(n for k, n in enumerate(shape) if n != 1 or k not in dims))


@public
def unsqueeze(input: Any, dim: Any) -> Any:
    """`input` with a dimension of size 1 put in at `dim`."""
    shape = tuple(input.shape)
    k = one_dim(dim, len(shape) + 1)
    return reshape_(input, shape=(*shape[:k], 1, *shape[k:]))


@public
def transpose(input: Any, dim0: int, dim1: int) -> Any:
    """A view with two dimensions exchanged."""
    n = input.ndim
    dim0, dim1 = one_dim(dim0, n), one_dim(dim1, n)
    return transpose_(input, dim0=dim0, dim1=dim1) if n else reshape_(input, shape=())


@public
def swapaxes(input: Any, axis0: int, axis1: int) -> Any:
    """`transpose` under NumPy's name."""
    return transpose(input, axis0, axis1)


@public
def swapdims(input: Any, dim0: int, dim1: int) -> Any:
    """`transpose` under its newer name."""
    return transpose(input, dim0, dim1)


@public
def t(input: Any) -> Any:
    """The transpose of a matrix; tensors of fewer dimensions as they are.

    Raises:
        RuntimeError: more than two dimensions.
    """
    if input.ndim > 2:
        raise RuntimeError(f"t() takes at most two dimensions, got {input.ndim}: use mT or transpose(dim0, dim1)")
    return transpose_(input, dim0=0, dim1=1) if input.ndim == 2 else reshape_(input, shape=tuple(input.shape))


@public
def adjoint(input: Any) -> Any:
    """The last two dimensions exchanged, as `x.mT` does."""
    if input.ndim < 2:
        raise RuntimeError(f"mT takes matrices or batches of them, got {input.ndim} dimensions")
    return transpose_(input, dim0=input.ndim - 2, dim1=input.ndim - 1)


@public
def permute(input: Any, *order: Any, dims: Any = None) -> Any:
    """A view with the dimensions in another order, given as `permute(2, 0, 1)` or `permute((2, 0, 1))`.

    >>> import minigrad
    >>> minigrad.zeros(2, 3, 5).permute(2, 0, 1).shape
    minigrad.Size([5, 2, 3])
    """
    order = sizes_of(order if dims is None else (dims,))
    if len(order) != input.ndim:
        raise RuntimeError(f"permute() of {input.ndim} dimensions needs as many numbers, got {order}")
    return permute_(input, dims=many_dims(order, input.ndim) if order else ())


@public
def movedim(input: Any, source: Any, destination: Any) -> Any:
    """A view with the dimensions `source` (one or several) at the places `destination`, the others in order."""
    n = input.ndim
    places = many_dims(destination, n)
    moved = many_dims(source, n)
    if len(places) != len(moved):
        raise RuntimeError(f"movedim(): source {source} and destination {destination} must be equally many")
    if not n:
        return reshape_(input, shape=())
    order = [k for k in range(n) if k not in moved]
    for place, k in sorted(zip(places, moved)):
        order.insert(place, k)
    return permute_(input, dims=tuple(order))


@public
def moveaxis(input: Any, source: Any, destination: Any) -> Any:
    """`movedim` under NumPy's name."""
    return movedim(input, source, destination)


@public
def expand(input: Any, *sizes: Any, size: Any = None) -> Any:
    """`input` repeated along its dimensions of size 1, and along new ones in front, without copying.

    -1 leaves a size as it is. Elements share memory: clone() the result before writing to it.

    >>> import minigrad
    >>> minigrad.tensor([[1], [2]]).expand(-1, 3)
    tensor([[1, 1, 1],
            [2, 2, 2]])
    """
    target = sizes_of(sizes if size is None else (size,))
    have = tuple(input.shape)
    new = len(target) - len(have)
    if new < 0 or -1 in target[:new]:
        raise RuntimeError(
            f"expand({list(target)}): {len(have)} dimensions need at least as many sizes, and new ones cannot be -1"
        )
    target = tuple(have[k - new] if n == -1 else n for k, n in enumerate(target))
    if math.prod(target) == math.prod(have) and target[new:] == have:
        return reshape_(input, shape=target)  # nothing is repeated: the view may be written to
    return expand_to(input, shape=target)


@public
def expand_as(input: Any, other: Any) -> Any:
    """`input` expanded to the shape of `other`."""
    return expand(input, tuple(other.shape))


@public
def broadcast_to(input: Any, size: Any) -> Any:
    """`expand` as a function, with NumPy's name."""
    return expand(input, size)


@public
def broadcast_tensors(*tensors: Any) -> Any:
    """The tensors, expanded to the shape to which they broadcast together."""
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    shape = broadcast_shapes(*(tuple(x.shape) for x in tensors))
    return tuple(expand(x, shape) for x in tensors)


@public
def contiguous(input: Any, memory_format: Any = None) -> Any:
    """`input` itself if its elements lie in row-major order without gaps, else a copy that does."""
    array = array_of(input)
    return input if array.flags.c_contiguous else contiguous_(input)


def _each(function, inputs):
    """`function` of one tensor, or the tuple of it for several."""
    if len(inputs) == 1 and isinstance(inputs[0], (tuple, list)):
        return tuple(function(x) for x in inputs[0])
    return function(inputs[0]) if len(inputs) == 1 else tuple(function(x) for x in inputs)


def atleast_1d(*tensors: Any) -> Any:
    """Each tensor with at least one dimension."""
    return _each(lambda x: x if x.ndim else reshape_(x, shape=(1,)), tensors)


def atleast_2d(*tensors: Any) -> Any:
    """Each tensor with at least two dimensions, new ones in front."""
    return _each(lambda x: x if x.ndim > 1 else reshape_(x, shape=(1, math.prod(x.shape))), tensors)


def atleast_3d(*tensors: Any) -> Any:
    """Each tensor with at least three dimensions: (n,) becomes (1, n, 1), (n, m) becomes (n, m, 1)."""

    def widened(x):
        if x.ndim > 2:
            return x
        return reshape_(x, shape=(*x.shape, 1) if x.ndim == 2 else (1, math.prod(x.shape), 1))

    return _each(widened, tensors)


__all__ = [
    "adjoint", "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_shapes", "broadcast_tensors", "broadcast_to",
    "contiguous", "expand", "expand_as", "flatten", "moveaxis", "movedim", "permute", "ravel", "reshape", "reshape_as",
    "squeeze", "swapaxes", "swapdims", "t", "transpose", "unflatten", "unsqueeze", "view", "view_as",
]  # fmt: skip
