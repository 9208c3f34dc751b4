"""Methods that give a tensor another shape, join its dimensions, or take parts of it.

Each is a function of `ops/shape.py`, `ops/parts.py`, `ops/repeating.py` or `ops/joining.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..autograd.views import current_node
from ..ops import joining, parts, repeating, shape
from .inplace import check_writable, in_place


def reshaped_in_place(function: Callable[..., Any]) -> Callable[..., Any]:
    """The in-place form of a function that gives a view: the tensor itself becomes that view of its memory."""
    name = f"{function.__name__}_"

    @functools.wraps(function)
    def method(self: Any, *args: Any, **kw: Any) -> Any:
        check_writable(self, name)
        current_node(self)
        result = function(self, *args, **kw)
        self.array, self.node = result.array, result.node
        if self.view_of is not None:
            self.view_of = result.view_of
        return self

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"In-place form of `{function.__name__}`. Returns the tensor itself."
    return method


class ShapeMethods:
    """Shapes, views and parts."""

    array: Any

    # -- the same elements in another shape

    reshape = shape.reshape
    reshape_as = shape.reshape_as
    view = shape.view
    view_as = shape.view_as
    flatten = shape.flatten
    unflatten = shape.unflatten
    ravel = shape.ravel
    squeeze = shape.squeeze
    squeeze_ = reshaped_in_place(shape.squeeze)
    unsqueeze = shape.unsqueeze
    unsqueeze_ = reshaped_in_place(shape.unsqueeze)
    contiguous = shape.contiguous

    # -- the dimensions in another order

    transpose = shape.transpose
    transpose_ = reshaped_in_place(shape.transpose)
    swapaxes = shape.swapaxes
    swapaxes_ = reshaped_in_place(shape.swapaxes)
    swapdims = shape.swapdims
    swapdims_ = reshaped_in_place(shape.swapdims)
    t = shape.t
    t_ = reshaped_in_place(shape.t)
    permute = shape.permute
    movedim = shape.movedim
    moveaxis = shape.moveaxis
    adjoint = shape.adjoint

    @property
    def T(self) -> Any:
        """The dimensions in reverse order: the transpose of a matrix."""
        return shape.t(self) if self.array.ndim < 3 else shape.permute(self, tuple(range(self.array.ndim))[::-1])

    @property
    def mT(self) -> Any:
        """The last two dimensions exchanged: the transpose of each matrix."""
        return shape.adjoint(self)

    @property
    def H(self) -> Any:
        """The transpose of a matrix (there are no complex numbers to conjugate)."""
        return shape.t(self)

    @property
    def mH(self) -> Any:
        """As `mT`."""
        return shape.adjoint(self)

    # -- repeated, or in another order

    expand = shape.expand
    expand_as = shape.expand_as
    broadcast_to = shape.broadcast_to
    repeat = repeating.repeat
    repeat_interleave = repeating.repeat_interleave
    tile = repeating.tile
    flip = repeating.flip
    fliplr = repeating.fliplr
    flipud = repeating.flipud
    roll = repeating.roll
    rot90 = repeating.rot90

    # -- parts

    narrow = parts.narrow
    select = parts.select
    unfold = parts.unfold
    diagonal = parts.diagonal
    diag = parts.diag
    diag_embed = parts.diag_embed
    diagflat = parts.diagflat
    select_scatter = parts.select_scatter
    slice_scatter = parts.slice_scatter
    diagonal_scatter = parts.diagonal_scatter
    tril = parts.tril
    tril_ = in_place(parts.tril)
    triu = parts.triu
    triu_ = in_place(parts.triu)

    def fill_diagonal_(self, fill_value: Any, wrap: bool = False) -> Any:
        """Set the elements at [k, k, ...] to a number."""
        if wrap:
            raise NotImplementedError("fill_diagonal_(wrap=True) is not supported: fill the rows behind by hand")
        diagonal: Any = self
        if self.array.ndim < 2:
            raise RuntimeError("fill_diagonal_() needs at least two dimensions")
        while diagonal.ndim > 1:
            diagonal = parts.diagonal(diagonal, 0, 0, -1)
        diagonal.fill_(fill_value)
        return self

    split = joining.split
    split_with_sizes = joining.split_with_sizes
    tensor_split = joining.tensor_split
    hsplit = joining.hsplit
    vsplit = joining.vsplit
    dsplit = joining.dsplit
    chunk = joining.chunk
    unbind = joining.unbind
