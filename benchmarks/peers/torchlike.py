"""The networks of minigrad and PyTorch, written once: they have the same names."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ..problems import (
    LEARNING_RATE,
    MOMENTUM,
    NORM_EPS,
    OPTIMIZERS,
    PARTS,
    Chain,
    Layer,
    Part,
    SparseUpdate,
    Training,
    Update,
)
from ..recurrent_problems import CharacterModel, Recurrent
from . import torchlike_recurrent
from .peer import Job, Peer, Trainer, Unsupported


class MeanOfTokens:
    """The mean over dimension 1, as a module of `nn`."""

    def __new__(cls, nn: Any) -> Any:
        return type("MeanOfTokens", (nn.Module,), {"forward": lambda self, x: x.mean(dim=1)})()


def module(nn: Any, layer: Layer) -> Any:
    """The module for one layer."""
    make = {
        "linear": nn.Linear,
        "relu": nn.ReLU,
        "tanh": nn.Tanh,
        "gelu": nn.GELU,
        "layer norm": lambda features: nn.LayerNorm(features, eps=NORM_EPS),
        "embedding": nn.Embedding,
        "mean": lambda: MeanOfTokens(nn),
    }
    return make[layer.kind](*layer.sizes)


class TorchTrainer:
    """Model, loss and optimizer. `jit` is what the whole step goes through, `compile` what the loss does."""

    def __init__(self, peer: TorchLike, problem: Training) -> None:
        self.peer, lib = peer, peer.lib
        # Dropout's masks are inputs, so it is no module here: the network is cut where a mask is multiplied in.
        parts: list[list[Any]] = [[]]
        for layer in problem.layers:
            if layer.kind == "dropout":
                parts.append([])
            else:
                parts[-1].append(module(lib.nn, layer))
        networks = [lib.nn.Sequential(*part).to(peer.device) for part in parts]
        self.weights = [p for network in networks for p in network.parameters()]
        with lib.no_grad():
            for p, array in zip(self.weights, problem.parameters(), strict=True):
                p.copy_(peer.tensor(array))
        self.model = networks[0] if len(networks) == 1 else masked(networks)
        self.loss = lib.nn.MSELoss() if problem.loss == "mse" else lib.nn.CrossEntropyLoss()
        self.optimizer = lib.optim.SGD(self.weights, lr=LEARNING_RATE, momentum=MOMENTUM)
        self.step = peer.whole_step(self.make_step())
        self.tensor, self.number, self.wait = peer.tensor, peer.number, peer.wait

    def make_step(self) -> Callable[..., Any]:
        """One step, as everybody writes it."""
        model, loss_of, optimizer = self.model, self.loss, self.optimizer
        losses = self.peer.compiled(lambda x, y, *masks: loss_of(model(x, *masks), y))
        update = self.peer.compiled(optimizer.step)

        def step(x: Any, y: Any, *masks: Any) -> Any:
            optimizer.zero_grad()
            loss = losses(x, y, *masks)
            loss.backward()
            update()
            return loss

        return step

    def parameters(self) -> list[np.ndarray]:
        return [self.peer.array(p) for p in self.weights]


def masked(networks: list[Any]) -> Callable[..., Any]:
    """Networks one after another, a mask multiplied in between."""

    def model(x: Any, *masks: Any) -> Any:
        for network, mask in zip(networks, masks):
            x = network(x) * mask
        return networks[-1](x)

    return model


class TorchLike(Peer):
    """A library with PyTorch's names."""

    variant: Mapping[str, Any] = {}  # what its optimizers are told beside their formula's numbers
    sparse_modes = False  # whether they are told what to do with rows that have no gradient

    def whole_step(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """What a step function is passed through before it is called."""
        return step

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """What a function that is differentiated through, or updates, is passed through."""
        return function

    def tensor(self, array: np.ndarray) -> Any:
        return self.lib.tensor(array, device=self.device)

    def array(self, tensor: Any) -> np.ndarray:
        return tensor.detach().cpu().numpy().copy()

    def number(self, loss: Any) -> float:
        return 0.0 if loss is None else float(loss.detach().cpu())

    def wait(self, loss: Any) -> None:
        """A CPU is never behind; on a GPU see the peers."""

    def trainer(self, problem: Training) -> Trainer:
        return TorchTrainer(self, problem)

    def batches(
        self, trainer: Trainer, x: np.ndarray, y: np.ndarray, order: np.ndarray, size: int
    ) -> Callable[[], Iterator[Any]]:
        data = self.lib.utils.data
        loader = data.DataLoader(
            data.TensorDataset(trainer.tensor(x), trainer.tensor(y)), batch_size=size, sampler=order.tolist()
        )
        return lambda: iter(loader)

    def part(self, problem: Part) -> Job:
        if self.compiles:
            raise Unsupported("runs its step as a whole")
        trainer = TorchTrainer(self, problem.training)
        inputs = [self.tensor(array) for array in problem.training.inputs()]
        wait = trainer.wait

        def timed() -> float:
            x, y = inputs
            state: dict[str, Any] = {}
            parts: dict[str, Callable[[], Any]] = {
                "zero_grad": trainer.optimizer.zero_grad,
                "forward": lambda: state.update(out=trainer.model(x)),
                "loss": lambda: state.update(loss=trainer.loss(state["out"], y)),
                "backward": lambda: state["loss"].backward(),
                "optimizer": trainer.optimizer.step,
            }
            seconds = 0.0
            for name in PARTS:
                wait(None)
                start = time.perf_counter()
                parts[name]()
                wait(None)
                if name == problem.part:
                    seconds = time.perf_counter() - start
            return seconds

        return Job(lambda: trainer.step(*inputs), trainer.number, trainer.parameters, timed=timed)

    def chain(self, problem: Chain) -> Job:
        lib, vectors = self.lib, problem.vectors()
        y, a, w = (self.tensor(vectors[name]) for name in "yaw")
        leaves = [{"y": y, "w": w}[name].requires_grad_() for name in problem.leaves()]
        total = self.compiled(lambda y, a, w: problem.compute(y, a, w, lib.tanh, lib.sigmoid).sum())

        def step() -> Any:
            result = total(y, a, w)
            return result, *lib.autograd.grad(result, leaves)

        run = self.whole_step(step)
        last: list[Any] = []

        def number(results: Any) -> float:
            last[:] = results[1:]
            return self.number(results[0])

        return Job(run, number, lambda: [self.array(g) for g in last], lambda results: self.wait(results[0]))

    def update(self, problem: Update) -> Job:
        values, gradients = problem.arrays()
        weights = [self.tensor(value).requires_grad_() for value in values]
        for p, gradient in zip(weights, gradients):
            p.grad = self.tensor(gradient)
        optimizer = self.optimizer(problem.optimizer, weights, OPTIMIZERS[problem.optimizer][1] | dict(self.variant))
        run = self.whole_step(self.compiled(optimizer.step))
        return Job(run, self.number, lambda: [self.array(p) for p in weights], self.wait)

    def optimizer(self, kind: str, weights: list[Any], options: Mapping[str, Any]) -> Any:
        """One of `OPTIMIZERS`. Raises `Unsupported` if the library has none, or one without these options."""
        name = OPTIMIZERS[kind][0]
        made = getattr(self.lib.optim, name, None)
        if made is None:
            raise Unsupported(f"has no {name}")
        if missing := [option for option in options if option not in inspect.signature(made).parameters]:
            raise Unsupported(f"its {name} has no option {' and no '.join(missing)}")
        return made(weights, **options)

    def recurrent(self, problem: Recurrent) -> Job:
        return torchlike_recurrent.layer_job(self, problem)

    def character_model(self, problem: CharacterModel) -> Job:
        return torchlike_recurrent.character_model_job(self, problem)

    def sparse(self, problem: SparseUpdate) -> Job:
        if self.compiles and not self.sparse_modes:
            raise Unsupported("does not compile sparse gradients")
        lib = self.lib
        table, rows, gradient = (self.tensor(array) for array in problem.arrays())
        try:
            embedding = lib.nn.Embedding(problem.rows, problem.features, sparse=True, _weight=table)
            embedding(rows).backward(gradient)
            works = embedding.weight.grad.is_sparse
        except (TypeError, NotImplementedError, AttributeError):
            works = False
        if not works:
            raise Unsupported("has no nn.Embedding(sparse=True)")
        options = problem.options() | ({"sparse": problem.mode} if self.sparse_modes else {})
        optimizer = self.optimizer(problem.optimizer, [embedding.weight], options)

        def step(rows: Any, gradient: Any) -> None:
            optimizer.zero_grad()
            embedding(rows).backward(gradient)
            optimizer.step()

        run = self.whole_step(step)
        return Job(
            lambda: run(rows, gradient), self.number, lambda: problem.seen(self.array(embedding.weight)), self.wait
        )
