"""What a module owns: `Parameter` (trained), `Buffer` (kept), and their forms without a shape yet.

A module notices parameters and buffers that are assigned to its attributes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._tensor.creation import empty, require_float
from .._tensor.tensor import Tensor
from ..autograd.node import LEAF, TensorBase


class Parameter(Tensor):
    """A tensor that a module trains.

    Args:
        data: the values; their memory is shared. Default: an empty tensor.
        requires_grad: whether a gradient is wanted.

    Raises:
        TypeError: `data` is no Tensor.
        RuntimeError: `data` is not floating point and `requires_grad` is True.

    >>> import minigrad
    >>> Parameter(minigrad.ones(2))
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        _share(self, empty(0) if data is None else data)
        if requires_grad:
            require_float(self.array, "Parameter (pass requires_grad=False to keep it as it is)")
            self.node = LEAF

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        # without its gradient, as in PyTorch
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.data.clone(), self.requires_grad)
        return memo[id(self)]


class Buffer(Tensor):
    """A tensor that belongs to a module's state but is not trained (running statistics, masks).

    Args:
        data: the values; their memory is shared.
        persistent: whether it is part of the module's `state_dict`.
    """

    def __init__(self, data: Any = None, *, persistent: bool = True) -> None:
        _share(self, empty(0) if data is None else data)
        self.persistent = persistent


def _share(tensor: Any, data: Any) -> None:
    """Make `tensor` one around the memory of `data`."""
    if not isinstance(data, TensorBase):
        raise TypeError(
            f"{type(tensor).__name__} takes a Tensor, got {type(data).__name__}: use minigrad.tensor(...) first"
        )
    tensor.array = data.array
    tensor._storage = data.shared_storage()


class Uninitialized:
    """What parameters and buffers without a shape share; lazy modules hold them until their first call.

    They have a dtype and a device, those of the empty tensor that is their `.data`, and can be moved. Any
    other use of their values raises.
    """

    cls_to_become: type[Tensor]
    _empty: Any

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Become an ordinary parameter or buffer of `shape`, with uninitialised values."""
        placeholder = self.__dict__.pop("_empty")
        if device is None:
            device = placeholder.device
        made = empty(tuple(shape), device=device, dtype=placeholder.dtype if dtype is None else dtype)
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        self.__dict__["array"] = made.array

    @property
    def data(self) -> Any:
        """An empty tensor of the dtype and on the device that the values will have."""
        return self._empty

    @data.setter
    def data(self, value: Any) -> None:
        self._empty = value

    @property
    def array(self) -> Any:
        raise ValueError(
            f"this {type(self).__name__} has no values yet: call its module once, with a batch of data, "
            "so that it learns its shape"
        )

    @property
    def shape(self) -> Any:
        raise RuntimeError(f"this {type(self).__name__} has no shape yet: call its module once, with a batch of data")

    @property
    def dtype(self) -> Any:
        return self._empty.dtype

    @property
    def device(self) -> Any:
        return self._empty.device

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            rebuild, args = self._recipe()
            memo[id(self)] = rebuild(*args)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._recipe()

    def _recipe(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """A function and the arguments with which it makes another one like this."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(Uninitialized, Parameter):  # type: ignore[misc]
    """A parameter whose shape is not known yet."""

    cls_to_become = Parameter

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        self._empty = empty(0, device=device, dtype=dtype)
        if requires_grad:
            self.node = LEAF

    def _recipe(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return type(self), (self.requires_grad, self.device, self.dtype)


class UninitializedBuffer(Uninitialized, Buffer):  # type: ignore[misc]
    """A buffer whose shape is not known yet."""

    cls_to_become = Buffer

    def __init__(self, *, persistent: bool = True, device: Any = None, dtype: Any = None) -> None:
        self._empty = empty(0, device=device, dtype=dtype)
        self.persistent = persistent

    def _recipe(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _uninitialized_buffer, (self.persistent, self.device, self.dtype)


def _uninitialized_buffer(persistent: bool, device: Any, dtype: Any) -> UninitializedBuffer:
    return UninitializedBuffer(persistent=persistent, device=device, dtype=dtype)


def is_uninitialized(tensor: Any) -> bool:
    """True for a parameter or buffer that has no shape yet."""
    return isinstance(tensor, Uninitialized)
