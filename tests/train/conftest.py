"""Runs of `python -m minigrad lm` that take a moment."""

import pytest
from small_texts import OPTIONS, RHYME, flags

from minigrad.__main__ import main


@pytest.fixture
def rhyme(tmp_path):
    """The options of a small run on a small file."""
    file = tmp_path / "rhyme.txt"
    file.write_text(RHYME)
    return ["lm", "--text", str(file), *OPTIONS, "--out", str(tmp_path / "out")]


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """The folder of a run that has learnt the rhyme."""
    folder = tmp_path_factory.mktemp("learnt")
    (folder / "rhyme.txt").write_text(RHYME)
    options = flags(cell="rnn", hidden=48, embedding=8, batch_size=4, window=24, epochs=30, lr=0.01)
    assert main(["lm", "--text", str(folder / "rhyme.txt"), *options, "--out", str(folder)]) == 0
    return folder
