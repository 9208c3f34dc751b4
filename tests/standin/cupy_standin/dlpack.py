"""DLPack among device arrays. What leaves says that it lies on a GPU, so NumPy cannot take it."""

from __future__ import annotations

from typing import Any

from .core import Storage, check_device, view_of
from .settings import counter

CPU, CUDA = 1, 2


class Capsule:
    """What ``__dlpack__`` hands out; only the stand-in's ``from_dlpack`` can open it."""

    def __init__(self, array: Storage):
        self.array = array


def export(array: Any, dl_device: Any, copy: Any) -> Any:
    if dl_device is None or dl_device == array.__dlpack_device__():
        if copy is True:
            raise BufferError("copy=True only supported for copy to CPU.")
        return Capsule(array)
    if tuple(dl_device) != (CPU, 0):
        raise BufferError("unsupported device requested.")
    if copy is False:
        raise ValueError("GPU memory cannot be exported to CPU without copy.")
    counter.host("dlpack")
    return array._array.copy().__dlpack__()


def from_dlpack(array: Any, *, device: Any = None, copy: Any = None) -> Any:
    """``cupy.from_dlpack``: a view of another device array; TypeError for arrays on the CPU."""
    if device is not None:
        raise NotImplementedError("from_dlpack() does not support device yet.")
    if isinstance(array, Capsule):
        capsule = array
    else:
        kind = array.__dlpack_device__()[0]
        if kind == CPU:
            raise TypeError(
                "CPU arrays cannot be directly imported to CuPy. "
                "Use `cupy.array(numpy.from_dlpack(input))` instead."
            )
        if kind != CUDA:
            raise TypeError(f"Unsupported array type: {kind}")
        capsule = array.__dlpack__(stream=1, max_version=(1, 0), copy=copy)
    if not isinstance(capsule, Capsule):
        raise BufferError("the stand-in for CuPy exchanges memory with its own arrays alone")
    check_device(capsule.array)
    made = view_of(capsule.array, capsule.array._array.view())
    made._owner = None  # CuPy knows nothing of the array behind a capsule
    return made
