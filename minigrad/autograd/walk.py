"""The backward walk: from gradients at some nodes to those at others, or into the leaves.

Nodes wait in a heap and are taken in falling order of their numbers, so that everything that uses a result has
given its share before the result's node is reached. Nothing here recurses: a graph may be any depth.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from heapq import heappop, heappush
from typing import Any

from ..backend.library import Array, libraries, library
from .core_ops import add, cast, clone, fit
from .hooks import run_hooks
from .modes import modes
from .node import LEAF, Node, Output, TensorBase
from .operands import array_of
from .primitive import wrap
from .row_sparse import RowSparse, summed
from .second_order import alias_of, differentiable_frame, saved_inputs
from .views import current_node


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
            if type(r) is RowSparse:
                if node.edges[k].order:  # a leaf keeps it as it is
                    results[k] = r.to_dense() if create_graph else r.to_dense().array
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
    return array_of(g)


def _through_twin(node: Node, g: Any) -> Sequence[Any]:
    """Gradients that can be differentiated again, of a fused operation: those of its twin."""
    rules, frame = node.op, node.frame
    assert frame is not None
    inputs, targets = [], []
    for array, edge, dtype in saved_inputs(node):
        if edge is not None:  # a node of its own for each input: one tensor may stand in two places
            narrow = array if dtype is None else array.astype(dtype)
            inputs.append(alias_of(narrow, edge))
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
    wanted: Any = frozenset(targets) if targets is not None else None
    needed: Any = None if wanted is None else _leading_to(wanted, [edge for edge, _ in starts], made_after)
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
        for edge, r in zip(edges, results):
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
    elif type(g) is RowSparse or type(have) is RowSparse:
        pending[edge] = summed(have, g)
    elif create_graph or edge not in own:
        pending[edge] = add(have, g)
        own.add(edge)
    else:
        have += g


def _is_part(r: Any, g: Any) -> bool:
    """True if a rule has passed on the gradient that it was given, or one of several."""
    return r is g or (type(g) is tuple and any(r is part for part in g))


def _arrive_part(output: Output, g: Any, pending: dict, heap: list) -> None:
    """Add the gradient of one output of several in its place (a saved output has an `Output` of its own)."""
    joint = output.edges[0]
    parts = pending.get(joint)
    if parts is None:
        parts = pending[joint] = [None] * joint.outputs
        heappush(heap, (-joint.order, joint))
    have = parts[output.position]
    parts[output.position] = g if have is None else add(have, g)


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
            leaf._grad = clone(g)  # `x + y` gives both leaves one and the same, and the caller may hold it, too
        else:
            leaf._grad = wrap(g) if owned else g.clone() if type(g) is RowSparse else wrap(g.copy())
    elif type(g) is RowSparse or type(leaf._grad) is RowSparse:
        leaf._grad = summed(leaf._grad, wrap(g) if type(g) in libraries else g)
    elif create_graph:
        leaf._grad = add(leaf._grad, g)
    elif type(leaf._grad.array) is not type(g):
        raise RuntimeError("a leaf has been moved to another device, but not its .grad: set .grad = None on it")
    else:
        leaf._grad = wrap(add(leaf._grad.array, g))
    if leaf._post_hooks:
        for hook in list(leaf._post_hooks.values()):
            hook(leaf)


def edge_of(tensor: Any) -> Any:
    """Where the gradient of `tensor` goes: its node, itself if it is a leaf, None if it needs none."""
    node = current_node(tensor)
    return tensor if node is LEAF else node


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
