"""Devices: what they are called, which there are, and how arrays move between them."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import Any

import numpy

from .door import module_of
from .library import Array, library, load_cupy


class device:
    """A place where arrays live: `device("cpu")`, `device("cuda")`, `device("cuda", 1)`, `device("cuda:1")`.

    As a context manager it is the default device of what is created inside.

    >>> device("cuda:1").type, device("cuda:1").index, str(device("cpu"))
    ('cuda', 1, 'cpu')
    """

    __slots__ = ("_outer", "index", "type")

    def __init__(self, type: Any, index: int | None = None) -> None:
        if isinstance(type, device):
            type, index = type.type, type.index
        elif isinstance(type, int):
            type, index = "cuda", type
        elif isinstance(type, str) and ":" in type:
            type, _, number = type.partition(":")
            if index is not None or not number.isdigit():
                raise RuntimeError(f"expected a device such as 'cpu', 'cuda' or 'cuda:0', got '{type}:{number}'")
            index = int(number)
        if type not in ("cpu", "cuda"):
            raise RuntimeError(f"expected a device such as 'cpu', 'cuda' or 'cuda:0', got {type!r}")
        self.type: str = type
        self.index: int | None = index
        self._outer: list[device] = []

    def __repr__(self) -> str:
        return f"device(type='{self.type}'" + (")" if self.index is None else f", index={self.index})")

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, device):
            return NotImplemented
        return self.type == other.type and self.index == other.index

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __reduce__(self) -> tuple[Any, ...]:
        return (device, (self.type, self.index))

    def __enter__(self) -> device:
        self._outer.append(get_default_device())
        set_default_device(self)
        return self

    def __exit__(self, *exc: object) -> None:
        set_default_device(self._outer.pop())


CPU = device("cpu")


class _Default:
    device = CPU


def get_default_device() -> device:
    """Where new tensors are made unless a device is given: the CPU unless changed."""
    return _Default.device


def set_default_device(where: Any) -> None:
    """Make `where` the device of new tensors."""
    _Default.device = resolve(where)


def device_count() -> int:
    """How many CUDA devices CuPy sees; 0 without CuPy, a driver or a GPU."""
    cupy = load_cupy()
    if cupy is None:
        return 0
    try:
        return int(cupy.cuda.runtime.getDeviceCount())
    except Exception:  # CuPy raises its own CUDARuntimeError, whose class cannot be named without a GPU library
        return 0


def cuda_is_available() -> bool:
    """True when device="cuda" can be used."""
    return device_count() > 0


def cupy_or_error() -> ModuleType:
    """CuPy with a GPU behind it, or one sentence that says what is missing."""
    cupy = load_cupy()
    if cupy is None:
        raise RuntimeError(
            "device 'cuda' needs CuPy, which is not installed: pip install 'minigrad-dl[cuda]', or use device='cpu'"
        )
    if not device_count():
        raise RuntimeError(
            "device 'cuda' needs an NVIDIA GPU with a working driver, and none was found: use device='cpu'"
        )
    return cupy


def resolve(where: Any) -> device:
    """The device that `where` (None, a string, a number or a device) names, checked to exist, with its index."""
    if where is None:
        return _Default.device
    if where is CPU or where == "cpu":
        return CPU
    chosen = device(where)
    if chosen.type == "cpu":
        return CPU
    cupy = cupy_or_error()
    count = device_count()
    index = int(cupy.cuda.runtime.getDevice()) if chosen.index is None else chosen.index
    if index >= count:
        raise RuntimeError(f"device '{chosen}' does not exist: there are {count} CUDA devices, from cuda:0")
    return device("cuda", index)


def library_on(where: device) -> ModuleType:
    """The array library that makes arrays on `where`."""
    return module_of(numpy if where.type == "cpu" else cupy_or_error())


def activate(where: device) -> AbstractContextManager[Any]:
    """A context in which the library's new arrays are made on `where`."""
    return nullcontext() if where.type == "cpu" else cupy_or_error().cuda.Device(where.index)


def device_of(array: Array) -> device:
    """The device on which `array` lives."""
    return CPU if library(array).__name__ == "numpy" else device("cuda", int(array.device.id))


def to_device(array: Array, where: device) -> Array:
    """`array` itself if it lives on `where`, else a copy there."""
    here = device_of(array)
    if here == where:
        return array
    if where.type == "cpu":
        return library(array).asnumpy(array)
    with activate(where):
        return library_on(where).asarray(array)


def to_host(array: Array) -> numpy.ndarray:
    """`array` as a NumPy array: itself on the CPU, a copy from a GPU."""
    xp = library(array)
    return numpy.asarray(array) if xp.__name__ == "numpy" else xp.asnumpy(array)
