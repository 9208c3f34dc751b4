"""The training step of an MLP: zero_grad, forward, cross entropy, backward, SGD with momentum."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from measure import Disagreement, Side, row, take_turns, values

#: sizes of the layers, size of a batch, the most that minigrad may need of PyTorch's time (CPU), steps per block
MODELS = [((64, 128, 128, 10), 64, 0.65, 20), ((784, 512, 512, 10), 256, 1.05, 3)]


class Training:
    """A model, its optimizer and one batch, all made from the same numbers on every side."""

    def __init__(self, side: Side, layers: tuple[int, ...], batch: int) -> None:
        random = np.random.default_rng(0)
        nn = side.lib.nn
        modules: list[Any] = []
        for n, m in pairwise(layers):
            linear = nn.Linear(n, m)
            bound = n**-0.5
            with side.lib.no_grad():
                for p in (linear.weight, linear.bias):
                    p.copy_(side.lib.tensor(random.uniform(-bound, bound, tuple(p.shape)).astype(np.float32)))
            modules += [linear, nn.ReLU()]
        self.model = nn.Sequential(*modules[:-1]).to(side.device)
        self.x = side.tensor(random.normal(size=(batch, layers[0])).astype(np.float32))
        self.y = side.tensor(random.integers(0, layers[-1], batch))
        self.loss = nn.CrossEntropyLoss()
        self.optimizer = side.lib.optim.SGD(self.model.parameters(), lr=0.01, momentum=0.9)
        self.wait = side.wait

    def step(self) -> Any:
        """One step, as everybody writes it."""
        self.optimizer.zero_grad()
        loss = self.loss(self.model(self.x), self.y)
        loss.backward()
        self.optimizer.step()
        return loss

    def timed_step(self, taken: dict[str, list[float]]) -> None:
        """One step with the time of each part."""
        state: dict[str, Any] = {}
        parts: dict[str, Callable[[], Any]] = {
            "zero_grad": self.optimizer.zero_grad,
            "forward": lambda: state.update(out=self.model(self.x)),
            "loss": lambda: state.update(loss=self.loss(state["out"], self.y)),
            "backward": lambda: state["loss"].backward(),
            "optimizer": self.optimizer.step,
        }
        for name, part in parts.items():
            self.wait()
            start = time.perf_counter()
            part()
            self.wait()
            taken.setdefault(name, []).append(time.perf_counter() - start)


def agreeing(sides: Mapping[str, Side], layers: tuple[int, ...], batch: int, steps: int = 10) -> dict[str, Training]:
    """The trainings of all sides, after some steps of which the losses and parameters agree."""
    trainings = {name: Training(side, layers, batch) for name, side in sides.items()}
    runs = {name: [float(t.step().item()) for _ in range(steps)] for name, t in trainings.items()}
    if len(trainings) == 2:
        ours, theirs = (list(t.model.parameters()) for t in trainings.values())
        found = [np.array(losses) for losses in runs.values()]
        pairs = [(found[0], found[1]), *((values(p), values(q)) for p, q in zip(ours, theirs))]
        for a, b in pairs:
            if not np.allclose(a, b, rtol=1e-3, atol=1e-4):
                raise Disagreement(
                    f"MLP {named(layers)}: after {steps} steps minigrad and PyTorch differ by "
                    f"{np.abs(a - b).max():.2g} (losses {found[0][-1]:.6f} and {found[1][-1]:.6f})"
                )
        if not found[0][-1] < found[0][0]:
            raise Disagreement(f"MLP {named(layers)}: the loss does not fall, {found[0][0]:.4f} to {found[0][-1]:.4f}")
    return trainings


def named(layers: tuple[int, ...]) -> str:
    return "-".join(map(str, layers))


def rows(sides: Mapping[str, Side], repeats: int, quick: bool) -> list[dict[str, Any]]:
    """The training steps of both models."""
    result = []
    for layers, batch, target, calls in MODELS:
        trainings = agreeing(sides, layers, batch)
        runs = {name: training.step for name, training in trainings.items()}
        taken = take_turns(runs, sides, repeats, max(1, calls // 3) if quick else calls)
        on_cpu = sides["minigrad"].device == "cpu"
        result.append(row(f"MLP {named(layers)}, batch {batch}, one step", taken, target if on_cpu else None))
    return result


def parts(sides: Mapping[str, Side], repeats: int, quick: bool) -> list[dict[str, Any]]:
    """The parts of those steps, timed one by one (which costs the whole a little)."""
    result = []
    for layers, batch, _, calls in MODELS:
        trainings = agreeing(sides, layers, batch)
        taken: dict[str, dict[str, list[float]]] = {name: {} for name in sides}
        for _ in range(repeats):
            for name, training in trainings.items():
                for _ in range(max(1, calls // 3) if quick else calls):
                    training.timed_step(taken[name])
        for part in taken["minigrad"]:
            result.append(row(f"MLP {named(layers)}: {part}", {name: taken[name][part] for name in sides}))
    return result
