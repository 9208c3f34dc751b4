"""Special functions on raw arrays: erf, erfc, erfinv, lgamma, digamma, polygamma.

NumPy has none of them and SciPy is no requirement, so they are computed here; CuPy brings kernels of its own.
Every function takes the library `xp` and a floating array `x` of any shape, and returns a new array of the
same shape and dtype. Values at poles and outside a function's domain are inf and nan without a warning.

On NumPy float16 and float32 are computed in float64 and rounded once; `erf` alone, which GELU calls in every
training step, has a float32 path of its own. float64 results have relative errors of a few 1e-16; only near
the zeros of lgamma (x < 0), digamma and polygamma it is the absolute error that is small.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .door import whole

__all__ = ["digamma", "erf", "erfc", "erfinv", "lgamma", "polygamma"]

_BLOCK = 1 << 15  # elements worked on at a time: a few float32 blocks stay in a core's second-level cache

Array = Any
Kernel = Callable[..., Array]  # from a flat float64 array to a flat float64 array


def erf(xp: Any, x: Array) -> Array:
    """The error function 2/sqrt(pi) * integral of exp(-t^2) from 0 to x.

    float64: W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23 (1969);
    relative error below 4e-16. float32: see `_erf_float32`; relative error below 2.1e-7.

    >>> erf(np, np.array([0.0, 0.5, -np.inf])).round(14).tolist()
    [0.0, 0.52049987781305, -1.0]
    """
    if xp.__name__ == "cupy":
        return _on_cupy("erf", x)
    return whole(_in_float64, _erf, x) if x.dtype == np.float64 else whole(_erf_float32, x)


def erfc(xp: Any, x: Array) -> Array:
    """The complementary error function 1 - erf(x), accurate where it is tiny [Cody 1969, as `erf`].

    >>> [f"{value:.14g}" for value in erfc(np, np.array([0.0, 10.0]))]
    ['1', '2.0884875837625e-45']
    """
    return _on_cupy("erfc", x) if xp.__name__ == "cupy" else whole(_in_float64, _erfc, x)


def erfinv(xp: Any, x: Array) -> Array:
    """The inverse of `erf`: inf at 1, -inf at -1, nan outside [-1, 1].

    S. Winitzki's closed formula ("A handy approximation for the error function and its inverse", 2008; within
    0.2 %), then three steps of Halley's method (cubic) on erf(y) = x.

    >>> erfinv(np, np.array([0.0, 0.5, 1.0])).round(14).tolist()
    [0.0, 0.47693627620447, inf]
    """
    return _on_cupy("erfinv", x) if xp.__name__ == "cupy" else whole(_in_float64, _erfinv, x)


def lgamma(xp: Any, x: Array) -> Array:
    """log |Gamma(x)|; inf at zero, at the negative integers and at both infinities (CuPy: -inf at -inf).

    Stirling's formula from 3 on, a rational function on [1, 2], and between and below them the recurrence
    and the reflection formula (DLMF 5.11.1, 5.5.1, 5.5.3, https://dlmf.nist.gov/5).

    >>> lgamma(np, np.array([1.0, 2.0, 0.0])).tolist()
    [0.0, 0.0, inf]
    """
    return _on_cupy("gammaln", x) if xp.__name__ == "cupy" else whole(_in_float64, _lgamma, x)


def digamma(xp: Any, x: Array) -> Array:
    """The derivative of `lgamma`: -inf at 0, inf at -0.0, nan at the negative integers.

    >>> digamma(np, np.array([1.0])).round(12).tolist()
    [-0.577215664902]
    """
    if xp.__name__ == "cupy":
        return _on_cupy("digamma", x)
    return whole(_in_float64, _digamma, x)


def polygamma(xp: Any, n: int, x: Array) -> Array:
    """The n-th derivative of `digamma`, n >= 0; for n > 0 at 0, -1, -2, ... inf (odd n) or -inf (even n).

    The asymptotic series, after the recurrence has carried x far enough to the right and the reflection
    formula has turned negative x into positive (DLMF 5.11.2 and 5.15.5 to 5.15.8).

    >>> polygamma(np, 1, np.array([1.0])).round(12).tolist()
    [1.644934066848]
    """
    if n < 0 or n != int(n):
        raise ValueError(f"polygamma's order is {n!r}; it must be an integer, 0 or more")
    if n == 0:
        return digamma(xp, x)
    if xp.__name__ == "cupy":
        # cupyx's polygamma wants n as an array and computes the order 0 beside it each time
        return _on_cupy("zeta", x, n + 1.0) * ((-1) ** (n + 1) * math.factorial(n))
    return whole(_in_float64, _polygamma, x, n)


def _on_cupy(name: str, x: Array, *before: float) -> Array:
    return whole(_cupyx, name, x, *before)


def _cupyx(name: str, x: Array, *before: float) -> Array:
    """cupyx's ufunc `name` on (*before, x), in x's own dtype (float16 would come back as float64)."""
    from cupyx.scipy import special  # loads CUDA libraries: only once a CuPy array is there

    return getattr(special, name)(*before, x).astype(x.dtype, copy=False)


def _in_float64(kernel: Kernel, x: Array, *more: Any) -> Array:
    """`kernel(x, *more)` with x in float64, flat and block by block; the result in x's shape and dtype."""
    flat = x.reshape(-1)
    out = np.empty_like(flat)
    block = _BLOCK // 4  # twice the bytes per element, and more temporaries than `_erf_float32` has
    with np.errstate(all="ignore"):
        for start in range(0, flat.size, block):
            out[start : start + block] = kernel(flat[start : start + block].astype(np.float64, copy=False), *more)
    return out.reshape(x.shape)


def _horner(coefficients: Sequence[float], x: Array) -> Array:
    """The polynomial with these coefficients, constant term first."""
    result = x * coefficients[-1]
    for coefficient in coefficients[-2:0:-1]:
        result += coefficient
        result *= x
    result += coefficients[0]
    return result


# --- error function ---------------------------------------------------------------------------------------

# erf(x) = tanh(x + x * P(x^2)): minimax fit of atanh(erf(x)) / x in relative error of erf, then tuned on
# float32 rounding. The leading coefficient is positive, so that large x run into +-inf and tanh into +-1
# without clipping. 0-d arrays: as an operand of a ufunc half as dear as a Python or NumPy scalar.
_TANH_FIT = tuple(
    np.array(coefficient, dtype=np.float32)
    for coefficient in (
        1.3518608454887726e-07,
        -5.5385044106515124e-06,
        8.674189302837476e-05,
        -6.171706481836736e-04,
        -1.9488656835164875e-04,
        1.0277020931243896e-01,
        1.2837916612625122e-01,
    )
)


def _erf_float32(x: Array) -> Array:
    """erf in float32: 16 array passes, no branches; relative error below 2.1e-7 (tanh's own included).

    NumPy's float32 tanh is vectorised and the cheapest of its transcendental functions, hence the form
    erf(x) = tanh(x + x P(x^2)), fitted for minigrad.
    """
    flat = x.astype(np.float32, copy=False).reshape(-1)
    out = np.empty_like(flat)
    squares = np.empty(min(flat.size, _BLOCK), np.float32)
    with np.errstate(all="ignore"):
        for start in range(0, flat.size, _BLOCK):
            value, result = flat[start : start + _BLOCK], out[start : start + _BLOCK]
            square = np.square(value, out=squares[: value.size])
            np.multiply(square, _TANH_FIT[0], out=result)
            for coefficient in _TANH_FIT[1:-1]:
                result += coefficient
                result *= square
            result += _TANH_FIT[-1]
            result *= value
            result += value
            np.tanh(result, out=result)
    return out.reshape(x.shape).astype(x.dtype, copy=False)


# Cody's rational functions, constant term first: erf(x) / x in x^2 for |x| <= 0.46875; exp(x^2) erfc(x) up to
# 4; beyond 4 its distance from 1 / (x sqrt(pi)), in 1 / x^2.
_ERF_NEAR = (
    (3.20937758913846947e03, 3.77485237685302021e02, 1.13864154151050156e02, 3.16112374387056560e00,
     1.85777706184603153e-1),
    (2.84423683343917062e03, 1.28261652607737228e03, 2.44024637934444173e02, 2.36012909523441209e01, 1.0),
)  # fmt: skip
_ERFC_MIDDLE = (
    (1.23033935479799725e03, 2.05107837782607147e03, 1.71204761263407058e03, 8.81952221241769090e02,
     2.98635138197400131e02, 6.61191906371416295e01, 8.88314979438837594e00, 5.64188496988670089e-1,
     2.15311535474403846e-8),
    (1.23033935480374942e03, 3.43936767414372164e03, 4.36261909014324716e03, 3.29079923573345963e03,
     1.62138957456669019e03, 5.37181101862009858e02, 1.17693950891312499e02, 1.57449261107098347e01, 1.0),
)  # fmt: skip
_ERFC_FAR = (
    (6.58749161529837803e-4, 1.60837851487422766e-2, 1.25781726111229246e-1, 3.60344899949804439e-1,
     3.05326634961232344e-1, 1.63153871373020978e-2),
    (2.33520497626869185e-3, 6.05183413124413191e-2, 5.27905102951428412e-1, 1.87295284992346725e00,
     2.56852019228982242e00, 1.0),
)  # fmt: skip


def _rational(fit: tuple[Sequence[float], Sequence[float]], x: Array) -> Array:
    return _horner(fit[0], x) / _horner(fit[1], x)


def _erf_near(x: Array) -> Array:
    return x * _rational(_ERF_NEAR, x * x)


def _erfc_far(x: Array) -> Array:
    """exp(x^2) erfc(x) for x > 4."""
    inverse_square = 1.0 / (x * x)
    return (1.0 / math.sqrt(math.pi) - inverse_square * _rational(_ERFC_FAR, inverse_square)) / x


def _erfc_positive(x: Array) -> Array:
    """erfc(x) for x > 0.46875."""
    x = np.minimum(x, 30.0)  # erfc(30) is 0 in float64, and inf - inf is avoided below
    scaled = np.piecewise(x, [x <= 4.0], [lambda x: _rational(_ERFC_MIDDLE, x), _erfc_far])
    # Rounding x^2 would cost relative accuracy in exp(-x^2): the square of x in sixteenths is exact.
    coarse = np.floor(x * 16.0) / 16.0
    return np.exp(-coarse * coarse) * (np.exp(-(x - coarse) * (x + coarse)) * scaled)


def _erf(x: Array) -> Array:
    def outside(x: Array) -> Array:
        return np.copysign(1.0 - _erfc_positive(abs(x)), x)

    return np.piecewise(x, [abs(x) <= 0.46875], [_erf_near, outside])


def _erfc(x: Array) -> Array:
    pieces = [lambda x: 1.0 - _erf_near(x), lambda x: 2.0 - _erfc_positive(-x), _erfc_positive]
    return np.piecewise(x, [abs(x) <= 0.46875, x < -0.46875], pieces)


def _erfinv(x: Array) -> Array:
    target = abs(x)
    logarithm = np.log((1.0 - target) * (1.0 + target))
    half = 2.0 / (math.pi * 0.147) + logarithm / 2.0
    y = np.sqrt(np.sqrt(half * half - logarithm / 0.147) - half)
    for _ in range(3):
        # 1 - target is exact from 0.5 on, and erfc keeps there the digits that erf has lost
        error = np.where(target < 0.5, _erf(y) - target, (1.0 - target) - _erfc(y))
        newton = error * (0.5 * math.sqrt(math.pi)) * np.exp(y * y)
        y -= newton / (1.0 + y * newton)
    return np.copysign(np.where(target == 1.0, np.inf, y), x)


# --- gamma function ---------------------------------------------------------------------------------------

# lgamma(1 + t) / (t (t - 1)) on [0, 1]: rational interpolation at Chebyshev's nodes, relative error 6e-17
_LGAMMA_UNIT = (
    (0.5772156649015329, 1.4168440383340184, 1.2569047856753142, 0.4881110980386871, 0.07919319904725824,
     0.004057824721744918, 1.554153768442978e-05),
    (1.0, 2.8795050237247537, 3.1317117283303597, 1.6003385468097107, 0.38846683745227223,
     0.039679549499499006, 0.0011776347618515748),
)  # fmt: skip
# x (lgamma(x) - Stirling's leading terms) in 1 / x^2 for x >= 3, fitted in the same way, relative error 6e-18
_STIRLING = (
    (0.08333333333333333, 1.1903726063511328, 4.904304971158808, 6.687829824706401, 2.559024684988008,
     0.1336715278493533),
    (1.0, 14.317804609546917, 59.31939599803829, 82.1020539089042, 32.97225380732153, 2.2233018372897364),
)  # fmt: skip


def _lgamma_below_3(x: Array) -> Array:
    whole = np.floor(x)
    t = x - whole  # exact: near the zeros at 1 and 2 no digit is lost
    shift = np.where(whole == 0.0, -np.log(x), np.where(whole == 2.0, np.log(x - 1.0), 0.0))
    return t * (t - 1.0) * _rational(_LGAMMA_UNIT, t) + shift


def _lgamma_from_3(x: Array) -> Array:
    correction = _rational(_STIRLING, 1.0 / (x * x)) / x
    return (x - 0.5) * (np.log(x) - 1.0) + (0.5 * math.log(2.0 * math.pi) - 0.5 + correction)


def _lgamma(x: Array) -> Array:
    size = abs(x)
    positive = np.piecewise(size, [size < 3.0], [_lgamma_below_3, _lgamma_from_3])
    distance = abs(size - np.rint(size))  # to the nearest integer, where |sin(pi x)| is zero
    reflected = math.log(math.pi) - np.log(size) - np.log(np.sin(math.pi * distance)) - positive
    result = np.where(x < 0.0, np.where(distance == 0.0, np.inf, reflected), positive)
    return np.where(np.isinf(x), np.inf, result)


# Bernoulli's numbers B_2, B_4, ..., B_18
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798)


def _polygamma_positive(n: int, x: Array) -> Array:
    """(-1)^(n+1) psi_n(x) for x > 0; psi_n is the n-th derivative of digamma."""
    start = 10 + 2 * n  # from here on the series is accurate
    head = np.zeros_like(x)
    for _ in range(start):
        below = x < start
        head += np.where(below, math.factorial(n) / x ** (n + 1), 0.0)
        x = x + below
    inverse = 1.0 / x
    terms = [
        bernoulli * math.factorial(2 * k + n - 1) / math.factorial(2 * k)
        for k, bernoulli in enumerate(_BERNOULLI, start=1)
    ]
    series = inverse * inverse * _horner(terms, inverse * inverse) + math.factorial(n) / 2.0 * inverse
    if n == 0:
        return head + (series - np.log(x))
    return head + inverse**n * (series + math.factorial(n - 1))


def _cotangent_derivative(n: int) -> list[int]:
    """Coefficients, in powers of cot(x), of the n-th derivative of cot(x), constant term first."""
    coefficients = [0, 1]
    for _ in range(n):
        slope = [k * c for k, c in enumerate(coefficients)][1:]  # by the chain rule times -(1 + cot^2)
        coefficients = [-(a + b) for a, b in zip([*slope, 0, 0], [0, 0, *slope], strict=True)]
    return coefficients


def _digamma(x: Array) -> Array:
    return _polygamma(x, 0)


def _polygamma(x: Array, n: int) -> Array:
    sign = (-1) ** (n + 1)
    positive = sign * _polygamma_positive(n, np.where(x < 0.0, 1.0 - x, x))
    offset = math.pi * (x - np.rint(x))
    cotangent = np.cos(offset) / np.sin(offset)
    # psi_n(x) = (-1)^n psi_n(1 - x) - pi (d/dx)^n cot(pi x)
    reflected = -sign * positive - math.pi ** (n + 1) * _horner(_cotangent_derivative(n), cotangent)
    pole = np.where(x == 0.0, -np.copysign(np.inf, x), np.nan) if n == 0 else np.full_like(x, sign * np.inf)
    result = np.where(x < 0.0, reflected, positive)
    return np.where((x <= 0.0) & (x == np.rint(x)), np.where(np.isinf(x), np.nan, pole), result)
