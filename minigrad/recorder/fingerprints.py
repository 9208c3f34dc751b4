"""Fingerprints: what numbers, texts and containers are compared by."""

from __future__ import annotations

import array
from collections import deque
from typing import Any

_PLAIN = (bool, int, float, str, bytes, type(None))
MANY = 256  # elements of a container up to which they are looked at one by one
BUFFERS = (array.array, memoryview)


def is_plain(value: Any) -> bool:
    """True for numbers, text, and tuples of them."""
    return isinstance(value, _PLAIN) or (type(value) is tuple and len(value) <= MANY and all(map(is_plain, value)))


def fingerprint(value: Any, depth: int = 4) -> Any:
    """Something equal for equal numbers, texts, containers of them, and for the same objects.

    >>> fingerprint([1, {"a": 2.0}]) == fingerprint([1, {"a": 2.0}]), fingerprint([1]) == fingerprint([1.0])
    (True, False)
    """
    if isinstance(value, _PLAIN):
        return type(value), repr(value)
    if isinstance(value, BUFFERS):
        return value.tobytes()
    if isinstance(value, (list, tuple, dict, set, frozenset, deque, bytearray)) and depth:
        if len(value) > MANY:
            return id(value), len(value)
        if isinstance(value, dict):
            return tuple([(fingerprint(key, 0), fingerprint(each, depth - 1)) for key, each in value.items()])
        parts = [fingerprint(each, depth - 1) for each in value]
        return type(value), frozenset(parts) if isinstance(value, (set, frozenset)) else tuple(parts)
    return id(value)


def fingerprints(names: dict[str, Any]) -> dict[str, Any]:
    """Those of the numbers, texts and containers in a dict of names."""
    return {name: found for name, value in names.items() if type(found := fingerprint(value)) is tuple}
