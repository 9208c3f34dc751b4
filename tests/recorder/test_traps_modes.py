"""Modes, defaults and random streams around and inside a recorded step.

Each test is a trap as a hostile user would set it. It ends in one of two ways: every result equals the eager run to the
last bit, or recording raises an error that names the user's line and says what to do. Never a stale value.
"""

from __future__ import annotations

from recorded_helpers import (
    batches,
    both_ways,
    loud_or_equal,
    mlp,
    refused,
    regularized,
    trainer,
)

import minigrad
import minigrad.nn.functional as F
from minigrad import optim

# Modes, defaults, random streams


def test_gradient_modes_around_calls():
    def scenario(jit):
        model = mlp()
        step = jit(lambda x: model(x).sum())
        modes = [minigrad.no_grad, minigrad.enable_grad, minigrad.inference_mode]
        for k, (x, _) in enumerate(batches(18)):
            with modes[k // 3 % 3]():
                result = step(x)
            yield result, result.requires_grad

    both_ways(scenario, at_least=12)


def test_gradient_modes_inside_the_step():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        @jit
        def step(x, y, train):
            with minigrad.set_grad_enabled(train):
                loss = F.mse_loss(model(x), y)
            with minigrad.no_grad():
                other = model(x * 2).mean()
            if train:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            return loss, other

        for k, (x, y) in enumerate(batches(12)):
            yield step(x, y, k // 3 % 2 == 0), model
            assert minigrad.is_grad_enabled()

    both_ways(scenario, at_least=6)


def test_a_mode_left_on_inside_the_step():
    def scenario(jit):
        @jit
        def step(x):
            minigrad.set_grad_enabled(False)
            return x * 2

        try:
            for _ in range(4):
                minigrad.set_grad_enabled(True)
                yield step(minigrad.ones(2)), minigrad.is_grad_enabled()
        finally:
            minigrad.set_grad_enabled(True)

    loud_or_equal(scenario)


def test_the_default_dtype_between_calls():
    def scenario(jit):
        step = jit(lambda x: x + minigrad.zeros(3) + minigrad.tensor(0.5) + minigrad.rand(3) + x.long() / 3)
        try:
            for k in range(9):
                minigrad.set_default_dtype([minigrad.float32, minigrad.float64, minigrad.float16][k // 3])
                yield step(minigrad.ones(3, dtype=minigrad.float32))
        finally:
            minigrad.set_default_dtype(minigrad.float32)

    both_ways(scenario, at_least=5)


def test_the_default_device_between_calls():
    def scenario(jit):
        step = jit(lambda: minigrad.zeros(3) + 1)
        try:
            for k in range(6):
                minigrad.set_default_device(["cpu", "cuda"][k // 3])
                yield step()
        finally:
            minigrad.set_default_device("cpu")

    if minigrad.cuda.is_available():
        both_ways(scenario, at_least=2)


def test_the_mode_train_or_eval_set_inside_the_step():
    def scenario(jit):
        model = regularized()

        @jit
        def step(x):
            model.eval()
            first = model(x)
            model.train()
            return first, model(x)

        for x, _ in batches(5):
            yield step(x), model

    loud_or_equal(scenario)


def test_the_mode_changed_by_the_step():
    def scenario(jit):
        model = regularized()

        @jit
        def step(x):
            model.eval()
            return model(x)

        for x, _ in batches(5):
            model.train()
            yield step(x), model

    loud_or_equal(scenario)


def test_anomaly_detection_around_a_call():
    def scenario(jit):
        model = mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        step = trainer(jit, model, optimizer)
        for k, (x, y) in enumerate(batches(8)):
            if k in (0, 4):
                with minigrad.autograd.detect_anomaly(), __import__("warnings").catch_warnings(action="ignore"):
                    yield step(x, y), model
            else:
                yield step(x, y), model

    both_ways(scenario, at_least=3)


def test_seeds_set_inside_and_outside_the_step():
    def scenario(jit):
        @jit
        def seeded(x):
            minigrad.manual_seed(5)
            return x + minigrad.rand(3), minigrad.randn(3), minigrad.randperm(4), minigrad.randint(0, 9, (3,))

        drawn = jit(lambda x: x + minigrad.rand(3) + F.dropout(x, 0.5))
        for k in range(12):
            yield drawn(minigrad.ones(3))
            if k % 3 == 0:
                yield seeded(minigrad.ones(3))
            if k % 4 == 0:
                minigrad.manual_seed(k)
            if k % 5 == 0:
                state = minigrad.get_rng_state()
            if k % 5 == 3:
                minigrad.set_rng_state(state)

    both_ways(scenario, at_least=10)


def test_generators_of_the_users_own():
    def scenario(jit):
        generator = minigrad.Generator().manual_seed(3)
        step = jit(lambda x: x + minigrad.rand(3, generator=generator) + minigrad.randn(3))
        for k in range(12):
            yield step(minigrad.ones(3)), generator
            if k == 4:
                generator.manual_seed(3)
            if k == 6:
                generator = minigrad.Generator().manual_seed(8)
            if k == 8:
                generator.set_state(minigrad.Generator().manual_seed(3).get_state())

    both_ways(scenario, at_least=7)


def test_a_generator_as_an_argument():
    def scenario(jit):
        step = jit(lambda generator: minigrad.rand(3, generator=generator))
        generators = [minigrad.Generator().manual_seed(k) for k in range(2)]
        for k in range(8):
            yield step(generators[k // 2 % 2])

    both_ways(scenario, at_least=4)


def test_data_augmentation_and_drop_path_with_random_decisions_in_tensors():
    def scenario(jit):
        @jit
        def step(x):
            keep = (minigrad.rand(x.shape[0], 1) > 0.5).to(x.dtype)
            order = minigrad.randperm(x.shape[0])
            return (x * keep)[order] + minigrad.bernoulli(minigrad.full((x.shape[0], 1), 0.3))

        for _ in range(6):
            yield step(minigrad.randn(8, 4))

    both_ways(scenario, at_least=4)


def test_a_random_decision_in_python():
    @minigrad.jit
    def step(x):
        if minigrad.rand(()) > 0.5:  # refused
            return x * 2
        return x

    refused(step, minigrad.ones(3), saying="where")
