"""A strict stand-in for CuPy, so that the CUDA code path runs where there is no GPU.

    import standin

    standin.install()                       # from here on `import cupy` is the stand-in
    standin.counter.reset()
    ...
    print(standin.counter.to_host)          # copies to the host since then, also: to_device, waits, reasons
    with standin.counter.watch() as seen:   # or those of one block: seen.to_host, seen.reasons, ...
        ...
    with standin.settings.changed(device_count=0):  # a machine without a GPU (or with 2 of them)
        ...
    standin.uninstall()                     # the real CuPy, if there was one, is back

The stand-in needs NumPy alone. Its arrays refuse what CuPy's refuse, its names are those of CuPy 14.2
(``cupy_names.txt``, written by ``scripts/list_cupy_names.py``), and its memory is the host's.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER = str(Path(__file__).resolve().parent)

_real: dict[str, ModuleType] = {}
_own: dict[str, ModuleType] = {}


def install() -> ModuleType:
    """Put the stand-in in place of ``cupy`` and ``cupyx``, unless it already is there. Returns ``cupy``."""
    if not installed():
        _real.update(_take_out())
        sys.modules.update(_own)  # whoever kept the module from an earlier time keeps the right one
        sys.path.insert(0, FOLDER)
    import cupy

    return cupy


def uninstall() -> None:
    """Take the stand-in away and put back what was there before it."""
    if installed():
        _own.update(_take_out())
        sys.path.remove(FOLDER)
        sys.modules.update(_real)
        _real.clear()


def installed() -> bool:
    """Whether ``import cupy`` gives the stand-in."""
    found = sys.modules.get("cupy")
    return found is not None and str(getattr(found, "__file__", "")).startswith(FOLDER)


def environment() -> dict[str, str]:
    """``os.environ`` for a subprocess in which ``import cupy`` is to give the stand-in too."""
    path = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": FOLDER + (os.pathsep + path if path else "")}


def _take_out() -> dict[str, ModuleType]:
    names = [n for n in sys.modules if n.partition(".")[0] in ("cupy", "cupyx")]
    return {n: sys.modules.pop(n) for n in names}


def __getattr__(name: str) -> Any:
    if name in ("counter", "settings"):
        if FOLDER not in sys.path:
            sys.path.insert(0, FOLDER)
            try:
                from cupy_standin import settings as state
            finally:
                sys.path.remove(FOLDER)
        else:
            from cupy_standin import settings as state
        return getattr(state, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
