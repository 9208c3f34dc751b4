"""The state of an optimizer by the names of its parameters, for models that register them in another order."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

from minigrad.nn.parameter import is_uninitialized
from minigrad.optim.base.hyperparameters import is_schedule

from .report import PartReport

#: options that schedulers write: they differ as a matter of course
_SCHEDULED = ("lr", "initial_lr", "max_lr", "min_lr")


def _differ(a: Any, b: Any) -> bool:
    different = a != b
    return bool(different.any()) if hasattr(different, "any") else bool(different)


def _size(value: Any) -> int:
    return math.prod(value.shape) if hasattr(value, "shape") else 1


class NamedOptimizer:
    """An optimizer and the names of its parameters.

    Args:
        optimizer: whose `load_state_dict` leaves options as they are that are not in the state.
        names: of each parameter, by its id; the first is the one that it is saved under. One that has none is called
            as its group says ("param_names"), or by its number.
    """

    def __init__(self, optimizer: Any, names: dict[int, list[str]]) -> None:
        self.optimizer = optimizer
        self.parameters: dict[str, Any] = {}  # by each of their names
        self.names: list[list[str]] = []  # of the groups' parameters, those to save them under
        self.order: list[int] | None = None  # where each group stands in the state that was loaded, if in another order
        for group in optimizer.param_groups:
            own = group.get("param_names") or [None] * len(group["params"])
            self.names.append([])
            for p, given in zip(group["params"], own):
                known = names.get(id(p)) or [
                    given if given is not None and given not in self.parameters else f"parameter {self._count()}"
                ]
                self.parameters.update({name: p for name in known})
                self.names[-1].append(known[0])

    def _count(self) -> int:
        return sum(map(len, self.names))

    # -- saving --------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Groups with the names of their parameters, and the state of each parameter, plain data."""
        saved = self.optimizer.state_dict()
        groups, state, steps, shapes = [], {}, {}, {}
        for names, given, group in zip(self.names, saved["param_groups"], self.optimizer.param_groups, strict=True):
            options = {name: value for name, value in given.items() if name not in ("params", "param_names")}
            schedules = [name for name, value in options.items() if is_schedule(value)]
            options = {name: value for name, value in options.items() if name not in schedules}
            groups.append({"names": names, "options": options, "schedules": schedules})
            for name, number, p in zip(names, given["params"], group["params"], strict=True):
                shapes[name] = None if is_uninitialized(p) else list(p.shape)
                if number in saved["state"]:
                    state[name] = saved["state"][number]
                count = getattr(self.optimizer.state.get(p), "steps", 0)
                if count:
                    steps[name] = count
        return {"groups": groups, "state": state, "steps": steps, "shapes": shapes}

    # -- loading -------------------------------------------------------------------------------------------------

    def load_state_dict(self, saved: dict[str, Any], report: PartReport) -> None:
        """Take over what fits, and write down what does not."""
        fitting = self._fitting(saved, report)
        group_of = self._groups(saved, report)
        self._joint(saved, fitting, report)
        # of what does not fit, what is here stays
        state = self._own_state()
        steps = {id(p): getattr(own, "steps", 0) for p, own in self.optimizer.state.items()}
        for number, (group, own) in enumerate(zip(self.optimizer.param_groups, state["param_groups"], strict=True)):
            if (there := group_of[number]) is not None:
                self._note_options(number, group, there, report)
                own.update(there["options"])
            for p, key in zip(group["params"], own["params"], strict=True):
                if id(p) in fitting:
                    name = fitting[id(p)]
                    state["state"].pop(key, None)
                    if name in saved["state"]:
                        state["state"][key] = saved["state"][name]
                    steps[id(p)] = saved["steps"].get(name, 0)
        self.optimizer.load_state_dict(state)
        self._set_steps(steps)

    def _fitting(self, saved: dict[str, Any], report: PartReport) -> dict[int, str]:
        """Parameters whose state is in the file: its name there, by their id."""
        fitting: dict[int, str] = {}
        for name, shape in saved["shapes"].items():
            p = self.parameters.get(name)
            if p is None or id(p) in fitting:
                report.unexpected.append(name)
            elif shape is not None and not is_uninitialized(p) and list(p.shape) != shape:
                report.left.append(f"{name} has shape {tuple(shape)} in the file, {tuple(p.shape)} here")
                fitting[id(p)] = ""
            else:
                report.matched.append(name)
                fitting[id(p)] = name
        for names, group in zip(self.names, self.optimizer.param_groups, strict=True):
            report.missing += [name for name, p in zip(names, group["params"], strict=True) if id(p) not in fitting]
        return {key: name for key, name in fitting.items() if name}

    def _groups(self, saved: dict[str, Any], report: PartReport) -> list[dict[str, Any] | None]:
        """For each group here, the one of the file that has the same parameters."""
        groups = saved["groups"]
        there = {frozenset(id(self.parameters.get(name)) for name in g["names"]): k for k, g in enumerate(groups)}
        found = [there.get(frozenset(map(id, group["params"]))) for group in self.optimizer.param_groups]
        places = [k for k in found if k is not None]
        self.order = places if sorted(places) == [*range(len(found))] != places else None
        # parameters that are missing or unexpected are listed already
        if None in found and not report.missing and not report.unexpected:
            report.left.append(
                f"the groups hold other parameters: {[g['names'] for g in groups]} in the file, {self.names} here"
            )
        return [None if k is None else groups[k] for k in found]

    def _joint(self, saved: dict[str, Any], fitting: dict[int, str], report: PartReport) -> None:
        """Refuse state of all parameters together (LBFGS has such) where these are others, or in another order."""
        here = [fitting.get(id(p)) for group in self.optimizer.param_groups for p in group["params"]]
        there = [name for group in saved["groups"] for name in group["names"]]
        if here == there:
            return
        sizes = {name: math.prod(shape or ()) for name, shape in saved["shapes"].items()}
        total = sum(sizes.values())
        for name, entries in saved["state"].items():
            for value in entries.values():
                parts = value if isinstance(value, list) else [value]
                if any(_size(part) == total != sizes[name] for part in parts):
                    report.left.append(f"its state is of all parameters in the order {there}, and here it is {here}")
                    fitting.clear()
                    report.matched.clear()
                    return

    def _own_state(self) -> dict[str, Any]:
        """The optimizer's state without its schedules: to copy a function may mean to copy all that it refers to."""
        state = self.optimizer.state_dict()
        groups = [{k: v for k, v in group.items() if not is_schedule(v)} for group in state["param_groups"]]
        return {**state, "param_groups": groups}

    def _note_options(self, number: int, group: dict[str, Any], saved: dict[str, Any], report: PartReport) -> None:
        """Write down where the options of a group in the file are not those that it has here."""
        for name in saved["schedules"]:
            if name in group:
                report.notes.append(
                    f"{name} of group {number} was a function of the step, which no file holds: the one here is kept"
                )
        for name, value in saved["options"].items():
            if is_schedule(group.get(name)):
                report.notes.append(f"{name} of group {number}: {value!r} of the file takes the place of a function")
            elif name in group and name not in _SCHEDULED and _differ(group[name], value):
                report.notes.append(f"{name} of group {number}: {value!r} of the file, not {group[name]!r}")

    def _set_steps(self, steps: dict[int, int]) -> None:
        """How many steps the parameters have had, those without state too: schedules count them."""
        for group in self.optimizer.param_groups:
            for p in group["params"]:
                count = steps.get(id(p), 0)
                own = self.optimizer.state[p] if count else self.optimizer.state.get(p)
                if hasattr(own, "steps"):
                    own.steps = count

    def remember(self) -> Callable[[], None]:
        """A function that puts back what is there now."""
        optimizer = self.optimizer
        options = [dict(group) for group in optimizer.param_groups]
        state = copy.deepcopy(self._own_state())
        steps = {id(p): getattr(own, "steps", 0) for p, own in optimizer.state.items()}

        def undo() -> None:
            optimizer.load_state_dict(state)
            for group, before in zip(optimizer.param_groups, options, strict=True):
                group.clear()
                group.update(before)
            self._set_steps(steps)

        return undo
