"""`DataLoader.state_dict` and `load_state_dict`: the place in a running pass, and what its order follows from."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from .dataset import IterableDataset
from .generators import get_state, set_state
from .passes import description, generators_of, load_states, samplers_of, states_of

if TYPE_CHECKING:
    import weakref

    from .iterators import LoaderIterator, WorkersIterator

FORMAT = 1
#: what the state of a loader has states of, in `description`
_WITH_STATES = ("generators", "states of samplers")


class StateMethods:
    """What a loader saves, and how another one goes on from it."""

    dataset: Any
    num_workers: int
    in_order: bool
    clock: list[int]
    _iterator: WorkersIterator | None
    _passes: list[weakref.ref[LoaderIterator]]
    _place: dict[str, Any] | None = None  # of a saved pass that the next iter(loader) goes on with

    def state_dict(self) -> dict[str, Any]:
        """The place in the running pass, and the states of the generators of the loader and its samplers.

        After `load_state_dict` in another process the next `iter(loader)` goes on with the batch behind the last one
        that was handed out here (batches that workers have read ahead are read again), and the passes after it are
        those that would have followed here. Between two passes, before the first one and after a pass that was left
        early (no variable holds its iterator any more), the next `iter(loader)` is a new pass.

        An order that follows from the default generators (shuffle=True without a `generator`) needs these to be
        restored as well, for the passes that follow: `minigrad.train.Session` does that. A sampler with a
        `state_dict` and `load_state_dict` of its own is saved by them, at the start of the pass and now. Streams are
        read again from their start, without collating. `num_workers` may change, but not that of a stream.

        Random numbers that a dataset draws inside worker processes (augmentation) are not promised: a worker begins
        at its seed again, and the batches before are not read. Derive such numbers from the index to have them
        repeated. Workers that read a stream draw the same numbers again, as they read it from its start; but not
        persistent ones in a later pass than their first.

        Raises:
            RuntimeError: workers read a stream, with in_order=False, in the running pass: it has no place.

        >>> from minigrad import Generator, arange
        >>> from minigrad.utils.data import DataLoader
        >>> def loader():
        ...     return DataLoader(arange(6), batch_size=2, shuffle=True, generator=Generator().manual_seed(0))
        >>> one, two = loader(), loader()
        >>> batches = iter(one)
        >>> first = next(batches)
        >>> two.load_state_dict(one.state_dict())
        >>> [b.tolist() for b in two] == [b.tolist() for b in batches]
        True
        """
        place = self._place or self._running()
        return {
            "format": FORMAT,
            "loader": description(self),
            "generators": {name: get_state(generator) for name, generator in generators_of(self).items()},
            "samplers": states_of(samplers_of(self)) if self._place is None else self._place["samplers_now"],
            "pass": place,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on, in the next `iter(loader)`, from what `state_dict` gave. Iterators that there are stay as they are.

        A state from between two passes may be that of a loader with other data, batches or order: what it has of
        generators and samplers is taken over.

        Raises:
            ValueError: the state is that of a loader with other generators or stateful samplers; in the middle of a
                pass, with other data, batches or order, too. It is not taken over then.
        """
        self.check_state(state_dict)
        for name, generator in generators_of(self).items():
            set_state(generator, state_dict["generators"][name])
        self._place = state_dict["pass"]
        if self._place is None:
            load_states(samplers_of(self), state_dict["samplers"])
        else:
            self._place = {**self._place, "samplers_now": state_dict["samplers"]}

    def check_state(self, state_dict: dict[str, Any]) -> None:
        """Raise ValueError if the loader cannot go on from `state_dict`."""
        try:
            version, _ = state_dict["format"], state_dict["loader"]
        except (TypeError, KeyError):
            raise ValueError("this is no state of a DataLoader: pass what loader.state_dict() gave") from None
        if version > FORMAT:
            raise ValueError("this state of a DataLoader was saved by a newer minigrad: update minigrad to load it")
        between = state_dict["pass"] is None  # then every pass is a new one, and what is in it may change
        found = self.differences(state_dict, _WITH_STATES if between else None)
        if found:
            advice = "make these" if between else "load a state of an epoch's end, or make the loader"
            raise ValueError(f"the state is that of another DataLoader: {'; '.join(found)}: {advice} as before")

    def differences(self, state_dict: dict[str, Any], names: Iterable[str] | None = None) -> list[str]:
        """How the loader that gave `state_dict` differs from this one, a line for each thing.

        >>> from minigrad import arange
        >>> from minigrad.utils.data import DataLoader
        >>> DataLoader(arange(8), batch_size=4).differences(DataLoader(arange(8), batch_size=2).state_dict())
        ['batch size: 2 in the state, 4 here', 'batches in a pass: 4 in the state, 2 here']
        """
        here, saved = description(self), state_dict["loader"]
        return [
            f"{name}: {saved[name]} in the state, {here[name]} here"
            for name in names or here
            if saved[name] != here[name]
        ]

    def remember(self) -> Callable[[], None]:
        """A function that takes back what `load_state_dict` does after this."""
        place, generators, samplers = self._place, generators_of(self), samplers_of(self)
        states = {name: get_state(generator) for name, generator in generators.items()}
        sampler_states = states_of(samplers)

        def undo() -> None:
            self._place = place
            for name, state in states.items():
                set_state(generators[name], state)
            load_states(samplers, sampler_states)

        return undo

    def _take_place(self) -> dict[str, Any] | None:
        """The saved pass to go on with, once."""
        place = self._place
        if place is not None:
            self._place = None
        return place

    def _running(self) -> dict[str, Any] | None:
        """The place in the pass that is being read; None between passes."""
        living = [one for reference in self._passes if (one := reference()) is not None and not one.ended]
        running = next((one for one in living if one.touched == self.clock[0]), None)
        if running is None:
            if living:
                warnings.warn(
                    f"a pass over this loader is still open, at batch {living[-1].yielded}, and a later one has ended: "
                    "the state is saved as between two passes. Drop iterators that are not needed (`del`), and use a "
                    "second loader to look at the same data within a pass",
                    RuntimeWarning,
                    stacklevel=3,
                )
            return None
        if isinstance(self.dataset, IterableDataset) and self.num_workers and not self.in_order:
            raise RuntimeError("with in_order=False workers that read a stream have no place that could be saved")
        return running.state()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_passes": []}
