"""Sums of products by index letters: `einsum`, and `tensordot`.

An equation is first brought to a plain form, in which every operand names each letter once and all sizes agree:
`...` becomes letters, a repeated letter a diagonal, a size of 1 that broadcasts goes away. Then the operands are
multiplied two at a time, each time as one batched matrix product. The gradient for an operand is itself such a
sum of products, of the gradient of the result with the other operands.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..autograd.primitive import primitive
from ..autograd.public import public
from .dims import many_dims
from .parts import diagonal
from .products import matmul
from .reduction import sum
from .shape import expand, permute, reshape_

# --- the contraction -----------------------------------------------------------------------------------------


@primitive(dtype="same")
def einsum_(xp, *operands, terms, output):
    """The sum of products of at least two operands; `terms` gives the letters of each, every letter once."""
    product, letters = operands[0], terms[0]
    for k in range(1, len(operands)):
        later = set(output).union(*terms[k + 1 :])
        kept = [c for c in dict.fromkeys((*letters, *terms[k])) if c in later]
        if k == len(operands) - 1:
            kept = list(output)
        product, letters = _pair(xp, product, letters, operands[k], terms[k], kept)
    return product


def _pair(xp, a, a_letters, b, b_letters, kept):
    """The product of two operands summed over all letters but `kept`, and the letters of the result."""
    a, a_letters = _sum_alone(xp, a, a_letters, (*b_letters, *kept))
    b, b_letters = _sum_alone(xp, b, b_letters, (*a_letters, *kept))
    size = {**dict(zip(a_letters, a.shape)), **dict(zip(b_letters, b.shape))}
    batch = [c for c in a_letters if c in b_letters and c in kept]
    summed = [c for c in a_letters if c in b_letters and c not in kept]
    left = [c for c in a_letters if c not in b_letters]
    right = [c for c in b_letters if c not in a_letters]

    def laid(x, letters, *groups):
        order = [letters.index(c) for group in groups for c in group]
        shape = [math.prod(size[c] for c in group) for group in groups]
        return x.transpose(order).reshape(shape)

    if summed:
        product = xp.matmul(laid(a, a_letters, batch, left, summed), laid(b, b_letters, batch, summed, right))
    else:
        product = laid(a, a_letters, batch, left, ()) * laid(b, b_letters, batch, (), right)
    letters = [*batch, *left, *right]
    product = product.reshape([size[c] for c in letters])
    return product.transpose([letters.index(c) for c in kept]), kept


def _sum_alone(xp, x, letters, needed):
    """`x` summed over the letters that nothing else needs."""
    alone = tuple(k for k, c in enumerate(letters) if c not in needed)
    if not alone:
        return x, list(letters)
    return xp.asarray(xp.add.reduce(x, axis=alone, dtype=x.dtype)), [c for c in letters if c in needed]


def _gradient(g, i, operands, shape_of_operands, terms, output):
    """The gradient of operand i: the gradient of the result times the other operands, in the operand's letters."""
    others = [k for k in range(len(terms)) if k != i]
    known = set(output).union(*(terms[k] for k in others))
    there = [c for c in terms[i] if c in known]
    product = einsum_(g, *pick_others(operands, i), terms=(output, *(terms[k] for k in others)), output=tuple(there))
    if len(there) == len(terms[i]):
        return product
    spread = reshape_(product, shape=tuple(n if c in known else 1 for c, n in zip(terms[i], shape_of_operands[i])))
    return expand(spread, shape_of_operands[i])


def pick_others(operands: Sequence[Any], i: int) -> list[Any]:
    """All operands but number i."""
    return [x for k, x in enumerate(operands) if k != i]


einsum_.vjp(operands=_gradient)

# --- the equation --------------------------------------------------------------------------------------------


def _parsed(equation: str, ndims: Sequence[int]) -> tuple[list[list[str]], list[str]]:
    """The letters of each operand and of the result. The dimensions of `...` are called "...1", "...2", from the
    back, so that they broadcast."""
    text = equation.replace(" ", "")
    left, arrow, right = text.partition("->")
    parts = left.split(",")
    if len(parts) != len(ndims):
        raise RuntimeError(f"einsum(): {equation!r} is for {len(parts)} operands, got {len(ndims)}")
    widest = 0
    terms = []
    for k, (part, ndim) in enumerate(zip(parts, ndims)):
        named = part.replace("...", "", 1)
        extra = ndim - len(named)
        if not all(c.isalpha() and c.isascii() for c in named):
            raise RuntimeError(f"einsum(): indices are the letters a-z and A-Z, '...' and ',', got {part!r}")
        if extra < 0 or (extra and "..." not in part):
            raise RuntimeError(f"einsum(): {part!r} names {len(named)} dimensions, operand {k} has {ndim}")
        before, dots, behind = part.partition("...")
        rest = [f"...{j}" for j in range(extra, 0, -1)] if dots else []
        widest = max(widest, len(rest))
        terms.append([*before, *rest, *behind])
    all_rest = [f"...{j}" for j in range(widest, 0, -1)]
    if arrow:
        before, dots, behind = right.partition("...")
        output = [*before, *(all_rest if dots else ()), *behind]
        known = {c for term in terms for c in term}
        unknown = [c for c in (*before, *behind) if c not in known]
        if unknown or len(set(output)) != len(output):
            raise RuntimeError(f"einsum(): the result {right!r} must name letters of the operands, each at most once")
    else:
        letters = [c for term in terms for c in term if len(c) == 1]
        output = all_rest + sorted(c for c in set(letters) if letters.count(c) == 1)
    return terms, output


def _distinct(x: Any, letters: list[str]) -> tuple[Any, list[str]]:
    """An operand with the diagonal in place of each letter that it repeats."""
    for c in dict.fromkeys(letters):
        while letters.count(c) > 1:
            first = letters.index(c)
            second = letters.index(c, first + 1)
            if x.shape[first] != x.shape[second]:
                raise RuntimeError(
                    f"einsum(): {c!r} is repeated for sizes {x.shape[first]} and {x.shape[second]}: they must agree"
                )
            x = diagonal(x, 0, first, second)
            letters = [d for k, d in enumerate(letters) if k not in (first, second)] + [c]
    return x, letters


@public
def einsum(equation: str, *operands: Any) -> Any:
    """The sum of products of `operands` over the letters that the result does not name.

    Spaces, `...` and an implicit result (the letters that occur once, in alphabetical order) are allowed, and so is
    one letter twice in an operand, for its diagonal. Operands may be given as a list.

    >>> import minigrad
    >>> a, b = minigrad.ones(2, 3), minigrad.ones(3, 4)
    >>> minigrad.einsum("ij,jk->ik", a, b).shape
    minigrad.Size([2, 4])

    Raises:
        RuntimeError: an equation that does not fit the operands, sizes that do not agree, different dtypes.
    """
    if len(operands) == 1 and isinstance(operands[0], (tuple, list)):
        operands = tuple(operands[0])
    terms, output = _parsed(equation, [x.ndim for x in operands])
    size: dict[str, int] = {}
    plain = []
    for k, (x, letters) in enumerate(zip(operands, terms)):
        x, letters = _distinct(x, letters)
        plain.append((x, letters))
        for c, n in zip(letters, x.shape):
            if size.setdefault(c, n) == 1:
                size[c] = n
            elif n not in (1, size[c]):
                raise RuntimeError(f"einsum(): {c!r} has size {n} in operand {k} and {size[c]} before: they must agree")
    plain = [_without_ones(x, letters, size) for x, letters in plain]
    if len(plain) == 1:
        return _one(*plain[0], output)
    return einsum_(*(x for x, _ in plain), terms=tuple(tuple(letters) for _, letters in plain), output=tuple(output))


def _without_ones(x: Any, letters: list[str], size: dict[str, int]) -> tuple[Any, list[str]]:
    """An operand without the dimensions of size 1 that broadcast against a larger one."""
    small = [c for c, n in zip(letters, x.shape) if n == 1 and size[c] != 1]
    if not small:
        return x, letters
    kept = [c for c in letters if c not in small]
    return reshape_(x, shape=tuple(size[c] for c in kept)), kept


def _one(x: Any, letters: list[str], output: list[str]) -> Any:
    """The sum over the letters of one operand that the result does not name, in the result's order."""
    summed = tuple(k for k, c in enumerate(letters) if c not in output)
    if summed:
        x = sum(x, summed)
        letters = [c for c in letters if c in output]
    return permute(x, [letters.index(c) for c in output])


@public
def tensordot(a: Any, b: Any, dims: Any = 2) -> Any:
    """Products summed over the last `dims` dimensions of `a` and the first of `b`, or over the pairs of dimensions
    in two lists.

    >>> import minigrad
    >>> minigrad.tensordot(minigrad.ones(2, 3, 4), minigrad.ones(3, 4, 5)).shape
    minigrad.Size([2, 5])
    """
    if isinstance(dims, int):
        if not 0 <= dims <= min(a.ndim, b.ndim):
            raise RuntimeError(f"tensordot(): dims={dims} is out of range for {a.ndim} and {b.ndim} dimensions")
        over_a, over_b = tuple(range(a.ndim - dims, a.ndim)), tuple(range(dims))
    else:
        over_a, over_b = (many_dims(_list(d), x.ndim) for d, x in zip(dims, (a, b)))
    if len(over_a) != len(over_b):
        raise RuntimeError(f"tensordot(): {len(over_a)} and {len(over_b)} dimensions to sum over must be equally many")
    if [a.shape[k] for k in over_a] != [b.shape[k] for k in over_b]:
        raise RuntimeError(
            f"tensordot(): shapes {tuple(a.shape)} and {tuple(b.shape)} differ in the dimensions {over_a} and {over_b}"
        )
    left = [k for k in range(a.ndim) if k not in over_a]
    right = [k for k in range(b.ndim) if k not in over_b]
    n = math.prod(a.shape[k] for k in over_a)
    rows = reshape_(permute(a, (*left, *over_a)), shape=(math.prod(a.shape[k] for k in left), n))
    columns = reshape_(permute(b, (*over_b, *right)), shape=(n, math.prod(b.shape[k] for k in right)))
    return reshape_(matmul(rows, columns), shape=(*(a.shape[k] for k in left), *(b.shape[k] for k in right)))


def _list(dims: Any) -> Any:
    dims = dims.tolist() if hasattr(dims, "tolist") else dims
    return dims if isinstance(dims, (tuple, list)) else (dims,)


__all__ = ["einsum", "tensordot"]
