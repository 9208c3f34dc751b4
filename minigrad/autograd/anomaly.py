"""Find out where a NaN comes from: `with minigrad.autograd.detect_anomaly(): ...` around forward and
backward.

Inside, every recorded operation remembers the lines of the user's code that called it, and the backward walk
checks each gradient. It costs some microseconds per operation there, and nothing outside: recording makes
nodes of another class (`modes.recording_type`), and the walk asks that class how to evaluate a node.
"""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Sequence
from contextlib import ContextDecorator
from typing import Any, NamedTuple

from ..backend.library import library
from .modes import is_grad_enabled, modes, set_recording
from .node import Node
from .operands import array_of
from .row_sparse import RowSparse
from .walk import evaluate

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_DEPTH = 10  # lines of the user's code that are remembered of each call


class Line(NamedTuple):
    """A line of the user's code."""

    file: str
    number: int
    function: str

    def __str__(self) -> str:
        text = linecache.getline(self.file, self.number).strip()
        where = f'  File "{self.file}", line {self.number}, in {self.function}'
        return f"{where}\n    {text}" if text else where


def user_lines() -> tuple[Line, ...]:
    """Where the user's code is at this moment, the innermost line first."""
    lines: list[Line] = []
    frame = sys._getframe(1)
    while frame is not None and len(lines) < _DEPTH:
        code = frame.f_code
        if not code.co_filename.startswith((_PACKAGE, "<plan of ")):
            lines.append(Line(code.co_filename, frame.f_lineno, code.co_qualname))
        frame = frame.f_back  # type: ignore[assignment]
    return tuple(lines)


class TracedNode(Node):
    """A node that knows which line of the user's code made it."""

    lines: tuple[Line, ...] = ()
    _order = 0

    @property
    def order(self) -> int:  # type: ignore[override]
        """The node's number. It is the first thing that a node gets: the moment at which it is made."""
        return self._order

    @order.setter
    def order(self, number: int) -> None:
        self._order = number
        self.lines = user_lines()

    @staticmethod
    def evaluate(node: Node, g: Any, create_graph: bool) -> Sequence[Any]:  # type: ignore[override]
        """The gradients of a node; errors name the line of the forward operation."""
        try:
            return (node.own_evaluate or evaluate)(node, g, create_graph)
        except Exception as error:
            error.add_note(f"{node.name()} belongs to {_origin(node)}")
            raise


class CheckedNode(TracedNode):
    """A traced node; no node in its walk may give NaN."""

    @staticmethod
    def evaluate(node: Node, g: Any, create_graph: bool) -> Sequence[Any]:  # type: ignore[override]
        """The gradients of a node, checked."""
        results = TracedNode.evaluate(node, g, create_graph)
        for k, r in enumerate(results):
            array = array_of(r.row_values if type(r) is RowSparse else r)
            if array is not None and bool(library(array).isnan(array).any()):
                raise RuntimeError(
                    f"{node.name()} returned nan in the gradient of its input {k}. It belongs to {_origin(node)}"
                )
        return results


def _origin(node: Any) -> str:
    """Which lines of the user's code made a node."""
    if not getattr(node, "lines", ()):
        return "an operation recorded outside detect_anomaly(): run forward inside it, too, to see the line"
    return "the operation recorded at (innermost line first)\n" + "\n".join(map(str, node.lines))


def _node_type(enabled: bool, check_nan: bool) -> type[Node]:
    if not enabled:
        return Node
    return CheckedNode if check_nan else TracedNode


class set_detect_anomaly:
    """Switch anomaly detection on or off: at once as a call, or for a block as a context manager."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = modes.recording_type
        _record_as(_node_type(mode, check_nan))

    def __enter__(self) -> set_detect_anomaly:
        return self

    def __exit__(self, *exc: object) -> None:
        _record_as(self._before)


class detect_anomaly(ContextDecorator):
    """Raise where a backward pass inside makes a NaN, naming the forward operation and the user's line.

    Also a decorator. It holds for this thread.

    Args:
        check_nan: False looks for no NaN, and only adds the lines to errors that the backward pass raises.

    Raises:
        RuntimeError: (from backward) with the operation, the file, the line, and how it was reached.

    >>> import minigrad
    >>> x = minigrad.tensor(0.0, requires_grad=True)
    >>> with detect_anomaly():
    ...     y = (x / x).sqrt()
    ...     y.backward()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    RuntimeError: SqrtBackward0 returned nan in the gradient of its input 0. ...
    """

    def __init__(self, check_nan: bool = True) -> None:
        self._type = _node_type(True, check_nan)
        self._before: list[type[Node]] = []

    def __enter__(self) -> detect_anomaly:
        self._before.append(modes.recording_type)
        _record_as(self._type)
        return self

    def __exit__(self, *exc: object) -> None:
        _record_as(self._before.pop())


def _record_as(node_type: type[Node]) -> None:
    recording = is_grad_enabled()
    modes.recording_type = node_type
    set_recording(recording)


__all__ = ["detect_anomaly", "set_detect_anomaly"]
