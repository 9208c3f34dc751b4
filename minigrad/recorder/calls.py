"""Noting array calls: functions, methods, operators and subscripts of traced arrays, one `Call` each.

Every method here runs the call for real and returns its result traced.
"""

from __future__ import annotations

import functools
import operator
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from numbers import Number
from typing import Any, NoReturn, TypeVar

from ..autograd.node import TensorBase
from ..backend.dtypes import float32, float64
from ..backend.library import find_library, library, shares_memory_as_view
from . import functions as known
from .errors import RecordingError
from .library import RecordedFunction
from .provenance import Provenance, quoted, users_line
from .trace import Call, Memory, Value, mapped, values_in
from .tracer import COMPARISONS, OPERATORS, UFUNCS, Traced, Tracer
from .undo import Undo

F = TypeVar("F", bound=Callable[..., Any])
_FLOATS = (float32.dtype, float64.dtype)


def unwatched(method: F) -> F:
    """A method of the recorder, during which nobody watches: what runs in it is no part of the step."""

    @functools.wraps(method)
    def call(self: Calls, *args: Any, **kwargs: Any) -> Any:
        watcher = self.watcher
        if watcher is None:
            return method(self, *args, **kwargs)
        self.watcher = None
        sys.setprofile(None)
        try:
            return method(self, *args, **kwargs)
        finally:
            self.watcher = watcher
            sys.setprofile(watcher)

    return call  # type: ignore[return-value]


class Calls:
    """The part of a recorder that notes calls.

    Attributes:
        calls: what has been noted, in order.
        paused: above 0 while arrays are what they are and nothing is noted.
        arguments: the floats among the arguments of the step.
        comparisons: (sign, one of those, a number or another of them, answer).
        refused: what has been refused first, in case the step catches the error.
        outside_changed: True once an array from outside, or an argument, has been changed in place.
        watcher: what sees every Python call of the step (`watch.Watch`); not those of the recorder.
        tests: (test, value of an argument or of a tensor from outside, answer): see `backend.door.holds`.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.paused = 0
        self.watcher: Any = None
        self.outside_changed = False
        self.tests: list[tuple[Callable[[Any], bool], Value, bool]] = []
        self.arguments: list[Value] = []
        self.comparisons: list[tuple[str, Value, Any, bool]] = []
        self.refused: RecordingError | None = None
        self.provenance = Provenance()
        self.undo = Undo()

    def tracer(self, value: Value) -> Traced:
        """The tracer of a value."""
        raise NotImplementedError

    def admit(self, array: Any) -> Value:
        """The value of an array that meets traced ones without having come through the door."""
        raise NotImplementedError

    def make(self, array: Any, function: Callable[..., Any], text: str, args: tuple, kwargs: dict[str, Any]) -> Any:
        """The tracer of an array that `function(*args, **kwargs)` makes from nothing."""
        raise NotImplementedError

    def new(self, array: Any, memory: Memory, call: Call | None = None, scalar: bool = False) -> Value:
        """Another value of the recording."""
        raise NotImplementedError

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Inside, arrays are what they are and nothing is noted."""
        self.paused += 1
        try:
            yield
        finally:
            self.paused -= 1

    # -- calls ------------------------------------------------------------------------------------------------------

    @unwatched
    def run(self, function: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Call a function of an array library, and note the call."""
        name = known.name_of(function)
        if self.paused:
            return function(*mapped(args, self._real), **mapped(kwargs, self._real))
        self._check_known(name, function, args)
        noted_args, noted_kwargs = mapped(args, self._noted), mapped(kwargs, self._noted)
        real_args, real_kwargs = mapped(args, self._real), mapped(kwargs, self._real)
        if name in known.SHAPE_ONLY:
            return function(*real_args, **real_kwargs)
        if name in known.LIKE:
            made = function(*real_args, **real_kwargs)
            if made.flags.c_contiguous:  # from the shape alone, without what it is like
                maker, more = known.LIKE[name], noted_args[1:] if name == "full_like" else ()
                return self.make(
                    made, getattr(library_of(made), maker), maker, (made.shape, *more), {"dtype": made.dtype}
                )
        kind = "ufunc" if known.is_ufunc(function) else "function"
        if not values_in((noted_args, noted_kwargs)):
            kind = "make"
        if kind == "ufunc" and isinstance(noted_kwargs.get("out"), Value) and name not in known.OUT_BY_NAME:
            noted_kwargs = dict(noted_kwargs)
            noted_args = (*noted_args, noted_kwargs.pop("out"))
        call = self._call(kind, function, name, noted_args, noted_kwargs)
        writes = known.written(function, name, noted_args, noted_kwargs)
        return self._do(call, writes, lambda: function(*real_args, **real_kwargs))

    def _check_known(self, name: str, function: Any, args: tuple) -> None:
        if name in known.DATA_SHAPES or (name == "where" and len(args) == 1):
            self.refuse_shape(f"{name}()")
        if name == "repeat" and values_in(mapped(args[1:], self._noted)):
            self.refuse_shape("repeat() by traced counts")
        if name in known.READING:
            self.refuse_read(f"{name}()")

    @unwatched
    def method(self, name: str, tracer: Tracer, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Call a method of an array."""
        if self.paused:
            return getattr(tracer.value.array, name)(*mapped(args, self._real), **mapped(kwargs, self._real))
        xp = library_of(tracer.value.array)
        if name == "dot":
            return self.run(xp.dot, (tracer, *args), kwargs)
        plain = not args and "axis" in kwargs and kwargs.keys() <= {"axis", "keepdims"}
        if plain and name in known.REDUCTIONS and xp.__name__ == "numpy" and tracer.value.array.ndim:
            return self.run(getattr(xp, known.REDUCTIONS[name]).reduce, (tracer,), kwargs)
        if name in known.DATA_SHAPES:
            self.refuse_shape(f".{name}()")
        noted = mapped((tracer, *args), self._noted)
        noted_kwargs = mapped(kwargs, self._noted)
        function = operator.methodcaller(name, *mapped(args, self._real), **mapped(kwargs, self._real))
        call = self._call("method", function, name, noted, noted_kwargs)
        writes = [tracer.value] if name in known.WRITING_METHODS else values_in(noted_kwargs.get("out"))
        return self._do(call, writes, lambda: function(tracer.value.array))

    @unwatched
    def operator(self, name: str, *operands: Any) -> Any:
        """An operator between tracers, arrays and numbers."""
        if any(isinstance(x, TensorBase) for x in operands):
            return NotImplemented
        real = [self._real(x) for x in operands]
        if self.paused:
            return OPERATORS[name](*real)
        noted = tuple([self._noted(x) for x in operands])
        result = OPERATORS[name](*real)
        xp: Any = find_library(type(result))
        squares = name == "pow" and xp is not None and xp.__name__ == "numpy" and _is_square(*real)
        if squares and not isinstance(noted[1], Value):
            call = self._call("ufunc", xp.square, "square", noted[:1], {})
        else:
            call = self._operator_call(name, noted, xp, noted)
        return self._do(call, [], lambda: result)

    @unwatched
    def in_place(self, name: str, target: Tracer, other: Any) -> Any:
        """`target += other` and its kin: NumPy's scalars are not changed but replaced."""
        if target.value.scalar:
            return self.operator(
                name.removeprefix("i") if name not in ("iand", "ior") else name[1:] + "_", target, other
            )
        if isinstance(other, TensorBase):
            return NotImplemented
        if self.paused:
            return OPERATORS[name](target.value.array, self._real(other))
        array, real = target.value.array, self._real(other)
        noted = (target.value, self._noted(other))
        call = self._operator_call(name, noted, library_of(array), (*noted, target.value))
        return self._do(call, [target.value], lambda: OPERATORS[name](array, real))

    def _operator_call(self, name: str, noted: tuple, xp: Any, for_ufunc: tuple) -> Call:
        """The call that an operator makes: NumPy's arrays go to a ufunc."""
        if xp is not None and xp.__name__ == "numpy" and name in UFUNCS:
            return self._call("ufunc", getattr(xp, UFUNCS[name]), UFUNCS[name], for_ufunc, {})
        return self._call("operator", OPERATORS[name], name, noted, {})

    @unwatched
    def subscript(self, tracer: Tracer, key: Any) -> Any:
        """`tracer[key]`."""
        real = mapped(key, self._real)
        if self.paused:
            return tracer.value.array[real]
        parts = real if isinstance(real, tuple) else (real,)
        if any(getattr(part, "ndim", 0) and getattr(part, "dtype", None) == "bool" for part in parts):
            self.refuse_shape("indexing by a mask")
        call = self._call("subscript", operator.getitem, "getitem", (tracer.value, mapped(key, self._noted)), {})
        return self._do(call, [], lambda: tracer.value.array[real])

    @unwatched
    def assign(self, tracer: Tracer, key: Any, value: Any) -> None:
        """`tracer[key] = value`."""
        if self.paused:
            tracer.value.array[mapped(key, self._real)] = self._real(value)
            return
        noted = (tracer.value, mapped(key, self._noted), mapped(value, self._noted))
        call = self._call("item", operator.setitem, "setitem", noted, {})
        real = mapped(key, self._real), mapped(value, self._real)
        self._do(call, [tracer.value], lambda: operator.setitem(tracer.value.array, *real))

    @unwatched
    def whole(self, function: Callable[..., Any], args: tuple, writes: tuple[int, ...]) -> Any:
        """A kernel or a check, taken as one call."""
        real = mapped(args, self._real)
        if self.paused or not any(isinstance(x, Traced) for x in args):
            with self.pause():
                return function(*real)
        noted = mapped(args, self._noted)
        call = self._call("function", function, function.__name__.strip("_"), noted, {})
        with self.pause():
            return self._do(call, [noted[k] for k in writes], lambda: function(*real))

    def holds(self, test: Callable[[Any], bool], array: Any) -> bool | None:
        """What is so for arguments becomes a condition of the program."""
        if self.paused:
            return test(array)
        value = array.value if isinstance(array, Traced) else self.admit(array)
        owner = value.memory.owner
        if self.outside_changed:
            return None  # perhaps under another name
        if owner is None or owner.call is not None or value.memory.writes or owner.array.size != value.array.size:
            return None
        with self.pause():
            answer = test(owner.array)
        self.tests.append((test, owner, answer))
        return answer

    def compare(self, sign: str, value: Value, other: Any) -> Any:
        """A comparison of a float with a number: of an argument the answer becomes a condition of the program."""
        if not isinstance(other, (int, float)):
            if isinstance(other, Number):
                self.refuse_number("a comparison")
            return NotImplemented
        numbers = [value, other.value] if isinstance(other, Traced) else [value]
        if any(not any(number is known for known in self.arguments) for number in numbers):
            self.refuse_number("a comparison")
        answer = COMPARISONS[sign](value.array, self._real(other))
        self.comparisons.append((sign, value, self._noted(other), answer))
        return answer

    @unwatched
    def drawn(self, generator: Any, function: Callable[..., Any], args: tuple) -> Any:
        """Random numbers: the program draws its own."""
        if self.paused:
            return function(*args)
        self.undo.generator(generator)
        call = self._call("draw", function, function.__name__.strip("_"), args, {})
        with self.pause():
            return self._do(call, [], lambda: function(*args))

    # -- helpers ----------------------------------------------------------------------------------------------------

    def _real(self, x: Any) -> Any:
        if isinstance(x, Traced):
            return x.value.array
        return x.function if type(x) is RecordedFunction else x

    def _noted(self, x: Any) -> Any:
        if isinstance(x, Traced):
            return x.value
        if type(x) is RecordedFunction:
            return x.function
        return self.admit(x) if find_library(type(x)) is not None else x

    def _call(self, kind: str, function: Any, text: str, args: tuple, kwargs: dict[str, Any]) -> Call:
        return Call(kind, function, text, args, kwargs, self.provenance.here())

    def note(self, kind: str, function: Any, text: str, args: tuple, kwargs: dict[str, Any]) -> Call:
        """Note a call that has been made already."""
        call = self._call(kind, function, text, args, kwargs)
        self._keep(call)
        return call

    def _keep(self, call: Call) -> None:
        call.number = len(self.calls)
        self.calls.append(call)

    def _do(self, call: Call, writes: list[Value], compute: Callable[[], Any]) -> Any:
        """Make a call, note it with what it changes and returns, and return that traced."""
        number = len(self.calls)
        for value in writes:
            if value.memory.kind != "temporary":  # keep what was there
                self.undo.array(value.array)
                self.outside_changed = True
        result = compute()
        for value in writes:
            value.memory.writes.append(number)
        call.writes = writes
        self._keep(call)
        if result is None:
            if not writes:
                call.kind = "effect"  # a check
            return None
        if isinstance(result, (tuple, list)):
            call.several = True
            parts = [self._traced(call, part) for part in result]
            return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
        same = next((v for v in (*writes, *call.reads()) if v.array is result), None)
        if same is None:
            return self._traced(call, result)
        if not writes:
            self.calls.pop()  # it has returned its argument
        return self.tracer(same)

    def _traced(self, call: Call, result: Any) -> Any:
        """A tracer for one result of a call."""
        scalar = find_library(type(result)) is None
        if result is None or (scalar and (hasattr(result, "dtype") or isinstance(result, float))):
            call.outs.append(self.new(result, Memory("temporary", 0), call, scalar=True))
            return None if result is None else self.tracer(call.outs[-1])
        if scalar:
            if call.kind != "make":
                self.refuse_read(f"{call.text}(), which returns a {type(result).__name__},")
            self.calls.pop()
            return result
        source = next((v for v in call.reads() if not v.scalar and _is_view(result, v.array)), None)
        memory = Memory("temporary", result.nbytes) if source is None else source.memory
        if source is not None and not call.writes and call.kind in ("method", "subscript", "function"):
            call.kind = "view"
        call.outs.append(self.new(result, memory, call))
        return self.tracer(call.outs[-1])

    # -- refusing ---------------------------------------------------------------------------------------------------

    def refuse(self, what: str, instead: str, line: tuple[str, int] = ("", 0)) -> NoReturn:
        """Say that the step cannot be recorded, where (by default at the line that runs), and what to do."""
        self.refused = RecordingError(
            f"{what}, at {quoted(line if line[1] else users_line())}. A recorded step cannot repeat that: {instead}"
        )
        raise self.refused

    def refuse_read(self, what: str) -> NoReturn:
        self.refuse(
            what,
            "return the tensor and look at it outside, use minigrad.where for a choice by value, or call the step "
            "without minigrad.jit",
        )

    def refuse_number(self, what: str) -> NoReturn:
        """Say that a number is an input of the program, and can select nothing in it."""
        self.refuse(
            f"{what} of a number that may change from call to call (a float argument, an option of an optimizer)",
            "compute with it only, or pass static=['its name'] to minigrad.jit, so that each value has its own program",
        )

    def refuse_shape(self, what: str) -> NoReturn:
        self.refuse(
            f"the shape of {what} depends on values",
            "use a form with a fixed shape (minigrad.where, masked_fill, multiplying by the mask), or do it outside "
            "the step",
        )


def _is_square(base: Any, exponent: Any) -> bool:
    """True where NumPy's `base ** exponent` is `square(base)`."""
    return type(exponent) in (int, float) and exponent == 2 and getattr(base, "dtype", None) in _FLOATS


def library_of(array: Any) -> Any:
    return find_library(type(array)) or library(_as_host(array))


def _as_host(scalar: Any) -> Any:
    return scalar.__array__()


def _is_view(result: Any, source: Any) -> bool:
    """True if `result` lies in the memory of `source`."""
    if type(result) is not type(source) or result.base is None or not result.size:
        return False
    return shares_memory_as_view(result, source)
