"""Predict the progress of diabetes (scikit-learn's 442 patients) with SGD, Adagrad, RMSprop and Adam, all tuned.

Shows how to compare optimizers: each gets the learning rate that is best for it on validation data, and the table has
mean and deviation over several seeds (which draw the split, the first weights and the order of batches) next to what
plain linear regression reaches. Put in another data set, network or optimizer. Needs scikit-learn.
"""

import math
from functools import partial
from statistics import mean, stdev

from sklearn.datasets import load_diabetes

import minigrad
from minigrad import nn, optim
from minigrad.utils.data import DataLoader, TensorDataset

EPOCHS, BATCH, SEEDS = 40, 32, (0, 1, 2, 3)
OPTIMIZERS = {
    "SGD": (lambda params, lr: optim.SGD(params, lr=lr), (0.01, 0.03, 0.1, 0.3)),
    "Adagrad": (lambda params, lr: optim.Adagrad(params, lr=lr), (0.003, 0.01, 0.03, 0.1)),
    "RMSprop": (lambda params, lr: optim.RMSprop(params, lr=lr, alpha=0.9), (0.0003, 0.001, 0.003, 0.01)),
    "Adam": (lambda params, lr: optim.Adam(params, lr=lr), (0.0003, 0.001, 0.003, 0.01)),
}


def split(seed):
    """Training (262 patients), validation and test data (90 each), in units of the deviation of all."""
    data = load_diabetes()
    x, y = minigrad.tensor(data.data).float(), minigrad.tensor(data.target).float().unsqueeze(1)
    x, y = (x - x.mean(dim=0)) / x.std(dim=0), (y - y.mean()) / y.std()
    order = minigrad.randperm(len(x), generator=minigrad.Generator().manual_seed(seed))
    return [(x[part], y[part]) for part in (order[:262], order[262:352], order[352:])]


def train(make_optimizer, data, seed):
    """The trained network."""
    minigrad.manual_seed(seed)
    model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
    optimizer = make_optimizer(model.parameters())

    @minigrad.jit
    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()

    loader = DataLoader(TensorDataset(*data), batch_size=BATCH, shuffle=True, drop_last=True)
    for _ in range(EPOCHS):
        for x, y in loader:
            step(x, y)
    return model


def error(model, data):
    """The mean squared error; 1 is that of guessing the mean."""
    x, y = data
    with minigrad.no_grad():
        return (model(x) - y).square().mean().item()


def linear(data):
    """The best linear model."""
    x, y = (part.double() for part in data)
    w = minigrad.linalg.lstsq(nn.functional.pad(x, (0, 1), value=1.0), y).solution
    return lambda x: nn.functional.pad(x.double(), (0, 1), value=1.0) @ w


def main():
    splits = [split(seed) for seed in SEEDS]
    print(f"mean squared error over {len(SEEDS)} seeds; the rate with the lowest validation error")
    print(f"{'':10s}{'lr':>8s}{'training':>18s}{'validation':>18s}{'test':>18s}")
    of_tests = []
    for name, (make, rates) in OPTIMIZERS.items():
        models = {lr: [train(partial(make, lr=lr), data[0], seed) for data, seed in zip(splits, SEEDS)] for lr in rates}

        def errors(lr, part, models=models):
            found = [error(model, data[part]) for model, data in zip(models[lr], splits)]
            return found if all(map(math.isfinite, found)) else [math.inf] * 2

        best = min(rates, key=lambda lr: mean(errors(lr, 1)))
        show(name, f"{best:g}", [errors(best, part) for part in (0, 1, 2)])
        of_tests.append(mean(errors(best, 2)))
    models = [linear(data[0]) for data in splits]
    show("linear", "", [[error(m, data[part]) for m, data in zip(models, splits)] for part in (0, 1, 2)])
    print(f"the optimizers' mean test errors lie {max(of_tests) - min(of_tests):.3f} apart, less than their deviations")


def show(name, lr, errors):
    print(f"{name:10s}{lr:>8s}" + "".join(f"{mean(part):9.3f} ± {stdev(part):.3f} " for part in errors))


if __name__ == "__main__":
    main()
