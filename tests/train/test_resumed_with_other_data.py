"""A training goes on behind an epoch with other batches and other data."""

import pytest
from small_problem import loaders, make

from minigrad.train import Callback, Checkpoint


class Cut(Callback):
    order = 2

    def on_step_end(self, trainer):
        if trainer.step == 12:  # in the third of 5 steps
            raise ConnectionError("the power is gone")


OTHERS = {"batch size": {"batch_size": 20}, "samples": {"n": 48}}


@pytest.mark.parametrize("options", OTHERS.values(), ids=OTHERS)
def test_batch_size_and_data_may_change_between_epochs(tmp_path, options):
    training, validation = loaders()
    make([Checkpoint(tmp_path)]).fit(training, 2, validation=validation)
    trainer = make([Checkpoint(tmp_path)])
    trainer.resume(tmp_path / "last.safetensors")
    other, _ = loaders(**options)
    trainer.fit(other, 3, validation=loaders(60)[0])
    assert [row.step for row in trainer.history] == [5, 10, 10 + len(other)]


def test_in_the_middle_of_an_epoch_they_may_not(tmp_path):
    training, validation = loaders()
    with pytest.raises(ConnectionError):
        make([Checkpoint(tmp_path, every_steps=1), Cut()]).fit(training, 3, validation=validation)
    trainer = make()
    trainer.resume(tmp_path / "last.safetensors", strict=False)
    with pytest.raises(ValueError, match=r"batch size: 8 in the state, 20 here; .*: load a state of an epoch.s end"):
        trainer.fit(loaders(batch_size=20)[0], 3)
