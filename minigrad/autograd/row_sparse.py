"""`RowSparse`: a gradient of which only some rows are not zero.

The gradient of a table (rows, *) from which n rows were looked up is kept as their numbers and n rows of values. To
look up, to go backward and to add up then costs what the n rows cost, however large the table is. A row that was
looked up twice stands in it twice until `coalesce` adds the two up. Only a leaf gets such a gradient: where one arrives
at an operation it is made dense.

A row number equal to the length of the table stands for "no row": so the lookups of a padding row are left out without
a change of shape, and a recorded step can be replayed for any rows. PyTorch's methods do not show them.
"""

from __future__ import annotations

from typing import Any

from ..backend.devices import device_of
from ..backend.door import door, refuse, whole
from ..backend.dtypes import public_dtype
from ..backend.kernels import add_at, distinct_rows, sum_rows
from ..backend.library import library
from .core_ops import clone
from .node import TensorBase
from .operands import array_of
from .primitive import primitive, wrap


@primitive(dtype="keep")
def spread(xp, input, rows, *, count):
    """Zeros with `count` rows, to which each row of `input` is added at its place; none at `count`."""
    return whole(_spread, input, rows, count)


def _spread(values, rows, count):
    xp = library(values)
    there = rows < count
    if not there.all():
        values, rows = values[there], rows[there]
    out = xp.zeros((count, *values.shape[1:]), dtype=values.dtype)
    add_at(xp, out, (rows, *(slice(None),) * (values.ndim - 1)), values)
    return out


spread.vjp(input=lambda g, rows: take_rows(g, rows))


@primitive(dtype="keep")
def take_rows(xp, input, rows):
    """The rows of `input`; zeros for those that are no rows."""
    return whole(_take_rows, input, rows)


def _take_rows(table, rows):
    there = rows < len(table)
    if there.all():
        return table.take(rows, axis=0)
    out = library(table).zeros((len(rows), *table.shape[1:]), dtype=table.dtype)
    out[there] = table[rows[there]]
    return out


take_rows.vjp(input=lambda g, rows, shape_of_input: spread(g, rows, count=shape_of_input[0]))


@primitive
def join_rows(xp, input, other):
    """The rows of both, one after the other."""
    return xp.concatenate((input, other))


join_rows.vjp(
    input=lambda g, shape_of_input: cut_rows(g, start=0, stop=shape_of_input[0]),
    other=lambda g, shape_of_input, shape_of_other: cut_rows(
        g, start=shape_of_input[0], stop=shape_of_input[0] + shape_of_other[0]
    ),
)


@primitive(dtype="keep")
def cut_rows(xp, input, *, start, stop):
    """Rows `start` to `stop`."""
    return input[start:stop].copy()


cut_rows.vjp(input=lambda g, start, stop, shape_of_input: pad_rows(g, start=start, count=shape_of_input[0]))


@primitive(dtype="keep")
def pad_rows(xp, input, *, start, count):
    """Zeros with `count` rows, of which those from `start` on are `input`."""
    out = xp.zeros((count, *input.shape[1:]), dtype=input.dtype)
    out[start : start + len(input)] = input
    return out


pad_rows.vjp(input=lambda g, start, shape_of_input: cut_rows(g, start=start, stop=start + shape_of_input[0]))


@primitive(dtype="keep")
def reshape_rows(xp, input, *, shape):
    """`input` in another shape."""
    return input.reshape(shape)


reshape_rows.vjp(input=lambda g, shape_of_input: reshape_rows(g, shape=shape_of_input))


class RowSparse:
    """A gradient of shape (count, *), of which some rows are given and the others are zero.

    PyTorch's sparse gradients are tensors; this has the methods of theirs that a gradient needs, and `to_dense`.

    Attributes:
        rows: int64 tensor (n,): which rows, in any order; one may stand there twice, and `count` stands for none.
        row_values: tensor (n, *).
        shape: of the dense gradient.

    >>> import minigrad
    >>> table = minigrad.zeros(1000, 2, requires_grad=True)
    >>> minigrad.nn.functional.embedding(minigrad.tensor([7, 3, 7]), table, sparse=True).sum().backward()
    >>> table.grad.rows
    tensor([7, 3, 7])
    >>> table.grad.coalesce().indices(), table.grad.coalesce().values()
    (tensor([[3, 7]]), tensor([[1., 1.],
            [2., 2.]]))
    """

    __slots__ = ("__weakref__", "_coalesced", "_shape", "row_values", "rows")

    is_sparse = True
    layout = "sparse_coo"
    base = NotImplemented  # as that of a view: a backward pass adds nothing into it in place
    __array_ufunc__ = None  # an array on the left leaves the operator to this class
    __hash__ = object.__hash__

    def __init__(self, rows: Any, row_values: Any, shape: tuple[int, ...], coalesced: bool = False) -> None:
        self.rows, self.row_values = rows, row_values
        self._shape, self._coalesced = tuple(shape), coalesced

    # -- what it is ----------------------------------------------------------------------------------------------

    @property
    def shape(self) -> Any:
        """The shape of the dense gradient."""
        return type(self.row_values.shape)(self._shape)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dimension."""
        return self.shape if dim is None else self._shape[dim]

    def dim(self) -> int:
        """The number of dimensions."""
        return len(self._shape)

    ndim = property(dim)

    def numel(self) -> int:
        """The number of elements, zeros included."""
        return self.shape.numel()

    def __len__(self) -> int:
        return self._shape[0]

    @property
    def dtype(self) -> Any:
        """The element type."""
        return public_dtype(self.row_values.array.dtype)

    @property
    def device(self) -> Any:
        """Where the values are."""
        return device_of(self.row_values.array)

    @property
    def requires_grad(self) -> bool:
        """True if it was computed with `create_graph`, and can be differentiated."""
        return self.row_values.requires_grad

    def is_coalesced(self) -> bool:
        """True if each row stands in it once, in rising order."""
        return self._coalesced or self.rows.array.shape[0] < 2

    def _nnz(self) -> int:
        return self._present()[0].array.shape[0]

    def _present(self) -> tuple[Any, Any]:
        """The rows that are rows, and their values."""
        refuse("a look at the rows of a gradient that are not padding", "use .rows and .row_values")
        rows = self.rows.array
        there = rows < self._shape[0]
        if there.all():
            return self.rows, self.row_values
        places = library(rows).flatnonzero(there)
        return wrap(rows[places]), take_rows(self.row_values, places)

    def _indices(self) -> Any:
        """The numbers of the rows, shape (1, n)."""
        return wrap(self._present()[0].array.reshape(1, -1))

    def _values(self) -> Any:
        """The values of the rows, shape (n, *)."""
        return self._present()[1]

    def indices(self) -> Any:
        """The numbers of the rows, shape (1, n), of a coalesced gradient."""
        self._require_coalesced("indices")
        return self._indices()

    def values(self) -> Any:
        """The values of the rows, shape (n, *), of a coalesced gradient."""
        self._require_coalesced("values")
        return self._values()

    def _require_coalesced(self, what: str) -> None:
        if not self.is_coalesced():
            raise RuntimeError(
                f"{what}() is for coalesced gradients, in which a row stands once: call .coalesce() first, or _{what}()"
            )

    # -- other forms of it ---------------------------------------------------------------------------------------

    def coalesce(self) -> RowSparse:
        """The same gradient with each row once, in rising order.

        A recorded step makes as many rows as before, of which the last may be no rows: its shapes are fixed.
        """
        if self._coalesced:
            return self
        rows, count = self.rows.array, self._shape[0]
        fixed = door.recorder is not None
        found, places = whole(_distinct, rows, count, fixed)
        values = spread(self.row_values, places, count=found.shape[0])
        return RowSparse(wrap(found), values, self._shape, coalesced=True)

    def to_dense(self) -> Any:
        """A tensor with all rows."""
        return spread(self.row_values, self.rows, count=self._shape[0])

    def _like(self, rows: Any, values: Any) -> RowSparse:
        return RowSparse(rows, values, self._shape, self._coalesced)

    def clone(self) -> RowSparse:
        """A copy."""
        return self._like(clone(self.rows), clone(self.row_values))

    def detach(self) -> RowSparse:
        """The same rows and values, outside the graph."""
        return self._like(self.rows, self.row_values.detach())

    def emptied(self) -> RowSparse:
        """A gradient of this shape, dtype and device that is zero everywhere."""
        rows, values = self.rows.array, self.row_values.array
        none = library(rows).zeros((0,), dtype=rows.dtype)
        return RowSparse(
            wrap(none),
            wrap(library(values).zeros((0, *values.shape[1:]), dtype=values.dtype)),
            self._shape,
            coalesced=True,
        )

    def to(self, *args: Any, **kwargs: Any) -> RowSparse:
        """On another device, or of another dtype."""
        values = self.row_values.to(*args, **kwargs)
        return self._like(self.rows.to(values.device), values)

    def cpu(self) -> RowSparse:
        """On the CPU."""
        return self.to("cpu")

    def apply_(self, function: Any) -> None:
        """Replace the values by `function` of them, and take the rows to where those are then."""
        self.row_values.data = function(self.row_values.data)
        self.rows.data = self.rows.data.to(self.row_values.device)

    # -- arithmetic ----------------------------------------------------------------------------------------------

    def __add__(self, other: Any) -> Any:
        """The sum: of two row-sparse gradients both, one after the other; with a tensor (or an array) a dense one."""
        if type(other) is RowSparse:
            if other._shape != self._shape:
                raise RuntimeError(f"cannot add gradients of shapes {self._shape} and {other._shape}")
            rows = library(self.rows.array).concatenate((self.rows.array, other.rows.array))
            values = join_rows(self.row_values, other.row_values)
            return RowSparse(wrap(rows), values, self._shape)
        if isinstance(other, TensorBase):
            return self.to_dense() + other
        return self.to_dense().array + other if hasattr(other, "shape") else NotImplemented

    __radd__ = __add__

    def __mul__(self, factor: Any) -> RowSparse:
        return self._like(self.rows, self.row_values * factor)

    __rmul__ = __mul__

    def __truediv__(self, divisor: Any) -> RowSparse:
        return self._like(self.rows, self.row_values / divisor)

    def __neg__(self) -> RowSparse:
        return self._like(self.rows, -self.row_values)

    def mul_(self, factor: Any) -> RowSparse:
        """Multiply by a number, in place."""
        self.row_values.mul_(factor)
        return self

    def div_(self, divisor: Any) -> RowSparse:
        """Divide by a number, in place."""
        self.row_values.div_(divisor)
        return self

    def zero_(self) -> RowSparse:
        """Take all rows out, in place."""
        refuse("zero_() of a row-sparse gradient", "set .grad to None, or call zero_grad()")
        nothing = self.emptied()
        self.rows, self.row_values, self._coalesced = nothing.rows, nothing.row_values, True
        return self

    def clamp_(self, min: Any = None, max: Any = None) -> RowSparse:
        """Bring every element of the gradient between two numbers, in place. (The rows are coalesced for it.)"""
        rows, values = self.rows.array, self.row_values.array
        whole(_clamp_rows, rows, values, self._shape[0], min, max, writes=(0, 1))
        for part in (self.rows, self.row_values):
            part.shared_storage().changed("clamp_")
        self._coalesced = False  # there may be rows left over
        return self

    def norm(self, p: float = 2.0) -> Any:
        """The norm of all elements, a 0-d tensor."""
        return self.coalesce().row_values.norm(p)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in RowSparse.__slots__:
            raise AttributeError(name)
        raise AttributeError(f"a row-sparse gradient has no {name!r}: use .to_dense(), or .coalesce().values()")

    def __repr__(self) -> str:
        rows, values = self._present()
        shown = repr(values).replace("\n", "\n" + " " * 17)
        return f"RowSparse(rows={rows!r},\n          values={shown},\n          shape={self._shape})"


def _distinct(rows, count, fixed):
    """The distinct rows in rising order, and for each of `rows` its place among them. `fixed`: as many as before."""
    xp = library(rows)
    found, places, there = distinct_rows(rows, count)
    if not fixed:
        return found[:there], places
    out = xp.full(rows.shape, count, dtype=rows.dtype)
    out[:there] = found[:there]
    return out, xp.where(rows < count, places, len(rows))


def _clamp_rows(rows, values, count, low, high):
    found, sums = sum_rows(rows, values, count)
    rows[...], values[...] = count, 0
    rows[: len(found)] = found
    values[: len(found)] = sums.clip(low, high)


def looked_up(g: Any, index: Any, shape: tuple[int, ...], padding: int | None) -> RowSparse:
    """The gradient of a table of `shape` from the gradient `g` of the rows at `index`; row `padding` gets none."""
    index = array_of(index)
    rows = index.astype("int64").reshape(-1)
    if padding is not None:
        rows = library(rows).where(rows == padding, shape[0], rows)
    values = reshape_rows(g, shape=(rows.shape[0], *shape[1:]))
    return RowSparse(wrap(rows), values if isinstance(values, TensorBase) else wrap(values), shape)


def dense(gradient: Any) -> Any:
    """A gradient as a tensor, whatever it was."""
    return gradient.to_dense() if type(gradient) is RowSparse else gradient


def summed(a: Any, b: Any) -> Any:
    """The sum of two gradients, one of which is row-sparse."""
    return a + b if type(a) is RowSparse else b + a
