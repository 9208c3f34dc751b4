"""The optimizers beside PyTorch's: the same random options, gradients and gaps between them, step by step."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch")

from optim_pair import CLASSES, SINGLE, Pair  # noqa: E402 - it imports torch


def random_options(name, random):
    """Options that PyTorch's class takes, each on or off at random."""

    def some(low, high):
        return float(random.uniform(low, high)) if random.random() < 0.6 else 0.0

    def perhaps(share=0.4):
        return bool(random.random() < share)

    def power(low, high):
        return float(10 ** random.uniform(low, high))

    options = {"lr": power(-3, 0), "maximize": perhaps(0.3), "foreach": [None, True, False][random.integers(3)]}
    if name != "Rprop":
        options["weight_decay"] = some(0, 0.5)
    # PyTorch's fused SGD fails where some parameters have a momentum buffer and others have not
    if name in ("Adagrad", "Adam", "AdamW") and options["foreach"] is None:
        options["fused"] = perhaps()
    if name in ("Adam", "AdamW", "Adamax", "NAdam", "RAdam"):
        options |= {"betas": (some(0.5, 0.95), float(random.uniform(0.8, 0.999))), "eps": power(-10, -1)}
    if name in ("Adam", "NAdam", "RAdam"):
        options["decoupled_weight_decay"] = perhaps()
    if name == "SGD":
        options |= {"momentum": some(0.1, 0.99), "dampening": some(0, 1)}
        if options["momentum"] and perhaps():
            options |= {"nesterov": True, "dampening": 0}
    elif name == "Adagrad":
        options |= {"lr_decay": some(0, 0.5), "initial_accumulator_value": some(0, 1), "eps": power(-12, -1)}
    elif name == "RMSprop":
        options |= {
            "alpha": float(random.uniform(0.5, 0.999)), "eps": power(-10, -1), "momentum": some(0.1, 0.95),
            "centered": perhaps(),
        }  # fmt: skip
    elif name in ("Adam", "AdamW"):
        options["amsgrad"] = perhaps()
    elif name == "NAdam":
        options["momentum_decay"] = some(0, 0.1)
    elif name == "Adadelta":
        options |= {"rho": float(random.uniform(0.5, 0.99)), "eps": power(-8, -1)}
    elif name == "Rprop":
        options |= {
            "etas": (float(random.uniform(0.2, 0.9)), float(random.uniform(1.1, 2))),
            "step_sizes": (power(-6, -3), power(-2, 1)),
        }  # fmt: skip
    elif name == "ASGD":
        options |= {"lambd": some(0, 0.1), "alpha": some(0.3, 1), "t0": float(random.integers(0, 5))}
    return options


def tolerance(pair):
    # PyTorch's variance is a difference of two averages: minigrad keeps more of its digits
    rtol = {"float32": 2e-5, "float64": 1e-11}[pair.dtype]
    if pair.options.get("centered"):
        rtol = max(rtol * 100, 1e-9)
    return max(rtol, 1e-6) if pair.name in SINGLE else rtol


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("seed", range(40))
def test_random_configurations(name, seed):
    random = np.random.default_rng(seed)
    options = random_options(name, random)
    pair = Pair(name, random, "float64" if seed % 2 else "float32", options, grouped=seed % 3 == 0)
    for step in range(6):
        if step == 3 and seed % 4 == 0:
            pair.scale_lr(0.1)
        pair.step(random)
        pair.check(tolerance(pair), f"seed {seed}, step {step}: {options}")


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("seed", range(12))
def test_state_travels_both_ways(name, seed):
    """After some steps each side goes on from the other's state_dict."""
    random = np.random.default_rng(1000 + seed)
    options = random_options(name, random)
    pair = Pair(name, random, "float64", options, grouped=seed % 2 == 0)
    for _ in range(3):
        pair.step(random)
    pair.exchange()
    for step in range(3):
        pair.step(random)
        pair.check(tolerance(pair), f"seed {seed}, step {step}: {options}")


ADAMS = ("Adam", "AdamW", "Adamax", "NAdam", "RAdam")
WRONG = [
    *((name, {"lr": -1.0}) for name in CLASSES),
    *((name, {"weight_decay": -1.0}) for name in CLASSES if name != "Rprop"),
    *((name, {"eps": -1.0}) for name in (*ADAMS, "Adagrad", "RMSprop", "Adadelta")),
    *((name, {"betas": betas}) for name in ADAMS for betas in ((-0.1, 0.9), (1.0, 0.9), (0.9, -0.1), (0.9, 1.5))),
    ("SGD", {"momentum": -1.0}), ("SGD", {"nesterov": True}),
    ("SGD", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}),
    ("Adagrad", {"lr_decay": -1.0}), ("Adagrad", {"initial_accumulator_value": -1.0}),
    ("RMSprop", {"momentum": -1.0}), ("RMSprop", {"alpha": -1.0}), ("NAdam", {"momentum_decay": -1.0}),
    ("Adadelta", {"rho": -0.5}), ("Adadelta", {"rho": 1.5}),
    ("Rprop", {"etas": (0.5, 0.9)}), ("Rprop", {"etas": (1.5, 2.0)}), ("Rprop", {"etas": (0.0, 2.0)}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options"), WRONG)
def test_the_same_errors(name, options):
    messages = []
    for cls, library in ((CLASSES[name], minigrad), (getattr(torch.optim, name), torch)):
        with pytest.raises(ValueError) as error:
            cls([library.ones(2, requires_grad=True)], **options)
        messages.append(str(error.value))
    assert messages[0] == messages[1]


@pytest.mark.parametrize("name", CLASSES)
def test_the_same_signature(name):
    """Every argument of PyTorch's, by position or name, is there; minigrad has more by name only."""
    ours = inspect.signature(CLASSES[name]).parameters
    theirs = inspect.signature(getattr(torch.optim, name)).parameters
    by_position = [p.name for p in theirs.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert [p.name for p in ours.values() if p.kind is p.POSITIONAL_OR_KEYWORD] == by_position
    assert theirs.keys() <= ours.keys()
    for key in theirs.keys() & ours.keys():
        if theirs[key].default is not inspect.Parameter.empty:
            assert ours[key].default == theirs[key].default, key


@pytest.mark.parametrize("name", CLASSES)
def test_the_same_options_in_groups(name):
    """Every option that PyTorch keeps in a group and that changes the result is in minigrad's under that name."""
    pair = Pair(name, np.random.default_rng(0), "float32", {})
    ours, theirs = (optimizer.param_groups[0] for optimizer in pair.optimizers)
    for key in theirs.keys() - {"params", "foreach", "fused", "capturable", "differentiable"}:
        assert ours[key] == theirs[key], key


def test_a_momentum_switched_on_and_off():
    """PyTorch begins a buffer when it first needs one, and leaves it alone while momentum is 0."""
    random = np.random.default_rng(0)
    pair = Pair("SGD", random, "float64", {"lr": 0.1, "dampening": 0.5})
    for step, momentum in enumerate((0.0, 0.9, 0.9, 0.0, 0.9, 0.5)):
        for optimizer in pair.optimizers:
            optimizer.param_groups[0]["momentum"] = momentum
        pair.step(random, spread=0.0)
        pair.check(1e-12, f"step {step}")


def test_the_nan_of_a_centered_variance_below_zero():
    """PyTorch's formula gives it, and convention="pytorch" gives it too; the default does not."""
    count, random = 500, np.random.default_rng(7)
    size = (10 ** random.uniform(-4, 4, count)).astype(np.float32)
    options = {"lr": 1e-3, "alpha": 0.9, "centered": True}
    pair = Pair("RMSprop", random, "float32", options, shapes=[(count,)], ours_only={"convention": "pytorch"})
    default = minigrad.zeros(count, requires_grad=True)
    pair.optimizers.append(CLASSES["RMSprop"]([default], **options))
    for _ in range(200):
        g = size * (1 + 1e-4 * random.standard_normal(count).astype(np.float32))
        pair.ours[0].grad, pair.theirs[0].grad, default.grad = minigrad.tensor(g), torch.tensor(g), minigrad.tensor(g)
        for optimizer in pair.optimizers:
            optimizer.step()
    ours, theirs = (np.isnan(side[0].detach().numpy()).mean() for side in (pair.ours, pair.theirs))
    assert ours > 0.5 and theirs > 0.5
    assert np.isfinite(default.detach().numpy()).all()
