"""Copies and pickles of tensors, modules, optimizers and generators: values kept, and who shares memory with whom."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import minigrad
from minigrad import nn


def pickled(obj):
    return pickle.loads(pickle.dumps(obj))


@pytest.fixture(params=[copy.deepcopy, pickled], ids=["deepcopy", "pickle"])
def copied(request):
    return request.param


DTYPES = ["bool", "uint8", "int16", "int64", "float16", "float32", "float64", "uint32"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0, 2), (2, 3)])
def test_values(copied, dtype, shape, device):
    x = minigrad.tensor(np.arange(6)[: int(np.prod(shape))].reshape(shape).astype(dtype), device=device)
    got = copied(x)
    assert got.tolist() == x.tolist() and got.dtype == x.dtype and got.shape == x.shape and got.device == x.device
    if shape == (2, 3):
        got.zero_()
        assert x.tolist() != got.tolist()


def test_what_a_leaf_keeps(copied, device):
    x = minigrad.ones(2, device=device, requires_grad=True)
    x.g, x.label = minigrad.zeros(1, device=device), "weights"
    (x * 2).sum().backward()
    got = copied(x)
    assert got.requires_grad and got.is_leaf and got.label == "weights" and got.g.tolist() == [0] and got.g is not x.g
    if copied is copy.deepcopy:
        assert got.grad.tolist() == [2, 2] and got.grad is not x.grad
    else:
        assert got.grad is None  # as in PyTorch
    (got * 3).sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_results_of_a_graph():
    x = minigrad.ones(2, requires_grad=True) * 2
    with pytest.raises(RuntimeError, match="only leaves can be deep-copied"):
        copy.deepcopy(x)
    got = pickled(x)
    assert got.tolist() == [2, 2] and got.requires_grad and got.is_leaf
    assert copy.copy(x).tolist() == [2, 2]


def test_views_of_one_tensor_stay_views(copied, device):
    x = minigrad.arange(12, device=device).reshape(3, 4)
    parts = {"x": x, "row": x[1], "column": x[:, 2], "some": x[::2, 1::2], "turned": x.T, "detached": x[0].detach()}
    got = copied(parts)
    for name, part in parts.items():
        assert got[name].tolist() == part.tolist() and got[name].stride() == part.stride()
    got["x"].fill_(7)
    assert all(set(np.ravel(part.tolist()).tolist()) == {7} for part in got.values())
    got["column"][1] = 5
    assert got["row"].tolist() == [7, 7, 5, 7] and x[1].tolist() == [4, 5, 6, 7]


def test_a_view_alone_and_views_of_odd_arrays(copied):
    x = minigrad.arange(6.0)
    assert copied(x[2:4]).tolist() == [2, 3] and copied(x[:0]).shape == (0,)
    backwards = minigrad.from_numpy(np.arange(6)[::-2])
    both = copied([backwards, backwards[1:]])
    both[0][1] = 9
    assert both[0].tolist() == [5, 9, 1] and both[1].tolist() == [9, 1]
    columns = minigrad.from_numpy(np.asfortranarray(np.arange(6).reshape(2, 3)))
    assert [t.tolist() for t in copied([columns, columns[1]])] == [[[0, 1, 2], [3, 4, 5]], [3, 4, 5]]
    assert copied(minigrad.from_numpy(np.broadcast_to(np.arange(2), (3, 2)))).tolist() == [[0, 1]] * 3


def test_copies_of_views_still_notice_changes(copied):
    x = minigrad.arange(4.0)
    x2, part = copied([x, x[1:]])
    w = minigrad.ones(3, requires_grad=True)
    y = (w * part).sum()
    x2.add_(1)
    with pytest.raises(RuntimeError, match="add_"):
        y.backward()


def test_two_tensors_around_one_array(copied):
    x = minigrad.ones(2)
    a, b, c = copied([x, x.detach(), x])
    a[0] = 5
    assert b.tolist() == [5, 1] and a is c


def test_parameters_and_buffers(copied, device):
    p = nn.Parameter(minigrad.ones(2, device=device), requires_grad=False)
    got = copied(p)
    assert type(got) is nn.Parameter and not got.requires_grad and got.tolist() == [1, 1]
    assert copied(nn.Parameter(minigrad.ones(1))).requires_grad
    buffer = copied(nn.Buffer(minigrad.ones(1), persistent=False))
    assert type(buffer) is nn.Buffer and buffer.persistent is False


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(3, 3)
        self.decoder = nn.Linear(3, 3)
        self.decoder.weight = self.encoder.weight
        self.norm = nn.BatchNorm1d(3)
        self.layers = nn.ModuleList([self.encoder, nn.Dropout(0.5)])
        self.register_buffer("steps", minigrad.tensor(0))

    def forward(self, x):
        self.steps += 1
        return self.decoder(self.norm(self.encoder(x)))


def test_modules_keep_their_structure(copied, device):
    model = Tied().to(device).eval()
    got = copied(model)
    assert got.decoder.weight is got.encoder.weight and got.layers[0] is got.encoder and not got.training
    assert len(list(got.parameters())) == len(list(model.parameters())) == 5
    assert all(p is not q and p.tolist() == q.tolist() for p, q in zip(got.parameters(), model.parameters()))
    x = minigrad.ones(2, 3, device=device)
    assert got(x).tolist() == model(x).tolist()
    model(x)
    assert got.steps.item() == 1 and model.steps.item() == 2
    before = [p.tolist() for p in got.parameters()]
    with minigrad.no_grad():
        for p in model.parameters():
            p.add_(1)
    assert [p.tolist() for p in got.parameters()] == before


OPTIMIZERS = {
    "sgd": lambda p: minigrad.optim.SGD(p, lr=0.1, momentum=0.9),
    "nag": lambda p: minigrad.optim.NAG(p, lr=0.1),
    "adagrad": lambda p: minigrad.optim.Adagrad(p, lr=0.1),
    "rmsprop": lambda p: minigrad.optim.RMSprop(p, lr=0.01, centered=True, momentum=0.5),
}


def train(model, optimizer, n):
    for k in range(n):
        optimizer.zero_grad()
        x = minigrad.arange(6.0, device=next(model.parameters()).device).reshape(2, 3) + k
        (model(x) ** 2).mean().backward()
        optimizer.step()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_goes_with_its_model(copied, name, device):
    model = nn.Linear(3, 2).to(device)
    optimizer = OPTIMIZERS[name](model.parameters())
    train(model, optimizer, 2)
    model2, optimizer2 = copied((model, optimizer))
    ours = [p for group in optimizer2.param_groups for p in group["params"]]
    assert all(p is q for p, q in zip(ours, model2.parameters())) and len(ours) == 2
    before = [p.tolist() for p in model2.parameters()]
    train(model, optimizer, 2)
    assert [p.tolist() for p in model2.parameters()] == before
    train(model2, optimizer2, 2)
    assert [p.tolist() for p in model2.parameters()] == [p.tolist() for p in model.parameters()]


def test_a_target_network_stays_apart(device):
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).to(device)
    optimizer = OPTIMIZERS["sgd"](model.parameters())
    train(model, optimizer, 1)
    target = copy.deepcopy(model)
    before = [p.tolist() for p in target.parameters()]
    train(model, optimizer, 1)
    assert [p.tolist() for p in target.parameters()] == before
    target.load_state_dict(model.state_dict())
    assert [p.tolist() for p in target.parameters()] == [p.tolist() for p in model.parameters()]
    after = [p.tolist() for p in target.parameters()]
    train(model, optimizer, 1)
    assert [p.tolist() for p in target.parameters()] == after


def test_one_parameter_of_many_is_pickled_alone():
    """Parameters that lie in one flat buffer of an optimizer do not drag each other along."""
    model = nn.Sequential(nn.Linear(300, 300), nn.Linear(2, 2))
    optimizer = OPTIMIZERS["sgd"](model.parameters())
    model[0](minigrad.ones(300)).sum().backward()
    model[1](minigrad.ones(2)).sum().backward()
    optimizer.step()
    optimizer.step()
    assert len(pickle.dumps(model[1].weight)) < 2000
    assert len(pickle.dumps(model[1].state_dict())) < 4000


def test_generators(copied, device):
    g = minigrad.Generator(device).manual_seed(5)
    minigrad.rand(3, generator=g, device=device)
    again = copied(g)
    assert again.device == g.device and again.initial_seed() == 5
    expected = minigrad.rand(3, generator=g, device=device).tolist()
    assert minigrad.rand(3, generator=again, device=device).tolist() == expected
    third, state = g.clone_state(), g.get_state()
    expected = minigrad.rand(3, generator=g, device=device).tolist()
    g.set_state(state)
    for same in (third, g):
        assert minigrad.rand(3, generator=same, device=device).tolist() == expected
    assert state.dtype is minigrad.uint8
    with pytest.raises(RuntimeError, match="not the state of a minigrad generator"):
        g.set_state(minigrad.zeros(3, dtype=minigrad.uint8))


def test_small_things(copied):
    sizes = minigrad.Size((2, 3))
    for value in (minigrad.float32, minigrad.bool, sizes, minigrad.device("cuda:1"), minigrad.LongTensor):
        got = copied(value)
        assert got == value and type(got) is type(value)
    assert copied(minigrad.float64) is minigrad.float64
    pair = copied(minigrad.tensor([1.0, 3.0]).max(0))
    assert pair.values.item() == 3 and pair.indices.item() == 1
