"""Writing an optimizer's momentum, for schedules that move it against the rate: "momentum", or the first of "betas"."""

from __future__ import annotations

from ..optimizer import Optimizer
from .options import require_number, write


def momentum_is_beta(optimizer: Optimizer) -> bool:
    """Whether it is the first of the betas.

    Raises:
        ValueError: there is no momentum to cycle.
        TypeError: it is a schedule itself.
    """
    name = next((name for name in ("betas", "momentum") if name in optimizer.defaults), None)
    if name is None:
        raise ValueError(f"{type(optimizer).__name__} has neither momentum nor betas: give cycle_momentum=False")
    for k, group in enumerate(optimizer.param_groups):
        value = group[name]
        require_number(f"param_groups[{k}][{name!r}]", value[0] if name == "betas" else value)
    return name == "betas"


def begin_momentum(optimizer: Optimizer, lows: list[float], highs: list[float]) -> None:
    """Begin at the highest momentum, and note both ends in the groups, as PyTorch does."""
    write_momentum(optimizer, highs)
    for group, low, high in zip(optimizer.param_groups, lows, highs):
        group["max_momentum"], group["base_momentum"] = high, low


def write_momentum(optimizer: Optimizer, values: list[float]) -> None:
    """Set the momentum of each group."""
    for group, value in zip(optimizer.param_groups, values):
        if "betas" in group:
            write(optimizer, group, "betas", (value, *group["betas"][1:]))
        else:
            write(optimizer, group, "momentum", value)
