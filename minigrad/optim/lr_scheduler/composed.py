"""Schedulers put together: one after the other, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler
from .plateau import ReduceLROnPlateau


class _Composed(LRScheduler):
    """What both share: the schedulers that they are made of."""

    _schedulers: Sequence[LRScheduler]

    def _compose(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None) -> None:
        """Take over the schedulers; TypeError or ValueError if they cannot be composed."""
        name = type(self).__name__
        if len(schedulers) < 1:
            raise ValueError(f"{name} needs one scheduler at least, got none")
        for k, scheduler in enumerate(schedulers):
            if not hasattr(scheduler, "optimizer"):
                raise TypeError(f"{name} takes schedulers, got {type(scheduler).__name__} at index {k}")
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ValueError(
                    f"{name} has no metric for the ReduceLROnPlateau at index {k}: step that one by itself"
                )
            optimizer = optimizer or scheduler.optimizer
            if scheduler.optimizer is not optimizer:
                raise ValueError(f"{name} needs schedulers of one optimizer, that at index {k} has another one")
        assert optimizer is not None
        self.optimizer = optimizer
        self._schedulers = schedulers
        self.hyperparameter = getattr(schedulers[-1], "hyperparameter", "lr")
        self._order = getattr(schedulers[0], "_order", None)  # one warning is enough
        for scheduler in schedulers:
            scheduler._order = None

    def _leaves(self) -> Iterator[LRScheduler]:
        """The schedulers that are not composed themselves."""
        for scheduler in self._schedulers:
            if isinstance(scheduler, _Composed):
                yield from scheduler._leaves()
            else:
                yield scheduler

    def _rewind(self) -> None:
        """Bring the initial values back, and all schedulers before their first epoch."""
        for leaf in self._leaves():
            name = getattr(leaf, "hyperparameter", "lr")
            for group in self.optimizer.param_groups:
                group[name] = group[f"initial_{name}"]
            leaf.last_epoch = -1

    def _begin(self) -> None:
        """Come to the first epoch, after `_rewind`."""
        raise NotImplementedError

    def _update_lr(self, epoch: float | None = None) -> None:
        """Begin anew: `epoch` is 0, where a sequence comes to this one."""
        self._rewind()
        self._begin()

    def state_dict(self) -> dict[str, Any]:
        """As the base's, with those of the schedulers in a list."""
        return {**super().state_dict(), "_schedulers": [scheduler.state_dict() for scheduler in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As the base's."""
        states = self._entry(state_dict, "_schedulers")
        if len(states) != len(self._schedulers):
            raise ValueError(f"the state has {len(states)} schedulers, this one {len(self._schedulers)}")
        super().load_state_dict({name: value for name, value in state_dict.items() if name != "_schedulers"})
        for scheduler, state in zip(self._schedulers, states):
            scheduler.load_state_dict(state)


class SequentialLR(_Composed):
    """The first scheduler until the first milestone, from there the second from its own epoch 0, and so on.

    Composed schedulers can be inside. As in PyTorch, one that comes first has taken one step too many when training
    begins; one that comes later has not.

    Args:
        optimizer: of all the schedulers.
        schedulers: in their order.
        milestones: epochs, ascending, one less than schedulers.
        last_epoch: -1 to begin. Otherwise the epoch after which training goes on: the rates stay as they are (make the
            schedulers inside with any last_epoch ≥ 0, so that they leave them as well).

    >>> import minigrad
    >>> optimizer = minigrad.optim.SGD([minigrad.zeros(2, requires_grad=True)], lr=1.0)
    >>> from minigrad.optim.lr_scheduler import ExponentialLR, LinearLR
    >>> warm_up, decay = LinearLR(optimizer, 0.25, total_iters=3), ExponentialLR(optimizer, 0.5)
    >>> SequentialLR(optimizer, [warm_up, decay], milestones=[3]).preview(7)
    [0.25, 0.5, 0.75, 1.0, 0.5, 0.25, 0.125]
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: list[LRScheduler], milestones: list[int], last_epoch: int = -1
    ) -> None:
        self._compose(schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1 or list(milestones) != sorted(milestones):
            raise ValueError(
                f"{len(schedulers)} schedulers need {len(schedulers) - 1} milestones, ascending, got {milestones}"
            )
        self._milestones = milestones
        self.last_epoch = 0
        if last_epoch == -1:
            self._rewind()
            self._active()._initial_step()
            self._last_lr = self._active().get_last_lr()
        else:
            self._place(last_epoch + 1)
            for leaf in reversed([*self._leaves()]):  # which do not know that another one is in charge
                leaf.write(leaf._restored)
            self._last_lr = self.read()

    def _active(self) -> LRScheduler:
        return self._schedulers[bisect_right(self._milestones, self.last_epoch)]

    def _begin(self) -> None:
        self.last_epoch = 0
        _begin(self._active())
        self._last_lr = self._active().get_last_lr()

    def _place(self, epoch: Any) -> None:
        self.last_epoch = epoch
        self._active()._place(epoch - max((m for m in self._milestones if m <= epoch), default=0))

    def step(self) -> None:  # type: ignore[override]
        """Go on to the next epoch, and to the next scheduler at a milestone."""
        self._called()
        self.last_epoch += 1
        if self.last_epoch in self._milestones:
            self._active()._update_lr(0)
        else:
            self._active().step()
        self._last_lr = self._active().get_last_lr()


class ChainedScheduler(_Composed):
    """All schedulers at once: each multiplies what those before it have made of the rate.

    Args:
        schedulers: in the order in which they are stepped. Those that do not multiply (`LambdaLR`, `CyclicLR`,
            `OneCycleLR`, `CosineAnnealingWarmRestarts`) overwrite what those before them have made: put them first.
        optimizer: of all the schedulers, if you like to name it.

    >>> import minigrad
    >>> optimizer = minigrad.optim.SGD([minigrad.zeros(2, requires_grad=True)], lr=1.0)
    >>> from minigrad.optim.lr_scheduler import ConstantLR, ExponentialLR
    >>> ChainedScheduler([ConstantLR(optimizer, 0.125, total_iters=2), ExponentialLR(optimizer, 0.5)]).preview(5)
    [0.125, 0.0625, 0.25, 0.125, 0.0625]
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        self._compose(schedulers, optimizer)
        self._last_lr = self.read()

    def _begin(self) -> None:
        for scheduler in self._schedulers:
            _begin(scheduler)
        self._last_lr = self.read()

    def _place(self, epoch: Any) -> None:
        for scheduler in self._schedulers:
            scheduler._place(epoch)

    def step(self) -> None:  # type: ignore[override]
        """Step all of them."""
        self._called()
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self.read()


def _begin(scheduler: LRScheduler) -> None:
    if isinstance(scheduler, _Composed):
        scheduler._begin()
    else:
        scheduler._initial_step()
