"""On what a run ran: the machine, the versions, and the settings that were not passed on."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]


def facts(not_passed_on: Mapping[str, str]) -> dict[str, str]:
    """Name -> value, for the head of a report."""
    found = {
        "machine": f"{processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "NumPy": f"{np.__version__} ({blas()})",
        "minigrad": commit(),
    }
    if not_passed_on:
        names = ", ".join(f"{name}={value}" for name, value in not_passed_on.items())
        found["settings not passed on"] = f"{names} (each library chooses its own kernels)"
    return found


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def blas() -> str:
    found = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    return f"{found.get('name', 'unknown BLAS')} {found.get('version', '')}".strip()


def commit() -> str:
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "of no known commit"
    return f"commit {done.stdout.strip()}" if done.returncode == 0 else "of no known commit"
