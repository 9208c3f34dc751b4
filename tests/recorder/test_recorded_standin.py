"""Recorded steps on a GPU's arrays (on the stand-in for CuPy, or on a GPU): replayed call by call, equal to eager."""

from __future__ import annotations

import pytest
from recorded_helpers import bits, both_ways, replays
from test_training_recorded import OPTIMIZERS

import minigrad
import minigrad.nn.functional as F
from minigrad import RecordingError, nn, optim


def trainer(jit, model, optimizer, loss_of=F.cross_entropy, clip=None):
    @jit
    def step(x, y):
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        norm = None if clip is None else nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        return loss, norm

    return step


def batches(device, count=8, size=6, classes=3):
    for k in range(count):
        n = size if k % 4 != 3 else size - 2
        yield minigrad.randn(n, 4, device=device), minigrad.randint(0, classes, (n,), device=device)


@pytest.mark.parametrize("make_optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_a_mlp_trains(device, make_optimizer):
    def scenario(jit):
        model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).to(device)
        optimizer = make_optimizer(model.parameters())
        step = trainer(jit, model, optimizer)
        for k, (x, y) in enumerate(batches(device)):
            optimizer.param_groups[0]["lr"] *= 0.9
            yield step(x, y), model
            if k == 4:
                saved = optimizer.state_dict()
        optimizer.load_state_dict(saved)
        for x, y in batches(device):
            yield step(x, y)
            yield model, optimizer

    both_ways(scenario, at_least=6)


def test_batch_norm_dropout_layer_norm_and_clipping(device):
    def scenario(jit):
        model = nn.Sequential(
            nn.Linear(4, 6), nn.BatchNorm1d(6), nn.GELU(), nn.Dropout(0.3), nn.LayerNorm(6), nn.Linear(6, 3)
        ).to(device)
        optimizer = optim.RMSprop(model.parameters(), lr=0.01)
        step = trainer(jit, model, optimizer, clip=0.1)
        for k, (x, y) in enumerate(batches(device, 16)):
            model.train(k // 4 % 2 == 0)
            yield step(x, y), model

    both_ways(scenario, at_least=6)


def test_embeddings(device):
    def scenario(jit):
        model = nn.Sequential(nn.Embedding(9, 4, padding_idx=0), nn.Flatten(), nn.Linear(12, 3)).to(device)
        optimizer = optim.Adagrad(model.parameters(), lr=0.1)
        step = trainer(jit, model, optimizer)
        for _ in range(8):
            words = minigrad.randint(0, 9, (5, 3), device=device)
            yield step(words, minigrad.randint(0, 3, (5,), device=device)), model

    both_ways(scenario, at_least=4)


def test_a_recurrent_network_by_hand(device):
    def scenario(jit):
        cell, back = nn.Linear(4, 5).to(device), nn.Linear(5, 5).to(device)
        optimizer = optim.SGD([*cell.parameters(), *back.parameters()], lr=0.1)

        @jit
        def step(x, h):
            optimizer.zero_grad()
            outputs = minigrad.zeros(x.shape[0], x.shape[1], 5, device=device)
            for t in range(x.shape[0]):
                h = minigrad.tanh(cell(x[t]) + back(h))
                outputs[t] = h
            loss = (outputs**2).mean()
            loss.backward()
            optimizer.step()
            return loss, h.detach()

        h = minigrad.zeros(2, 5, device=device)
        for _ in range(6):
            loss, h = step(minigrad.randn(3, 2, 4, device=device), h)
            yield loss, h, cell, back

    both_ways(scenario, at_least=4)


def test_gradients_accumulate_and_are_kept(device):
    def scenario(jit):
        model = nn.Linear(4, 3).to(device)
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        @jit
        def accumulate(x, y):
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            return loss

        update = jit(optimizer.step)
        for k, (x, y) in enumerate(batches(device, 12)):
            yield accumulate(x, y), model.weight.grad, model.bias.grad[0]
            if k % 3 == 2:
                update()
                optimizer.zero_grad()

    both_ways(scenario, at_least=6)


def test_results_are_fresh(device):
    def scenario(jit):
        step = jit(lambda x: (x * 2, (x * 2).sum(), x.t(), x))
        for _ in range(5):
            results = step(minigrad.randn(2, 3, device=device))
            yield results
            results[0].add_(1)

    both_ways(scenario, at_least=4)


def test_floats_and_random_numbers_are_new_at_each_call(device):
    def scenario(jit):
        step = jit(lambda x, a: x * a + minigrad.rand(3, device=device) + F.dropout(x, 0.5) + (1 - a))
        for k in range(6):
            yield step(minigrad.ones(3, device=device), k / 3)

    both_ways(scenario, at_least=5)


def test_the_model_moves_to_another_device_and_back(device):
    def scenario(jit):
        model = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        step = trainer(jit, model, optimizer)
        for where in ("cpu", device, "cpu", device):
            model.to(where)
            model.zero_grad()
            for x, y in batches(where, 4):
                yield step(x, y), model

    both_ways(scenario, at_least=4)


def test_constants_made_on_the_device(device):
    def scenario(jit):
        @jit
        def step(x):
            table = minigrad.tensor([1.0, 2.0, 3.0], device=device)
            table[1] = 5.0
            mask = minigrad.arange(3, device=device) > 0
            return (x + table).masked_fill(mask, 0.5), minigrad.eye(3, device=device) @ x, table

        for _ in range(4):
            yield step(minigrad.randn(3, device=device))

    both_ways(scenario, at_least=3)


@pytest.mark.parametrize("look", [lambda x: x.sum().item(), lambda x: bool(x.sum() > 0), lambda x: str(x), float])
def test_a_look_at_a_value_is_refused(device, look):
    step = minigrad.jit(lambda x: look(x.sum()))
    with pytest.raises(RecordingError, match=r"test_recorded_standin\.py"):
        step(minigrad.ones(3, device=device))


def test_a_copy_to_the_host_inside_the_step_is_refused_or_repeated():
    def scenario(jit):
        step = jit(lambda x: (x * 2).cpu() + 1)
        for _ in range(4):
            yield step(minigrad.randn(3, device="cuda"))

    try:
        both_ways(scenario, at_least=0)
    except RecordingError as error:
        assert __file__ in str(error)


def test_an_error_in_the_recorded_call_leaves_what_an_eager_call_leaves(device):
    def scenario(jit):
        w = minigrad.ones(3, device=device, requires_grad=True)
        optimizer = optim.SGD([w], lr=0.1, momentum=0.9)
        bad = []

        def step(x):
            optimizer.zero_grad()
            (w * x).sum().backward()
            optimizer.step()
            if bad:
                raise KeyError

        step(minigrad.ones(3, device=device))
        jitted = jit(step)
        for now in ([1], [], [], [1], []):
            bad[:] = now
            try:
                jitted(minigrad.ones(3, device=device))
            except KeyError:
                assert bad
            yield bits(w), bits(optimizer)

    both_ways(scenario)


def test_cpu_and_device_have_programs_of_their_own(device):
    step = minigrad.jit(lambda x: x.exp().sum() * 2)
    for _ in range(3):
        for where in ("cpu", device):
            assert step(minigrad.zeros(3, device=where)).item() == 6
    assert replays(step) >= 4
