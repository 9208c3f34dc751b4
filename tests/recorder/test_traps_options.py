"""Options of optimizers, states and weights that change between the calls of a recorded step.

Each test is a trap as a hostile user would set it. It ends in one of two ways: every result equals the eager run to the
last bit, or recording raises an error that names the user's line and says what to do. Never a stale value.
"""

from __future__ import annotations

import copy

import pytest
from recorded_helpers import (
    batches,
    both_ways,
    loud_or_equal,
    mlp,
    trainer,
)

import minigrad
import minigrad.nn.functional as F
from minigrad import optim

# Learning rates and other options of optimizers


def test_learning_rate_set_through_param_groups():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        step = trainer(jit, model, optimizer)
        for k, (x, y) in enumerate(batches()):
            optimizer.param_groups[0]["lr"] = 0.1 / (k + 1)
            yield step(x, y)
        yield model

    both_ways(scenario, at_least=4)


def test_learning_rate_zero_int_negative_zero_and_huge():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        step = trainer(jit, model, optimizer)
        for lr, (x, y) in zip([0.1, 0.1, 0.0, 0, 1, -0.0, 1e30, float("inf")], batches(8)):
            optimizer.param_groups[0]["lr"] = lr
            yield step(x, y), model

    both_ways(scenario, at_least=4)


def test_learning_rate_that_is_a_tensor():
    def scenario(jit):
        model = mlp()
        lr = minigrad.tensor(0.1)
        optimizer = optim.SGD(model.parameters(), lr=lr)
        step = trainer(jit, model, optimizer)
        for x, y in batches():
            yield step(x, y), model
            lr.mul_(0.5)

    both_ways(scenario)


class Decay:
    """A scheduler as users write them."""

    def __init__(self, optimizer, factor):
        self.optimizer, self.factor = optimizer, factor

    def step(self):
        for group in self.optimizer.param_groups:
            group["lr"] *= self.factor


def test_a_scheduler_between_steps():
    def scenario(jit):
        model = mlp()
        optimizer = optim.RMSprop(model.parameters(), lr=0.1, momentum=0.5)
        scheduler = Decay(optimizer, 0.7)
        step = trainer(jit, model, optimizer)
        for x, y in batches():
            yield step(x, y)
            scheduler.step()
        yield model, optimizer

    both_ways(scenario, at_least=4)


def test_a_scheduler_called_inside_the_step():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        scheduler = Decay(optimizer, 0.7)

        @jit
        def step(x, y):
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            scheduler.step()
            return loss

        for x, y in batches():
            yield step(x, y), optimizer

    loud_or_equal(scenario)


OPTIONS = [
    ("SGD", "momentum", [0.0, 0.0, 0.9, 0.9, 0.5, 0.0, 0.9]),
    ("SGD", "weight_decay", [0.0, 0.0, 0.1, 0.2, 0.0, 0.1, 0.1]),
    ("SGD", "maximize", [False, False, True, True, False, False, True]),
    ("SGD+", "dampening", [0.0, 0.0, 0.5, 0.3, 0.0, 0.5, 0.5]),
    ("SGD+", "nesterov", [False, False, True, True, False, False, True]),
    ("Momentum", "momentum", [0.9, 0.9, 0.5, 0.0, 0.9, 0.9, 0.1]),
    ("Momentum", "maximize", [False, False, True, True, False, False, True]),
    ("NAG", "momentum", [0.9, 0.9, 0.5, 0.0, 0.9, 0.9, 0.1]),
    ("NAG", "weight_decay", [0.0, 0.0, 0.1, 0.2, 0.0, 0.1, 0.1]),
    ("Adagrad", "lr_decay", [0.0, 0.0, 0.1, 0.2, 0.0, 0.5, 0.5]),
    ("Adagrad", "eps", [1e-10, 1e-10, 0.1, 0.0, 1.0, 1.0, 1e-3]),
    ("Adagrad", "eps_mode", ["outside", "outside", "inside", "inside", "outside", "inside", "inside"]),
    ("RMSprop", "alpha", [0.99, 0.99, 0.5, 0.0, 0.9, 0.9, 0.1]),
    ("RMSprop", "eps", [1e-8, 1e-8, 0.1, 1e-8, 1.0, 1.0, 1e-3]),
    ("RMSprop", "momentum", [0.0, 0.0, 0.9, 0.9, 0.5, 0.0, 0.9]),
    ("RMSprop", "centered", [False, False, True, True, False, False, True]),
    ("RMSprop", "eps_mode", ["outside", "outside", "inside", "inside", "outside", "inside", "inside"]),
    ("RMSprop", "weight_decay", [0.0, 0.0, 0.1, 0.2, 0.0, 0.1, 0.1]),
]
MAKERS = {
    "SGD": lambda params: optim.SGD(params, lr=0.05),
    "SGD+": lambda params: optim.SGD(params, lr=0.05, momentum=0.9),
    "Momentum": lambda params: optim.Momentum(params, lr=0.05),
    "NAG": lambda params: optim.NAG(params, lr=0.05),
    "Adagrad": lambda params: optim.Adagrad(params, lr=0.05),
    "RMSprop": lambda params: optim.RMSprop(params, lr=0.01),
}


@pytest.mark.parametrize("name, option, values", OPTIONS, ids=lambda part: part if isinstance(part, str) else "")
def test_an_option_is_changed_and_changed_back(name, option, values):
    def scenario(jit):
        model = mlp()
        optimizer = MAKERS[name](model.parameters())
        step = trainer(jit, model, optimizer)
        for value in values:
            optimizer.param_groups[0][option] = value
            for x, y in batches(2):
                yield step(x, y), model

    both_ways(scenario, at_least=5)


def test_an_option_read_inside_the_step():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        @jit
        def step(x, y):
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            return loss * optimizer.param_groups[0]["lr"]

        for k, (x, y) in enumerate(batches()):
            optimizer.param_groups[0]["lr"] = [0.1, 0.2][k // 3]
            yield step(x, y)

    both_ways(scenario, at_least=2)


def test_an_option_read_by_a_function_that_the_step_calls():
    def scenario(jit):
        w = minigrad.ones(3, requires_grad=True)
        optimizer = optim.SGD([w], lr=0.1)

        def rate():
            return next(iter(optimizer.param_groups))["lr"]

        @jit
        def step(x):
            return x * rate()

        for k in range(6):
            optimizer.param_groups[0]["lr"] = [0.1, 0.2][k // 3]
            yield step(minigrad.ones(3))

    both_ways(scenario, at_least=2)


def test_an_options_dict_replaced_and_a_group_added_later():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model[0].parameters(), lr=0.1, momentum=0.9)
        step = trainer(jit, model, optimizer)
        for k, (x, y) in enumerate(batches(9)):
            if k == 3:
                optimizer.add_param_group({"params": model[2].parameters(), "lr": 0.01})
            if k == 6:
                optimizer.param_groups[0] = {**optimizer.param_groups[0], "lr": 0.3}
            yield step(x, y), model
        yield optimizer

    both_ways(scenario, at_least=3)


def test_a_group_removed():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD([{"params": model[0].parameters()}, {"params": model[2].parameters()}], lr=0.1)
        step = trainer(jit, model, optimizer)
        for k, (x, y) in enumerate(batches(8)):
            if k == 4:
                del optimizer.param_groups[1]
            yield step(x, y), model

    both_ways(scenario, at_least=4)


def test_parameters_of_a_group_exchanged():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model[0].parameters(), lr=0.1)
        step = trainer(jit, model, optimizer)
        for k, (x, y) in enumerate(batches(8)):
            if k == 4:
                optimizer.param_groups[0]["params"] = [*model[2].parameters()]
            yield step(x, y), model

    both_ways(scenario, at_least=4)


def test_an_optimizer_of_the_users_own_with_a_number_in_an_attribute():
    class Signed(optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})
            self.sharpness = 1.0

        def scalars(self, group, t):
            return {"lr": float(group["lr"])}

        def update(self, xp, p, g, state, lr):
            p -= lr * xp.tanh(g * self.sharpness)

    def scenario(jit):
        model = mlp()
        optimizer = Signed(model.parameters(), 0.1)
        step = trainer(jit, model, optimizer)
        for k, (x, y) in enumerate(batches(8)):
            optimizer.sharpness = [1.0, 9.0][k // 4]
            yield step(x, y), model

    both_ways(scenario, at_least=3)


# States loaded, arrays replaced


def test_optimizer_state_loaded():
    def scenario(jit):
        model = mlp()
        optimizer = optim.RMSprop(model.parameters(), lr=0.01, momentum=0.9)
        step = trainer(jit, model, optimizer)
        for k, (x, y) in enumerate(batches(10)):
            if k == 3:
                saved = copy.deepcopy(optimizer.state_dict())
            if k == 6:
                optimizer.load_state_dict(saved)
            yield step(x, y), model, optimizer

    both_ways(scenario, at_least=4)


def test_optimizer_state_loaded_before_every_step():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
        step = trainer(jit, model, optimizer)
        for x, y in batches(40):
            optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
            yield step(x, y), model

    with pytest.warns(UserWarning, match="eagerly"):
        both_ways(scenario, at_least=0)


def test_optimizer_state_changed_in_place():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
        step = trainer(jit, model, optimizer)
        for k, (x, y) in enumerate(batches(8)):
            if k > 3:
                for state in optimizer.state.values():
                    state["momentum_buffer"].zero_()
            yield step(x, y), model

    both_ways(scenario, at_least=4)


def test_model_state_loaded():
    def scenario(jit):
        model, other = mlp(), mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        step = trainer(jit, model, optimizer)
        for k, (x, y) in enumerate(batches(9)):
            if k in (3, 6):
                model.load_state_dict(other.state_dict(), assign=k == 6)
            yield step(x, y), model

    both_ways(scenario, at_least=3)


def test_data_of_a_parameter_replaced():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        step = trainer(jit, model, optimizer)
        for k, (x, y) in enumerate(batches(9)):
            if k in (3, 4):
                model[0].weight.data = minigrad.randn(5, 4)
            if k == 6:
                model[2].bias.data = minigrad.zeros(3)
            yield step(x, y), model

    both_ways(scenario, at_least=2)


def test_parameters_changed_in_place_between_steps():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        step = trainer(jit, model, optimizer)
        for x, y in batches(8):
            with minigrad.no_grad():
                model[0].weight.clamp_(-0.3, 0.3)
                model[2].weight[0] = 1.0
            model[0].bias.data.fill_(0.5)
            yield step(x, y), model

    both_ways(scenario, at_least=4)


def test_weights_written_through_numpy():
    def scenario(jit):
        model = mlp()
        weight = model[0].weight.detach().numpy()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        step = trainer(jit, model, optimizer)
        for k, (x, y) in enumerate(batches(8)):
            weight[0] = k
            yield step(x, y), model, weight

    both_ways(scenario, at_least=4)


def test_parameters_frozen_and_thawed():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
        step = trainer(jit, model, optimizer)
        for k, (x, y) in enumerate(batches(12)):
            if k in (3, 7):
                model[0].requires_grad_(k == 7)
            yield step(x, y), model, optimizer

    both_ways(scenario, at_least=4)


def test_a_frozen_bias_alone():
    def scenario(jit):
        model = mlp()
        optimizer = optim.RMSprop(model.parameters(), lr=0.01)
        step = trainer(jit, model, optimizer)
        for k, (x, y) in enumerate(batches(9)):
            model[2].bias.requires_grad_(k not in (3, 4, 5))
            yield step(x, y), model, optimizer

    both_ways(scenario, at_least=2)


def test_a_branch_on_requires_grad_of_a_tensor_that_is_not_computed_with():
    def scenario(jit):
        switch = minigrad.zeros(1, requires_grad=True)

        @jit
        def step(x):
            return x * 2 if switch.requires_grad else x * 3

        for k in range(6):
            switch.requires_grad_(k < 3)
            yield step(minigrad.ones(2))

    both_ways(scenario, at_least=2)
