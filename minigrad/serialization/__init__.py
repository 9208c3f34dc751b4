"""Saving and loading: `minigrad.save(obj, f)` and `minigrad.load(f)`.

One file in safetensors format: tensors as its entries, and the structure around them (dicts, lists, numbers, ...) as
JSON in its header (`packing.py`). Nothing in it is ever run, so a file from a stranger can do no harm. A state dict is
written as any other program expects it, and a file that any other program wrote is a dict of tensors.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from .atomic import replacing
from .container import describe, read_container, write_all, write_container
from .packing import pack
from .unpacking import unpack

Location = Any  # None, a device, a dict, or a function of the device's name


def save(
    obj: Any,
    f: Any,
    pickle_module: Any = None,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
) -> None:
    """Write `obj` into the file `f`, for `minigrad.load`.

    What can be saved: tensors and parameters, NumPy arrays and numbers, dict, OrderedDict, list, tuple, set, None,
    bool, int, float, str, bytes, `Size`, dtypes, devices and generators, in each other as deep as you like. Named
    tuples come back as tuples, subclasses of dict and list as dict and list. Tensors that are one object, or that
    share one array, still do so after loading; other views are saved by value, each as a tensor of its own. A flat
    dict of tensors (a state dict) is also a plain safetensors file, with the same keys, for every other program.

    Args:
        obj: what to save.
        f: a path, or a file that is open for writing in binary mode. A path is replaced as a whole or not at all: the
            data go to a temporary file beside it, which takes its place when they are safely on the disk.
        pickle_module, pickle_protocol, _use_new_zipfile_serialization: PyTorch's; ignored, nothing is pickled.

    Raises:
        TypeError: something in `obj` cannot be saved; the message says where it is. Modules and optimizers are saved
            by their `state_dict()`.

    >>> import io, minigrad
    >>> file = io.BytesIO()
    >>> save({"epoch": 3, "weights": minigrad.ones(2)}, file)
    >>> _ = file.seek(0)
    >>> load(file)
    {'epoch': 3, 'weights': tensor([1., 1.])}
    """
    if not hasattr(f, "write") and not isinstance(f, (str, bytes, os.PathLike)):
        raise TypeError(f"save() takes a path or a file open for writing ('wb'), got {type(f).__name__}")
    data = write_container(*pack(obj))  # everything that can be wrong with obj shows before the file is touched
    if hasattr(f, "write"):
        write_all(f, data)
    else:
        with replacing(f) as file:
            file.write(data)


def load(
    f: Any,
    map_location: Location = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
) -> Any:
    """What `minigrad.save`, or any other program that writes safetensors files, has written into the file `f`.

    A file of another program is a dict of tensors. Its bfloat16 tensors become float32, which holds every one of
    their values exactly (minigrad has no bfloat16).

    Args:
        f: a path, or a file that is open for reading in binary mode (read from where it stands).
        map_location: where the tensors go. By default where they were when saved. A device, or its name: all there.
            A dict {"cuda:0": "cpu"}: by the device's name. A function of the device's name, or, as PyTorch has it, of
            a tensor on the CPU and the device's name: it gives a device, a tensor that is there, or None for the
            default.
        pickle_module, weights_only, mmap: PyTorch's; ignored, there is nothing in these files that could be run.

    Raises:
        FileNotFoundError: there is no such file.
        RuntimeError: the file is damaged or of another kind, or holds tensors of a device that is not there.
    """
    if hasattr(f, "read"):
        return unpack(*read_container(f, describe(f)), map_location, describe(f))
    if not isinstance(f, (str, bytes, os.PathLike)):
        raise TypeError(f"load() takes a path or a file open for reading ('rb'), got {type(f).__name__}")
    if not os.path.exists(f):
        raise FileNotFoundError(f"there is no file {os.fsdecode(f)!r} to load")
    with open(f, "rb") as file:
        entries, metadata = read_container(file, describe(f))
        if file.read(1):
            raise RuntimeError(f"{describe(f)} is damaged: it goes on behind the end that its header gives")
    return unpack(entries, metadata, map_location, describe(f))


class safe_globals:
    """PyTorch's list of classes that a pickle may use. minigrad's files hold no pickles: it does nothing."""

    def __init__(self, safe_globals: list[Callable[..., Any]]) -> None:
        pass

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        pass


def add_safe_globals(safe_globals: list[Callable[..., Any]]) -> None:
    """As `safe_globals`: nothing to do."""


__all__ = ["add_safe_globals", "load", "safe_globals", "save"]
