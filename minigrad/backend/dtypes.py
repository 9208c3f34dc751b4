"""Element types and PyTorch's rules for combining them.

`minigrad.float32` and the others are objects of minigrad's own: they print under its name, and NumPy takes them
wherever it takes a dtype. `result_dtype` is the one place where types are promoted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .library import Array


class dtype:
    """An element type, such as `minigrad.float32`.

    >>> float32, float32.itemsize, float32.is_floating_point
    (minigrad.float32, 4, True)
    >>> np.zeros(2, dtype=float32).dtype
    dtype('float32')
    """

    __slots__ = ("dtype", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.dtype = np.dtype(name)  # NumPy reads this attribute when it is given a minigrad dtype

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self.dtype.itemsize

    @property
    def is_floating_point(self) -> bool:
        return self.dtype.kind == "f"

    @property
    def is_complex(self) -> bool:
        return False

    @property
    def is_signed(self) -> bool:
        return self.dtype.kind in "fi"

    def __repr__(self) -> str:
        return f"minigrad.{self.name}"

    def __reduce__(self) -> tuple[Any, ...]:
        return (named_dtype, (self.name,))


_by_name = {
    name: dtype(name)
    for name in (
        "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64",
        "uint16", "uint32", "uint64",
    )
}  # fmt: skip
_by_numpy = {d.dtype: d for d in _by_name.values()}

bool_ = _by_name["bool"]
uint8, uint16, uint32, uint64 = (_by_name[f"uint{n}"] for n in (8, 16, 32, 64))
int8, int16, int32, int64 = (_by_name[f"int{n}"] for n in (8, 16, 32, 64))
float16, float32, float64 = (_by_name[f"float{n}"] for n in (16, 32, 64))
half, float_, double = float16, float32, float64
short, int_, long = int16, int32, int64

#: Python's own kinds of number
NUMBERS: set[type] = {float, int, bool}
#: those that an array's floating point dtype absorbs
REALS: set[type] = {float, int}


def register_number(kind: type) -> None:
    """Let objects of `kind`, for which isinstance(x, float) holds, stand where Python's floats do."""
    NUMBERS.add(kind)
    REALS.add(kind)


_python_types: dict[type, np.dtype] = {bool: bool_.dtype, int: int64.dtype, float: float64.dtype}


def named_dtype(name: str) -> dtype:
    """The dtype called `name` (what pickles and files refer to)."""
    try:
        return _by_name[name]
    except KeyError:
        raise TypeError(f"unknown dtype {name!r}: minigrad has {', '.join(_by_name)}") from None


def public_dtype(numpy_dtype: np.dtype) -> dtype:
    """minigrad's dtype object for NumPy's."""
    try:
        return _by_numpy[numpy_dtype]
    except KeyError:
        raise TypeError(
            f"arrays of {numpy_dtype} cannot be tensors: convert them to one of {', '.join(_by_name)} first"
        ) from None


def numpy_dtype(spec: Any) -> np.dtype:
    """NumPy's dtype for a minigrad dtype, a NumPy dtype or scalar type, or Python's bool, int and float."""
    if isinstance(spec, dtype):
        return spec.dtype
    if isinstance(spec, type) and spec in _python_types:
        return _python_types[spec]
    if isinstance(spec, np.dtype) or (isinstance(spec, type) and issubclass(spec, np.generic)):
        return public_dtype(np.dtype(spec)).dtype
    if isinstance(getattr(spec, "dtype", None), dtype):  # FloatTensor and its kin name a dtype too
        return spec.dtype.dtype
    raise TypeError(f"expected a dtype such as minigrad.float32, got {spec!r}")


def numeric_limits(d: np.dtype) -> Any:
    """NumPy's table of a dtype's limits."""
    return np.finfo(d) if d.kind == "f" else np.iinfo(d)


class _Default:
    dtype = float32.dtype


def get_default_dtype() -> dtype:
    """The dtype of new floating point tensors: float32 unless changed."""
    return public_dtype(_Default.dtype)


def set_default_dtype(d: Any) -> None:
    """Make `d` (a floating point dtype) the dtype of new floating point tensors."""
    chosen = numpy_dtype(d)
    if chosen.kind != "f":
        raise TypeError(f"the default dtype must be a floating point one, got {d}")
    _Default.dtype = chosen


def default_float() -> np.dtype:
    """NumPy's object for the default dtype."""
    return _Default.dtype


KIND_RANK = {"b": 0, "u": 1, "i": 1, "f": 2}  # bool < integers < floating point


def _higher(first: np.dtype | None, second: np.dtype) -> np.dtype:
    return second if first is None else np.promote_types(first, second)


def result_dtype(operands: Iterable[Any]) -> np.dtype:
    """The dtype in which arrays and Python scalars meet, by PyTorch's rules.

    Arrays with dimensions decide. 0-d arrays, and after them Python numbers, count only if they are of a higher
    kind (bool < integer < floating point) than what came before.
    [https://docs.pytorch.org/docs/stable/tensor_attributes.html#type-promotion-doc]

    >>> result_dtype([np.zeros(2, np.int64), np.zeros(2, np.float32)])
    dtype('float32')
    >>> result_dtype([np.zeros(2, np.int64), 1.5]), result_dtype([np.zeros(2, np.float32), np.float64(1)])
    (dtype('float32'), dtype('float32'))
    """
    tiers: list[np.dtype | None] = [None, None, None]  # arrays, 0-d arrays, Python numbers
    for operand in operands:
        if operand is None:
            continue
        if isinstance(operand, (bool, int, float)):  # np.float64 is a float too
            whole = bool if isinstance(operand, (bool, np.bool_)) else int
            number = default_float() if isinstance(operand, float) else _python_types[whole]
            tiers[2] = _combine(tiers[2], number)
        elif operand.ndim:
            tiers[0] = _combine(tiers[0], operand.dtype)
        else:
            tiers[1] = _combine(tiers[1], operand.dtype)
    result: np.dtype | None = None
    for tier in tiers:
        if tier is not None and (result is None or KIND_RANK[tier.kind] > KIND_RANK[result.kind]):
            result = tier
    if result is None:
        raise TypeError("no operand has a dtype")
    return result


def _combine(first: np.dtype | None, second: np.dtype) -> np.dtype:
    """Promotion within one tier: the higher kind wins (float16 with int64 is float16), else the wider type."""
    if first is None or KIND_RANK[second.kind] > KIND_RANK[first.kind]:
        return second
    if KIND_RANK[first.kind] > KIND_RANK[second.kind]:
        return first
    return np.promote_types(first, second)


def promote(operands: list[Any], *, to_float: bool, xp: Any, fixed: frozenset[int] = frozenset()) -> list[Any]:
    """`operands` in their common dtype; positions in `fixed` are left as they are.

    Python numbers beside an array stay Python numbers (both libraries compute them in the array's dtype).
    With `to_float`, integers and booleans become the default dtype.
    """
    moving = [x for k, x in enumerate(operands) if k not in fixed]
    target = result_dtype(moving)
    if to_float and target.kind != "f":
        target = default_float()
    no_array = not any(hasattr(x, "ndim") for x in moving)
    promoted = list(operands)
    for k, x in enumerate(operands):
        if x is None or k in fixed:
            continue
        if isinstance(x, (bool, int, float)):
            promoted[k] = xp.asarray(x, dtype=target) if no_array else _fitting(_plain(x), target)
        elif x.dtype != target:
            promoted[k] = x.astype(target)
    return promoted


def _fitting(number: bool | int | float, target: np.dtype) -> bool | int | float:
    """An integer that an integer dtype cannot hold, wrapped around as PyTorch does (uint8 times -1)."""
    if target.kind not in "iu":
        return number
    limits = np.iinfo(target)
    if limits.min <= number <= limits.max:
        return number
    return (int(number) - limits.min) % 2**limits.bits + limits.min


def _plain(number: Any) -> bool | int | float:
    """A Python number without NumPy's dtype, so that it takes the dtype of the array beside it."""
    return number.item() if isinstance(number, np.generic) else number


__all__ = ["Array", "dtype", "promote", "result_dtype"]
