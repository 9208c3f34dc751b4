"""All parameters as one vector and back: `parameters_to_vector`, `vector_to_parameters`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..._tensor.tensor import Tensor
from ...ops.joining import cat


def parameters_to_vector(parameters: Iterable[Any]) -> Any:
    """The elements of all parameters, one after the other, in one vector; differentiable.

    >>> import minigrad
    >>> parameters_to_vector([minigrad.ones(2), minigrad.zeros(1, 2)])
    tensor([1., 1., 0., 0.])
    """
    return cat([p.reshape(-1) for p in parameters])


def vector_to_parameters(vec: Any, parameters: Iterable[Any]) -> None:
    """Give the parameters the elements of `vec`, whose memory they share afterwards.

    Raises:
        TypeError: `vec` is no Tensor.
        ValueError: it has too few elements.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"vector_to_parameters() takes a Tensor, got {type(vec).__name__}")
    start = 0
    for p in parameters:
        stop = start + p.numel()
        if stop > vec.numel():
            raise ValueError(f"the vector has {vec.numel()} elements, the parameters more")
        p.data = vec[start:stop].reshape(p.shape).data
        start = stop
