"""`LRScheduler`: what all schedules share. A subclass says in `get_lr` what the values of `last_epoch` are."""

from __future__ import annotations

import copy
import inspect
import warnings
from typing import Any

from ...backend.door import refuse
from ..optimizer import Optimizer
from .options import require_numbers, write
from .order import Order


class LRScheduler:
    """Base of the schedulers.

    A schedule of one's own:

        class Halving(LRScheduler):
            def get_lr(self):
                return [base * 0.5**self.last_epoch for base in self.base_lrs]

    The values that a schedule starts from are those of the groups at its making; they are kept in the groups as
    "initial_lr", where a scheduler that resumes finds them.

    Args:
        optimizer: whose groups are written to.
        last_epoch: -1 to begin. Otherwise the epoch after which training goes on, with an optimizer whose state has
            been loaded: "initial_lr" must be in the groups, and values that differ from it stay as they are. (A
            scheduler that has loaded its `state_dict` needs none of that.)
        hyperparameter: what to write, "alpha" or "momentum" for instance.

    Raises:
        TypeError: the values to write to are schedules themselves, or no numbers.
        KeyError: `last_epoch` says to resume, but a group has no initial value.
        ValueError: the optimizer's groups do not have the hyperparameter.
    """

    hyperparameter = "lr"
    _is_initial = False
    _get_lr_called_within_step = False
    _order: Order | None = None
    _restored: list[float]  # the values before this scheduler was made

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1, *, hyperparameter: str = "lr") -> None:
        self.optimizer = optimizer
        if hyperparameter != "lr":
            self.hyperparameter = hyperparameter
        require_numbers(optimizer, hyperparameter)
        initial = f"initial_{hyperparameter}"
        for k, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault(initial, group[hyperparameter])
            elif initial not in group:
                raise KeyError(
                    f"param_groups[{k}] has no {initial!r}, from which a schedule with last_epoch={last_epoch} goes "
                    "on: load the state of the optimizer first, or begin with last_epoch=-1"
                )
        self.base_lrs: list[float] = [float(group[initial]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._restored = self.read()
        self._initial_step()
        if last_epoch == -1:
            self._order = Order(optimizer)

    def _initial_step(self) -> None:
        """Come to the first epoch."""
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    # -- stepping ------------------------------------------------------------------------------------------------

    def get_lr(self) -> list[float]:
        """The value of each group in epoch `last_epoch`, while `step` asks for it; see `get_last_lr`."""
        raise NotImplementedError

    def step(self, epoch: float | None = None) -> None:
        """Go on to the next epoch, or to `epoch`, and write its values to the groups. After `optimizer.step()`."""
        self._called(epoch)
        self._update_lr(epoch)

    def _called(self, epoch: Any = None) -> None:
        """What every call of `step` begins with."""
        refuse("scheduler.step()", "call it after the recorded step: the step reads the new rate by itself")
        if self._order is not None and epoch is None:
            self._order.check()
        self._step_count = getattr(self, "_step_count", 0) + 1

    def _next_epoch(self) -> float:
        return self.last_epoch + 1

    def _place(self, epoch: Any) -> None:
        """Let `epoch` be the one that the next values are of."""
        self.last_epoch = epoch

    def _update_lr(self, epoch: float | None = None) -> None:
        self._get_lr_called_within_step = True
        try:
            self._place(self._next_epoch() if epoch is None else epoch)
            self._meet_groups()
            closed = None if epoch is None else getattr(self, "_get_closed_form_lr", None)
            values = (closed or self.get_lr)()
            if self._is_initial and self.last_epoch > 0:  # training goes on: what differs from the start is restored
                values = [
                    now if now != initial else value for now, initial, value in zip(self.read(), self.base_lrs, values)
                ]
            self.write(values)
        finally:
            self._get_lr_called_within_step = False

    def _warn_outside_step(self) -> None:
        if not self._get_lr_called_within_step:
            warnings.warn("get_lr() computes the next value: the last one is get_last_lr()", UserWarning, stacklevel=3)

    # -- the groups ----------------------------------------------------------------------------------------------

    def read(self) -> list[float]:
        """The value of each group."""
        return [float(group[self.hyperparameter]) for group in self.optimizer.param_groups]

    def write(self, values: list[float]) -> None:
        """Give each group its value."""
        for group, value in zip(self.optimizer.param_groups, values, strict=True):
            write(self.optimizer, group, self.hyperparameter, value)
        self._last_lr = self.read()

    def _meet_groups(self) -> None:
        """Look at groups that have been added to the optimizer. ValueError: this schedule has no values for them."""
        known, groups = len(self.base_lrs), len(self.optimizer.param_groups)
        if known != groups:
            raise ValueError(
                f"{type(self).__name__} was made for {known} parameter groups, the optimizer has {groups} groups now: "
                "make the scheduler after the last add_param_group()"
            )

    def get_last_lr(self) -> list[float]:
        """The value of each group that the last step has written."""
        return list(self._last_lr)

    def preview(self, epochs: int, group: int = 0) -> list[float]:
        """What a group is going to have in this epoch and those after it, `epochs` in all. Nothing is changed."""
        state, order = self.state_dict(), self._order
        options = [dict(options) for options in self.optimizer.param_groups]
        self._order = None
        values = []
        try:
            for epoch in range(epochs):
                if epoch:
                    self.step()
                values.append(self.optimizer.param_groups[group][self.hyperparameter])
        finally:
            self.load_state_dict(state)
            self._order = order
            for now, before in zip(self.optimizer.param_groups, options):
                now.update(before)
        return values

    # -- saving --------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer, under PyTorch's names."""
        return {
            name: copy.copy(value) if isinstance(value, (list, dict)) else value
            for name, value in vars(self).items()
            if name not in ("optimizer", "_order", "_restored")
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` returned, here or in PyTorch. The rates are in the optimizer's own state.

        Raises:
            ValueError: it is the state of another kind of scheduler, or of other groups. Nothing is changed then.
        """
        given = inspect.signature(type(self)).parameters.values()
        named = [p.name for p in given if p.kind is not p.KEYWORD_ONLY and p.name in vars(self)]
        for name in named:
            if name != "optimizer":
                self._entry(state_dict, name)
        values, groups = state_dict.get("_last_lr", ()), self.optimizer.param_groups
        if values and len(values) != len(groups):
            raise ValueError(f"the state has {len(values)} parameter groups, the optimizer {len(groups)}")
        self._order = None
        vars(self).update(
            {name: copy.copy(value) if isinstance(value, (list, dict)) else value for name, value in state_dict.items()}
        )

    def _entry(self, state_dict: dict[str, Any], name: str) -> Any:
        if name not in state_dict:
            raise ValueError(f"the state has no {name!r}: it is not one of {type(self).__name__}")
        return state_dict[name]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_order"}


class _LRScheduler(LRScheduler):
    """The base under its old name."""
