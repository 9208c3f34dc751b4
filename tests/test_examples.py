"""Each program under examples/ runs as a user would run it, and prints what it promises.

Longer ones run in a small form: with fewer seeds and learning rates.
"""

import contextlib
import functools
import importlib.util
import io
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad

ROOT = Path(__file__).parent.parent


@functools.cache
def printed(name, *arguments):
    """What an example prints, run in an interpreter of its own."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), *arguments],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONIOENCODING": "utf-8"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def module_of(name):
    """The module of an example."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", ROOT / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def small(name, **constants):
    """What an example prints when some of its constants are others."""
    module = module_of(name)
    for constant, value in constants.items():
        assert hasattr(module, constant)
        setattr(module, constant, value)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        module.main()
    return out.getvalue()


def numbers(line):
    """All numbers in a line."""
    return [float(number) for number in re.findall(r"(?<![\w.])[+-]?\d+\.?\d*(?:e[+-]?\d+)?", line)]


def after(out, title):
    """What is printed after a title."""
    assert title in out
    return out.partition(title)[2]


def line_of(out, start):
    """The first line that begins with `start`, without it."""
    return next(line for line in out.splitlines() if line.startswith(start)).removeprefix(start)


def test_mlp_digits():
    pytest.importorskip("sklearn")
    out = printed("mlp_digits.py")
    losses = [float(number) for number in re.findall(r"training loss (\S+)", out)]
    assert len(losses) == 12 and losses[-1] < 0.2 < losses[0]
    assert float(re.search(r"test accuracy: (\S+)", out)[1]) >= 0.95


#: x and y of SGD with lr 0.096 and of RMSprop with lr 3, alpha 0.9, eps 1e-6, computed without minigrad
TRACKS = [
    (40, 20, 40, 20),
    (32.320000, -18.400000, 30.513167, 10.513167),
    (26.114560, 16.928000, 24.568359, 5.915234),
    (21.100564, -15.573760, 20.113682, 3.294393),
    (17.049256, 14.327859, 16.550843, 1.775648),
    (13.775799, -13.181630, 13.612491, 0.916325),
    (11.130846, 12.127100, 11.152226, 0.449450),
    (8.993723, -11.156932, 9.078949, 0.208142),
    (7.266928, 10.264377, 7.330293, 0.090356),
    (5.871678, -9.443227, 5.860048, 0.036459),
    (4.744316, 8.687769, 4.631546, 0.013535),
]


def test_tracks_on_a_surface():
    out = printed("optimizers_on_a_surface.py")
    rows = [line.split() for line in out.splitlines()]
    assert rows[0] == ["step", "SGD", "x", "SGD", "y", "loss", "RMSprop", "x", "RMSprop", "y", "loss"]
    for step, (row, (x, y, u, v)) in enumerate(zip(rows[1:], TRACKS)):
        expected = [step, x, y, x**2 + 10 * y**2, u, v, u**2 + 10 * v**2]
        assert [float(number) for number in row] == pytest.approx(expected, abs=1.1e-6, rel=2e-6)
    assert rows[11][3] == "777.281850" and rows[11][6] == "21.453047"


def test_the_gradient_of_the_surface():
    points = minigrad.tensor([[40.0, 20.0], [-3.0, 0.5], [0.0, 0.0]], dtype=minigrad.float64, requires_grad=True)
    surface = module_of("optimizers_on_a_surface").surface
    assert minigrad.autograd.gradcheck(lambda p: surface(*p.T), (points,))
    surface(*points.T).sum().backward()
    assert points.grad.tolist() == [[80, 400], [-6, 10], [0, 0]]


def test_what_the_tracks_show():
    out = printed("optimizers_on_a_surface.py")
    assert "gradient at the start: [80.0, 400.0]" in out
    assert "multiplies x by 0.808 and y by -0.920" in out
    assert "first step is 9.4868 in x and 9.4868 in y" in out
    assert "lr 0.1 ends at y = 20.0000: it bounces" in out
    assert numbers(line_of(out, "SGD with lr 0.102 ends at y ="))[0] == pytest.approx(20 * 1.04**10, abs=1e-4)
    assert "alpha 0.99 takes a first step of 30 and ends at (0.000046, 0.000962)" in out


def test_a_fair_comparison_on_the_surface():
    out = printed("optimizers_on_a_surface.py")
    lr, ring, start = numbers(line_of(out, "SGD   "))
    assert start == pytest.approx(1600 * (1 - 2 * lr) ** 20 + 4000 * (1 - 20 * lr) ** 20, rel=1e-6) and lr < 0.096
    _, rmsprop_ring, rmsprop_start = numbers(line_of(out, "RMSprop, alpha 0.9"))
    assert rmsprop_ring < ring and rmsprop_start < start


def test_the_surface_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    assert f"drawn in {tmp_path / 'tracks.png'}" in printed("optimizers_on_a_surface.py", "--out", str(tmp_path))
    for name in ("surface.png", "tracks.png"):
        header = (tmp_path / name).read_bytes()[:24]
        assert header.startswith(b"\x89PNG")
        assert [int.from_bytes(header[k : k + 4]) for k in (16, 20)] == [1000, 1000]  # 10 x 10 inches


def test_article_steps():
    out = printed("article_steps.py")
    adagrad, rmsprop = [line for line in out.splitlines() if line.startswith("by optimizer")]
    assert numbers(adagrad) == pytest.approx([0.9, 1.9], abs=1e-11)
    assert numbers(rmsprop) == pytest.approx([0.683772239, 1.683772236], abs=1e-9)
    by_hand = [line for line in out.splitlines() if line.startswith("by hand")]
    assert [numbers(line) for line in by_hand] == [numbers(adagrad), numbers(rmsprop)]
    assert "p ← p - 0.1 g / (√s + 1e-10)" in out and "p ← p - 0.1 g / (√v + 1e-08)" in out


def test_both_dialects_of_rmsprop():
    out = printed("article_steps.py")
    assert "alpha=0.9, momentum=0.0, eps=1e-10, eps_mode=inside, initial_accumulator_value=1.0" in out
    assert "alpha=0.99, momentum=0.0, eps=1e-08, eps_mode=outside, initial_accumulator_value=0.0" in out
    gradients = [2.0, 4.0]
    tf1 = [p - 0.1 * g / math.sqrt(0.9 + 0.1 * g * g + 1e-10) for p, g in zip((1, 2), gradients)]
    pytorch = [p - 0.1 * g / (math.sqrt(0.01) * g + 1e-8) for p, g in zip((1, 2), gradients)]
    assert numbers(line_of(out, "tf1 step:")) == pytest.approx(tf1, abs=1e-9)
    assert numbers(line_of(out, "pytorch step:")) == pytest.approx(pytorch, abs=1e-9)
    assert numbers(line_of(out, "0.0001 ")) == pytest.approx([0.1 * 1e-4 / math.sqrt(0.9), 0.999], rel=1e-3)


def test_effective_rates_fall_and_level(tmp_path):
    pytest.importorskip("matplotlib")
    out = printed("effective_rates.py", "--out", str(tmp_path))
    assert (tmp_path / "effective_rates.png").read_bytes().startswith(b"\x89PNG")
    for step in (1, 2, 5, 10, 100, 1000):
        adagrad, rmsprop, slow, root = numbers(line_of(out, f"{step:<6d}"))
        assert adagrad == root == pytest.approx(0.1 / math.sqrt(step), abs=1e-6)
        assert rmsprop == pytest.approx(0.1 / math.sqrt(1 - 0.9**step), abs=1e-6)
        assert slow == pytest.approx(0.1 / math.sqrt(1 - 0.99**step), abs=1e-6)
    assert "first steps: 0.100000, 0.100000, 0.100000" in out
    assert numbers(line_of(out, "and is Adam with its first beta 0:"))[-1] < 1e-12


def test_rare_and_frequent_parameters():
    out = printed("effective_rates.py")
    sgd = [numbers(line_of(out, f"SGD lr {lr} ")) for lr in ("0.01", "0.03", "0.1")]
    frequent, rare, rate_of_frequent, rate_of_rare = numbers(line_of(out, "Adagrad lr 1 "))
    assert rate_of_rare > 4 * rate_of_frequent
    assert sgd[0][0] < sgd[1][0] < sgd[2][0] and sgd[0][1] > sgd[1][1] > sgd[2][1]  # what helps one harms the other
    assert frequent < 1.1 * sgd[1][0] and rare < 0.7 * sgd[1][1]


def test_alpha_and_eps():
    out = printed("effective_rates.py")
    wobbles, delays = zip(*(numbers(line_of(out, f"α {a:<6g}"))[::2] for a in (0.5, 0.9, 0.99, 0.999)))
    assert sorted(wobbles, reverse=True) == list(wobbles) and sorted(delays) == list(delays)
    # gradient -> first step / lr: outside 1e-8, inside 1e-8, inside 1e-7, inside 1e-10, TensorFlow 1
    table = {
        "0.001": [3.1622, 3.0151, 2.2361, 3.1607, 0.00105],
        "1e-05": [3.1523, 0.09995, 0.03162, 0.9535, 0.0000105],
        "1e-08": [0.7598, 0.0001, 0.0000316, 0.001, 1.1e-8],
    }
    for gradient, expected in table.items():
        found = numbers(line_of(out, f"{gradient:8s}"))
        assert found[:4] == pytest.approx(expected[:4], rel=2e-3)
        assert found[4] == pytest.approx(expected[4], rel=0.05)


def test_without_eps():
    out = printed("effective_rates.py")
    exploded, kept = numbers(line_of(out, "without   "))[-1], numbers(line_of(out, "with 1e-8 "))[-1]
    assert exploded == pytest.approx(0.1 / math.sqrt(0.1 * 0.9**1999), rel=1e-2) and kept == 1e7
    assert "first step at a gradient of 0: nan without ε, 0.0 with it" in out


@pytest.fixture(scope="module")
def surfaces():
    return small("other_surfaces", RATES=(0.001, 0.003, 0.01, 0.3))


def test_rates_from_stall_to_divergence(surfaces):
    out = after(surfaces, "by learning rate")
    rows = {lr: numbers(line_of(out, f"{lr:8s}")) for lr in ("0.0001", "0.09", "0.1", "0.11", "1", "100")}
    assert rows["0.0001"][0] > 4800 and rows["0.09"][0] < 1e-5  # stalls, converges
    assert rows["0.1"][0] == pytest.approx(4000, rel=0.01) and rows["0.11"][0] > 1e11  # bounces, diverges
    assert rows["0.0001"][1] > 5500 and rows["1"][1] < 10 and 1e4 < rows["100"][-1] < 1e5


def test_a_saddle(surfaces):
    out = after(surfaces, "steps until the saddle")
    beside = line_of(out, "1e-08 ").split()
    sgd, momentum, _, _, rmsprop, _ = map(int, beside)
    assert rmsprop < momentum < sgd
    assert int(line_of(out, "0.01 ").split()[4]) == rmsprop  # however near it starts
    exact = next(line for line in out.splitlines() if re.match(r"0 +never", line))
    assert exact.split()[1:] == ["never"] * 6


def test_rmsprop_stays_in_its_valley(surfaces):
    out = after(surfaces, "share of 400 starts")
    for lr in ("0.001", "0.01", "0.1"):
        assert re.search(rf"^RMSprop .*lr {lr}:  52.0%", out, flags=re.M)


def test_surfaces_of_textbooks(surfaces):
    out = after(surfaces, "lowest loss after 300 steps")
    losses = {
        name: [float(loss) for loss in re.findall(r"(\S+) \(", line_of(out, name))]
        for name in ("bowl x² + 100 y²", "Rosenbrock", "Beale", "Himmelblau")
    }
    sgd, momentum, nag, *_ = losses["bowl x² + 100 y²"]
    assert nag < momentum < sgd
    assert losses["Rosenbrock"][4] < losses["Rosenbrock"][0]
    *others, rmsprop, adam = losses["Himmelblau"]
    assert max(*others, adam) < 1e-9 < rmsprop  # its steps do not get shorter by themselves
    assert losses["Beale"][1] < 1e-3


def test_a_moving_minimum(surfaces):
    out = after(surfaces, "mean distance to a minimum")
    lags = [numbers(line_of(out, f"RMSprop α {alpha:<6g}"))[0] for alpha in (0.5, 0.9, 0.99, 0.999)]
    assert lags == sorted(lags)
    assert max(lags) < numbers(line_of(out, "SGD        "))[0]
    assert max(lags) < numbers(line_of(out, "Adagrad      "))[0]


def test_house_prices():
    rates = {"SGD": {True: (0.03, 0.1), False: (3e-5, 1e-4)}, "RMSprop": {True: (0.003, 0.01), False: (0.003, 0.01)}}
    out = small("house_prices", SEEDS=(0, 1), RATES=rates)
    epochs = re.findall(r"epoch +(\d+): loss of the last batch (\S+), mean of the epoch (\S+)", out)
    assert [int(number) for number, _, _ in epochs] == list(range(1, 101))
    means = [float(mean) for _, _, mean in epochs]
    assert means[-1] < 0.05 * means[0] and sum(last != mean for _, last, mean in epochs) > 90
    error, variance = numbers(line_of(out, "test error"))[:2]
    assert 0.04 < error < 0.2 * variance
    scaled, _, raw = after(out, "standardised features").partition("features as they are")
    tests = [numbers(line_of(part, name))[3] for part in (scaled, raw) for name in ("SGD ", "RMSprop ")]
    assert tests[0] < tests[1] < 0.2 and tests[3] < 0.6 * tests[2]
    assert "lower test error: SGD" in scaled and "lower test error: RMSprop" in raw


def test_regression():
    pytest.importorskip("sklearn")
    out = small("regression", SEEDS=(0, 1))
    rows = {name: numbers(line_of(out, name)) for name in ("SGD ", "Adagrad ", "RMSprop ", "Adam ")}
    linear = numbers(line_of(out, "linear"))[0]
    for _, training, _, validation, _, test, _ in rows.values():
        assert training < linear and validation < 0.65 and 0.4 < test < 0.65  # 1 is guessing the mean


def test_sparse_text():
    out = small("sparse_text", SEEDS=(0, 1))
    (_, sgd, *_), (_, adagrad, *_) = (numbers(line_of(out, name))[0:3] for name in ("SGD ", "Adagrad "))
    assert min(sgd, adagrad) > 0.4  # of 20 chapters
    rows = [[float(part) for part in line.split()[3:]] for line in out.splitlines() if re.match(r" +\d+ to \d+", line)]
    assert len(rows) == 5
    rates = [rate for _, rate, _, _ in rows]
    assert rates == sorted(rates, reverse=True) and rates[0] > 10 * rates[-1]
    for _, _, by_adagrad, by_sgd in rows[:-1]:
        assert by_adagrad > 1.3 * by_sgd  # rare words move further


def test_recommender():
    out = small("recommender", SEEDS=(0, 1))
    (_, sgd, *_), (_, zero, *_), (_, higher, *rest) = (
        numbers(line_of(out, name)) for name in ("SGD ", "Adagrad  ", "Adagrad, sums from 0.01")
    )
    (guess, *_) = numbers(line_of(out, "always the mean rating"))
    assert higher < 1.02 * min(sgd, zero) and higher < zero and max(sgd, zero) < 0.6 * guess
    popular, rare = rest[1], rest[3]
    assert 0.3 < popular < rare


def test_the_copied_plateau_loop():
    out = printed("plateau_and_resume.py")
    for epoch in (1, 10, 20, 29, 30, 40, 50):
        literal, meant = numbers(line_of(out, f"{epoch:5d}"))
        assert literal == pytest.approx(0.1 * 0.97**epoch, abs=1e-6)
        assert meant == pytest.approx(0.1 * 0.97 ** max(0, epoch // 10 - 2), abs=1e-6)


def test_a_falling_rate():
    out = printed("plateau_and_resume.py")
    constant, *falling = (
        numbers(line_of(out, name).replace("last 10", ""))
        for name in ("constant", "a tenth every 20 epochs", "half after 5 bad epochs", "half where the gap grows")
    )
    assert constant[0] == 0.03
    for lr, mean, worst in falling:
        assert lr < 0.005 and mean < 0.7 * constant[1] and worst < 0.5 * constant[2]


def test_early_stopping_and_resuming():
    out = printed("plateau_and_resume.py")
    stopped, last, best, epoch = numbers(line_of(out, "first run: stopped after epoch"))
    assert stopped == epoch + 10 and best < last
    assert "(equal: True)" in out
    assert f"resumed after epoch {epoch:.0f}: lr 0.003, average of squares kept: True" in out
    assert numbers(line_of(out, "second run: stopped after epoch"))[1] < 0.9 * best


def test_backprop_by_hand():
    out = printed("backprop_by_hand.py")
    assert out.count("largest difference") == 8
    assert out.endswith("all 8 gradients agree\n")


def test_from_pytorch():
    out = printed("from_pytorch.py")
    assert "<All keys matched successfully>" in out
    assert out.endswith("6 tensors came back unchanged\n")


def test_recorded_step():
    out = printed("recorded_step.py")
    assert "def step(x, y):" in out and "# optimizer | SGD" in out and "array calls per run" in out
    first, last = map(float, re.search(r"loss: (\S+) at first, (\S+) after 500 steps", out).groups())
    assert last < 0.01 < first
