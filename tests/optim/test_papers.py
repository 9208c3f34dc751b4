"""The algorithms beside loops written from their papers, one number at a time, with nothing shared but the formulas."""

from __future__ import annotations

import math
from math import sqrt

import pytest

import minigrad
from minigrad import optim

# a number's gradients: large, small, zero, of both signs, with a learning rate that is cut after step 5
GRADIENTS = [1.5, -0.3, 0.8, 0.0, 2.0, 2.1, -1e-3, 0.7, 0.4, -1.2, 0.9, 0.6]


def rates(lr):
    return [lr if t <= 5 else lr / 10 for t in range(1, len(GRADIENTS) + 1)]


def adam(lr, b1=0.9, b2=0.999, eps=0.01, place="outside", corrected=True, decay=0.0, largest=False):
    """Kingma and Ba 2015, algorithm 1, and the places of eps; AdamW: Loshchilov and Hutter 2019, algorithm 2."""
    p, m, v, u = 1.0, 0.0, 0.0, 0.0
    for t, (g, lr_t) in enumerate(zip(GRADIENTS, rates(lr)), 1):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g * g
        u = max(u, v)
        first, second = (1 - b1**t, 1 - b2**t) if corrected else (1.0, 1.0)
        mean, square = m / first, (u if largest else v) / second
        if place == "uncorrected":
            step = lr_t * sqrt(second) / first * m / (sqrt(square * second) + eps)
        else:
            step = lr_t * mean / (sqrt(square) + eps if place == "outside" else sqrt(square + eps))
        p = p - step - lr_t * decay * p
        yield p


def adamax(lr, b1=0.9, b2=0.999, eps=0.01, place="inside"):
    """Kingma and Ba 2015, algorithm 2, with the eps of PyTorch (inside of the maximum) and of Keras."""
    p, m, u = 1.0, 0.0, 0.0
    for t, (g, lr_t) in enumerate(zip(GRADIENTS, rates(lr)), 1):
        m = b1 * m + (1 - b1) * g
        u = max(b2 * u, abs(g) + eps if place == "inside" else abs(g))
        p -= lr_t / (1 - b1**t) * m / (u if place == "inside" else u + eps)
        yield p


def nadam(lr, b1=0.9, b2=0.999, eps=0.01, psi=0.04):
    """Dozat 2016, algorithm 2, with his schedule of the momentum."""
    p, m, v, product = 1.0, 0.0, 0.0, 1.0
    for t, (g, lr_t) in enumerate(zip(GRADIENTS, rates(lr)), 1):
        mu, following = (b1 * (1 - 0.5 * 0.96 ** (k * psi)) for k in (t, t + 1))
        product *= mu
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g * g
        mean = following * m / (1 - product * following) + (1 - mu) * g / (1 - product)
        p -= lr_t * mean / (sqrt(v / (1 - b2**t)) + eps)
        yield p


def radam(lr, b1=0.9, b2=0.8, eps=0.01):
    """Liu et al. 2020, algorithm 2, with the bound of 5 and the eps of PyTorch: the first 6 steps wait."""
    p, m, v = 1.0, 0.0, 0.0
    longest = 2 / (1 - b2) - 1
    for t, (g, lr_t) in enumerate(zip(GRADIENTS, rates(lr)), 1):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g * g
        length = longest - 2 * t * b2**t / (1 - b2**t)
        step = m / (1 - b1**t)
        if length > 5:
            r = sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length))
            step *= r * sqrt(1 - b2**t) / (sqrt(v) + eps)
        p -= lr_t * step
        yield p


def asgd(lr, lambd=0.1, alpha=0.75, t0=3):
    """Bottou's and Xu's schedule; the average of the points does not move them."""
    p, eta = 1.0, lr
    for t, (g, lr_t) in enumerate(zip(GRADIENTS, rates(lr)), 1):
        p = p - eta * (g + lambd * p)
        eta = lr_t / (1 + lambd * lr_t * t) ** alpha
        yield p


def lion(lr, b1=0.9, b2=0.99, decay=0.1):
    """Chen et al. 2023, algorithm 2: theta <- theta - eta (sign(c) + lambda theta)."""
    p, m = 1.0, 0.0
    for g, lr_t in zip(GRADIENTS, rates(lr)):
        c = b1 * m + (1 - b1) * g
        p -= lr_t * ((c > 0) - (c < 0) + decay * p)
        m = b2 * m + (1 - b2) * g
        yield p


def smorms3(lr, eps=1e-16):
    """Funk 2015: mem, g and g2 are kept; rates of min(lr, g g / (g2 + eps)) / (sqrt(g2) + eps)."""
    p, mem, mean, square = 1.0, 1.0, 0.0, 0.0
    for g, lr_t in zip(GRADIENTS, rates(lr)):
        r = 1 / (mem + 1)
        mean, square = (1 - r) * mean + r * g, (1 - r) * square + r * g * g
        x = mean * mean / (square + eps)
        p -= g * min(lr_t, x) / (sqrt(square) + eps)
        mem = 1 + mem * (1 - x)
        yield p


def adadelta(lr, rho=0.9, eps=0.01):
    """Zeiler 2012, algorithm 1, times lr."""
    p, squares, updates = 1.0, 0.0, 0.0
    for g, lr_t in zip(GRADIENTS, rates(lr)):
        squares = rho * squares + (1 - rho) * g * g
        change = -sqrt(updates + eps) / sqrt(squares + eps) * g
        updates = rho * updates + (1 - rho) * change * change
        p += lr_t * change
        yield p


def rprop(lr, down=0.5, up=1.2, smallest=0.01, largest=0.15):
    """iRprop- of Igel and Hüsken 2000."""
    p, size, before = 1.0, lr, 0.0
    for g in GRADIENTS:
        if g * before > 0:
            size = min(size * up, largest)
        elif g * before < 0:
            size = max(size * down, smallest)
            g = 0.0
        p -= math.copysign(size, g) if g else 0.0
        before = g
        yield p


def rmsprop(lr, alpha=0.9, eps=0.01, corrected=False, mu=0.0, centered=False, start=0.0, inside=False):
    """Hinton 2012, lecture 6; centered, eps inside and lr in the velocity as Graves 2013; Adam's correction of v."""
    p, v, m, velocity = 1.0, start, 0.0, 0.0
    for t, (g, lr_t) in enumerate(zip(GRADIENTS, rates(lr)), 1):
        v = alpha * v + (1 - alpha) * g * g
        m = alpha * m + (1 - alpha) * g
        square = v / (1 - alpha**t) if corrected else v
        square = square - m * m if centered else square
        direction = g / (sqrt(square + eps) if inside else sqrt(square) + eps)
        velocity = mu * velocity + lr_t * direction
        p -= velocity
        yield p


def momentum(lr, mu=0.9, tau=0.0, first="zeros", inside=True, nesterov=False, decay=0.0):
    """Sutskever et al. 2013 and Bengio et al. 2012, with PyTorch's dampening; v is what is taken off p."""
    p, v = 1.0, 0.0
    for t, (g, lr_t) in enumerate(zip(GRADIENTS, rates(lr)), 1):
        g = (g + decay * p) * (1 if t == 1 and first == "copy" else 1 - tau)
        v = mu * v + (lr_t * g if inside else g)
        change = mu * v + (lr_t * g if inside else g) if nesterov else v
        p -= change if inside else lr_t * change
        yield p


CASES = {
    "adam": (adam(0.1), lambda ps, **k: optim.Adam(ps, eps=0.01, **k)),
    "adam, inside": (adam(0.1, place="inside"), lambda ps, **k: optim.Adam(ps, eps=0.01, eps_mode="inside", **k)),
    "adam, uncorrected": (
        adam(0.1, place="uncorrected"), lambda ps, **k: optim.Adam(ps, eps=0.01, convention="chainer", **k),
    ),
    "adam, mlx": (adam(0.1, corrected=False), lambda ps, **k: optim.Adam(ps, eps=0.01, convention="mlx", **k)),
    "adam, amsgrad": (
        adam(0.1, b2=0.5, largest=True), lambda ps, **k: optim.Adam(ps, eps=0.01, betas=(0.9, 0.5), amsgrad=True, **k),
    ),
    "adam, keras, decay": (
        adam(0.1, place="uncorrected", decay=0.2),
        lambda ps, **k: optim.Adam(ps, eps=0.01, weight_decay=0.2, convention="keras", **k),
    ),
    "adamw": (adam(0.1, decay=0.2), lambda ps, **k: optim.AdamW(ps, eps=0.01, weight_decay=0.2, **k)),
    "adamax": (adamax(0.1), lambda ps, **k: optim.Adamax(ps, eps=0.01, **k)),
    "adamax, keras": (
        adamax(0.1, place="outside"), lambda ps, **k: optim.Adamax(ps, eps=0.01, convention="keras", **k),
    ),
    "nadam": (nadam(0.1), lambda ps, **k: optim.NAdam(ps, eps=0.01, momentum_decay=0.04, **k)),
    "radam": (radam(0.1), lambda ps, **k: optim.RAdam(ps, betas=(0.9, 0.8), eps=0.01, **k)),
    "asgd": (asgd(0.1), lambda ps, **k: optim.ASGD(ps, lambd=0.1, t0=3, **k)),
    "lion": (lion(0.1), lambda ps, **k: optim.Lion(ps, weight_decay=0.1, **k)),
    "smorms3": (smorms3(0.1), lambda ps, **k: optim.SMORMS3(ps, **k)),
    "adadelta": (adadelta(0.5), lambda ps, **k: optim.Adadelta(ps, eps=0.01, **{**k, "lr": 0.5})),
    "rprop": (rprop(0.1), lambda ps, **k: optim.Rprop(ps, step_sizes=(0.01, 0.15), **k)),
    "rmsprop, corrected": (
        rmsprop(0.1, corrected=True), lambda ps, **k: optim.RMSprop(ps, alpha=0.9, eps=0.01, bias_correction=True, **k),
    ),
    "rmsprop, graves": (
        rmsprop(0.1, mu=0.9, centered=True, inside=True, alpha=0.95),
        lambda ps, **k: optim.RMSpropGraves(ps, eps=0.01, **k),
    ),
    "rmsprop, tf1": (
        rmsprop(0.1, mu=0.5, start=1.0, inside=True),
        lambda ps, **k: optim.RMSprop(ps, eps=0.01, momentum=0.5, convention="tf1", **k),
    ),
    "rmsprop, tf1, centered": (
        rmsprop(0.1, mu=0.5, start=1.0, inside=True, centered=True),
        lambda ps, **k: optim.RMSprop(ps, eps=0.01, momentum=0.5, centered=True, convention="tf1", **k),
    ),
    **{
        f"{cls.__name__}, tau {tau}, {first}, {'inside' if inside else 'outside'}": (
            momentum(0.1, 0.9, tau, first, inside, cls is optim.NAG, 0.1),
            lambda ps, cls=cls, tau=tau, first=first, inside=inside, **k: cls(
                ps, momentum=0.9, dampening=tau, first_step=first, lr_in_velocity=inside, weight_decay=0.1, **k
            ),
        )
        for cls in (optim.SGD, optim.Momentum, optim.NAG)
        for tau in (0.0, 0.3) for first in ("copy", "zeros") for inside in (True, False)
    },
}  # fmt: skip
CASES = {name: (list(points), make) for name, (points, make) in CASES.items()}


@pytest.mark.parametrize("name", CASES)
def test_the_paper_step_by_step(name):
    expected, make = CASES[name]
    p = minigrad.ones((), dtype=minigrad.float64, requires_grad=True)
    optimizer = make([p], lr=0.1)
    lr = optimizer.lr
    for t, (g, point) in enumerate(zip(GRADIENTS, expected, strict=True), 1):
        if t == 6:
            optimizer.lr = lr / 10
        p.grad = minigrad.full_like(p, g)
        optimizer.step()
        assert p.item() == pytest.approx(point, rel=1e-9), f"step {t}"


def test_the_average_of_asgd():
    """The last point, and from step t0 + 2 on the mean of those since: μ is that of the step before, as PyTorch's."""
    p = minigrad.zeros((), dtype=minigrad.float64, requires_grad=True)
    optimizer, points = optim.ASGD([p], lr=0.1, lambd=0.0, t0=3), []
    for t in range(1, 9):
        p.grad = minigrad.full_like(p, float(t))
        optimizer.step()
        points.append(p.item())
        since = points[4:] if t > 5 else points[-1:]
        assert optimizer.state[p]["ax"].item() == pytest.approx(sum(since) / len(since), rel=1e-12), t
