"""Command line of the benchmarks: see `python -m benchmarks --help`."""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import shlex
import signal
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import __doc__ as description
from . import machine, picture, report, suite
from .peers import PEERS
from .workloads import GROUPS, ROWS


def some(kinds: Any, what: str) -> Any:
    """Parses names and patterns, separated by commas, of something that there is."""

    def parse(text: str) -> tuple[str, ...]:
        found = []
        for pattern in text.split(","):
            matching = [name for name in kinds if fnmatch.fnmatch(name.lower(), pattern.strip().lower())]
            if not matching:
                raise argparse.ArgumentTypeError(f"there is no {what} '{pattern.strip()}': see --list")
            found += matching
        return tuple(name for name in kinds if name in found)

    return parse


def counts(text: str) -> tuple[int, ...]:
    try:
        found = tuple(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected numbers such as 1,2, got '{text}'") from None
    if any(n < 1 for n in found):
        raise argparse.ArgumentTypeError("a number of threads is at least 1")
    return found


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser("python -m benchmarks", description=description, formatter_class=Raw)
    add = made.add_argument
    add("--quick", action="store_true", help="fewer workloads and samples, one thread: under two minutes")
    add("--only", type=some(ROWS, "workload"), metavar="NAMES", help="workloads, such as mlp-*,import")
    add("--peers", type=some(PEERS, "peer"), metavar="NAMES", help="peers, such as minigrad*,PyTorch")
    add("--threads", type=counts, metavar="N,...", help="numbers of threads (1,2; with --quick 1)")
    add("--device", choices=["cpu", "cuda"], default="cpu", help="cuda: minigrad on CuPy beside PyTorch on a GPU")
    add("--out", type=Path, metavar="FOLDER", help="write results.md, results.json and results.png there")
    add("--list", action="store_true", help="say which workloads and peers there are, and stop")
    return made


class Raw(argparse.RawDescriptionHelpFormatter):
    """Keeps the description's lines."""


def listing() -> str:
    lines = ["workloads (* in --quick too):"]
    for group in GROUPS:
        lines += [f"  {row.name:24}{'* ' if row.quick else '  '}{group.TITLE}: {row.title}" for row in group.ROWS]
    lines += ["peers:", *(f"  {name:24}  {peer.note}" for name, peer in PEERS.items())]
    return "\n".join(lines)


def options(chosen: argparse.Namespace) -> suite.Options:
    rows = chosen.only or tuple(name for name, row in ROWS.items() if row.quick or not chosen.quick)
    if not chosen.only and not chosen.quick:
        rows = tuple(name for name in rows if name != "epoch-tenth")  # a part of another row
    fixed = {
        "rows": rows,
        "peers": chosen.peers or tuple(PEERS),
        "threads": chosen.threads or ((1,) if chosen.quick else (1, 2)),
        "device": chosen.device,
    }
    return suite.quick(fixed) if chosen.quick else suite.Options(**fixed)


def main(arguments: list[str] | None = None) -> int:
    chosen = parser().parse_args(arguments)
    if chosen.list:
        print(listing())
        return 0
    if chosen.out is not None:
        chosen.out.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: children are ended on the way out
    start = time.perf_counter()
    run = suite.Run(options(chosen), say=lambda line: print(line, file=sys.stderr, flush=True))
    try:
        # What compilers leave lying about, also when they are ended halfway, goes away with this folder.
        with tempfile.TemporaryDirectory(prefix="benchmarks-") as os.environ["TMPDIR"]:
            run.everything()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    if not any("median" in facts for row in run.rows for facts in row["peers"].values()):
        print("nothing was measured: no peer could take part", file=sys.stderr)
        return 1
    result = {
        "command": shlex.join(["python", "-m", "benchmarks", *shown(arguments)]),
        "environment": machine.facts(suite.bending()),
        "settings": asdict(run.options),
        "seconds": time.perf_counter() - start,
        "peers": {name: run.peers[name] for name in PEERS if name in run.peers},
        "targets": report.targets(run.rows),
        "rows": run.rows,
    }
    text = report.markdown(result)
    print(text)
    print(f"{result['seconds']:.0f} s", file=sys.stderr)
    if chosen.out is not None:
        (chosen.out / "results.md").write_text(text)
        (chosen.out / "results.json").write_text(json.dumps(result, indent=1) + "\n")
        if not picture.draw(result, chosen.out / "results.png"):
            print("no picture: matplotlib is not installed, or there is nothing to compare", file=sys.stderr)
    return 0


def shown(arguments: list[str] | None) -> list[str]:
    """The arguments without the output folder, which is nobody else's."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    kept, skip = [], False
    for argument in given:
        if not (skip or argument == "--out" or argument.startswith("--out=")):
            kept.append(argument)
        skip = argument == "--out"
    return kept


if __name__ == "__main__":
    sys.exit(main())
