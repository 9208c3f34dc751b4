"""What the recorder knows of array functions, by name: which write, which look at values, which take `out=`."""

from __future__ import annotations

from typing import Any

from .trace import Value, values_in

#: function or method -> the place of the argument that it changes in place
WRITES = {"copyto": 0, "put": 0, "place": 0, "putmask": 0, "fill_diagonal": 0, "put_along_axis": 0}
WRITING_METHODS = {"fill", "sort", "partition", "put", "itemset", "setfield", "byteswap"}

#: the shape of their result depends on values
DATA_SHAPES = {
    "nonzero", "flatnonzero", "argwhere", "unique", "unique_all", "unique_counts", "unique_inverse", "unique_values",
    "compress", "extract", "bincount", "histogram", "trim_zeros", "union1d", "intersect1d", "setdiff1d", "setxor1d",
    "delete", "resize",
}  # fmt: skip

#: they answer with a number or text read from values
READING = {
    "allclose", "array_equal", "array_equiv", "array2string", "array_repr", "array_str", "save", "savetxt", "savez",
}  # fmt: skip

#: they look at shapes and dtypes only, and their answers are no arrays
SHAPE_ONLY = {
    "shape", "ndim", "size", "result_type", "can_cast", "shares_memory", "may_share_memory", "iscomplexobj",
    "isrealobj", "isscalar", "common_type", "min_scalar_type", "broadcast_shapes",
}  # fmt: skip

#: made like an array, of which only shape and dtype count -> made from those
LIKE = {"zeros_like": "zeros", "ones_like": "ones", "empty_like": "empty", "full_like": "full"}

#: functions whose keyword `out` puts the same bits into an array that is there already
TAKES_OUT = {"dot", "concatenate", "stack", "cumsum", "cumprod", "argmax", "argmin", "sum", "prod", "max", "min"}

#: NumPy deprecates a third argument by place of these ufuncs
OUT_BY_NAME = {"maximum", "minimum"}

#: methods that reduce by a ufunc: calling that directly saves a walk through Python
REDUCTIONS = {"sum": "add", "prod": "multiply", "max": "maximum", "min": "minimum"}


def is_ufunc(function: Any) -> bool:
    """True for elementwise functions of NumPy and CuPy."""
    return hasattr(function, "nin") and hasattr(function, "nout")


def ufunc_method(function: Any) -> tuple[Any, str] | None:
    """(ufunc, "reduce") for `numpy.add.reduce` and its kin, None for anything else."""
    owner = getattr(function, "__self__", None)
    return (owner, function.__name__) if is_ufunc(owner) else None


def name_of(function: Any) -> str:
    """How a program writes the function: `add`, `add.reduce`, `linalg.norm`."""
    method = ufunc_method(function)
    if method is not None:
        return f"{method[0].__name__}.{method[1]}"
    return getattr(function, "__name__", type(function).__name__)


def written(function: Any, name: str, args: tuple, kwargs: dict[str, Any]) -> list[Value]:
    """The values that a function changes in place."""
    written = values_in(kwargs.get("out"))
    method = ufunc_method(function)
    if is_ufunc(function):
        written += values_in(args[function.nin :])
    elif method is not None and method[1] == "at":
        written += values_in(args[0])
    elif name in WRITES:
        written += values_in(args[WRITES[name]])
    elif name == "dot" and len(args) > 2:
        written += values_in(args[2])
    return written
