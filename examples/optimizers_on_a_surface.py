"""Follow two optimizers down the narrow valley x² + 10y², from (40, 20), for ten steps.

SGD with lr 0.096 zigzags across the valley (each step multiplies y by 1 - 20 * 0.096 = -0.92); RMSprop divides every
coordinate by the size of its own gradients and walks straight. Prints both tracks as a table; given a file name, it
also draws them there (needs matplotlib): python examples/optimizers_on_a_surface.py tracks.png
"""

import sys

import minigrad
from minigrad.optim import SGD, RMSprop

START, STEPS = (40.0, 20.0), 10
OPTIMIZERS = {
    "SGD": lambda params: SGD(params, lr=0.096),
    "RMSprop": lambda params: RMSprop(params, lr=3, alpha=0.9, eps=1e-6),
}


def surface(x, y):
    """The loss, for tensors and for arrays alike."""
    return x**2 + 10 * y**2


def track(make_optimizer):
    """The points (x, y) that an optimizer visits, the start included."""
    point = minigrad.tensor(START, dtype=minigrad.float64, requires_grad=True)
    optimizer = make_optimizer([point])
    points = [point.tolist()]
    for _ in range(STEPS):
        optimizer.zero_grad()
        surface(*point).backward()
        optimizer.step()
        points.append(point.tolist())
    return points


def draw(tracks, file):
    """Both tracks over the contour lines of the surface."""
    import matplotlib  # optional: only a picture needs it

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    x, y = minigrad.meshgrid(minigrad.linspace(-45, 45, 91), minigrad.linspace(-25, 25, 51), indexing="xy")
    plt.contour(x, y, surface(x, y), levels=20, colors="lightgray")
    for name, points in tracks.items():
        plt.plot(*zip(*points), marker="o", label=name)
    plt.legend()
    plt.savefig(file)


def main():
    tracks = {name: track(make) for name, make in OPTIMIZERS.items()}
    print("step" + "".join(f"{name + ' x':>12}{name + ' y':>12}{'loss':>12}" for name in tracks))
    for step, points in enumerate(zip(*tracks.values())):
        print(f"{step:4d}" + "".join(f"{x:12.4f}{y:12.4f}{surface(x, y):12.4f}" for x, y in points))
    if len(sys.argv) > 1:
        draw(tracks, sys.argv[1])
        print(f"drawn in {sys.argv[1]}")


if __name__ == "__main__":
    main()
