"""Tracers: what stands in for arrays and numbers while a step is recorded.

A tracer looks like the array that it stands for, computes for real, and lets the recorder note each call. It has no
buffer and no `__array__`: nothing can read its values behind the recorder's back. What would need them (`if`,
`float()`, `print`) raises, and says what to do.
"""

from __future__ import annotations

import operator
import sys
from typing import Any

from ..backend.door import door
from ..backend.dtypes import register_number
from ..backend.library import register
from .library import recording_library
from .provenance import is_users
from .trace import Value

#: methods that read values on the host
READS = {
    "item": ".item()", "tolist": ".tolist()", "tobytes": ".tobytes()",
    "tofile": ".tofile()", "dump": ".dump()", "dumps": ".dumps()", "data": ".data", "ctypes": ".ctypes",
    "get": ".get()",
}  # fmt: skip


def _binary(name: str) -> Any:
    def method(self: Any, other: Any) -> Any:
        return self.recorder.operator(name, self, other)

    return method


def _reflected(name: str) -> Any:
    def method(self: Any, other: Any) -> Any:
        return self.recorder.operator(name, other, self)

    return method


def _in_place(name: str) -> Any:
    def method(self: Any, other: Any) -> Any:
        return self.recorder.in_place(name, self, other)

    return method


def _unary(name: str) -> Any:
    def method(self: Any) -> Any:
        return self.recorder.operator(name, self)

    return method


def _read(what: str) -> Any:
    def method(self: Any, *args: Any) -> Any:
        return self.recorder.refuse_read(what)

    return method


def _decide(what: str) -> Any:
    def method(self: Any, *args: Any) -> Any:
        return self.recorder.refuse_number(what)

    return method


def _compare(sign: str) -> Any:
    def method(self: Any, other: Any) -> Any:
        return self.recorder.compare(sign, self.value, other)

    return method


class Traced:
    """What tracers of arrays and of numbers share: arithmetic, and the refusal to be looked at."""

    __slots__ = ("__weakref__", "recorder", "value")

    def __init__(self, recorder: Any, value: Value) -> None:
        self.recorder = recorder
        self.value = value

    __add__, __radd__ = _binary("add"), _reflected("add")
    __sub__, __rsub__ = _binary("sub"), _reflected("sub")
    __mul__, __rmul__ = _binary("mul"), _reflected("mul")
    __truediv__, __rtruediv__ = _binary("truediv"), _reflected("truediv")
    __floordiv__, __rfloordiv__ = _binary("floordiv"), _reflected("floordiv")
    __mod__, __rmod__ = _binary("mod"), _reflected("mod")
    __pow__, __rpow__ = _binary("pow"), _reflected("pow")
    __neg__, __pos__, __abs__ = _unary("neg"), _unary("pos"), _unary("abs")

    __bool__ = _read("a branch (if, while, and, or, not, assert) on a traced value")
    __float__, __int__, __index__ = _read("float()"), _read("int()"), _read("using a traced value as an index or size")
    __complex__, __round__ = _read("complex()"), _read("round()")
    __str__ = __format__ = _read("print or format of a traced value")  # type: ignore[assignment]

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__":
            return self.recorder.run(ufunc, inputs, kwargs)
        return self.recorder.run(getattr(ufunc, method), inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        return self.recorder.run(function, args, kwargs)

    def __repr__(self) -> str:  # without the values: debuggers and tracebacks ask for it
        if door.recorder is self.recorder and is_users(sys._getframe(1).f_code):
            self.recorder.refuse_read("repr() of a traced value")
        return f"<traced {type(self.value.array).__name__}>"


class TracedNumber(Traced):
    """A Python float that may differ at each call: an argument of the step, a learning rate."""

    __slots__ = ()

    #: `isinstance(x, float)` is how operations tell numbers from arrays. It is no float underneath: C code that would
    #: read one (math.sqrt, numpy.float32) raises.
    __class__ = float  # type: ignore[assignment]

    __lt__, __le__, __gt__, __ge__ = _compare("<"), _compare("<="), _compare(">"), _compare(">=")
    __eq__, __ne__ = _compare("=="), _compare("!=")  # type: ignore[assignment]
    __float__, __int__ = _decide("float()"), _decide("int()")
    __index__, __round__ = _decide("the use as an index or size"), _decide("round()")
    __str__ = __format__ = _decide("print or format")  # type: ignore[assignment]
    __hash__ = _decide("the use as a key")  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return self.recorder.compare("!=", self.value, 0.0)


class Tracer(Traced):
    """An array. One class per array library: see `tracer_type`."""

    __slots__ = ()

    __matmul__, __rmatmul__ = _binary("matmul"), _reflected("matmul")
    __and__, __rand__ = _binary("and_"), _reflected("and_")
    __or__, __ror__ = _binary("or_"), _reflected("or_")
    __xor__, __rxor__ = _binary("xor"), _reflected("xor")
    __lshift__, __rlshift__ = _binary("lshift"), _reflected("lshift")
    __rshift__, __rrshift__ = _binary("rshift"), _reflected("rshift")
    __invert__ = _unary("invert")
    __lt__, __le__, __gt__, __ge__ = _binary("lt"), _binary("le"), _binary("gt"), _binary("ge")
    __eq__, __ne__ = _binary("eq"), _binary("ne")  # type: ignore[assignment]
    __hash__ = object.__hash__
    __iadd__, __isub__, __imul__ = _in_place("iadd"), _in_place("isub"), _in_place("imul")
    __itruediv__, __ifloordiv__, __imod__ = _in_place("itruediv"), _in_place("ifloordiv"), _in_place("imod")
    __ipow__, __iand__, __ior__, __ixor__ = _in_place("ipow"), _in_place("iand"), _in_place("ior"), _in_place("ixor")

    # -- what may be asked of an array without its values -----------------------------------------------------------

    shape = property(lambda self: self.value.array.shape)
    ndim = property(lambda self: self.value.array.ndim)
    size = property(lambda self: self.value.array.size)
    dtype = property(lambda self: self.value.array.dtype)
    strides = property(lambda self: self.value.array.strides)
    itemsize = property(lambda self: self.value.array.dtype.itemsize)
    nbytes = property(lambda self: self.value.array.nbytes)
    flags = property(lambda self: self.value.array.flags)
    device = property(lambda self: self.value.array.device)

    @property
    def base(self) -> Any:
        """The whole of the memory that this is a view of, None if it is the whole."""
        memory = self.value.memory
        if memory.owner is not self.value and memory.owner is not None:
            return self.recorder.tracer(memory.owner)
        return None if self.value.array.base is None else memory.unseen

    @property
    def T(self) -> Any:
        return self.recorder.method("transpose", self, (), {})

    def __len__(self) -> int:
        return len(self.value.array)

    def __iter__(self) -> Any:
        return iter([self[k] for k in range(len(self))])

    __contains__ = _read("`in` a traced array")

    def __getitem__(self, key: Any) -> Any:
        return self.recorder.subscript(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.recorder.assign(self, key, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # `__array_struct__` and its kin would hand out the memory
        if name in READS:
            self.recorder.refuse_read(READS[name])
        found = getattr(self.value.array, name)  # AttributeError as of the array itself
        if not callable(found):
            return found
        return lambda *args, **kwargs: self.recorder.method(name, self, args, kwargs)

    __dlpack__, __dlpack_device__ = _read("handing out a traced array's memory"), _read("__dlpack_device__")
    __array__ = _read("reading a traced array's values")  # NumPy would otherwise take it for a sequence

    def __deepcopy__(self, memo: Any) -> Any:
        return self.recorder.method("copy", self, (), {})

    __reduce__ = _read("pickling a traced array")  # type: ignore[assignment]


class ScalarTracer(Tracer):
    """A scalar of NumPy's: as eagerly, it is no array to the engine, which makes one of it where it needs one."""

    __slots__ = ()


_types: dict[Any, type[Tracer]] = {}


def tracer_type(xp: Any) -> type[Tracer]:
    """The class of the tracers of one array library."""
    found = _types.get(xp)
    if found is None:
        found = _types[xp] = type("Tracer", (Tracer,), {"__slots__": ()})
        register(found, recording_library(xp))
    return found


OPERATORS = {
    name: getattr(operator, name)
    for name in (
        "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_", "xor", "lshift", "rshift",
        "lt", "le", "gt", "ge", "eq", "ne", "neg", "pos", "abs", "invert", "iadd", "isub", "imul", "itruediv",
        "ifloordiv", "imod", "ipow", "iand", "ior", "ixor",
    )
}  # fmt: skip

COMPARISONS = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip

#: the ufunc that NumPy's operator calls; not `pow`, which has short ways of its own for some exponents
UFUNCS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide", "floordiv": "floor_divide",
    "mod": "remainder", "matmul": "matmul", "and_": "bitwise_and", "or_": "bitwise_or", "xor": "bitwise_xor",
    "lshift": "left_shift", "rshift": "right_shift", "lt": "less", "le": "less_equal", "gt": "greater",
    "ge": "greater_equal", "eq": "equal", "ne": "not_equal", "neg": "negative", "pos": "positive", "abs": "absolute",
    "invert": "invert", "iadd": "add", "isub": "subtract", "imul": "multiply", "itruediv": "true_divide",
    "ifloordiv": "floor_divide", "imod": "remainder", "iand": "bitwise_and", "ior": "bitwise_or", "ixor": "bitwise_xor",
}  # fmt: skip

register_number(TracedNumber)
