"""What a recorded program depends on besides arrays, and how it is looked at before each replay.

Everything that Python read while the step was recorded is frozen into the program: module attributes, global names,
closures, options. What can be seen of it is compared before each call, by generated code of a few nanoseconds per item:
if anything differs, the step is recorded again. `Watch` sees what ran during the recording (through `sys.setprofile`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, MethodType, ModuleType
from typing import Any
from weakref import WeakSet, ref

from ..autograd.node import LEAF, TensorBase
from ..backend.door import Attribute, Item
from ..backend.random import foreign_states
from ..nn.module import Module
from ..optim.optimizer import Optimizer
from .provenance import PACKAGE, is_users
from .recorder import Recording

_NUMBERS = (bool, int, float, str, bytes, type(None))
_CALL = Module.__call__.__code__


class Watch:
    """Notes which modules are called and which user code runs, between `start` and `stop`."""

    def __init__(self) -> None:
        self.modules: WeakSet[Module] = WeakSet()  # what the step makes for itself must be free to go
        self.codes: dict[CodeType, dict[str, Any]] = {}  # user code and its globals
        self.owners: dict[int, ref[Any]] = {}  # objects of the user's classes whose methods ran
        self._before: Any = None
        self._states: Any = None

    def start(self) -> None:
        self._states = foreign_states()
        self._before = sys.getprofile()
        sys.setprofile(self._seen)

    def stop(self) -> bool:
        """Stop watching. True if random numbers of Python's or NumPy's own were drawn meanwhile."""
        sys.setprofile(self._before)
        return foreign_states() != self._states

    def _seen(self, frame: FrameType, event: str, argument: Any) -> None:
        if event != "call":
            return
        code = frame.f_code
        if code is _CALL:
            self.modules.add(frame.f_locals["self"])
        elif code not in self.codes and is_users(code):
            self.codes[code] = frame.f_globals
            if code.co_argcount and code.co_varnames[:1] == ("self",):
                owner = frame.f_locals.get("self")
                if owner is not None and type(owner).__weakrefoffset__:
                    self.owners[id(owner)] = ref(owner)


class Scope:
    """The names through which a step and the functions it calls reach what is outside.

    Attributes:
        cells: (cell of a closure, name).
        names: (globals, name).
    """

    def __init__(self, function: Any, watch: Watch) -> None:
        self.cells: list[tuple[Any, str]] = []
        self.names: list[tuple[dict[str, Any], str]] = []
        self._seen: set[int] = set()
        for code, scope in watch.codes.items():
            self._read(code, scope)
        self._visit(function)
        self.mentioned = {name for code in watch.codes for name in (*code.co_names, *_inner_names(code))}
        self.mentioned |= {name for code in self._codes for name in (*code.co_names, *_inner_names(code))}

    _codes: list[CodeType]

    def _visit(self, function: Any) -> None:
        self._codes = []
        waiting = [function]
        while waiting:
            found = waiting.pop()
            found = getattr(found, "__wrapped__", found)
            found = found.__func__ if isinstance(found, MethodType) else found
            if isinstance(found, MethodType) or not isinstance(found, FunctionType) or id(found) in self._seen:
                continue
            self._seen.add(id(found))
            if not is_users(found.__code__):
                continue
            self._codes.append(found.__code__)
            self._read(found.__code__, found.__globals__)
            for cell, name in zip(found.__closure__ or (), found.__code__.co_freevars):
                if not any(cell is known for known, _ in self.cells):
                    self.cells.append((cell, name))
            waiting += [thing for _, thing in self.things() if isinstance(thing, (FunctionType, MethodType))]

    def _read(self, code: CodeType, scope: dict[str, Any]) -> None:
        for name in (*code.co_names, *_inner_names(code)):
            if name in scope and not any(s is scope and n == name for s, n in self.names):
                self.names.append((scope, name))

    def things(self) -> Iterator[tuple[str, Any]]:
        """What the names stand for now."""
        for cell, name in self.cells:
            try:
                yield name, cell.cell_contents
            except ValueError:  # not yet assigned
                continue
        for scope, name in self.names:
            if name in scope:
                yield name, scope[name]


def _inner_names(code: CodeType) -> Iterator[str]:
    """The names in functions that are defined inside."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from constant.co_names
            yield from _inner_names(constant)


class Guards:
    """Conditions, as Python expressions over named objects, under which a program may be replayed."""

    def __init__(self) -> None:
        self.conditions: list[str] = []
        self.objects: dict[str, Any] = {}
        self._names: dict[int, str] = {}

    def thing(self, thing: Any) -> str:
        """A name for an object in a condition."""
        found = self._names.get(id(thing))
        if found is None:
            found = self._names[id(thing)] = f"_k{len(self.objects)}"
            self.objects[found] = thing
        return found

    def require(self, condition: str) -> None:
        if condition not in self.conditions:
            self.conditions.append(condition)

    def same(self, expression: str, value: Any) -> None:
        """Require that what `expression` gives is `value`: equal if a number or text, else the same object."""
        if value is None or value is True or value is False:
            self.require(f"{expression} is {value}")
        elif _plain(value):
            self.require(f"{expression} == {self.thing(value)}")
        else:
            self.require(f"{expression} is {self.thing(value)}")

    def tensors(self, recording: Recording, moving: set[int], parameters: dict[int, str]) -> None:
        """The arrays and gradients of tensors from outside; `parameters` are the names of the arguments' arrays."""
        for tensor, value in recording.holders:
            name = self.thing(tensor)
            if id(value) in moving:
                self.require(f"{name}.array.shape == {self.thing(tuple(value.array.shape))}")
                self.require(f"{name}.array.strides == {self.thing(tuple(value.array.strides))}")
                self.require(f"{name}.array.dtype == {self.thing(value.array.dtype)}")
            else:
                self.require(f"{name}.array is {self.thing(value.array)}")
            node = tensor.node
            if node is None or node is LEAF:
                self.same(f"{name}.node", node)
            if node is LEAF:
                for hooks in ("_hooks", "_post_hooks"):
                    self.same(f"{name}.{hooks}", getattr(tensor, hooks))
                    if getattr(tensor, hooks) is not None:
                        self.require(f"len({name}.{hooks}) == {len(getattr(tensor, hooks))}")
        for tensor, present in recording.present:
            self.require(f"{self.thing(tensor)}._grad is {'not ' if present else ''}None")
        for tensor, value in recording.gradients:
            self.require(f"{self.thing(tensor)}._grad.array.strides == {self.thing(tuple(value.array.strides))}")
        for test, value, answer in recording.tests:
            array = parameters.get(id(value)) or self.thing(value.array)
            self.require(f"{self.thing(test)}({array}) is {answer}")
        for condition in recording.conditions:
            self._condition(condition)

    def _condition(self, condition: Any) -> None:
        if isinstance(condition, Attribute):
            owner, name, value = condition
            self.require(f"{self.thing(owner)}.{name} is {self.thing(value)}")
        elif isinstance(condition, Item):
            mapping, key, value = condition
            key = repr(key) if isinstance(key, (int, str)) else self.thing(key)
            self.require(f"{self.thing(mapping)}[{key}] is {self.thing(value)}")
        else:
            function, args, value = condition
            words = ", ".join(self.thing(each) for each in args)
            self.require(f"{self.thing(function)}({words}) == {self.thing(value)}")

    # -- what is looked at ------------------------------------------------------------------------------------------

    def scope(self, scope: Scope) -> None:
        """The names that the step reads."""
        for cell, _ in scope.cells:
            try:
                contents = cell.cell_contents
            except ValueError:
                continue
            if _watched(contents):
                self.same(f"{self.thing(cell)}.cell_contents", contents)
        for names, name in scope.names:
            if _watched(names[name]):
                self.same(f"{self.thing(names)}[{name!r}]", names[name])

    def modules(self, watch: Watch, scope: Scope) -> None:
        """The attributes of the modules that were called, and of what is below them."""
        found = {id(m): m for root in watch.modules for m in root.modules()}
        for _, thing in scope.things():
            if isinstance(thing, Module):
                found.update({id(m): m for m in thing.modules()})
        for module in found.values():
            own = vars(module)
            if _is_ours(type(module)):
                self.require(f"{self.thing(own)} == {self.thing(dict(own))}")
            else:
                registered = {*module._parameter_names, *module._buffer_names, *module._module_names, "training"}
                self._attributes(own, registered | (scope.mentioned & own.keys()))
            self._lists(module)
            self._hooks(module)

    def _lists(self, module: Module) -> None:
        """The dicts of registered names are changed in place: their sizes tell."""
        for names in (module._parameter_names, module._buffer_names, module._module_names):
            if names:
                self.require(f"len({self.thing(names)}) == {len(names)}")

    def _hooks(self, module: Module) -> None:
        hooks = module._hooks
        self.same(f"{self.thing(module)}._hooks", hooks)
        for registered in vars(hooks).values() if hooks is not None else ():
            self.require(f"len({self.thing(registered)}) == {len(registered)}")

    def owners(self, watch: Watch, scope: Scope) -> None:
        """Attributes of other objects whose methods ran."""
        for reference in watch.owners.values():
            owner = reference()
            known = owner is None or isinstance(owner, (Module, TensorBase, Optimizer))
            if not known and hasattr(owner, "__dict__"):
                self._attributes(vars(owner), scope.mentioned & vars(owner).keys())

    def _attributes(self, own: dict[str, Any], names: Any) -> None:
        for name in sorted(names):
            if _watched(own[name]):
                self.same(f"{self.thing(own)}[{name!r}]", own[name])

    def options(self, scope: Scope) -> None:
        """Options of optimizers, where the step reads them itself; `Optimizer.step` asks for them each time."""
        if not scope.mentioned & {"param_groups", "get_last_lr", "defaults"}:
            return
        for _, thing in scope.things():
            if isinstance(thing, Optimizer):
                self.require(f"{self.thing(_options)}({self.thing(thing)}) == {self.thing(_options(thing))}")


def _options(optimizer: Optimizer) -> list[dict[str, Any]]:
    return [{name: value for name, value in group.items() if name != "params"} for group in optimizer.param_groups]


def _plain(value: Any) -> bool:
    """True for numbers, text, and tuples of them."""
    return isinstance(value, _NUMBERS) or (type(value) is tuple and all(_plain(part) for part in value))


def _watched(value: Any) -> bool:
    """True for what a program may depend on: not modules of Python, classes and built-in functions."""
    return not isinstance(value, (ModuleType, type, BuiltinFunctionType))


def _is_ours(cls: type) -> bool:
    """True for classes that minigrad defines."""
    module = sys.modules.get(cls.__module__)
    return (getattr(module, "__file__", None) or "").startswith(PACKAGE)
