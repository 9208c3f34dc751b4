"""Which formula is this? The conventions of the field, their formulas, and numbers that tell them apart.

    python examples/conventions.py > docs/optimizers.md

writes the page docs/optimizers.md: every table in it is computed here, by the optimizers themselves. Most rows minimise
f(x, y) = x² + 10 y² from (40, 20), in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import minigrad
from minigrad import optim

Make = Callable[[list[Any]], optim.Optimizer]

#: every algorithm that has conventions to choose from
ALGORITHMS = [
    value for value in vars(optim).values()
    if isinstance(value, type) and issubclass(value, optim.Optimizer) and value is not optim.Optimizer
    and value.conventions and value is not optim.LBFGS
]  # fmt: skip


def track(make: Make, steps: int = 10, cut_after: int | None = None) -> list[list[float]]:
    """The points that an optimizer visits on the bowl; the learning rate is cut to a tenth after some step."""
    p = minigrad.tensor([40.0, 20.0], dtype=minigrad.float64, requires_grad=True)
    scale = minigrad.tensor([1.0, 10.0], dtype=minigrad.float64)
    optimizer = make([p])

    def loss() -> Any:
        optimizer.zero_grad()
        value = (scale * p**2).sum()
        value.backward()
        return value

    points = [p.tolist()]
    for t in range(1, steps + 1):
        optimizer.step(loss)
        points.append(p.tolist())
        if t == cut_after:
            optimizer.lr *= 0.1
    return points


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    lines = [list(heads)]
    lines += [["---"] * len(lines[0]), *map(list, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def point(xy: list[float]) -> str:
    return f"({xy[0]:.6f}, {xy[1]:.6f})"


def which_exist() -> str:
    """Which algorithm knows which convention."""
    names = list(dict.fromkeys(name for cls in ALGORITHMS for name in cls.conventions))
    rows = [
        [f"`{name}`", ", ".join(cls.__name__ for cls in ALGORITHMS if name in cls.conventions)]
        for name in names
    ]
    return table(["convention", "algorithms"], rows)


def learning_rate_and_velocity() -> str:
    """Inside or outside the velocity: the same until the rate changes."""
    rows: list[tuple[str, Make]] = [
        ("`SGD(momentum=0.9)`: PyTorch, TensorFlow 1, optax, MLX: lr outside",
         lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9)),
        ('`Momentum()`, `SGD(convention="keras")`: Keras, Chainer, Sutskever: lr inside',
         lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9, convention="keras")),
        ('`SGD(dampening=0.9, first_step="zeros")`: the averaged form of autograd',
         lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9, dampening=0.9, first_step="zeros")),
        ("`SGD(dampening=0.5)`: PyTorch copies the first gradient",
         lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9, dampening=0.5)),
        ('`SGD(dampening=0.5, convention="mlx")`: MLX starts from zeros',
         lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9, dampening=0.5, convention="mlx")),
        ("`SGD(nesterov=True)`: PyTorch", lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9, nesterov=True)),
        ("`NAG()`: Keras, Bengio", lambda ps: optim.NAG(ps)),
        ('`NAG(convention="chainer")`: Chainer, the new velocity', lambda ps: optim.NAG(ps, convention="chainer")),
        ('`NAG(convention="sutskever2013")`: a true look ahead, by a closure',
         lambda ps: optim.NAG(ps, convention="sutskever2013")),
        ("`RMSprop(momentum=0.9)`: PyTorch",
         lambda ps: optim.RMSprop(ps, lr=0.5, alpha=0.9, momentum=0.9)),
        ("`RMSprop(momentum=0.9, lr_in_velocity=True)`: Keras, TensorFlow, optax",
         lambda ps: optim.RMSprop(ps, lr=0.5, alpha=0.9, momentum=0.9, lr_in_velocity=True)),
    ]  # fmt: skip
    heads = ["run", "after 10 steps", "with lr cut to a tenth after step 5"]
    return table(heads, ([name, point(track(make)[10]), point(track(make, cut_after=5)[10])] for name, make in rows))


def first_points() -> str:
    """Each convention's own defaults."""
    rows: list[tuple[str, Make]] = [
        ("`Adagrad(lr=1)`: PyTorch", lambda ps: optim.Adagrad(ps, lr=1)),
        ('`Adagrad(lr=1, convention="keras")`', lambda ps: optim.Adagrad(ps, lr=1, convention="keras")),
        ('`Adagrad(lr=1, convention="tf1")`', lambda ps: optim.Adagrad(ps, lr=1, convention="tf1")),
        ("`RMSprop()`: PyTorch", lambda ps: optim.RMSprop(ps)),
        ('`RMSprop(convention="keras")`', lambda ps: optim.RMSprop(ps, convention="keras")),
        ('`RMSprop(lr=0.1, convention="tf1")`: starts from ones',
         lambda ps: optim.RMSprop(ps, lr=0.1, convention="tf1")),
        ('`RMSprop(convention="graves2013")`', lambda ps: optim.RMSprop(ps, convention="graves2013")),
        ("`RMSprop(lr=0.1, alpha=0.9, centered=True)`",
         lambda ps: optim.RMSprop(ps, lr=0.1, alpha=0.9, centered=True)),
        ("`Adam(lr=1)`: PyTorch", lambda ps: optim.Adam(ps, lr=1)),
        ('`Adam(lr=1, convention="mlx")`: no bias correction', lambda ps: optim.Adam(ps, lr=1, convention="mlx")),
    ]  # fmt: skip
    heads = ["run", "step 1", "step 2", "step 10"]
    return table(heads, ([name, *(point(track(make)[t]) for t in (1, 2, 10))] for name, make in rows))


def small_gradients() -> str:
    """The first step of RMSprop and Adam, divided by lr, by the size of the gradient."""
    columns: dict[str, Make] = {
        "outside 1e-8 (PyTorch)": lambda ps: optim.RMSprop(ps, lr=1, alpha=0.9),
        "inside 1e-8 (optax)": lambda ps: optim.RMSprop(ps, lr=1, convention="optax"),
        "inside 1e-7 (Keras)": lambda ps: optim.RMSprop(ps, lr=1, convention="keras"),
        "inside 1e-10, from ones (TensorFlow 1)": lambda ps: optim.RMSprop(ps, lr=1, convention="tf1"),
        "none (Hinton)": lambda ps: optim.RMSprop(ps, lr=1, convention="hinton2012"),
        "Adam (PyTorch)": lambda ps: optim.Adam(ps, lr=1),
        "Adam (Keras)": lambda ps: optim.Adam(ps, lr=1, convention="keras"),
    }

    def first_step(make: Make, g: float) -> str:
        p = minigrad.zeros(1, dtype=minigrad.float64, requires_grad=True)
        p.grad = minigrad.full_like(p, g)
        make([p]).step()
        return f"{-p.item():.4g}"

    rows = ([f"{g:g}", *(first_step(make, g) for make in columns.values())] for g in (1.0, 1e-3, 1e-5, 1e-8))
    return table(["gradient", *columns], rows)


def negative_variances() -> str:
    """Centered RMSprop in float32: the share of numbers whose variance has ever been below zero."""
    rows = []
    for alpha in (0.9, 0.99):
        for noise in (1e-1, 1e-2, 1e-3, 1e-4):
            shares = [f"{100 * share_below_zero(mode, alpha, noise):.0f} %" for mode in ("textbook", "recurrence")]
            rows.append([f"{alpha}", f"{noise:g}", *shares])
    return table(["α", "relative noise", "v - m²", "recurrence"], rows)


def share_below_zero(mode: str, alpha: float, noise: float, numbers: int = 500, steps: int = 3000) -> float:
    """500 gradients of sizes 1e-4 to 1e4, each nearly constant with some noise, and a rate of 0."""
    random = minigrad.Generator().manual_seed(0)
    size = 10 ** (8 * minigrad.rand(numbers, generator=random) - 4)
    p = minigrad.zeros(numbers, requires_grad=True)
    optimizer = optim.RMSprop([p], lr=0.0, alpha=alpha, centered=True, centered_mode=mode)
    below = minigrad.zeros(numbers, dtype=minigrad.bool)
    for _ in range(steps):
        p.grad = size * (1 + noise * minigrad.randn(numbers, generator=random))
        optimizer.step()
        state = optimizer.state[p]
        variance = state["variance"] if mode == "recurrence" else state["square_avg"] - state["grad_avg"] ** 2
        below = below | (variance < 0)
    return below.float().mean().item()


def weight_decays() -> str:
    """Coupled and decoupled weight decay."""
    rows: list[tuple[str, Make]] = [
        ("SGD, momentum 0.9, coupled: `g ← g + λ p`",
         lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9, weight_decay=0.1)),
        ("SGD, momentum 0.9, decoupled: `p ← (1 - lr λ) p`",
         lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9, weight_decay=0.1, decoupled_weight_decay=True)),
        ("RMSprop, coupled", lambda ps: optim.RMSprop(ps, lr=1, weight_decay=0.1)),
        ("RMSprop, decoupled", lambda ps: optim.RMSprop(ps, lr=1, weight_decay=0.1, decoupled_weight_decay=True)),
        ("Adam, coupled", lambda ps: optim.Adam(ps, lr=1, weight_decay=0.1)),
        ("AdamW, decoupled", lambda ps: optim.AdamW(ps, lr=1, weight_decay=0.1)),
    ]  # fmt: skip
    heads = ["run", "step 1", "step 10"]
    return table(heads, ([name, *(point(track(make)[t]) for t in (1, 10))] for name, make in rows))


#: what the page shows the formulas of
SHOWN = """
SGD(ps)
SGD(ps, momentum=0.9, nesterov=True)
Momentum(ps)
NAG(ps)
NAG(ps, convention="chainer")
NAG(ps, convention="sutskever2013")
Adagrad(ps)
Adagrad(ps, convention="keras")
RMSprop(ps)
RMSprop(ps, lr=0.1, convention="tf1")
RMSprop(ps, centered=True)
RMSprop(ps, convention="pytorch", centered=True)
RMSprop(ps, convention="graves2013")
Adam(ps)
Adam(ps, convention="keras")
AdamW(ps)
Adamax(ps)
NAdam(ps)
RAdam(ps)
Adadelta(ps)
Rprop(ps)
ASGD(ps)
Lion(ps)
SMORMS3(ps)
"""


def formulas() -> str:
    """What `describe()` prints of some optimizers."""
    names = {**vars(optim), "ps": [minigrad.zeros(2, requires_grad=True)]}
    shown = [(line, eval(line, names)) for line in SHOWN.split("\n") if line]
    return "\n\n".join(f"`{line}`\n\n```text\n{optimizer.describe()}\n```" for line, optimizer in shown)


PAGE = """\
# Which formula is this?

Libraries and papers call different formulas by one name. minigrad has each difference as an option, and the choices of
a library or paper as a convention: `RMSprop(params, convention="keras")`. Options that you name win over it;
`print(optimizer)` and `optimizer.describe()` show the formula in force with its numbers. Without a convention the
formulas are PyTorch's, but for one: `RMSprop(centered=True)` computes its variance by a recurrence that cannot go below
zero (`convention="pytorch"` takes PyTorch's difference, and so do other libraries'). `Momentum` and `NAG`, which
PyTorch does not have, keep the learning rate inside the velocity.

This page is written by `python examples/conventions.py`: every number on it comes from the optimizers.

{which_exist}

## The learning rate: inside or outside the velocity

Inside, `v ← μ v - lr g; p ← p + v`, a step that was made with a large rate goes on with it; outside, `b ← μ b + g;
p ← p - lr b`, the new rate scales the past as well. With a constant rate both are one. On f = x² + 10 y² from (40, 20),
lr 0.01, momentum 0.9 (RMSprop: lr 0.5, α 0.9):

{learning_rate_and_velocity}

NAG's parameters in the usual form are the look-ahead points `p + μ v` of Sutskever's run, which keeps `p` itself.
Chainer's uses the new velocity where the paper that it cites has the old one: it is another method.

## ε: inside or outside of the root

The first step of a parameter whose gradient is small, divided by the learning rate. For gradients of size 1e-5 the
choices are a factor of thirty apart, though every one of them is called RMSprop:

{small_gradients}

From a start at zero the first RMSprop step is 1/√(1 - α) times as large as a later one, whatever the gradient: 3.16 at
α = 0.9, 10 at 0.99. `bias_correction=True` mends it. Without ε (`eps_mode="none"`) a gradient of exactly 0 gives
0 / 0, which is NaN, and a tiny one a full step.

## Starts and defaults

{first_points}

## Centered RMSprop: a variance below zero

The textbook's `v - m²` cancels in float32 where gradients are nearly constant; below zero its root is NaN. Keeping mean
and variance by `d ← g - m; c ← α (c + (1 - α) d²); m ← m + (1 - α) d` is equal in exact arithmetic, and cannot. Share
of 500 numbers with a variance below zero at any of 3,000 steps, by noise of the gradient relative to its size:

{negative_variances}

The states exchange as `grad_avg = m`, `square_avg = c + m²`.

## Weight decay: coupled or decoupled

Coupled decay enters the gradient, so that RMSprop, Adagrad and Adam also normalise it; decoupled decay shrinks the
parameter by `lr λ`, whatever the gradients (Keras does so for every optimizer, PyTorch for AdamW).
`decoupled_weight_decay` chooses, for every algorithm:

{weight_decays}

## The formulas, as `describe()` prints them

{formulas}
"""


def page() -> str:
    """The whole page."""
    parts = [
        which_exist, learning_rate_and_velocity, small_gradients, first_points, negative_variances, weight_decays,
        formulas,
    ]  # fmt: skip
    return PAGE.format(**{part.__name__: part() for part in parts})


if __name__ == "__main__":
    print(page(), end="")
