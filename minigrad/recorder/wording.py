"""How a program writes things down: names of objects and values, arguments, and single calls."""

from __future__ import annotations

from operator import methodcaller
from typing import Any

from ..backend.library import numpy
from . import functions as known
from .fingerprints import is_plain
from .names import Names
from .plan import Plan
from .scalars import common_dtype, takes_twin, word_for
from .trace import Call, Value, values_in

_INFIX = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**", "matmul": "@",
    "and_": "&", "or_": "|", "xor": "^", "lshift": "<<", "rshift": ">>", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
    "eq": "==", "ne": "!=",
}  # fmt: skip
_PREFIX = {"neg": "-", "pos": "+", "invert": "~"}
_AUGMENTED = {"iadd", "isub", "imul", "itruediv", "ifloordiv", "imod", "ipow", "iand", "ior", "ixor"}


class Wording:
    """Words for objects, values and calls; what they name is collected on the way.

    Attributes:
        once: lines that make constants, buffers and views.
        objects: name -> object, for everything that a line names and no other line makes.
        outside: name -> value, for arrays from outside that do not change.
        twins: (id of a scalar, dtype) -> name of the array without dimensions that holds the number, too.
    """

    def __init__(self, plan: Plan, names: Names, paths: dict[int, str]) -> None:
        self.plan, self.names, self.paths = plan, names, paths
        self.once: list[str] = []
        self.objects: dict[str, Any] = {}
        self.outside: dict[str, Value] = {}
        self.twins: dict[tuple[int, Any], str] = {}
        self._object_names: dict[Any, str] = {}
        self._buffers: set[int] = set()
        for call in plan.calls:
            self._find_twins(call)

    # -- words ------------------------------------------------------------------------------------------------------

    def thing(self, thing: Any, wanted: str) -> str:
        """The name of an object that a line needs."""
        owner = getattr(thing, "__self__", None)  # a bound method is another object each time it is taken
        key = id(thing) if owner is None else (id(owner), thing.__name__)
        found = self._object_names.get(key)
        if found is None:
            found = self._object_names[key] = self.names.unique(wanted)
            self.objects[found] = thing
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
        if type(part) is list and part and not values_in(part) and not is_plain(tuple(part)):
            return self.thing(part, f"{type(part[0]).__name__.lower()}s")
        if type(part) in (tuple, list):
            words = ", ".join(self.word(each) for each in part)
            comma = "," if len(part) == 1 and type(part) is tuple else ""
            return f"({words}{comma})" if type(part) is tuple else f"[{words}]"
        if type(part) is slice:
            return f"slice({self.word(part.start)}, {self.word(part.stop)}, {self.word(part.step)})"
        if type(part) is float:
            return self.thing(part, "not_a_number" if part != part else "infinity" if part > 0 else "minus_infinity")
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
        words = self.operands(call) + [f"{name}={self.word(part)}" for name, part in kwargs.items()]
        if _is_method(call):
            return f"{words[0]}.{call.text}({', '.join(words[1:])})"
        return f"{self.function(call)}({', '.join(words)})"

    def statement(self, call: Call) -> list[str]:
        """The lines that make a call."""
        if call.kind == "item":
            return [f"{self.word(call.args[0])}[{self.key(call.args[1])}] = {self.word(call.args[2])}"]
        if call.text in _AUGMENTED and call.kind == "operator":
            # as a function: an augmented assignment would make the name a local one of the step
            return [f"{self.function(call)}({self.word(call.args[0])}, {self.word(call.args[1])})"]
        if len(call.outs) == 1 and id(call.outs[0]) in self.plan.placed:
            return self._into_buffer(call, call.outs[0])
        text = self.expression(call)
        if call.kind == "ufunc" and call.writes and not call.kwargs:
            return [text]
        if not call.outs:
            return [text]
        if not call.several:
            return [f"{self.value(call.outs[0])} = {text}", *self.settings(call.outs[0])]
        return [f"{', '.join(self.value(out) for out in call.outs)}{',' if len(call.outs) == 1 else ''} = {text}"]

    def _into_buffer(self, call: Call, out: Value) -> list[str]:
        """The line that writes a result into its buffer."""
        name = self.buffer(out)
        words = self.operands(call)
        named = [f"{key}={self.word(part)}" for key, part in call.kwargs.items()]
        if call.kind == "make":
            if call.text in ("empty", "empty_like"):
                return []
            fill = {"zeros": "0", "zeros_like": "0", "ones": "1", "ones_like": "1"}.get(call.text)
            if fill is not None:
                return [f"{name}.fill({fill})"]
            pristine = self.names.unique(f"{name}_at_first")
            self.once.append(f"{pristine} = {self.expression(call)}")
            return [f"{self.thing(numpy.copyto, 'copyto')}({name}, {pristine})"]
        if call.kind == "method":  # astype, copy
            casting = ', casting="unsafe"' if call.text == "astype" else ""
            return [f"{self.thing(numpy.copyto, 'copyto')}({name}, {words[0]}{casting})"]
        if call.kind == "ufunc":
            if call.text in known.OUT_BY_NAME:
                return [f"{self.function(call)}({', '.join([*words, *named, f'out={name}'])})"]
            return [f"{self.function(call)}({', '.join([*words, name, *named])})"]
        last = name if call.text == "dot" else f"out={name}"
        return [f"{self.function(call)}({', '.join([*words, *named, last])})"]

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

    # -- numbers ----------------------------------------------------------------------------------------------------

    def _find_twins(self, call: Call) -> None:
        """Name arrays for the numbers that a ufunc takes (`scalars.py`)."""
        dtype = common_dtype(call)
        for part in call.args[:2] if dtype is not None else ():
            if isinstance(part, Value) and takes_twin(part, dtype) and id(part) not in self.plan.constants:
                self.twins.setdefault((id(part), dtype), "")

    def operands(self, call: Call) -> list[str]:
        """The arguments of a call, numbers beside arrays as arrays of no dimensions."""
        dtype = common_dtype(call)
        if dtype is None:
            return [self.word(part) for part in call.args]
        words = []
        for k, part in enumerate(call.args):
            if k > 1 or not takes_twin(part, dtype):
                words.append(self.word(part))
            elif not isinstance(part, Value):
                words.append(self._constant(self.word(part), dtype, word_for(part)))
            elif id(part) in self.plan.constants:
                name = self.word(part)
                words.append(self._constant(name, dtype, f"{name}_array"))
            else:
                words.append(self._twin(part, dtype))
        return words

    def _constant(self, word: str, dtype: Any, wanted: str) -> str:
        """The name of an array of no dimensions with a number that does not change."""
        if (word, dtype) not in self._object_names:
            name = self._object_names[word, dtype] = self.names.unique(wanted)
            asarray = self.thing(numpy.asarray, "asarray")
            self.once.append(f"{name} = {asarray}({word}, {self.thing(dtype, str(dtype))})")
        return self._object_names[word, dtype]

    def _twin(self, value: Value, dtype: Any) -> str:
        if not self.twins[id(value), dtype]:
            name = self.twins[id(value), dtype] = self.names.unique(f"{self.value(value)}_array")
            self.once.append(f"{name} = {self.thing(numpy.empty, 'empty')}((), {self.thing(dtype, str(dtype))})")
        return self.twins[id(value), dtype]

    def settings(self, value: Value) -> list[str]:
        """The lines that put a number into its arrays."""
        kinds = [dtype for known_id, dtype in self.twins if known_id == id(value)]
        return [f"{self._twin(value, dtype)}[()] = {self.value(value)}" for dtype in kinds]


def _is_method(call: Call) -> bool:
    """True for a call that is written as a method of its first argument."""
    return isinstance(call.function, methodcaller)


def _described(thing: Any) -> str:
    return str(thing) if hasattr(thing, "kind") and hasattr(thing, "itemsize") else type(thing).__name__.lower()
