"""Matrix products and ``cupy.linalg``.

Two things differ from NumPy: float16 is refused, and a singular matrix raises nothing but gives nan, unless
``cupyx.errstate(linalg="raise")`` asks for the error and pays for the wait.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .core import Storage, contiguous, host, new, quiet, wrap_result
from .dispatch import _into, make_function, named, require
from .names import Entry, known, words
from .namespace import provide
from .settings import counter


class _Errors(threading.local):
    linalg = "ignore"


_errors = _Errors()
_UNDECIDED = ("divide", "over", "under", "invalid")


def seterr(
    *, divide: Any = None, over: Any = None, under: Any = None, invalid: Any = None, linalg: Any = None
) -> dict[str, Any]:
    old = geterr()
    if not (divide is over is under is invalid is None):
        raise NotImplementedError
    if linalg not in (None, "ignore", "raise"):
        raise NotImplementedError
    _errors.linalg = linalg or _errors.linalg
    return old


def geterr() -> dict[str, Any]:
    return dict.fromkeys(_UNDECIDED) | {"linalg": _errors.linalg}


@contextmanager
def errstate(
    *, divide: Any = None, over: Any = None, under: Any = None, invalid: Any = None, linalg: Any = None
) -> Iterator[None]:
    old = seterr(divide=divide, over=over, under=under, invalid=invalid, linalg=linalg)
    try:
        yield
    finally:
        seterr(**old)


def matmul(
    *args: Any,
    axes: Any = None,
    axis: Any = None,
    keepdims: bool = False,
    casting: str = "same_kind",
    dtype: Any = None,
    signature: Any = None,
    order: str = "K",
    out: Any = None,
) -> Any:
    """``matmul(a, b)`` or ``matmul(a, b, out)`` of device arrays."""
    if len(args) == 3 and out is None:
        *args, out = args
    a, b = args
    require("matmul", a), require("matmul", b)
    counter.launch("matmul")
    options = {} if axes is None else {"axes": axes}
    with quiet():
        made = np.asarray(np.matmul(host(a, []), host(b, []), dtype=dtype, casting=casting, **options))
    made = new(contiguous(made))
    return made if out is None else _into(made, out)


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    require("tensordot", a), require("tensordot", b)
    with quiet():
        return new(contiguous(np.asarray(np.tensordot(host(a, []), host(b, []), axes))))


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    require("linalg.norm", x)
    with quiet():
        values = host(x, [])
        values = values if values.dtype.kind in "fc" else values.astype(float)
        return new(np.asarray(np.linalg.norm(values, ord, axis, keepdims)))


def _solver(name: str) -> Callable[..., Any]:
    """A function of ``numpy.linalg`` that does not tell of singular matrices."""
    entry: Entry = known(f"cupy.linalg.{name}")  # type: ignore[assignment]
    plain = make_function(entry)

    def call(*args: Any, **kwargs: Any) -> Any:
        given = [a for a in (*args, *kwargs.values()) if isinstance(a, Storage)]
        if any(a.dtype == np.float16 for a in given):
            raise TypeError("float16 is unsupported in linalg")
        try:
            return plain(*args, **kwargs)
        except np.linalg.LinAlgError as error:
            if _errors.linalg == "raise":
                counter.wait("linalg")
                raise
            if "ingular" not in str(error) and "positive definite" not in str(error):
                raise
            shape = given[-1].shape if name == "solve" else given[0].shape
            return new(np.full(shape, np.nan, np.result_type(np.float32, *[a.dtype for a in given])))

    return named(call, entry)


def pinv(a: Any, rcond: Any = 1e-15) -> Any:
    require("linalg.pinv", a)
    return wrap_result(np.linalg.pinv(host(a, []), rcond=host(rcond, [])), ())


provide("cupy", {"matmul": matmul, "tensordot": tensordot})
provide(
    "cupy.linalg",
    {
        name: _solver(name)
        for name in words("cholesky det eig eigh eigvals eigvalsh inv lstsq qr slogdet solve svd")
    }
    | {"matmul": matmul, "norm": norm, "pinv": pinv, "LinAlgError": np.linalg.LinAlgError},
)
provide("cupyx", {"errstate": errstate, "seterr": seterr, "geterr": geterr})
