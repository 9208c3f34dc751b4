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

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..autograd.modes import enable_grad
from ..autograd.node import LEAF, HookHandle, TensorBase
from ..autograd.primitive import wrap
from ..autograd.versions import change_together
from ..backend.door import Attribute, Content, Equal, Item, changing, effect, refuse, settled, unsettle
from ..backend.library import Array, library
from .flat import Layout, Piece, Place, Run, State
from .saving import StateMethods


class Optimizer(StateMethods):
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
                if set_to_none:
                    p._grad = None
                elif p._grad is not None:
                    p._grad = wrap(library(p.array).zeros_like(p.array))

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
            refuse("optimizer.step() with a closure", "compute the loss and call backward() before step()")
            with enable_grad():
                loss = closure()
        advanced: list[Place] = []
        for k, group in enumerate(self.param_groups):
            for run, first, last in settled(self._pieces, self._because, k, group):
                self._advance(run, first, last, group)
                advanced += run.places[first:last]
        effect(self._count, self._uncount, advanced)
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
            unsettle(f"{type(self).__name__} lays its parameters out")
            self._layouts[k] = Layout(parameters, state, slots)
            pieces = self._layouts[k].pieces(parameters, state, slots)
            assert pieces is not None
        return pieces

    def _because(self, pieces: list[Piece], k: int, group: dict[str, Any]) -> Iterator[Any]:
        """The conditions under which `_pieces` returns these pieces, as long as the same parameters have gradients."""
        yield Equal(len, (self.param_groups,), len(self.param_groups))
        yield Item(self.param_groups, k, group)
        yield Item(self._layouts, k, self._layouts[k])
        yield Equal(self.slots, (group,), self.slots(group))
        yield Item(group, "params", group["params"])
        yield Equal(len, (group["params"],), len(group["params"]))
        yield from (Item(group["params"], number, p) for number, p in enumerate(group["params"]))
        yield Attribute(self, "state", self.state)
        yield from (Content(hooks, hooks.copy()) for hooks in (self._before, self._after))
        yield from self._layouts[k].because(pieces, self.state)

    def _advance(self, run: Run, first: int, last: int, group: dict[str, Any]) -> None:
        """One call of the rule, for parameters [first, last) of a run."""
        numbers = changing(self._numbers, group, run.places[first].state)
        maximize, decay = numbers.pop("maximize"), numbers.pop("weight_decay")
        values, gradient, state = run.gather(first, last)
        if maximize:
            gradient = -gradient
        if decay is not None:
            gradient = gradient + decay * values
        self.update(library(values), values, gradient, state, **numbers)
        run.scatter(first, last, values)

    def _numbers(self, group: dict[str, Any], state: State) -> dict[str, Any]:
        """All numbers that the next step of a parameter with `state` needs. None stands for no weight decay."""
        numbers = self.scalars(group, state.steps + 1)
        decay = group.get("weight_decay")
        numbers["weight_decay"] = float(decay) if decay else None
        numbers["maximize"] = bool(group.get("maximize"))
        return numbers

    def _count(self, places: Sequence[Place]) -> None:
        """Note that the parameters in `places` have had another step."""
        for place in places:
            place.state.steps += 1
        change_together([place.parameter._storage for place in places], f"{type(self).__name__}.step")

    def _uncount(self, places: Sequence[Place]) -> None:
        for place in places:
            place.state.steps -= 1

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
