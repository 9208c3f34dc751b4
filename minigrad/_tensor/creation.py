"""Making tensors: from data, from arrays, and filled with numbers.

Random tensors are in `sampling.py`.
"""

from __future__ import annotations

import math
from typing import Any

from ..autograd.node import LEAF, TensorBase
from ..autograd.operands import array_of
from ..autograd.primitive import wrap
from ..backend.devices import CPU, activate, device_of, library_on, resolve, to_device, to_host
from ..backend.door import constant
from ..backend.dtypes import REALS, default_float, numpy_dtype, public_dtype
from ..backend.host import host_data, is_host_array, plain_array
from ..backend.library import Array, is_array
from .size import as_shape


def finish(array: Array, requires_grad: bool = False) -> Any:
    """A Tensor around a new array."""
    result = wrap(array)
    if requires_grad:
        require_float(array, "requires_grad=True")
        result.node = LEAF
    return result


def require_float(array: Array, what: str) -> None:
    """Only floating point tensors have gradients."""
    if array.dtype.kind != "f":
        raise RuntimeError(
            f"{what}: only floating point tensors can require gradients, this one is {public_dtype(array.dtype)}"
        )


def array_from(data: Any, dtype: Any, where: Any) -> Array:
    """A new array with the values of `data`: a number, nested lists, an array or a tensor."""
    wanted = None if dtype is None else numpy_dtype(dtype)
    if isinstance(data, TensorBase):
        data = data.array
    if is_array(data):
        target = device_of(data) if where is None and device_of(data) != CPU else resolve(where)
        moved = to_device(data, target)
        public_dtype(moved.dtype)
        if moved is not data and (wanted is None or moved.dtype == wanted):
            return moved
        with activate(target):
            return moved.astype(moved.dtype if wanted is None else wanted, copy=True)
    if _is_an_input(data):
        return library_on(resolve(where)).full((), data, dtype=default_float() if wanted is None else wanted)
    return to_device(constant(host_data(data, wanted, _unwrapped)), resolve(where))


def _is_an_input(number: Any) -> bool:
    """True for a number that a recorded step gets anew at each call."""
    return type(number) in REALS and type(number) is not float and type(number) is not int


def _unwrapped(data: Any) -> Any:
    """A tensor's values on the host, anything else as it is."""
    return to_host(data.array) if isinstance(data, TensorBase) else data


def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False
) -> Any:
    """A new tensor with a copy of `data` (a number, nested lists, an array, a tensor).

    Without `dtype`, Python's floats become the default dtype, integers int64, booleans bool; arrays keep theirs.

    >>> tensor([[1.0, 2.0], [3.0, 4.0]])
    tensor([[1., 2.],
            [3., 4.]])
    """
    return finish(array_from(data, dtype, device), requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Any:
    """`data` as a tensor, sharing its memory where dtype and device allow it (arrays, tensors)."""
    if isinstance(data, TensorBase):
        same = dtype is None or data.array.dtype == numpy_dtype(dtype)
        return data if same and device is None else data.to(device=device, dtype=dtype)  # type: ignore[attr-defined]
    if is_array(data):
        target = device_of(data) if device is None and device_of(data) != CPU else resolve(device)
        moved = to_device(data, target)
        public_dtype(moved.dtype)
        return wrap(moved if dtype is None else moved.astype(numpy_dtype(dtype), copy=False))
    return finish(array_from(data, dtype, device))


asarray = as_tensor


def from_numpy(array: Any) -> Any:
    """A tensor that shares the memory of a NumPy array: a change of one is a change of the other.

    >>> import numpy as np
    >>> a = np.zeros(2)
    >>> t = from_numpy(a); a[0] = 5; t
    tensor([5., 0.], dtype=minigrad.float64)
    """
    if not is_host_array(array):
        raise TypeError(f"from_numpy() takes a NumPy array, got {type(array).__name__}: use tensor() for other data")
    public_dtype(array.dtype)
    return wrap(plain_array(array))


def from_dlpack(source: Any) -> Any:
    """A tensor that shares the memory of any object with DLPack (PyTorch, JAX, CuPy, NumPy), on its device."""
    if isinstance(source, TensorBase):
        return wrap(source.array)
    kind = source.__dlpack_device__()[0] if hasattr(source, "__dlpack_device__") else 1
    where = CPU if int(kind) in (1, 3) else resolve("cuda")
    return wrap(library_on(where).from_dlpack(source))


def _make(name: str, size: tuple[Any, ...], dtype: Any, device: Any, requires_grad: bool, *fill: Any) -> Any:
    where = resolve(device)
    chosen = default_float() if dtype is None else numpy_dtype(dtype)
    fill = tuple(number if _is_an_input(number) else host_data(number, chosen, _unwrapped).item() for number in fill)
    with activate(where):
        array = getattr(library_on(where), name)(as_shape(size), *fill, dtype=chosen)
    return finish(array, requires_grad)


def _into(out: Any, made: Any) -> Any:
    """`made`, or `out` filled with it."""
    if out is None:
        return made
    out.array = made.array.astype(out.array.dtype)
    out.shared_storage().changed("out=")
    return out


def _size(size: tuple[Any, ...], named: Any) -> tuple[Any, ...]:
    return size if named is None else (named,)


def zeros(
    *size: Any, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
    pin_memory: bool = False, requires_grad: bool = False, **named: Any,
) -> Any:  # fmt: skip
    """Zeros of a shape given as `zeros(2, 3)` or `zeros((2, 3))`."""
    return _into(out, _make("zeros", _size(size, named.get("size")), dtype, device, requires_grad))


def ones(
    *size: Any, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
    pin_memory: bool = False, requires_grad: bool = False, **named: Any,
) -> Any:  # fmt: skip
    """Ones of a shape."""
    return _into(out, _make("ones", _size(size, named.get("size")), dtype, device, requires_grad))


def empty(
    *size: Any, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
    pin_memory: bool = False, requires_grad: bool = False, **named: Any,
) -> Any:  # fmt: skip
    """A tensor of a shape whose values are whatever was in memory."""
    return _into(out, _make("empty", _size(size, named.get("size")), dtype, device, requires_grad))


def full(
    size: Any, fill_value: Any, *, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Any:  # fmt: skip
    """A tensor of `size` filled with one number, whose type gives the dtype: bool, int64 or the default float."""
    if isinstance(fill_value, TensorBase):
        dtype = public_dtype(fill_value.array.dtype) if dtype is None else dtype
        fill_value = fill_value.array.item()
    if dtype is None:
        dtype = bool if isinstance(fill_value, bool) else int if isinstance(fill_value, int) else None
    size = (size,) if isinstance(size, int) else size
    return _into(out, _make("full", (size,), dtype, device, requires_grad, fill_value))


def _like(input: Any, name: str, dtype: Any, device: Any, requires_grad: bool, *fill: Any) -> Any:
    array = array_of(input)
    where = device_of(array) if device is None else device
    chosen = array.dtype if dtype is None else dtype
    return _make(name, (array.shape,), chosen, where, requires_grad, *fill)


def zeros_like(input: Any, *, dtype: Any = None, layout: Any = None, device: Any = None,
               requires_grad: bool = False, memory_format: Any = None) -> Any:  # fmt: skip
    """Zeros in the shape, dtype and device of `input`."""
    return _like(input, "zeros", dtype, device, requires_grad)


def ones_like(input: Any, *, dtype: Any = None, layout: Any = None, device: Any = None,
              requires_grad: bool = False, memory_format: Any = None) -> Any:  # fmt: skip
    """Ones in the shape, dtype and device of `input`."""
    return _like(input, "ones", dtype, device, requires_grad)


def empty_like(input: Any, *, dtype: Any = None, layout: Any = None, device: Any = None,
               requires_grad: bool = False, memory_format: Any = None) -> Any:  # fmt: skip
    """Uninitialised, in the shape, dtype and device of `input`."""
    return _like(input, "empty", dtype, device, requires_grad)


def full_like(input: Any, fill_value: Any, *, dtype: Any = None, layout: Any = None, device: Any = None,
              requires_grad: bool = False, memory_format: Any = None) -> Any:  # fmt: skip
    """`fill_value` in the shape, dtype and device of `input`."""
    return _like(input, "full", dtype, device, requires_grad, fill_value)


def _number(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def arange(
    start: Any = None, end: Any = None, step: Any = 1, *, out: Any = None, dtype: Any = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False,
) -> Any:  # fmt: skip
    """Numbers from `start` (0) up to, not including, `end`: int64, or the default float if one is a float.

    >>> arange(5)
    tensor([0, 1, 2, 3, 4])
    """
    if start is None and end is None:
        raise TypeError("arange() needs an end: arange(end) or arange(start, end, step)")
    if end is None or start is None:
        start, end = 0, start if end is None else end
    start, end, step = _number(start), _number(end), _number(step)
    if step == 0:
        raise RuntimeError("arange(): step must not be 0")
    if (end - start) * step < 0:
        raise RuntimeError(f"arange(): with step {step} no number leads from {start} to {end}")
    if dtype is None:
        dtype = int if all(isinstance(n, int) for n in (start, end, step)) else public_dtype(default_float())
    where = resolve(device)
    count = math.ceil((end - start) / step)
    with activate(where):
        # start + k * step, as PyTorch: summing the step up would collect rounding
        xp = library_on(where)
        chosen = numpy_dtype(dtype)
        counted = xp.arange(count, dtype="float64" if chosen.kind == "f" else "int64")
        array = (counted * step + start).astype(chosen)
    return _into(out, finish(array, requires_grad))


def range_(start: Any, end: Any = None, step: Any = 1, **options: Any) -> Any:
    """Like `arange`, but `end` is included and the result is floating point (PyTorch's old `range`)."""
    if end is None:
        start, end = 0, start
    options.setdefault("dtype", public_dtype(default_float()))
    return arange(start, end + step / 2, step, **options)


def linspace(
    start: Any, end: Any, steps: int, *, out: Any = None, dtype: Any = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False,
) -> Any:  # fmt: skip
    """`steps` numbers evenly from `start` to `end`, both included."""
    if steps < 0:
        raise RuntimeError(f"linspace(): steps must not be negative, got {steps}")
    where = resolve(device)
    chosen = default_float() if dtype is None else numpy_dtype(dtype)
    with activate(where):
        array = library_on(where).linspace(_number(start), _number(end), steps).astype(chosen)
    return _into(out, finish(array, requires_grad))


def logspace(
    start: Any, end: Any, steps: int, base: float = 10.0, *, out: Any = None, dtype: Any = None,
    layout: Any = None, device: Any = None, requires_grad: bool = False,
) -> Any:  # fmt: skip
    """`steps` numbers from base**start to base**end, evenly in the exponent."""
    exponents = linspace(start, end, steps, dtype=float, device=device).array
    chosen = default_float() if dtype is None else numpy_dtype(dtype)
    return _into(out, finish((base**exponents).astype(chosen), requires_grad))


def eye(
    n: int, m: int | None = None, *, out: Any = None, dtype: Any = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False,
) -> Any:  # fmt: skip
    """Ones on the diagonal of an n by m (n) matrix of zeros."""
    where = resolve(device)
    chosen = default_float() if dtype is None else numpy_dtype(dtype)
    with activate(where):
        array = library_on(where).eye(n, m, dtype=chosen)
    return _into(out, finish(array, requires_grad))


def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None) -> Any:
    """The places of the lower triangle of a `row` by `col` matrix: shape (2, number), rows above columns.

    >>> tril_indices(2, 2)
    tensor([[0, 1, 1],
            [0, 0, 1]])
    """
    return _triangle_indices("tril_indices", row, col, offset, dtype, device)


def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None) -> Any:
    """The places of the upper triangle of a `row` by `col` matrix: shape (2, number), rows above columns."""
    return _triangle_indices("triu_indices", row, col, offset, dtype, device)


def _triangle_indices(name: str, row: int, col: int, offset: int, dtype: Any, device: Any) -> Any:
    where = resolve(device)
    with activate(where):
        xp = library_on(where)
        places = xp.stack(getattr(xp, name)(row, offset, col))
        return finish(places.astype(numpy_dtype(int if dtype is None else dtype)))


class CreationMethods:
    """`x.new_zeros(...)` and its kin: new tensors in the dtype and on the device of x."""

    array: Array

    def new_tensor(self, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Any:
        """A copy of `data` in this tensor's dtype and on its device."""
        where = device_of(self.array) if device is None else device
        return tensor(
            data, dtype=self.array.dtype if dtype is None else dtype, device=where, requires_grad=requires_grad
        )

    def new_zeros(self, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Any:
        """Zeros of a shape."""
        return _new(self, "zeros", size, dtype, device, requires_grad)

    def new_ones(self, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Any:
        """Ones of a shape."""
        return _new(self, "ones", size, dtype, device, requires_grad)

    def new_empty(self, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Any:
        """Uninitialised, of a shape."""
        return _new(self, "empty", size, dtype, device, requires_grad)

    def new_full(self, size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None,
                 requires_grad: bool = False) -> Any:  # fmt: skip
        """One number, of a shape."""
        return _new(self, "full", (size,), dtype, device, requires_grad, fill_value)

    def new(self, *args: Any) -> Any:
        """The old form of `new_empty(shape)` and `new_tensor(data)`."""
        if len(args) == 1 and not isinstance(args[0], int):
            return self.new_tensor(args[0]) if not isinstance(args[0], tuple) else self.new_empty(args[0])
        return self.new_empty(*args) if args else self.new_empty(0)


def _new(like: Any, name: str, size: tuple[Any, ...], dtype: Any, device: Any, requires_grad: bool, *fill: Any) -> Any:
    where = device_of(like.array) if device is None else device
    return _make(name, size, like.array.dtype if dtype is None else dtype, where, requires_grad, *fill)


__all__ = [
    "CPU", "arange", "as_tensor", "asarray", "empty", "empty_like", "eye", "from_dlpack", "from_numpy", "full",
    "full_like", "linspace", "logspace", "ones", "ones_like", "range_", "tensor",
    "tril_indices", "triu_indices", "zeros", "zeros_like",
]  # fmt: skip
