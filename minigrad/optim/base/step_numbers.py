"""The numbers of a step: an optimizer's options, as they are when the step is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ...backend.library import numpy
from .flat import Run
from .hyperparameters import Declared, Group, at_step, scheduled


class StepNumbers:
    """What an optimizer asks for at each step. (A method of it: a recorder knows so whose steps the answer follows.)"""

    _hyperparameters: Declared
    carried: ClassVar[dict[str, float]]

    def check(self, group: Group) -> None:
        """Raise ValueError where an option of `group` is invalid."""
        raise NotImplementedError

    def scalars(self, group: Group, t: int) -> dict[str, Any]:
        """The numbers that step `t` of a parameter needs, by the names of update's parameters."""
        raise NotImplementedError

    def _numbers(self, run: Run, first: int) -> dict[str, Any]:
        """All numbers that the next step of parameter `first` of a run needs.

        Among them decay: λ of g ← g + λ p, and shrink: 1 - lr λ of p ← (1 - lr λ) p, None for neither.
        """
        group, state = run.group, run.states[first]
        t, given = state.steps + 1, [*group.values()]
        if given != run.given:  # to look at them takes as long as all the rest
            words = [*map(group.get, self._hyperparameters.words)]
            if words != run.words:  # a misspelt word must not stand for another formula
                self.check(group)
            run.given, run.words = given, words
            run.scheduled = bool(scheduled(group, self._hyperparameters))
        if run.scheduled:
            group = at_step(group, t, self._hyperparameters)
        numbers = self.scalars(group, t, **(state.carried or self.carried))
        if run.dtype.itemsize < 4:
            require_eps(group, numbers, run.dtype)
        numbers["maximize"] = bool(group.get("maximize"))
        numbers["decay"] = numbers["shrink"] = None
        if decay := float(group.get("weight_decay") or 0):
            if group.get("decoupled_weight_decay"):
                numbers["shrink"] = 1 - float(group["lr"]) * decay
            else:
                numbers["decay"] = decay
        return numbers


def require_eps(group: Group, numbers: Mapping[str, Any], dtype: Any) -> None:
    """Raise ValueError if ε is 0 in the dtype of the parameters: a gradient of 0 would then give 0 / 0.

    Args:
        numbers: of the first step; "eps" is what stands in the denominator.

    >>> import numpy
    >>> require_eps({"eps": 1e-8}, {"eps": 1e-8}, numpy.dtype("float16"))
    Traceback (most recent call last):
    ValueError: eps=1e-08 is 0 in float16, the dtype of the parameters: give eps=1e-07 or more, or keep them in float32
    """
    used = numbers.get("eps")
    if used and dtype.kind == "f" and not dtype.type(used):
        given = group["eps"](1) if callable(group["eps"]) else group["eps"]
        enough = 2 * float(numpy.finfo(dtype).smallest_subnormal) * given / used
        raise ValueError(
            f"eps={given} is 0 in {dtype}, the dtype of the parameters: give eps={enough:.1g} or more, or keep them "
            "in float32"
        )
