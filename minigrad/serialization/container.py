"""The safetensors file itself: named arrays and texts to bytes and back, and what is wrong with a file that is none.

The `safetensors` library writes and checks the format; it is loaded when it is first needed.
"""

from __future__ import annotations

import io
import json
import os
from typing import Any

from ..backend.dtypes import named_dtype
from ..backend.host import bytes_to_array
from ..backend.library import Array

#: the format's name of a dtype -> NumPy's
DTYPES = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "U32": "uint32", "I32": "int32",
    "U64": "uint64", "I64": "int64", "F16": "float16", "F32": "float32", "F64": "float64",
}  # fmt: skip

MOST_HEADER = 100_000_000  # bytes; the library reads no longer ones


def describe(f: Any) -> str:
    """What to call a file in a message."""
    name = os.fsdecode(f) if isinstance(f, (str, bytes, os.PathLike)) else getattr(f, "name", None)
    return repr(name) if isinstance(name, str) else f"this {type(f).__name__}"


def write_container(arrays: dict[str, Array], metadata: dict[str, str]) -> bytes:
    """The bytes of a file with these arrays (of NumPy, contiguous) and texts."""
    from safetensors.numpy import save

    return save(arrays, metadata)


def write_all(f: Any, data: bytes) -> None:
    """Write `data` to an open file. (Unbuffered files may take only a part at a time.)"""
    if isinstance(f, io.TextIOBase):
        raise TypeError(f"{describe(f)} is open as text: open it with open(name, 'wb')")
    rest = memoryview(data)
    while rest:
        written = f.write(rest)
        rest = rest[len(rest) if written is None else written :]


def read_container(f: Any, name: str) -> tuple[dict[str, Array], dict[str, str]]:
    """The arrays and texts of the file that begins where the open file `f` stands; `f` then stands behind it."""
    if isinstance(f, io.TextIOBase):
        raise TypeError(f"{name} is open as text: open it with open(name, 'rb')")
    from safetensors import SafetensorError, deserialize

    start = _read(f, 8)
    if not start:
        raise RuntimeError(f"{name} is empty: it holds no tensors")
    length = int.from_bytes(start, "little")
    header = _read(f, length) if len(start) == 8 and length <= MOST_HEADER else b""
    if not header.startswith(b"{"):
        raise RuntimeError(foreign(name, start + header, f))
    if len(header) < length:
        raise RuntimeError(f"{name} is truncated: {len(header)} of its header's {length} bytes are there")
    try:
        table = json.loads(header)
        metadata = table.pop("__metadata__", {})
        size = max((entry["data_offsets"][1] for entry in table.values()), default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        raise RuntimeError(f"{name} is damaged: its header cannot be read") from None
    data = _read(f, size)
    if len(data) < size:
        raise RuntimeError(f"{name} is truncated: {len(data)} of the {size} bytes of its tensors are there")
    try:
        entries = dict(deserialize(start + header + data))
    except (SafetensorError, OverflowError) as error:
        raise RuntimeError(f"{name} is damaged: {error}") from None
    return {key: _array(entries[key], key, name) for key in table}, metadata


def _read(f: Any, size: int) -> bytes:
    """`size` bytes, or as many as there are. (Unbuffered files may give only a part at a time.)"""
    parts = []
    while size > 0 and (part := f.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _array(entry: dict[str, Any], key: str, name: str) -> Array:
    """One entry as an array. bfloat16 becomes float32: it is float32's first two bytes."""
    kind = entry["dtype"]
    raw = bytes_to_array(entry["data"])
    if kind == "BF16":
        return (raw.view("uint16").astype("uint32") << 16).view("float32").reshape(entry["shape"])
    if kind not in DTYPES:
        raise RuntimeError(f"{name} holds {key!r} of dtype {kind}, which minigrad does not have: convert it first")
    return raw.view(named_dtype(DTYPES[kind]).dtype).reshape(entry["shape"])


def foreign(name: str, start: bytes, f: Any) -> str:
    """What to say of a file that is not of the format and begins with `start`."""
    if start.startswith(b"PK\x03\x04"):
        content = start + _read(f, 65536)
        if b".npy" in content and b"data.pkl" not in content:
            return f"{name} is a NumPy .npz file: read it with numpy.load"
        return f"{name} is {_PICKLE}"
    if start.startswith(b"\x80"):
        return f"{name} is {_PICKLE}"
    if start.startswith(b"\x93NUMPY"):
        return f"{name} is a NumPy .npy file: read it with numpy.load"
    return f"{name} is not a safetensors file, or is damaged: minigrad.load reads what minigrad.save wrote"


_PICKLE = (
    "a pickle, as torch.save writes, which minigrad does not read because loading one can run any program. Convert it "
    "once with PyTorch: safetensors.torch.save_file(torch.load(name), new_name) for a state dict, then minigrad.load"
)
