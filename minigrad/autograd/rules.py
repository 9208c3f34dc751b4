"""The gradient rules of one operation: which there are, what each needs, and how they are called.

Everything that can be known from the names of a rule's parameters is worked out once per combination of inputs
that need a gradient (a `Plan`), so that a call saves exactly what its backward pass will use.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple


# Places in a node's frame; the inputs come next, then the keywords, then the shapes that rules ask for.
G, OUT, I, NEEDS, INPUTS = range(5)
_RESERVED = {"g": G, "out": OUT, "i": I, "needs": NEEDS}


class Plan(NamedTuple):
    """What to save and which rules to call, for one set of inputs that need a gradient."""

    rules: Rules
    needed: tuple[int, ...]  # positions of those inputs
    calls: tuple[tuple[Callable[..., Any], Callable[[list[Any]], Any], int | None], ...]  # (rule, picker, i) of each
    joint: tuple[Callable[..., Any], Callable[[list[Any]], Any], tuple[bool, ...]] | None
    keep: tuple[bool, ...]  # which places of the frame's inputs are filled
    saved: tuple[int, ...]  # positions of all inputs that are saved
    saves_out: bool
    watches: bool  # anything saved at all


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
        self.plans: dict[Any, Plan] = {}

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

    def _position(self, name: str) -> int:
        if name in _RESERVED:
            return _RESERVED[name]
        if name in self.slots:
            return INPUTS + self.slots.index(name)
        if name in self.keywords:
            return INPUTS + len(self.slots) + list(self.keywords).index(name)
        return INPUTS + len(self.slots) + len(self.keywords) + self.shape_names.index(name)

    def plan(self, wanted: int, count: int) -> Plan:
        """What to save and call when the inputs whose bits are set in `wanted`, of `count`, need a gradient."""
        key = wanted if self.variadic is None else (wanted, count)
        found = self.plans.get(key)
        if found is None:
            found = self.plans[key] = self._make_plan(wanted, count)
        return found

    def _make_plan(self, wanted: int, count: int) -> Plan:
        needed = tuple(k for k in range(count) if wanted >> k & 1)
        calls: list[tuple[Any, Any, int | None]] = []
        joint = None
        used: set[str] = set()
        if self.joint_rule is not None:
            names = list(inspect.signature(self.joint_rule).parameters)
            needs = tuple(bool(wanted >> k & 1) for k in range(count))
            joint = (self.joint_rule, self._picker(names), needs)
            used.update(names)
        else:
            for k in needed:
                slot = self.slots[min(k, len(self.slots) - 1)]
                rule = self.rules.get(slot)
                if rule is None:
                    raise NotImplementedError(
                        f"{self.__name__}() has no gradient with respect to {slot!r}: detach that argument"
                    )
                names = list(inspect.signature(rule).parameters)
                calls.append((rule, self._picker(names), k - len(self.inputs) if slot == self.variadic else None))
                used.update(names)
        keep = tuple(self.twin_function is not None or name in used for name in self.slots)
        saved = tuple(k for k in range(count) if keep[min(k, len(self.slots) - 1)])
        return Plan(self, needed, tuple(calls), joint, keep, saved, "out" in used, bool(saved) or "out" in used)

    def _picker(self, names: Sequence[str]) -> Callable[[list[Any]], Any]:
        positions = [self._position(name) for name in names]
        if len(positions) == 1:
            (only,) = positions
            return lambda frame: (frame[only],)
        return itemgetter(*positions)

    def fill(self, frame: list[Any], plan: Plan, arrays: Sequence[Any], kw: dict[str, Any]) -> None:
        """Append to a node's frame what the rules of `plan` will need, each thing in its place."""
        n = len(self.inputs)
        given = [*arrays[:n], *(self.defaults[name] for name in self.inputs[len(arrays) :])]
        frame += [a if kept else None for a, kept in zip(given, plan.keep, strict=False)]
        if self.variadic is not None:
            frame.append(tuple(arrays[n:]) if plan.keep[n] else None)
        frame += [kw.get(name, default) for name, default in self.keywords.items()]
        for name in self.shape_names:
            k = self.slots.index(name[9:])
            frame.append(tuple(a.shape for a in arrays[n:]) if k == n else getattr(given[k], "shape", None))
