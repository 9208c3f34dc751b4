"""Saving and loading the state of an optimizer, in PyTorch's structure."""

from __future__ import annotations

import copy
from collections import defaultdict
from typing import Any, ClassVar

from ...autograd.node import TensorBase
from ...autograd.primitive import wrap
from ...backend.host import host_array
from .flat import CLOCK, State
from .hyperparameters import Declared, Group, scheduled


class StateMethods:
    """What an optimizer saves, and how it takes it over again."""

    param_groups: list[dict[str, Any]]
    state: defaultdict[Any, State]
    _layouts: dict[int, Any]
    _hyperparameters: Declared

    def slots(self, group: dict[str, Any]) -> dict[str, float]:
        """The state arrays of each parameter, with the number that they start from."""
        raise NotImplementedError

    counts_steps = False  # PyTorch's state of the algorithm has an entry "step"
    carried: ClassVar[dict[str, float]]

    def saved(self, entries: dict[str, Any]) -> dict[str, Any]:
        """State entries as PyTorch's class of this name reads them, from this class's own."""
        return entries

    def restored(self, entries: dict[str, Any], slots: dict[str, float]) -> dict[str, Any]:
        """State entries of this class, named as `slots`, from what it or PyTorch's class of this name has saved."""
        return entries

    def _convert(self, group: Group) -> None:
        """Rename the state where other options ask for other arrays: RMSprop's averages, if `centered` changes."""
        slots = self.slots(group)
        for p in group["params"]:
            own = self.state.get(p)
            if own and not slots.keys() <= own.keys():
                converted = self.restored(dict(own), slots)
                own.clear()
                own.update(converted)

    def state_dict(self) -> dict[str, Any]:
        """PyTorch's structure: {"state": {number: {name: tensor}}, "param_groups": [...]} with numbered parameters."""
        numbers: dict[int, int] = {}
        groups, state = [], {}
        for group in self.param_groups:
            declared = self.slots(group)
            for p in group["params"]:
                number = numbers.setdefault(id(p), len(numbers))
                own = self.state.get(p, State())
                steps = getattr(own, "steps", 0)
                entries = {name: value for name, value in own.items() if steps or name not in declared}
                if steps and self._saves_steps(group):
                    carried = {name: wrap(host_array(value, "float64")) for name, value in own.carried.items()}
                    entries = {"step": wrap(host_array(float(steps), "float32")), **carried, **entries}
                if entries:
                    state[number] = self.saved(entries)
            groups.append({name: value for name, value in group.items() if name != "params"})
            groups[-1]["params"] = [numbers[id(p)] for p in group["params"]]
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the options and the state that `state_dict` returned, here or in PyTorch's optimizer.

        Raises:
            ValueError: the groups differ in number or size, or an entry does not fit its parameter. Nothing is
                changed then.
        """
        if not {"param_groups", "state"} <= state_dict.keys():
            raise ValueError(f"this is no state of an optimizer: it has {sorted(map(str, state_dict))}")
        saved_groups = state_dict["param_groups"]
        if len(saved_groups) != len(self.param_groups):
            raise ValueError(
                f"the state has {len(saved_groups)} parameter groups, the optimizer {len(self.param_groups)}"
            )
        fresh: defaultdict[Any, State] = defaultdict(State)
        entries = dict(state_dict["state"])
        for number, (saved, group) in enumerate(zip(saved_groups, self.param_groups)):
            if len(saved["params"]) != len(group["params"]):
                raise ValueError(
                    f"parameter group {number} of the state has {len(saved['params'])} parameters, the optimizer's "
                    f"{len(group['params'])}"
                )
            both = {**group, **saved}
            for name in self._hyperparameters.words:  # numbers are taken as they are: a schedule may have left a range
                if name in both:
                    self._hyperparameters[name].check(both[name])
            slots, counted = self.slots(both), self._saves_steps(both)
            for key, p in zip(saved["params"], group["params"]):
                if key in entries:
                    fresh[p] = self._loaded(p, entries.pop(key), slots, counted)
        if entries:
            raise ValueError(f"the state has entries for parameters {sorted(entries)}, which no group of it names")
        options = [copy.deepcopy({k: v for k, v in saved.items() if k != "params"}) for saved in saved_groups]
        self.state = fresh
        self._layouts = {}
        for group, loaded in zip(self.param_groups, options):
            group.update(loaded)

    def _saves_steps(self, group: Group) -> bool:
        """True if a parameter's number of steps is part of its state: PyTorch saves it so, or a schedule needs it."""
        return self.counts_steps or bool(scheduled(group, self._hyperparameters))

    def _loaded(self, p: Any, entries: dict[str, Any], slots: dict[str, float], counted: bool) -> State:
        """The state of `p` from what was saved: tensors in its dtype and on its device, anything else as it is."""
        own = State()
        for name, value in entries.items():
            if name == "step" and counted:
                own.steps = int(value)
            elif name in self.carried:
                own.carried = {**own.carried, name: float(value)}
            elif hasattr(value, "shape"):
                tensor: Any = value if isinstance(value, TensorBase) else wrap(host_array(value))
                kind = p.dtype if tensor.array.dtype.kind == "f" and tensor.shape == p.shape else None
                own[name] = tensor.to(p.device, kind, copy=True)
            elif value is not None:  # PyTorch's buffers are None until the first gradient
                own[name] = copy.deepcopy(value)
        for name, value in (found := self.restored(dict(own), slots)).items():
            if name in slots and tuple(value.shape) != tuple(p.shape):
                raise ValueError(
                    f"the state {name!r} has shape {tuple(value.shape)}, its parameter {tuple(p.shape)}: "
                    "it was saved with another model or order of parameters"
                )
        loaded = State(found)
        loaded.steps, loaded.carried = own.steps or int(bool(found)), own.carried
        loaded.sparse = CLOCK in found
        return loaded

    def __getstate__(self) -> dict[str, Any]:
        private = ("_layouts", "_before", "_after", "_hyperparameters")
        return {name: value for name, value in self.__dict__.items() if name not in private}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._layouts = {}
        self._hyperparameters = Declared(type(self))
        self._forget_hooks()  # type: ignore[attr-defined]
