"""What the files of `nn.functional` share: PyTorch's older arguments, and `inplace=True`."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from .._tensor.inplace import assign, check_writable
from ..autograd.node import TensorBase
from ..ops.losses import bad_reduction


def legacy_reduction(size_average: bool | None, reduce: bool | None, reduction: str = "mean") -> str:
    """`reduction`, or what the older arguments `size_average` and `reduce` say, with a warning.

    >>> legacy_reduction(None, None, "sum")
    'sum'
    """
    if size_average is None and reduce is None:
        return reduction
    chosen = "none" if reduce is not None and not reduce else "mean" if size_average in (None, True) else "sum"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction={chosen!r} instead.",
        UserWarning,
        stacklevel=3,
    )
    return chosen


def check_reduction(reduction: str) -> None:
    """An error unless `reduction` is one that every loss knows."""
    if reduction != "mean" and reduction not in ("sum", "none"):
        raise bad_reduction(reduction)


def applied(function: Callable[..., Any], inplace: bool, input: Any, *args: Any) -> Any:
    """function(input, *args), written into `input` if `inplace`."""
    if not inplace:
        return function(input, *args)
    name = f"{function.__name__}_"
    if isinstance(input, TensorBase):
        check_writable(input, name)
        return assign(input, function(input, *args), name)
    input[...] = function(input, *args)
    return input
