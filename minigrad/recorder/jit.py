"""`minigrad.jit`: a step that records itself and is then replayed."""

from __future__ import annotations

import functools
import inspect
import sys
import warnings
from collections.abc import Callable, Sequence
from threading import get_ident
from types import MethodType
from typing import Any

from ..autograd.modes import modes
from ..autograd.node import Node
from ..backend.door import door
from .errors import Postponed, RecordingError
from .leaves import flatten, rebuilt
from .names import parameter_names
from .program import Program
from .record import record
from .report import report

_PROGRAMS = 16  # kept per jitted function
_CHURN = 32  # recordings after which it is asked whether they pay
_WORTH = 100  # replays that a recording costs, or more: 15 ms, where a replay saves 0.1


class Jitted:
    """A function that is recorded when it is first called, and replayed when it is called again: see `jit`."""

    def __init__(
        self, function: Callable[..., Any], static: Sequence[str] = (), fallback: Callable[[str], Any] | None = None
    ) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._fallback = fallback
        self._given_up = False
        self._static = frozenset((static,) if isinstance(static, str) else static)
        self._names = _parameter_names(function)
        self._latest: Program | None = None
        self._programs: list[tuple[Any, Program]] = []  # (structure of the arguments, program), the latest first
        self._recordings = 0
        self._runs_forgotten = 0  # replays of programs that are not kept any more
        self._runs_seen = 0  # replays when it was last looked at churn
        self._postponed = 0
        self._tried: set[Any] = set()  # calls, by structure and shapes, whose recording has been postponed

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        program = self._latest
        if program is not None and not kwargs and door.recorder is None and program.flat == len(args):
            if program.runner == get_ident():
                return self._function(*args)  # a finalizer, or a signal, in the middle of a replay
            with program.lock:
                if _holds(program, args):
                    return program.run(args)
        return self._other(args, kwargs)

    def __get__(self, owner: Any, cls: Any = None) -> Any:
        return self if owner is None else MethodType(self, owner)

    def __reduce_ex__(self, protocol: Any) -> Any:
        # a copy records for itself; the decorated function of a module is found by its name
        module, name = sys.modules.get(self.__module__), self._name()
        found: Any = module
        for part in name.split("."):
            found = getattr(found, part, None)
        return name if found is self else (Jitted, (self._function, tuple(sorted(self._static)), self._fallback))

    def _other(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        """A call that is not like the one before."""
        if self._given_up or door.recorder is not None or (modes.node_type is not None and modes.node_type is not Node):
            return self._function(*args, **kwargs)  # part of a step that is being recorded, or anomaly detection
        leaves: list[Any] = []
        structure = flatten((args, kwargs), leaves)
        for k, (known, program) in enumerate(self._programs):
            if known == structure:
                if program.runner == get_ident():
                    return self._function(*args, **kwargs)
                with program.lock:
                    if _holds(program, leaves):
                        self._programs.insert(0, self._programs.pop(k))
                        self._latest = program
                        return program.run(leaves)
        return self._record(args, kwargs, leaves, structure)

    def _record(self, args: tuple, kwargs: dict[str, Any], leaves: list[Any], structure: Any) -> Any:
        names = self._leaf_names(structure)

        kind = repr(structure), tuple([_kind_of(leaf) for leaf in leaves])

        def rebuild(given: list[Any]) -> tuple[Any, Any]:
            return rebuilt(structure, iter(given))

        try:
            result, program = record(self._function, leaves, names, rebuild, self._static, kind in self._tried)
        except Postponed as postponed:
            reason = str(postponed)
        except RecordingError as error:
            if self._fallback is None:
                raise
            self._given_up = True
            self._fallback(str(error))
            reason = str(error)
        else:
            reason = ""
        if reason:  # the exception is gone, and with it what its frames held
            self._tried.add(kind)
            self._postponed += 1
            if self._postponed == _CHURN:
                self._given_up = True
                warnings.warn(
                    f"{self._name()} runs eagerly from now on: at each of {_CHURN} calls, {reason}", stacklevel=4
                )
            return self._function(*args, **kwargs)
        self._postponed = 0
        program.flat = len(args) if not kwargs and all(part is None for part in structure[1][0][1]) else -1
        self._recordings += 1
        if self._recordings % _CHURN == 0:
            self._look_at_churn()
        self._programs.insert(0, (structure, program))
        for _, forgotten in self._programs[_PROGRAMS:]:
            with forgotten.lock:  # another thread may be running it
                forgotten.free()
            self._runs_forgotten += forgotten.runs
        del self._programs[_PROGRAMS:]
        self._latest = program
        return result

    def _look_at_churn(self) -> None:
        """Say that recording costs more than it saves; a step that has a `fallback` runs eagerly from here on."""
        runs = self._runs_forgotten + sum(program.runs for _, program in self._programs)
        replayed, self._runs_seen = runs - self._runs_seen, runs
        why = (
            f"recorded {_CHURN} times: something differs at every call (a shape, a number that is read from outside, a "
            "tensor that is replaced), and recording costs more than it saves"
        )
        if self._fallback is not None:
            if replayed < _WORTH * _CHURN:
                self._given_up = True
                self._fallback(f"it has been {why}")
        elif self._recordings == _CHURN:
            warnings.warn(f"{self._name()} has been {why}. See step.report()", stacklevel=5)

    def _name(self) -> str:
        return getattr(self._function, "__qualname__", type(self._function).__name__)

    def _leaf_names(self, structure: Any) -> list[str]:
        """A name for each leaf, after the function's parameters."""
        names: list[str] = []

        def visit(part: Any, path: str) -> None:
            if part is None:
                names.append(path)
            elif part[0] is dict:
                for key, each in zip(part[1], part[2]):
                    visit(each, f"{path}_{key}")
            else:
                for k, each in enumerate(part[1]):
                    visit(each, f"{path}_{k}")

        (args_part, kwargs_part) = structure[1]
        for k, part in enumerate(args_part[1]):
            visit(part, self._names[k] if k < len(self._names) else f"argument_{k}")
        for key, part in zip(kwargs_part[1], kwargs_part[2]):
            visit(part, key)
        return parameter_names(names)

    # -- looking at it ----------------------------------------------------------------------------------------------

    @property
    def source(self) -> str:
        """The program of the last call, as Python: the whole step from top to bottom."""
        return self._recorded().source

    @property
    def preparation(self) -> str:
        """What that program made once: constants, buffers, views."""
        return self._recorded().preparation

    def report(self) -> str:
        """What was recorded: calls, what was removed, memory, time per call."""
        return report(self._name(), [program for _, program in self._programs], self._recordings)

    def _recorded(self) -> Program:
        if self._latest is None:
            raise RuntimeError(f"{self._name()} has not been recorded yet: call it first (twice, if it trains)")
        return self._latest

    def __repr__(self) -> str:
        return f"<minigrad.jit of {self._name()}, {len(self._programs)} programs>"


def _kind_of(leaf: Any) -> Any:
    """What tells whether two arguments are alike, roughly."""
    array = getattr(leaf, "array", leaf)
    return (tuple(array.shape), str(array.dtype)) if hasattr(array, "shape") else repr(leaf)[:40]


def _holds(program: Program, leaves: Sequence[Any]) -> bool:
    """True if a program may be replayed for these leaves."""
    try:
        return program.fits(*leaves)
    except Exception:  # something that the program looks at is gone: it is not for this call
        return False


def _parameter_names(function: Callable[..., Any]) -> list[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def jit(
    function: Callable[..., Any] | None = None, *, static: Sequence[str] = (),
    fallback: Callable[[str], Any] | None = None,
) -> Any:  # fmt: skip
    """Record `function` when it is called, and replay the recording when it is called again.

    `function` is a training step (zero_grad, forward, backward, optimizer step), any part of one, or a pure function
    of tensors. What it computes is recorded as a straight program of array calls on buffers that are planned once:
    `print(step.source)` shows it, `print(step.report())` what was saved. Results, parameters and random streams equal
    those of the eager run to the last bit on the CPU.

    Tensors, arrays and floats among the arguments are inputs. Other shapes, dtypes, devices, other Python arguments,
    another mode (`train()`, `eval()`) record another program. Learning rates and all options of optimizers are asked
    for at each call. Python's side effects and hooks run while recording only.

    Args:
        function: the step. Without it: a decorator with the options below.
        static: names of float arguments to branch on: each value has a program of its own.
        fallback: called, once, with the reason why the step cannot be recorded, or why that does not pay (every call
            differs); it then runs eagerly from there on.

    Raises:
        RecordingError: (at the call that records) the function does something that cannot be repeated, such as a
            branch on a tensor's value. The error names the line and says what to do; nothing has been changed.

    >>> import minigrad
    >>> w = minigrad.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = minigrad.optim.SGD([w], lr=0.1)
    >>> @minigrad.jit
    ... def step(x):
    ...     optimizer.zero_grad()
    ...     loss = ((w * x) ** 2).sum()
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss
    >>> [round(step(minigrad.ones(2)).item(), 4) for _ in range(4)]
    [5.0, 3.2, 2.048, 1.3107]
    """
    if function is None:
        return functools.partial(Jitted, static=static, fallback=fallback)
    if not callable(function):
        raise TypeError(f"minigrad.jit takes a function, got {type(function).__name__}")
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise TypeError(
            "minigrad.jit takes a function that returns: record what a coroutine or generator calls instead"
        )
    return function if isinstance(function, Jitted) else Jitted(function, static, fallback)
