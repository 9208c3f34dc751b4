"""Parameters of a group laid end to end, so that an update costs a handful of array calls however many there are.

An optimizer's rule is elementwise, so the same lines run on one parameter and on many in one flat buffer. Nobody
may notice: a parameter moves into the buffer only if minigrad allocated its array and nobody else refers to it (it
then becomes a view of its place); any other is copied in before the rule and out after it. Who is where is checked
at every step by the identity of the arrays, so that `.data = ...`, `.to()` and a second optimizer just work.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..autograd.primitive import wrap
from ..backend.devices import activate, device_of
from ..backend.library import Array, library

#: A parameter of at least this many elements is updated by itself: gathering its gradient would cost more than the
#: calls that it saves (measured: from about 30,000 float32 numbers on).
LARGE = 32_768


class _Probe:
    def __init__(self) -> None:
        self.array = object()


def _references(holder: Any) -> int:
    return sys.getrefcount(holder.array)


#: what `_references` counts for an array that only its tensor refers to
_ALONE = _references(_Probe())


def is_alone(parameter: Any) -> bool:
    """True if nobody but the parameter refers to its array, which owns its memory."""
    return parameter.array.base is None and parameter.array.flags.c_contiguous and _references(parameter) == _ALONE


class Slots(dict):
    """The state of one parameter: a dict of tensors. Assigning to it makes the optimizer lay out the group anew."""

    stale = True
    steps = 0  # how many updates the parameter has had

    def __setitem__(self, name: str, value: Any) -> None:
        self.stale = True
        super().__setitem__(name, value)

    def place(self, name: str, value: Any) -> None:
        """Set an entry without a new layout."""
        super().__setitem__(name, value)


class Run:
    """A stretch of parameters that are updated by one call of the rule: their places in the flat buffers."""

    def __init__(self, parameters: Sequence[Any], state: Mapping[Any, Slots], slots: Mapping[str, float]) -> None:
        self.parameters = list(parameters)
        arrays = [p.array for p in self.parameters]
        first = arrays[0]
        self.xp = library(first)
        self.dtype, self.device = first.dtype, device_of(first)
        self.shapes = [a.shape for a in arrays]
        self.bounds = [0]
        for a in arrays:
            self.bounds.append(self.bounds[-1] + a.size)
        self.single = len(arrays) == 1
        with activate(self.device):
            size = self.bounds[-1]
            self.values = None if self.single else self.xp.empty(size, dtype=self.dtype)
            self.gradients = None if self.single else self.xp.empty(size, dtype=self.dtype)
            self.slots = {name: self.xp.empty(size, dtype=self.dtype) for name in slots}
        self.homes = [None] * len(arrays) if self.values is None else self._views(self.values)
        self.states = [state[p] for p in self.parameters]
        for name, start in slots.items():
            for place, own in zip(self._views(self.slots[name]), self.states):
                place[...] = own[name].array if name in own else start
                own.place(name, wrap(place))
        for own in self.states:
            own.stale = False

    def _views(self, flat: Array) -> list[Array]:
        return [flat[a:b].reshape(s) for a, b, s in zip(self.bounds, self.bounds[1:], self.shapes)]

    def fits(self) -> bool:
        """True if every parameter still has the shape, dtype and device that the run was laid out for."""
        for p, home, shape, own in zip(self.parameters, self.homes, self.shapes, self.states):
            a = p.array
            if own.stale:
                return False
            if a is not home and (a.shape != shape or a.dtype != self.dtype or device_of(a) != self.device):
                return False
        return True

    def pieces(self) -> Iterator[tuple[int, int]]:
        """The longest stretches [first, last) of parameters that have a gradient and as many steps behind them."""
        first, steps = None, None
        for k, p in enumerate(self.parameters):
            here = None if p._grad is None else self.states[k].steps
            if first is not None and here != steps:
                yield first, k
                first = None
            if first is None and here is not None:
                first, steps = k, here
        if first is not None:
            yield first, len(self.parameters)

    def gather(self, first: int, last: int) -> tuple[Array, Array, dict[str, Array]]:
        """The values, gradients and state of parameters [first, last), each as one flat array."""
        a, b = self.bounds[first], self.bounds[last]
        state = {name: flat[a:b] for name, flat in self.slots.items()}
        if self.single:
            p = self.parameters[0]
            values = p.array.reshape(-1)
            return values, _gradient(p), state
        assert self.values is not None and self.gradients is not None
        for k in range(first, last):
            p, home = self.parameters[k], self.homes[k]
            if p.array is not home:
                home[...] = p.array
                if is_alone(p):
                    p.array = home
        flat = self.gradients[a:b]
        self.xp.concatenate([_gradient(p) for p in self.parameters[first:last]], out=flat)
        return self.values[a:b], flat, state

    def scatter(self, first: int, last: int, values: Array) -> None:
        """Bring the new values to the parameters that do not live in the flat buffer."""
        if self.single:
            p = self.parameters[0]
            if not self.xp.may_share_memory(values, p.array):  # its array was not contiguous: values is a copy
                p.array[...] = values.reshape(p.array.shape)
            return
        for k in range(first, last):
            if self.parameters[k].array is not self.homes[k]:
                self.parameters[k].array[...] = self.homes[k]


def _gradient(p: Any) -> Array:
    """The gradient of `p` as a flat array."""
    g = p._grad.array
    if g.dtype != p.array.dtype or g.size != p.array.size:
        raise RuntimeError(
            f"a parameter of {p.array.dtype} and shape {tuple(p.array.shape)} has a gradient of {g.dtype} and shape "
            f"{tuple(g.shape)}: they must agree"
        )
    return g.reshape(-1)


def lay_out(parameters: Sequence[Any], state: Mapping[Any, Slots], slots: Mapping[str, float]) -> list[Run]:
    """The runs of a group: neighbours of one dtype and device share one, a large parameter has its own."""
    runs: list[Run] = []
    together: list[Any] = []

    def close() -> None:
        if together:
            runs.append(Run(together, state, slots))
            together.clear()

    for p in parameters:
        if together:
            last = together[-1].array
            if last.dtype != p.array.dtype or device_of(last) != device_of(p.array):
                close()
        if p.array.size >= LARGE:
            close()
            together.append(p)
            close()
        else:
            together.append(p)
    close()
    return runs
