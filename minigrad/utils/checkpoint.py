"""Trade time for memory: `checkpoint` keeps nothing of a function's inside, and runs it again in backward."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple, NoReturn

from ..autograd.modes import modes, recorded_type, set_recording
from ..autograd.node import Node, Output, TensorBase, next_order
from ..autograd.row_sparse import RowSparse
from ..autograd.versions import Storage
from ..autograd.views import current_node
from ..autograd.walk import CHANGED, RELEASED, edge_of, walk
from ..backend.random import default_states, restored


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    context_fn: Callable[[], tuple[Any, Any]] | None = None,
    determinism_check: str = "default",
    debug: bool = False,
    **kwargs: Any,
) -> Any:
    """`function(*args, **kwargs)`, of which nothing is saved for backward but the arguments.

    The backward pass runs the function a second time to get what it needs. Gradients reach the arguments and
    whatever else the function uses (the parameters of a module), by `backward` and by `autograd.grad`, and
    can be differentiated again. The function must do the same both times; it should change nothing in place
    that it did not make.

    Args:
        function: returns a tensor, or tensors in tuples, lists and dicts.
        use_reentrant: accepted for PyTorch's sake; both variants are this one, which has none of the limits of the
            reentrant one.
        preserve_rng_state: draw the same random numbers the second time (dropout) from the default generators.
        context_fn: gives two context managers, one for each run.
        determinism_check, debug: accepted for PyTorch's sake.

    Raises:
        RuntimeError: (from backward) an argument was changed in place since, or the second run was not like the first.

    >>> import minigrad
    >>> x = minigrad.tensor([1.0, 2.0], requires_grad=True)
    >>> y = checkpoint(lambda x: (x.exp() * x).sum(), x)
    >>> y.backward()
    >>> bool((x.grad == (1 + x) * x.exp()).all())
    True
    """
    first, second = context_fn() if context_fn is not None else (nullcontext(), nullcontext())
    if modes.node_type is None:
        with first:
            return function(*args, **kwargs)
    given = [*_tensors_in(args), *_tensors_in(kwargs)]
    for x in given:
        current_node(x)  # a view's node must not be made anew inside
    versions = [(x.shared_storage(), x.shared_storage().version) for x in given]
    states = default_states() if preserve_rng_state else None
    start, before = next_order(), modes.recording_type
    modes.recording_type = _Skeleton
    set_recording(True)
    try:
        with first:
            result = function(*args, **kwargs)
    finally:
        modes.recording_type = before
        set_recording(True)
    outputs = _results_in(result, start)
    if outputs:
        edges = _edges_below([edge_of(y) for y in outputs], start)
        node: Any = recorded_type(_Checkpoint)(edges)
        node.outputs = len(outputs)
        versions += [(x.shared_storage(), x.shared_storage().version) for x in edges if isinstance(x, TensorBase)]
        node.frame = _Call(function, args, kwargs, second, states, versions, [y.array.shape for y in outputs])
        _hand_over(outputs, node, start)
    return result


def checkpoint_sequential(
    functions: Any,
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """Run functions (a `Sequential` or a list) one after the other, checkpointed in `segments` groups.

    The last group is run without checkpoint, for backward needs it first.
    """
    steps = list(functions)
    if not 1 <= segments <= max(len(steps), 1):
        raise ValueError(f"checkpoint_sequential: {len(steps)} functions cannot be split into {segments} segments")
    size = len(steps) // segments

    def through(group: Sequence[Callable[..., Any]]) -> Callable[[Any], Any]:
        def run(x: Any) -> Any:
            for step in group:
                x = step(x)
            return x

        return run

    for k in range(segments - 1):
        group = steps[k * size : (k + 1) * size]
        input = checkpoint(
            through(group), input, use_reentrant=use_reentrant, preserve_rng_state=preserve_rng_state, **kwargs
        )
    return through(steps[(segments - 1) * size :])(input)


class _Call(NamedTuple):
    """What the second run needs."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    context: Any
    states: dict[Any, bytes] | None
    versions: list[tuple[Storage, int]]
    shapes: list[tuple[int, ...]]


class _Skeleton(Node):
    """A node of the first run. It knows where it leads, and keeps nothing."""

    @property
    def frame(self) -> None:  # type: ignore[override]
        return None

    @frame.setter
    def frame(self, value: Any) -> None:
        pass

    @property
    def storages(self) -> tuple[Storage, ...]:  # type: ignore[override]
        return ()

    @storages.setter
    def storages(self, value: Any) -> None:
        pass

    @staticmethod
    def own_evaluate(node: Node, g: Any, create_graph: bool) -> NoReturn:
        raise RuntimeError(
            f"{node.name()}: this tensor was made inside checkpoint(), which saves nothing, and left it by another "
            "way than as its result: return it from the function (in a tuple, list or dict)"
        )


class _Checkpoint(Node):
    """The node of the whole function: its edges lead to everything that the function used."""

    frame: Any

    def name(self) -> str:
        return "CheckpointBackward"

    def release(self) -> None:
        """Let go of the arguments."""
        self.frame = None

    @staticmethod
    def own_evaluate(node: Any, g: Any, create_graph: bool) -> list[Any]:
        """Run the function again, recorded, and carry the gradients through that graph."""
        call = node.frame
        if call is None:
            raise RuntimeError(RELEASED.format(node.name()))
        for storage, version in call.versions:
            if storage.version != version:
                raise RuntimeError(CHANGED.format(node.name(), storage.writer))
        start, outer = next_order(), modes.node_type
        set_recording(True)
        try:
            with restored(call.states) if call.states is not None else nullcontext(), call.context:
                result = call.function(*call.args, **call.kwargs)
        finally:
            modes.node_type = outer
        outputs = _results_in(result, start)
        starts = [edge_of(y) for y in outputs]
        if [y.array.shape for y in outputs] != call.shapes or set(_edges_below(starts, start)) != set(node.edges):
            raise RuntimeError(
                "checkpoint(): the function did something else when it ran again in backward. Its operations must "
                "depend on its arguments only, not on state that has changed in between"
            )
        pairs = [(edge, part) for edge, part in zip(starts, g if type(g) is tuple else (g,)) if part is not None]
        found = walk(
            pairs, targets=node.edges, create_graph=create_graph, retain_graph=create_graph, made_after=start
        )
        # As views, so that the outer walk does not take one array that has two owners for its own.
        if create_graph:
            return found
        return [r if r is None or type(r) is RowSparse else r[...] for r in found]


def _tensors_in(value: Any) -> Iterator[Any]:
    """The tensors in nested tuples, lists and dicts."""
    if isinstance(value, TensorBase):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _tensors_in(part)
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from _tensors_in(part)


def _results_in(value: Any, start: int) -> list[Any]:
    """The tensors in a result that operations after number `start` made, each once."""
    found: dict[int, Any] = {}
    for x in _tensors_in(value):
        node = current_node(x)
        if isinstance(node, Node) and node.order > start:
            found[id(x)] = x
    return list(found.values())


def _edges_below(starts: Sequence[Any], start: int) -> tuple[Any, ...]:
    """The edges by which the graph of operations after number `start` leads out of it."""
    seen: set[Any] = set(starts)
    stack = list(starts)
    leaving: dict[Any, None] = {}
    while stack:
        for edge in stack.pop().edges:
            if edge is None:
                continue
            if edge.order <= start:
                leaving[edge] = None
            elif edge not in seen:
                seen.add(edge)
                stack.append(edge)
    return tuple(leaving)


def _hand_over(outputs: Sequence[Any], node: _Checkpoint, start: int) -> None:
    """Give the outputs their place at the checkpoint's node."""
    shared = [y.shared_storage() for y in outputs]
    for k, y in enumerate(outputs):
        view = y.view_of
        y.node = node if len(outputs) == 1 else Output(node, k)
        if view is None:
            continue
        if getattr(view.base.node, "order", 0) > start and shared.count(shared[k]) == 1:
            y.view_of = None  # what it is a view of has gone
        else:
            view.made_without_grad = True


__all__ = ["checkpoint", "checkpoint_sequential"]
