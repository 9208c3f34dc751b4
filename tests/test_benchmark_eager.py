"""benchmarks/eager.py runs and writes what it promises. No times are judged here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import standin

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "eager.py"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error::DeprecationWarning:minigrad", str(SCRIPT), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, env={**os.environ, **environment}, check=False
    )


@pytest.fixture
def without_torch(tmp_path):
    """A folder for PYTHONPATH in which PyTorch cannot be imported."""
    (tmp_path / "torch.py").write_text("raise ImportError('no PyTorch here')\n")
    return str(tmp_path)


def table_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("| ") and not line.startswith(("| what", "| ---"))]


def test_without_pytorch_it_times_minigrad_alone_and_says_so(tmp_path, without_torch):
    report = tmp_path / "report.json"
    done = run("--quick", "--repeats", "1", "--json", str(report), PYTHONPATH=without_torch)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("PyTorch is not installed") == 1
    lines = table_lines(done.stdout)
    assert len(lines) == 8 and all(line.count("|") == 6 for line in lines)
    rows = json.loads(report.read_text())["rows"]
    assert all(row["minigrad"]["median"] > 0 and "PyTorch" not in row and "ratio" not in row for row in rows)


def test_a_gpu_that_is_not_there_is_one_sentence():
    done = run("--device", "cuda", CUDA_VISIBLE_DEVICES="-1")
    assert done.returncode == 2 and done.stdout == ""
    assert "cuda" in done.stderr and len(done.stderr.strip().splitlines()) == 1


def test_bad_arguments_are_refused():
    assert run("--repeats", "0").returncode == 2
    assert run("--device", "tpu").returncode == 2


def test_the_cuda_path_on_the_stand_in(without_torch):
    path = os.pathsep.join([standin.FOLDER, without_torch])
    done = run("--device", "cuda", "--quick", "--repeats", "1", PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    assert "stand-in" in done.stdout and len(table_lines(done.stdout)) == 8
    assert "at most" not in done.stdout  # the targets are the CPU's
