"""benchmarks/eager.py with PyTorch beside minigrad: both agree, and it writes what it promises. No times are judged."""

from __future__ import annotations

import json

import pytest
from test_benchmark_eager import run, table_lines

pytest.importorskip("torch")


def test_beside_pytorch(tmp_path):
    report = tmp_path / "report.json"
    done = run("--quick", "--repeats", "2", "--breakdown", "--json", str(report))
    assert done.returncode == 0, done.stderr
    found = json.loads(report.read_text())
    assert {"machine", "Python", "NumPy", "minigrad", "PyTorch", "threads"} <= set(found["environment"])
    assert found["settings"] == {"device": "cpu", "quick": True, "repeats": 2}
    assert [row["what"].split(",")[0] for row in found["rows"][:2]] == ["MLP 64-128-128-10", "MLP 784-512-512-10"]
    assert len(found["rows"]) == 8 and len(found["parts"]) == 10
    for row in found["rows"] + found["parts"]:
        for side in ("minigrad", "PyTorch", "ratio"):
            assert 0 < row[side]["low"] <= row[side]["high"] and row[side]["median"] > 0
    assert len(table_lines(done.stdout)) == 18
    assert "at most 0.65" in done.stdout and "backward" in done.stdout
