"""Each program under examples/ runs as a user would run it, and prints what it promises."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def printed(name, *arguments):
    """What an example prints, run in an interpreter of its own."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_mlp_digits():
    pytest.importorskip("sklearn")
    out = printed("mlp_digits.py")
    losses = [float(number) for number in re.findall(r"training loss (\S+)", out)]
    assert len(losses) == 12 and losses[-1] < 0.2 < losses[0]
    assert float(re.search(r"test accuracy: (\S+)", out)[1]) >= 0.95


def test_optimizers_on_a_surface():
    rows = [line.split() for line in printed("optimizers_on_a_surface.py").splitlines()]
    assert rows[0] == ["step", "SGD", "x", "SGD", "y", "loss", "RMSprop", "x", "RMSprop", "y", "loss"]
    table = [[float(number) for number in row] for row in rows[1:]]
    assert table[0] == [0, 40, 20, 5600, 40, 20, 5600]
    # SGD multiplies x by 1 - 2 * 0.096 and y by 1 - 20 * 0.096 at every step.
    assert table[1][:6] == [1, 32.32, -18.4, 4430.1824, 30.5132, 10.5132]
    assert table[10][1:3] == [pytest.approx(40 * 0.808**10, abs=1e-4), pytest.approx(20 * 0.92**10, abs=1e-4)]
    # RMSprop, followed here in plain Python.
    x, y, mean_x, mean_y = 40.0, 20.0, 0.0, 0.0
    for step in range(1, 11):
        mean_x, mean_y = 0.9 * mean_x + 0.1 * (2 * x) ** 2, 0.9 * mean_y + 0.1 * (20 * y) ** 2
        x, y = x - 3 * 2 * x / (mean_x**0.5 + 1e-6), y - 3 * 20 * y / (mean_y**0.5 + 1e-6)
        assert table[step][4:6] == [pytest.approx(x, abs=1e-4), pytest.approx(y, abs=1e-4)]


def test_the_tracks_are_drawn_into_a_file(tmp_path):
    pytest.importorskip("matplotlib")
    file = tmp_path / "tracks.png"
    assert f"drawn in {file}" in printed("optimizers_on_a_surface.py", str(file))
    assert file.read_bytes().startswith(b"\x89PNG")


def test_backprop_by_hand():
    out = printed("backprop_by_hand.py")
    assert out.count("largest difference") == 8
    assert out.endswith("all 8 gradients agree\n")


def test_from_pytorch():
    out = printed("from_pytorch.py")
    assert "<All keys matched successfully>" in out
    assert out.endswith("6 tensors came back unchanged\n")


def test_recorded_step():
    out = printed("recorded_step.py")
    assert "def step(x, y):" in out and "# optimizer | SGD" in out and "array calls per run" in out
    first, last = map(float, re.search(r"loss: (\S+) at first, (\S+) after 500 steps", out).groups())
    assert last < 0.01 < first
