"""What the commands share: a parser of one-line errors, values of options, and checks before a long run."""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from minigrad.backend.devices import cupy_or_error

from .errors import UserError, extra


class Parser(argparse.ArgumentParser):
    """A parser that reports a mistake in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add `--device`."""
    parser.add_argument(
        "--device", type=one_of(("cpu", "cuda")), default="cpu", metavar="NAME",
        help="cpu or cuda, which is one NVIDIA GPU (default: cpu)",
    )  # fmt: skip


def add_no_jit(parser: argparse.ArgumentParser) -> None:
    """Add `--no-jit`, which makes `recorded` False."""
    parser.add_argument(
        "--no-jit", dest="recorded", action="store_false",
        help="run every step eagerly instead of recording and replaying it (the numbers are the same)",
    )  # fmt: skip


# -- before a run --------------------------------------------------------------------------------------------


def require_drawing() -> None:
    """What a run needs for its bar and its picture is there: known now, not after the training."""
    extra("tqdm", "tqdm", "the progress bar")
    extra("matplotlib.figure", "matplotlib", "drawing the curves")


def require_device(name: str) -> None:
    """The device of `--device` is there."""
    if name == "cuda":
        try:
            cupy_or_error()
        except RuntimeError as error:
            raise UserError(f"--device cuda: {error}") from None


def output_folder(name: str) -> Path:
    """The folder `name`, made if needed, in which files can be written."""
    out = Path(name)
    try:
        out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out).close()
    except OSError as error:
        raise UserError(f"cannot write to {out}: {error.strerror}; give another folder with --out") from None
    return out


# -- values of options ---------------------------------------------------------------------------------------


def one_of(names: Any) -> Callable[[str], str]:
    """One of the names."""

    def check(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(f"there is no '{text}', choose from {', '.join(names)}")
        return text

    return check


def positive(text: str) -> float:
    """A number above 0."""
    value = _number(float, text, "a number such as 0.1")
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text}")
    return value


def not_negative(text: str) -> float:
    """A number of at least 0."""
    value = _number(float, text, "a number such as 0.8")
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number of at least 0, got {text}")
    return value


def probability(text: str) -> float:
    """A number of at least 0 and less than 1."""
    value = _number(float, text, "a number such as 0.1")
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 0 and less than 1, got {text}")
    return value


def count(text: str) -> int:
    """A whole number of at least 1."""
    value = _number(int, text, "a whole number such as 32")
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text}")
    return value


def counts(text: str) -> tuple[int, ...]:
    """Counts with commas between them."""
    return tuple(count(part) for part in text.split(","))


def seed(text: str) -> int:
    """A whole number from 0 to 2**63 - 1."""
    value = _number(int, text, "a whole number such as 0")
    if not 0 <= value < 2**63:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 to 2**63 - 1, got {text}")
    return value


def _number(kind: Callable[[str], Any], text: str, expected: str) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected {expected}, got '{text}'") from None
