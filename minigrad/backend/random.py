"""Random generators: one stream per generator, reproducible, with a state that can be saved.

On the CPU a `Generator` draws from NumPy's PCG64. On a GPU every draw starts a Philox stream of CuPy's from
(seed, number of the draw), so that two integers are its whole state.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .devices import CPU, activate, cupy_or_error, device, resolve
from .door import drawn, effect
from .host import bytes_to_array
from .library import Array

#: what `get_state` makes of an array: a Tensor, once there are Tensors (`_tensor/sampling.py`)
presented_state: Callable[[Array], Any] = np.asarray


def set_state_type(present: Callable[[Array], Any]) -> None:
    """Let `get_state` return what `present` makes of an array."""
    global presented_state
    presented_state = present


class Generator:
    """A stream of random numbers on one device.

    >>> a, b = Generator().manual_seed(1), Generator().manual_seed(1)
    >>> bool((a.normal((3,), np.dtype("float32")) == b.normal((3,), np.dtype("float32"))).all())
    True
    """

    def __init__(self, device: Any = "cpu") -> None:
        self.device = resolve(device)
        self._start(67280421310721)

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream named by `seed` (any integer from -2**63 to 2**64 - 1). Returns the generator."""
        seed = int(seed)
        if not -(2**63) <= seed < 2**64:
            raise RuntimeError(f"a seed must lie between -2**63 and 2**64 - 1, got {seed}")
        before = self.state_bytes()
        effect(self._start, lambda _: self.restore_bytes(before), seed)
        return self

    def _start(self, seed: int) -> None:
        self._seed = seed % 2**64
        self._draws = 0
        if self.device.type == "cpu":
            self._rng = np.random.Generator(np.random.PCG64(self._seed))

    def seed(self) -> int:
        """Start a stream that nobody has seen, and return its seed."""
        fresh = int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
        self.manual_seed(fresh)
        return fresh

    def initial_seed(self) -> int:
        """The seed that started the stream."""
        return self._seed

    def get_state(self) -> Any:
        """Everything that is needed to continue the stream, as a uint8 tensor on the CPU."""
        return presented_state(bytes_to_array(self.state_bytes()))

    def set_state(self, new_state: Any) -> None:
        """Continue from what `get_state` returned."""
        self.restore_bytes(getattr(new_state, "array", new_state).tobytes())

    def clone_state(self) -> Generator:
        """Another generator that continues as this one does."""
        return copy.deepcopy(self)

    def state_bytes(self) -> bytes:
        """Everything that is needed to continue the stream, as text in bytes."""
        state: dict[str, Any] = {"seed": self._seed, "draws": self._draws, "device": self.device.type}
        if self.device.type == "cpu":
            state["pcg64"] = self._rng.bit_generator.state
        return json.dumps(state).encode()

    def restore_bytes(self, data: bytes) -> None:
        """Continue from what `state_bytes` returned."""
        try:
            state = json.loads(data)
            if state["device"] != self.device.type:
                raise ValueError
            self._seed, self._draws = state["seed"], state["draws"]
            if self.device.type == "cpu":
                self._rng.bit_generator.state = state["pcg64"]
        except (ValueError, KeyError, TypeError):
            raise RuntimeError(
                f"this is not the state of a minigrad generator on '{self.device.type}': "
                "pass what get_state() of such a generator returned"
            ) from None

    def __getstate__(self) -> dict[str, Any]:
        return {"device": self.device, "state": self.state_bytes()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["device"])  # type: ignore[misc]
        self.restore_bytes(state["state"])

    def __repr__(self) -> str:
        return f"<minigrad.Generator on {self.device}, seed {self._seed}>"

    def _stream(self) -> Any:
        """The library's generator for the next draw."""
        if self.device.type == "cpu":
            return self._rng
        cupy = cupy_or_error()
        words = np.random.SeedSequence([self._seed, self._draws]).generate_state(1, np.uint64)
        self._draws += 1
        return cupy.random.Generator(cupy.random.Philox4x3210(int(words[0]) >> 1))

    def normal(self, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        """Standard normal numbers of `shape`."""
        return self._draw("standard_normal", shape, dtype)

    def uniform(self, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        """Uniform numbers in [0, 1) of `shape`."""
        return self._draw("random", shape, dtype)

    def exponential(self, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        """Exponential numbers of rate 1."""
        return self._draw("standard_exponential", shape, dtype)

    def _draw(self, name: str, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        return drawn(self, self._draw_numbers, name, shape, dtype)

    def _draw_numbers(self, name: str, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        with activate(self.device):
            wide = np.float64 if dtype == np.float64 else np.float32  # float16 is rounded from float32
            values = getattr(self._stream(), name)(size=shape, dtype=wide)
            if isinstance(values, (float, np.generic)):
                values = np.asarray(values, dtype=wide)
            return values if values.dtype == dtype else values.astype(dtype)

    def integers(self, low: int, high: int, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        """Integers from `low` to `high - 1`, each as likely."""
        return drawn(self, self._draw_integers, low, high, shape, dtype)

    def _draw_integers(self, low: int, high: int, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        with activate(self.device):
            values = self._stream().integers(low, high, size=shape, dtype=np.int64)
            if isinstance(values, (int, np.generic)):
                values = np.asarray(values)
            return values.astype(dtype)

    def permutation(self, n: int) -> Array:
        """The numbers 0 to n - 1 in random order, int64."""
        return drawn(self, self._draw_permutation, n)

    def _draw_permutation(self, n: int) -> Array:
        if self.device.type == "cpu":
            return self._rng.permutation(n)
        with activate(self.device):
            return self._stream().random(size=(n,), dtype=np.float64).argsort()


_defaults: dict[device, Generator] = {CPU: Generator()}
_defaults[CPU].seed()  # runs that seed nothing differ, as in PyTorch


def default_generator(where: device) -> Generator:
    """The generator from which draws on `where` come unless one is given."""
    found = _defaults.get(where)
    if found is None:
        found = _defaults[where] = Generator(where)
        found._start(_defaults[CPU].initial_seed())  # for good: a step that is recorded, and undone, may be the first
    return found


def manual_seed(seed: int) -> Generator:
    """Seed the default generators of all devices, and return the CPU's."""
    for generator in _defaults.values():
        generator.manual_seed(seed)
    return _defaults[CPU]


def default_states() -> dict[device, bytes]:
    """The states of the default generators, for `restored`."""
    return effect(_states, _nothing)


def _states() -> dict[device, bytes]:
    return {where: generator.state_bytes() for where, generator in _defaults.items()}


def _nothing() -> None:
    """Reading states needs no undoing."""


@contextmanager
def restored(states: dict[device, bytes]) -> Iterator[None]:
    """Inside, the default generators continue from `states`; afterwards from where they were."""
    before = default_states()
    effect(_restore, lambda _: _restore(before), states)
    try:
        yield
    finally:
        effect(_restore, _ignored, before)


def _ignored(states: dict[device, bytes]) -> None:
    """What came before is undone already."""


def _restore(states: dict[device, bytes]) -> None:
    for where, generator in _defaults.items():
        if where in states:
            generator.restore_bytes(states[where])
        else:  # it was made later, from the CPU's seed
            generator.manual_seed(_defaults[CPU].initial_seed())


def seed() -> int:
    """Seed the default generators with a number that nobody has seen, and return it."""
    fresh = _defaults[CPU].seed()
    manual_seed(fresh)
    return fresh


def initial_seed() -> int:
    """The seed of the CPU's default generator."""
    return _defaults[CPU].initial_seed()


def foreign_state(thing: Any) -> Any:
    """The state of a generator of Python's or NumPy's, something hashable; None for anything else."""
    if isinstance(thing, random.Random):
        return thing.getstate()
    if isinstance(thing, np.random.Generator):
        return repr(thing.bit_generator.state)
    if isinstance(thing, np.random.RandomState):
        return repr(thing.get_state(legacy=False))
    return None


def foreign_states() -> list[Any]:
    """The states of Python's and NumPy's own global generators, to see whether somebody has drawn from them."""
    state: Any = np.random.get_state()  # noqa: NPY002  # the old generator is the one that is global
    return [random.getstate(), *(part.tobytes() if isinstance(part, np.ndarray) else part for part in state)]
