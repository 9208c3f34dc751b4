"""The optimizers beside PyTorch's: the same random options, gradients and gaps between them, step by step."""

from __future__ import annotations

import copy
import inspect

import numpy as np
import pytest

import minigrad
from minigrad import optim

torch = pytest.importorskip("torch")

CLASSES = {"SGD": optim.SGD, "Adagrad": optim.Adagrad, "RMSprop": optim.RMSprop}
SHAPES = [(3, 4), (4,), (), (2, 1, 3), (0, 2), (70, 3)]


def random_options(name, random):
    """Options that PyTorch's class takes, each on or off at random."""

    def some(low, high):
        return float(random.uniform(low, high)) if random.random() < 0.6 else 0.0

    options = {
        "lr": float(10 ** random.uniform(-3, 0)), "weight_decay": some(0, 0.5), "maximize": bool(random.random() < 0.3)
    }  # fmt: skip
    if name == "SGD":
        options |= {"momentum": some(0.1, 0.99), "dampening": some(0, 1)}
        if options["momentum"] and random.random() < 0.4:
            options |= {"nesterov": True, "dampening": 0}
    elif name == "Adagrad":
        options |= {
            "lr_decay": some(0, 0.5), "initial_accumulator_value": some(0, 1),
            "eps": float(10 ** random.uniform(-12, -1)),
        }  # fmt: skip
    else:
        options |= {
            "alpha": float(random.uniform(0.5, 0.999)), "eps": float(10 ** random.uniform(-10, -1)),
            "momentum": some(0.1, 0.95), "centered": bool(random.random() < 0.4),
        }  # fmt: skip
    return options


def groups_of(params, grouped, **options):
    """One group, or two of which the first has options of its own."""
    return [{"params": params[:2], **options}, {"params": params[2:]}] if grouped else [{"params": params}]


class Pair:
    """The same parameters and optimizer on both sides."""

    def __init__(self, name, random, dtype, grouped):
        start = [random.normal(size=shape).astype(dtype) for shape in SHAPES]
        self.ours = [minigrad.tensor(a, requires_grad=True) for a in start]
        self.theirs = [torch.tensor(a, requires_grad=True) for a in start]
        self.options = random_options(name, random)
        self.optimizers = []
        for cls, params in ((CLASSES[name], self.ours), (getattr(torch.optim, name), self.theirs)):
            self.optimizers.append(cls(groups_of(params, grouped, lr=0.05, weight_decay=0.25), **self.options))

    def step(self, random):
        for p, q in zip(self.ours, self.theirs):
            p.grad = q.grad = None
            if random.random() < 0.85:
                g = (random.normal(size=p.shape) * 10 ** random.uniform(-3, 3)).astype(q.detach().numpy().dtype)
                p.grad, q.grad = minigrad.tensor(g), torch.tensor(g)
        for optimizer in self.optimizers:
            optimizer.step()

    def check(self, words):
        # PyTorch's variance is a difference of two averages: minigrad keeps more of its digits
        rtol = {"float32": 2e-5, "float64": 1e-11}[str(self.ours[0].array.dtype)]
        if self.options.get("centered"):
            rtol = max(rtol * 100, 1e-9)
        for k, (p, q) in enumerate(zip(self.ours, self.theirs)):
            np.testing.assert_allclose(
                p.detach().numpy(), q.detach().numpy(), rtol=rtol, atol=rtol, err_msg=f"parameter {k}, {words}"
            )


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("seed", range(120))
def test_random_configurations(name, seed):
    random = np.random.default_rng(seed)
    pair = Pair(name, random, "float64" if seed % 2 else "float32", grouped=seed % 3 == 0)
    for step in range(6):
        if step == 3 and seed % 4 == 0:
            for optimizer in pair.optimizers:
                for group in optimizer.param_groups:
                    group["lr"] *= 0.1
        pair.step(random)
        pair.check(f"seed {seed}, step {step}: {pair.options}")


def as_torch(state_dict):
    """minigrad's state as PyTorch's tensors."""
    entries = {
        number: {name: torch.from_numpy(value.numpy().copy()) for name, value in own.items()}
        for number, own in state_dict["state"].items()
    }
    return {"state": entries, "param_groups": copy.deepcopy(state_dict["param_groups"])}


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("seed", range(20))
def test_state_travels_both_ways(name, seed):
    """After some steps each side goes on from the other's state_dict."""
    random = np.random.default_rng(1000 + seed)
    pair = Pair(name, random, "float64", grouped=seed % 2 == 0)
    for _ in range(3):
        pair.step(random)
    ours, theirs = pair.optimizers
    saved, given = copy.deepcopy(theirs.state_dict()), as_torch(ours.state_dict())
    assert [g["params"] for g in given["param_groups"]] == [g["params"] for g in saved["param_groups"]]
    if name != "Adagrad":  # PyTorch's has the state of parameters that were never stepped as well
        assert given["state"].keys() == saved["state"].keys()
    for number, entries in given["state"].items():
        assert set(saved["state"][number]) <= set(entries) <= {*saved["state"][number], "variance"}
        for key, entry in saved["state"][number].items():
            assert entries[key].dtype == entry.dtype and entries[key].shape == entry.shape
            np.testing.assert_allclose(entries[key], entry, rtol=1e-9, atol=1e-12)
    sides = ((CLASSES[name], pair.ours), (getattr(torch.optim, name), pair.theirs))
    pair.optimizers = [cls(groups_of(params, seed % 2 == 0), lr=9.0) for cls, params in sides]
    pair.optimizers[0].load_state_dict(saved)
    pair.optimizers[1].load_state_dict(given)
    for step in range(3):
        pair.step(random)
        pair.check(f"seed {seed}, step {step}: {pair.options}")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SGD", {"lr": -1.0}), ("SGD", {"momentum": -1.0}), ("SGD", {"weight_decay": -1.0}),
        ("SGD", {"nesterov": True}), ("SGD", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}),
        ("Adagrad", {"lr": -1.0}), ("Adagrad", {"lr_decay": -1.0}), ("Adagrad", {"weight_decay": -1.0}),
        ("Adagrad", {"initial_accumulator_value": -1.0}), ("Adagrad", {"eps": -1.0}),
        ("RMSprop", {"lr": -1.0}), ("RMSprop", {"eps": -1.0}), ("RMSprop", {"momentum": -1.0}),
        ("RMSprop", {"weight_decay": -1.0}), ("RMSprop", {"alpha": -1.0}),
    ],
)  # fmt: skip
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
    assert theirs.keys() - ours.keys() <= {"capturable", "differentiable"}
    for key in theirs.keys() & ours.keys():
        if theirs[key].default is not inspect.Parameter.empty:
            assert ours[key].default == theirs[key].default, key
