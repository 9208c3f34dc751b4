"""How fast minigrad means to be: ratios of times measured in the same run, on one thread."""

from __future__ import annotations

from typing import NamedTuple


class Target(NamedTuple):
    """A peer's time in a row beside that of others in the same row."""

    row: str
    peer: str
    against: str | tuple[str, ...]  # of several the fastest
    at_most: float | None  # None: reported


class Growth(NamedTuple):
    """What a part of the work costs a peer in a row beside what it costs in the smaller one that the row names."""

    row: str
    peer: str
    at_most: float | None


#: PyTorch's optimizers without the kernels that do a whole formula in one pass
UNFUSED, FUSED = ("PyTorch", "PyTorch foreach"), "PyTorch fused"
OPTIMIZERS = ("sgd", "rmsprop", "adagrad", "adam")
#: of PyTorch's time, eager, by layer: at 16, 32 and 64 steps
RECURRENT = {"rnn": (0.55, 0.55, 0.55), "gru": (0.6, 0.6, 0.6), "lstm": (0.85, 1.05, 1.3)}
#: of the recorded layers of 32 steps: of PyTorch's time, and of jax.jit's
RECORDED = {"rnn": (0.45, 0.9), "gru": (0.45, 0.9), "lstm": (1.0, 0.85)}

TARGETS: list[Target | Growth] = [
    Target("mlp-2-16-16-1", "minigrad.jit", "PyTorch", 0.16),
    Target("mlp-2-16-16-1", "minigrad.jit", "jax.jit", 0.65),
    Target("mlp-2-16-16-1", "minigrad.jit", "NumPy by hand", 1.3),
    Target("mlp-64-128-128-10", "minigrad.jit", "PyTorch", 0.42),
    Target("mlp-64-128-128-10", "minigrad.jit", "jax.jit", 1.0),
    Target("mlp-64-128-128-10", "minigrad.jit", "NumPy by hand", 1.15),
    Target("mlp-784-512-512-10", "minigrad.jit", "PyTorch", None),
    Target("mlp-784-512-512-10", "minigrad.jit", "jax.jit", None),
    Target("mlp-784-512-512-10", "minigrad.jit", "NumPy by hand", 1.05),
    Target("start-2-16-16-1", "minigrad.jit", "jax.jit", 0.1),
    Target("start-64-128-128-10", "minigrad.jit", "jax.jit", 0.1),
    Target("start-784-512-512-10", "minigrad.jit", "jax.jit", 0.1),
    Target("mlp-64-128-128-10", "minigrad", "PyTorch", 0.65),
    Target("mlp-784-512-512-10", "minigrad", "PyTorch", 1.05),
    *(
        Target(f"op-{name}", "minigrad", "PyTorch", 0.5)
        for name in ("mul", "add", "mul-both", "mul-number", "tanh", "mix")
    ),
    *(Target(f"{name}-{tensors}", "minigrad", UNFUSED, 0.5) for name in OPTIMIZERS for tensors in (60, 600)),
    *(Target(f"{name}-600", "minigrad", FUSED, 0.75) for name in OPTIMIZERS if name != "rmsprop"),
    Target("sgd-10m", "minigrad", UNFUSED, 1.1),
    Target("rmsprop-10m", "minigrad", UNFUSED, 0.8),
    Target("adagrad-10m", "minigrad", UNFUSED, None),
    Target("adam-10m", "minigrad", UNFUSED, 0.8),
    *(Target(f"{name}-10m", "minigrad", FUSED, None) for name in OPTIMIZERS if name != "rmsprop"),
    *(
        Target(f"{layer}-{steps}", "minigrad", "PyTorch", at_most)
        for layer, asked in RECURRENT.items()
        for steps, at_most in zip((16, 32, 64), asked)
    ),
    *(
        Target(f"{layer}-32", "minigrad.jit", peer, at_most)
        for layer, asked in RECORDED.items()
        for peer, at_most in zip(("PyTorch", "jax.jit"), asked)
    ),
    Target("lm-step", "minigrad", "PyTorch", 1.0),
    *(
        Growth(f"steps-{layer}-10000", peer, 1.3)
        for layer in RECURRENT
        for peer in ("minigrad", "minigrad.jit")
    ),
]
