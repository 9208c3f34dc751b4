"""A training that is cut short and resumed, with fresh objects, comes to the same numbers as one that was not."""

import pytest
from small_problem import Heard, loaders, make, measured, weights

import minigrad
from minigrad.optim.lr_scheduler import CosineAnnealingLR, ReduceLROnPlateau
from minigrad.train import AdjustOnPlateau, Callback, Checkpoint, EarlyStopping, Oscillation, StopOnConvergence


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
    assert heard.lines[1:] == ["not in the file, and begun anew: StopOnConvergence(training_loss)"]


# -- trainings that had ended ----------------------------------------------------------------------------------------


def ended_by(callback, folder, resume=None, epochs=20, cut=(), **options):
    """A training that `callback` ends, or another start of the same program."""
    heard = Heard()
    trainer = make([callback, Checkpoint(folder, every_steps=1), *cut], progress=heard)
    if resume is not None:
        trainer.resume(f"{folder}/last.safetensors", **resume)
    training, validation = loaders()
    trainer.fit(training, epochs, validation=validation, **options)
    return trainer, heard


class StopIn(Callback):
    """Stops in a step of an epoch, which is finished nevertheless."""

    def on_step_end(self, trainer):
        if trainer.step == 7:
            trainer.stop("enough")


class CutAtTheEnd(Callback):
    """Is killed when the last checkpoint of a training that has been stopped is there."""

    order = 2

    def on_epoch_end(self, trainer, row):
        if trainer.stopping:
            raise ConnectionError("the power is gone")


@pytest.mark.parametrize("cut", [[], [CutAtTheEnd()], [Cut(8)]], ids=["not", "at the end", "in the last epoch"])
@pytest.mark.parametrize(
    ("stopper", "until"),
    [
        (lambda: EarlyStopping(patience=1, min_delta=10.0), None),
        (StopIn, None),
        (lambda: EarlyStopping(patience=9), lambda: StopOnConvergence(tolerance=10.0)),
        (lambda: EarlyStopping(patience=9), lambda: lambda row: row.number == 2),
    ],
    ids=["early", "in a step", "convergence", "a function"],
)
def test_what_a_callback_has_ended_stays_ended(tmp_path, stopper, until, cut):
    def started(folder, resume=None, cut=()):
        return ended_by(stopper(), folder, resume, cut=cut, until=until and until())

    whole, _ = started(tmp_path / "whole")
    assert len(whole.history) == 2
    try:
        started(tmp_path, cut=cut)
    except ConnectionError:
        assert cut
    for _ in range(2):  # and once more
        again, heard = started(tmp_path, {})
        assert measured(again) == measured(whole) and weights(again) == weights(whole)
        # the states of callbacks have stayed, too
        assert [getattr(c, "waited", 0) for c in again.callbacks] == [getattr(c, "waited", 0) for c in whole.callbacks]
    assert "nothing to do: this training had been stopped" in heard.lines[1]
    assert len(again.fit(loaders()[0], 1, validation=loaders()[1])) == 3  # another fit is a new one


@pytest.mark.parametrize("stopper", [StopIn, Callback], ids=["stopped", "complete"])
@pytest.mark.parametrize("rate", [{"lr": 0.01}, {"lr_scale": 0.1}])
def test_with_another_rate_a_training_that_had_ended_goes_on(tmp_path, stopper, rate):
    first, _ = ended_by(stopper(), tmp_path, epochs=2)
    again, heard = ended_by(stopper(), tmp_path, rate, epochs=2)
    assert len(first.history) == 2 and [row.lr for row in again.history] == pytest.approx([0.1, 0.1, 0.01, 0.01])
    assert not [line for line in heard.lines if "nothing to do" in line]
    assert [row.number for row in again.history] == [1, 2, 3, 4]


def test_with_another_rate_a_training_that_was_cut_is_finished(tmp_path):
    for cut in Cut(8), CutEpoch():
        with pytest.raises(ConnectionError):
            ended_by(Callback(), tmp_path, epochs=4, cut=[cut])
        again, _ = ended_by(Callback(), tmp_path, {"lr_scale": 0.1}, epochs=4)
        assert len(again.history) == 4 and again.step == 20 and again.history[-1].lr == pytest.approx(0.01)


def test_nothing_to_do_is_said(tmp_path):
    ended_by(Callback(), tmp_path, epochs=2)
    again, heard = ended_by(Callback(), tmp_path, {}, epochs=2)
    assert heard.lines[1:] == ["nothing to do: 2 epochs have been done, and 2 were asked for"]
    assert len(again.fit(loaders()[0], 1, validation=loaders()[1])) == 3


def test_an_epoch_that_has_begun_is_not_dropped(tmp_path):
    whole, _ = ended_by(Callback(), tmp_path / "whole", epochs=3)
    with pytest.raises(ConnectionError):
        ended_by(Callback(), tmp_path, epochs=4, cut=[Cut(12)])
    again = make([Checkpoint(tmp_path)])
    again.resume(tmp_path / "last.safetensors")
    with pytest.raises(ValueError, match=r"was cut in its epoch 3, which would be lost: .* that number, got 2"):
        again.fit(loaders()[0], 2, validation=loaders()[1])
    again.fit(loaders()[0], 3, validation=loaders()[1])
    assert measured(again) == measured(whole) and again.step == 15


def test_a_program_that_begins_or_resumes(tmp_path):
    path = tmp_path / "last.safetensors"
    trainer = make([Checkpoint(tmp_path)])
    with pytest.raises(FileNotFoundError):
        trainer.resume(path)
    report = trainer.resume(path, missing_ok=True)
    assert str(report) == f"nothing to resume: there is no file {path}" and trainer._first is None
    assert len(trainer.fit(loaders()[0], 2)) == 2
    again = make([Checkpoint(tmp_path)])
    assert str(again.resume(path, missing_ok=True)).startswith(f"resumed from {path}")
    assert len(again.history) == 2


# -- what fits to what -----------------------------------------------------------------------------------------------


def test_callbacks_of_one_class_may_change_places(tmp_path):
    def stoppers():
        return EarlyStopping("training_loss", patience=50), EarlyStopping("validation_loss", patience=50)

    before = stoppers()
    training, validation = loaders()
    make([*before, Checkpoint(tmp_path)]).fit(training, 3, validation=validation)
    after, heard = stoppers(), Heard()
    make(after[::-1], progress=heard).resume(tmp_path / "last.safetensors")
    assert [one.best for one in after] == [one.best for one in before] and len(heard.lines) == 1


def test_each_of_a_class_has_a_name_of_its_own():
    class Own(Callback):
        pass

    callbacks = [
        AdjustOnPlateau("lr", 0.5), AdjustOnPlateau("lr", 0.5, group=0), AdjustOnPlateau("momentum", 0.5, "gap"),
        Oscillation(), Oscillation("loss"), StopOnConvergence(), Own(), Own(),
    ]  # fmt: skip
    assert [name for name, _ in make(callbacks)._named_callbacks()] == [
        "AdjustOnPlateau(lr, validation_loss)", "AdjustOnPlateau(lr, group 0, validation_loss)",
        "AdjustOnPlateau(momentum, gap)", "Oscillation(steps)", "Oscillation(loss)",
        "StopOnConvergence(training_loss)", "Own", "Own_2",
    ]  # fmt: skip


def test_states_that_nobody_wants_are_named(tmp_path):
    until = StopOnConvergence(tolerance=0.0)
    training, validation = loaders()
    make([EarlyStopping("gap"), Checkpoint(tmp_path)]).fit(training, 1, validation=validation, until=until)
    trainer = make(progress=(heard := Heard()))
    trainer.resume(tmp_path / "last.safetensors")
    trainer.fit(training, 2, validation=validation, until=until)
    assert heard.lines[1:] == ["in the file, and not here: EarlyStopping(gap), Checkpoint(loss)"]
    trainer.fit(training, 1, validation=validation)
    assert len(heard.lines) == 2  # once


def test_a_loader_that_does_not_fit_is_named(tmp_path):
    with pytest.raises(ConnectionError):
        ended_by(Callback(), tmp_path, epochs=4, cut=[Cut(8)])
    again = make([own := Checkpoint(tmp_path)])
    again.resume(tmp_path / "last.safetensors")
    with pytest.raises(ValueError, match="the loader of training batches: the state is that of another DataLoader"):
        again.fit(loaders(batch_size=10)[0], 4, until=StopOnConvergence())
    assert again.callbacks == [own]  # and the next attempt goes on
    assert len(again.fit(loaders()[0], 4, validation=loaders()[1])) == 4


def test_a_callback_may_look_at_the_batches(tmp_path):
    class Look(Callback):
        def on_step_end(self, trainer):
            next(iter(trainer.loader))

    whole, _ = ended_by(Look(), tmp_path / "whole", epochs=3)
    with pytest.raises(ConnectionError):
        ended_by(Look(), tmp_path, epochs=3, cut=[Cut(8)])
    again, _ = ended_by(Look(), tmp_path, {}, epochs=3)
    assert measured(again) == measured(whole) and again.step == 15


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
