"""Ask surfaces what optimizers can do: rates from stall to divergence, a saddle, two valleys, a minimum that moves.

Prints a table for each question, among them two that are often answered wrongly: whether RMSprop avoids local minima
(it does not), and whether it follows a moving minimum (that depends on α). Add surfaces of your own to `SURFACES`:
a surface is a function of x and y and a start.
"""

import math
from functools import partial

import minigrad
from minigrad.optim import SGD, Adagrad, Adam, RMSprop

MAKERS = {
    "SGD": lambda params, lr: SGD(params, lr=lr),
    "momentum": lambda params, lr: SGD(params, lr=lr, momentum=0.9),
    "NAG": lambda params, lr: SGD(params, lr=lr, momentum=0.9, nesterov=True),
    "Adagrad": lambda params, lr: Adagrad(params, lr=lr),
    "RMSprop": lambda params, lr: RMSprop(params, lr=lr, alpha=0.9),
    "Adam": lambda params, lr: Adam(params, lr=lr),
}

RATES = (1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 5.0)  # to choose from on each of the surfaces
SURFACES = {
    "bowl x² + 100 y²": (lambda x, y: x**2 + 100 * y**2, (40.0, 20.0)),
    "Rosenbrock": (lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2, (-1.5, 2.0)),
    "Beale": (
        lambda x, y: (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2, (1.0, 1.5),
    ),
    "Himmelblau": (lambda x, y: (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2, (-0.5, -0.5)),
}  # fmt: skip


def descend(loss_of, start, make_optimizer, steps):
    """The losses on the way down from `start`, the last one after `steps` steps, and the point that is reached."""
    point = minigrad.tensor(start, dtype=minigrad.float64, requires_grad=True)
    optimizer = make_optimizer([point])

    @minigrad.jit
    def step():
        optimizer.zero_grad()
        loss = loss_of(*point)
        loss.backward()
        optimizer.step()
        return loss

    losses = [step().item() for _ in range(steps)]
    return [*losses, loss_of(*point).item()], point.tolist()


def sweep_of_rates():
    """Too low a rate stalls, too high a rate oscillates, and SGD then diverges."""
    print("loss of the bowl x² + 10 y² after 50 steps from (40, 20), by learning rate")
    print(f"{'lr':8s}{'SGD':>12s}{'RMSprop':>12s}")
    for lr in (1e-4, 1e-3, 1e-2, 0.05, 0.09, 0.1, 0.11, 1.0, 5.0, 20.0, 100.0):
        ends = [
            descend(lambda x, y: x**2 + 10 * y**2, (40.0, 20.0), partial(MAKERS[name], lr=lr), 50)[0][-1]
            for name in ("SGD", "RMSprop")
        ]
        print(f"{lr:<8g}" + "".join(f"{end:12.3g}" for end in ends))
    print("SGD: stalls, converges, bounces at 0.1, diverges. RMSprop's steps are about lr long: it stalls or bounces.")


def saddle():
    """x² - y² + y⁴ / 4 from a point beside its saddle (0, 0): how many steps until it has been left?"""
    print("\nsteps until the saddle of x² - y² + y⁴ / 4 is left (loss below -0.5), at lr 0.01, from (1, y)")
    print(f"{'y':8s}" + "".join(f"{name:>10s}" for name in MAKERS))
    for y in (1e-2, 1e-4, 1e-8, 0.0):
        row = []
        for make in MAKERS.values():
            losses, _ = descend(lambda x, y: x**2 - y**2 + y**4 / 4, (1.0, y), partial(make, lr=0.01), 1500)
            row.append(next((step for step, loss in enumerate(losses) if loss < -0.5), None))
        print(f"{y:<8g}" + "".join(f"{'never' if step is None else step:>10}" for step in row))
    print("dividing by the size of the gradient helps beside a saddle; exactly on it the gradient is 0 for everyone")


def two_valleys():
    """From 400 starts in [-2, 2]: in which of the two valleys of x⁴ - 2 x² + 0.3 x do they end?"""
    print("\nshare of 400 starts that end in the deeper valley of x⁴ - 2 x² + 0.3 x (52 % of them start in it)")
    for name, make in MAKERS.items():
        shares = []
        for lr in (0.001, 0.01, 0.1):
            x = minigrad.linspace(-2, 2, 400, dtype=minigrad.float64).requires_grad_()
            optimizer = make([x], lr)

            @minigrad.jit
            def step(x=x, optimizer=optimizer):
                optimizer.zero_grad()
                (x**4 - 2 * x**2 + 0.3 * x).sum().backward()
                optimizer.step()

            for _ in range(1000):
                step()
            shares.append((x < 0).double().mean().item())
        print(f"{name:10s}" + "".join(f"   lr {lr:g}: {share:6.1%}" for lr, share in zip((0.001, 0.01, 0.1), shares)))
    print("RMSprop ends where it starts, as SGD does: it does not avoid local minima")


def test_functions():
    """The surfaces of textbooks, each method with the best of a few rates."""
    print(f"\nlowest loss after 300 steps over rates from {RATES[0]:g} to {RATES[-1]:g} (and the rate)")
    print(f"{'':20s}" + "".join(f"{name:>18s}" for name in MAKERS))
    for title, (loss_of, start) in SURFACES.items():
        row = []
        for make in MAKERS.values():
            ends = {lr: descend(loss_of, start, partial(make, lr=lr), 300)[0][-1] for lr in RATES}
            best = min(ends, key=lambda lr: ends[lr] if math.isfinite(ends[lr]) else math.inf)
            row.append(f"{ends[best]:.1e} ({best:g})")
        print(f"{title:20s}" + "".join(f"{entry:>18s}" for entry in row))
    print("the last steps of RMSprop are about lr long, however near the minimum is: let its rate fall")


def moving_minimum():
    """The minimum moves at 0.01 a step, and the slopes around it change between gentle and 100 times as steep."""
    print("\nmean distance to a minimum that moves by 0.01 a step; every 200 steps its slopes get 100 times as steep,")
    print("or gentle again. Each method with the best of several rates:")
    follow = {
        "SGD": MAKERS["SGD"], "Adagrad": MAKERS["Adagrad"],
        **{f"RMSprop α {alpha}": lambda ps, lr, alpha=alpha: RMSprop(ps, lr=lr, alpha=alpha)
           for alpha in (0.5, 0.9, 0.99, 0.999)},
    }  # fmt: skip
    targets = [minigrad.tensor(0.01 * step, dtype=minigrad.float64) for step in range(2000)]
    slopes = [minigrad.tensor(100.0 if step // 200 % 2 else 1.0, dtype=minigrad.float64) for step in range(2000)]
    for name, make in follow.items():
        lags = {}
        for lr in (0.01, 0.015, 0.02, 0.03, 0.1, 0.3, 1.0, 3.0):
            p = minigrad.zeros(1, dtype=minigrad.float64, requires_grad=True)
            optimizer = make([p], lr)

            @minigrad.jit
            def step(target, slope, p=p, optimizer=optimizer):
                optimizer.zero_grad()
                loss = (0.5 * slope * (p - target).square()).sum()
                loss.backward()
                optimizer.step()
                return (p - target).abs()

            lag = sum(step(target, slope).item() for target, slope in zip(targets, slopes)) / len(targets)
            lags[lr] = lag if math.isfinite(lag) else math.inf
        best = min(lags, key=lags.get)
        print(f"{name:16s}{lags[best]:10.4f}   (lr {best:g})")
    print("a large α makes RMSprop late; without noise in the gradients, as here, nothing speaks against a small one")


def main():
    sweep_of_rates()
    saddle()
    two_valleys()
    test_functions()
    moving_minimum()


if __name__ == "__main__":
    main()
