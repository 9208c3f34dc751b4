"""What ran while a step was recorded: seen through `sys.setprofile`, between `start` and `stop`."""

from __future__ import annotations

import datetime
import sys
from types import CodeType, FrameType
from typing import Any
from weakref import WeakSet, ref

from ..backend.random import foreign_states
from ..nn.module import Module
from ..optim.optimizer import Optimizer
from .calls import Calls
from .fingerprints import fingerprints
from .provenance import PACKAGE, is_users

_CALL = Module.__call__.__code__
_STEP = Optimizer.step.__code__
#: built-in functions that answer differently each time, or whose work nobody here sees
_FOREIGN = {
    "time": {"time", "time_ns", "perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns", "process_time"},
    "posix": {"urandom", "getrandom"}, "nt": {"urandom"}, "_thread": {"start_new_thread", "start_joinable_thread"},
}  # fmt: skip


def is_foreign(function: Any) -> bool:
    """True for built-in functions that read the clock or the system's randomness, or start a thread."""
    name = function.__name__
    if name in ("now", "utcnow", "today"):
        return getattr(function, "__self__", None) in (datetime.datetime, datetime.date)
    return name in _FOREIGN.get(getattr(function, "__module__", None) or "", ())


def line_served(frame: FrameType) -> tuple[str, int] | None:
    """The user's line that a call in `frame` serves; None if it serves minigrad."""
    found: FrameType | None = frame
    while found is not None:
        if is_users(found.f_code):
            return found.f_code.co_filename, found.f_lineno
        if found.f_code.co_filename.startswith(PACKAGE):
            return None
        found = found.f_back
    return None


class Watch:
    """Notes the modules that were called and the user's code that ran.

    Attributes:
        modules, optimizers: those that were called, and whose `step` was.
        codes: id of the user's code that ran -> that and its globals. (Code of two files may be equal.)
        owners: objects of the user's classes whose methods ran.
        foreign: what was read from the clock or the system's randomness, and the line that did.
        before: id of such an object -> the fingerprints of its attributes when it was first seen.
    """

    def __init__(self, recorder: Calls) -> None:
        self._recorder = recorder
        self.modules: WeakSet[Module] = WeakSet()  # what the step makes for itself must be free to go
        self.optimizers: dict[int, Optimizer] = {}
        self.codes: dict[int, tuple[CodeType, dict[str, Any]]] = {}
        self.owners: dict[int, ref[Any]] = {}
        self.before: dict[int, dict[str, Any]] = {}
        self.foreign: tuple[str, tuple[str, int]] | None = None
        self._profile: Any = None
        self._states: Any = None

    def start(self) -> None:
        self._states = foreign_states()
        self._profile = sys.getprofile()
        self._recorder.watcher = self._seen
        sys.setprofile(self._seen)

    def stop(self) -> bool:
        """Stop watching. True if random numbers of Python's or NumPy's own were drawn meanwhile."""
        self._recorder.watcher = None
        sys.setprofile(None)
        if callable(self._profile):
            sys.setprofile(self._profile)
        elif self._profile is not None:
            self._profile.enable()  # cProfile's
        return foreign_states() != self._states

    def _note(self, thing: Any) -> None:
        if id(thing) not in self.before and hasattr(thing, "__dict__"):
            self.before[id(thing)] = fingerprints(vars(thing))

    def _seen(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call" and self.foreign is None and is_foreign(argument):
            line = line_served(frame)
            if line is not None:
                self.foreign = f"{argument.__name__}()", line
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
        elif id(code) in self.codes or is_users(code):
            self.codes[id(code)] = code, frame.f_globals
            if code.co_argcount and code.co_varnames[0] == "self":
                owner = frame.f_locals.get("self")
                if owner is not None and type(owner).__weakrefoffset__ and id(owner) not in self.owners:
                    self._note(owner)
                    self.owners[id(owner)] = ref(owner)
