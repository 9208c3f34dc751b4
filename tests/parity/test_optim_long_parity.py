"""Two hundred steps beside PyTorch: every algorithm that both have, every option, in float64 and float32.

The learning rate changes twice, one parameter in seven has no gradient at a step, there are two groups, and halfway
each side goes on from the other's state_dict.
"""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from optim_pair import SINGLE, Pair  # noqa: E402 - it imports torch

DECAY, CLIMB = {"weight_decay": 0.1}, {"maximize": True}
CASES = [
    ("SGD", {}), ("SGD", DECAY), ("SGD", {"momentum": 0.9}), ("SGD", {"momentum": 0.9, "dampening": 0.5, **DECAY}),
    ("SGD", {"momentum": 0.9, "nesterov": True, **DECAY, **CLIMB}), ("SGD", {"momentum": 0.9, "foreach": True}),
    ("SGD", {"fused": True, **DECAY}),
    ("Adagrad", {}), ("Adagrad", {"lr_decay": 0.1, **DECAY}), ("Adagrad", {"initial_accumulator_value": 0.5}),
    ("Adagrad", {"eps": 0.1, **CLIMB}), ("Adagrad", {"foreach": True, **DECAY}), ("Adagrad", {"fused": True}),
    ("RMSprop", {}), ("RMSprop", {"alpha": 0.9, **DECAY}), ("RMSprop", {"momentum": 0.9}), ("RMSprop", {"eps": 0.1}),
    ("RMSprop", {"centered": True, "eps": 1e-3}),
    ("RMSprop", {"centered": True, "momentum": 0.5, "eps": 1e-3, **CLIMB}),
    ("RMSprop", {"foreach": True, "momentum": 0.5, **DECAY}),
    ("Adam", {}), ("Adam", {"betas": (0.5, 0.9), **DECAY}), ("Adam", {"amsgrad": True, "betas": (0.9, 0.9)}),
    ("Adam", {"eps": 0.1, **CLIMB}), ("Adam", {"decoupled_weight_decay": True, **DECAY}), ("Adam", {"foreach": True}),
    ("Adam", {"fused": True, "amsgrad": True, **DECAY}),
    ("AdamW", {}), ("AdamW", {"amsgrad": True, **DECAY}), ("AdamW", CLIMB), ("AdamW", {"fused": True}),
    ("Adamax", {}), ("Adamax", {"betas": (0.5, 0.9), **DECAY}), ("Adamax", {"eps": 0.1, **CLIMB}),
    ("NAdam", {}), ("NAdam", {"betas": (0.5, 0.9), **DECAY}), ("NAdam", {"momentum_decay": 0.1, **CLIMB}),
    ("NAdam", {"decoupled_weight_decay": True, "eps": 0.1, **DECAY}), ("NAdam", {"foreach": True}),
    ("RAdam", {}), ("RAdam", {"betas": (0.9, 0.9), **DECAY}), ("RAdam", {"eps": 0.1, "betas": (0.5, 0.95), **CLIMB}),
    ("RAdam", {"decoupled_weight_decay": True, **DECAY}), ("RAdam", {"foreach": True}),
    ("Adadelta", {}), ("Adadelta", {"rho": 0.5, **DECAY}), ("Adadelta", {"eps": 0.1, **CLIMB}),
    ("Adadelta", {"foreach": True}),
    ("Rprop", {}), ("Rprop", {"etas": (0.3, 1.5)}), ("Rprop", {"step_sizes": (1e-3, 0.02), **CLIMB}),
    ("Rprop", {"foreach": True}),
    ("ASGD", {}), ("ASGD", {"lambd": 0.1, **DECAY}), ("ASGD", {"alpha": 0.5, "t0": 100, **CLIMB}),
    ("ASGD", {"foreach": True, "t0": 0}),
]  # fmt: skip


def words(part):
    return "-".join(f"{name}={value}" for name, value in part.items()) if isinstance(part, dict) else None


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("name", "options"), CASES, ids=words)
def test_two_hundred_steps(name, options, dtype):
    random = np.random.default_rng(0)
    # PyTorch's own formula for centered=True: the default, which keeps more digits, is another in float32
    ours_only = {"convention": "pytorch"} if options.get("centered") and dtype == "float32" else {}
    pair = Pair(
        name, random, dtype, {"lr": 5.0 if name == "Adadelta" else 0.1, **options}, grouped=True,
        shapes=[(3, 2), (2,), (), (5, 3)], ours_only=ours_only,
    )  # fmt: skip
    rtol = {"float64": 1e-11, "float32": 3e-5}[dtype]
    if name in SINGLE:
        rtol = max(rtol, 2e-6)
    elif options.get("centered"):
        rtol = max(rtol, 1e-9)
    start = [p.detach().numpy().copy() for p in pair.ours]
    for step in range(200):
        if step in (60, 120):
            pair.scale_lr(0.3)
        if step == 100 and dtype == "float64":
            rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in pair.optimizers]
            pair.exchange()
            assert rates == [[group["lr"] for group in optimizer.param_groups] for optimizer in pair.optimizers]
        pair.step(random, spread=1.0)
        if step % 20 == 19 or step < 3:
            pair.check(rtol, f"step {step}")
    moved = [np.abs(p.detach().numpy() - s).max() for p, s in zip(pair.ours, start)]
    assert min(moved[2:]) > 100 * rtol  # the learning rate of the first group is small
