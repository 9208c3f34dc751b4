"""Writes a plan as Python: the lines that are run once, and the step itself, from top to bottom.

The text is what runs (`Program` compiles it) and what `print(step.source)` shows.
"""

from __future__ import annotations

from operator import methodcaller
from typing import Any

from ..autograd.node import LEAF
from ..backend.library import find_library
from . import functions as known
from .fusing import arrays_of
from .leaves import Leaf
from .names import Names, headline
from .plan import Plan, fresh_places
from .reach import is_plain
from .results import Fixed, Fresh, Given
from .trace import Call, Value, values_in

_INFIX = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**", "matmul": "@",
    "and_": "&", "or_": "|", "xor": "^", "lshift": "<<", "rshift": ">>", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
    "eq": "==", "ne": "!=",
}  # fmt: skip
_LARGE = 65_536  # bytes from which it matters that an array is let go before the step ends
_PREFIX = {"neg": "-", "pos": "+", "invert": "~"}
_AUGMENTED = {
    "iadd": "+=", "isub": "-=", "imul": "*=", "itruediv": "/=", "ifloordiv": "//=", "imod": "%=", "ipow": "**=",
    "iand": "&=", "ior": "|=", "ixor": "^=",
}  # fmt: skip
#: names that lines of the program use themselves
_RESERVED = {"in_blocks", "unchanged", "array_at", "new", "bump", "step", "fits", "None", "True", "False"}


class Writer:
    """The text of one program, and the objects that its names stand for.

    Attributes:
        once: lines that make constants, buffers and views.
        lines: the body of the step.
        objects: name -> object, for everything that a line names and no other line makes.
        outside: name -> value, for arrays from outside that do not change.
        kept_gradients: (name of the parameter, name of the gradient, its value) for gradients in memory of the program.
        asked: (name, expression, the parts that must be as they were, types) for numbers that `fits` asks for.
    """

    def __init__(self, plan: Plan, parameters: list[str], leaves: list[Leaf], paths: dict[int, str]) -> None:
        self.plan = plan
        self.paths = paths
        self.leaves = leaves
        self.shared: dict[int, str] = {}  # id of a place in the result -> its name, for those that stand in several
        self.names = Names(_RESERVED | set(parameters))
        self.parameters = parameters
        self.once: list[str] = []
        self.lines: list[str] = []
        self.objects: dict[str, Any] = {}
        self.outside: dict[str, Value] = {}
        self.kept_gradients: list[tuple[str, str, Value]] = []
        self.asked: list[tuple[str, str, dict[str, Any], list[type]]] = []
        self._object_names: dict[Any, str] = {}
        self._alive: list[Any] = []
        self._buffers: set[int] = set()

    # -- words ------------------------------------------------------------------------------------------------------

    def thing(self, thing: Any, wanted: str) -> str:
        """The name of an object that a line needs."""
        owner = getattr(thing, "__self__", None)  # a bound method is another object each time it is taken
        key = id(thing) if owner is None else (id(owner), thing.__name__)
        found = self._object_names.get(key)
        if found is None:
            found = self._object_names[key] = self.names.unique(wanted)
            self.objects[found] = thing
            self._alive.append(thing)
        return found

    def tensor(self, tensor: Any) -> str:
        """The name of a tensor from outside."""
        return self.thing(tensor, f"tensor_{self.paths.get(id(tensor), '')}")

    def word(self, part: Any) -> str:
        """An argument as the program writes it."""
        if isinstance(part, Value):
            return self.value(part)
        if part is None or part is Ellipsis or type(part) in (bool, int, str):
            return "..." if part is Ellipsis else repr(part)
        if type(part) is float and part == part and abs(part) != float("inf"):
            return repr(part)
        if type(part) is list and part and not any(True for _ in values_in(part)) and not is_plain(tuple(part)):
            return self.thing(part, f"{type(part[0]).__name__.lower()}s")
        if type(part) in (tuple, list):
            words = ", ".join(self.word(each) for each in part)
            comma = "," if len(part) == 1 and type(part) is tuple else ""
            return f"({words}{comma})" if type(part) is tuple else f"[{words}]"
        if type(part) is slice:
            return f"slice({self.word(part.start)}, {self.word(part.stop)}, {self.word(part.step)})"
        return self.thing(part, getattr(part, "__name__", None) or _described(part))

    def value(self, value: Value) -> str:
        """The name of a value; one from outside that does not change is noted as such."""
        name = self.names.of(value)
        if value.call is None and value.memory.kind in ("outside", "constant") and id(value) not in self.plan.moving:
            self.outside[name] = value
        return name

    def key(self, key: Any) -> str:
        """A subscript."""
        if type(key) is slice:
            start, stop, step = ("" if part is None else self.word(part) for part in (key.start, key.stop, key.step))
            return f"{start}:{stop}" + (f":{step}" if step else "")
        if type(key) is tuple and key:
            return ", ".join(self.key(part) for part in key) + ("," if len(key) == 1 else "")
        return self.word(key)

    def function(self, call: Call) -> str:
        return self.thing(call.function, call.text.replace(".", "_"))

    # -- calls ------------------------------------------------------------------------------------------------------

    def expression(self, call: Call) -> str:
        """The call as an expression."""
        args, kwargs = call.args, call.kwargs
        if call.text in _INFIX and call.kind == "operator":
            return f"{self.word(args[0])} {_INFIX[call.text]} {self.word(args[1])}"
        if call.text in _PREFIX and call.kind == "operator":
            return f"{_PREFIX[call.text]}{self.word(args[0])}"
        if call.text == "getitem":
            return f"{self.word(args[0])}[{self.key(args[1])}]"
        words = [self.word(part) for part in args] + [f"{name}={self.word(part)}" for name, part in kwargs.items()]
        if _is_method(call):
            return f"{words[0]}.{call.text}({', '.join(words[1:])})"
        return f"{self.function(call)}({', '.join(words)})"

    def statement(self, call: Call) -> list[str]:
        """The lines that make a call."""
        if call.kind == "item":
            return [f"{self.word(call.args[0])}[{self.key(call.args[1])}] = {self.word(call.args[2])}"]
        if call.text in _AUGMENTED and call.kind == "operator":
            return [f"{self.word(call.args[0])} {_AUGMENTED[call.text]} {self.word(call.args[1])}"]
        if len(call.outs) == 1 and id(call.outs[0]) in self.plan.placed:
            return self._into_buffer(call, call.outs[0])
        text = self.expression(call)
        if call.kind == "ufunc" and call.writes and not call.kwargs:
            return [text]
        if not call.outs:
            return [text]
        if not call.several:
            return [f"{self.value(call.outs[0])} = {text}"]
        return [f"{', '.join(self.value(out) for out in call.outs)}{',' if len(call.outs) == 1 else ''} = {text}"]

    def _into_buffer(self, call: Call, out: Value) -> list[str]:
        """The line that writes a result into its buffer."""
        name = self.buffer(out)
        words = [self.word(part) for part in call.args]
        named = [f"{key}={self.word(part)}" for key, part in call.kwargs.items()]
        if call.kind == "make":
            if call.text in ("empty", "empty_like"):
                return []
            fill = {"zeros": "0", "zeros_like": "0", "ones": "1", "ones_like": "1"}.get(call.text)
            if fill is not None:
                return [f"{name}.fill({fill})"]
            pristine = self.names.unique(f"{name}_at_first")
            self.once.append(f"{pristine} = {self.expression(call)}")
            return [f"{self.copyto(out)}({name}, {pristine})"]
        if call.kind == "method":  # astype, copy
            casting = ', casting="unsafe"' if call.text == "astype" else ""
            return [f"{self.copyto(out)}({name}, {words[0]}{casting})"]
        if call.kind == "ufunc":
            if call.text in known.OUT_BY_NAME:
                return [f"{self.function(call)}({', '.join([*words, *named, f'out={name}'])})"]
            return [f"{self.function(call)}({', '.join([*words, name, *named])})"]
        last = name if call.text == "dot" else f"out={name}"
        return [f"{self.function(call)}({', '.join([*words, *named, last])})"]

    def copyto(self, out: Value) -> str:
        xp: Any = find_library(type(out.array))
        return self.thing(xp.copyto, "copyto")

    def buffer(self, out: Value) -> str:
        """The name of a value's buffer, made by a line of its own."""
        name = self.value(out)
        if id(out) not in self._buffers:
            self._buffers.add(id(out))
            block, offset = self.plan.place[id(out.memory)]
            array = out.array
            dtype = self.thing(array.dtype, str(array.dtype))
            strides = "" if array.flags.c_contiguous else f", strides={array.strides}"
            self.once.append(f"{name} = array_at({block}, {offset}, {array.shape}, {dtype}{strides})")
        return name

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
        for tensor, value in plan.recording.holders:
            if id(value) in plan.moving:
                self.lines.append(f"{self.value(value)} = {self.tensor(tensor)}.array")
        for tensor, value in plan.recording.gradients:
            self.lines.append(f"{self.value(value)} = {self.tensor(tensor)}._grad.array")

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
            self.names.same(value, f"{name}_block")
        lines = [f"for {', '.join(map(self.value, arrays))} in {blocks}:"]
        lines += [f"    {line}" for call in chain for line in self.statement(call)]
        for value, name in zip(arrays, names):
            self.names.same(value, name)
            self.outside.pop(f"{name}_block", None)
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
            self.asked.append((answer, text, fixed, [*map(type, result.values())]))
        for name, value in values.items():
            value.name = name
            lines.append(f"{self.value(value)} = {answer}[{name!r}]")
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
                self.kept_gradients.append((name, kept, part.value))
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


def _is_method(call: Call) -> bool:
    """True for a call that is written as a method of its first argument."""
    return isinstance(call.function, methodcaller)


def _described(thing: Any) -> str:
    return str(thing) if hasattr(thing, "kind") and hasattr(thing, "itemsize") else type(thing).__name__.lower()


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
