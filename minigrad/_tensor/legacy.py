"""The old types `FloatTensor`, `LongTensor`, ...: constructors, dtypes and names of classes at once.

    LongTensor([1, 2])                 an int64 tensor with these values
    FloatTensor(2, 3)                  an uninitialised float32 tensor of this shape
    x.type(FloatTensor)                x as float32
    isinstance(x, FloatTensor)         True for float32 tensors on the CPU

They stand in much code from before PyTorch 0.4; new code says `tensor(data, dtype=...)`.
"""

from __future__ import annotations

from typing import Any

from ..autograd.node import TensorBase
from ..autograd.primitive import wrap
from ..backend import dtypes
from ..backend.devices import device_of, set_default_device
from ..backend.dtypes import public_dtype, set_default_dtype
from ..backend.library import is_array
from .conversion_methods import TYPE_NAMES, parse_type
from .creation import empty, tensor
from .size import Size


class TensorType(type):
    """The class of the old types: what calling them and `isinstance` do."""

    dtype: dtypes.dtype  # what makes them dtypes, for `numpy_dtype`
    device_type: str

    def __new__(mcs, name: str, kind: dtypes.dtype, device_type: str = "cpu") -> TensorType:
        made = super().__new__(mcs, name, (), {})
        made.dtype, made.device_type = kind, device_type
        made.__module__ = "minigrad" if device_type == "cpu" else "minigrad.cuda"
        made.__doc__ = f"The old type of {kind!r} tensors on {device_type}; new code says tensor(..., dtype={kind!r})."
        return made

    def __init__(cls, name: str, kind: dtypes.dtype, device_type: str = "cpu") -> None:
        super().__init__(name, (), {})

    def __call__(cls, *data: Any, device: Any = None) -> Any:
        """A tensor from sizes, as in `FloatTensor(2, 3)`, or with the values of a sequence, array or tensor.

        Raises:
            TypeError: a tensor of another dtype or device, or a number that is no size.
            RuntimeError: values that the dtype does not hold.
        """
        where = cls.device_type if device is None else device
        if len(data) == 1 and not isinstance(data[0], Size) and not _is_size(data[0]):
            return cls._from_data(data[0], where)
        return empty(*data if data else (0,), dtype=cls.dtype, device=where)

    def _from_data(cls, data: Any, where: Any) -> Any:
        if isinstance(data, TensorBase):
            if not isinstance(data, cls):
                raise TypeError(
                    f"{cls.__name__}() takes a tensor of {cls.dtype} on {cls.device_type}, got one of "
                    f"{public_dtype(data.array.dtype)} on {device_of(data.array)}: convert it with .type()"
                )
            result = wrap(data.array)
            result._storage = data.shared_storage()
            return result
        if not is_array(data) and not isinstance(data, (list, tuple, range)):
            raise TypeError(
                f"{cls.__name__}() takes sizes (integers), a sequence of numbers, an array or a tensor, "
                f"got {type(data).__name__}"
            )
        return tensor(data, dtype=cls.dtype, device=where)

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, TensorBase) and (
            x.array.dtype == cls.dtype.dtype and device_of(x.array).type == cls.device_type
        )

    def __repr__(cls) -> str:
        return f"<class '{cls.__module__}.{cls.__name__}'>"


def _is_size(x: Any) -> bool:
    """True for an integer, also one of NumPy's."""
    return hasattr(x, "__index__") and not hasattr(x, "__len__")


FloatTensor, DoubleTensor, HalfTensor, LongTensor, IntTensor, ShortTensor, CharTensor, ByteTensor, BoolTensor = (
    TensorType(name, kind) for name, kind in TYPE_NAMES.items()
)


def set_default_tensor_type(t: Any) -> None:
    """Make the dtype and device of an old type (or its name) those of new tensors."""
    kind, where = parse_type(t)
    set_default_dtype(kind)
    set_default_device("cpu" if where is None else where)


__all__ = [
    "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor", "IntTensor", "LongTensor",
    "ShortTensor", "set_default_tensor_type",
]  # fmt: skip
