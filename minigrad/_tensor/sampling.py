"""Random tensors: from the default generator of the device, or from one that is given."""

from __future__ import annotations

from typing import Any

from ..autograd.node import TensorBase
from ..autograd.operands import array_of
from ..autograd.primitive import primitive, wrap
from ..backend.devices import CPU, device_of, resolve
from ..backend.door import whole
from ..backend.dtypes import default_float, numpy_dtype
from ..backend.library import is_array, library
from ..backend.random import Generator, default_generator, initial_seed, manual_seed, seed, set_state_type
from .creation import _into, _number, finish
from .inplace import assign, check_writable, filled
from .size import as_shape

FLOAT64 = numpy_dtype(float)

set_state_type(wrap)


def _generator(generator: Generator | None, where: Any) -> Generator:
    """The generator to draw from, which must be of the device."""
    if generator is None:
        return default_generator(where)
    if generator.device.type != where.type:
        raise RuntimeError(f"expected a generator on '{where}', got one on '{generator.device}'")
    return generator


def _sample(
    method: str,
    size: tuple[Any, ...],
    generator: Generator | None,
    out: Any,
    dtype: Any,
    device: Any,
    requires_grad: bool,
) -> Any:
    where = resolve(device if device is not None or generator is None else generator.device)
    chosen = default_float() if dtype is None else numpy_dtype(dtype)
    if chosen.kind != "f":
        raise RuntimeError(
            f"random numbers of this kind are floating point, got dtype={dtype}: use randint for integers"
        )
    array = getattr(_generator(generator, where), method)(as_shape(size), chosen)
    return _into(out, finish(array, requires_grad))


def rand(
    *size: Any, generator: Generator | None = None, out: Any = None, dtype: Any = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False, pin_memory: bool = False, **named: Any,
) -> Any:  # fmt: skip
    """Uniform numbers in [0, 1) of a shape."""
    size = (named["size"],) if "size" in named else size
    return _sample("uniform", size, generator, out, dtype, device, requires_grad)


def randn(
    *size: Any, generator: Generator | None = None, out: Any = None, dtype: Any = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False, pin_memory: bool = False, **named: Any,
) -> Any:  # fmt: skip
    """Standard normal numbers of a shape."""
    size = (named["size"],) if "size" in named else size
    return _sample("normal", size, generator, out, dtype, device, requires_grad)


def _like(method: str, input: Any, dtype: Any, device: Any, requires_grad: bool, generator: Any) -> Any:
    where = device_of(input.array) if device is None else device
    chosen = input.array.dtype if dtype is None else dtype
    return _sample(method, (input.array.shape,), generator, None, chosen, where, requires_grad)


def rand_like(input: Any, *, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
              memory_format: Any = None, generator: Generator | None = None) -> Any:  # fmt: skip
    """Uniform numbers in [0, 1) in the shape, dtype and device of `input`."""
    return _like("uniform", input, dtype, device, requires_grad, generator)


def randn_like(input: Any, *, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
               memory_format: Any = None, generator: Generator | None = None) -> Any:  # fmt: skip
    """Standard normal numbers in the shape, dtype and device of `input`."""
    return _like("normal", input, dtype, device, requires_grad, generator)


def randint(
    low: int, high: Any = None, size: Any = None, *, generator: Generator | None = None, out: Any = None,
    dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
) -> Any:  # fmt: skip
    """Integers from `low` (0) to `high` - 1, each as likely: `randint(10, (2, 3))`, `randint(3, 10, (2, 3))`."""
    if size is None:
        if isinstance(high, (tuple, list)):
            low, high, size = 0, low, high
        else:
            raise TypeError("randint() needs a size: randint(high, size) or randint(low, high, size)")
    elif high is None:
        low, high = 0, low
    low, high = int(_number(low)), int(_number(high))
    if low >= high:
        raise RuntimeError(f"randint(): low must be smaller than high, got low={low} and high={high}")
    where = resolve(device if device is not None or generator is None else generator.device)
    chosen = numpy_dtype(int if dtype is None else dtype)
    size = (size,) if isinstance(size, int) else size
    return _into(
        out, finish(_generator(generator, where).integers(low, high, as_shape(tuple(size)), chosen), requires_grad)
    )


def randint_like(input: Any, low: int, high: int | None = None, *, dtype: Any = None, device: Any = None,
                 generator: Generator | None = None) -> Any:  # fmt: skip
    """Random integers in the shape, dtype and device of `input`."""
    if high is None:
        low, high = 0, low
    chosen = input.array.dtype if dtype is None else dtype
    where = device_of(input.array) if device is None else device
    return randint(low, high, input.array.shape, dtype=chosen, device=where, generator=generator)


def randperm(
    n: int, *, generator: Generator | None = None, out: Any = None, dtype: Any = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Any:  # fmt: skip
    """The numbers 0 to n - 1 in random order."""
    where = resolve(device if device is not None or generator is None else generator.device)
    chosen = numpy_dtype(int if dtype is None else dtype)
    return _into(out, finish(_generator(generator, where).permutation(n).astype(chosen), requires_grad))


def normal(mean: Any, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None, out: Any = None,
           dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Any:  # fmt: skip
    """Normal numbers: with means and deviations of tensors, or of one mean and deviation in a `size`."""
    if size is not None:
        drawn = randn(
            *as_shape((size,) if isinstance(size, int) else tuple(size)),
            generator=generator,
            dtype=dtype,
            device=device,
        )
        return _into(out, finish((drawn * std + mean).array, requires_grad))
    if not isinstance(mean, TensorBase) and not isinstance(std, TensorBase):
        raise TypeError("normal() needs a tensor as mean or std, or a size")
    whole(_refuse_negative, array_of(std))
    like = (mean * 0 + std * 0).array  # type: ignore
    drawn = _sample("normal", (like.shape,), generator, None, like.dtype, device_of(like), False)
    return _into(out, (drawn * std + mean).detach())


def _refuse_negative(std: Any) -> None:
    if bool((std < 0).any() if is_array(std) else std < 0):
        raise RuntimeError("normal() expects standard deviations that are not negative")


def _refuse_improbable(p: Any) -> None:
    if bool(((p < 0) | (p > 1)).any()):
        raise RuntimeError("bernoulli() expects probabilities between 0 and 1")


@primitive(dtype="keep")
def bernoulli(xp, input, *, generator=None):
    """1 with the probability that `input` gives, else 0; the gradient is zero."""
    where = device_of(input)
    whole(_refuse_improbable, input)
    drawn = _generator(generator, where).uniform(input.shape, input.dtype)
    return (drawn < input).astype(input.dtype)


bernoulli.vjp(input=lambda g: g * 0)


def multinomial(input: Any, num_samples: int, replacement: bool = False, *, generator: Generator | None = None,
                out: Any = None) -> Any:  # fmt: skip
    """Indices drawn with the probabilities of the rows of `input` (shape (n,) or (m, n), weights need not sum to 1).

    Returns:
        int64, shape (num_samples,) or (m, num_samples).
    """
    array = array_of(input)
    xp = library(array)
    if array.ndim not in (1, 2):
        raise RuntimeError(f"multinomial() takes one or two dimensions of weights, got shape {tuple(array.shape)}")
    if array.dtype.kind != "f":
        raise RuntimeError(f"multinomial() takes floating point weights, got {array.dtype}")
    if num_samples <= 0:
        raise RuntimeError(f"multinomial() cannot draw {num_samples} samples")
    weights = array.reshape(-1, array.shape[-1]).astype(FLOAT64)
    whole(_refuse_weights, weights)
    source = _generator(generator, device_of(array))
    rows, n = weights.shape
    if replacement:
        # the number of cumulated shares below a uniform number is the index that it falls on
        edges = weights.cumsum(1)
        drawn = source.uniform((rows, num_samples), FLOAT64) * edges[:, -1:]
        found = [xp.searchsorted(edges[k], drawn[k], side="right") for k in range(rows)]
        found = xp.minimum(xp.stack(found), n - 1) if rows else drawn
    else:
        whole(_refuse_too_few, weights, num_samples)
        # the order of exponential numbers divided by their weights is a draw without replacement [Efraimidis 2006]
        race = source.exponential((rows, n), FLOAT64) / xp.where(weights > 0, weights, 1)
        found = xp.where(weights > 0, race, xp.inf).argsort(axis=1)[:, :num_samples]
    result = wrap(found.reshape(*array.shape[:-1], num_samples).astype("int64"))
    return _into(out, result) if isinstance(input, TensorBase) or out is not None else result.array


def _refuse_weights(weights: Any) -> None:
    xp = library(weights)
    if bool((~xp.isfinite(weights) | (weights < 0)).any()) or bool((weights.sum(1) <= 0).any()):
        raise RuntimeError("multinomial() needs weights that are finite, not negative, and not all zero in a row")


def _refuse_too_few(weights: Any, num_samples: int) -> None:
    if num_samples > weights.shape[1] or bool(((weights > 0).sum(1) < num_samples).any()):
        raise RuntimeError(
            f"multinomial() cannot draw {num_samples} different indices where fewer weights are above zero: "
            "pass replacement=True"
        )


def get_rng_state() -> Any:
    """The state of the CPU's default generator, a uint8 tensor."""
    return default_generator(CPU).get_state()


def set_rng_state(state: Any) -> None:
    """Continue the CPU's default generator from a state."""
    default_generator(CPU).set_state(state)


class SamplingMethods:
    """Filling a tensor with random numbers, in place, and drawing by the weights that it holds."""

    array: Any

    multinomial = multinomial

    def bernoulli(self, p: float | None = None, *, generator: Generator | None = None) -> Any:
        """1 with the probability that the tensor, or `p`, gives, else 0."""
        return bernoulli(self if p is None else filled(self, p), generator=generator)

    def uniform_(
        self, from_: float = 0.0, to: float = 1.0, *, generator: Generator | None = None, **named: float
    ) -> Any:
        """Uniform numbers from `from_` to `to`."""
        low, high = named.get("a", named.get("from", from_)), named.get("b", to)
        if low > high:
            raise RuntimeError(f"uniform_() expects from <= to, got {low} and {high}")
        return _fill(self, "uniform_", "uniform", generator, high - low, low)

    def normal_(self, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Any:
        """Normal numbers."""
        if std < 0:
            raise RuntimeError(f"normal_() expects a standard deviation that is not negative, got {std}")
        return _fill(self, "normal_", "normal", generator, std, mean)

    def exponential_(self, lambd: float = 1.0, *, generator: Generator | None = None) -> Any:
        """Exponential numbers of rate `lambd`."""
        return _fill(self, "exponential_", "exponential", generator, 1 / lambd, 0.0)

    def random_(self, from_: int = 0, to: int | None = None, *, generator: Generator | None = None) -> Any:
        """Integers from `from_` to `to` - 1: `random_()`, `random_(to)`, `random_(from, to)`."""
        check_writable(self, "random_")
        if to is None:
            kind, bits = self.array.dtype.kind, self.array.dtype.itemsize * 8
            digits = {16: 11, 32: 24, 64: 53}
            whole = 2 ** digits[bits] + 1 if kind == "f" else 2 if kind == "b" else 2 ** min(bits - (kind == "i"), 62)
            from_, to = (0, from_) if from_ else (0, whole)
        source = _generator(generator, device_of(self.array))
        return assign(self, wrap(source.integers(from_, to, self.array.shape, self.array.dtype)), "random_")

    def bernoulli_(self, p: Any = 0.5, *, generator: Generator | None = None) -> Any:
        """1 with probability `p` (a number or a tensor), else 0."""
        check_writable(self, "bernoulli_")
        source = _generator(generator, device_of(self.array))
        drawn = source.uniform(self.array.shape, FLOAT64)
        chosen = drawn < array_of(p)
        return assign(self, wrap(chosen.astype(self.array.dtype)), "bernoulli_")


def _fill(x: Any, name: str, method: str, generator: Generator | None, scale: float, shift: float) -> Any:
    check_writable(x, name)
    if x.array.dtype.kind != "f":
        raise RuntimeError(f"{name}() needs a floating point tensor, this one is {x.dtype}: use random_() for integers")
    drawn = getattr(_generator(generator, device_of(x.array)), method)(x.array.shape, x.array.dtype)
    return assign(x, wrap((drawn * scale + shift).astype(x.array.dtype)), name)


__all__ = [
    "Generator", "bernoulli", "get_rng_state", "initial_seed", "manual_seed", "multinomial", "normal", "rand",
    "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "seed", "set_rng_state",
]  # fmt: skip
