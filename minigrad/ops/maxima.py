"""The largest and the smallest elements: `max`, `min`, `amax`, `amin`, `aminmax`; where they are: `argmax`, `argmin`.

Where several elements tie, `amax`, `amin` and the full `max()` and `min()` share the gradient evenly among them;
`max(dim)` and `min(dim)` give it to the element that their indices name. `maximum` of two tensors is in `extrema.py`.
"""

from __future__ import annotations

from typing import Any

from ..autograd.primitive import primitive
from ..autograd.public import public
from . import return_types
from .dims import count, one_dim, reduced_dims
from .extrema import maximum, minimum
from .gathering import gather_along, spread_along
from .shape import reshape_, unreduced

# --- primitives ----------------------------------------------------------------------------------------------


@primitive(dtype="keep")
def amax_(xp, input, *, dim, keepdim):
    """The largest element over `dim`."""
    return input.max(axis=dim, keepdims=keepdim)


@primitive(dtype="keep")
def amin_(xp, input, *, dim, keepdim):
    """The smallest element over `dim`."""
    return input.min(axis=dim, keepdims=keepdim)


@primitive(dtype="keep", differentiable=False)
def share_of_ties(xp, input, best, *, dim):
    """1 / n where the input is one of n elements equal to the best over `dim`, else 0."""
    here = (input == best) | ((input != input) & (best != best))
    return here / xp.add.reduce(here, axis=dim, dtype=input.dtype, keepdims=True)


def _shared(g, input, out, shape_of_input, dim, keepdim):
    best = unreduced(out, shape_of_input, dim, keepdim)
    return unreduced(g, shape_of_input, dim, keepdim) * share_of_ties(input, best, dim=dim)


amax_.vjp(input=_shared)
amin_.vjp(input=_shared)


@primitive(dtype="keep", accepts="iuf", differentiable=False)
def argmax_(xp, input, *, dim, keepdim):
    """Where the largest element along `dim` is (the first of several; the first nan above all)."""
    return input.argmax(axis=dim, keepdims=keepdim)


@primitive(dtype="keep", accepts="iuf", differentiable=False)
def argmin_(xp, input, *, dim, keepdim):
    """Where the smallest element along `dim` is (the first of several; the first nan above all)."""
    return input.argmin(axis=dim, keepdims=keepdim)


@primitive(dtype="keep", nondiff=(1,), watched=(1,))
def max_(xp, input, *, dim, keepdim):
    """The largest element along `dim`, and where it is."""
    return (
        xp.asarray(input.max(axis=dim, keepdims=keepdim)),
        xp.asarray(input.argmax(axis=dim, keepdims=keepdim)),
    )


@primitive(dtype="keep", nondiff=(1,), watched=(1,))
def min_(xp, input, *, dim, keepdim):
    """The smallest element along `dim`, and where it is."""
    return (
        xp.asarray(input.min(axis=dim, keepdims=keepdim)),
        xp.asarray(input.argmin(axis=dim, keepdims=keepdim)),
    )


def _to_its_place(g, out, shape_of_input, dim, keepdim):
    (g, _), (_, places) = g, out
    g, places = (unreduced(x, shape_of_input, dim, keepdim) for x in (g, places))
    return spread_along(g, places, dim=dim, shape=shape_of_input)


max_.vjp(input=_to_its_place)
min_.vjp(input=_to_its_place)


# --- public functions ----------------------------------------------------------------------------------------


def _not_empty(input: Any, dim: Any, name: str) -> None:
    """There is no largest element of nothing."""
    if 0 in input.shape:
        if dim is None:
            raise RuntimeError(f"{name}() of no elements, shape {tuple(input.shape)}, needs a dim of non-zero size")
        if count(input.shape, dim) == 0:
            raise IndexError(f"{name}(): dimension {dim} of shape {tuple(input.shape)} must have non-zero size")


def pick(input: Any, places: Any, dim: int, keepdim: bool) -> tuple[Any, Any]:
    """The elements at `places` (with one place along `dim`), and the places; without `dim` unless it is kept."""
    values = gather_along(input, places, dim=dim)
    if not keepdim and input.ndim:
        shape = (*input.shape[:dim], *input.shape[dim + 1 :])
        values, places = reshape_(values, shape=shape), reshape_(places, shape=shape)
    return values, places


def _extreme(name, input, dim, keepdim, other, reduced, along, pairwise, pair):
    """max and min: of everything, along a dimension, or of two tensors."""
    if other is not None or hasattr(dim, "shape"):
        return pairwise(input, dim if other is None else other)
    if dim is None:
        _not_empty(input, None, name)
        return reduced(input, dim=None, keepdim=keepdim)
    k = one_dim(dim, input.ndim)
    if not input.ndim:
        return pair(*(reshape_(x, shape=()) for x in along(reshape_(input, shape=(1,)), dim=0, keepdim=False)))
    _not_empty(input, k, name)
    return pair(*along(input, dim=k, keepdim=keepdim))


@public
def max(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The largest element; along `dim` a pair (values, indices); of two tensors the larger at each place.

    >>> import minigrad
    >>> x = minigrad.tensor([[1, 5], [7, 2]])
    >>> minigrad.max(x), x.max(1).indices, minigrad.max(x, minigrad.tensor(4))
    (tensor(7), tensor([1, 0]), tensor([[4, 5],
            [7, 4]]))

    Raises:
        RuntimeError, IndexError: there are no elements.
    """
    return _extreme("max", input, dim, keepdim, other, amax_, max_, maximum, return_types.max)


@public
def min(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The smallest element; along `dim` a pair (values, indices); of two tensors the smaller at each place."""
    return _extreme("min", input, dim, keepdim, other, amin_, min_, minimum, return_types.min)


@public
def amax(input: Any, dim: Any = (), keepdim: bool = False) -> Any:
    """The largest element over the dimensions `dim`. Ties share the gradient evenly."""
    dim = reduced_dims(dim, input.ndim)
    _not_empty(input, dim, "amax")
    return amax_(input, dim=dim, keepdim=keepdim)


@public
def amin(input: Any, dim: Any = (), keepdim: bool = False) -> Any:
    """The smallest element over the dimensions `dim`. Ties share the gradient evenly."""
    dim = reduced_dims(dim, input.ndim)
    _not_empty(input, dim, "amin")
    return amin_(input, dim=dim, keepdim=keepdim)


@public
def aminmax(input: Any, *, dim: Any = None, keepdim: bool = False) -> Any:
    """The smallest and the largest element (along `dim`), as a pair (min, max)."""
    dim = None if dim is None else reduced_dims(one_dim(dim, input.ndim), input.ndim)
    _not_empty(input, dim, "aminmax")
    return return_types.aminmax(amin_(input, dim=dim, keepdim=keepdim), amax_(input, dim=dim, keepdim=keepdim))


def _one_or_all(input, dim, name):
    dim = None if dim is None else reduced_dims(one_dim(dim, input.ndim), input.ndim)
    if 0 in input.shape and (dim is None or not input.shape[dim]):
        raise IndexError(f"{name}() of shape {tuple(input.shape)} needs a dim of non-zero size")
    return dim


@public
def argmax(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The index of the largest element along `dim`, or of all elements seen as one row; int64.

    >>> import minigrad
    >>> minigrad.argmax(minigrad.tensor([[1, 5], [7, 2]]), dim=1)
    tensor([1, 0])
    """
    return argmax_(input, dim=_one_or_all(input, dim, "argmax"), keepdim=keepdim)


@public
def argmin(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The index of the smallest element along `dim`, or of all elements seen as one row; int64."""
    return argmin_(input, dim=_one_or_all(input, dim, "argmin"), keepdim=keepdim)


__all__ = ["amax", "amin", "aminmax", "argmax", "argmin", "max", "min"]
