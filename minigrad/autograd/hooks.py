"""Hooks: functions called with a gradient on its way, or after it has reached a leaf."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any

from .core_ops import clone
from .modes import modes
from .node import LEAF, HookHandle, TensorBase
from .primitive import wrap
from .row_sparse import RowSparse
from .views import current_node


def run_hooks(hooks: Iterable[Callable[[Any], Any]], g: Any, create_graph: bool) -> Any:
    """`g` as the hooks, called in order, leave it."""
    for hook in list(hooks):
        replaced = hook(g if isinstance(g, (TensorBase, RowSparse)) else wrap(g))
        if replaced is not None:
            shape = replaced.shape
            if tuple(shape) != tuple(g.shape):
                raise RuntimeError(f"a hook returned a gradient of shape {tuple(shape)}, expected {tuple(g.shape)}")
            g = replaced if create_graph or type(replaced) is RowSparse else replaced.array
    return g


class LeafHooks:
    """`changes` is the number of times that a hook of any leaf has been registered or removed."""

    changes = 0


class LeafHandle(HookHandle):
    """Removes a hook of a leaf."""

    def remove(self) -> None:
        LeafHooks.changes += 1
        super().remove()


def register_hook(tensor: Any, hook: Callable[[Any], Any]) -> HookHandle:
    """Call `hook(grad)` whenever the gradient of `tensor` is known; a tensor that it returns replaces it."""
    node = current_node(tensor)
    if node is None:
        raise RuntimeError("cannot register a hook on a tensor that does not require a gradient")
    if node is not LEAF:
        return node.add_hook(hook)
    if tensor._hooks is None:
        tensor._hooks = []
    tensor._hooks.append(hook)
    LeafHooks.changes += 1
    return LeafHandle(tensor._hooks, hook)


def register_post_accumulate_grad_hook(tensor: Any, hook: Callable[[Any], None]) -> HookHandle:
    """Call `hook(tensor)` after `tensor.grad` of a leaf has been updated by a backward pass."""
    if tensor.node is not LEAF:
        raise RuntimeError("post accumulate grad hooks belong to leaves that require a gradient")
    if tensor._post_hooks is None:
        tensor._post_hooks = {}
    key = object()
    tensor._post_hooks[key] = hook
    LeafHooks.changes += 1
    return LeafHandle(tensor._post_hooks, key)


def retain_grad(tensor: Any) -> None:
    """Keep the gradient of a tensor that is not a leaf in its `.grad`, too."""
    node = current_node(tensor)
    if node is None:
        raise RuntimeError("cannot retain the gradient of a tensor that does not require one")
    if node is LEAF or tensor._retained is not None:
        return
    # The node must not keep the tensor alive: the tensor refers to the node.
    reference = weakref.ref(tensor)

    def keep(g: Any) -> None:
        kept = reference()
        if kept is not None:
            if modes.node_type is None:
                kept._grad = wrap(g.array.copy() if kept._grad is None else kept._grad.array + g.array)
            else:
                kept._grad = clone(g) if kept._grad is None else kept._grad + g

    tensor._retained = node.add_hook(keep)
