"""The line search of LBFGS, on functions of one number."""

from __future__ import annotations

import math

import numpy as np
import pytest

from minigrad.optim.line_search import Point, between, cubic_minimum, strong_wolfe


def on_line(value, slope):
    """A function of one number as the line search sees it, and the places where it has looked."""
    seen = []

    def along(t):
        seen.append(t)
        return Point(t, value(t), slope(t))

    return along, seen


@pytest.mark.parametrize("t", [1e-6, 0.1, 1.0, 7.0, 1e4])
@pytest.mark.parametrize(
    ("value", "slope"),
    [
        (lambda t: (t - 2) ** 4 - t, lambda t: 4 * (t - 2) ** 3 - 1),
        (lambda t: -t / (t * t + 2), lambda t: (t * t - 2) / (t * t + 2) ** 2),  # Moré, Thuente 1994, eq. 5.1
        (lambda t: -math.sin(3 * t) + t / 2, lambda t: -3 * math.cos(3 * t) + 0.5),
        (
            lambda t: -math.sqrt(1 - (t - 1) ** 2) if t < 2 else math.nan,
            lambda t: (t - 1) / math.sqrt(1 - (t - 1) ** 2) if 0 < t < 2 else math.nan if t >= 2 else -1e3,
        ),
    ],
)
def test_the_line_search_alone(t, value, slope):
    along, seen = on_line(value, slope)
    start = along(0.0)
    point, count = strong_wolfe(along, start, t, 1.0)
    assert count == len(seen) - 1
    assert point.value <= start.value + 1e-4 * point.t * start.slope
    assert abs(point.slope) <= 0.9 * abs(start.slope)


def test_a_search_without_end_gives_the_best_that_it_saw():
    along, seen = on_line(lambda t: -t, lambda t: -1.0)  # falls for ever
    point, count = strong_wolfe(along, along(0.0), 1.0, 1.0, 5)
    assert count == 6 and point.t == max(seen) == 1e5
    along, seen = on_line(lambda t: 0.0 if t == 0 else math.nan, lambda t: -1.0)  # nowhere else
    point, count = strong_wolfe(along, along(0.0), 1.0, 1.0, 5)
    assert (point.t, count) == (0.0, 6) and seen[1:] == sorted(seen[1:], reverse=True)


def test_a_search_ends_in_an_interval_too_small_to_matter():
    along, seen = on_line(lambda t: -t if t < 1 else 1.0, lambda t: -1.0)  # no point satisfies the conditions
    point, count = strong_wolfe(along, along(0.0), 4.0, 10.0, 1000, 1e-3)
    assert 1 - 1e-4 <= point.t < 1 and count < 60
    assert count == len(seen) - 1


def test_a_second_trial_may_be_higher_than_the_first():
    points = iter([Point(0, 1.0, -1.0), Point(1, 0.5, -0.95), Point(2, 0.6, 0.1)])
    point, count = strong_wolfe(lambda t: next(points)._replace(t=t), next(points), 1.0, 1.0)
    assert (point.value, count) == (0.6, 2)


def test_a_trial_keeps_away_from_the_ends_of_an_interval():
    def ends(minimum):
        return [Point(t, (t - minimum) ** 2, 2 * (t - minimum)) for t in (0.0, 10.0)]

    assert between(ends(4), False) == between(ends(4), True) == (pytest.approx(4), False)
    assert between(ends(0.5), False) == (pytest.approx(0.5), True)  # the first time
    assert between(ends(0.5), True) == (pytest.approx(1), False)
    assert between(ends(9.5), True) == (pytest.approx(9), False)
    assert between(ends(-3), False) == (pytest.approx(1), False)  # at an end it is never left


def test_the_minimum_of_a_cubic():
    rng = np.random.default_rng(0)
    for _ in range(50):
        low, high = np.sort(rng.normal(size=2) * 3)
        cubic = np.poly1d([1.0, -1.5 * (low + high), 3 * low * high, rng.normal()])  # smallest at `high`
        a, b = high + rng.uniform(-0.5, 0.5, 2) * (high - low)
        points = [Point(t, cubic(t), cubic.deriv()(t)) for t in (a, b)]
        assert cubic_minimum(*points, -99, 99) == pytest.approx(high, rel=1e-6, abs=1e-6)
        assert cubic_minimum(*points, high + 1, high + 2) == pytest.approx(high + 1)
    assert cubic_minimum(Point(0, 0, -1), Point(1, -1, -1), 1, 10) == 10  # a straight line
    assert cubic_minimum(Point(0, 0, -1), Point(1, math.inf, math.nan), 0, 1) == 0.5
