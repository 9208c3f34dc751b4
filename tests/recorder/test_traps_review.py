"""More traps: programs that a reader of the recorder thought of, each of which once went wrong in silence."""

from __future__ import annotations

import argparse
import operator
import threading
import types
import weakref

import pytest
from recorded_helpers import both_ways

import minigrad
from minigrad import RecordingError, nn, optim
from minigrad.recorder import chains


def test_two_float_arguments_are_compared():
    def scenario(jit):
        step = jit(lambda x, s, t: x if s == t else x * s)
        for s, t in ((2.0, 3.0), (2.0, 2.0), (3.0, 3.0), (4.0, 3.0)):
            yield step(minigrad.ones(2), s, t)

    both_ways(scenario)


def test_a_name_of_a_built_in_function_is_bound_anew():
    def scenario(jit):
        use = operator.add
        step = jit(lambda x: use(x, x))
        yield step(minigrad.ones(2) * 3)
        use = operator.mul
        yield step(minigrad.ones(2) * 3)

    both_ways(scenario, at_least=0)


def test_attributes_hung_on_tensors():
    def scenario(jit):
        w = minigrad.ones(2)
        w.scale = 2.0
        step = jit(lambda x: x * w.scale * getattr(x, "gain", 1.0))
        for scale, gain in ((2.0, None), (3.0, None), (3.0, 4.0), (3.0, 5.0)):
            x = minigrad.ones(2)
            w.scale = scale
            if gain is not None:
                x.gain = gain
            yield step(x)

    both_ways(scenario, at_least=0)


def test_the_gradient_of_an_argument_is_read():
    def scenario(jit):
        step = jit(lambda x: x * 2 if x.grad is None else x.grad * 10)
        for k in range(3):
            x = minigrad.ones(2)
            yield step(x)
            x.grad = minigrad.ones(2) * k
            yield step(x)

    both_ways(scenario, at_least=1)


@pytest.mark.parametrize("change", [lambda x, m: m.update(loss=x), lambda x, m: m["found"].append(1)])
def test_a_dict_or_list_among_the_arguments_is_not_changed(change):
    step = minigrad.jit(lambda x, metrics: change(x, metrics))
    with pytest.raises(RecordingError, match="among its arguments"):
        step(minigrad.ones(2), {"found": []})


def test_options_in_a_namespace_and_in_a_class():
    class Net(nn.Module):
        class Config:
            gain = 2.0

        def forward(self, x):
            return x * self.Config.gain

    def scenario(jit):
        Net.Config.gain = 2.0
        args, net = argparse.Namespace(alpha=2.0), Net()
        step = jit(lambda x: net(x) * args.alpha)
        yield step(minigrad.ones(2))
        args.alpha = 3.0
        yield step(minigrad.ones(2))
        Net.Config.gain = 5.0
        yield step(minigrad.ones(2))

    both_ways(scenario, at_least=0)


def test_a_step_that_changes_requires_grad_is_refused_and_changes_nothing():
    w = minigrad.ones(3, requires_grad=True)

    def step(x):
        loss = (w * x).sum()
        w.requires_grad_(False)
        return loss

    with pytest.raises(RecordingError, match="requires a gradient"):
        minigrad.jit(step)(minigrad.ones(3))
    assert w.requires_grad


def test_a_constant_gradient_may_be_changed_outside():
    def scenario(jit):
        w = minigrad.ones(3, requires_grad=True)

        @jit
        def step(x):
            w.grad = None
            loss = w.sum() + x.sum()
            loss.backward()
            return loss

        for _ in range(4):
            yield step(minigrad.ones(2))
            yield w.grad * 1
            w.grad.mul_(2.0)

    both_ways(scenario, at_least=3)


def test_a_parameter_of_the_optimizer_replaced_by_an_equal_one():
    def scenario(jit):
        p = nn.Parameter(minigrad.ones(1))
        optimizer = optim.SGD([p], lr=0.1, momentum=0.9)

        @jit
        def step(x):
            optimizer.zero_grad()
            (optimizer.param_groups[0]["params"][0] * x).sum().backward()
            optimizer.step()

        for k in range(8):
            if k == 4:
                optimizer.param_groups[0]["params"][0] = q = nn.Parameter(p.detach().clone())
            step(minigrad.ones(1))
            yield p * 1, q * 1 if k >= 4 else None

    both_ways(scenario, at_least=2)


def test_parameters_with_the_names_that_programs_use():
    def scenario(jit):
        step = jit(lambda new, type, x_values, x: new * x + type * x_values)
        for k in range(3):
            yield step(minigrad.ones(2) * k, 2.0, minigrad.ones(2), minigrad.ones(2))

    both_ways(scenario, at_least=2)


def test_code_of_two_files_that_is_equal():
    def made(name, scale):
        module = types.ModuleType(name)
        module.__file__, module.scale = f"/{name}.py", scale
        exec(compile("def f(x):\n    return x * scale\n", f"/{name}.py", "exec"), module.__dict__)
        return module

    def scenario(jit):
        first, second = made("first_file", 2.0), made("second_file", 3.0)
        functions = [first.f, second.f]
        step = jit(lambda x: functions[0](x) + functions[1](x))
        yield step(minigrad.ones(2))
        second.scale = 5.0
        yield step(minigrad.ones(2))
        first.scale = 1.0
        yield step(minigrad.ones(2))

    both_ways(scenario, at_least=0)


def test_a_thread_started_in_the_step_is_refused():
    def step(x):
        thread = threading.Thread(target=lambda: None)
        thread.start()
        thread.join()
        return x * 2

    with pytest.raises(RecordingError, match="start"):
        minigrad.jit(step)(minigrad.ones(2))


def test_a_finalizer_that_calls_the_step_in_the_middle_of_a_replay():
    w = minigrad.ones(3, requires_grad=True)

    @minigrad.jit
    def step(x):
        w.grad = None
        loss = (w * x).sum()
        loss.backward()
        return loss

    for _ in range(3):
        step(minigrad.ones(3))
    again = []
    w.grad = minigrad.zeros(3)
    weakref.finalize(w.grad, lambda: again.append(step(minigrad.ones(3)).item()))
    assert step(minigrad.ones(3)).item() == 3.0 and again == [3.0]


def test_blocks_do_not_hide_a_tensor_of_the_users(monkeypatch):
    monkeypatch.setattr(chains, "LARGE", 4)
    monkeypatch.setattr(chains, "BLOCK", 3)
    jitted = []

    def scenario(jit):
        gradients_block = minigrad.full((2,), 7.0)
        p, q = (minigrad.ones(4, requires_grad=True) for _ in range(2))
        optimizer = optim.SGD([p, q], lr=0.1, momentum=0.9)

        def step(x):
            optimizer.zero_grad()
            loss = (p * q * x).sum()
            loss.backward()
            optimizer.step()
            return loss + gradients_block

        step = jit(step)
        jitted.append(step)
        for _ in range(5):
            yield step(minigrad.randn(4)), p * 1, q * 1

    both_ways(scenario, at_least=3)
    assert " in blocks" in jitted[-1].source


def test_a_value_in_a_long_list_of_lists():
    def scenario(jit):
        rows = [[2.0] for _ in range(300)]
        step = jit(lambda x: x * rows[5][0])
        yield step(minigrad.ones(2))
        rows[5][0] = 3.0
        yield step(minigrad.ones(2))

    both_ways(scenario, at_least=0)
