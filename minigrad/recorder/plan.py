"""From a recording to a plan: which calls stay, which are made once, and where every array lies.

Nothing here may change a bit of any result. So calls keep their order, their functions, and the shapes and strides of
what they get; what is planned is memory: results are written into buffers (`out=`), a buffer is used again when what it
held is not needed any more, and gradients are made where the optimizer wants them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..backend.library import address, find_library
from . import functions as known
from .chains import chains
from .memory import Arena
from .merging import merged
from .recorder import Recording
from .results import Fresh, Results, Rows
from .trace import PURE, Call, Memory, Value


class Plan:
    """What the program does at each call, what it does once, and where arrays lie.

    A result is one of these: *constant* (the same numbers at each call), *bound* (the same array at each call:
    constants, what lies in a buffer, and views of either), *placed* (made in a buffer of the program), *fresh* (made
    anew at each call, because somebody will hold it), or a local variable of the step. An array from outside is bound,
    too, unless it is *moving*: of a tensor to which the step gives another array.

    Attributes:
        constants, bound, placed, moving: ids of values.
        made: the places of the results whose arrays are made anew at each call.
        gradients: the values that become gradients of tensors from outside.
        fixed: id of a memory -> (block, offset) for what has its place before the arena is planned.
        arena_size: bytes of the memory that temporary arrays share.
        reused: number of results that are written over an input.
        once: calls made when the program is bound to its arrays (constants, views on fixed buffers).
        calls: calls made each time.
        place: id of a memory -> (block, offset in it); block -1 is the arena, which arrays share.
        block_sizes: bytes of the other blocks, which hold gradients.
        held_blocks: numbers of those in which gradients outlive the call.
        fresh: ids of memories that are made anew at each call, because somebody will hold them.
        dropped: number of calls that nobody needed.
        merged: number of calls that repeated another.
        chains: the calls made each time, in lists: those of several are made block by block.
        held: ids of the gradients' memories.
        outliving: ids of memories to which somebody refers after the step, those in `fresh` and in `held`.
        joined: number of gradients that are made in the place where the optimizer reads them.
        total, peak: bytes of all temporary arrays, and of the memory that they share.
    """

    def __init__(self, recording: Recording, results: Results, on_numpy: bool) -> None:
        self.recording, self.results = recording, results
        self.made = [results.returned, *(part for _, part in results.argument_gradients)]
        self.made += [part for _, part in results.gradients if isinstance(part, Rows)]
        self.fresh = {id(place.value.memory) for part in self.made for place in fresh_places(part)}
        self.fresh |= {id(value.memory) for _, value in results.arrays}
        replaced = {id(tensor) for tensor, _ in results.arrays}
        self.moving = {id(value) for tensor, value in recording.holders if id(tensor) in replaced}
        self.gradients = [part.value for _, part in results.gradients if isinstance(part, Fresh)]
        self.held = {id(value.memory) for value in self.gradients}
        if recording.gradients:  # the step reads old gradients: the new ones must not lie where those may
            self.fresh |= self.held
        self.outliving = self.fresh | self.held
        needed = self._needed(recording.calls)
        self.dropped = len(recording.calls) - len(needed)
        needed, self.merged = merged(needed, self.outliving)
        self.constants: set[int] = set()  # ids of values that are the same at each call
        self.bound: set[int] = set()  # ids of values that are the same array at each call
        self.placed: set[int] = set()  # ids of values made in a buffer
        self.fixed: dict[int, tuple[int, int]] = {}
        self.once: list[Call] = []
        self.calls: list[Call] = []
        self.joined = 0
        self._sort(needed, on_numpy)
        if on_numpy:
            self._join_gradients()
        self._prune()
        self._place()
        self.chains = chains(self.calls, self._where)

    def summary(self) -> dict[str, int]:
        """The numbers of a report."""
        views = sum(call.kind == "view" for call in self.once)
        return {
            "recorded": len(self.recording.calls), "calls": len(self.calls), "views": views,
            "constants": len(self.once) - views, "dropped": self.dropped, "merged": self.merged, "joined": self.joined,
            "fused": sum(len(chain) > 1 for chain in self.chains), "reused": self.reused,
            "total": self.total, "peak": self.peak,
        }  # fmt: skip

    # -- what is needed ---------------------------------------------------------------------------------------------

    def _needed(self, calls: list[Call]) -> list[Call]:
        """The calls without which something would be missing, in order."""
        memories = set(self.outliving)
        values = self._wanted()
        needed: list[Call] = []
        for call in reversed(calls):
            if call.kind in ("draw", "effect"):
                keep = True
            elif call.writes:
                keep = any(v.memory.kind != "temporary" or id(v.memory) in memories for v in call.writes)
            elif call.kind == "view":
                keep = any(id(out) in values for out in call.outs)
            else:
                keep = any(id(out.memory) in memories or id(out) in values for out in call.outs)
            if keep:
                needed.append(call)
                for value in (*call.reads(), *call.writes):
                    memories.add(id(value.memory))
                    values.add(id(value))
        return needed[::-1]

    def _wanted(self) -> set[int]:
        """Ids of the values that the step hands to somebody: returned, gradients, and new arrays of tensors."""
        wanted = {id(place.value) for part in self.made for place in fresh_places(part)}
        return wanted | {id(value) for value in self.gradients} | {id(value) for _, value in self.results.arrays}

    # -- once or each time ------------------------------------------------------------------------------------------

    def _sort(self, needed: list[Call], on_numpy: bool) -> None:
        """Divide the calls into those made once and those made each time, and choose results for buffers."""
        written = {id(v.memory) for call in needed for v in call.writes}
        for call in needed:
            reads = call.reads()
            # others may change what outlives the call
            own = call.kind != "view" and any(id(out.memory) in self.outliving for out in call.outs)
            pure = call.kind in PURE and not call.writes and not own
            settled = pure and not any(id(v.memory) in written for v in (*reads, *call.outs))
            if settled and call.outs and all(id(v) in self.constants or v.memory.kind == "constant" for v in reads):
                self.constants.update(id(out) for out in call.outs)
                self.bound.update(id(out) for out in call.outs)
                self.once.append(call)
            elif pure and call.kind == "view" and all(self._is_bound(v) for v in reads):
                self.bound.update(id(out) for out in call.outs)
                self.once.append(call)
            else:
                self.calls.append(call)
                if on_numpy and self._takes_buffer(call):
                    self.placed.update(id(out) for out in call.outs)
                    self.bound.update(id(out) for out in call.outs)

    def _is_bound(self, value: Value) -> bool:
        if id(value) in self.bound:
            return True
        return value.call is None and value.memory.kind in ("outside", "constant") and id(value) not in self.moving

    def _takes_buffer(self, call: Call) -> bool:
        """True if the call's result can be written into an array that is there already, to the same bits."""
        if len(call.outs) != 1 or call.several or call.writes:
            return False
        out = call.outs[0]
        if out.scalar or id(out.memory) in self.fresh or out.memory.owner is not out or not out.array.size:
            return False
        if find_library(type(out.array)) is None or not _dense(out.array):
            return False
        if call.kind == "ufunc":
            return call.function.nout == 1 and "out" not in call.kwargs
        if call.kind == "method":
            return call.text in ("astype", "copy")
        if call.kind == "make":
            return True
        method = known.ufunc_method(call.function)
        if method is not None:
            return method[1] in ("reduce", "accumulate")
        return call.kind == "function" and call.text in known.TAKES_OUT

    # -- gradients where the optimizer reads them -------------------------------------------------------------------

    def _join_gradients(self) -> None:
        """Make arrays that are only concatenated in their places of the result, and drop the call."""
        uses: dict[int, list[int]] = {}
        for k, call in enumerate(self.calls):
            for value in (*call.reads(), *call.writes):
                uses.setdefault(id(value.memory), []).append(k)
        made = {id(out.memory): k for k, call in enumerate(self.calls) for out in call.outs if id(out) in self.placed}
        dropped = []
        for k, call in enumerate(self.calls):
            parts = self._joinable(k, call, uses, made)
            if parts is None:
                continue
            offset = 0
            number = len(set(n for n, _ in self.fixed.values()))
            target = call.writes[0]
            self.fixed[id(target.memory)] = number, 0
            for part in parts:
                self.fixed[id(part.memory)] = number, offset
                offset += part.array.nbytes
            self.joined += len(parts)
            dropped.append(call)
        self.calls = [call for call in self.calls if not any(call is d for d in dropped)]

    def _joinable(self, k: int, call: Call, uses: dict, made: dict) -> list[Value] | None:
        """The parts of a concatenation that can be made in its result."""
        if call.text != "concatenate" or len(call.writes) != 1 or set(call.kwargs) != {"out"}:
            return None
        target = call.writes[0]
        parts = call.args[0]
        if target.memory.owner is not target or id(target) not in self.placed or target.array.ndim != 1:
            return None
        if len(call.args) != 1 or not all(isinstance(part, Value) for part in parts):
            return None
        memories = [part.memory for part in parts]
        if len({id(m) for m in memories}) != len(memories) or id(target.memory) in self.fixed:
            return None
        if min(uses.get(id(target.memory), [k])) < k or any(n > k for n in self._write_places(target.memory)):
            return None  # the result is used before, or changed afterwards
        for part in parts:
            owner = part.memory.owner
            if owner is None or id(owner) not in self.placed or id(part.memory) in self.fixed:
                return None
            if owner.array.nbytes != part.array.nbytes or not owner.array.flags.c_contiguous:
                return None
            if part.array.dtype != target.array.dtype or owner.array.dtype != target.array.dtype:
                return None
            if made.get(id(part.memory), k) >= k or any(n > k for n in self._write_places(part.memory)):
                return None
        return list(parts)

    def _write_places(self, memory: Memory) -> list[int]:
        return [k for k, call in enumerate(self.calls) if any(v.memory is memory for v in call.writes)]

    def _prune(self) -> None:
        """Drop what is made once but not used any more."""
        used = self._wanted() | {id(value) for call in self.calls for value in (*call.reads(), *call.writes)}
        kept = []
        for call in reversed(self.once):
            if any(id(out) in used for out in call.outs):
                kept.append(call)
                used |= {id(value) for value in call.reads()}
        self.once = kept[::-1]

    # -- where arrays lie -------------------------------------------------------------------------------------------

    def _place(self) -> None:
        """Give every buffer its place: gradients keep theirs, all others share one arena."""
        self.place: dict[int, tuple[int, int]] = {}  # id of a memory -> (block, offset); block -1 is the arena
        sizes: dict[int, int] = {}
        last: dict[int, int] = {}
        memories: dict[int, Memory] = {}
        for k, call in enumerate(self.calls):
            for out in call.outs:
                if id(out) in self.placed:
                    memories[id(out.memory)] = out.memory
            for value in (*call.reads(), *call.writes, *call.outs):
                last[id(value.memory)] = k
        blocks = {number for number, _ in self.fixed.values()}
        grown = {number for key, (number, _) in self.fixed.items() if key in self.held}
        for key in list(memories):
            if key in self.fixed:
                number, offset = self.fixed[key]
                self.place[key] = number, offset
                sizes[number] = max(sizes.get(number, 0), offset + memories[key].size)
            elif key in self.held:
                number = max(blocks, default=-1) + 1
                blocks.add(number)
                grown.add(number)
                self.place[key] = number, 0
                sizes[number] = memories[key].size
        arena = Arena()
        self._assign(arena, last)
        self.block_sizes = [sizes.get(number, 0) for number in range(max(sizes, default=-1) + 1)]
        self.held_blocks = grown
        self.arena_size = arena.size
        self.peak = arena.size + sum(self.block_sizes)
        self.total = sum(memory.size for memory in memories.values())
        self.reused = arena.in_place

    def _assign(self, arena: Arena, last: dict[int, int]) -> None:
        for k, call in enumerate(self.calls):
            dying = {id(v.memory) for v in (*call.reads(), *call.writes) if last[id(v.memory)] == k}
            for out in call.outs:
                key = id(out.memory)
                if id(out) not in self.placed or key in self.place:
                    continue
                heir = self._inherited(call, out, dying)
                if heir is not None:
                    self.place[key] = self.place[id(heir)]
                    arena.inherit(id(heir), key)
                    dying.discard(id(heir))
                else:
                    self.place[key] = -1, arena.take(key, out.memory.size)
                if last[key] == k:
                    dying.add(key)
            for key in dying:
                if self.place.get(key, (0, 0))[0] == -1:
                    arena.free(key)

    def _inherited(self, call: Call, out: Value, dying: set[int]) -> Memory | None:
        """Memory of an input that an elementwise result may take over: it dies here, and has the same layout."""
        if call.kind != "ufunc" or getattr(call.function, "signature", None) is not None:
            return None
        for value in call.reads():
            memory = value.memory
            if id(memory) not in dying or self.place.get(id(memory), (0, 0))[0] != -1 or memory.size != out.memory.size:
                continue
            others = [v for v in call.reads() if v.memory is memory]
            a = out.array
            if all(
                v.array.shape == a.shape and v.array.strides == a.strides and v.array.dtype == a.dtype for v in others
            ):
                return memory
        return None

    def _where(self, value: Value) -> tuple[Any, int, int] | None:
        """Where an array lies at each call: an object, and a range of bytes in it."""
        placed = self.place.get(id(value.memory))
        if placed is not None:
            owner = value.memory.owner
            if id(value) not in self.bound or owner is None or owner.array.nbytes != value.array.nbytes:
                return None
            return placed[0], placed[1], placed[1] + value.array.nbytes
        if not self._is_bound(value) or value.memory.kind != "outside":
            return None
        start = address(value.array)
        return "outside", start, start + value.array.nbytes


def _dense(array: Any) -> bool:
    """True if the array's elements fill its memory, in whatever order of dimensions."""
    if array.flags.c_contiguous or array.flags.f_contiguous:
        return True
    order = sorted(range(array.ndim), key=lambda k: -array.strides[k])
    return bool(array.transpose(order).flags.c_contiguous)


def fresh_places(part: Any) -> Iterable[Fresh]:
    """The `Fresh` places in a nested structure."""
    if isinstance(part, Fresh):
        yield part
        if part.grad is not None:
            yield from fresh_places(part.grad)
    elif isinstance(part, Rows):
        yield from fresh_places([part.rows, part.values])
    elif isinstance(part, (list, tuple)):
        for each in part:
            yield from fresh_places(each)
    elif isinstance(part, dict):
        for each in part.values():
            yield from fresh_places(each)
