"""`sample`: tokens drawn from a model's scores."""

from __future__ import annotations

import math
from typing import Any

from ..._tensor.creation import as_tensor
from ..._tensor.sampling import multinomial
from ..._tensor.tensor import Tensor
from ...autograd.modes import no_grad
from ...backend.random import Generator


@no_grad()
def sample(
    logits: Any, temperature: float = 1.0, top_k: int | None = None, generator: Generator | None = None
) -> Tensor:
    """Tokens drawn with the probabilities softmax(logits / temperature): logits (..., V) give int64 (...).

    Args:
        logits: scores of the V tokens; -inf is one that is never drawn.
        temperature: below 1 makes likely tokens likelier; 0 takes the one with the largest score.
        top_k: draw among the k tokens with the largest scores only; more than V is V.
        generator: draw from this one; by default from that of the device.

    Raises:
        ValueError: no scores, `temperature` below 0, `top_k` below 1, or a row of scores without a finite maximum.

    >>> import minigrad
    >>> logits = minigrad.tensor([[0.0, 1.0, 2.0], [5.0, 1.0, 0.0]])
    >>> sample(logits, temperature=0)
    tensor([2, 0])
    >>> sample(logits, top_k=1)
    tensor([2, 0])
    >>> sample(logits, generator=minigrad.Generator().manual_seed(0)).shape
    minigrad.Size([2])
    """
    scores = as_tensor(logits)
    if scores.ndim < 1 or not scores.shape[-1] or not scores.dtype.is_floating_point:
        raise ValueError(
            f"sample takes scores (..., tokens) of floating point, got shape {tuple(scores.shape)} of {scores.dtype}"
        )
    if not 0 <= temperature < math.inf:
        raise ValueError(f"temperature must be a finite number of at least 0, got {temperature}")
    if top_k is not None and (isinstance(top_k, bool) or not hasattr(top_k, "__index__") or top_k < 1):
        raise ValueError(f"top_k must be a whole number of at least 1, or None for all tokens, got {top_k!r}")
    highest = scores.max(dim=-1, keepdim=True).values
    if not bool(highest.isfinite().all()):
        raise ValueError("the scores of a row hold nan or inf, or are all -inf: has the training come to nothing?")
    if temperature == 0:
        return scores.argmax(dim=-1)
    best = None
    if top_k is not None and top_k < scores.shape[-1]:
        scores, best = scores.topk(top_k, dim=-1)
    # the maximum is taken off before: a small temperature makes the others -inf, and never inf - inf;
    # in double precision, as one below 1e-45 is 0 in single
    weights = ((scores - highest).double() / temperature).exp()
    drawn = multinomial(weights.reshape(-1, weights.shape[-1]), 1, replacement=True, generator=generator)
    drawn = drawn.reshape(*scores.shape[:-1], 1)
    return (drawn if best is None else best.gather(-1, drawn)).squeeze(-1)
