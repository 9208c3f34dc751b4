"""The command line: `python -m minigrad COMMAND`."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

import minigrad
from minigrad.train import cli
from minigrad.train.errors import UserError
from minigrad.train.language import cli as language
from minigrad.train.options import Parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in `argv` (default: the process's arguments) and return the exit status.

    0: done; 2: something that the user can put right, said in one line; 130: interrupted by Ctrl-C.
    """
    parser = Parser(
        prog="python -m minigrad",
        description="minigrad: deep learning on NumPy and CuPy, small enough to read.",
        epilog="Help on a command: python -m minigrad COMMAND --help",
    )
    parser.add_argument("--version", action="version", version=f"minigrad {minigrad.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    cli.add_command(commands)
    language.add_commands(commands)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # texts have letters that not every terminal knows
    try:
        args = parser.parse_args(argv)
        if not hasattr(args, "run"):
            parser.print_help()
            return 0
        args.run(args)
    except UserError as error:
        print(f"minigrad: {error}", file=sys.stderr)
        return 2
    except MemoryError as error:
        print(f"minigrad: not enough memory for a network or batches of this size: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("minigrad: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read the output (such as `head`) has gone: that is no mistake of ours to report at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
