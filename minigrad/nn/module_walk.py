"""Walking over a module: its parameters, buffers and modules, by name, each once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any


class WalkMethods:
    """What a module contains, in the order of registration, its own before that of its children."""

    _parameters: Any
    _buffers: Any
    _modules: Any
    _module_names: dict[str, bool]

    def children(self) -> Iterator[Any]:
        """The modules directly below, each once."""
        for _, module in self.named_children():
            yield module

    def named_children(self) -> Iterator[tuple[str, Any]]:
        """The modules directly below with their names, each once."""
        seen = set()
        own = self.__dict__
        for name in list(self._module_names):
            module = own[name]
            if module is not None and id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def modules(self, remove_duplicate: bool = True) -> Iterator[Any]:
        """The module itself and all below."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_modules(
        self, memo: set[int] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        """The module itself and all below with their dotted names.

        Args:
            memo: ids of the modules already seen.
            prefix: what the names begin with.
            remove_duplicate: give a module that stands in several places only once.
        """
        memo = set() if memo is None else memo
        if id(self) in memo:
            return
        if remove_duplicate:
            memo.add(id(self))
        yield prefix, self
        own = self.__dict__
        for name in list(self._module_names):
            if own[name] is not None:
                yield from own[name].named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Any]:
        """The parameters of the module and (with `recurse`) all below, each once."""
        for _, p in self.named_parameters(recurse=recurse):
            yield p

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        """The parameters with their dotted names; one with two names comes once, unless told otherwise."""
        yield from self._named_members(lambda module: module._parameters.items(), prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Any]:
        """The buffers of the module and (with `recurse`) all below, each once."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        """The buffers with their dotted names."""
        yield from self._named_members(lambda module: module._buffers.items(), prefix, recurse, remove_duplicate)

    def _named_members(
        self,
        get_members_fn: Callable[[Any], Iterable[tuple[str, Any]]],
        prefix: str = "",
        recurse: bool = True,
        remove_duplicate: bool = True,
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for place, module in modules:
            for name, value in get_members_fn(module):
                if value is None or id(value) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(value))
                yield f"{place}.{name}" if place else name, value

    def get_submodule(self, target: str) -> Any:
        """The module with the dotted name `target`; "" is the module itself.

        Raises:
            AttributeError: there is none.
        """
        found: Any = self
        for name in target.split(".") if target else ():
            if name not in found._module_names or found._modules[name] is None:
                kind = "no attribute" if not hasattr(found, name) else "an attribute that is no module, called"
                raise AttributeError(f"get_submodule({target!r}): {found._get_name()} has {kind} {name!r}")
            found = found._modules[name]
        return found

    def set_submodule(self, target: str, module: Any, strict: bool = False) -> None:
        """Put `module` in the place with the dotted name `target`; `strict`: there must be one already."""
        above, _, name = target.rpartition(".")
        if not name:
            raise ValueError("set_submodule() needs the name of a module below this one, got ''")
        parent = self.get_submodule(above)
        if (strict or hasattr(parent, name)) and name not in parent._module_names:
            raise AttributeError(f"set_submodule({target!r}): {parent._get_name()} has no module called {name!r}")
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Any:
        """The parameter with the dotted name `target`.

        Raises:
            AttributeError: there is none.
        """
        return self._member("get_parameter", "parameter", target)

    def get_buffer(self, target: str) -> Any:
        """The buffer with the dotted name `target`.

        Raises:
            AttributeError: there is none.
        """
        return self._member("get_buffer", "buffer", target)

    def _member(self, method: str, kind: str, target: str) -> Any:
        above, _, name = target.rpartition(".")
        module = self.get_submodule(above)
        members = module._parameters if kind == "parameter" else module._buffers
        if members.get(name) is None:
            raise AttributeError(f"{method}({target!r}): {module._get_name()} has no {kind} called {name!r}")
        return members[name]
