"""`Optimizer`: parameter groups, state, and the step that runs an elementwise rule over them.

An optimizer states its algorithm once, on arrays:

    class Momentum(Optimizer):
        def slots(self, group):
            return {"velocity": 0.0}

        def scalars(self, group, t):
            return {"lr": group["lr"], "mu": group["momentum"]}

        def update(self, xp, p, g, state, lr, mu):
            v = state["velocity"]
            v *= mu
            v -= lr * g
            p += v

`slots(group)` names the state arrays, which start at zero unless it says otherwise; `scalars(group, t)` computes
every number that may change from step to step (t counts a parameter's steps, from 1); `update` changes p and the
state in place, and leaves g alone. It is called on flat arrays: see `flat.py`.
"""

from __future__ import annotations

import copy
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any

from ..autograd.modes import enable_grad
from ..autograd.node import LEAF, HookHandle, TensorBase
from ..autograd.primitive import wrap
from ..backend.host import host_array
from ..backend.library import Array, library
from .flat import Layout, Piece, Run, State


class Optimizer:
    """Base of the optimizers.

    Args:
        params: parameters, (name, parameter) pairs, or dicts with "params" and options of that group.
        defaults: the options of groups that do not name their own.
    """

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self.state: defaultdict[Any, State] = defaultdict(State)
        self._layouts: dict[int, Layout] = {}
        self._before: OrderedDict[object, Callable[..., Any]] = OrderedDict()
        self._after: OrderedDict[object, Callable[..., Any]] = OrderedDict()
        if isinstance(params, TensorBase):
            raise TypeError("an optimizer takes a list of parameters, got a single Tensor: put it in a list")
        if isinstance(params, dict):
            raise TypeError("an optimizer takes a list of parameters or of groups, got a dict: put it in a list")
        groups = _listed(params)
        if not groups:
            raise ValueError(
                "an optimizer got an empty list of parameters: does the model have any (an iterator serves once only)?"
            )
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    # -- what an algorithm states --------------------------------------------------------------------------------

    def slots(self, group: dict[str, Any]) -> dict[str, float]:
        """The state arrays of each parameter, with the number that they start from."""
        return {}

    def scalars(self, group: dict[str, Any], t: int) -> dict[str, Any]:
        """The numbers that step `t` of a parameter needs, by the names of update's parameters."""
        raise NotImplementedError

    def update(self, xp: Any, p: Array, g: Array, state: dict[str, Array], **scalars: Any) -> None:
        """Change p and the state in place, from the gradient g."""
        raise NotImplementedError

    def check(self, group: dict[str, Any]) -> None:
        """Raise ValueError where an option of `group` is invalid."""

    # -- groups --------------------------------------------------------------------------------------------------

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own."""
        if not isinstance(param_group, dict):
            raise TypeError(f"a parameter group must be a dict, got {type(param_group).__name__}")
        group = dict(param_group)
        given = _listed(group["params"])
        if given and all(isinstance(p, tuple) for p in given):
            group["param_names"] = [name for name, _ in given]
            given = [p for _, p in given]
        for p in given:
            if not isinstance(p, TensorBase):
                raise TypeError(f"an optimizer takes Tensors, got {type(p).__name__}")
            if p.node is not None and p.node is not LEAF:
                raise ValueError("an optimizer cannot change a tensor that is no leaf: pass the parameter itself")
        taken = {id(p) for other in self.param_groups for p in other["params"]}
        if any(id(p) in taken for p in given):
            raise ValueError("some parameters appear in more than one parameter group")
        if len({id(p) for p in given}) != len(given):
            raise ValueError("a parameter group contains one parameter twice")
        for name, value in self.defaults.items():
            group.setdefault(name, value)
        group["params"] = given
        self.check(group)
        self.param_groups.append(group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients: None, or zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                if p._grad is not None:
                    p._grad = None if set_to_none else wrap(library(p.array).zeros_like(p.array))

    # -- the step ------------------------------------------------------------------------------------------------

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        Args:
            closure: computes the loss and its gradients anew; its result is returned.
        """
        for hook in list(self._before.values()):
            hook(self, (closure,), {})
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for k, group in enumerate(self.param_groups):
            for run, first, last in self._pieces(k, group):
                self._advance(run, first, last, group)
        for hook in list(self._after.values()):
            hook(self, (closure,), {})
        return loss

    def _pieces(self, k: int, group: dict[str, Any]) -> list[Piece]:
        """What group `k` updates together, after it has been laid out anew where that is needed."""
        parameters, state, slots = group["params"], self.state, self.slots(group)
        pieces = None
        if k in self._layouts:
            pieces = self._layouts[k].pieces(parameters, state, slots)
        if pieces is None:
            self._layouts[k] = Layout(parameters, state, slots)
            pieces = self._layouts[k].pieces(parameters, state, slots)
            assert pieces is not None
        return pieces

    def _advance(self, run: Run, first: int, last: int, group: dict[str, Any]) -> None:
        """One call of the rule, for parameters [first, last) of a run."""
        places = run.places[first:last]
        t = places[0].state.steps + 1
        values, gradient, state = run.gather(first, last)
        if group.get("maximize"):
            gradient = -gradient
        if group.get("weight_decay"):
            gradient = gradient + float(group["weight_decay"]) * values
        self.update(run.xp, values, gradient, state, **self.scalars(group, t))
        run.scatter(first, last, values)
        by = f"{type(self).__name__}.step"
        for place in places:
            place.state.steps = t
            storage = place.parameter._storage
            if storage is not None:
                storage.changed(by)

    # -- saving --------------------------------------------------------------------------------------------------

    counts_steps = False  # PyTorch's state of the algorithm has an entry "step"

    def saved(self, entries: dict[str, Any]) -> dict[str, Any]:
        """State entries as PyTorch's class of this name reads them, from this class's own."""
        return entries

    def restored(self, entries: dict[str, Any]) -> dict[str, Any]:
        """State entries of this class, from what it or PyTorch's class of this name has saved."""
        return entries

    def state_dict(self) -> dict[str, Any]:
        """PyTorch's structure: {"state": {number: {name: tensor}}, "param_groups": [...]} with numbered parameters."""
        numbers: dict[int, int] = {}
        groups, state = [], {}
        for group in self.param_groups:
            declared = self.slots(group)
            for p in group["params"]:
                number = numbers.setdefault(id(p), len(numbers))
                own: dict[str, Any] = self.state.get(p, {})
                steps = getattr(own, "steps", 0)
                entries = {name: value for name, value in own.items() if steps or name not in declared}
                if steps and self.counts_steps:
                    entries = {"step": wrap(host_array(float(steps), "float32")), **entries}
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
            slots = self.slots({**group, **saved})
            for key, p in zip(saved["params"], group["params"]):
                if key in entries:
                    fresh[p] = self._loaded(p, entries.pop(key), slots)
        if entries:
            raise ValueError(f"the state has entries for parameters {sorted(entries)}, which no group of it names")
        options = [copy.deepcopy({k: v for k, v in saved.items() if k != "params"}) for saved in saved_groups]
        self.state = fresh
        self._layouts = {}
        for group, loaded in zip(self.param_groups, options):
            group.update(loaded)

    def _loaded(self, p: Any, entries: dict[str, Any], slots: dict[str, float]) -> State:
        """The state of `p` from what was saved: tensors in its dtype and on its device, anything else as it is."""
        own = State()
        for name, value in entries.items():
            if name == "step" and self.counts_steps:
                own.steps = int(value)
            elif hasattr(value, "shape"):
                tensor: Any = value if isinstance(value, TensorBase) else wrap(host_array(value))
                kind = p.dtype if tensor.array.dtype.kind == "f" else None
                own[name] = tensor.to(p.device, kind, copy=True)
            elif value is not None:  # PyTorch's buffers are None until the first gradient
                own[name] = copy.deepcopy(value)
        for name, value in (found := self.restored(dict(own))).items():
            if name in slots and tuple(value.shape) != tuple(p.shape):
                raise ValueError(
                    f"the state {name!r} has shape {tuple(value.shape)}, its parameter {tuple(p.shape)}: "
                    "it was saved with another model or order of parameters"
                )
        steps = own.steps or int(bool(found))
        own = State(found)
        own.steps = steps
        return own

    def __getstate__(self) -> dict[str, Any]:
        private = ("_layouts", "_before", "_after")
        return {name: value for name, value in self.__dict__.items() if name not in private}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._layouts = {}
        self._before, self._after = OrderedDict(), OrderedDict()

    # -- hooks and printing --------------------------------------------------------------------------------------

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call `hook(optimizer, args, kwargs)` before each step."""
        return _registered(self._before, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return _registered(self._after, hook)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for k, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {k}")
            lines += [f"    {name}: {group[name]}" for name in sorted(group) if name != "params"]
        return "\n".join([*lines, ")"])


def _listed(params: Any) -> list[Any]:
    """A single tensor, or an ordered collection, as a list."""
    if isinstance(params, (set, frozenset)):
        raise TypeError("parameters must be ordered, and the order of a set changes from run to run: pass a list")
    return [params] if isinstance(params, TensorBase) else list(params)


def _registered(hooks: OrderedDict[object, Callable[..., Any]], hook: Callable[..., Any]) -> HookHandle:
    key = object()
    hooks[key] = hook
    return HookHandle(hooks, key)


def require(valid: Any, what: str, value: Any) -> None:
    """Raise PyTorch's kind of error for an invalid option."""
    if not valid:
        raise ValueError(f"Invalid {what}: {value}")
