"""README's programs run as they stand, one after the other, and print what it shows."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import minigrad

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", README, flags=re.S)


def block(words: str) -> tuple[str, str]:
    """The only program with these words, and what README says that it prints."""
    (found,) = [pair for pair in BLOCKS if words in pair[0]]
    return found


def test_the_programs_of_the_readme(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    minigrad.manual_seed(0)
    space: dict = {"minigrad": minigrad, "Optimizer": minigrad.optim.Optimizer}
    exec(block("import minigrad as torch")[0], space)
    assert space["loss"].item() < 0.5

    exec(block("@minigrad.jit")[0], space)
    losses = [space["step"](space["x"], space["y"]).item() for _ in range(5)]
    assert losses[-1] < losses[0]

    program, shown = block("describe()")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(program, space)
    assert printed.getvalue() == shown

    data = minigrad.utils.data.TensorDataset(space["x"], space["y"])
    space |= {name: minigrad.utils.data.DataLoader(data, 8) for name in ("loader", "held_out")}
    program, _ = block("from minigrad.train import")
    exec(program.replace("epochs=100", "epochs=3").replace("clip_norm=1.0", "clip_norm=1.0, progress=False"), space)
    exec(block("class Momentum")[0], space)


def test_the_recurrent_programs_of_the_readme():
    minigrad.manual_seed(0)
    space: dict = {"minigrad": minigrad, "nn": minigrad.nn}
    exec(block("lengths=[4, 10, 7]")[0], space)
    assert space["output"].shape == (3, 10, 64)
    assert not space["output"][0, 4:].any()
    exec(block("minigrad.utils.tbptt")[0], space)
    assert space["windows"].state.shape == (1, 4, 32)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(block("gradient_flow")[0], space)
    assert len(re.findall(r"^ +\d+ .*e[+-]\d\d", printed.getvalue(), flags=re.M)) > 10  # rows of time steps
