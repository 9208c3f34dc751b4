"""`python -m minigrad lm` and `generate`: what they make, and one clear line for everything that can go wrong."""

import os
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
from minigrad.train.language.description import OPTIMIZERS, read_checkpoint
from minigrad.train.language.generation import generate
from minigrad.train.language.model import CELLS, LanguageModel
from minigrad.utils.text import Vocabulary

needs_extras = [pytest.importorskip(name) for name in ("matplotlib", "tqdm")]


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
    row = minigrad.train.Epoch(number=1, training_loss=1.0, validation_loss=1.0, lr=0.1)
    monkeypatch.setattr(minigrad.train.Trainer, "fit", lambda *args, **options: [row])
    assert main(["lm", "--quick", "--out", str(tmp_path)]) == 0
    assert "95,000 characters to train on, 5,000 held out" in capsys.readouterr().out


def test_the_same_seed_gives_the_same_run_recorded_or_not(rhyme, capsys):
    def weights(*options):
        assert main([*rhyme, *options]) == 0
        _, model = read_checkpoint(f"{rhyme[-1]}/last.safetensors")
        return {name: value.tolist() for name, value in model.state_dict().items()}

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


def test_without_a_prompt_a_line_begins():
    vocabulary = Vocabulary.from_text("ab\nz")
    model = LanguageModel(len(vocabulary), hidden=8)
    written = {
        prompt: generate(model, vocabulary, 30, prompt, 0.02, generator=minigrad.Generator().manual_seed(1))
        for prompt in ("", "\n", "z")
    }
    assert written[""] == written["\n"] != written["z"]


def test_letters_that_the_terminal_does_not_know(rhyme):
    """Neither the training nor the text is lost."""
    text = RHYME.replace("e", "é").replace("b", "日")
    Path(rhyme[2]).write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    for argv in (rhyme, ["generate", rhyme[-1], "--length", "200"]):
        command = [sys.executable, "-m", "minigrad", *argv]
        done = subprocess.run(command, capture_output=True, encoding="ascii", env=environment, timeout=100)
        assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
        assert "\\xe9" in done.stdout


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
    description, model = read_checkpoint(learnt / "best.safetensors")
    graphs = []
    model.train().register_forward_hook(lambda model, given, result: graphs.append(result[0].grad_fn))
    minigrad.manual_seed(5)
    before = minigrad.get_rng_state()
    text = generate(model, description.vocabulary, 20, generator=minigrad.Generator().manual_seed(1))
    assert len(text) == 20 and model.training and (minigrad.get_rng_state() == before).all()
    assert graphs == [None] * 20  # or memory would grow with the text
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
        (["x", "--temperature", "inf"], "--temperature: expected a number of at least 0, got inf"),
        (["x", "--temperature", "hot"], "--temperature: expected a number such as 0.8, got 'hot'"),
        (["x", "--top-k", "0"], "--top-k: expected a whole number of at least 1, got 0"),
        (["x", "--seed", "-1"], "--seed: expected a whole number"),
        (["x", "--seed", str(2**63)], "--seed: expected a whole number from 0 to 2**63 - 1, got 9223372036854775808"),
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
            "the text is too short: 10 characters to train on, but 4 streams with a window of 16 take at ",
        ),
        (b"1", "the text is too short: 0 characters to train on"),
        (
            RHYME[:67].encode(),
            "the text is too short: 64 characters to train on, but 4 streams with a window of 16 take at least 65; "
            "give a longer text, or a smaller --batch-size or --window",
        ),
    ],
)
def test_texts_that_cannot_be_learnt(content, expected, rhyme, capsys):
    Path(rhyme[2]).write_bytes(content)
    assert expected in refused(capsys, *rhyme)


def test_the_shortest_text(rhyme, capsys):
    Path(rhyme[2]).write_text(RHYME[:68])
    assert main(rhyme) == 0
    assert "65 characters to train on, 3 held out" in capsys.readouterr().out


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
        for change in ("hidden", "cell", "optimizer", "symbols", "settings"):
            other = minigrad.load(learnt / "last.safetensors")
            state = other["parts"]["description"]["state"]
            if change == "symbols":
                state["vocabulary"]["symbols"].append("ß")
            elif change == "settings":
                del state["settings"]
            else:
                state["settings"][change] = {"hidden": 49, "cell": "tree", "optimizer": "adem"}[change]
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


def test_a_folder_that_is_only_read(rhyme, monkeypatch, capsys):
    """Known before the training."""
    assert main(rhyme) == 0

    def refuse(dir):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("minigrad.train.options.tempfile.TemporaryFile", refuse)
    said = f"minigrad: cannot write to {rhyme[-1]}: Read-only file system; "
    assert refused(capsys, *rhyme) == f"{said}give another folder with --out\n"
    resumed = refused(capsys, "lm", "--resume", rhyme[-1])
    assert resumed == f"{said}copy the run to another folder and resume it there\n"


def test_a_picture_that_cannot_be_written(rhyme, capsys):
    Path(rhyme[-1], "curves.png").mkdir(parents=True)
    assert refused(capsys, *rhyme).startswith(f"minigrad: cannot write to {rhyme[-1]}: ")


def test_a_disk_that_is_full(rhyme, monkeypatch, capsys):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("minigrad.train.saving.Session.save", full)
    assert "cannot write to" in (line := refused(capsys, *rhyme)) and "No space left on device" in line


def test_a_loss_that_explodes(rhyme, capsys):
    line = refused(capsys, *rhyme, "--lr", "1e300", "--clip", "1e30", "--optimizer", "sgd", "--cell", "rnn")
    assert line.endswith(": try a smaller --lr\n")


def test_a_network_that_does_not_fit_into_memory(rhyme, capsys):
    line = refused(capsys, *rhyme, "--hidden", "100000000")
    assert line.startswith("minigrad: not enough memory for a network or batches of this size: Unable to allocate")


@pytest.mark.parametrize(("module", "package"), [("tqdm", "tqdm"), ("matplotlib.figure", "matplotlib")])
def test_extras_that_are_not_installed(module, package, monkeypatch, rhyme, capsys):
    monkeypatch.setitem(sys.modules, module, None)
    assert refused(capsys, *rhyme).endswith(f" needs {package}: pip install 'minigrad-dl[train]'\n")
