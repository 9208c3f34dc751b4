"""Label each frame of a noisy recording with the tone that sounds: what a recurrent network gains from the context.

A small stand-in for speech: a generator plays melodies of eight tones and rests, of changing length and loudness, in
so much noise that a single frame of 25 ms is often not enough. Every network is given the logarithm of the spectrum of
each frame, sees the same recordings in training and is measured on others. A tone lasts 6 to 20 frames, so that the
frames before and after tell much about one; the networks differ in what of that they see.

Frames named rightly, mean of three seeds, whose deviations are up to 0.21 % (a minute of one core):

    noise                          1        2.5, the default
    linear, one frame          95.05 %     68.12 %
    MLP, one frame             98.04 %     70.55 %
    MLP, 11 frames             99.13 %     87.13 %
    LSTM, all frames so far    99.05 %     85.61 %
    LSTM, both directions      99.72 %     91.32 %

Context matters: an LSTM in both directions makes a third of the mistakes of an MLP that sees one frame, and a seventh
with little noise. Most of that is not owed to recurrence: an MLP with a window of 11 frames is not far behind, and
ahead of an LSTM that does not see what follows. `minigrad.jit` makes a step of the last network, 7.2 ms, one of 6.4,
and of the MLP with one frame 0.9 instead of 2.3 (`--no-jit`: without it).

Run `python examples/tones.py`, or with `--noise 1`; add a network of your own to `NETWORKS`.
"""

import argparse
import math
import time
from statistics import mean, stdev

import numpy as np

import minigrad
from minigrad import nn, optim
from minigrad.nn import functional as F
from minigrad.utils.data import DataLoader, TensorDataset

TRAINING, TEST = 4000, 200  # recordings
EPOCHS, BATCH, LR, SEEDS = 6, 20, 1e-2, (0, 1, 2)
NOISE = 2.5  # deviation of the noise; tones have amplitudes of 0.5 to 1.5
RATE, FRAME, BINS = 8000, 200, 28  # samples a second and a frame; frequencies up to 1,080 Hz
NAMES = "-cdefgabC"  # the rest and the tones of a scale
FREQUENCIES = np.array([0, *(261.6 * 2 ** (half / 12) for half in (0, 2, 4, 5, 7, 9, 11, 12))])
SHORTEST, LONGEST = 40, 80  # frames of a recording


def recording(random, noise=NOISE):
    """A waveform (frames * FRAME,) and the tone of each frame (frames,)."""
    frames = random.integers(SHORTEST, LONGEST + 1)
    lengths = random.integers(6, 21, frames // 6 + 1)
    tones = random.integers(len(NAMES), size=len(lengths)).repeat(lengths)[:frames]
    loudness = random.uniform(0.5, 1.5, len(lengths)).repeat(lengths)[:frames] * (tones > 0)
    turns = np.cumsum(FREQUENCIES[tones].repeat(FRAME)) / RATE
    wave = loudness.repeat(FRAME) * np.sin(2 * np.pi * turns)
    return wave + noise * random.standard_normal(len(wave)), tones


def spectrum(wave):
    """The logarithm of the strength of each of the lowest frequencies in each frame: (frames, BINS)."""
    frames = wave.reshape(-1, FRAME) * np.hanning(FRAME)
    return np.log1p(np.abs(np.fft.rfft(frames))[:, :BINS])


def recordings(n, random, noise=NOISE):
    """Features (n, LONGEST, BINS), tones (n, LONGEST), -100 behind the end, which the loss skips, and lengths (n,)."""
    features, tones = np.zeros((n, LONGEST, BINS), dtype="float32"), np.full((n, LONGEST), -100)
    lengths = np.zeros(n, dtype="int64")
    for k in range(n):
        wave, labels = recording(random, noise)
        lengths[k] = frames = len(labels)
        features[k, :frames], tones[k, :frames] = spectrum(wave) - 2.5, labels  # about 0 in the mean
    return tuple(map(minigrad.from_numpy, (features, tones, lengths)))


def mlp(inputs, hidden):
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, len(NAMES)))


class Framewise(nn.Module):
    """A network that is given each frame with `around` frames to each side, and nothing else."""

    def __init__(self, network, around=0):
        super().__init__()
        self.network, self.around = network, around

    def forward(self, features, lengths):
        a = self.around
        padded = F.pad(features, (0, 0, a, a))
        return self.network(minigrad.cat([padded[:, k : k + LONGEST] for k in range(2 * a + 1)], dim=-1))


class Recurrent(nn.Module):
    """An LSTM that comes along the frames, from both ends if it is bidirectional."""

    def __init__(self, hidden, bidirectional):
        super().__init__()
        self.lstm = nn.LSTM(BINS, hidden, batch_first=True, bidirectional=bidirectional)
        self.output = nn.Linear(hidden * (1 + bidirectional), len(NAMES))

    def forward(self, features, lengths):
        return self.output(self.lstm(features, lengths=lengths)[0])


NETWORKS = {
    "linear, one frame": lambda: Framewise(nn.Linear(BINS, len(NAMES))),
    "MLP, one frame": lambda: Framewise(mlp(BINS, 128)),
    "MLP, 11 frames": lambda: Framewise(mlp(11 * BINS, 64), around=5),
    "LSTM, all frames so far": lambda: Recurrent(48, False),
    "LSTM, both directions": lambda: Recurrent(32, True),
}


def accuracy(model, data):
    """The share of frames that get the right name."""
    features, tones, lengths = data
    with minigrad.no_grad():
        found = model(features, lengths).argmax(dim=-1)
    return (found == tones).sum().item() / lengths.sum().item()


def train(name, data, seed, recorded=True):
    """The trained network and the seconds that it took."""
    minigrad.manual_seed(seed)
    model = NETWORKS[name]()
    loader = DataLoader(TensorDataset(*data), batch_size=BATCH, shuffle=True, drop_last=True)
    optimizer = optim.RMSprop(model.parameters(), lr=LR)
    schedule = optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=EPOCHS * len(loader))

    def step(features, tones, lengths):
        optimizer.zero_grad()
        F.cross_entropy(model(features, lengths).flatten(0, 1), tones.flatten()).backward()
        optimizer.step()

    if recorded:
        step = minigrad.jit(step)
    start = time.perf_counter()
    for _ in range(EPOCHS):
        for batch in loader:
            step(*batch)
            schedule.step()
    return model, time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--noise", type=float, default=NOISE)
    parser.add_argument("--no-jit", dest="recorded", action="store_false", help="run each training step eagerly")
    arguments = parser.parse_args()
    if not 0 <= arguments.noise < math.inf:
        parser.error(f"--noise is the deviation of the noise, a number of at least 0; got {arguments.noise}")
    training = [recordings(TRAINING, np.random.default_rng(seed), arguments.noise) for seed in SEEDS]
    test = recordings(TEST, np.random.default_rng(1000), arguments.noise)
    features, tones, lengths = test
    shown = {"true": tones[0]}
    print(f"frames named rightly in {TEST} other recordings, mean ± deviation over {len(SEEDS)} seeds")
    for name in NETWORKS:
        models, seconds = zip(*(train(name, data, s, arguments.recorded) for data, s in zip(training, SEEDS)))
        size = sum(p.numel() for p in models[0].parameters())
        scores = [accuracy(model, test) for model in models]
        share = f"{mean(scores):9.2%} ± {stdev(scores):.2%}"
        print(f"{name:24s}{size:7,d} numbers{share}   {mean(seconds):5.1f} s", flush=True)
        with minigrad.no_grad():
            shown[name] = models[0](features[:1], lengths[:1])[0].argmax(dim=-1)
    print("one recording, a letter for each frame")
    for name, labels in shown.items():
        print(f"{name:24s}" + "".join(NAMES[k] for k in labels[: lengths[0]].tolist()))


if __name__ == "__main__":
    main()
