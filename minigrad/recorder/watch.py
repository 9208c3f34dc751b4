"""What ran while a step was recorded: seen through `sys.setprofile`, between `start` and `stop`."""

from __future__ import annotations

import sys
from types import CodeType, FrameType
from typing import Any
from weakref import WeakSet, ref

from ..backend.random import foreign_states
from ..nn.module import Module
from ..optim.optimizer import Optimizer
from .provenance import is_users
from .reach import fingerprints

_CALL = Module.__call__.__code__
_STEP = Optimizer.step.__code__


class Watch:
    """Notes the modules that were called and the user's code that ran.

    Attributes:
        modules, optimizers: those that were called, and whose `step` was.
        codes: the user's code that ran, with its globals.
        owners: objects of the user's classes whose methods ran.
        before: id of such an object -> the fingerprints of its attributes when it was first seen.
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

    def _note(self, thing: Any) -> None:
        if id(thing) not in self.before and hasattr(thing, "__dict__"):
            self.before[id(thing)] = fingerprints(vars(thing))

    def _seen(self, frame: FrameType, event: str, argument: Any) -> None:
        if event != "call":
            return
        code = frame.f_code
        if code is _CALL:
            module = frame.f_locals["self"]
            self._note(module)
            self.modules.add(module)
        elif code is _STEP:
            optimizer = frame.f_locals["self"]
            self._note(optimizer)
            self.optimizers[id(optimizer)] = optimizer
        elif code in self.codes or is_users(code):
            self.codes[code] = frame.f_globals
            if code.co_argcount and code.co_varnames[0] == "self":
                owner = frame.f_locals.get("self")
                if owner is not None and type(owner).__weakrefoffset__ and id(owner) not in self.owners:
                    self._note(owner)
                    self.owners[id(owner)] = ref(owner)
