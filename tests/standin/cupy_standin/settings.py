"""The state of the stand-in: how many devices it shows, which is current, and what crossed to the host.

Tests reach these through the package ``standin``: ``standin.counter`` and ``standin.settings``.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar


class CUDARuntimeError(RuntimeError):
    """CuPy's error for a failing call of CUDA, with CUDA's own words for the status."""

    WORDS: ClassVar[dict[int, str]] = {
        1: "cudaErrorInvalidValue: invalid argument",
        2: "cudaErrorMemoryAllocation: out of memory",
        100: "cudaErrorNoDevice: no CUDA-capable device is detected",
        101: "cudaErrorInvalidDevice: invalid device ordinal",
    }

    def __init__(self, status: int):
        self.status = status
        super().__init__(self.WORDS[status])


class Transfers:
    """Counts what a GPU program pays for: copies between host and device, and waits for the device.

    ``to_host`` and ``to_device`` count copies, ``waits`` the calls that need no copy of the caller's but must
    wait for the device all the same, because a shape depends on data (boolean masks, nonzero, unique).
    ``reasons`` tells them apart: ``{"item": 2, "array": 1, ...}``. ``launches`` counts kernels by name: those of the
    caller's, matrix products, universal functions, other functions that compute, copies within the device.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.to_host = self.to_device = self.waits = 0
        self.reasons: Counter[str] = Counter()
        self.launches: Counter[str] = Counter()

    def host(self, reason: str) -> None:
        self.to_host += 1
        self.reasons[reason] += 1

    def device(self, reason: str) -> None:
        self.to_device += 1
        self.reasons[reason] += 1

    def launch(self, name: str) -> None:
        self.launches[name] += 1

    def wait(self, reason: str) -> None:
        self.waits += 1
        self.reasons[reason] += 1

    @contextmanager
    def watch(self) -> Iterator[Transfers]:
        """Count what happens inside a ``with`` block only, leaving the running totals as they go on.

        The object that the block is given holds its counts once the block has ended.
        """
        before = (self.to_host, self.to_device, self.waits, self.reasons.copy(), self.launches.copy())
        seen = Transfers()
        try:
            yield seen
        finally:
            seen.to_host = self.to_host - before[0]
            seen.to_device = self.to_device - before[1]
            seen.waits = self.waits - before[2]
            seen.reasons = self.reasons - before[3]
            seen.launches = self.launches - before[4]

    def __repr__(self) -> str:
        return (
            f"Transfers(to_host={self.to_host}, to_device={self.to_device}, waits={self.waits}, "
            f"reasons={dict(self.reasons)})"
        )


class Settings:
    """What a test may change.

    ``device_count``: how many GPUs the machine has (1). With 0, CuPy imports and every use of the GPU fails.
    ``wrap_indices``: integer arrays as index wrap around where they are too large, as on a GPU (True), or
    raise as NumPy's do.
    """

    def __init__(self) -> None:
        self.device_count = 1
        self.wrap_indices = True

    @contextmanager
    def changed(self, **values: int | bool) -> Iterator[None]:
        """Change settings inside a ``with`` block: ``with settings.changed(device_count=2): ...``."""
        old = {name: getattr(self, name) for name in values}
        try:
            for name, value in values.items():
                setattr(self, name, value)
            yield
        finally:
            for name, value in old.items():
                setattr(self, name, value)


class _CurrentDevice(threading.local):
    id = 0  # CUDA keeps the current device per thread, and every thread begins on device 0


counter = Transfers()
settings = Settings()
_current = _CurrentDevice()


def current_device() -> int:
    """The number of the current device of this thread; raises where there is no device."""
    if settings.device_count == 0:
        raise CUDARuntimeError(100)
    return _current.id


def set_current_device(device: int) -> None:
    if settings.device_count == 0:
        raise CUDARuntimeError(100)
    if not 0 <= device < settings.device_count:
        raise CUDARuntimeError(101)
    _current.id = device
