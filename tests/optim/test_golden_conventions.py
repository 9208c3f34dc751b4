"""The golden numbers of test_optim_golden.py and those of the other conventions, by option and by convention's name.

f = x^2 + 10 y^2 from (40, 20). The numbers were computed in float64 without minigrad.
"""

from __future__ import annotations

import numpy as np
import pytest
from optim_helpers import bowl_track

import minigrad
from minigrad import optim

# what it is -> (ways to ask for it, point 10, point 10 when the learning rate is cut to a tenth after step 5)
CUT = {
    "momentum, lr outside": (
        [
            lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9),
            lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9, lr_in_velocity=False, first_step="zeros"),
            lambda ps: optim.Momentum(ps, lr=0.01, lr_in_velocity=False),
            *(lambda ps, c=c: optim.SGD(ps, lr=0.01, momentum=0.9, convention=c)
              for c in ("pytorch", "tf1", "optax", "mlx")),
            *(lambda ps, c=c: optim.Momentum(ps, lr=0.01, momentum=0.9, convention=c)
              for c in ("pytorch", "tf1", "optax", "mlx")),
        ],
        (12.284790, 0.087997), (28.089360, -10.537605),
    ),
    "momentum, lr inside": (
        [
            lambda ps: optim.Momentum(ps, lr=0.01),
            lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9, lr_in_velocity=True),
            *(lambda ps, c=c: optim.SGD(ps, lr=0.01, momentum=0.9, convention=c)
              for c in ("keras", "tf2", "chainer", "sutskever2013")),
            *(lambda ps, c=c: optim.Momentum(ps, convention=c) for c in ("keras", "tf2", "chainer", "sutskever2013")),
        ],
        (12.284790, 0.087997), (18.197603, -27.090756),
    ),
    "averaged form": (
        [
            lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9, dampening=0.9, first_step="zeros"),
            lambda ps: optim.Momentum(ps, lr=0.01, dampening=0.9, lr_in_velocity=False),
        ],
        (36.746932, 6.142395), (38.731440, 14.044680),
    ),
    "dampening, first buffer g": (
        [
            lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9, dampening=0.5),
            lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9, dampening=0.5, convention="pytorch"),
            lambda ps: optim.Momentum(ps, lr=0.01, dampening=0.5, convention="pytorch"),
        ],
        (22.660741, -11.477236), (32.197864, -6.755977),
    ),
    "dampening, zero start": (
        [
            lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9, dampening=0.5, first_step="zeros"),
            lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9, dampening=0.5, convention="mlx"),
            lambda ps: optim.Momentum(ps, lr=0.01, dampening=0.5, convention="mlx"),
        ],
        (24.843164, -11.775788), (33.831921, -2.316800),
    ),
    "nesterov, lr outside": (
        [
            lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9, nesterov=True),
            lambda ps: optim.NAG(ps, lr=0.01, lr_in_velocity=False),
            *(lambda ps, c=c: optim.SGD(ps, lr=0.01, momentum=0.9, nesterov=True, convention=c)
              for c in ("pytorch", "tf1", "optax", "mlx")),
            *(lambda ps, c=c: optim.NAG(ps, lr=0.01, momentum=0.9, convention=c)
              for c in ("pytorch", "tf1", "optax", "mlx")),
        ],
        (10.525944, 1.027215), (25.724560, -6.752967),
    ),
    "nesterov, lr inside": (
        [
            lambda ps: optim.NAG(ps, lr=0.01),
            lambda ps: optim.NAG(ps, convention="keras"),
            lambda ps: optim.NAG(ps, convention="tf2"),
            lambda ps: optim.SGD(ps, momentum=0.9, nesterov=True, convention="keras"),
        ],
        (10.525944, 1.027215), (17.171445, -15.904583),
    ),
    "nesterov, Chainer's": (
        [lambda ps: optim.NAG(ps, lr=0.01, momentum_order="new"), lambda ps: optim.NAG(ps, convention="chainer")],
        (9.222590, 0.269540), (16.340069, -9.794037),
    ),
    "nesterov, look-ahead": (
        [lambda ps: optim.NAG(ps, lr=0.01, form="lookahead"), lambda ps: optim.NAG(ps, convention="sutskever2013")],
        (13.540334, -0.808767), (18.879150, -14.996953),
    ),
    "RMSprop momentum, lr outside": (
        [
            lambda ps: optim.RMSprop(ps, lr=0.5, alpha=0.9, momentum=0.9),
            lambda ps: optim.RMSprop(ps, lr=0.5, alpha=0.9, momentum=0.9, convention="pytorch"),
        ],
        (4.905681, -8.132731), (22.944792, 4.018239),
    ),
    "RMSprop momentum, lr inside": (
        [
            lambda ps: optim.RMSprop(ps, lr=0.5, alpha=0.9, momentum=0.9, lr_in_velocity=True),
            *(lambda ps, c=c: optim.RMSprop(ps, lr=0.5, momentum=0.9, convention=c)
              for c in ("keras", "tf2", "optax")),
        ],
        (4.905681, -8.132731), (10.015434, -7.605320),
    ),
}  # fmt: skip
CUT_CASES = [pytest.param(name, k, id=f"{name}-{k}") for name, (ways, *_) in CUT.items() for k in range(len(ways))]


def cut(optimizer, t):
    if t == 5:
        optimizer.lr = optimizer.lr / 10


@pytest.mark.parametrize(("name", "way"), CUT_CASES)
def test_ten_steps_and_a_cut_of_the_learning_rate(name, way, device):
    ways, constant, after_cut = CUT[name]
    closure = "look-ahead" in name
    np.testing.assert_allclose(bowl_track(ways[way], device, closure=closure)[10], constant, rtol=0, atol=6e-7)
    track = bowl_track(ways[way], device, after_step=cut, closure=closure)
    np.testing.assert_allclose(track[10], after_cut, rtol=0, atol=6e-7)


def test_a_cut_by_schedule_is_the_same(device):
    """lr as a function of the step, in each of them."""
    for name, (ways, _, after_cut) in CUT.items():

        def make(ps, way=ways[0]):
            optimizer = way(ps)
            lr = optimizer.lr
            optimizer.lr = lambda t: lr if t <= 5 else lr / 10
            return optimizer

        track = bowl_track(make, device, closure="look-ahead" in name)
        np.testing.assert_allclose(track[10], after_cut, rtol=0, atol=6e-7)


KERAS_DECAY = [(39.16, 15.98), (37.61764, 9.16802), (35.474790, 1.208848), (12.075376, 0.122661)]
RMSPROP = [(39.9, 19.9), (39.829200, 19.829289), (39.771292, 19.771497), (39.494738, 19.495972)]
CENTERED = [(39.666667, 19.666667), (39.412774, 19.413802), (39.189269, 19.191804), (37.778118, 17.802078)]
GRAVES = [(39.999541, 19.999541), (39.998791, 19.998791), (39.997830, 19.997830), (39.988008, 19.988008)]
ADAGRAD_KERAS = [(39.000008, 19.000000), (38.301910, 18.311251), (37.736445, 17.758216), (35.104820, 15.239795)]
TF1 = [(39.683994, 19.683781), (39.455519, 19.456108), (39.264623, 19.266350), (38.280033, 18.292870)]
RMSPROP_KERAS = [(39.996838, 19.996838), (39.994544, 19.994544), (39.992623, 19.992623), (39.982669, 19.982670)]

# (optimizer, points 1, 2, 3 and 10)
GOLDEN = [
    ("decoupled decay, option", lambda ps: optim.SGD(
        ps, lr=0.01, momentum=0.9, weight_decay=0.1, decoupled_weight_decay=True), KERAS_DECAY),
    ("decoupled decay, keras", lambda ps: optim.SGD(ps, momentum=0.9, weight_decay=0.1, convention="keras"),
     KERAS_DECAY),
    ("decoupled decay, keras Momentum", lambda ps: optim.Momentum(ps, weight_decay=0.1, convention="keras"),
     KERAS_DECAY),
    ("Adagrad, keras", lambda ps: optim.Adagrad(ps, lr=1, convention="keras"), ADAGRAD_KERAS),
    ("Adagrad, optax", lambda ps: optim.Adagrad(ps, lr=1, convention="optax"), ADAGRAD_KERAS),
    ("Adagrad, pytorch", lambda ps: optim.Adagrad(ps, lr=1, convention="pytorch"),
     [(39, 19), (38.301900, 18.311251), (37.736433, 17.758215), (35.104805, 15.239794)]),
    ("Adagrad, pytorch, lr_decay", lambda ps: optim.Adagrad(ps, lr=1, lr_decay=0.1, convention="pytorch"),
     [(39, 19), (38.365364, 18.373864), (37.893611, 17.911909), (36.174061, 16.248713)]),
    ("RMSprop, pytorch", lambda ps: optim.RMSprop(ps, convention="pytorch"), RMSPROP),
    ("RMSprop, mlx", lambda ps: optim.RMSprop(ps, lr=0.01, convention="mlx"), RMSPROP),
    ("RMSprop, chainer", lambda ps: optim.RMSprop(ps, convention="chainer"), RMSPROP),
    ("RMSprop, keras", lambda ps: optim.RMSprop(ps, convention="keras"), RMSPROP_KERAS),
    ("RMSprop, tf2", lambda ps: optim.RMSprop(ps, convention="tf2"), RMSPROP_KERAS),
    ("RMSprop, tf1", lambda ps: optim.RMSprop(ps, lr=0.1, convention="tf1"), TF1),
    ("RMSprop, ones start", lambda ps: optim.RMSprop(
        ps, lr=0.1, alpha=0.9, eps=1e-10, eps_mode="inside", initial_accumulator_value=1.0), TF1),
    ("RMSprop centered, recurrence", lambda ps: optim.RMSprop(ps, lr=0.1, alpha=0.9, centered=True), CENTERED),
    ("RMSprop centered, textbook", lambda ps: optim.RMSprop(
        ps, lr=0.1, alpha=0.9, centered=True, centered_mode="textbook"), CENTERED),
    ("RMSprop centered, pytorch", lambda ps: optim.RMSprop(
        ps, lr=0.1, alpha=0.9, centered=True, convention="pytorch"), CENTERED),
    ("Graves, convention", lambda ps: optim.RMSprop(ps, convention="graves2013"), GRAVES),
    ("Graves, class", lambda ps: optim.RMSpropGraves(ps), GRAVES),
    ("Graves, recurrence", lambda ps: optim.RMSpropGraves(ps, centered_mode="recurrence"), GRAVES),
    ("Graves, options", lambda ps: optim.RMSprop(
        ps, lr=1e-4, alpha=0.95, eps=1e-4, momentum=0.9, centered=True, eps_mode="inside", lr_in_velocity=True),
     GRAVES),
]  # fmt: skip


@pytest.mark.parametrize(("make", "expected"), [pytest.param(*rest, id=name) for name, *rest in GOLDEN])
def test_first_points_and_the_tenth(make, expected, device):
    track = bowl_track(make, device)
    np.testing.assert_allclose([track[t] for t in (1, 2, 3, 10)], expected, rtol=0, atol=6e-7)


# gradient -> first step of RMSprop divided by lr (alpha 0.9)
FIRST_STEP = {
    "pytorch": (3.1622, 3.1523, 0.7598), "optax": (3.0151, 0.09995, 0.0001), "keras": (2.2361, 0.03162, 0.0000316),
    "inside 1e-10": (3.1607, 0.9535, 0.001), "tf1": (0.00105, 0.0000105, 1.1e-8),
}  # fmt: skip
FIRST_STEP_BY = {
    "inside 1e-10": lambda ps: optim.RMSprop(ps, lr=1.0, alpha=0.9, eps=1e-10, eps_mode="inside"),
    **{c: lambda ps, c=c: optim.RMSprop(ps, lr=1.0, alpha=0.9, convention=c)
       for c in ("pytorch", "optax", "keras", "tf1")},
}  # fmt: skip


@pytest.mark.parametrize("convention", FIRST_STEP)
def test_eps_decides_the_step_for_small_gradients(convention, device):
    for g, expected in zip((1e-3, 1e-5, 1e-8), FIRST_STEP[convention], strict=True):
        p = minigrad.tensor([0.0], dtype=minigrad.float64, device=device, requires_grad=True)
        p.grad = minigrad.full_like(p, g)
        FIRST_STEP_BY[convention]([p]).step()
        digits, power = f"{expected:g}".partition("e")[0].replace(".", "").lstrip("0"), np.floor(np.log10(expected))
        assert -p.item() == pytest.approx(expected, abs=10.0 ** (power - len(digits) + 1))  # one of the last digit


def test_the_first_steps_of_the_articles(device):
    """Where four articles differ: eps outside in two, inside in two; and their learning rates."""
    for convention, expected in {
        "seed000": 0.1 * 1e-5 / (np.sqrt(0.1) * 1e-5 + 1e-8), "seed001": 0.1 * 1e-5 / np.sqrt(0.1 * 1e-10 + 1e-6),
        "seed002": 0.001 * 1e-5 / np.sqrt(0.01 * 1e-10 + 1e-8), "seed003": 3 * 1e-5 / (np.sqrt(0.1) * 1e-5 + 1e-6),
    }.items():  # fmt: skip
        p = minigrad.tensor([0.0], dtype=minigrad.float64, device=device, requires_grad=True)
        p.grad = minigrad.full_like(p, 1e-5)
        optim.RMSprop([p], convention=convention).step()
        assert -p.item() == pytest.approx(expected, rel=1e-12)
    track = bowl_track(lambda ps: optim.RMSprop(ps, convention="seed003"), device)
    np.testing.assert_allclose(track[10], (4.631546, 0.013535), rtol=0, atol=6e-7)
    track = bowl_track(lambda ps: optim.SGD(ps, convention="seed003"), device)
    np.testing.assert_allclose(track[10], (4.744316, 8.687769), rtol=0, atol=6e-7)
    for cls, expected in ((optim.Adagrad, [0.9, 1.9]), (optim.RMSprop, [0.683772239, 1.683772236])):
        p = minigrad.tensor([1.0, 2.0], dtype=minigrad.float64, device=device, requires_grad=True)
        (p**2).sum().backward()
        cls([p], convention="seed000").step()
        np.testing.assert_allclose(p.tolist(), expected, rtol=0, atol=1e-9)


def test_nadam_of_optax_is_adam_with_a_look_ahead_from_the_start(device):
    """m̂ = β₁ m / (1 - β₁^(t+1)) + (1 - β₁) g / (1 - β₁^t), as optax's scale_by_adam(nesterov=True) has it."""
    p = minigrad.tensor([1.0], dtype=minigrad.float64, device=device, requires_grad=True)
    optimizer = optim.NAdam([p], lr=0.1, convention="optax")
    q, m, v = 1.0, 0.0, 0.0
    for t, g in enumerate([1.0, 0.5, -0.3, 0.2], 1):
        p.grad = minigrad.full_like(p, g)
        optimizer.step()
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        look_ahead = 0.9 * m / (1 - 0.9 ** (t + 1)) + 0.1 * g / (1 - 0.9**t)
        q -= 0.1 * look_ahead / ((v / (1 - 0.999**t)) ** 0.5 + 1e-8)
        assert p.item() == pytest.approx(q, rel=1e-12)
