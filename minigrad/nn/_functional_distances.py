"""Distances and similarities of vectors, and the losses made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..ops.arithmetic import sqrt
from ..ops.comparison import where_
from ..ops.extrema import clamp_min, minimum
from ..ops.losses import reduced
from ..ops.norms import vector_norm
from ..ops.reduction import sum
from ._functional_common import legacy_reduction

__all__ = [
    "cosine_embedding_loss", "cosine_similarity", "pairwise_distance", "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]  # fmt: skip


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """The cosine of the angle between `x1` and `x2` along `dim`; they broadcast. Norms count as at least `eps`.

    >>> import minigrad
    >>> cosine_similarity(minigrad.tensor([3.0, 4.0]), minigrad.tensor([1.0, 0.0]), dim=0)
    tensor(0.6000)
    """
    first, second = (x / clamp_min(vector_norm(x, 2, dim, keepdim=True), eps) for x in _joined(x1, x2))
    return sum(first * second, dim)


def _joined(x1: Any, x2: Any) -> tuple[Any, Any]:
    """Both with the same number of dimensions, so that `dim` means the same in both."""
    n = max(x1.ndim, x2.ndim)
    return tuple(x[(None,) * (n - x.ndim)] if x.ndim < n else x for x in (x1, x2))  # type: ignore[return-value]


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Any:
    """The norm of order `p` of x1 - x2 + eps along the last dimension.

    >>> import minigrad
    >>> pairwise_distance(minigrad.tensor([[3.0, 4.0]]), minigrad.zeros(1, 2))
    tensor([5.0000])
    """
    return vector_norm(x1 - x2 + eps, p, -1, keepdim=keepdim)


def cosine_embedding_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """1 - cos(input1, input2) where the target is 1, max(cos - margin, 0) where it is -1, reduced.

    Inputs of shape (N, D) with a target of (N,), or (D,) with a single number.
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if target.ndim > 1:
        raise RuntimeError(f"cosine_embedding_loss() takes a target of 0 or 1 dimensions, got {target.ndim}")
    if input1.ndim != target.ndim + 1 or input2.ndim != target.ndim + 1:
        raise RuntimeError(
            f"cosine_embedding_loss() with a {target.ndim}-D target takes inputs of {target.ndim + 1} dimensions, got "
            f"shapes {tuple(input1.shape)} and {tuple(input2.shape)}"
        )
    tiny = 1e-12  # PyTorch's
    products, squares1, squares2 = (sum(a * b, -1) for a, b in ((input1, input2), (input1, input1), (input2, input2)))
    cosine = products / sqrt((squares1 + tiny) * (squares2 + tiny))
    losses = where_(target == 1, 1 - cosine, where_(target == -1, clamp_min(cosine - margin, 0), 0))
    return reduced(losses, reduction)


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """max(d(anchor, positive) - d(anchor, negative) + margin, 0) with `pairwise_distance` of order `p`, reduced.

    With `swap` the smaller of d(anchor, negative) and d(positive, negative) is taken. [Balntas et al. 2016, BMVC]
    """
    return triplet_margin_with_distance_loss(
        anchor,
        positive,
        negative,
        distance_function=lambda a, b: pairwise_distance(a, b, p, eps),
        margin=margin,
        swap=swap,
        reduction=legacy_reduction(size_average, reduce, reduction),
    )


def triplet_margin_with_distance_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    distance_function: Callable[[Any, Any], Any] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    """`triplet_margin_loss` with any distance: a function of two tensors (`pairwise_distance`, if None)."""
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "anchor, positive and negative must have the same number of dimensions, got "
            f"{anchor.ndim}, {positive.ndim} and {negative.ndim}"
        )
    distance = pairwise_distance if distance_function is None else distance_function
    to_negative = distance(anchor, negative)
    if swap:
        to_negative = minimum(to_negative, distance(positive, negative))
    return reduced(clamp_min(distance(anchor, positive) - to_negative + margin, 0), reduction)
