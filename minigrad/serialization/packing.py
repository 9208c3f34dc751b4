"""A structure with tensors in it, taken apart: named arrays, and JSON that says how they are put together again.

The JSON is {"format": 1, "tensors": [row, ...], "value": node}. A row describes one tensor: the entry of the file that
holds its values, and whether it is a parameter, requires a gradient, or was on a GPU; tensors of one array name one
entry. A node is null, a boolean, a string, a finite number, a list of nodes, or an object with one key that says what
it is:

    {"dict": [[node, node], ...]}  {"OrderedDict": ...}  {"tuple": [node, ...]}  {"set": ...}  {"frozenset": ...}
    {"tensor": number of the row}  {"float": "inf"}  {"int": "0x..."}  {"bytes": base64}  {"Size": [2, 3]}
    {"dtype": "float32"}  {"device": "cuda:0"}  {"generator": {...}}  {"scalar": ["float32", node]}

`unpacking.py` reads it.
"""

from __future__ import annotations

import base64
import json
import math
from collections import OrderedDict
from typing import Any

from .._tensor.size import Size
from ..autograd.node import TensorBase
from ..backend.devices import CPU, device, device_of, to_host
from ..backend.dtypes import dtype, public_dtype
from ..backend.host import bytes_to_array, is_host_array, plain_array
from ..backend.library import Array, is_array
from ..backend.random import Generator
from ..nn.parameter import Parameter, Uninitialized

FORMAT = 1
KEY = "minigrad"  # of the JSON in the file's metadata
MOST_METADATA = 10_000_000  # bytes of JSON; more goes into an entry (readers take headers of up to 100 MB)


def pack(obj: Any) -> tuple[dict[str, Array], dict[str, str]]:
    """The arrays (of NumPy, contiguous) and the metadata of the file that holds `obj`."""
    packer = Packer()
    try:
        value = packer.node(obj, ())
        text = json.dumps({"format": FORMAT, "tensors": packer.rows, "value": value})
    except RecursionError:
        raise ValueError("the structure is nested too deeply to be saved: make it flatter") from None
    if _is_state_dict(obj):
        for key, tensor in obj.items():  # tied tensors under each of their names, for other programs
            packer.arrays.setdefault(_entry_name((key,)), _contiguous(tensor.array))
    if len(text) > MOST_METADATA:
        entry = packer.free_name("minigrad.structure")
        packer.arrays[entry] = bytes_to_array(text.encode())
        text = json.dumps({"format": FORMAT, "entry": entry})
    return packer.arrays, {"format": "pt", KEY: text}  # "pt": some loaders of state dicts ask for it


def _is_state_dict(obj: Any) -> bool:
    return isinstance(obj, dict) and all(
        type(k) is str and isinstance(v, TensorBase) and not isinstance(v, Uninitialized) for k, v in obj.items()
    )


class Packer:
    """Collects the arrays and rows while it walks the structure."""

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}
        self.rows: list[dict[str, Any]] = []
        self.row_of: dict[int, int] = {}  # id of a tensor or array -> its row
        self.entry_of: dict[int, str] = {}  # id of an array -> its entry
        self.alive: list[Any] = []  # so that no id is used twice
        self.open: set[int] = set()  # the containers that lead to where we are

    def node(self, x: Any, path: tuple[Any, ...]) -> Any:
        """The JSON of `x`, which stands at `path`."""
        if x is None or isinstance(x, bool):
            return x
        if isinstance(x, TensorBase):
            return self.tensor(x, path)
        if is_array(x):
            return self.array(x, path)
        if isinstance(x, (dict, list, tuple, set, frozenset)):
            return self.container(x, path)
        simple = simple_node(x)
        if simple is None:
            raise TypeError(refusal(x, path))
        return simple

    def container(self, x: Any, path: tuple[Any, ...]) -> Any:
        if id(x) in self.open:
            raise ValueError(f"{show(path)} contains itself, and cannot be saved")
        self.open.add(id(x))
        try:
            if isinstance(x, dict):
                node = {
                    "OrderedDict" if isinstance(x, OrderedDict) else "dict": [
                        [self.key(k, path), self.node(v, (*path, k))] for k, v in x.items()
                    ]
                }
                versions = getattr(x, "_metadata", None)  # of the modules, in a state dict
                return node if versions is None else {**node, "_metadata": self.node(versions, (*path, "_metadata"))}
            if isinstance(x, Size):
                return {"Size": list(x)}
            parts = [self.node(part, (*path, k)) for k, part in enumerate(x)]
        finally:
            self.open.discard(id(x))
        for kind in (tuple, set, frozenset):
            if isinstance(x, kind):
                return {kind.__name__: parts}
        return parts

    def key(self, k: Any, path: tuple[Any, ...]) -> Any:
        """The JSON of a dict's key."""
        if isinstance(k, TensorBase):
            raise TypeError(f"a key of {show(path)} is a Tensor, and cannot be saved: use a number or a string")
        return self.node(k, (*path, k))

    def tensor(self, x: Any, path: tuple[Any, ...]) -> Any:
        if isinstance(x, Uninitialized):
            return {"uninitialized": [type(x).__name__, x.dtype.name, x.requires_grad, str(x.device)]}  # type: ignore[attr-defined]
        row = {"parameter": True} if isinstance(x, Parameter) else {}
        if x.requires_grad:  # type: ignore[attr-defined]
            row["requires_grad"] = True
        return self.row(x, x.array, row, path)

    def array(self, x: Array, path: tuple[Any, ...]) -> Any:
        if x.dtype.kind not in "biuf" or x.dtype.itemsize > 8:
            raise TypeError(f"{show(path)} is an array of {x.dtype}, which cannot be saved: make it numbers first")
        return self.row(x, x, {"array": True}, path)

    def row(self, x: Any, array: Array, row: dict[str, Any], path: tuple[Any, ...]) -> Any:
        """A node that refers to the row of `x`, a tensor or array whose values are in `array`."""
        if id(x) not in self.row_of:
            entry = self.entry_of.get(id(array))
            if entry is None:
                entry = self.entry_of[id(array)] = self.free_name(_entry_name(path))
                self.arrays[entry] = _contiguous(array)
            where = device_of(array)
            self.row_of[id(x)] = len(self.rows)
            self.rows.append({"entry": entry, **row, **({} if where == CPU else {"device": str(where)})})
            self.alive += (x, array)
        return {"tensor": self.row_of[id(x)]}

    def free_name(self, name: str) -> str:
        """`name`, or with a number behind it where it is taken."""
        number, free = 1, name
        while free in self.arrays or free == "__metadata__":
            number += 1
            free = f"{name}#{number}"
        return free


def simple_node(x: Any) -> Any:
    """The JSON of what contains nothing else; None if it is of no such kind."""
    if type(x).__module__ == "numpy" and hasattr(x, "dtype") and x.dtype.kind in "biuf" and x.dtype.itemsize <= 8:
        return {"scalar": [x.dtype.name, simple_node(x.item())]}
    if isinstance(x, int):  # json refuses integers of more than 4,300 digits
        return int(x) if x.bit_length() <= 64 else {"int": hex(x)}
    if isinstance(x, float):
        return float(x) if math.isfinite(x) else {"float": str(float(x))}
    if isinstance(x, str):
        return str.__str__(x)
    if isinstance(x, (bytes, bytearray)):
        return {"bytes": base64.b64encode(x).decode()}
    if isinstance(x, dtype):
        return {"dtype": x.name}
    if isinstance(x, device):
        return {"device": str(x)}
    if isinstance(x, Generator):
        return {"generator": {"device": str(x.device), "seed": x.initial_seed(), "state": x.state_bytes().decode()}}
    return None


def show(path: tuple[Any, ...]) -> str:
    """`checkpoint["model"][0]`: a place in the structure, as one would write it."""
    return "checkpoint" + "".join(f'["{k}"]' if isinstance(k, str) else f"[{k!r}]" for k in path)


def refusal(x: Any, path: tuple[Any, ...]) -> str:
    """Why `x` cannot be saved, and what to do."""
    name = type(x).__name__
    if callable(getattr(x, "state_dict", None)) and not isinstance(x, type):
        return (
            f"{show(path)} is a {name}, and files hold data, not objects: save its state_dict(), and load it into a "
            f"new {name} with load_state_dict(minigrad.load(f))"
        )
    return (
        f"{show(path)} is a {name}, which cannot be saved: files hold tensors, arrays, dicts, lists, tuples, sets, "
        "numbers, strings and bytes. Put what it consists of there instead"
    )


def _entry_name(path: tuple[Any, ...]) -> str:
    """What the entry of a tensor at `path` is called: 'model.0.weight'."""
    name = ".".join(str(k) for k in path) if path else "tensor"
    return name.encode("utf-8", "replace").decode()


def _contiguous(array: Array) -> Array:
    """`array` as the file has it: on the host, C order, native bytes."""
    host = to_host(array)
    host = plain_array(host) if is_host_array(host) else host
    if not host.dtype.isnative:
        host = host.astype(host.dtype.newbyteorder("="))
    public_dtype(host.dtype)
    return host if host.flags.c_contiguous else host.copy()
