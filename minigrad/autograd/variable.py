"""`Variable`, which programs written before PyTorch 0.4 wrap their tensors in."""

from __future__ import annotations

from typing import Any

from .._tensor.conversion_methods import set_requires_grad
from .node import TensorBase
from .primitive import wrap


class _Tensors(type):
    def __instancecheck__(cls, x: object) -> bool:
        return isinstance(x, TensorBase)


class Variable(metaclass=_Tensors):
    """`Variable(tensor)` is a tensor that shares the memory of `tensor`, and every tensor is a Variable.

    >>> import minigrad
    >>> v = Variable(minigrad.ones(2), requires_grad=True)
    >>> v, isinstance(v, Variable)
    (tensor([1., 1.], requires_grad=True), True)
    """

    def __new__(cls, data: Any, requires_grad: bool = False, volatile: bool = False) -> Any:
        if not isinstance(data, TensorBase):
            raise TypeError(f"Variable takes a Tensor, got {type(data).__name__}: use minigrad.tensor()")
        result = wrap(data.array)
        result._storage = data.shared_storage()
        if requires_grad:
            set_requires_grad(result, True)
        return result


__all__ = ["Variable"]
