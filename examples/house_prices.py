"""Regress house prices on 10 features with a network 10 -> 10 (ReLU) -> 1, and see whether RMSprop beats SGD.

The houses are made up: a formula with a seed, since the set that this program was first written for is not to be had.
Shows an explicit training loop, standardised features, a held-out error, and a comparison in which both methods get
the best of several learning rates and several seeds. Put your own table of numbers into `houses` to use it for them.
"""

import math
from functools import partial
from statistics import mean, stdev

import minigrad
from minigrad import nn, optim
from minigrad.utils.data import DataLoader, TensorDataset

EPOCHS, BATCH, SEEDS = 100, 64, (0, 1, 2)
OPTIMIZERS = {
    "SGD": lambda params, lr: optim.SGD(params, lr=lr),
    "RMSprop": lambda params, lr: optim.RMSprop(params, lr=lr, convention="seed002"),
}
RATES = {  # to choose from, with standardised features and with features as they are
    "SGD": {True: (0.01, 0.03, 0.1, 0.2, 0.4), False: (3e-6, 1e-5, 3e-5, 1e-4, 3e-4)},
    "RMSprop": {True: (0.001, 0.003, 0.01, 0.03, 0.1), False: (0.001, 0.003, 0.01, 0.03, 0.1)},
}


def houses(n):
    """Features (n, 10) and prices (n, 1) in units of 100,000, with a noise of 0.2."""
    area = 50 + 150 * minigrad.rand(n)
    rooms = (area / 30 + minigrad.randn(n)).round().clamp(min=1)
    bathrooms = (rooms / 3 + 0.5 * minigrad.randn(n)).round().clamp(min=1)
    age = 100 * minigrad.rand(n) ** 2
    floor = minigrad.randint(0, 10, (n,)).float()
    lift = (minigrad.rand(n) < 0.5).float()
    kilometres = 20 * minigrad.rand(n)
    school = 10 * minigrad.rand(n)
    noise = 40 + 40 * minigrad.rand(n)
    garden = (minigrad.rand(n) < 0.3).float() * 300 * minigrad.rand(n)
    price = (
        0.02 * area * (1 + minigrad.exp(-kilometres / 5))  # space is dearer in the centre
        + 0.15 * bathrooms + 0.002 * garden + 0.08 * school
        - 0.012 * age.clamp(max=60) + 0.01 * (age - 80).clamp(min=0)  # old is cheap, very old is charming
        - 0.06 * floor * (1 - lift)  # stairs
        - 0.01 * (noise - 55).clamp(min=0)
        + 0.2 * minigrad.randn(n)
    )  # fmt: skip
    features = [area, rooms, bathrooms, age, floor, lift, kilometres, school, noise, garden]
    return minigrad.stack(features, dim=1), price.unsqueeze(1)


def datasets(standardised):
    """640 houses to train on, 200 to choose learning rates by, 200 for the test: features and prices of each."""
    minigrad.manual_seed(42)
    x, y = houses(1040)
    if standardised:
        x = (x - x[:640].mean(dim=0)) / x[:640].std(dim=0)
    return [(x[a:b], y[a:b]) for a, b in ((0, 640), (640, 840), (840, 1040))]


def network():
    return nn.Sequential(nn.Linear(10, 10), nn.ReLU(), nn.Linear(10, 1))


def train(make_optimizer, training, seed, show=False):
    """The trained network."""
    minigrad.manual_seed(seed)
    model, loss_of = network(), nn.MSELoss()
    optimizer = make_optimizer(model.parameters())
    loader = DataLoader(TensorDataset(*training), batch_size=BATCH, shuffle=True)

    def step(x, y):
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    if not show:
        step = minigrad.jit(step)  # the same numbers, sooner
    for epoch in range(1, EPOCHS + 1):
        losses = [step(x, y).item() for x, y in loader]
        if show:
            print(f"epoch {epoch:3d}: loss of the last batch {losses[-1]:.4f}, mean of the epoch {mean(losses):.4f}")
    return model


def error(model, data):
    """The mean squared error."""
    x, y = data
    with minigrad.no_grad():
        return (model(x) - y).square().mean().item()


def tuned(name, standardised):
    """The best rate by validation error, and the networks of all seeds that were trained with it."""
    training, validation, _ = datasets(standardised)

    def validation_error(lr):
        models[lr] = [train(partial(OPTIMIZERS[name], lr=lr), training, seed) for seed in SEEDS]
        found = mean(error(model, validation) for model in models[lr])
        return found if math.isfinite(found) else math.inf

    models = {}
    best = min(RATES[name][standardised], key=validation_error)
    return best, models[best]


def compare(standardised):
    """A table of both methods, and which one wins."""
    training, _, test = datasets(standardised)
    errors = {}
    for name in OPTIMIZERS:
        lr, models = tuned(name, standardised)
        row = [[error(model, data) for model in models] for data in (training, test)]
        print(f"{name:10s} lr {lr:<7g}" + "".join(f"{mean(part):11.4f} ± {stdev(part):.4f}" for part in row))
        errors[name] = row[1]
    difference = mean(errors["SGD"]) - mean(errors["RMSprop"])
    spread = stdev(errors["SGD"]) + stdev(errors["RMSprop"])
    winner = "RMSprop" if difference > 0 else "SGD"
    clear = abs(difference) > spread
    print(f"lower test error: {winner}, by {abs(difference):.4f}; {'more' if clear else 'no more'} than the spread")


def main():
    training, _, test = datasets(standardised=True)
    print("RMSprop as the article has it: lr 0.001, decay 0.99, ε inside the root")
    model = train(lambda params: optim.RMSprop(params, convention="seed002"), training, seed=0, show=True)
    print(f"test error {error(model, test):.4f}; the prices vary by {test[1].var().item():.4f}, of which 0.04 is noise")

    print(f"\nBoth tuned, mean ± deviation over {len(SEEDS)} seeds: error in training and on the test houses")
    print("standardised features")
    compare(standardised=True)
    print("features as they are, from 0 to 300")
    compare(standardised=False)
    print("'RMSprop converges faster than gradient descent' is no law: here it holds where features differ in scale")


if __name__ == "__main__":
    main()
