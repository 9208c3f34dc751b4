"""NumPy's protocols on tensors: `np.exp(t)`, `array * t`, `np.concatenate([...])`, `np.asarray(t)`, DLPack.

NumPy's functions are computed by minigrad where it has an operation for them (`numpy_functions.py`), and
differentiable. One without a counterpart, or with `out=` an array, gets the plain array; where a gradient would be
lost by that, the error says so.
"""

from __future__ import annotations

from typing import Any

from ..autograd.modes import modes
from ..autograd.node import TensorBase
from ..autograd.views import current_node
from ..backend.devices import CPU, device_of
from ..backend.door import refuse
from . import numpy_functions
from .creation import tensor
from .inplace import note_change


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
        refuse("conversion of a tensor to a NumPy array", "compute with tensors, and convert what the step returns")
        array = plain(self, "conversion to a NumPy array")
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise ValueError(f"conversion of {array.dtype} to {dtype} needs a copy, and copy=False forbids it")
            return array.astype(dtype)
        return array.copy() if copy else array

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kw: Any) -> Any:
        name = ufunc.__name__
        out: Any = kw.get("out")
        ours = numpy_functions.ufunc(name) if method == "__call__" else None
        into_tensor = out is not None and len(out) == 1 and isinstance(out[0], TensorBase)
        if ours is not None and (not kw or (into_tensor and len(kw) == 1)):
            operands = [_as_operand(x, self) for x in inputs]
            return ours(*operands, out=out[0]) if into_tensor else ours(*operands)
        reduction = numpy_functions.UFUNC_REDUCTIONS.get(name)
        if method == "reduce" and reduction is not None and kw.keys() <= {"axis", "keepdims"}:
            axis = kw.get("axis", 0)
            dim = axis if axis is not None or name == "multiply" else tuple(range(inputs[0].ndim))
            return reduction(inputs[0], dim, kw.get("keepdims", False))
        what = f"numpy.{name}" + ("" if method == "__call__" else f".{method}")
        changed = [inputs[0]] if method == "at" else list(out or ())
        if out is not None:
            what += " with out="
            kw["out"] = tuple(plain(o, what) for o in out)
        result = getattr(ufunc, method)(*(plain(x, what) for x in inputs), **kw)
        for x in changed:
            if isinstance(x, TensorBase):
                note_change(x, what)
        return out[0] if into_tensor else result

    def __array_function__(self, function: Any, types: Any, args: tuple[Any, ...], kw: dict[str, Any]) -> Any:
        module = getattr(function, "__module__", None) or ""
        name = ("linalg." if module.endswith("linalg") else "") + function.__name__
        ours = numpy_functions.FUNCTIONS.get(name)
        if ours is not None:
            try:
                return ours(*args, **kw)
            except TypeError:  # arguments that our form does not take
                pass
        what, out = f"numpy.{name}", kw.get("out")
        result = function(*(plain(x, what) for x in args), **{k: plain(v, what) for k, v in kw.items()})
        if isinstance(out, TensorBase):
            note_change(out, what)
            return out
        return result

    def __dlpack__(self, **kw: Any) -> Any:
        """A capsule that lends the memory to another library (NumPy, PyTorch, JAX, CuPy)."""
        if current_node(self) is not None:  # type: ignore[arg-type]
            raise RuntimeError("a tensor that requires a gradient cannot be exported: use detach()")
        return self.array.__dlpack__(**kw)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.array.__dlpack_device__()

    @property
    def __cuda_array_interface__(self) -> Any:
        if not hasattr(self.array, "__cuda_array_interface__"):
            raise AttributeError("only tensors on a GPU have __cuda_array_interface__")
        if current_node(self) is not None:  # type: ignore[arg-type]
            raise RuntimeError("a tensor that requires a gradient cannot be exported: use detach()")
        return self.array.__cuda_array_interface__


def _as_operand(x: Any, like: Any) -> Any:
    """An operand of a ufunc: lists become tensors beside the tensor `like`."""
    return tensor(x, device=device_of(like.array)) if isinstance(x, (list, tuple)) else x
