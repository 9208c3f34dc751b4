"""Questions about tensors and dtypes, and constants: `is_tensor`, `finfo`, `result_type`, `pi`, ..."""

from __future__ import annotations

import math
from typing import Any

from ._tensor.tensor import Tensor
from .autograd.operands import array_of
from .backend.dtypes import KIND_RANK, default_float, dtype, numeric_limits, numpy_dtype, public_dtype, result_dtype

e, inf, nan, pi = math.e, math.inf, math.nan, math.pi
newaxis = None


def is_tensor(obj: object) -> bool:
    """True for minigrad's tensors."""
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """True for a tensor of floating point numbers."""
    return input.is_floating_point()


def is_nonzero(input: Tensor) -> bool:
    """Whether the one element of a tensor is not zero."""
    return bool(input)


def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()


def typename(obj: Any) -> str:
    """The name of a tensor's type, 'minigrad.FloatTensor', or of any object's class."""
    return obj.type() if isinstance(obj, Tensor) else f"{type(obj).__module__}.{type(obj).__qualname__}"


def result_type(tensor1: Any, tensor2: Any) -> dtype:
    """The dtype in which two tensors or numbers meet."""
    return public_dtype(result_dtype([array_of(t) for t in (tensor1, tensor2)]))


def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The dtype in which tensors of two dtypes meet.

    >>> import minigrad
    >>> promote_types(minigrad.int64, minigrad.float16)
    minigrad.float16
    """
    return public_dtype(result_dtype([_Sample(numpy_dtype(type1)), _Sample(numpy_dtype(type2))]))


class _Sample:
    """Stands for an array with dimensions of some dtype."""

    ndim = 1

    def __init__(self, kind: Any) -> None:
        self.dtype = kind


def can_cast(from_: dtype, to: dtype) -> bool:
    """True where PyTorch's promotion allows writing one dtype into the other (float into int is not)."""
    return KIND_RANK[numpy_dtype(from_).kind] <= KIND_RANK[numpy_dtype(to).kind]


class finfo:
    """The limits of a floating point dtype (the default one): eps, max, min, tiny, bits, resolution."""

    def __init__(self, type: dtype | None = None) -> None:
        kind = default_float() if type is None else numpy_dtype(type)
        if kind.kind != "f":
            raise TypeError(f"finfo() takes a floating point dtype, got {type}: use iinfo()")
        limits = numeric_limits(kind)
        self.bits, self.dtype = limits.bits, kind.name
        self.eps, self.max, self.min = float(limits.eps), float(limits.max), float(limits.min)
        self.tiny = self.smallest_normal = float(limits.tiny)
        self.resolution = float(limits.resolution)

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
            f"smallest_normal={self.tiny:g}, tiny={self.tiny:g}, dtype={self.dtype})"
        )


class iinfo:
    """The limits of an integer dtype: max, min, bits."""

    def __init__(self, type: dtype) -> None:
        kind = numpy_dtype(type)
        if kind.kind not in "iu":
            raise TypeError(f"iinfo() takes an integer dtype, got {type}: use finfo()")
        limits = numeric_limits(kind)
        self.bits, self.dtype, self.max, self.min = limits.bits, kind.name, int(limits.max), int(limits.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
