"""Recurrent layers and the network around one, in NumPy arrays alone: more of what `problems.py` is for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: rows of a layer's weights for each number of its state, by the name of the layer
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def uniform(random: np.random.Generator, features: int, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    """Arrays between -1/sqrt(features) and 1/sqrt(features)."""
    bound = features**-0.5
    return [random.uniform(-bound, bound, shape).astype(np.float32) for shape in shapes]


@dataclass(frozen=True)
class Recurrent:
    """Forward and backward of one layer over a whole sequence, from a given gradient of its output.

    layer: a name in `GATES`. The nonlinearity of RNN is tanh; formulas, weights and their order are PyTorch's.
    """

    layer: str
    steps: int
    batch: int
    inputs: int
    hidden: int

    kind = "recurrent"

    def parameters(self) -> list[np.ndarray]:
        """weight_ih (rows, inputs), weight_hh (rows, hidden), bias_ih (rows,), bias_hh (rows,); rows: gates * hidden.

        In order of the gates: RNN has one, GRU reset, update and new, LSTM input, forget, cell and output.
        """
        rows = GATES[self.layer] * self.hidden
        shapes = (rows, self.inputs), (rows, self.hidden), (rows,), (rows,)
        return uniform(np.random.default_rng(0), self.hidden, *shapes)

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """The input (steps, batch, inputs), and the gradient of the output (steps, batch, hidden).

        The gradient is scaled so that those of the weights are of the size of one, however long the sequence.
        """
        random = np.random.default_rng(1)
        x = random.standard_normal((self.steps, self.batch, self.inputs), np.float32)
        g = random.standard_normal((self.steps, self.batch, self.hidden), np.float32)
        return x, g * np.float32((self.steps * self.batch) ** -0.5)


@dataclass(frozen=True)
class CharacterModel:
    """One training step of a character language model on one window: embedding, LSTM, linear, cross entropy.

    The window is the same in every step, the state is what the step before it left.
    The norm of all gradients together is clipped, then RMSprop:
    v <- alpha v + (1 - alpha) g^2;  p <- p - lr g / (sqrt(v) + eps)
    """

    characters: int = 100
    features: int = 64
    hidden: int = 192
    window: int = 64
    batch: int = 32
    clip: float = 1.0
    lr: float = 2e-3
    alpha: float = 0.99
    eps: float = 1e-8

    kind = "character_model"

    def parameters(self) -> list[np.ndarray]:
        """Table (characters, features), the four of the LSTM, weight (characters, hidden), bias (characters,)."""
        random = np.random.default_rng(0)
        table = random.standard_normal((self.characters, self.features), np.float32)
        lstm = Recurrent("LSTM", self.window, self.batch, self.features, self.hidden).parameters()
        return [table, *lstm, *uniform(random, self.hidden, (self.characters, self.hidden), (self.characters,))]

    def arrays(self) -> tuple[np.ndarray, ...]:
        """Characters and those that follow them, both (window, batch); h and c before them, (1, batch, hidden)."""
        text = np.random.default_rng(1).integers(0, self.characters, (self.window + 1, self.batch))
        return text[:-1], text[1:], *np.zeros((2, 1, self.batch, self.hidden), np.float32)
