"""``cupy.ElementwiseKernel``: types found from the arguments, broadcasting, outputs given or made, one launch.

Stricter than CuPy in two things: an output that overlaps another argument without being the same elements is a race
between threads and is refused, and so is what ``kernel_code`` does not know.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from .core import SCALARS, Storage, check_device, device_array, garbage, new, quiet, to_dtype
from .kernel_code import RESERVED, Code
from .namespace import provide
from .settings import counter, current_device


class Parameter:
    """`T x` or `float32 x`: a name, with a letter or a dtype."""

    def __init__(self, text: str) -> None:
        parts = text.split()
        if len(parts) < 2:
            raise Exception(f"Syntax error: {text}")
        if len(parts) > 2:
            raise NotImplementedError(f"the stand-in takes no keywords before a parameter: {text}")
        kind, self.name = parts
        self.letter = kind if len(kind) == 1 else None
        self.dtype = None if self.letter else to_dtype(kind)
        if self.name == "i":
            raise ValueError("Can not use 'i' as a parameter name")
        if self.name == "n" or self.name.startswith("_"):
            raise ValueError(f"{self.name!r}: CuPy's manual reserves n, i and names that begin with an underscore")
        if not self.name.isidentifier() or self.name in RESERVED:
            raise ValueError(f"{self.name!r} is no name for a variable in C++")


class ElementwiseKernel:
    """A kernel of the caller's for every element: ``ElementwiseKernel("T x, T y", "T z", "z = x * y", "product")``."""

    __module__ = "cupy"

    def __init__(
        self,
        in_params: str,
        out_params: str,
        operation: str,
        name: str = "kernel",
        reduce_dims: bool = True,
        preamble: str = "",
        no_return: bool = False,
        return_tuple: bool = False,
        **kwargs: Any,
    ) -> None:
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise ValueError(f'Invalid kernel name: "{name}"')
        if preamble or kwargs:
            raise NotImplementedError("the stand-in takes a kernel's body alone")
        self.in_params = tuple([Parameter(p) for p in in_params.split(",")]) if in_params else ()
        self.out_params = tuple([Parameter(p) for p in out_params.split(",")]) if out_params else ()
        self.nin, self.nout = len(self.in_params), len(self.out_params)
        self.nargs = self.nin + self.nout
        self.operation, self.name, self.__name__ = operation, name, name
        self.reduce_dims, self.no_return, self.return_tuple = reduce_dims, no_return, return_tuple
        self._compiled: dict[Any, Code] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs.keys() - {"size", "stream", "block_size"}:
            raise TypeError(f"Wrong arguments {kwargs}")
        if "size" in kwargs:
            raise NotImplementedError("the stand-in takes the size of a kernel's loop from its arguments")
        if len(args) not in (self.nin, self.nargs):
            raise TypeError(
                f"Wrong number of arguments for {self.name!r}. It must be either {self.nin} or {self.nargs} "
                f"(with outputs), but given {len(args)}."
            )
        current_device()
        given = [self._argument(a) for a in args]
        arrays = [a for a in given if isinstance(a, Storage)]
        if not arrays:
            raise ValueError("Loop size is undecided.")
        shape = np.broadcast_shapes(*[a._array.shape for a in arrays])
        ins, outs = given[: self.nin], given[self.nin :]
        types = self._types(ins, outs)
        if not outs:
            outs = [new(garbage(shape, self._dtype(p, types))) for p in self.out_params]
        for out in outs:
            if out._array.shape != shape:
                raise ValueError("Out shape is mismatched")
        if 0 not in shape:
            self._launch(ins, outs, shape, types)
        if self.no_return:
            return None
        return outs[0] if self.nout == 1 and not self.return_tuple else tuple(outs)

    def _argument(self, value: Any) -> Any:
        array = device_array(value)
        if array is not None:
            check_device(array)
            return array
        if isinstance(value, SCALARS):
            return value
        raise TypeError(f"Unsupported type {type(value)}")

    def _types(self, ins: list[Any], outs: list[Any]) -> dict[str, np.dtype]:
        """What each letter stands for: outputs that are given decide first, then inputs; numbers say nothing."""
        types: dict[str, np.dtype] = {}
        for parameter, value in (*zip(self.out_params, outs), *zip(self.in_params, ins)):
            if not isinstance(value, Storage):
                if parameter in self.out_params:
                    raise TypeError("Output arguments type must be cupy.ndarray")
                continue
            dtype = value._array.dtype
            wanted = parameter.dtype if parameter.letter is None else types.setdefault(parameter.letter, dtype)
            if dtype != wanted:
                words = (parameter.name, dtype, wanted, parameter.letter or "")
                raise TypeError(" ".join(["Type is mismatched.", *map(str, words)]).rstrip())
        return types

    @staticmethod
    def _dtype(parameter: Parameter, types: dict[str, np.dtype]) -> np.dtype:
        return types[parameter.letter] if parameter.letter else parameter.dtype  # type: ignore[return-value]

    def _launch(self, ins: list[Any], outs: list[Any], shape: tuple[int, ...], types: dict[str, np.dtype]) -> None:
        counter.launch(self.name)
        key = tuple(types.items())
        if key not in self._compiled:
            names = [[p.name for p in params] for params in (self.in_params, self.out_params)]
            self._compiled[key] = Code(self.operation, *names, types)
        self._refuse_races([a._array for a in ins if isinstance(a, Storage)], [a._array for a in outs])
        values: dict[str, Any] = {p.name: a._array for p, a in zip(self.out_params, outs)}
        for parameter, value in zip(self.in_params, ins):
            if isinstance(value, Storage):
                values[parameter.name] = np.broadcast_to(value._array, shape)
            else:
                values[parameter.name] = np.asarray(value, self._dtype(parameter, types))
        with quiet():
            self._compiled[key].run(values)

    def _refuse_races(self, ins: list[np.ndarray], outs: list[np.ndarray]) -> None:
        for k, out in enumerate(outs):
            for other in (*ins, *outs[:k]):
                same = _place(other) == _place(out)
                if not same and np.shares_memory(out, other):
                    raise RuntimeError(f"{self.name}: an output overlaps another argument, and threads would race")


def _place(array: np.ndarray) -> tuple[Any, ...]:
    return array.__array_interface__["data"][0], array.shape, array.strides, array.dtype


provide("cupy", {"ElementwiseKernel": ElementwiseKernel})
