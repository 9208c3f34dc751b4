"""PyTorch, eager and through `torch.compile`."""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from ..recurrent_problems import CharacterModel, Recurrent
from .peer import Absent, Job, Unsupported
from .torchlike import TorchLike


class PyTorch(TorchLike):
    """Eager PyTorch with its optimizers' defaults."""

    name = "PyTorch"
    module = "torch"
    distribution = "torch"
    devices = ("cpu", "cuda")
    note = "eager, optimizers with their defaults"

    def ready(self) -> None:
        self.lib.set_num_threads(self.threads)
        if self.device == "cuda" and not self.lib.cuda.is_available():
            raise Absent("sees no GPU")

    def wait(self, loss: Any) -> None:
        if self.device == "cuda":
            self.lib.cuda.synchronize()


class PyTorchForeach(PyTorch):
    """PyTorch's optimizers over lists of tensors at once."""

    name = "PyTorch foreach"
    kinds = ("update",)
    note = "optimizers with foreach=True"
    variant: ClassVar[Mapping[str, Any]] = {"foreach": True}


class PyTorchFused(PyTorch):
    """PyTorch's optimizers with one kernel for the whole formula, where there is one."""

    name = "PyTorch fused"
    kinds = ("update",)
    note = "optimizers with fused=True"
    variant: ClassVar[Mapping[str, Any]] = {"fused": True}


class PyTorchCompiled(PyTorch):
    """PyTorch with forward, loss and optimizer compiled; the backward pass is compiled along with the forward."""

    name = "torch.compile"
    compiles = True
    note = "loss (with its backward pass) and optimizer step compiled, default mode"

    def prepare(self) -> None:
        # In this process, so that no workers of the compiler are left to clean up; and nothing from earlier runs.
        os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
        if "TORCHINDUCTOR_CACHE_DIR" not in os.environ:
            self.cache = tempfile.TemporaryDirectory(prefix="benchmarks-inductor-")
            os.environ["TORCHINDUCTOR_CACHE_DIR"] = self.cache.name

    def forget(self, cold: bool = False) -> None:
        self.lib._dynamo.reset()  # it gives up on functions that it has compiled eight times
        if cold:  # compiled kernels on disk must not be found again
            self.cache = tempfile.TemporaryDirectory(prefix="benchmarks-inductor-")
            os.environ["TORCHINDUCTOR_CACHE_DIR"] = self.cache.name
            importlib.import_module("torch._inductor.codecache").PyCodeCache.cache_clear()

    def recurrent(self, problem: Recurrent | CharacterModel) -> Job:
        raise Unsupported("leaves recurrent layers to eager PyTorch")

    character_model = recurrent

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        importlib.import_module("torch._dynamo")
        return self.lib.compile(function)
