"""Computes with the lines that `optimizer.describe()` prints: the grammar is in minigrad/optim/base/describing.py."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

TOKEN = re.compile(r"\s*(\d+(?:\.\d+)?(?:e[+-]?\d+)?|∇f|[a-z]+|[-+/(),|²√^])")
FUNCTIONS: dict[str, Callable[..., Any]] = {"max": np.maximum, "min": np.minimum, "sign": np.sign, "mean": np.mean}


class Formula:
    """One line, such as "v ← 0.9 v + 0.1 g²", computed with given values of the names.

    Products stand side by side; they and / are taken from left to right.
    """

    def __init__(self, line: str, values: dict[str, Any], gradient: Callable[[Any], Any]) -> None:
        self.name, arrow, self.rest = (part.strip() for part in line.partition("←"))
        assert arrow, f"no assignment: {line!r}"
        self.values, self.gradient = values, gradient
        self.tokens: list[str] = []
        while self.rest:
            token = TOKEN.match(self.rest)
            assert token, f"cannot read {self.rest!r} in {line!r}"
            self.tokens.append(token[1])
            self.rest = self.rest[token.end() :].strip()
        self.result = self.sum()
        assert not self.tokens, f"left over in {line!r}: {self.tokens}"

    def next(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def take(self, expected: str = "") -> str:
        token = self.tokens.pop(0)
        assert token == expected or not expected, f"{token!r} where {expected!r} should be"
        return token

    def sum(self) -> Any:
        minus = self.next() == "-" and self.take()
        value = -self.product() if minus else self.product()
        while self.next() in ("+", "-"):
            value = value + self.product() if self.take() == "+" else value - self.product()
        return value

    def product(self) -> Any:
        value = self.power()
        # a bar that follows a factor closes an absolute value
        while self.next() and self.next() not in "+-),|":
            if self.next() == "/":
                self.take()
                value = value / self.power()
            else:
                value = value * self.power()
        return value

    def power(self) -> Any:
        value = self.atom()
        while self.next() in ("²", "^"):
            value = value**2 if self.take() == "²" else value ** self.atom()
        return value

    def atom(self) -> Any:
        token = self.take()
        if token[0].isdigit():
            return float(token)
        if token == "(":
            value = self.sum()
            self.take(")")
            return value
        if token == "|":
            value = np.abs(self.sum())
            self.take("|")
            return value
        if token == "√":
            return np.sqrt(self.atom())
        if token == "∇f" or token in FUNCTIONS:
            self.take("(")
            arguments = [self.sum()]
            while self.next() == ",":
                self.take()
                arguments.append(self.sum())
            self.take(")")
            return self.gradient(*arguments) if token == "∇f" else FUNCTIONS[token](*arguments)
        return self.values[token]


def lines_of(description: str) -> list[list[str]]:
    """The lines of each group in what `describe()` returned."""
    groups: list[list[str]] = []
    for line in description.splitlines()[1:]:
        if line.startswith("group "):
            groups.append([])
        else:
            groups[-1].append(line.strip())
    return groups


def compute(lines: list[str], values: dict[str, Any], gradient: Callable[[Any], Any]) -> None:
    """Carry out one step as printed: `values` are changed, p and the state among them."""
    for line in lines:
        formula = Formula(line, values, gradient)
        values[formula.name] = formula.result
