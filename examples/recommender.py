"""Predict ratings by matrix factorisation: a vector for each user and each film, Adagrad against SGD.

A few films are rated by almost everybody, most by hardly anyone. Row-sparse gradients make a step cost what the batch
holds, however many users and films there are. Adagrad gives rarely rated films larger steps: too large ones, if its
sums of squares start at 0 and the first step of each row has full length, whatever the gradient; TensorFlow and Keras
start them higher. The ratings are made up from a seed; put your own (user, film, rating) triples into `ratings`.
"""

import math
from functools import partial
from itertools import pairwise
from statistics import mean, stdev

import minigrad
from minigrad import nn, optim
from minigrad.utils.data import DataLoader, TensorDataset

USERS, FILMS, RATINGS, FACTORS = 300, 500, 12000, 4
EPOCHS, BATCH, PENALTY, SEEDS = 5, 50, 0.02, (0, 1, 2)
OPTIMIZERS = {
    "SGD": (lambda params, lr: optim.SGD(params, lr=lr), (1.0, 2.0, 4.0, 8.0)),
    "Adagrad": (lambda params, lr: optim.Adagrad(params, lr=lr), (0.1, 0.2, 0.4, 0.8)),
    "Adagrad, sums from 0.01": (
        lambda params, lr: optim.Adagrad(params, lr=lr, initial_accumulator_value=0.01), (0.2, 0.4, 0.8, 1.6),
    ),
}  # fmt: skip


def ratings():
    """Users, films and ratings, 60 / 20 / 20 for training, validation and test, and each film's count in training.

    A rating is what the film is worth, plus the taste of the user for it, plus noise of deviation 0.3. A film of rank
    k is rated with a probability in proportion to 1 / k.
    """
    minigrad.manual_seed(7)
    film = minigrad.multinomial(1 / minigrad.arange(1, FILMS + 1).float(), RATINGS, replacement=True)
    user = minigrad.randint(0, USERS, (RATINGS,))
    worth, user_taste, film_taste = minigrad.randn(FILMS), minigrad.randn(USERS, 2), minigrad.randn(FILMS, 2)
    rating = worth[film] + 0.7 * (user_taste[user] * film_taste[film]).sum(dim=1) + 0.3 * minigrad.randn(RATINGS)
    ends = (0, RATINGS * 6 // 10, RATINGS * 8 // 10, RATINGS)
    parts = [(user[a:b], film[a:b], rating[a:b]) for a, b in pairwise(ends)]
    return parts, minigrad.bincount(parts[0][1], minlength=FILMS)


class Factorisation(nn.Module):
    """rating = bias of the film + product of the user's and the film's vectors."""

    def __init__(self):
        super().__init__()
        self.user = nn.Embedding(USERS, FACTORS, sparse=True)
        self.film = nn.Embedding(FILMS, FACTORS, sparse=True)
        self.bias = nn.Embedding(FILMS, 1, sparse=True)
        for table in (self.user, self.film):
            nn.init.normal_(table.weight, std=0.3)
        nn.init.zeros_(self.bias.weight)

    def forward(self, user, film):
        """The ratings (n,), and how large the numbers are that they are made of."""
        u, f, b = self.user(user), self.film(film), self.bias(film)
        return b.squeeze(1) + (u * f).sum(dim=1), minigrad.cat([u, f, b], dim=1).square().sum(dim=1).mean()


def train(make_optimizer, data, seed):
    """The trained model."""
    minigrad.manual_seed(seed)
    model = Factorisation()
    optimizer = make_optimizer(model.parameters())

    @minigrad.jit
    def step(user, film, rating):
        optimizer.zero_grad()
        made, size = model(user, film)
        loss = nn.functional.mse_loss(made, rating) + PENALTY * size
        loss.backward()
        optimizer.step()

    for _ in range(EPOCHS):
        for batch in DataLoader(TensorDataset(*data), batch_size=BATCH, shuffle=True, drop_last=True):
            step(*batch)
    return model


def squared_errors(model, data):
    user, film, rating = data
    with minigrad.no_grad():
        return (model(user, film)[0] - rating).square()


def main():
    (training, validation, test), counts = ratings()
    rare = counts[test[1]] <= 10
    parts = {"all": rare | ~rare, "popular films": ~rare, "rare films": rare}
    print(f"{len(training[0])} ratings of {FILMS} films by {USERS} users; "
          f"{(counts <= 10).double().mean().item():.0%} of the films have at most 10")  # fmt: skip
    print(f"root mean squared error on held-out ratings, mean ± deviation over {len(SEEDS)} seeds (the noise is 0.3)")
    print(f"{'':24s}{'lr':>6s}" + "".join(f"{part:>16s}" for part in parts))
    for name, (make, rates) in OPTIMIZERS.items():
        models = {lr: [train(partial(make, lr=lr), training, seed) for seed in SEEDS] for lr in rates}
        found = {lr: mean(squared_errors(m, validation).mean().item() for m in models[lr]) for lr in rates}
        best = min(rates, key=lambda lr: found[lr] if math.isfinite(found[lr]) else math.inf)
        errors = [squared_errors(model, test) for model in models[best]]
        row = [[e[chosen].mean().sqrt().item() for e in errors] for chosen in parts.values()]
        print(f"{name:24s}{best:6g}" + "".join(f"{mean(part):8.3f} ± {stdev(part):.3f}" for part in row))
    error = test[2] - training[2].mean()
    row = [error[chosen].square().mean().sqrt().item() for chosen in parts.values()]
    print(f"{'always the mean rating':30s}" + "".join(f"{part:8.3f}        " for part in row).rstrip())


if __name__ == "__main__":
    main()
