"""``cupyx.scipy.special`` of the stand-in for CuPy: the names are looked up in CuPy's list."""

from cupy_standin import everything as _everything  # noqa: F401  (declares what the stand-in wrote itself)
from cupy_standin.namespace import door as _door

__getattr__, __dir__ = _door(__name__)
