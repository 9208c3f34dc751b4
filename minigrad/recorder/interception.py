"""How the recorder sees tensors' arrays: `.array` and `.grad` of every tensor, read and set in its thread.

Both are plain attributes of an instance, which cost nothing. While some thread records, two descriptors stand on the
class in front of them; in other threads these give what the instance holds. So eager code has no branch for a recorder
that is not there. (From Python 3.13 on a class whose attributes have been changed a thousand times is no longer cached
by the interpreter: after 500 recordings in one process attribute access takes twice its time.)
"""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..autograd.node import TensorBase
from ..backend.door import door
from .recorder import Recorder
from .tracer import Traced


class _ArrayAttribute:
    """`tensor.array` while somebody records."""

    def __get__(self, tensor: Any, owner: Any = None) -> Any:
        if tensor is None:
            return self
        try:
            array = tensor.__dict__["array"]
        except KeyError:
            raise AttributeError("array") from None
        recorder = door.recorder
        if recorder is None:
            return array
        if isinstance(array, Traced):
            return array.value.array if recorder.paused else array
        return array if recorder.paused else recorder.entered(tensor, array)

    def __set__(self, tensor: Any, array: Any) -> None:
        own, recorder = tensor.__dict__, door.recorder
        if recorder is not None and not recorder.paused:
            if "array" not in own:
                own["_born"] = recorder
                recorder.born.append(weakref.ref(tensor))
            elif "_born" not in own:
                if not isinstance(own["array"], Traced):
                    recorder.entered(tensor, own["array"])
                recorder.undo.attribute(tensor, "array")
        own["array"] = array


class _GradientAttribute:
    """`tensor._grad` while somebody records."""

    def __get__(self, tensor: Any, owner: Any = None) -> Any:
        if tensor is None:
            return None
        own, recorder = tensor.__dict__, door.recorder
        present = own.get("_grad")
        if recorder is None or recorder.paused or "_born" in own or id(tensor) in recorder.changed_gradients:
            return present
        return recorder.gradient_read(tensor, present)

    def __set__(self, tensor: Any, gradient: Any) -> None:
        own, recorder = tensor.__dict__, door.recorder
        if recorder is not None and not recorder.paused and "_born" not in own:
            recorder.undo.attribute(tensor, "_grad")
            if gradient is None and id(tensor) not in recorder.changed_gradients:
                recorder.cleared.append(tensor)
            recorder.changed_gradients[id(tensor)] = tensor
        own["_grad"] = gradient


_lock = threading.Lock()
_recording = 0
_collected = False  # whether the garbage collector ran before the first of them


@contextmanager
def recording(recorder: Recorder) -> Iterator[None]:
    """Inside, `recorder` stands in the door of this thread."""
    global _recording, _collected
    with _lock:
        _recording += 1
        if _recording == 1:
            TensorBase.array, TensorBase._grad = _ArrayAttribute(), _GradientAttribute()
            _collected = gc.isenabled()
            gc.disable()  # what the collector calls back is no part of the step
    door.recorder = recorder
    try:
        yield
    finally:
        door.recorder = None
        with _lock:
            _recording -= 1
            if not _recording:
                del TensorBase.array
                TensorBase._grad = None
                if _collected:
                    gc.enable()
