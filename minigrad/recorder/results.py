"""What a recorded run leaves behind: what it returns, gradients, and tensors from outside that it gave another array.

Tensors that the step made and that live on for any other reason have escaped: in a replay they would keep the values
of the recorded run, so that is an error.
"""

from __future__ import annotations

import gc
from dataclasses import dataclass, field
from typing import Any, NoReturn

from ..autograd.node import LEAF, Node, TensorBase
from ..autograd.row_sparse import RowSparse
from .errors import Postponed
from .provenance import described
from .reach import hung_on
from .recorder import Recorder
from .trace import Value
from .tracer import Traced


class Returned(Node):
    """The node of a tensor that a recorded step has returned: its graph is not kept."""

    def __init__(self) -> None:
        super().__init__(())

    def name(self) -> str:
        return "RecordedBackward0"

    def own_evaluate(self, node: Node, g: Any, create_graph: bool) -> NoReturn:  # type: ignore[override]
        raise RuntimeError(
            "backward through a tensor that a jitted step has returned: the recorded program keeps no graph. Call "
            "backward() inside the step"
        )


@dataclass
class Fresh:
    """A place in the result for a tensor, or plain array, that is made at each call."""

    value: Value
    kind: type | None  # the class of the tensor; None for a plain array or number
    node: Any = None  # LEAF, a `Returned`, or None
    grad: Fresh | None = None


@dataclass
class Given:
    """A place in the result for an argument of the step."""

    number: int


@dataclass
class Fixed:
    """A place in the result for an object that is the same at each call."""

    thing: Any


@dataclass
class Rows:
    """A place in the result for a `RowSparse`."""

    rows: Any
    values: Any
    shape: tuple[int, ...]
    coalesced: bool


@dataclass
class Results:
    """Everything that outlives the run.

    Attributes:
        returned: the result's nested structure, with `Fresh`, `Given` and `Fixed` in it.
        gradients: (tensor from outside, what its `.grad` is set to: `Fresh`, `Rows`, `Fixed` or None).
        arrays: (tensor from outside, the value that is its array from then on).
        argument_gradients: (number of the argument, `Fresh`) for those that came to require a gradient inside.
        requiring: numbers of those arguments.
    """

    returned: Any = None
    gradients: list[tuple[Any, Any]] = field(default_factory=list)
    arrays: list[tuple[Any, Value]] = field(default_factory=list)
    argument_gradients: list[tuple[int, Any]] = field(default_factory=list)
    requiring: list[int] = field(default_factory=list)


class Collector:
    """Takes stock of a run that has just ended, and turns its tracers back into arrays."""

    def __init__(self, recorder: Recorder, originals: dict[int, tuple[int, Any]]) -> None:
        self.recorder = recorder
        self.originals = originals  # id of what the step was given -> number of the argument, what the caller passed
        self.results = Results()
        self._made: dict[int, Fresh] = {}  # id of a tensor -> its place
        self._kept: list[Any] = []

    def collect(self, returned: Any, aliases: list[tuple[int, Any]]) -> Any:
        """The result of the call, all in arrays; what it consists of is in `results`."""
        results, recorder = self.results, self.recorder
        results.returned = self._place(returned)
        for tensor in recorder.changed_gradients.values():
            gradient = tensor.__dict__.get("_grad")
            results.gradients.append((tensor, None if gradient is None else self._place(gradient)))
        for tensor, value in recorder.recording.holders:
            own = tensor.__dict__
            if isinstance(own["array"], Traced):
                results.arrays.append((tensor, own["array"].value))
                own["array"] = own["array"].value.array
            if isinstance(own.get("node"), Node) and not isinstance(own["node"], Returned):
                self._refuse_history(value)
        for tensor, node in recorder.nodes:
            if tensor.__dict__.get("node") is not node:
                recorder.refuse(
                    "the step changes whether a tensor from outside requires a gradient, which no replay would do",
                    "set requires_grad outside the step, or use detach() and no_grad() in it",
                )
        self._refuse_shared()
        for number, alias in aliases:
            if hung_on(alias) != hung_on(self.originals[id(alias)][1]):
                recorder.refuse(
                    "the step hangs an attribute on an argument, which no replay would do", "return it from the step"
                )
            node = alias.__dict__.get("node")
            if isinstance(node, Node):
                self._refuse_history(alias.__dict__["array"].value)
            if node is LEAF:
                results.requiring.append(number)
                original = self.originals[id(alias)][1]
                original.node = LEAF
                gradient = alias.__dict__.get("_grad")
                if gradient is not None:
                    results.argument_gradients.append((number, self._place(gradient)))
                    original._grad = gradient
        return self._real(returned)

    def _refuse_shared(self) -> None:
        """Raise if the step gives another array to a tensor from outside that it knows in another way, too."""
        arguments = [original for _, original in self.originals.values()]
        if any(tensor is original for tensor, _ in self.results.arrays for original in arguments):
            self.recorder.refuse(
                "the step gives another array to a tensor that is one of its arguments, too",
                "write into the tensor in place (copy_), or pass a clone()",
            )
        for _, value in self.recorder.recording.holders:
            holders = [tensor for tensor, other in self.recorder.recording.holders if other is value]
            if len(holders) > 1 and any(tensor is holder for tensor, _ in self.results.arrays for holder in holders):
                self.recorder.refuse(
                    "the step gives another array to one of two tensors from outside that share one",
                    "write into the tensor in place (copy_), or clone() one of them",
                )

    def _refuse_history(self, value: Value) -> NoReturn:
        self.recorder.refuse(
            f"a tensor from outside ({described(value.array)}) has become part of the step's graph",
            "detach() what is written into it, or write it inside no_grad()",
        )

    def _place(self, part: Any) -> Any:
        if type(part) in (list, tuple):
            return type(part)([self._place(each) for each in part])
        if isinstance(part, tuple) and hasattr(part, "_fields"):
            return type(part)(*[self._place(each) for each in part])
        if isinstance(part, dict):
            return {key: self._place(each) for key, each in part.items()}
        if id(part) in self.originals:
            return Given(self.originals[id(part)][0])
        if isinstance(part, Traced):
            return Fresh(part.value, None)
        if type(part) is RowSparse:
            rows, values = self._place(part.rows), self._place(part.row_values)
            return Rows(rows, values, tuple(part.shape), part.is_coalesced())
        if id(part) in self._made:
            return self._made[id(part)]
        if isinstance(part, TensorBase) and "_born" in part.__dict__:
            self._made[id(part)] = self._tensor(part)
            self._kept.append(part)  # so that its id stays its own
            return self._made[id(part)]
        return Fixed(part)

    def _tensor(self, tensor: Any) -> Fresh:
        own = tensor.__dict__
        array = own["array"]
        value = array.value if isinstance(array, Traced) else self.recorder.admit(array)
        node, gradient = own.get("node"), own.get("_grad")
        node = node if node is None or node is LEAF else Returned()
        own.clear()
        own.update(array=value.array)
        if node is not None:
            own["node"] = node
        place = Fresh(value, type(tensor), node)
        if gradient is not None:
            place.grad = self._place(gradient)
            own["_grad"] = gradient
        return place

    def _real(self, part: Any) -> Any:
        if id(part) in self.originals:
            return self.originals[id(part)][1]
        if type(part) in (list, tuple):
            return type(part)([self._real(each) for each in part])
        if isinstance(part, tuple) and hasattr(part, "_fields"):
            return type(part)(*[self._real(each) for each in part])
        if isinstance(part, dict):
            return {key: self._real(each) for key, each in part.items()}
        if type(part) is RowSparse and (id(part.rows) in self.originals or id(part.row_values) in self.originals):
            return RowSparse(self._real(part.rows), self._real(part.row_values), part.shape, part.is_coalesced())
        return part.value.array if isinstance(part, Traced) else part


def settle_escapes(recorder: Recorder, again: bool) -> None:
    """Give arrays to the tensors of the run that are still alive, and raise if there are any.

    The first time the step is run eagerly instead (something may have been made that is kept from then on); `again`
    makes it an error.
    """
    recorder.forget()
    escaped = _alive(recorder)
    if escaped:
        gc.collect()  # an exception that was caught may hold a frame
        escaped = _alive(recorder)
    if not escaped:
        return
    shown = escaped[0].__dict__["array"]
    value = shown.value
    release(recorder)
    del escaped, shown
    if not again:
        raise Postponed("a tensor made in the step is kept outside it")
    origin = value.call.origin if value.call is not None else None
    where = "" if origin is None or not origin.line[1] else f", made at {origin.line[0]}:{origin.line[1]},"
    recorder.refuse(
        f"a tensor made in the step ({described(value.array)}{where}) is kept outside it, where it would go stale",
        "return it from the step, or copy it into a tensor that exists before (buffer.copy_(value))",
    )


def _alive(recorder: Recorder) -> list[Any]:
    alive = [reference() for reference in recorder.born]
    return [t for t in alive if t is not None and isinstance(t.__dict__.get("array"), Traced)]


def release(recorder: Recorder) -> None:
    """Let every tensor of the run that is still alive, and those from outside, hold an array again."""
    for tensor, _ in recorder.recording.holders:
        array = tensor.__dict__["array"]
        if isinstance(array, Traced):
            tensor.__dict__["array"] = array.value.array
    for reference in recorder.born:
        tensor = reference()
        if tensor is not None:
            own = tensor.__dict__
            own.pop("_born", None)
            if isinstance(own.get("array"), Traced):
                own["array"] = own["array"].value.array
