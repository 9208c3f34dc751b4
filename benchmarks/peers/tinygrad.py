"""tinygrad on its CPU backend, the step through TinyJit.

From version 0.14 that backend needs the compiler clang; where there is none, 0.13 can assemble for x86 by itself
(`pip install tinygrad==0.13.0`).
"""

from __future__ import annotations

import contextlib
import importlib
import os
import platform
import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..problems import LEARNING_RATE, MOMENTUM, NORM_EPS, OPTIMIZERS, Chain, Layer, Training, Update
from .functional import count
from .peer import Job, Peer, Unsupported


class Tinygrad(Peer):
    """tinygrad through TinyJit, without its search over kernels."""

    name = "tinygrad"
    module = "tinygrad"
    distribution = "tinygrad"
    compiles = True
    note = "TinyJit, no BEAM search"

    def prepare(self) -> None:
        assembles = platform.machine() in ("x86_64", "AMD64") and not shutil.which("clang")
        os.environ.setdefault("DEV", "CPU:X86" if assembles else "CPU")
        os.environ["CPU_COUNT"] = str(self.threads)
        os.environ.setdefault("THREADS", str(int(self.threads > 1)))
        os.environ["CACHELEVEL"] = "0"  # nothing from earlier runs
        self.note += f", DEV={os.environ['DEV']}"

    def import_line(self) -> str:
        return "from tinygrad import Tensor, nn"

    def ready(self) -> None:
        (self.lib.Tensor([1.0, 2.0]) * 2).tolist()  # finds out whether its compiler is there
        self.lib.Tensor.training = True  # its optimizers refuse to work otherwise

    def tensor(self, array: np.ndarray) -> Any:
        array = array.astype(np.int32) if array.dtype == np.int64 else array
        return self.lib.Tensor(array).realize()

    def parameter(self, array: np.ndarray) -> Any:
        tensor = self.lib.Tensor(array.copy()).contiguous().realize()
        if not hasattr(tensor, "is_param"):
            tensor.requires_grad = True  # before 0.13
        return tensor

    def wait(self, result: Any) -> None:
        self.lib.Device[self.lib.Device.DEFAULT].synchronize()

    def number(self, result: Any) -> float:
        return float(result.item())

    def forget(self, cold: bool = False) -> None:
        for name in ("codegen.to_program_cache", "engine.realize.runtime_cache", "schedule.schedule_cache"):
            place, _, cache = name.rpartition(".")
            with contextlib.suppress(ImportError, AttributeError):  # other versions have other caches
                getattr(importlib.import_module(f"tinygrad.{place}"), cache).clear()

    def trainer(self, problem: Training) -> TinygradTrainer:
        return TinygradTrainer(self, problem)

    def chain(self, problem: Chain) -> Job:
        if problem.length > 10:
            raise Unsupported("makes one kernel of a chain, and one of 200 operations kept its compiler for minutes")
        vectors = problem.vectors()
        y, a, w = (self.parameter(vectors[name]) for name in "yaw")
        leaves = [{"y": y, "w": w}[name] for name in problem.leaves()]

        def step(y: Any, a: Any, w: Any) -> Any:
            total = problem.compute(y, a, w, lambda x: x.tanh(), lambda x: x.sigmoid()).sum()
            gradients = total.gradient(*({"y": y, "w": w}[name] for name in problem.leaves()))
            self.lib.Tensor.realize(total, *gradients)
            return total, *gradients

        compute = self.lib.TinyJit(step)
        last: list[Any] = [leaves]

        def number(results: Any) -> float:
            last[:] = results[1:]
            return self.number(results[0])

        return Job(lambda: compute(y, a, w), number, lambda: [g.numpy() for g in last], self.wait)

    def update(self, problem: Update) -> Job:
        name, options = OPTIMIZERS[problem.optimizer]
        if problem.optimizer not in ("sgd", "adam"):
            raise Unsupported(f"has no {name}")
        values, gradients = problem.arrays()
        weights = [self.parameter(value) for value in values]
        for p, gradient in zip(weights, gradients):
            p.grad = self.tensor(gradient)
        options = {**options, **dict(zip(("b1", "b2"), options.get("betas", ())))}
        options.pop("betas", None)
        optimizer = getattr(self.lib.nn.optim, name)(weights, **options)
        run = self.lib.TinyJit(optimizer.step)
        return Job(run, lambda _: 0.0, lambda: [p.numpy() for p in weights], self.wait)


class TinygradTrainer:
    """Network, loss and optimizer as tinygrad's own examples write them."""

    def __init__(self, peer: Tinygrad, problem: Training) -> None:
        self.peer, self.problem, lib = peer, problem, peer.lib
        self.tensor, self.number, self.wait = peer.tensor, peer.number, peer.wait
        self.weights = [peer.parameter(array) for array in problem.parameters()]
        optimizer = lib.nn.optim.SGD(self.weights, lr=LEARNING_RATE, momentum=MOMENTUM)

        def step(x: Any, y: Any, *masks: Any) -> Any:
            optimizer.zero_grad()
            out = self.forward(x, iter(masks))
            loss = (out - y).square().mean() if problem.loss == "mse" else out.sparse_categorical_crossentropy(y)
            loss.backward()
            return loss.realize(*optimizer.schedule_step())

        self.step = lib.TinyJit(step)

    def forward(self, x: Any, masks: Iterator[Any]) -> Any:
        weights = iter(self.weights)
        for layer in self.problem.layers:
            x = self.layer(layer, x, [next(weights) for _ in range(count(layer))], masks)
        return x

    def layer(self, layer: Layer, x: Any, parameters: list[Any], masks: Iterator[Any]) -> Any:
        if layer.kind == "linear":
            return x.linear(parameters[0].T, parameters[1])
        if layer.kind == "layer norm":
            return x.layernorm(eps=NORM_EPS) * parameters[0] + parameters[1]
        if layer.kind == "embedding":
            return parameters[0][x]
        if layer.kind == "mean":
            return x.mean(axis=1)
        if layer.kind == "dropout":
            return x * next(masks)
        if layer.kind == "gelu":  # its own is the approximation by tanh
            return x * 0.5 * (1 + (x * 0.5**0.5).erf())
        return getattr(x, layer.kind)()

    def parameters(self) -> list[np.ndarray]:
        return [p.numpy() for p in self.weights]
