"""``cupy.ndarray`` of the stand-in: a NumPy array that lets nobody look at it but by CuPy's ways out.

The class is put together from ``Operators`` (operators.py), ``Methods`` (methods.py) and ``Storage``
(core.py); this file holds what makes it an array on a device: construction, attributes, indexing, and
leaving for the host.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from . import core, dlpack, indexing, memory
from .core import Storage, to_dtype, view_of
from .methods import Methods
from .operators import Operators
from .settings import counter, current_device

IMPLICIT = (
    "Implicit conversion to a NumPy array is not allowed. "
    "Please use `.get()` to construct a NumPy array explicitly."
)


class Flags:
    """``a.flags``: contiguity and ownership, nothing else."""

    def __init__(self, array: Storage):
        self.c_contiguous = array._array.flags.c_contiguous
        self.f_contiguous = array._array.flags.f_contiguous
        self.owndata = array._owner is None

    @property
    def fnc(self) -> bool:
        return self.f_contiguous and not self.c_contiguous

    @property
    def forc(self) -> bool:
        return self.f_contiguous or self.c_contiguous

    def __getitem__(self, name: str) -> bool:
        if name not in ("C_CONTIGUOUS", "F_CONTIGUOUS", "OWNDATA"):
            raise KeyError(f"{name} is not defined for cupy.ndarray.flags")
        return getattr(self, name.lower())

    def __repr__(self) -> str:
        return "\n".join(f"  {name} : {self[name]}" for name in ("C_CONTIGUOUS", "F_CONTIGUOUS", "OWNDATA"))


class ndarray(Operators, Methods, Storage):
    """An array on the device: ``cupy.ndarray(shape, dtype=float, memptr=None, strides=None, order='C')``."""

    __slots__ = ()
    __module__ = "cupy"

    def __new__(
        cls, shape: Any, dtype: Any = float, memptr: Any = None, strides: Any = None, order: Any = "C"
    ) -> Any:
        shape = core.to_shape(shape)
        if memptr is None:
            array = core.garbage(shape, to_dtype(dtype), order or "C")
        else:
            array = memory.array_at(memptr, shape, to_dtype(dtype), strides)
        made = object.__new__(cls)
        made._array, made._owner, made._device = array, None, current_device()
        return made

    def __array_finalize__(self, obj: Any) -> None:
        pass

    @classmethod
    def __class_getitem__(cls, item: Any) -> Any:
        import types

        return types.GenericAlias(cls, item)

    # Attributes

    @property
    def base(self) -> Any:
        return self._owner

    @property
    def data(self) -> memory.MemoryPointer:
        return memory.pointer_of(self)

    @property
    def device(self) -> Any:
        return self.data.device

    @property
    def dtype(self) -> np.dtype:
        return self._array.dtype

    @property
    def flags(self) -> Flags:
        return Flags(self)

    @property
    def itemsize(self) -> int:
        return self._array.itemsize

    @property
    def nbytes(self) -> int:
        return self._array.nbytes

    @property
    def ndim(self) -> int:
        return self._array.ndim

    @property
    def shape(self) -> tuple[int, ...]:
        return self._array.shape

    @shape.setter
    def shape(self, shape: Any) -> None:
        made = self._array.reshape(shape)
        if self._array.size and not np.may_share_memory(made, self._array):
            raise AttributeError(
                "Incompatible shape for in-place modification. "
                "Use `.reshape()` to make a copy with the desired shape."
            )
        self._array = made

    @property
    def size(self) -> int:
        return self._array.size

    @property
    def strides(self) -> tuple[int, ...]:
        return self._array.strides

    @property
    def real(self) -> Any:
        return view_of(self, self._array.real) if self._array.dtype.kind == "c" else self

    @real.setter
    def real(self, value: Any) -> None:
        self.real[...] = value

    @property
    def imag(self) -> Any:
        if self._array.dtype.kind == "c":
            return view_of(self, self._array.imag)
        return core.new(np.zeros_like(self._array, order="C"))

    @imag.setter
    def imag(self, value: Any) -> None:
        if self._array.dtype.kind != "c":
            raise TypeError("cupy.ndarray does not have imaginary part to set")
        self.imag[...] = value

    # Indexing

    def __getitem__(self, slices: Any) -> Any:
        return indexing.getitem(self, slices)

    def __setitem__(self, slices: Any, value: Any) -> None:
        indexing.setitem(self, slices, value)

    def __len__(self) -> int:
        if self._array.ndim == 0:
            raise TypeError("len() of unsized object")
        return len(self._array)

    def __iter__(self) -> Iterator[Any]:
        if self._array.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self._array)))

    # Ways out

    def get(self, stream: Any = None, order: str = "C", out: Any = None, blocking: bool = True) -> np.ndarray:
        """A copy on the host."""
        return self._leave("get", order, out)

    def _leave(self, reason: str, order: str = "C", out: Any = None) -> np.ndarray:
        counter.host(reason)
        if out is None:
            return np.array(
                self._array, order="F" if order == "A" and Flags(self).fnc else order.replace("A", "C")
            )
        if not isinstance(out, np.ndarray):
            raise TypeError("Only numpy.ndarray can be obtained from cupy.ndarray")
        if out.dtype != self.dtype:
            raise TypeError(f"{out.dtype} array cannot be obtained from {self.dtype} array")
        if out.shape != self.shape:
            raise ValueError(f"Shape mismatch. Expected shape: {self.shape}, actual shape: {out.shape}")
        out[...] = self._array
        return out

    def item(self) -> Any:
        if self._array.size != 1:
            raise ValueError("can only convert an array of size 1 to a Python scalar")
        return self._leave("item").item()

    def tolist(self) -> Any:
        return self._leave("tolist").tolist()

    def tobytes(self, order: str = "C") -> bytes:
        return self._leave("tobytes").tobytes(order)

    def tofile(self, fid: Any, sep: str = "", format: str = "%s") -> None:
        self._leave("tofile").tofile(fid, sep, format)

    def __bool__(self) -> bool:
        if self._array.size == 0:
            warnings.warn("The truth value of an empty array is ambiguous.", DeprecationWarning, stacklevel=2)
            return False
        if self._array.size != 1:
            raise ValueError(
                "The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()"
            )
        return bool(self._leave("bool"))

    def __int__(self) -> int:
        return int(self._one("int"))

    def __float__(self) -> float:
        return float(self._one("float"))

    def __complex__(self) -> complex:
        return complex(self._one("complex"))

    def _one(self, reason: str) -> Any:
        values = self._leave(reason)
        if values.size != 1:
            raise TypeError("only 0-dimensional arrays can be converted to Python scalars")
        return values.reshape(())[()]

    def __bytes__(self) -> bytes:
        return bytes(self._leave("bytes"))

    def __repr__(self) -> str:
        return repr(self._leave("repr"))

    def __str__(self) -> str:
        return str(self._leave("str"))

    def __format__(self, format_spec: str) -> str:
        return format(self._leave("format"), format_spec)

    def __array__(self, dtype: Any = None) -> np.ndarray:
        raise TypeError(IMPLICIT)

    # Ways in, copies, exchange

    def set(self, arr: Any, stream: Any = None) -> None:
        """Overwrite with a NumPy array of the same dtype and shape."""
        if not isinstance(arr, np.ndarray):
            raise TypeError("Only numpy.ndarray can be set to cupy.ndarray")
        if arr.dtype != self.dtype:
            raise TypeError(f"{arr.dtype} array cannot be set to {self.dtype} array")
        if arr.shape != self.shape:
            raise ValueError(f"Shape mismatch. Old shape: {self.shape}, new shape: {arr.shape}")
        if not Flags(self).forc:
            raise RuntimeError("Cannot set to non-contiguous array")
        counter.device("set")
        self._array[...] = arr

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Any:
        made = core.new(self._array.copy("C"))
        made._device = self._device
        return made

    def __reduce__(self) -> Any:
        from .creation import array  # creation makes arrays of this class

        return array, (self._leave("pickle", order="A"),)

    def dumps(self) -> bytes:
        return pickle.dumps(self, -1)

    def dump(self, file: Any) -> None:
        pickle.dump(self, file, -1)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        own = self._array.__array_interface__
        return {
            "shape": self.shape,
            "typestr": own["typestr"],
            "descr": own["descr"],
            "stream": 1,
            "version": 3,
            "strides": None if self._array.flags.c_contiguous else self.strides,
            "data": (own["data"][0] if self.size else 0, False),
        }

    def __dlpack__(
        self, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: Any = None
    ) -> Any:
        return dlpack.export(self, dl_device, copy)

    def __dlpack_device__(self) -> tuple[int, int]:
        return dlpack.CUDA, self._device

    def toDlpack(self) -> Any:
        return dlpack.export(self, None, None)


core.use_class(ndarray)
