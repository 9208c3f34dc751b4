"""Moving a module to another device or dtype. Its `Parameter` objects stay; their values are replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from .._tensor.conversion_methods import parse_to
from .._tensor.creation import empty_like
from ..autograd.modes import no_grad
from ..autograd.row_sparse import RowSparse
from ..backend.dtypes import float16, float32, float64, numpy_dtype

S = TypeVar("S", bound="MoveMethods")


class MoveMethods:
    """`to`, `cpu`, `cuda`, `float`, ...: in place, returning the module."""

    _parameters: Any
    _buffers: Any
    children: Callable[[], Iterator[Any]]

    def _apply(self: S, fn: Callable[[Any], Any], recurse: bool = True) -> S:
        """Replace the values of parameters, of their gradients, and buffers by `fn` of them."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        with no_grad():
            for p in self._parameters.values():
                if p is not None:
                    p.data = fn(p.data)
                    if type(p._grad) is RowSparse:
                        p._grad.apply_(fn)
                    elif p._grad is not None:
                        p._grad.data = fn(p._grad.data)
            for name, buffer in self._buffers.items():
                if buffer is not None:
                    self._buffers[name] = fn(buffer)
        return self

    def to(self: S, *args: Any, **kwargs: Any) -> S:
        """Move to a device, a floating point dtype, or both: `to(device, dtype)`, or to those of a tensor.

        Integer parameters and buffers keep their dtype.

        Raises:
            TypeError: the dtype is not floating point.
        """
        where, kind, _ = parse_to(args, kwargs)
        if kind is not None and numpy_dtype(kind).kind != "f":
            raise TypeError(f"a module can be converted to floating point dtypes only, got {kind}")
        return self._apply(lambda t: t.to(device=where, dtype=kind if t.is_floating_point() else None))

    def cpu(self: S) -> S:
        """Move to the CPU."""
        return self.to("cpu")

    def cuda(self: S, device: Any = None) -> S:
        """Move to a GPU."""
        return self.to("cuda" if device is None else device)

    def float(self: S) -> S:
        """Convert floating point parameters and buffers to float32."""
        return self.to(dtype=float32)

    def double(self: S) -> S:
        """Convert floating point parameters and buffers to float64."""
        return self.to(dtype=float64)

    def half(self: S) -> S:
        """Convert floating point parameters and buffers to float16."""
        return self.to(dtype=float16)

    def type(self: S, dst_type: Any) -> S:
        """Convert all parameters and buffers to `dst_type`."""
        return self._apply(lambda t: t.type(dst_type))

    def to_empty(self: S, *, device: Any, recurse: bool = True) -> S:
        """Move to a device without the values, which are uninitialised there."""
        return self._apply(lambda t: empty_like(t, device=device), recurse=recurse)

    def share_memory(self: S) -> S:
        """The module itself: tensors are copied between processes."""
        return self
