"""``cupyx.scipy.special``, by mathematics rather than by SciPy, which tests need not have.

Right to about 1e-13; slow where it loops over ``math``. Types are CuPy's, from the list: ``erf`` of float16
is float64. What is not here raises NotImplementedError.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np

from .core import Storage, host, new, quiet
from .dispatch import require
from .names import known, members, words
from .namespace import provide
from .settings import counter
from .ufuncs import ufunc

_NORMAL = NormalDist()
# B_2k / (2k)!  for Euler-Maclaurin, and B_2k / 2k for digamma's series.
_BERNOULLI = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510]


def _each(function: Callable[..., float]) -> Callable[..., np.ndarray]:
    """A function of Python floats, elementwise, in float64."""

    def apply(*arrays: np.ndarray) -> np.ndarray:
        broad = np.broadcast_arrays(*arrays)
        flat = [
            function(*values)
            for values in zip(*[b.astype(float).ravel().tolist() for b in broad], strict=True)
        ]
        return np.array(flat, float).reshape(broad[0].shape)

    return apply


def _gammaln(x: float) -> float:
    if math.isnan(x):
        return x
    return math.inf if math.isinf(x) or (x <= 0 and x == math.floor(x)) else math.lgamma(x)


def _gamma(x: float) -> float:
    if math.isnan(x) or x == -math.inf:
        return math.nan
    if x <= 0 and x == math.floor(x):
        return math.copysign(math.inf, x) if x == 0 else math.nan
    try:
        return math.gamma(x)
    except OverflowError:
        return math.inf


def _erfinv(y: float) -> float:
    """The normal quantile, polished by Newton's method on the side where no digits cancel."""
    if math.isnan(y) or abs(y) > 1:
        return math.nan
    if abs(y) == 1:
        return math.copysign(math.inf, y)
    if abs(y) < 0.5:
        x = _NORMAL.inv_cdf((y + 1) / 2) / math.sqrt(2) if abs(y) > 1e-8 else y * math.sqrt(math.pi) / 2
        for _ in range(2):
            x -= (math.erf(x) - y) * math.sqrt(math.pi) / 2 * math.exp(x * x)
        return x
    return math.copysign(_erfcinv(1 - abs(y)), y)


def _erfcinv(y: float) -> float:
    if math.isnan(y) or not 0 <= y <= 2:
        return math.nan
    if y in (0, 2):
        return math.inf if y == 0 else -math.inf
    if y > 0.5:
        return _erfinv(1 - y) if y < 1.5 else -_erfcinv(2 - y)
    x = -_NORMAL.inv_cdf(y / 2) / math.sqrt(2)
    for _ in range(2):
        slope = -2 / math.sqrt(math.pi) * math.exp(-x * x)
        x -= (math.erfc(x) - y) / slope if slope else 0
    return x


def _ndtr(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


def _log_ndtr(x: float) -> float:
    if x > -20 or math.isnan(x):
        return math.log(_ndtr(x)) if x < 5 else math.log1p(-_ndtr(-x))
    z = x * x  # the asymptotic series of Mills' ratio
    series = 1 - 1 / z + 3 / z**2 - 15 / z**3 + 105 / z**4
    return (
        -z / 2 - math.log(-x) - 0.5 * math.log(2 * math.pi) + math.log(series)
        if math.isfinite(x)
        else -math.inf
    )


def _digamma(x: float) -> float:
    if math.isnan(x) or x == -math.inf:
        return math.nan
    if x <= 0:
        return math.nan if x == math.floor(x) else _digamma(1 - x) - math.pi / math.tan(math.pi * x)
    shift = 0.0
    while x < 10:
        shift -= 1 / x
        x += 1
    series = sum(b / (2 * k) / x ** (2 * k) for k, b in enumerate(_BERNOULLI, 1))
    return shift + math.log(x) - 0.5 / x - series


def _zeta(s: float, a: float) -> float:
    """Hurwitz's zeta by Euler-Maclaurin summation (Abramowitz and Stegun 23.2)."""
    if s <= 1 or math.isnan(s + a):
        return math.inf if s == 1 else math.nan
    if a <= 0:
        return math.inf if a == math.floor(a) else math.nan
    n = 12
    total = sum((a + k) ** -s for k in range(n))
    x = a + n
    total += x ** (1 - s) / (s - 1) + 0.5 * x**-s
    term = s * x ** (-s - 1)
    for k, b in enumerate(_BERNOULLI, 1):
        total += b / math.factorial(2 * k) * term
        term *= (s + 2 * k - 1) * (s + 2 * k) / (x * x)
    return total


def _logit(x: np.ndarray) -> np.ndarray:
    return np.log(x) - np.log1p(-x)


def _expit(x: np.ndarray) -> np.ndarray:
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


def _times_log(log: Callable[[np.ndarray], np.ndarray]) -> Callable[..., np.ndarray]:
    return lambda x, y: np.where((x == 0) & ~np.isnan(y), 0, x * log(y))


def _entr(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, -x * np.log(x), np.where(x == 0, 0, -np.inf)) + 0 * x


def _rel_entr(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    inside = np.where((x == 0) & (y >= 0), 0, np.inf)
    return np.where(np.isnan(x + y), np.nan, np.where((x > 0) & (y > 0), x * np.log(x / y), inside))


def _kl_div(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    inside = np.where((x == 0) & (y >= 0), y, np.inf)
    return np.where(np.isnan(x + y), np.nan, np.where((x > 0) & (y > 0), x * np.log(x / y) - x + y, inside))


def _huber(delta: np.ndarray, r: np.ndarray) -> np.ndarray:
    inner = np.where(np.abs(r) <= delta, r * r / 2, delta * (np.abs(r) - delta / 2))
    return np.where(delta < 0, np.inf, inner)


IMPLEMENTATIONS: dict[str, Callable[..., Any]] = {
    "betaln": lambda a, b: _each(lambda p, q: _gammaln(p) + _gammaln(q) - _gammaln(p + q))(a, b),
    "cbrt": np.cbrt,
    "digamma": _each(_digamma),
    "entr": _entr,
    "erf": _each(math.erf),
    "erfc": _each(math.erfc),
    "erfcinv": _each(_erfcinv),
    "erfinv": _each(_erfinv),
    "exp10": lambda x: np.power(10.0, x),
    "exp2": np.exp2,
    "expit": _expit,
    "expm1": np.expm1,
    "exprel": lambda x: np.where(x == 0, 1, np.expm1(x) / np.where(x == 0, 1, x)),
    "gamma": _each(_gamma),
    "gammaln": _each(_gammaln),
    "huber": _huber,
    "i0": lambda x: np.i0(x.astype(float)),
    "i0e": lambda x: np.i0(x.astype(float)) * np.exp(-np.abs(x)),
    "kl_div": _kl_div,
    "log1p": np.log1p,
    "log_expit": lambda x: -np.logaddexp(0, -x),
    "log_ndtr": _each(_log_ndtr),
    "logit": _logit,
    "ndtr": _each(_ndtr),
    "ndtri": _each(lambda p: -math.sqrt(2) * _erfcinv(2 * p)),
    "pseudo_huber": lambda d, r: np.where(
        d < 0, np.inf, d * d * (np.sqrt(1 + (r / np.where(d == 0, 1, d)) ** 2) - 1)
    ),
    "psi": _each(_digamma),
    "rel_entr": _rel_entr,
    "sinc": np.sinc,
    "xlog1py": _times_log(np.log1p),
    "xlogy": _times_log(np.log),
    "zeta": _each(_zeta),
}


def polygamma(n: Any, x: Any) -> Any:
    """(-1)^(n+1) n! zeta(n + 1, x); digamma for n = 0."""
    orders, values = np.broadcast_arrays(host(n, []), host(x, []))
    if not any(isinstance(v, Storage) for v in (n, x)):
        counter.device("asarray")

    def one(order: float, value: float) -> float:
        if order == 0:
            return _digamma(value)
        return (-1) ** (int(order) + 1) * math.factorial(int(order)) * _zeta(order + 1, value)

    return new(_each(one)(orders, values))


def multigammaln(a: Any, d: int) -> Any:
    values = np.asarray(host(a, []), float)
    total = sum(_each(_gammaln)(values - j / 2) for j in range(d))
    return new(np.asarray(total + d * (d - 1) / 4 * math.log(math.pi)))


def logsumexp(
    a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False
) -> Any:
    require("logsumexp", a)
    if b is not None or return_sign:
        raise NotImplementedError("the stand-in's logsumexp has neither b nor return_sign")
    values = host(a, [])
    with quiet():
        top = np.max(values, axis=axis, keepdims=True)
        top = np.where(np.isfinite(top), top, 0)
        total = np.log(np.sum(np.exp(values - top), axis=axis, keepdims=True)) + top
    return new(np.asarray(total if keepdims else np.squeeze(total, axis)))


def softmax(x: Any, axis: Any = None) -> Any:
    require("softmax", x)
    return new(np.exp(log_softmax(x, axis)._array))


def log_softmax(x: Any, axis: Any = None) -> Any:
    require("log_softmax", x)
    return x - logsumexp(x, axis, keepdims=True)


def _made(name: str) -> ufunc:
    entry = known(f"cupyx.scipy.special.{name}")
    return ufunc(f"cupyx_scipy_special_{name}", entry, IMPLEMENTATIONS[name])


_PLACE = "cupyx.scipy.special"
provide(_PLACE, {name: _made(name) for name in members(_PLACE) if name in IMPLEMENTATIONS})
_HERE = words("polygamma multigammaln logsumexp softmax log_softmax")
provide(_PLACE, {name: globals()[name] for name in _HERE})
