"""What `Session.resume` did: the parts of a saved run that fitted, and those that did not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class PartReport:
    """What became of one part of a session.

    Attributes: `matched`, `missing` (here, not in the file) and `unexpected` (in the file, not here), lists of names;
    `left`, why something was not taken over; `notes`, what else there is to know.
    """

    kind: str
    matched: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def fits(self) -> bool:
        """True if all of it was taken over."""
        return not (self.missing or self.unexpected or self.left)

    def lines(self, name: str) -> list[str]:
        """What to print of it."""
        names = _counted(self.matched) if self.fits() else _listed(self.matched)
        head = f"{name} ({self.kind}): " + (f"{names} matched" if self.matched else "nothing matched")
        lines = [head] if self.fits() or self.matched else [f"{name} ({self.kind})"]
        if self.missing:
            lines.append(f"    not in the file: {_listed(self.missing)}")
        if self.unexpected:
            lines.append(f"    only in the file: {_listed(self.unexpected)}")
        return lines + [f"    {line}" for line in (*self.left, *self.notes)]


@dataclass
class Report:
    """What `Session.resume` did; `print` it.

    Attributes: `path`; `extra`, what was passed to `save`; `parts`, a `PartReport` for each part of the session;
    `notes`, lines such as "lr 0.1 -> 0.01 (lr_scale=0.1)".
    """

    path: str
    extra: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, PartReport] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def fits(self) -> bool:
        """True if everything in the session and in the file was taken over."""
        return all(part.fits() for part in self.parts.values())

    def __str__(self) -> str:
        parts = [line for name, part in self.parts.items() for line in part.lines(name)]
        head = f"resumed from {self.path}" if parts else f"nothing to resume: there is no file {self.path}"
        return "\n".join([head, *parts, *self.notes])


class ResumeError(RuntimeError):
    """A saved run does not fit; nothing was changed. `report` says what matched and what did not."""

    def __init__(self, report: Report, problem: str) -> None:
        lines = [line for name, part in report.parts.items() for line in part.lines(name)]
        super().__init__("\n".join([problem, *(f"  {line}" for line in lines)]))
        self.report = report


def _listed(names: list[str]) -> str:
    return ", ".join(names)


def _counted(names: list[str]) -> str:
    return _listed(names) if len(names) <= 4 else f"{len(names)} entries"
