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

    def _before_step(self, closure: Any) -> Any:
        """Call the hooks before a step; the step's closure, which is another one if a hook returns (args, kwargs)."""
        for hook in list(self._before.values()):
            result = hook(self, self._arguments(closure), {})
            if result is None:
                continue
            if not isinstance(result, tuple) or len(result) != 2:
                raise RuntimeError(f"a hook before a step returns None or (args, kwargs), got {result!r}")
            (_, *args), options = result
            closure = args[0] if args else options.get("closure")
        return closure

    def _after_step(self, closure: Any) -> None:
        for hook in list(self._after.values()):
            hook(self, self._arguments(closure), {})

    def _arguments(self, closure: Any) -> tuple[Any, ...]:
        return (self,) if closure is None else (self, closure)


def _registered(hooks: OrderedDict[object, Callable[..., Any]], hook: Callable[..., Any]) -> HookHandle:
    key = object()
    hooks[key] = hook
    return HookHandle(hooks, key)
