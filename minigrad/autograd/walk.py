"""The backward walk: `grad` is the primitive, `backward` stores its results into the leaves.

Nodes wait in a heap and are taken in falling order of their numbers, so that everything that uses a result has
given its share before the result's node is reached. Nothing here recurses: a graph may be any depth.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from heapq import heappop, heappush
from typing import Any

from ..backend.dtypes import public_dtype
from ..backend.library import Array, libraries, library
from .core_ops import add, cast, fit
from .hooks import run_hooks
from .modes import modes, set_recording
from .node import LEAF, Node, Output, TensorBase
from .primitive import wrap
from .views import current_node
from .second_order import alias_of, differentiable_frame, saved_inputs


def evaluate(node: Node, g: Any, create_graph: bool) -> Sequence[Any]:
    """The gradients along a node's edges, in the shapes and dtypes of its inputs; None where there is none."""
    frame = node.frame
    if frame is None:
        raise RuntimeError(RELEASED.format(node.name()))
    for storage in node.storages:
        if storage.stamp > node.born:
            raise RuntimeError(CHANGED.format(node.name(), storage.writer))
    if create_graph:
        if node.op.twin_function is not None:
            return _through_twin(node, g)
        frame = differentiable_frame(node)
    results = node.plan.gradients(g, frame)
    shapes, dtypes, kind = node.shapes, node.dtypes, type(g)
    for k, r in enumerate(results):
        if type(r) is not kind and type(r) not in libraries and not isinstance(r, TensorBase):
            if r is None:
                continue
            r = results[k] = library(_some_array(g)).asarray(r)  # a NumPy scalar
        if r.shape != shapes[k]:
            r = results[k] = fit(r, shapes[k])
        if dtypes is not None:
            results[k] = cast(r, dtype=dtypes[k])
    return results


def _some_array(g: Any) -> Array:
    if type(g) is tuple:
        g = next(part for part in g if part is not None)
    return g.array if isinstance(g, TensorBase) else g


def _through_twin(node: Node, g: Any) -> Sequence[Any]:
    """Gradients that can be differentiated again, of a fused operation: those of its twin."""
    rules, frame = node.op, node.frame
    assert frame is not None
    inputs, targets = [], []
    for array, edge in saved_inputs(node):
        if edge is not None:  # a node of its own for each input: one tensor may stand in two places
            inputs.append(alias_of(array, edge))
            targets.append(inputs[-1].node)
        else:
            inputs.append(wrap(array) if hasattr(array, "shape") else array)
    outputs = rules.twin_function(*inputs, **rules.metadata(frame))
    pairs = list(zip(outputs, g, strict=True)) if isinstance(g, tuple) else [(outputs, g)]
    starts = [(o.node, part) for o, part in pairs if part is not None and o.node is not None]
    return walk(starts, targets=targets, create_graph=True, retain_graph=True)


def walk(
    starts: Sequence[tuple[Any, Any]],
    *,
    targets: Sequence[Any] | None = None,
    create_graph: bool = False,
    retain_graph: bool = False,
    made_after: int = 0,
) -> list[Any]:
    """Carry gradients from `starts` (pairs of an edge and its gradient) down the graph.

    Without `targets` they are added into the `.grad` of every leaf reached; with `targets` (edges) only what leads
    there is computed, and their gradients are returned, None for those that were not reached. No node is passed
    through whose number is `made_after` or smaller.
    """
    wanted = frozenset(targets) if targets is not None else None
    needed = None if wanted is None else _leading_to(wanted, [edge for edge, _ in starts], made_after)
    found: dict[Any, Any] = {}
    pending: dict[Any, Any] = {}
    own: set[Any] = set()  # edges whose pending gradient is an array made here for them alone
    heap: list[tuple[int, Any]] = []
    step = modes.recording_type.evaluate
    for edge, g in starts:
        _arrive(edge, g, pending, own, heap, create_graph)
    while heap:
        node = heappop(heap)[1]
        g = pending.pop(node)
        if node.hooks is not None:
            g = run_hooks(node.hooks, g, create_graph)
        if wanted is not None and node in wanted:
            found[node] = g
            if node not in needed:
                continue
        if type(node) is Output:
            _arrive_part(node, g, pending, heap)
            continue
        if type(g) is list:
            g = tuple(g)
        edges = node.edges
        results = (step or node.own_evaluate or evaluate)(node, g, create_graph)
        for edge, r in zip(edges, results):  # noqa: B905 (strict= costs 0.1 us, and the rules' plan fixes both)
            if r is None or edge is None or not (needed is None or edge in needed or edge in wanted):
                continue
            if edge in pending:
                _arrive(edge, r, pending, own, heap, create_graph)
            else:
                pending[edge] = r
                if edge.order:
                    heappush(heap, (-edge.order, edge))
                elif not create_graph and r.base is None and not _is_part(r, g):
                    own.add(edge)
        if not retain_graph:
            node.release()
    for leaf, g in pending.items():  # what is left are leaves
        if leaf._hooks:
            g = run_hooks(leaf._hooks, g, create_graph)
        if wanted is None:
            deposit(leaf, g, leaf in own and not leaf._hooks, create_graph)  # a hook may keep the gradient
        else:
            found[leaf] = g
    return [found.get(edge) for edge in targets or ()]


def _arrive(edge: Any, g: Any, pending: dict, own: set, heap: list, create_graph: bool) -> None:
    """Add `g` to the gradient that waits at `edge`. Only a sum that was made here may be added to in place."""
    have = pending.get(edge)
    if have is None:
        pending[edge] = g
        if edge.order:
            heappush(heap, (-edge.order, edge))
    elif create_graph or edge not in own:
        pending[edge] = add(have, g)
        own.add(edge)
    else:
        have += g


def _is_part(r: Any, g: Any) -> bool:
    """True if a rule has passed on the gradient that it was given, or one of several."""
    return r is g or (type(g) is tuple and any(r is part for part in g))


def _arrive_part(output: Output, g: Any, pending: dict, heap: list) -> None:
    """Put the gradient of one output of several into its place."""
    joint = output.edges[0]
    parts = pending.get(joint)
    if parts is None:
        parts = pending[joint] = [None] * joint.outputs
        heappush(heap, (-joint.order, joint))
    parts[output.position] = g


def _leading_to(targets: Collection[Any], starts: Sequence[Any], made_after: int) -> set[Any]:
    """The nodes from which one of `targets` can be reached (the targets themselves only if another is below)."""
    seen: set[Any] = set()
    stack = [edge for edge in starts if edge is not None and edge.order > made_after]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(e for e in node.edges if e is not None and e.order > made_after and e not in seen)
    leading: set[Any] = set()
    for node in sorted(seen, key=lambda node: node.order):
        if any(edge in targets or edge in leading for edge in node.edges if edge is not None):
            leading.add(node)
    return leading


def deposit(leaf: Any, g: Any, owned: bool, create_graph: bool) -> None:
    """Add a gradient to `leaf._grad`. A gradient that somebody holds never changes: sums are new arrays."""
    if leaf._grad is None:
        if isinstance(g, TensorBase):
            leaf._grad = g
        else:
            leaf._grad = wrap(g if owned else g.copy())
    elif create_graph:
        leaf._grad = add(leaf._grad, g)
    else:
        leaf._grad = wrap(add(leaf._grad.array, g))
    if leaf._post_hooks:
        for hook in list(leaf._post_hooks.values()):
            hook(leaf)


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
        raise RuntimeError(f"{what} got a gradient of shape {tuple(given.shape)} for a tensor of shape {tuple(array.shape)}")
    if given.dtype.kind != "f":
        raise RuntimeError(f"{what} needs a floating point gradient, got {public_dtype(given.dtype)}")
    if create_graph:
        as_tensor = gradient if isinstance(gradient, TensorBase) else wrap(given)
        return cast(as_tensor, dtype=array.dtype) if given.dtype != array.dtype else as_tensor
    return given.astype(array.dtype) if given.dtype != array.dtype else given


def edge_of(tensor: Any) -> Any:
    """Where the gradient of `tensor` goes: its node, itself if it is a leaf, None if it needs none."""
    node = current_node(tensor)
    return tensor if node is LEAF else node


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
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The gradients of the sum of `outputs` with respect to `inputs`, as a tuple of Tensors; `.grad` is not touched.

    >>> import minigrad
    >>> x = minigrad.tensor(3.0, requires_grad=True)
    >>> (dy,) = grad(x ** 3, x, create_graph=True)
    >>> dy.item(), grad(dy, x)[0].item()
    (27.0, 18.0)
    """
    if is_grads_batched:
        raise NotImplementedError("grad(is_grads_batched=True) is not supported: call grad once per gradient")
    sources, wanted = _listed(outputs), _listed(inputs)
    gradients = [None] * len(sources) if grad_outputs is None else _listed(grad_outputs)
    edges = [_required_edge(tensor, "grad()") for tensor in wanted]
    found = run(sources, gradients, edges, retain_graph, create_graph, "grad()")
    results: list[Any] = []
    for k, (tensor, g) in enumerate(zip(wanted, found, strict=True)):
        if g is None and materialize_grads:
            g = library(tensor.array).zeros_like(tensor.array)
        if g is None and not allow_unused:
            raise RuntimeError(
                f"grad(): input {k} was not used to compute the outputs: pass allow_unused=True to get None for it"
            )
        results.append(g if g is None or isinstance(g, TensorBase) else wrap(g.copy() if g.base is not None else g))
    return tuple(results)


RELEASED = (
    "{}: trying to go backward a second time through a graph whose saved arrays have been released. Usual causes: "
    "backward() was called twice on one loss (pass retain_graph=True to the first call), two losses share a part "
    "of the graph (add them and call backward once), or a state is carried from one step to the next "
    "(detach() it between steps)"
)
CHANGED = (
    "{}: an array that this operation saved for its gradient was changed in place afterwards, by {}. Use the "
    "out-of-place form of that change, or clone() the tensor before it"
)
