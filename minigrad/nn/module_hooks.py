"""Hooks of modules: functions called around `forward`, on the way back, and around saving and loading.

A module without hooks pays one comparison per call; one with hooks goes through `call_with_hooks`.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

from .._tensor.tensor import Tensor
from ..autograd.function import Function
from ..autograd.modes import is_grad_enabled
from ..autograd.node import HookHandle


class ForwardHook(NamedTuple):
    """A hook around `forward` with the options it was registered with."""

    hook: Callable[..., Any]
    with_kwargs: bool
    always_call: bool = False


class Hooks:
    """The hooks of one module, by kind, each in the order of its calls."""

    def __init__(self) -> None:
        self.forward_pre: OrderedDict[object, ForwardHook] = OrderedDict()
        self.forward: OrderedDict[object, ForwardHook] = OrderedDict()
        self.backward_pre: OrderedDict[object, Callable[..., Any]] = OrderedDict()
        self.backward: OrderedDict[object, Callable[..., Any]] = OrderedDict()
        self.state_dict_pre: OrderedDict[object, Callable[..., Any]] = OrderedDict()
        self.state_dict: OrderedDict[object, Callable[..., Any]] = OrderedDict()
        self.load_pre: OrderedDict[object, Callable[..., Any]] = OrderedDict()
        self.load: OrderedDict[object, Callable[..., Any]] = OrderedDict()


class HookNumber:
    """The key of a hook; unlike `object()` it can be pickled with its module."""


def add_hook(hooks: OrderedDict[object, Any], hook: Any, prepend: bool = False) -> HookHandle:
    """Put `hook` at the end (at the front), and return what removes it."""
    key = HookNumber()
    hooks[key] = hook
    if prepend:
        hooks.move_to_end(key, last=False)
    return HookHandle(hooks, key)


class HookMethods:
    """Registering hooks on a module."""

    _hooks: Hooks | None = None

    def _own_hooks(self) -> Hooks:
        if self._hooks is None:
            self._hooks = Hooks()
        return self._hooks

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> HookHandle:
        """Call `hook(module, args)` before `forward`; a value or tuple it returns replaces the arguments.

        With `with_kwargs`, `hook(module, args, kwargs)`, which returns None or the pair (args, kwargs).
        """
        return add_hook(self._own_hooks().forward_pre, ForwardHook(hook, with_kwargs), prepend)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> HookHandle:
        """Call `hook(module, args, output)` after `forward`; what it returns, if not None, replaces it.

        With `with_kwargs`, `hook(module, args, kwargs, output)`. With `always_call`, also if forward raised.
        """
        return add_hook(self._own_hooks().forward, ForwardHook(hook, with_kwargs, always_call), prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> HookHandle:
        """Call `hook(module, grad_output)` when the gradients of the outputs are known.

        It may return a tensor or tuple that replaces them.
        """
        return add_hook(self._own_hooks().backward_pre, hook, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> HookHandle:
        """Call `hook(module, grad_input, grad_output)` when the gradients of the inputs are known.

        Both are tuples, with None for what has no gradient; the inputs are the positional arguments. It may
        return a tensor or tuple that replaces `grad_input`.
        """
        return add_hook(self._own_hooks().backward, hook, prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """As `register_full_backward_hook`, which PyTorch recommends instead of this old name."""
        return self.register_full_backward_hook(hook)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call `hook(module, prefix, keep_vars)` before `state_dict` collects the module's own entries."""
        return add_hook(self._own_hooks().state_dict_pre, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call `hook(module, state_dict, prefix, local_metadata)`; it may change the dictionary in place."""
        return add_hook(self._own_hooks().state_dict, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Before loading, call `hook(module, state_dict, prefix, metadata, True, missing, unexpected, errors)`.

        It may change the dictionary, of which it gets a copy, and add to the three lists.
        """
        return add_hook(self._own_hooks().load_pre, hook)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call `hook(module, incompatible_keys)` after loading; it may empty the lists of keys."""
        return add_hook(self._own_hooks().load, hook)


def call_with_hooks(module: Any, hooks: Hooks, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`module.forward(*args, **kwargs)` with the hooks around it."""
    finished: set[object] = set()
    try:
        return _hooked_forward(module, hooks, args, kwargs, finished)
    except Exception:
        for key, (hook, with_kwargs, always_call) in list(hooks.forward.items()):
            if always_call and key not in finished:
                try:
                    hook(module, args, kwargs, None) if with_kwargs else hook(module, args, None)
                except Exception as error:
                    warnings.warn(f"a forward hook with always_call=True raised, too: {error!r}", stacklevel=3)
        raise


def _hooked_forward(module: Any, hooks: Hooks, args: Any, kwargs: Any, finished: set[object]) -> Any:
    for hook, with_kwargs, _ in list(hooks.forward_pre.values()):
        if with_kwargs:
            changed = hook(module, args, kwargs)
            if changed is not None:
                if not (isinstance(changed, tuple) and len(changed) == 2):
                    raise RuntimeError(
                        "a forward pre hook with with_kwargs=True must return None or a pair (args, kwargs), "
                        f"got {type(changed).__name__}"
                    )
                args, kwargs = changed
        else:
            changed = hook(module, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
    watch = None
    if (hooks.backward or hooks.backward_pre) and is_grad_enabled():
        watch = BackwardWatch(module, list(hooks.backward.values()), list(hooks.backward_pre.values()))
        args = watch.tap_inputs(args)
    output = module.forward(*args, **kwargs)
    for key, (hook, with_kwargs, _) in list(hooks.forward.items()):
        finished.add(key)
        changed = hook(module, args, kwargs, output) if with_kwargs else hook(module, args, output)
        if changed is not None:
            output = changed
    return output if watch is None else watch.tap_output(output)


class _Tap(Function):
    """The identity of several tensors, which lets `call` see, and replace, their gradients together."""

    @staticmethod
    def forward(ctx: Any, call: Callable[..., Any], *tensors: Any) -> Any:
        ctx.set_materialize_grads(False)
        ctx.call = call
        return tuple(tensor.view_as(tensor) for tensor in tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return (None, *ctx.call(grads))


class BackwardWatch:
    """One call of a module between two taps: the gradients that enter it, and those that leave it."""

    def __init__(self, module: Any, hooks: list[Callable[..., Any]], pre_hooks: list[Callable[..., Any]]) -> None:
        self.module, self.hooks, self.pre_hooks = module, hooks, pre_hooks
        self.grad_output: tuple[Any, ...] = ()
        self.inputs = 0
        self.input_places: list[int] = []

    def tap_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, with a tap on those that require a gradient."""
        self.inputs = len(args)
        return self._tap(args, self.input_places, self._leaves)

    def tap_output(self, output: Any) -> Any:
        """The output (a tensor, or a tuple or list of values), with a tap on what requires a gradient."""
        if not isinstance(output, (Tensor, tuple, list)):
            warnings.warn(
                "for backward hooks to be called, the module's output should be a Tensor or a tuple of them, "
                f"it is of type {type(output).__name__}",
                stacklevel=4,
            )
            return output
        values = (output,) if isinstance(output, Tensor) else tuple(output)
        places: list[int] = []
        tapped = self._tap(values, places, lambda grads: self._enters(grads, places, len(values)))
        if isinstance(output, Tensor):
            return tapped[0]
        return type(output)(*tapped) if hasattr(output, "_fields") else type(output)(tapped)

    def _tap(self, values: tuple[Any, ...], places: list[int], call: Callable[..., Any]) -> tuple[Any, ...]:
        places += [k for k, value in enumerate(values) if isinstance(value, Tensor) and value.requires_grad]
        if not places:
            return values
        replaced = list(values)
        for k, tensor in zip(places, _Tap.apply(call, *(values[k] for k in places)), strict=True):
            replaced[k] = tensor
        return tuple(replaced)

    def _enters(self, grads: tuple[Any, ...], places: list[int], count: int) -> tuple[Any, ...]:
        """The gradients of the outputs are known."""
        everything: tuple[Any, ...] = _spread(grads, places, count)
        for hook in self.pre_hooks:
            everything = _replaced(hook(self.module, everything), everything, "a full backward pre hook")
        self.grad_output = everything
        if not self.input_places:  # nothing will leave: no input requires a gradient
            for hook in self.hooks:
                returned = hook(self.module, (None,) * self.inputs, everything)
                if returned is not None and any(g is not None for g in _as_tuple(returned)):
                    raise RuntimeError("a full backward hook returned gradients of inputs that require no gradient")
        return tuple(everything[k] for k in places)

    def _leaves(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        """The gradients of the inputs are known."""
        everything = _spread(grads, self.input_places, self.inputs)
        for hook in self.hooks:
            returned = hook(self.module, everything, self.grad_output)
            everything = _replaced(returned, everything, "a full backward hook")
        self.grad_output = ()
        return tuple(everything[k] for k in self.input_places)


def _spread(grads: tuple[Any, ...], places: list[int], count: int) -> tuple[Any, ...]:
    """The gradients at their places among `count`, None elsewhere."""
    everything = [None] * count
    for k, g in zip(places, grads, strict=True):
        everything[k] = g
    return tuple(everything)


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _replaced(returned: Any, grads: tuple[Any, ...], who: str) -> tuple[Any, ...]:
    """The gradients after a hook that returned `returned`."""
    if returned is None:
        return grads
    new = _as_tuple(returned)
    if len(new) != len(grads):
        raise RuntimeError(f"{who} returned {len(new)} gradients, expected {len(grads)}")
    return new
