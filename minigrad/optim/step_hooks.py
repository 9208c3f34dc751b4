"""What users may run before and after each step of an optimizer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from ..autograd.node import HookHandle


class StepHooks:
    """The hooks of an optimizer."""

    _before: OrderedDict[object, Callable[..., Any]]
    _after: OrderedDict[object, Callable[..., Any]]

    def _forget_hooks(self) -> None:
        self._before, self._after = OrderedDict(), OrderedDict()

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call `hook(optimizer, args, kwargs)` before each step."""
        return _registered(self._before, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return _registered(self._after, hook)


def _registered(hooks: OrderedDict[object, Callable[..., Any]], hook: Callable[..., Any]) -> HookHandle:
    key = object()
    hooks[key] = hook
    return HookHandle(hooks, key)
