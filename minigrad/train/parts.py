"""The parts of a `Session`: how a model, an optimizer and anything else with a state is saved and resumed.

Each part has `save()`, which gives plain data; `load(data, report)`, which takes over what fits and writes down what
does not; and `remember()`, which gives a function that puts everything back.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from minigrad import Tensor, nn
from minigrad.nn.parameter import is_uninitialized
from minigrad.utils.data import DataLoader
from minigrad.utils.data.generators import get_state, is_generator, kind_of, set_state

from .named_state import NamedOptimizer
from .report import PartReport

Undo = Callable[[], None]


class Part:
    """Anything with `state_dict` and `load_state_dict`."""

    #: which are loaded first: models before optimizers, which look at their shapes; these before schedulers, which
    #: follow the order of their groups; loaders last
    rank = 2

    def __init__(self, thing: Any) -> None:
        self.thing = thing
        self.kind = type(thing).__name__

    def save(self) -> Any:
        return self.thing.state_dict()

    def load(self, data: Any, report: PartReport) -> None:
        self.thing.load_state_dict(data)
        report.matched.append("state")

    def remember(self) -> Undo:
        before = copy.deepcopy(self.thing.state_dict())
        return lambda: self.thing.load_state_dict(before)


class ModelPart(Part):
    """A module: its tensors by name. Moved to the device and dtype that they have here."""

    thing: nn.Module
    rank = 0

    def load(self, data: Any, report: PartReport) -> None:
        here = self.thing.state_dict()
        fitting = copy.copy(data)
        shapes = {}
        kinds: dict[tuple[Any, Any], list[str]] = {}
        for name, given in data.items():
            own = here.get(name)
            if not isinstance(given, Tensor) or not isinstance(own, Tensor) or is_uninitialized(own):
                continue
            if not is_uninitialized(given) and own.shape != given.shape:
                shapes[name] = f"{name} has shape {tuple(given.shape)} in the file, {tuple(own.shape)} here"
                del fitting[name]
            elif own.dtype != given.dtype:
                kinds.setdefault((given.dtype, own.dtype), []).append(name)
        found = self.thing.load_state_dict(fitting, strict=False)
        report.missing += [name for name in found.missing_keys if name not in shapes]
        report.unexpected += found.unexpected_keys
        report.left += shapes.values()
        for (given, own), names in kinds.items():
            report.notes.append(f"{len(names)} tensors were {given} and are {own}: {names[0]}, ...")
        report.matched += [name for name in fitting if name not in found.unexpected_keys]

    def remember(self) -> Undo:
        before = copy.copy(self.thing.state_dict())
        for name, value in list(before.items()):
            if is_uninitialized(value):
                del before[name]
            else:
                before[name] = value.clone() if isinstance(value, Tensor) else copy.deepcopy(value)

        def undo() -> None:
            self.thing.load_state_dict(before, strict=False)

        return undo


class OptimizerPart(Part):
    """An optimizer: its state by the names of the parameters."""

    rank = 1

    def __init__(self, thing: Any, names: dict[int, list[str]]) -> None:
        super().__init__(thing)
        self.named = NamedOptimizer(thing, names)

    def save(self) -> Any:
        return self.named.state_dict()

    def load(self, data: Any, report: PartReport) -> None:
        self.named.load_state_dict(data, report)

    def remember(self) -> Undo:
        return self.named.remember()


class SchedulerPart(Part):
    """A scheduler. What it has for each group follows the groups of its optimizer into their order here.

    `optimizer` is the part of its optimizer, if that is in the session.
    """

    optimizer: OptimizerPart | None = None

    def load(self, data: Any, report: PartReport) -> None:
        order = None if self.optimizer is None else self.optimizer.named.order
        super().load(data if order is None else reordered(data, order), report)


#: what schedulers have a list of, with a value for each group
PER_GROUP = ("base_lrs", "max_lrs", "min_lrs", "_last_lr", "base_momentums", "max_momentums", "lr_lambdas")


def reordered(state: dict[str, Any], order: list[int]) -> dict[str, Any]:
    """The state of a scheduler for groups that stand in another order: `order` tells where each of them stood.

    >>> reordered({"base_lrs": [0.1, 0.2], "milestones": [3, 4]}, [1, 0])
    {'base_lrs': [0.2, 0.1], 'milestones': [3, 4]}
    """
    state = dict(state)
    for name in PER_GROUP:
        if len(state.get(name, ())) == len(order):
            state[name] = [state[name][k] for k in order]
    if "_schedulers" in state:
        state["_schedulers"] = [reordered(inner, order) for inner in state["_schedulers"]]
    return state


class LoaderPart(Part):
    """A loader."""

    thing: DataLoader
    rank = 3

    def load(self, data: Any, report: PartReport) -> None:
        self.thing.load_state_dict(data)
        place = data["pass"]
        report.matched.append("state")
        report.notes += self.thing.differences(data)
        if place is not None:
            report.notes.append(f"goes on in a pass, behind batch {place['yielded']}")

    def remember(self) -> Undo:
        return self.thing.remember()


class GeneratorPart(Part):
    """A random generator of minigrad, Python or NumPy."""

    def __init__(self, thing: Any) -> None:
        super().__init__(thing)
        self.kind = kind_of(thing)

    def save(self) -> Any:
        return get_state(self.thing)

    def load(self, data: Any, report: PartReport) -> None:
        set_state(self.thing, data)
        report.matched.append("state")

    def remember(self) -> Undo:
        before = get_state(self.thing)
        return lambda: set_state(self.thing, before)


def is_optimizer(thing: Any) -> bool:
    """True for what has parameter groups and a step."""
    return hasattr(thing, "param_groups") and hasattr(thing, "step")


def is_scheduler(thing: Any) -> bool:
    """True for what steps the rates of an optimizer."""
    return hasattr(thing, "get_last_lr") and hasattr(thing, "optimizer")


def part_of(thing: Any, name: str, names: dict[int, list[str]]) -> Part:
    """The part for `thing`; `names` are those of all parameters of the session's models, by id."""
    if isinstance(thing, nn.Module):
        return ModelPart(thing)
    if is_optimizer(thing):
        return OptimizerPart(thing, names)
    if isinstance(thing, DataLoader):
        return LoaderPart(thing)
    if is_generator(thing):
        return GeneratorPart(thing)
    if callable(getattr(thing, "state_dict", None)) and callable(getattr(thing, "load_state_dict", None)):
        return SchedulerPart(thing) if is_scheduler(thing) else Part(thing)
    raise TypeError(
        f"a session holds modules, optimizers, loaders, generators, and what else has state_dict() and "
        f"load_state_dict(); {name} is a {type(thing).__name__}. Pass plain data to save(path, ...)"
    )
