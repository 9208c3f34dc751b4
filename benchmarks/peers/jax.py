"""JAX: forward, backward and optimizer in one jitted function, whose old parameters are donated."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from ..problems import LEARNING_RATE, MOMENTUM, OPTIMIZERS, Chain, Training, Update
from ..recurrent_problems import CharacterModel, Recurrent
from . import jax_recurrent
from .functional import Functions, turned
from .peer import Job, Peer


class JaxTrainer:
    """Parameters and velocities go through the jitted step and come back as new arrays."""

    def __init__(self, peer: Jax, problem: Training) -> None:
        jax, functions = peer.lib, peer.functions
        self.problem, self.tensor, self.number, self.wait = problem, peer.tensor, float, jax.block_until_ready
        self.weights = [peer.tensor(a) for a in turned(problem, problem.parameters())]
        self.velocities = [jax.numpy.zeros_like(p) for p in self.weights]

        update = rule(jax.numpy, "sgd", {"lr": LEARNING_RATE, "momentum": MOMENTUM})[1]

        def compute(weights: Any, velocities: Any, x: Any, y: Any, masks: Any) -> Any:
            loss, gradients = jax.value_and_grad(lambda w: functions.loss(problem, w, x, y, masks))(weights)
            return loss, *update(weights, velocities, gradients)

        self.compute = jax.jit(compute, donate_argnums=(0, 1))

    def step(self, x: Any, y: Any, *masks: Any) -> Any:
        loss, self.weights, self.velocities = self.compute(self.weights, self.velocities, x, y, masks)
        return loss

    def parameters(self) -> list[np.ndarray]:
        return turned(self.problem, [np.asarray(p) for p in self.weights])


class Jax(Peer):
    """`jax.jit` around the whole step."""

    name = "jax.jit"
    module = "jax"
    distribution = "jax"
    compiles = True
    note = "forward, backward and optimizer in one jitted function, old parameters donated"

    def prepare(self) -> None:
        os.environ.setdefault("JAX_PLATFORMS", "cpu")

    def import_line(self) -> str:
        return "import jax, jax.numpy"

    def ready(self) -> None:
        # On one core there is nobody to hand the work to: with it, small steps take a third longer (28 us for 21).
        self.lib.config.update("jax_cpu_enable_async_dispatch", self.threads > 1)
        nn = importlib.import_module("jax.nn")
        self.functions = JaxFunctions(self.lib.numpy, nn)

    def tensor(self, array: np.ndarray) -> Any:
        return self.lib.numpy.array(array)  # a copy: donated arrays must not be NumPy's

    def trainer(self, problem: Training) -> JaxTrainer:
        return JaxTrainer(self, problem)

    def chain(self, problem: Chain) -> Job:
        jax, functions, vectors = self.lib, self.functions, problem.vectors()
        y, a, w = (self.tensor(vectors[name]) for name in "yaw")
        leaves = tuple("yaw".index(name) for name in problem.leaves())

        def total(y: Any, a: Any, w: Any) -> Any:
            return problem.compute(y, a, w, functions.tanh, functions.sigmoid).sum()

        compute = jax.jit(jax.value_and_grad(total, argnums=leaves))
        last: list[Any] = []

        def number(results: Any) -> float:
            last[:] = results[1]
            return float(results[0])

        return Job(lambda: compute(y, a, w), number, lambda: [np.asarray(g) for g in last], jax.block_until_ready)

    def update(self, problem: Update) -> Job:
        jax, values = self.lib, problem.arrays()
        weights, gradients = ([self.tensor(a) for a in arrays] for arrays in values)
        start, compute = rule(jax.numpy, problem.optimizer, OPTIMIZERS[problem.optimizer][1])
        state = start(weights)
        update = jax.jit(compute, donate_argnums=(0, 1))
        held = [weights, state]

        def run() -> Any:
            held[:] = update(*held, gradients)
            return held[0]

        return Job(run, lambda _: 0.0, lambda: [np.asarray(p) for p in held[0]], jax.block_until_ready)

    def recurrent(self, problem: Recurrent) -> Job:
        return jax_recurrent.layer_job(self.lib, self.functions, self.tensor, problem)

    def character_model(self, problem: CharacterModel) -> Job:
        return jax_recurrent.character_model_job(self.lib, self.functions, self.tensor, problem)

    def forget(self, cold: bool = False) -> None:
        self.lib.clear_caches()


class JaxFunctions(Functions):
    """What jax.nn has ready."""

    def __init__(self, numpy: Any, nn: Any) -> None:
        super().__init__(numpy)
        self.relu, self.sigmoid, self.log_softmax = nn.relu, nn.sigmoid, nn.log_softmax
        self.gelu = lambda x: nn.gelu(x, approximate=False)


def rule(np: Any, optimizer: str, options: dict[str, Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """An optimizer on lists of arrays: weights -> state, and weights, state, gradients -> weights, state."""
    lr, eps = options["lr"], options.get("eps", 0.0)

    def zeros(weights: Any) -> Any:
        return [np.zeros_like(p) for p in weights]

    def sgd(weights: Any, velocities: Any, gradients: Any) -> Any:
        velocities = [options["momentum"] * v + g for v, g in zip(velocities, gradients)]
        return [p - lr * v for p, v in zip(weights, velocities)], velocities

    def rmsprop(weights: Any, squares: Any, gradients: Any) -> Any:
        alpha = options["alpha"]
        squares = [alpha * v + (1 - alpha) * g * g for v, g in zip(squares, gradients)]
        return [p - lr * g / (np.sqrt(v) + eps) for p, g, v in zip(weights, gradients, squares)], squares

    def adagrad(weights: Any, sums: Any, gradients: Any) -> Any:
        sums = [s + g * g for s, g in zip(sums, gradients)]
        return [p - lr * g / (np.sqrt(s) + eps) for p, g, s in zip(weights, gradients, sums)], sums

    def two_moments(weights: Any) -> Any:
        return zeros(weights), zeros(weights), np.zeros(())

    def adam(weights: Any, state: Any, gradients: Any) -> Any:
        (means, squares, t), (b1, b2) = state, options["betas"]
        t = t + 1
        means = [b1 * m + (1 - b1) * g for m, g in zip(means, gradients)]
        squares = [b2 * v + (1 - b2) * g * g for v, g in zip(squares, gradients)]
        rate, root = lr / (1 - b1**t), np.sqrt(1 - b2**t)
        weights = [p - rate * m / (np.sqrt(v) / root + eps) for p, m, v in zip(weights, means, squares)]
        return weights, (means, squares, t)

    update = {"sgd": sgd, "rmsprop": rmsprop, "adagrad": adagrad, "adam": adam}[optimizer]
    return two_moments if optimizer == "adam" else zeros, update
