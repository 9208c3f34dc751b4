"""Writing an optimizer's momentum, for schedules that move it against the rate: "momentum", or the first of "betas"."""

from __future__ import annotations

from typing import Any

from ..base.hyperparameters import Declared, Group
from ..optimizer import Optimizer
from .options import require_number


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
    """Begin at the highest momentum, and note both ends in the groups, as PyTorch does.

    Raises:
        ValueError: the optimizer does not allow one of the ends.
    """
    known = Declared(type(optimizer))
    for group, low, high in zip(optimizer.param_groups, lows, highs):
        for value in (low, high):
            name, option = _option(group, value)
            if name in known:
                known[name].check(option)
    write_momentum(optimizer, highs)
    for group, low, high in zip(optimizer.param_groups, lows, highs):
        group["max_momentum"], group["base_momentum"] = high, low


def write_momentum(optimizer: Optimizer, values: list[float]) -> None:
    """Set the momentum of each group, to values between the ends."""
    for group, value in zip(optimizer.param_groups, values):
        name, option = _option(group, value)
        group[name] = option


def _option(group: Group, momentum: float) -> tuple[str, Any]:
    """The option that the momentum is in, and what it is then."""
    return ("betas", (momentum, *group["betas"][1:])) if "betas" in group else ("momentum", momentum)
