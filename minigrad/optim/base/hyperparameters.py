"""Options of an optimizer: numbers, or schedules (functions of the step), by group and as attributes.

    class RMSprop(Optimizer):
        alpha = Hyperparameter("alpha value", low=0, below=1)

    optimizer.param_groups[0]["alpha"] = 0.95
    optimizer.alpha = 0.95                               # in every group
    optimizer.alpha = lambda t: 1 - 0.1 / t              # a schedule: t counts a parameter's steps, from 1
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

#: a group of parameters: "params" and its options
Group = dict[str, Any]
#: the state arrays of a parameter by name, with what they start from
Slots = Mapping[str, float]


class Hyperparameter:
    """An option that stands in every parameter group, and is an attribute of the optimizer.

    Args:
        label: what an error calls it (PyTorch's words).
        low: the smallest value allowed. below: the values must be smaller.
        choices: the values allowed.
        schedule: whether a function of the step may stand for the number.
        name: of the option, if the attribute is called otherwise.

    Reading the attribute needs all groups to agree. Setting it sets all groups; nothing is set if the value is
    invalid.
    """

    def __init__(
        self,
        label: str = "",
        *,
        low: float | None = None,
        below: float | None = None,
        choices: tuple[Any, ...] | None = None,
        schedule: bool = True,
        name: str = "",
    ) -> None:
        self.label, self.name, self.choices = label, name, choices
        self.low, self.below = low, below
        self.schedule = schedule and choices is None

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = self.name or name
        self.label = self.label or f"{self.name} value"

    def __get__(self, optimizer: Any, owner: type) -> Any:
        if optimizer is None:
            return self
        if self.name not in vars(optimizer).get("defaults", ()):
            raise AttributeError(f"{owner.__name__} has no option {self.name!r}")
        values = [group[self.name] for group in optimizer.param_groups]
        if any(value != values[0] for value in values):
            raise ValueError(
                f"the groups of this {owner.__name__} have different {self.name}: {values}. Read "
                f"optimizer.param_groups[0][{self.name!r}]"
            )
        return values[0]

    def __set__(self, optimizer: Any, value: Any) -> None:
        if "defaults" not in vars(optimizer):  # a class written for PyTorch sets its attributes first
            return
        if self.name not in optimizer.defaults:
            raise AttributeError(f"{type(optimizer).__name__} has no option {self.name!r}")
        for group in optimizer.param_groups:
            optimizer.check({**group, self.name: value})
        for group in (*optimizer.param_groups, optimizer.defaults):
            group[self.name] = value

    def check(self, value: Any) -> None:
        """Raise ValueError if `value` is not allowed. Schedules are looked at when they have given a number."""
        if callable(value) and self.schedule:
            return
        if self.choices is not None:
            if not any(value is choice or value == choice for choice in self.choices):
                raise ValueError(f"Invalid {self.label}: {value!r} (choose from {', '.join(map(repr, self.choices))})")
            return
        try:
            number = float(value)
        except (TypeError, ValueError):
            what = "a number, or a function of the step" if self.schedule else "a number"
            raise ValueError(f"Invalid {self.label}: {value!r} ({what})") from None
        low, below = self.low, self.below
        if math.isnan(number) or not ((low is None or number >= low) and (below is None or number < below)):
            raise ValueError(f"Invalid {self.label}: {value}")


class Pair(Hyperparameter):
    """An option of two numbers, such as betas; either may be a schedule.

    PyTorch's words for a wrong one are "Invalid beta parameter at index 0: 1.5".
    """

    def check(self, value: Any) -> None:
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise ValueError(f"Invalid {self.label}: {value!r} (two numbers)")
        for k, part in enumerate(value):
            if not callable(part):
                one = Hyperparameter(f"{self.label} at index {k}", low=self.low, below=self.below)
                one.check(part)


class Declared(dict[str, Hyperparameter]):
    """The options that a class declares, by name.

    Attributes:
        words: names of those whose values are words, or True and False.
        pairs: names of those that are two numbers.
    """

    def __init__(self, cls: type) -> None:
        for base in reversed(cls.__mro__):
            self.update({value.name: value for value in vars(base).values() if isinstance(value, Hyperparameter)})
        self.words = [name for name, option in self.items() if option.choices is not None]
        self.pairs = [name for name, option in self.items() if isinstance(option, Pair)]


def is_schedule(value: Any) -> bool:
    """True for a function of the step, or a pair with one."""
    return callable(value) or (type(value) in (tuple, list) and any(map(callable, value)))


def scheduled(group: Mapping[str, Any], declared: Declared) -> list[str]:
    """The names of the options of a group that are functions of the step, or pairs with one."""
    names = [name for name in declared.pairs if any(map(callable, group.get(name, ())))]
    if any(map(callable, group.values())):
        names += [name for name in declared if callable(group.get(name))]
    return names


def at_step(group: Mapping[str, Any], t: int, declared: Declared) -> Any:
    """`group` with every schedule replaced by its value at step `t`.

    >>> class Decaying:
    ...     lr = Hyperparameter("learning rate", low=0)
    >>> at_step({"lr": lambda t: 0.1 / t, "eps": 1e-8}, 2, Declared(Decaying))
    {'lr': 0.05, 'eps': 1e-08}
    """
    names = scheduled(group, declared)
    if not names:
        return group
    now = dict(group)
    for name in names:
        value = group[name]
        now[name] = _value(value, t) if callable(value) else tuple(_value(part, t) for part in value)
        try:
            declared[name].check(now[name])
        except ValueError as error:
            raise ValueError(f"{error}, given by its schedule at step {t}") from None
    return now


def _value(value: Any, t: int) -> Any:
    return value(t) if callable(value) else value
