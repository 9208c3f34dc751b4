"""Tensors from data and from factories: dtypes, memory, devices, generators, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

import minigrad

FACTORIES = {
    "zeros": lambda **kw: minigrad.zeros(2, 3, **kw),
    "ones": lambda **kw: minigrad.ones((2, 3), **kw),
    "empty": lambda **kw: minigrad.empty([2, 3], **kw),
    "full": lambda **kw: minigrad.full((2, 3), 1.5, **kw),
    "rand": lambda **kw: minigrad.rand(2, 3, **kw),
    "randn": lambda **kw: minigrad.randn(size=(2, 3), **kw),
    "eye": lambda **kw: minigrad.eye(2, 3, **kw),
    "linspace": lambda **kw: minigrad.linspace(0, 1, 6, **kw).reshape(2, 3),
    "logspace": lambda **kw: minigrad.logspace(0, 1, 6, **kw).reshape(2, 3),
    "arange": lambda **kw: minigrad.arange(6.0, **kw).reshape(2, 3),
    "normal": lambda **kw: minigrad.normal(1.0, 2.0, (2, 3), **kw),
    "tensor": lambda **kw: minigrad.tensor([[0.0] * 3] * 2, **kw),
    "zeros_like": lambda **kw: minigrad.zeros_like(minigrad.ones(2, 3), **kw),
    "ones_like": lambda **kw: minigrad.ones_like(minigrad.ones(2, 3), **kw),
    "empty_like": lambda **kw: minigrad.empty_like(minigrad.ones(2, 3), **kw),
    "full_like": lambda **kw: minigrad.full_like(minigrad.ones(2, 3), 4, **kw),
    "rand_like": lambda **kw: minigrad.rand_like(minigrad.ones(2, 3), **kw),
    "randn_like": lambda **kw: minigrad.randn_like(minigrad.ones(2, 3), **kw),
    "new_zeros": lambda **kw: minigrad.ones(1).new_zeros(2, 3, **kw),
    "new_ones": lambda **kw: minigrad.ones(1).new_ones((2, 3), **kw),
    "new_full": lambda **kw: minigrad.ones(1).new_full((2, 3), 7, **kw),
    "new_tensor": lambda **kw: minigrad.ones(1).new_tensor([[1, 2, 3]] * 2, **kw),
}


@pytest.mark.parametrize("name", FACTORIES)
def test_factories(name, device):
    make = FACTORIES[name]
    x = make(device=device)
    assert x.shape == (2, 3) and x.dtype is minigrad.float32 and x.device.type == device and not x.requires_grad
    y = make(dtype=minigrad.float64, device=device, requires_grad=True)
    assert y.dtype is minigrad.float64 and y.requires_grad and (y.is_leaf or name in ("linspace", "logspace", "arange"))
    with minigrad.device(device):
        minigrad.set_default_dtype(minigrad.float64)
        assert make().dtype is minigrad.float64 and make().device.type == device


def test_values(device):
    def get(name, *args, **kw):
        return getattr(minigrad, name)(*args, device=device, **kw).tolist()

    assert get("zeros", 2) == [0, 0] and get("ones", 1, 2) == [[1, 1]] and get("full", (2,), 3) == [3, 3]
    assert get("arange", 3) == [0, 1, 2] and get("arange", 1, 7, 2) == [1, 3, 5]
    assert get("arange", 3, 0, -1) == [3, 2, 1]
    assert get("arange", 0, 1, 0.25) == [0, 0.25, 0.5, 0.75] and get("linspace", 0, 1, 3) == [0, 0.5, 1]
    assert get("eye", 2) == [[1, 0], [0, 1]] and get("logspace", 0, 2, 3) == [1, 10, 100]
    assert get("range", 1, 3) == [1, 2, 3] and get("full", (), True) is True
    assert minigrad.arange(minigrad.tensor(3), device=device).dtype is minigrad.int64
    many = minigrad.arange(0, 1, 0.001, device=device)
    assert many.shape == (1000,) and abs(many[-1].item() - 0.999) < 1e-6


def test_the_dtype_of_data(device):
    def kind(data, **kw):
        return str(minigrad.tensor(data, device=device, **kw).dtype).removeprefix("minigrad.")

    assert [kind(d) for d in (1, 1.0, True, [1, 2.5], [True, 2], [], [[1], [2]], range(2))] == [
        "int64", "float32", "bool", "float32", "int64", "float32", "int64", "int64",
    ]  # fmt: skip
    for name in ("float64", "float16", "int32", "uint8", "bool", "uint16"):
        scalar = np.ones((), dtype=name)[()]
        assert kind(np.ones(2, dtype=name)) == name == kind(scalar) == kind([scalar])
    assert kind([1, 2], dtype=minigrad.float16) == "float16" and kind(1.7, dtype=int) == "int64"
    assert minigrad.tensor(1.7, dtype=minigrad.int64).item() == 1
    minigrad.set_default_dtype(minigrad.float64)
    assert kind(1.0) == "float64" and kind([1, 2.5]) == "float64" and kind(np.float32(1)) == "float32"
    assert kind(0.1) == "float64" and minigrad.tensor(0.1).item() == 0.1


def test_data_with_tensors_in_it(device):
    a, b = minigrad.tensor(1.5, device=device), minigrad.tensor(2, device=device)
    assert minigrad.tensor([a, b], device=device).tolist() == [1.5, 2]
    assert minigrad.tensor([[a, 1], [b, 2]], device=device).tolist() == [[1.5, 1], [2, 2]]
    row = minigrad.ones(2, device=device, requires_grad=True)
    assert minigrad.tensor([row.detach(), row.detach()], device=device).shape == (2, 2)
    copied = minigrad.tensor(row.detach())
    copied[0] = 5
    assert row.tolist() == [1, 1] and not copied.requires_grad and copied.device == row.device


def test_memory_is_shared_or_not():
    a = np.zeros(3)
    shared, same, copied = minigrad.from_numpy(a), minigrad.as_tensor(a), minigrad.tensor(a)
    a[0] = 1
    shared[1] = 2
    assert a.tolist() == [1, 2, 0] == same.tolist() and copied.tolist() == [0, 0, 0]
    assert minigrad.as_tensor(shared) is shared
    assert minigrad.asarray(a, dtype=minigrad.float32).dtype is minigrad.float32
    assert np.shares_memory(shared.numpy(), a) and shared.numpy() is a
    columns = minigrad.from_numpy(np.arange(6).reshape(2, 3).T)
    assert columns.stride() == (1, 3) and columns.tolist() == [[0, 3], [1, 4], [2, 5]]
    frozen = np.zeros(2)
    frozen.flags.writeable = False
    with pytest.raises(RuntimeError, match=r"memory is read-only: clone\(\) it"):
        minigrad.from_numpy(frozen)[0] = 1
    assert minigrad.from_numpy(np.zeros(2).view(np.recarray).view(np.ndarray)).shape == (2,)


def test_out(device):
    out = minigrad.empty(3, device=device)
    assert minigrad.zeros(3, out=out, device=device) is out and out.tolist() == [0, 0, 0]
    assert minigrad.arange(3, out=out, device=device) is out and out.tolist() == [0, 1, 2]
    assert minigrad.rand(3, out=out, device=device) is out and out.dtype is minigrad.float32


# -- random --------------------------------------------------------------------------------------------------------


def test_distributions_of_the_numbers(device):
    n = 40_000
    uniform, normal = minigrad.rand(n, device=device), minigrad.randn(n, device=device)
    assert uniform.min().item() >= 0 and uniform.max().item() < 1 and abs(uniform.mean().item() - 0.5) < 0.01
    assert abs(normal.mean().item()) < 0.03 and abs(normal.std().item() - 1) < 0.03
    integers = minigrad.randint(3, 7, (n,), device=device)
    assert integers.dtype is minigrad.int64 and sorted(integers.unique().tolist()) == [3, 4, 5, 6]
    assert abs(integers.float().mean().item() - 4.5) < 0.05
    assert minigrad.randint(5, (2, 3), device=device).shape == (2, 3)
    assert sorted(minigrad.randperm(9, device=device).tolist()) == list(range(9))
    coins = minigrad.bernoulli(minigrad.full((n,), 0.3, device=device))
    assert abs(coins.mean().item() - 0.3) < 0.02 and set(coins.tolist()) == {0, 1}
    shifted = minigrad.normal(minigrad.full((n,), 3.0, device=device), 0.5)
    assert abs(shifted.mean().item() - 3) < 0.02 and abs(shifted.std().item() - 0.5) < 0.02
    waiting = minigrad.empty(n, device=device).exponential_(2.0)
    assert abs(waiting.mean().item() - 0.5) < 0.02 and waiting.min().item() >= 0


def test_filling_in_place(device):
    x = minigrad.empty(2, 500, device=device)
    assert x.uniform_(-2, 3) is x and -2 <= x.min().item() < -1 and 2 < x.max().item() <= 3
    assert x.normal_(5, 0.1) is x and abs(x.mean().item() - 5) < 0.1
    assert set(minigrad.empty(50, device=device).bernoulli_(0.5).tolist()) <= {0.0, 1.0}
    assert set(minigrad.empty(200, dtype=minigrad.int64, device=device).random_(2, 5).tolist()) == {2, 3, 4}
    assert minigrad.empty(200, dtype=minigrad.uint8, device=device).random_().max().item() > 100
    assert set(minigrad.empty(99, dtype=minigrad.bool, device=device).random_().tolist()) == {True, False}
    part = minigrad.zeros(2, 3, device=device)
    part[0].uniform_(1, 2)
    assert part[0].min().item() >= 1 and part[1].tolist() == [0, 0, 0] and part._version == 1


def test_multinomial(device):
    weights = minigrad.tensor([[1.0, 0.0, 3.0], [0.0, 2.0, 2.0]], device=device)
    drawn = minigrad.multinomial(weights, 20_000, replacement=True)
    assert drawn.dtype is minigrad.int64 and drawn.shape == (2, 20_000) and drawn.device == weights.device
    shares = minigrad.nn.functional.one_hot(drawn, 3).float().mean(1)
    assert minigrad.allclose(shares, weights / weights.sum(1, keepdim=True), atol=0.02)
    assert shares[0, 1].item() == 0 and shares[1, 0].item() == 0
    assert sorted(minigrad.multinomial(weights[0], 2).tolist()) == [0, 2]
    first = minigrad.stack([minigrad.multinomial(weights[0], 2)[0] for _ in range(400)]).float()
    assert abs((first == 2).float().mean().item() - 0.75) < 0.1
    for replacement in (True, False):
        assert minigrad.multinomial(weights[:0], 2, replacement).shape == (0, 2)


def test_generators(device):
    g = minigrad.Generator(device).manual_seed(7)
    made = [
        lambda g: minigrad.rand(3, generator=g), lambda g: minigrad.randn(3, generator=g),
        lambda g: minigrad.randint(9, (3,), generator=g), lambda g: minigrad.randperm(5, generator=g),
        lambda g: minigrad.multinomial(minigrad.ones(5, device=device), 3, generator=g),
        lambda g: minigrad.bernoulli(minigrad.full((5,), 0.5, device=device), generator=g),
        lambda g: minigrad.normal(0.0, 1.0, (3,), generator=g),
        lambda g: minigrad.zeros(3, device=device).normal_(generator=g),
        lambda g: minigrad.zeros(3, device=device).uniform_(generator=g),
    ]  # fmt: skip
    for make in made:
        first = make(g.manual_seed(7))
        assert first.device.type == device and make(g.manual_seed(7)).tolist() == first.tolist()
    assert minigrad.rand(4, generator=g).tolist() != minigrad.rand(4, generator=g).tolist()
    other = "cpu" if device == "cuda" else "cuda"
    with pytest.raises(RuntimeError, match=rf"expected a generator on '{other}.*', got one on '{device}"):
        minigrad.rand(2, generator=g, device=other)


def test_seeds(device):
    minigrad.manual_seed(3)
    first = minigrad.rand(4, device=device).tolist()
    state = minigrad.get_rng_state()
    second = minigrad.rand(4).tolist()
    minigrad.manual_seed(3)
    assert minigrad.rand(4, device=device).tolist() == first and minigrad.initial_seed() == 3
    minigrad.set_rng_state(state)
    assert minigrad.rand(4).tolist() == second
    assert minigrad.seed() == minigrad.initial_seed() != 3
    assert minigrad.manual_seed(-1).initial_seed() == 2**64 - 1
    half = minigrad.rand(1000, dtype=minigrad.float16, device=device)
    assert half.dtype is minigrad.float16 and half.max().item() <= 1


# -- refusals ------------------------------------------------------------------------------------------------------

ERRORS = [
    (lambda: minigrad.tensor([[1, 2], [3]]), ValueError, "lists of equal lengths at each depth"),
    (lambda: minigrad.tensor("a"), TypeError, "made from numbers, lists .*; got str"),
    (lambda: minigrad.tensor(None), TypeError, "got NoneType"),
    (lambda: minigrad.tensor(["a"]), ValueError, "do not fit together"),
    (lambda: minigrad.tensor(1j), TypeError, "got complex"),
    (lambda: minigrad.tensor(2**63), RuntimeError, "does not fit into int64"),
    (lambda: minigrad.tensor(2**70), (RuntimeError, TypeError), "int"),
    (lambda: minigrad.tensor([300], dtype=minigrad.uint8), RuntimeError, "the number 300 does not fit into uint8"),
    (lambda: minigrad.tensor([math.nan], dtype=minigrad.int32), RuntimeError, "the number nan does not fit into int32"),
    (lambda: minigrad.tensor([1], requires_grad=True), RuntimeError, "only floating point tensors"),
    (lambda: minigrad.tensor(np.array(["a"])), (TypeError, ValueError), "numbers|tensors"),
    (lambda: minigrad.tensor(np.ones(1, dtype=complex)), TypeError, "complex128 cannot be tensors"),
    (lambda: minigrad.tensor([1], dtype="float32"), TypeError, "expected a dtype such as minigrad.float32"),
    (lambda: minigrad.tensor([1], device="tpu"), RuntimeError, "expected a device such as 'cpu'.*, got 'tpu'"),
    (lambda: minigrad.from_numpy([1]), TypeError, r"takes a NumPy array, got list: use tensor\(\)"),
    (lambda: minigrad.zeros(-1), RuntimeError, r"must not be negative, got \[-1\]"),
    (lambda: minigrad.zeros(2.0), TypeError, "must be integers"),
    (lambda: minigrad.arange(0, 1, 0), RuntimeError, "step must not be 0"),
    (lambda: minigrad.arange(3, 1), RuntimeError, "no number leads from 3 to 1"),
    (lambda: minigrad.linspace(0, 1, -1), RuntimeError, "steps must not be negative"),
    (lambda: minigrad.rand(2, dtype=minigrad.int64), RuntimeError, "use randint for integers"),
    (lambda: minigrad.randint(5, 5, (2,)), RuntimeError, "low must be smaller than high, got low=5 and high=5"),
    (lambda: minigrad.randint(5), TypeError, "needs a size"),
    (lambda: minigrad.normal(minigrad.ones(2), -1.0), RuntimeError, "not negative"),
    (lambda: minigrad.bernoulli(minigrad.tensor([1.5])), RuntimeError, "probabilities between 0 and 1"),
    (lambda: minigrad.multinomial(minigrad.ones(2), 3), RuntimeError, "pass replacement=True"),
    (lambda: minigrad.multinomial(minigrad.tensor([1.0, -1.0]), 1), RuntimeError, "not negative"),
    (lambda: minigrad.multinomial(minigrad.ones(2, dtype=minigrad.int64), 1), RuntimeError, "floating point weights"),
    (lambda: minigrad.ones(2, dtype=minigrad.int64).normal_(), RuntimeError, r"use random_\(\) for integers"),
    (lambda: minigrad.ones(2).uniform_(1, 0), RuntimeError, "from <= to"),
    (lambda: minigrad.set_default_dtype(minigrad.int64), TypeError, "must be a floating point one"),
    (lambda: minigrad.manual_seed(2**64), RuntimeError, "a seed must lie between"),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_indices_of_triangles(device):
    x = minigrad.arange(12, device=device).reshape(3, 4)
    rows, columns = minigrad.tril_indices(3, 4, device=device)
    assert x[rows, columns].tolist() == [0, 4, 5, 8, 9, 10]
    assert minigrad.triu_indices(3, 4, offset=1, device=device).tolist() == [[0, 0, 0, 1, 1, 2], [1, 2, 3, 2, 3, 3]]
