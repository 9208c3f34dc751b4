"""What the commands share: a parser of one-line errors, checks and errors of a long run, values of options."""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from minigrad.backend.devices import cupy_or_error

from .errors import NonFiniteError, UserError, extra


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


def output_folder(name: str, advice: str = "give another folder with --out") -> Path:
    """The folder `name`, made if needed, in which files can be written."""
    out = Path(name)
    try:
        out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out).close()
    except OSError as error:
        raise UserError(f"cannot write to {out}: {error.strerror}; {advice}") from None
    return out


# -- in a run ------------------------------------------------------------------------------------------------


@contextmanager
def plain_errors(out: Path) -> Iterator[None]:
    """What the user can put right in a training, and in writing what it gave to `out`, as `UserError`."""
    try:
        yield
    except NonFiniteError as error:
        raise UserError(f"{str(error).partition(':')[0]}: try a smaller --lr") from None
    except BrokenPipeError:  # nobody reads what is printed
        raise
    except OSError as error:
        raise UserError(f"cannot write to {out}: {error.strerror or error}") from None


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
