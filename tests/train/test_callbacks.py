"""Callbacks: in a training, and by themselves in a loop of one's own."""

import pytest
from small_problem import Heard, loaders, make, weights

import minigrad
from minigrad.train import (
    Adjust,
    AdjustOnPlateau,
    Callback,
    Checkpoint,
    EarlyStopping,
    Epoch,
    Oscillation,
    StopOnConvergence,
)
from minigrad.train import checkpoint as checkpoint_file


class Script(Callback):
    """Gives each epoch's row prescribed numbers."""

    order = -2

    def __init__(self, **numbers):
        self.numbers = numbers

    def on_epoch_end(self, trainer, row):
        for name, values in self.numbers.items():
            row[name] = values[row.number - 1]


class Keep(Callback):
    """Keeps the weights after each epoch."""

    order = -2

    def __init__(self):
        self.weights = []

    def on_epoch_end(self, trainer, row):
        self.weights.append(weights(trainer))


def fit(callbacks, epochs=10, **options):
    trainer = make(callbacks, **options)
    training, validation = loaders()
    trainer.fit(training, epochs, validation=validation)
    return trainer


# -- early stopping --------------------------------------------------------------------------------------------------

LOSSES = [5.0, 4.0, 3.0, 3.5, 3.2, 2.9, 3.3, 3.1, 3.0, 2.95]


@pytest.mark.parametrize(("patience", "stopped", "best"), [(1, 4, 3), (2, 5, 3), (3, 9, 6), (9, 10, 6)])
def test_it_stops_after_patience_epochs_and_the_best_weights_are_back(patience, stopped, best):
    """With patience 9 the training ends by itself."""
    keep, heard = Keep(), Heard()
    trainer = fit([keep, Script(validation_loss=LOSSES), EarlyStopping(patience=patience)], progress=heard)
    assert len(trainer.history) == stopped and weights(trainer) == keep.weights[best - 1]
    if stopped < 10:
        assert heard.lines[0].startswith(f"stopped after epoch {stopped}: validation_loss has not got better since")
        assert f"epoch {best} (" in heard.lines[0]
    assert heard.lines[-1] == f"the model has the weights of epoch {best}, the best"


def test_another_callback_ends_it_and_the_best_weights_are_back_all_the_same():
    keep = Keep()
    callbacks = [keep, Script(validation_loss=LOSSES), EarlyStopping(patience=9)]
    trainer = make(callbacks)
    training, validation = loaders()
    trainer.fit(training, 10, validation=validation, until=lambda row: row.number == 5)
    assert len(trainer.history) == 5 and weights(trainer) == keep.weights[2]


def test_best_weights_are_not_restored_unless_asked_for():
    keep = Keep()
    trainer = fit([keep, Script(validation_loss=LOSSES), EarlyStopping(patience=2, restore_best=False)])
    assert weights(trainer) == keep.weights[4] != keep.weights[2]


@pytest.mark.parametrize(
    ("options", "numbers", "stopped"),
    [
        ({"monitor": "training_loss"}, {"training_loss": [1.0, 2.0, 3.0]}, 3),
        ({"monitor": "gap"}, {"gap": [0.1, 0.2, 0.3]}, 3),
        ({"monitor": "validation_accuracy"}, {"validation_accuracy": [0.5, 0.4, 0.3]}, 3),
        ({"monitor": "validation_accuracy"}, {"validation_accuracy": [0.5, 0.6, 0.7]}, 10),
        ({"monitor": "luck", "mode": "max"}, {"luck": [0.5, 0.4, 0.3]}, 3),
        ({"min_delta": 0.5}, {"validation_loss": [3.0, 2.6, 2.55]}, 3),
        ({"min_delta": 0.5}, {"validation_loss": [3.0, 2.6, 2.4]}, 5),
        ({"start_from_epoch": 3}, {"validation_loss": [1.0, 2.0, 3.0, 2.5, 2.6, 2.7]}, 6),
        ({}, {"validation_loss": [3.0, float("nan"), float("nan")]}, 3),
    ],
)
def test_what_is_monitored(options, numbers, stopped):
    numbers = {name: values + [values[-1] + 0.1 * (values[-1] - values[-2]) * k for k in range(1, 8)]
               for name, values in numbers.items()}  # fmt: skip
    assert len(fit([Script(**numbers), EarlyStopping(patience=2, **options)]).history) == stopped


def test_early_stopping_in_a_loop_of_ones_own():
    model = minigrad.nn.Linear(1, 1)
    stopper = EarlyStopping(patience=2)
    for epoch, loss in enumerate([3.0, 2.0, 2.5, 2.1, 1.0]):
        minigrad.nn.init.constant_(model.weight, float(epoch))
        if stopper.update(loss, model):
            break
    assert epoch == 3 and stopper.best == 2.0 and stopper.best_epoch == 2
    assert stopper.restore(model) and model.weight.item() == 1.0
    assert not EarlyStopping().restore(model)
    nothing = EarlyStopping(patience=2)
    assert [nothing.update(float("nan")) for _ in range(2)] == [False, True]  # a NaN is no first best


def test_what_is_not_measured_is_said_before_an_epoch_is_spent():
    for callback in (EarlyStopping(), EarlyStopping("gap"), AdjustOnPlateau("lr", 0.5), Checkpoint("x", monitor="gap")):
        trainer = make([callback])
        with pytest.raises(ValueError, match=r"watches '(validation_loss|gap)': pass fit\(..., validation=loader\)"):
            trainer.fit(loaders()[0], 1)
        assert trainer.step == 0
    with pytest.raises(ValueError, match="'luck' is not measured; what is: number, step, training_loss"):
        fit([EarlyStopping("luck", mode="max")])
    with pytest.raises(ValueError, match="is a larger or a smaller luck better"):
        EarlyStopping("luck")


# -- convergence -----------------------------------------------------------------------------------------------------


def test_stop_on_convergence():
    losses = [4.0, 2.0, 1.0, 1.005, 0.5, 0.501, 0.5005, 0.5, 0.5, 0.5]
    assert len(fit([Script(training_loss=losses), StopOnConvergence(0.01)]).history) == 4
    assert len(fit([Script(training_loss=losses), StopOnConvergence(0.01, patience=2)]).history) == 7
    trainer = make([Script(training_loss=losses)], progress=(heard := Heard()))
    trainer.fit(loaders()[0], until=StopOnConvergence(0.01))
    assert heard.lines == ["stopped after epoch 4: training_loss has converged (1, then 1.005)"]
    assert len(trainer.callbacks) == 2  # the condition was for that fit alone


# -- files -----------------------------------------------------------------------------------------------------------


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_checkpoint_keeps_the_last_the_best_and_some(tmp_path):
    script = Script(validation_loss=LOSSES)
    trainer = fit([script, Checkpoint(tmp_path / "a" / "b", keep=2)], 5)
    folder = tmp_path / "a" / "b"
    assert names(folder) == ["best.safetensors", "epoch-0004.safetensors", "epoch-0005.safetensors", "last.safetensors"]
    best, last = make([Checkpoint(folder)]), make([Checkpoint(folder)])
    best.resume(folder / "best.safetensors")
    last.resume(folder / "last.safetensors")
    assert len(best.history) == 3 and len(last.history) == 5 and weights(last) == weights(trainer)
    assert last.callbacks[0].watched.best == 3.0


def test_checkpoint_without_best_or_with_another_measure(tmp_path):
    fit([Checkpoint(tmp_path, best=False)], 2)
    assert names(tmp_path) == ["last.safetensors"]
    script = Script(validation_accuracy=[0.1, 0.9, 0.5])
    fit([script, Checkpoint(tmp_path, monitor="validation_accuracy")], 3)
    best = make()
    best.resume(tmp_path / "best.safetensors", strict=False)
    assert len(best.history) == 2


def test_old_files_go_only_when_the_new_one_is_whole(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    class Full(Callback):
        def on_epoch_start(self, trainer):
            if len(trainer.history) == 2:
                monkeypatch.setattr(checkpoint_file, "replacing", full)

    with pytest.raises(OSError, match="No space"):
        fit([Checkpoint(tmp_path, keep=2, best=False), Full()], 5)
    assert names(tmp_path) == ["epoch-0001.safetensors", "epoch-0002.safetensors", "epoch-0003.safetensors",
                               "last.safetensors"]  # fmt: skip
    last = make()
    last.resume(tmp_path / "last.safetensors", strict=False)
    assert len(last.history) == 2


def test_ctrl_c_leaves_the_last_file_whole(tmp_path):
    class Interrupt(Callback):
        def on_step_end(self, trainer):
            if trainer.step == 12:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit([Checkpoint(tmp_path), Interrupt()])
    assert names(tmp_path) == ["best.safetensors", "last.safetensors"]
    again = make([Checkpoint(tmp_path)])
    again.resume(tmp_path / "last.safetensors")
    assert len(again.history) == 2


class Spoil(Callback):
    """Spoils the loss, or a weight, after step 7."""

    order = -2

    def __init__(self, what):
        self.what = what

    def on_step_end(self, trainer):
        if trainer.step == 7:
            if self.what == "loss":
                trainer.loss = minigrad.tensor(float("nan"))
            else:
                with minigrad.no_grad():
                    trainer.model[3].bias[0] = float("inf")


@pytest.mark.parametrize("what", ["loss", "weight"])
def test_what_is_not_finite_is_not_saved(tmp_path, what):
    class Cut(Callback):
        order = 2

        def on_step_end(self, trainer):
            if trainer.step == 7:
                raise ConnectionError

    with pytest.raises(ConnectionError):
        fit([Spoil(what), Checkpoint(tmp_path, every_steps=1), Cut()])
    again = make([Checkpoint(tmp_path)])
    again.resume(tmp_path / "last.safetensors")
    assert again.step == 6


def test_an_epoch_that_ends_with_broken_weights_is_not_saved(tmp_path):
    class Break(Callback):
        def on_epoch_end(self, trainer, row):
            if row.number == 2:
                with minigrad.no_grad():
                    trainer.model[0].weight[0, 0] = float("nan")

    heard = Heard()
    fit([Break(), Checkpoint(tmp_path, keep=3)], 2, progress=heard)
    assert heard.lines == ["epoch 2 is not saved: 0.weight is not finite"]
    assert names(tmp_path) == ["best.safetensors", "epoch-0001.safetensors", "last.safetensors"]
    again = make([Checkpoint(tmp_path)])
    again.resume(tmp_path / "last.safetensors")
    assert len(again.history) == 1


# -- hyperparameters -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jit", [True, False])
def test_any_option_follows_what_is_measured(jit):
    callback = Adjust("momentum", lambda momentum, row: momentum / 2 if row.gap > 0 else momentum)
    script = Script(gap=[1.0, -1.0, 1.0])
    trainer = fit([script, callback], 3, jit=jit)
    assert trainer.optimizer.param_groups[0]["momentum"] == 0.9 / 4


def test_adjusted_trainings_are_equal_recorded_and_eager():
    trainers = [fit([Adjust("momentum", lambda m, row: m / 2)], 4, jit=jit) for jit in (True, False)]
    assert weights(trainers[0]) == weights(trainers[1])


def test_adjust_in_a_loop_of_ones_own():
    p = minigrad.zeros(2, requires_grad=True), minigrad.zeros(2, requires_grad=True)
    optimizer = minigrad.optim.RMSprop([{"params": [p[0]]}, {"params": [p[1]], "lr": 0.5}], lr=0.1)
    assert Adjust("lr", lambda lr, row: lr * row["x"]).update(optimizer, {"x": 10}) == [1.0, 5.0]
    assert Adjust("alpha", lambda alpha, row: 0.5, group=1).update(optimizer, {}) == [0.5]
    assert [group["alpha"] for group in optimizer.param_groups] == [0.99, 0.5]
    with pytest.raises(ValueError, match="RMSprop has no option 'mu'; it has alpha,"):
        Adjust("mu", lambda mu, row: mu).update(optimizer, {})


def test_any_option_changes_on_a_plateau():
    heard = Heard()
    script = Script(validation_loss=[3.0, 2.0, 2.5, 2.5, 2.5, 1.0, 1.5])
    trainer = fit([script, AdjustOnPlateau("momentum", 0.5, patience=2)], 7, progress=heard)
    assert trainer.optimizer.param_groups[0]["momentum"] == 0.45
    assert heard.lines == ["validation_loss has not got better for 2 epochs: momentum 0.45"]
    watch = AdjustOnPlateau("lr", lambda lr: lr - 1, patience=1)
    assert [watch.update(value, trainer.optimizer) for value in (1.0, 2.0, 0.5)] == [False, True, False]


# -- oscillation -----------------------------------------------------------------------------------------------------


def test_a_rate_that_is_too_large_is_noticed_once():
    """f(x) = x^2 / 2: each step multiplies x by 1 - lr."""
    for lr, oscillates in (1.9, True), (0.5, False):
        x = minigrad.tensor([1.0, 1.0], requires_grad=True)
        optimizer = minigrad.optim.SGD([x], lr=lr)
        steps, loss_too = Oscillation(first=10), Oscillation(first=10)
        for _ in range(12):
            optimizer.zero_grad()
            (x.square().sum() / 2).backward()
            optimizer.step()
            found = steps.update([x]), loss_too.update([x.sum().item()])
        assert found == (oscillates, oscillates)


class Swing(Callback):
    """Makes the parameters and the loss jump to and fro."""

    order = -2

    def on_step_end(self, trainer):
        sign = (-1.0) ** trainer.step
        trainer.loss = minigrad.tensor(sign)
        with minigrad.no_grad():
            for p in trainer.model.parameters():
                p.zero_().add_(sign)


@pytest.mark.parametrize(("watch", "what"), [("steps", "went against the step before"), ("loss", "direction of the")])
def test_oscillation_is_said_in_one_line(watch, what):
    heard = Heard()
    fit([Swing(), Oscillation(watch, first=8)], 6, progress=heard)
    (line,) = heard.lines
    assert line.startswith("6 of the first 6 steps ") and what in line and line.endswith("try a smaller learning rate")


def test_a_training_that_goes_well_is_left_alone():
    heard = Heard()
    fit([Oscillation(first=20), Oscillation("loss", first=20)], 6, lr=0.01, progress=heard)
    assert heard.lines == []


def test_a_row_names_what_it_has():
    with pytest.raises(AttributeError, match="this epoch has no 'validation_loss', but number, training_loss"):
        _ = Epoch(number=1, training_loss=0.5).validation_loss


def test_callbacks_that_have_been_at_another_training_begin_anew(tmp_path):
    """One set of callbacks in a loop over folds: each training is as with callbacks of its own."""

    def callbacks(folder):
        return [
            EarlyStopping("training_loss", patience=2), Checkpoint(folder, keep=2), Oscillation(first=5),
            AdjustOnPlateau("lr", 0.5, patience=1, monitor="training_loss"),
        ]  # fmt: skip

    def train(used, rate):
        training, validation = loaders()
        trainer = make(used, lr=rate)
        history = trainer.fit(training, 8, validation=validation, until=converged)
        weights = [p.tolist() for p in trainer.model.parameters()]
        return weights, [{k: v for k, v in row.items() if k != "seconds"} for row in history]

    shared, converged = callbacks(tmp_path / "shared"), StopOnConvergence(1e-3)
    train(shared, 0.1)
    best = minigrad.load(tmp_path / "shared" / "best.safetensors")["extra"]
    second = train(shared, 0.01)
    converged = StopOnConvergence(1e-3)
    assert second == train(callbacks(tmp_path / "own"), 0.01)
    assert minigrad.load(tmp_path / "shared" / "best.safetensors")["extra"] != best
