"""The arguments of a step: what they consist of, what the step gets for each, and when other ones are like these."""

from __future__ import annotations

import weakref
from typing import Any

from ..autograd.node import TensorBase
from ..autograd.row_sparse import RowSparse
from ..backend.library import find_library
from .guards import Guards
from .reach import Reach, hung_on, own_attributes
from .recorder import Recorder
from .trace import Value

_NUMBERS = (bool, int, str, bytes, type(None))


def flatten(part: Any, leaves: list[Any]) -> Any:
    """The structure of nested lists, tuples and dicts; what stands in them is appended to `leaves`.

    >>> leaves = []
    >>> structure = flatten(([1, 2], {"a": 3}), leaves)
    >>> leaves, structure == flatten(([5, 6], {"a": 7}), [])
    ([1, 2, 3], True)
    """
    if isinstance(part, (list, tuple)):
        return type(part), tuple([flatten(each, leaves) for each in part])
    if type(part) is dict:
        return dict, tuple(part), tuple([flatten(each, leaves) for each in part.values()])
    if type(part) is RowSparse:
        parts = flatten(part.rows, leaves), flatten(part.row_values, leaves)
        return RowSparse, parts, tuple(part.shape), part.is_coalesced()
    leaves.append(part)
    return None


def rebuilt(structure: Any, leaves: Any) -> Any:
    """The nested structure with the next elements of the iterator `leaves` in its places."""
    if structure is None:
        return next(leaves)
    kind, *rest = structure
    if kind is dict:
        keys, parts = rest
        return dict(zip(keys, [rebuilt(each, leaves) for each in parts]))
    parts = [rebuilt(each, leaves) for each in rest[0]]
    if kind is RowSparse:
        return RowSparse(*parts, *rest[1:])
    return kind(*parts) if hasattr(kind, "_fields") else kind(parts)


class Leaf:
    """One tensor, array, number or other thing among the arguments.

    Attributes:
        kind: "tensor" and "array" (another at each call), "number" (a float: another at each call), "equal" and "same"
            (they select the program).
        given: what the step gets while it is recorded.
        value: of its array or number, if it is another at each call.
    """

    def __init__(self, kind: str, given: Any, value: Value | None = None) -> None:
        self.kind, self.given, self.value = kind, given, value


def sort_leaves(recorder: Recorder, leaves: list[Any], names: list[str], static: frozenset[str]) -> list[Leaf]:
    """What the step gets for each leaf while it is recorded. A tensor that stands in two places stays one."""
    seen: dict[int, Leaf] = {}
    found = []
    for leaf, name in zip(leaves, names):
        if id(leaf) not in seen or not (isinstance(leaf, TensorBase) or find_library(type(leaf)) is not None):
            seen[id(leaf)] = _leaf(recorder, leaf, name in static)
        found.append(seen[id(leaf)])
    return found


def _leaf(recorder: Recorder, leaf: Any, static: bool) -> Leaf:
    if isinstance(leaf, TensorBase):
        if leaf.requires_grad or leaf._grad is not None:  # type: ignore[attr-defined]
            return Leaf("same", leaf)  # it may be reached in other ways, too: as a parameter of an optimizer
        value = recorder.argument(leaf.array)
        alias = object.__new__(type(leaf))
        alias.__dict__.update(leaf.__dict__)
        alias.__dict__.update(array=recorder.tracer(value), _born=recorder, _storage=leaf.shared_storage())
        alias.__dict__.pop("view_of", None)
        recorder.born.append(weakref.ref(alias))
        return Leaf("tensor", alias, value)
    if find_library(type(leaf)) is not None:
        value = recorder.argument(leaf)
        return Leaf("array", recorder.tracer(value), value)
    if type(leaf) is float and not static:
        value = recorder.number(leaf)
        return Leaf("number", recorder.tracer(value), value)
    return Leaf("equal" if isinstance(leaf, (*_NUMBERS, float)) or hasattr(leaf, "dtype") else "same", leaf)


def require_alike(guards: Guards, leaves: list[Any], found: list[Leaf], names: list[str], reach: Reach) -> None:
    """The conditions under which another call's leaves are like these. `reach` knows which attributes are read."""
    for k, (given, leaf, name) in enumerate(zip(leaves, found, names)):
        if leaf.kind == "tensor":
            guards.require(f"type({name}) is {guards.thing(type(given))}")
            guards.require(f"({name}.node is None if {name}.view_of is None else not {name}.requires_grad)")
            _require_array(guards, f"{name}.array", f"{name}_values", given.array)
            guards.require(f"{name}._grad is None")
            if reach.computed:
                guards.require(f"{guards.thing(hung_on)}({name}) == {guards.thing(hung_on(given))}")
            for key in own_attributes(given, reach.mentioned):
                guards.same(f"{name}.__dict__[{key!r}]", vars(given)[key])
        elif leaf.kind == "array":
            _require_array(guards, name, f"{name}_values", given)
        elif leaf.kind == "number":
            guards.require(f"type({name}) is float")
        elif leaf.kind == "equal":
            guards.require(f"type({name}) is {guards.thing(type(given))}")
            guards.same(name, given)
        else:
            guards.require(f"{name} is {guards.thing(given)}")
        if leaf.kind in ("tensor", "array"):
            for other, before in zip(names[:k], found[:k]):
                if before.kind == leaf.kind:
                    guards.require(f"{name} {'is' if before is leaf else 'is not'} {other}")


def _require_array(guards: Guards, expression: str, name: str, array: Any) -> None:
    guards.require(f"type({name} := {expression}) is {guards.thing(type(array))}")
    guards.require(f"{name}.shape == {guards.thing(tuple(array.shape))}")
    dtype = guards.thing(array.dtype)
    guards.require(f"({name}.dtype is {dtype} or {name}.dtype == {dtype})")
    guards.require(f"{name}.strides == {guards.thing(tuple(array.strides))}")
