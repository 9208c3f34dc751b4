"""What the benchmarks share: the two sides, timing them in turns, the machine they run on, and the table."""

from __future__ import annotations

import importlib
import os
import platform
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import minigrad


class Disagreement(Exception):
    """The two sides compute different results: there is nothing to compare."""


class Side:
    """One library, under the names that both have: `lib.tensor`, `lib.nn`, `lib.optim`."""

    def __init__(self, name: str, lib: Any, device: str, wait: Callable[[], Any]) -> None:
        self.name = name
        self.lib = lib
        self.device = device
        self.wait = wait  # until the device has done what it was given

    def tensor(self, array: np.ndarray, requires_grad: bool = False) -> Any:
        """A tensor of its own with the values of `array`."""
        made = self.lib.tensor(array, device=self.device)
        return made.requires_grad_() if requires_grad else made


def values(tensor: Any) -> np.ndarray:
    """A tensor's values, of either side, on the host."""
    return tensor.detach().cpu().numpy()


def sides(device: str) -> dict[str, Side]:
    """minigrad, and PyTorch if it is installed."""

    def nothing() -> None:
        """A CPU is never behind."""

    wait: Callable[[], Any] = nothing
    if device == "cuda":
        minigrad.zeros(1, device="cuda")  # without a GPU this is the error that says so
        wait = importlib.import_module("cupy").cuda.get_current_stream().synchronize
    found = {"minigrad": Side("minigrad", minigrad, device, wait)}
    try:
        torch = importlib.import_module("torch")
    except ImportError:
        return found
    torch.set_num_threads(1)
    if device == "cuda" and not torch.cuda.is_available():
        raise RuntimeError("PyTorch sees no GPU: install a build with CUDA, or uninstall it to time minigrad alone")
    found["PyTorch"] = Side("PyTorch", torch, device, torch.cuda.synchronize if device == "cuda" else nothing)
    return found


def take_turns(runs: Mapping[str, Callable[[], Any]], all_sides: Mapping[str, Side], repeats: int, calls: int) -> Any:
    """Seconds per call of each run, block by block: `repeats` blocks of `calls` calls, in changing order."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for name, run in runs.items():
        for _ in range(max(3, calls // 2)):
            run()
        all_sides[name].wait()
    order = list(runs)
    for _ in range(repeats):
        for name in order:
            run, wait = runs[name], all_sides[name].wait
            wait()
            start = time.perf_counter()
            for _ in range(calls):
                run()
            wait()
            taken[name].append((time.perf_counter() - start) / calls)
        order.reverse()
    return taken


def spread(samples: Sequence[float]) -> dict[str, float]:
    """Median and quartiles."""
    low, middle, high = (float(q) for q in np.quantile(samples, (0.25, 0.5, 0.75)))
    return {"median": middle, "low": low, "high": high}


def row(what: str, taken: Mapping[str, Sequence[float]], target: float | None = None, count: int = 1) -> dict[str, Any]:
    """One line of the table: microseconds per `count`-th of a call of each side, and their ratio.

    The ratio's quartiles are those of neighbouring blocks, which met the same machine.
    """
    result: dict[str, Any] = {"what": what, "unit": "us", "target": target}
    for name, samples in taken.items():
        result[name] = {key: value * 1e6 / count for key, value in spread(samples).items()}
    if len(taken) == 2:
        pairs = np.array(taken["minigrad"]) / np.array(taken["PyTorch"])
        medians = result["minigrad"]["median"] / result["PyTorch"]["median"]
        result["ratio"] = {**spread(pairs.tolist()), "median": medians}
    return result


def _cell(numbers: Mapping[str, float] | None, digits: int) -> str:
    if numbers is None:
        return "-"
    return "{:.{d}f} ({:.{d}f} to {:.{d}f})".format(numbers["median"], numbers["low"], numbers["high"], d=digits)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: medians, with quartiles in parentheses."""
    lines = ["| what | minigrad, us | PyTorch, us | ratio | target |", "| --- | --- | --- | --- | --- |"]
    for r in rows:
        digits = 2 if r["minigrad"]["median"] < 100 else 0
        target = "" if r["target"] is None else f"at most {r['target']}"
        times = [_cell(r.get(name), digits) for name in ("minigrad", "PyTorch")]
        lines.append(f"| {' | '.join([r['what'], *times, _cell(r.get('ratio'), 2), target])} |")
    return "\n".join(lines)


def environment(all_sides: Mapping[str, Side]) -> dict[str, str]:
    """Machine and versions."""
    found = {
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "NumPy": f"{np.__version__} ({_blas()})",
        "minigrad": f"{minigrad.__version__}{_commit()}",
        "threads": os.environ["OMP_NUM_THREADS"],
    }
    if "PyTorch" in all_sides:
        found["PyTorch"] = all_sides["PyTorch"].lib.__version__
    if all_sides["minigrad"].device == "cuda":
        cupy = importlib.import_module("cupy")
        device = cupy.cuda.runtime.getDeviceProperties(0)["name"]
        found["CuPy"] = cupy.__version__
        found["CUDA runtime"] = str(cupy.cuda.runtime.runtimeGetVersion())
        found["GPU"] = device.decode() if isinstance(device, bytes) else str(device)
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _blas() -> str:
    blas = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    return f"{blas.get('name', 'unknown BLAS')} {blas.get('version', '')}".strip()


def _commit() -> str:
    root = Path(__file__).resolve().parents[1]
    command = ["git", "-C", str(root), "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return f" ({done.stdout.strip()})" if done.returncode == 0 and done.stdout.strip() else ""
