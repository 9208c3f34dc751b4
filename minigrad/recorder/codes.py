"""What code mentions: global names, attributes, short texts; and the functions that run it."""

from __future__ import annotations

import dis
import functools
import gc
from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType, MethodType
from typing import Any

from .provenance import is_users


def functions_of(codes: list[CodeType]) -> list[FunctionType]:
    """The functions that have one of the `codes`: how a closure is found that no name leads to.

    This looks at every object there is (10 to 80 ms), so it is asked only where it has to be.
    """
    return [
        f for f in gc.get_referrers(*codes) if isinstance(f, FunctionType) and any(f.__code__ is code for code in codes)
    ]


def codes_of(function: Any) -> Iterator[CodeType]:
    function = function.__func__ if isinstance(function, MethodType) else function
    if isinstance(function, FunctionType) and is_users(function.__code__):
        yield function.__code__


@functools.lru_cache(maxsize=4096)
def globals_in(code: CodeType) -> tuple[str, ...]:
    """The global names that code, and the functions defined inside, read."""
    names = {str(i.argval) for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names.update(globals_in(constant))
    return tuple(sorted(names))


@functools.lru_cache(maxsize=4096)
def words_in(code: CodeType) -> frozenset[str]:
    """The names and short texts in code, and in the functions that are defined inside."""
    words = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            words |= words_in(constant)
        elif isinstance(constant, str) and constant.isidentifier():
            words.add(constant)
    return frozenset(words)


def line_of(codes: Iterable[CodeType], name: str) -> tuple[str, int]:
    """The first line of code that mentions a name."""
    for code in codes:
        for instruction in dis.get_instructions(code):
            if instruction.argval == name and instruction.positions and instruction.positions.lineno:
                return code.co_filename, instruction.positions.lineno
    return "", 0
