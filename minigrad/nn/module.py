"""`Module`: the base of every layer and model.

Parameters, buffers and modules assigned to attributes are registered in order. What else a module can do stands
in the files beside this one: walking over what is registered (`module_walk`), moving it to other devices and
dtypes (`module_moves`), saving and loading (`module_state`), hooks (`module_hooks`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ..autograd.node import TensorBase
from .module_hooks import HookMethods, call_with_hooks
from .module_moves import MoveMethods
from .module_state import StateMethods
from .module_walk import WalkMethods
from .parameter import Buffer, Parameter
from .registry import NamesAfterInit, Registered

M = TypeVar("M", bound="Module")


class Module(WalkMethods, MoveMethods, StateMethods, HookMethods):
    """Base of layers and models: subclass it, create layers in `__init__`, use them in `forward`.

    >>> import minigrad
    >>> from minigrad import nn
    >>> class Net(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.hidden = nn.Linear(4, 8)
    ...         self.out = nn.Linear(8, 2)
    ...     def forward(self, x):
    ...         return self.out(self.hidden(x).relu())
    >>> net = Net()
    >>> net(minigrad.ones(3, 4)).shape
    minigrad.Size([3, 2])
    >>> [name for name, _ in net.named_parameters()]
    ['hidden.weight', 'hidden.bias', 'out.weight', 'out.bias']
    """

    training: bool
    _version = 1  # of the layout of the state dict

    # name -> True; of buffers, whether it is persistent
    _parameter_names: dict[str, bool] = NamesAfterInit()  # type: ignore[assignment]
    _buffer_names: dict[str, bool] = NamesAfterInit()  # type: ignore[assignment]
    _module_names: dict[str, bool] = NamesAfterInit()  # type: ignore[assignment]

    def __init__(self) -> None:
        own = self.__dict__
        own["training"] = True
        own["_parameter_names"] = {}
        own["_buffer_names"] = {}
        own["_module_names"] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        hooks = self._hooks
        if hooks is None:
            return self.forward(*args, **kwargs)
        return call_with_hooks(self, hooks, args, kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What calling the module computes: every subclass defines it."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(): define it in the class")

    # -- registration ----------------------------------------------------------------------------------------

    @property
    def _parameters(self) -> Registered:
        return Registered(self.__dict__, self._parameter_names)

    @property
    def _buffers(self) -> Registered:
        return Registered(self.__dict__, self._buffer_names)

    @property
    def _modules(self) -> Registered:
        return Registered(self.__dict__, self._module_names)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Make `param` the parameter `name` of the module; None keeps its place in the order without one."""
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"cannot register a {type(param).__name__} as parameter {name!r}: expected a Parameter")
        self._register(self._parameter_names, name, param)

    def register_buffer(self, name: str, tensor: Any, persistent: bool = True) -> None:
        """Make `tensor` the buffer `name`: moved with the module, and in its `state_dict` if persistent."""
        if tensor is not None and not isinstance(tensor, TensorBase):
            raise TypeError(f"cannot register a {type(tensor).__name__} as buffer {name!r}: expected a Tensor or None")
        self._register(self._buffer_names, name, tensor, persistent)

    def add_module(self, name: str, module: Module | None) -> None:
        """Make `module` the child `name`."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(
                f"cannot register a {type(module).__name__} as child {name!r}: expected an nn.Module or None"
            )
        self._register(self._module_names, name, module)

    def register_module(self, name: str, module: Module | None) -> None:
        """As `add_module`."""
        self.add_module(name, module)

    def _register(self, names: dict[str, bool], name: str, value: Any, flag: bool = True) -> None:
        """Put `value` into `__dict__` and its name into `names`."""
        if not isinstance(name, str):
            raise TypeError(f"the name of a parameter, buffer or module must be a str, got {type(name).__name__}")
        if "." in name or not name:
            raise KeyError(f"the name of a parameter, buffer or module cannot be empty or contain '.', got {name!r}")
        if name not in names and hasattr(self, name):
            raise KeyError(f"attribute '{name}' of {type(self).__name__} already exists: use another name")
        names[name] = flag
        self.__dict__[name] = value

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            self._forget(name, self._parameter_names)
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            names = self._module_names
            self._forget(name, names)
            names[name] = True
            self.__dict__[name] = value
        elif isinstance(value, Buffer):
            self._forget(name, self._buffer_names)
            self.register_buffer(name, value, value.persistent)
        else:
            own = self.__dict__
            if name in own:
                self._check_replacement(name, value)
            object.__setattr__(self, name, value)

    def _check_replacement(self, name: str, value: Any) -> None:
        """A registered attribute keeps its kind: a buffer may become another tensor, the others only None."""
        if value is None or "_module_names" not in self.__dict__:
            return
        if name in self._parameter_names:
            raise TypeError(
                f"cannot assign a {type(value).__name__} as parameter {name!r}: expected an "
                "nn.Parameter or None (del the attribute first to make it an ordinary one)"
            )
        if name in self._module_names:
            raise TypeError(
                f"cannot assign a {type(value).__name__} as child {name!r}: expected an "
                "nn.Module or None (del the attribute first to make it an ordinary one)"
            )
        if name in self._buffer_names and not isinstance(value, TensorBase):
            raise TypeError(
                f"cannot assign a {type(value).__name__} as buffer {name!r}: expected a "
                "Tensor or None (del the attribute first to make it an ordinary one)"
            )

    def _forget(self, name: str, keep: dict[str, bool]) -> None:
        """Drop the attribute, unless its name is in `keep`: it becomes one of another kind."""
        if name in self.__dict__ and name not in keep:
            del self.__dict__[name]
            for names in (self._parameter_names, self._buffer_names, self._module_names):
                names.pop(name, None)

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        for names in (self._parameter_names, self._buffer_names, self._module_names):
            names.pop(name, None)

    def __dir__(self) -> list[str]:
        return sorted(name for name in object.__dir__(self) if not name[:1].isdigit())

    def __getstate__(self) -> dict[str, Any]:
        # a shallow copy registers its own names from then on
        state = self.__dict__.copy()
        for kind in ("_parameter_names", "_buffer_names", "_module_names"):
            if kind in state:
                state[kind] = state[kind].copy()
        return state

    # -- modes -----------------------------------------------------------------------------------------------

    def train(self: M, mode: bool = True) -> M:
        """Set `training` here and in all below (dropout and batch norm act differently). Returns itself."""
        if not isinstance(mode, bool):
            raise ValueError(f"train() takes True or False, got {mode!r}")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self: M) -> M:
        """As `train(False)`."""
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Set `requires_grad` of all parameters: False freezes the module. Returns itself."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters (or set them to zeros)."""
        for p in self.parameters():
            if set_to_none:
                p.grad = None
            elif p.grad is not None and p.grad.is_sparse:
                p.grad = p.grad.emptied()
            elif p.grad is not None:
                if p.grad.requires_grad:
                    p.grad = p.grad.detach()
                p.grad.zero_()

    def apply(self: M, fn: Callable[[Module], None]) -> M:
        """Call `fn` with every module below, then with this one. Returns itself.

        >>> from minigrad import nn
        >>> def init(module):
        ...     if isinstance(module, nn.Linear):
        ...         nn.init.zeros_(module.bias)
        >>> _ = nn.Sequential(nn.Linear(2, 3), nn.ReLU()).apply(init)
        """
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    # -- printing --------------------------------------------------------------------------------------------

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What `repr` shows of the module's own settings."""
        return ""

    def __repr__(self) -> str:
        return block(
            self._get_name(),
            self.extra_repr(),
            [f"({name}): {indented(repr(child))}" for name, child in self._modules.items()],
        )


def indented(text: str) -> str:
    """`text` with every line but the first indented by two spaces."""
    return text.replace("\n", "\n  ")


def block(name: str, extra: str, lines: list[str]) -> str:
    """`Name(extra)` on one line, or with `lines` below it, indented."""
    if not lines and "\n" not in extra:
        return f"{name}({extra})"
    shown = (extra.split("\n") if extra else []) + lines
    return "\n  ".join([f"{name}(", *shown]) + "\n)"
