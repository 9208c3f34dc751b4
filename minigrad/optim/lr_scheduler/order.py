"""Whether an optimizer has been stepped, and the warning when a scheduler was stepped before it."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any
from weakref import WeakKeyDictionary

from ..optimizer import Optimizer

_HERE = os.path.dirname(__file__) + os.sep

#: calls of `optimizer.step()` seen by the one hook that all schedulers of an optimizer share
_calls: WeakKeyDictionary[Optimizer, list[int]] = WeakKeyDictionary()


def progress(optimizer: Optimizer) -> tuple[int, int]:
    """Numbers that change with every step of the optimizer.

    The calls of its hook tell of steps without any gradient, the step counts of its parameters of the replays of a
    recorded step, which call no Python.
    """
    if optimizer not in _calls:
        _calls[optimizer] = calls = [0]

        def count(*_: Any) -> None:
            calls[0] += 1

        optimizer.register_step_post_hook(count)
    return _calls[optimizer][0], sum(getattr(state, "steps", 0) for state in optimizer.state.values())


class Order:
    """Warns, once, if the optimizer has not been stepped between the making of this and `check()`.

    Nothing is said where one cannot be sure: an optimizer that had been stepped, or whose state had been loaded,
    may be one that resumes; one with a `step` from outside this package may do without hooks and counts.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.before: tuple[int, int] | None = progress(optimizer)
        ours = type(optimizer).step.__module__.startswith(Optimizer.__module__.rpartition(".")[0])
        if optimizer.state or not ours or "step" in vars(optimizer):
            self.before = None

    def check(self) -> None:
        """Warn at the user's line if the optimizer has not been stepped."""
        before, self.before = self.before, None
        if before is None or progress(self.optimizer) != before or "step" in vars(self.optimizer):
            return
        frame, level = sys._getframe(), 1
        while frame.f_back is not None and frame.f_code.co_filename.startswith(_HERE):
            frame, level = frame.f_back, level + 1
        warnings.warn(
            f"{frame.f_code.co_filename}:{frame.f_lineno}: scheduler.step() comes before the first optimizer.step(), "
            "so the first value of the schedule is never used: move this line behind optimizer.step()",
            UserWarning,
            stacklevel=level,
        )
