"""The stand-in for CuPy 14.2: NumPy underneath, CuPy's rules and names on top.

Every public name is looked up in CuPy's own list (``cupy_standin.namespace``); what CuPy has not is not here.
"""

from cupy_standin import everything as _everything  # noqa: F401  (declares what the stand-in wrote itself)
from cupy_standin.namespace import door as _door
from cupy_standin.ndarray import ndarray as ndarray

__getattr__, __dir__ = _door(__name__)
