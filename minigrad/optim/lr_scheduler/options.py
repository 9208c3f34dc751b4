"""The options of an optimizer's groups that schedules read and write, and arguments with a value for each group."""

from __future__ import annotations

from typing import Any

from ..optimizer import Optimizer


def require_numbers(optimizer: Any, name: str) -> None:
    """Raise TypeError or ValueError where a group has no number under `name`."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"a scheduler takes an Optimizer, got {type(optimizer).__name__}")
    for k, group in enumerate(optimizer.param_groups):
        if name not in group:
            raise ValueError(f"{type(optimizer).__name__} has no hyperparameter {name!r}: {_others(group)}")
        require_number(f"param_groups[{k}][{name!r}]", group[name])


def require_number(what: str, value: Any) -> None:
    """Raise TypeError where a value to be scheduled is a schedule itself, or no number."""
    if callable(value):
        raise TypeError(
            f"{what} is a schedule itself ({value!r}), which a scheduler would overwrite: give the optimizer a number, "
            "or do without the scheduler"
        )
    try:
        float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{what} must be a number to be scheduled, it is {value!r}") from None


def write(optimizer: Optimizer, group: dict[str, Any], name: str, value: Any) -> None:
    """Set an option of a group. All but the rate, which schedules may make anything, is checked by the optimizer."""
    before, group[name] = group[name], value
    if name != "lr":
        try:
            optimizer.check(group)
        except ValueError:
            group[name] = before
            raise


def per_group(optimizer: Optimizer, name: str, value: Any) -> list[Any]:
    """An argument that may be one value for all groups, or a list with one for each."""
    groups = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * groups
    if len(value) != groups:
        raise ValueError(f"{name} has {len(value)} values, the optimizer has {groups} parameter groups")
    return list(value)


def _others(group: dict[str, Any]) -> str:
    numbers = [name for name, value in group.items() if isinstance(value, (int, float)) and type(value) is not bool]
    return f"it has {', '.join(numbers)}"
