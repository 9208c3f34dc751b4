"""`Trainer`: what it computes equals a loop written by hand; what it refuses, it refuses before anything runs."""

import gc
import math
import subprocess
import sys
import typing
import weakref

import pytest
from small_problem import Heard, loaders, make, measured, network, points, weights

import minigrad
from minigrad import nn
from minigrad.optim.lbfgs import LBFGS
from minigrad.optim.lr_scheduler import CosineAnnealingLR, ReduceLROnPlateau, StepLR
from minigrad.train import (
    Callback,
    NonFiniteError,
    StopOnConvergence,
    Trainer,
    accuracy,
    correct,
    mean_squared_error,
)
from minigrad.utils.data import DataLoader, TensorDataset


def by_hand(epochs, clip_norm=None, clip_value=None):
    """The training of `make()`, written out."""
    minigrad.manual_seed(0)
    model = network()
    optimizer = minigrad.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for _ in range(epochs):
        total = count = 0
        for x, y in loaders()[0]:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            if clip_norm is not None:
                nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
            if clip_value is not None:
                nn.utils.clip_grad_value_(model.parameters(), clip_value)
            optimizer.step()
            total, count = total + loss.item() * len(x), count + len(x)
        losses.append((total / count, loss.item()))
    return [p.tolist() for p in model.parameters()], losses


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("clip", [{}, {"clip_norm": 0.1}, {"clip_value": 0.01}])
def test_it_is_the_loop_that_one_would_write(clip, jit):
    trainer = make(jit=jit, **clip)
    history = trainer.fit(loaders()[0], 3)
    expected, losses = by_hand(3, **clip)
    assert weights(trainer) == expected
    assert [row.training_loss for row in history] == pytest.approx([mean for mean, _ in losses], rel=1e-6)
    assert [row.last_loss for row in history] == [last for _, last in losses]  # not the mean over the epoch
    assert [row.number for row in history] == [1, 2, 3] and history[-1].step == trainer.step == 15


EVERYTHING = {
    "clip": {"clip_norm": 0.1, "clip_value": 0.05},
    "accumulate": {"accumulate": 3},
    "schedule": {"scheduler": lambda o: CosineAnnealingLR(o, 15), "scheduler_every": "step"},
    "function of the step": {"optimizer": lambda p: minigrad.optim.SGD(p, lr=lambda t: 0.1 / t, momentum=0.9)},
    "rmsprop": {"optimizer": lambda p: minigrad.optim.RMSprop(p, lr=0.01)},
}


@pytest.mark.parametrize("options", EVERYTHING.values(), ids=EVERYTHING)
def test_recorded_and_eager_trainings_are_equal_to_the_bit(options):
    trainers = []
    for jit in True, False:
        trainer = make(jit=jit, progress=Heard(), **options)
        trainers.append(trainer)
        training, validation = loaders()
        trainer.fit(training, 3, validation=validation)
        assert trainer.callbacks[0].lines == []  # nothing runs eagerly
    assert weights(trainers[0]) == weights(trainers[1]) and measured(trainers[0]) == measured(trainers[1])


@pytest.mark.parametrize(("count", "sizes"), [(24, (24,)), (20, (20,)), (32, (24, 8))])
def test_accumulated_batches_equal_one_large_batch(count, sizes):
    """Batches of 8, three to a step; also where the last batch, or the last step, is shorter."""
    data = points(count).tensors
    large = [tuple(part) for part in zip(*(tensor.split(sizes) for tensor in data))]
    results = []
    for batches, accumulate in (large, 1), (list(zip(*(t.split(8) for t in data))), 3):
        trainer = make(dropout=0.0, accumulate=accumulate, lr=1.0)
        history = trainer.fit(batches, 2)
        assert trainer.step == 2 * len(sizes)
        results.append((weights(trainer), history[-1].training_loss))
    flat = [[x for row in p for x in (row if isinstance(row, list) else [row])] for w, _ in results for p in w]
    half = len(flat) // 2
    for a, b in zip(flat[:half], flat[half:]):
        assert a == pytest.approx(b, rel=1e-5, abs=1e-6)
    assert results[0][1] == pytest.approx(results[1][1], rel=1e-5)


def test_metrics_are_means_over_samples_of_unequal_batches():
    trainer = make(dropout=0.0, lr=1e-30)
    trainer.metrics["right"] = correct
    training, validation = loaders(n=20)  # batches of 8, 8 and 4
    row = trainer.fit(training, 1, validation=validation)[0]
    x, y = points(20).tensors
    expected = accuracy(trainer.model(x), y).item()
    assert row.training_accuracy == pytest.approx(expected, rel=1e-6) and row.training_right == pytest.approx(expected)
    x, y = points(20, seed=1).tensors
    assert row.validation_loss == pytest.approx(nn.functional.cross_entropy(trainer.model(x), y).item(), rel=1e-6)
    assert row.gap == row.validation_loss - row.training_loss
    assert trainer.evaluate(validation) == {
        name.removeprefix("validation_"): value for name, value in row.items() if name.startswith("validation_")
    }


def test_dropout_rests_while_measuring_and_every_part_keeps_its_mode():
    trainer = make(dropout=0.5)
    trainer.model[1].eval()  # on purpose, as one freezes batch norm
    training, validation = loaders()
    assert trainer.evaluate(validation) == trainer.evaluate(validation)
    trainer.fit(training, 1, validation=validation)
    assert [module.training for module in trainer.model.modules()] == [True, True, False, True, True]
    trainer.model.eval()
    trainer.fit(training, 1)
    assert trainer.model.training


def test_predict_joins_the_outputs_of_all_batches():
    trainer = make(dropout=0.5)
    x, _ = points(20, seed=1).tensors
    trainer.model.eval()
    expected = trainer.model(x).tolist()
    trainer.model.train()
    for loader in (loaders()[1], DataLoader(x, 7), DataLoader(TensorDataset(x), 7), x):
        found = trainer.predict(loader)
        assert found.tolist() == pytest.approx(expected) if found.ndim == 1 else found.shape == (20, 2)
        assert (found - minigrad.tensor(expected)).abs().max() < 1e-6 and not found.requires_grad
    assert trainer.model.training


@pytest.mark.parametrize("jit", [True, False])
def test_a_step_function_for_other_batches(jit):
    """An autoencoder on dictionaries: no target, and a metric of its own."""

    def reconstruct(model, batch):
        output = model(batch["x"])
        return nn.functional.mse_loss(output, batch["x"]), {"error": (output - batch["x"]).abs().mean()}

    minigrad.manual_seed(0)
    model, heard = nn.Linear(2, 2), Heard()
    optimizer = minigrad.optim.SGD(model.parameters(), lr=0.3)
    trainer = Trainer(model, optimizer, step_function=reconstruct, jit=jit, progress=heard)
    x = points(40).tensors[0]
    batches = DataLoader([{"x": row} for row in x], 8)
    history = trainer.fit(batches, 30, validation=batches)
    assert history[-1].validation_loss < 1e-3 and history[-1].training_error < history[0].training_error / 10
    assert set(trainer.evaluate(batches)) == {"loss", "error"} and not heard.lines


def test_several_inputs():
    minigrad.manual_seed(0)

    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(2, 1)

        def forward(self, a, b):
            return self.linear(a + b)

    model = Sum()
    optimizer = minigrad.optim.SGD(model.parameters(), lr=0.1)
    metrics = {"error": mean_squared_error}
    trainer = Trainer(model, optimizer, nn.functional.mse_loss, metrics, progress=False)
    a, b = minigrad.randn(32, 2), minigrad.randn(32, 2)
    loader = DataLoader(TensorDataset(a, b, (a + b).sum(dim=1, keepdim=True)), 8)
    row = trainer.fit(loader, 60)[-1]
    assert row.training_loss < 1e-4 and row.training_error == pytest.approx(row.training_loss, rel=1e-5)
    assert trainer.predict(loader).shape == (32, 1)


def test_training_on_a_device_moves_batches(device):
    trainer = make(device=device)
    training, validation = loaders()  # on the CPU
    row = trainer.fit(training, 2, validation=validation)[-1]
    assert math.isfinite(row.gap) and trainer.predict(validation).device.type == device


def test_a_model_on_the_cpu_gets_batches_there(device):
    batches = [[part.to(device) for part in batch] for batch in loaders()[0]]
    trainer = make()
    assert math.isfinite(trainer.fit(batches, 1, validation=batches)[0].gap)
    assert trainer.predict(batches).device.type == "cpu"


class Pair(typing.NamedTuple):
    a: minigrad.Tensor
    b: minigrad.Tensor


@pytest.mark.parametrize("options", [{}, {"jit": False}, {"accumulate": 2}])
def test_named_batches_keep_their_names(options):
    def error(model, batch):
        return nn.functional.cross_entropy(model(batch.a), batch.b)

    minigrad.manual_seed(0)
    model, heard = network(0.0), Heard()
    trainer = Trainer(model, minigrad.optim.SGD(model.parameters(), lr=0.1), step_function=error, progress=heard,
                      **options)  # fmt: skip
    batches = [Pair(*batch) for batch in loaders()[0]]
    trainer.fit(batches, 3, validation=batches)
    plain = make(dropout=0.0, optimizer=lambda p: minigrad.optim.SGD(p, lr=0.1), **options)
    plain.fit([list(batch) for batch in batches], 3, validation=batches)
    assert [r.gap for r in trainer.history] == [r.gap for r in plain.history] and not heard.lines


@pytest.mark.parametrize("jit", [True, False])
def test_means_count_the_samples_of_targets_of_any_form(jit):
    """Batches of 4 and 1 samples whose targets are dictionaries, and whose inputs have time first."""

    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(minigrad.ones(1))

        def forward(self, x):
            return x.sum(dim=0) * self.weight  # (T, N) -> (N,)

    def loss(output, target):
        return (output - target["y"]).square().mean()

    def trained(accumulate, batches):
        model = Sum()
        trainer = Trainer(model, minigrad.optim.SGD(model.parameters(), lr=1e-6), loss, jit=jit, progress=False,
                          accumulate=accumulate)  # fmt: skip
        row = trainer.fit(batches, 1)[0]
        return row.training_loss, model.weight.item()

    x = minigrad.arange(10.0).reshape(2, 5)
    batches = [(x[:, :4], {"y": minigrad.zeros(4), "more": 1}), (x[:, 4:], {"y": minigrad.zeros(1), "more": 1})]
    whole = trained(1, [(x, {"y": minigrad.zeros(5), "more": 1})])
    assert trained(2, batches) == pytest.approx(whole, rel=1e-6)


def test_a_target_without_dimensions_leaves_the_count_to_the_inputs():
    model = nn.Linear(2, 1)
    trainer = Trainer(
        model, minigrad.optim.SGD(model.parameters(), lr=1e-9), lambda o, y: (o - y).square().mean(), progress=False
    )
    x = minigrad.ones(4, 2)
    row = trainer.fit([(x, minigrad.tensor(1.0)), (x[:1], minigrad.tensor(5.0))], 1)[0]
    output = model(x[:1]).item()
    assert row.training_loss == pytest.approx((4 * (output - 1) ** 2 + (output - 5) ** 2) / 5, rel=1e-5)


def test_batches_of_arrays():
    arrays = [[part.numpy() for part in batch] for batch in loaders(20)[0]]  # 8, 8 and 4 samples
    tensors = [[minigrad.tensor(part) for part in batch] for batch in arrays]

    def error(output, target):
        return (output.sum(dim=1) - target).square().mean()

    rows = []
    for batches in arrays, tensors:
        minigrad.manual_seed(0)
        model = network(0.0)
        trainer = Trainer(model, minigrad.optim.SGD(model.parameters(), lr=0.1), error, progress=False)
        rows.append(trainer.fit(batches, 1)[0].training_loss)
    assert rows[0] == rows[1]


def test_predict_takes_arrays_and_gives_what_the_model_gives():
    trainer = make(dropout=0.0)
    x = points(20).tensors[0]
    expected = trainer.predict(x).tolist()
    for given in (x.numpy(), [x.numpy()], [(x[:7].numpy(),), (x[7:].numpy(),)]):
        assert trainer.predict(given).tolist() == expected

    class Two(nn.Module):
        def forward(self, x):
            return {"positive": x.relu(), "both": (x, [x + 1])}

    trainer.model = Two()
    for given in DataLoader(x, 7), x.numpy():
        found = trainer.predict(given)
        assert found["positive"].tolist() == x.relu().tolist()
        assert found["both"][1][0].tolist() == (x + 1).tolist()


# -- schedulers ------------------------------------------------------------------------------------------------------


def test_a_scheduler_steps_after_each_epoch_or_each_step():
    each_epoch = make(scheduler=lambda o: StepLR(o, 1, 0.1))
    assert [row.lr for row in each_epoch.fit(loaders()[0], 3)] == pytest.approx([0.1, 0.01, 0.001])
    each_step = make(scheduler=lambda o: StepLR(o, 5, 0.1), scheduler_every="step")
    each_step.fit(loaders()[0], 3)
    assert each_step.optimizer.param_groups[0]["lr"] == pytest.approx(0.1 * 0.1**3)


@pytest.mark.parametrize(
    ("monitor", "validated", "expected"),
    [(None, True, "validation_loss"), (None, False, "training_loss"), ("gap", True, "gap")],
)
def test_a_plateau_gets_the_value_that_is_monitored(monitor, validated, expected):
    given = []

    class Plateau(ReduceLROnPlateau):
        def step(self, metrics, epoch=None):
            given.append(metrics)
            super().step(metrics)

    trainer = make(scheduler=lambda o: Plateau(o, patience=0), monitor=monitor)
    training, validation = loaders()
    history = trainer.fit(training, 3, validation=validation if validated else None)
    assert given[-3:] == [row[expected] for row in history]


def test_the_row_has_the_rate_that_the_last_step_was_made_with():
    used = []

    class Look(Callback):
        def on_step_start(self, trainer):
            used.append(trainer.optimizer.param_groups[0]["lr"])

    trainer = make([Look()], scheduler=lambda o: StepLR(o, 1, 0.5), scheduler_every="step")
    assert [row.lr for row in trainer.fit(loaders()[0], 2)] == [used[4], used[9]]


def test_a_rate_that_is_a_function_is_that_of_the_optimizers_step():
    trainer = make(optimizer=lambda p: minigrad.optim.SGD(p, lr=lambda t: 1 / t))
    for p in trainer.model.parameters():
        p.grad = minigrad.zeros_like(p)
    trainer.optimizer.step()  # it has been used before
    assert trainer.fit(loaders()[0], 1)[0].lr == 1 / 6


@pytest.mark.parametrize("jit", [True, False])
def test_parameters_that_a_callback_adds_are_clipped_too(jit):
    class Thaw(Callback):
        def on_epoch_start(self, trainer):
            if len(trainer.history) == 1:
                trainer.optimizer.add_param_group({"params": trainer.model[3].parameters(), "lr": 1000.0})

    def first_layer(parameters):
        return minigrad.optim.SGD([*parameters][:2], lr=0.1)

    trainer = make([Thaw()], optimizer=first_layer, clip_norm=1e-6, jit=jit)
    before = trainer.model[3].weight.detach().clone()
    trainer.fit(loaders()[0], 2)
    moved = (trainer.model[3].weight - before).abs().max().item()
    assert 0 < moved <= 5 * 1000 * 1e-6 * 1.01


def test_rates_of_all_groups_are_in_the_row():
    def two_groups(parameters):
        a, *others = parameters
        return minigrad.optim.SGD([{"params": [a], "lr": lambda t: 1 / t}, {"params": others}], lr=0.5)

    row = make(optimizer=two_groups).fit(loaders()[0], 1)[0]
    assert (row.lr, row.lr_1) == (1 / 5, 0.5)


# -- optimizers that need a closure ----------------------------------------------------------------------------------


class Lookahead(minigrad.optim.SGD):
    """An optimizer that asks for gradients twice in a step."""

    def step(self, closure):
        closure()
        super().step()
        loss = closure()
        super().step()
        return loss


@pytest.mark.parametrize("jit", [True, False])
def test_an_optimizer_that_needs_a_closure(jit):
    seen = []

    class Look(Callback):
        def on_gradients(self, trainer):
            seen.append(trainer.step)

    trainer = make([Look()], optimizer=lambda p: Lookahead(p, lr=0.1), jit=jit, dropout=0.0, clip_value=0.01)
    twice = make(optimizer=lambda p: minigrad.optim.SGD(p, lr=0.1), dropout=0.0, clip_value=0.01)
    batches = list(loaders()[0])
    trainer.fit(batches, 2)
    twice.fit([batch for batch in batches for _ in range(2)], 2)
    assert weights(trainer) == weights(twice) and trainer.step == 10 and seen == [k // 2 for k in range(20)]


@pytest.mark.parametrize("options", [{}, {"accumulate": 2}, {"jit": False}])
def test_lbfgs_and_lookahead_get_their_closure(options):
    """A straight line is found by LBFGS in a few steps, on whole and on accumulated batches alike."""
    x = points(40).tensors[0]
    y = x @ minigrad.tensor([[2.0], [-3.0]]) + 1
    halves = [(x[:24], y[:24]), (x[24:], y[24:])] if "accumulate" in options else [(x, y)]
    for make_optimizer, epochs in (
        (lambda p: LBFGS(p, line_search_fn="strong_wolfe"), 5),
        (lambda p: minigrad.optim.NAG(p, lr=0.05, momentum=0.9, form="lookahead"), 150),
    ):
        minigrad.manual_seed(0)
        model, heard = nn.Linear(2, 1), Heard()
        optimizer = make_optimizer(model.parameters())
        trainer = Trainer(model, optimizer, nn.functional.mse_loss, progress=heard, **options)
        assert trainer.fit(halves, epochs)[-1].training_loss < 1e-6 and not heard.lines


# -- how it ends -----------------------------------------------------------------------------------------------------


def test_a_loss_that_is_not_finite_ends_the_training():
    trainer = make(lr=3e38)
    with pytest.raises(NonFiniteError, match=r"the loss became (nan|inf) in epoch 1: try a smaller learning rate"):
        trainer.fit(loaders()[0], 5)


def test_fit_again_goes_on_and_until_ends():
    trainer, whole = make(), make()
    training, other = loaders()[0], loaders()[0]
    whole.fit(other, 4)
    minigrad.manual_seed(0)
    network()  # what `make` has drawn
    trainer.fit(training, 3)
    assert len(trainer.fit(training, until=lambda row: row.number == 4)) == 4
    assert weights(trainer) == weights(whole)


def test_ctrl_c_keeps_what_was_trained():
    class Interrupt(Callback):
        closed = False

        def on_step_end(self, trainer):
            if trainer.step == 12:
                raise KeyboardInterrupt

        def close(self, trainer):
            self.closed = True

    interrupt = Interrupt()
    trainer = make([interrupt])
    before = weights(trainer)
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(loaders()[0], 10)
    assert interrupt.closed and len(trainer.history) == 2 and weights(trainer) != before
    trainer.callbacks.clear()
    assert len(trainer.fit(loaders()[0], 1)) == 3


def test_all_callbacks_are_closed_whatever_one_of_them_raises():
    closed = []

    class Fails(Callback):
        def close(self, trainer):
            closed.append("fails")
            raise OSError("the disk is full")

    class Closes(Callback):
        def close(self, trainer):
            closed.append("closes")

    trainer = make([Fails(), Closes()])
    with pytest.raises(OSError, match="the disk is full"):
        trainer.fit(loaders()[0], 1, until=lambda row: False)
    assert closed == ["fails", "closes"] and len(trainer.callbacks) == 2


@pytest.mark.parametrize("moment", ["on_epoch_start", "on_step_end", "on_epoch_end"])
def test_the_epoch_that_a_callback_ends_is_named(moment):
    class Enough(Callback):
        def act(self, trainer, row=None):
            if len(trainer.history) == (moment == "on_epoch_end"):
                trainer.stop("enough")

    setattr(Enough, moment, Enough.act)
    heard = Heard()
    assert len(make([Enough()], progress=heard).fit(loaders()[0], 4)) == 1
    assert set(heard.lines) == {"stopped after epoch 1: enough"}


# -- what it shows ---------------------------------------------------------------------------------------------------


def test_a_line_for_each_epoch_or_silence(capsys):
    make(progress=True).fit(loaders()[0], 2, validation=loaders()[1])
    lines = capsys.readouterr().out.splitlines()
    assert [line[:9] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    assert "training loss 0." in lines[1] and "(last batch 0." in lines[1] and "validation loss 0." in lines[1]
    make(progress=False).fit(loaders()[0], 2)
    assert capsys.readouterr() == ("", "")


def test_why_a_step_is_not_recorded_is_known_where_nothing_is_shown():
    def reads(model, batch):
        loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
        return loss * (2 if loss.item() > 100 else 1)

    for progress in False, Heard():
        model = network()
        trainer = Trainer(model, minigrad.optim.SGD(model.parameters(), lr=0.1), step_function=reads, progress=progress)
        trainer.fit(loaders()[0], 1)
        assert "item()" in trainer.eager_because
    assert trainer.callbacks[0].lines == [f"the step cannot be recorded and runs eagerly: {trainer.eager_because}"]


def test_without_tqdm_one_sentence(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    make(progress=True).fit(loaders()[0], 2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "the progress bar needs tqdm: pip install 'minigrad-dl[train]'" and len(lines) == 3


def test_the_bar_shows_loss_and_rate(monkeypatch):
    tqdm = pytest.importorskip("tqdm")
    bars = []

    class Bar(tqdm.tqdm):
        def __init__(self, *args, **options):
            import io

            options.update(disable=False, file=io.StringIO(), mininterval=0, miniters=1)
            super().__init__(*args, **options)
            self.file = options["file"]
            bars.append(self)

    monkeypatch.setattr(tqdm, "tqdm", Bar)
    make(progress=True, accumulate=2).fit(loaders()[0], 2)
    shown = bars[0].file.getvalue()
    assert "loss 0." in shown and ", lr 0.1" in shown and "step/s" in shown and "6/6" in shown


# -- what it refuses -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clip_norm": 0.0}, "clip_norm must be above 0"),
        ({"accumulate": 0}, "accumulate is a number of batches, at least 1, got 0"),
        ({"scheduler_every": "batch"}, "must be 'epoch' or 'step', got 'batch'"),
        ({"step_function": len}, "either loss"),
        ({"callbacks": [Callback]}, "objects of subclasses of Callback"),
        ({"scheduler": ReduceLROnPlateau, "scheduler_every": "step"}, "scheduler_every must be 'epoch'"),
        ({"scheduler": lambda o: StepLR}, "one scheduler that has been made .* got the class StepLR"),
        ({"scheduler": lambda o: [StepLR(o, 1), StepLR(o, 2)]}, "one scheduler that has been made .* got a list"),
        ({"scheduler": lambda o: StepLR(make().optimizer, 1)}, "the scheduler is that of another optimizer"),
        ({"optimizer": list}, "optimizer must be one that has been made, .* got a list"),
        ({"optimizer": lambda p: minigrad.optim.SGD}, "optimizer must be .* got the class SGD"),
        ({"monitor": "gap"}, "monitor='gap' is what a scheduler of a plateau gets, and there is none"),
        ({"monitor": "gap", "scheduler": lambda o: StepLR(o, 1)}, "monitor='gap' is what a scheduler of a plateau"),
    ],
)
def test_mistakes_are_named(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make(**options)


def test_a_model_is_a_module_and_one_callback_needs_no_list():
    optimizer = make().optimizer
    with pytest.raises(TypeError, match="model must be a module, got a function"):
        Trainer(lambda x: x, optimizer, nn.functional.mse_loss)
    heard = Heard()
    assert make(heard).callbacks == [heard]


def test_a_group_without_parameters_is_no_harm():
    trainer = make(optimizer=lambda p: minigrad.optim.SGD([{"params": []}, {"params": p}], lr=0.1))
    assert math.isfinite(trainer.fit(loaders()[0], 1)[0].training_loss)


def test_mistakes_in_fit():
    with pytest.raises(ValueError, match="how long to train"):
        make().fit(loaders()[0])
    with pytest.raises(ValueError, match="the loader gave no batch"):
        make().fit([], 1)
    with pytest.raises(TypeError, match=r"a batch must be \(inputs..., target\), got Tensor: pass step_function"):
        make().fit([minigrad.zeros(2, 2)], 1)
    with pytest.raises(ValueError, match="scores"):
        make().evaluate([(minigrad.zeros(2, 2), minigrad.zeros(2, 2))])
    with pytest.raises(ValueError, match="'validation_luck' is not measured; what is: number"):
        make(scheduler=ReduceLROnPlateau, monitor="validation_luck").fit(loaders()[0], 1, validation=loaders()[1])
    unused = make(scheduler=ReduceLROnPlateau, monitor="gap")
    with pytest.raises(ValueError, match=r"the scheduler gets 'gap': pass fit\(..., validation=loader\)"):
        unused.fit(loaders()[0], 1)
    assert not unused.step
    data = points()
    for loader, validation, name in (data, None, "the loader"), (loaders()[0], data, "validation"):
        with pytest.raises(TypeError, match=f"{name} gives samples, not batches: wrap it, DataLoader"):
            make().fit(loader, 1, validation=validation)
    for measure in make().evaluate, make().predict:
        with pytest.raises(TypeError, match="the loader gives samples, not batches"):
            measure(data)
    with pytest.raises(TypeError, match="the loader must give batches, such as a DataLoader, got int"):
        make().fit(3, 1)
    for epochs in 1.5, "3":
        with pytest.raises(TypeError, match=f"epochs must be a whole number, got {epochs!r}"):
            make().fit(loaders()[0], epochs)
    with pytest.raises(ValueError, match="epochs must not be negative, got -1"):
        make().fit(loaders()[0], -1)
    with pytest.raises(TypeError, match=r"until must be .* got the class StopOnConvergence"):
        make().fit(loaders()[0], until=StopOnConvergence)


def test_minigrad_does_not_import_it():
    code = "import sys, minigrad; assert not [name for name in sys.modules if name.startswith('minigrad.train')]"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_trainer_goes_at_once_when_nobody_needs_it():
    """With its model and optimizer: on a GPU their memory would wait for the garbage collector."""
    trainer = make()
    training, _ = loaders()
    trainer.fit(training, 2)
    gone = weakref.ref(trainer)
    gc.collect()
    gc.disable()
    try:
        del trainer
        assert gone() is None
    finally:
        gc.enable()
