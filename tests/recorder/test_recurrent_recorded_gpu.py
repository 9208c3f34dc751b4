"""Recurrent layers in recorded steps on a GPU, or on the stand-in for CuPy: equal to eager ones, as few launches."""

from __future__ import annotations

import pytest
import standin
from recorded_helpers import both_ways, loud_or_equal
from recurrent_steps import KINDS, B, I, T, looks, loss_of, made, step_of

import minigrad as mg
from minigrad import optim
from minigrad.nn.utils.rnn import pack_padded_sequence

LENGTHS = [[4, 2, 3]] * 4 + [[1, 4, 4], [4, 4, 4], [2, 1, 2]]


@pytest.fixture(params=[pytest.param("standin"), pytest.param("gpu", marks=pytest.mark.gpu)])
def cuda(request):
    if request.param == "gpu" and not mg.cuda.is_available():
        pytest.skip("no GPU")
    return "cuda"


def packed(layer, x, lengths):
    output, last = layer(pack_padded_sequence(x, lengths, enforce_sorted=False))
    return output.data, last


@pytest.mark.parametrize("ends", ["whole", "lengths of the CPU", "lengths of the GPU", "packed"])
@pytest.mark.parametrize("kind", KINDS)
def test_training_steps(cuda, kind, ends):
    call = {"whole": None, "packed": packed}.get(ends, lambda layer, x, lengths: layer(x, lengths=lengths))

    def scenario(jit):
        layer = made(kind, num_layers=2, bidirectional=True, device=cuda)
        step = step_of(jit, layer, optim.RMSprop(layer.parameters(), lr=0.01), call)
        for lengths in LENGTHS:
            lengths = mg.tensor(lengths, device=cuda if ends == "lengths of the GPU" else "cpu")
            yield step(mg.randn(T, B, I, device=cuda), *([] if call is None else [lengths]))
            yield looks(layer)

    both_ways(scenario, at_least=1 if ends == "packed" else 3)


@pytest.mark.parametrize("kind", ["RNN of tanh", "GRU", "LSTM"])
def test_gradients_of_gradients(cuda, kind):
    """The same numbers, or an error that says what to do."""

    def scenario(jit):
        layer = made(kind, device=cuda)

        @jit
        def step(x):
            x = x.detach().requires_grad_()
            layer.zero_grad()
            (g,) = mg.autograd.grad(loss_of(layer(x)), x, create_graph=True)
            (g**2).sum().backward()
            return g.detach()

        for _ in range(4):
            yield step(mg.randn(T, B, I, device=cuda))
            yield looks(layer)

    loud_or_equal(scenario)


@pytest.mark.parametrize("kind", KINDS)
def test_a_replay_launches_no_more_than_an_eager_step(kind):
    layer = made(kind, device="cuda")

    def step(x):
        layer.zero_grad()
        layer(x)[0].sum().backward()

    recorded = mg.jit(step)
    x = mg.randn(T, B, I, device="cuda")
    for _ in range(3):
        recorded(x)
    counts = []
    for run in (step, recorded):
        with standin.counter.watch() as seen:
            run(x)
        assert (seen.to_host, seen.to_device, seen.waits) == (0, 0, 0)
        counts.append(seen.launches)
    eager, replayed = counts
    kernels = {name: n for name, n in eager.items() if name.startswith("minigrad_")}
    assert kernels == {name: n for name, n in replayed.items() if name in kernels}
    assert sorted(kernels.values()) == [T, T]
    assert replayed["dot"] == eager["dot"] and sum(replayed.values()) <= sum(eager.values())
