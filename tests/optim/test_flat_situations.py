"""Situations in which the flat buffers must not be noticed: several optimizers, frozen and mixed parameters.

The measure is the same run one parameter at a time, each where it lies (`alone`), to the last bit.
"""

from __future__ import annotations

import numpy as np
import pytest
from optim_helpers import KINDS, SHAPES, alone, give_gradients, in_buffer, parameters, same_bits, values

import minigrad
from minigrad import optim
from minigrad.optim.base import flat


@pytest.mark.parametrize("kind", KINDS)
def test_two_optimizers_on_one_model_take_turns(kind, device):
    def run():
        params = parameters(device)
        optimizers = [KINDS[kind](params), KINDS["sgd-momentum"](params[::-1])]
        for step in range(6):
            give_gradients(params, step)
            optimizers[step % 2].step()
        return params

    assert same_bits(run(), alone(run))


def test_generator_and_discriminator(device):
    """Each step of one goes through the other, whose gradients it leaves behind."""

    def run():
        generator = parameters(device, [(2, 3), (3,)])
        discriminator = parameters(device, [(3, 1), (1,)], seed=1)
        make = [optim.RMSprop(generator, lr=0.01), optim.SGD(discriminator, lr=0.01, momentum=0.9)]
        noise = minigrad.tensor(np.random.default_rng(0).normal(size=(8, 2)), dtype=minigrad.float32, device=device)
        real = noise.sum(1, keepdim=True).expand(8, 3)

        def score(x):
            return minigrad.tanh(x @ discriminator[0] + discriminator[1]).mean()

        for _ in range(4):
            fake = noise @ generator[0] + generator[1]
            make[1].zero_grad()
            (score(fake.detach()) - score(real)).backward()
            make[1].step()
            make[0].zero_grad()
            (-score(fake)).backward()
            make[0].step()
        return generator + discriminator

    assert same_bits(run(), alone(run))


@pytest.mark.parametrize("kind", KINDS)
def test_a_parameter_without_a_gradient_is_untouched(kind, device):
    params = parameters(device)
    optimizer = KINDS[kind](params, weight_decay=0.1)
    give_gradients(params, 0)
    optimizer.step()
    frozen = {k: values(params[k]) for k in (0, 3)}
    state = {k: {name: values(entry) for name, entry in optimizer.state[params[k]].items()} for k in frozen}
    for step in range(1, 4):
        give_gradients(params, step, without=frozen)
        optimizer.step()
    for k, before in frozen.items():
        np.testing.assert_array_equal(values(params[k]), before)
        for name, entry in state[k].items():
            np.testing.assert_array_equal(values(optimizer.state[params[k]][name]), entry)
    assert not np.array_equal(values(params[1]), values(parameters(device)[1]))


def test_frozen_later(device):
    weight, bias = parameters(device, [(3, 2), (2,)])
    optimizer = optim.SGD([weight, bias], lr=0.1, momentum=0.9, weight_decay=0.1)
    x = minigrad.ones(4, 3, device=device)
    for step in range(4):
        if step == 2:
            weight.requires_grad_(False)
            kept = values(weight)
        optimizer.zero_grad()
        before = values(bias)
        ((x @ weight + bias) ** 2).sum().backward()
        optimizer.step()
        assert not np.array_equal(values(bias), before)
    np.testing.assert_array_equal(values(weight), kept)


def test_a_zero_gradient_is_a_gradient(device):
    params = parameters(device, [(3,), (2,)])
    optimizer = optim.SGD(params, lr=0.1, momentum=0.9)
    give_gradients(params, 0)
    optimizer.step()
    before = values(params[0])
    optimizer.zero_grad(set_to_none=False)
    optimizer.step()
    assert not np.array_equal(values(params[0]), before)  # carried on by its momentum


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_that_are_kept_never_change(kind, device):
    params = parameters(device)
    optimizer = KINDS[kind](params, weight_decay=0.1, maximize=True)
    kept = []
    for step in range(4):
        give_gradients(params, step)
        kept += [(p.grad, values(p.grad)) for p in params]
        optimizer.step()
        optimizer.zero_grad(set_to_none=step % 2 == 0)
    for gradient, before in kept:
        np.testing.assert_array_equal(values(gradient), before)


def test_mixed_dtypes(device):
    def run():
        dtypes = (minigrad.float32, minigrad.float64, minigrad.float16)
        params = [p for dtype in dtypes for p in parameters(device, dtype=dtype)]
        params = params[::2] + params[1::2]
        optimizer = optim.SGD(params, lr=0.1, momentum=0.5)
        for step in range(3):
            give_gradients(params, step)
            optimizer.step()
        assert len(optimizer._layouts[0].runs) in (3, len(params))
        return params

    assert same_bits(run(), alone(run))


def test_mixed_devices(device):
    params = [p for pair in zip(parameters("cpu"), parameters(device)) for p in pair]
    optimizer = optim.RMSprop(params, lr=0.1, momentum=0.9)
    for step in range(3):
        give_gradients(params[::2], step)
        give_gradients(params[1::2], step)
        optimizer.step()
    for here, there in zip(params[::2], params[1::2]):
        np.testing.assert_allclose(values(here), values(there), rtol=1e-6)


def test_large_among_small(device, monkeypatch):
    monkeypatch.setattr(flat, "LARGE", 10)

    def run():
        params = parameters(device)
        optimizer = optim.SGD(params, lr=0.1, momentum=0.9, weight_decay=0.1)
        for step in range(4):
            give_gradients(params, step, without=(step,))
            optimizer.step()
        return optimizer, params

    optimizer, params = run()
    assert sorted(len(r.places) for r in optimizer._layouts[0].runs) == [1, len(SHAPES) - 1]
    assert same_bits(params, alone(run)[1])


def test_really_large():
    params = parameters(shapes=[(7,), (200, 200), (3,)])
    optimizer = optim.SGD(params, lr=0.1, momentum=0.9)
    array, start = params[1].array, [values(p) for p in params]
    give_gradients(params, 0)
    optimizer.step()
    assert params[1].array is array  # updated where it is
    for p, before in zip(params, start):
        np.testing.assert_allclose(values(p), before - 0.1 * values(p.grad), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("single", [False, True])
def test_not_contiguous(single, device):
    def run():
        wide = parameters(device, [(4, 6), (5, 3)])
        params = [wide[0].detach()[:, ::2].requires_grad_(), wide[1].detach().t().requires_grad_()]
        params += [minigrad.zeros(6, device=device)[::3].requires_grad_()]
        optimizer = optim.NAG(params, lr=0.1, weight_decay=0.1)
        for step in range(3):
            give_gradients(params, step)
            optimizer.step()
        assert not any(p.is_contiguous() for p in params)
        return [*params, *wide]

    result = alone(run) if single else run()
    expected = parameters(device, [(4, 6)])[0]
    np.testing.assert_array_equal(values(result[3])[:, 1::2], values(expected)[:, 1::2])  # the gaps are not touched
    assert same_bits(result, alone(run))


def test_parameters_that_share_memory_are_updated_one_after_the_other(device):
    """Tied by .data, as old programs do: both gradients count."""
    for tie_after in (0, 2):
        params = parameters(device, [(3,), (2,), (3,)])
        optimizer = optim.SGD(params, lr=0.5)
        for step in range(4):
            if step == tie_after:
                params[2].data = params[0].data
            give_gradients(params, step)
            before = [values(p) for p in params]
            optimizer.step()
            gradients = [values(p.grad) for p in params]
            if step >= tie_after:
                np.testing.assert_array_equal(values(params[0]), values(params[2]))
                expected = before[0] - 0.5 * gradients[0] - 0.5 * gradients[2]
                np.testing.assert_allclose(values(params[0]), expected, rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(values(params[1]), before[1] - 0.5 * gradients[1], rtol=1e-5, atol=1e-6)


def test_a_parameter_exchanged_in_its_group(device):
    params = parameters(device)
    optimizer = optim.SGD(params, lr=0.1)
    give_gradients(params, 0)
    optimizer.step()
    (other,) = parameters(device, [(4,)], seed=3)
    optimizer.param_groups[0]["params"][1] = other
    left, before = values(params[1]), values(other)
    give_gradients([*params, other], 1)
    optimizer.step()
    np.testing.assert_array_equal(values(params[1]), left)
    assert not np.array_equal(values(other), before)


def test_a_new_optimizer_takes_over_the_places_of_a_dead_one(device):
    params = parameters(device)
    for _ in range(3):
        optimizer = optim.SGD(params, lr=0.1)
        give_gradients(params, 0)
        optimizer.step()
        assert all(in_buffer(optimizer, p) for p in params)
        del optimizer


def test_a_step_that_raises_has_changed_nothing(device):
    """A gradient that does not fit, in the second group, leaves the first group as it was."""
    p, q = parameters(device)[:2]
    optimizer = optim.SGD([{"params": [p]}, {"params": [q]}], lr=0.1, momentum=0.9)
    give_gradients([p, q], seed=0)
    optimizer.step()
    before = [values(p), values(q), p._version, optimizer.state[p].steps]
    q._grad = minigrad.ones(7, device=device)
    with pytest.raises(RuntimeError, match="they must agree"):
        optimizer.step()
    after = [values(p), values(q), p._version, optimizer.state[p].steps]
    assert all(np.array_equal(a, b) for a, b in zip(before, after))


@pytest.mark.parametrize("later", [{"centered": True}, {"centered": True, "centered_mode": "textbook"}])
def test_rmsprop_may_be_centered_in_the_middle(later, device):
    """Its averages go on: steps stay of the size that they had, and none is NaN."""
    (p,) = parameters(device, shapes=[(5,)])
    optimizer = optim.RMSprop([p], lr=0.01, alpha=0.9)
    for step in range(12):
        if step == 6:
            optimizer.param_groups[0].update(later)
        before = values(p)
        p.grad = minigrad.full_like(p, 1.0 + 0.1 * (-1) ** step)
        optimizer.step()
        assert np.abs(values(p) - before).max() < 0.05
