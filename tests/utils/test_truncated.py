"""Windows along time: what is cut, how the state is carried, and that memory does not grow with their number."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from collections import namedtuple
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad
from minigrad import nn, optim
from minigrad.utils import tbptt
from minigrad.utils.data import DataLoader


def times(length, *sizes):
    """A tensor whose numbers say which time step they belong to."""
    return minigrad.arange(length).float().reshape(length, *(1 for _ in sizes)).expand(length, *sizes)


def through(windows):
    """All windows, by a loop that does its duties."""
    for window in windows:
        yield window
        windows.state = windows.state


class Cell(nn.Module):
    """A recurrent network in few words: h <- tanh(x W + h U), its states and the last one."""

    def __init__(self, inputs=2, hidden=3):
        super().__init__()
        self.inside, self.again = nn.Linear(inputs, hidden), nn.Linear(hidden, hidden)

    def forward(self, x, h=None):
        h = minigrad.zeros(x.shape[1], self.again.in_features, device=x.device) if h is None else h
        states = []
        for x_t in x.unbind(0):
            h = (self.inside(x_t) + self.again(h)).tanh()
            states.append(h)
        return minigrad.stack(states), h


# -- what is cut ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("drop_last", [False, True])
@given(length=st.integers(1, 40), steps=st.integers(1, 15))
def test_windows_follow_one_another(batch_first, drop_last, length, steps):
    x, y = times(length, 2, 3), times(length, 2)
    if batch_first:
        x, y = x.transpose(0, 1), y.transpose(0, 1)
    if drop_last and length < steps:
        with pytest.raises(ValueError, match=f"{length} time steps make no window of {steps}"):
            tbptt(x, y, steps=steps, drop_last=True, batch_first=batch_first)
        return
    windows = tbptt(x, y, steps=steps, drop_last=drop_last, batch_first=batch_first)
    found = list(through(windows))
    assert len(found) == len(windows)
    time = 1 if batch_first else 0
    lengths = [a.shape[time] for a, _ in found]
    assert lengths[:-1] == [steps] * (len(found) - 1)
    assert sum(lengths) == (length - length % steps if drop_last else length)
    for whole, parts in zip((x, y), zip(*found)):
        kept = whole[:, : sum(lengths)] if batch_first else whole[: sum(lengths)]
        assert minigrad.equal(minigrad.cat(parts, time), kept)


def test_a_window_of_one_tensor_comes_alone_and_is_a_view():
    x = minigrad.zeros(5, 2)
    window = next(iter(tbptt(x, steps=2)))
    window += 1
    assert x.tolist() == [[1, 1], [1, 1], [0, 0], [0, 0], [0, 0]]
    assert [len(w) for w in through(tbptt(times(5), steps=2))] == [2, 2, 1]


def test_arrays_and_tokens():
    tokens = np.arange(10).reshape(5, 2)
    found = [(x.tolist(), y.dtype) for x, y in through(tbptt(tokens, minigrad.arange(5), steps=3))]
    assert found == [([[0, 1], [2, 3], [4, 5]], minigrad.int64), ([[6, 7], [8, 9]], minigrad.int64)]


@pytest.mark.parametrize("batch_first", [False, True])
@given(lengths=st.lists(st.integers(0, 9), min_size=1, max_size=8), steps=st.integers(1, 12), drop_last=st.booleans())
def test_pieces_are_cut_like_the_whole(batch_first, lengths, steps, drop_last):
    total = sum(lengths)
    x, y = times(total, 2, 3), times(total, 2)
    starts = [sum(lengths[:k]) for k in range(len(lengths))]
    pieces = [(x[a : a + n], y[a : a + n]) for a, n in zip(starts, lengths)]
    if batch_first:
        x, y = x.transpose(0, 1), y.transpose(0, 1)
        pieces = [(a.transpose(0, 1), b.transpose(0, 1)) for a, b in pieces]
    options = {"steps": steps, "drop_last": drop_last, "batch_first": batch_first}
    if total < (steps if drop_last else 1):
        with pytest.raises(ValueError, match=f"too few time steps for one window of {steps}"):
            list(through(tbptt(iter(pieces), **options)))
        return
    expected = list(through(tbptt(x, y, **options)))
    for source in (pieces, iter(pieces), (pair for pair in pieces)):
        found = list(through(tbptt(source, **options)))
        assert len(found) == len(expected)
        assert all(minigrad.equal(a, b) for pair in zip(found, expected) for a, b in zip(*pair))


def test_pieces_of_one_tensor_and_those_of_a_loader():
    assert [w.tolist() for w in through(tbptt(iter([times(2), times(3)]), steps=3))] == [[0, 1, 0], [1, 2]]
    loader = DataLoader(minigrad.arange(12).reshape(6, 2), batch_size=4)  # batches of rows, as time steps
    windows = tbptt(loader, steps=3)
    for _ in range(2):  # a loader begins anew
        assert [w[:, 0].tolist() for w in through(windows)] == [[0, 2, 4], [6, 8, 10]]


def test_pieces_are_read_as_they_are_needed():
    read = []

    def pieces():
        for k in range(100):
            read.append(k)
            yield times(3)

    found = through(tbptt(pieces(), steps=5))
    next(found), next(found)
    assert read == [0, 1, 2, 3]


# -- the state --------------------------------------------------------------------------------------------------------

Pair = namedtuple("Pair", "h c")


def nested(h):
    return {"lstm": (h, h * 2), "layers": [h, [Pair(h, None)]], "none": None}


@pytest.mark.parametrize(
    "make", [lambda h: h, lambda h: (h, h * 2), lambda h: [h, (h, h)], nested, lambda h: Pair(h, h)]
)
def test_a_state_comes_back_without_its_graph(make, device):
    def tensors(part):
        if isinstance(part, dict):
            part = list(part.values())
        if isinstance(part, (tuple, list)):
            return [t for p in part for t in tensors(p)]
        return [] if part is None else [part]

    def shape(part):
        if isinstance(part, dict):
            return {k: shape(v) for k, v in part.items()}
        if isinstance(part, (tuple, list)):
            return type(part).__name__, [shape(p) for p in part]
        return type(part)

    w = minigrad.ones(2, requires_grad=True, device=device)
    windows = tbptt(times(4, 2).to(device), steps=2, state=make(w * 3))
    assert all(t.grad_fn is None and not t.requires_grad for t in tensors(windows.state))
    for _ in windows:
        given = make(w * 5)
        windows.state = given
        assert shape(windows.state) == shape(given)
        for a, b in zip(tensors(windows.state), tensors(given), strict=True):
            assert a.grad_fn is None and not a.requires_grad and b.requires_grad
            assert a.device == b.device and minigrad.equal(a, b) and a.data_ptr() == b.data_ptr()  # no copy


def test_gradients_are_those_of_each_window_alone():
    """By hand: h_t = w h_(t-1) + x_t; after the window, the derivative counts what happened inside of it only."""
    w = minigrad.tensor(0.5, requires_grad=True, dtype=minigrad.float64)
    x = minigrad.tensor([1.0, 2.0, 3.0, 4.0, 5.0], dtype=minigrad.float64)
    windows = tbptt(x, steps=2, state=minigrad.tensor(7.0, dtype=minigrad.float64))
    h0, expected, found = 7.0, [], []
    for k, window in enumerate(windows):
        h = windows.state
        for x_t in window:
            h = w * h + x_t
        w.grad = None
        h.backward()
        found.append(w.grad.item())
        windows.state = h
        value, slope = h0, 0.0
        for x_t in x[2 * k : 2 * k + 2].tolist():
            value, slope = 0.5 * value + x_t, value + 0.5 * slope
        h0 = value
        expected.append(slope)
    assert found == pytest.approx(expected, rel=1e-15) and len(found) == 3
    assert windows.state.item() == pytest.approx(h0)


def test_each_pass_begins_with_the_first_state():
    x = times(4, 1)
    for first in (None, minigrad.full((1,), 7.0)):
        windows = tbptt(x, steps=2, state=first)
        for _ in range(2):
            starts = []
            for k, _ in enumerate(windows):
                starts.append(windows.state)
                windows.state = minigrad.full((1,), float(k))
            assert [None if s is None else s.item() for s in starts] == [None if first is None else 7.0, 0.0]
            assert windows.state.item() == 1.0  # to go on with after the pass


def test_none_begins_anew():
    windows = tbptt(times(6), steps=2, state=minigrad.ones(1))
    seen = []
    for k, _ in enumerate(windows):
        seen.append(windows.state is None)
        windows.state = None if k == 0 else minigrad.ones(1)
    assert seen == [False, True, False]


# -- what is said of mistakes -----------------------------------------------------------------------------------------


def test_a_state_that_is_not_handed_back_is_noticed():
    windows = tbptt(times(6), steps=2)
    with pytest.raises(RuntimeError, match=r"after window 0 was not handed back.*windows.state = state"):
        for _ in windows:
            pass
    windows, number = tbptt(times(6), steps=2), 0
    with pytest.raises(RuntimeError, match="after window 2 was not handed back"):  # the last one, too
        for number, _ in enumerate(windows):
            if number < 2:
                windows.state = windows.state


def test_a_state_that_is_not_used_is_noticed():
    windows = tbptt(times(6), steps=2)
    with pytest.raises(RuntimeError, match=r"window 1 was not started from the state before it"):
        for _ in windows:
            windows.state = minigrad.ones(1)
    windows = tbptt(times(6), steps=2, state=minigrad.ones(1))
    with pytest.raises(RuntimeError, match=r"window 0 was not started"):
        for _ in windows:
            windows.state = minigrad.ones(1)


def test_a_loop_may_end_early_and_another_begins():
    windows = tbptt(times(6), steps=2)
    for _ in windows:
        break
    assert len(list(through(windows))) == 3


def test_two_loops_over_one_state_are_noticed():
    windows = tbptt(times(6), steps=2)
    with pytest.raises(RuntimeError, match="another pass has begun"):
        for _ in through(windows):
            next(iter(windows))


def test_a_state_outside_of_a_loop_is_refused():
    windows = tbptt(times(4), steps=2)
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"a pass begins with tbptt\(state=\)"):
            windows.state = minigrad.ones(1)
        list(through(windows))


def test_an_iterator_is_read_once():
    windows = tbptt(iter([times(4)]), steps=2)
    assert len(list(through(windows))) == 2
    with pytest.raises(RuntimeError, match="make another tbptt"):
        list(through(windows))


@pytest.mark.parametrize("state", [3, "h", minigrad.nn.Linear(1, 1), np.ones(2), (None, [1.5])])
def test_what_is_no_state(state):
    with pytest.raises(TypeError, match="a state is made of tensors"):
        tbptt(times(4), steps=2, state=state)
    windows = tbptt(times(4), steps=2)
    with pytest.raises(TypeError, match="a state is made of tensors"):
        for _ in windows:
            windows.state = state


@pytest.mark.parametrize("steps", [0, -3])
def test_windows_without_time_steps(steps):
    with pytest.raises(ValueError, match=f"at least 1 time step, got steps={steps}"):
        tbptt(times(4), steps=steps)


@pytest.mark.parametrize("steps", [2.0, "2", None, True])
def test_steps_are_an_integer(steps):
    with pytest.raises(TypeError, match="an integer; got"):
        tbptt(times(4), steps=steps)


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        ((), TypeError, "got nothing"),
        ((3,), TypeError, "got int"),
        (("a text",), TypeError, "got str"),
        ((b"a text",), TypeError, "got bytes"),
        (({"x": times(4)},), TypeError, "got dict"),
        # of one shape, they would be taken for y behind x in time
        (((times(4), times(4)),), TypeError, r"as in tbptt\(x, y, steps=...\), .*got tuple"),
        ((times(4), [1, 2, 3, 4]), TypeError, "got Tensor, list"),
        ((times(4), None), TypeError, "got Tensor, NoneType"),
        ((minigrad.tensor(1.0),), ValueError, r"must be \(T, B, ...\), with batch_first=False; got \(\)"),
        ((times(0, 2),), ValueError, "^tbptt: 0 time steps make no window of 2$"),
        ((times(4, 2), times(5, 2)), ValueError, r"number of time steps.*got \(4, 2\), \(5, 2\)"),
        ((times(4, 2), times(2, 4)), ValueError, r"number of time steps.*got \(4, 2\), \(2, 4\)"),
    ],
)
def test_what_cannot_be_cut(data, error, words):
    with pytest.raises(error, match=words):
        tbptt(*data, steps=2)


def test_what_cannot_be_cut_batch_first():
    with pytest.raises(ValueError, match=r"\(B, T, ...\), with batch_first=True; got \(4,\)"):
        tbptt(times(4), steps=2, batch_first=True)
    with pytest.raises(ValueError, match=r"sequences and time steps.*got \(4, 3\), \(2, 3\)"):
        tbptt(times(4, 3), times(2, 3), steps=2, batch_first=True)


@pytest.mark.parametrize(
    ("pieces", "error", "words"),
    [
        ([], ValueError, "too few time steps for one window of 2"),
        ([times(4, 2), times(4, 3)], ValueError, r"piece 1 is \[\(-1, 3\)\], those before it are \[\(-1, 2\)\]"),
        ([(times(4, 2), times(4)), times(4, 2)], ValueError, "piece 1 is"),
        ([times(4), "x"], TypeError, "piece 1 must be a tensor, or a tuple of tensors; got str"),
        ([1.0, 2.0], TypeError, "piece 0 must be a tensor, or a tuple of tensors; got float"),
        ([(times(4), None)], TypeError, "got Tensor, NoneType"),
        ([()], TypeError, "got nothing"),
        ([(times(4), times(3))], ValueError, r"piece 0 must agree in the number of time steps"),
    ],
)
def test_pieces_that_do_not_fit(pieces, error, words):
    with pytest.raises(error, match=words):
        list(through(tbptt(iter(pieces), steps=2)))


def test_the_number_of_windows_of_pieces_is_not_known():
    with pytest.raises(TypeError, match="not known"):
        len(tbptt([times(4)], steps=2))


# -- training ---------------------------------------------------------------------------------------------------------


def delayed(length, batch=4):
    """Numbers to echo two steps later."""
    x = minigrad.randn(length, batch, 2)
    y = minigrad.zeros(length, batch, 1)
    y[2:] = x[:-2, :, :1]
    return x, y


class Echo(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.out = Cell(2, 8), nn.Linear(8, 1)

    def forward(self, x, state=None):
        output, state = self.cell(x, state)
        return self.out(output), state


def trained(jit, passes, x, y, first=None):
    minigrad.manual_seed(1)
    model = Echo()
    optimizer = optim.RMSprop(model.parameters(), lr=0.005)
    losses = []

    @jit
    def step(x, y, state):
        optimizer.zero_grad()
        output, state = model(x, state)
        loss = nn.functional.mse_loss(output, y)
        loss.backward()
        optimizer.step()
        return loss, state

    windows = tbptt(x, y, steps=8, state=first)
    for _ in range(passes):
        for x_window, y_window in windows:
            loss, windows.state = step(x_window, y_window, windows.state)
            losses.append(loss.item())
    return losses, model, windows.state, step


@pytest.mark.parametrize("first", [None, "zeros"])
def test_a_recorded_step_carries_the_state(first):
    x, y = delayed(84)  # the last window is shorter
    first = minigrad.zeros(4, 8) if first else None
    eager, model, state, _ = trained(lambda f: f, 30, x, y, first)
    losses, recorded, last, step = trained(minigrad.jit, 30, x, y, first)
    assert losses == eager and minigrad.equal(state, last)
    assert all(minigrad.equal(p, q) for p, q in zip(model.parameters(), recorded.parameters()))
    assert sum(losses[-11:]) < 0.2 * sum(losses[:11])  # it learns to echo
    assert "replays" in step.report()


def test_a_state_that_is_read_inside_of_a_recorded_step_is_noticed():
    model = Echo()
    x, y = delayed(64)
    windows = tbptt(x, y, steps=8)

    @minigrad.jit
    def step(x, y):
        output, state = model(x, windows.state)
        nn.functional.mse_loss(output, y).backward()
        return state

    with pytest.raises(RuntimeError, match=r"window [12] was not started from the state before it"):
        for x_window, y_window in windows:
            windows.state = step(x_window, y_window)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize("jit", [lambda f: f, minigrad.jit], ids=["eager", "recorded"])
def test_layers_see_one_sequence_through_all_windows(kind, jit):
    layer = getattr(nn, kind)(2, 4, num_layers=2, dtype=minigrad.float64)
    x = minigrad.randn(3, 50, 2, dtype=minigrad.float64)
    run = jit(lambda x, state: layer(x.transpose(0, 1), state))
    windows = tbptt(x, steps=7, batch_first=True)
    outputs = []
    for window in windows:
        output, windows.state = run(window, windows.state)
        outputs.append(output)
    whole, last = layer(x.transpose(0, 1))
    assert minigrad.allclose(minigrad.cat(outputs), whole, rtol=1e-10, atol=1e-12)
    pairs = zip(windows.state, last) if kind == "LSTM" else [(windows.state, last)]
    assert all(minigrad.allclose(a, b, rtol=1e-10, atol=1e-12) and a.grad_fn is None for a, b in pairs)


# -- memory -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_the_graph_of_a_window_is_gone_with_the_window(no_collector):
    cell = Cell()
    windows = tbptt(minigrad.randn(8, 1, 2), steps=2)
    nodes = []
    for x in windows:
        output, state = cell(x, windows.state)
        output.sum()  # no backward at all: an evaluation that forgot no_grad
        nodes.append(weakref.ref(state.grad_fn))
        windows.state = state
        del output, state
        assert nodes[-1]() is None


def test_as_many_tensors_live_after_any_number_of_windows(no_collector):
    model = nn.LSTM(2, 3, num_layers=2)
    optimizer = optim.RMSprop(model.parameters())
    windows, counts = tbptt(minigrad.randn(1_200, 2, 2), steps=4), []
    for number, x in enumerate(windows):
        optimizer.zero_grad()
        output, state = model(x, windows.state)
        output.square().sum().backward()
        optimizer.step()
        windows.state = state
        if number % 100 == 99:
            counts.append(sum(issubclass(type(thing), minigrad.Tensor) for thing in gc.get_objects()))
    assert len(counts) == 3 and len(set(counts)) == 1 and counts[0] > 8  # the parameters at least


@pytest.mark.parametrize(("jit", "source"), [(lambda f: f, "whole"), (minigrad.jit, "pieces")], ids=["eager", "jit"])
def test_ten_thousand_windows_in_flat_memory(no_collector, jit, source):
    """Of a training: with a layer, an optimizer, and the state as an argument and a result of the step."""
    model = nn.LSTM(1, 4)
    optimizer = optim.RMSprop(model.parameters())

    @jit
    def step(x, state):
        optimizer.zero_grad()
        output, state = model(x, state)
        output.square().mean().backward()
        optimizer.step()
        return state

    def pieces():
        for k in range(3 * 4_300):
            yield minigrad.ones(1 + k % 3, 1, 1)

    data = pieces() if source == "pieces" else minigrad.ones(25_800, 1, 1)
    windows = tbptt(data, steps=2, state=(minigrad.zeros(1, 1, 4), minigrad.zeros(1, 1, 4)))
    traced = []
    try:
        for number, x in enumerate(windows):
            if number == 2_400:  # Python keeps up to 2,000 freed tuples of each size for later use
                tracemalloc.start()
            if number in (2_500, 7_500, 12_500):
                traced.append(tracemalloc.get_traced_memory()[0])
            windows.state = step(x, windows.state)
    finally:
        tracemalloc.stop()
    grown = [after - before for before, after in pairwise(traced)]
    # once, a table that was there before may be made anew, and is counted then
    assert len(grown) == 2 and min(grown) < 5_000, f"{grown} bytes more after five thousand windows each"
    assert gc.collect() < 1_000  # what recording leaves behind, once
