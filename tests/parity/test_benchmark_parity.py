"""python -m benchmarks with PyTorch beside minigrad: both agree in every workload. No times are judged."""

from __future__ import annotations

import json

import pytest
from test_benchmarks import run

pytest.importorskip("torch")


def test_beside_pytorch(tmp_path):
    only = "mlp-*,rnn-16,gru-16,lstm-16,lm-step,embedding,op-*,sgd-6,rmsprop-6,backward-64*,import,memory*"
    done = run("--quick", "--only", only, "--peers", "minigrad,PyTorch", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "results.json").read_text())
    assert len(result["rows"]) == 20 and {"machine", "Python", "NumPy"} <= set(result["environment"])
    for row in result["rows"]:
        for peer in ("minigrad", "PyTorch"):
            assert 0 < row["peers"][peer]["low"] <= row["peers"][peer]["high"], (row["row"], row["peers"][peer])
        if row["row"] not in ("import", "memory-784-512-512-10"):
            assert row["ratios"]["minigrad"]["PyTorch"]["median"] > 0
    assert "at most 0.65" in done.stdout


def test_beside_the_variants_of_pytorchs_optimizers(tmp_path):
    only = "sgd-6,rmsprop-6,adagrad-6,adam-6,op-mul,import"
    done = run("--quick", "--only", only, "--peers", "minigrad,PyTorch*", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    rows = {row["row"]: row["peers"] for row in json.loads((tmp_path / "results.json").read_text())["rows"]}
    for name in ("op-mul", "import"):
        assert not {"PyTorch foreach", "PyTorch fused"} & set(rows.pop(name))  # they are for optimizer steps alone
    for name, peers in rows.items():
        assert "error" not in str(peers)
        assert peers["PyTorch foreach"]["low"] > 0, name
        if name == "rmsprop-6":
            assert peers["PyTorch fused"] == {"skipped": "its RMSprop has no option fused"}
        else:
            assert peers["PyTorch fused"]["low"] > 0, name
