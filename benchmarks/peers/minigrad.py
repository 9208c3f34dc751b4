"""minigrad, as it stands and through `minigrad.jit`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from .peer import Absent
from .torchlike import TorchLike


class Minigrad(TorchLike):
    """Eager minigrad."""

    name = "minigrad"
    module = "minigrad"
    distribution = "minigrad-dl"
    devices = ("cpu", "cuda")
    note = "eager"
    sparse_modes = True

    def ready(self) -> None:
        if self.device == "cuda":
            try:
                self.lib.zeros(1, device="cuda")  # without a GPU this is the error that says so
            except RuntimeError as error:
                raise Absent(str(error)) from None
            self.synchronize = importlib.import_module("cupy").cuda.get_current_stream().synchronize

    def version(self) -> str:
        if self.device == "cpu":
            return self.lib.__version__
        cupy = importlib.import_module("cupy")
        gpu = cupy.cuda.runtime.getDeviceProperties(0)["name"]
        gpu = gpu.decode() if isinstance(gpu, bytes) else gpu
        return f"{self.lib.__version__} on {gpu}, CuPy {cupy.__version__}, CUDA {cupy.cuda.runtime.runtimeGetVersion()}"

    def wait(self, loss: Any) -> None:
        if self.device == "cuda":
            self.synchronize()


class MinigradJit(Minigrad):
    """minigrad with the whole step recorded."""

    name = "minigrad.jit"
    compiles = True
    note = "`step = minigrad.jit(step)`, called like the eager one"

    def ready(self) -> None:
        super().ready()
        if not callable(getattr(self.lib, "jit", None)):
            raise Absent("this minigrad has no `minigrad.jit`")

    def whole_step(self, step: Callable[..., Any]) -> Callable[..., Any]:
        return self.lib.jit(step)
