"""Logs: a row for each epoch in a file of comma separated values (`CSVLog`) or of JSON lines (`JSONLog`)."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from minigrad.serialization.atomic import replacing

from .callback import Callback

if TYPE_CHECKING:
    from .history import Epoch
    from .trainer import Trainer


class Log(Callback):
    """Base of the logs: rows (dictionaries) in a file, appended one by one.

    A row is written at once and as a whole: a program that is killed leaves all rows before. In a loop of one's own,
    `write(row)` adds a row below what the file holds. A `Trainer` begins the file with its history, when its first
    epoch is done: a new training replaces what stood there, a resumed one goes on behind the epoch from which it is
    resumed, with no row twice and none lost.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._begun = True  # False in a fit that has not written yet: one that fails leaves what is there

    def rows(self) -> list[dict[str, Any]]:
        """The rows in the file; a last one that is not complete does not count."""
        if not os.path.exists(self.path):
            return []
        with open(self.path, newline="", encoding="utf-8") as file:
            text = file.read()
        return self.read(text[: text.rfind("\n") + 1])

    def write(self, row: dict[str, Any]) -> None:
        """Add a row."""
        line = self.line(row)
        if line is None or not self._complete():
            self.replace([*self.rows(), row])
            return
        with open(self.path, "a", newline="", encoding="utf-8") as file:
            file.write(line)

    def replace(self, rows: Iterable[dict[str, Any]]) -> None:
        """Write the whole file anew, or leave it as it was where that fails."""
        os.makedirs(os.path.dirname(self.path) or ".", exist_ok=True)
        with replacing(self.path) as file:
            file.write(self.text(list(rows)).encode())

    def _complete(self) -> bool:
        """True if the file ends with the end of a line: a program that was killed may have left half of one."""
        with open(self.path, "rb") as file:
            if not file.seek(0, os.SEEK_END):
                return True
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"

    def on_fit_start(self, trainer: Trainer) -> None:
        self._begun = False

    def on_epoch_end(self, trainer: Trainer, row: Epoch) -> None:
        if self._begun:
            self.write(row)
        else:
            self.replace(trainer.history)
            self._begun = True

    def on_fit_end(self, trainer: Trainer) -> None:
        if not self._begun and trainer.history:  # of a resumed training that was complete
            self.replace(trainer.history)

    # -- what a format states ----------------------------------------------------------------------------------------

    def line(self, row: dict[str, Any]) -> str | None:
        """The row as the next line of the file; None where the file does not fit it, or does not exist."""
        raise NotImplementedError

    def text(self, rows: list[dict[str, Any]]) -> str:
        """A whole file."""
        raise NotImplementedError

    def read(self, text: str) -> list[dict[str, Any]]:
        """The rows of a whole file."""
        raise NotImplementedError


class CSVLog(Log):
    """Rows as comma separated values below a line of names. A row with new names makes the table wider.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = CSVLog(f"{folder}/log.csv")
    ...     log.write({"epoch": 1, "loss": 0.5})
    ...     log.write({"epoch": 2, "loss": 0.25, "lr": 0.1})
    ...     print(pathlib.Path(log.path).read_text())
    epoch,loss,lr
    1,0.5,
    2,0.25,0.1
    <BLANKLINE>
    """

    def line(self, row: dict[str, Any]) -> str | None:
        if not os.path.exists(self.path):
            return None
        with open(self.path, newline="", encoding="utf-8") as file:
            names = next(csv.reader(file), [])
        return _csv(names, [row]) if names and set(row) <= set(names) else None

    def text(self, rows: list[dict[str, Any]]) -> str:
        names = list(dict.fromkeys(name for row in rows for name in row))
        return _csv(names, [dict(zip(names, names)), *rows]) if names else ""

    def read(self, text: str) -> list[dict[str, Any]]:
        return list(csv.DictReader(io.StringIO(text, newline="")))


def _csv(names: list[str], rows: list[dict[str, Any]]) -> str:
    file = io.StringIO(newline="")
    csv.DictWriter(file, names, lineterminator="\n").writerows(rows)
    return file.getvalue()


class JSONLog(Log):
    """Rows as JSON, one to a line ("JSON lines"). JSON has no NaN and no infinity: null stands for them.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = JSONLog(f"{folder}/log.jsonl")
    ...     log.write({"epoch": 1, "loss": 0.5})
    ...     log.write({"epoch": 2, "loss": float("nan")})
    ...     print(pathlib.Path(log.path).read_text())
    {"epoch": 1, "loss": 0.5}
    {"epoch": 2, "loss": null}
    <BLANKLINE>
    """

    def line(self, row: dict[str, Any]) -> str | None:
        return self.text([row]) if os.path.exists(self.path) else None

    def text(self, rows: list[dict[str, Any]]) -> str:
        return "".join(f"{json.dumps(_finite(row), allow_nan=False)}\n" for row in rows)

    def read(self, text: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in text.splitlines()]


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
