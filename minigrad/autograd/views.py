"""Views: how one is linked to its base, and how its history is found again after an in-place change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..backend.library import shares_memory_as_view
from .modes import modes
from .node import TensorBase, ViewInfo
from .versions import Clock


def current_node(x: TensorBase) -> Any:
    """The node of a view, made anew where an in-place change has rewritten its base's history since."""
    view = x.view_of
    if view is not None and x._storage is not None and x._storage.rewritten > view.born:
        if view.made_without_grad:
            if x.node is not None:
                raise RuntimeError(
                    "this tensor is a view from a custom Function or checkpoint, and what it is a view of was "
                    "changed in place: clone() it there, or use the out-of-place form of that change"
                )
            return None
        outer, modes.node_type = modes.node_type, modes.recording_type
        try:
            fresh: Any = view.base
            for operation, kw in view.steps:
                fresh = operation(fresh, **kw)
        finally:
            modes.node_type = outer
        set_history(x, fresh.node)
        view.born = Clock.now
    return x.node


def set_history(x: TensorBase, node: Any) -> None:
    """Give `x` another node, after an in-place change. A retained gradient is that of the new value, as in PyTorch."""
    x.node = node
    retained = x._retained
    if retained is not None:
        retained.remove()
        x._retained = None if node is None else node.add_hook(retained.key)


def link_view(result: TensorBase, source: Any, operation: Callable[..., Any], kw: dict[str, Any]) -> None:
    """Note that `result` is a view of `source`, if the arrays do share memory."""
    if result.array is not source.array and not shares_memory_as_view(result.array, source.array):
        return
    result._storage = source.shared_storage()
    above = source.view_of
    if above is None:
        result.view_of = ViewInfo(source, ((operation, kw),))
    else:
        result.view_of = ViewInfo(above.base, (*above.steps, (operation, kw)))
        result.view_of.made_without_grad = above.made_without_grad
    if modes.node_type is None:
        result.view_of.made_without_grad = True
