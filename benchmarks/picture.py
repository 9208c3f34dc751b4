"""The picture of a run: every peer beside minigrad in each workload, and how cost grows with depth."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .workloads import ROWS

MARKERS = "osD^v<>PX*hd"


def draw(result: Mapping[str, Any], path: Path) -> bool:
    """Write a PNG; False where matplotlib is not installed or there is nothing to draw."""
    try:
        figures, lines = (importlib.import_module(f"matplotlib.{name}") for name in ("figure", "lines"))
    except ImportError:
        return False
    one = [row for row in result["rows"] if row["threads"] == min(result["settings"]["threads"])]
    base = next((n for n in ("minigrad.jit", "minigrad") if any(n in row["ratios"] for row in one)), None)
    compared = [row for row in one if base in row["ratios"] and ROWS[row["row"]].series != "depth"]
    grown = [row for row in one if ROWS[row["row"]].series == "depth"]
    if not compared and not grown:
        return False
    peers = list(result["peers"])
    style = {
        name: {"color": f"C{i % 10}", "marker": MARKERS[i % len(MARKERS)], "linestyle": "-"}
        for i, name in enumerate(peers)
    }
    figure = figures.Figure(figsize=(11, 1.6 + 0.32 * max(len(compared), 10)), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    if compared:
        beside(left, compared, base, style)
    growth(right, grown, peers, style)
    right.legend(handles=[lines.Line2D([], [], label=name, **style[name]) for name in peers], fontsize=8)
    figure.savefig(path, dpi=60)
    return True


def beside(left: Any, compared: list[Any], base: str, style: Mapping[str, Any]) -> None:
    """A line for each workload, a mark for each peer."""
    for place, row in enumerate(reversed(compared)):
        for name, ratio in row["ratios"][base].items():
            left.plot(1 / ratio["median"], place, markersize=6, **style[name])
    left.axvline(1, color="black", linewidth=1)
    left.set_xscale("log")
    left.set_yticks(range(len(compared)), [ROWS[row["row"]].title for row in reversed(compared)], fontsize=8)
    left.set_xlabel(f"time, as a multiple of {base}'s (right of the line: slower)")
    left.grid(axis="x", alpha=0.3)


def growth(right: Any, grown: list[Any], peers: list[str], style: Mapping[str, Any]) -> None:
    """A curve for each peer."""
    for name in peers:
        points = [(ROWS[row["row"]].size, row["peers"][name]["median"])
                  for row in grown if "median" in row["peers"].get(name, {})]  # fmt: skip
        if points:
            right.plot(*zip(*points), markersize=5, linewidth=1, **style[name])
    right.set(xlabel="operations in a chain", ylabel="seconds, forward and gradient")
    if grown:
        right.set(xscale="log", yscale="log")
    right.grid(alpha=0.3)
