"""Numbers as arrays without dimensions, where a ufunc takes them beside arrays.

NumPy needs 0.5 us for `multiply(a, 0.9, out)` of 512 numbers and 0.42 with a scalar of its own, but 0.24 where the
number is an array of no dimensions. In the dtype of the arrays beside it the result is the same to the last bit:
that is the dtype to which NumPy converts a Python number.
"""

from __future__ import annotations

from typing import Any

from ..backend.library import find_library
from .trace import Call, Value

#: elementwise functions of two numbers, or of one
_KNOWN = {
    "add", "subtract", "multiply", "divide", "true_divide", "maximum", "minimum", "greater", "greater_equal", "less",
    "less_equal",
}  # fmt: skip
_WORDS = {0.0: "zero", 1.0: "one", 2.0: "two", 0.5: "half", -1.0: "minus_one", 3.0: "three", 4.0: "four"}


def common_dtype(call: Call) -> Any:
    """The dtype of the arrays among a ufunc's arguments, if it is one, of floating point, and NumPy's; else None."""
    if call.kind != "ufunc" or call.text not in _KNOWN or call.kwargs:
        return None
    arrays = [part.array for part in call.args[:2] if isinstance(part, Value) and not part.scalar]
    if not arrays or any(a.dtype != arrays[0].dtype for a in arrays) or arrays[0].dtype.kind != "f":
        return None
    xp: Any = find_library(type(arrays[0]))
    return arrays[0].dtype if xp.__name__ == "numpy" else None


def takes_twin(part: Any, dtype: Any) -> bool:
    """True for a number that stands beside arrays of `dtype`, and may be an array of it as well."""
    if isinstance(part, Value):
        if not part.scalar or part.array is None:
            return False
        return type(part.array) is float or getattr(part.array, "dtype", None) == dtype
    return type(part) in (int, float)


def word_for(number: float) -> str:
    """What a constant is called."""
    spelled = repr(number).replace("-", "minus_").replace("+", "").replace(".", "_")
    return _WORDS.get(float(number)) or f"number_{spelled}"
