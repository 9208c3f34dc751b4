"""Truncated backpropagation through time: `tbptt` cuts long sequences into windows and carries the state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .._tensor.creation import as_tensor
from .._tensor.tensor import Tensor
from ..backend.library import is_array
from ..ops.joining import cat


def tbptt(*data: Any, steps: int, state: Any = None, batch_first: bool = False, drop_last: bool = False) -> Windows:
    """Windows of `steps` time steps, one after the other, with the recurrent state carried between them.

        windows = tbptt(x, y, steps=35)
        for x_window, y_window in windows:
            output, state = lstm(x_window, windows.state)
            loss_of(output, y_window).backward()
            optimizer.step()
            optimizer.zero_grad()
            windows.state = state

    A state that is handed back is detached: gradients flow through one window and no further, so memory does not grow
    with the number of windows. A window that was not started from the state before it, or whose state was not handed
    back, is an error. Each pass over the windows begins with `state`, and `windows.state = None` begins anew within
    one. With `minigrad.jit`, the state is an argument and a result of the step:

        loss, windows.state = step(x_window, y_window, windows.state)

    This is BPTT(h; h') of Williams and Peng [1990, "An efficient gradient-based algorithm for on-line training of
    recurrent network trajectories"] with h = h' = `steps`.

    Args:
        data: tensors or arrays (T, B, ...), or (B, T, ...) with `batch_first`; windows are views of them. Or, where T
            is not known or too much for memory, one iterable of such pieces (a generator, a loader), each a tensor or
            a tuple of tensors; pieces of any lengths, which need not be multiples of `steps`.
        steps: the time steps of a window.
        state: what the first window starts from: tensors in tuples, lists and dicts, or None (zeros, in a layer). It
            is detached, too: a first state that is learned belongs into the model, to be used for None.
        batch_first: time is the second dimension.
        drop_last: leave out a last window that is shorter than the others.

    Raises:
        TypeError: data that are neither tensors nor an iterable of them.
        ValueError: `steps` below 1, sequences of different lengths, or none long enough for one window.

    >>> import minigrad
    >>> from minigrad import nn
    >>> x, decay = minigrad.ones(5, 1), minigrad.tensor(0.5, requires_grad=True)
    >>> windows = tbptt(x, steps=2, state=minigrad.zeros(1))
    >>> for window in windows:
    ...     h = windows.state
    ...     for x_t in window:
    ...         h = decay * h + x_t
    ...     windows.state = h
    >>> len(windows), windows.state
    (3, tensor([1.9375]))
    """
    return Windows(data, steps, state, batch_first, drop_last)


class Windows:
    """What `tbptt` gives: an iterable of windows, with the `state` that leads from one to the next.

    A window is a tuple, like the data; of a single tensor, the tensor alone. `len()` is the number of windows, where
    the number of time steps is known.
    """

    def __init__(self, data: tuple[Any, ...], steps: int, state: Any, batch_first: bool, drop_last: bool) -> None:
        if isinstance(steps, bool) or not hasattr(steps, "__index__"):
            raise TypeError(f"tbptt: steps is the number of time steps of a window, an integer; got {steps!r}")
        if steps < 1:
            raise ValueError(f"tbptt: a window has at least 1 time step, got steps={steps}")
        self.steps, self.drop_last = int(steps), drop_last
        self._dim = 1 if batch_first else 0
        self._initial = self._state = _detached(state)
        self._begun: object = None  # the pass that the state belongs to
        self._running = False
        self._used = self._returned = True  # whether the state of the current window was read, and handed back
        self._pieces: Any = None
        if data and all(isinstance(x, Tensor) or is_array(x) for x in data):
            self._whole = self._checked(data[0] if len(data) == 1 else data, "the data")
            if not self._count(self._whole):
                length = self._length(self._whole)
                advice = ": take fewer steps, or keep the last window (drop_last=False)" if length else ""
                raise ValueError(f"tbptt: {length} time steps make no window of {steps}{advice}")
        elif len(data) == 1 and isinstance(data[0], Iterable) and not isinstance(data[0], str | bytes | dict | tuple):
            self._whole, self._pieces = None, data[0]
        else:
            kinds = ", ".join(type(x).__name__ for x in data) or "nothing"
            raise TypeError(
                "tbptt takes tensors, each as an argument of its own as in tbptt(x, y, steps=...), or one iterable of "
                f"pieces (tensors or tuples of them); got {kinds}"
            )

    @property
    def state(self) -> Any:
        """What this window starts from; assign what it ends with."""
        self._used = True
        return self._state

    @state.setter
    def state(self, state: Any) -> None:
        if not self._running:
            raise RuntimeError("tbptt: there is no window to hand a state back from; a pass begins with tbptt(state=)")
        self._state = _detached(state)
        self._returned = True

    def __len__(self) -> int:
        if self._whole is None:
            raise TypeError("tbptt: the number of windows is not known before the pieces have come")
        return self._count(self._whole)

    def __iter__(self) -> Iterator[Any]:
        if self._pieces is not None and self._begun is not None and iter(self._pieces) is self._pieces:
            raise RuntimeError(
                "tbptt: the pieces come from an iterator, which gives them once: for another pass, make another tbptt, "
                "or give a list, a loader or an object whose __iter__ begins anew"
            )
        begun = self._begun = object()
        self._state, self._running = self._initial, True
        number = -1
        for number, window in enumerate(self._cut() if self._whole is None else self._slices(self._whole)):
            self._used, self._returned = self._state is None, False
            yield window
            self._check(begun, number)
        self._running = False
        if number < 0:
            raise ValueError(f"tbptt: the pieces had too few time steps for one window of {self.steps}")

    def __repr__(self) -> str:
        return f"<tbptt: windows of {self.steps} time steps>"

    def _check(self, begun: object, number: int) -> None:
        """Before the next window: has this one done its duties?"""
        if self._begun is not begun:
            raise RuntimeError("tbptt: another pass has begun over these windows, which have one state: make a second")
        if not self._returned:
            raise RuntimeError(
                f"tbptt: the state after window {number} was not handed back: end the loop's body with "
                "`windows.state = state` (None begins anew)"
            )
        if not self._used:
            raise RuntimeError(
                f"tbptt: window {number} was not started from the state before it: give `windows.state` to the model"
            )

    # -- cutting ----------------------------------------------------------------------------------------------------

    def _length(self, parts: Any) -> int:
        return (parts[0] if isinstance(parts, tuple) else parts).shape[self._dim]

    def _count(self, parts: Any) -> int:
        return self._length(parts) // self.steps if self.drop_last else -(-self._length(parts) // self.steps)

    def _slices(self, parts: Any) -> Iterator[Any]:
        for k in range(self._count(parts)):
            yield self._between(parts, k * self.steps, (k + 1) * self.steps)

    def _between(self, parts: Any, start: int, stop: int | None) -> Any:
        key = (slice(None),) * self._dim + (slice(start, stop),)
        return tuple(x[key] for x in parts) if isinstance(parts, tuple) else parts[key]

    def _cut(self) -> Iterator[Any]:
        """Windows from pieces. Holds a piece and the one before, of which the window that the caller has is a view."""
        waiting: list[Any] = []
        length, first = 0, None
        for number, piece in enumerate(self._pieces):
            piece = self._checked(piece, f"piece {number}")
            shapes = self._other_sizes(piece)
            first = first or shapes
            if shapes != first:
                raise ValueError(
                    f"tbptt: piece {number} is {shapes}, those before it are {first} (-1 is time): pieces may differ "
                    "in the number of time steps only"
                )
            waiting.append(piece)
            length += self._length(piece)
            if length >= self.steps:
                joined = self._joined(waiting)
                whole = length - length % self.steps
                waiting, length = ([self._between(joined, whole, None)], length - whole) if whole < length else ([], 0)
                for start in range(0, whole, self.steps):
                    yield self._between(joined, start, start + self.steps)
        if length and not self.drop_last:
            yield self._joined(waiting)

    def _joined(self, pieces: list[Any]) -> Any:
        if len(pieces) == 1:
            return pieces[0]
        if isinstance(pieces[0], tuple):
            return tuple(cat(list(parts), self._dim) for parts in zip(*pieces))
        return cat(pieces, self._dim)

    def _other_sizes(self, parts: Any) -> list[tuple[int, ...]]:
        shapes = [tuple(x.shape) for x in (parts if isinstance(parts, tuple) else (parts,))]
        return [(*shape[: self._dim], -1, *shape[self._dim + 1 :]) for shape in shapes]

    def _checked(self, given: Any, what: str) -> Any:
        """The tensors of the data, or of a piece, once they fit each other: a tensor, or a tuple."""
        parts = given if isinstance(given, list | tuple) else (given,)
        if not parts or not all(isinstance(x, Tensor) or is_array(x) for x in parts):
            kinds = ", ".join(type(x).__name__ for x in parts) or "nothing"
            raise TypeError(f"tbptt: {what} must be a tensor, or a tuple of tensors; got {kinds}")
        layout = "(B, T, ...)" if self._dim else "(T, B, ...)"
        shapes = ", ".join(str(tuple(x.shape)) for x in parts)
        if any(x.ndim <= self._dim for x in parts):
            raise ValueError(f"tbptt: {what} must be {layout}, with batch_first={bool(self._dim)}; got {shapes}")
        if len({tuple(x.shape[: self._dim + 1]) for x in parts}) > 1:
            alike = "numbers of sequences and time steps" if self._dim else "number of time steps"
            raise ValueError(
                f"tbptt: {what} must agree in the {alike}: {layout}, with batch_first={bool(self._dim)}; got {shapes}"
            )
        tensors = tuple(x if isinstance(x, Tensor) else as_tensor(x) for x in parts)
        return tensors if isinstance(given, list | tuple) else tensors[0]


def _detached(state: Any) -> Any:
    """The same state, without the graph that made it."""
    if isinstance(state, Tensor):
        return state.detach()
    if state is None:
        return None
    if isinstance(state, tuple):
        parts = [_detached(part) for part in state]
        return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)
    if isinstance(state, list):
        return [_detached(part) for part in state]
    if isinstance(state, dict):
        return {key: _detached(part) for key, part in state.items()}
    raise TypeError(f"tbptt: a state is made of tensors, in tuples, lists and dicts; got {type(state).__name__}")
