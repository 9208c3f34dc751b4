"""Leaving a tensor's dtype, device or graph: `to`, `float`, `cuda`, `item`, `tolist`, `numpy`, `detach`, ..."""

from __future__ import annotations

from typing import Any

from ..autograd.core_ops import cast, clone
from ..autograd.node import LEAF, TensorBase
from ..autograd.primitive import transfer, wrap
from ..autograd.views import current_node
from ..backend.devices import CPU, device, device_of, resolve, to_host
from ..backend.dtypes import (
    bool_,
    dtype,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    numpy_dtype,
    public_dtype,
    uint8,
)  # fmt: skip
from ..backend.library import Array


def move(x: Any, where: Any = None, kind: Any = None, copy: bool = False) -> Any:
    """`x` on the device `where` in the dtype `kind`; `x` itself where nothing changes."""
    moved = x
    if where is not None:
        target, here = resolve(where), device_of(x.array)
        if target != here:
            moved = transfer(moved, target=target, source=here)
    if kind is not None and numpy_dtype(kind) != moved.array.dtype:
        moved = cast(moved, dtype=numpy_dtype(kind))
    return clone(moved) if copy and moved is x else moved


#: what `x.type()` says -> dtype
TYPE_NAMES = {
    "FloatTensor": float32, "DoubleTensor": float64, "HalfTensor": float16, "LongTensor": int64, "IntTensor": int32,
    "ShortTensor": int16, "CharTensor": int8, "ByteTensor": uint8, "BoolTensor": bool_,
}  # fmt: skip


def parse_type(t: Any) -> tuple[Any, str | None]:
    """The dtype, and the device if there is one, of a dtype, an old type such as `LongTensor`, or its name."""
    if not isinstance(t, str):
        return t, getattr(t, "device_type", None)
    *modules, name = t.split(".")
    if name not in TYPE_NAMES:
        raise ValueError(f"unknown type {t!r}: expected one of {', '.join(TYPE_NAMES)}")
    return TYPE_NAMES[name], "cuda" if "cuda" in modules else "cpu"


def parse_to(args: tuple[Any, ...], kw: dict[str, Any]) -> tuple[Any, Any, bool]:
    """The device, dtype and copy flag of `to(device)`, `to(dtype)`, `to(device, dtype)`, `to(other)`."""
    where, kind = kw.get("device"), kw.get("dtype")
    flags = list(args)
    copy = bool(kw.get("copy", False))
    unknown = kw.keys() - {"device", "dtype", "copy", "non_blocking", "memory_format", "other"}
    if unknown:
        raise TypeError(f"to() has no argument {sorted(unknown)[0]!r}; it takes device, dtype, non_blocking and copy")
    if "other" in kw:
        flags.insert(0, kw["other"])
    bools = [flag for flag in flags if isinstance(flag, bool)]
    for value in flags:
        if isinstance(value, bool):
            continue
        if isinstance(value, TensorBase):
            where, kind = device_of(value.array), value.array.dtype
        elif isinstance(value, (str, int, device)):
            where = value
        elif value is not None:
            kind = value
    if len(bools) > 1:
        copy = bools[1]
    if kind is not None:
        numpy_dtype(kind)  # an error here, before anything is moved
    return where, kind, copy


class ConversionMethods:
    """Methods that lead to another dtype, device or kind of object."""

    array: Array
    node: Any

    def to(self, *args: Any, **kw: Any) -> Any:
        """On another device, in another dtype, or like another tensor; itself where nothing changes."""
        where, kind, copy = parse_to(args, kw)
        return move(self, where, kind, copy)

    def cpu(self, memory_format: Any = None) -> Any:
        """On the CPU."""
        return move(self, CPU)

    def cuda(self, device: Any = None, non_blocking: bool = False) -> Any:
        """On a GPU."""
        return move(self, "cuda" if device is None else device)

    def float(self, memory_format: Any = None) -> Any:
        """As float32."""
        return move(self, kind=float32)

    def double(self, memory_format: Any = None) -> Any:
        """As float64."""
        return move(self, kind=float64)

    def half(self, memory_format: Any = None) -> Any:
        """As float16."""
        return move(self, kind=float16)

    def long(self, memory_format: Any = None) -> Any:
        """As int64."""
        return move(self, kind=int64)

    def int(self, memory_format: Any = None) -> Any:
        """As int32."""
        return move(self, kind=int32)

    def short(self, memory_format: Any = None) -> Any:
        """As int16."""
        return move(self, kind=int16)

    def char(self, memory_format: Any = None) -> Any:
        """As int8."""
        return move(self, kind=int8)

    def byte(self, memory_format: Any = None) -> Any:
        """As uint8."""
        return move(self, kind=uint8)

    def bool(self, memory_format: Any = None) -> Any:
        """True where not zero."""
        return move(self, kind=bool_)

    def type(self, dtype: Any = None, non_blocking: Any = False) -> Any:
        """Without an argument the old name, 'minigrad.FloatTensor'; with a dtype (or such a name) converted."""
        if dtype is None:
            names = {kind: name for name, kind in TYPE_NAMES.items()}
            kind = public_dtype(self.array.dtype)
            where = "" if device_of(self.array) == CPU else "cuda."
            return f"minigrad.{where}{names.get(kind) or kind.name.replace('uint', 'UInt') + 'Tensor'}"
        kind, device = parse_type(dtype)
        return move(self, device, kind)

    def type_as(self, other: Any) -> Any:
        """In the dtype, and on the device, of another tensor."""
        return move(self, device_of(other.array), other.array.dtype)

    def item(self) -> Any:
        """The value of a tensor of one element, as a Python number."""
        if self.array.size != 1:
            raise RuntimeError(
                f"item() needs a tensor of one element, this one has shape {tuple(self.array.shape)}: use tolist()"
            )
        return self.array.item()

    def tolist(self) -> Any:
        """Nested lists of Python numbers; a number for a 0-d tensor."""
        return to_host(self.array).tolist()

    def numpy(self, *, force: bool = False) -> Any:  # type: ignore[valid-type]
        """The NumPy array that holds the values: a change of one is a change of the other.

        Raises:
            RuntimeError: the tensor requires a gradient (use `.detach().numpy()`).
            TypeError: it is on a GPU (use `.cpu().numpy()`).
        """
        if force:
            return to_host(self.array)
        if current_node(self) is not None:
            raise RuntimeError("numpy() on a tensor that requires a gradient would lose it: use .detach().numpy()")
        if device_of(self.array) != CPU:
            raise TypeError(f"numpy() on a tensor on {device_of(self.array)}: copy it to the CPU first, .cpu().numpy()")
        return self.array

    def detach(self) -> Any:
        """The same values in the same memory, outside the graph."""
        result = wrap(self.array)
        result._storage = self.shared_storage()  # type: ignore[attr-defined]
        return result

    def detach_(self) -> Any:
        """Take the tensor itself out of the graph."""
        if self.view_of is not None:  # type: ignore[attr-defined]
            raise RuntimeError("a view cannot be detached in place: use detach()")
        self.node = None
        self.shared_storage().detached = True  # type: ignore[attr-defined]
        return self

    clone = clone

    def requires_grad_(self, requires_grad: bool = True) -> Any:  # type: ignore[valid-type]
        """Set `requires_grad`, and return the tensor."""
        self.requires_grad = requires_grad
        return self

    def pin_memory(self, device: Any = None) -> Any:
        """The tensor itself: arrays of NumPy cannot be pinned."""
        return self

    def is_pinned(self) -> Any:
        """False: see `pin_memory`."""
        return False

    def __bool__(self) -> Any:
        if self.array.size != 1:
            raise RuntimeError(
                f"the truth of a tensor of shape {tuple(self.array.shape)} is ambiguous: "
                "use .any(), .all() or a comparison of one element"
            )
        return bool_of(self.array)

    def _only_number(self) -> Any:
        """`item` for Python's own conversions: matplotlib tries them and expects a ValueError, as NumPy raises."""
        if self.array.size != 1:
            raise ValueError(f"only a tensor of one element is a number, this one has shape {tuple(self.array.shape)}")
        return self.item()

    def __float__(self) -> Any:
        return float_of(self._only_number())

    def __int__(self) -> Any:
        return int_of(self._only_number())

    def __complex__(self) -> Any:
        return complex(self._only_number())

    def __index__(self) -> Any:
        if self.array.dtype.kind not in "iub" or self.array.size != 1:
            raise TypeError(
                f"only an integer tensor of one element can be used as an index, this one is "
                f"{public_dtype(self.array.dtype)} of shape {tuple(self.array.shape)}"
            )
        return int_of(self.array.item())

    def __format__(self, spec: str) -> str:
        if self.array.ndim == 0:
            return self.array.item().__format__(spec)
        return object.__format__(self, spec)


# inside the class body `float`, `int` and `bool` are methods
bool_of, float_of, int_of = bool, float, int


def set_requires_grad(x: Any, requires_grad: bool) -> None:
    """Make a leaf require a gradient, or not."""
    node = current_node(x)
    if node is not None and node is not LEAF:
        if requires_grad:
            return
        raise RuntimeError("only leaves can change requires_grad: use detach() to take a result out of the graph")
    if requires_grad and x.array.dtype.kind != "f":
        raise RuntimeError(
            f"only floating point tensors can require gradients, this one is {public_dtype(x.array.dtype)}"
        )
    x.node = LEAF if requires_grad else None
    if node is LEAF and not requires_grad:
        x.shared_storage().detached = True


__all__ = ["ConversionMethods", "clone", "dtype", "move", "transfer"]
