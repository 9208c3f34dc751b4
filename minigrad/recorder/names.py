"""What the variables of a recorded program are called, so that a reader knows where each comes from."""

from __future__ import annotations

import builtins
import keyword
import re
from typing import Any

from .provenance import Provenance
from .recorder import Recording
from .results import Fresh, Results, Rows
from .trace import Call, Value

#: how a view's name follows from that of what it is a view of
_SUFFIXES = {"transpose": "T", "reshape": "flat", "ravel": "flat", "getitem": "part", "broadcast_to": "wide"}


#: names that programs use themselves
RESERVED = {"in_blocks", "unchanged", "array_at", "new", "bump", "step", "fits", "alone", "kinds", "references"}
RESERVED |= {"row_sparse", *dir(builtins), *keyword.kwlist}


def parameter_names(wanted: list[str]) -> list[str]:
    """Names for the parameters of a program, each once: with `_values` behind it, each is also that of an array."""
    found: list[str] = []
    taken = set(RESERVED)
    for name in wanted:
        base = re.sub(r"\W", "_", name)
        unique, k = base, 1
        while not unique.isidentifier() or unique in taken or f"{unique}_values" in taken:
            k += 1
            unique = f"{base}_{k}" if base.isidentifier() else f"argument_{k}"
        found.append(unique)
        taken |= {unique, f"{unique}_values"}
    return found


class Names:
    """Gives each value of a recording a name of its own.

    A result is called after the layer and the operation that made it (`model_0_linear`), a gradient begins with `d_`,
    a tensor from outside has its path in the model (`model_0_weight`).
    """

    def __init__(self, taken: set[str]) -> None:
        self._taken = set(taken)
        self._names: dict[int, str] = {}
        self._counts: dict[str, int] = {}  # name -> how many there are with a number behind it

    def unique(self, wanted: str, more: str = "") -> str:
        """`wanted`, made an identifier that nothing else bears: by `more` words, or else by a number."""
        base = re.sub(r"\W+", "_", wanted).strip("_") or "value"
        if base[0].isdigit() or keyword.iskeyword(base):
            base = f"_{base}"
        name = base
        if name in self._taken and more:
            base = name = f"{base}_{more}"
        k = self._counts.get(base, 1)
        while name in self._taken:
            k += 1
            name = f"{base}_{k}"
        self._counts[base] = k
        self._taken.add(name)
        return name

    def give(self, value: Value, wanted: str) -> str:
        """Call `value` by `wanted`, or something like it."""
        more = "" if value.name or value.call is None else value.call.text.replace(".", "_")
        name = self._names[id(value)] = self.unique(wanted, more)
        return name

    def same(self, value: Value, name: str) -> None:
        """Let `value` have a name that is given already."""
        self._names[id(value)] = name

    def of(self, value: Value) -> str:
        """The name of a value."""
        found = self._names.get(id(value))
        if found is None:
            found = self.give(value, self._wanted(value))
        return found

    def _wanted(self, value: Value) -> str:
        if value.name:
            return value.name
        call = value.call
        if call is None:
            return "outside"
        if call.kind == "view":
            source = next(iter(call.reads()))
            return f"{self.of(source)}_{_SUFFIXES.get(call.text, call.text)}"
        origin = call.origin
        first = "d_" if origin.phase == "backward" else ""
        suffixed = call.kind == "make" or origin.phase == "optimizer"
        made = call.text if suffixed and origin.operation else ""
        return first + "_".join(part for part in (origin.layer, origin.operation or call.text, made) if part)


def name_outside(
    recording: Recording, results: Results, provenance: Provenance, roots: dict[str, Any]
) -> dict[int, str]:
    """Name what belongs to tensors from outside, and return the names of those, by id.

    They are called by their paths in the modules that were called, or by their variables.
    """
    paths: dict[int, str] = {id(thing): name for name, thing in roots.items()}
    for module in provenance.modules:
        for path, child in module.named_modules():
            start = provenance.path_of(child) or path
            for name, tensor in vars(child).items():
                paths.setdefault(id(tensor), f"{start}.{name}")
    for tensor, value in recording.holders:
        value.name = value.name or paths.get(id(tensor), "")
    for tensor, value, _ in recording.gradients:
        value.name = value.name or (paths.get(id(tensor), "outside") + "_grad_before")
    for tensor, part in results.gradients:
        parts = [(part.rows, "_rows"), (part.values, "")] if isinstance(part, Rows) else [(part, "")]
        for place, more in parts:
            if isinstance(place, Fresh) and id(tensor) in paths and not place.value.name:
                place.value.name = f"d_{paths[id(tensor)]}{more}"
    return paths


def headline(call: Call) -> str:
    """What stands above the lines of one operation."""
    origin = call.origin
    words = [origin.phase, *(part for part in (origin.layer, origin.operation) if part)]
    return " | ".join(words)
