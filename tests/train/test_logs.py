"""Logs: every epoch is one row of the file, whatever happens in between."""

import csv
import json
import sys
import typing

import pytest
from small_problem import loaders, make
from test_resumed_trainer import Cut, CutEpoch

from minigrad.train import Callback, Checkpoint, CSVLog, EarlyStopping, JSONLog, TensorBoard, UserError

LOGS = pytest.mark.parametrize(("kind", "name"), [(CSVLog, "log.csv"), (JSONLog, "log.jsonl")])


def read(path):
    """The rows as numbers, read by other programs' eyes."""
    with open(path, newline="") as file:
        if path.suffix == ".csv":
            return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
        return [json.loads(line) for line in file]


def run(folder, log, resume=False, cut=(), epochs=4):
    trainer = make([log, Checkpoint(folder, every_steps=1), *cut])
    if resume:
        trainer.resume(folder / "last.safetensors")
    training, validation = loaders()
    trainer.fit(training, epochs, validation=validation)
    return trainer


@LOGS
def test_a_row_for_each_epoch(kind, name, tmp_path):
    path = tmp_path / "new" / name
    trainer = run(tmp_path, kind(path))
    assert read(path) == trainer.history and len(trainer.history) == 4
    run(tmp_path, kind(path), epochs=2)
    assert len(read(path)) == 2  # a new training begins a new file


@LOGS
@pytest.mark.parametrize("cut", [Cut(7), CutEpoch()])
@pytest.mark.parametrize("damage", ["none", "half a row", "a row too many", "no file"])
def test_a_resumed_training_loses_and_repeats_no_row(kind, name, cut, damage, tmp_path):
    path = tmp_path / name
    with pytest.raises(ConnectionError):
        run(tmp_path, kind(path), cut=[cut])
    if damage == "no file":
        path.unlink()
    elif damage != "none":
        row = path.read_text().splitlines()[-1]
        path.write_text(path.read_text() + (row[: len(row) // 2] if damage == "half a row" else f"{row}\n"))
    trainer = run(tmp_path, kind(path), resume=True)
    assert read(path) == trainer.history and [row["number"] for row in read(path)] == [1, 2, 3, 4]


@LOGS
def test_a_fit_that_comes_to_nothing_leaves_the_log_of_the_last(kind, name, tmp_path):
    path = tmp_path / name
    run(tmp_path, kind(path))
    before = read(path)
    with pytest.raises(ValueError, match="EarlyStopping watches"):
        make([kind(path), EarlyStopping()]).fit(loaders()[0], 2)
    with pytest.raises(ConnectionError):
        run(tmp_path, kind(path), cut=[Cut(2)])
    make([kind(path)]).fit(loaders()[0], 0)
    assert read(path) == before and len(before) == 4


@LOGS
def test_the_log_of_a_training_that_was_complete_is_put_right(kind, name, tmp_path):
    path = tmp_path / name
    run(tmp_path, kind(path))
    path.write_text(path.read_text() + path.read_text().splitlines()[-1] + "\n")
    trainer = run(tmp_path, kind(path), resume=True)
    assert read(path) == trainer.history and len(trainer.history) == 4


@LOGS
def test_rows_are_in_the_file_at_once(kind, name, tmp_path):
    seen = []

    class Look(Callback):
        order = 2

        def on_epoch_end(self, trainer, row):
            seen.append(len(read(tmp_path / name)))

    run(tmp_path, kind(tmp_path / name), cut=[Look()])
    assert seen == [1, 2, 3, 4]


@LOGS
def test_in_a_loop_of_ones_own(kind, name, tmp_path):
    path = tmp_path / name
    kind(path).write({"epoch": 1, "loss": 0.1})
    kind(path).write({"epoch": 2, "loss": 1 / 3})  # another run of the program goes on in the same file
    assert read(path) == [{"epoch": 1, "loss": 0.1}, {"epoch": 2, "loss": 1 / 3}]
    path.write_text(path.read_text() + "3,0")
    kind(path).write({"epoch": 3, "loss": 0.25})
    assert [row["epoch"] for row in read(path)] == [1, 2, 3]


def test_a_table_grows_wider(tmp_path):
    log = CSVLog(tmp_path / "log.csv")
    log.write({"a": 1})
    log.write({"a": 2, "b": "x, y"})
    log.write({"b": "z"})
    assert (tmp_path / "log.csv").read_text() == 'a,b\n1,\n2,"x, y"\n,z\n'
    assert log.rows() == [{"a": "1", "b": ""}, {"a": "2", "b": "x, y"}, {"a": "", "b": "z"}]


def test_json_has_no_nan(tmp_path):
    log = JSONLog(tmp_path / "log")
    log.write({"loss": float("inf")})
    assert log.rows() == [{"loss": None}]


# -- TensorBoard -----------------------------------------------------------------------------------------------------


class Writer:
    """Stands in for tensorboardX.SummaryWriter."""

    made: typing.ClassVar = []

    def __init__(self, folder, purge_step=None):
        self.purge_step, self.scalars, self.open = purge_step, [], True
        Writer.made.append(self)

    def add_scalar(self, name, value, step):
        self.scalars.append((name, value, step))

    def flush(self):
        pass

    def close(self):
        self.open = False


def test_tensorboard_gets_every_number(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", type(sys)("tensorboardX"))
    sys.modules["tensorboardX"].SummaryWriter = Writer
    with pytest.raises(ConnectionError):
        run(tmp_path, TensorBoard(tmp_path), cut=[Cut(12)])
    trainer = run(tmp_path, TensorBoard(tmp_path), resume=True)
    first, second = Writer.made
    assert not first.open and not second.open and (first.purge_step, second.purge_step) == (1, 3)
    assert [step for name, _, step in first.scalars + second.scalars if name == "gap"] == [1, 2, 3, 4]
    assert [value for name, value, _ in second.scalars if name == "validation_loss"] == [
        row.validation_loss for row in trainer.history[2:]
    ]
    board = TensorBoard(tmp_path)
    board.write({"loss": 0.5}, 7)
    board.finish()
    assert Writer.made[2].scalars == [("loss", 0.5, 7)] and not Writer.made[2].open


def test_tensorboard_files(tmp_path):
    pytest.importorskip("tensorboardX")
    run(tmp_path, TensorBoard(tmp_path / "board"))
    (file,) = (tmp_path / "board").iterdir()
    data = file.read_bytes()
    assert file.name.startswith("events.out.tfevents.") and data.count(b"validation_loss") == 4


def test_without_tensorboardx_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(UserError, match=r"^TensorBoard needs tensorboardX: pip install tensorboardX$"):
        TensorBoard(tmp_path)
