"""An epoch over Fashion-MNIST, batches drawn by the peer's own data loader where it has one."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from ..problems import Epoch, mlp
from .row import Row

#: where `minigrad.train.datasets` looks as well
FOLDER = Path("/usr/share/datasets/fashion-mnist")
REAL = FOLDER.is_dir()

TITLE = "Epoch over Fashion-MNIST" if REAL else "Epoch over synthetic data in the shape of Fashion-MNIST"
NOTE = (
    "MLP 784-128-10, batches of 64, SGD with momentum 0.9, images in memory as float32, in one given order; drawing "
    "the batches is part of the time, reading the files is not. minigrad and PyTorch draw through their DataLoader, "
    "the others by indexing NumPy arrays. Results are compared after the first 100 batches: some hundred batches later "
    "rounding has pushed a ReLU over its kink, and the runs part."
) + ("" if REAL else " The images of Fashion-MNIST are not on this machine: random ones take their place.")


@cache
def images() -> tuple[np.ndarray, np.ndarray]:
    """60,000 training images (n, 784) of mean 0 and deviation 1, and their labels."""
    if REAL:
        from minigrad.train import datasets

        x, y = datasets.load("fashion-mnist", str(FOLDER)).train.tensors
        return x.numpy(), y.numpy()
    random = np.random.default_rng(4)
    return random.normal(size=(60_000, 784)).astype(np.float32), random.integers(0, 10, 60_000)


def some_images() -> tuple[np.ndarray, np.ndarray]:
    """The first 6,400."""
    x, y = images()
    return x[:6400], y[:6400]


TRAINING = mlp((784, 128, 10), 64)
ROWS = [
    Row("epoch", f"{60_000:,} images", Epoch(TRAINING, images), steps=1, compare=Epoch(TRAINING, some_images)),
    Row("epoch-tenth", f"{6400:,} images", Epoch(TRAINING, some_images), quick=True, steps=1),
]
