"""When a recorded program may be replayed: conditions over everything that it depends on besides the values of arrays.

They become one generated Python expression, some nanoseconds per item (`Program.fits`). If any fails, the step is
recorded again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from ..autograd.node import LEAF, TensorBase
from ..backend.door import Attribute, Item
from ..nn.module import Module
from ..optim.optimizer import Optimizer
from .provenance import PACKAGE
from .recorder import Recording
from .watch import Scope, Watch, fingerprint, is_container, is_plain


class Guards:
    """Conditions, as Python expressions over named objects."""

    def __init__(self) -> None:
        self.conditions: dict[str, None] = {}  # in order, each once
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
        self.conditions[condition] = None

    def same(self, expression: str, value: Any) -> None:
        """Require that what `expression` gives is `value`: an equal number, text or container, or the same object."""
        if value is None or value is True or value is False:
            self.require(f"{expression} is {value}")
        elif is_plain(value):
            known = self.thing(value)
            alike = f"{expression} == {known} and type({expression}) is {self.thing(type(value))}"
            self.require(f"({expression} is {known} or {alike})")
        elif is_container(value):
            self.require(f"{self.thing(fingerprint)}({expression}) == {self.thing(fingerprint(value))}")
        elif not isinstance(value, (ModuleType, BuiltinFunctionType)):
            self.require(f"{expression} is {self.thing(value)}")

    def _length(self, container: Any) -> None:
        self.require(f"len({self.thing(container)}) == {len(container)}")

    # -- tensors and optimizers -------------------------------------------------------------------------------------

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
            self._node(tensor)
        for tensor, present in recording.present:
            self.require(f"{self.thing(tensor)}._grad is {'not ' if present else ''}None")
        for tensor, value in recording.gradients:
            self.require(f"{self.thing(tensor)}._grad.array.strides == {self.thing(tuple(value.array.strides))}")
        for test, value, answer in recording.tests:
            array = parameters.get(id(value)) or self.thing(value.array)
            self.require(f"{self.thing(test)}({array}) is {answer}")
        for condition in recording.conditions:
            self._condition(condition)

    def _node(self, tensor: Any) -> None:
        """Whether a tensor requires a gradient, and which hooks it has."""
        name, node = self.thing(tensor), tensor.node
        if node is None or node is LEAF:
            self.same(f"{name}.node", node)
        if node is LEAF:
            for hooks in ("_hooks", "_post_hooks"):
                registered = getattr(tensor, hooks)
                self.require(f"{name}.{hooks} is {'None' if registered is None else self.thing(registered)}")
                if registered is not None:
                    self._length(registered)

    def _condition(self, condition: Any) -> None:
        if isinstance(condition, Attribute):
            owner, name, value = condition
            self.require(f"{self.thing(owner)}.{name} is {self.thing(value)}")
        elif isinstance(condition, Item):
            mapping, key, value = condition
            word = repr(key) if isinstance(key, (int, str)) else self.thing(key)
            self.require(f"{self.thing(mapping)}[{word}] is {self.thing(value)}")
        else:
            function, args, value = condition
            words = ", ".join(self.thing(each) for each in args)
            self.require(f"{self.thing(function)}({words}) == {self.thing(value)}")

    # -- names, modules, objects ------------------------------------------------------------------------------------

    def scope(self, scope: Scope) -> None:
        """The names that the step reads."""
        for cell, _ in scope.cells:
            try:
                contents = cell.cell_contents
            except ValueError:
                continue
            self.same(f"{self.thing(cell)}.cell_contents", contents)
        for names, name in scope.names:
            if name in names:
                self.same(f"{self.thing(names)}[{name!r}]", names[name])
        for _, thing in scope.things():
            if isinstance(thing, TensorBase):
                self._node(thing)

    def modules(self, watch: Watch, scope: Scope) -> None:
        """The attributes of the modules that were called, of what is below them, and of those that have a name."""
        roots = [*watch.modules, *(thing for _, thing in scope.things() if isinstance(thing, Module))]
        for module in {id(m): m for root in roots for m in root.modules()}.values():
            registered = {*module._parameter_names, *module._buffer_names, *module._module_names, "training"}
            self._attributes(module, registered, scope)
            for names in (module._parameter_names, module._buffer_names, module._module_names):
                self._length(names)
            for name in module._parameter_names:
                if isinstance(vars(module).get(name), TensorBase):
                    self._node(vars(module)[name])
            hooks = module._hooks
            self.require(f"{self.thing(module)}._hooks is {'None' if hooks is None else self.thing(hooks)}")
            for kind in vars(hooks).values() if hooks is not None else ():
                self._length(kind)

    def owners(self, watch: Watch, scope: Scope) -> None:
        """Attributes of other objects whose methods ran."""
        found = [reference() for reference in watch.owners.values()]
        for owner in [*found, *watch.optimizers.values()]:
            if owner is None or isinstance(owner, (Module, TensorBase)) or not hasattr(owner, "__dict__"):
                continue
            if not isinstance(owner, Optimizer):
                self._attributes(owner, set(), scope)
            elif not is_ours(type(owner)):
                own = vars(owner)
                self._attributes(owner, {name for name in own if is_plain(own[name])}, scope)

    def _attributes(self, owner: Any, always: Iterable[str], scope: Scope) -> None:
        """The attributes of an object: those in `always`, and those that the user's code may read."""
        own = vars(owner)
        for name in sorted(read_attributes(owner, always, scope)):
            self.same(f"{self.thing(own)}[{name!r}]", own[name])
        if not is_ours(type(owner)):
            self._length(own)  # one more may hide one of the class
            for cls in type(owner).__mro__:
                if not is_ours(cls) and cls is not object:
                    for name in sorted(vars(cls).keys() & (scope.mentioned | {"forward"})):
                        value = vars(cls)[name]
                        if is_plain(value) or is_container(value) or isinstance(value, FunctionType):
                            self.same(f"{self.thing(vars(cls))}[{name!r}]", value)

    def options(self, watch: Watch, scope: Scope) -> None:
        """Options of optimizers, where the step reads them itself; `Optimizer.step` asks for them each time."""
        if scope.mentioned & {"param_groups", "get_last_lr", "defaults"}:
            for optimizer in optimizers_seen(watch, scope):
                self.require(f"{self.thing(options)}({self.thing(optimizer)}) == {self.thing(options(optimizer))}")


def read_attributes(owner: Any, always: Iterable[str], scope: Scope) -> set[str]:
    """The names of an object's attributes on which a program may depend."""
    own = vars(owner)
    ours = any(is_ours(cls) for cls in type(owner).__mro__ if cls not in (object, Module))
    every = scope.computed or ours or any(is_ours(cls) for cls in type(owner).__mro__[:1])
    chosen = {name for name in own if is_plain(own[name]) or is_container(own[name])} if every else scope.mentioned
    hidden = {"_parameter_names", "_buffer_names", "_module_names", "_hooks"}
    return ((set(always) | chosen) & own.keys()) - hidden


def optimizers_seen(watch: Watch, scope: Scope) -> list[Optimizer]:
    """The optimizers that stepped, and those that have a name."""
    named = [thing for _, thing in scope.things() if isinstance(thing, Optimizer)]
    return list({id(o): o for o in [*watch.optimizers.values(), *named]}.values())


def options(optimizer: Optimizer) -> Any:
    """The fingerprint of all options of an optimizer's groups."""
    return fingerprint([{k: v for k, v in group.items() if k != "params"} for group in optimizer.param_groups])


def changed_by_step(watch: Watch, scope: Scope, before: dict[str, Any]) -> str | None:
    """The name of something in Python that the step itself has changed, and that it may read: a replay would not."""
    now = scope.fingerprints()
    for name, known in before.items():
        if now.get(name, known) != known:
            return f"the variable {name!r}"
    things = [*watch.modules, *(reference() for reference in watch.owners.values())]
    for thing in things:
        if thing is None or id(thing) not in watch.before:
            continue
        seen, own = watch.before[id(thing)], vars(thing)
        for name in sorted(read_attributes(thing, (), scope)):
            if name in seen and fingerprint(own[name]) != seen[name]:
                return f"the attribute {name!r} of a {type(thing).__name__}"
    return None


def is_ours(cls: type) -> bool:
    """True for classes that minigrad defines."""
    module = sys.modules.get(cls.__module__)
    return (getattr(module, "__file__", None) or "").startswith(PACKAGE)
