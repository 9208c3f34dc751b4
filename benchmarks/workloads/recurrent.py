"""Recurrent layers, forward and backward, and a character language model's whole training step."""

from dataclasses import replace

from ..recurrent_problems import CharacterModel, Recurrent
from .row import Row

TITLE = "Recurrent layers"
NOTE = (
    "One layer over a whole sequence, from a given gradient of its output: the output and the gradients of input and "
    "weights, returned. minigrad and PyTorch: `nn.RNN`, `nn.GRU` and `nn.LSTM` (PyTorch's LSTM is oneDNN's kernel, its "
    "RNN and GRU are loops over its operations in C++), `autograd.grad`. jax.jit: `lax.scan` with the products with "
    "all inputs before it, `jax.vjp`. NumPy by hand: the same products before and after a loop over time, in which "
    "every call writes into a fixed buffer.\n\n"
    "The character model: zero_grad, embedding (100 x 64), LSTM of 192, linear, cross entropy, the norm of all "
    "gradients clipped to 1, RMSprop; windows of 64 characters, batch 32, the state carried from one to the next. "
    "Results are compared with a large eps in RMSprop, with which a step is proportional to the gradient: with a small "
    "one the first steps are as large where the gradient is mere rounding."
)

SIZES = ((16, 16, 32, 32), (32, 32, 64, 64), (64, 32, 64, 128))
CHARACTERS = CharacterModel()

ROWS = [
    *(
        Row(
            f"{layer.lower()}-{steps}",
            f"{layer}, {steps} steps, batch {batch}, {inputs} to {hidden}",
            Recurrent(layer, steps, batch, inputs, hidden),
            quick=steps == 32,
            steps=2,
            tolerance=(1e-3, 1e-5),
        )
        for layer in ("RNN", "GRU", "LSTM")
        for steps, batch, inputs, hidden in SIZES
    ),
    Row(
        "lm-step",
        "character model: LSTM of 192, window 64, batch 32",
        CHARACTERS,
        tolerance=(1e-3, 1e-5),
        compare=replace(CHARACTERS, lr=100.0, eps=1.0, clip=0.04),
    ),
]
