"""What Python read while a step was recorded: which modules were called, which code of the user's ran, which names it
mentions. All of that is frozen into the program, so it is looked at again before each replay (`guards`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import CodeType, FrameType, FunctionType, MethodType
from typing import Any
from weakref import WeakSet, ref

from ..backend.random import foreign_states
from ..nn.module import Module
from ..optim.optimizer import Optimizer
from .provenance import is_users

_CALL = Module.__call__.__code__
_STEP = Optimizer.step.__code__
_PLAIN = (bool, int, float, str, bytes, type(None))
_MANY = 256  # elements of a container up to which they are looked at one by one
#: code that uses these may reach any attribute
_COMPUTED = {"getattr", "hasattr", "vars", "__dict__", "eval", "exec", "globals", "locals", "attrgetter"}


def is_plain(value: Any) -> bool:
    """True for numbers, text, and tuples of them."""
    return isinstance(value, _PLAIN) or (type(value) is tuple and len(value) <= _MANY and all(map(is_plain, value)))


def is_container(value: Any) -> bool:
    """True for what holds other things, which may be exchanged without a trace."""
    return isinstance(value, (list, dict, set, tuple)) and not is_plain(value)


def fingerprint(value: Any, depth: int = 4) -> Any:
    """Something equal for equal numbers, text, and containers of them and of the same objects.

    >>> fingerprint([1, {"a": 2.0}]) == fingerprint([1, {"a": 2.0}]), fingerprint([1]) == fingerprint([1.0])
    (True, False)
    """
    if isinstance(value, _PLAIN):
        return type(value), repr(value)
    if isinstance(value, (list, tuple, dict, set)) and depth:
        if len(value) > _MANY:
            return id(value), len(value)
        if isinstance(value, dict):
            return tuple([(fingerprint(key, 0), fingerprint(each, depth - 1)) for key, each in value.items()])
        parts = [fingerprint(each, depth - 1) for each in value]
        return type(value), frozenset(parts) if isinstance(value, set) else tuple(parts)
    return id(value)


class Watch:
    """Sees the calls of a run, between `start` and `stop`, through `sys.setprofile`.

    Attributes:
        modules, optimizers: those that were called, and whose `step` was.
        codes: the user's code that ran, with its globals.
        owners: objects of the user's classes whose methods ran.
        before: id of an object -> its attributes' fingerprints when it was first seen.
    """

    def __init__(self) -> None:
        self.modules: WeakSet[Module] = WeakSet()  # what the step makes for itself must be free to go
        self.optimizers: dict[int, Optimizer] = {}
        self.codes: dict[CodeType, dict[str, Any]] = {}
        self.owners: dict[int, ref[Any]] = {}
        self.before: dict[int, dict[str, Any]] = {}
        self._profile: Any = None
        self._states: Any = None

    def start(self) -> None:
        self._states = foreign_states()
        self._profile = sys.getprofile()
        sys.setprofile(self._seen)

    def stop(self) -> bool:
        """Stop watching. True if random numbers of Python's or NumPy's own were drawn meanwhile."""
        sys.setprofile(self._profile)
        return foreign_states() != self._states

    def note(self, thing: Any) -> None:
        """Remember the attributes that an object has now."""
        if id(thing) not in self.before and hasattr(thing, "__dict__"):
            own = vars(thing)
            self.before[id(thing)] = {k: fingerprint(v) for k, v in own.items() if is_plain(v) or is_container(v)}

    def note_below(self, module: Module) -> None:
        """`note` for a module and all below it."""
        for each in module.modules():
            self.note(each)

    def _seen(self, frame: FrameType, event: str, argument: Any) -> None:
        if event != "call":
            return
        code = frame.f_code
        if code is _CALL:
            module = frame.f_locals["self"]
            self.note(module)
            self.modules.add(module)
        elif code is _STEP:
            optimizer = frame.f_locals["self"]
            self.note(optimizer)
            self.optimizers[id(optimizer)] = optimizer
        elif code in self.codes or is_users(code):
            self.codes[code] = frame.f_globals
            if code.co_argcount and code.co_varnames[0] == "self":
                owner = frame.f_locals.get("self")
                if owner is not None and type(owner).__weakrefoffset__ and id(owner) not in self.owners:
                    self.note(owner)
                    self.owners[id(owner)] = ref(owner)


class Scope:
    """The names through which a step, and the functions that it calls, reach what is outside.

    Attributes:
        cells: (cell of a closure, name).
        names: (globals, name).
        mentioned: every name and text in that code.
        computed: True if the code finds attributes by computed names.
    """

    def __init__(self, function: Any, watch: Watch) -> None:
        self.cells: list[tuple[Any, str]] = []
        self.names: list[tuple[dict[str, Any], str]] = []
        codes = list(watch.codes)
        for code, scope in watch.codes.items():
            self._read(code, scope)
        codes += self._visit(function)
        self.mentioned = {name for code in codes for name in _words(code)}
        self.computed = bool(self.mentioned & _COMPUTED)

    def _visit(self, function: Any) -> list[CodeType]:
        """Take in the names of a function, and of those that it can reach; their code."""
        codes: list[CodeType] = []
        seen: set[int] = set()
        waiting = [function]
        while waiting:
            found = waiting.pop()
            found = getattr(found, "func", found)  # functools.partial
            found = getattr(found, "__wrapped__", found)
            found = found.__func__ if isinstance(found, MethodType) else found
            if not isinstance(found, FunctionType) or id(found) in seen:
                continue
            seen.add(id(found))
            if not is_users(found.__code__):
                continue
            codes.append(found.__code__)
            self._read(found.__code__, found.__globals__)
            for cell, name in zip(found.__closure__ or (), found.__code__.co_freevars):
                if not any(cell is known for known, _ in self.cells):
                    self.cells.append((cell, name))
            waiting += [thing for _, thing in self.things() if isinstance(thing, (FunctionType, MethodType))]
        return codes

    def _read(self, code: CodeType, scope: dict[str, Any]) -> None:
        for name in _words(code):
            if name in scope and not any(s is scope and n == name for s, n in self.names):
                self.names.append((scope, name))

    def things(self) -> Iterator[tuple[str, Any]]:
        """What the names stand for now."""
        for cell, name in self.cells:
            try:
                yield name, cell.cell_contents
            except ValueError:  # not yet assigned
                continue
        for scope, name in self.names:
            if name in scope:
                yield name, scope[name]

    def fingerprints(self) -> dict[str, Any]:
        """Those of the numbers, texts and containers that the names stand for."""
        return {name: fingerprint(thing) for name, thing in self.things() if is_plain(thing) or is_container(thing)}


def _words(code: CodeType) -> Iterator[str]:
    """The names and short texts in code, and in the functions that are defined inside."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _words(constant)
        elif isinstance(constant, str) and constant.isidentifier():
            yield constant
