"""Attention: each query takes the mean of all values, weighted by how well their keys fit it."""

from __future__ import annotations

import math
from typing import Any

from ..autograd.core_ops import cast
from ..autograd.node import TensorBase
from ..autograd.operands import array_of
from ..backend.dtypes import public_dtype
from ..backend.library import is_array, library
from ..ops.comparison import logical_not, logical_or
from ..ops.dims import broadcast_shapes
from ..ops.dropout import dropout
from ..ops.masking import masked_fill
from ..ops.products import matmul, matmul_nt
from ..ops.reduction import all_, any_
from ..ops.repeating import repeat_interleave
from ..ops.softmax import softmax

__all__ = ["scaled_dot_product_attention"]


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """softmax(query @ key.mT * scale + mask) @ value.   [Vaswani et al. 2017, arXiv 1706.03762, equation 1]

    Args:
        query: (..., L, E). Dimensions in front are a batch (and heads), and broadcast.
        key: (..., S, E).
        value: (..., S, V). The identity of size S gives the weights themselves.
        attn_mask: broadcasts to (..., L, S). Bool: True where a query may look. Floating point: added to the scores.
            A query that may look nowhere gets 0, and gives no gradient.
        dropout_p: weights that are 0 at random; in evaluation too, so give 0 there.
        is_causal: query i looks at the keys 0 to i only; no `attn_mask` beside it.
        scale: 1 / √E if None.
        enable_gqa: `query` has a multiple of the heads (dimension -3) of `key` and `value`; neighbours share one.

    Returns:
        shape (..., L, V), in the dtype of the query.

    Raises:
        TypeError: what is no tensor.
        RuntimeError: shapes or dtypes that do not fit, or a mask beside `is_causal`.
        ValueError: `dropout_p` is not between 0 and 1 (PyTorch takes a negative one for 0).

    >>> import minigrad
    >>> keys = minigrad.tensor([[9.0, 0.0], [0.0, 9.0], [9.0, 0.0]])
    >>> scaled_dot_product_attention(minigrad.tensor([[9.0, 0.0]]), keys, minigrad.tensor([[1.0], [2.0], [3.0]]))
    tensor([[2.]])
    """
    _check(query, key, value, attn_mask, heads=enable_gqa)
    if enable_gqa:
        key, value = (_for_all_heads(x, query, name) for x, name in ((key, "key"), (value, "value")))
    dtype = array_of(query).dtype
    half = dtype.itemsize == 2  # computed in float32, as in PyTorch
    if half:
        query, key, value = (cast(x, dtype="float32") for x in (query, key, value))
    if scale is None:
        scale = 1 / math.sqrt(max(query.shape[-1], 1))
    scores = matmul_nt(query * scale, key)
    blind = None
    if is_causal:
        if attn_mask is not None:
            raise RuntimeError("scaled_dot_product_attention() takes attn_mask or is_causal=True, not both")
        past = library(array_of(scores)).tri(*scores.shape[-2:], dtype=bool)
        scores = masked_fill(scores, logical_not(past), -math.inf)
    elif attn_mask is not None:
        scores, blind = _masked(scores, attn_mask)
    result = matmul(dropout(softmax(scores, dim=-1), dropout_p), value)
    if blind is not None:
        result = masked_fill(result, blind, 0)
    return cast(result, dtype=dtype) if half else result


def _masked(scores: Any, mask: Any) -> tuple[Any, Any]:
    """The scores with their mask, and where a query may look nowhere: there they stay as they are, for no NaN."""
    shape, wanted = tuple(mask.shape), tuple(scores.shape)
    if len(shape) > len(wanted) or not all(n in (1, m) for n, m in zip(shape[::-1], wanted[::-1])):
        raise RuntimeError(
            f"scaled_dot_product_attention() takes an attn_mask that broadcasts to (..., L, S) = {wanted}, got {shape}"
        )
    array = array_of(mask)
    if array.dtype.kind == "b":
        blind = logical_not(any_(mask, dim=-1, keepdim=True))
        return masked_fill(scores, logical_not(logical_or(mask, blind)), -math.inf), blind
    if array.dtype.kind != "f":
        raise RuntimeError(
            f"scaled_dot_product_attention() takes a bool or floating point attn_mask, got {public_dtype(array.dtype)}"
        )
    blind = all_(mask == -math.inf, dim=-1, keepdim=True)
    return scores + cast(masked_fill(mask, blind, 0), dtype=array_of(scores).dtype), blind


def _for_all_heads(x: Any, query: Any, name: str) -> Any:
    """Keys or values with each head (dimension -3) repeated for the query's heads that share it."""
    if query.ndim < 3 or x.ndim < 3 or not x.shape[-3] or query.shape[-3] % x.shape[-3]:
        raise RuntimeError(
            f"scaled_dot_product_attention() with enable_gqa=True takes shapes (..., heads, length, size) and a query "
            f"whose heads are a multiple of the {name}'s, got {tuple(query.shape)} and {tuple(x.shape)}"
        )
    return repeat_interleave(x, query.shape[-3] // x.shape[-3], -3)


def _check(query: Any, key: Any, value: Any, mask: Any, heads: bool) -> None:
    """Errors that name all three: the products' own would not say which is which. `heads` are looked at later."""
    given = {"query": query, "key": key, "value": value, **({} if mask is None else {"attn_mask": mask})}
    for name, x in given.items():
        if not (isinstance(x, TensorBase) or is_array(x)):
            raise TypeError(f"scaled_dot_product_attention() takes a tensor as {name}, got {type(x).__name__}")
    shapes = [tuple(x.shape) for x in (query, key, value)]
    fit = min(map(len, shapes)) >= 2 and shapes[0][-1] == shapes[1][-1] and shapes[1][-2] == shapes[2][-2]
    try:
        broadcast_shapes(*(shape[: -3 if heads else -2] for shape in shapes))
    except RuntimeError:
        fit = False
    if not fit:
        raise RuntimeError(
            "scaled_dot_product_attention() takes a query of shape (..., L, E), a key of (..., S, E) and a value of "
            f"(..., S, V), whose other dimensions broadcast, got {shapes[0]}, {shapes[1]} and {shapes[2]}"
        )
    dtypes = [array_of(x).dtype for x in (query, key, value)]
    if len(set(dtypes)) > 1 or dtypes[0].kind != "f":
        names = ", ".join(str(public_dtype(d)) for d in dtypes)
        raise RuntimeError(
            f"scaled_dot_product_attention() takes query, key and value of one floating point dtype, got {names}"
        )
