"""python -m benchmarks with PyTorch beside minigrad: both agree in every workload. No times are judged."""

from __future__ import annotations

import json

import pytest
from test_benchmarks import run

pytest.importorskip("torch")


def test_beside_pytorch(tmp_path):
    only = "mlp-*,embedding,op-*,sgd-6,rmsprop-6,backward-64*,import,memory*"
    done = run("--quick", "--only", only, "--peers", "minigrad,PyTorch", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "results.json").read_text())
    assert len(result["rows"]) == 16 and {"machine", "Python", "NumPy"} <= set(result["environment"])
    for row in result["rows"]:
        for peer in ("minigrad", "PyTorch"):
            assert 0 < row["peers"][peer]["low"] <= row["peers"][peer]["high"], (row["row"], row["peers"][peer])
        if row["row"] not in ("import", "memory-784-512-512-10"):
            assert row["ratios"]["minigrad"]["PyTorch"]["median"] > 0
    assert "at most 0.65" in done.stdout
