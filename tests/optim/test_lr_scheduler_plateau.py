"""ReduceLROnPlateau: which epoch reduces the rate, in PyTorch's and in Keras's way, and the founding article's loop."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scheduler_helpers import sgd

import minigrad
from minigrad import optim
from minigrad.optim.lr_scheduler import ReduceLROnPlateau


def followed(metrics, optimizer=None, **arguments):
    """The rate after each of the metrics."""
    optimizer = optimizer or sgd()
    scheduler = ReduceLROnPlateau(optimizer, **arguments)
    found = []
    for metric in metrics:
        scheduler.step(metric)
        found.append(optimizer.param_groups[0]["lr"])
    return found


def fired(metrics, **arguments):
    """The numbers of the epochs, from 1, that reduced the rate."""
    found = [1.0, *followed(metrics, **arguments)]
    return [k for k in range(1, len(found)) if found[k] < found[k - 1]]


FLAT = [1.0] * 12  # the first is an improvement, all others are not


@pytest.mark.parametrize("patience, pytorch, keras", [(0, 2, 2), (1, 3, 2), (2, 4, 3), (3, 5, 4), (10, 12, 11)])
def test_which_epoch_reduces(patience, pytorch, keras):
    assert fired(FLAT, patience=patience)[0] == pytorch
    assert fired(FLAT, patience=patience, convention="keras")[0] == keras


def test_cooldown():
    """PyTorch does not count for as many epochs, Keras for one less."""
    assert fired(FLAT, patience=1, factor=0.5) == [3, 5, 7, 9, 11]
    assert fired(FLAT, patience=1, factor=0.5, cooldown=2) == [3, 7, 11]
    assert fired(FLAT, patience=2, factor=0.5, convention="keras") == [3, 5, 7, 9, 11]
    assert fired(FLAT, patience=2, factor=0.5, cooldown=1, convention="keras") == [3, 5, 7, 9, 11]
    assert fired(FLAT, patience=2, factor=0.5, cooldown=2, convention="keras") == [3, 6, 9, 12]


def test_improvement():
    """PyTorch's threshold is a part of the best value, Keras's a difference."""
    slow = [100.0 - 0.005 * k for k in range(10)]
    assert fired(slow, patience=1) and not fired(slow, patience=1, convention="keras")
    assert not fired(slow, patience=1, threshold_mode="abs")
    assert fired(slow, patience=1, convention="keras", threshold_mode="rel")
    tiny = [1e-5 * 0.9**k for k in range(10)]
    assert not fired(tiny, patience=1) and fired(tiny, patience=1, convention="keras")
    rising = [1.0 + k for k in range(6)]
    assert fired(rising, patience=1) and not fired(rising, patience=1, mode="max")
    assert fired([2.0, math.nan, math.nan, math.nan], patience=1) == [3]


def test_limits():
    assert followed(FLAT[:6], patience=0, factor=0.5, min_lr=0.2) == [1, 0.5, 0.25, 0.2, 0.2, 0.2]
    assert followed(FLAT[:4], patience=0, factor=0.5, eps=0.3) == [1, 0.5, 0.5, 0.5]
    assert followed(FLAT[:3], patience=0, factor=0.5, eps=0.5) == [1, 1, 1]
    assert followed(FLAT[:4], sgd(1e-8), patience=0, factor=0.5) == [1e-8] * 4
    assert followed(FLAT[:3], sgd(1e-8), patience=0, factor=0.5, convention="keras") == [1e-8, 5e-9, 2.5e-9]
    optimizer = sgd(groups=2)
    followed(FLAT[:4], optimizer, patience=0, factor=0.5, min_lr=[0.3, 0.1])
    assert [group["lr"] for group in optimizer.param_groups] == [0.3, 0.25]


class Keras:
    """Keras's callback, from its description: wait counts bad epochs outside of the pause, and fires at `patience`."""

    def __init__(self, rate, factor, patience, min_delta, cooldown, min_lr, sign):
        self.rate, self.factor, self.patience, self.min_delta = rate, factor, patience, min_delta
        self.cooldown, self.min_lr, self.sign = cooldown, min_lr, sign
        self.best, self.wait, self.pause = -math.inf, 0, 0

    def epoch(self, metric):
        metric *= self.sign
        if self.pause > 0:
            self.pause -= 1
            self.wait = 0
        if metric > self.best + self.min_delta:
            self.best, self.wait = metric, 0
        elif self.pause == 0:
            self.wait += 1
            if self.wait >= self.patience and self.rate > self.min_lr:
                self.rate = max(self.rate * self.factor, self.min_lr)
                self.pause, self.wait = self.cooldown, 0
        return self.rate


@pytest.mark.parametrize("seed", range(20))
def test_keras_beside_its_description(seed):
    random = np.random.default_rng(seed)
    patience, cooldown, mode = int(random.integers(0, 5)), int(random.integers(0, 4)), ("min", "max")[seed % 2]
    keras = Keras(1.0, 0.7, patience, 0.05, cooldown, 0.02, 1 if mode == "max" else -1)
    metrics = np.cumsum(random.normal(size=80) * 0.1 + (0.02 if mode == "max" else -0.02))
    found = followed(
        metrics,
        mode=mode,
        factor=0.7,
        patience=patience,
        threshold=0.05,
        cooldown=cooldown,
        min_lr=0.02,
        convention="keras",
    )
    assert found == [keras.epoch(metric) for metric in metrics]


def test_the_rate_an_article_multiplies_in_every_epoch():
    """The founding article's loop multiplies the rate by 0.97 in every epoch: its counter is never compared with 10.

    What it says it does (a factor of 0.97 after 10 epochs without progress) is ReduceLROnPlateau.
    """
    losses = [1.0 / (epoch + 1) for epoch in range(20)] + [0.05] * 30  # 20 epochs of progress, then none
    rate = 0.01

    optimizer = optim.RMSprop([minigrad.zeros(1, requires_grad=True)], lr=rate)
    literal, counter = [], 10
    for _ in losses:
        if counter >= 0:  # always so: 10 is where the counter starts, and nothing counts it down
            optimizer.lr = optimizer.lr * 0.97
        literal.append(optimizer.lr)
    assert literal == pytest.approx([rate * 0.97**e for e in range(1, 51)], rel=1e-12)

    optimizer = optim.RMSprop([minigrad.zeros(1, requires_grad=True)], lr=rate)
    meant = followed(losses, optimizer, factor=0.97, patience=10)
    assert meant[:30] == [rate] * 30 and literal[19] < 0.6 * rate
    assert meant[30:41] == [rate * 0.97] * 11  # the 11th epoch without progress
    assert meant[41:] == [rate * 0.97 * 0.97] * 9
    assert literal[-1] < 0.25 * meant[-1]

    optimizer = optim.RMSprop([minigrad.zeros(1, requires_grad=True)], lr=rate)
    keras = followed(losses, optimizer, factor=0.97, patience=10, convention="keras")
    assert keras[:29] == [rate] * 29 and keras[29] == rate * 0.97  # the 10th


def test_any_hyperparameter():
    optimizer = optim.RMSprop([minigrad.zeros(1, requires_grad=True)], lr=0.1, alpha=0.99)
    scheduler = ReduceLROnPlateau(optimizer, factor=0.9, patience=0, min_lr=0.85, hyperparameter="alpha")
    for _ in range(4):
        scheduler.step(1.0)
    assert optimizer.param_groups[0]["alpha"] == 0.85 == scheduler.get_last_lr()[0]
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_a_tensor_is_a_metric():
    scheduler = ReduceLROnPlateau(sgd(), patience=0)
    scheduler.step(minigrad.tensor([2.0]))
    assert type(scheduler.best) is float
    scheduler.step(np.float32(3.0))
    assert scheduler.get_last_lr() == [0.1]


@pytest.mark.parametrize("convention", ["pytorch", "keras"])
def test_goes_on_from_its_state(convention, tmp_path):
    metrics = [3.0, 2.0, 2.0, 2.0, 2.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]
    arguments = dict(patience=2, factor=0.5, cooldown=2, convention=convention)
    whole = followed(metrics, **arguments)
    for cut in range(1, len(metrics)):
        optimizer = sgd()
        scheduler = ReduceLROnPlateau(optimizer, **arguments)
        for metric in metrics[:cut]:
            scheduler.step(metric)
        minigrad.save([optimizer.state_dict(), scheduler.state_dict()], tmp_path / "state")
        options, state = minigrad.load(tmp_path / "state")
        again = sgd()
        fresh = ReduceLROnPlateau(again)
        again.load_state_dict(options)
        fresh.load_state_dict(state)
        found = []
        for metric in metrics[cut:]:
            fresh.step(metric)
            found.append(again.param_groups[0]["lr"])
        assert found == whole[cut:]


def test_errors():
    with pytest.raises(ValueError, match="convention must be one of 'pytorch', 'keras', got 'jax'"):
        ReduceLROnPlateau(sgd(), convention="jax")
    with pytest.raises(ValueError, match="factor must be below 1, got 2"):
        ReduceLROnPlateau(sgd(), factor=2)
    with pytest.raises(TypeError, match="depends on the metric"):
        ReduceLROnPlateau(sgd()).preview(3)
    with pytest.raises(TypeError, match="schedule itself"):
        ReduceLROnPlateau(optim.SGD([minigrad.zeros(1, requires_grad=True)], lr=lambda t: 0.1))
