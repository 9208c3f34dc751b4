"""Steps on a large embedding table of which few rows are looked up."""

from ..problems import SparseUpdate
from .row import Row

TITLE = "Sparse step"
NOTE = (
    "`Embedding(rows, 16, sparse=True)`: zero_grad, lookup, backward from a given gradient and optimizer step, each "
    "row looked up twice. SGD without momentum, Adagrad with PyTorch's defaults. The cost is to grow with the rows "
    "that are looked up, not with the table."
)

ROWS = [
    Row(
        f"sparse-{optimizer}-{mode}-{touched}-of-{rows}",
        f"{title}, {mode}, {touched:,} rows of {rows:,}",
        SparseUpdate(optimizer, rows, touched, mode),
        parallel=False,
        tolerance=(3e-6, 3e-6),
    )
    for optimizer, title in (("sgd", "SGD"), ("adagrad", "Adagrad"))
    for mode in ("lazy", "exact")
    for rows, touched in ((10_000, 1000), (1_000_000, 1000), (1_000_000, 10_000))
]
