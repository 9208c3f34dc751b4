"""A thousand recorded steps leave losses, parameters, gradients, state and random stream as the eager ones do."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from recorded_helpers import both_ways
from recorded_optimizers import OPTIMIZERS

import minigrad
import minigrad.nn.functional as F
from minigrad import nn, optim
from minigrad.utils.data import DataLoader, TensorDataset

STEPS = 1000


def trained(make_model, make_optimizer, make_batches, loss_of, before_step=None, dtype=None, accumulate=1):
    """A scenario: a thousand steps over a few batches, with a learning rate that falls; looks at all now and then."""

    def scenario(jit):
        model = make_model().to(dtype or minigrad.float32)
        optimizer = make_optimizer(model.parameters())
        batches = make_batches(dtype)
        first_rates = [group["lr"] for group in optimizer.param_groups]

        @jit
        def step(x, y, update):
            loss = loss_of(model, x, y) / accumulate
            loss.backward()
            norm = before_step(model) if before_step and update else None
            if update:
                optimizer.step()
                optimizer.zero_grad()
            return loss, norm

        losses = []
        for k in range(STEPS):
            for group, rate in zip(optimizer.param_groups, first_rates):
                group["lr"] = rate / (1 + k / STEPS)
            losses.append(step(*batches[k % len(batches)], k % accumulate == accumulate - 1))
            if k in (2, 10, 100, STEPS - 1):
                yield [p.grad for p in model.parameters()]
                yield model, optimizer
        yield losses

    return scenario


def a_mlp():
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2))


def some_points(dtype):
    return [(minigrad.randn(8, 4, dtype=dtype), minigrad.randn(8, 2, dtype=dtype)) for _ in range(5)]


def squares(model, x, y):
    return F.mse_loss(model(x), y)


@pytest.mark.parametrize("make_optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_every_optimizer_trains_a_mlp(make_optimizer):
    both_ways(trained(a_mlp, make_optimizer, some_points, squares), at_least=STEPS - 3)


def test_a_mlp_in_float64():
    scenario = trained(a_mlp, OPTIMIZERS["rmsprop"], some_points, squares, dtype=minigrad.float64)
    both_ways(scenario, at_least=STEPS - 3)


def test_groups_with_options_of_their_own():
    def make(params):
        first, *rest = params
        return optim.SGD([{"params": [first], "lr": 0.1}, {"params": rest, "momentum": 0.9}], lr=0.02)

    both_ways(trained(a_mlp, make, some_points, squares), at_least=STEPS - 3)


def a_net_of_many_layers():
    return nn.Sequential(
        nn.Linear(4, 8), nn.BatchNorm1d(8), nn.GELU(), nn.Dropout(0.2), nn.Linear(8, 8), nn.LayerNorm(8), nn.SiLU(),
        nn.Dropout(0.1), nn.Linear(8, 3),
    )  # fmt: skip


def some_classes(dtype):
    return [(minigrad.randn(size, 4, dtype=dtype), minigrad.randint(0, 3, (size,))) for size in (8, 8, 5)]


def cross_entropy(model, x, y):
    return F.cross_entropy(model(x), y)


@pytest.mark.parametrize("name", ["sgd with momentum", "rmsprop, centered", "nag", "adagrad"])
def test_batch_norm_dropout_gelu_and_layer_norm(name):
    scenario = trained(a_net_of_many_layers, OPTIMIZERS[name], some_classes, cross_entropy)
    both_ways(scenario, at_least=STEPS - 6)


class Words(nn.Module):
    """Two tables of words, averaged, and a classifier on top. The rows of one table are kept short."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(20, 6, padding_idx=0)
        self.short = nn.Embedding(20, 6, max_norm=0.5, scale_grad_by_freq=True)
        self.out = nn.Linear(12, 3)

    def forward(self, words):
        return self.out(minigrad.cat([self.table(words), self.short(words)], -1).mean(1).tanh())


def some_sentences(dtype):
    return [(minigrad.randint(0, 20, (6, 5)), minigrad.randint(0, 3, (6,))) for _ in range(5)]


@pytest.mark.parametrize("name", ["sgd", "momentum", "adagrad with decays"])
def test_embeddings(name):
    both_ways(trained(Words, OPTIMIZERS[name], some_sentences, cross_entropy), at_least=STEPS - 3)


class Recurrent(nn.Module):
    """A tanh RNN by hand: the outputs of all time steps are written into one tensor."""

    def __init__(self):
        super().__init__()
        self.from_input = nn.Linear(3, 5)
        self.from_hidden = nn.Linear(5, 5, bias=False)
        self.out = nn.Linear(5, 2)

    def forward(self, x):
        projected = self.from_input(x)
        h = minigrad.zeros(x.shape[1], 5, dtype=x.dtype)
        outputs = minigrad.empty(x.shape[0], x.shape[1], 5, dtype=x.dtype)
        for t in range(x.shape[0]):
            h = minigrad.tanh(projected[t] + self.from_hidden(h))
            outputs[t] = h
        return self.out(outputs)


def some_sequences(dtype):
    return [(minigrad.randn(4, 6, 3, dtype=dtype), minigrad.randn(4, 6, 2, dtype=dtype)) for _ in range(3)]


def clipped(model):
    return nn.utils.clip_grad_norm_(model.parameters(), 0.05)


@pytest.mark.parametrize("name", ["sgd", "rmsprop with momentum"])
def test_a_recurrent_network_by_hand_with_clipping(name):
    scenario = trained(Recurrent, OPTIMIZERS[name], some_sequences, squares, clipped)
    both_ways(scenario, at_least=STEPS - 3)


@pytest.mark.parametrize("name", ["sgd with momentum", "rmsprop", "adagrad"])
def test_gradients_accumulated_over_three_batches_and_clipped(name):
    scenario = trained(a_mlp, OPTIMIZERS[name], some_points, squares, clipped, accumulate=3)
    both_ways(scenario, at_least=STEPS - 8)


def test_clipping_by_value():
    def clip(model):
        nn.utils.clip_grad_value_(model.parameters(), 0.01)

    scenario = trained(a_net_of_many_layers, OPTIMIZERS["sgd"], some_classes, cross_entropy, clip)
    both_ways(scenario, at_least=STEPS - 6)


def test_truncated_backpropagation_through_time():
    def scenario(jit):
        model = Recurrent()
        optimizer = optim.RMSprop(model.parameters(), lr=0.005)

        @jit
        def step(x, y, h):
            optimizer.zero_grad()
            outputs = []
            for t in range(x.shape[0]):
                h = minigrad.tanh(model.from_input(x[t]) + model.from_hidden(h))
                outputs.append(model.out(h))
            loss = F.mse_loss(minigrad.stack(outputs), y)
            loss.backward()
            optimizer.step()
            return loss, h.detach()

        data, h, losses = some_sequences(None), minigrad.zeros(6, 5), []
        for k in range(STEPS // 2):
            loss, h = step(*data[k % 3], h)
            losses.append(loss)
        yield losses, h, model, optimizer

    both_ways(scenario, at_least=STEPS // 2 - 3)


def test_data_and_noise_drawn_inside_the_step():
    def scenario(jit):
        model = a_mlp()
        optimizer = optim.SGD(model.parameters(), lr=0.01)
        generator = minigrad.Generator().manual_seed(1)

        @jit
        def step():
            optimizer.zero_grad()
            x = minigrad.randn(8, 4)
            noise = minigrad.rand(8, 2, generator=generator)
            loss = F.mse_loss(model(x), x[:, :2] * noise) + (minigrad.randperm(8)[:4] * x[:4, 0]).mean() ** 2
            loss.backward()
            optimizer.step()
            return loss

        yield [step() for _ in range(STEPS)], model, generator

    both_ways(scenario, at_least=STEPS - 3)


def test_training_and_evaluation_in_turn():
    def scenario(jit):
        model = a_net_of_many_layers()
        optimizer = optim.SGD(model.parameters(), lr=0.02, momentum=0.9)

        @jit
        def step(x, y):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        @jit
        def right(x, y):
            with minigrad.no_grad():
                return (model(x).argmax(1) == y).sum()

        data, results = some_classes(None), []
        for k in range(STEPS // 5):
            model.train()
            results += [step(*batch) for batch in data]
            model.eval()
            results += [right(*batch) for batch in data]
            if k == 50:
                saved = {name: value.clone() for name, value in model.state_dict().items()}
            if k == 100:
                model.load_state_dict(saved)
        yield results, model, optimizer

    both_ways(scenario, at_least=STEPS)


def test_a_gradient_penalty():
    def scenario(jit):
        critic = nn.Sequential(nn.Linear(3, 8), nn.Softplus(), nn.Linear(8, 1))
        optimizer = optim.RMSprop(critic.parameters(), lr=0.002)

        @jit
        def step(real, fake):
            optimizer.zero_grad()
            mix = minigrad.rand(real.shape[0], 1)
            between = (mix * real + (1 - mix) * fake).requires_grad_()
            (slope,) = minigrad.autograd.grad(critic(between).sum(), between, create_graph=True)
            penalty = ((slope.norm(dim=1) - 1) ** 2).mean()
            loss = critic(fake).mean() - critic(real).mean() + 10 * penalty
            loss.backward()
            optimizer.step()
            return loss, penalty

        losses = [step(minigrad.randn(6, 3), minigrad.rand(6, 3)) for _ in range(STEPS // 2)]
        yield losses, critic, optimizer

    both_ways(scenario, at_least=STEPS // 2 - 3)


# The programs of examples/


def example(name):
    """The module of an example program."""
    path = Path(__file__).parents[2] / "examples" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["SGD", "RMSprop"])
def test_the_tracks_of_the_example_on_a_surface(name):
    program = example("optimizers_on_a_surface")

    def scenario(jit):
        point = minigrad.tensor(program.START, dtype=minigrad.float64, requires_grad=True)
        optimizer = program.OPTIMIZERS[name]([point])

        @jit
        def step():
            optimizer.zero_grad()
            loss = program.surface(*point)
            loss.backward()
            optimizer.step()
            return loss

        points = [point.tolist()]
        for _ in range(program.STEPS):
            yield step()
            points.append(point.tolist())
        assert points == program.track(program.OPTIMIZERS[name])

    both_ways(scenario, at_least=program.STEPS - 2)


def test_the_example_that_trains_on_digits():
    datasets = pytest.importorskip("sklearn.datasets")
    program = example("mlp_digits")
    digits = datasets.load_digits()

    def scenario(jit):
        images = minigrad.tensor(digits.data / 16, dtype=minigrad.float32)
        train = TensorDataset(images[:700], minigrad.tensor(digits.target)[:700])
        test = DataLoader(TensorDataset(images[700:1000], minigrad.tensor(digits.target)[700:1000]), batch_size=300)
        model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
        loss_of = nn.CrossEntropyLoss()
        optimizer = optim.RMSprop(model.parameters(), lr=1e-3)

        @jit
        def step(images, labels):
            optimizer.zero_grad()
            loss = loss_of(model(images), labels)
            loss.backward()
            optimizer.step()
            return loss

        predict = jit(minigrad.no_grad()(lambda images: model(images).argmax(dim=1)))
        for _ in range(5):
            model.train()
            yield [step(*batch) for batch in DataLoader(train, batch_size=64, shuffle=True)]
            model.eval()
            (batch,) = test
            yield program.accuracy(model, test), (predict(batch[0]) == batch[1]).sum()
        yield model

    both_ways(scenario, at_least=45)


def test_the_example_that_derives_gradients_by_hand():
    def scenario(jit):
        n, inputs, hidden, classes = 16, 5, 8, 3
        w1 = minigrad.randn(inputs, hidden, dtype=minigrad.float64, requires_grad=True)
        b1 = minigrad.zeros(hidden, dtype=minigrad.float64, requires_grad=True)
        w2 = minigrad.randn(hidden, classes, dtype=minigrad.float64, requires_grad=True)
        b2 = minigrad.zeros(classes, dtype=minigrad.float64, requires_grad=True)

        @jit
        def derive(x, target):
            for leaf in (w1, b1, w2, b2):
                leaf.grad = None
            before = x @ w1 + b1
            h = before.tanh()
            logits = h @ w2 + b2
            probabilities = F.softmax(logits, dim=1)
            loss = -probabilities[range(n), target].log().mean()
            for result in (before, h, logits, probabilities):
                result.retain_grad()
            loss.backward()
            with minigrad.no_grad():
                hand = {"probabilities": minigrad.zeros_like(probabilities)}
                hand["probabilities"][range(n), target] = -1 / (n * probabilities[range(n), target])
                hand["logits"] = probabilities.clone()
                hand["logits"][range(n), target] -= 1
                hand["logits"] /= n
                hand["h"] = hand["logits"] @ w2.T
                hand["before"] = hand["h"] * (1 - h**2)
                hand["w1"] = x.T @ hand["before"]
            return loss, hand, (probabilities.grad, logits.grad, h.grad, before.grad, w1.grad)

        for _ in range(5):
            x = minigrad.randn(n, inputs, dtype=minigrad.float64)
            loss, hand, gradients = derive(x, minigrad.randint(0, classes, (n,)))
            for mine, gradient in zip(hand.values(), gradients):
                assert minigrad.allclose(mine, gradient)
            yield loss, hand, gradients

    both_ways(scenario, at_least=3)


def test_the_example_that_loads_weights():
    program = example("from_pytorch")

    def scenario(jit):
        model, other = program.build(), program.build()
        predict = jit(lambda x: model(x))
        for k in range(6):
            if k == 3:
                model.load_state_dict(other.state_dict())
            yield predict(minigrad.ones(1, 4))

    both_ways(scenario, at_least=4)
