"""`Optimizer`: parameter groups, state, and the step that runs an elementwise rule over them.

An optimizer states its algorithm once, on arrays:

    class Momentum(Optimizer):
        momentum = Hyperparameter(low=0, below=1)

        def slots(self, group):
            return {"velocity": 0.0}

        def scalars(self, group, t):
            return {"lr": group["lr"], "mu": group["momentum"]}

        def update(self, xp, p, g, state, lr, mu):
            v = state["velocity"]
            v *= mu
            v -= lr * g
            p += v

`slots(group)` names the state arrays, with the number that each starts from; `scalars(group, t)` computes every
number that may change from step to step (t counts a parameter's steps, from 1; schedules in the group have been
replaced by their values); `update` changes p and the state in place, and leaves g alone. It is called on flat arrays,
in blocks that stay in cache: see `flat.py`.
"""

from __future__ import annotations

import inspect
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

from ..autograd.modes import enable_grad
from ..autograd.node import HookHandle
from ..autograd.primitive import wrap
from ..autograd.row_sparse import RowSparse
from ..autograd.versions import change_together
from ..backend.door import Attribute, Content, Equal, Item, changing, effect, refuse, settled, unsettle
from ..backend.library import Array, library
from .describing import Describing
from .flat import Layout, Piece, Run, State
from .groups import checked_group, listed
from .hyperparameters import Group, Hyperparameter, at_step, hyperparameters
from .normalizing import require_eps
from .saving import StateMethods
from .sparse_rows import advance_rows, catch_up, make_clocks


class Optimizer(Describing, StateMethods):
    """Base of the optimizers.

    Args:
        params: parameters, (name, parameter) pairs, or dicts with "params" and options of that group.
        defaults: the options of groups that do not name their own.
        convention: whose formula and default options are meant, one of `conventions`. Options that the caller has
            named win over it. None: PyTorch's.
    """

    #: name -> the options in which this library or paper differs from the defaults; None: it has no default of it
    conventions: ClassVar[dict[str, dict[str, Any]]] = {"pytorch": {}}

    #: numbers of a parameter that a step computes from those of the step before, with what they start from
    carried: ClassVar[dict[str, float]] = {}

    lr = Hyperparameter("learning rate", low=0)
    learning_rate = Hyperparameter("learning rate", low=0, name="lr")
    weight_decay = Hyperparameter(low=0)
    decoupled_weight_decay = Hyperparameter(choices=(True, False))
    maximize = Hyperparameter(choices=(True, False))
    sparse = Hyperparameter("sparse", choices=("exact", "lazy"))

    _named: set[str]  # the options that the caller has named: they win over a convention

    def __new__(cls, *args: Any, **options: Any) -> Any:
        self: Any = super().__new__(cls)
        self._named = {*cls.__init__.__code__.co_varnames[1 : 1 + len(args)], *options}
        return self

    def __init__(self, params: Any, defaults: dict[str, Any], convention: str | None = None) -> None:
        self.convention = convention
        self.defaults = {**defaults, **self._conventional(convention, defaults)}
        self.param_groups: list[Group] = []
        self.state: defaultdict[Any, State] = defaultdict(State)
        self._hyperparameters = hyperparameters(type(self))
        self._layouts: dict[int, Layout] = {}
        self._before: OrderedDict[object, Callable[..., Any]] = OrderedDict()
        self._after: OrderedDict[object, Callable[..., Any]] = OrderedDict()
        for group in listed(params):
            self.add_param_group(group)

    def _conventional(self, convention: str | None, given: dict[str, Any]) -> dict[str, Any]:
        """The options that follow from a convention: all but those that the caller has named."""
        name = type(self).__name__
        if convention is None:
            return {}
        if convention not in self.conventions:
            known = ", ".join(map(repr, self.conventions))
            raise ValueError(f"{name} knows no convention {convention!r}: choose None (the default) or one of {known}")
        options = {k: v for k, v in self.conventions[convention].items() if not self._is_named(k, given[k])}
        for option, value in options.items():
            if value is None:
                raise ValueError(f"{name}(convention={convention!r}) has no default {option}: give {option}=")
        return options

    def _is_named(self, option: str, value: Any) -> bool:
        """True if the caller has given an option, or a subclass another value than the default."""
        makers = [vars(base)["__init__"] for base in type(self).__mro__ if "__init__" in vars(base)]
        signatures = [*map(inspect.signature, makers)]
        default = next(s.parameters[option].default for s in signatures if option in s.parameters)
        return option in self._named or value != default

    # -- what an algorithm states --------------------------------------------------------------------------------

    def slots(self, group: Group) -> dict[str, float]:
        """The state arrays of each parameter, with the number that they start from."""
        return {}

    def scalars(self, group: Group, t: int) -> dict[str, Any]:
        """The numbers that step `t` of a parameter needs, by the names of update's parameters.

        If the class has `carried` numbers, it gets them by keyword, too.
        """
        raise NotImplementedError

    def update(self, xp: Any, p: Array, g: Array, state: dict[str, Array], **scalars: Any) -> None:
        """Change p and the state in place, from the gradient g."""
        raise NotImplementedError

    def carry(self, group: Group, t: int, **carried: float) -> dict[str, float]:
        """The numbers of the class's `carried` after step `t`, from those before it."""
        return {}

    #: the number of `scalars` by which the state of a row without a gradient decays at each step, None if it stays
    fades_by: ClassVar[str | None] = None

    @property
    def needs_closure(self) -> bool:
        """Whether `step` computes gradients at points of its own choice, and so needs a closure."""
        parameter = inspect.signature(self.step).parameters.get("closure")
        return parameter is not None and parameter.default is parameter.empty

    def moves_untouched(self, group: Group) -> str:
        """What moves rows that have no gradient, in words for an error; "" if nothing does."""
        return "running averages"

    def check(self, group: Group) -> None:
        """Raise ValueError where an option of `group` is invalid."""
        for name, hyperparameter in self._hyperparameters.items():
            if name in group:
                hyperparameter.check(group[name])

    # -- groups --------------------------------------------------------------------------------------------------

    def add_param_group(self, param_group: Group) -> None:
        """Add parameters with options of their own."""
        group = checked_group(param_group, self.param_groups)
        for name, value in self.defaults.items():
            group.setdefault(name, value)
        self.check(group)
        self.param_groups.append(group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients: None, or zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p._grad = None
                elif type(p._grad) is RowSparse:
                    p._grad = p._grad.emptied()
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
        advanced: list[Piece] = []
        for k, group in enumerate(self.param_groups):
            for piece in settled(self._pieces, self._because, k, group):
                self._advance(*piece)
                advanced.append(piece)
        effect(self._count, self._uncount, advanced)
        for hook in list(self._after.values()):
            hook(self, (closure,), {})
        return loss

    def _pieces(self, k: int, group: Group) -> list[Piece]:
        """What group `k` updates together, after it has been laid out anew where that is needed."""
        state, slots = self.state, self.slots(group)
        pieces = None
        if k in self._layouts:
            pieces = self._layouts[k].pieces(group, state, slots)
        if pieces is None:
            unsettle(f"{type(self).__name__} lays its parameters out")
            self._layouts[k] = Layout(group, state, slots)
            for run in self._layouts[k].runs:
                require_eps(group, run.dtype)
                if self.fades_by and run.states[0].sparse:
                    make_clocks(run)
            pieces = self._layouts[k].pieces(group, state, slots)
            assert pieces is not None
        return pieces

    def _because(self, pieces: list[Piece], k: int, group: Group) -> Iterator[Any]:
        """The conditions under which `_pieces` returns these pieces, as long as the same parameters have gradients."""
        yield Equal(len, (self.param_groups,), len(self.param_groups))
        yield Item(self.param_groups, k, group)
        yield Item(self._layouts, k, self._layouts[k])
        yield Equal(self._slot_names, (group,), self._slot_names(group))
        yield Item(group, "params", group["params"])
        yield Equal(len, (group["params"],), len(group["params"]))
        yield from (Item(group["params"], number, p) for number, p in enumerate(group["params"]))
        yield Attribute(self, "state", self.state)
        yield from (Content(hooks, hooks.copy()) for hooks in (self._before, self._after))
        yield from self._layouts[k].because(pieces, self.state)

    def _slot_names(self, group: Group) -> list[str]:
        return [*self.slots(group)]

    def _advance(self, run: Run, first: int, last: int) -> None:
        """One call of the rule, for parameters [first, last) of a run."""
        numbers = changing(self._numbers, run.group, run.states[first])
        if run.states[first].sparse:
            if type(run.parameters[first]._grad) is RowSparse:
                return advance_rows(self, run, numbers)
            catch_up(run)
        maximize, decay, shrink = numbers.pop("maximize"), numbers.pop("decay"), numbers.pop("shrink")
        for p, g, state in run.blocks(first, last):
            if maximize:
                g = -g
            if decay is not None:
                g = g + decay * p
            if shrink is not None:
                p *= shrink
            self.update(library(p), p, g, state, **numbers)

    def _numbers(self, group: Group, state: State) -> dict[str, Any]:
        """All numbers that the next step of a parameter with `state` needs.

        Among them decay: λ of g ← g + λ p, and shrink: 1 - lr λ of p ← (1 - lr λ) p, None for neither.
        """
        t = state.steps + 1
        group = at_step(group, t, self._hyperparameters)
        numbers = self.scalars(group, t, **(state.carried or self.carried))
        decay, decoupled = float(group.get("weight_decay") or 0), group.get("decoupled_weight_decay")
        numbers["decay"] = None if decoupled or not decay else decay
        numbers["shrink"] = 1 - float(group["lr"]) * decay if decoupled and decay else None
        numbers["maximize"] = bool(group.get("maximize"))
        return numbers

    def _count(self, advanced: Sequence[Piece]) -> None:
        """Note that the parameters of the pieces have had another step."""
        storages: list[Any] = []
        for run, first, last in advanced:
            states = run.states[first:last]
            for state in states:
                state.steps += 1
            if self.carried:
                for state in states:
                    self._carry(run.group, state)
            storages += [p._storage for p in run.parameters[first:last]]
        change_together(storages, f"{type(self).__name__}.step")

    def _uncount(self, advanced: Sequence[Piece]) -> None:
        for run, first, last in advanced:
            for state in run.states[first:last]:
                state.steps -= 1
                if self.carried:
                    state.carried = state.carried_before

    def _carry(self, group: Group, state: State) -> None:
        now = at_step(group, state.steps, self._hyperparameters)
        state.carried_before = state.carried
        state.carried = self.carry(now, state.steps, **(state.carried or self.carried))

    def __getstate__(self) -> dict[str, Any]:
        private = ("_layouts", "_before", "_after", "_hyperparameters")
        return {name: value for name, value in self.__dict__.items() if name not in private}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._layouts = {}
        self._hyperparameters = hyperparameters(type(self))
        self._before, self._after = OrderedDict(), OrderedDict()

    # -- hooks ---------------------------------------------------------------------------------------------------

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call `hook(optimizer, args, kwargs)` before each step."""
        return _registered(self._before, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return _registered(self._after, hook)


def _registered(hooks: OrderedDict[object, Callable[..., Any]], hook: Callable[..., Any]) -> HookHandle:
    key = object()
    hooks[key] = hook
    return HookHandle(hooks, key)
