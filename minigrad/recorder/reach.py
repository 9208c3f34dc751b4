"""What a step can reach in Python: through the names in its code, closures, containers and objects.

`Reach` walks from the step's function, and from what ran, to everything that the code mentions, and lists it as
references: places where something stands that the program depends on. Numbers and texts there are compared by value,
all else by identity.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import sys
import threading
from collections import ChainMap, UserDict, UserList, deque
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from types import BuiltinFunctionType, CodeType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any, NamedTuple
from weakref import ReferenceType

from ..autograd.node import TensorBase
from ..backend.library import is_array
from ..backend.random import Generator, foreign_state
from ..nn.module import Module
from ..optim.optimizer import Optimizer
from .codes import codes_of, functions_of, globals_in, words_in
from .fingerprints import BUFFERS, MANY, fingerprint, is_plain
from .provenance import PACKAGE, is_installed, is_users

MOST_ELEMENTS = 4096  # of a container that is compared by value
MOST_BYTES = 65_536  # of a NumPy array that is compared by value
_DEPTH = 64  # of data in data; what is deeper is refused
#: code that uses these may reach any attribute
_COMPUTED = {"getattr", "hasattr", "vars", "__dict__", "eval", "exec", "globals", "locals", "attrgetter"}
_ENGINES = {"array", "node", "view_of", "data", "grad", "shape", "dtype", "device"}
_HIDDEN = {"_parameter_names", "_buffer_names", "_module_names", "_hooks"}


class Reference(NamedTuple):
    """A place where something stands: `holder[key]`, `holder.key`, `holder()`, or the contents of a cell."""

    holder: Any
    kind: str  # "item", "attribute", "cell" or "call"
    key: Any
    value: Any


class Reach:
    """What can be reached from a function and from code that ran.

    Attributes:
        references: the places that a program depends on.
        lengths: (name, container) for containers whose length counts.
        sets: (name, container) for those that are compared as a whole, by their fingerprints.
        hooks: dicts of modules' hooks.
        orders: dicts, the order of whose keys counts.
        absent: (globals, name) for built-in functions that a global name could hide.
        deep: (name, thing) where the walk has ended.
        large: (name, container) for containers of many elements, which are compared as a whole.
        modules, optimizers, tensors, arrays, generators, iterators: what stands there, by kind.
        named: (name, thing) for what the names in the code stand for.
        mentioned: every name and text in that code.
        computed: True if the code finds attributes by computed names.
    """

    def __init__(
        self,
        function: Any,
        codes: Sequence[tuple[CodeType, dict[str, Any]]],
        things: Iterable[Any],
        find_functions: bool,
    ) -> None:
        self.references: list[Reference] = []
        self.lengths: list[tuple[str, Any]] = []
        self.sets: list[tuple[str, Any]] = []
        self.hooks: list[Any] = []
        self.large: list[tuple[str, Any]] = []
        self.orders: list[Any] = []
        self.absent: list[tuple[dict[str, Any], str]] = []
        self.deep: list[tuple[str, Any]] = []
        self.modules: list[Module] = []
        self.optimizers: list[Optimizer] = []
        self.tensors: list[Any] = []
        self.arrays: list[Any] = []
        self.generators: list[Any] = []
        self.iterators: list[tuple[str, Any]] = []
        self.named: list[tuple[str, Any]] = []
        self._seen: set[int] = set()
        self._waiting: list[Any] = []  # hooks
        self._free: set[int] = set()  # ids of what hooks alone lead to
        self._codes: dict[int, CodeType] = {}
        self.mentioned: set[str] = set()
        roots = [function, *things]
        self._walk_all(codes, roots)
        if find_functions:
            known = [*(code for code, _ in codes), *self._codes.values()]
            inner = {id(constant) for code in known for constant in code.co_consts}
            found = {*self._codes, *inner}
            lost = [code for code, _ in codes if code.co_freevars and id(code) not in found]
            if lost:
                self._walk_all(codes, [*roots, *functions_of(lost)])

    def _walk_all(self, codes: Sequence[tuple[CodeType, dict[str, Any]]], roots: list[Any]) -> None:
        for code in [*(code for code, _ in codes), *(code for root in roots for code in codes_of(root))]:
            self.mentioned |= words_in(code)
        before = None
        while before != len(self.mentioned):  # what is reached may mention more
            before = len(self.mentioned)
            self._restart()
            for code, scope in codes:
                self._code(code, scope)
            for root in roots:
                self._walk(root, "", 0)
            self._walk_hooks()
            for code in self._codes.values():
                self.mentioned |= words_in(code)
        self.computed = bool(self.mentioned & _COMPUTED)

    def _restart(self) -> None:
        lists: list[list[Any]] = [
            self.references,
            self.lengths,
            self.sets,
            self.hooks,
            self.large,
            self.modules,
            self.optimizers,
        ]
        for found in (*lists, self.tensors, self.arrays, self.generators, self.iterators, self.named,
                      self.orders, self.absent, self.deep):  # fmt: skip
            found.clear()
        self._seen.clear()
        self._free.clear()
        self._codes.clear()
        self.computed = bool(self.mentioned & _COMPUTED)

    # -- walking ----------------------------------------------------------------------------------------------------

    def _place(self, holder: Any, kind: str, key: Any, value: Any, name: str, depth: int) -> None:
        """Something stands in a place that counts: go on from it."""
        self.references.append(Reference(holder, kind, key, value))
        self._walk(value, name, depth + 1)

    def _walk_hooks(self) -> None:
        """What hooks do in Python happens while recording only, so what they alone lead to may be changed there."""
        counts = len(self.references), len(self.lengths), len(self.sets)
        while self._waiting:
            self._walk(self._waiting.pop(), "", 0)
        self._free.update(id(place.holder) for place in self.references[counts[0] :])
        self._free.update(id(some) for _, some in (*self.lengths[counts[1] :], *self.sets[counts[2] :]))

    def _walk(self, thing: Any, name: str, depth: int) -> None:
        if is_plain(thing) or isinstance(thing, BuiltinFunctionType) or id(thing) in self._seen:
            return
        self._seen.add(id(thing))
        if isinstance(thing, type):
            self._class(thing, depth)
        elif isinstance(thing, TensorBase):
            self.tensors.append(thing)
            self._waiting += [*(thing._hooks or ()), *(thing._post_hooks or {}).values()]
            for key in own_attributes(thing, self.mentioned):
                self._place(vars(thing), "item", key, vars(thing)[key], name, depth)
        elif isinstance(thing, Module):
            self.modules.append(thing)
            self._module(thing, depth)
        elif isinstance(thing, Optimizer):
            self.optimizers.append(thing)
            self._object(thing, depth)
        elif isinstance(thing, Generator):
            pass
        elif is_array(thing):
            self.arrays.append(thing)
        elif depth > _DEPTH:
            self.deep.append((name, thing))
        elif isinstance(thing, FunctionType):
            self._function(thing, depth)
        elif isinstance(thing, MethodType):
            self._walk(thing.__func__, name, depth)
            self._walk(thing.__self__, name, depth)
        elif isinstance(thing, functools.partial):
            for part in (thing.func, thing.args, thing.keywords):
                self._walk(part, name, depth)
        elif inspect.getattr_static(thing, "__wrapped__", None) is not None:
            self._walk(thing.__wrapped__, name, depth)
        elif isinstance(thing, ModuleType):
            self._python_module(thing, depth)
        elif isinstance(thing, (list, tuple, dict, set, frozenset, deque, bytearray, *BUFFERS, MappingProxyType)):
            self._container(thing, name, depth)
        elif isinstance(thing, (UserDict, UserList, ChainMap, threading.local)):
            for key, value in list(vars(thing).items()):
                self._place(vars(thing), "item", key, value, name, depth)
        elif isinstance(thing, ReferenceType):
            self._place(thing, "call", None, thing(), name, depth)
        elif isinstance(thing, ContextVar):
            self._place(thing.get, "call", None, thing.get(None), name, depth)
        elif foreign_state(thing) is not None:
            self.generators.append(thing)
        elif hasattr(type(thing), "__next__"):
            self.iterators.append((name, thing))
        elif not is_ours(type(thing)):
            self._object(thing, depth)

    def _function(self, function: FunctionType, depth: int) -> None:
        if not is_users(function.__code__):
            wrapped = getattr(function, "__wrapped__", None)
            if wrapped is not None:
                self._walk(wrapped, "", depth)
            return
        self._codes[id(function.__code__)] = function.__code__
        self._code(function.__code__, function.__globals__, depth)
        for cell, name in zip(function.__closure__ or (), function.__code__.co_freevars):
            try:
                value = cell.cell_contents
            except ValueError:  # not yet assigned
                continue
            self.named.append((name, value))
            self._place(cell, "cell", name, value, name, depth)
        for part in ("__code__", "__defaults__", "__kwdefaults__"):
            self._place(function, "attribute", part, getattr(function, part), "", depth)
        self._walk(function.__dict__, "", depth)

    def _code(self, code: CodeType, scope: dict[str, Any], depth: int = 0) -> None:
        for name in globals_in(code):
            if name in scope:
                self.named.append((name, scope[name]))
                self._place(scope, "item", name, scope[name], name, depth)
            elif hasattr(builtins, name):
                self.absent.append((scope, name))

    def _container(self, container: Any, name: str, depth: int) -> None:
        if isinstance(container, (set, frozenset, bytearray, *BUFFERS)):
            self.sets.append((name, container))
            return
        if len(container) > MANY:
            self.large.append((name, container))
            if len(container) <= MOST_ELEMENTS:
                values = container.values() if isinstance(container, (dict, MappingProxyType)) else container
                for value in list(values):
                    self._walk(value, name, depth + 1)
        self.lengths.append((name, container))
        if len(container) <= MANY:
            if isinstance(container, dict):
                self.orders.append(container)
            items = container.items() if isinstance(container, (dict, MappingProxyType)) else enumerate(container)
            for key, value in list(items):
                self._place(container, "item", key, value, name, depth)

    def _python_module(self, module: ModuleType, depth: int) -> None:
        file = getattr(module, "__file__", None) or ""
        known = module.__name__.partition(".")[0] in sys.stdlib_module_names or file.startswith(PACKAGE)
        if not known and not is_installed(file):
            own = vars(module)
            for name in sorted(self.mentioned & own.keys()):
                self._place(own, "item", name, own[name], name, depth)

    def _object(self, thing: Any, depth: int) -> None:
        own = vars(thing) if hasattr(thing, "__dict__") else {}
        for name in sorted(self.attributes(thing)):
            self._place(own, "item", name, own[name], name, depth)
        if isinstance(thing, Optimizer):
            self._waiting += [*thing._before.values(), *thing._after.values()]
            if not is_ours(type(thing)):
                self._class(type(thing), depth)
            return
        if hasattr(thing, "__dict__") and _is_users_class(type(thing)):
            self.lengths.append((type(thing).__name__, own))  # one more may hide one of the class
        for cls in type(thing).__mro__:
            slots = cls.__dict__.get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else slots:
                if (self.computed or name in self.mentioned) and hasattr(thing, name):
                    self._place(thing, "attribute", name, getattr(thing, name), name, depth)
        self._class(type(thing), depth)

    def _module(self, module: Module, depth: int) -> None:
        own = vars(module)
        registered = {*module._parameter_names, *module._buffer_names, *module._module_names}
        for name in sorted((self.attributes(module) | registered | {"training"}) & own.keys()):
            self._place(own, "item", name, own[name], name, 0)
        self.lengths.append((type(module).__name__, own))  # what is registered later, hooks among it, makes it longer
        if module._hooks is not None:
            self.references.append(Reference(own, "item", "_hooks", module._hooks))
            self.hooks += vars(module._hooks).values()
            every = [hook for kind in vars(module._hooks).values() for hook in kind.values()]
            self._waiting += [getattr(hook, "hook", hook) for hook in every]
        if not is_ours(type(module)):
            self._class(type(module), depth)

    def _class(self, cls: type, depth: int) -> None:
        """Attributes that a class of the user's gives to its objects."""
        for parent in cls.__mro__:
            if not _is_users_class(parent):
                continue
            own = vars(parent)
            self.lengths.append((parent.__name__, own))
            for name in sorted(own.keys() & (self.mentioned | {"forward", "update", "scalars"})):
                self._place(own, "item", name, own[name], name, depth)

    def attributes(self, thing: Any) -> set[str]:
        """The names of an object's own attributes on which a program may depend."""
        own = vars(thing) if hasattr(thing, "__dict__") else {}
        ours = any(is_ours(cls) for cls in type(thing).__mro__ if cls is not Module)
        if isinstance(thing, Optimizer):
            chosen = set() if is_ours(type(thing)) else {k for k in own if is_plain(own[k])} - thing.defaults.keys()
        elif ours and not self.computed:
            chosen = {k for k in own if is_plain(own[k]) or isinstance(own[k], (list, tuple, dict, set))}
            chosen |= self.mentioned
        else:
            chosen = set(own) if self.computed else self.mentioned
        return (chosen & own.keys()) - _HIDDEN

    # -- before and after -------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[tuple[int, str, Any], tuple[str, Any]]:
        """What stands in each place now, to see whether the step itself changes it."""
        found: dict[tuple[int, str, Any], tuple[str, Any]] = {}
        for holder, kind, key, value in self.references:
            if is_plain(value) and id(holder) not in self._free:
                found[id(holder), kind, fingerprint(key, 0)] = str(key), fingerprint(value)
        for name, container in (*self.lengths, *self.sets):
            if id(container) in self._free:
                continue
            found[id(container), "length", None] = name, fingerprint(container, 1)
        for tensor in self.tensors:
            found[id(tensor), "attributes", None] = "an attribute of a tensor", frozenset(hung_on(tensor))
            found[id(tensor), "node", None] = "requires_grad", (id(tensor.node), str(tensor._hooks))
        for generator in self.generators:
            found[id(generator), "state", None] = type(generator).__name__, foreign_state(generator)
        return found


def hung_on(tensor: Any) -> list[str]:
    """The attributes that somebody has hung on a tensor."""
    return [name for name in vars(tensor) if name not in _ENGINES and name[0] != "_"]


def own_attributes(tensor: Any, mentioned: set[str]) -> list[str]:
    """The attributes that somebody has hung on a tensor, and that the code may read."""
    return sorted(mentioned.intersection(hung_on(tensor)))


def is_ours(cls: type) -> bool:
    """True for classes that minigrad defines."""
    return _file(cls).startswith(PACKAGE)


def _is_users_class(cls: type) -> bool:
    """True for classes that are neither minigrad's, nor Python's, nor installed."""
    if cls.__module__ == "builtins" or cls.__module__ in sys.stdlib_module_names:
        return False
    file = _file(cls)
    return not file.startswith(PACKAGE) and not is_installed(file)


def _file(cls: type) -> str:
    return getattr(sys.modules.get(cls.__module__), "__file__", None) or ""
