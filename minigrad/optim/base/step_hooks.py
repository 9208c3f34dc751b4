"""What users may run before and after each step of an optimizer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from ...autograd.node import HookHandle


class StepHooks:
    """The hooks of an optimizer."""

    _before: OrderedDict[object, Callable[..., Any]]
    _after: OrderedDict[object, Callable[..., Any]]

    def _forget_hooks(self) -> None:
        self._before, self._after = OrderedDict(), OrderedDict()

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call `hook(optimizer, args, kwargs)` before each step: args are those of `step`, the optimizer first.

        What it returns, None or another (args, kwargs), takes their place.
        """
        return _registered(self._before, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return _registered(self._after, hook)


def changed_by(hook: Callable[..., Any], optimizer: Any, closure: Any) -> Any:
    """Call a hook before a step; the step's closure, which is another one if the hook returns (args, kwargs)."""
    result = hook(optimizer, (optimizer,) if closure is None else (optimizer, closure), {})
    if result is None:
        return closure
    if not isinstance(result, tuple) or len(result) != 2:
        raise RuntimeError(f"a hook before a step returns None or (args, kwargs), got {result!r}")
    (_, *args), options = result
    return args[0] if args else options.get("closure")


def _registered(hooks: OrderedDict[object, Callable[..., Any]], hook: Callable[..., Any]) -> HookHandle:
    key = object()
    hooks[key] = hook
    return HookHandle(hooks, key)
