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
in blocks that stay in cache: see `base/flat.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

from ..autograd.modes import enable_grad
from ..autograd.primitive import wrap
from ..autograd.row_sparse import RowSparse
from ..autograd.versions import change_together
from ..backend.door import changing, effect, refuse, settled, unsettle
from ..backend.library import Array, library
from .base.conventions import Conventional
from .base.describing import Describing
from .base.flat import Layout, Piece, Run, State
from .base.groups import checked_group, listed
from .base.hyperparameters import Declared, Group, Hyperparameter, at_step
from .base.saving import StateMethods
from .base.settling import settling
from .base.sparse_rows import advance_rows, catch_up, make_clocks, require_rows
from .base.step_hooks import StepHooks
from .base.step_numbers import StepNumbers


class Optimizer(Conventional, Describing, StateMethods, StepHooks, StepNumbers):
    """Base of the optimizers.

    Args:
        params: parameters, (name, parameter) pairs, or dicts with "params" and options of that group.
        defaults: the options of groups that do not name their own.
        convention: whose formula and default options are meant, one of `conventions`. Options that the caller has
            named win over it. None: PyTorch's.
    """

    #: numbers of a parameter that a step computes from those of the step before, with what they start from
    carried: ClassVar[dict[str, float]] = {}

    lr = Hyperparameter("learning rate", low=0)
    learning_rate = Hyperparameter("learning rate", low=0, name="lr")
    weight_decay = Hyperparameter(low=0)
    decoupled_weight_decay = Hyperparameter(choices=(True, False))
    maximize = Hyperparameter(choices=(True, False))
    sparse = Hyperparameter("sparse", choices=("exact", "lazy"))

    def __init__(self, params: Any, defaults: dict[str, Any], convention: str | None = None) -> None:
        self.convention = convention
        self.defaults = {**defaults, **self._conventional(convention, defaults)}
        self._begun = dict(self.defaults)
        self.param_groups: list[Group] = []
        self.state: defaultdict[Any, State] = defaultdict(State)
        self._hyperparameters = Declared(type(self))
        self._layouts: dict[int, Layout] = {}
        self._forget_hooks()
        for group in listed(params):
            self.add_param_group(group)

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
        group = {**self.defaults, **checked_group(param_group, self.param_groups, self.defaults)}
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
        closure = self._before_step(closure)
        loss = None
        if closure is not None:
            refuse("optimizer.step() with a closure", "compute the loss and call backward() before step()")
            with enable_grad():
                loss = closure()
        pieces: list[Piece] = []
        for k, group in enumerate(self.param_groups):
            pieces += settled(self._pieces, partial(settling, self), k, group)
        ready = [self._prepare(*piece) for piece in pieces]  # whatever may raise does, before anything has changed
        for piece, (numbers, gradients) in zip(pieces, ready):
            self._advance(*piece, numbers, gradients)
        effect(self._count, self._uncount, pieces)
        self._after_step(closure)
        return loss

    def _pieces(self, k: int, group: Group) -> list[Piece]:
        """What group `k` updates together, after it has been laid out anew where that is needed."""
        state, slots = self.state, self.slots(group)
        pieces = None
        if k in self._layouts:
            pieces = self._layouts[k].pieces(group, state, slots)
        if pieces is None:
            unsettle(f"{type(self).__name__} lays its parameters out")
            self._convert(group)
            self._layouts[k] = Layout(group, state, slots)
            for run in self._layouts[k].runs:
                if self.fades_by and run.states[0].sparse:
                    make_clocks(run)
            pieces = self._layouts[k].pieces(group, state, slots)
            assert pieces is not None
        return pieces

    def _prepare(self, run: Run, first: int, last: int) -> tuple[dict[str, Any], list[Array] | None]:
        """The numbers and the gradients for parameters [first, last) of a run; None for a row-sparse gradient."""
        numbers = changing(self._numbers, run, first)
        if type(run.parameters[first]._grad) is not RowSparse:
            return numbers, run.gradients_of(first, last)
        require_rows(self, run.group)
        return numbers, None

    def _advance(
        self, run: Run, first: int, last: int, numbers: dict[str, Any], gradients: list[Array] | None
    ) -> None:
        """One call of the rule, for parameters [first, last) of a run."""
        if gradients is None:
            return advance_rows(self, run, numbers)
        if run.states[first].sparse:
            catch_up(run)
        for p, g, state in run.blocks(first, last, gradients):
            self._rule(p, g, state, **numbers)

    def _rule(
        self, p: Array, g: Array, state: dict[str, Array], *,
        maximize: bool, decay: float | None, shrink: float | None, **scalars: Any,
    ) -> None:  # fmt: skip
        """`update`, after what all algorithms share: climbing and weight decay."""
        if maximize:
            g = -g
        if decay is not None:
            g = g + decay * p
        if shrink is not None:
            p *= shrink
        self.update(library(p), p, g, state, **scalars)

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
