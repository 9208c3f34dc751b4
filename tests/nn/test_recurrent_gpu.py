"""Recurrent layers on a GPU, or on the stand-in for CuPy: the numbers of the CPU, by one kernel per time step."""

from __future__ import annotations

import cupy
import pytest
import standin
from recurrent_helpers import KINDS, apart, initial, joined, made, parts, weighted

import minigrad as mg
from minigrad import nn
from minigrad.nn.utils.rnn import pack_padded_sequence
from minigrad.ops.recurrent.lending import place_of
from minigrad.ops.recurrent.stretches import batch_of

T, B, I, H = 5, 4, 3, 4
LENGTHS = [3, 5, 1, 4]
OPTIONS = {
    "one layer": {},
    "no bias": {"bias": False},
    "both directions, two layers": {"bidirectional": True, "num_layers": 2},
}


@pytest.fixture(params=[pytest.param("standin"), pytest.param("gpu", marks=pytest.mark.gpu)])
def cuda(request):
    """The device with the GPU's loops: there is no need to run these tests on the CPU."""
    if request.param == "gpu" and not mg.cuda.is_available():
        pytest.skip("no GPU")
    return "cuda"


def on(device, layer):
    """The same layer on another device, and leaves for it: [input, *first states]."""
    names = ("input_size", "hidden_size", "num_layers", "bias", "bidirectional", "proj_size", "nonlinearity")
    given = {n: getattr(layer, n) for n in names if hasattr(layer, n)}
    if not isinstance(layer, nn.LSTM):
        del given["proj_size"]
    other = type(layer)(**given, dtype=layer.weight_hh_l0.dtype, device=device)
    other.load_state_dict(layer.state_dict())
    return other


def run(layer, leaves, ends):
    """Outputs and the gradients of everything, on the CPU."""
    leaves = [x.detach().to(layer.weight_hh_l0.device).requires_grad_() for x in leaves]
    x, *states = leaves
    if ends == "packed":
        packed = pack_padded_sequence(x, LENGTHS, enforce_sorted=False)
        output, last = layer(packed, joined(states))
        results = parts((output.data, last))
    else:
        results = parts(layer(x, joined(states), lengths=LENGTHS if ends == "lengths" else None))
    weighted(results).backward()
    gradients = [x.grad for x in (*leaves, *layer.parameters())]
    return [x.detach().to("cpu") for x in (*results, *gradients)]


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("ends", ["whole", "lengths", "packed"])
@pytest.mark.parametrize("kind", KINDS)
def test_numbers_and_gradients_are_those_of_the_cpu(cuda, kind, ends, options):
    for dtype, tolerance in ((mg.float64, 1e-12), (mg.float32, 1e-4)):
        layer = made(kind, I, H, dtype=dtype, **options)
        leaves = [mg.randn(T, B, I, dtype=dtype), *initial(layer, B)]
        theirs = run(on(cuda, layer), leaves, ends)
        for a, b in zip(run(layer, leaves, ends), theirs, strict=True):
            assert apart(a, b) < tolerance


@pytest.mark.parametrize("kind", ["RNN of tanh", "RNN of relu", "GRU", "LSTM"])
def test_smallest_sizes(cuda, kind):
    layer = made(kind, 1, 1)
    leaves = [mg.randn(1, 1, 1, dtype=mg.float64), *initial(layer, 1)]
    for a, b in zip(run(layer, leaves, "whole"), run(on(cuda, layer), leaves, "whole"), strict=True):
        assert apart(a, b) < 1e-12


@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_computes_in_single(cuda, kind):
    layer = made(kind, I, H, dtype=mg.float32)
    x = mg.randn(T, B, I)
    half = on(cuda, layer).half()
    output = half(x.to(cuda).half())[0]
    assert output.dtype == mg.float16
    assert apart(layer(x)[0], output.float().to("cpu")) < 5e-3
    output.sum().backward()
    assert all(p.grad.dtype == mg.float16 for p in half.parameters())


def test_nan_goes_on_through_relu(cuda):
    layer = made("RNN of relu", 1, 2, device=cuda)
    x = mg.zeros(3, 1, 1, dtype=mg.float64, device=cuda)
    x[1] = float("nan")
    assert layer(x)[0][1:].isnan().all()


@pytest.mark.parametrize("kind", KINDS)
def test_calls_between_do_not_disturb(cuda, kind):
    """What a forward pass leaves is its own until the backward pass, which may come twice."""
    layer = made(kind, I, H, device=cuda)
    inputs = [mg.randn(T, B, I, dtype=mg.float64, device=cuda) for _ in range(2)]
    alone = []
    for x in inputs:
        layer.zero_grad()
        layer(x)[0].sum().backward()
        alone.append(layer.weight_hh_l0.grad.clone())
    sums = [layer(x)[0].sum() for x in inputs]
    for total, expected in zip(sums, alone):
        for again in (True, False):
            layer.zero_grad()
            total.backward(retain_graph=again)
            assert apart(layer.weight_hh_l0.grad, expected) == 0


@pytest.mark.parametrize("ends", ["whole", "lengths", "packed"])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_gradients(cuda, kind, ends):
    def penalty(layer, x):
        x = x.detach().to(layer.weight_hh_l0.device).requires_grad_()
        given = pack_padded_sequence(x, LENGTHS, enforce_sorted=False) if ends == "packed" else x
        output = layer(given, **({"lengths": LENGTHS} if ends == "lengths" else {}))[0]
        output = output.data if ends == "packed" else output
        (g,) = mg.autograd.grad((output**2).sum(), x, create_graph=True)
        (g**2).sum().backward()
        return [p.grad.to("cpu") for p in layer.parameters()]

    layer = made(kind, I, H)
    x = mg.randn(T, B, I, dtype=mg.float64)
    for a, b in zip(penalty(layer, x), penalty(on(cuda, layer), x), strict=True):
        assert apart(a, b) < 1e-10


# What is launched, which only the stand-in counts


def launches(layer, steps):
    """What one training step on a sequence launches, forward and backward."""
    layer.zero_grad()
    x = mg.randn(steps, B, I, dtype=mg.float64, device="cuda", requires_grad=True)
    with standin.counter.watch() as forward:
        output = layer(x)[0]
    total = output.sum()
    with standin.counter.watch() as backward:
        total.backward()
    return forward.launches, backward.launches


@pytest.mark.parametrize("kind", KINDS)
def test_one_kernel_and_one_product_per_time_step(kind):
    layer = made(kind, I, H, device="cuda")
    name = {"RNN of tanh": "tanh", "RNN of relu": "relu", "GRU": "gru"}.get(kind, "lstm")
    few, many = (launches(layer, steps) for steps in (3, 10))
    products, sums = (2, 7) if "projection" in kind else (1, 0)
    for k, way in enumerate(("forward", "backward")):
        assert not few[k] - many[k]
        more = many[k] - few[k]
        assert more.pop(f"minigrad_{name}_{way}") == 7
        assert more.pop("dot") == 7 * products
        assert more.pop("add", 0) == k * sums  # with a projection, the gradients of h' on the way back
        assert not more


@pytest.mark.parametrize("kind", KINDS)
def test_kernels_see_whole_blocks(kind, monkeypatch):
    """Arguments without gaps: CuPy then counts through their memory, whatever their shape."""
    seen = []
    call = cupy.ElementwiseKernel.__call__

    def watched(self, *args):
        seen.append([a.flags.c_contiguous for a in args])
        return call(self, *args)

    monkeypatch.setattr(cupy.ElementwiseKernel, "__call__", watched)
    launches(made(kind, I, H, device="cuda"), T)
    assert len(seen) == 2 * T and all(map(all, seen))


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_leaves_the_device(kind):
    layer = made(kind, I, H, bidirectional=True, device="cuda")
    x = mg.randn(T, B, I, dtype=mg.float64, device="cuda")
    with standin.counter.watch() as seen:
        layer(x)[0].sum().backward()
    assert (seen.to_host, seen.to_device, seen.waits) == (0, 0, 0)
    with standin.counter.watch() as seen:
        layer(x, lengths=LENGTHS)[0].sum().backward()
    assert (seen.to_host, seen.waits) == (0, 0)
    assert seen.to_device == 4  # in each direction the order of the sequences and of their rows
    with standin.counter.watch() as seen:
        layer(x, lengths=mg.tensor(LENGTHS, device="cuda"))
    assert seen.to_host == 1
    packed = pack_padded_sequence(x, LENGTHS, enforce_sorted=False)
    with standin.counter.watch() as seen:
        layer(packed)[0].data.sum().backward()
    assert (seen.to_host, seen.to_device, seen.waits) == (0, 0, 0)


def test_a_stretch_is_longer_than_what_a_cache_holds():
    x = mg.zeros(40, 64, 1)
    assert len(batch_of(x.array, None, 2048, False).stretches) > 1
    assert len(batch_of(x.to("cuda").array, None, 2048, False).stretches) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_each_device_has_memory_of_its_own(kind):
    with standin.settings.changed(device_count=2):
        for number in (0, 1, 0):
            with cupy.cuda.Device(number):
                layer = made(kind, I, H, device=f"cuda:{number}")
                x = mg.randn(T, B, I, dtype=mg.float64, device=f"cuda:{number}")
                for _ in range(2):
                    layer(x)[0].sum().backward()
                assert layer.weight_hh_l0.grad.device == x.device


def test_streams_do_not_share_memory(cuda):
    """What one stream has been given to do may not be done when another begins."""
    x = mg.zeros(2, 3, device=cuda).array
    place = place_of(x)
    with cupy.cuda.Stream():
        assert place_of(x) not in (place, place_of(mg.zeros(2, 3).array))
    assert place_of(x) == place
