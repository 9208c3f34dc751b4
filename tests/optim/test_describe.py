"""The formula that an optimizer prints is the one that it computes: every algorithm, option and convention."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest
from formulas import Formula, compute, lines_of

import minigrad
from minigrad import optim

START = np.array([1.0, -0.7, 0.3, 2.0])
SLOPE = np.array([1.0, 3.0, 0.2, 0.6])

#: options of each class beside lr; conventions, decay and maximize come to each of them
OPTIONS = {
    optim.SGD: [
        {}, {"momentum": 0.9}, {"momentum": 0.9, "dampening": 0.3}, {"momentum": 0.8, "nesterov": True},
        {"momentum": 0.9, "dampening": 1.0}, {"momentum": 0.9, "lr_in_velocity": True},
    ],
    optim.Momentum: [{"momentum": 0.9}, {"momentum": 0.8, "dampening": 0.3}],
    optim.NAG: [{"momentum": 0.9}, {"momentum": 0.8, "dampening": 0.3}, {"momentum": 0.9, "momentum_order": "new"},
                {"momentum": 0.9, "form": "lookahead"}],
    optim.Adagrad: [{"eps": 0.05}, {"eps": 0.05, "eps_mode": "inside", "lr_decay": 0.5}, {"eps_mode": "none"}],
    optim.RMSprop: [
        {"eps": 0.05}, {"eps": 0.05, "momentum": 0.9}, {"eps": 0.05, "momentum": 0.9, "lr_in_velocity": True},
        {"eps": 0.05, "centered": True}, {"eps": 0.05, "centered": True, "eps_mode": "inside", "alpha": 0.8},
        {"eps": 0.05, "centered": True, "centered_mode": "textbook", "momentum": 0.5},
        {"bias_correction": True, "eps_mode": "none", "alpha": 0.8, "centered": False},
    ],
    optim.Adam: [
        {"eps": 0.05}, {"eps": 0.05, "amsgrad": True, "betas": (0.5, 0.6)}, {"eps": 0.05, "bias_correction": False},
        {"eps": 0.05, "eps_mode": "inside"}, {"eps": 0.05, "eps_mode": "uncorrected"}, {"eps_mode": "none"},
    ],
    optim.AdamW: [{"eps": 0.05}, {"eps": 0.05, "amsgrad": True}],
    optim.Adamax: [{"eps": 0.05}, {"eps": 0.05, "eps_mode": "outside", "betas": (0.8, 0.7)}],
    optim.NAdam: [{"eps": 0.05}, {"eps": 0.05, "momentum_decay": 0.1, "betas": (0.8, 0.7)}],
    optim.RAdam: [{"eps": 0.05}, {"eps": 0.05, "betas": (0.9, 0.8)}],
    optim.Adadelta: [{"eps": 0.05}, {"eps": 0.05, "rho": 0.5}],
    optim.Rprop: [{}, {"etas": (0.3, 1.7), "step_sizes": (0.05, 0.15)}],
    optim.ASGD: [{"t0": 2}, {"lambd": 0.1, "alpha": 0.5, "t0": 1}],
    optim.Lion: [{}, {"betas": (0.5, 0.7)}],
    optim.SMORMS3: [{"eps": 0.05}, {}],
    optim.RMSpropGraves: [{}, {"eps": 0.05, "centered_mode": "recurrence"}],
}  # fmt: skip
DECAYS = [
    {}, {"weight_decay": 0.2, "decoupled_weight_decay": False}, {"weight_decay": 0.2, "decoupled_weight_decay": True},
    {"maximize": True, "weight_decay": 0.2},
]  # fmt: skip


def gradient(p):
    """Of sum(slope p² / 2 + sin p)."""
    return SLOPE * p + np.cos(p)


#: what the formulas call a state array
LETTERS = {"sum": "s", "square_avg": "v", "variance": "c", "step_size": "s", "memory": "k"}


def start_of_names(head):
    """What the names of the formulas stand for before the first step: 0 unless the head of the group says otherwise."""
    names = dict.fromkeys("abckmqsuv", 0.0)
    for array, number in re.findall(r"; (\w+) starts at ([^;]+)", head):
        names[LETTERS[array]] = float(number)
    return names


def check(optimizer, params, steps=6, change=None):
    """Compare steps with what the printed lines give. `change(optimizer, t)` is called after each step."""
    heads = [line for line in optimizer.describe().splitlines() if line.startswith("group ")]
    names = [{**start_of_names(head), "p": START.copy()} for head in heads]  # a group has one parameter
    slope = minigrad.tensor(SLOPE)

    def closure():
        optimizer.zero_grad()
        loss = sum((slope * p**2 / 2 + minigrad.sin(p)).sum() for p in params)
        loss.backward()
        return loss

    for t in range(1, steps + 1):
        description = optimizer.describe()
        assert f"step {t}" in description
        if any(group.get("form") == "lookahead" for group in optimizer.param_groups):
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()
        for lines, values, p in zip(lines_of(description), names, params, strict=True):
            compute(lines, values, gradient)
            now = p.detach().numpy()
            error = np.abs(values["p"] - now)
            # numbers are printed with six digits
            allowed = 3e-5 * np.abs(now - START) + 2e-6 * t * (1 + np.abs(now))
            assert (error <= allowed).all(), f"step {t}: {now}, by the formula {values['p']}\n{description}"
        if change is not None:
            change(optimizer, t)


def leaf():
    return minigrad.tensor(START, requires_grad=True)


def with_conventions(cls):
    return [(cls, convention) for convention in (None, *cls.conventions)]


@pytest.mark.parametrize(
    ("cls", "convention"),
    [case for cls in OPTIONS for case in with_conventions(cls)],
    ids=lambda part: part.__name__ if isinstance(part, type) else str(part),
)
def test_what_is_printed_is_what_is_computed(cls, convention):
    def change(optimizer, t):
        if t == 3:
            optimizer.lr = 0.05

    for options, decay in itertools.product(OPTIONS[cls], DECAYS):
        if cls is optim.AdamW:
            decay = {name: value for name, value in decay.items() if name != "decoupled_weight_decay"}
        if refused(convention, options):
            continue
        named = {} if convention is None else {"convention": convention}
        p = leaf()
        check(cls([p], lr=0.1, **named, **options, **decay), [p], change=change)


def refused(convention, options):
    """True where an optimizer says that a convention has another formula for these options (test_conventions.py)."""
    other = (options.get("nesterov") and convention in ("chainer", "sutskever2013")) or (
        options.get("amsgrad") and convention == "optax"
    )
    return other or (options.get("bias_correction") and convention == "tf1")


SCHEDULES = {
    "sgd": lambda ps: optim.SGD(ps, lr=lambda t: 0.1 / t, momentum=lambda t: 1 - 1 / (t + 1), dampening=0.2),
    "sgd, from zero": lambda ps: optim.SGD(ps, lr=lambda t: 0.05 * (t - 1), momentum=0.9),
    "sgd, momentum from zero": lambda ps: optim.SGD(
        ps, lr=0.1, momentum=lambda t: 0.0 if t in (1, 3) else 0.9, lr_in_velocity=True
    ),
    "nag": lambda ps: optim.NAG(
        ps, lr=lambda t: 0.1 / t, momentum=lambda t: min(1 - 2 ** (-1 - math.log2(t // 2 + 1)), 0.9), form="lookahead"
    ),
    "nag, lr outside": lambda ps: optim.NAG(ps, convention="pytorch", lr=lambda t: 0.1 / t, form="lookahead"),
    "adagrad": lambda ps: optim.Adagrad(ps, lr=0.1, eps=lambda t: 0.01 * t, weight_decay=lambda t: 0.1 * t),
    "rmsprop": lambda ps: optim.RMSprop(
        ps, lr=lambda t: 0.1 / t, alpha=lambda t: 1 - 1 / (t + 1), momentum=lambda t: 0.1 * t, eps=lambda t: 0.1 / t,
        lr_in_velocity=True,
    ),
    "adam": lambda ps: optim.Adam(
        ps, lr=lambda t: 0.1 / t, betas=(lambda t: 1 - 1 / (t + 1), 0.9), eps=lambda t: 0.1 / t
    ),
    "nadam": lambda ps: optim.NAdam(ps, lr=lambda t: 0.1 / t, betas=(lambda t: 1 - 1 / (t + 1), 0.9), eps=0.05),
    "asgd": lambda ps: optim.ASGD(ps, lr=lambda t: 0.1 / t, lambd=lambda t: 0.1 * t, t0=2),
    "radam": lambda ps: optim.RAdam(ps, lr=lambda t: 0.1 * t, betas=(0.9, 0.8), eps=lambda t: 0.1 / t),
    "rprop": lambda ps: optim.Rprop(ps, lr=lambda t: 0.1 / t, etas=(0.5, lambda t: 1.1 + 0.1 * t)),
    "lion": lambda ps: optim.Lion(ps, lr=lambda t: 0.1 / t, weight_decay=lambda t: 0.1 * t),
}  # fmt: skip


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_are_printed_with_their_value_at_the_next_step(name):
    p = leaf()
    check(SCHEDULES[name]([p]), [p])


def test_each_group_has_its_own_lines():
    a, b, c = leaf(), leaf(), leaf()
    groups = [
        {"params": [a], "lr": 0.2, "weight_decay": 0.1},
        {"params": [b], "momentum": 0.5, "maximize": True},
        {"params": [c], "alpha": 0.5, "centered": True},
    ]
    optimizer = optim.RMSprop(groups, lr=0.05, eps=0.1)
    check(optimizer, [a, b, c])
    assert "v ← 0.99 v" in optimizer.describe() and "c ← 0.5 (" in optimizer.describe()


def test_the_head_of_each_group():
    params = [minigrad.ones(30, 40, requires_grad=True), minigrad.ones(7, requires_grad=True)]
    text = optim.Adam(params, convention="keras").describe().splitlines()
    assert text[0] == "Adam, convention 'keras'"
    assert text[1] == "group 0: 1,207 numbers in 2 tensors, step 1"
    assert optim.Adam(params).describe().splitlines()[0] == "Adam"
    tf1 = optim.RMSprop(params, lr=0.1, convention="tf1")
    assert tf1.describe().splitlines()[1] == "group 0: 1,207 numbers in 2 tensors, step 1; square_avg starts at 1"
    for p in params:
        p.grad = minigrad.ones_like(p)
    tf1.step()
    assert tf1.describe().splitlines()[1] == "group 0: 1,207 numbers in 2 tensors, step 2"


def test_print_has_the_options_and_the_lines():
    optimizer = optim.RMSprop([leaf()], convention="keras", momentum=0.9)
    printed = str(optimizer)
    for line in lines_of(optimizer.describe())[0]:
        assert f"    {line}\n" in printed
    for name, value in optimizer.param_groups[0].items():
        assert name == "params" or f"    {name}: {value}\n" in printed


def test_the_reader_of_formulas():
    """It is right by itself: precedence, products side by side, roots, bars and functions."""
    values = {"a": 3.0, "b": 4.0, "g": -2.0}
    for text, expected in {
        "2 a b": 24, "a / 2 b": 6, "a - 2 - 1": 0, "-a + b": 1, "a²": 9, "2 a²": 18, "√(a² + b²)": 5, "√b + 1": 3,
        "|g - 1| + 1": 4, "max(0.5 a, |g| + 1)": 3, "sign(g)": -1, "a^2 b": 36, "(a - b)²": 1, "1e-01 a": 0.3,
        "∇f(a + 1)": 8, "min(min(a, b), 2)": 2, "a (1 - b)": -9,
    }.items():  # fmt: skip
        assert Formula(f"x ← {text}", values, lambda p: 2 * p).result == pytest.approx(expected), text
    for wrong in ("x = a", "x ← a +", "x ← a)", "x ← c", "x ← 2 * a"):
        with pytest.raises((AssertionError, KeyError, IndexError)):
            Formula(wrong, values, abs)
