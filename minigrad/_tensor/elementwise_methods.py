"""The methods and operators of `Tensor` that work element by element: arithmetic, comparison, maths,
activations.

A method is the function of the same name in `minigrad.ops`; `name_` is its in-place form.
"""

from __future__ import annotations

from typing import Any

from ..autograd import core_ops
from ..autograd.node import TensorBase
from ..backend.library import is_array
from ..ops import (
    activation,
    arithmetic,
    bitwise,
    comparison,
    division,
    elementwise,
    extrema,
    rounding,
    special,
)
from .inplace import in_place


def _comparable(other: Any) -> bool:
    """Whether `==` compares elements; with anything else (None, a string) it is Python's identity."""
    return isinstance(other, (TensorBase, bool, int, float)) or is_array(other) or _is_numpy_number(other)


def _is_numpy_number(other: Any) -> bool:
    return type(other).__module__ == "numpy" and hasattr(other, "item")


class ElementwiseMethods:
    """Elementwise methods of `Tensor`."""

    # --- operators: the primitives themselves, for these are what small networks spend their time on ---

    __add__ = __radd__ = core_ops.add
    __sub__ = arithmetic.sub_
    __mul__ = __rmul__ = arithmetic.mul
    __truediv__ = division.div_
    __floordiv__ = division.floor_divide
    __mod__ = division.remainder
    __pow__ = arithmetic.pow
    __neg__ = arithmetic.neg
    __pos__ = arithmetic.positive
    __abs__ = arithmetic.abs
    __invert__ = bitwise.bitwise_not
    __and__ = __rand__ = bitwise.bitwise_and
    __or__ = __ror__ = bitwise.bitwise_or
    __xor__ = __rxor__ = bitwise.bitwise_xor
    __lshift__ = bitwise.bitwise_left_shift
    __rshift__ = bitwise.bitwise_right_shift

    __iadd__ = in_place(core_ops.add)
    __isub__ = in_place(arithmetic.sub_)
    __imul__ = in_place(arithmetic.mul)
    __itruediv__ = in_place(division.div_)
    __ifloordiv__ = in_place(division.floor_divide)
    __imod__ = in_place(division.remainder)
    __ipow__ = in_place(arithmetic.pow)
    __iand__ = in_place(bitwise.bitwise_and)
    __ior__ = in_place(bitwise.bitwise_or)
    __ixor__ = in_place(bitwise.bitwise_xor)
    __ilshift__ = in_place(bitwise.bitwise_left_shift)
    __irshift__ = in_place(bitwise.bitwise_right_shift)

    def __rsub__(self, other: Any) -> Any:
        return arithmetic.sub_(other, self)

    def __rtruediv__(self, other: Any) -> Any:
        return division.div_(other, self)

    __div__, __idiv__, __rdiv__ = __truediv__, __itruediv__, __rtruediv__  # Python 2's names, which PyTorch keeps

    def __rfloordiv__(self, other: Any) -> Any:
        return division.floor_divide(other, self)

    def __rmod__(self, other: Any) -> Any:
        return division.remainder(other, self)

    def __rpow__(self, other: Any) -> Any:
        return arithmetic.pow(other, self)

    def __rlshift__(self, other: Any) -> Any:
        return bitwise.bitwise_left_shift(other, self)

    def __rrshift__(self, other: Any) -> Any:
        return bitwise.bitwise_right_shift(other, self)

    def __eq__(self, other: object) -> Any:
        return comparison.eq(self, other) if _comparable(other) else NotImplemented

    def __ne__(self, other: object) -> Any:
        return comparison.ne(self, other) if _comparable(other) else NotImplemented

    def __lt__(self, other: Any) -> Any:
        return comparison.lt(self, other) if _comparable(other) else NotImplemented

    def __le__(self, other: Any) -> Any:
        return comparison.le(self, other) if _comparable(other) else NotImplemented

    def __gt__(self, other: Any) -> Any:
        return comparison.gt(self, other) if _comparable(other) else NotImplemented

    def __ge__(self, other: Any) -> Any:
        return comparison.ge(self, other) if _comparable(other) else NotImplemented

    __hash__ = object.__hash__  # defining __eq__ would take it away; tensors are keys by identity

    # --- arithmetic ---

    add = arithmetic.add
    sub = arithmetic.sub
    subtract = arithmetic.subtract
    mul = arithmetic.mul
    multiply = arithmetic.multiply
    neg = arithmetic.neg
    negative = arithmetic.negative
    pow = arithmetic.pow
    float_power = arithmetic.float_power
    reciprocal = arithmetic.reciprocal
    square = arithmetic.square
    sqrt = arithmetic.sqrt
    rsqrt = arithmetic.rsqrt
    abs = arithmetic.abs
    absolute = arithmetic.absolute
    sign = arithmetic.sign
    sgn = arithmetic.sgn
    copysign = arithmetic.copysign
    lerp = arithmetic.lerp
    addcmul = arithmetic.addcmul
    addcdiv = arithmetic.addcdiv
    positive = arithmetic.positive

    add_ = in_place(arithmetic.add)
    sub_ = in_place(arithmetic.sub)
    subtract_ = in_place(arithmetic.subtract)
    mul_ = in_place(arithmetic.mul)
    multiply_ = in_place(arithmetic.multiply)
    neg_ = in_place(arithmetic.neg)
    negative_ = in_place(arithmetic.negative)
    pow_ = in_place(arithmetic.pow)
    float_power_ = in_place(arithmetic.float_power)
    reciprocal_ = in_place(arithmetic.reciprocal)
    square_ = in_place(arithmetic.square)
    sqrt_ = in_place(arithmetic.sqrt)
    rsqrt_ = in_place(arithmetic.rsqrt)
    abs_ = in_place(arithmetic.abs)
    absolute_ = in_place(arithmetic.absolute)
    sign_ = in_place(arithmetic.sign)
    sgn_ = in_place(arithmetic.sgn)
    copysign_ = in_place(arithmetic.copysign)
    lerp_ = in_place(arithmetic.lerp)
    addcmul_ = in_place(arithmetic.addcmul)
    addcdiv_ = in_place(arithmetic.addcdiv)

    # --- division ---

    div = division.div
    divide = division.divide
    true_divide = division.true_divide
    floor_divide = division.floor_divide
    remainder = division.remainder
    fmod = division.fmod

    div_ = in_place(division.div)
    divide_ = in_place(division.divide)
    true_divide_ = in_place(division.true_divide)
    floor_divide_ = in_place(division.floor_divide)
    remainder_ = in_place(division.remainder)
    fmod_ = in_place(division.fmod)

    # --- comparison ---

    eq = comparison.eq
    ne = comparison.ne
    not_equal = comparison.not_equal
    lt = comparison.lt
    less = comparison.less
    le = comparison.le
    less_equal = comparison.less_equal
    gt = comparison.gt
    greater = comparison.greater
    ge = comparison.ge
    greater_equal = comparison.greater_equal
    logical_not = comparison.logical_not
    logical_and = comparison.logical_and
    logical_or = comparison.logical_or
    logical_xor = comparison.logical_xor
    isnan = comparison.isnan
    isfinite = comparison.isfinite
    isinf = comparison.isinf
    isposinf = comparison.isposinf
    isneginf = comparison.isneginf
    signbit = comparison.signbit
    isclose = comparison.isclose
    allclose = comparison.allclose
    equal = comparison.equal

    eq_ = in_place(comparison.eq)
    ne_ = in_place(comparison.ne)
    not_equal_ = in_place(comparison.not_equal)
    lt_ = in_place(comparison.lt)
    less_ = in_place(comparison.less)
    le_ = in_place(comparison.le)
    less_equal_ = in_place(comparison.less_equal)
    gt_ = in_place(comparison.gt)
    greater_ = in_place(comparison.greater)
    ge_ = in_place(comparison.ge)
    greater_equal_ = in_place(comparison.greater_equal)
    logical_not_ = in_place(comparison.logical_not)
    logical_and_ = in_place(comparison.logical_and)
    logical_or_ = in_place(comparison.logical_or)
    logical_xor_ = in_place(comparison.logical_xor)

    # --- limits ---

    clamp = extrema.clamp
    clip = extrema.clip
    clamp_min = extrema.clamp_min
    clamp_max = extrema.clamp_max
    maximum = extrema.maximum
    minimum = extrema.minimum
    fmax = extrema.fmax
    fmin = extrema.fmin

    clamp_ = in_place(extrema.clamp)
    clip_ = in_place(extrema.clip)
    clamp_min_ = in_place(extrema.clamp_min)
    clamp_max_ = in_place(extrema.clamp_max)

    # --- exponentials and logarithms ---

    exp = elementwise.exp
    exp2 = elementwise.exp2
    expm1 = elementwise.expm1
    log = elementwise.log
    log1p = elementwise.log1p
    log2 = elementwise.log2
    log10 = elementwise.log10
    xlogy = special.xlogy
    sigmoid = elementwise.sigmoid
    logit = special.logit
    logaddexp = elementwise.logaddexp
    logaddexp2 = elementwise.logaddexp2

    exp_ = in_place(elementwise.exp)
    exp2_ = in_place(elementwise.exp2)
    expm1_ = in_place(elementwise.expm1)
    log_ = in_place(elementwise.log)
    log1p_ = in_place(elementwise.log1p)
    log2_ = in_place(elementwise.log2)
    log10_ = in_place(elementwise.log10)
    xlogy_ = in_place(special.xlogy)
    sigmoid_ = in_place(elementwise.sigmoid)
    logit_ = in_place(special.logit)

    # --- angles ---

    sin = elementwise.sin
    cos = elementwise.cos
    tan = elementwise.tan
    asin = elementwise.asin
    arcsin = elementwise.arcsin
    acos = elementwise.acos
    arccos = elementwise.arccos
    atan = elementwise.atan
    arctan = elementwise.arctan
    atan2 = elementwise.atan2
    arctan2 = elementwise.arctan2
    sinc = special.sinc
    deg2rad = elementwise.deg2rad
    rad2deg = elementwise.rad2deg
    hypot = elementwise.hypot

    sin_ = in_place(elementwise.sin)
    cos_ = in_place(elementwise.cos)
    tan_ = in_place(elementwise.tan)
    asin_ = in_place(elementwise.asin)
    arcsin_ = in_place(elementwise.arcsin)
    acos_ = in_place(elementwise.acos)
    arccos_ = in_place(elementwise.arccos)
    atan_ = in_place(elementwise.atan)
    arctan_ = in_place(elementwise.arctan)
    atan2_ = in_place(elementwise.atan2)
    arctan2_ = in_place(elementwise.arctan2)
    sinc_ = in_place(special.sinc)
    deg2rad_ = in_place(elementwise.deg2rad)
    rad2deg_ = in_place(elementwise.rad2deg)
    hypot_ = in_place(elementwise.hypot)

    # --- hyperbolic functions ---

    sinh = elementwise.sinh
    cosh = elementwise.cosh
    tanh = elementwise.tanh
    asinh = elementwise.asinh
    arcsinh = elementwise.arcsinh
    acosh = elementwise.acosh
    arccosh = elementwise.arccosh
    atanh = elementwise.atanh
    arctanh = elementwise.arctanh

    sinh_ = in_place(elementwise.sinh)
    cosh_ = in_place(elementwise.cosh)
    tanh_ = in_place(elementwise.tanh)
    asinh_ = in_place(elementwise.asinh)
    arcsinh_ = in_place(elementwise.arcsinh)
    acosh_ = in_place(elementwise.acosh)
    arccosh_ = in_place(elementwise.arccosh)
    atanh_ = in_place(elementwise.atanh)
    arctanh_ = in_place(elementwise.arctanh)

    # --- error and gamma functions ---

    erf = special.erf
    erfc = special.erfc
    erfinv = special.erfinv
    lgamma = special.lgamma
    digamma = special.digamma

    erf_ = in_place(special.erf)
    erfc_ = in_place(special.erfc)
    erfinv_ = in_place(special.erfinv)
    lgamma_ = in_place(special.lgamma)
    digamma_ = in_place(special.digamma)

    # --- rounding ---

    floor = rounding.floor
    ceil = rounding.ceil
    round = rounding.round
    trunc = rounding.trunc
    fix = rounding.fix
    frac = rounding.frac
    nan_to_num = rounding.nan_to_num
    heaviside = rounding.heaviside

    floor_ = in_place(rounding.floor)
    ceil_ = in_place(rounding.ceil)
    round_ = in_place(rounding.round)
    trunc_ = in_place(rounding.trunc)
    fix_ = in_place(rounding.fix)
    frac_ = in_place(rounding.frac)
    nan_to_num_ = in_place(rounding.nan_to_num)
    heaviside_ = in_place(rounding.heaviside)

    # --- bits ---

    bitwise_and = bitwise.bitwise_and
    bitwise_or = bitwise.bitwise_or
    bitwise_xor = bitwise.bitwise_xor
    bitwise_not = bitwise.bitwise_not
    bitwise_left_shift = bitwise.bitwise_left_shift
    bitwise_right_shift = bitwise.bitwise_right_shift

    bitwise_and_ = in_place(bitwise.bitwise_and)
    bitwise_or_ = in_place(bitwise.bitwise_or)
    bitwise_xor_ = in_place(bitwise.bitwise_xor)
    bitwise_not_ = in_place(bitwise.bitwise_not)
    bitwise_left_shift_ = in_place(bitwise.bitwise_left_shift)
    bitwise_right_shift_ = in_place(bitwise.bitwise_right_shift)

    # --- activations ---

    relu = activation.relu
    prelu = activation.prelu
    hardshrink = activation.hardshrink

    relu_ = in_place(activation.relu)

    def where(self, condition: Any, other: Any) -> Any:
        """`self` where `condition` is True, `other` elsewhere."""
        return comparison.where(condition, self, other)

    def polygamma(self, n: int) -> Any:
        """Derivative number `n` of `digamma`."""
        return special.polygamma(n, self)
