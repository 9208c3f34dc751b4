"""What CuPy 14.2 has: reads ``cupy_names.txt``, the list that ``scripts/list_cupy_names.py`` wrote.

``known("cupy.sum")`` gives the entry of a name or None; an entry checks whether CuPy's function would take
the arguments of a call, so that a keyword which only NumPy has raises ``TypeError`` here as it does on a
GPU.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

LIST = Path(__file__).resolve().parents[1] / "cupy_names.txt"


def words(text: str) -> list[str]:
    """The words of a text: a list of names that reads easily."""
    return text.split()


class Entry:
    """One line of the list: a qualified name, its kind, and a signature, an alias or a value."""

    __slots__ = ("_parsed", "detail", "kind", "name")

    def __init__(self, name: str, kind: str, detail: str):
        self.name = name
        self.kind = kind
        self.detail = detail
        self._parsed: Signature | None = None

    @property
    def short(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def signature(self) -> Signature:
        if self._parsed is None:
            self._parsed = Signature(self.short, self.detail)
        return self._parsed


class Signature:
    """The parameters that CuPy's function takes, by name and in order."""

    __slots__ = ("any_keyword", "any_position", "keywords", "name", "positions")

    def __init__(self, name: str, text: str):
        self.name = name
        self.positions: list[str] = []
        self.keywords: set[str] = set()
        # Where CuPy's own signature is unknown nothing can be refused.
        self.any_position = self.any_keyword = text == ""
        by_keyword_only = False
        for word in text.strip("()").split(", ") if text not in ("", "()") else ():
            parameter = word.rstrip("=")
            if word == "*":
                by_keyword_only = True
            elif word == "/":
                self.keywords -= set(self.positions)
            elif word.startswith("**"):
                self.any_keyword = True
            elif word.startswith("*"):
                self.any_position = by_keyword_only = True
            else:
                self.keywords.add(parameter)
                if not by_keyword_only:
                    self.positions.append(parameter)

    def check(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Raise TypeError, in Python's words, for arguments that CuPy's function does not take."""
        if len(args) > len(self.positions) and not self.any_position:
            raise TypeError(
                f"{self.name}() takes {len(self.positions)} positional arguments but {len(args)} were given"
            )
        if kwargs and not self.any_keyword:
            for key in kwargs:
                if key not in self.keywords:
                    raise TypeError(f"{self.name}() got an unexpected keyword argument '{key}'")
                if key in self.positions[: len(args)]:
                    raise TypeError(f"{self.name}() got multiple values for argument '{key}'")


def _read() -> dict[str, Entry]:
    entries = {}
    for line in LIST.read_text(encoding="utf-8").splitlines():
        name, kind, detail = [*line.split("\t"), "", ""][:3]
        entries[name] = Entry(name, kind, detail)
    return entries


_ENTRIES = _read()


def known(name: str) -> Entry | None:
    """The entry for a qualified name such as ``cupy.linalg.norm``, or None where CuPy has no such name."""
    return _ENTRIES.get(name)


def members(place: str) -> list[str]:
    """The names directly inside a module or class of CuPy."""
    start = place + "."
    return [n[len(start) :] for n in _ENTRIES if n.startswith(start) and "." not in n[len(start) :]]
