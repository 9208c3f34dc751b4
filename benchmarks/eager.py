"""Eager minigrad beside eager PyTorch: whole training steps of two MLPs, and the cost of one small operation.

    python benchmarks/eager.py                      # a table in Markdown, in about a minute
    python benchmarks/eager.py --quick              # the same, coarser, in seconds
    python benchmarks/eager.py --breakdown          # and where a step's time goes
    python benchmarks/eager.py --json out.json      # every number, with machine and versions
    python benchmarks/eager.py --device cuda        # CuPy beside PyTorch on a GPU

Both start from the same weights and data, and must agree before anything is timed. They take turns, block by block,
on one thread each, so that what else the machine does hits both alike; medians and quartiles of the blocks are given.
Without PyTorch there are minigrad's times alone.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

# One thread each, said before NumPy is loaded; and this checkout comes before what is installed.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import measure  # noqa: E402
import small_op  # noqa: E402
import training_step  # noqa: E402


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter blocks")
    parser.add_argument("--repeats", type=int, help="how many blocks of each (60, or 12 with --quick)")
    parser.add_argument("--breakdown", action="store_true", help="time the parts of a training step as well")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number there")
    chosen = parser.parse_args(arguments)
    if chosen.repeats is None:
        chosen.repeats = 12 if chosen.quick else 60
    if chosen.repeats < 1:
        parser.error("--repeats must be at least 1")
    return chosen


def main(arguments: list[str] | None = None) -> int:
    chosen = parse(arguments)
    try:
        sides = measure.sides(chosen.device)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2
    environment = measure.environment(sides)
    print("\n".join(f"{name}: {value}" for name, value in environment.items()))
    if "PyTorch" not in sides:
        print("PyTorch is not installed: these are minigrad's times alone (pip install torch for the comparison).")
    try:
        rows = [
            *training_step.rows(sides, chosen.repeats, chosen.quick),
            *small_op.rows(sides, chosen.repeats, chosen.quick),
        ]
        parts = training_step.parts(sides, chosen.repeats, chosen.quick) if chosen.breakdown else []
    except measure.Disagreement as error:
        print(error, file=sys.stderr)
        return 1
    print(f"\n{measure.table(rows)}")
    if parts:
        print(f"\nWhere a step's time goes:\n\n{measure.table(parts)}")
    if chosen.json is not None:
        settings = {"device": chosen.device, "quick": chosen.quick, "repeats": chosen.repeats}
        report = {"environment": environment, "settings": settings, "rows": rows, "parts": parts}
        chosen.json.write_text(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
