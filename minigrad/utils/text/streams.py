"""`streams`: a long text as several that are read side by side."""

from __future__ import annotations

from typing import Any

from ..._tensor.creation import as_tensor
from ..._tensor.tensor import Tensor


def streams(tokens: Any, batch_size: int) -> Tensor:
    """A long sequence (N, ...) cut into `batch_size` pieces that lie side by side: (N // batch_size, batch_size, ...).

    Column b is the b-th piece in its own order, so rows k*T to (k+1)*T continue each stream where the window before
    has left it: the recurrent state of one window is the first of the next (`minigrad.utils.tbptt` cuts such windows).
    What is left over at the end is dropped. For a model that predicts the next token, inputs and targets are
    `streams(tokens[:-1], B)` and `streams(tokens[1:], B)`.

    Raises:
        ValueError: there are fewer tokens than streams.

    >>> import minigrad
    >>> streams(minigrad.arange(7), 2)
    tensor([[0, 3],
            [1, 4],
            [2, 5]])
    """
    given = as_tensor(tokens)
    if isinstance(batch_size, bool) or not hasattr(batch_size, "__index__"):
        raise TypeError(f"batch_size is the number of streams, a whole number; got {batch_size!r}")
    count = batch_size.__index__()
    if count < 1:
        raise ValueError(f"there must be at least 1 stream, got batch_size={count}")
    if given.ndim < 1:
        raise ValueError("streams are cut from a sequence of tokens, got a single one")
    length = given.shape[0] // count
    if not length:
        raise ValueError(
            f"a text of {given.shape[0]} tokens cannot be cut into {count} streams: take a longer one, or a smaller "
            "batch_size"
        )
    return given[: length * count].reshape(count, length, *given.shape[1:]).transpose(0, 1).contiguous()
