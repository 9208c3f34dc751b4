"""Running results along a dimension: `cumsum`, `cumprod`, `cummax`, `cummin`, `logcumsumexp`, `diff`.

Gradients of products and of logcumsumexp are linear recurrences, s[j] = g[j] + a[j] s[j+1], which `recurrence`
computes without dividing: they are right where factors are 0, and can be differentiated again.
"""

from __future__ import annotations

from typing import Any

from ..autograd.core_ops import cast
from ..autograd.primitive import primitive
from ..autograd.public import public
from ..backend.dtypes import numpy_dtype
from .arithmetic import sub_
from .comparison import ne
from .dims import one_dim, reversed_along
from .gathering import gather_along
from .indexing import getitem_
from .joining import cat
from .return_types import cummax as CumMax
from .return_types import cummin as CumMin
from .shape import reshape_

# --- primitives ----------------------------------------------------------------------------------------------


def _turned(array, dim, reverse):
    return reversed_along(array, dim) if reverse else array


@primitive(dtype="keep")
def cumsum_(xp, input, *, dim, reverse):
    """Sums of the elements up to each, or of those from each on. Integers and bools as int64."""
    dtype = input.dtype if input.dtype.kind == "f" else "int64"
    return _turned(xp.cumsum(_turned(input, dim, reverse), axis=dim, dtype=dtype), dim, reverse)


cumsum_.vjp(input=lambda g, dim, reverse: cumsum_(g, dim=dim, reverse=not reverse))


@primitive(dtype="keep")
def shift(xp, input, *, dim, back, fill):
    """The elements moved one place on along `dim` (`back`: one place towards the start), `fill` where they leave."""
    out = xp.empty(input.shape, dtype=input.dtype)
    head, tail = (slice(None),) * dim + (slice(1, None),), (slice(None),) * dim + (slice(None, -1),)
    first, last = (slice(None),) * dim + (slice(None, 1),), (slice(None),) * dim + (slice(-1, None),)
    out[tail if back else head] = input[head if back else tail]
    out[last if back else first] = fill
    return out


shift.vjp(input=lambda g, dim, back: shift(g, dim=dim, back=not back, fill=0))


@primitive(dtype="keep")
def recurrence(xp, decay, input, *, dim, reverse):
    """out[j] = input[j] + decay[j] * out[j-1] (`reverse`: out[j+1]), with 0 beyond the end.

    By doubling: after each round out[j] holds the terms of twice as many neighbours, and decay[j] the product that
    leads to the next. log2(n) rounds of array calls instead of n steps. [Hillis & Steele 1986]
    """
    out = _turned(input, dim, reverse).copy()
    product = _turned(decay, dim, reverse).copy()
    for here, there in _doubled(input.shape[dim], dim):
        out[here] += product[here] * out[there]
        product[here] *= product[there].copy()
    return _turned(out, dim, reverse)


def _doubled(n, dim):
    """The pairs of slices (places, places 1, 2, 4, ... before them) along `dim`."""
    step = 1
    while step < n:
        yield (slice(None),) * dim + (slice(step, None),), (slice(None),) * dim + (slice(None, -step),)
        step *= 2


@recurrence.joint
def _recurrence_gradients(g, decay, out, dim, reverse):
    reached = recurrence(shift(decay, dim=dim, back=not reverse, fill=0), g, dim=dim, reverse=not reverse)
    return reached * shift(out, dim=dim, back=reverse, fill=0), reached


@primitive(dtype="keep")
def cumprod_(xp, input, *, dim, reverse):
    """Products of the elements up to each, or of those from each on. Integers and bools as int64."""
    dtype = input.dtype if input.dtype.kind == "f" else "int64"
    return _turned(xp.cumprod(_turned(input, dim, reverse), axis=dim, dtype=dtype), dim, reverse)


cumprod_.vjp(
    input=lambda g, input, out, dim, reverse: (
        shift(out, dim=dim, back=reverse, fill=1)
        * recurrence(shift(input, dim=dim, back=not reverse, fill=0), g, dim=dim, reverse=not reverse)
    )
)


@primitive(dtype="keep")
def exp_difference(xp, input, other):
    """exp(input - other), and 0 where the input is -inf, whatever the other."""
    nothing = input == -xp.inf
    return xp.where(nothing, xp.zeros((), dtype=input.dtype), xp.exp(input - other))


exp_difference.vjp(input=lambda g, out: g * out, other=lambda g, out: -(g * out))


@primitive(dtype="float")
def logcumsumexp_(xp, input, *, dim):
    """log of the sums of exp of the elements up to each."""
    return _running(xp, xp.logaddexp, input, dim)


logcumsumexp_.vjp(
    input=lambda g, input, out, dim: (
        exp_difference(input, out)
        * recurrence(exp_difference(out, shift(out, dim=dim, back=True, fill=float("inf"))), g, dim=dim, reverse=True)
    )
)


def _running(xp, combine, array, dim):
    """`combine.accumulate(array, dim)`, by doubling: CuPy has it for sums and products only."""
    out = array.copy()
    for here, there in _doubled(array.shape[dim], dim):
        out[here] = combine(out[here], out[there])
    return out


@primitive(dtype="keep", differentiable=False)
def place_of_running_max(xp, input, *, dim, least):
    """Where, up to each element, the largest (`least`: the smallest) is; the last such place, and nan above all."""
    best = _running(xp, xp.minimum if least else xp.maximum, input, dim)
    here = (input == best) | (input != input)
    places = xp.arange(input.shape[dim]).reshape([-1 if k == dim else 1 for k in range(input.ndim)])
    return _running(xp, xp.maximum, xp.where(here, places, 0), dim)


# --- public functions ----------------------------------------------------------------------------------------


def _along(input, dim, operation):
    """`operation(input, dim)`, where a 0-d tensor counts as having one dimension."""
    k = one_dim(dim, input.ndim)
    if input.ndim:
        return operation(input, k)
    return reshape_(operation(reshape_(input, shape=(1,)), 0), shape=())


@public
def cumsum(input: Any, dim: Any, *, dtype: Any = None) -> Any:
    """Running sums along `dim`. Integers and bools are summed as int64.

    >>> import minigrad
    >>> minigrad.cumsum(minigrad.tensor([1, 2, 3]), dim=0)
    tensor([1, 3, 6])
    """
    input = input if dtype is None else cast(input, dtype=numpy_dtype(dtype))
    return _along(input, dim, lambda x, k: cumsum_(x, dim=k, reverse=False))


@public
def cumprod(input: Any, dim: Any, *, dtype: Any = None) -> Any:
    """Running products along `dim`. Integers and bools are multiplied as int64."""
    input = input if dtype is None else cast(input, dtype=numpy_dtype(dtype))
    return _along(input, dim, lambda x, k: cumprod_(x, dim=k, reverse=False))


@public
def logcumsumexp(input: Any, dim: Any) -> Any:
    """log of the running sums of exp along `dim`, without overflow. The gradient of -inf is 0."""
    return _along(input, dim, lambda x, k: logcumsumexp_(x, dim=k))


@public
def cummax(input: Any, dim: Any) -> Any:
    """The largest element up to each along `dim`, and where it is: a pair (values, indices)."""
    places = _along(input, dim, lambda x, k: place_of_running_max(x, dim=k, least=False))
    return CumMax(gather_along(input, places, dim=one_dim(dim, input.ndim)), places)


@public
def cummin(input: Any, dim: Any) -> Any:
    """The smallest element up to each along `dim`, and where it is: a pair (values, indices)."""
    places = _along(input, dim, lambda x, k: place_of_running_max(x, dim=k, least=True))
    return CumMin(gather_along(input, places, dim=one_dim(dim, input.ndim)), places)


@public
def diff(input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """The differences of neighbours along `dim`, taken `n` times; of bools whether they differ.

    >>> import minigrad
    >>> minigrad.diff(minigrad.tensor([1, 4, 9]))
    tensor([3, 5])
    """
    if not input.ndim:
        raise RuntimeError("diff() needs at least one dimension")
    k = one_dim(dim, input.ndim)
    joined = [x for x in (prepend, input, append) if x is not None]
    if len(joined) > 1:
        input = cat(joined, k)
    whole = (slice(None),) * k
    for _ in range(min(n, input.shape[k])):
        later, earlier = (getitem_(input, key=(*whole, part)) for part in (slice(1, None), slice(None, -1)))
        input = ne(later, earlier) if str(input.dtype).endswith("bool") else sub_(later, earlier)
    return input


__all__ = ["cummax", "cummin", "cumprod", "cumsum", "diff", "logcumsumexp"]
