"""`Pass`: the order of one pass over a loader, and how to find the same place in it again in another process.

A pass is not saved as a list of indices. It is drawn again: from the states that every generator had at its start (and,
where samplers draw in the middle of a pass, there too), as far as it had been drawn.
"""

from __future__ import annotations

import copy
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from .bucket_sampler import BucketSampler
from .dataset import IterableDataset
from .generators import default_generators, get_state, is_generator, kind_of, minigrad_generators, set_state
from .sampler import (
    BatchSampler,
    Endless,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
    draw_seed,
)

if TYPE_CHECKING:
    from .dataloader import DataLoader

#: samplers whose draws are known: from their own generator or minigrad's default one, at the start of a pass
_KNOWN = frozenset((
    BatchSampler, BucketSampler, Endless, RandomSampler, SequentialSampler, SubsetRandomSampler, WeightedRandomSampler,
    range, list, tuple,
))  # fmt: skip


class Pass:
    """What one pass reads, in its order.

    Args:
        loader: whose pass it is.
        begin: begins to read: an iterator over index batches (over the items themselves for a stream in this process).
        saved: what `state` gave of a pass to go on with.
    """

    def __init__(self, loader: DataLoader, begin: Callable[[], Iterator[Any]], saved: dict[str, Any] | None) -> None:
        samplers = samplers_of(loader)
        stream = isinstance(loader.dataset, IterableDataset) and loader.num_workers == 0
        strangers = stream or any(type(sampler) not in _KNOWN for sampler in samplers.values())
        defaults = default_generators() if strangers else minigrad_generators()
        self.generators = {
            **{f"default {name}": g for name, g in defaults.items()},
            **_generators_of(loader, samplers, defaults),
        }
        self.watching = strangers or any(map(_draws_in_the_middle, samplers.values()))
        self.comparable = not stream
        self.waiting: deque[tuple[int, Any]] = deque()  # drawn before the state was saved, and not handed out
        self.unread: set[int] = set()  # numbers of those that are handed out, and have not been read yet
        self.drawn = 0
        self.last: Any = None
        self.left: dict[str, Any] = {}  # the states that the last draw has left, where it is watched
        if saved is None:
            # of the workers; drawn without any too, so that what follows does not depend on their number
            self.base_seed = draw_seed(loader.generator)
            self.sampler_states = states_of(samplers)
            self.marks: list[Any] = [[-1, self._states()]]
            self.source = begin()
        else:
            self.base_seed = saved["base_seed"]
            self.sampler_states = saved["samplers"]
            self.marks = list(saved["marks"])
            self._draw_again(samplers, begin, saved)

    def draw(self) -> tuple[int, Any]:
        """The number of the next thing to read, and what it is."""
        if self.waiting:
            return self.waiting.popleft()
        number = self.drawn
        self.last = self._watch(number) if self.watching or number == 0 else next(self.source)
        self.drawn = number + 1
        return number, self.last

    def _watch(self, number: int) -> Any:
        """Draw once, and mark the states of the generators that it needs, so that it can be done again."""
        before = self._states()
        found = next(self.source)
        if number == 0:
            self.marks.append([number, before])
        if self.watching:
            after = self._states()
            if number > 0:  # where others have drawn since, and it draws itself
                drawn = {name: state for name, state in before.items() if after[name] != state != self.left[name]}
                if drawn:
                    self.marks.append([number, drawn])
            self.left = after
        return found

    def state(self) -> dict[str, Any]:
        """All that is needed to go on in another process, as plain data."""
        return {
            "base_seed": self.base_seed,
            "drawn": self.drawn,
            "unread": sorted([*self.unread, *(number for number, _ in self.waiting)]),
            "marks": list(self.marks),
            "samplers": self.sampler_states,
            "last": self._last(),
        }

    def _last(self) -> int | None:
        """A number that tells whether the last index batch is the same."""
        if not self.comparable or self.drawn == 0:
            return None
        text = repr(self.last)
        return None if " at 0x" in text else zlib.crc32(text.encode())

    def _draw_again(self, samplers: dict[str, Any], begin: Callable[[], Iterator[Any]], saved: dict[str, Any]) -> None:
        """Be where the saved pass was. All generators are left as they are now."""
        now, marks, unread = self._states(), dict(self.marks), set(saved["unread"])
        load_states(samplers, self.sampler_states)
        try:
            self._restore(marks[-1])
            self.source = begin()
            for number in range(saved["drawn"]):
                self._restore(marks.get(number, {}))
                self.last = next(self.source)
                self.drawn = number + 1
                if number in unread:
                    self.waiting.append((number, self.last))
        except StopIteration:
            raise RuntimeError(
                f"the saved pass cannot be gone on with: it had read {saved['drawn']} batches, and now the data end "
                f"after {self.drawn}. The next iter(loader) begins a new pass"
            ) from None
        finally:
            self.left = self._states()
            self._restore(now)
        # a sampler that somebody changed in the middle of the pass; any other has come there by itself
        reached, wanted = states_of(samplers), saved["samplers_now"]
        load_states(samplers, {name: wanted[name] for name, state in reached.items() if not _same(state, wanted[name])})
        if self._last() != saved["last"]:
            raise RuntimeError(
                "the saved pass cannot be gone on with: the sampler gave another order when it was run again from the "
                "same states of all generators. Give it state_dict() and load_state_dict() for what else its order "
                "depends on. The next iter(loader) begins a new pass"
            )

    def _states(self) -> dict[str, Any]:
        return {name: get_state(generator) for name, generator in self.generators.items()}

    def _restore(self, states: dict[str, Any]) -> None:
        for name, state in states.items():
            if name in self.generators:  # else of a device that is not there, or not used yet
                set_state(self.generators[name], state)


def samplers_of(loader: Any) -> dict[str, Any]:
    """The loader's samplers, those inside others too, by names such as "batch_sampler.sampler"."""
    found: dict[str, Any] = {}
    name = "batch_sampler" if loader.batched else "sampler"
    _collect(name, loader.index_sampler, found)
    return found


def _collect(name: str, sampler: Any, found: dict[str, Any]) -> None:
    if any(sampler is known for known in found.values()):
        return
    found[name] = sampler
    for attribute, value in getattr(sampler, "__dict__", {}).items():
        if isinstance(value, Sampler) or (attribute == "sampler" and hasattr(value, "__iter__")):
            _collect(f"{name}.{attribute}", value, found)
        elif isinstance(value, (list, tuple)) and value and isinstance(value[0], Sampler):
            for k, part in enumerate(value):
                _collect(f"{name}.{attribute}.{k}", part, found)


def generators_of(loader: Any) -> dict[str, Any]:
    """The generators of the loader and its samplers, each once, by names such as "batch_sampler.sampler.generator"."""
    return _generators_of(loader, samplers_of(loader), default_generators())


def _generators_of(loader: Any, samplers: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """Those that are none of the `defaults`."""
    candidates = [("generator", loader.generator)] if loader.generator is not None else []
    for name, sampler in samplers.items():
        for attribute, value in getattr(sampler, "__dict__", {}).items():
            if is_generator(value):
                candidates.append((f"{name}.{attribute}", value))
    found: dict[str, Any] = {}
    taken = {id(generator) for generator in defaults.values()}
    for name, value in candidates:
        if id(value) not in taken:
            taken.add(id(value))
            found[name] = value
    return found


def _draws_in_the_middle(sampler: Any) -> bool:
    """True if a sampler may draw from a generator that others draw from, later than at the start of a pass."""
    if not isinstance(sampler, RandomSampler) or sampler.generator is None:
        return False
    return sampler.replacement or sampler.num_samples > len(sampler.data_source)


def states_of(samplers: dict[str, Any]) -> dict[str, Any]:
    """The `state_dict()` of those samplers that have one."""
    stateful = {name: s for name, s in samplers.items() if hasattr(s, "state_dict") and hasattr(s, "load_state_dict")}
    return {name: copy.deepcopy(sampler.state_dict()) for name, sampler in stateful.items()}


def load_states(samplers: dict[str, Any], states: dict[str, Any]) -> None:
    """Give samplers back what `states_of` took."""
    for name, state in states.items():
        samplers[name].load_state_dict(copy.deepcopy(state))


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(value, b[name]) for name, value in a.items())
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(_same, a, b))
    equal = a == b
    return bool(equal.all()) if hasattr(equal, "all") else bool(equal)


def description(loader: Any) -> dict[str, Any]:
    """What must be the same in the loader that goes on."""
    stream = isinstance(loader.dataset, IterableDataset)
    samplers = samplers_of(loader)
    return {
        "length of the dataset": None if stream else _length(loader.dataset),
        "batch size": loader.batch_size,
        "drop_last": loader.drop_last,
        "samplers": [_kind(sampler) for sampler in samplers.values()],
        "batches in a pass": None if stream else _length(loader.index_sampler),
        "states of samplers": {name: _kind(samplers[name]) for name in states_of(samplers)},
        "generators": {name: kind_of(generator) for name, generator in generators_of(loader).items()},
        "worker processes of a stream": loader.num_workers if stream else None,
    }


def _kind(sampler: Any) -> str:
    name = type(sampler).__name__
    replacement = getattr(sampler, "replacement", None)
    return name if replacement is None else f"{name}(replacement={replacement})"


def _length(of: Any) -> int | None:
    try:
        return len(of)
    except TypeError:
        return None
