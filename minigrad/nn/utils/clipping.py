"""Limiting gradients between `backward()` and `step()`: `clip_grad_norm_`, `clip_grad_value_`."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from types import GeneratorType
from typing import Any

from ..._tensor.creation import tensor
from ...autograd.modes import no_grad
from ...autograd.node import TensorBase
from ...autograd.primitive import wrap
from ...autograd.row_sparse import RowSparse
from ...backend.devices import device_of, to_device
from ...backend.door import whole
from ...backend.kernels import sum_rows
from ...backend.library import library
from ...ops.joining import stack_
from ...ops.norms import vector_norm_


def _as_list(tensors: Any) -> list[Any]:
    return [tensors] if isinstance(tensors, TensorBase) else list(tensors)


def _number(value: Any) -> float:
    return value if isinstance(value, float) else float(value)


def _grads(parameters: list[Any]) -> list[Any]:
    return [p.grad for p in parameters if p.grad is not None]


@no_grad()
def get_total_norm(
    tensors: Iterable[Any] | Any,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Any:
    """The norm of all elements of all tensors together, a 0-d tensor.

    Args:
        norm_type: the p of the norm; "inf" for the largest absolute value.
        error_if_nonfinite: raise a RuntimeError if it is infinite or not a number.
        foreach: accepted for PyTorch's sake, without effect.
    """
    given = _as_list(tensors)
    if not given:
        return tensor(0.0)
    # on the arrays: with Tensors in between this would take a small network half as long as its backward pass
    norm = partial(vector_norm_, ord=float(norm_type), dim=None, keepdim=False)
    norms = [_norm_of_rows(t, norm) if type(t) is RowSparse else norm(t.array) for t in given]
    where = device_of(norms[0])
    total = wrap(norm(stack_(*[to_device(a, where) for a in norms], dim=0)))
    if error_if_nonfinite:
        whole(_refuse_nonfinite, total.array, norm_type)
    return total


def _norm_of_rows(gradient: RowSparse, norm: Callable[[Any], Any]) -> Any:
    """The norm of a row-sparse gradient: rows that stand in it twice are added up first."""
    return whole(_summed_norm, gradient.rows.array, gradient.row_values.array, gradient.shape[0], norm)


def _summed_norm(rows: Any, values: Any, count: int, norm: Callable[[Any], Any]) -> Any:
    sums = sum_rows(rows, values, count)[1]
    return norm(sums if sums.size else library(values).zeros((1,), dtype=values.dtype))


def _refuse_nonfinite(norm: Any, order: float) -> None:
    if not math.isfinite(norm.item()):
        raise RuntimeError(
            f"the norm of order {order} of the gradients is {norm.item()}, so they cannot be clipped: "
            "find out which is not finite, or pass error_if_nonfinite=False to scale them all the same"
        )


@no_grad()
def clip_grads_with_norm_(
    parameters: Iterable[Any] | Any, max_norm: float, total_norm: Any, foreach: bool | None = None
) -> None:
    """Scale the gradients, in place, by max_norm / (total_norm + 1e-6) if that is below 1."""
    grads = _grads(_as_list(parameters))
    # without asking whether it is below 1: on a GPU the question would wait for the answer
    scale = (_number(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
    for g in grads:
        g.mul_(scale.to(g.device))


def clip_grad_norm_(
    parameters: Iterable[Any] | Any,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Any:
    """Scale the gradients, in place, so that the norm of all together is at most `max_norm`. Returns it.

    >>> import minigrad
    >>> w = minigrad.tensor([3.0, 4.0], requires_grad=True)
    >>> (w * w / 2).sum().backward()
    >>> clip_grad_norm_([w], max_norm=1.0)
    tensor(5.)
    >>> w.grad
    tensor([0.6000, 0.8000])
    """
    is_generator = isinstance(parameters, GeneratorType)
    parameters = _as_list(parameters)
    if is_generator and not parameters:
        warnings.warn("the generator of parameters is empty (used up?), no gradient is clipped", stacklevel=2)
    total = get_total_norm(_grads(parameters), norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(parameters, max_norm, total, foreach)
    return total


def clip_grad_norm(*args: Any, **kwargs: Any) -> Any:
    """The old name of `clip_grad_norm_`."""
    warnings.warn("nn.utils.clip_grad_norm is an old name: use clip_grad_norm_", FutureWarning, stacklevel=2)
    return clip_grad_norm_(*args, **kwargs)


@no_grad()
def clip_grad_value_(parameters: Iterable[Any] | Any, clip_value: float, foreach: bool | None = None) -> None:
    """Bring every element of the gradients between -clip_value and clip_value, in place."""
    clip_value = _number(clip_value)
    for g in _grads(_as_list(parameters)):
        g.clamp_(-clip_value, clip_value)
