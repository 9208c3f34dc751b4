"""Sums, means, products, variances and counts over dimensions: `sum`, `mean`, `prod`, `var`, `std`, `logsumexp`, ...

`dim` is one dimension, several, or None for all; `keepdim=True` leaves the reduced dimensions with size 1. Maxima
are in `extrema.py`, norms in `norms.py`, running sums in `scan.py`.
"""

from __future__ import annotations

import warnings
from typing import Any

from ..autograd.core_ops import cast
from ..autograd.operands import array_of
from ..autograd.primitive import primitive
from ..autograd.public import public
from ..backend.dtypes import numpy_dtype
from .comparison import isnan, logical_not, where_
from .dims import count, kept_shape, one_dim, reduced_dims
from .division import div_
from .scan import cumprod_, exp_difference, shift
from .shape import reshape_, unreduced

# --- primitives ----------------------------------------------------------------------------------------------


def _wide(x):
    """Sums of float16 are computed in float32, as PyTorch does."""
    return x.astype("float32") if x.dtype.itemsize == 2 and x.dtype.kind == "f" else x


def _narrow(result, x):
    """The result of a computation on `_wide(x)` in the dtype of x."""
    return result if x.dtype.itemsize > 2 else result.astype(x.dtype)


@primitive(dtype="keep")
def sum_(xp, input, *, dim, keepdim):
    """The sum over `dim`; of integers and bools as int64."""
    kind = input.dtype.kind
    if kind == "f" and input.dtype.itemsize > 2:
        return xp.add.reduce(input, axis=dim, keepdims=keepdim)
    total = xp.add.reduce(input, axis=dim, dtype="float32" if kind == "f" else "int64", keepdims=keepdim)
    return total.astype(input.dtype) if kind == "f" else total


sum_.vjp(input=lambda g, shape_of_input, dim, keepdim: unreduced(g, shape_of_input, dim, keepdim))


@primitive(dtype="keep", accepts="f")
def mean_(xp, input, *, dim, keepdim):
    """The mean over `dim`."""
    total = xp.add.reduce(_wide(input), axis=dim, keepdims=keepdim)
    return _narrow(total / (input.size if dim is None else count(input.shape, dim)), input)


mean_.vjp(
    input=lambda g, shape_of_input, dim, keepdim: (
        unreduced(g, shape_of_input, dim, keepdim) / (count(shape_of_input, dim) or 1)
    )
)


@primitive(dtype="keep")
def prod_(xp, input, *, dim, keepdim):
    """The product over `dim` (one dimension, or None for all); of integers and bools as int64."""
    if input.dtype.kind != "f":
        return xp.multiply.reduce(input, axis=dim, dtype="int64", keepdims=keepdim)
    return _narrow(xp.multiply.reduce(_wide(input), axis=dim, keepdims=keepdim), input)


prod_.vjp(
    input=lambda g, input, shape_of_input, dim, keepdim: (
        unreduced(g, shape_of_input, dim, keepdim) * product_of_others(input, shape_of_input, dim)
    )
)


def product_of_others(input: Any, shape: Any, dim: Any) -> Any:
    """For each element the product of all others along `dim`: of those before it, times those behind it.

    (Dividing the product by the element would fail where that is 0.)
    """
    x = reshape_(input, shape=(-1,)) if dim is None else input
    k = 0 if dim is None else dim
    if 0 in shape:
        return input
    before = shift(cumprod_(x, dim=k, reverse=False), dim=k, back=False, fill=1)
    behind = shift(cumprod_(x, dim=k, reverse=True), dim=k, back=True, fill=1)
    return reshape_(before * behind, shape=shape)


@primitive(dtype="keep", accepts="f")
def var_(xp, input, *, dim, correction, keepdim):
    """The sum of squared deviations from the mean, divided by the number of elements less `correction`."""
    return _narrow(_variance(xp, input, dim, correction, keepdim), input)


def _variance(xp, input, dim, correction, keepdim):
    x, n = _wide(input), count(input.shape, dim)
    away = x - xp.add.reduce(x, axis=dim, keepdims=True) / n
    return xp.add.reduce(away * away, axis=dim, keepdims=keepdim) / max(n - correction, 0)


var_.vjp(
    input=lambda g, input, shape_of_input, dim, correction, keepdim: (
        unreduced(g, shape_of_input, dim, keepdim)
        * (input - mean_(input, dim=dim, keepdim=True))
        * _twice_over(count(shape_of_input, dim) - correction)
    )
)


@primitive(dtype="keep", accepts="f")
def std_(xp, input, *, dim, correction, keepdim):
    """The square root of `var_`."""
    return _narrow(xp.sqrt(_variance(xp, input, dim, correction, keepdim)), input)


std_.vjp(
    input=lambda g, input, out, shape_of_input, dim, correction, keepdim: (
        unreduced(g * reciprocal_or_zero(out), shape_of_input, dim, keepdim)
        * (input - mean_(input, dim=dim, keepdim=True))
        * (0.5 * _twice_over(count(shape_of_input, dim) - correction))
    )
)


def _twice_over(freedom):
    return 2 / freedom if freedom > 0 else float("inf")


@primitive(dtype="keep")
def reciprocal_or_zero(xp, input):
    """1 / input, but 0 where the input is 0: the subgradient that PyTorch takes of roots and norms there."""
    zero = input == 0
    return xp.where(zero, xp.zeros((), dtype=input.dtype), 1 / xp.where(zero, xp.ones((), dtype=input.dtype), input))


reciprocal_or_zero.vjp(input=lambda g, out: -(g * out * out))


@primitive(dtype="float")
def logsumexp_(xp, input, *, dim, keepdim):
    """log of the sum of exp, computed from the largest element."""
    top = input.max(axis=dim, keepdims=True) if input.size else xp.zeros(kept_shape(input.shape, dim), input.dtype)
    top = xp.where(xp.isfinite(top), top, xp.zeros((), dtype=input.dtype))
    out = xp.log(xp.add.reduce(xp.exp(input - top), axis=dim, keepdims=True)) + top
    return out if keepdim else out.reshape([n for n, m in zip(out.shape, _mark(out.shape, dim)) if not m])


def _mark(shape, dim):
    """For each dimension whether it is reduced."""
    dims = range(len(shape)) if dim is None else (dim,) if isinstance(dim, int) else dim
    return [k in dims for k in range(len(shape))]


logsumexp_.vjp(
    input=lambda g, input, out, shape_of_input, dim, keepdim: (
        unreduced(g, shape_of_input, dim, keepdim) * exp_difference(input, unreduced(out, shape_of_input, dim, keepdim))
    )
)


@primitive(dtype="keep", differentiable=False)
def all_(xp, input, *, dim, keepdim):
    """True where all are true; uint8 stays uint8, as in PyTorch."""
    found = xp.all(input, axis=dim, keepdims=keepdim)
    return found.astype("uint8") if input.dtype == "uint8" else found


@primitive(dtype="keep", differentiable=False)
def any_(xp, input, *, dim, keepdim):
    """True where any is true."""
    found = xp.any(input, axis=dim, keepdims=keepdim)
    return found.astype("uint8") if input.dtype == "uint8" else found


@primitive(dtype="keep", differentiable=False)
def count_nonzero_(xp, input, *, dim):
    """How many are not zero."""
    return xp.add.reduce(input != 0, axis=dim, dtype="int64")


# --- public functions ----------------------------------------------------------------------------------------


def _as(input, dtype):
    return input if dtype is None else cast(input, dtype=numpy_dtype(dtype))


@public
def sum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The sum over all elements, or over the dimensions `dim`. Integers and bools are summed as int64.

    >>> import minigrad
    >>> x = minigrad.tensor([[1, 2], [3, 4]])
    >>> minigrad.sum(x), x.sum(dim=0), x.sum(1, keepdim=True).shape
    (tensor(10), tensor([4, 6]), minigrad.Size([2, 1]))
    """
    if dim is not None:
        dim = reduced_dims(dim, input.ndim)
    return sum_(input if dtype is None else _as(input, dtype), dim=dim, keepdim=keepdim)


@public
def mean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The mean over all elements, or over the dimensions `dim`.

    >>> import minigrad
    >>> minigrad.mean(minigrad.tensor([1.0, 2.0, 6.0]))
    tensor(3.)

    Raises:
        RuntimeError: integers or bools, unless `dtype` converts them.
    """
    if dim is not None:
        dim = reduced_dims(dim, input.ndim)
    return mean_(input if dtype is None else _as(input, dtype), dim=dim, keepdim=keepdim)


@public
def prod(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The product of all elements, or along the dimension `dim`. Its gradient is right where factors are 0."""
    if dim is not None:
        dim = reduced_dims(one_dim(dim, input.ndim), input.ndim)
    return prod_(_as(input, dtype), dim=dim, keepdim=keepdim)


@public
def nansum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """`sum` with nan counted as 0."""
    return sum(where_(isnan(input), 0, input) if _is_float(input) else input, dim, keepdim, dtype=dtype)


@public
def nanmean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """`mean` of the elements that are not nan."""
    input = _as(input, dtype)
    numbers = sum(logical_not(isnan(input)), dim, keepdim)
    return div_(nansum(input, dim, keepdim), numbers)


def _is_float(input):
    return array_of(input).dtype.kind == "f"


def _moment_arguments(name, input, dim, unbiased, correction):
    """The arguments of var and std in one form: (dim, correction)."""
    if isinstance(dim, bool):  # var(input, unbiased)
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    elif unbiased is not None:
        raise TypeError(f"{name}() takes unbiased= or correction=, not both")
    dim = reduced_dims(dim, input.ndim)
    if 0 not in input.shape and count(input.shape, dim) <= correction:
        warnings.warn(
            f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the reduction factor "
            "(input numel divided by output numel).",
            UserWarning,
            stacklevel=4,
        )
    return dim, correction


@public
def var(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None
) -> Any:
    """The variance: squared deviations from the mean, summed and divided by n - correction (1, Bessel's).

    `unbiased=False` is correction=0. With no more elements than the correction the result is nan or inf, with a
    warning.

    >>> import minigrad
    >>> minigrad.var(minigrad.tensor([1.0, 2.0, 6.0])), minigrad.var(minigrad.tensor([1.0, 2.0, 6.0]), correction=0)
    (tensor(7.), tensor(4.6667))
    """
    dim, correction = _moment_arguments("var", input, dim, unbiased, correction)
    return var_(input, dim=dim, correction=correction, keepdim=keepdim)


@public
def std(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None
) -> Any:
    """The standard deviation: the square root of `var`. Its gradient is 0 where it is 0, as in PyTorch."""
    dim, correction = _moment_arguments("std", input, dim, unbiased, correction)
    return std_(input, dim=dim, correction=correction, keepdim=keepdim)


@public
def var_mean(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None
) -> Any:
    """The pair (variance, mean)."""
    dim, correction = _moment_arguments("var_mean", input, dim, unbiased, correction)
    return var_(input, dim=dim, correction=correction, keepdim=keepdim), mean_(input, dim=dim, keepdim=keepdim)


@public
def std_mean(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None
) -> Any:
    """The pair (standard deviation, mean)."""
    dim, correction = _moment_arguments("std_mean", input, dim, unbiased, correction)
    return std_(input, dim=dim, correction=correction, keepdim=keepdim), mean_(input, dim=dim, keepdim=keepdim)


@public
def logsumexp(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """log(sum(exp(input))) over `dim`, without overflow.

    Departs from PyTorch where all elements are -inf: the gradient is 0, not nan.

    >>> import minigrad
    >>> minigrad.logsumexp(minigrad.tensor([1000.0, 1000.0]), dim=0)
    tensor(1000.6932)
    """
    return logsumexp_(input, dim=reduced_dims(dim, input.ndim), keepdim=keepdim)


@public
def all(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """True where all elements (along `dim`) are not zero."""
    return all_(input, dim=reduced_dims(dim, input.ndim), keepdim=keepdim)


@public
def any(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """True where any element (along `dim`) is not zero."""
    return any_(input, dim=reduced_dims(dim, input.ndim), keepdim=keepdim)


@public
def count_nonzero(input: Any, dim: Any = None) -> Any:
    """How many elements (along `dim`) are not zero, as int64."""
    return count_nonzero_(input, dim=reduced_dims(dim, input.ndim))


__all__ = [
    "all", "any", "count_nonzero", "logsumexp", "mean", "nanmean", "nansum", "prod", "std", "std_mean", "sum", "var",
    "var_mean",
]  # fmt: skip
