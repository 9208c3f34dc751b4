"""The gradient rules of one operation: which there are, and what each asks for.

What follows from the names of a rule's parameters is worked out once per combination of inputs that need a
gradient (`plan.py`), so that a call saves exactly what its backward pass will use.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from .plan import INPUTS, Plan

_RESERVED = ("g", "out", "i", "needs")


class Rules:
    """The rules of one operation. `Node.op` is an object of this class."""

    __name__: str

    def __init__(self, forward: Callable[..., Any]) -> None:
        parameters = list(inspect.signature(forward).parameters.values())[1:]
        self.forward = forward
        self.inputs = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        self.defaults = {p.name: p.default for p in parameters if p.default is not p.empty and p.name in self.inputs}
        self.variadic = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
        self.keywords = {
            p.name: None if p.default is p.empty else p.default for p in parameters if p.kind is p.KEYWORD_ONLY
        }
        self.slots = self.inputs + ([self.variadic] if self.variadic else [])
        self.rules: dict[str, Callable[..., Any]] = {}
        self.joint_rule: Callable[..., Any] | None = None
        self.twin_function: Callable[..., Any] | None = None
        self.part_function: Callable[..., Any] | None = None
        self.shape_names: list[str] = []
        self.plans: dict[tuple[int, int], Plan] = {}

    def public_signature(self) -> inspect.Signature:
        """The forward's signature without the library."""
        signature = inspect.signature(self.forward)
        return signature.replace(parameters=list(signature.parameters.values())[1:])

    def vjp(self, **rules: Callable[..., Any]) -> None:
        """State the gradient rule of each input."""
        for name, rule in rules.items():
            if name not in self.slots:
                raise TypeError(f"{self.__name__} has no input {name!r}; its inputs are {self.slots}")
            self._check(rule)
        self.rules.update(rules)

    def joint(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """State one rule that returns the gradients of all inputs, None where `needs` says so."""
        self._check(rule)
        self.joint_rule = rule
        return rule

    def twin(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """State the same operation composed of others, for gradients of gradients."""
        self.twin_function = function
        return function

    def parts(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """State how output k of several is reached as a view: f(k, input, **keywords) -> (operation, keywords)."""
        self.part_function = function
        return function

    def part(self, k: int, source: Any, kw: dict[str, Any]) -> tuple[Callable[..., Any], dict[str, Any]]:
        """The view operation that leads to output k."""
        assert self.part_function is not None, f"{self.__name__} returns several views and needs parts()"
        return self.part_function(k, source, **{**self.keywords, **kw})

    def _check(self, rule: Callable[..., Any]) -> None:
        known = {*_RESERVED, *self.slots, *self.keywords}
        for name in inspect.signature(rule).parameters:
            if name.startswith("shape_of_") and name[9:] in self.slots:
                if name not in self.shape_names:
                    self.shape_names.append(name)
            elif name not in known:
                raise TypeError(f"a rule of {self.forward.__name__} asks for {name!r}; there are {sorted(known)}")

    def place(self, name: str) -> int:
        """Where in a node's frame an input, a keyword or a shape is."""
        if name in self.slots:
            return INPUTS + self.slots.index(name)
        if name in self.keywords:
            return INPUTS + len(self.slots) + list(self.keywords).index(name)
        return INPUTS + len(self.slots) + len(self.keywords) + self.shape_names.index(name)

    def plan(self, wanted: int, count: int) -> Plan:
        """What to save and compute when the inputs whose bits are set in `wanted`, of `count`, need a gradient."""
        found = self.plans.get((wanted, count))
        if found is None:
            found = self.plans[wanted, count] = Plan(self, wanted, count)
        return found

    def metadata(self, frame: Sequence[Any]) -> dict[str, Any]:
        """The keywords of the call whose frame this is."""
        start = INPUTS + len(self.slots)
        return dict(zip(self.keywords, frame[start : start + len(self.keywords)], strict=True))
