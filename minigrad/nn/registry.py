"""Where a module keeps what is registered on it.

Parameters, buffers and child modules lie in the module's `__dict__` like every other attribute, so that
`self.weight` costs a plain attribute lookup (10 ns; a `__getattr__` that searches dictionaries, 400 or more).
What makes them registered is that their names stand in one of three ordered dictionaries. `Registered` shows
such a dictionary of names together with the values, as PyTorch's `module._parameters`.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any


class Registered(MutableMapping[str, Any]):
    """The registered attributes of one kind, as a dictionary from name to value."""

    __slots__ = ("_attributes", "_names")

    def __init__(self, attributes: dict[str, Any], names: dict[str, bool]) -> None:
        self._attributes, self._names = attributes, names

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return self._attributes[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._names.setdefault(name, True)
        self._attributes[name] = value

    def __delitem__(self, name: str) -> None:
        del self._names[name]
        del self._attributes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return repr(dict(self))


class NamesAfterInit:
    """What the names are found to be where a subclass has not called `Module.__init__`."""

    def __get__(self, module: Any, cls: type) -> Any:
        if module is None:
            return self
        raise AttributeError(
            f"{cls.__name__}.__init__() must call super().__init__() before it assigns parameters or modules"
        )
