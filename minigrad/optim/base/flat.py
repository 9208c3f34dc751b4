"""Parameters of a group laid end to end, so that an update costs a handful of array calls however many there are.

An optimizer's rule is elementwise, so the same lines run on one parameter and on many in one flat buffer. Nobody
may notice: a parameter moves into the buffer only if minigrad allocated its array and nobody else refers to it (it
then becomes a view of its place); any other is copied in before the rule and out after it. Who is where is checked
at every step by the identity of the arrays, so that `.data = ...`, `.to()` and a second optimizer just work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from itertools import repeat
from operator import is_
from typing import Any, NamedTuple

from ...autograd.primitive import wrap
from ...autograd.row_sparse import RowSparse
from ...backend.devices import activate, device_of, to_device
from ...backend.door import kept, scratch, undivided
from ...backend.library import Array, library
from ...backend.ownership import alone, lent, own, root
from .hyperparameters import Group

#: A parameter of at least this many elements is updated by itself, where it is: gathering its gradient would cost
#: more than the calls that it saves (measured: from about 30,000 float32 numbers on).
LARGE = 32_768

#: Gradients from which it pays to look at them by calls that loop in C: of 600, 73 us instead of 99.
MANY = 16

#: Bytes of an array that a rule works on at a time: with its neighbours and temporaries it stays in a core's cache.
BLOCK = 131_072

#: Name in the state of a parameter whose rows decay between touches: the logarithm of the product of all decays.
CLOCK = "decay_log"


class State(dict):
    """The state of one parameter: tensors by name, and how many updates the parameter has had."""

    steps = 0
    laid_out = False  # it has had arrays
    sparse = False  # the parameter has had a row-sparse gradient
    carried: Mapping[str, float] = {}  # numbers that the next step needs, see `Optimizer.carry`
    carried_before: Mapping[str, float] = carried


States = MutableMapping[Any, State]
Block = tuple[Array, Array, dict[str, Array]]  # values, gradient, state


def own_state(states: States, parameter: Any) -> State:
    """The state of a parameter, made if there is none yet or the user has put another dict there."""
    found = states.get(parameter)
    if type(found) is not State:
        found = states[parameter] = State(found or ())
    return found


class Place:
    """Where one parameter lies in its run: elements `start` to `stop`, and `array` over those of the flat values."""

    __slots__ = ("array", "number", "parameter", "shape", "start", "state", "stop")

    def __init__(self, number: int, parameter: Any, state: State, start: int) -> None:
        self.number = number
        self.parameter = parameter
        self.state = state
        self.shape = parameter.array.shape
        self.start, self.stop = start, start + parameter.array.size
        self.array: Array = None

    def of(self, flat: Array) -> Array:
        """The parameter's part of a flat buffer, in its shape."""
        return flat[self.start : self.stop].reshape(self.shape)


class Run:
    """Parameters of one dtype on one device that are updated together, with their state in flat buffers."""

    def __init__(
        self, parameters: Sequence[Any], group: Group, state: States, slots: Mapping[str, float]
    ) -> None:
        first = parameters[0].array
        self.group = group
        self.given: list[Any] = []  # the group's values when they were last looked at
        self.words: list[Any] = []  # those of them that are words
        self.scheduled = False  # whether there are schedules among them
        self.xp, self.type, self.dtype, self.device = library(first), type(first), first.dtype, device_of(first)
        self.places: list[Place] = []
        self.size = 0
        for k, p in enumerate(parameters):
            its_state = own_state(state, p)
            if slots and not its_state and (its_state.laid_out or not any(map(callable, group.values()))):
                its_state.steps = 0  # emptied by the user; or new, and nothing else counts the steps
            its_state.laid_out = bool(slots)
            self.places.append(Place(k, p, its_state, self.size))
            self.size = self.places[-1].stop
        self.parameters = [*parameters]
        self.states = [place.state for place in self.places]
        self.outside: list[Place] = []  # of parameters that do not live in the flat buffer, as `pieces` found them
        self.slots: dict[str, Array] = {}
        self.entries: list[tuple[State, str, Any, Array]] = []
        with activate(self.device):
            for name, initial in slots.items():
                self.slots[name] = self.xp.empty(self.size, dtype=self.dtype)
                for place in self.places:
                    self._adopt(place, name, initial)

    def _adopt(self, place: Place, name: str, initial: float) -> None:
        """Let a parameter's state `name` lie in the flat buffer, with the values that it has, or `initial`."""
        here = place.of(self.slots[name])
        before = place.state.get(name)
        if before is None:
            here[...] = initial
        elif before.array.shape == place.shape:
            here[...] = to_device(before.array, self.device)
        else:
            raise RuntimeError(
                f"the optimizer's state {name!r} has shape {tuple(before.array.shape)}, but its parameter has "
                f"{tuple(place.shape)} now: forget the state with optimizer.state.pop(parameter)"
            )
        place.state[name] = entry = wrap(here)
        self.entries.append((place.state, name, entry, here))

    def pieces(self, state: States) -> list[tuple[int, int]] | None:
        """The longest stretches [first, last) of parameters that have a gradient and as many steps behind them.

        None if parameters or state are no longer as they were laid out.
        """
        pieces: list[tuple[int, int]] = []
        outside: list[Place] = []
        first, steps = 0, None
        for place in self.places:
            p, its_state = place.parameter, place.state
            if state.get(p) is not its_state:
                return None
            array = p.array
            if array is not place.array:
                if not self._fits(array, place):
                    return None
                outside.append(place)
            if type(p._grad) is RowSparse and not its_state.sparse:
                return None
            here: Any = None if p._grad is None else its_state.steps
            if its_state.carried and here is not None:
                here = here, its_state.carried
            if here != steps:
                if steps is not None:
                    pieces.append((first, place.number))
                first, steps = place.number, here
        if steps is not None:
            pieces.append((first, len(self.places)))
        for its_state, name, entry, array in self.entries:
            if entry.array is not array or its_state.get(name) is not entry:
                return None
        self.outside = outside
        if outside and self._overlap():  # then one parameter after the other, as if each had a run
            return [(k, k + 1) for first, last in pieces for k in range(first, last)]
        return pieces

    def _fits(self, array: Array, place: Place) -> bool:
        """True if a parameter whose values are in `array` can be updated from `place`."""
        return array.shape == place.shape and array.dtype == self.dtype and device_of(array) == self.device

    def _overlap(self) -> bool:
        """True if parameters may share memory."""
        return False

    def gradients_of(self, first: int, last: int) -> list[Array]:
        """The gradients of parameters [first, last), checked to fit them."""
        return self._gradients(self.places)

    def blocks(self, first: int, last: int, gradients: list[Array]) -> Iterator[Block]:
        """The values, gradients and state of parameters [first, last) as flat arrays, block by block.

        What the rule leaves in the values is in the parameters when the last block has been taken.
        """
        array = self.places[0].parameter.array
        values = array.reshape(-1)
        (gradient,) = gradients
        slots = {name: kept(flat, name) for name, flat in self.slots.items()}
        length = BLOCK // self.dtype.itemsize
        if self.size <= length or undivided():
            yield values, gradient, slots
        else:
            for start in range(0, self.size, length):
                part = slice(start, start + length)
                yield values[part], gradient[part], {name: flat[part] for name, flat in slots.items()}
        if not array.flags.c_contiguous:  # then `values` may be a copy
            array[...] = values.reshape(array.shape)

    def _gradients(self, places: Sequence[Place]) -> list[Array]:
        """The gradients of some parameters, flat, checked to fit them."""
        gradients = []
        for place in places:
            g = place.parameter._grad.array
            elsewhere = type(g) is not self.type and device_of(g) != self.device
            if g.shape != place.shape or g.dtype != self.dtype or elsewhere:
                raise RuntimeError(
                    f"a parameter of {self.dtype} and shape {tuple(place.shape)} on {self.device} has a gradient of "
                    f"{g.dtype} and shape {tuple(g.shape)} on {device_of(g)}: they must agree"
                )
            gradients.append(g.ravel())
        return gradients


class SharedRun(Run):
    """A run of several parameters: values and gradients have flat buffers as well."""

    def __init__(
        self, parameters: Sequence[Any], group: Group, state: States, slots: Mapping[str, float]
    ) -> None:
        super().__init__(parameters, group, state, slots)
        with activate(self.device):
            self.values = self.xp.empty(self.size, dtype=self.dtype)
            self.gradients: Array = None
            self._blocks: dict[tuple[int, int], list[tuple[slice, Block]]] = {}
            for place in self.places:
                place.array = lent(place.of(self.values))
        self.shapes = [place.shape for place in self.places]

    def _fits(self, array: Array, place: Place) -> bool:
        # the parameter lies elsewhere: whoever may still see the place must not see it change
        return alone(place) and super()._fits(array, place)

    def _overlap(self) -> bool:
        roots = {id(root(place.parameter.array)) for place in self.outside}
        return len(roots) < len(self.outside) or not roots.isdisjoint([id(place.array) for place in self.places])

    def gradients_of(self, first: int, last: int) -> list[Array]:
        if last - first >= MANY and not undivided():
            found = [p._grad.array for p in self.parameters[first:last]]
            if (
                [g.shape for g in found] == self.shapes[first:last]
                and all(map(is_, [g.dtype for g in found], repeat(self.dtype)))
                and all(map(is_, map(type, found), repeat(self.type)))
            ):
                return found
        return self._gradients(self.places[first:last])  # which says what does not fit

    def blocks(self, first: int, last: int, gradients: list[Array]) -> Iterator[Block]:
        if self.outside:
            self._move_in(first, last)
        if undivided():
            slots = {name: kept(flat, name) for name, flat in self.slots.items()}
            values = kept(self.values, "parameters")
            together = scratch(self._buffer(self.size), "gradients")
            part = slice(self.places[first].start, self.places[last - 1].stop)
            if last - first < len(self.places):
                values, together = values[part], together[part]
                slots = {name: flat[part] for name, flat in slots.items()}
            library(together).concatenate(gradients, out=together)
            yield values, together, slots
        else:
            for some, block in self._blocks_of(first, last):
                self.xp.concatenate(gradients[some], axis=None, out=block[1])
                yield block
        for place in self.outside:
            array = place.parameter.array
            if first <= place.number < last and array is not place.array:
                array[...] = kept(place.of(self.values), "place")

    def _buffer(self, size: int) -> Array:
        """Memory for at least `size` gradients: of a block, or of all if a step is recorded."""
        if self.gradients is None or self.gradients.size < size:
            self.gradients = self.xp.empty(size, dtype=self.dtype)
        return self.gradients

    def _move_in(self, first: int, last: int) -> None:
        """Copy the values of parameters that do not live in the flat buffer to their places; those may stay there
        whom nobody would miss."""
        for place in self.outside:
            if first <= place.number < last:
                p = place.parameter
                kept(place.of(self.values), "place")[...] = p.array  # not `place.array`: see `alone`
                if alone(p) and own(p.array) and p.array.flags.c_contiguous:
                    p.array = place.array

    def _blocks_of(self, first: int, last: int) -> list[tuple[slice, Block]]:
        """Parameters [first, last) in blocks: which of them, and the flat arrays over their places."""
        found = self._blocks.get((first, last))
        if found is None:
            found = self._blocks[first, last] = []
            for a, b in self._ranges(first, last):
                part = slice(self.places[a].start, self.places[b - 1].stop)
                slots = {name: flat[part] for name, flat in self.slots.items()}
                together = self._buffer(part.stop - part.start)[: part.stop - part.start]
                found.append((slice(a - first, b - first), (self.values[part], together, slots)))
        return found

    def _ranges(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """[first, last) in parts of at most a block, or of one parameter."""
        start, length = first, BLOCK // self.dtype.itemsize
        for k in range(first + 1, last):
            if self.places[k].stop - self.places[start].start > length:
                yield start, k
                start = k
        yield start, last


class Piece(NamedTuple):
    """Parameters [first, last) of a run, which are updated together."""

    run: Run
    first: int
    last: int


class Layout:
    """The runs of one group.

    A large parameter has its own, and one with row-sparse gradients; all others of one dtype and device share one.
    """

    def __init__(self, group: Group, state: States, slots: Mapping[str, float]) -> None:
        self.group = group
        self.numbers = [*map(id, group["params"])]
        self.slots = slots
        together: dict[Any, list[Any]] = {}
        for p in group["params"]:
            if type(p._grad) is RowSparse:
                own_state(state, p).sparse = True
            apart = p.array.size >= LARGE or getattr(state.get(p), "sparse", False)
            together.setdefault(id(p) if apart else (p.array.dtype, device_of(p.array)), []).append(p)
        self.runs = [(Run if len(some) == 1 else SharedRun)(some, group, state, slots) for some in together.values()]

    def pieces(self, group: Group, state: States, slots: Mapping[str, float]) -> list[Piece] | None:
        """What to update together. None if the group must be laid out anew."""
        same = group is self.group and slots.keys() == self.slots.keys()
        if not same or [*map(id, group["params"])] != self.numbers:
            return None
        found: list[Piece] = []
        for run in self.runs:
            pieces = run.pieces(state)
            if pieces is None:
                return None
            found += [Piece(run, first, last) for first, last in pieces]
        return found
