"""`minigrad.cuda`: which GPUs there are, and what one asks of them. Nothing here fails where there is none, but for
what needs one."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from typing import Any

from ._tensor.conversion_methods import TYPE_NAMES
from ._tensor.legacy import TensorType
from .backend import devices
from .backend.devices import cuda_is_available as is_available
from .backend.devices import cupy_or_error, device_count
from .backend.random import default_generator
from .ops.recurrent import lending

Device = Any  # a device, its name or number, or None for the current one


def _chosen(where: Device) -> devices.device:
    """The CUDA device that is meant, checked to exist."""
    found = devices.resolve("cuda" if where is None else where)
    if found.type != "cuda":
        raise ValueError(f"expected a CUDA device such as 'cuda:0', got '{found}'")
    return found


def current_device() -> int:
    """The number of the device on which "cuda" makes tensors."""
    return _index(None)


def _index(where: Device) -> int:
    index = _chosen(where).index
    assert index is not None  # `resolve` gives it
    return index


def set_device(device: Device) -> None:
    """Make `device` the one that "cuda" means. A negative number changes nothing."""
    if not (isinstance(device, int) and device < 0):
        cupy_or_error().cuda.Device(_index(device)).use()


class device:
    """The device that "cuda" means inside a `with` block. None or a negative number changes nothing."""

    def __init__(self, device: Any) -> None:
        self.idx = -1 if device is None or (isinstance(device, int) and device < 0) else _index(device)

    def __enter__(self) -> None:
        self._outer = ExitStack()
        if self.idx >= 0:
            inner: AbstractContextManager[Any] = cupy_or_error().cuda.Device(self.idx)
            self._outer.enter_context(inner)

    def __exit__(self, *exc: object) -> None:
        self._outer.close()


def synchronize(device: Device = None) -> None:
    """Wait until a device has done everything that it was asked to."""
    cupy_or_error().cuda.Device(_index(device)).synchronize()


def _properties(where: Device) -> dict[str, Any]:
    return cupy_or_error().cuda.runtime.getDeviceProperties(_index(where))


def get_device_name(device: Device = None) -> str:
    """What the maker calls a device."""
    name = _properties(device)["name"]
    return name.decode() if isinstance(name, bytes) else name


def get_device_capability(device: Device = None) -> tuple[int, int]:
    """The compute capability of a device, (major, minor)."""
    found = _properties(device)
    return found["major"], found["minor"]


# -- random numbers ----------------------------------------------------------------------------------------------


def manual_seed(seed: int) -> None:
    """Seed the default generator of the current device; without a GPU nothing."""
    if is_available():
        default_generator(_chosen(None)).manual_seed(seed)


def manual_seed_all(seed: int) -> None:
    """Seed the default generators of all CUDA devices; without a GPU nothing."""
    for index in range(device_count()):
        default_generator(devices.device("cuda", index)).manual_seed(seed)


def get_rng_state(device: Device = "cuda") -> Any:
    """The state of a device's default generator, a uint8 tensor on the CPU."""
    return default_generator(_chosen(device)).get_state()


def set_rng_state(new_state: Any, device: Device = "cuda") -> None:
    """Continue a device's default generator from a state."""
    default_generator(_chosen(device)).set_state(new_state)


# -- memory ------------------------------------------------------------------------------------------------------


class _Peak:
    """The most bytes in use that any of the functions below has seen, by device. (CuPy does not count them.)"""

    seen: dict[int, int] = {}  # noqa: RUF012 (one for all)


def _pool(where: Device) -> tuple[int, Any]:
    index = _index(where)
    cupy = cupy_or_error()
    with cupy.cuda.Device(index):
        pool = cupy.get_default_memory_pool()
        used = int(pool.used_bytes())
        _Peak.seen[index] = max(_Peak.seen.get(index, 0), used)
        return used, int(pool.total_bytes())


def memory_allocated(device: Device = None) -> int:
    """Bytes that arrays on a device take; 0 without a GPU."""
    return _pool(device)[0] if is_available() else 0


def memory_reserved(device: Device = None) -> int:
    """Bytes that CuPy's memory pool holds on a device, in use or ready for the next arrays; 0 without a GPU."""
    return _pool(device)[1] if is_available() else 0


def max_memory_allocated(device: Device = None) -> int:
    """The most bytes in use when any of these functions looked, a lower bound of the peak; 0 without a GPU.

    Departs from PyTorch, which records the peak itself; CuPy's pool does not.
    """
    if not is_available():
        return 0
    _pool(device)
    return _Peak.seen[_index(device)]


def reset_peak_memory_stats(device: Device = None) -> None:
    """Let `max_memory_allocated` start anew."""
    if is_available():
        _Peak.seen.pop(_index(device), None)


def mem_get_info(device: Device = None) -> tuple[int, int]:
    """Bytes that are free on a device, and that it has."""
    with cupy_or_error().cuda.Device(_index(device)):
        free, total = cupy_or_error().cuda.runtime.memGetInfo()
        return int(free), int(total)


def empty_cache() -> None:
    """Give back the memory that is kept ready for later: CuPy's, and what recurrent layers keep, on the CPU too."""
    lending.clear()
    if is_available():
        cupy_or_error().get_default_memory_pool().free_all_blocks()


FloatTensor, DoubleTensor, HalfTensor, LongTensor, IntTensor, ShortTensor, CharTensor, ByteTensor, BoolTensor = (
    TensorType(name, kind, "cuda") for name, kind in TYPE_NAMES.items()
)

__all__ = [
    "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor", "IntTensor", "LongTensor",
    "ShortTensor", "current_device", "device", "device_count", "empty_cache", "get_device_capability",
    "get_device_name", "get_rng_state", "is_available", "manual_seed", "manual_seed_all", "max_memory_allocated",
    "mem_get_info", "memory_allocated", "memory_reserved", "reset_peak_memory_stats", "set_device", "set_rng_state",
    "synchronize",
]  # fmt: skip
