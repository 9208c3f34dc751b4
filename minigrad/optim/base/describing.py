"""Which formula is this? What `print(optimizer)` and `optimizer.describe()` show.

Each algorithm writes its formula as lines of text from the options in force; a test computes with these lines and
compares with what the optimizer does. A line is an assignment: names, numbers, + - /, products written side by side,
², ^, √, |x|, and the functions max, min and sign.
"""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

from .flat import State
from .hyperparameters import Declared, Group, Slots, at_step, scheduled


def number(value: float) -> str:
    """A number as formulas show it.

    >>> number(1 - 0.9), number(1e-8)
    ('0.1', '1e-08')
    """
    return f"{value:.6g}"


def times(factor: float, what: str) -> str:
    """A product, without a factor of 1.

    >>> times(0.9, "v"), times(1.0, "g")
    ('0.9 v', 'g')
    """
    return what if factor == 1 else f"{number(factor)} {what}"


def total(*parts: tuple[float, str]) -> str:
    """A sum of products, without those whose factor is 0.

    >>> total((0.9, "v"), (-0.01, "g"), (0.0, "p"))
    '0.9 v - 0.01 g'
    """
    text = ""
    for factor, what in parts:
        if factor:
            sign = (" - " if factor < 0 else " + ") if text else ("-" if factor < 0 else "")
            text += sign + times(abs(factor), what)
    return text or "0"


def averaged(name: str, decay: float, of: str) -> str:
    """The line of a running average.

    >>> averaged("v", 0.9, "g²")
    'v ← 0.9 v + 0.1 g²'
    """
    return f"{name} ← {total((decay, name), (1 - decay, of))}"


def root(variance: str, eps: float, eps_mode: str) -> str:
    """A denominator, with eps inside or outside of the root.

    >>> root("v", 1e-8, "outside"), root("v", 1e-7, "inside"), root("s", 0, "none")
    ('(√v + 1e-08)', '√(v + 1e-07)', '√s')
    """
    bare = f"√{variance}" if len(variance) == 1 or variance.startswith("(") else f"√({variance})"
    if eps_mode == "none" or not eps:
        return bare
    return f"√({variance.strip('()')} + {number(eps)})" if eps_mode == "inside" else f"({bare} + {number(eps)})"


class Describing:
    """What an optimizer says of itself."""

    step: Any
    param_groups: list[Group]
    state: Any
    convention: str | None
    conventions: ClassVar[dict[str, dict[str, Any]]]
    _begun: dict[str, Any]  # the options at the beginning
    _named: set[str]
    carried: ClassVar[dict[str, float]]
    _hyperparameters: Declared

    def slots(self, group: Group) -> dict[str, float]:
        """The state arrays of each parameter, with the number that they start from."""
        raise NotImplementedError

    @property
    def needs_closure(self) -> bool:
        """Whether `step` computes gradients at points of its own choice, and so needs a closure."""
        parameter = inspect.signature(self.step).parameters.get("closure")
        return parameter is not None and parameter.default is parameter.empty

    def formula(self, group: Group, t: int, slots: Slots, **carried: float) -> list[str]:
        """The lines of step `t` with the numbers of `group`, from the gradient g to the parameter p.

        Args:
            slots: the state arrays that the rule uses.
            carried: the numbers that the step before has left.
        """
        return []

    def point(self, group: Group, t: int) -> str:
        """Where the gradient is taken."""
        return "p"

    def describe(self) -> str:
        """The formula in force, group by group, with its numbers at the next step.

        >>> import minigrad
        >>> p = minigrad.tensor([1.0, 2.0], requires_grad=True)
        >>> print(minigrad.optim.RMSprop([p], convention="keras").describe())
        RMSprop, convention 'keras'
        group 0: 2 numbers in 1 tensor, step 1
            g ← ∇f(p)
            v ← 0.9 v + 0.1 g²
            p ← p - 0.001 g / √(v + 1e-07)
        """
        lines = [type(self).__name__ + self._label()]
        for k, group in enumerate(self.param_groups):
            numbers = sum(p.array.size for p in group["params"])
            tensors = len(group["params"])
            t = self._last_state(group).steps + 1
            begun = [f"; {name} starts at {number(v)}" for name, v in self.slots(group).items() if v and t == 1]
            where = f"group {k}: {numbers:,} numbers in {tensors} tensor{'s' * (tensors != 1)}, step {t}"
            lines.append(where + "".join(begun))
            lines += [f"    {line}" for line in self.lines(group, t)]
        return "\n".join(lines)

    def _label(self) -> str:
        """The convention, for as long as its options have not been changed."""
        if self.convention is None:
            return ""
        chosen = {k: v for k, v in self.conventions[self.convention].items() if k != "lr" and k not in self._named}
        kept = all(group.get(k) == self._begun[k] for group in self.param_groups for k in chosen)
        return f", {'' if kept else 'begun with '}convention {self.convention!r}"

    def lines(self, group: Group, t: int) -> list[str]:
        """The whole formula of step `t` of a group: gradient, weight decay, and the algorithm's own lines."""
        slots, carried = self.slots(group), self._last_state(group).carried or self.carried
        group = at_step(group, t, self._hyperparameters)
        decay = group.get("weight_decay") or 0.0
        decoupled = group.get("decoupled_weight_decay")
        gradient = ("-" if group.get("maximize") else "") + f"∇f({self.point(group, t)})"
        lines = [f"g ← {gradient}" if decoupled or not decay else f"g ← {gradient} + {times(decay, 'p')}"]
        if decoupled and decay:
            lines.append(f"p ← {total((1, 'p'), (-group['lr'] * decay, 'p'))}")
        return lines + self.formula(group, t, slots, **carried)

    def _last_state(self, group: Group) -> State:
        """The state of a parameter of a group that has been stepped most often."""
        states = [self.state[p] for p in group["params"] if isinstance(self.state.get(p), State)]
        return max(states, key=lambda state: state.steps, default=State())

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for k, group in enumerate(self.param_groups):
            t = self._last_state(group).steps + 1
            now, schedules = at_step(group, t, self._hyperparameters), scheduled(group, self._hyperparameters)
            lines.append(f"Parameter Group {k}")
            for name in sorted(group):
                if name != "params":
                    why = f" (of a schedule, at step {t})" if name in schedules else ""
                    lines.append(f"    {name}: {now[name]}{why}")
            lines += [f"    {line}" for line in self.lines(group, t)]
        return "\n".join([*lines, ")"])
