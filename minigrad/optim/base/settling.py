"""What a recorded step checks before it takes for granted that an optimizer finds its parameters where they were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ...backend.door import Alike, Attribute, Content, Equal, Item
from .flat import Piece
from .hyperparameters import Group


def settling(optimizer: Any, pieces: Sequence[Piece], k: int, group: Group) -> Iterator[Any]:
    """The conditions under which the parameters of group `k` are updated in the same pieces, where they are.

    That the same parameters have gradients is not among them: the recorder knows.
    """
    groups, params, layout = optimizer.param_groups, group["params"], optimizer._layouts[k]
    yield Equal(len, (groups,), len(groups))
    yield Item(groups, k, group)
    yield Item(optimizer._layouts, k, layout)
    yield Equal(_slot_names, (optimizer, group), _slot_names(optimizer, group))
    yield Item(group, "params", params)
    yield Equal(len, (params,), len(params))
    yield from (Item(params, number, p) for number, p in enumerate(params))
    yield Attribute(optimizer, "state", optimizer.state)
    yield from (Content(hooks, hooks.copy()) for hooks in (optimizer._before, optimizer._after))
    for piece in pieces:
        yield from _in_place(piece, optimizer.state)


def _slot_names(optimizer: Any, group: Group) -> list[str]:
    return [*optimizer.slots(group)]


def _in_place(piece: Piece, states: Any) -> Iterator[Any]:
    """The conditions under which parameters and state of a run are where they were, and [first, last) are a piece."""
    run, first, last = piece
    outside = [place.number for place in run.outside]
    for place in run.places:
        p = place.parameter
        yield Item(states, p, place.state)
        yield Attribute(p, "array", p.array if place.number in outside else place.array)
    for own_state, name, entry, array in run.entries:
        yield Item(own_state, name, entry)
        yield Attribute(entry, "array", array)
    if last - first > 1:
        yield Alike(run.states[first:last], "steps")
        if run.states[first].carried:
            yield Alike(run.states[first:last], "carried")
