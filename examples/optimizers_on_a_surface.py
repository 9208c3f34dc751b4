"""Follow SGD and RMSprop down the bowl x² + 10y² from (40, 20) for ten steps, then once more with tuned rates.

Prints both tracks, what can be read from them, and a fair comparison: an illustration gives each method a learning
rate of its own choice (0.096 and 3 here), a comparison looks for the best rate of each. Change `surface`, `START` or
`OPTIMIZERS` to follow others. `--out FOLDER` draws the surface and the tracks on it (needs matplotlib).
"""

import argparse
import math
from functools import partial
from itertools import pairwise
from pathlib import Path

import minigrad
from minigrad.optim import SGD, RMSprop

START, STEPS = (40.0, 20.0), 10
OPTIMIZERS = {
    "SGD": lambda params: SGD(params, lr=0.096),
    "RMSprop": lambda params: RMSprop(params, lr=3, alpha=0.9, eps=1e-6),
}

# For the comparison: points around the minimum to choose each rate by, and the rates to choose from.
RING = [(45 * math.cos(angle), 45 * math.sin(angle)) for angle in range(12)]
SWEEPS = {
    "SGD": (lambda params, lr: SGD(params, lr=lr), [0.02, 0.04, 0.06, 0.07, 0.08, 0.085, 0.09, 0.096]),
    "SGD with momentum 0.5": (lambda params, lr: SGD(params, lr=lr, momentum=0.5), [0.02, 0.04, 0.06, 0.08, 0.1, 0.12]),
    "RMSprop, alpha 0.9": (lambda params, lr: RMSprop(params, lr=lr, alpha=0.9, eps=1e-6), [1, 2, 3, 4, 5, 6, 7, 8]),
}


def surface(x, y):
    """The loss, for tensors and for arrays alike."""
    return x**2 + 10 * y**2


def track(make_optimizer, start=START):
    """The points (x, y) that an optimizer visits, the start included."""
    point = minigrad.tensor(start, dtype=minigrad.float64, requires_grad=True)
    optimizer = make_optimizer([point])
    points = [point.tolist()]
    for _ in range(STEPS):
        optimizer.zero_grad()
        surface(*point).backward()
        optimizer.step()
        points.append(point.tolist())
    return points


def show(tracks):
    """Both tracks, and what there is to see in them."""
    print("step" + "".join(f"{name + ' x':>13}{name + ' y':>13}{'loss':>13}" for name in tracks))
    for step, points in enumerate(zip(*tracks.values())):
        print(f"{step:4d}" + "".join(f"{x:13.6f}{y:13.6f}{surface(x, y):13.6f}" for x, y in points))

    point = minigrad.tensor(START, requires_grad=True)
    surface(*point).backward()
    print(f"\ngradient at the start: {point.grad.tolist()}, so y moves further although x is further from 0")
    (x, y), (next_x, next_y) = tracks["SGD"][:2]
    print(f"SGD multiplies x by {next_x / x:.3f} and y by {next_y / y:.3f} at every step: it jumps across the bowl")
    (x, y), (next_x, next_y) = tracks["RMSprop"][:2]
    print(f"RMSprop's first step is {x - next_x:.4f} in x and {y - next_y:.4f} in y: 3 / √(1 - 0.9), at any gradient")
    for lr in (0.1, 0.102):
        x, y = track(lambda params, lr=lr: SGD(params, lr=lr))[-1]
        print(f"SGD with lr {lr} ends at y = {y:.4f}: it {'bounces for ever' if lr == 0.1 else 'diverges'}")
    x, y = track(lambda params: RMSprop(params, lr=3, alpha=0.99, eps=1e-6))[-1]
    print(f"RMSprop with alpha 0.99 takes a first step of 30 and ends at ({x:.6f}, {y:.6f})")


def compare():
    """Each method with the rate that is best for it from a ring of points, then from the start."""

    def mean_loss(make, lr):
        ends = [track(partial(make, lr=lr), start)[-1] for start in RING]
        return sum(surface(x, y) for x, y in ends) / len(ends)

    print(f"\nloss after {STEPS} steps, each method with its best rate of a sweep, chosen on {len(RING)} other starts:")
    for name, (make, rates) in SWEEPS.items():
        best = min(rates, key=partial(mean_loss, make))
        x, y = track(partial(make, lr=best))[-1]
        print(f"{name:22s} lr {best:<6g} ring {mean_loss(make, best):11.6f}   from the start {surface(x, y):11.6f}")


def draw(tracks, folder):
    """surface.png and tracks.png: segments of 100 points laid on the surface, SGD in red, RMSprop in blue."""
    from matplotlib.figure import Figure  # optional: only a picture needs it

    line = minigrad.linspace(-50, 50, 100)
    x, y = minigrad.meshgrid(line, line, indexing="xy")
    for name, shown in ("surface", {}), ("tracks", tracks):
        figure = Figure(figsize=(10, 10))
        # Axes3D(figure), as older programs have it, no longer attaches itself to the figure.
        axes = figure.add_subplot(projection="3d", computed_zorder=False)  # later things are drawn over earlier ones
        axes.view_init(elev=55)
        axes.plot_surface(x, y, surface(x, y), cmap="rainbow", alpha=0.6 if shown else 1.0)
        for (label, points), color in zip(shown.items(), ("red", "blue")):
            for (x0, y0), (x1, y1) in pairwise(points):
                xs, ys = minigrad.linspace(x0, x1, 100), minigrad.linspace(y0, y1, 100)
                axes.plot(xs, ys, surface(xs, ys), color=color)
            xs, ys = minigrad.tensor(points).T
            axes.scatter(xs, ys, surface(xs, ys), s=50, color=color, label=label)
        if shown:
            axes.legend()
        axes.set(xlabel="x", ylabel="y", zlabel="loss")
        file = folder / f"{name}.png"
        figure.savefig(file)
        print(f"drawn in {file}")


def main():
    parser = argparse.ArgumentParser(description="SGD and RMSprop on the bowl x² + 10y²")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="draw surface.png and tracks.png there")
    arguments = parser.parse_args()
    tracks = {name: track(make) for name, make in OPTIMIZERS.items()}
    show(tracks)
    compare()
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        draw(tracks, arguments.out)


if __name__ == "__main__":
    main()
