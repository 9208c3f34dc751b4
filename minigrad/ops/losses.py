"""Losses that are one operation each: cross entropy and negative log likelihood of classes, squared error, Huber,
binary cross entropy.

Here are the formulas and their gradients, on arguments that have been checked; `minigrad.nn.functional` has the
functions with PyTorch's signatures. Class losses take rows: an input of shape (n, classes), a target of shape (n,).
"""

from __future__ import annotations

import math
from typing import Any

from ..autograd.primitive import primitive
from ..backend.door import whole
from .comparison import where_
from .dims import broadcast_shapes
from .elementwise import log, log1p, sigmoid
from .extrema import clamp
from .reduction import mean_, sum_
from .shape import reshape_
from .softmax import softmax_input

__all__: list[str] = []  # nothing for users: see nn/functional.py

# --- reductions ----------------------------------------------------------------------------------------------


def reduced(losses: Any, reduction: str) -> Any:
    """The mean or the sum of `losses`, or all of them ("none")."""
    if reduction == "mean":
        return mean_(losses, dim=None, keepdim=False)
    if reduction == "sum":
        return sum_(losses, dim=None, keepdim=False)
    if reduction == "none":
        return losses
    raise bad_reduction(reduction)


def bad_reduction(reduction: Any) -> ValueError:
    return ValueError(f"{reduction} is not a valid value for reduction: it is 'mean', 'sum' or 'none'")


def share(reduction: str, *shapes: tuple[int, ...]) -> float:
    """What one element of an elementwise loss on arrays of `shapes` counts in the reduced loss."""
    if reduction != "mean":
        return 1
    first, *others = shapes
    return 1 / (math.prod(first if all(s == first for s in others) else broadcast_shapes(*shapes)) or 1)


# --- classes -------------------------------------------------------------------------------------------------


def _reduced_rows(xp: Any, losses: Any, factor: Any, reduction: str) -> Any:
    """Losses of rows, each times its factor, reduced; the mean is that weighted with the factors."""
    if factor is not None:
        losses = xp.where(factor == 0, factor, losses * factor)  # a row that is ignored may hold inf or nan
    if reduction == "mean":
        total = xp.add.reduce(losses)
        return xp.asarray(total / losses.size if factor is None and losses.size else total / _total(xp, losses, factor))
    if reduction == "sum":
        return xp.asarray(xp.add.reduce(losses))
    if reduction == "none":
        return losses
    raise bad_reduction(reduction)


def _total(xp: Any, losses: Any, factor: Any) -> Any:
    """What a weighted mean is divided by: an array, so that 0 / 0 is nan."""
    return xp.zeros((), losses.dtype) if factor is None else xp.asarray(xp.add.reduce(factor))


def _per_row(g: Any, factor: Any, reduction: str) -> Any:
    """The gradient of each row's loss, or of all rows where it is the same, but for `_scale`."""
    if factor is None:
        return g
    return g * (factor / _positive_sum(factor) if reduction == "mean" else factor)


def _scale(factor: Any, reduction: str, rows: int) -> float:
    """What a row's loss counts in the reduced one, where all count the same."""
    return 1 / (rows or 1) if factor is None and reduction == "mean" else 1


def _positive_sum(factor: Any) -> Any:
    """The sum, or 1 where it is 0: where every row is ignored there is no gradient, though the mean is nan."""
    total = sum_(factor, dim=None, keepdim=False)
    return where_(total == 0, 1, total)


def _picked(xp: Any, input: Any, target: Any) -> Any:
    """The element of each row that `target` names."""
    return whole(_pick, input, xp.arange(input.shape[0]), target)


def _pick(input: Any, rows: Any, target: Any) -> Any:
    try:
        return input[rows, target]
    except IndexError as error:
        bad = target[(target < 0) | (target >= input.shape[1])]
        raise IndexError(f"Target {int(bad[0])} is out of bounds: there are {input.shape[1]} classes") from error


@primitive(dtype="keep")
def pick_rows(xp, input, target):
    """The element of each row of `input` (n, classes) that `target` (n,) names."""
    return _picked(xp, input, target)


@primitive(dtype="keep")
def spread_rows(xp, input, target, *, shape, scale):
    """Zeros of `shape` (n, classes) with `scale` times `input` (n,) or () where `target` (n,) points."""
    out = xp.zeros(shape, input.dtype)
    out[xp.arange(shape[0]), target] = input * scale
    return out


pick_rows.vjp(input=lambda g, target, shape_of_input: spread_rows(g, target, shape=shape_of_input, scale=1))
spread_rows.vjp(input=lambda g, target, scale: pick_rows(g, target) * scale)


@primitive(dtype="keep")
def nll_loss(xp, input, target, factor=None, *, reduction):
    """-input[row, target[row]] times the row's factor."""
    if input.dtype.kind != "f":
        raise NotImplementedError(f"nll_loss() takes log-probabilities, got {input.dtype}")
    return _reduced_rows(xp, -_picked(xp, input, target), factor, reduction)


def _nll_input(g, target, factor, reduction, shape_of_input):
    rows, _ = shape_of_input
    scale = -_scale(factor, reduction, rows)
    return spread_rows(_per_row(g, factor, reduction), target, shape=shape_of_input, scale=scale)


nll_loss.vjp(input=_nll_input)


@primitive(dtype="keep", nondiff=(1,), watched=())
def cross_entropy(xp, input, target, factor=None, *, reduction):
    """-log(softmax(input))[row, target[row]] times the row's factor; and the softmax, which the gradient needs.

    15.1 us for 64 x 10 with `maximum.reduce` along the rows (NumPy walks short rows one by one), 13.1 with `argmax`
    and one more index; for 256 x 10 27 and 16 us, for 1024 x 1000 the same. The sum of a row is a product with ones:
    1.2 us instead of 2.2.
    """
    if input.dtype.kind != "f":
        raise NotImplementedError(f"cross_entropy() takes floating point logits, got {input.dtype}")
    rows, classes = input.shape
    if not input.size:
        return _reduced_rows(xp, _picked(xp, input, target), factor, reduction), input.copy()
    wide = input.astype("float32") if input.dtype.itemsize == 2 else input
    each = xp.arange(rows)
    exponentials = wide - wide[each, wide.argmax(1)].reshape(rows, 1)
    losses = -_picked(xp, exponentials, target)
    xp.exp(exponentials, exponentials)
    sums = exponentials.dot(xp.ones(classes, exponentials.dtype))
    exponentials *= (1 / sums).reshape(rows, 1)  # a third of the time of a division of all
    losses += xp.log(sums, sums)
    if wide is not input:
        losses, exponentials = losses.astype(input.dtype), exponentials.astype(input.dtype)
    return _reduced_rows(xp, losses, factor, reduction), exponentials


@primitive(dtype="keep")
def less_one_hot(xp, input, target, row):
    """`input` (n, classes) less 1 where `target` (n,) points, times `row`: a number, () or (n, 1).

    By places in the flat array 1.6 us for 64 rows, by pairs of row and column 3.5.
    """
    out = input * row
    if not out.flags.c_contiguous:
        out = out.copy()
    rows, classes = out.shape
    places = xp.arange(0, rows * classes, classes or 1) + target
    out.reshape(-1)[places] -= row.reshape(-1) if hasattr(row, "ndim") else row
    return out


less_one_hot.vjp(
    input=lambda g, row: g * row,
    row=lambda g, input, target: g * less_one_hot(input, target, 1),
)


def _cross_entropy_input(g, out, target, factor, reduction, shape_of_input):
    (g_loss, g_softmax), (_, softmax) = g, out
    rows, _ = shape_of_input
    grad = None
    if g_loss is not None:
        row = _per_row(g_loss, factor, reduction) * _scale(factor, reduction, rows)
        if factor is not None or reduction == "none":
            row = reshape_(row, shape=(rows, 1))
        grad = less_one_hot(softmax, target, row)
    if g_softmax is not None:  # reached through the gradient above, when that is differentiated
        through = softmax_input(g_softmax, softmax, dim=1)
        grad = through if grad is None else grad + through
    return grad


cross_entropy.vjp(input=_cross_entropy_input)

# --- elementwise ---------------------------------------------------------------------------------------------


def _require_float(name: str, *arrays: Any) -> None:
    for array in arrays:
        if array.dtype.kind != "f":
            raise NotImplementedError(f"{name}() takes floating point numbers, got {array.dtype}: convert them first")


@primitive
def mse_loss(xp, input, target, *, reduction):
    """(input - target)^2. The sum of squares is a product of the difference with itself."""
    away = input - target
    _require_float("mse_loss", away)
    if reduction == "none":
        return away * away
    if reduction != "mean" and reduction != "sum":
        raise bad_reduction(reduction)
    wide = away.astype("float32") if away.dtype.itemsize == 2 else away
    flat = wide.reshape(-1)
    total = flat.dot(flat)
    if reduction == "mean":
        total = total / (flat.size or xp.nan)
    return xp.asarray(total, dtype=away.dtype)


def _mse_input(g, input, target, reduction, shape_of_input, shape_of_target):
    return (input - target) * (g * (2 * share(reduction, shape_of_input, shape_of_target)))


mse_loss.vjp(
    input=_mse_input,
    target=lambda g, input, target, reduction, shape_of_input, shape_of_target: _mse_input(
        g, target, input, reduction, shape_of_target, shape_of_input
    ),
)


@primitive
def huber_loss(xp, input, *, delta):
    """input^2 / 2 where |input| < delta, delta (|input| - delta / 2) elsewhere."""
    _require_float("huber_loss", input)
    size = xp.absolute(input)
    return xp.where(size < delta, input * input * 0.5, (size - 0.5 * delta) * delta)


huber_loss.vjp(input=lambda g, input, delta: g * clamp(input, -delta, delta))

_LOWEST_LOG = -100.0  # PyTorch's bound, so that a probability of exactly 0 or 1 gives no infinite loss


@primitive(dtype="same")
def binary_cross_entropy(xp, input, target):
    """-(target log(input) + (1 - target) log(1 - input)), the logarithms no less than -100."""
    _require_float("binary_cross_entropy", input, target)
    for name, x in (("input", input), ("target", target)):
        if xp.__name__ == "numpy":  # on a GPU a look would mean to wait
            whole(_refuse_improbable, name, x)
    ones, zeros = xp.maximum(xp.log(input), _LOWEST_LOG), xp.maximum(xp.log1p(-input), _LOWEST_LOG)
    return (target - 1) * zeros - target * ones


def _refuse_improbable(name, x):
    if ((x < 0) | (x > 1)).any():
        raise RuntimeError(f"binary_cross_entropy(): all elements of {name} should be between 0 and 1")


binary_cross_entropy.vjp(
    input=lambda g, input, target: g * (input - target) / clamp(input * (1 - input), 1e-12),
    target=lambda g, input: g * (clamp(log1p(-input), _LOWEST_LOG) - clamp(log(input), _LOWEST_LOG)),
)


@primitive
def binary_cross_entropy_with_logits(xp, input, target):
    """`binary_cross_entropy(sigmoid(input), target)` as max(x, 0) - x t + log(1 + exp(-|x|)), exact for large |x|."""
    _require_float("binary_cross_entropy_with_logits", input, target)
    out = xp.maximum(input, 0) - input * target  # 0 where the logit is large and right, and then nothing is lost
    out += xp.log1p(xp.exp(-xp.absolute(input)))
    return out


binary_cross_entropy_with_logits.vjp(
    input=lambda g, input, target: g * (sigmoid(input) - target),
    target=lambda g, input: -(g * input),
)
