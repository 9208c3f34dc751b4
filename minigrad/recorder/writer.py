"""Writes a plan as Python: the lines that are run once, and the step itself, from top to bottom.

The text is what runs (`Program` compiles it) and what `print(step.source)` shows.
"""

from __future__ import annotations

from typing import Any

from ..autograd.node import LEAF
from .chains import arrays_of
from .leaves import Leaf
from .names import RESERVED, Names, headline
from .plan import Plan, fresh_places
from .results import Fixed, Fresh, Given, Rows
from .trace import Call, Value
from .wording import Wording

_LARGE = 65_536  # bytes from which it matters that an array is let go before the step ends


class Writer(Wording):
    """The text of one program.

    Attributes:
        lines: the body of the step.
        kept_gradients: (name of the parameter, of its gradient, of the array of that, its value) for those in memory
            of the program.
        asked: names of the numbers that `fits` asks for; `conditions`: how it does, and what must be as it was.
        shared: id of a place in the result -> its name, for those that stand in several.
    """

    def __init__(self, plan: Plan, parameters: list[str], leaves: list[Leaf], paths: dict[int, str]) -> None:
        super().__init__(plan, Names(RESERVED | set(parameters)), paths)
        self.parameters = parameters
        self.leaves = leaves
        self.lines: list[str] = []
        self.kept_gradients: list[tuple[str, str, str, Value]] = []
        self.asked: list[str] = []
        self.conditions: list[str] = []
        self.shared: dict[int, str] = {}
        self._block_names: dict[int, str] = {}

    def inputs(self) -> list[str]:
        """What the step takes, in words."""
        words = []
        for name, leaf in zip(self.parameters, self.leaves):
            value = leaf.value
            if value is not None:
                words.append(name if value.scalar else f"{name} {value.array.dtype}{list(value.array.shape)}")
        return words

    # -- the whole --------------------------------------------------------------------------------------------------

    def write(self) -> None:
        """Write all lines."""
        plan = self.plan
        for call in plan.once:
            for value in call.reads():
                if id(value) in plan.placed:
                    self.buffer(value)
            self.once += self.statement(call)
        self._fetch()
        above = None
        numbers = list(plan.recording.numbers)
        counted: set[int] = set()  # ids of the objects whose steps have been counted by then
        gone = self._last_uses()
        for chain in plan.chains:
            call = chain[0]
            asked = []
            while numbers and numbers[0][4] <= chain[-1].number:
                asked += self._ask(numbers.pop(0), counted)
            if call.kind == "effect":
                counted.add(id(getattr(call.function, "__self__", None)))
            here = (headline(call), call.origin.line)
            lines = asked + (self.statement(call) if len(chain) == 1 else self._in_blocks(chain))
            over = [self.value(value) for each in chain for value in gone.get(each.number, ())]
            if over:
                lines.append(f"del {', '.join(over)}")
            if lines and here != above:
                self.lines.append(f"# {here[0]}" + (f"  (line {here[1][1]})" if here[1][1] else ""))
                above = here
            self.lines += lines
        for rest in numbers:
            self.lines += self._ask(rest, counted)
        self._leave()

    def _fetch(self) -> None:
        """Arrays that are others at each call."""
        plan = self.plan
        used = {id(value) for call in (*plan.once, *plan.calls) for value in (*call.reads(), *call.writes)}
        used |= {id(place.value) for place in fresh_places(plan.results.returned)}
        for parameter, leaf in zip(self.parameters, self.leaves):
            value = leaf.value
            if value is None:
                continue
            if leaf.kind == "tensor" and id(value) in used:
                self.names.give(value, f"{parameter}_values")
                self.lines.append(f"{self.value(value)} = {parameter}.array")
            else:
                self.names.same(value, parameter)
                self.lines += self.settings(value)
        for tensor, value in plan.recording.holders:
            if id(value) in plan.moving:
                self.lines.append(f"{self.value(value)} = {self.tensor(tensor)}.array")
        for tensor, value, path in plan.recording.gradients:
            self.lines.append(f"{self.value(value)} = {self.tensor(tensor)}.{path}")

    def _in_blocks(self, chain: list[Call]) -> list[str]:
        """The lines that make a chain of elementwise calls block by block."""
        for call in chain:
            for out in call.outs:
                self.buffer(out)
        arrays = arrays_of(chain)
        names = [self.value(value) for value in arrays]
        blocks = self.names.unique("blocks")
        self.once.append(f"{blocks} = in_blocks({', '.join(names)})")
        for value, name in zip(arrays, names):
            if id(value) not in self._block_names:
                self._block_names[id(value)] = self.names.unique(f"{name}_block")
            self.names.same(value, self._block_names[id(value)])
        lines = [f"for {', '.join(map(self.value, arrays))} in {blocks}:"]
        lines += [f"    {line}" for call in chain for line in self.statement(call)]
        for value, name in zip(arrays, names):
            self.names.same(value, name)
            self.outside.pop(self._block_names[id(value)], None)
        return lines

    def _last_uses(self) -> dict[int, list[Value]]:
        """Number of a call -> large arrays made at each call that are not needed after it."""
        plan = self.plan
        made: dict[int, list[Value]] = {}
        last: dict[int, int] = {}
        for call in plan.calls:
            for out in call.outs:
                if not out.scalar and id(out) not in plan.bound:
                    made.setdefault(id(out.memory), []).append(out)
            for value in (*call.reads(), *call.writes, *call.outs):
                last[id(value.memory)] = call.number
        gone: dict[int, list[Value]] = {}
        for memory, values in made.items():
            if memory not in plan.outliving and values[0].memory.size >= _LARGE:
                gone.setdefault(last[memory], []).extend(values)
        return gone

    def _ask(self, asked: Any, counted: set[int]) -> list[str]:
        """Numbers that may change from call to call. Most are asked for by `fits`, which also looks at the others."""
        function, args, result, values, _ = asked
        answer = self.names.unique("numbers")
        text = f"{self.thing(function, function.__name__.strip('_'))}({', '.join(self.word(part) for part in args)})"
        fixed = {name: value for name, value in result.items() if name not in values}
        if id(getattr(function, "__self__", None)) in counted:  # its answer follows from what the step has done before
            lines = [f"{answer} = {text}", f"unchanged({answer}, {self.thing(fixed, 'options')})"]
        else:
            lines = []
            kinds = self.thing([*map(type, result.values())], f"{answer}_kinds")
            self.asked.append(answer)
            self.conditions += [f"({answer} := {text}) is not None", f"kinds({answer}) == {kinds}"]
            for name, value in fixed.items():
                known = self.thing(value, f"{answer}_{name}")
                self.conditions.append(f"{answer}[{name!r}] == {known}")
        for name, value in values.items():
            value.name = name
            lines += [f"{self.value(value)} = {answer}[{name!r}]", *self.settings(value)]
        return lines

    def _leave(self) -> None:
        """What outlives the call: gradients, counts of changes, the result."""
        plan = self.plan
        results = plan.results
        lines = self.lines
        if results.gradients or results.arrays or results.argument_gradients:
            lines.append("# what the step leaves behind")
        self._share()
        for tensor, part in results.gradients:
            name = self.tensor(tensor)
            if isinstance(part, Fresh) and plan.place.get(id(part.value.memory), (-1, 0))[0] >= 0:
                kept = self.names.unique(f"grad_{self.paths.get(id(tensor), '')}")
                self.kept_gradients.append((name, kept, self.names.unique(f"{kept}_array"), part.value))
                self.value(part.value)
                lines.append(f"{name}._grad = {kept}")
            else:
                lines.append(f"{name}._grad = {self.made(part)}")
        for tensor, value in results.arrays:
            lines.append(f"{self.tensor(tensor)}.array = {self.value(value)}")
        written = {id(value.memory) for call in plan.calls for value in call.writes}
        for tensor, value in plan.recording.holders:
            if id(value.memory) in written:
                lines.append(f"bump({self.tensor(tensor)})")
        for number, leaf in enumerate(self.leaves):
            if leaf.kind == "tensor" and leaf.value is not None and id(leaf.value.memory) in written:
                lines.append(f"bump({self.parameters[number]})")
        for number in results.requiring:
            lines.append(f"{self.parameters[number]}.node = {self.thing(LEAF, 'LEAF')}")
        for number, part in results.argument_gradients:
            lines.append(f"{self.parameters[number]}._grad = {self.made(part)}")
        lines.append(f"return {self.made(results.returned)}")

    def _share(self) -> None:
        """Make what stands in several places of the results once."""
        results = self.plan.results
        places = [*fresh_places(results.returned)]
        for _, part in (*results.gradients, *results.argument_gradients):
            places += fresh_places(part)
        for place in places:
            if id(place) not in self.shared and sum(place is other for other in places) > 1:
                name = self.names.unique("result")
                self.lines.append(f"{name} = {self.made(place)}")
                self.shared[id(place)] = name

    def made(self, part: Any) -> str:
        """A place of the result as an expression."""
        if id(part) in self.shared:
            return self.shared[id(part)]
        if isinstance(part, Fresh):
            array = self.value(part.value)
            if part.kind is None:
                return array
            grad = "None" if part.grad is None else self.made(part.grad)
            node = "None" if part.node is None else self.thing(part.node, "LEAF" if part.node is LEAF else "returned")
            more = "" if node == grad == "None" else f", {node}" + ("" if grad == "None" else f", {grad}")
            return f"new({self.thing(part.kind, part.kind.__name__)}, {array}{more})"
        if isinstance(part, Rows):
            words = ", ".join((self.made(part.rows), self.made(part.values), repr(part.shape)))
            return f"row_sparse({words}{', coalesced=True' if part.coalesced else ''})"
        if part is None:
            return "None"
        if isinstance(part, Given):
            return self.parameters[part.number]
        if isinstance(part, Fixed):
            return self.word(part.thing)
        if isinstance(part, dict):
            return "{" + ", ".join(f"{self.word(key)}: {self.made(each)}" for key, each in part.items()) + "}"
        if isinstance(part, tuple) and hasattr(part, "_fields"):
            words = ", ".join(self.made(each) for each in part)
            return f"{self.thing(type(part), type(part).__name__)}({words})"
        words = ", ".join(self.made(each) for each in part)
        if isinstance(part, tuple):
            return f"({words}{',' if len(part) == 1 else ''})"
        return f"[{words}]"


def made_new(kind: type, array: Any, node: Any = None, grad: Any = None) -> Any:
    """A tensor for the result (`new` in a program)."""
    tensor: Any = object.__new__(kind)
    tensor.array = array
    if node is not None:
        tensor.node = node
    if grad is not None:
        tensor._grad = grad
    return tensor


def unchanged(numbers: dict[str, Any], fixed: dict[str, Any]) -> None:
    """Raise if options that select the formulas of a step have changed in its middle."""
    for name, value in fixed.items():
        if numbers[name] != value:
            raise RuntimeError(
                f"the option {name!r} of an optimizer has become {numbers[name]!r} between two of its steps inside one "
                f"jitted function (it was {value!r} when that was recorded): call the function without minigrad.jit"
            )
