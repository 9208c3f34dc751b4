"""A training that is cut short and resumed, with fresh objects, comes to the same numbers as one that was not."""

import pytest
from small_problem import Heard, loaders, make, measured, weights

import minigrad
from minigrad.optim.lr_scheduler import CosineAnnealingLR, ReduceLROnPlateau
from minigrad.train import Callback, Checkpoint, EarlyStopping, Oscillation, StopOnConvergence


class Cut(Callback):
    """Raises after a step, behind the callbacks that save."""

    order = 2

    def __init__(self, step):
        self.step = step

    def on_step_end(self, trainer):
        if trainer.step == self.step:
            raise ConnectionError("the power is gone")


class CutEpoch(Callback):
    order = 2

    def on_epoch_end(self, trainer, row):
        if row.number == 2:
            raise ConnectionError("the power is gone")


SCHEDULERS = {
    "none": {},
    "cosine": {"scheduler": lambda o: CosineAnnealingLR(o, 20), "scheduler_every": "step"},
    "plateau": {"scheduler": lambda o: ReduceLROnPlateau(o, patience=0, threshold=0.1)},
}


def run(folder, cut=(), resume=False, epochs=4, loader=None, options=None, until=None):
    callbacks = [EarlyStopping(patience=3), Checkpoint(folder, every_steps=1), Oscillation(first=12), *cut]
    trainer = make(callbacks, **(options or {}))
    training, validation = loaders()
    if resume:
        minigrad.manual_seed(7)  # what has been drawn since must not matter
        trainer.resume(f"{folder}/last.safetensors")
    trainer.fit(loader or training, epochs, validation=validation, until=until)
    return trainer


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("cut", [Cut(2), Cut(5), Cut(8), CutEpoch()], ids=["2", "epoch end 1", "8", "epoch 2"])
def test_cut_at_any_place(tmp_path, cut, jit):
    whole = run(tmp_path / "whole", options={"jit": jit})
    with pytest.raises(ConnectionError):
        run(tmp_path, [cut], options={"jit": jit})
    resumed = run(tmp_path, resume=True, options={"jit": jit})
    assert weights(resumed) == weights(whole) and measured(resumed) == measured(whole)
    assert resumed.step == whole.step == 20
    assert minigrad.rand(1).item() == (run(tmp_path / "whole2"), minigrad.rand(1).item())[1]


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("more", [{"accumulate": 2}, {"clip_norm": 0.1}])
def test_schedulers_accumulation_and_clipping_go_on(tmp_path, scheduler, more):
    options = {**SCHEDULERS[scheduler], **more}
    whole = run(tmp_path / "whole", options=options)
    with pytest.raises(ConnectionError):
        run(tmp_path, [Cut(4)], options=options)
    resumed = run(tmp_path, resume=True, options=options)
    assert weights(resumed) == weights(whole) and measured(resumed) == measured(whole)


def test_a_loader_that_cannot_be_saved_is_read_from_where_it_was(tmp_path):
    batches = list(loaders()[0])
    whole = run(tmp_path / "whole", loader=batches)
    with pytest.raises(ConnectionError):
        run(tmp_path, [Cut(8)], loader=batches)
    resumed = run(tmp_path, resume=True, loader=batches)
    assert weights(resumed) == weights(whole) and measured(resumed) == measured(whole)


def test_the_state_of_callbacks_goes_on_that_of_until_too(tmp_path):
    def until():
        return StopOnConvergence(tolerance=0.2, patience=2)

    whole = run(tmp_path / "whole", epochs=30, until=until())
    with pytest.raises(ConnectionError):
        run(tmp_path, [Cut(8)], epochs=30, until=until())
    resumed = run(tmp_path, resume=True, epochs=30, until=until())
    assert measured(resumed) == measured(whole) and len(whole.history) < 30
    a, b = whole.callbacks[0], resumed.callbacks[0]
    assert (a.best, a.best_epoch, a.waited) == (b.best, b.best_epoch, b.waited)


def test_a_resumed_training_that_was_complete_does_nothing_more(tmp_path):
    whole = run(tmp_path, epochs=2)
    again = run(tmp_path, resume=True, epochs=2)
    assert measured(again) == measured(whole) and weights(again) == weights(whole)


def test_after_fit_a_saved_training_goes_on_with_more_epochs(tmp_path):
    training, validation = loaders()
    first = make()
    first.fit(training, 2, validation=validation)
    first.save(tmp_path / "file")
    first.fit(training, 2, validation=validation)
    second = make()
    second.resume(tmp_path / "file")
    second.fit(*loaders()[:1], 2, validation=loaders()[1])
    assert measured(second) == measured(first) and weights(second) == weights(first)
    assert [row.number for row in second.history] == [1, 2, 3, 4]


def test_a_smaller_rate_after_early_stopping(tmp_path):
    training, validation = loaders()
    stopper = [EarlyStopping(patience=1, min_delta=10.0), Checkpoint(tmp_path)]
    first = make(stopper)
    assert len(first.fit(training, 10, validation=validation)) == 2
    heard = Heard()
    second = make([EarlyStopping(patience=2, min_delta=10.0)], progress=heard)
    second.resume(tmp_path / "last.safetensors", lr_scale=0.1)
    assert "lr 0.1 -> 0.01 (lr_scale=0.1)" in heard.lines[0]
    assert len(second.fit(training, 10, validation=validation)) == 4  # its patience is counted anew
    assert [row.lr for row in second.history] == pytest.approx([0.1, 0.1, 0.01, 0.01])


def test_training_on_a_device_goes_on(tmp_path, device):
    minigrad.rand(1, device=device)  # the device's generator is there

    def go(resume, cut=()):
        trainer = make([Checkpoint(tmp_path, every_steps=1), *cut], device=device)
        if resume:
            trainer.resume(tmp_path / "last.safetensors")
        training, validation = loaders()
        trainer.fit(training, 2, validation=validation)
        return trainer

    whole = go(False)
    with pytest.raises(ConnectionError):
        go(False, [Cut(7)])
    resumed = go(True)
    assert weights(resumed) == weights(whole) and measured(resumed) == measured(whole)


def test_a_callback_that_is_new_is_named(tmp_path):
    run(tmp_path, epochs=1)
    heard = Heard()
    trainer = make([EarlyStopping(), StopOnConvergence()], progress=heard)
    trainer.resume(tmp_path / "last.safetensors")
    assert heard.lines[1:] == ["not in the file, and begun anew: StopOnConvergence"]


def test_after_ctrl_c_what_is_saved_begins_the_epoch_anew(tmp_path):
    training = loaders()[0]
    trainer = make([cut := Cut(7)])
    with pytest.raises(ConnectionError) as error:  # which holds the frames of the loop
        trainer.fit(training, 3)
    trainer.callbacks.remove(cut)
    trainer.save(tmp_path / "file")
    again = make()
    again.resume(tmp_path / "file")
    for one, loader in (trainer, training), (again, loaders()[0]):
        minigrad.manual_seed(1)
        assert len(one.fit(loader, 2)) == 3
        assert one.step == 7 + 10
    assert weights(trainer) == weights(again) and error
