"""Memory: an optimizer and its state are freed by reference counting, and steps leave nothing behind."""

from __future__ import annotations

import gc
import tracemalloc
import weakref

import pytest
from optim_helpers import KINDS, give_gradients, parameters

from minigrad.optim.base import flat


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("kind", KINDS)
def test_freed_without_the_garbage_collector(kind, device, no_collector):
    params = parameters(device)
    optimizer = KINDS[kind](params)
    for step in range(3):
        give_gradients(params, step)
        optimizer.step()
    parts = [optimizer, optimizer._layouts[0], *optimizer._layouts[0].runs]
    parts += [entry for p in params for entry in optimizer.state[p].values()]
    alive = [weakref.ref(part) for part in parts]
    first = weakref.ref(params[0])
    del optimizer, parts
    assert not any(ref() is not None for ref in alive)
    del params
    assert first() is None


def test_parameters_die_with_their_last_reference(device, no_collector):
    """A place in a buffer keeps no parameter alive once optimizer and model have let go of it."""
    params = parameters(device)
    optimizer = KINDS["sgd-momentum"](params)
    give_gradients(params, 0)
    optimizer.step()
    one, buffer = weakref.ref(params[0]), weakref.ref(optimizer._layouts[0].runs[0].values)
    optimizer.param_groups[0]["params"] = params[1:]
    optimizer.state.pop(params[0])
    del params[0]
    give_gradients(params, 1)
    optimizer.step()
    assert one() is None
    assert buffer() is None  # the group was laid out anew, in a smaller buffer


@pytest.mark.parametrize(
    "kind", ["sgd", "nag", "adagrad", "rmsprop-momentum", "rmsprop-centered", "adam-amsgrad", "nadam", "asgd", "rprop"]
)
@pytest.mark.parametrize("outside", [False, True], ids=["in the buffer", "outside"])
def test_steps_leave_nothing_behind(kind, outside, no_collector):
    params = parameters()
    seen = [p.detach() for p in params] if outside else []
    optimizer = KINDS[kind](params)

    def step():
        give_gradients(params, 0)
        optimizer.step()
        for p, s in zip(params, seen):
            p.data = s if p.data is not s else s.clone()

    tracemalloc.start()
    try:
        for _ in range(200):  # Python keeps some freed dicts and tuples for later use
            step()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(200):
            step()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 4096


def test_a_new_layout_gives_back_the_old_memory(no_collector):
    params = parameters(shapes=[(100, 100), (100,)])
    optimizer = KINDS["rmsprop-momentum"](params)
    give_gradients(params, 0)
    optimizer.step()
    (run,) = optimizer._layouts[0].runs
    assert isinstance(run, flat.SharedRun)
    buffers = [weakref.ref(a) for a in (run.values, run.gradients, *run.slots.values())]
    del run
    optimizer.load_state_dict(optimizer.state_dict())
    optimizer.step()
    assert not any(ref() is not None for ref in buffers)
