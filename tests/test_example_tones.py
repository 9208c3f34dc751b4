"""examples/tones.py: what its generator plays, what its networks see, and a small run of the whole."""

import re
from itertools import pairwise

import numpy as np
import pytest
from test_examples import module_of, small
from watched_steps import watched

import minigrad


@pytest.fixture
def tones():
    return module_of("tones")


def runs(labels):
    """Where each run of equal labels begins, and the end."""
    return [0, *(np.flatnonzero(labels[1:] != labels[:-1]) + 1), len(labels)]


def test_what_is_played(tones):
    """Without noise: rests are silent, tones are of one loudness and have a period that fits their frequency."""
    random = np.random.default_rng(0)
    heard = set()
    for _ in range(40):
        wave, labels = tones.recording(random, noise=0.0)
        assert tones.SHORTEST <= len(labels) <= tones.LONGEST and len(wave) == len(labels) * tones.FRAME
        starts = runs(labels)
        assert all(b - a >= 6 for a, b in pairwise(starts[:-1]))  # the last one may be cut off
        frames = wave.reshape(-1, tones.FRAME)
        assert not frames[labels == 0].any()
        for a, b in pairwise(starts):
            part, name = frames[a:b].ravel(), labels[a]
            heard.add(int(name))
            if name and b - a <= 20:  # longer ones are two tones of one name, of different loudness
                assert 0.45 < abs(part).max() <= 1.5
                ups = np.count_nonzero((part[1:] >= 0) & (part[:-1] < 0))
                assert ups == pytest.approx(len(part) / tones.RATE * tones.FREQUENCIES[name], abs=1.5)
    assert heard == set(range(len(tones.NAMES)))


def test_a_scale(tones):
    """C major from middle C, tuned to a' = 440 Hz."""
    frequencies = dict(zip(tones.NAMES, tones.FREQUENCIES))
    assert frequencies["-"] == 0 and frequencies["a"] == pytest.approx(440, abs=0.1)
    assert frequencies["C"] == pytest.approx(2 * frequencies["c"])
    assert frequencies["g"] / frequencies["c"] == pytest.approx(1.5, abs=0.002)
    assert max(frequencies.values()) < (tones.BINS - 1) * tones.RATE / tones.FRAME


def test_noise_has_the_deviation_that_was_asked_for(tones):
    """The same melody with more noise: what is added is normal, and new in every sample."""
    waves = []
    for noise in (0.0, 1.0, 3.0):
        waves.append(tones.recording(np.random.default_rng(5), noise)[0])
    np.testing.assert_allclose(waves[2] - waves[0], 3 * (waves[1] - waves[0]), atol=1e-9)
    noise = waves[1] - waves[0]
    assert noise.std() == pytest.approx(1, abs=0.05) and abs(np.corrcoef(noise[1:], noise[:-1])[0, 1]) < 0.05


def test_the_spectrum_of_a_tone(tones):
    """A whole number of periods in a frame stands in one bin, and its neighbours by the window."""
    time = np.arange(3 * tones.FRAME)
    wave = 2 * np.sin(2 * np.pi * 11 * time / tones.FRAME) * (time >= tones.FRAME)
    found = tones.spectrum(wave)
    assert found.shape == (3, tones.BINS)
    assert not found[0].any()
    np.testing.assert_allclose(found[1], found[2], atol=1e-9)
    assert list(np.argsort(found[1])[-3:][::-1]) in ([11, 10, 12], [11, 12, 10])
    assert found[1, 11] == pytest.approx(np.log1p(tones.FRAME / 2), rel=0.01)  # 2 / 2 * sum of the window, n / 2


def test_recordings_of_different_lengths(tones):
    features, labels, lengths = tones.recordings(30, np.random.default_rng(1))
    assert features.dtype == minigrad.float32 and features.shape == (30, tones.LONGEST, tones.BINS)
    assert labels.shape == (30, tones.LONGEST) and lengths.dtype == minigrad.int64
    assert len(set(lengths.tolist())) > 10
    inside = minigrad.arange(tones.LONGEST) < lengths[:, None]
    assert ((labels >= 0) == inside).all() and (labels[~inside] == -100).all()
    assert ((features != 0).any(dim=-1) == inside).all()
    assert abs(features[inside].mean().item()) < 0.5
    random = np.random.default_rng(1)
    for k in range(3):
        assert labels[k, : lengths[k]].tolist() == tones.recording(random)[1].tolist()
    again = tones.recordings(30, np.random.default_rng(1))
    assert (again[0] == features).all() and (tones.recordings(30, np.random.default_rng(2))[2] != lengths).any()


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("linear, one frame", lambda k: [k]),
        ("MLP, one frame", lambda k: [k]),
        ("MLP, 11 frames", lambda k: range(k - 5, k + 6)),
        ("LSTM, all frames so far", lambda k: range(k + 1)),
        ("LSTM, both directions", lambda k: range(50)),
    ],
)
def test_what_a_network_sees(tones, name, seen):
    """The gradient of one frame's scores reaches the frames that the network has a right to, and no others."""
    model = tones.NETWORKS[name]()
    features = minigrad.randn(2, tones.LONGEST, tones.BINS, requires_grad=True)
    for k in (0, 20, 49):
        scores = model(features, minigrad.tensor([50, tones.LONGEST]))
        assert scores.shape == (2, tones.LONGEST, len(tones.NAMES))
        (gradient,) = minigrad.autograd.grad(scores[0, k].sin().sum(), features)
        reached = (gradient != 0).any(dim=-1)
        assert not reached[1].any()
        if not name.startswith("LSTM"):
            assert reached[0].nonzero().flatten().tolist() == [j for j in seen(k) if j >= 0]
        else:  # from far away the gradient may vanish in float32, but not from the neighbours
            found = set(reached[0].nonzero().flatten().tolist())
            assert found <= set(seen(k)) and found >= {j for j in range(k - 2, k + 3) if j in seen(k)}


def test_accuracy_counts_the_frames_inside(tones):
    labels = minigrad.tensor([[1, 2, 3, -100], [4, 4, -100, -100]])
    found = minigrad.nn.functional.one_hot(minigrad.tensor([[1, 2, 0, 0], [4, 0, 0, 0]]), 9).float()
    assert tones.accuracy(lambda features, lengths: found, (None, labels, minigrad.tensor([3, 2]))) == 3 / 5


@pytest.mark.parametrize("name", ["MLP, 11 frames", "LSTM, both directions"])
def test_a_recorded_step_trains_the_same(tones, name):
    tones.EPOCHS, tones.BATCH, tones.LONGEST, tones.SHORTEST = 2, 4, 12, 8
    data = tones.recordings(12, np.random.default_rng(0))
    recorded, eager = (tones.train(name, data, 3, recorded)[0].state_dict() for recorded in (True, False))
    assert all((recorded[key] == eager[key]).all() for key in eager)
    other = tones.train(name, data, 4)[0].state_dict()
    assert all((other[key] != eager[key]).any() for key in eager)


def test_recordings_are_shuffled_and_the_rate_falls_to_nothing(tones, monkeypatch):
    tones.EPOCHS, tones.BATCH, tones.LONGEST, tones.SHORTEST = 3, 2, 12, 8
    steps, read = watched(monkeypatch), []

    class Reader(tones.Framewise):
        def forward(self, features, lengths):
            read.extend(features[:, 0, 0].tolist())
            return super().forward(features, lengths)

    tones.NETWORKS = {"reader": lambda: Reader(minigrad.nn.Linear(tones.BINS, len(tones.NAMES)))}
    data = tones.recordings(8, np.random.default_rng(0))
    tones.train("reader", data, 0)
    given = data[0][:, 0, 0].tolist()
    epochs = [read[:8], read[8:16], read[16:]]
    assert all(sorted(epoch) == sorted(given) and epoch != given for epoch in epochs) and epochs[0] != epochs[1]
    assert [rate for rate, _, _ in steps] == pytest.approx([tones.LR * (1 - k / 12) for k in range(12)])


@pytest.mark.parametrize("noise", ["nan", "-1", "inf"])
def test_what_is_no_noise(tones, monkeypatch, capsys, noise):
    monkeypatch.setattr("sys.argv", ["tones.py", f"--noise={noise}"])
    with pytest.raises(SystemExit):
        tones.main()
    assert "a number of at least 0; got" in capsys.readouterr().err


def small_run(monkeypatch, *arguments, **constants):
    """The share of each network, and what is printed after the table."""
    monkeypatch.setattr("sys.argv", ["tones.py", *arguments])
    out = small("tones", **constants)
    rows = re.finditer(r"^(.+?) +[\d,]+ numbers +([\d.]+)% ± [\d.]+%", out, re.M)
    return {m[1].strip(): float(m[2]) for m in rows}, out.partition("a letter for each frame\n")[2]


def test_context_helps(monkeypatch):
    """With few recordings already: both directions know more than a single frame tells."""
    constants = {"TRAINING": 240, "TEST": 40, "EPOCHS": 4, "BATCH": 10, "LONGEST": 50}
    shares, letters = small_run(monkeypatch, SEEDS=(0, 1), **constants)
    assert len(shares) == 5
    assert shares["LSTM, both directions"] > shares["MLP, one frame"] + 5
    assert shares["MLP, 11 frames"] > shares["MLP, one frame"] > shares["linear, one frame"] > 20
    rows = [line[24:] for line in letters.splitlines()]
    assert len(rows) == 6 and len({len(row) for row in rows}) == 1 and set("".join(rows)) <= set("-cdefgabC")


def test_without_noise_a_frame_is_enough(monkeypatch, tones):
    only = {name: tones.NETWORKS[name] for name in ("MLP, one frame",)}
    shares, _ = small_run(monkeypatch, "--noise", "0.1", TRAINING=240, TEST=40, EPOCHS=4, NETWORKS=only)
    assert shares["MLP, one frame"] > 90
