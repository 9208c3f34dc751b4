"""The body of an ``ElementwiseKernel``: a little of C++, read and run on whole arrays.

    T a = (1 + tanh(x)) / 2;      declarations, ``const`` or not, of T, float, double, int, bool
    y = a > 0 ? a * x : T(0);     assignments, also += -= *= /=, to outputs and to what has been declared

Expressions have numbers, names, + - * /, comparisons, && || !, ?:, parentheses, casts like T(x), and the functions of
``FUNCTIONS``. Types are C's: 0.5 is a double and makes a float expression one, 1 / 2 is 0, float16 computes in float.
All else is refused: it may be C++, but nobody has said here what it does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from .names import words

Read = Callable[[dict[str, Any]], Any]  # an expression: what it is, for what names hold

FUNCTIONS = {name: getattr(np, name) for name in words("exp expm1 fabs log log1p sqrt tanh")}
TYPES = {"float": "float32", "double": "float64", "int": "int32", "bool": "bool"}
RESERVED = frozenset(
    words(
        """auto bool break case char class const continue default delete do double else enum extern float for goto
    if inline int long namespace new operator private public register return short signed sizeof static struct
    switch template this typedef union unsigned using virtual void volatile while and or not xor"""
    )
)
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.\d*(?:e[+-]?\d+)?f?|\d+(?:e[+-]?\d+f?)?|\.\d+f?)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>\+=|-=|\*=|/=|<=|>=|==|!=|&&|\|\||[-+*/()<>=?:;,!]))"
)
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_LEVELS = [["||"], ["&&"], ["==", "!="], ["<", ">", "<=", ">="], ["+", "-"], ["*", "/"]]  # from loose to tight
_UFUNCS = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.true_divide, "<": np.less, ">": np.greater,
    "<=": np.less_equal, ">=": np.greater_equal, "==": np.equal, "!=": np.not_equal,
    "&&": np.logical_and, "||": np.logical_or,
}  # fmt: skip


class CompileException(Exception):
    """The text is not C++, or more of it than this stand-in knows."""


class Code:
    """The statements of a kernel.

    Args:
        text: the body.
        constant: names of the inputs.
        writable: names of the outputs.
        types: what the letters stand for.
    """

    def __init__(self, text: str, constant: list[str], writable: list[str], types: dict[str, np.dtype]) -> None:
        self.types = types | {name: np.dtype(dtype) for name, dtype in TYPES.items()}
        self.constant, self.writable = set(constant), set(writable)
        self._tokens = _tokens(text)
        self._at = 0
        self.statements: list[Callable[[dict[str, Any]], None]] = []
        while self._at < len(self._tokens):
            if not self._taken(";"):
                self.statements.append(self._statement())
                if self._at < len(self._tokens):  # CuPy puts a semicolon behind the text
                    self._need(";")

    def run(self, values: dict[str, Any]) -> None:
        """Run the statements on arrays by name, in place: an input that is an output too changes with it."""
        for statement in self.statements:
            statement(values)

    # Statements

    def _statement(self) -> Callable[[dict[str, Any]], None]:
        const = self._taken("const")
        name = self._name()
        if name in self.types:
            dtype, name = self.types[name], self._name()
            if name in self.constant | self.writable or name in self.types or name in RESERVED or name == "i":
                raise CompileException(f"{name} cannot be declared: the name is taken")
            self._need("=")
            value = self._expression()
            (self.constant if const else self.writable).add(name)
            return lambda values: values.update({name: np.array(_as(value(values), dtype))})
        if const:
            raise CompileException(f"unknown type {name}")
        if name in self.constant:
            raise CompileException(f"{name} is an input or const: it cannot be assigned to")
        if name not in self.writable:
            raise CompileException(f"{name} is not declared")
        sign = self._next()
        if sign not in ("=", "+=", "-=", "*=", "/="):
            raise CompileException(f"expected an assignment after {name}, found {sign}")
        value = self._expression()
        if sign != "=":
            value = _binary(sign[0], lambda values: values[name], value)

        def assign(values: dict[str, Any]) -> None:
            target = values[name]
            target[...] = _as(value(values), target.dtype)

        return assign

    # Expressions

    def _expression(self) -> Read:
        test = self._level(0)
        if not self._taken("?"):
            return test
        first = self._expression()
        self._need(":")
        second = self._expression()
        return lambda values: np.where(test(values), *_common(first(values), second(values)))

    def _level(self, k: int) -> Read:
        if k == len(_LEVELS):
            return self._unary()
        left = self._level(k + 1)
        while self._peek() in _LEVELS[k]:
            left = _binary(self._next(), left, self._level(k + 1))
        return left

    def _unary(self) -> Read:
        if self._taken("-"):
            value = self._unary()
            return lambda values: -_promoted(value(values))
        if self._taken("!"):
            value = self._unary()
            return lambda values: np.logical_not(value(values))
        return self._primary()

    def _primary(self) -> Read:
        if self._taken("("):
            value = self._expression()
            self._need(")")
            return value
        token = self._next()
        if token[0].isdigit() or token[0] == ".":
            number = _number(token)
            return lambda values: number
        if not (token[0].isalpha() or token[0] == "_"):
            raise CompileException(f"expected an expression, found {token}")
        if self._taken("("):
            argument = self._expression()
            self._need(")")
            if token in self.types:
                dtype = self.types[token]
                return lambda values: _as(argument(values), dtype)
            if token not in FUNCTIONS:
                raise CompileException(f"unknown function {token}: the stand-in has {', '.join(FUNCTIONS)}")
            function = FUNCTIONS[token]
            return lambda values: function(_floating(argument(values)))
        if token not in self.constant and token not in self.writable:
            raise CompileException(f"{token} is not declared")
        return lambda values: values[token]

    # Tokens

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        if self._at == len(self._tokens):
            raise CompileException("the text ends in the midst of a statement")
        self._at += 1
        return self._tokens[self._at - 1]

    def _taken(self, token: str) -> bool:
        if self._peek() != token:
            return False
        self._at += 1
        return True

    def _need(self, token: str) -> None:
        if not self._taken(token):
            raise CompileException(f"expected {token}, found {self._peek() or 'the end'}")

    def _name(self) -> str:
        token = self._next()
        if not (token[0].isalpha() or token[0] == "_"):
            raise CompileException(f"expected a name, found {token}")
        return token


def _tokens(text: str) -> list[str]:
    text = _COMMENT.sub(" ", text).strip()
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise CompileException(f"cannot read {text[at : at + 20]!r}")
        found.append(match[match.lastgroup])
        at = match.end()
    return found


def _number(token: str) -> Any:
    if token.isdigit():
        return np.int32(token)
    return np.float32(token[:-1]) if token.endswith("f") else np.float64(token)


def _promoted(value: Any) -> Any:
    """A value as C computes with it: bool and small integers as int, float16 as float."""
    dtype = np.asarray(value).dtype
    if dtype == np.float16:
        return np.asarray(value, np.float32)
    return np.asarray(value, np.int32) if dtype.kind in "bu" and dtype.itemsize < 4 else np.asarray(value)


def _floating(value: Any) -> Any:
    """The argument of a function: integers are double."""
    value = _promoted(value)
    return value.astype(np.float64) if value.dtype.kind != "f" else value


def _common(a: Any, b: Any) -> tuple[Any, Any]:
    """Both in the type in which C combines them: integers do not widen floats."""
    a, b = _promoted(a), _promoted(b)
    kinds = a.dtype.kind + b.dtype.kind
    if kinds in ("if", "uf"):
        return a.astype(b.dtype), b
    if kinds in ("fi", "fu"):
        return a, b.astype(a.dtype)
    wide = np.result_type(a.dtype, b.dtype)
    return a.astype(wide), b.astype(wide)


def _binary(sign: str, left: Read, right: Read) -> Read:
    ufunc = _UFUNCS[sign]

    def compute(values: dict[str, Any]) -> Any:
        a, b = _common(left(values), right(values))
        if sign == "/" and a.dtype.kind in "iu":
            return np.trunc(np.true_divide(a, b)).astype(a.dtype)
        return ufunc(a, b)

    return compute


def _as(value: Any, dtype: np.dtype) -> Any:
    return np.asarray(value).astype(dtype)
