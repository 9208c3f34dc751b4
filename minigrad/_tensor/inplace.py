"""In-place changes: `x += y`, `x.zero_()`, `x[i] = v`, with PyTorch's gradients.

An in-place method computes its result as the out-of-place function does, then `assign` writes it into the memory
and gives the tensor the result's history. If the tensor is a view, its base's history is rewritten: the base's
value is now "the base before, with this written there", and every view of it is derived anew when it is next used
(`autograd.views.current_node`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ..autograd.core_ops import cast
from ..autograd.modes import modes
from ..autograd.node import LEAF, Node, TensorBase
from ..autograd.operands import array_of
from ..autograd.plan import INPUTS
from ..autograd.primitive import changed_dtypes, primitive, wrap
from ..autograd.versions import Clock, Storage
from ..autograd.views import current_node, set_history
from ..backend.devices import device_of, to_device
from ..backend.dtypes import KIND_RANK, public_dtype
from ..backend.host import held_number
from ..backend.library import is_array, library
from ..ops.indexing import follow, full_key, getitem_, index_array, index_write, mask_write, split_index, view_write


def in_place(function: Callable[..., Any]) -> Callable[..., Any]:
    """The in-place method `name_` of a function: writes the result into its first argument, and returns that."""
    name = f"{function.__name__}_"

    @functools.wraps(function)
    def method(self: Any, *args: Any, **kw: Any) -> Any:
        check_writable(self, name)
        return assign(self, function(self, *args, **kw), name)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"In-place form of `{function.__name__}`. Returns the tensor itself."
    return method


def check_writable(x: Any, name: str) -> None:
    """Refuse in-place changes that would lose a gradient."""
    if modes.node_type is None:
        return
    if x.node is LEAF:
        raise RuntimeError(
            f"{name}: a leaf that requires a gradient is being changed in place. Do it inside no_grad(), "
            "or on its .data, or on a clone()"
        )
    view = x.view_of
    if view is not None and (view.base.node is LEAF or (view.made_without_grad and view.base.node is not None)):
        raise RuntimeError(
            f"{name}: a view of a leaf that requires a gradient, or one made inside no_grad(), is being changed in "
            "place. Do it inside no_grad(), or on a clone()"
        )


def assign(x: Any, result: Any, name: str) -> Any:
    """Write `result` (a Tensor or a number) into `x`, which takes over its history."""
    array = x.array
    value = array_of(result)
    if value.shape != array.shape:
        raise RuntimeError(
            f"{name}: the result has shape {tuple(value.shape)} and does not fit into the tensor of shape "
            f"{tuple(array.shape)}: use the out-of-place form"
        )
    if KIND_RANK[value.dtype.kind] > KIND_RANK[array.dtype.kind]:
        raise RuntimeError(
            f"{name}: the result is {public_dtype(value.dtype)} and cannot be written into a tensor of "
            f"{public_dtype(array.dtype)}: convert the tensor first, or use the out-of-place form"
        )
    node = result.node if isinstance(result, TensorBase) and modes.node_type is not None else None
    history = node is not None or (modes.node_type is not None and current_node(x) is not None)
    if history:
        _check_view(x, name)
    if node is not None and node is not LEAF:
        _keep_old_values(node, x)
    write(x, array, Ellipsis, value)
    note_change(x, name)
    if node is not None and node is not LEAF:
        node.born = Clock.now
        if value.dtype != array.dtype:
            result = cast(result, dtype=array.dtype)
    if history:
        take_history(x, result)
    return x


def _check_view(x: Any, name: str) -> None:
    """Refuse to give a history to a view whose base cannot take it over."""
    if x.view_of is not None and x.view_of.made_without_grad:
        raise RuntimeError(
            f"{name}: this tensor is a view made inside no_grad(), a custom Function or checkpoint(), and a change "
            "with a gradient would not reach what it is a view of: use the out-of-place form, or clone() it first"
        )


def _keep_old_values(node: Node, x: Any) -> None:
    """Copy what the operation saved of the memory that is about to change; the copies have a storage of their own."""
    if node.frame is None:
        return
    memory = _owner(x.array)
    node.frame[INPUTS:] = [_copied(saved, memory) for saved in node.frame[INPUTS:]]
    node.storages = tuple(Storage() if storage is x._storage else storage for storage in node.storages)


def _copied(saved: Any, memory: Any) -> Any:
    """A saved array, or a tuple of them, with copies of those that lie in `memory`."""
    if type(saved) is tuple:
        return tuple(_copied(part, memory) for part in saved)
    return saved.copy() if is_array(saved) and _owner(saved) is memory else saved


def _owner(array: Any) -> Any:
    """The object that has the memory of an array: all views of it lead there."""
    while getattr(array, "base", None) is not None:
        array = array.base
    return array


def write(x: Any, array: Any, key: Any, value: Any) -> None:
    """`array[key] = value`, with a clear error where several elements share one place in memory."""
    if 0 in array.strides and array.size and any(s == 0 and n > 1 for s, n in zip(array.strides, array.shape)):
        raise RuntimeError(
            "several elements of this tensor share one place in memory (it was expanded): clone() it before writing"
        )
    if isinstance(x, TensorBase) and not isinstance(value, (bool, int, float)) and library(value) is not library(array):
        value = to_device(value, device_of(array)) if value.ndim == 0 else value
        if library(value) is not library(array):
            raise RuntimeError(
                f"a value on {device_of(value)} cannot be written into a tensor on {device_of(array)}: "
                "move it there first with .to(device)"
            )
    try:
        array[key] = value
    except ValueError as error:
        if "read-only" in str(error):
            raise RuntimeError("this tensor's memory is read-only: clone() it before writing") from None
        raise RuntimeError(str(error)) from error


def note_change(x: Any, name: str) -> None:
    """Count an in-place change of `x` and of everything that shares its memory."""
    x.shared_storage().changed(name)


def take_history(x: Any, result: Any) -> None:
    """Give `x`, whose memory already holds the value, the history of `result`; if it is a view, through its base."""
    view = x.view_of
    if view is None:
        set_history(x, result.node if isinstance(result, TensorBase) else None)
    else:
        record_write(view.base, result, view_write, steps=view.steps)
    x._storage.rewritten = Clock.now


def record_write(x: Any, value: Any, operation: Any, indices: Sequence[Any] = (), **keywords: Any) -> None:
    """Give `x` the history of `operation(x, value, *indices, **keywords)`, which has been done in its memory."""
    value_node = current_node(value) if isinstance(value, TensorBase) else None
    wanted = (x.node is not None) + 2 * (value_node is not None)
    node_type = modes.node_type
    if not wanted or node_type is None:
        set_history(x, None)
        return
    inputs = (x, value, *indices)
    arrays = tuple(array_of(each) for each in inputs)
    node = operation.record(node_type, inputs, arrays, None, keywords, wanted, None)
    node.dtypes = changed_dtypes(node, inputs, x.array.dtype)
    set_history(x, node)


def setitem(x: Any, key: Any, value: Any) -> None:
    """`x[key] = value`, differentiable in both.

    Raises:
        IndexError: the index does not fit.
        RuntimeError: the value does not fit, or a gradient would be lost.
    """
    check_writable(x, "x[...] = value")
    target = x.array
    full: Any = Ellipsis
    operation: Any = index_write
    view_key: Any
    places: Any
    mask = _mask_of(x, key) if hasattr(key, "dtype") else None
    if mask is not None and (isinstance(value, (bool, int, float)) or getattr(value, "ndim", None) == 0):
        # without asking where it is True: a recorded step does not know how often
        view_key, places, ndim, full = None, (), 0, mask
        arrays = [mask.reshape(mask.shape + (1,) * (target.ndim - mask.ndim))]
        operation, keywords = mask_write, {}
    else:
        view_key, places, arrays = split_index(x, key)
        keywords = {"key": places}
        if view_key is not None:
            target = getitem_(target, key=view_key)
        if places is None:
            ndim = target.ndim
        else:
            full = full_key(places, [array_of(a) for a in arrays])
            ndim = target.ndim - len(arrays) + max(a.ndim for a in arrays)
    value = _as_value(value, x, ndim)
    if places is not None and isinstance(value, TensorBase) and value.array.ndim and value.array.dtype != x.array.dtype:
        raise RuntimeError(
            f"x[index] = value: the tensor is {public_dtype(x.array.dtype)}, the value "
            f"{public_dtype(value.array.dtype)}: convert the value with .to(x.dtype)"
        )
    raw = array_of(value)
    recording = modes.node_type is not None
    history = recording and (
        current_node(x) is not None or (isinstance(value, TensorBase) and current_node(value) is not None)
    )
    if history:
        _check_view(x, "x[...] = value")
    write(x, target, full, raw)
    note_change(x, "x[...] = value")
    if not history:
        return
    view = x.view_of
    base = x if view is None else view.base
    steps = (() if view is None else view.steps) + (() if view_key is None else ((getitem_, {"key": view_key}),))
    if places is None:
        record_write(base, value, view_write, steps=steps)
    elif not steps:
        record_write(base, value, operation, arrays, **keywords)
    else:
        part = follow(base, steps)  # the view before the change, as far as the graph knows
        record_write(part, value, operation, arrays, **keywords)
        part.view_of = None
        record_write(base, part, view_write, steps=steps)
    x._storage.rewritten = Clock.now


def _mask_of(x: Any, key: Any) -> Any:
    """The array of `key`, if that is a mask of the first dimensions of `x`; else None."""
    array = array_of(key)
    if not is_array(array) or array.dtype.kind != "b" or not array.ndim or type(array) is not type(x.array):
        return None
    return index_array(key, library(array)) if array.shape == x.array.shape[: array.ndim] else None


def _as_value(value: Any, x: Any, ndim: int) -> Any:
    """The value of an assignment: a Tensor or array, without the dimensions of size 1 that it has in front of the
    `ndim` of its target; or a number that the dtype of `x` holds."""
    if isinstance(value, (bool, int, float)):
        return held_number(value, x.array.dtype)
    if isinstance(value, TensorBase) or is_array(value):
        shape = array_of(value).shape
        extra = len(shape) - ndim
        return value.reshape(shape[extra:]) if extra > 0 and all(n == 1 for n in shape[:extra]) else value
    if hasattr(value, "item") and hasattr(value, "dtype"):  # a NumPy scalar
        return held_number(value.item(), x.array.dtype)
    if isinstance(value, (list, tuple)):
        return library(x.array).asarray(value, dtype=x.array.dtype)
    raise TypeError(f"x[...] = value takes a tensor or a number, got {type(value).__name__}")


@primitive(dtype="keep")
def copied(xp, input, source):
    """`source` in the shape and dtype of `input`; what `copy_` writes."""
    return xp.broadcast_to(source, input.shape).astype(input.dtype)


copied.vjp(input=lambda g: g * 0, source=lambda g: g)


@primitive(dtype="keep")
def filled(xp, input, value):
    """`value` in the shape and dtype of `input`; what `fill_` writes."""
    out = xp.empty_like(input)
    out[...] = value
    return out


filled.vjp(input=lambda g: g * 0, value=lambda g: g)


def fill(input: Any, value: Any) -> Any:
    """A tensor like `input` with `value` (a number or a 0-d tensor) everywhere; the gradient of `input` is zero.

    >>> import minigrad
    >>> fill(minigrad.zeros(2), 3.0)
    tensor([3., 3.])
    """
    if isinstance(value, TensorBase) and value.array.ndim:
        raise RuntimeError(f"fill() takes a number or a 0-d tensor, got one of shape {tuple(value.array.shape)}")
    return filled(input, value)


class InPlaceMethods:
    """The in-place methods that have no out-of-place function of the same name."""

    array: Any

    def copy_(self, src: Any, non_blocking: bool = False) -> Any:
        """Write `src` (broadcast, converted, moved from its device) into the tensor."""
        check_writable(self, "copy_")
        if isinstance(src, TensorBase) and device_of(src.array) != device_of(self.array):
            src = src.to(device_of(self.array))  # type: ignore[attr-defined]
        return assign(self, _as_tensor(copied(self, src)), "copy_")

    def fill_(self, value: Any) -> Any:
        """Set every element to `value` (a number or a 0-d tensor)."""
        return _filled(self, value, "fill_")

    def zero_(self) -> Any:
        """Set every element to 0."""
        return _filled(self, 0, "zero_")


def _filled(x: Any, value: Any, name: str) -> Any:
    """`x` with `value` everywhere, written by the method `name`."""
    check_writable(x, name)
    if isinstance(value, TensorBase):
        if value.array.ndim:
            raise RuntimeError(f"{name} takes a number or a 0-d tensor, got one of shape {tuple(value.array.shape)}")
    else:
        value = held_number(value if isinstance(value, (bool, int, float)) else value.item(), x.array.dtype)
    return assign(x, filled(x, value), name)


def _as_tensor(value: Any) -> Any:
    return value if isinstance(value, TensorBase) else wrap(value)
