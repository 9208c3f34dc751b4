"""Where an array call comes from, read off the Python stack: the user's line, the layer, the operation, the phase.

Looking costs some microseconds and happens while recording only: eager runs and replays pay nothing.
"""

from __future__ import annotations

import functools
import linecache
import os
import sys
from bisect import bisect_right
from types import CodeType, FrameType
from typing import Any
from weakref import ref

from ..autograd.node import next_order
from ..nn.module import Module
from ..optim.optimizer import Optimizer
from .trace import Origin

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_PROGRAMS = f"{PACKAGE}train{os.sep}"  # programs that stand on the framework, as a user's do
_OWN = os.path.dirname(os.path.abspath(__file__)) + os.sep
_OPERATIONS = tuple(PACKAGE + part for part in (f"ops{os.sep}", f"autograd{os.sep}core_ops.py"))
_PRIMITIVE = f"{PACKAGE}autograd{os.sep}primitive.py"
_WALK = f"{PACKAGE}autograd{os.sep}walk.py"
_MODULE = f"{PACKAGE}nn{os.sep}module.py"
_OPTIMIZER = f"{PACKAGE}optim{os.sep}optimizer.py"


_STANDARD = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_INSTALLED = f"{os.sep}site-packages{os.sep}"


def is_users(code: CodeType) -> bool:
    """True for code that is neither minigrad's, nor Python's, nor an array library's."""
    return _is_users_file(code.co_filename)  # not of the code: that of two files may be equal


@functools.lru_cache(maxsize=4096)
def _is_users_file(name: str) -> bool:
    if name.startswith((PACKAGE, "<plan of", "<frozen", "<recorded")):
        return name.startswith(_PROGRAMS)
    if name.startswith(_STANDARD) and _INSTALLED not in name:
        return False
    return not any(name.startswith(folder) for folder in _library_folders())


def _library_folders() -> list[str]:
    """Where the array libraries that are loaded have their code."""
    files = [getattr(sys.modules.get(name), "__file__", None) for name in ("numpy", "cupy", "cupyx", "cupy_standin")]
    return [os.path.dirname(os.path.abspath(file)) + os.sep for file in files if file]


def is_installed(file: str) -> bool:
    """True for files of Python and of installed packages."""
    return file.startswith((_STANDARD, "<frozen")) or _INSTALLED in file


class Provenance:
    """Answers "where are we?" during one recording."""

    def __init__(self) -> None:
        self._modules: list[ref[Module]] = []  # what the step makes for itself must be free to go
        self._paths: dict[int, str] = {}
        self._orders: list[int] = []  # numbers of graph nodes, rising, and the layers in which they were made
        self._layers: list[str] = []

    @property
    def modules(self) -> list[Module]:
        """Every module that was called from outside of modules, in the order of the calls, as far as it still lives."""
        return [module for reference in self._modules if (module := reference()) is not None]

    def name(self, root: str, module: Module) -> None:
        """Let `module`, and what is below it, be called by paths that start with `root`."""
        for path, child in module.named_modules():
            self._paths.setdefault(id(child), f"{root}.{path}".rstrip(".") if path else root)

    def here(self) -> Origin:
        """The origin of a call that is being made."""
        phase, operation, layer, line = "forward", "", None, ("", 0)
        frame: FrameType | None = sys._getframe(1)
        outermost, function = None, ""
        while frame is not None and not (
            frame.f_code.co_filename.startswith(_OWN) and frame.f_code.co_name == "record"
        ):
            code = frame.f_code
            file, name = code.co_filename, code.co_name
            if file == _MODULE and name == "__call__":
                module = frame.f_locals["self"]
                if layer is None:
                    layer = self._path(module)
                outermost = module
            elif file == _WALK and name == "evaluate":
                if phase == "forward":
                    node = frame.f_locals["node"]
                    phase, layer = "backward", self._layer_of(node.order)
                    operation = getattr(node.op, "__name__", operation) if node.plan is not None else operation
            elif file == _WALK and name == "walk" and phase == "forward":
                phase = "backward"
            elif file == _OPTIMIZER and name == "step":
                optimizer = frame.f_locals["self"]
                if isinstance(optimizer, Optimizer):
                    phase, operation, layer = "optimizer", type(optimizer).__name__, ""
            elif not operation and file.startswith(_OPERATIONS):
                back = frame.f_back
                if back is not None and back.f_code.co_filename == _PRIMITIVE:
                    operation = name.strip("_")
                else:
                    function = name.strip("_")
            elif not line[1] and is_users(code):
                line = (file, frame.f_lineno)
            frame = frame.f_back
        if outermost is not None and not any(outermost is m() for m in self._modules):
            self._modules.append(ref(outermost))
        if phase == "forward":
            self._orders.append(next_order())  # the node of this call, if it gets one, has the next number
            self._layers.append(layer or "")
        return Origin(phase, layer or "", operation or function, line)

    def path_of(self, module: Module) -> str:
        """The path by which lines of a program name `module`, "" if they do not."""
        return self._paths.get(id(module), "")

    def _path(self, module: Module) -> str:
        path = self._paths.get(id(module))
        if path is None:
            path = self._paths[id(module)] = type(module).__name__.lower()
            self.name(path, module)
        return path

    def _layer_of(self, order: int) -> str:
        """The layer in whose forward pass the graph's node number `order` was made."""
        k = bisect_right(self._orders, order) - 1
        return self._layers[k] if k >= 0 else ""


def users_line() -> tuple[str, int]:
    """The file and number of the user's line that led here."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if is_users(frame.f_code):
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back
    return "", 0


def quoted(line: tuple[str, int]) -> str:
    """A line for an error message: file, number, and the text where it can be read."""
    file, number = line
    text = linecache.getline(file, number).strip()
    return f"{file}:{number}" + (f": {text}" if text else "")


def described(value: Any) -> str:
    """An array for an error message."""
    return f"{value.dtype} of shape {tuple(value.shape)}"
