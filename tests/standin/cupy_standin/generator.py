"""``cupy.random``'s newer half: bit generators and ``Generator``, with the few distributions that CuPy
gives it.

There is no ``normal``, ``permutation``, ``shuffle`` or ``choice``, and the state of a bit generator is a
pointer: it can be neither read, set, pickled nor copied.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from .core import Storage, host, new, to_dtype
from .names import known, words
from .namespace import provide
from .settings import counter, current_device

PLAIN = words(
    "beta binomial chisquare dirichlet exponential f gamma geometric hypergeometric logseries poisson power"
)
WHOLE = frozenset(["binomial", "geometric", "hypergeometric", "logseries", "poisson"])


class BitGenerator:
    """A stream of random bits on the device where it was made."""

    generator = 0

    def __init__(self, seed: Any = None):
        self.lock = threading.Lock()
        if isinstance(seed, Storage):
            counter.host("seed")
            seed = seed._array
        sequence = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
        self._stream = np.random.Generator(np.random.Philox(sequence.generate_state(2, np.uint32).tolist()))
        self._device = current_device()

    def random_raw(self, size: Any = None, output: bool = True) -> Any:
        raise NotImplementedError("Not implemented in base BitGenerator")

    def _check_device(self) -> None:
        if current_device() != self._device:
            raise RuntimeError("This Generator state is allocated in a different device")


class _CuRAND(BitGenerator):
    def __init__(self, seed: Any = None, *, size: int = -1):
        super().__init__(seed)

    def random_raw(self, size: Any = None, output: bool = True) -> Any:
        made = self._stream.integers(0, 2**31, size, np.int32)
        return new(np.asarray(made)) if output else None

    def state(self) -> int:
        self._check_device()
        return id(self._stream)


class XORWOW(_CuRAND):
    """CuPy's default bit generator."""


class MRG32k3a(_CuRAND):
    """cuRAND's MRG32k3a."""


class Philox4x3210(_CuRAND):
    """cuRAND's Philox4x32-10."""


def _plain(name: str) -> Callable[..., Any]:
    signature = known(f"cupy.random.Generator.{name}").signature  # type: ignore[union-attr]

    def draw(self: Any, *args: Any, **kwargs: Any) -> Any:
        signature.check(args, kwargs)
        given = dict(zip(signature.positions, args, strict=False)) | kwargs
        dtype = to_dtype(given.pop("dtype", np.int64 if name in WHOLE else np.float64))
        made = getattr(self._stream(), name)(**{k: host(v, []) for k, v in given.items()})
        return new(np.asarray(made).astype(dtype))

    draw.__name__ = name
    return draw


class Generator:
    """Draws from a bit generator."""

    def __init__(self, bit_generator: BitGenerator):
        self.bit_generator = bit_generator

    def _stream(self) -> np.random.Generator:
        self.bit_generator._check_device()
        return self.bit_generator._stream

    def random(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        return self._fill(self._stream().random, size, dtype, out)

    def standard_normal(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        return self._fill(self._stream().standard_normal, size, dtype, out)

    def standard_exponential(
        self, size: Any = None, dtype: Any = np.float64, method: str = "inv", out: Any = None
    ) -> Any:
        if method == "zig":
            raise NotImplementedError("Ziggurat method is not supported")
        return self._fill(self._stream().standard_exponential, size, dtype, out)

    def standard_gamma(self, shape: Any, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        return self._fill(lambda n, d: self._stream().standard_gamma(host(shape, []), n, d), size, dtype, out)

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None, dtype: Any = np.float64) -> Any:
        made = self._stream().uniform(host(low, []), host(high, []), size)
        return new(np.asarray(made).astype(to_dtype(dtype)))

    def integers(
        self, low: Any, high: Any = None, size: Any = None, dtype: Any = np.int64, endpoint: bool = False
    ) -> Any:
        """Bounds are integers; a device array as bound is read back by ``int()``."""
        low, high = (0, int(low)) if high is None else (int(low), int(high))
        last = high if endpoint else high - 1
        limits = np.iinfo(dtype)
        if low > last:
            raise ValueError("low >= high")
        if low < limits.min or last > limits.max:
            raise ValueError(
                f"{'low' if low < limits.min else 'high'} is out of bounds for {np.dtype(dtype).name}"
            )
        made = self._stream().integers(low, last, size, np.int64, True)
        return new(np.asarray(made).astype(to_dtype(dtype)))

    @staticmethod
    def _fill(draw: Callable[..., Any], size: Any, dtype: Any, out: Any) -> Any:
        wanted = np.dtype(dtype)
        if wanted.char not in "fd":
            raise TypeError("cupy.random only supports float32 and float64")
        if out is None:
            return new(np.asarray(draw(size, wanted), wanted))
        if out.dtype != wanted:
            raise TypeError(
                f"Supplied output array has the wrong type. Expected {wanted.name}, got {out.dtype.name}"
            )
        if size is not None and ((size,) if np.isscalar(size) else tuple(size)) != out.shape:
            raise ValueError("size must match out.shape when used together")
        out._array[...] = draw(out.shape, wanted)
        return out


for _name in PLAIN:
    setattr(Generator, _name, _plain(_name))


def default_rng(seed: Any = None) -> Generator:
    if isinstance(seed, Generator):
        return seed
    return Generator(seed if isinstance(seed, BitGenerator) else XORWOW(seed))


_HERE = words("BitGenerator XORWOW MRG32k3a Philox4x3210 Generator default_rng")
provide("cupy.random", {name: globals()[name] for name in _HERE})
