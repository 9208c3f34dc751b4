"""The named pairs that `max`, `sort`, `topk` and others return: tuples whose parts have names too.

>>> import minigrad
>>> found = minigrad.tensor([3, 7, 5]).max(0)
>>> found.values, found.indices
(tensor(7), tensor(1))
>>> values, indices = found
>>> found
minigrad.return_types.max(
values=tensor(7),
indices=tensor(1))
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any

_PAIR = ("values", "indices")


def _named(name: str, *fields: str) -> Any:
    """A tuple with names that prints as PyTorch's do."""
    base = namedtuple(name, fields)  # type: ignore[misc]

    def __repr__(self: Any) -> str:
        parts = ",\n".join(f"{field}={value!r}" for field, value in zip(fields, self))
        return f"minigrad.return_types.{name}(\n{parts})"

    return type(name, (base,), {"__repr__": __repr__, "__slots__": (), "__module__": __name__, "__doc__": f"{fields}"})


max = _named("max", *_PAIR)
min = _named("min", *_PAIR)
median = _named("median", *_PAIR)
nanmedian = _named("nanmedian", *_PAIR)
mode = _named("mode", *_PAIR)
kthvalue = _named("kthvalue", *_PAIR)
sort = _named("sort", *_PAIR)
topk = _named("topk", *_PAIR)
cummax = _named("cummax", *_PAIR)
cummin = _named("cummin", *_PAIR)
aminmax = _named("aminmax", "min", "max")
histogram = _named("histogram", "hist", "bin_edges")
slogdet = _named("slogdet", "sign", "logabsdet")
linalg_svd = _named("linalg_svd", "U", "S", "Vh")
svd = _named("svd", "U", "S", "V")
linalg_eigh = _named("linalg_eigh", "eigenvalues", "eigenvectors")
linalg_lstsq = _named("linalg_lstsq", "solution", "residuals", "rank", "singular_values")
linalg_qr = _named("linalg_qr", "Q", "R")

__all__ = [
    "aminmax", "cummax", "cummin", "histogram", "kthvalue", "linalg_eigh", "linalg_lstsq", "linalg_qr", "linalg_svd",
    "max", "median", "min", "mode", "nanmedian", "slogdet", "sort", "svd", "topk",
]  # fmt: skip
