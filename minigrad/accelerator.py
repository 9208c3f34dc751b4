"""`minigrad.accelerator`: the GPU, if there is one, by a name that does not say whose.

>>> import minigrad
>>> where = minigrad.accelerator.current_accelerator() if minigrad.accelerator.is_available() else "cpu"
"""

from __future__ import annotations

from typing import Any

from . import cuda
from .backend.devices import cuda_is_available as is_available
from .backend.devices import device, device_count


def current_accelerator(check_available: bool = False) -> device | None:
    """`device("cuda")`, or None where there is no GPU."""
    return device("cuda") if is_available() else None


def current_device_index() -> int:
    """The number of the device on which "cuda" makes tensors."""
    return cuda.current_device()


def set_device_index(device: Any) -> None:
    """Make `device` the one that "cuda" means."""
    cuda.set_device(device)


def synchronize(device: Any = None) -> None:
    """Wait until a device has done everything that it was asked to."""
    cuda.synchronize(device)


__all__ = [
    "current_accelerator", "current_device_index", "device_count", "is_available", "set_device_index", "synchronize",
]  # fmt: skip
