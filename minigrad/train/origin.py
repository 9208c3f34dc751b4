"""`find_nonfinite`: in which layer and operation a NaN or an infinity first arises.

While it watches, a profile function looks at what each operation returns, and nodes of a class of their own look at
each gradient on the way back. Nothing of this is there outside, so an ordinary step pays nothing for it.
"""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, NamedTuple

from minigrad import nn
from minigrad.autograd import primitive
from minigrad.autograd.anomaly import Line, TracedNode, user_lines
from minigrad.autograd.modes import is_grad_enabled, modes, set_recording
from minigrad.autograd.node import Node, TensorBase
from minigrad.backend.library import library
from minigrad.nn.utils import get_total_norm

from .errors import NonFiniteError

_PRIMITIVES = primitive.__file__
_MODULE_CALL = nn.Module.__call__.__code__


class Origin(NamedTuple):
    """Where a number that is not finite arose."""

    what: str  # "nan" or "inf"
    operation: str
    layer: str
    line: Line | None  # of the user's code
    came_in: bool = False  # the operation has been given it, and none before has made it

    def __str__(self) -> str:
        where = f"\n{self.line}" if self.line else ""
        how = "was already in a value that went into" if self.came_in else "first arises in"
        return f"{self.what} {how} {self.operation}, {self.layer}{where}"


class Watch:
    """What has been seen: the first infinity and the first NaN, forward and backward, and the last result."""

    def __init__(self, model: nn.Module | None) -> None:
        self._names = {id(m): name for name, m in model.named_modules()} if model is not None else {}
        self.found: dict[str, Origin] = {}  # "inf" and "nan", in the order in which they were found
        self.last_is_finite = True

    def look(
        self, values: Any, operation: str, module: Any, lines: Sequence[Line] | None = None, came_in: bool = False
    ) -> None:
        """Look at a result, or a gradient, of `operation` in `module`, or at a value that it has been given."""
        what = nonfinite(values)
        if what and what not in self.found:
            line = (user_lines() if lines is None else lines)[:1]
            self.found[what] = Origin(what, operation, self.layer(module), line[0] if line else None, came_in)

    def layer(self, module: Any) -> str:
        """What a message calls a module."""
        if module is None:
            return "outside any layer (in the loss, perhaps)"
        name, kind = self._names.get(id(module)), type(module).__name__
        if name is None:
            return f"in {kind}, outside the model"
        return f"in layer {name!r} ({kind})" if name else f"in the model's own forward ({kind})"

    def profile(self, frame: FrameType, event: str, arg: Any) -> None:
        """What `sys.setprofile` calls."""
        if event != "return" or arg is None:
            return
        code = frame.f_code
        if code.co_filename == _PRIMITIVES and code.co_name == "call":
            parts = arg if isinstance(arg, tuple) else (arg,)
            tensors = [part for part in parts if isinstance(part, TensorBase)]
            for tensor in tensors:
                self.last_is_finite = not nonfinite(tensor)
                if not self.last_is_finite:
                    operation, module = frame.f_locals["rules"].__name__, _module_above(frame)
                    if "nan" not in self.found:  # what its inputs have, and no result before, comes from outside
                        for given in _inputs(frame):
                            if isinstance(given, TensorBase) and given is not tensor:  # else out= has written over it
                                self.look(given, operation, module, came_in=True)
                    self.look(tensor, operation, module)
        elif code is _MODULE_CALL and isinstance(arg, TensorBase) and nonfinite(arg):
            self.look(arg, "what its forward computes", frame.f_locals["self"])


class _Active(threading.local):
    watch: Watch | None = None


_active = _Active()


class WatchedNode(TracedNode):
    """A node that knows the module in which it was made; the gradients that it gives are looked at."""

    module: Any = None

    @property
    def order(self) -> int:  # type: ignore[override]
        return self._order

    @order.setter
    def order(self, number: int) -> None:
        TracedNode.order.fset(self, number)  # type: ignore[attr-defined]
        self.module = _module_above(sys._getframe(1))

    @staticmethod
    def evaluate(node: Node, g: Any, create_graph: bool) -> Sequence[Any]:  # type: ignore[override]
        results = TracedNode.evaluate(node, g, create_graph)
        if _active.watch is not None:
            for result in results:
                if result is not None:
                    module, lines = getattr(node, "module", None), getattr(node, "lines", ())
                    _active.watch.look(result, f"the gradient of {node.name()}", module, lines)
        return results


def _inputs(frame: FrameType) -> list[Any]:
    """What a call of a primitive has been given: the names are those of its general and its short ways."""
    own = frame.f_locals
    return [own.get("input"), own.get("other"), *own.get("inputs", ())]


def _module_above(frame: FrameType | None) -> Any:
    """The innermost module whose call is running."""
    while frame is not None:
        if frame.f_code is _MODULE_CALL:
            return frame.f_locals["self"]
        frame = frame.f_back
    return None


def nonfinite(values: Any) -> str:
    """'nan' or 'inf' if an array, a tensor or a row-sparse gradient holds one, else an empty string."""
    if not isinstance(values, TensorBase) and getattr(values, "is_sparse", False):
        values = values.row_values
    array = getattr(values, "array", values)
    if array.dtype.kind not in "fc":
        return ""
    xp = library(array)
    if bool(xp.isfinite(array).all()):
        return ""
    return "nan" if bool(xp.isnan(array).any()) else "inf"


def all_finite(model: nn.Module) -> bool:
    """True if every gradient of `model` is finite."""
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    dense = [g for g in gradients if isinstance(g, TensorBase)]
    # one number to look at, not one for each: a GPU is waited for once. It may be infinite where no gradient is.
    if len(dense) == len(gradients) and math.isfinite(get_total_norm(dense)):
        return True
    return not any(nonfinite(g) for g in gradients)


@contextmanager
def watching(model: nn.Module | None) -> Iterator[Watch]:
    """Look at every operation inside."""
    watch = Watch(model)
    before, outer, profile = modes.recording_type, _active.watch, sys.getprofile()
    recording = is_grad_enabled()
    modes.recording_type = WatchedNode
    set_recording(recording)
    _active.watch = watch
    sys.setprofile(watch.profile)
    try:
        yield watch
    finally:
        sys.setprofile(profile)
        _active.watch = outer
        modes.recording_type = before
        set_recording(recording)


@contextmanager
def find_nonfinite(model: nn.Module | None = None) -> Iterator[None]:
    """Raise, at the end of the block, if the forward and backward pass inside gave anything that is not finite.

    The error names the layer and the operation in which it first arose, and the line of the program. It costs some
    microseconds per operation, so it is for a step that is known to fail; `NaNGuard` knows which.

    Infinities that come and go inside, such as those of a mask, are no reason to raise.

    Args:
        model: whose layers are named, and whose gradients are looked at.

    Raises:
        NonFiniteError: a NaN was met, or the last result or a gradient of the model is not finite.

    >>> import minigrad
    >>> from minigrad import nn
    >>> model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    >>> with find_nonfinite(model):
    ...     loss = (model(-minigrad.ones(1, 2)) * 0).log().sum()
    ...     loss.backward()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    minigrad.train.errors.NonFiniteError: inf first arises in log, outside any layer (in the loss, perhaps)...
    """
    with watching(model) as watch:
        yield
    if "nan" in watch.found or not watch.last_is_finite or not (model is None or all_finite(model)):
        raise NonFiniteError(explained(watch))


def explained(watch: Watch) -> str:
    """What has been found, in words."""
    if not watch.found:
        return "no operation gave it: a value that went in was not finite"
    return "; then ".join(str(origin) for origin in watch.found.values())
