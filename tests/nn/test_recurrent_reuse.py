"""Recurrent layers use memory again: no call sees what another one left there, in whatever order graphs are made,
walked and dropped, in however many threads; and what is kept for later calls is bounded.
"""

from __future__ import annotations

import gc
import sys
import threading
import tracemalloc

import numpy as np
import pytest
from recurrent_helpers import KINDS, apart, made, parts, weighted

import minigrad as mg
from minigrad import autograd, nn
from minigrad.ops.recurrent import lending, stretches
from minigrad.ops.recurrent.gru import GRUWorkspace
from minigrad.ops.recurrent.lstm import LSTMWorkspace
from minigrad.ops.recurrent.rnn import RNNWorkspace
from minigrad.ops.recurrent.workspace import Workspace
from minigrad.utils.checkpoint import checkpoint

I, H = 2, 4


def numbers(*shape, **options):
    return mg.randn(*shape, dtype=mg.float64, **options)


def gradients(layer, x, **options):
    out = parts(layer(x, **options))
    return [*out, *autograd.grad(weighted(out), [x, *layer.parameters()])]


def equal(found, wanted):
    return all(apart(a, b) == 0.0 for a, b in zip(found, wanted, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_a_nan_does_not_stay(kind):
    """A call with NaN in its input, its state or its gradient, then a clean one of the same size."""
    layer = made(kind, I, H, num_layers=2, bidirectional=True)
    x = numbers(5, 3, I, requires_grad=True)
    for lengths in (None, [2, 5, 1]):
        wanted = gradients(layer, x, lengths=lengths)
        for _ in range(2):
            bad = mg.full_like(x, float("nan")).requires_grad_()
            assert bool(mg.isnan(gradients(layer, bad, lengths=lengths)[0]).any())
            nothing = parts(layer(x, lengths=lengths))[0]
            nothing.backward(mg.full_like(nothing, float("nan")))
            layer.zero_grad()
            with mg.no_grad():
                layer(bad)
            assert equal(gradients(layer, x, lengths=lengths), wanted)
            x.grad = None


@pytest.mark.parametrize("kind", KINDS)
def test_graphs_in_any_order(kind):
    """Ten graphs of four sizes, walked in another order than they were made, some dropped, some walked twice."""
    layer = made(kind, I, H, bidirectional=True)
    inputs = [numbers(2 + k % 2, 1 + k % 4 // 2, I, requires_grad=True) for k in range(10)]
    wanted = [gradients(layer, x) for x in inputs]
    graphs = [parts(layer(x)) for x in inputs]
    for k in (7, 2, 9, 0, 3, 7, 2):
        found = autograd.grad(weighted(graphs[k]), [inputs[k], *layer.parameters()], retain_graph=True)
        assert equal([*graphs[k], *found], wanted[k])
        graphs[(3 * k + 1) % 10] = parts(layer(inputs[(3 * k + 1) % 10]))  # the old graph goes, a new one is made
    for k in reversed(range(10)):
        found = autograd.grad(weighted(graphs[k]), [inputs[k], *layer.parameters()])
        assert equal([*graphs[k], *found], wanted[k])


@pytest.mark.parametrize("kind", ["RNN of tanh", "GRU", "LSTM"])
def test_layers_of_one_size_do_not_share(kind):
    """A stack by hand, and two models side by side."""
    first, second = made(kind, H, H), made(kind, H, H)
    x = numbers(5, 3, H, requires_grad=True)

    def stacked():
        y, *ends = parts(first(x))
        out = [*parts(second(y)), *ends]
        return [*out, *autograd.grad(weighted(out), [x, *first.parameters(), *second.parameters()])]

    wanted = stacked()
    other = parts(second(x))
    assert equal(stacked(), wanted)
    kept = [y.detach().clone() for y in other]
    autograd.grad(weighted(other), [*second.parameters()])
    assert equal([y.detach() for y in other], kept) and equal(stacked(), wanted)


@pytest.mark.parametrize("kind", ["RNN of tanh", "GRU", "LSTM", "LSTM with projection"])
def test_long_and_wide_batches(kind):
    """Where a sequence is worked through in several parts: as the same sequences in small batches."""
    layer = made(kind, 3, 128 if kind.startswith("RNN") else 48, bidirectional=True)
    x = numbers(150, 64, 3, requires_grad=True)
    needed = [x, *layer.parameters()]
    ends = [1 + (53 * b) % 150 for b in range(64)]
    for lengths in (None, ends):
        out = parts(layer(x, lengths=lengths))
        weights = [numbers(*y.shape) for y in out]
        gs = autograd.grad(sum((w * y).sum() for w, y in zip(weights, out)), needed)
        totals = [mg.zeros_like(p) for p in needed]
        for b in range(0, 64, 8):
            few = parts(layer(x[:, b : b + 8], lengths=lengths and lengths[b : b + 8]))
            assert all(apart(y[:, b : b + 8], z) < 1e-11 for y, z in zip(out, few))
            loss = sum((w[:, b : b + 8] * z).sum() for w, z in zip(weights, few))
            totals = [total + g for total, g in zip(totals, autograd.grad(loss, needed))]
        for g, total in zip(gs, totals):
            assert apart(g, total) < 1e-10 * (1 + total.abs().max().item())


def in_four_threads(work):
    """work(0) to work(3), at the same time."""
    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("short", [1, 200])
def test_threads(hasty_threads, short, monkeypatch):
    """Four threads, each with a layer of its own, and all of one size: the numbers of one after the other."""
    monkeypatch.setattr(stretches, "_SHORT", short)
    kinds, ends = ["GRU", "LSTM", "GRU", "LSTM"], [9, 3, 6]
    layers = [made(kind, I, H, num_layers=2) for kind in kinds]
    inputs = [[numbers(9, 3, I, requires_grad=True) for _ in range(20)] for _ in layers]
    wanted = [[gradients(layer, x, lengths=ends) for x in xs] for layer, xs in zip(layers, inputs)]
    wrong = []

    def work(k):
        try:
            for x, expected in zip(inputs[k], wanted[k]):
                if not equal(gradients(layers[k], x, lengths=ends), expected):
                    wrong.append(k)
        except Exception as error:
            wrong.append(error)

    in_four_threads(work)
    assert wrong == []


@pytest.fixture
def hasty_threads():
    """Threads take turns after every few lines."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("kind", ["RNN of tanh", "GRU", "LSTM"])
def test_threads_without_gradients(kind, hasty_threads):
    """Inference gives its memory back as it goes: to nobody who would write on what is still to be read."""
    layers = [made(kind, I, H, num_layers=2) for _ in range(4)]
    inputs = [numbers(6, 6, I) for _ in layers]
    lengths = [6, 3, 4, 1, 6, 2]
    with mg.no_grad():
        wanted = [parts(layer(x, lengths=lengths)) for layer, x in zip(layers, inputs)]
    wrong = []

    def work(k):
        with mg.no_grad():
            for _ in range(150):
                if not equal(parts(layers[k](inputs[k], lengths=lengths)), wanted[k]):
                    wrong.append(k)

    in_four_threads(work)
    assert not wrong, f"{len(wrong)} of 600 calls gave wrong results"


def test_backward_in_another_thread():
    layer = made("LSTM", I, H)
    x = numbers(4, 3, I, requires_grad=True)
    wanted = autograd.grad(weighted(parts(layer(x))), [*layer.parameters()])
    out, found = parts(layer(x)), []
    thread = threading.Thread(target=lambda: found.extend(autograd.grad(weighted(out), [*layer.parameters()])))
    thread.start()
    thread.join()
    assert equal(found, wanted)


@pytest.mark.parametrize("kind", ["RNN of tanh", "GRU", "LSTM"])
def test_threads_on_one_graph(kind, hasty_threads):
    layer = made(kind, I, H)
    needed = [*layer.parameters()]
    loss = weighted(parts(layer(numbers(12, 3, I))))
    wanted = autograd.grad(loss, needed, retain_graph=True)
    wrong = []

    def work(k):
        for _ in range(60):
            if not equal(autograd.grad(loss, needed, retain_graph=True), wanted):
                wrong.append(k)

    in_four_threads(work)
    assert not wrong, f"{len(wrong)} of 240 walks gave wrong gradients"


@pytest.mark.parametrize("kind", KINDS)
def test_checkpointing(kind):
    """The forward pass run again in the backward pass."""
    layer = made(kind, I, H, num_layers=2, dropout=0.5)
    x = numbers(5, 3, I, requires_grad=True)
    needed = [x, *layer.parameters()]
    mg.manual_seed(3)
    wanted = autograd.grad(weighted(parts(layer(x))), needed)
    mg.manual_seed(3)
    result = checkpoint(lambda x: tuple(parts(layer(x))), x, use_reentrant=False)
    found = autograd.grad(weighted(result), needed)
    assert all(apart(a, b) < 1e-12 for a, b in zip(found, wanted, strict=True))


def test_anomaly_mode_names_the_operation():
    layer = nn.GRU(I, H)
    x = mg.ones(3, 2, I, requires_grad=True)
    with autograd.detect_anomaly(check_nan=True):
        output, _ = layer(x)
        with pytest.raises(RuntimeError, match=r"(?i)gru.*nan"):
            output.backward(mg.full_like(output, float("nan")))


@pytest.fixture
def made_workspaces(monkeypatch):
    """A list that grows by the size of every workspace that is made."""
    made, make = [], Workspace.__init__

    def counted(self, *args):
        make(self, *args)
        made.append(self.nbytes)

    monkeypatch.setattr(Workspace, "__init__", counted)
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_memory_is_used_again(kind, made_workspaces):
    """From the second call of a size on nothing is made anew: with a backward pass, without one, without gradients."""
    layer = made(kind, 3, 7, num_layers=2)
    x = numbers(4, 3, 3)

    def once():
        parts(layer(x))[0].sum().backward()
        layer.zero_grad()
        layer(x, lengths=[4, 2, 1])
        with mg.no_grad():
            layer(x)

    once()
    once()
    count = len(made_workspaces)
    assert count
    for _ in range(3):
        once()
    assert len(made_workspaces) == count


def test_inference_on_long_batches_needs_the_memory_of_a_part(made_workspaces):
    layer = made("GRU", 3, 48)
    x = numbers(600, 64, 3)
    with mg.no_grad():
        layer(x)
    without = len(made_workspaces)
    layer(x)
    assert without < len(made_workspaces) - without  # all parts are kept for the backward pass


@pytest.mark.parametrize("size", [(500, 1, 4, 8, 8), (20, 4, 40, 60, 60), (20, 16, 40, 60, 60)])
@pytest.mark.parametrize("kind", [RNNWorkspace, GRUWorkspace, LSTMWorkspace])
def test_memory_that_is_kept_is_counted(kind, size):
    """With the views of every step, which are most of it where a layer is small: the sum has a limit."""
    gc.collect()
    tracemalloc.start()
    try:
        workspace = kind(np, *size, "float32")
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert 0.9 * held < workspace.nbytes < (6 if size[0] == 500 else 1.2) * held


@pytest.mark.parametrize("kind", KINDS)
def test_long_sequences_run_through_the_memory_of_a_short_one(kind, made_workspaces):
    """A few hundred steps at most; two graphs of one size and their gradients do not meet there."""
    layer = made(kind, I, H)
    layer(numbers(400, 1, I))
    most = max(made_workspaces)
    inputs = [numbers(2_100, 1, I, requires_grad=True) for _ in range(2)]
    graphs = [parts(layer(x)) for x in inputs]
    found = [autograd.grad(weighted(out), [x, *layer.parameters()]) for x, out in zip(inputs, graphs)]
    assert len(made_workspaces) <= 3 and max(made_workspaces) == most
    for x, gs in zip(inputs, found):
        states, ends = None, []
        for part in x.split(300):
            y, states = layer(part, states)
            ends.append(y)
        last = parts((mg.cat(ends), states))
        wanted = autograd.grad(weighted(last), [x, *layer.parameters()])
        assert all(apart(a, b) < 1e-9 * (1 + b.abs().max().item()) for a, b in zip(gs, wanted, strict=True))


def test_memory_that_is_kept_has_a_limit(monkeypatch, made_workspaces):
    """Of forty sizes those used last are kept; `empty_cache` lets go of all."""
    mg.cuda.empty_cache()
    monkeypatch.setattr(lending, "_MOST", 1 << 22)
    layer = made("LSTM", 3, 16)
    for steps in range(20, 60):
        layer(numbers(steps, 4, 3))
    lending._take_in()
    kept = [workspace for same in lending._free.values() for workspace in same]
    assert sum(made_workspaces) > 2 << 22
    assert 2 << 20 < sum(workspace.nbytes for workspace in kept) == lending._bytes <= 1 << 22
    assert {59, 58, 57} <= {workspace.steps for workspace in kept}
    mg.cuda.empty_cache()
    assert not lending._free and lending._bytes == 0


@pytest.mark.parametrize("kind", KINDS)
def test_first_and_second_order_on_one_graph(kind):
    """A loss with a penalty on its own gradient: what the two give apart, added."""
    layer = made(kind, I, H)
    x = numbers(4, 3, I, requires_grad=True)
    needed = [*layer.parameters()]

    def loss_and_penalty():
        loss = weighted(parts(layer(x, lengths=[2, 4, 1])))
        (g,) = autograd.grad(loss, x, create_graph=True)
        return loss, (g**2).sum()

    loss, penalty = loss_and_penalty()
    apart_gradients = [autograd.grad(loss_and_penalty()[k], needed, allow_unused=True) for k in (0, 1)]
    wanted = [a if b is None else a + b for a, b in zip(*apart_gradients)]
    found = autograd.grad(loss + penalty, needed)
    assert all(apart(a, b) < 1e-10 * (1 + b.abs().max().item()) for a, b in zip(found, wanted))


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_a_layer_in_a_deep_graph(kind):
    """Hundreds of short calls in one graph, as a decoder makes them."""
    layer = made(kind, I, H)
    x = numbers(300, 2, I, requires_grad=True)
    wanted = autograd.grad(weighted([layer(x)[0]]), [x, *layer.parameters()])
    outputs, state = [], None
    for t in range(300):
        y, state = layer(x[t : t + 1], state)
        outputs.append(y)
    found = autograd.grad(weighted([mg.cat(outputs)]), [x, *layer.parameters()])
    assert all(apart(a, b) < 1e-10 for a, b in zip(found, wanted, strict=True))
