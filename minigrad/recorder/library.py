"""The functions of an array library as a step sees them while it is recorded."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from ..backend.door import door


class RecordedFunction:
    """A function of the library, each call of which the recorder of the thread notes."""

    def __init__(self, function: Any) -> None:
        self.function = function
        self.__name__ = getattr(function, "__name__", type(function).__name__)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return door.recorder.run(self.function, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.function, name)  # `reduce`, `at`, ...
        return RecordedFunction(found) if callable(found) else found


_libraries: dict[Any, RecordingLibrary] = {}


def recording_library(xp: Any) -> RecordingLibrary:
    """The stand-in for the library `xp`: always the same."""
    found = _libraries.get(xp)
    if found is None:
        found = _libraries[xp] = RecordingLibrary(xp)
    return found


class RecordingLibrary:
    """Stands for NumPy or CuPy: the same names, functions that are recorded."""

    def __init__(self, xp: Any) -> None:
        self.xp = xp
        self.__name__ = xp.__name__

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.xp, name)
        made: Any = found
        if isinstance(found, ModuleType):
            made = RecordingLibrary(found)
        elif callable(found) and not isinstance(found, type):
            made = RecordedFunction(found)
        self.__dict__[name] = made
        return made
