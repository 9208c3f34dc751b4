"""Arrays and JSON of a file, put together again; `packing.py` describes the JSON."""

from __future__ import annotations

import base64
import inspect
import json
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from .._tensor.sampling import Generator
from .._tensor.size import Size
from ..autograd.node import LEAF, TensorBase
from ..autograd.primitive import wrap
from ..backend.devices import device, resolve, to_device
from ..backend.dtypes import named_dtype
from ..backend.host import host_array
from ..backend.library import Array
from ..nn.parameter import Parameter, UninitializedBuffer, UninitializedParameter
from .packing import FORMAT, KEY


def unpack(entries: dict[str, Array], metadata: dict[str, str], map_location: Any, name: str) -> Any:
    """The structure that a file held. `name` is what to call the file in messages."""
    place = placement(map_location, name)
    if KEY not in metadata:  # another program's file
        return {key: wrap(place(array, "cpu")) for key, array in entries.items()}
    try:
        structure = json.loads(metadata[KEY])
        if structure["format"] > FORMAT:
            raise RuntimeError(f"{name} was written by a newer minigrad: update minigrad to load it")
        if "entry" in structure:
            structure.update(json.loads(entries[structure["entry"]].tobytes()))
        rows, node = structure["tensors"], structure["value"]
        arrays = {source(row): entries[row["entry"]] for row in rows}
    except DAMAGE as error:
        raise _damaged(name, error) from error
    placed = {(entry, where): place(array, where) for (entry, where), array in arrays.items()}
    try:
        return Unpacker(rows, placed, place).value(node)
    except DAMAGE as error:
        raise _damaged(name, error) from error


#: what nodes that `pack` never writes raise on the way
DAMAGE = (KeyError, IndexError, TypeError, ValueError, AttributeError, StopIteration, RecursionError)


def _damaged(name: str, error: Exception) -> RuntimeError:
    return RuntimeError(f"{name} is damaged: what its tensors belong to cannot be read ({error!r})")


def source(row: dict[str, Any]) -> tuple[str, str]:
    """Where the values of a row are in the file, and on which device they were."""
    return row["entry"], row.get("device", "cpu")


class Unpacker:
    """Builds values from nodes. Every row becomes one object, around the one array that its entry became."""

    def __init__(
        self, rows: list[dict[str, Any]], placed: dict[tuple[str, str], Array], place: Callable[[Array, str], Array]
    ) -> None:
        self.rows, self.placed, self.place = rows, placed, place
        self.built: dict[int, Any] = {}

    def value(self, node: Any) -> Any:
        """What a node stands for."""
        if isinstance(node, list):
            return [self.value(part) for part in node]
        if not isinstance(node, dict):
            return node
        kind, content = next(iter(node.items()))
        if kind in ("dict", "OrderedDict"):
            result: Any = (dict if kind == "dict" else OrderedDict)((self.value(k), self.value(v)) for k, v in content)
            if "_metadata" in node and kind == "OrderedDict":
                result._metadata = self.value(node["_metadata"])
            return result
        if kind in COLLECTIONS:
            return COLLECTIONS[kind](self.value(part) for part in content)
        return getattr(self, f"read_{kind}")(content)

    def read_tensor(self, number: int) -> Any:
        if number not in self.built:
            self.built[number] = self.build(self.rows[number])
        return self.built[number]

    def build(self, row: dict[str, Any]) -> Any:
        array = self.placed[source(row)]
        if row.get("array"):
            return array
        result = wrap(array)
        if row.get("parameter"):
            return Parameter(result, row.get("requires_grad", False))
        if row.get("requires_grad"):
            result.node = LEAF
        return result

    def read_uninitialized(self, content: list[Any]) -> Any:
        kind, dtype, requires_grad, where = content
        target = self.place(host_array([], "float32"), where)
        options: dict[str, Any] = {"device": wrap(target).device, "dtype": named_dtype(dtype)}
        if kind == "UninitializedBuffer":
            return UninitializedBuffer(**options)
        return UninitializedParameter(requires_grad, **options)

    def read_generator(self, content: dict[str, Any]) -> Generator:
        """A generator where it was. Moved to another kind of device it starts the stream of its seed there."""
        where = wrap(self.place(host_array([], "float32"), content["device"])).device
        result = Generator(where).manual_seed(content["seed"])
        if where.type == device(content["device"]).type:
            result.restore_bytes(content["state"].encode())
        return result

    def read_scalar(self, content: list[Any]) -> Any:
        return host_array(self.value(content[1]), named_dtype(content[0]).dtype)[()]

    def read_float(self, content: str) -> float:
        return float(content)

    def read_int(self, content: str) -> int:
        return int(content, 16)

    def read_bytes(self, content: str) -> bytes:
        return base64.b64decode(content)

    def read_dtype(self, content: str) -> Any:
        return named_dtype(content)

    def read_device(self, content: str) -> device:
        return device(content)


COLLECTIONS: dict[str, Callable[..., Any]] = {"tuple": tuple, "set": set, "frozenset": frozenset, "Size": Size}


def placement(map_location: Any, name: str) -> Callable[[Array, str], Array]:
    """The function that takes an array, and the name of the device that it was on, to where it belongs."""
    choose = chooser(map_location)

    def place(array: Array, where: str) -> Array:
        chosen = choose(array, where)
        try:
            target = resolve(where if chosen is None else chosen)
        except RuntimeError as error:
            if chosen is not None:
                raise
            raise RuntimeError(
                f"{name} holds tensors that were on '{where}', which is not there ({error}): "
                "pass map_location='cpu' to load them on the CPU"
            ) from None
        return to_device(array, target)

    return place


def chooser(map_location: Any) -> Callable[[Array, str], Any]:
    """The function that gives the device for an array that was on a device: None for that one."""
    if isinstance(map_location, dict):
        table = {str(key): value for key, value in map_location.items()}
        return lambda array, where: table.get(where)
    if not callable(map_location):
        return lambda array, where: map_location
    if _takes_two(map_location):  # PyTorch's: lambda storage, location: storage
        return lambda array, where: _device_of(map_location(wrap(array), where))
    return lambda array, where: _device_of(map_location(where))


def _takes_two(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind("tensor", "location")
    except TypeError:
        return False
    return True


def _device_of(chosen: Any) -> Any:
    return chosen.device if isinstance(chosen, TensorBase) else chosen  # type: ignore[attr-defined]
