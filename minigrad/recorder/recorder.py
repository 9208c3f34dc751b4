"""The recorder: stands in the door while a step runs, lets every array call through, and notes it.

What it notes is the recording: calls in order, and what the step took from outside (`Recording`). The run is a real
one; if it turns out that it cannot be repeated faithfully, everything that it changed is put back.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from ..autograd.modes import modes
from ..autograd.node import LEAF
from ..autograd.row_sparse import RowSparse
from ..backend.library import find_library, library
from .calls import Calls, library_of, unwatched
from .errors import Postponed
from .library import RecordingLibrary, recording_library
from .provenance import described
from .trace import Call, Memory, Value
from .tracer import ScalarTracer, Traced, TracedNumber, tracer_type
from .undo import Undo


class Recording:
    """What a run of a step consists of.

    Attributes:
        calls: the array calls, in order.
        holders: (tensor from outside, the value of its array), each tensor once.
        gradients: (tensor from outside, an array of the gradient that it has when the step begins, where that is).
        numbers: (function, arguments, what it returned, name -> value, number of the call before which it was asked).
        conditions: `Attribute`, `Item`, `Equal`, `Content`, `Alike` of the door: the program holds as long as they do.
        tests: (test, value of an argument or of a tensor from outside, answer).
        present: (tensor from outside, whether it had a gradient when the step first asked).
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.holders: list[tuple[Any, Value]] = []
        self.gradients: list[tuple[Any, Value, str]] = []
        self.numbers: list[tuple[Callable[..., Any], tuple, dict[str, Any], dict[str, Value], int]] = []
        self.conditions: list[Any] = []
        self.present: list[tuple[Any, bool]] = []
        self.tests: list[tuple[Callable[[Any], bool], Value, bool]] = []


class Recorder(Calls):
    """Records one run. `interception.recording` puts it into the door."""

    def __init__(self) -> None:
        super().__init__()
        self.recording = Recording()
        self.recording.calls, self.recording.tests = self.calls, self.tests
        self.tracers: weakref.WeakValueDictionary[int, Traced] = weakref.WeakValueDictionary()
        self.born: list[weakref.ref[Any]] = []  # tensors made in the step
        self.cleared: list[Any] = []  # tensors from outside whose .grad the step sets to None before anything else
        self.changed_gradients: dict[int, Any] = {}  # id -> tensor from outside whose .grad the step sets
        self._values: list[Value] = []  # keeps every id unique
        self._outside: dict[int, tuple[Any, Value]] = {}  # id -> array from outside and its value
        self._opaque: dict[int, tuple[Any, Value]] = {}  # id -> what an effect returned
        self.nodes: list[tuple[Any, Any]] = []  # tensors from outside, and their nodes when they were first read
        self._held: set[int] = set()
        self._aliases: dict[int, Any] = {}  # id -> the tensor that stands for a gradient from outside

    # -- tracers ----------------------------------------------------------------------------------------------------

    def tracer(self, value: Value) -> Traced:
        """The tracer of a value: always the same object while anyone holds it."""
        found = self.tracers.get(id(value))
        if found is None:
            if value.scalar:
                kind: type[Traced] = ScalarTracer if hasattr(value.array, "dtype") else TracedNumber
            else:
                kind = tracer_type(library_of(value.array))
            found = self.tracers[id(value)] = kind(self, value)
        return found

    def new(self, array: Any, memory: Memory, call: Call | None = None, scalar: bool = False) -> Value:
        value = Value(array, memory, call, scalar)
        self._values.append(value)
        return value

    def module(self, xp: Any) -> Any:
        """The functions of a library, recorded; while nothing is being recorded, the library itself."""
        return xp if self.paused or isinstance(xp, RecordingLibrary) else recording_library(xp)

    def forget(self) -> None:
        """Let go of the tensors of the run that nothing but the recorder holds."""
        self._aliases.clear()
        self.changed_gradients.clear()

    def discard(self) -> None:
        """Let go of every array: what holds them would otherwise wait for the garbage collector."""
        self.forget()
        self._outside.clear()
        self._opaque.clear()
        self.nodes.clear()
        for value in self._values:
            value.array = None
        self.undo = Undo()

    # -- what comes from outside ------------------------------------------------------------------------------------

    def argument(self, array: Any) -> Value:
        """The value of an array that was passed to the step."""
        return self.new(array, Memory("argument", array.nbytes))

    def number(self, number: float) -> Value:
        """The value of a float that was passed to the step."""
        self.arguments.append(self.new(number, Memory("argument", 0), scalar=True))
        return self.arguments[-1]

    @unwatched
    def entered(self, tensor: Any, array: Any) -> Any:
        """The tracer of the array of a tensor from outside the step."""
        own = tensor.__dict__
        if "_born" in own:
            return self.tracer(self.admit(array))
        value = self._from_outside(array)
        if id(tensor) not in self._held:
            if modes.node_type is not None and own.get("node") not in (None, LEAF) and tensor.view_of is None:
                self.refuse(
                    "a tensor that was computed outside the step, with a gradient, is used in it",
                    "detach() it, or compute it inside",
                )
            self._held.add(id(tensor))
            self.undo.attribute(tensor, "node")
            self.nodes.append((tensor, own.get("node")))
            self.recording.holders.append((tensor, value))
        return self.tracer(value)

    def _from_outside(self, array: Any) -> Value:
        found = self._outside.get(id(array))
        if found is None:
            found = self._outside[id(array)] = array, self.new(array, Memory("outside", array.nbytes))
        return found[1]

    @unwatched
    def gradient_read(self, tensor: Any, present: Any) -> Any:
        """What the step gets for `tensor.grad`, which it has not set itself."""
        if id(tensor) not in self._aliases:
            self.recording.present.append((tensor, present is not None))
            alias = present
            if type(present) is RowSparse:
                rows = self._part_of_gradient(tensor, present.rows, "_grad.rows.array")
                values = self._part_of_gradient(tensor, present.row_values, "_grad.row_values.array")
                alias = RowSparse(rows, values, present.shape)
            elif present is not None:
                alias = self._part_of_gradient(tensor, present, "_grad.array")
            self._aliases[id(tensor)] = alias
        return self._aliases[id(tensor)]

    def _part_of_gradient(self, tensor: Any, part: Any, path: str) -> Any:
        """What stands for `part`, a tensor that `tensor` has as its gradient or in it."""
        alias = object.__new__(type(part))
        array = part.__dict__["array"]
        value = self.new(array, Memory("gradient", array.nbytes))
        alias.__dict__.update(array=self.tracer(value), _born=self, _storage=part._storage)
        self.born.append(weakref.ref(alias))
        self.recording.gradients.append((tensor, value, path))
        return alias

    def kept(self, array: Any, name: str) -> Any:
        if self.paused:
            return array
        value = self._from_outside(array)
        value.name = value.name or name
        return self.tracer(value)

    def scratch(self, array: Any, name: str) -> Any:
        if self.paused:
            return array
        traced = self.make(array, library(array).empty, "empty", (array.shape,), {"dtype": array.dtype})
        traced.value.name = name
        return traced

    def constant(self, array: Any) -> Any:
        if self.paused or isinstance(array, Traced):
            return array
        pristine = array.copy()
        return self.make(array, pristine.copy, "constant", (), {})

    def make(self, array: Any, function: Callable[..., Any], text: str, args: tuple, kwargs: dict[str, Any]) -> Any:
        call = self.note("make", function, text, args, kwargs)
        call.outs.append(self.new(array, Memory("temporary", array.nbytes), call))
        return self.tracer(call.outs[0])

    def admitted(self, arrays: list[Any]) -> list[Any]:
        """The arguments of an operation, with tracers for arrays that came past the door."""
        if self.paused:
            return arrays
        arrays = [self.as_array(x) for x in arrays]
        plain = [find_library(type(x)) is not None and not isinstance(x, Traced) for x in arrays]
        return [self.tracer(self.admit(x)) if p else x for x, p in zip(arrays, plain)]

    def as_array(self, x: Any) -> Any:
        """`x`, a 0-d array if it is a traced scalar of NumPy's."""
        return recording_library(library_of(x.value.array)).asarray(x) if isinstance(x, ScalarTracer) else x

    def admit(self, array: Any) -> Value:
        """The value of an array that meets traced ones without having come through the door."""
        found = self._outside.get(id(array))
        if found is not None:
            return found[1]
        flags = getattr(array, "flags", None)
        if flags is not None and not getattr(flags, "writeable", True) and not _writeable_base(array):
            value = self._outside[id(array)] = array, self.new(array, Memory("constant", array.nbytes))
            return value[1]
        self.refuse(
            f"an array from outside ({described(array)}) is used: its values would be frozen into the program",
            "pass it to the step as an argument, keep it in a Tensor or a module's buffer, or set its flags.writeable "
            "to False if it never changes",
        )

    # -- numbers, guards, effects -----------------------------------------------------------------------------------

    def changing(self, function: Callable[..., dict[str, Any]], args: tuple) -> dict[str, Any]:
        with self.pause():
            result = function(*args)
        if self.paused:
            return result
        values: dict[str, Value] = {}
        given = dict(result)
        for name, number in result.items():
            if isinstance(number, float):
                values[name] = self.new(float(number), Memory("argument", 0), scalar=True)
                given[name] = self.tracer(values[name])
        self.recording.numbers.append((function, args, result, values, len(self.calls)))
        return given

    def settled(self, function: Callable[..., Any], because: Callable[..., Any], args: tuple) -> Any:
        with self.pause():
            result = function(*args)
        if not self.paused:
            with self.pause():
                self.recording.conditions += because(result, *args)
        return result

    def effect(self, function: Callable[..., Any], undo: Callable[..., None], args: tuple) -> Any:
        with self.pause():
            result = function(*args)
        if self.paused:
            return result
        self.undo.later(undo, args)
        noted = tuple([self._opaque[id(x)][1] if id(x) in self._opaque else x for x in args])
        call = self.note("effect", function, function.__name__.strip("_"), noted, {})
        if result is not None:
            call.outs.append(self.new(None, Memory("temporary", 0), call, scalar=True))
            self._opaque[id(result)] = result, call.outs[0]
        return result

    def postpone(self, what: str) -> None:
        raise Postponed(what)


def _writeable_base(array: Any) -> bool:
    """True if the array's memory could be written to through what it is a view of."""
    base = array.base
    while base is not None:
        flags = getattr(base, "flags", None)
        if flags is None or flags.writeable:
            return True
        base = base.base
    return False
