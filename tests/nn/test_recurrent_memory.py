"""What recurrent layers keep between forward and backward: it is freed at once by reference counting (the garbage
collector is off), it is watched for changes, and results share no memory with it or with each other.
"""

from __future__ import annotations

import gc
import tracemalloc
import weakref

import numpy as np
import pytest
from recurrent_helpers import CELLS, KINDS, apart, initial, joined, made, parts, weighted

import minigrad as mg
from minigrad import autograd, nn

T, B, I, H = 5, 3, 2, 4


@pytest.fixture(autouse=True)
def no_collector():
    gc.disable()
    yield
    gc.enable()


def numbers(*shape, **options):
    return mg.randn(*shape, dtype=mg.float64, **options)


def watched(*tensors):
    return [weakref.ref(t.array) for t in tensors] + [weakref.ref(t.grad_fn) for t in tensors if t.grad_fn is not None]


def alive(refs):
    return [r() for r in refs if r() is not None]


ARRAYS = tracemalloc.DomainFilter(True, np.lib.tracemalloc_domain)


class Traced:
    """How many bytes the arrays that were made in the block hold now."""

    def __enter__(self):
        tracemalloc.start()
        return self

    def __exit__(self, *error):
        tracemalloc.stop()

    def held(self):
        return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces([ARRAYS]).traces)


@pytest.mark.parametrize("given", ["nothing", "lengths"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_graph_is_freed_with_or_without_backward(kind, given):
    options = {} if given == "nothing" else {"lengths": [2, 5, 1]}
    layer = made(kind, I, H, num_layers=2, bidirectional=True)
    for backward in (False, True):
        x = numbers(T, B, I, requires_grad=True) * 1
        states = [s * 1 for s in initial(layer, B)]
        out = parts(layer(x, joined(states), **options))
        refs = watched(x, *states, *out)
        assert len(alive(refs)) == len(refs)
        if backward:
            weighted(out).backward()
        del x, states, out
        assert alive(refs) == [], f"backward: {backward}"


@pytest.mark.parametrize("kind", CELLS)
def test_cells_are_freed(kind):
    cell, x, hidden = made(kind, I, H), numbers(B, I), None
    refs = []
    for _ in range(5):
        hidden = cell(x, hidden)
        refs += watched(*(hidden if isinstance(hidden, tuple) else [hidden]))
    assert len(alive(refs)) == len(refs)
    (hidden[0] if isinstance(hidden, tuple) else hidden).sum().backward()
    del hidden
    assert alive(refs) == []


@pytest.mark.parametrize("kind", KINDS)
def test_backward_releases_what_was_saved(kind):
    """While the results are still held, nothing but them stays."""
    layer = made(kind, 8, 16)
    x = numbers(200, 4, 8)
    for _ in range(2):
        weighted(parts(layer(x))).backward()
        layer.zero_grad()
    with Traced() as memory:
        out = parts(layer(x))
        loss = sum(y.sum() for y in out)
        loss.backward()
        layer.zero_grad()
        results = sum(y.array.nbytes for y in out)
        after = memory.held()
        # with some room for a buffer that is kept for the next call
        assert after < results + 30_000, f"{after} bytes are held after backward, the results have {results}"
        del out, loss
        assert memory.held() < 30_000


@pytest.mark.parametrize("kind", KINDS)
def test_inference_keeps_nothing(kind):
    """Under no_grad, and where nothing needs a gradient, only the results are left."""
    layer, x = made(kind, 8, 16, num_layers=2), numbers(300, 4, 8)
    for mode, frozen in ((mg.no_grad, False), (mg.inference_mode, False), (mg.enable_grad, True)):
        layer.requires_grad_(not frozen)
        with mode():
            layer(x)
            with Traced() as memory:
                out = parts(layer(x))
                held, results = memory.held(), sum(y.array.nbytes for y in out)
                assert held < results + 30_000, f"{held} bytes for results of {results}"
                assert all(y.grad_fn is None and not y.requires_grad for y in out)


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_hundreds_of_windows_in_flat_memory(kind):
    """Truncated backpropagation: the state is carried and detached."""
    gc.collect()
    layer = made(kind, 2, 4, num_layers=2)
    x = numbers(3, 2, 2)

    def window(state):
        output, state = layer(x, state)
        layer.zero_grad()
        (output**2).sum().backward()
        return tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()

    state = window(None)
    for _ in range(30):
        state = window(state)
    with Traced() as memory:
        for _ in range(10):
            state = window(state)
        before = memory.held()
        for _ in range(50):
            state = window(state)
        growth = memory.held() - before
    assert growth < 2_000, f"{growth} bytes more after fifty windows"
    before = len(gc.get_objects())
    for _ in range(300):
        state = window(state)
    assert len(gc.get_objects()) - before < 100 and gc.collect() < 100


@pytest.mark.parametrize("kind", KINDS)
def test_second_order_graphs_are_freed(kind):
    layer = made(kind, I, H)
    x = numbers(T, B, I, requires_grad=True)
    out = parts(layer(x, lengths=[2, 5, 1]))
    (first,) = autograd.grad(weighted(out), x, create_graph=True)
    (second,) = autograd.grad((first**2).sum(), layer.weight_hh_l0, create_graph=True)
    refs = watched(*out, first, second)
    del out, first, second
    assert alive(refs) == []


def test_an_error_in_between_frees_the_graph():
    layer = made("LSTM", I, H, num_layers=2)
    x = numbers(T, B, I, requires_grad=True) * 1
    refs = watched(x)
    with pytest.raises(RuntimeError):
        layer(x, (mg.zeros(2, B, H + 1, dtype=mg.float64),) * 2)
    del x
    assert alive(refs) == []


# -- backward twice


@pytest.mark.parametrize("kind", KINDS)
def test_retain_graph_and_backward_twice(kind):
    """Kept, a graph gives the same gradients again and again; freed, it says what to do."""
    layer = made(kind, I, H, num_layers=2, bidirectional=True)
    x = numbers(T, B, I, requires_grad=True)
    loss = weighted(parts(layer(x, lengths=[2, 5, 1])))
    needed = [x, *layer.parameters()]
    first = autograd.grad(loss, needed, retain_graph=True)
    for k in range(3):
        again = autograd.grad(loss, needed, retain_graph=k < 2)
        assert all(apart(a, b) == 0.0 for a, b in zip(first, again))
    with pytest.raises(RuntimeError, match="retain_graph"):
        loss.backward()


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_one_after_the_other(kind):
    """Backward from each output alone, on one graph, adds up to backward from all."""
    layer = made(kind, I, H)
    wanted = autograd.grad(weighted(parts(layer(x := numbers(T, B, I)))), [*layer.parameters()])
    out = parts(layer(x))
    starts = autograd.grad(weighted(out), out)
    for y, g in zip(out, starts):
        y.backward(g, retain_graph=True)
    for p, g in zip(layer.parameters(), wanted):
        assert apart(p.grad, g) < 1e-11


# -- changes between forward and backward


@pytest.mark.parametrize("changed", ["weight_ih_l0", "weight_hh_l0", "weight_hh_l0_reverse", "weight_ih_l1"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_weight_that_is_changed_is_noticed(kind, changed):
    layer = made(kind, I, H, num_layers=2, bidirectional=True)
    x = numbers(T, B, I, requires_grad=True)
    loss = weighted(parts(layer(x)))
    with mg.no_grad():
        getattr(layer, changed).mul_(0.5)
    with pytest.raises(RuntimeError, match=r"changed in place.*mul_"):
        loss.backward()


def test_a_projection_that_is_changed_is_noticed():
    layer = made("LSTM with projection", I, H)
    loss = weighted(parts(layer(numbers(T, B, I))))
    with mg.no_grad():
        layer.weight_hr_l0.zero_()
    with pytest.raises(RuntimeError, match=r"changed in place.*zero_"):
        loss.backward()


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_of_the_optimizer_between_forward_and_backward_is_noticed(kind):
    layer = made(kind, I, H)
    optimizer = mg.optim.SGD(layer.parameters(), lr=0.1)
    x = numbers(T, B, I, requires_grad=True)
    first, second = weighted(parts(layer(x))), weighted(parts(layer(x)))
    first.backward()
    optimizer.step()
    with pytest.raises(RuntimeError, match=r"changed in place.*step"):
        second.backward()


@pytest.mark.parametrize("what", ["input", "h_0", "c_0", "output", "h_n", "c_n"])
@pytest.mark.parametrize("kind", KINDS)
def test_other_changes_are_noticed_or_do_no_harm(kind, what):
    """The input, a state or a result is written on between forward and backward: the right gradients, or an error."""
    layer = made(kind, I, H)
    values, start = numbers(T, B, I), initial(layer, B, requires_grad=False)
    needed = [*layer.parameters()]

    def run():
        x, states = values.clone(), [s.clone() for s in start]
        out = parts(layer(x, joined(states)))
        given, results = zip(("input", "h_0", "c_0"), [x, *states]), zip(("output", "h_n", "c_n"), out)
        return weighted(out), {**dict(given), **dict(results)}

    loss, tensors = run()
    wanted = autograd.grad(loss, needed)
    if what not in tensors:
        return
    loss, tensors = run()
    with mg.no_grad():
        tensors[what].mul_(3.0)
    try:
        found = autograd.grad(loss, needed)
    except RuntimeError as error:
        assert "changed in place" in str(error)
    else:
        for a, b in zip(found, wanted):
            assert apart(a, b) < 1e-11, f"{what} was changed, and the gradient with it"


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_results_share_no_memory(kind, num_layers, device):
    """Writing on one result changes no other, no input, and not what a second call gives."""
    layer = made(kind, I, H, num_layers=num_layers, device=device)
    x = numbers(T, B, I, device=device)
    for lengths in (None, [2, 5, 1], [1, 1, 1]):
        start = initial(layer, B, requires_grad=False)
        given = [x, *start]
        for mode in (mg.no_grad, mg.enable_grad):
            with mode():
                wanted = [y.detach().clone() for y in parts(layer(x, joined(start), lengths=lengths))]
                inputs = [y.clone() for y in given]
                for k in range(len(wanted)):
                    out = parts(layer(x, joined(start), lengths=lengths))
                    with mg.no_grad():
                        out[k].fill_(7.0)
                    for j, y in enumerate(out):
                        assert j == k or apart(y, wanted[j]) == 0.0, f"writing on result {k} changed result {j}"
                    assert all(apart(a, b) == 0.0 for a, b in zip(given, inputs))
                later = parts(layer(x, joined(start), lengths=lengths))
                assert all(apart(a, b) == 0.0 for a, b in zip(later, wanted))


@pytest.mark.parametrize("kind", KINDS)
def test_results_stay_when_the_layer_is_called_again(kind):
    """With other numbers, other lengths and other sizes."""
    layer = made(kind, I, H, bidirectional=True)
    x = numbers(T, B, I, requires_grad=True)
    out = parts(layer(x))
    kept = [y.detach().clone() for y in out]
    wanted = autograd.grad(weighted(out), [x, *layer.parameters()], retain_graph=True)
    layer(numbers(T, B, I))
    layer(numbers(T, B, I), lengths=[1, 2, 3])
    weighted(parts(layer(numbers(2, 1, I)))).backward()
    assert all(apart(a, b) == 0.0 for a, b in zip(out, kept))
    found = autograd.grad(weighted(out), [x, *layer.parameters()])
    assert all(apart(a, b) == 0.0 for a, b in zip(found, wanted))


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_the_users(kind):
    """Writing on a gradient changes no other one, and none that comes later."""
    layer = made(kind, I, H, bidirectional=True)
    x, states = numbers(T, B, I, requires_grad=True), initial(layer, B)
    needed = [x, *states, *layer.parameters()]
    loss = weighted(parts(layer(x, joined(states))))
    wanted = [g.clone() for g in autograd.grad(loss, needed, retain_graph=True)]
    for k in range(len(needed)):
        found = autograd.grad(loss, needed, retain_graph=True)
        found[k].fill_(9.0)
        assert all(j == k or apart(a, b) == 0.0 for j, (a, b) in enumerate(zip(found, wanted))), k


@pytest.mark.parametrize("lengths", [None, [2, T, 1]])
@pytest.mark.parametrize("kind", KINDS)
def test_in_place_work_on_an_output_joins_the_graph(kind, lengths):
    """output[...] = and output += on what a layer gave: it keeps nothing of what is the caller's."""
    layer = made(kind, I, H)
    x = numbers(T, B, I, requires_grad=True)
    needed = [x, *layer.parameters()]
    output, _ = layer(x, lengths=lengths)
    output[0] = 0.0
    output += x.sum(2, keepdim=True)
    found = autograd.grad(weighted([output]), needed)
    plain, _ = layer(x, lengths=lengths)
    wanted = autograd.grad(weighted([mg.cat([plain[:1] * 0, plain[1:]]) + x.sum(2, keepdim=True)]), needed)
    assert all(apart(a, b) < 1e-11 for a, b in zip(found, wanted, strict=True))


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_states_detached_in_place(kind, layers):
    """Truncated backpropagation as many write it: as with detach()."""
    layer = made(kind, I, H, num_layers=layers)
    x = numbers(T, B, I)
    states = parts(layer(x))[1:]
    detached = [s.detach().clone() for s in states]
    for s in states:
        s.detach_()
    found, wanted = (
        autograd.grad(weighted(parts(layer(x, joined(given)))), [*layer.parameters()]) for given in (states, detached)
    )
    assert all(apart(a, b) < 1e-11 for a, b in zip(found, wanted, strict=True))


def test_hooks_and_retained_gradients_make_no_cycle():
    layer = nn.LSTM(I, H)
    output, (h, c) = layer(mg.ones(T, B, I))
    for y in (output, h, c):
        y.retain_grad()
        y.register_hook(lambda g: g * 2)
    (output.sum() + h.sum() + c.sum()).backward()
    assert all(y.grad is not None for y in (output, h, c))
    refs = watched(output, h, c)
    del output, h, c, y
    assert alive(refs) == []
