"""Whether operations are recorded: `no_grad`, `enable_grad`, `set_grad_enabled`, `inference_mode`.

The state belongs to the thread. It holds the class of the nodes to be made, or None where nothing is recorded:
a mode that wants more of each node (anomaly detection) puts its own class there, and the calls themselves need
no branch for it.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from .node import Node

F = TypeVar("F", bound=Callable[..., Any])


class _Modes(threading.local):
    node_type: type[Node] | None = Node  # what a recorded operation becomes; None: record nothing
    recording_type: type[Node] = Node  # what it becomes when recording is switched on again
    inference = False


modes = _Modes()


def is_grad_enabled() -> bool:
    """True where operations are being recorded for `backward`."""
    return modes.node_type is not None


def is_inference_mode_enabled() -> bool:
    """True inside `inference_mode()`."""
    return modes.inference


def recorded_type(node_type: type[Node]) -> type[Node]:
    """A special kind of node (a custom Function's), with what the present mode adds to every node."""
    return node_type if modes.recording_type is Node else _combined(modes.recording_type, node_type)  # type: ignore[arg-type]


@functools.cache
def _combined(mode_type: type[Node], node_type: type[Node]) -> type[Node]:
    return type(node_type.__name__, (mode_type, node_type), {})


def set_recording(enabled: bool) -> None:
    """Switch recording on or off in this thread."""
    modes.node_type = modes.recording_type if enabled else None


class _GradMode:
    """Base of the grad modes: a context manager, and a decorator for functions and generators."""

    def __init__(self, enabled: bool) -> None:
        self._enabled = enabled
        self._outer: list[bool] = []

    def __enter__(self) -> _GradMode:
        self._outer.append(is_grad_enabled())
        set_recording(self._enabled)
        return self

    def __exit__(self, *exc: object) -> None:
        set_recording(self._outer.pop())

    def clone(self) -> _GradMode:
        """A fresh context manager of the same kind (a decorated function may call itself)."""
        return type(self)()  # type: ignore[call-arg]

    def __call__(self, function: F) -> F:
        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def generate(*args: Any, **kwargs: Any) -> Any:
                # the mode holds while the generator runs, not while its caller does
                running = function(*args, **kwargs)
                resume: Callable[..., Any] = running.send
                reply: Any = None
                try:
                    while True:
                        with self.clone():
                            try:
                                value = resume(reply)
                            except StopIteration as stop:
                                return stop.value
                        try:
                            reply, resume = (yield value), running.send
                        except GeneratorExit:
                            raise
                        except BaseException as error:
                            reply, resume = error, running.throw
                finally:
                    with self.clone():
                        running.close()

            return generate  # type: ignore[return-value]

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                return function(*args, **kwargs)

        return run  # type: ignore[return-value]


class _Switch(_GradMode):
    """A mode that decorates with or without parentheses: `@no_grad()` and `@no_grad`."""

    enabled: bool

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        mode = super().__new__(cls)
        if function is None:
            return mode
        cls.__init__(mode)
        return mode(function)

    def __init__(self) -> None:
        super().__init__(self.enabled)


class no_grad(_Switch):
    """Record nothing inside: results require no gradient. Also a decorator, with or without parentheses.

    >>> import minigrad
    >>> w = minigrad.ones(2, requires_grad=True)
    >>> with minigrad.no_grad():
    ...     (w * 2).requires_grad
    False
    """

    enabled = False


class enable_grad(_Switch):
    """Record again inside, also within `no_grad`."""

    enabled = True


class set_grad_enabled(_GradMode):
    """Switch recording on or off: at once as a call, or for a block as a context manager."""

    def __init__(self, mode: bool) -> None:
        super().__init__(bool(mode))
        self._before: bool | None = is_grad_enabled()
        set_recording(self._enabled)

    def __enter__(self) -> set_grad_enabled:
        self._outer.append(is_grad_enabled() if self._before is None else self._before)
        self._before = None
        set_recording(self._enabled)
        return self

    def __call__(self, function: F) -> F:
        if self._before is not None:  # used as a decorator: the call that made it must have no effect
            set_recording(self._before)
            self._before = None
        return super().__call__(function)

    def clone(self) -> _GradMode:
        fresh = set_grad_enabled.__new__(set_grad_enabled)
        _GradMode.__init__(fresh, self._enabled)
        fresh._before = None
        return fresh


class inference_mode(_GradMode):
    """Like `no_grad`. Departs from PyTorch: tensors made inside are ordinary tensors afterwards."""

    def __new__(cls, mode: Any = True) -> Any:
        made = super().__new__(cls)
        if not callable(mode):
            return made
        cls.__init__(made)
        return made(mode)

    def __init__(self, mode: bool = True) -> None:
        super().__init__(not mode)
        self._on = mode
        self._were: list[bool] = []

    def clone(self) -> _GradMode:
        return inference_mode(self._on)

    def __enter__(self) -> inference_mode:
        self._outer.append(is_grad_enabled())
        self._were.append(modes.inference)
        modes.inference = self._on
        if self._on:
            set_recording(False)
        return self

    def __exit__(self, *exc: object) -> None:
        modes.inference = self._were.pop()
        set_recording(self._outer.pop())
