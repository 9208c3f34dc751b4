"""Looking rows up in a table: `embedding`, and `one_hot`."""

from __future__ import annotations

from typing import Any

from ..autograd.node import TensorBase
from ..autograd.operands import array_of
from ..autograd.primitive import primitive
from ..autograd.public import public
from ..autograd.row_sparse import looked_up
from ..backend.door import refuse, whole
from ..backend.library import library
from .indexing import index_spread

__all__ = ["embedding", "one_hot"]


@primitive(dtype="keep")
def embedding_(xp, weight, input, *, padding_idx=None, by_frequency=False, sparse=False):
    """The rows of `weight` that `input` names. (`take` needs half of the time of `weight[input]`.)"""
    return weight.take(input, axis=0)


@primitive(dtype="keep")
def weigh_rows(xp, input, index, *, padding_idx, by_frequency):
    """`input` with row `padding_idx` set to 0 and, if asked for, each row divided by how often `index` names it."""
    out = input.copy()
    if by_frequency:
        out /= xp.maximum(whole(_frequencies, index, out.shape[0]), 1).reshape(-1, 1)
    if padding_idx is not None:
        out[padding_idx] = 0
    return out


def _frequencies(index, n):
    """How often each of 0, 1, ..., n - 1 occurs."""
    return library(index).bincount(index.reshape(-1), minlength=n)


weigh_rows.vjp(
    input=lambda g, index, padding_idx, by_frequency: weigh_rows(
        g, index, padding_idx=padding_idx, by_frequency=by_frequency
    )
)


def _embedding_weight(g, input, padding_idx, by_frequency, sparse, shape_of_weight):
    if sparse:
        if by_frequency:
            raise RuntimeError("embedding(): scale_grad_by_freq is not for sparse gradients: use sparse=False")
        return looked_up(g, input, shape_of_weight, padding_idx)
    grad = index_spread(g, input, key=(0, None), shape=shape_of_weight)
    if padding_idx is None and not by_frequency:
        return grad
    return weigh_rows(grad, input, padding_idx=padding_idx, by_frequency=by_frequency)


embedding_.vjp(weight=_embedding_weight)


def scale_down(weight: Any, rows: Any, max_norm: float, norm_type: float) -> None:
    """Scale the named rows of `weight`, in place, so that their norm is at most `max_norm`."""
    whole(_scale_rows, array_of(weight), rows, max_norm, norm_type, writes=(0,))
    if isinstance(weight, TensorBase):
        weight.shared_storage().changed("embedding(max_norm=...)")


def _scale_rows(table: Any, rows: Any, max_norm: float, norm_type: float) -> None:
    xp = library(table)
    rows = xp.unique(rows)
    chosen = table[rows]
    norms = xp.linalg.norm(chosen, norm_type, axis=1, keepdims=True)
    table[rows] = chosen * xp.where(norms > max_norm, max_norm / (norms + 1e-7), 1).astype(table.dtype)


@public
def embedding(
    input: Any,
    weight: Any,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Any:
    """The rows of `weight` that `input` names.

    Args:
        input: int64 or int32, any shape (*).
        weight: the table, shape (rows, features).
        padding_idx: a row that gets no gradient; negative numbers count from the end.
        max_norm: before they are looked up, rows with a larger norm (of order `norm_type`) are scaled down to it, in
            place.
        scale_grad_by_freq: divide each row's gradient by how often `input` names it.
        sparse: the gradient of a leaf is a `RowSparse`, which costs what was looked up, however large the table is.

    Returns:
        shape (*, features).

    Raises:
        IndexError: a row that does not exist, negative ones among them. (A CUDA array is not looked at: that would
            wait for the GPU at every call.)

    >>> import minigrad
    >>> table = minigrad.tensor([[0.0, 0.0], [1.0, 2.0]])
    >>> embedding(minigrad.tensor([1, 1, 0]), table)
    tensor([[1., 2.],
            [1., 2.],
            [0., 0.]])
    """
    rows, table = array_of(input), array_of(weight)
    dtype = getattr(rows, "dtype", None)
    if dtype is None or dtype.kind != "i" or dtype.itemsize < 4:
        raise RuntimeError(f"embedding() takes int64 or int32 indices, got {dtype or type(rows).__name__}")
    if table.ndim != 2:
        raise RuntimeError(f"embedding() takes a weight of shape (rows, features), got {tuple(table.shape)}")
    n = table.shape[0]
    if library(rows).__name__ == "numpy" and rows.size:
        whole(_refuse_outside, rows, n)
    if padding_idx is not None:
        if not -n <= padding_idx < n:
            raise AssertionError(f"padding_idx must be within the {n} rows of the table, got {padding_idx}")
        padding_idx %= n
    if max_norm is not None:
        scale_down(weight, rows, max_norm, norm_type)
    return embedding_(weight, input, padding_idx=padding_idx, by_frequency=scale_grad_by_freq, sparse=sparse)


def _refuse_outside(rows: Any, n: int) -> None:
    bad = outside(rows, n)
    if bad is not None:
        raise IndexError(f"embedding(): index {bad} is out of range in a table of {n} rows")


def outside(rows: Any, n: int) -> int | None:
    """One of `rows` that is not in a table of n rows, if there is one."""
    lowest, highest = rows.item(rows.argmin()), rows.item(rows.argmax())  # a fifth of the time of min and max
    return lowest if lowest < 0 else highest if highest >= n else None


@primitive(dtype="keep", differentiable=False)
def one_hot_(xp, tensor, *, num_classes):
    """1 at the place that `tensor` names along a new last dimension, 0 elsewhere."""
    out = xp.zeros((tensor.size, num_classes), "int64")
    out[xp.arange(tensor.size), tensor.reshape(-1)] = 1
    return out.reshape(*tensor.shape, num_classes)


@public
def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """int64 of shape (*, num_classes): 1 at the class that `tensor` (*) names, 0 elsewhere.

    Without `num_classes` there are as many as the largest class needs.

    >>> import minigrad
    >>> one_hot(minigrad.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    classes = array_of(tensor)
    if getattr(classes, "dtype", None) != "int64":
        given = getattr(classes, "dtype", type(classes).__name__)
        raise RuntimeError(f"one_hot() takes int64 classes, got {given}")
    if not classes.size and num_classes < 1:
        raise RuntimeError("one_hot() of no elements needs num_classes")
    unknown = num_classes == -1
    if unknown:
        refuse("one_hot() with as many classes as the largest needs", "give num_classes")
        num_classes = int(classes.max()) + 1
    if unknown or (classes.size and library(classes).__name__ == "numpy"):
        whole(_refuse_classes, classes, num_classes)
    return one_hot_(tensor, num_classes=num_classes)


def _refuse_classes(classes: Any, num_classes: int) -> None:
    lowest, highest = int(classes.min()), int(classes.max())
    if lowest < 0:
        raise RuntimeError(f"one_hot() takes classes of at least 0, got {lowest}")
    if highest >= num_classes:
        raise RuntimeError(f"one_hot() got class {highest}: it must be smaller than num_classes={num_classes}")
