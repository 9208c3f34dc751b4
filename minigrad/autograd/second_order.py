"""What gradients of gradients need: the arrays that a node saved, as Tensors joined to the graph again."""

from __future__ import annotations

from typing import Any

from .core_ops import alias
from .node import LEAF, Node, Output, TensorBase
from .plan import INPUTS, OUT
from .primitive import wrap


def alias_of(array: Any, edge: Any, dtype: Any = None) -> Any:
    """A Tensor around `array` with a node of its own that passes its gradient on along `edge`, as `dtype`."""
    rules = alias.rules
    node = Node((edge,))
    node.plan, node.shapes, node.frame = rules.plan(1, 1), (array.shape,), [None, None]
    if dtype is not None and dtype != array.dtype:
        node.dtypes = (dtype,)
    return wrap(array, node)


def as_input(array: Any, edge: Any, dtype: Any = None) -> Any:
    """A saved array as a Tensor that is joined to the graph where its input, of `dtype`, was."""
    if dtype is not None and edge is not None and hasattr(array, "dtype") and array.dtype != dtype:
        return alias_of(array, edge, dtype)  # it was promoted before it was saved
    if edge is None or not hasattr(array, "shape"):
        return wrap(array) if hasattr(array, "shape") else array
    if not isinstance(edge, TensorBase):
        return wrap(array, edge)
    return edge if edge.array is array and edge.node is LEAF else alias_of(array, edge)


def saved_inputs(node: Node) -> list[tuple[Any, Any, Any]]:
    """What was saved of each input of a node, its edge and its dtype if that is another; None for what is not there."""
    frame, rules = node.frame, node.op
    assert frame is not None
    fixed = len(rules.inputs)
    arrays = list(frame[INPUTS : INPUTS + fixed])
    if rules.variadic is not None:
        arrays += frame[INPUTS + fixed] or ()
    edges = dict(zip(node.plan.needed, node.edges, strict=True))
    dtypes = dict(zip(node.plan.needed, node.dtypes or (), strict=False))
    return [(array, edges.get(k), dtypes.get(k)) for k, array in enumerate(arrays)]


def differentiable_frame(node: Node) -> list[Any]:
    """A node's frame with Tensors for the saved arrays, so that its rules are recorded too."""
    assert node.frame is not None
    frame = list(node.frame)
    fixed = len(node.op.inputs)
    inputs = [as_input(*saved) for saved in saved_inputs(node)]
    frame[INPUTS : INPUTS + fixed] = inputs[:fixed]
    if node.op.variadic is not None and frame[INPUTS + fixed] is not None:
        frame[INPUTS + fixed] = tuple(inputs[fixed:])
    if type(frame[OUT]) is tuple:
        frame[OUT] = tuple(wrap(a, Output(node, k) if a.dtype.kind == "f" else None) for k, a in enumerate(frame[OUT]))
    elif frame[OUT] is not None:
        frame[OUT] = wrap(frame[OUT], node)
    return frame
