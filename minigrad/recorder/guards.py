"""When a recorded program may be replayed: conditions over everything that it depends on besides the values of arrays.

They become one generated Python expression, some nanoseconds per item (`Program.fits`). If any fails, the step is
recorded again.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from operator import is_
from typing import Any

from ..autograd.hooks import LeafHooks
from ..autograd.node import LEAF
from ..backend.door import Alike, Attribute, Content, Item
from ..optim.optimizer import Optimizer
from .fingerprints import fingerprint, is_plain
from .reach import Reach
from .recorder import Recording
from .watch import Watch


class Guards:
    """Conditions, as Python expressions over named objects."""

    def __init__(self) -> None:
        self.conditions: dict[str, None] = {}  # in order, each once
        self.objects: dict[str, Any] = {}
        self._names: dict[int, str] = {}
        self._leaves: list[Any] = []

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
        """Require that what `expression` gives is `value`: an equal number or text, else the same object."""
        if value is None or value is True or value is False:
            self.require(f"{expression} is {value}")
        elif is_plain(value):
            known = self.thing(value)
            alike = f"type({expression}) is {self.thing(type(value))} and {expression} == {known}"
            if not isinstance(value, (int, str)):  # 0.0 and -0.0 are equal, and so are (1,) and (1.0,)
                alike += f" and repr({expression}) == {self.thing(repr(value))}"
            self.require(f"({expression} is {known} or {alike})")
        else:
            self.require(f"{expression} is {self.thing(value)}")

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
        for tensor, value, path in recording.gradients:
            self.require(f"{self.thing(tensor)}.{path}.strides == {self.thing(tuple(value.array.strides))}")
            self.require(f"{self.thing(tensor)}.{path}.shape == {self.thing(tuple(value.array.shape))}")
        for test, value, answer in recording.tests:
            array = parameters.get(id(value)) or self.thing(value.array)
            self.require(f"{self.thing(test)}({array}) is {answer}")
        for condition in recording.conditions:
            self._condition(condition)

    def _node(self, tensor: Any) -> None:
        """Whether a tensor requires a gradient."""
        if tensor.node is None or tensor.node is LEAF:
            self.same(f"{self.thing(tensor)}.node", tensor.node)
        if tensor.node is LEAF and not any(tensor is leaf for leaf in self._leaves):
            self._leaves.append(tensor)

    def hooks(self) -> None:
        """The hooks of all leaves. They are looked at one by one only where any leaf's have changed at all."""
        known = self.thing([(leaf, _hooks_of(leaf)) for leaf in self._leaves])
        count = f"{self.thing(LeafHooks)}.changes == {LeafHooks.changes}"
        self.require(f"({count} or {self.thing(same_hooks)}({known}))")

    def _condition(self, condition: Any) -> None:
        if isinstance(condition, Attribute):
            owner, name, value = condition
            self.require(f"{self.thing(owner)}.{name} is {self.thing(value)}")
        elif isinstance(condition, Item):
            mapping, key, value = condition
            word = repr(key) if isinstance(key, (int, str)) else self.thing(key)
            self.require(f"{self.thing(mapping)}[{word}] is {self.thing(value)}")
        elif isinstance(condition, Content):
            self.require(f"{self.thing(condition.container)} == {self.thing(condition.copy)}")
        elif isinstance(condition, Alike):
            self.require(" == ".join(f"{self.thing(owner)}.{condition.name}" for owner in condition.owners))
        else:
            function, args, value = condition
            words = ", ".join(self.thing(each) for each in args)
            self.require(f"{self.thing(function)}({words}) == {self.thing(value)}")

    # -- what the step can reach in Python --------------------------------------------------------------------------

    def reach(self, reach: Reach) -> None:
        """Everything that names, closures, containers and objects lead to."""
        for holder, kind, key, value in reach.references:
            self.same(self._expression(holder, kind, key), value)
        for hooks in reach.hooks:
            self.require(f"{self.thing(hooks)} == {self.thing(hooks.copy())}")
        for _, container in reach.lengths:
            self.require(f"len({self.thing(container)}) == {len(container)}")
        for container in reach.orders:
            self.require(f"[*{self.thing(container)}] == {self.thing([*container])}")
        for names, name in reach.absent:
            self.require(f"{name!r} not in {self.thing(names)}")
        for _, container in reach.large:
            self.require(f"{self.thing(same_elements)}({self.thing(container)}, {self.thing(elements(container))})")
        for _, container in reach.sets:
            self.require(f"{self.thing(fingerprint)}({self.thing(container)}) == {self.thing(fingerprint(container))}")
        for tensor in reach.tensors:
            self._node(tensor)
        for array in reach.arrays:
            if getattr(array.flags, "writeable", True):
                self.require(f"{self.thing(unchanged_array)}({self.thing(array)}, {self.thing(array.copy())})")

    def _expression(self, holder: Any, kind: str, key: Any) -> str:
        if kind == "cell":
            return f"{self.thing(holder)}.cell_contents"
        if kind == "call":
            return f"{self.thing(holder)}()"
        if kind == "attribute":
            return f"{self.thing(holder)}.{key}"
        return f"{self.thing(holder)}[{repr(key) if isinstance(key, (int, str)) else self.thing(key)}]"

    def options(self, reach: Reach) -> None:
        """Options of optimizers, where the step reads them itself; `Optimizer.step` asks for them each time."""
        if reach.mentioned & {"param_groups", "get_last_lr", "defaults"}:
            for optimizer in reach.optimizers:
                self.require(f"{self.thing(options)}({self.thing(optimizer)}) == {self.thing(options(optimizer))}")


def _hooks_of(leaf: Any) -> tuple[Any, Any]:
    return copy(leaf._hooks), copy(leaf._post_hooks)


def same_hooks(known: list[tuple[Any, Any]]) -> bool:
    """True if each leaf has the hooks that it had."""
    return all((leaf._hooks, leaf._post_hooks) == hooks for leaf, hooks in known)


def elements(container: Any) -> list[Any]:
    """What a container holds, keys included."""
    return [*container, *container.values()] if isinstance(container, Mapping) else [*container]


def same_elements(container: Any, known: list[Any]) -> bool:
    """True if a container holds the very objects that it held."""
    now = elements(container)
    return len(now) == len(known) and all(map(is_, now, known))


def options(optimizer: Optimizer) -> Any:
    """The fingerprint of all options of an optimizer's groups."""
    return fingerprint([{k: v for k, v in group.items() if k != "params"} for group in optimizer.param_groups])


def unchanged_array(array: Any, before: Any) -> bool:
    """True if a small NumPy array from outside holds what it held: the step may have read numbers from it."""
    return array.shape == before.shape and array.dtype == before.dtype and array.tobytes() == before.tobytes()


def changed_by_step(watch: Watch, reach: Reach, before: dict[Any, tuple[str, Any]]) -> tuple[str, Any] | None:
    """Something in Python that the step itself has changed, and that it may read: a replay would not.

    Returns:
        its name and, if it is a container, the container.
    """
    now = reach.snapshot()
    containers = {id(container): container for _, container in (*reach.lengths, *reach.sets)}
    for place, (name, known) in before.items():
        if now.get(place, (name, known))[1] != known:
            return name, containers.get(place[0]) if place[1] == "length" else None
    for thing in [*watch.modules, *(reference() for reference in watch.owners.values())]:
        if thing is None or id(thing) not in watch.before:
            continue
        seen, own = watch.before[id(thing)], vars(thing)
        for name in sorted(reach.attributes(thing)):
            if name in seen and fingerprint(own[name]) != seen[name]:
                return name, own[name]
    return None
