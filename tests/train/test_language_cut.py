"""`python -m minigrad lm` that is killed or interrupted, and goes on."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from small_texts import OPTIONS

import minigrad
from minigrad.__main__ import main

needs_extras = [pytest.importorskip(name) for name in ("matplotlib", "tqdm")]


def content(folder):
    """All of the last checkpoint, but for seconds, and generators of which nothing was drawn."""
    data = minigrad.load(folder / "last.safetensors")
    data["random"] = data["random"]["cpu"]
    for row in data["parts"]["trainer"]["state"]["history"]:
        del row["seconds"]
    return plain(data)


def plain(data):
    if isinstance(data, dict):
        return {name: plain(value) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return [plain(value) for value in data]
    return data.tolist() if isinstance(data, minigrad.Tensor) else data


def test_a_run_that_is_killed_is_resumed_to_the_same_bits(rhyme, tmp_path, capsys):
    options = [*rhyme[:-2], "--epochs", "6", "--dropout", "0.2", "--out"]
    assert main([*options, str(tmp_path / "whole")]) == 0
    command = [sys.executable, "-u", "-m", "minigrad", *options, str(tmp_path / "cut")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while not process.stdout.readline().startswith("epoch 3/6"):
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "cut" / "curves.png").exists()
    capsys.readouterr()
    assert main(["lm", "--resume", str(tmp_path / "cut")]) == 0
    out = capsys.readouterr().out
    assert "resumed from" in out and "epoch 1/6" not in out and "epoch 6/6" in out
    assert content(tmp_path / "cut") == content(tmp_path / "whole")
    for name in ("samples.txt", "curves.png"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert main(["lm", "--resume", str(tmp_path / "cut" / "last.safetensors"), "--no-jit"]) == 0
    assert "nothing to do: 6 epochs have been done" in capsys.readouterr().out


def test_ctrl_c(rhyme):
    command = [sys.executable, "-u", "-m", "minigrad", *rhyme, "--epochs", "100000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        lines = iter(process.stdout.readline, "")
        while not next(lines).startswith("epoch      2/"):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert [*lines][-1] == f"to go on: python -m minigrad lm --resume {rhyme[-1]}\n"
        assert process.wait(60) == 130 and process.stderr.read() == "minigrad: interrupted\n"


def test_a_run_that_is_cut_at_once_is_not_the_one_before_it(rhyme, capsys, monkeypatch):
    """In the folder of another run, before the first checkpoint is due."""
    assert main(rhyme) == 0

    def interrupted(trainer, *args, **options):
        raise KeyboardInterrupt

    other = [*rhyme, "--hidden", "9"]
    with monkeypatch.context() as cut:
        cut.setattr(minigrad.train.Trainer, "fit", interrupted)
        assert main(other) == 130
    assert f"to go on: python -m minigrad lm --resume {rhyme[-1]}\n" in capsys.readouterr().out
    assert main(["lm", "--resume", rhyme[-1]]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("LSTM 9, ")
    found = content(Path(rhyme[-1]))
    assert main(other) == 0
    assert content(Path(rhyme[-1])) == found


def test_a_run_is_resumed_from_any_folder(rhyme, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["lm", "--text", "rhyme.txt", *OPTIONS]) == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(["lm", "--resume", "../runs/lm-lstm"]) == 0
    monkeypatch.chdir(tmp_path / "runs" / "lm-lstm")
    assert main(["lm", "--resume", "last.safetensors"]) == 0
