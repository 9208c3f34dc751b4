"""Unusual training steps: several models and optimizers, and functions of the user's own.

Each test is a trap as a hostile user would set it. It ends in one of two ways: every result equals the eager run to the
last bit, or recording raises an error that names the user's line and says what to do. Never a stale value.
"""

from __future__ import annotations

import copy
import pickle
import sys

import pytest
from recorded_helpers import (
    batches,
    bits,
    both_ways,
    loud_or_equal,
    mlp,
    regularized,
    trainer,
)

import minigrad
import minigrad.nn.functional as F
from minigrad import RecordingError, nn, optim

# Several models, optimizers and steps


def test_two_optimizers_on_one_model():
    def scenario(jit):
        model = mlp()
        first = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        second = optim.RMSprop(model.parameters(), lr=0.01)

        @jit
        def step(x, y):
            first.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            first.step()
            second.step()
            return loss

        for x, y in batches(8):
            yield step(x, y), model
        yield first, second

    both_ways(scenario, at_least=4)


def test_two_optimizers_on_one_model_in_turn():
    def scenario(jit):
        model = mlp()
        steps = [
            trainer(jit, model, optim.SGD(model.parameters(), lr=0.1, momentum=0.9)),
            trainer(jit, model, optim.RMSprop(model.parameters(), lr=0.01)),
        ]
        for k, (x, y) in enumerate(batches(16)):
            yield steps[k // 2 % 2](x, y), model

    both_ways(scenario, at_least=2)


def test_one_optimizer_on_two_models():
    def scenario(jit):
        first, second = mlp(), nn.Linear(4, 3)
        optimizer = optim.SGD([*first.parameters(), *second.parameters()], lr=0.1, momentum=0.9)
        steps = trainer(jit, first, optimizer), trainer(jit, second, optimizer)
        for k, (x, y) in enumerate(batches(12)):
            yield steps[k % 2](x, y), first, second

    both_ways(scenario, at_least=6)


def test_two_optimizers_on_parts_of_one_model():
    def scenario(jit):
        model = mlp()
        first = optim.SGD([*model[0].parameters(), model[2].weight], lr=0.1, momentum=0.9)
        second = optim.Adagrad([model[2].bias, model[2].weight], lr=0.1)

        @jit
        def step(x, y):
            model.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            first.step()
            second.step()
            return loss

        for x, y in batches(8):
            yield step(x, y), model
        yield first, second

    both_ways(scenario, at_least=4)


def test_a_gan():
    def scenario(jit):
        generator = nn.Sequential(nn.Linear(2, 5), nn.ReLU(), nn.Linear(5, 4))
        critic = nn.Sequential(nn.Linear(4, 5), nn.LeakyReLU(0.2), nn.Dropout(0.2), nn.Linear(5, 1))
        of_generator = optim.RMSprop(generator.parameters(), lr=0.01)
        of_critic = optim.SGD(critic.parameters(), lr=0.01, momentum=0.5)
        judge = nn.BCEWithLogitsLoss()

        @jit
        def step(real):
            ones, zeros = minigrad.ones(real.shape[0], 1), minigrad.zeros(real.shape[0], 1)
            fake = generator(minigrad.randn(real.shape[0], 2))
            of_critic.zero_grad()
            loss = judge(critic(real), ones) + judge(critic(fake.detach()), zeros)
            loss.backward()
            of_critic.step()
            of_generator.zero_grad()
            fooled = judge(critic(fake), ones)
            fooled.backward()
            of_generator.step()
            return loss, fooled

        for k in range(12):
            yield step(minigrad.randn(6 if k % 5 else 3, 4)), generator, critic

    both_ways(scenario, at_least=7)


def test_several_optimizer_steps_in_one_call():
    def scenario(jit):
        model = mlp()
        optimizer = optim.Adagrad(model.parameters(), lr=0.1, lr_decay=0.1)

        @jit
        def steps(x, y):
            losses = []
            for _ in range(3):
                optimizer.zero_grad()
                loss = F.mse_loss(model(x), y)
                loss.backward()
                optimizer.step()
                losses.append(loss)
            return losses

        for k, (x, y) in enumerate(batches(8)):
            optimizer.param_groups[0]["lr"] = 0.1 / (k + 1)
            yield steps(x, y), model, optimizer

    both_ways(scenario, at_least=5)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_dampening_that_starts_at_the_second_step_inside_one_call(momentum):
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=momentum, dampening=0.5)

        @jit
        def steps(x, y):
            for _ in range(2):
                optimizer.zero_grad()
                loss = F.mse_loss(model(x), y)
                loss.backward()
                optimizer.step()
            return loss

        for x, y in batches(6):
            yield steps(x, y), model, optimizer

    both_ways(scenario, at_least=3)


def test_eager_steps_between_recorded_ones():
    def scenario(jit):
        model = regularized()
        optimizer = optim.RMSprop(model.parameters(), lr=0.01, momentum=0.9)
        step, eager = trainer(jit, model, optimizer), trainer(lambda f: f, model, optimizer)
        for k, (x, y) in enumerate(batches(15)):
            yield (eager if k % 4 == 3 else step)(x, y), model
        yield optimizer

    both_ways(scenario, at_least=8)


def test_another_optimizer_made_for_the_same_model_by_a_restart():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

        @jit
        def step(x, y):
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        for k, (x, y) in enumerate(batches(12)):
            if k % 4 == 3:
                optimizer = optim.SGD(model.parameters(), lr=0.1 / k, momentum=0.9)
            yield step(x, y), model

    both_ways(scenario, at_least=4)


def test_a_model_of_the_same_class_in_a_new_step():
    def scenario(jit):
        for _ in range(3):
            model = mlp()
            step = trainer(jit, model, optim.SGD(model.parameters(), lr=0.1))
            for x, y in batches(4):
                yield step(x, y), model

    both_ways(scenario, at_least=6)


def test_tied_weights_and_a_layer_used_twice():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(6, 4)
            self.mix = nn.Linear(4, 4)
            self.out = nn.Linear(4, 6, bias=False)
            self.out.weight = self.table.weight

        def forward(self, x):
            return self.out(self.mix(self.mix(self.table(x)).tanh()))

    def scenario(jit):
        model = Tied()
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

        @jit
        def step(x, y):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        for k in range(9):
            if k == 5:
                model.out.weight = nn.Parameter(model.table.weight.detach().clone())
            yield step(minigrad.randint(0, 6, (7,)), minigrad.randint(0, 6, (7,))), model

    both_ways(scenario, at_least=5)


def test_a_copy_of_the_model_taken_between_steps():
    def scenario(jit):
        model = regularized()
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        step = trainer(jit, model, optimizer)
        copies = []
        for x, y in batches(8):
            yield step(x, y), model
            copies.append((copy.deepcopy(model), pickle.loads(pickle.dumps(model.state_dict()))))
        yield copies

    both_ways(scenario, at_least=5)


def test_the_model_is_moved_to_another_dtype_and_back():
    def scenario(jit):
        model = regularized()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        step = trainer(jit, model, optimizer)
        for k in range(12):
            dtype = minigrad.float64 if k // 4 == 1 else minigrad.float32
            if k % 4 == 0:
                model.to(dtype)
                model.zero_grad()
            yield step(minigrad.randn(8, 4, dtype=dtype), minigrad.randn(8, 3, dtype=dtype)), model

    both_ways(scenario, at_least=6)


# Functions of the user's own below the step


def test_an_autograd_function_of_the_users_own():
    class Cube(minigrad.autograd.Function):
        @staticmethod
        def forward(ctx, x, scale):
            ctx.save_for_backward(x)
            ctx.scale = scale
            return x * x * x * scale

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 3 * x * x * ctx.scale, None

    def scenario(jit):
        w = minigrad.randn(3, requires_grad=True)
        optimizer = optim.SGD([w], lr=0.01)
        scale = 2.0

        @jit
        def step(x):
            optimizer.zero_grad()
            loss = Cube.apply(w * x, scale).sum()
            loss.backward()
            optimizer.step()
            return loss

        for k in range(9):
            scale = [2.0, 3.0, 0.5][k // 3]
            yield step(minigrad.randn(3)), w

    both_ways(scenario, at_least=3)


def test_a_straight_through_estimator_and_detach():
    def scenario(jit):
        w = minigrad.randn(3, requires_grad=True)

        @jit
        def step(x):
            w.grad = None
            h = w * x
            loss = ((h + (h.round() - h).detach()) ** 2).sum()
            loss.backward()
            with minigrad.no_grad():
                w.sub_(w.grad, alpha=0.1)
            return loss

        for _ in range(6):
            yield step(minigrad.randn(3)), bits(w)

    both_ways(scenario, at_least=3)


def test_checkpointing_inside_the_step():
    from minigrad.utils.checkpoint import checkpoint

    def scenario(jit):
        model = regularized()
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        @jit
        def step(x, y):
            optimizer.zero_grad()
            loss = F.mse_loss(checkpoint(model, x, use_reentrant=False), y)
            loss.backward()
            optimizer.step()
            return loss

        for x, y in batches(6):
            yield step(x, y), model

    loud_or_equal(scenario)


def test_a_running_average_of_the_weights():
    def scenario(jit):
        model = mlp()
        average = copy.deepcopy(model).requires_grad_(False)
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        @jit
        def step(x, y, decay):
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            with minigrad.no_grad():
                for slow, p in zip(average.parameters(), model.parameters()):
                    slow.mul_(decay).add_(p, alpha=1 - decay)
            return loss, average(x)

        for k, (x, y) in enumerate(batches(8)):
            yield step(x, y, min(0.9, k / 10)), model, average

    both_ways(scenario, at_least=5)


def test_plain_gradient_descent_by_hand():
    def scenario(jit):
        for update in (
            lambda p: p.data.sub_(0.1 * p.grad),
            lambda p: setattr(p, "data", p.data - 0.1 * p.grad),
            lambda p: p.data.copy_(p.data - 0.1 * p.grad),
            lambda p: p.detach().add_(p.grad, alpha=-0.1),
            lambda p: p.data.__isub__(p.grad * 0.1),
        ):
            model = mlp()

            @jit
            def step(x, y, model=model, update=update):
                model.zero_grad()
                loss = F.mse_loss(model(x), y)
                loss.backward()
                for p in model.parameters():
                    update(p)
                return loss

            for x, y in batches(5):
                yield step(x, y), bits(model)

    both_ways(scenario, at_least=10)


def test_the_first_call_is_an_eval_call():
    def scenario(jit):
        model = regularized()
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        @jit
        def step(x, y):
            if model.training:
                optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            if model.training:
                loss.backward()
                optimizer.step()
            return loss

        for k, (x, y) in enumerate(batches(12)):
            model.train(k // 3 % 2 == 1)
            yield step(x, y), model

    both_ways(scenario, at_least=6)


def test_a_recording_under_a_profiler():
    import cProfile

    profile = cProfile.Profile()
    step = minigrad.jit(lambda x: x * 2)
    profile.enable()
    try:
        assert step(minigrad.ones(2)).tolist() == [2, 2]
        assert sys.getprofile() in (profile, None)  # Python 3.12 and later profile in another way
        minigrad.ones(3).exp()
    finally:
        profile.disable()
    names = {entry.code.co_name for entry in profile.getstats() if not isinstance(entry.code, str)}
    assert "ones" in names


def test_a_profile_function_of_the_users_own_is_put_back():
    seen = []

    def watch(frame, event, argument):
        seen.append(event)

    step = minigrad.jit(lambda x: x * 2)
    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        step(minigrad.ones(2))
        assert sys.getprofile() is watch
    finally:
        sys.setprofile(before)
    with pytest.raises(RecordingError):
        minigrad.jit(lambda x: bool(x))(minigrad.ones(1))
    assert sys.getprofile() is before
