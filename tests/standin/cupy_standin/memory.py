"""Device memory of the stand-in: pointers, allocations and the pool, over plain host memory."""

from __future__ import annotations

import ctypes
import gc
from typing import Any

import numpy as np

from .core import Storage
from .settings import current_device


class Memory:
    """An allocation: ``ptr``, ``size`` in bytes, ``device_id``."""

    def __init__(self, size: int):
        self._bytes = np.empty(max(int(size), 0), np.uint8)
        self.ptr = address(self._bytes)
        self.size = int(size)
        self.device_id = current_device()

    @property
    def device(self) -> Any:
        return _device(self.device_id)


class ArrayMemory(Memory):
    """The memory that an array lies in."""

    def __init__(self, array: Storage):
        owner = array._owner if array._owner is not None else array
        self._bytes = owner._array
        self.ptr = address(self._bytes)
        self.size = self._bytes.nbytes
        self.device_id = array._device


class MemoryPointer:
    """A place in an allocation. ``pointer + n`` is n bytes further on."""

    def __init__(self, mem: Memory, offset: int):
        self.mem = mem
        self.ptr = mem.ptr + offset
        self.device_id = mem.device_id

    @property
    def device(self) -> Any:
        return _device(self.device_id)

    def __int__(self) -> int:
        return self.ptr

    def __add__(self, offset: int) -> MemoryPointer:
        return MemoryPointer(self.mem, self.ptr - self.mem.ptr + offset)

    def __sub__(self, offset: int) -> MemoryPointer:
        return self + -offset

    def copy_from_device(self, src: MemoryPointer, size: int) -> None:
        ctypes.memmove(self.ptr, src.ptr, size)

    def copy_from_device_async(self, src: MemoryPointer, size: int, stream: Any = None) -> None:
        self.copy_from_device(src, size)

    def memset(self, value: int, size: int) -> None:
        ctypes.memset(self.ptr, value, size)

    def memset_async(self, value: int, size: int, stream: Any = None) -> None:
        self.memset(value, size)


class MemoryPool:
    """Allocates; tells how much the living arrays take. Nothing is kept for later, so used equals total."""

    def __init__(self, allocator: Any = None):
        self._limit = 0

    def malloc(self, size: int) -> MemoryPointer:
        return alloc(size)

    def used_bytes(self) -> int:
        current_device()
        return sum(o._array.nbytes for o in gc.get_objects() if issubclass(type(o), Storage) and o._owner is None)

    def total_bytes(self) -> int:
        return self.used_bytes()

    def free_bytes(self) -> int:
        return 0

    def n_free_blocks(self) -> int:
        return 0

    def free_all_blocks(self, stream: Any = None) -> None:
        current_device()

    def free_all_free(self) -> None:
        self.free_all_blocks()

    def set_limit(self, size: int | None = None, fraction: float | None = None) -> None:
        self._limit = size or 0

    def get_limit(self) -> int:
        return self._limit


class PinnedMemoryPool(MemoryPool):
    """The pool of host memory that copies go through."""


class OutOfMemoryError(MemoryError):
    """CuPy's error for a device that is full."""


pool = MemoryPool()
pinned_pool = PinnedMemoryPool()


def alloc(size: int) -> MemoryPointer:
    """``cupy.cuda.alloc``: that many bytes of device memory."""
    return MemoryPointer(Memory(size), 0)


def pointer_of(array: Storage) -> MemoryPointer:
    memory = ArrayMemory(array)
    return MemoryPointer(memory, address(array._array) - memory.ptr)


def array_at(pointer: MemoryPointer, shape: tuple, dtype: np.dtype, strides: Any) -> np.ndarray:
    """A NumPy array over device memory, which it keeps alive."""
    if strides is None:
        strides = np.empty(shape, np.dtype([("", dtype)])).strides if 0 not in shape else (0,) * len(shape)
    ends = [(n - 1) * s for n, s in zip(shape, strides, strict=True)]
    low, high = sum(e for e in ends if e < 0), sum(e for e in ends if e > 0) + dtype.itemsize
    buffer = (ctypes.c_char * (high - low if 0 not in shape else 0)).from_address(pointer.ptr + low)
    buffer._keeps = pointer.mem
    return np.ndarray(shape, dtype, buffer, -low, strides) if 0 not in shape else np.empty(shape, dtype)


def address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def _device(number: int) -> Any:
    from .cuda import Device  # the device's own memory info needs this module

    return Device(number)
