"""What NumPy's functions are on tensors: with NumPy's arguments and meaning, computed by minigrad's operations.

Where NumPy and PyTorch mean different things by one name (`np.std` divides by n, `np.split` counts the parts,
`np.repeat` repeats elements, `np.cross` takes the last axis), `np.name(t)` means what NumPy means. A function that
is not here, or a call with arguments that its entry does not take, is computed by NumPy on the plain array.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import ops
from ..autograd.core_ops import cast
from ..autograd.node import TensorBase
from ..backend.dtypes import default_float
from ..ops.linalg import linalg_cross
from ..ops.norms import linalg_norm
from . import creation
from .size import Size

#: NumPy's ufunc name -> the operation's, where they differ
UFUNC_NAMES = {
    "absolute": "abs", "fabs": "abs", "negative": "neg", "power": "pow", "multiply": "mul", "subtract": "sub",
    "divide": "div", "equal": "eq", "not_equal": "ne", "greater": "gt", "greater_equal": "ge", "less": "lt",
    "less_equal": "le", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2", "arcsinh": "asinh",
    "arccosh": "acosh", "arctanh": "atanh", "invert": "bitwise_not", "left_shift": "bitwise_left_shift",
    "right_shift": "bitwise_right_shift", "rint": "round", "degrees": "rad2deg", "radians": "deg2rad",
}  # fmt: skip

#: the reductions behind `np.add.reduce` and its kin
UFUNC_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "add": ops.sum, "multiply": ops.prod, "maximum": ops.amax, "minimum": ops.amin,
    "logical_and": ops.all, "logical_or": ops.any,
}  # fmt: skip


def ufunc(name: str) -> Callable[..., Any] | None:
    """The operation for one of NumPy's ufuncs, or None."""
    found = ops.__dict__.get(UFUNC_NAMES.get(name, name))
    return found if callable(found) else None


def _reduction(f: Callable[..., Any]) -> Callable[..., Any]:
    def call(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False) -> Any:
        options = {} if dtype is None else {"dtype": dtype}
        return f(a, () if axis is None else axis, keepdims, **options)

    return call


def _position(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, axis=None, *, keepdims=False: f(a, axis, keepdims)


def _prod(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False) -> Any:
    return ops.prod(a, axis, keepdims, dtype=dtype)


def _mean(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False) -> Any:
    return ops.mean(_floating(a), axis, keepdims, dtype=dtype)


def _floating(a: Any) -> Any:
    return a if a.array.dtype.kind == "f" else cast(a, dtype=default_float())


def _deviation(f: Callable[..., Any]) -> Callable[..., Any]:
    def call(a: Any, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
        return f(_floating(a), axis, keepdim=keepdims, correction=ddof)

    return call


def _accumulation(f: Callable[..., Any]) -> Callable[..., Any]:
    def call(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
        return f(ops.ravel(a), 0, dtype=dtype) if axis is None else f(a, axis, dtype=dtype)

    return call


def _sort(a: Any, axis: int | None = -1) -> Any:
    return ops.sort(ops.ravel(a), 0)[0] if axis is None else ops.sort(a, axis)[0]


def _argsort(a: Any, axis: int | None = -1) -> Any:
    return ops.argsort(ops.ravel(a), 0) if axis is None else ops.argsort(a, axis)


def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    return ops.clip(a, min if a_min is None else a_min, max if a_max is None else a_max)


def _concatenate(arrays: Sequence[Any], axis: int | None = 0) -> Any:
    return ops.cat([ops.ravel(a) for a in arrays], 0) if axis is None else ops.cat(list(arrays), axis)


def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    if isinstance(indices_or_sections, int) and ary.shape[axis] % indices_or_sections:
        raise ValueError(f"{ary.shape[axis]} elements cannot be split into {indices_or_sections} equal parts")
    return list(ops.tensor_split(ary, indices_or_sections, axis))


def _squeeze(a: Any, axis: Any = None) -> Any:
    if axis is None:
        return ops.squeeze(a)
    for k in axis if isinstance(axis, tuple) else (axis,):
        if a.shape[k] != 1:
            raise ValueError(f"axis {k} of shape {tuple(a.shape)} cannot be squeezed: its size is not 1")
    return ops.squeeze(a, axis)


def _expand_dims(a: Any, axis: Any) -> Any:
    n = a.ndim + (len(axis) if isinstance(axis, tuple) else 1)
    for k in sorted(k % n for k in (axis if isinstance(axis, tuple) else (axis,))):
        a = ops.unsqueeze(a, k)
    return a


def _transpose(a: Any, axes: Any = None) -> Any:
    return ops.permute(a, tuple(reversed(range(a.ndim))) if axes is None else tuple(axes))


def _repeat(a: Any, repeats: Any, axis: int | None = None) -> Any:
    if isinstance(repeats, (list, tuple)):
        repeats = creation.as_tensor(repeats, device=a.device)
    return ops.repeat_interleave(ops.ravel(a), repeats, 0) if axis is None else ops.repeat_interleave(a, repeats, axis)


def _flip(m: Any, axis: Any = None) -> Any:
    return ops.flip(m, tuple(range(m.ndim)) if axis is None else axis)


def _where(condition: Any, x: Any = None, y: Any = None) -> Any:
    return ops.nonzero(condition, as_tuple=True) if x is None and y is None else ops.where(condition, x, y)


def _take(a: Any, indices: Any, axis: int | None = None) -> Any:
    return ops.ravel(a)[indices] if axis is None else a[(slice(None),) * (axis % a.ndim) + (indices,)]


def _dot(a: Any, b: Any) -> Any:
    if not (a.ndim and b.ndim):
        return ops.mul(a, b)
    if a.ndim <= 2 and b.ndim <= 2:
        return ops.matmul(a, b)
    return ops.tensordot(a, b, ([a.ndim - 1], [max(b.ndim - 2, 0)]))


def _diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    return ops.diff(a, n, axis)


def _unique(ar: Any, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False,
            axis: int | None = None) -> Any:  # fmt: skip
    if return_index:
        raise TypeError("the first indices are not among what minigrad's unique gives")
    return ops.unique(ar, return_inverse=return_inverse, return_counts=return_counts, dim=axis)


def _like(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, dtype=None: f(a, dtype=dtype)


#: NumPy's function -> what it is on tensors, with the parameters that NumPy calls so
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sum": _reduction(ops.sum), "prod": _prod, "mean": _mean,
    "std": _deviation(ops.std), "var": _deviation(ops.var), "nansum": _reduction(ops.nansum),
    "max": _reduction(ops.amax), "amax": _reduction(ops.amax),
    "min": _reduction(ops.amin), "amin": _reduction(ops.amin),
    "all": _position(ops.all), "any": _position(ops.any),
    "argmax": _position(ops.argmax), "argmin": _position(ops.argmin),
    "count_nonzero": lambda a, axis=None: ops.count_nonzero(a, axis),
    "quantile": lambda a, q, axis=None, *, keepdims=False: ops.quantile(a, q, axis, keepdims),
    "cumsum": _accumulation(ops.cumsum), "cumprod": _accumulation(ops.cumprod),
    "diff": _diff, "sort": _sort, "argsort": _argsort, "unique": _unique,
    "searchsorted": lambda a, v, side="left": ops.searchsorted(a, v, side=side),
    "bincount": lambda x, weights=None, minlength=0: ops.bincount(x, weights, minlength),
    "clip": _clip,
    "round": lambda a, decimals=0: ops.round(a, decimals=decimals),
    "around": lambda a, decimals=0: ops.round(a, decimals=decimals),
    "fix": ops.fix, "sinc": ops.sinc, "isposinf": ops.isposinf, "isneginf": ops.isneginf,
    "nan_to_num": lambda x, copy=True, nan=0.0, posinf=None, neginf=None: ops.nan_to_num(x, nan, posinf, neginf),
    "isclose": lambda a, b, rtol=1e-5, atol=1e-8, equal_nan=False: ops.isclose(a, b, rtol, atol, equal_nan),
    "allclose": lambda a, b, rtol=1e-5, atol=1e-8, equal_nan=False: ops.allclose(a, b, rtol, atol, equal_nan),
    "concatenate": _concatenate, "concat": _concatenate,
    "stack": lambda arrays, axis=0: ops.stack(list(arrays), axis),
    "vstack": lambda tup: ops.vstack(list(tup)), "hstack": lambda tup: ops.hstack(list(tup)),
    "dstack": lambda tup: ops.dstack(list(tup)), "column_stack": lambda tup: ops.column_stack(list(tup)),
    "split": _split,
    "array_split": lambda ary, indices_or_sections, axis=0: list(ops.tensor_split(ary, indices_or_sections, axis)),
    "hsplit": lambda ary, n: list(ops.hsplit(ary, n)), "vsplit": lambda ary, n: list(ops.vsplit(ary, n)),
    "dsplit": lambda ary, n: list(ops.dsplit(ary, n)),
    "reshape": lambda a, shape: ops.reshape(a, shape), "ravel": lambda a: ops.ravel(a),
    "squeeze": _squeeze, "expand_dims": _expand_dims, "transpose": _transpose, "permute_dims": _transpose,
    "matrix_transpose": lambda x: ops.transpose(x, -2, -1),
    "swapaxes": lambda a, axis1, axis2: ops.transpose(a, axis1, axis2),
    "moveaxis": lambda a, source, destination: ops.moveaxis(a, source, destination),
    "broadcast_to": lambda array, shape: ops.broadcast_to(array, (shape,) if isinstance(shape, int) else shape),
    "tile": lambda A, reps: ops.tile(A, (reps,) if isinstance(reps, int) else reps),
    "repeat": _repeat, "roll": lambda a, shift, axis=None: ops.roll(a, shift, axis),
    "flip": _flip, "fliplr": lambda m: ops.fliplr(m), "flipud": lambda m: ops.flipud(m),
    "rot90": lambda m, k=1, axes=(0, 1): ops.rot90(m, k, axes),
    "atleast_1d": ops.atleast_1d, "atleast_2d": ops.atleast_2d,
    "meshgrid": lambda *xi, indexing="xy": list(ops.meshgrid(*xi, indexing=indexing)),
    "where": _where, "nonzero": lambda a: ops.nonzero(a, as_tuple=True), "argwhere": lambda a: ops.nonzero(a),
    "flatnonzero": lambda a: ops.nonzero(ops.ravel(a), as_tuple=True)[0],
    "take": _take, "take_along_axis": lambda arr, indices, axis=-1: ops.take_along_dim(arr, indices, axis),
    "diag": lambda v, k=0: ops.diag(v, k), "diagflat": lambda v, k=0: ops.diagflat(v, k),
    "diagonal": lambda a, offset=0, axis1=0, axis2=1: ops.diagonal(a, offset, axis1, axis2),
    "tril": lambda m, k=0: ops.tril(m, k), "triu": lambda m, k=0: ops.triu(m, k), "trace": lambda a: ops.trace(a),
    "dot": _dot, "inner": lambda a, b: ops.inner(a, b), "kron": lambda a, b: ops.kron(a, b),
    "outer": lambda a, b: ops.outer(ops.ravel(a), ops.ravel(b)),
    "vdot": lambda a, b: ops.vdot(ops.ravel(a), ops.ravel(b)),
    "cross": lambda a, b, *, axis=-1: linalg_cross(a, b, dim=axis),
    "tensordot": lambda a, b, axes=2: ops.tensordot(a, b, axes), "einsum": lambda *operands: ops.einsum(*operands),
    "linalg.norm": lambda x, ord=None, axis=None, keepdims=False: linalg_norm(x, ord, axis, keepdims),
    "linalg.inv": lambda a: ops.linalg.inv(a), "linalg.det": lambda a: ops.linalg.det(a),
    "linalg.solve": lambda a, b: ops.linalg.solve(a, b), "linalg.cholesky": lambda a: ops.linalg.cholesky(a),
    "zeros_like": _like(creation.zeros_like), "ones_like": _like(creation.ones_like),
    "empty_like": _like(creation.empty_like),
    "full_like": lambda a, fill_value, dtype=None: creation.full_like(a, fill_value, dtype=dtype),
    "shape": lambda a: tuple(_size(a)), "ndim": lambda a: len(_size(a)),
    "size": lambda a, axis=None: _size(a).numel() if axis is None else _size(a)[axis],
}  # fmt: skip


def _size(a: Any) -> Size:
    return Size(a.array.shape if isinstance(a, TensorBase) else a.shape)
