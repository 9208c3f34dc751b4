"""The training command records its step, gives the numbers of an eager run, and says why where it cannot."""

import os

import pytest
from small_fashion import write_fashion

import minigrad
from minigrad import nn
from minigrad.__main__ import main
from minigrad.train import Progress, Trainer
from minigrad.utils.data import DataLoader, TensorDataset

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop"])
def test_recorded_and_eager_runs_give_the_same_numbers(optimizer, tmp_path, capsys):
    folder = tmp_path / "data"
    folder.mkdir()
    write_fashion(folder)
    states = []
    for option in ([], ["--no-jit"]):
        out = tmp_path / f"out{len(states)}"
        argv = ["train", "--data", "fashion-mnist", "--hidden", "16", "--epochs", "3", "--batch-size", "8"]
        assert main([*argv, "--optimizer", optimizer, "--data-dir", str(folder), "--out", str(out), *option]) == 0
        assert "eagerly" not in capsys.readouterr().out
        states.append(minigrad.load(os.path.join(out, "checkpoint.safetensors")))
    recorded, eager = states
    for name, value in eager["model"].items():
        assert (recorded["model"][name] == value).all(), name
    assert [m["train_loss"] for m in recorded["metrics"]] == [m["train_loss"] for m in eager["metrics"]]


class Looks(nn.Linear):
    """A layer that looks at what it computes."""

    def forward(self, input):
        out = super().forward(input)
        return out if out.sum().item() > 0 else out * 1


def loader():
    minigrad.manual_seed(0)
    return DataLoader(TensorDataset(minigrad.randn(12, 4), minigrad.randint(0, 3, (12,))), 4)


class Heard(Progress):
    """Progress that keeps what it is told."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def line(self, trainer, row):
        return "row"

    def on_message(self, trainer, text):
        self.lines.append(text)


def heard(model, jit=True):
    progress = Heard()
    optimizer = minigrad.optim.SGD(model.parameters(), lr=0.1)
    trainer = Trainer(model, optimizer, nn.CrossEntropyLoss(), jit=jit, progress=progress)
    assert len(trainer.fit(loader(), 3, validation=loader())) == 3
    return [line for line in progress.lines if line != "row"]


def test_one_line_says_why_a_step_runs_eagerly():
    (line,) = heard(Looks(4, 3))
    assert ".item()" in line and "test_recorded_training.py" in line and "\n" not in line


def test_nothing_is_said_of_a_step_that_is_recorded():
    assert not heard(nn.Linear(4, 3))


def test_without_recording_nothing_is_said():
    assert not heard(Looks(4, 3), jit=False)
