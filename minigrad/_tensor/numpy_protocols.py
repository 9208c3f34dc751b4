"""NumPy's protocols on tensors: `np.exp(t)`, `array * t`, `np.concatenate([...])`, `np.asarray(t)`, DLPack.

A NumPy function that minigrad has under the same name is computed by minigrad, and differentiable. One without a
counterpart, or with `out=` an array, gets the plain array; where a gradient would be lost by that, the error
says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import ops
from ..autograd.modes import modes
from ..autograd.node import TensorBase
from ..autograd.views import current_node
from ..backend.devices import CPU, device_of
from ..backend.library import library

#: NumPy's ufunc name -> minigrad's, where they differ
UFUNC_NAMES = {
    "absolute": "abs", "negative": "neg", "power": "pow", "multiply": "mul", "subtract": "sub",
    "true_divide": "div", "divide": "div", "equal": "eq", "not_equal": "ne", "greater": "gt", "greater_equal": "ge",
    "less": "lt", "less_equal": "le", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2",
    "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "invert": "bitwise_not", "float_power": "pow",
    "remainder": "remainder", "mod": "remainder",
}  # fmt: skip

#: NumPy's function name -> minigrad's, where they differ
FUNCTION_NAMES = {
    "concatenate": "cat", "expand_dims": "unsqueeze", "array_split": "tensor_split", "round_": "round",
    "amax": "amax", "amin": "amin", "max": "amax", "min": "amin", "linalg.norm": "norm", "swapaxes": "transpose",
}  # fmt: skip


def counterpart(name: str) -> Callable[..., Any] | None:
    """minigrad's differentiable function of that name, or None."""
    return getattr(ops, name, None) if name and name in ops.__dict__ else None


def plain(value: Any, what: str) -> Any:
    """`value` with arrays for its tensors; an error where that would lose a gradient."""
    if isinstance(value, TensorBase):
        if current_node(value) is not None and modes.node_type is not None:
            raise RuntimeError(
                f"{what} has no differentiable counterpart, and the tensor requires a gradient: "
                "call it on .detach(), or inside no_grad()"
            )
        if device_of(value.array) != CPU:
            raise TypeError(f"{what} got a tensor on {device_of(value.array)}: copy it to the CPU first, with .cpu()")
        return value.array
    if isinstance(value, (list, tuple)):
        parts = [plain(part, what) for part in value]
        return type(value)(parts) if type(value) in (list, tuple) else type(value)(*parts)
    if isinstance(value, dict):
        return {name: plain(part, what) for name, part in value.items()}
    return value


class NumpyProtocols:
    """The methods that NumPy, and libraries of its kind, look for."""

    __array_priority__ = 1000
    array: Any

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        array = plain(self, "conversion to a NumPy array")
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kw: Any) -> Any:
        name = ufunc.__name__
        out = kw.get("out")
        ours = counterpart(UFUNC_NAMES.get(name, name)) if method == "__call__" else None
        if ours is not None and not kw:
            return ours(*(_as_operand(x) for x in inputs))
        if method == "reduce" and out is None:
            reduction = counterpart(
                {"add": "sum", "multiply": "prod", "maximum": "amax", "minimum": "amin"}.get(name, "")
            )
            if reduction is not None:
                axis, keep = kw.get("axis", 0), kw.get("keepdims", False)
                options = {"dim": () if axis is None and name[0] == "m" else axis, "keepdim": keep}
                return reduction(inputs[0], **options)
        if ours is not None and out is not None and len(out) == 1 and isinstance(out[0], TensorBase) and len(kw) == 1:
            return ours(*(_as_operand(x) for x in inputs), out=out[0])
        what = f"numpy.{name}" + ("" if method == "__call__" else f".{method}")
        if out is not None:
            what += " with out="
            kw["out"] = tuple(o.array if isinstance(o, TensorBase) else o for o in out)
        return getattr(ufunc, method)(*(plain(x, what) for x in inputs), **kw)

    def __array_function__(self, function: Any, types: Any, args: tuple[Any, ...], kw: dict[str, Any]) -> Any:
        name = function.__name__
        module = getattr(function, "__module__", "") or ""
        qualified = f"linalg.{name}" if module.endswith("linalg") else name
        ours = counterpart(FUNCTION_NAMES.get(qualified, qualified))
        if ours is not None and not isinstance(kw.get("out"), library(self.array).ndarray):
            try:
                return ours(*args, **kw)
            except (TypeError, AttributeError):  # NumPy's keywords or argument order differ from PyTorch's
                pass
        what = f"numpy.{qualified}"
        return function(*(plain(x, what) for x in args), **{k: plain(v, what) for k, v in kw.items()})

    def __dlpack__(self, **kw: Any) -> Any:
        """A capsule that lends the memory to another library (NumPy, PyTorch, JAX, CuPy)."""
        if current_node(self) is not None:  # type: ignore[arg-type]
            raise RuntimeError("a tensor that requires a gradient cannot be exported: use detach()")
        return self.array.__dlpack__(**kw)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.array.__dlpack_device__()

    @property
    def __cuda_array_interface__(self) -> Any:
        return self.array.__cuda_array_interface__


def _as_operand(x: Any) -> Any:
    return (
        x.item()
        if hasattr(x, "item")
        and hasattr(x, "ndim")
        and not isinstance(x, TensorBase)
        and type(x).__module__ == "numpy"
        and not hasattr(x, "__setitem__")
        else x
    )
