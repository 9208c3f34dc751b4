"""Numbers written out: the conventions of the field on f = x^2 + 10 y^2 from (40, 20).

They were computed in float64 without minigrad; here the gradients come through autograd.
"""

from __future__ import annotations

import numpy as np
import pytest
from optim_helpers import bowl_track

import minigrad
from minigrad import optim

# optimizer -> points 1, 2, 3 and 10
GOLDEN = {
    "SGD": (
        lambda ps: optim.SGD(ps, lr=0.01),
        [(39.2, 16), (38.416, 12.8), (37.64768, 10.24), (32.682912, 2.147484)],
    ),
    "SGD momentum": (
        lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9),
        [(39.2, 16), (37.696, 9.2), (35.58848, 1.24), (12.284790, 0.087997)],
    ),
    "Momentum": (
        lambda ps: optim.Momentum(ps, lr=0.01),
        [(39.2, 16), (37.696, 9.2), (35.58848, 1.24), (12.284790, 0.087997)],
    ),
    "SGD nesterov": (
        lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9, nesterov=True),
        [(38.48, 12.4), (36.36976, 4.448), (33.781133, -2.167040), (10.525944, 1.027215)],
    ),
    "NAG": (
        lambda ps: optim.NAG(ps, lr=0.01),
        [(38.48, 12.4), (36.36976, 4.448), (33.781133, -2.167040), (10.525944, 1.027215)],
    ),
    "SGD momentum, coupled decay": (
        lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9, weight_decay=0.1),
        [(39.16, 15.98), (37.58164, 9.15002), (35.371902, 1.163884), (11.161161, 0.239543)],
    ),
    "Momentum, coupled decay": (
        lambda ps: optim.Momentum(ps, lr=0.01, weight_decay=0.1),
        [(39.16, 15.98), (37.58164, 9.15002), (35.371902, 1.163884), (11.161161, 0.239543)],
    ),
    "Adagrad": (
        lambda ps: optim.Adagrad(ps, lr=1),
        [(39, 19), (38.301900, 18.311251), (37.736433, 17.758215), (35.104805, 15.239794)],
    ),
    "Adagrad lr_decay": (
        lambda ps: optim.Adagrad(ps, lr=1, lr_decay=0.1),
        [(39, 19), (38.365364, 18.373864), (37.893611, 17.911909), (36.174061, 16.248713)],
    ),
    "Adagrad as Keras has it": (
        lambda ps: optim.Adagrad(ps, lr=1, initial_accumulator_value=0.1, eps=1e-7, eps_mode="inside"),
        [(39.000008, 19.000000), (38.301910, 18.311251), (37.736445, 17.758216), (35.104820, 15.239795)],
    ),
    "RMSprop": (
        lambda ps: optim.RMSprop(ps),
        [(39.9, 19.9), (39.829200, 19.829289), (39.771292, 19.771497), (39.494738, 19.495972)],
    ),
    "RMSprop as Keras has it": (
        lambda ps: optim.RMSprop(ps, lr=0.001, alpha=0.9, eps=1e-7, eps_mode="inside"),
        [(39.996838, 19.996838), (39.994544, 19.994544), (39.992623, 19.992623), (39.982669, 19.982670)],
    ),
    "RMSprop centered": (
        lambda ps: optim.RMSprop(ps, lr=0.1, alpha=0.9, centered=True),
        [(39.666667, 19.666667), (39.412774, 19.413802), (39.189269, 19.191804), (37.778118, 17.802078)],
    ),
    "RMSprop momentum": (
        lambda ps: optim.RMSprop(ps, lr=0.1, alpha=0.9, momentum=0.9),
        [(39.683772, 19.683772), (39.170616, 19.171491), (38.518718, 18.522469), (32.177294, 12.351094)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GOLDEN)
def test_first_points_and_the_tenth(name, device):
    make, expected = GOLDEN[name]
    track = bowl_track(make, device)
    np.testing.assert_allclose([track[t] for t in (1, 2, 3, 10)], expected, rtol=0, atol=6e-7)


# optimizer -> (point 10, point 10 when the learning rate is cut to a tenth after step 5)
CUT = {
    "momentum, lr outside": (
        lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9), (12.284790, 0.087997), (28.089360, -10.537605),
    ),
    "momentum, lr inside": (
        lambda ps: optim.Momentum(ps, lr=0.01), (12.284790, 0.087997), (18.197603, -27.090756),
    ),
    "dampening": (
        lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9, dampening=0.5),
        (22.660741, -11.477236), (32.197864, -6.755977),
    ),
    "nesterov, lr outside": (
        lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9, nesterov=True), (10.525944, 1.027215), (25.724560, -6.752967),
    ),
    "nesterov, lr inside": (
        lambda ps: optim.NAG(ps, lr=0.01), (10.525944, 1.027215), (17.171445, -15.904583),
    ),
    "RMSprop momentum, lr outside": (
        lambda ps: optim.RMSprop(ps, lr=0.5, alpha=0.9, momentum=0.9), (4.905681, -8.132731), (22.944792, 4.018239),
    ),
}  # fmt: skip


def cut(optimizer, t):
    if t == 5:
        for group in optimizer.param_groups:
            group["lr"] /= 10


@pytest.mark.parametrize("name", CUT)
def test_a_cut_of_the_learning_rate_tells_inside_from_outside(name, device):
    make, constant, after_cut = CUT[name]
    np.testing.assert_allclose(bowl_track(make, device)[10], constant, rtol=0, atol=6e-7)
    np.testing.assert_allclose(bowl_track(make, device, after_step=cut)[10], after_cut, rtol=0, atol=6e-7)


def test_nag_visits_the_look_ahead_points_of_sutskever(device):
    """Sutskever: v <- mu v - lr f'(p + mu v), p <- p + v. NAG's parameters are the points p + mu v."""
    scale = np.array([1.0, 10.0])
    p, v, look_ahead = np.array([40.0, 20.0]), np.zeros(2), []
    for _ in range(10):
        v = 0.9 * v - 0.01 * 2 * scale * (p + 0.9 * v)
        p = p + v
        look_ahead.append(p + 0.9 * v)
    np.testing.assert_allclose(p, (13.540334, -0.808767), atol=6e-7)  # the run's own parameters
    np.testing.assert_allclose(bowl_track(lambda ps: optim.NAG(ps, lr=0.01), device)[1:], look_ahead, rtol=1e-12)


# gradient -> first step of RMSprop (alpha 0.9) divided by lr, with eps 1e-8 outside, 1e-8 inside, 1e-7 inside
FIRST_STEP = [(1e-3, 3.1622, 3.0151, 2.2361), (1e-5, 3.1523, 0.09995, 0.03162), (1e-8, 0.7598, 0.0001, 0.0000316)]


@pytest.mark.parametrize(("g", "outside", "inside", "keras"), FIRST_STEP)
def test_eps_decides_the_step_for_small_gradients(g, outside, inside, keras, device):
    for eps, mode, expected in ((1e-8, "outside", outside), (1e-8, "inside", inside), (1e-7, "inside", keras)):
        p = minigrad.tensor([0.0], dtype=minigrad.float64, device=device, requires_grad=True)
        p.grad = minigrad.full_like(p, g)
        optim.RMSprop([p], lr=1.0, alpha=0.9, eps=eps, eps_mode=mode).step()
        assert -p.item() == pytest.approx(expected, rel=2e-4 if expected > 1e-3 else 2e-3)


def one_step(make, device, dtype=minigrad.float64):
    p = minigrad.tensor([1.0, 2.0], dtype=dtype, device=device, requires_grad=True)
    optimizer = make([p])
    optimizer.zero_grad()
    (p**2).sum().backward()
    optimizer.step()
    return p.tolist()


def test_adagrad_one_step(device):
    """S0-20."""
    np.testing.assert_allclose(one_step(lambda ps: optim.Adagrad(ps, lr=0.1), device), [0.9, 1.9], rtol=0, atol=1e-11)


def test_rmsprop_one_step(device):
    """S0-21."""
    made = one_step(lambda ps: optim.RMSprop(ps, lr=0.1, alpha=0.9), device)
    np.testing.assert_allclose(made, [0.683772239, 1.683772236], rtol=0, atol=1e-9)


SGD_TRACK = [
    (40, 20), (32.320000, -18.400000), (26.114560, 16.928000), (21.100564, -15.573760), (17.049256, 14.327859),
    (13.775799, -13.181630), (11.130846, 12.127100), (8.993723, -11.156932), (7.266928, 10.264377),
    (5.871678, -9.443227), (4.744316, 8.687769),
]  # fmt: skip
RMSPROP_TRACK = [
    (40, 20), (30.513167, 10.513167), (24.568359, 5.915234), (20.113682, 3.294393), (16.550843, 1.775648),
    (13.612491, 0.916325), (11.152226, 0.449450), (9.078949, 0.208142), (7.330293, 0.090356), (5.860048, 0.036459),
    (4.631546, 0.013535),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [minigrad.float32, minigrad.float64], ids=str)
def test_sgd_track(device, dtype):
    """S3-21: the factor per step is 0.808 on x and -0.92 on y."""
    track = bowl_track(lambda ps: optim.SGD(ps, lr=0.096), device, dtype=dtype)
    tolerance = 1e-6 if dtype == minigrad.float64 else 2e-5
    np.testing.assert_allclose(track, SGD_TRACK, rtol=0, atol=tolerance)
    x, y = track[10]
    assert x**2 + 10 * y**2 == pytest.approx(777.281850, abs=1e-5 if dtype == minigrad.float64 else 1e-2)


@pytest.mark.parametrize("dtype", [minigrad.float32, minigrad.float64], ids=str)
def test_rmsprop_track(device, dtype):
    """S3-22: the first step is 3 / sqrt(0.1) in both coordinates, whatever the gradient."""
    track = bowl_track(lambda ps: optim.RMSprop(ps, lr=3, alpha=0.9, eps=1e-6), device, dtype=dtype)
    tolerance = 1e-6 if dtype == minigrad.float64 else 2e-5
    np.testing.assert_allclose(track, RMSPROP_TRACK, rtol=0, atol=tolerance)
    x, y = track[10]
    assert x**2 + 10 * y**2 == pytest.approx(21.453047, abs=1e-5 if dtype == minigrad.float64 else 1e-3)


def test_rmsprop_track_with_a_slow_average(device):
    track = bowl_track(lambda ps: optim.RMSprop(ps, lr=3, alpha=0.99, eps=1e-6), device)
    np.testing.assert_allclose(track[1], (10, -10), atol=1e-5)
    np.testing.assert_allclose(track[10], (0.000046, 0.000962), atol=6e-7)


@pytest.mark.parametrize("name", GOLDEN)
def test_maximize_climbs_what_descending_the_negative_descends(name, device):
    make = GOLDEN[name][0]

    def track(sign, maximize):
        p = minigrad.tensor([40.0, 20.0], dtype=minigrad.float64, device=device, requires_grad=True)
        optimizer = make([p])
        optimizer.param_groups[0]["maximize"] = maximize
        optimizer.param_groups[0]["weight_decay"] = 0.0
        for _ in range(3):
            optimizer.zero_grad()
            (sign * (p**2).sum()).backward()
            optimizer.step()
        return p.tolist()

    assert track(1.0, False) == track(-1.0, True)
