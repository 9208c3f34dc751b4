"""``cupy.cuda``: devices, streams and events that do everything at once, and CUDA's runtime calls.

How many devices there are is ``settings.device_count``; with 0 every call raises CUDA's "no device" error.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from typing import Any

from . import memory
from .names import words
from .namespace import provide
from .settings import CUDARuntimeError, current_device, set_current_device, settings

TOTAL_BYTES = 80 * 2**30


@functools.total_ordering
class Device:
    """One GPU; ``with Device(1):`` makes it the current one for a while."""

    def __init__(self, device: Any = None):
        self.id = current_device() if device is None else int(device)
        self._left: list[int] = []

    def __int__(self) -> int:
        return self.id

    def __enter__(self) -> Device:
        self._left.append(current_device())
        set_current_device(self.id)
        return self

    def __exit__(self, *args: Any) -> None:
        set_current_device(self._left.pop())

    def __repr__(self) -> str:
        return f"<CUDA Device {self.id}>"

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Device) and other.id == self.id

    def __lt__(self, other: Any) -> bool:
        if not isinstance(other, Device):
            return NotImplemented
        return self.id < other.id

    __hash__ = None  # type: ignore[assignment]  # CuPy's devices cannot be hashed either

    def use(self) -> Device:
        set_current_device(self.id)
        return self

    def synchronize(self) -> None:
        _check_device(self.id)

    @property
    def compute_capability(self) -> str:
        return "90"

    @property
    def mem_info(self) -> tuple[int, int]:
        return TOTAL_BYTES - memory.pool.used_bytes(), TOTAL_BYTES

    @property
    def attributes(self) -> dict[str, int]:
        return {"MultiProcessorCount": 132, "MaxThreadsPerBlock": 1024, "WarpSize": 32}

    @property
    def pci_bus_id(self) -> str:
        return f"0000:0{self.id}:00.0"


class Event:
    """A moment in a stream."""

    def __init__(self, block: bool = False, disable_timing: bool = False, interprocess: bool = False):
        current_device()
        self._time = 0.0

    def record(self, stream: Any = None) -> None:
        self._time = time.perf_counter()

    def synchronize(self) -> None:
        pass

    @property
    def done(self) -> bool:
        return True


class Stream:
    """Work in order. The stand-in has finished it by the time the call returns."""

    null: Stream
    ptds: Stream

    def __init__(
        self, null: bool = False, non_blocking: bool = False, ptds: bool = False, priority: Any = None
    ):
        self.ptr = 0 if null else 2 if ptds else id(self)
        self.is_non_blocking = non_blocking
        self.priority = priority or 0

    def __enter__(self) -> Stream:
        _streams.left.append(_streams.current)
        return self.use()

    def __exit__(self, *args: Any) -> None:
        _streams.current = _streams.left.pop()

    def use(self) -> Stream:
        _streams.current = self
        return self

    @property
    def done(self) -> bool:
        return True

    def synchronize(self) -> None:
        current_device()

    def record(self, event: Any = None) -> Event:
        event = Event() if event is None else event
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        pass

    def launch_host_func(self, callback: Callable[[Any], Any], arg: Any) -> None:
        callback(arg)

    def add_callback(self, callback: Callable[..., Any], arg: Any) -> None:
        callback(self, 0, arg)

    def begin_capture(self, mode: Any = None) -> None:
        raise NotImplementedError("the stand-in captures no graphs")

    def end_capture(self) -> Any:
        raise NotImplementedError("the stand-in captures no graphs")

    def is_capturing(self) -> bool:
        return False


Stream.null = Stream(null=True)
Stream.ptds = Stream(ptds=True)


class _Streams(threading.local):
    """Every thread has its own current stream."""

    def __init__(self) -> None:
        self.current = Stream.null
        self.left: list[Stream] = []


_streams = _Streams()


def get_current_stream(device_id: int = -1) -> Stream:
    current_device()
    return _streams.current


def get_elapsed_time(start_event: Event, end_event: Event) -> float:
    """Milliseconds."""
    return (end_event._time - start_event._time) * 1000


def is_available() -> bool:
    return settings.device_count > 0


def get_device_count() -> int:
    if settings.device_count == 0:
        raise CUDARuntimeError(100)
    return settings.device_count


def _check_device(number: int) -> None:
    if not 0 <= number < get_device_count():
        raise CUDARuntimeError(101)


def get_device_properties(device: int) -> dict[str, Any]:
    _check_device(device)
    return {
        "name": b"stand-in for an NVIDIA GPU",
        "totalGlobalMem": TOTAL_BYTES,
        "major": 9,
        "minor": 0,
        "multiProcessorCount": 132,
        "warpSize": 32,
        "maxThreadsPerBlock": 1024,
    }


def _nothing(*args: Any, **kwargs: Any) -> None:
    """A call whose effect nobody sees."""


def mem_get_info() -> tuple[int, int]:
    return Device().mem_info


provide(
    "cupy.cuda",
    {
        "Device": Device,
        "Event": Event,
        "Memory": memory.Memory,
        "MemoryPointer": memory.MemoryPointer,
        "MemoryPool": memory.MemoryPool,
        "PinnedMemoryPool": memory.PinnedMemoryPool,
        "Stream": Stream,
        "alloc": memory.alloc,
        "get_allocator": lambda: memory.alloc,
        "get_current_stream": get_current_stream,
        "get_device_id": current_device,
        "get_elapsed_time": get_elapsed_time,
        "is_available": is_available,
        "set_allocator": _nothing,
        "set_pinned_memory_allocator": _nothing,
    },
)
provide(
    "cupy.cuda.runtime",
    {
        "CUDARuntimeError": CUDARuntimeError,
        "deviceSynchronize": lambda: Device().synchronize(),
        "driverGetVersion": lambda: 13000,
        "getDevice": current_device,
        "getDeviceCount": get_device_count,
        "getDeviceProperties": get_device_properties,
        "memGetInfo": mem_get_info,
        "runtimeGetVersion": lambda: 13000,
        "setDevice": set_current_device,
        "streamSynchronize": _nothing,
    },
)
provide(
    "cupy.cuda.memory",
    {
        "CUDARuntimeError": CUDARuntimeError,
        "Memory": memory.Memory,
        "MemoryPointer": memory.MemoryPointer,
        "MemoryPool": memory.MemoryPool,
        "OutOfMemoryError": memory.OutOfMemoryError,
        "alloc": memory.alloc,
    },
)
provide(
    "cupy.cuda.nvtx", {name: _nothing for name in words("Mark MarkC RangePush RangePushC RangePop RangeEnd")}
)
provide(
    "cupy",
    {
        "get_default_memory_pool": lambda: memory.pool,
        "get_default_pinned_memory_pool": lambda: memory.pinned_pool,
        "is_available": is_available,
    },
)
