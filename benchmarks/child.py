"""What a child process does: `python -m benchmarks.child PLAN`, PLAN being JSON from `suite.py`.

It loads the peers, and for each row builds every peer's job, compares their results, and times those that agree, in
turns. It tells its parent, one line of JSON for each event: a peer that was loaded, a job that is being built (so
that the parent knows whom to blame for a crash), a row that is done.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .measure import block, ratio, spread, starting_cost, take_turns, warm
from .peers import PEERS, Absent, Job, Peer, Unsupported, brief
from .workloads import ROWS, Row

#: whose results the others are compared with: the first of these that is there
REFERENCES = ("PyTorch", "NumPy by hand", "minigrad")
#: what ratios are taken of
BASES = ("minigrad.jit", "minigrad")

Tell = Callable[..., None]


class Child:
    """The peers of one process, and what is asked of them."""

    def __init__(self, plan: dict[str, Any], tell: Tell) -> None:
        self.plan, self.tell = plan, tell
        self.peers: dict[str, Peer] = {}
        self.built: dict[tuple[str, str], list[tuple[int, float]]] = {}  # by series and peer: size, seconds
        for name in plan["peers"]:
            peer = PEERS[name]()
            tell(event="begin", row=None, peer=name)
            try:
                peer.load(plan["threads"], plan["device"])
            except Absent as error:
                tell(event="peer", peer=name, absent=str(error))
            else:
                self.peers[name] = peer
                tell(event="peer", peer=name, version=peer.version(), note=peer.note)

    def row(self, row: Row) -> dict[str, Any]:
        """What one row gave: for each peer numbers, or why there are none; ratios to others, and to a smaller row."""
        found: dict[str, dict[str, Any]] = {}
        if row.measure == "start":
            samples = self.starts(row, found)
        else:
            jobs = self.agreeing(row, found)
            smaller = self.smaller(row, jobs)
            samples = take_turns({**jobs, **smaller}, self.plan["rounds"], self.plan["block"], self.plan["seconds"])
            del jobs, smaller
        apart = {name: samples.pop(name) for name in list(samples) if name not in found}
        for name, seconds in samples.items():
            found[name].update({k: v / row.count for k, v in spread(seconds).items()}, blocks=len(seconds))
        ratios = {
            base: {name: ratio(samples[base], seconds) for name, seconds in samples.items() if name != base}
            for base in BASES
            if base in samples
        }
        growth = {name: ratio(parts(samples[name], row), parts(seconds, ROWS[row.over]))
                  for (name, _), seconds in apart.items()}  # fmt: skip
        return {"peers": found, "ratios": ratios, "growth": growth}

    def smaller(self, row: Row, jobs: dict[Any, Job]) -> dict[Any, Job]:
        """minigrad's jobs in the smaller row that this one is set beside, each under (peer, row)."""
        names = [name for name in BASES if row.over and name in jobs]
        return {(name, row.over): self.peers[name].build(ROWS[row.over].problem) for name in names}

    def agreeing(self, row: Row, found: dict[str, dict[str, Any]]) -> dict[str, Job]:
        """The jobs of all peers whose results agree; the others are named in `found`."""
        jobs: dict[str, Job] = {}
        results: dict[str, list[np.ndarray]] = {}
        for name, peer in self.asked(row):

            def build(peer: Peer = peer) -> tuple[Job, list[np.ndarray]]:
                peer.forget()
                job = peer.build(row.compare or row.problem)
                result = [np.asarray(array, np.float64) for array in job.check(row.steps)]
                return peer.build(row.problem) if row.compare else job, result

            start = time.perf_counter()
            made = self.attempt(row, name, found, build)
            if made is not None:
                jobs[name], results[name] = made
                self.built.setdefault((row.series, name), []).append((row.size, time.perf_counter() - start))
        reference = next((name for name in (*REFERENCES, *jobs) if name in jobs), None)
        for name in list(jobs):
            if reference is not None and (problem := difference(results[name], results[reference], row.tolerance)):
                found[name] = {"error": f"does not agree with {reference}: {problem}"}
                del jobs[name]
        return jobs

    def starts(self, row: Row, found: dict[str, dict[str, Any]]) -> dict[str, list[float]]:
        """What recording or compiling costs, of the peers that do either."""
        samples: dict[str, list[float]] = {}
        for name, peer in self.asked(row):
            if not peer.compiles:
                continue

            def start(peer: Peer = peer) -> list[float]:
                seconds: list[float] = []
                while len(seconds) < self.plan["starts"] and sum(seconds) < self.plan["seconds"]:
                    peer.forget(cold=True)
                    gc.collect()
                    seconds.append(starting_cost(peer.build(row.problem)))
                return seconds

            seconds = self.attempt(row, name, found, start)
            if seconds is not None:
                samples[name] = seconds
        return samples

    def asked(self, row: Row) -> list[tuple[str, Peer]]:
        """The peers for which this row is."""
        kind = row.problem.kind
        return [(name, peer) for name, peer in self.peers.items() if peer.kinds is None or kind in peer.kinds]

    def attempt(self, row: Row, name: str, found: dict[str, dict[str, Any]], work: Callable[[], Any]) -> Any:
        """What `work` returns; if it fails, None, and why is written down as this peer's outcome in this row."""
        self.tell(event="begin", row=row.name, peer=name)
        try:
            if reason := self.spared(row, name):
                raise Unsupported(reason)
            done = work()
        except Unsupported as error:
            found[name] = {"skipped": str(error)}
        except Exception as error:  # of any library, in any state: the row goes on without this peer
            found[name] = {"error": brief(error)}
        else:
            found[name] = {}
            return done

    def spared(self, row: Row, name: str) -> str | None:
        """Why a peer is not even asked."""
        for excluded, peer, reason in self.plan["excluded"]:
            if (excluded, peer) == (row.name, name):
                return reason
        if self.plan["quick"] and name == "torch.compile" and not row.compile:
            return "--quick compiles one row only"
        # A compiler tends to take more than linear time; the others are fast enough for every size. The first size of
        # a series tells nothing, since much of it may be the compiler's own start.
        built = self.built.get((row.series, name), [])
        if row.series and self.peers[name].compiles and len(built) > 1:
            (size, seconds), budget = built[-1], self.plan["building"]
            if seconds * (row.size / size) ** 1.5 > budget:
                return f"took {seconds:.1f} s to build size {size:,}: this one might take more than {budget:.0f} s"
        return None


def parts(seconds: list[float], row: Row) -> list[float]:
    """Seconds for each of the parts by which a row counts."""
    return [s / row.count for s in seconds]


def difference(ours: list[np.ndarray], theirs: list[np.ndarray], tolerance: tuple[float, float]) -> str | None:
    """Where two results differ by more than the tolerance."""
    if [a.shape for a in ours] != [b.shape for b in theirs]:
        return f"{len(ours)} arrays of shapes {[a.shape for a in ours]}, not {[b.shape for b in theirs]}"
    rtol, atol = tolerance
    for i, (a, b) in enumerate(zip(ours, theirs)):
        if not np.allclose(a, b, rtol=rtol, atol=atol):
            what = "numbers of the steps" if i == 0 else f"array {i} after them"
            return f"{what} differ by up to {np.abs(a - b).max():.2g}"
    return None


def memory(plan: dict[str, Any]) -> dict[str, Any]:
    """The most memory that one peer needs for some steps, in bytes; and after its import."""
    (name,) = plan["peers"]
    peer = PEERS[name]()
    try:
        peer.load(plan["threads"], plan["device"])
        imported = peak_memory()
        job = peer.build(ROWS[plan["rows"][0]].problem)
        warm(job)
        block(job, 17)
    except (Absent, Unsupported) as error:
        return {"skipped": str(error)}
    except Exception as error:
        return {"error": brief(error)}
    return {"imported": imported, "peak": peak_memory()}


def peak_memory() -> int:
    """Bytes of the largest size that this process had. (ru_maxrss would begin with its parent's.)"""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    plan = json.loads(sys.argv[1])
    # Only events go to standard output; whatever libraries print there goes to standard error.
    events = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    warnings.simplefilter("ignore")

    def tell(**event: Any) -> None:
        events.write(json.dumps(event) + "\n")

    if plan["mode"] == "memory":
        tell(event="memory", **memory(plan))
        return
    child = Child(plan, tell)
    tell(event="ready")
    for name in plan["rows"]:
        start = time.perf_counter()
        result = child.row(ROWS[name])
        gc.collect()
        tell(event="row", row=name, seconds=time.perf_counter() - start, **result)


if __name__ == "__main__":
    main()
