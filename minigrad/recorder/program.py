"""A recorded program: compiled, bound to its arrays, ready to be run again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from sys import getrefcount
from threading import get_ident
from time import perf_counter
from typing import Any

from ..autograd.primitive import wrap
from ..autograd.row_sparse import RowSparse
from ..backend import buffers
from ..backend.ownership import lent
from .chains import in_blocks
from .plan import Plan
from .writer import Writer, made_new, unchanged

_TIMED = 1000  # runs that are timed, for the report


def _count(thing: Any) -> int:
    return getrefcount(thing)


def kinds_of(numbers: dict[str, Any]) -> list[type]:
    """The types of an optimizer's numbers: where one becomes None another formula is meant."""
    return [*map(type, numbers.values())]


def bump(tensor: Any) -> None:
    """Count an in-place change of a tensor's memory."""
    tensor.shared_storage().changed("a jitted step")


class Program:
    """One recording, as Python.

    Attributes:
        fits: f(*leaves) -> True if the program is for a call with these arguments, and nothing that it depends on has
            changed.
        step: f(*leaves) -> the step's result.
        source: the text of `step`.
        preparation: the text of what is made once: constants, buffers, views.
        lock: one thread at a time may run the program.
        inputs: the inputs in words.
        summary: what was recorded and what became of it, in numbers.
        runs, seconds: how often it has run, and for how long.
    """

    fits: Callable[..., bool]
    step: Callable[..., Any]

    def __init__(
        self, plan: Plan, writer: Writer, conditions: list[str], objects: dict[str, Any], cleared: list[Any]
    ) -> None:
        self.summary = plan.summary()
        self._sizes = plan.block_sizes, plan.arena_size
        self._held_blocks = plan.held_blocks
        self.lock = threading.Lock()
        self._cleared = cleared  # tensors whose gradients the step forgets first
        self.runner = 0  # the thread that runs it
        self.runs, self.seconds = 0, 0.0
        self.flat = -1  # the number of arguments, if they are the leaves themselves
        self.inputs = writer.inputs()
        self._kept = [(*names, writer.names.of(value)) for *names, value in writer.kept_gradients]
        self._blocks: dict[int, Any] = {}
        parameters = ", ".join(writer.parameters)
        body = "\n".join(f"    {line}" for line in writer.lines)
        self.source = f"def step({parameters}):\n{body}\n"
        self.preparation = "\n".join(writer.once) + "\n"
        self.space: dict[str, Any] = {
            "references": getrefcount,
            "__name__": "minigrad.recorded",  # NumPy's warnings are silenced in minigrad's own modules
            **{"new": made_new, "bump": bump, "unchanged": unchanged, "in_blocks": in_blocks, "kinds": kinds_of},
            "row_sparse": RowSparse,
            **{"array_at": self._array_at, **writer.objects},
        }
        for name, value in writer.outside.items():
            self.space[name] = value.array
        self._once = compile(self.preparation, "<recorded preparation>", "exec")
        self.held: list[tuple[str, str, str]] = []  # names of a parameter, its gradient, the array of that
        self.bind()
        exec(compile(self.source, "<recorded step>", "exec"), self.space)
        self.step = self.space["step"]
        conditions = [*conditions, *writer.conditions]
        declared = "".join(f"    global {name}\n" for name in writer.asked)
        guard = " and\n        ".join(conditions) or "True"
        self.guard_source = f"def fits({parameters}):\n{declared}    return (\n        {guard}\n    )\n"
        self.space.update(objects)
        exec(compile(self.guard_source, "<recorded guards>", "exec"), self.space)
        self.fits = self.space["fits"]

    # -- memory -----------------------------------------------------------------------------------------------------

    def bind(self) -> None:
        """Take memory, and make everything that is the same at each call."""
        self._blocks = {}
        exec(self._once, self.space)
        self._make_gradients()

    def free(self) -> None:
        """Let go of all memory: the program is not run again."""
        self.fits = lambda *leaves: False
        self.space.clear()
        self._blocks.clear()

    def renew_gradients(self) -> None:
        """Take other memory for gradients: somebody holds one of those of the last call."""
        for number in self._held_blocks:
            self._blocks.pop(number, None)
        exec(self._once, self.space)
        self._make_gradients()

    def _array_at(self, block: int, offset: int, shape: tuple, dtype: Any, strides: tuple | None = None) -> Any:
        """The array in a block of memory (-1: the arena)."""
        memory = self._blocks.get(block)
        if memory is None:
            sizes, arena = self._sizes
            size = arena if block < 0 else sizes[block]
            memory = self._blocks[block] = buffers.block(size)
        return buffers.array_in(memory, offset, shape, dtype, strides)

    def _make_gradients(self) -> None:
        """The tensors that parameters get as their `.grad`, over memory of the program."""
        self.held = []
        for owner, name, array_name, place in self._kept:
            array = self.space[place]
            self.space[array_name] = lent(array) if array.flags.c_contiguous else array
            self.space[name] = wrap(self.space[array_name])
            self.held.append((owner, name, array_name))
        array = None  # it would count as a reference
        self._write_alone()

    def _write_alone(self) -> None:
        """Write `alone`: whether nobody but the parameters refers to a gradient of the last call, or to its array."""
        conditions = []
        for owner, name, array in self.held:
            tensor_count = _count(self.space[name])  # in the program, and in the call that counts
            array_count = _count(self.space[array])
            conditions.append(f"references({name}) - ({owner}._grad is {name}) == {tensor_count - 1}")
            conditions.append(f"references({array}) == {array_count - 1}")
        text = " and\n        ".join(conditions) or "True"
        exec(
            compile(f"def alone():\n    return (\n        {text}\n    )\n", "<recorded gradients>", "exec"), self.space
        )
        self.alone = self.space["alone"]

    # -- running it -------------------------------------------------------------------------------------------------

    def run(self, leaves: Sequence[Any]) -> Any:
        """The step's result for these leaves, for which `fits` has just been True."""
        timed = self.runs < _TIMED
        start = perf_counter() if timed else 0.0
        if self.held and not self.alone():
            self.renew_gradients()
        self.runner = get_ident()
        try:
            result = self.step(*leaves)
        except Exception as error:
            for tensor in self._cleared:
                tensor._grad = None  # as it is eagerly, where the step ends early
            for owner, name, _ in self.held:
                if self.space[owner]._grad is self.space[name]:
                    self.space[owner]._grad = None  # its memory may have been written to
            error.add_note(f"(in a replay, at the line {self._line(error)!r} of the recorded step)")
            raise
        finally:
            self.runner = 0
        self.runs += 1
        if timed:
            self.seconds += perf_counter() - start
        return result

    @property
    def mean_time(self) -> float:
        """Seconds of one run, over the first runs."""
        return self.seconds / max(1, min(self.runs, _TIMED))

    def _line(self, error: Exception) -> str:
        """The line of the program at which an error was raised."""
        lines = self.source.splitlines()
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == "<recorded step>":
                return lines[trace.tb_lineno - 1].strip()
            trace = trace.tb_next
        return ""
