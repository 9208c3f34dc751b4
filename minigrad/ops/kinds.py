"""What kind of numbers an operation was given: "b" bool, "i" and "u" integers, "f" floating point."""

from __future__ import annotations

from typing import Any

from ..autograd.operands import array_of
from ..backend.dtypes import result_dtype


def kind_of(*operands: Any) -> str:
    """The kind of the dtype in which tensors, arrays and numbers meet."""
    return result_dtype([array_of(x) for x in operands]).kind


def refuse_bools(name: str, input: Any, other: Any) -> None:
    """An error where the operands, promoted already, are bools."""
    dtype = input.dtype if hasattr(input, "dtype") else other.dtype
    if dtype.kind == "b":
        raise RuntimeError(f"{name}() is not defined between bool tensors: convert them first")


def is_one(number: Any) -> bool:
    """True for the number 1; not for a float that a recorded step takes as an input, whatever it is now."""
    return type(number) in (int, float, bool) and number == 1
