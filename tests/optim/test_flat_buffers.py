"""The flat buffers are not to be noticed: whatever is done to parameters between steps, the update is the same.

The measure is the same run one parameter at a time, each where it lies (`alone`), to the last bit.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from optim_helpers import KINDS, alone, give_gradients, in_buffer, parameters, same_bits, values

import minigrad
from minigrad import optim
from minigrad.backend.library import library
from minigrad.optim.base import flat


@pytest.mark.parametrize("decay", [{}, {"weight_decay": 0.1, "maximize": True}], ids=["plain", "decay-maximize"])
@pytest.mark.parametrize("kind", KINDS)
def test_equal_to_one_by_one(kind, decay, device):
    def run():
        params = parameters(device)
        optimizer = KINDS[kind](params, **decay)
        for step in range(6):
            give_gradients(params, step, without={0: (), 1: (1,), 2: (0, 5), 3: (1, 2, 3)}.get(step, ()))
            optimizer.step()
        state = [entry for p in params for _, entry in sorted(optimizer.state[p].items())]
        return params + state

    assert same_bits(run(), alone(run))


def test_small_parameters_share_one_run_and_live_in_its_buffer(device):
    params = parameters(device)
    optimizer = optim.SGD(params, lr=0.1, momentum=0.9)
    give_gradients(params, 0)
    optimizer.step()
    assert len(optimizer._layouts[0].runs) == 1
    assert all(in_buffer(optimizer, p) for p in params)
    # the whole buffer does not show through any of them
    assert all(p.untyped_storage().numel() == p.numel() and p.storage_offset() == 0 for p in params)


@pytest.mark.parametrize("how", ["detach", "data", "view", "alias", "array"])
def test_a_parameter_that_is_seen_stays_where_it_is(how, device):
    seen_through = {
        "detach": lambda p: p.detach(),
        "data": lambda p: p.data,
        "view": lambda p: p.detach().view(-1)[1:],
        "alias": lambda p: minigrad.from_dlpack(p.detach()),
        "array": lambda p: minigrad.as_tensor(p.detach().array),
    }[how]
    params = parameters(device)
    seen = seen_through(params[0])
    array, before = params[0].array, values(seen)
    optimizer = optim.SGD(params, lr=0.1, momentum=0.9)
    for step in range(3):
        give_gradients(params, step)
        optimizer.step()
        assert params[0].array is array
        expected = values(params[0]).reshape(-1)[-seen.numel() :]
        np.testing.assert_array_equal(values(seen).reshape(-1), expected)
        assert not np.array_equal(values(seen), before)
        before = values(seen)
    assert in_buffer(optimizer, params[1]) and not in_buffer(optimizer, params[0])
    del seen, array
    give_gradients(params, 9)
    optimizer.step()
    assert in_buffer(optimizer, params[0])  # nobody sees it any more


def test_rows_of_a_tensor_stay_rows_of_it(device):
    (table,) = parameters(device, [(4, 3)])
    params = [table.detach()[k].requires_grad_() for k in range(3)]
    optimizer = optim.SGD(params, lr=0.1)
    for step in range(3):
        give_gradients(params, step)
        optimizer.step()
        np.testing.assert_array_equal(values(table)[:3], [values(p) for p in params])


def test_an_order_of_elements_is_kept(device):
    def run():
        params = parameters(device)
        for p in params:
            p.data = minigrad.as_tensor(library(p.array).asfortranarray(p.array))
        strides = [p.stride() for p in params if not p.is_contiguous()]
        optimizer = optim.SGD(params, lr=0.1)
        for step in range(2):
            give_gradients(params, step)
            optimizer.step()
        assert strides and [p.stride() for p in params if not p.is_contiguous()] == strides
        return params

    assert same_bits(run(), alone(run))


def test_from_numpy_shares_memory_for_ever():
    mine = [np.ones((2, 3), np.float32), np.arange(4, dtype=np.float32)]
    params = [minigrad.from_numpy(a).requires_grad_() for a in mine] + parameters()
    optimizer = optim.RMSprop(params, lr=0.1)
    for step in range(3):
        give_gradients(params, step)
        optimizer.step()
        for a, p in zip(mine, params):
            np.testing.assert_array_equal(a, values(p))
    assert (mine[0] != 1).all()


def test_numpy_dlpack_and_memoryview_of_a_parameter_follow_it():
    params = parameters(shapes=[(4,), (3,), (2,)])
    seen = [params[0].detach().numpy(), np.from_dlpack(params[1].detach()), memoryview(params[2].detach().numpy())]
    optimizer = optim.Momentum(params, lr=0.1)
    for step in range(3):
        give_gradients(params, step)
        optimizer.step()
        for one, p in zip(seen, params):
            np.testing.assert_array_equal(np.asarray(one), values(p))


def test_taken_after_the_move_they_follow_too(device):
    params = parameters(device)
    optimizer = optim.SGD(params, lr=0.1)
    give_gradients(params, 0)
    optimizer.step()
    seen = [params[0].detach(), params[1].data, params[3].detach().view(-1)]
    for step in range(1, 4):
        give_gradients(params, step)
        optimizer.step()
        for one, p in zip(seen, (params[0], params[1], params[3])):
            np.testing.assert_array_equal(values(one).reshape(-1), values(p).reshape(-1))


def test_memory_of_another_library_is_not_given_up(monkeypatch):
    """An array that came to CuPy by DLPack names no base, but its memory belongs to somebody else."""
    cupy = library(minigrad.zeros(1, device="cuda").array)
    params = parameters("cuda", [(3,), (4,)])
    assert flat.own(params[0].array)
    pointer = SimpleNamespace(mem=object(), device=params[0].array.device)
    monkeypatch.setattr(cupy.ndarray, "data", property(lambda array: pointer))
    assert not flat.own(params[0].array)


@pytest.mark.parametrize("kind", ["sgd-momentum", "rmsprop-momentum"])
def test_data_assigned_between_steps(kind, device):
    def run():
        params = parameters(device)
        optimizer = KINDS[kind](params)
        for step in range(6):
            give_gradients(params, step)
            optimizer.step()
            params[step].data = params[step].data * 2
            if step == 3:
                params[0].data = params[0].data.clone()
        return params

    assert same_bits(run(), alone(run))


def test_values_that_were_put_aside_do_not_change(device):
    """backup = p.data; p.data = other; step(): the backup is the old values still, and can be put back."""
    params = parameters(device)
    optimizer = optim.SGD(params, lr=0.1)
    give_gradients(params, 0)
    optimizer.step()
    backup = [p.data for p in params]
    part = params[0].detach()[1:]  # sees the old memory, and refers to it by a view alone
    expected, expected_part = [values(b) for b in backup], values(part)
    for p in params:
        p.data = minigrad.ones_like(p.data)
    give_gradients(params, 1)
    optimizer.step()
    for b, e in zip(backup, expected):
        np.testing.assert_array_equal(values(b), e)
    del backup
    give_gradients(params, 2)
    optimizer.step()
    np.testing.assert_array_equal(values(part), expected_part)


def test_moved_to_another_dtype_the_state_moves_too(device):
    def run():
        params = parameters(device)
        optimizer = optim.SGD(params, lr=0.1, momentum=0.9)
        for step in range(4):
            if step == 2:
                for p in params:
                    p.data = p.data.double()
                    p.grad = None
            give_gradients(params, step)
            optimizer.step()
        assert all(optimizer.state[p]["momentum_buffer"].dtype == minigrad.float64 for p in params)
        return params

    assert same_bits(run(), alone(run))


def test_moved_to_another_device_the_state_moves_too(device):
    results = []
    for there in ("cpu", device):
        params = parameters("cpu")
        optimizer = optim.Adagrad(params, lr=0.1)
        for step in range(4):
            if step == 2:
                for p in params:
                    p.data = p.data.to(there)
                    p.grad = None
            give_gradients(params, step)
            optimizer.step()
        assert all(p.device == optimizer.state[p]["sum"].device for p in params)
        results.append(params)
    for a, b in zip(*results):
        np.testing.assert_allclose(values(a), values(b), rtol=1e-6)


def test_a_new_shape_asks_to_forget_the_state(device):
    params = parameters(device, [(3,), (1,)])
    optimizer = optim.SGD(params, lr=0.1, momentum=0.9)
    give_gradients(params, 0)
    optimizer.step()
    params[1].data, params[1].grad = minigrad.ones(5, device=device), None
    give_gradients(params, 1)
    with pytest.raises(RuntimeError, match=r"momentum_buffer.*\(1,\).*\(5,\).*state\.pop"):
        optimizer.step()
    optimizer.state.pop(params[1])
    optimizer.step()
    assert optimizer.state[params[1]]["momentum_buffer"].shape == (5,)


def test_copied_into_in_place(device):
    """What a module's load_state_dict does."""

    def run():
        params, others = parameters(device), parameters(device, seed=1)
        optimizer = optim.NAG(params, lr=0.1)
        for step in range(4):
            give_gradients(params, step)
            optimizer.step()
            with minigrad.no_grad():
                for p, other in zip(params[:3], others):
                    p.copy_(other)
        return params

    assert same_bits(run(), alone(run))
