"""examples/search.py in its smallest form: all settings, the best from other seeds, the winner."""

import math

import pytest
from test_examples import printed

SMALL = ["--epochs", "3", "--folds", "2", "--best", "2", "--seeds", "2"]


def tables(out):
    """The rows of numbers of the first and of the second table, and the score of the winner."""
    first, second, winner = out.strip().split("\n\n")
    rows = [[list(map(float, line.split())) for line in part.splitlines()[2:]] for part in (first, second)]
    return *rows, float(winner.rpartition(" ")[2])


@pytest.mark.parametrize(("data", "score", "enough"), [("digits", "accuracy", 0.85), ("diabetes", "R²", 0.1)])
def test_a_grid(data, score, enough):
    out = printed(
        "search.py", "--data", data, "--lr", "1e-5", "1e-2", "--alpha", "0.9", "0.99", "--eps", "1e-8", *SMALL
    )
    assert out.startswith(f"4 settings, 3 epochs: {score}")
    first, second, winner = tables(out)
    assert sorted(row[:3] for row in first) == [[lr, alpha, 1e-8] for lr in (1e-5, 1e-2) for alpha in (0.9, 0.99)]
    means = [row[3] for row in first]
    assert means == sorted(means, reverse=True) and means[0] > enough > means[-1]
    assert sorted(row[:3] for row in second) == sorted(row[:3] for row in first[:2]) and len(second[0]) == 6
    assert second[0][3] >= second[1][3]
    assert all(spread > 0 for row in second for spread in row[4:])
    assert winner > enough


def test_settings_that_are_drawn():
    bounds = ["--lr", "1e-3", "1e-1", "--alpha", "0.5", "0.999", "--eps", "1e-10", "1e-6"]
    first, _, _ = tables(printed("search.py", "--data", "diabetes", "--random", "5", *bounds, *SMALL, "--jobs", "1"))
    assert len(first) == 5 and len({tuple(row[:3]) for row in first}) == 5
    for lr, alpha, eps, *_ in first:
        assert 1e-3 < lr < 1e-1 and 0.5 < alpha < 0.999 and 1e-10 < eps < 1e-6


def test_settings_that_diverge_stand_below():
    grid = ["--lr", "1e300", "1e-2", "--alpha", "0.9", "--eps", "1e-8"]
    first, second, winner = tables(printed("search.py", *grid, *SMALL))
    assert [row[0] for row in first] == [row[0] for row in second] == [1e-2, 1e300]
    assert [math.isnan(row[3]) for row in first] == [math.isnan(row[3]) for row in second] == [False, True]
    assert winner > 0.85
