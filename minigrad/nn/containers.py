"""Containers of modules: `Sequential`, `ModuleList`, `ModuleDict`.

What is put into them is registered, which it would not be in an ordinary list or dictionary.
"""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from .module import Module, block, indented


def position(index: Any, length: int, kind: str) -> int:
    """A list's index as a number from 0, negative ones counted from the end."""
    k = operator.index(index)
    if not -length <= k < length:
        raise IndexError(f"index {k} is out of range: the {kind} has {length} entries")
    return k % length


class _Numbered(Module):
    """Modules under the names "0", "1", ...; what `Sequential` and `ModuleList` have in common."""

    def _name_at(self, index: Any) -> str:
        k = position(index, len(self), type(self).__name__)
        return next(islice(self._module_names, k, None))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._part(list(self._modules.items())[index])
        return self.__dict__[self._name_at(index)]

    def _part(self, items: list[tuple[str, Any]]) -> Any:
        raise NotImplementedError

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._name_at(index), module)

    def __delitem__(self, index: int | slice) -> None:
        names = list(self._module_names)[index] if isinstance(index, slice) else [self._name_at(index)]
        for name in names:
            delattr(self, name)
        self._renumber(list(self._modules.values()))

    def _renumber(self, modules: list[Any]) -> None:
        """Hold `modules` under the names "0", "1", ..."""
        for name in list(self._module_names):
            delattr(self, name)
        for k, module in enumerate(modules):
            self.add_module(str(k), module)

    def __len__(self) -> int:
        return len(self._module_names)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def append(self, module: Module) -> Any:
        """Add a module at the end. Returns the container."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Any:
        """Add modules at the end. Returns the container."""
        if isinstance(modules, (str, bytes)) or not isinstance(modules, Iterable):
            raise TypeError(f"{type(self).__name__}.extend() takes modules, got {type(modules).__name__}")
        for module in list(modules):
            self.append(module)
        return self

    def _insert(self, index: int, module: Module) -> None:
        if not isinstance(module, Module):
            raise TypeError(f"{type(self).__name__}.insert() takes a Module, got {type(module).__name__}")
        modules = list(self._modules.values())
        modules.insert(index, module)
        self._renumber(modules)

    def pop(self, key: int | slice) -> Any:
        """Remove the module at a position, and return it."""
        module = self[key]
        del self[key]
        return module


class Sequential(_Numbered):
    """Modules that are called one after the other.

    Args:
        args: modules, or one OrderedDict from name to module.

    >>> from minigrad import nn
    >>> nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): ReLU()
      (2): Linear(in_features=3, out_features=1, bias=True)
    )
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], OrderedDict):
            for name, module in args[0].items():
                self.add_module(name, module)
        else:
            for k, module in enumerate(args):
                self.add_module(str(k), module)

    def forward(self, input: Any) -> Any:
        own = self.__dict__
        for name in self._module_names:
            input = own[name](input)
        return input

    def _part(self, items: list[tuple[str, Any]]) -> Any:
        return type(self)(OrderedDict(items))

    def insert(self, index: int, module: Module) -> Any:
        """Put a module before the one at `index`. Returns the container."""
        if not -len(self) <= index <= len(self):
            raise IndexError(f"index {index} is out of range: the {type(self).__name__} has {len(self)} entries")
        self._insert(index, module)
        return self

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, Sequential):
            raise ValueError(f"only another Sequential can be added to a Sequential, got {type(other).__name__}")
        return Sequential(*self, *other)

    def __iadd__(self, other: Any) -> Any:
        if not isinstance(other, Sequential):
            raise ValueError(f"only another Sequential can be added to a Sequential, got {type(other).__name__}")
        return self.extend(other)

    def __mul__(self, times: int) -> Any:
        _check_times(times)
        return Sequential(*(list(self) * times))

    __rmul__ = __mul__

    def __imul__(self, times: int) -> Any:
        _check_times(times)
        self._renumber(list(self) * times)
        return self


def _check_times(times: Any) -> None:
    if not isinstance(times, int):
        raise TypeError(f"a Sequential can be repeated an integer number of times, got {type(times).__name__}")
    if times <= 0:
        raise ValueError(f"a Sequential can be repeated once or more often, got {times}")


class ModuleList(_Numbered):
    """A list of modules; what is done with them stands in the `forward` of the module that owns it.

    >>> from minigrad import nn
    >>> layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))
    >>> len(layers), len(list(layers.parameters()))
    (3, 6)
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def _part(self, items: list[tuple[str, Any]]) -> Any:
        return type(self)(module for _, module in items)

    def insert(self, index: int, module: Module) -> None:
        """Put a module before the one at `index`."""
        self._insert(index, module)

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def __iadd__(self, modules: Iterable[Module]) -> Any:
        return self.extend(modules)

    def __repr__(self) -> str:
        shown: list[tuple[int, int, str]] = []  # runs of equal entries: first, last, text
        for k, text in enumerate(map(repr, self)):
            if shown and shown[-1][2] == text:
                shown[-1] = (shown[-1][0], k, text)
            else:
                shown.append((k, k, text))
        return block(
            self._get_name(),
            self.extra_repr(),
            [
                f"({first}): {indented(text)}" if first == last
                else f"({first}-{last}): {last - first + 1} x {indented(text)}"
                for first, last, text in shown
            ],
        )  # fmt: skip


class ModuleDict(Module):
    """A dictionary of modules, in the order of insertion.

    >>> from minigrad import nn
    >>> choices = nn.ModuleDict({"relu": nn.ReLU(), "tanh": nn.Tanh()})
    >>> choices["tanh"]
    Tanh()
    """

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Module:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._module_names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._module_names)

    def __contains__(self, key: object) -> bool:
        return key in self._module_names

    def clear(self) -> None:
        """Remove all."""
        for name in list(self._module_names):
            delattr(self, name)

    def pop(self, key: str) -> Module:
        """Remove a module, and return it."""
        module = self[key]
        del self[key]
        return module

    def keys(self) -> Any:
        """The names."""
        return self._modules.keys()

    def items(self) -> Any:
        """The pairs of name and module."""
        return self._modules.items()

    def values(self) -> Any:
        """The modules."""
        return self._modules.values()

    def update(self, modules: Any) -> None:
        """Add the modules of a dictionary, or of pairs (name, module)."""
        for key, module in pairs_of(modules, "ModuleDict"):
            self[key] = module


def pairs_of(source: Any, kind: str) -> list[tuple[Any, Any]]:
    """The pairs (key, value) of a dictionary or of an iterable of pairs."""
    if hasattr(source, "items"):
        return list(source.items())
    if not isinstance(source, Iterable):
        raise TypeError(f"{kind} takes a dictionary or pairs (name, value), got {type(source).__name__}")
    pairs = [tuple(pair) if isinstance(pair, Iterable) else (pair,) for pair in source]
    for k, pair in enumerate(pairs):
        if len(pair) != 2:
            raise ValueError(f"{kind} takes pairs (name, value), entry {k} has {len(pair)} parts")
    return pairs  # type: ignore[return-value]
