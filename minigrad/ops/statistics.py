"""Statistics over several variables, and integrals over samples: `cov`, `corrcoef`, `trapezoid`."""

from __future__ import annotations

from typing import Any

from ..autograd.public import public
from .arithmetic import mul, sqrt, sub_
from .division import div_
from .extrema import clamp
from .parts import diagonal, narrow
from .products import matmul_nt
from .reduction import mean, sum
from .scan import cumsum, diff
from .shape import reshape_, unsqueeze


@public
def cov(input: Any, *, correction: Any = 1) -> Any:
    """The covariances of variables (rows) over observations (columns): a matrix, or for one row its variance.

    The sums of products are divided by the number of observations less `correction` (1, Bessel's).

    >>> import minigrad
    >>> minigrad.cov(minigrad.tensor([[0.0, 2.0], [4.0, 0.0]]))
    tensor([[ 2., -4.],
            [-4.,  8.]])
    """
    if input.ndim > 2:
        raise RuntimeError(f"cov() takes at most two dimensions, got {input.ndim}")
    x = input if input.ndim == 2 else reshape_(input, shape=(1, -1))
    away = sub_(x, mean(x, 1, True))
    result = div_(matmul_nt(away, away), max(x.shape[1] - correction, 0))
    return result if input.ndim == 2 else reshape_(result, shape=())


@public
def corrcoef(input: Any) -> Any:
    """Pearson's correlation coefficients of variables (rows) over observations (columns), within -1 and 1."""
    c = cov(input)
    if not c.ndim:
        return div_(c, c)
    spread = sqrt(diagonal(c))
    return clamp(div_(div_(c, unsqueeze(spread, 1)), spread), -1, 1)


def _strips(y, x, dx, dim):
    """The areas between neighbouring samples."""
    n = y.shape[dim]
    both = narrow(y, dim, 1, n - 1) + narrow(y, dim, 0, n - 1)
    if x is None:
        return mul(both, (1 if dx is None else dx) / 2)
    if x.ndim == 1:
        x = reshape_(x, shape=tuple(n if k == dim % y.ndim else 1 for k in range(y.ndim)))
    return mul(mul(both, diff(x, dim=dim)), 0.5)


@public
def trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The integral along `dim` by the trapezoidal rule, for samples at `x`, or `dx` (1) apart.

    >>> import minigrad
    >>> minigrad.trapezoid(minigrad.tensor([1.0, 2.0, 3.0]))
    tensor(4.)
    """
    return sum(_strips(y, x, dx, dim), dim)


@public
def trapz(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """`trapezoid` under its older name."""
    return trapezoid(y, x, dx=dx, dim=dim)


@public
def cumulative_trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The integrals up to each sample but the first, along `dim`."""
    return cumsum(_strips(y, x, dx, dim), dim)


__all__ = ["corrcoef", "cov", "cumulative_trapezoid", "trapezoid", "trapz"]
