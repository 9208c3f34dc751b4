"""Indexing and its relatives as methods."""

from __future__ import annotations

from typing import Any

from ..ops import gathering as ops
from ..ops import masking
from ..ops.indexing import getitem
from .inplace import check_writable, in_place, setitem


class IndexingMethods:
    """Reading, writing and picking elements."""

    __getitem__ = getitem
    __setitem__ = setitem

    gather = ops.gather
    scatter = ops.scatter
    scatter_ = in_place(ops.scatter)
    scatter_add = ops.scatter_add
    scatter_add_ = in_place(ops.scatter_add)
    scatter_reduce = ops.scatter_reduce
    scatter_reduce_ = in_place(ops.scatter_reduce)
    index_select = ops.index_select
    index_add = ops.index_add
    index_add_ = in_place(ops.index_add)
    index_copy = ops.index_copy
    index_copy_ = in_place(ops.index_copy)
    index_fill = ops.index_fill
    index_fill_ = in_place(ops.index_fill)
    index_put = ops.index_put
    index_put_ = in_place(ops.index_put)
    take = ops.take
    take_along_dim = ops.take_along_dim
    masked_fill = masking.masked_fill
    masked_fill_ = in_place(masking.masked_fill)
    masked_select = masking.masked_select
    masked_scatter = masking.masked_scatter
    masked_scatter_ = in_place(masking.masked_scatter)
    nonzero = ops.nonzero
    argwhere = ops.argwhere

    def set_(self, source: Any) -> Any:
        """Share the memory of `source`."""
        check_writable(self, "set_")
        self.array = source.array
        self._storage = source.shared_storage()
        return self

