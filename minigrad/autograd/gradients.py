"""`backward` and `grad`: what users call to have the graph walked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..backend.devices import device_of
from ..backend.dtypes import public_dtype
from ..backend.library import library
from .core_ops import cast
from .modes import modes, set_recording
from .node import TensorBase
from .primitive import wrap
from .row_sparse import RowSparse
from .walk import deposit, edge_of, walk


def run(
    outputs: Sequence[Any],
    gradients: Sequence[Any],
    targets: Sequence[Any] | None,
    retain_graph: bool | None,
    create_graph: bool,
    what: str,
) -> list[Any]:
    """Check the outputs and walk, recording the walk itself only for `create_graph`."""
    starts = []
    for output, gradient in zip(outputs, gradients, strict=True):
        edge = edge_of(output)
        if edge is None:
            raise RuntimeError(
                f"{what}: the tensor does not require a gradient and has no grad_fn. It was made from tensors without "
                "requires_grad, inside no_grad(), or after detach()"
            )
        starts.append((edge, start_gradient(output, gradient, create_graph, what)))
    outer = modes.node_type is not None
    set_recording(create_graph)
    try:
        return walk(
            starts,
            targets=targets,
            create_graph=create_graph,
            retain_graph=create_graph if retain_graph is None else retain_graph,
        )
    finally:
        set_recording(outer)


def _listed(value: Any) -> list[Any]:
    return [value] if isinstance(value, TensorBase) else list(value)


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add the gradients of `tensors` into the `.grad` of the leaves (of `inputs` only, if given).

    Departs from PyTorch: a sum with an earlier gradient is a new tensor, so one that somebody holds never changes.

    Args:
        tensors: a tensor, or several.
        grad_tensors: the gradient of each; not needed for single numbers.
        retain_graph: keep what the graph has saved, for another backward pass.
        create_graph: record the pass, so that gradients can be differentiated again. `.grad` and its tensor then
            refer to each other: prefer `grad`, or set `.grad = None` afterwards.
    """
    outputs = _listed(tensors)
    gradients = [None] * len(outputs) if grad_tensors is None else _listed(grad_tensors)
    if inputs is None:
        run(outputs, gradients, None, retain_graph, create_graph, "backward()")
        return
    leaves = _listed(inputs)
    if not leaves:
        raise RuntimeError("backward() got an empty list of inputs: leave it out to reach every leaf")
    edges = [_required_edge(leaf, "backward()") for leaf in leaves]
    for leaf, g in zip(leaves, run(outputs, gradients, edges, retain_graph, create_graph, "backward()"), strict=True):
        if g is not None:
            deposit(leaf, g, False, create_graph)


def _required_edge(tensor: Any, what: str) -> Any:
    edge = edge_of(tensor)
    if edge is None:
        raise RuntimeError(f"{what}: one of the inputs does not require a gradient: set requires_grad=True on it first")
    return edge


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The gradients of the sum of `outputs` with respect to `inputs`, as a tuple of Tensors; `.grad` is not touched.

    `only_inputs` is PyTorch's relic, of which True alone is left.

    >>> import minigrad
    >>> x = minigrad.tensor(3.0, requires_grad=True)
    >>> (dy,) = grad(x ** 3, x, create_graph=True)
    >>> dy.item(), grad(dy, x)[0].item()
    (27.0, 18.0)
    """
    if is_grads_batched or not only_inputs:
        raise NotImplementedError("grad() has neither is_grads_batched=True (call it for each) nor only_inputs=False")
    sources, wanted = _listed(outputs), _listed(inputs)
    gradients = [None] * len(sources) if grad_outputs is None else _listed(grad_outputs)
    found = run(sources, gradients, [_required_edge(t, "grad()") for t in wanted], retain_graph, create_graph, "grad()")
    results: list[Any] = []
    taken = {id(gradient.array) for gradient in gradients if isinstance(gradient, TensorBase)}
    for k, (tensor, g) in enumerate(zip(wanted, found, strict=True)):
        if g is None and materialize_grads:
            g = library(tensor.array).zeros_like(tensor.array)
        if g is None and not allow_unused:
            raise RuntimeError(
                f"grad(): input {k} was not used to compute the outputs: pass allow_unused=True to get None for it"
            )
        if type(g) is RowSparse:
            g = g.clone()
        elif g is not None and not isinstance(g, TensorBase):
            g = wrap(g.copy() if g.base is not None or id(g) in taken else g)  # an array of its own for each
            taken.add(id(g.array))
        results.append(g)
    return tuple(results)


def start_gradient(output: Any, gradient: Any, create_graph: bool, what: str) -> Any:
    """The gradient to start from at `output`: ones for a scalar, else what the caller gave, checked."""
    array = output.array
    if gradient is None:
        if array.size != 1:
            raise RuntimeError(
                f"{what} of a tensor of shape {tuple(array.shape)} needs a gradient of that shape; "
                "without one it works for a single number only (call .sum() or .mean() first)"
            )
        ones = library(array).ones_like(array)
        return wrap(ones) if create_graph else ones
    given = gradient.array if isinstance(gradient, TensorBase) else library(array).asarray(gradient)
    if given.shape != array.shape:
        raise RuntimeError(
            f"{what} got a gradient of shape {tuple(given.shape)} for a tensor of shape {tuple(array.shape)}"
        )
    if type(given) is not type(array) and device_of(given) != device_of(array):
        raise RuntimeError(f"{what} got a gradient on {device_of(given)} for a tensor on {device_of(array)}")
    if given.dtype.kind != "f":
        raise RuntimeError(f"{what} needs a floating point gradient, got {public_dtype(given.dtype)}")
    if create_graph:
        as_tensor = gradient if isinstance(gradient, TensorBase) else wrap(given)
        return cast(as_tensor, dtype=array.dtype) if given.dtype != array.dtype else as_tensor
    return given.astype(array.dtype) if given.dtype != array.dtype else given
