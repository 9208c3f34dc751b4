"""`python -m minigrad train`: what it makes, and one clear line for everything that can go wrong."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest
from small_fashion import write_fashion

import minigrad
from minigrad.__main__ import main
from minigrad.train import cli, options

needs_extras = [pytest.importorskip(name) for name in ("sklearn", "matplotlib", "tqdm")]


@pytest.fixture
def fashion(tmp_path):
    """The options for a run of a second on a small data set."""
    folder = tmp_path / "data"
    folder.mkdir()
    write_fashion(folder)
    out = tmp_path / "out"
    options = ["--data", "fashion-mnist", "--hidden", "16", "--epochs", "3", "--batch-size", "8"]
    return ["train", *options, "--data-dir", str(folder), "--out", str(out)]


def refused(capsys, *argv):
    """The one line that the command line says when it refuses `argv`."""
    try:
        status = main([*map(str, argv)])
    except SystemExit as exit:
        status = exit.code
    said = capsys.readouterr()
    assert status == 2 and said.err.count("\n") == 1 and said.err.endswith("\n"), said
    assert said.err.startswith(("minigrad: ", "python -m minigrad")) and "Traceback" not in said.err
    return said.err


# -- what it makes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", cli.OPTIMIZERS)
def test_digits_are_learnt(optimizer, tmp_path, capsys):
    argv = ["train", "--optimizer", optimizer, "--epochs", "12", "--out", str(tmp_path)]
    assert main(argv) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "digits: 1,437 training images, 360 test images"
    assert sum(line.startswith("epoch ") for line in lines) == 12
    found = float(lines[-3].split()[2])
    assert lines[-3].startswith("test accuracy ") and found >= 94
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert lines[-2].endswith("curves.png") and lines[-1].endswith("checkpoint.safetensors")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint.safetensors", "curves.png"]


def test_the_checkpoint_holds_the_network_and_how_it_was_trained(fashion, capsys):
    assert main([*fashion, "--optimizer", "momentum", "--hidden", "16,8", "4"]) == 0
    out = fashion[-1]
    saved = minigrad.load(os.path.join(out, "checkpoint.safetensors"))
    settings, metrics = saved["settings"], saved["metrics"]
    assert settings["sizes"] == (784, 16, 8, 4, 10) and settings["optimizer"] == "momentum"
    assert saved["epoch"] == len(metrics) == 3 and metrics[-1]["number"] == 3
    model = cli.mlp(settings["sizes"], settings["input_dropout"], settings["dropout"])
    model.load_state_dict(saved["model"])
    optimizer = minigrad.optim.Momentum(model.parameters())
    optimizer.load_state_dict(saved["optimizer"])
    data = cli.datasets.load("fashion-mnist", fashion[-3])
    accuracy = (model.eval()(data.test.tensors[0]).argmax(1) == data.test.tensors[1]).float().mean().item()
    assert accuracy == pytest.approx(metrics[-1]["test_accuracy"])


def test_the_same_seed_gives_the_same_run(fashion, capsys):
    def weights(seed):
        assert main([*fashion, "--seed", str(seed)]) == 0
        saved = minigrad.load(os.path.join(fashion[-1], "checkpoint.safetensors"))
        return [value.tolist() for value in saved["model"].values()]

    first = weights(1)
    assert weights(1) == first and weights(2) != first


def test_training_on_a_device(fashion, device, capsys):
    assert main([*fashion, "--device", device]) == 0
    assert f"on {device}" in capsys.readouterr().out


def test_run_as_a_program(fashion):
    done = subprocess.run([sys.executable, "-m", "minigrad", *fashion], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done.stderr  # no bar where there is no terminal
    assert done.stdout.count("epoch ") == 3 and "\r" not in done.stdout


def test_a_progress_bar_on_a_terminal(fashion):
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()  # of size 0 x 0, as some are
    command = [sys.executable, "-m", "minigrad", *fashion]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        bar = b""
        with contextlib.suppress(OSError):  # how Linux says that the other side has closed
            while part := os.read(ours, 1000):
                bar += part
        assert process.wait(60) == 0 and b"epoch 3/3" in process.stdout.read()
    os.close(ours)
    assert b"0/15" in bar and b"step/s" in bar and bar.endswith(b"\r")


def test_help_and_version(capsys):
    assert main([]) == 0
    assert "train an MLP" in capsys.readouterr().out
    version = f"minigrad {minigrad.__version__}\n"
    for argv, expected in [(["--version"], version), (["train", "--help"], "examples:")]:
        with pytest.raises(SystemExit) as exit:
            main(argv)
        out = capsys.readouterr().out
        assert exit.value.code == 0 and expected in out
    for name in ["--data", "--lr", *cli.OPTIMIZERS, *cli.RECIPES, "digits", "(default: cpu)", "(default: 0)"]:
        assert name in out


# -- what can go wrong ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--optimizer", "adem"], "--optimizer: there is no 'adem', choose from sgd, momentum, nag, adag"),
        (["--data", "mnist"], "--data: there is no 'mnist', choose from digits, fashion-mnist"),
        (["--device", "tpu"], "--device: there is no 'tpu', choose from cpu, cuda"),
        (["--lr", "0"], "--lr: expected a number above 0, got 0"),
        (["--lr", "nan"], "--lr: expected a number above 0, got nan"),
        (["--lr", "inf"], "--lr: expected a number above 0, got inf"),
        (["--lr", "fast"], "--lr: expected a number such as 0.1, got 'fast'"),
        (["--epochs", "0"], "--epochs: expected a whole number of at least 1, got 0"),
        (["--epochs", "1.5"], "--epochs: expected a whole number such as 32, got '1.5'"),
        (["--batch-size", "-4"], "--batch-size: expected"),
        (["--hidden", "0"], "--hidden: expected a whole number of at least 1, got 0"),
        (["--hidden", "128,,64"], "--hidden: expected a whole number such as 32, got ''"),
        (["--hidden"], "--hidden: expected at least one argument"),
        (["--seed", "-1"], "--seed: expected"),
        (["--sedd", "1"], "unrecognized arguments: --sedd 1"),
        (["--data-dir", "."], "--data-dir is for fashion-mnist"),
        (["--data", "fashion-mnist", "--data-dir", "/none"], "there is no folder /none: give --data-dir"),
    ],
)
def test_a_wrong_command_line(argv, expected, capsys):
    assert expected in refused(capsys, "train", *argv)


def test_an_unknown_command(capsys):
    assert "'trian'" in refused(capsys, "trian")


def test_damaged_and_missing_files(fashion, tmp_path, capsys):
    file = tmp_path / "data" / "train-labels-idx1-ubyte"
    file.write_bytes(file.read_bytes()[:-1])
    assert "so 40 bytes, but 39 follow; download it again" in refused(capsys, *fashion)
    file.unlink()
    assert "there is no train-labels-idx1-ubyte or" in refused(capsys, *fashion)


def test_cuda_without_a_gpu(monkeypatch, capsys):
    def nothing():
        raise RuntimeError("device 'cuda' needs an NVIDIA GPU, and none was found: use device='cpu'")

    monkeypatch.setattr(options, "cupy_or_error", nothing)
    assert "--device cuda: device 'cuda' needs an NVIDIA GPU" in refused(capsys, "train", "--device", "cuda")


def test_an_output_folder_that_cannot_be(fashion, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        line = refused(capsys, *fashion, "--out", out)
        assert f"cannot write to {out}" in line and "give another folder with --out" in line


def test_a_disk_that_is_full_at_the_end(fashion, monkeypatch, capsys):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cli, "save_curves", full)
    assert "No space left on device" in refused(capsys, *fashion)


def test_a_loss_that_explodes(fashion, capsys):
    assert "the loss became" in refused(capsys, *fashion, "--lr", "1e30")


@pytest.mark.parametrize(
    ("module", "package"),
    [("tqdm", "tqdm"), ("matplotlib.figure", "matplotlib"), ("sklearn.datasets", "scikit-learn")],
)
def test_extras_that_are_not_installed(module, package, monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, module, None)
    line = refused(capsys, "train", "--out", tmp_path)
    assert line.endswith(f" needs {package}: pip install 'minigrad-dl[train]'\n")


def test_nothing_is_left_when_drawing_fails(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    from minigrad.train import Epoch
    from minigrad.train.curves import save_curves

    def half(self, file, **options):
        file.write(b"half a picture")
        raise KeyboardInterrupt

    monkeypatch.setattr(Figure, "savefig", half)
    with pytest.raises(KeyboardInterrupt):
        row = {f"{part}_{what}": 0.5 for part in ("training", "validation") for what in ("loss", "accuracy")}
        save_curves(tmp_path / "curves.png", [Epoch(number=1, **row)], "title")
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c(fashion, tmp_path):
    command = [sys.executable, "-u", "-m", "minigrad", *fashion, "--epochs", "1000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not process.stdout.readline().startswith("epoch"):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            process.stdout.readline()
        assert process.returncode == 130
        assert process.stderr.read() == "minigrad: interrupted\n"
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("command_line", ["fashion", "rhyme"])
def test_output_that_nobody_reads(command_line, request):
    """Of the training command, and of that of the language model."""
    arguments = request.getfixturevalue(command_line)
    command = [sys.executable, "-u", "-m", "minigrad", *arguments, "--epochs", "100000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 1
        assert process.stderr.read() == ""


def test_the_default_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cli.datasets, "FASHION_FOLDER", str(tmp_path))
    write_fashion(tmp_path, end=".gz")
    assert main(["train", "--data", "fashion-mnist", "--epochs", "1", "--out", str(tmp_path / "out")]) == 0
