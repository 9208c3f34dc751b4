"""Every optimizer in recorded steps: schedules, options changed at any time, groups, row-sparse gradients.

The measure is the eager run, to the last bit. A thousand steps of each are in test_training_recorded.py.
"""

from __future__ import annotations

import pytest
from recorded_helpers import both_ways

import minigrad
import minigrad.nn.functional as F
from minigrad import nn, optim

SCHEDULES = {
    "sgd": lambda ps: optim.SGD(ps, lr=lambda t: 0.1 / t, momentum=lambda t: 1 - 1 / (t + 1), dampening=0.2),
    "sgd, from zero": lambda ps: optim.SGD(
        ps, lr=lambda t: 0.01 * (t - 1), momentum=lambda t: 0.0 if t % 4 == 1 else 0.5, lr_in_velocity=True
    ),
    "momentum": lambda ps: optim.Momentum(ps, lr=0.05, momentum=lambda t: min(0.1 * t, 0.9), weight_decay=0.01),
    "adagrad": lambda ps: optim.Adagrad(ps, lr=lambda t: 0.1 / t, eps=lambda t: 0.01 / t),
    "rmsprop": lambda ps: optim.RMSprop(ps, lr=0.01, alpha=lambda t: 1 - 1 / (t + 1), weight_decay=lambda t: 0.1 / t),
    "rmsprop, corrected": lambda ps: optim.RMSprop(ps, lr=lambda t: 0.01 / t, bias_correction=True, momentum=0.5),
    "adam": lambda ps: optim.Adam(ps, lr=lambda t: 0.1 / t, betas=(lambda t: 1 - 1 / (t + 1), 0.9)),
    "adamw": lambda ps: optim.AdamW(ps, lr=lambda t: 0.1 / t, weight_decay=lambda t: 0.1 / t),
    "nadam": lambda ps: optim.NAdam(ps, lr=lambda t: 0.1 / t, momentum_decay=lambda t: 0.01 * t),
    "asgd": lambda ps: optim.ASGD(ps, lr=lambda t: 0.1 / t, lambd=0.01, t0=3),
    "radam": lambda ps: optim.RAdam(ps, lr=lambda t: 0.1 / t, betas=(0.9, 0.8)),
    "rprop": lambda ps: optim.Rprop(ps, lr=0.01, etas=(0.5, lambda t: 1.1 + 0.01 * t)),
    "lion": lambda ps: optim.Lion(ps, lr=lambda t: 0.1 / t, weight_decay=0.01),
}
STEPS = 40


def net():
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))


def trained(make_optimizer, meanwhile=None):
    """A scenario: steps of a small net. `meanwhile(optimizer, k)` is called before each."""

    def scenario(jit):
        model = net()
        optimizer = make_optimizer(model.parameters())

        @jit
        def step(x, y):
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        data = [(minigrad.randn(8, 4), minigrad.randn(8, 3)) for _ in range(4)]
        for k in range(STEPS):
            if meanwhile is not None:
                meanwhile(optimizer, k)
            yield step(*data[k % 4])
            if k % 10 == 9:
                yield model, {n: e for n, e in optimizer.state_dict()["state"].items()}

    return scenario


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules(name):
    both_ways(trained(SCHEDULES[name]), at_least=STEPS - 4)


CHANGES = {
    "sgd": (lambda ps: optim.SGD(ps, lr=0.1, momentum=0.9), {"momentum": 0.5, "weight_decay": 0.1, "maximize": True}),
    "nag": (lambda ps: optim.NAG(ps, lr=0.01), {"momentum_order": "new", "lr_in_velocity": False, "dampening": 0.2}),
    "adagrad": (lambda ps: optim.Adagrad(ps, lr=0.1), {"eps_mode": "inside", "eps": 0.1, "lr_decay": 0.1}),
    "rmsprop": (
        lambda ps: optim.RMSprop(ps, lr=0.01),
        {"alpha": 0.5, "eps": 0.1, "eps_mode": "inside", "weight_decay": 0.1, "decoupled_weight_decay": True},
    ),
    "rmsprop, other state": (
        lambda ps: optim.RMSprop(ps, lr=0.01), {"momentum": 0.9, "lr_in_velocity": True, "centered": True}
    ),
    "adam": (lambda ps: optim.Adam(ps, lr=0.01), {"betas": (0.5, 0.9), "eps_mode": "uncorrected", "amsgrad": True}),
    "adam, corrections": (lambda ps: optim.Adam(ps, lr=0.01), {"bias_correction": False, "eps": 0.1}),
    "adadelta": (lambda ps: optim.Adadelta(ps), {"rho": 0.5, "eps": 1e-3}),
    "asgd": (lambda ps: optim.ASGD(ps, lr=0.1), {"lambd": 0.1, "t0": 3, "alpha": 0.5}),
    "rprop": (lambda ps: optim.Rprop(ps), {"etas": (0.3, 1.5), "step_sizes": (1e-3, 0.1)}),
}  # fmt: skip


@pytest.mark.parametrize("how", ["attribute", "group"])
@pytest.mark.parametrize("name", CHANGES)
def test_any_option_changed_at_any_time(name, how):
    """A number, a choice, the learning rate to a schedule and back: some record anew, none is missed."""
    make, options = CHANGES[name]

    def change(optimizer, k):
        values = {8: {"lr": 0.05}, 12: {"lr": lambda t: 0.1 / t}, 16: {"lr": 0.02}}.get(k, {})
        if k >= 20 and (k - 20) % 4 == 0 and (k - 20) // 4 < len(options):
            option = [*options][(k - 20) // 4]
            values = {option: options[option]}
        for option, value in values.items():
            if how == "attribute":
                setattr(optimizer, option, value)
            else:
                optimizer.param_groups[0][option] = value

    both_ways(trained(make, change), at_least=8)


def test_a_group_added_and_state_loaded_between_replays():
    def scenario(jit):
        model, more = net(), minigrad.zeros(3, requires_grad=True)
        optimizer = optim.NAdam(model.parameters(), lr=0.01)

        @jit
        def step(x, y):
            optimizer.zero_grad()
            loss = F.mse_loss(model(x) + more, y)
            loss.backward()
            optimizer.step()
            return loss

        x, y = minigrad.randn(8, 4), minigrad.randn(8, 3)
        for k in range(24):
            if k == 6:
                optimizer.add_param_group({"params": [more], "lr": 0.1})
            if k == 12:
                saved = optimizer.state_dict()
            if k == 18:
                optimizer.load_state_dict(saved)
            yield step(x, y)
        yield model, more, optimizer

    both_ways(scenario, at_least=10)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_wrong_number_from_a_schedule(momentum):
    """A replay raises as the eager step does, names the step, and has changed nothing; on it goes with another."""

    def scenario(jit):
        model = net()
        optimizer = optim.SGD(model.parameters(), lr=lambda t: 0.1 * (10.5 - t), momentum=momentum)

        @jit
        def step(x, y):
            loss = F.mse_loss(model(x), y)
            model.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        x, y = minigrad.randn(8, 4), minigrad.randn(8, 3)
        for k in range(16):
            try:
                yield step(x, y)
            except ValueError as error:
                assert "Invalid learning rate: -0.05" in str(error) and "at step 11" in str(error), error
                yield str(error), [p.detach().clone() for p in model.parameters()], optimizer.state_dict()["state"]
                assert k == 10
                optimizer.lr = 0.01
        yield model

    both_ways(scenario, at_least=10)


# --- row-sparse gradients ------------------------------------------------------------------------------------

SPARSE = {
    "sgd": lambda ps: optim.SGD(ps, lr=0.1),
    "sgd, lazy momentum": lambda ps: optim.SGD(ps, lr=0.1, momentum=0.9, weight_decay=0.01, sparse="lazy"),
    "nag, lazy": lambda ps: optim.NAG(ps, lr=0.1, sparse="lazy"),
    "adagrad": lambda ps: optim.Adagrad(ps, lr=0.1, lr_decay=0.1),
    "rmsprop": lambda ps: optim.RMSprop(ps, lr=0.1, alpha=0.7),
    "rmsprop, schedule": lambda ps: optim.RMSprop(ps, lr=lambda t: 0.1 / t, alpha=lambda t: 1 - 1 / (t + 1)),
    "rmsprop, corrected": lambda ps: optim.RMSprop(ps, lr=0.1, bias_correction=True, maximize=True),
    "rmsprop, lazy, centered": lambda ps: optim.RMSprop(ps, lr=0.01, centered=True, momentum=0.5, sparse="lazy"),
    "adam, lazy": lambda ps: optim.Adam(ps, lr=0.1, amsgrad=True, sparse="lazy"),
}


@pytest.mark.parametrize("padding_idx", [None, 2])
@pytest.mark.parametrize("name", SPARSE)
def test_row_sparse_gradients(name, padding_idx):
    """Two tables, one of them looked up in every other step only; the counters of rows are state, too."""

    def scenario(jit):
        first = nn.Embedding(9, 4, padding_idx=padding_idx, sparse=True)
        second, out = nn.Embedding(12, 4, sparse=True), nn.Linear(4, 3)
        optimizer = SPARSE[name]([*first.parameters(), *out.parameters(), *second.parameters()])

        @jit
        def step(words, both):
            optimizer.zero_grad()
            found = first(words) + second(words + 3) if both else first(words)
            loss = out(minigrad.tanh(found)).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        for k in range(STEPS):
            yield step(minigrad.randint(0, 9, (3, 4)), k % 2 == 0)
            if k == 20:
                optimizer.load_state_dict(optimizer.state_dict())
            if k % 10 == 9:
                yield first, second, out, optimizer.state_dict()["state"]

    both_ways(scenario, at_least=STEPS // 2)


@pytest.mark.parametrize("name", ["rmsprop", "adagrad"])
def test_sparse_and_dense_gradients_in_turn(name):
    def scenario(jit):
        table = minigrad.randn(9, 4, requires_grad=True)
        optimizer = SPARSE[name]([table])

        @jit
        def step(words, sparse):
            optimizer.zero_grad()
            loss = F.embedding(words, table, sparse=sparse).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        for k in range(STEPS):
            yield step(minigrad.randint(0, 9, (3, 2)), k % 3 != 0)
            yield table, optimizer.state_dict()["state"]

    both_ways(scenario, at_least=STEPS // 2)
