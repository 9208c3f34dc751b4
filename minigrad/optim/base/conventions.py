"""Whose formula is meant: the options that follow from a convention, unless the caller names them."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar


class Conventional:
    """What an optimizer knows of conventions."""

    #: name -> the options in which this library or paper differs from the defaults; None: it has no default of it
    conventions: ClassVar[dict[str, dict[str, Any]]] = {"pytorch": {}}

    _named: set[str]  # the options that the caller has named: they win over a convention

    def __new__(cls, *args: Any, **options: Any) -> Any:
        self: Any = super().__new__(cls)
        self._named = {*cls.__init__.__code__.co_varnames[1 : 1 + len(args)], *options}
        return self

    def _conventional(self, convention: str | None, given: dict[str, Any]) -> dict[str, Any]:
        """The options that follow from a convention: all but those that the caller has named."""
        name = type(self).__name__
        if convention is None:
            return {}
        if convention not in self.conventions:
            known = ", ".join(map(repr, self.conventions))
            raise ValueError(f"{name} knows no convention {convention!r}: choose None (the default) or one of {known}")
        options = {k: v for k, v in self.conventions[convention].items() if not self._is_named(k, given[k])}
        for option, value in options.items():
            if value is None:
                raise ValueError(f"{name}(convention={convention!r}) has no default {option}: give {option}=")
        return options

    def _is_named(self, option: str, value: Any) -> bool:
        """True if the caller has given an option, or a subclass another value than the default."""
        makers = [vars(base)["__init__"] for base in type(self).__mro__ if "__init__" in vars(base)]
        signatures = [*map(inspect.signature, makers)]
        default = next(s.parameters[option].default for s in signatures if option in s.parameters)
        return option in self._named or value != default
