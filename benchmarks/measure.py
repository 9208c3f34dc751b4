"""Timing jobs in turns, and what is said of the samples."""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping, Sequence

import numpy as np

from .peers import Job


def warm(job: Job, calls: int = 3) -> float:
    """Run a job some times, a slow one once; seconds that a call takes, roughly, timed or not."""
    least = spent(job, 1)[1]
    for _ in range(calls - 1 if least < 0.5 else 0):
        least = min(least, spent(job, 1)[1])
    return least


def spent(job: Job, calls: int) -> tuple[float, float]:
    """A block's sample, and the seconds that the whole block took."""
    start = time.perf_counter()
    sample = block(job, calls)
    return sample, time.perf_counter() - start


def block(job: Job, calls: int) -> float:
    """Seconds per call over a block of calls, waiting once, at its end."""
    if job.timed is not None:
        return sum(job.timed() for _ in range(calls)) / calls
    run = job.run
    start = time.perf_counter()
    for _ in range(calls):
        result = run()
    if job.wait is not None:
        job.wait(result)
    return (time.perf_counter() - start) / calls


def take_turns(jobs: Mapping[str, Job], rounds: int, block_seconds: float, seconds: float) -> dict[str, list[float]]:
    """Seconds per call of each job, block by block, the jobs taking turns in changing order.

    What else the machine does then hits all alike. A job has its equal part of `seconds`: one that has used it up,
    and has three blocks, sits the later rounds out. Samples of the same round stand at the same place.
    """
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    gc.collect()
    gc.freeze()  # what all libraries together keep alive is not searched again and again
    try:
        calls = {name: max(1, round(block_seconds / warm(job))) for name, job in jobs.items()}
        left = dict.fromkeys(jobs, seconds / max(1, len(jobs)))
        order = list(jobs)
        for _ in range(rounds):
            for name in order:
                if left[name] > 0 or len(taken[name]) < 3:
                    sample, seconds_spent = spent(jobs[name], calls[name])
                    left[name] -= seconds_spent
                    taken[name].append(sample)
            order.reverse()
    finally:
        gc.unfreeze()
    return taken


def starting_cost(job: Job, calls: int = 3) -> float:
    """Seconds that the first calls of a fresh job take more than later ones."""
    first = block(job, calls) * calls
    later = float(np.median([block(job, calls) * calls for _ in range(10)]))
    return max(first - later, 0.0)


def spread(samples: Sequence[float]) -> dict[str, float]:
    """Median and quartiles."""
    low, middle, high = (float(q) for q in np.quantile(samples, (0.25, 0.5, 0.75)))
    return {"median": middle, "low": low, "high": high}


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, float]:
    """Median and quartiles of the ratios of neighbouring blocks, which met the same machine."""
    return spread([a / b for a, b in zip(ours, theirs)])
