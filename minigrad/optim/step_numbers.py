"""The numbers of a step: an optimizer's options, as they are when the step is made."""

from __future__ import annotations

from typing import Any

from .flat import Run
from .hyperparameters import at_step
from .normalizing import require_eps


def numbers_of_step(optimizer: Any, run: Run, first: int) -> dict[str, Any]:
    """All numbers that the next step of parameter `first` of a run needs.

    Among them decay: λ of g ← g + λ p, and shrink: 1 - lr λ of p ← (1 - lr λ) p, None for neither.
    """
    group, state = run.group, run.states[first]
    chosen = [*map(group.get, optimizer._hyperparameters.words)]
    if chosen != run.chosen:  # a misspelt word must not stand for another formula
        optimizer.check(group)
        run.chosen = chosen
    t = state.steps + 1
    group = at_step(group, t, optimizer._hyperparameters)
    numbers = optimizer.scalars(group, t, **(state.carried or optimizer.carried))
    if run.dtype.itemsize < 4:
        require_eps(group, numbers, run.dtype)
    decay, decoupled = float(group.get("weight_decay") or 0), group.get("decoupled_weight_decay")
    numbers["decay"] = None if decoupled or not decay else decay
    numbers["shrink"] = 1 - float(group["lr"]) * decay if decoupled and decay else None
    numbers["maximize"] = bool(group.get("maximize"))
    return numbers
