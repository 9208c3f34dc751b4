"""The graph: what the engine knows of a tensor (`TensorBase`) and of an operation that was recorded (`Node`).

References go from results to inputs only, so there are no cycles and memory is freed without the garbage
collector. Nodes are numbered as they are made; an operation's inputs therefore always have smaller numbers, and
walking backward in falling order visits a node after everything that uses it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from ..backend.library import Array
from .versions import Clock, Storage

#: the number of the next node
next_order = itertools.count(1).__next__


class TensorBase:
    """What the engine needs to know of a tensor. `minigrad.Tensor` adds everything else.

    `node` is None where no gradient is wanted, LEAF for a leaf that wants one, else the operation that made it.
    """

    array: Array
    node: Any = None
    _storage: Storage | None = None
    view_of: ViewInfo | None = None
    _grad: Any = None
    order = 0  # an edge may lead to a node or to a leaf; a leaf comes after every node
    _hooks: list[Any] | None = None
    _post_hooks: dict[Any, Any] | None = None
    _retained: HookHandle | None = None  # the hook by which it keeps its gradient, if it does

    def shared_storage(self) -> Storage:
        """The storage of this tensor, made when it is first needed."""
        if self._storage is None:
            self._storage = Storage()
        return self._storage


class _Leaf:
    """The `node` of a leaf that requires a gradient; an edge to it is the tensor itself."""

    name = "AccumulateGrad"

    def __repr__(self) -> str:
        return "LEAF"


LEAF = _Leaf()


class ViewInfo:
    """How a view is reached from its base: the steps (view operation, keywords), applied one after the other."""

    __slots__ = ("base", "born", "made_without_grad", "steps")

    def __init__(self, base: TensorBase, steps: tuple[tuple[Callable[..., Any], dict[str, Any]], ...]) -> None:
        self.base = base
        self.steps = steps
        self.born = Clock.now
        self.made_without_grad = False


class Node:
    """One recorded operation: where its gradients go (`edges`) and what their rules need (`frame`).

    `frame` is the list [out, *inputs, *keywords, *shapes], with None for what no rule needs. After a backward pass
    that does not retain the graph it is None.
    """

    order: int
    born: int  # time of the clock when it was made
    plan: Any = None  # what was saved and which rules to call (rules.Plan)
    edges: Sequence[Any] = ()
    shapes: Sequence[tuple[int, ...]] = ()  # of the inputs that the edges lead to
    dtypes: Sequence[Any] | None = None  # of those inputs, where they differ from the output's
    frame: list[Any] | None = None
    storages: tuple[Storage, ...] = ()  # of the saved arrays
    hooks: list[Any] | None = None
    outputs = 1

    #: how the walk gets the gradients of every node (anomaly detection has its own), None: by the op's rules
    evaluate: Callable[..., Sequence[Any]] | None = None
    #: how it gets those of this class's nodes (a custom Function has its own), None: as of every other node
    own_evaluate: Callable[..., Sequence[Any]] | None = None

    def __init__(self, edges: Sequence[Any]) -> None:
        self.order = next_order()
        self.born = Clock.now
        self.edges = edges

    @property
    def op(self) -> Any:
        """The rules of the operation."""
        return self.plan.rules

    def name(self) -> str:
        """The operation's name as PyTorch would print it, `MulBackward0`."""
        return backward_name(self.op.__name__)

    def release(self) -> None:
        """Let go of what was saved. A node that saved no tensor can be passed again, as in PyTorch."""
        if self.storages:
            self.frame = None
            self.storages = ()

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """The nodes that this one passes gradients to, as PyTorch's pairs (node, output number)."""
        return tuple((public_node(edge), edge.position if isinstance(edge, Output) else 0) for edge in self.edges)

    def add_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call `hook(grad)` with the gradient of this operation's output; what it returns replaces it."""
        if self.hooks is None:
            self.hooks = []
        self.hooks.append(hook)
        return HookHandle(self.hooks, hook)

    def register_prehook(self, hook: Callable[..., Any]) -> HookHandle:
        """`add_hook` as PyTorch has it: the hook takes, and may return, a tuple of one gradient."""

        def of_one(g: Any) -> Any:
            returned = hook((g,))
            return returned[0] if isinstance(returned, tuple) else returned

        return self.add_hook(of_one)

    def __repr__(self) -> str:
        return f"<{self.name()}>"

    __str__ = __repr__


class Output(Node):
    """One output of an operation that has several: it puts its gradient in its place of their tuple."""

    def __init__(self, joint: Node, position: int) -> None:
        super().__init__((joint,))
        self.position = position

    def name(self) -> str:
        return self.edges[0].name()

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        return self.edges[0].next_functions


class AccumulateGrad:
    """What `grad_fn.next_functions` shows for a leaf: its `.variable` is the tensor."""

    def __init__(self, variable: TensorBase) -> None:
        self.variable = variable
        self.next_functions: tuple[Any, ...] = ()

    def name(self) -> str:
        return "AccumulateGrad"

    def __repr__(self) -> str:
        return "<AccumulateGrad>"


def public_node(edge: Any) -> Any:
    """The object that a user sees for an edge."""
    return AccumulateGrad(edge) if isinstance(edge, TensorBase) else edge


class HookHandle:
    """Removes a hook, by `remove()` or at the end of a `with` block."""

    def __init__(self, hooks: Any, key: Any) -> None:
        self.hooks, self.key = hooks, key

    def remove(self) -> None:
        if isinstance(self.hooks, dict):
            self.hooks.pop(self.key, None)
        elif self.key in self.hooks:
            self.hooks.remove(self.key)

    def __enter__(self) -> HookHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def backward_name(operation: str) -> str:
    """'log_softmax' -> 'LogSoftmaxBackward0', as PyTorch names its nodes."""
    return "".join(part.capitalize() for part in operation.split("_") if part) + "Backward0"
