"""`python -m minigrad lm` and `generate`: what they make, and one clear line for everything that can go wrong."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from small_texts import RHYME
from test_command_line import refused

import minigrad
from minigrad import nn
from minigrad.__main__ import main
from minigrad.train import Session
from minigrad.train.language import cli
from minigrad.train.language.description import OPTIMIZERS, read_checkpoint
from minigrad.train.language.generation import generate
from minigrad.train.language.model import CELLS

needs_extras = [pytest.importorskip(name) for name in ("matplotlib", "tqdm")]


def flags(**values):
    """Options of the command line: hidden=16 is --hidden 16."""
    return [part for name, value in values.items() for part in (f"--{name.replace('_', '-')}", str(value))]


SMALL = flags(hidden=16, embedding=6, batch_size=4, window=16, epochs=2, lr=0.01)


@pytest.fixture
def rhyme(tmp_path):
    """The options of a small run on a small file."""
    file = tmp_path / "rhyme.txt"
    file.write_text(RHYME)
    return ["lm", "--text", str(file), *SMALL, "--out", str(tmp_path / "out")]


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """The folder of a run that has learnt the rhyme."""
    folder = tmp_path_factory.mktemp("learnt")
    (folder / "rhyme.txt").write_text(RHYME)
    options = flags(cell="rnn", hidden=48, embedding=8, batch_size=4, window=24, epochs=30, lr=0.01)
    assert main(["lm", "--text", str(folder / "rhyme.txt"), *options, "--out", str(folder)]) == 0
    return folder


def written(capsys, *argv):
    """What `generate` prints."""
    capsys.readouterr()
    assert main(["generate", *map(str, argv)]) == 0
    return capsys.readouterr().out


# -- what they make ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", CELLS)
def test_a_small_run_on_the_help_texts(cell, tmp_path, capsys):
    options = ["--quick", "--characters", "3000", "--hidden", "16", "--epochs", "2"]
    assert main(["lm", "--cell", cell, *options, "--out", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("help texts of Python: 2,850 characters to train on, 150 held out, ")
    assert lines[1].startswith(f"{cell.upper()} 16, rmsprop at 0.00") and lines[1].endswith("on cpu")
    assert [line[:9] for line in lines if line.startswith("epoch")] == ["epoch 1/2", "epoch 2/2"]
    assert any(line.startswith("    | ") for line in lines)
    found = float(lines[-3].removeprefix("held out: ").split()[0])
    assert 1 < found < 7 and lines[-3].split()[3:8] == ["bits", "per", "character", "after", "2"]
    names = ["best.safetensors", "curves.png", "last.safetensors", "log.csv", "samples.txt"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "samples.txt").read_text().count("--- after epoch ") == 2
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 3


def test_quick_is_a_small_run(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(cli, "fit", lambda trainer, *rest: trainer.history.append(minigrad.train.Epoch(
        number=1, training_loss=1.0, validation_loss=1.0, lr=0.1)) or trainer.history)  # fmt: skip
    assert main(["lm", "--quick", "--out", str(tmp_path)]) == 0
    assert "95,000 characters to train on, 5,000 held out" in capsys.readouterr().out


def test_the_same_seed_gives_the_same_run_recorded_or_not(rhyme, capsys):
    def weights(*options):
        assert main([*rhyme, *options]) == 0
        return {name: value.tolist() for name, value in read_checkpoint(f"{rhyme[-1]}/last.safetensors")[1].items()}

    first = weights("--seed", "1")
    assert weights("--seed", "1", "--no-jit") == first != weights("--seed", "2")


def test_no_jit_records_nothing(rhyme, monkeypatch, capsys):
    def jit(*args, **kwargs):
        raise AssertionError("recorded")

    monkeypatch.setattr("minigrad.train.step.jit", jit)
    assert main([*rhyme, "--no-jit"]) == 0
    with pytest.raises(AssertionError, match="recorded"):
        main(rhyme)


def test_on_a_device(rhyme, device, capsys):
    assert main([*rhyme, "--device", device]) == 0
    assert f"on {device}" in capsys.readouterr().out
    assert len(written(capsys, rhyme[-1], "--device", device, "--length", 7)) == 8


def test_help_says_what_there_is(capsys):
    for argv in (["lm", "--help"], ["generate", "--help"]):
        with pytest.raises(SystemExit) as exit:
            main(argv)
        assert exit.value.code == 0
    out = capsys.readouterr().out
    for name in ["--resume", "--temperature", "--top-k", *OPTIMIZERS, *CELLS, "(default: 0)", "pydoc_data.topics"]:
        assert name in out


# -- a run that is killed ------------------------------------------------------------------------------------


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


def test_output_that_nobody_reads(rhyme):
    command = [sys.executable, "-u", "-m", "minigrad", *rhyme, "--epochs", "100000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 1
        assert process.stderr.read() == ""


def test_a_run_is_resumed_from_any_folder(rhyme, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["lm", "--text", "rhyme.txt", *SMALL]) == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(["lm", "--resume", "../runs/lm-lstm"]) == 0
    monkeypatch.chdir(tmp_path / "runs" / "lm-lstm")
    assert main(["lm", "--resume", "last.safetensors"]) == 0


# -- text ----------------------------------------------------------------------------------------------------


def test_samples_are_written_now_and_then(learnt):
    lines = (learnt / "samples.txt").read_text().splitlines()
    after = [int(line.split()[3]) for line in lines if line.startswith("--- after epoch ")]
    assert after == [1, 7, 14, 21, 28, 30]


def test_a_prompt_is_continued(learnt, capsys):
    assert (
        written(capsys, learnt, "--prompt", "who has", "--temperature", 0, "--length", 14)
        == "who has seen the bee\n"[:20] + "?\n"
    )
    assert written(capsys, learnt, "--length", 5).count("\n") == 1


def test_a_text_follows_from_its_seed(learnt, capsys):
    options = [learnt, "--temperature", "3", "--length", "60", "--seed"]
    assert written(capsys, *options, 1) == written(capsys, *options, 1) != written(capsys, *options, 2)
    assert written(capsys, *options[:-1]) == written(capsys, *options, 0)


def test_temperature_and_top_k_reach_the_draw(learnt, capsys):
    options = [learnt, "--prompt", "one", "--length", "80"]
    likeliest = written(capsys, *options, "--temperature", 0)
    assert written(capsys, *options, "--temperature", 5, "--top-k", 1) == likeliest
    assert written(capsys, *options, "--temperature", 5, "--top-k", 2) != likeliest
    wild = written(capsys, *options, "--temperature", 5)
    assert wild not in (likeliest, written(capsys, *options, "--temperature", 4))


def test_the_best_checkpoint_of_a_folder_writes(learnt, tmp_path, capsys):
    best, last = learnt / "best.safetensors", learnt / "last.safetensors"
    options = ["--temperature", 2, "--length", 40]
    assert written(capsys, learnt, *options) == written(capsys, best, *options)
    data = minigrad.load(best)
    data["parts"]["model"]["state"]["output.bias"][:] = 0
    data["parts"]["model"]["state"]["output.weight"][:] = 0
    minigrad.save(data, tmp_path / "best.safetensors")
    (tmp_path / "last.safetensors").write_bytes(last.read_bytes())
    assert written(capsys, tmp_path, *options) != written(capsys, learnt, *options)


def test_generating_leaves_the_model_as_it_is(learnt):
    description, weights = read_checkpoint(learnt / "best.safetensors")
    model = description.make_model().train()
    model.load_state_dict(weights)
    minigrad.manual_seed(5)
    before = minigrad.get_rng_state()
    text = generate(model, description.vocabulary, 20, generator=minigrad.Generator().manual_seed(1))
    assert len(text) == 20 and model.training and (minigrad.get_rng_state() == before).all()
    assert generate(model, description.vocabulary, 0) == ""


# -- what can go wrong ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--cell", "lstn"], "--cell: there is no 'lstn', choose from lstm, gru, rnn"),
        (["--optimizer", "adem"], "--optimizer: there is no 'adem', choose from rmsprop, sgd"),
        (["--hidden", "0"], "--hidden: expected a whole number of at least 1, got 0"),
        (["--dropout", "1"], "--dropout: expected a number of at least 0 and less than 1, got 1"),
        (["--dropout", "-0.1"], "--dropout: expected a number of at least 0 and less than 1"),
        (["--lr", "0"], "--lr: expected a number above 0, got 0"),
        (["--clip", "nan"], "--clip: expected a number above 0, got nan"),
        (["--window", "1.5"], "--window: expected a whole number such as 32, got '1.5'"),
        (["--text", "/none"], "cannot read /none: No such file or directory; give --text a text file"),
        (["--text", "/"], "cannot read /: Is a directory; give --text a text file"),
        (["--window", "100000"], "441,722 characters to train on" if sys.version_info[:2] == (3, 11) else "too short"),
        (["--resume", "/none"], "cannot read /none: "),
        (["--resume", "/none", "--hidden", "3"], "which --hidden would change: leave it out"),
        (["--resume", "/none", "--batch-size", "3"], "which --batch-size would change: leave it out"),
        (["--resume", "/none", "--quick"], "which --quick would change"),
        (["--resume", "/none", "--out", "x"], "which --out would change"),
    ],
)
def test_a_wrong_command_line(argv, expected, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert expected in refused(capsys, "lm", *argv)


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ([], "the following arguments are required: CHECKPOINT"),
        (["/none"], "cannot read /none: "),
        (["."], "cannot read ./best.safetensors"),
        (["x", "--length", "0"], "--length: expected a whole number of at least 1, got 0"),
        (["x", "--temperature", "-1"], "--temperature: expected a number of at least 0, got -1"),
        (["x", "--temperature", "hot"], "--temperature: expected a number such as 0.8, got 'hot'"),
        (["x", "--top-k", "0"], "--top-k: expected a whole number of at least 1, got 0"),
        (["x", "--seed", "-1"], "--seed: expected a whole number"),
    ],
)
def test_a_wrong_command_line_of_generate(argv, expected, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert expected in refused(capsys, "generate", *argv)


def test_a_prompt_with_an_unknown_character(learnt, capsys):
    line = refused(capsys, "generate", learnt, "--prompt", "one, zwö")
    assert "the symbol 'z' at position 5 is not in this vocabulary of" in line


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty: give --text a file with text in it"),
        (b"caf\xe9 au lait", "is no text in UTF-8 (byte 3 is wrong)"),
        (
            b"a short text",
            "the text is too short: 12 characters to train on, but 4 streams with a window of 16 take at ",
        ),
    ],
)
def test_texts_that_cannot_be_learnt(content, expected, rhyme, capsys):
    Path(rhyme[2]).write_bytes(content)
    assert expected in refused(capsys, *rhyme)


def test_checkpoints_of_something_else(learnt, tmp_path, capsys):
    file, advice = tmp_path / "file", "give a checkpoint of python -m minigrad lm\n"
    for name in ("generate", "lm --resume"):
        file.write_text("no checkpoint at all")
        line = refused(capsys, *name.split(), file)
        assert "is not a safetensors file" in line and line.endswith(advice)
        minigrad.save({"model": nn.Linear(2, 3).state_dict()}, file)
        line = refused(capsys, *name.split(), file)
        assert "is no saved session but a dict of 'model'" in line and line.endswith(advice)
        Session(model=nn.Linear(2, 3)).save(file)
        line = refused(capsys, *name.split(), file)
        assert "is a checkpoint of another model, with the parts model: " in line and line.endswith(advice)
        data = minigrad.load(learnt / "last.safetensors")
        for change in ("hidden", "cell", "symbols", "settings"):
            other = minigrad.load(learnt / "last.safetensors")
            state = other["parts"]["description"]["state"]
            if change == "symbols":
                state["vocabulary"]["symbols"].append("ß")
            elif change == "settings":
                del state["settings"]
            else:
                state["settings"][change] = {"hidden": 49, "cell": "tree"}[change]
            minigrad.save(other, file)
            line = refused(capsys, *name.split(), file)
            assert "is a checkpoint of another model, or of another version (" in line and line.endswith(advice)
        minigrad.save({**data, "minigrad.session": 99}, file)
        assert "by a newer minigrad (format 99, this one reads 1): update" in refused(capsys, *name.split(), file)
        minigrad.save(data, file)
    assert len(written(capsys, file)) > 500  # it was only these


def test_a_checkpoint_without_a_part(rhyme, capsys):
    assert main(rhyme) == 0
    file = f"{rhyme[-1]}/last.safetensors"
    data = minigrad.load(file)
    del data["parts"]["optimizer"]
    minigrad.save(data, file)
    line = refused(capsys, "lm", "--resume", file)
    assert "does not fit this session, and nothing of it was taken over: " in line and "optimizer" in line


def test_a_text_that_has_changed_since(rhyme, capsys):
    assert main(rhyme) == 0
    Path(rhyme[2]).write_text(RHYME.replace("bee", "tea"))
    assert "the text is not the one that the run began with" in refused(capsys, "lm", "--resume", rhyme[-1])
    Path(rhyme[2]).unlink()
    assert "cannot read" in refused(capsys, "lm", "--resume", rhyme[-1])


def test_an_output_folder_that_cannot_be(rhyme, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert "cannot write to" in refused(capsys, *rhyme[:-1], tmp_path / "file")


def test_a_disk_that_is_full(rhyme, monkeypatch, capsys):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("minigrad.train.saving.Session.save", full)
    assert "cannot write to" in (line := refused(capsys, *rhyme)) and "No space left on device" in line


def test_a_loss_that_explodes(rhyme, capsys):
    line = refused(capsys, *rhyme, "--lr", "1e300", "--clip", "1e30", "--optimizer", "sgd", "--cell", "rnn")
    assert line.endswith(": try a smaller --lr\n")


@pytest.mark.parametrize(("module", "package"), [("tqdm", "tqdm"), ("matplotlib.figure", "matplotlib")])
def test_extras_that_are_not_installed(module, package, monkeypatch, rhyme, capsys):
    monkeypatch.setitem(sys.modules, module, None)
    assert refused(capsys, *rhyme).endswith(f" needs {package}: pip install 'minigrad-dl[train]'\n")
