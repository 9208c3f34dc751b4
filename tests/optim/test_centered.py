"""centered RMSprop: the variance by its recurrence is never negative, where the textbook's difference is."""

from __future__ import annotations

import numpy as np
import pytest
from optim_helpers import bowl_track, values

import minigrad
from minigrad import optim


def nearly_constant_gradients(relative_noise: float, count: int, steps: int):
    """Gradients of size 1e-4 to 1e4, each nearly constant."""
    random = np.random.default_rng(7)
    mean = (10 ** random.uniform(-4, 4, count) * random.choice([-1, 1], count)).astype(np.float32)
    for _ in range(steps):
        yield mean * (1 + relative_noise * random.standard_normal(count).astype(np.float32))


def run(gradients, alpha: float, device: str, count: int):
    """Which elements ever had a negative variance: by the textbook's difference, and by RMSprop."""
    p = minigrad.zeros(count, device=device, requires_grad=True)
    optimizer = optim.RMSprop([p], lr=1e-3, alpha=alpha, centered=True)
    average, mean = np.zeros(count, np.float32), np.zeros(count, np.float32)
    one = np.float32(1)
    a = np.float32(alpha)
    by_difference, by_recurrence = np.zeros(count, bool), np.zeros(count, bool)
    for g in gradients:
        average = a * average + (one - a) * g * g
        mean = a * mean + (one - a) * g
        by_difference |= average - mean * mean < 0
        p.grad = minigrad.tensor(g, device=device)
        optimizer.step()
        by_recurrence |= values(optimizer.state[p]["variance"]) < 0
    return by_difference, by_recurrence, p


@pytest.mark.parametrize(("relative_noise", "share"), [(1e-3, 0.005), (1e-4, 0.5), (0.0, 0.1)])
def test_the_difference_goes_negative_and_the_recurrence_does_not(relative_noise, share, device):
    count = 500
    gradients = nearly_constant_gradients(relative_noise, count, 400)
    by_difference, by_recurrence, p = run(gradients, 0.9, device, count)
    assert by_difference.mean() > share  # the fault is there to be avoided
    assert not by_recurrence.any()
    assert np.isfinite(values(p)).all()


def test_the_recurrence_keeps_its_digits():
    """Relative error of the variance against float64, where the textbook's difference has lost every digit."""
    count, alpha = 500, 0.9
    p = minigrad.zeros(count, requires_grad=True)
    optimizer = optim.RMSprop([p], lr=1e-3, alpha=alpha, centered=True)
    squares, mean, difference = np.zeros(count), np.zeros(count), None
    coarse_squares, coarse_mean = np.zeros(count, np.float32), np.zeros(count, np.float32)
    for g in nearly_constant_gradients(1e-3, count, 300):
        wide = g.astype(np.float64)
        squares, mean = alpha * squares + (1 - alpha) * wide * wide, alpha * mean + (1 - alpha) * wide
        coarse_squares = np.float32(alpha) * coarse_squares + np.float32(1 - alpha) * g * g
        coarse_mean = np.float32(alpha) * coarse_mean + np.float32(1 - alpha) * g
        difference = coarse_squares - coarse_mean * coarse_mean
        p.grad = minigrad.tensor(g)
        optimizer.step()
    exact = squares - mean * mean
    ours = values(optimizer.state[p]["variance"])
    assert np.median(np.abs(ours - exact) / exact) < 1e-4
    assert np.median(np.abs(difference - exact) / exact) > 1e-2


def test_equal_to_the_textbook_in_float64(device):
    def textbook(steps):
        scale, p = np.array([1.0, 10.0]), np.array([40.0, 20.0])
        squares, mean, track = np.zeros(2), np.zeros(2), [(40.0, 20.0)]
        for _ in range(steps):
            g = 2 * scale * p
            squares, mean = 0.9 * squares + 0.1 * g * g, 0.9 * mean + 0.1 * g
            p = p - 0.1 * g / (np.sqrt(squares - mean * mean) + 1e-8)
            track.append(tuple(p))
        return track

    track = bowl_track(lambda ps: optim.RMSprop(ps, lr=0.1, alpha=0.9, centered=True), device, steps=30)
    np.testing.assert_allclose(track, textbook(30), rtol=1e-9)


def test_saved_and_loaded_the_variance_keeps_its_digits(device):
    """The saved state has the variance itself: only state of PyTorch's is read from a difference."""
    count = 200
    p = minigrad.zeros(count, device=device, requires_grad=True)
    optimizer = optim.RMSprop([p], lr=1e-3, alpha=0.9, centered=True)
    for g in nearly_constant_gradients(1e-4, count, 50):
        p.grad = minigrad.tensor(g, device=device)
        optimizer.step()
    saved = optimizer.state_dict()
    assert set(saved["state"][0]) == {"step", "square_avg", "grad_avg", "variance"}
    fresh = optim.RMSprop([p], lr=1.0)
    fresh.load_state_dict(saved)
    np.testing.assert_array_equal(values(fresh.state[p]["variance"]), values(optimizer.state[p]["variance"]))
    del saved["state"][0]["variance"]  # what PyTorch's class saves, where the difference may be negative
    saved["state"][0]["square_avg"] = saved["state"][0]["grad_avg"] ** 2 * (1 - 1e-6)
    fresh.load_state_dict(saved)
    assert (values(fresh.state[p]["variance"]) == 0).all()
    fresh.step()
    assert np.isfinite(values(p)).all()


@pytest.mark.parametrize("convention", ["pytorch", "keras", "tf2", "optax"])
@pytest.mark.parametrize("relative_noise", [1e-4, 0.0])
def test_the_conventions_of_libraries_bring_their_nan_along(convention, relative_noise, device):
    """Where eps stands does not help: the difference is below -eps. The default is finite on the same gradients."""
    count = 300
    p, q = (minigrad.zeros(count, device=device, requires_grad=True) for _ in range(2))
    options = {"lr": 1e-3, "alpha": 0.9, "centered": True}
    textbook = optim.RMSprop([p], convention=convention, **options)
    recurrence = optim.RMSprop([q], convention=convention, centered_mode="recurrence", **options)
    negative = np.zeros(count, bool)
    for g in nearly_constant_gradients(relative_noise, count, 300):
        p.grad, q.grad = minigrad.tensor(g, device=device), minigrad.tensor(g, device=device)
        textbook.step()
        recurrence.step()
        state = {name: values(entry) for name, entry in textbook.state[p].items()}
        negative |= state["square_avg"] - state["grad_avg"] * state["grad_avg"] < -textbook.eps
    assert negative.mean() > 0.1
    assert np.isnan(values(p)).mean() > 0.1
    assert np.isfinite(values(q)).all() and (values(recurrence.state[q]["variance"]) >= 0).all()


def test_switched_on_and_off_both_ways_agree(device):
    """In float64 the variance by recurrence is the textbook's difference, whatever they have been before."""
    params = [minigrad.zeros(20, dtype=minigrad.float64, device=device, requires_grad=True) for _ in range(2)]
    optimizers = [
        optim.RMSprop([p], lr=0.1, alpha=0.8, eps=0.1, centered_mode=mode)
        for p, mode in zip(params, ("recurrence", "textbook"))
    ]
    random = np.random.default_rng(0)
    for step, centered in enumerate((False, False, True, True, True, False, True, True)):
        g = random.normal(size=20)
        for p, optimizer in zip(params, optimizers):
            optimizer.centered = centered
            p.grad = minigrad.tensor(g, device=device)
            optimizer.step()
        np.testing.assert_allclose(values(params[0]), values(params[1]), rtol=1e-10, err_msg=f"step {step}")
