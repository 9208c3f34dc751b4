"""``cupy.random``'s older half: ``RandomState`` and the module's functions, which use one state per device.

Distributions and types are CuPy's, the numbers are NumPy's. Only float32 and float64 can be drawn; a state
cannot be pickled, copied or saved, as CuPy's cannot.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from .core import Storage, host, new, to_dtype
from .creation import asarray
from .names import known, members, words
from .namespace import provide
from .settings import counter, current_device

# How NumPy's RandomState is asked for the distributions that only need dtype and device added.
PLAIN = words(
    """beta binomial chisquare dirichlet f gamma geometric gumbel hypergeometric laplace logistic logseries
    multivariate_normal negative_binomial noncentral_chisquare noncentral_f pareto poisson power
    rayleigh standard_cauchy standard_gamma standard_t triangular vonmises wald weibull zipf"""
)


def _floating(dtype: Any) -> np.dtype:
    made = np.dtype(dtype)
    if made.char not in "fd":
        raise TypeError("cupy.random only supports float32 and float64")
    return made


def _plain(name: str) -> Callable[..., Any]:
    signature = known(f"cupy.random.RandomState.{name}").signature  # type: ignore[union-attr]
    whole = name in (
        "binomial",
        "geometric",
        "hypergeometric",
        "logseries",
        "negative_binomial",
        "poisson",
        "zipf",
    )

    def draw(self: Any, *args: Any, **kwargs: Any) -> Any:
        signature.check(args, kwargs)
        given = dict(zip(signature.positions, args, strict=False)) | kwargs
        dtype = to_dtype(given.pop("dtype", np.int64 if whole else np.float64))
        made = getattr(self._state, name)(**{k: host(v, []) for k, v in given.items()})
        return new(np.asarray(made).astype(dtype))

    draw.__name__ = name
    return draw


class RandomState:
    """Random numbers on the device; ``size=None`` gives a 0-d array."""

    def __init__(self, seed: Any = None, method: Any = None):
        current_device()
        self._lock = threading.Lock()  # as CuPy's, and what keeps a state from being pickled
        self.seed(seed)

    def seed(self, seed: Any = None) -> None:
        if seed is not None:
            given = np.asarray(seed)
            if given.dtype.kind not in "biu":
                raise TypeError("Seed must be an integer.")
            seed = int(given)
            if not 0 <= seed < 2**64:
                raise ValueError("Seed must be an integer between 0 and 2**64 - 1")
        self._state = np.random.RandomState(np.random.MT19937(seed))

    def random_sample(self, size: Any = None, dtype: Any = float) -> Any:
        dtype = _floating(dtype)
        made = np.asarray(self._state.random_sample(size)).astype(dtype)
        return new(np.where(made < 1, made, np.nextafter(dtype.type(1), dtype.type(0))))

    def rand(self, *size: int, **kwarg: Any) -> Any:
        return self.random_sample(size, **_dtype_only("rand", kwarg))

    def randn(self, *size: int, **kwarg: Any) -> Any:
        return self.normal(size=size, **_dtype_only("randn", kwarg))

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = float) -> Any:
        dtype = _floating(dtype)
        return new(np.asarray(self._state.normal(host(loc, []), host(scale, []), size)).astype(dtype))

    def standard_normal(self, size: Any = None, dtype: Any = float) -> Any:
        return self.normal(size=size, dtype=dtype)

    def lognormal(self, mean: Any = 0.0, sigma: Any = 1.0, size: Any = None, dtype: Any = float) -> Any:
        dtype = _floating(dtype)
        return new(np.asarray(self._state.lognormal(host(mean, []), host(sigma, []), size)).astype(dtype))

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None, dtype: Any = float) -> Any:
        low, high = host(low, []), host(high, [])
        if size is None:
            size = np.broadcast_shapes(np.shape(low), np.shape(high))
        unit = self.random_sample(size, dtype)._array
        return new(np.asarray(low + unit * (high - low)).astype(_floating(dtype)))

    def standard_exponential(self, size: Any = None, dtype: Any = float) -> Any:
        return new(np.asarray(self._state.standard_exponential(size)).astype(_floating(dtype)))

    def exponential(self, scale: Any = 1.0, size: Any = None, dtype: Any = float) -> Any:
        return new(np.asarray(self._state.exponential(host(scale, []), size)).astype(_floating(dtype)))

    def randint(self, low: Any, high: Any = None, size: Any = None, dtype: Any = int) -> Any:
        """Bounds are integers, or a device array as ``low``."""
        if np.isscalar(low):
            low, high = (0, int(low)) if high is None else (int(low), int(high))
            limits = np.iinfo(dtype)
            if low >= high:
                raise ValueError("low >= high")
            if low < limits.min or high - 1 > limits.max:
                raise ValueError(
                    f"{'low' if low < limits.min else 'high'} is out of bounds for {np.dtype(dtype).name}"
                )
            made = self._state.randint(low, high, size, np.int64)
        else:
            made = self._state.randint(host(asarray(low), []), host(high, []), size, np.int64)
        return new(np.asarray(made).astype(to_dtype(dtype)))

    def tomaxint(self, size: Any = None) -> Any:
        return new(np.asarray(self._state.randint(0, np.iinfo(np.int64).max, size, np.int64)))

    def permutation(self, a: Any) -> Any:
        """Of ``range(a)`` for a Python int, else of the rows of a device array."""
        if isinstance(a, int):
            return new(self._state.permutation(a))
        return a[new(self._state.permutation(len(a)))]

    def shuffle(self, a: Any) -> None:
        if not isinstance(a, Storage):
            raise TypeError("The array must be cupy.ndarray")
        if a.ndim == 0:
            raise TypeError("An array whose ndim is 0 is not supported")
        a[:] = a[self.permutation(len(a))]

    def choice(self, a: Any, size: Any = None, replace: bool = True, p: Any = None) -> Any:
        """Needs a size, and takes no probabilities without replacement."""
        if size is None:
            raise NotImplementedError("choice() without specifying size is not supported yet")
        if not replace and p is not None:
            raise NotImplementedError
        values = a if isinstance(a, int) else host(asarray(a), [])
        weights = None
        if p is not None:
            weights = host(asarray(p), []).astype(float)
            counter.host("choice")
            if not np.isclose(weights.sum(), 1):
                raise ValueError("probabilities do not sum to 1")
            weights = weights / weights.sum()
        return new(np.asarray(self._state.choice(values, size, replace, weights)))


for _name in PLAIN:
    setattr(RandomState, _name, _plain(_name))


def _dtype_only(name: str, kwarg: dict[str, Any]) -> dict[str, Any]:
    if kwarg.keys() - {"dtype"}:
        raise TypeError(f"{name}() got unexpected keyword arguments {', '.join(kwarg)}")
    return kwarg


_states: dict[int, RandomState] = {}


def get_random_state() -> RandomState:
    """The state that the module's functions use on the current device."""
    device = current_device()
    if device not in _states:
        _states[device] = RandomState()
    return _states[device]


def set_random_state(rs: RandomState) -> None:
    if not isinstance(rs, RandomState):
        raise TypeError(f"Random state must be an instance of RandomState. Actual: {type(rs)}")
    _states[current_device()] = rs


def seed(seed: Any = None) -> None:
    get_random_state().seed(seed)


def reset_states() -> None:
    _states.clear()


def multinomial(n: int, pvals: Any, size: Any = None) -> Any:
    return new(np.asarray(get_random_state()._state.multinomial(n, host(pvals, []).astype(float), size)))


def random_integers(low: int, high: Any = None, size: Any = None) -> Any:
    return get_random_state().randint(*((1, low + 1) if high is None else (low, high + 1)), size)


def bytes(length: int) -> Any:
    return get_random_state()._state.bytes(length)


def _of_current_state(name: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        return getattr(get_random_state(), name)(*args, **kwargs)

    call.__name__ = name
    return call


_ALIASES = {"random": "random_sample", "ranf": "random_sample", "sample": "random_sample"}
_METHODS = set(members("cupy.random.RandomState")) & set(members("cupy.random")) - {"seed"}
provide("cupy.random", {name: _of_current_state(name) for name in _METHODS})
provide("cupy.random", {name: _of_current_state(target) for name, target in _ALIASES.items()})
provide(
    "cupy.random",
    {
        "RandomState": RandomState,
        "bytes": bytes,
        "get_random_state": get_random_state,
        "multinomial": multinomial,
        "random_integers": random_integers,
        "reset_states": reset_states,
        "seed": seed,
        "set_random_state": set_random_state,
    },
)
