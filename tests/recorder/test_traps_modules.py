"""Modules that change between the calls of a recorded step: layers, attributes, classes, hooks.

Each test is a trap as a hostile user would set it. It ends in one of two ways: every result equals the eager run to the
last bit, or recording raises an error that names the user's line and says what to do. Never a stale value.
"""

from __future__ import annotations

import pytest
from recorded_helpers import (
    Net,
    batches,
    both_ways,
    loud_or_equal,
    mlp,
    regularized,
    trainer,
)

import minigrad
from minigrad import nn, optim

# Modules


def test_eval_and_train_between_calls():
    def scenario(jit):
        model = regularized()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        step = trainer(jit, model, optimizer)
        for k, (x, y) in enumerate(batches(12)):
            model.train(k // 3 % 2 == 0)
            yield step(x, y), model

    made = both_ways(scenario, at_least=8)
    assert "2 programs" in made[0].report()


def test_training_of_one_layer_switched():
    def scenario(jit):
        model = regularized()
        predict = jit(lambda x: model(x))
        for k, (x, _) in enumerate(batches(9)):
            model[2].training = k < 3
            model[1].training = k < 6
            yield predict(x), model

    both_ways(scenario, at_least=4)


def test_dropout_rate_changed():
    def scenario(jit):
        model = regularized()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        step = trainer(jit, model, optimizer)
        for k, (x, y) in enumerate(batches(9)):
            model[2].p = [0.3, 0.9, 0.0][k // 3]
            yield step(x, y), model

    both_ways(scenario, at_least=4)


def test_dropout_rate_of_a_subclass_changed():
    class Mine(nn.Dropout):
        pass

    def scenario(jit):
        layer = Mine(0.5)
        step = jit(lambda x: layer(x))
        for k in range(6):
            layer.p = [0.5, 0.1][k // 3]
            yield step(minigrad.ones(10))

    both_ways(scenario, at_least=2)


def test_batch_norm_options_changed():
    class Mine(nn.BatchNorm1d):
        """A subclass that changes nothing."""

    for cls in (nn.BatchNorm1d, Mine):

        def scenario(jit, cls=cls):
            layer = cls(4)
            step = jit(lambda x: layer(x))
            for k, (x, _) in enumerate(batches(12)):
                layer.momentum = [0.1, 0.5, None, None][k // 3]
                layer.eps = [1e-5, 1e-5, 1e-5, 1.0][k // 3]
                yield step(x), layer

        both_ways(scenario, at_least=4)


def test_a_layer_of_a_sequential_replaced():
    def scenario(jit):
        model = mlp()
        step = jit(lambda x: model(x))
        for k, (x, _) in enumerate(batches(12)):
            if k == 3:
                model[0] = nn.Linear(4, 5)
            if k == 6:
                model[1] = nn.ReLU()
            if k == 9:
                model.append(nn.Linear(3, 2))
            yield step(x)

    both_ways(scenario, at_least=6)


def test_a_layer_of_the_users_model_replaced():
    def scenario(jit):
        model = Net()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        step = trainer(jit, model, optimizer)
        for k, (x, y) in enumerate(batches(9)):
            if k == 3:
                model.fc = nn.Linear(4, 5)
            if k == 6:
                model.out = nn.Sequential(nn.Tanh(), model.out)
            yield step(x, y), model

    both_ways(scenario, at_least=4)


@pytest.mark.parametrize("features", [1, 5])
def test_a_parameter_replaced_by_an_equal_one(features):
    def scenario(jit):
        model = nn.Sequential(nn.Linear(features, 1), nn.Linear(1, 1))
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        step = trainer(jit, model, optimizer)
        for k in range(8):
            if k == 4:
                model[0].weight = nn.Parameter(model[0].weight.detach().clone())
                model[1].weight = nn.Parameter(model[1].weight.detach().clone())
            yield step(minigrad.randn(6, features), minigrad.randn(6, 1)), model, optimizer

    both_ways(scenario, at_least=4)


def test_a_parameter_of_the_users_model_replaced():
    def scenario(jit):
        model = Net()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        step = trainer(jit, model, optimizer)
        for k, (x, y) in enumerate(batches(8)):
            if k == 4:
                model.fc.weight = nn.Parameter(minigrad.randn(5, 4))
                model.fc.bias = None
            yield step(x, y), model

    both_ways(scenario, at_least=4)


def test_buffers_replaced():
    def scenario(jit):
        model = nn.Sequential(Net(), nn.BatchNorm1d(3))
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        step = trainer(jit, model, optimizer)
        for k, (x, y) in enumerate(batches(12)):
            if k == 3:
                model[0].offset = minigrad.ones(3)
            if k == 6:
                model[1].running_mean = minigrad.ones(3)
            if k == 9:  # a number: an equal one in another place
                model[1].num_batches_tracked = model[1].num_batches_tracked.clone()
            yield step(x, y), model

    both_ways(scenario, at_least=4)


def test_statistics_reset():
    def scenario(jit):
        model = regularized()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        step = trainer(jit, model, optimizer)
        for k, (x, y) in enumerate(batches(8)):
            if k == 4:
                model[1].reset_running_stats()
            yield step(x, y), model

    both_ways(scenario, at_least=4)


def test_a_number_in_an_attribute_of_the_model():
    def scenario(jit):
        model = Net()
        step = jit(lambda x: model(x))
        for k, (x, _) in enumerate(batches(9)):
            model.scale = [2.0, 3.0, 2][k // 3]
            yield step(x)

    both_ways(scenario, at_least=4)


def test_a_function_in_an_attribute_of_the_model():
    def scenario(jit):
        model = Net()
        step = jit(lambda x: model(x))
        for k, (x, _) in enumerate(batches(9)):
            model.act = [minigrad.tanh, minigrad.relu, lambda x: x * 2][k // 3]
            yield step(x)

    both_ways(scenario, at_least=4)


class Sloped(Net):
    def forward(self, x):
        return super().forward(x) * self.slope


def test_a_class_attribute_overridden_on_the_object():
    def scenario(jit):
        model = Sloped()
        step = jit(lambda x: model(x))
        for k, (x, _) in enumerate(batches(9)):
            if k == 3:
                model.slope = 0.1
            if k == 6:
                del model.slope
            yield step(x)

    both_ways(scenario, at_least=2)


def test_a_class_attribute_changed():
    def scenario(jit):
        model = Sloped()
        step = jit(lambda x: model(x))
        try:
            for k, (x, _) in enumerate(batches(9)):
                if k == 3:
                    Sloped.slope = 0.1
                if k == 6:
                    del Sloped.slope
                yield step(x)
        finally:
            assert "slope" not in vars(Sloped)

    both_ways(scenario, at_least=2)


def test_forward_replaced_on_the_object_and_on_the_class():
    def scenario(jit):
        class Double(nn.Module):
            def forward(self, x):
                return x * 2

        model = Double()
        step = jit(lambda x: model(x))
        for k, (x, _) in enumerate(batches(9)):
            if k == 3:
                model.forward = lambda x: x * 3
            if k == 6:
                del model.forward
                Double.forward = lambda self, x: x * 4
            yield step(x)

    both_ways(scenario, at_least=2)


def test_numbers_in_lists_and_dicts_of_the_model():
    class Powers(Net):
        def forward(self, x):
            return super().forward(x) ** self.config["power"] * self.gains[0] + self.gains[1]

    def scenario(jit):
        model = Powers()
        step = jit(lambda x: model(x))
        for k, (x, _) in enumerate(batches(9)):
            if k == 3:
                model.gains[0] = 5.0
            if k == 6:
                model.config["power"] = 3
            yield step(x)

    both_ways(scenario, at_least=2)


def test_layers_kept_in_a_plain_list():
    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(4, 4), nn.Dropout(0.5)]

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

    def scenario(jit):
        model = Plain()
        step = jit(lambda x: model(x))
        for k, (x, _) in enumerate(batches(12)):
            if k == 3:
                model.layers[1].p = 0.1
            if k == 6:
                model.layers.append(nn.Tanh())
            if k == 9:
                model.layers[0] = nn.Linear(4, 4)
            yield step(x)

    both_ways(scenario, at_least=4)


def test_an_attribute_deleted():
    class Optional(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = 3.0

        def forward(self, x):
            return x * getattr(self, "scale", 1.0) + getattr(self, "shift", 0.0)

    def scenario(jit):
        model = Optional()
        step = jit(lambda x: model(x))
        for k, (x, _) in enumerate(batches(9)):
            if k == 3:
                del model.scale
            if k == 6:
                model.shift = 7.0
            yield step(x)

    both_ways(scenario, at_least=2)


def test_an_attribute_found_by_a_computed_name():
    class Indirect(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale_0 = 3.0

        def forward(self, x):
            return x * getattr(self, f"scale_{0}")

    def scenario(jit):
        model = Indirect()
        step = jit(lambda x: model(x))
        for k, (x, _) in enumerate(batches(6)):
            model.scale_0 = [3.0, 4.0][k // 3]
            yield step(x)

    both_ways(scenario, at_least=2)


def test_two_objects_of_one_class():
    class Scale:
        def __init__(self, factor):
            self.factor = factor

        def __call__(self, x):
            return x * self.factor

    def scenario(jit):
        first, second = Scale(2.0), Scale(3.0)
        step = jit(lambda x: second(first(x)))
        for k in range(9):
            first.factor = [2.0, 2.0, 5.0][k // 3]
            second.factor = [3.0, 7.0, 7.0][k // 3]
            yield step(minigrad.ones(3))

    both_ways(scenario, at_least=3)


def test_a_counter_in_the_model():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.calls = 0

        def forward(self, x):
            self.calls += 1
            return x * self.calls

    def scenario(jit):
        model = Counting()
        step = jit(lambda x: model(x))
        for x, _ in batches(6):
            yield step(x)

    loud_or_equal(scenario)


def test_a_hook_on_a_layer_registered_and_removed_later():
    def scenario(jit):
        model = mlp()
        step = jit(lambda x: model(x))
        for k, (x, _) in enumerate(batches(12)):
            if k == 3:
                handle = model[0].register_forward_hook(lambda module, args, output: output * 2)
            if k == 6:
                second = model[0].register_forward_hook(lambda module, args, output: output + 1)
            if k == 8:
                second.remove()
            if k == 10:
                handle.remove()
            yield step(x)

    both_ways(scenario, at_least=4)


def test_a_hook_on_the_users_model_registered_later():
    def scenario(jit):
        model = Net()
        step = jit(lambda x: model(x))
        for k, (x, _) in enumerate(batches(9)):
            if k == 3:
                model.register_forward_pre_hook(lambda module, args: (args[0] * 2,))
            if k == 6:
                model.register_forward_pre_hook(lambda module, args: (args[0] + 1,))
            yield step(x)

    both_ways(scenario, at_least=4)


def test_a_hook_on_a_parameter_registered_later():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        step = trainer(jit, model, optimizer)
        for k, (x, y) in enumerate(batches(12)):
            if k == 3:
                handle = model[0].weight.register_hook(lambda g: g * 2)
            if k == 6:
                model[0].weight.register_hook(lambda g: g + 1)
            if k == 9:
                handle.remove()
            yield step(x, y), model

    both_ways(scenario, at_least=4)


def test_a_hook_on_the_optimizer_registered_later():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        step = trainer(jit, model, optimizer)

        def halve(optimizer, args, kwargs):
            for p in model.parameters():
                p.grad.mul_(0.5)

        for k, (x, y) in enumerate(batches(9)):
            if k == 3:
                handle = optimizer.register_step_pre_hook(halve)
            if k == 6:
                handle.remove()
            yield step(x, y), model

    both_ways(scenario, at_least=3)


def test_hooks_compute_in_every_replay_and_their_python_runs_while_recording_only():
    calls = []

    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        def double(module, args, output):
            calls.append(module)
            return output * 2

        model[0].register_forward_hook(double)
        model[2].weight.register_hook(lambda g: g.clamp(-0.1, 0.1))
        step = trainer(jit, model, optimizer)
        calls.clear()
        for x, y in batches(8):
            yield step(x, y), model

    both_ways(scenario, at_least=5)
    assert 1 <= len(calls) <= 3  # once for the call that lays the optimizer out, twice at most for the one recorded
