"""Options that a callback cannot change are said before a step is made; values that are no numbers can be changed."""

import pytest
from small_problem import Heard, loaders, make

import minigrad
from minigrad.optim import SGD, Adam
from minigrad.train import Adjust, AdjustOnPlateau


def plateau(option, change, **options):
    """Gets worse in every epoch."""
    return AdjustOnPlateau(option, change, monitor="training_loss", patience=1, min_delta=100.0, **options)


WRONG = {
    "no option 'lrr'; it has": [plateau("lrr", 0.5), Adjust("lrr", lambda lr, row: lr)],
    r"betas is \(0.9, 0.999\), no number that a factor could change: pass a function": [plateau("betas", 0.5)],
    "amsgrad is False, no number": [plateau("amsgrad", 0.5)],
    "lr is a function of the step, no number": [plateau("lr", 0.5)],
    "there is no group 1: the Adam has 1": [plateau("eps", 0.5, group=1), Adjust("eps", max, group=1)],
}


@pytest.mark.parametrize("message", WRONG)
def test_what_cannot_be_changed_is_said_before_the_first_step(message):
    for callback in WRONG[message]:
        trainer = make([callback], optimizer=lambda parameters: Adam(parameters, lr=lambda step: 0.1 / step))
        with pytest.raises(ValueError, match=message):
            trainer.fit(loaders()[0], 1)
        assert trainer.step == 0


def test_a_change_that_is_neither_factor_nor_function():
    with pytest.raises(TypeError, match="change must be a factor or a function of the value, got str"):
        AdjustOnPlateau("lr", "0.5")


def test_values_that_are_no_numbers():
    heard = Heard()
    trainer = make([plateau("betas", lambda betas: (0.5, betas[1]))], optimizer=Adam, progress=heard)
    trainer.fit(loaders()[0], 2)
    assert trainer.optimizer.param_groups[0]["betas"] == (0.5, 0.999)
    assert heard.lines == ["training_loss has not got better for 1 epochs: betas (0.5, 0.999)"]


def test_the_line_is_about_the_group_that_is_changed():
    heard = Heard()

    def optimizer(parameters):
        first, *rest = parameters
        return SGD([{"params": [first], "lr": 0.01}, {"params": rest, "lr": 0.1}])

    trainer = make([plateau("lr", 0.5, group=1)], optimizer=optimizer, progress=heard)
    trainer.fit(loaders()[0], 2)
    assert heard.lines == ["training_loss has not got better for 1 epochs: lr 0.05"]
    assert [group["lr"] for group in trainer.optimizer.param_groups] == [0.01, 0.05]


def test_all_groups_are_changed_or_none():
    p, q = minigrad.zeros(1, requires_grad=True), minigrad.zeros(1, requires_grad=True)
    optimizer = SGD([{"params": [p], "lr": 0.5}, {"params": [q], "lr": lambda step: 0.1}])
    callback = plateau("lr", 0.5)
    assert not callback.update(1.0, optimizer)
    with pytest.raises(ValueError, match="lr is a function of the step"):
        callback.update(2.0, optimizer)
    assert optimizer.param_groups[0]["lr"] == 0.5
