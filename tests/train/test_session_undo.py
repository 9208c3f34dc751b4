"""A part that takes neither the saved state nor its own back is named, and the others are put back all the same."""

import pytest
from small_problem import loaders, make, weights

import minigrad
from minigrad import nn
from minigrad.train import Callback, Session
from minigrad.train.report import ResumeError


class Stubborn:
    """Its `load_state_dict` looks for what `state_dict` never gives."""

    def __init__(self, number=0):
        self.number = number

    def state_dict(self):
        return {"number": self.number}

    def load_state_dict(self, state):
        self.number = state["w"]


def session_of(value, number=0):
    model = nn.Linear(2, 2)
    nn.init.constant_(model.weight, value)
    return Session(first=Stubborn(), model=model, other=Stubborn(number))


def test_a_part_that_cannot_be_put_back_is_named(tmp_path):
    session_of(1.0).save(tmp_path / "run")
    session = session_of(2.0)
    random = minigrad.get_rng_state().tolist()
    with pytest.raises(
        ResumeError, match=r"(?s)first .Stubborn.*KeyError: 'w'.*it could not be put back: KeyError: 'w'"
    ) as e:
        session.resume(tmp_path / "run")
    assert e.value.__notes__ == [f"{name} could not be put back: KeyError: 'w'" for name in ("first", "other")]
    assert "other" in str(e.value) and not e.value.report.fits()
    assert session.things["model"].weight.tolist() == [[2.0, 2.0]] * 2
    assert minigrad.get_rng_state().tolist() == random
    report = session.resume(tmp_path / "run", strict=False)
    assert session.things["model"].weight.tolist() == [[1.0, 1.0]] * 2 and "not be put back" in str(report)


class Forgetful(Callback):
    def state_dict(self):
        return {"v": 1}

    def load_state_dict(self, state):
        self.w = state["w"]


def test_a_callback_of_a_trainer(tmp_path):
    trainer = make([Forgetful()])
    trainer.fit(loaders()[0], 1)
    trainer.save(tmp_path / "run")
    again = make([Forgetful()])
    before = weights(again)
    with pytest.raises(ResumeError, match=r"(?s)trainer \(Trainer\).*KeyError: 'w'"):
        again.resume(tmp_path / "run")
    assert weights(again) == before


def test_a_folder(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder: give the name of a file in it"):
        session_of(1.0).resume(tmp_path)
