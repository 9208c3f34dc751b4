"""Operations on the bits of integers, and logic on bools: `bitwise_and`, shifts ... (the operators `& | ^ ~
<< >>`)."""

from __future__ import annotations

from ..autograd.primitive import primitive
from .kinds import refuse_bools

__all__ = [
    "bitwise_and", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift", "bitwise_xor",
]  # fmt: skip


@primitive(accepts="biu", differentiable=False)
def bitwise_and(xp, input, other):
    """The bits set in both; on bools the logical and."""
    return xp.bitwise_and(input, other)


@primitive(accepts="biu", differentiable=False)
def bitwise_or(xp, input, other):
    """The bits set in one or both; on bools the logical or."""
    return xp.bitwise_or(input, other)


@primitive(accepts="biu", differentiable=False)
def bitwise_xor(xp, input, other):
    """The bits set in one, not both; on bools the exclusive or."""
    return xp.bitwise_xor(input, other)


@primitive(accepts="biu", differentiable=False)
def bitwise_not(xp, input):
    """All bits turned; on bools the logical not."""
    return xp.invert(input)


@primitive(accepts="biu", differentiable=False)
def bitwise_left_shift(xp, input, other):
    """The bits of `input` moved up by `other` places."""
    refuse_bools("bitwise_left_shift", input, other)
    return xp.left_shift(input, other)


@primitive(accepts="biu", differentiable=False)
def bitwise_right_shift(xp, input, other):
    """The bits of `input` moved down by `other` places; negative numbers stay negative."""
    refuse_bools("bitwise_right_shift", input, other)
    return xp.right_shift(input, other)
