"""How far to go along a direction: a line search for the strong Wolfe conditions.

A step t along the direction d is long and short enough if

    f(x + t d) ≤ f(x) + c₁ t ∇f(x)·d             it pays: the value has fallen enough
    |∇f(x + t d)·d| ≤ c₂ |∇f(x)·d|               it went far enough: the slope has become flat

[Nocedal, Wright 2006, Numerical Optimization, eq. 3.7; algorithm 3.5 finds an interval that holds such a step,
algorithm 3.6 ("zoom") finds the step in it. c₁ and c₂ as the book proposes for quasi-Newton methods]
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

C1, C2 = 1e-4, 0.9


class Point(NamedTuple):
    """A point on the line: how far from the start, the value there, the slope along the line, and the gradient."""

    t: float
    value: float
    slope: float
    gradient: Any = None


def strong_wolfe(
    along: Callable[[float], Point], start: Point, t: float, size: float, most: int = 25, tolerance: float = 1e-9
) -> tuple[Point, int]:
    """A point that satisfies the strong Wolfe conditions, or the best that was found.

    The safeguards that the book leaves open are those of minFunc (Schmidt 2005), as in PyTorch: a longer step is
    1.01 to 10 times the last, a step inside of an interval keeps away from its ends, see `between`. Two things are
    not as in PyTorch: a value or slope that is not finite counts as infinitely high, so that the search turns back
    from it; and an end of an interval that has not fallen enough is never taken for its better end, however low it
    is (the book's rule; without it the interval may close in on a point that satisfies nothing).

    Args:
        along: evaluates the function at x + t d.
        start: the point at t = 0; its slope must be below 0.
        t: the first step to try.
        size: the largest entry of |d|; the search ends with an interval in which nothing moves by `tolerance`.
        most: how many evaluations there may be after the first.

    Returns:
        the point, and the number of evaluations.

    >>> def along(t):                                            # (t - 3)²
    ...     return Point(t, (t - 3) ** 2, 2 * (t - 3))
    >>> strong_wolfe(along, along(0), t=1.0, size=1.0)[0].t
    1.0
    """

    def evaluate(t: float) -> Point:
        point = along(t)
        finite = math.isfinite(point.value) and math.isfinite(point.slope)
        return point if finite else point._replace(value=math.inf)

    def too_high(point: Point) -> bool:
        return point.value > start.value + C1 * point.t * start.slope

    def flat(point: Point) -> bool:
        return abs(point.slope) <= -C2 * start.slope

    before, here, count = start, evaluate(t), 1
    ends = None
    while ends is None:  # algorithm 3.5
        if count > most:
            ends = [start, here]
        elif too_high(here) or (count > 2 and here.value >= before.value):
            ends = [before, here]
        elif flat(here):
            return here, count
        elif here.slope >= 0:
            ends = [before, here]
        else:
            t = cubic_minimum(before, here, here.t + 0.01 * (here.t - before.t), 10 * here.t)
            before, here, count = here, evaluate(t), count + 1

    def better() -> int:
        """Which end of the interval is the lower one, of those that have fallen enough."""
        first, second = ((too_high(end), end.value) for end in ends)
        return int(second < first)

    low, stuck = better(), False
    while count <= most and abs(ends[1].t - ends[0].t) * size >= tolerance:  # algorithm 3.6
        t, stuck = between(ends, stuck)
        here, count = evaluate(t), count + 1
        if too_high(here) or here.value >= ends[low].value:
            ends[1 - low] = here
            low = better()
        else:
            if flat(here):
                return here, count
            if here.slope * (ends[1 - low].t - ends[low].t) >= 0:
                ends[1 - low] = ends[low]
            ends[low] = here
    return ends[low], count


def between(ends: list[Point], stuck: bool) -> tuple[float, bool]:
    """The next step to try between two points, and whether it lies within a tenth of the interval from an end.

    The second time in a row that would be too little progress: then it is moved a tenth away from that end.
    """
    left, right = sorted((ends[0].t, ends[1].t))
    t, margin = cubic_minimum(ends[0], ends[1], left, right), 0.1 * (right - left)
    if min(right - t, t - left) >= margin:
        return t, False
    if stuck or t >= right or t <= left:
        return (right - margin if right - t < t - left else left + margin), False
    return t, True


def cubic_minimum(a: Point, b: Point, low: float, high: float) -> float:
    """Where the cubic through two points, with their slopes, is smallest; the middle if that is nowhere.

        d₁ = a' + b' - 3 (f(a) - f(b)) / (a - b);   d₂ = √(d₁² - a' b')
        t  = b - (b - a) (b' + d₂ - d₁) / (b' - a' + 2 d₂)        for a ≤ b, cut to [low, high]

    [Nocedal, Wright 2006, eq. 3.59]

    >>> cubic_minimum(Point(0, 9.0, -6.0), Point(1, 4.0, -4.0), 1, 10)
    3.0
    """
    if b.t < a.t:
        a, b = b, a
    d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t) if a.t != b.t else math.nan
    square = d1 * d1 - a.slope * b.slope
    if not (0 <= square < math.inf):  # there is none, or a point is not finite
        return (low + high) / 2
    d2 = math.sqrt(square)
    top, bottom = b.slope + d2 - d1, b.slope - a.slope + 2 * d2
    share = top / bottom if bottom else math.copysign(math.inf, top)  # a straight line has its minimum at an end
    return min(max(b.t - (b.t - a.t) * share, low), high)
