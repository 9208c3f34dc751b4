"""Running the benchmarks: one child process for each number of threads, and small ones for imports and memory.

Numbers of threads have to be said before libraries are loaded, so the parent loads none. A child in which all peers
take turns reports row by row; if it dies or hangs, the peer that it was busy with is written down as the cause, and
a new child goes on without that peer. All children belong to the parent's process group: Ctrl-C ends them all.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .measure import spread
from .peers import PEERS
from .workloads import ROWS

ROOT = Path(__file__).resolve().parents[1]
#: Settings that bend the kernels of one library. Every library runs as it decides by itself; what was set is reported.
BENDING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "MKL_DEBUG_CPU_TYPE", "MKL_ENABLE_INSTRUCTIONS", "XLA_FLAGS")


@dataclass(frozen=True)
class Options:
    """What to run, and how long."""

    rows: tuple[str, ...]
    peers: tuple[str, ...]
    threads: tuple[int, ...] = (1, 2)
    device: str = "cpu"
    quick: bool = False
    rounds: int = 40  # blocks of each peer and row
    block: float = 0.01  # seconds of a block, at least one call
    seconds: float = 10.0  # for timing a row, all peers together
    starts: int = 3  # fresh starts of each peer that records or compiles
    building: float = 30.0  # the most that building one job of a growing series may take
    silence: float = 150.0  # seconds without a word after which a child is given up
    processes: int = 5  # fresh interpreters for each import time


def quick(options: dict[str, Any]) -> Options:
    """The same, coarser: for `--quick`."""
    short = {"rounds": 10, "block": 0.004, "seconds": 1.5, "starts": 1, "building": 5.0, "silence": 60.0}
    return Options(**{**short, "processes": 1, **options}, quick=True)


def environment(threads: int) -> dict[str, str]:
    """The variables of a child that may use so many threads."""
    inherited = {name: value for name, value in os.environ.items() if name not in BENDING}
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NPROC")
    eigen = f"--xla_cpu_multi_thread_eigen={str(threads > 1).lower()} intra_op_parallelism_threads={threads}"
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**inherited, **dict.fromkeys(names, str(threads)), "XLA_FLAGS": eigen, "PYTHONPATH": path}


def bending() -> dict[str, str]:
    """The settings that were found and not passed on."""
    return {name: os.environ[name] for name in BENDING if name in os.environ}


class Process:
    """A child in the parent's process group that writes lines; ended when the block is left."""

    def __init__(self, command: list[str], threads: int, device: str = "cpu") -> None:
        # As many cores as threads: some libraries start more threads than they are allowed to compute with.
        pin = device == "cpu" and hasattr(os, "sched_setaffinity")
        cores = sorted(os.sched_getaffinity(0))[-threads:] if pin else []
        # A file, closed on exit, since a pipe that nobody reads would fill up.
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115
        self.child = subprocess.Popen(
            [sys.executable, *command],
            stdout=subprocess.PIPE,
            stderr=self.errors,
            stdin=subprocess.DEVNULL,
            env=environment(threads),
            cwd=ROOT,
            preexec_fn=(lambda: os.sched_setaffinity(0, cores)) if cores else None,
        )

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *error: Any) -> None:
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(5)
            except subprocess.TimeoutExpired:
                self.child.kill()
        self.child.wait()
        assert self.child.stdout is not None
        self.child.stdout.close()
        self.errors.close()

    def last_words(self) -> str:
        """The last line of its standard error."""
        self.errors.seek(0)
        return next((line.decode() for line in reversed(self.errors.read().splitlines()) if line.strip()), "")

    def lines(self, silence: float) -> Iterator[str]:
        """Its lines as they come. Raises `TimeoutError` after so many seconds without one."""
        assert self.child.stdout is not None
        stream, rest = self.child.stdout.fileno(), b""
        while True:
            ready, _, _ = select.select([stream], [], [], silence)
            if not ready:
                raise TimeoutError
            data = os.read(stream, 65536)
            if not data:
                self.child.wait()
                return
            *whole, rest = (rest + data).split(b"\n")
            for line in whole:
                yield line.decode()


def plan(options: Options, **changes: Any) -> str:
    return json.dumps({**asdict(options), "mode": "rows", "excluded": [], **changes})


class Run:
    """Everything that one call of the suite finds out."""

    def __init__(self, options: Options, say: Any = print) -> None:
        self.options, self.say = options, say
        self.peers: dict[str, dict[str, Any]] = {}
        self.rows: list[dict[str, Any]] = []

    def everything(self) -> None:
        chosen = [ROWS[name] for name in self.options.rows]
        timed = [row for row in chosen if row.measure in ("time", "start")]
        for i, threads in enumerate(self.options.threads):
            self.timed([row.name for row in timed if row.parallel or i == 0], threads)
        names = [name for name in self.options.peers if PEERS[name].kinds is None]
        if timed:
            names = [name for name in names if "version" in self.peers.get(name, {})]
        for row in chosen:
            if row.measure == "import":
                self.imports(row.name, names)
            elif row.measure == "memory":
                self.memory(row.name, names)
        order = {name: place for place, name in enumerate(ROWS)}
        self.rows.sort(key=lambda row: (row["threads"], order[row["row"]]))

    def timed(self, names: list[str], threads: int) -> None:
        """All rows that are timed in one process, in as many processes as it takes."""
        pending, excluded, absent = list(names), [], []
        while pending:
            peers = [name for name in self.options.peers if name not in absent]
            busy: dict[str, Any] = {"row": None, "peer": None}
            text = plan(self.options, rows=pending, threads=threads, excluded=excluded, peers=peers)
            failure = "the process ended"
            with Process(["-m", "benchmarks.child", text], threads, self.options.device) as process:
                try:
                    for line in process.lines(self.options.silence):
                        event = json.loads(line)
                        if event["event"] == "begin":
                            busy = event
                        elif event["event"] == "peer":
                            self.peer(event, threads)
                        elif event["event"] == "row":
                            pending.remove(event["row"])
                            self.row(event, threads)
                        busy = {"row": None, "peer": None} if event["event"] in ("row", "ready") else busy
                except TimeoutError:
                    failure = f"no result in {self.options.silence:.0f} s"
                else:
                    failure = f"the process ended with status {process.child.returncode}, {process.last_words()[:120]}"
            if not pending:
                break
            if busy["peer"] is None or [busy["row"], busy["peer"]] in [pair[:2] for pair in excluded]:
                raise RuntimeError(f"a benchmark process failed outside of any peer: {failure}")
            self.say(f"  {busy['peer']} was given up in {busy['row'] or 'its import'}: {failure}")
            if busy["row"] is None:
                absent.append(busy["peer"])
                self.peer({"peer": busy["peer"], "absent": failure}, threads)
            else:
                excluded.append([busy["row"], busy["peer"], failure])

    def peer(self, event: dict[str, Any], threads: int) -> None:
        facts = {key: event[key] for key in ("version", "note", "absent") if key in event}
        if event["peer"] not in self.peers:
            self.say(f"{event['peer']}: " + (facts.get("version") or f"skipped, {facts['absent']}"))
        self.peers[event["peer"]] = facts

    def row(self, event: dict[str, Any], threads: int) -> None:
        row = ROWS[event["row"]]
        self.add(row.name, threads, "s", event["peers"], event["ratios"], event["seconds"], growth=event["growth"])

    def add(self, name: str, threads: int, unit: str, peers: Any, ratios: Any, seconds: float, **more: Any) -> None:
        facts = {"row": name, "threads": threads, "unit": unit, "peers": peers, "ratios": ratios, "seconds": seconds}
        self.rows.append(facts | more)
        unwell = [peer for peer, facts in peers.items() if "error" in facts]
        remark = "".join(f"; {peer}: {peers[peer]['error']}" for peer in unwell)
        self.say(f"  {name}, {threads} thread{'s' * (threads > 1)}: {seconds:.1f} s{remark}")

    def imports(self, name: str, names: list[str]) -> None:
        """Seconds that `import` takes in a fresh interpreter, the libraries taking turns."""
        start = time.perf_counter()
        lines = {"NumPy by hand": "import numpy", **{n: PEERS[n]().import_line() for n in names}}
        samples: dict[str, list[float]] = {}
        peers: dict[str, dict[str, Any]] = {}
        unique = {line: peer for peer, line in sorted(lines.items(), key=lambda item: PEERS[item[0]].compiles)[::-1]}
        for round_ in range(self.options.processes + 1):
            for line, peer in unique.items():
                code = f"import time; s = time.perf_counter(); {line}; print(time.perf_counter() - s)"
                with Process(["-W", "ignore", "-c", code], 1) as process:
                    try:
                        text = list(process.lines(60))
                    except TimeoutError:
                        text = []
                if text and round_:  # the first round brings the files into the system's cache
                    samples.setdefault(peer, []).append(float(text[-1]))
        for peer, line in lines.items():
            first = unique[line]
            if first != peer:
                peers[peer] = {"skipped": f"imports what {first} imports"}
            elif peer in samples:
                peers[peer] = {**spread(samples[peer]), "blocks": len(samples[peer])}
            else:
                peers[peer] = {"error": "the import fails"}
        self.add(name, 1, "s", peers, {}, time.perf_counter() - start)

    def memory(self, name: str, names: list[str]) -> None:
        """Bytes that each peer needs, in a process of its own."""
        start = time.perf_counter()
        peers: dict[str, dict[str, Any]] = {}
        for peer in names:
            if self.options.quick and peer == "torch.compile":
                peers[peer] = {"skipped": "--quick compiles one row only"}
                continue
            text = plan(self.options, mode="memory", rows=[name], peers=[peer], threads=1)
            peers[peer] = {"error": "the process ended"}
            with Process(["-m", "benchmarks.child", text], 1, self.options.device) as process:
                try:
                    for line in process.lines(self.options.silence):
                        event = json.loads(line)
                        del event["event"]
                        peers[peer] = event
                except TimeoutError:
                    peers[peer] = {"error": f"no result in {self.options.silence:.0f} s"}
        for facts in peers.values():
            if "peak" in facts:
                facts.update(median=facts["peak"], low=facts["peak"], high=facts["peak"], blocks=1)
        self.add(name, 1, "bytes", peers, {}, time.perf_counter() - start)
