"""Saving and loading a module: `state_dict` and `load_state_dict`, with PyTorch's keys, layout and errors."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .._tensor.creation import as_tensor
from .._tensor.tensor import Tensor
from ..autograd.modes import no_grad
from ..backend.library import is_array
from .module_hooks import Hooks
from .parameter import Parameter, is_uninitialized

EXTRA_STATE = "_extra_state"  # the key of what get_extra_state returns


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` returns."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


class StateMethods:
    """The values of all parameters and persistent buffers, as a dictionary and back."""

    _parameters: Any
    _buffers: Any
    _modules: Any
    _buffer_names: dict[str, bool]
    _hooks: Hooks | None
    _version: int

    def get_extra_state(self) -> Any:
        """What else belongs into the state dict: a subclass may define it, with `set_extra_state`."""
        raise NotImplementedError(f"{type(self).__name__} defines no get_extra_state()")

    def set_extra_state(self, state: Any) -> None:
        """Take back what `get_extra_state` returned."""
        raise NotImplementedError(f"{type(self).__name__} defines no set_extra_state(), but the state dict has one")

    # -- saving ----------------------------------------------------------------------------------------------

    def state_dict(self, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
        """Parameters and persistent buffers by their dotted names, in an OrderedDict.

        The tensors share the module's memory and are outside the graph.

        Args:
            destination: the dictionary to add to; default: a new one.
            prefix: what the keys begin with.
            keep_vars: give the parameters themselves.
        """
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = metadata
        hooks = self._hooks
        if hooks is not None:
            for hook in list(hooks.state_dict_pre.values()):
                hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        if hooks is not None:
            for hook in list(hooks.state_dict.values()):
                if hook(self, destination, prefix, metadata) is not None:
                    raise RuntimeError("a state dict post hook must return None: it may change the dictionary in place")
        return destination

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        """Add the module's own entries, without those of its children."""
        for name, value in self._own_state():
            destination[prefix + name] = value if keep_vars or is_uninitialized(value) else value.detach()
        if type(self).get_extra_state is not StateMethods.get_extra_state:
            destination[prefix + EXTRA_STATE] = self.get_extra_state()

    def _own_state(self) -> Iterable[tuple[str, Any]]:
        """The module's own parameters and persistent buffers that are not None."""
        yield from ((name, p) for name, p in self._parameters.items() if p is not None)
        for name, persistent in self._buffer_names.items():
            if persistent and self._buffers[name] is not None:
                yield name, self._buffers[name]

    # -- loading ---------------------------------------------------------------------------------------------

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy the values of a state dict into the module's parameters and buffers.

        Args:
            state_dict: tensors (or arrays) by the names that `state_dict()` gives.
            strict: raise where keys are missing or unknown.
            assign: make the given tensors the module's own instead of copying their values.

        Returns:
            the pair (missing_keys, unexpected_keys).

        Raises:
            RuntimeError: keys do not fit (if strict) or shapes differ; the message lists all of them.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"load_state_dict() takes a dictionary, got {type(state_dict).__name__}")
        metadata = getattr(state_dict, "_metadata", None) or {}
        loading = _Loading(metadata, assign)
        loading.load(self, OrderedDict(state_dict), "")
        errors = loading.errors
        if strict:
            if loading.unexpected:
                errors.insert(0, f"Unexpected key(s) in state_dict: {_quoted(loading.unexpected)}.")
            if loading.missing:
                errors.insert(0, f"Missing key(s) in state_dict: {_quoted(loading.missing)}.")
        if errors:
            listed = "\n\t".join(errors)
            raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{listed}")
        return IncompatibleKeys(loading.missing, loading.unexpected)

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Take the module's own entries, not those of its children. Overridden to read older layouts."""
        assign = local_metadata.get("assign_to_params_buffers", False)
        own = dict(self._own_state())
        for name, value in own.items():
            key = prefix + name
            if key in state_dict:
                error = _fill(self, name, value, state_dict[key], key, assign)
                if error:
                    error_msgs.append(error)
            elif strict:
                missing_keys.append(key)
        if type(self).set_extra_state is not StateMethods.set_extra_state:
            if prefix + EXTRA_STATE in state_dict:
                self.set_extra_state(state_dict[prefix + EXTRA_STATE])
            elif strict:
                missing_keys.append(prefix + EXTRA_STATE)
            own[EXTRA_STATE] = None
        if strict:
            for key in state_dict:
                if key.startswith(prefix):
                    name, dot, _ = key[len(prefix) :].partition(".")
                    if name not in (self._modules if dot else own):
                        unexpected_keys.append(key)


class _Loading:
    """One run of `load_state_dict` over a module and all below."""

    def __init__(self, metadata: Mapping[str, Any], assign: bool) -> None:
        self.metadata, self.assign = metadata, assign
        self.missing: list[str] = []
        self.unexpected: list[str] = []
        self.errors: list[str] = []

    def load(self, module: Any, state_dict: dict[str, Any], prefix: str) -> None:
        local = dict(self.metadata.get(prefix[:-1], {}))
        if self.assign:
            local["assign_to_params_buffers"] = True
        # "strict" here: collect the keys that do not fit, whatever becomes of them
        arguments = (state_dict, prefix, local, True, self.missing, self.unexpected, self.errors)
        hooks = module._hooks
        if hooks is not None:
            for hook in list(hooks.load_pre.values()):
                hook(module, *arguments)
        module._load_from_state_dict(*arguments)
        for name, child in module._modules.items():
            if child is not None:
                below = f"{prefix}{name}."
                self.load(child, {key: v for key, v in state_dict.items() if key.startswith(below)}, below)
        if hooks is not None:
            keys = IncompatibleKeys(self.missing, self.unexpected)
            for hook in list(hooks.load.values()):
                if hook(module, keys) is not None:
                    raise RuntimeError("a load_state_dict post hook must return None: it may change the lists of keys")


def _fill(module: Any, name: str, own: Any, given: Any, key: str, assign: bool) -> str | None:
    """Give the parameter or buffer `own` of `module` the values `given`; returns what stands against it."""
    if is_array(given):
        given = as_tensor(given)
    if not isinstance(given, Tensor):
        return f"{key}: expected a Tensor in the state dict, got {type(given).__name__}."
    if is_uninitialized(given):
        if is_uninitialized(own):
            return None
        return f"{key}: the state dict is that of a lazy module without a shape, the module here has one."
    if is_uninitialized(own):
        own.materialize(given.shape)
    if own.shape != given.shape:
        return (
            f"size mismatch for {key}: copying a tensor of shape {tuple(given.shape)} from the state dict, "
            f"the shape in the current model is {tuple(own.shape)}."
        )
    if assign:
        if isinstance(own, Parameter) and not isinstance(given, Parameter):
            given = Parameter(given, requires_grad=own.requires_grad)
        elif isinstance(own, Parameter):
            given.requires_grad_(own.requires_grad)
        setattr(module, name, given)
        return None
    try:
        with no_grad():
            own.copy_(given)
    except RuntimeError as error:
        return f"{key}: {error}"
    return None


def _quoted(keys: list[str]) -> str:
    return ", ".join(f'"{key}"' for key in keys)
