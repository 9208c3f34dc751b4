"""`Embedding` and `EmbeddingBag`: a table of vectors that are looked up by number, one by one or in bags."""

from __future__ import annotations

from typing import Any

from .._tensor.creation import empty
from ..autograd.modes import no_grad
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter


class Embedding(Module):
    """Row `i` of a table for every integer `i` of the input: (*) becomes (*, embedding_dim).

    Args:
        num_embeddings: rows of the table.
        embedding_dim: length of each row.
        padding_idx: this row starts as zeros and gets no gradient.
        max_norm: rows that are looked up are first scaled, in place, to at most this norm.
        norm_type: the p of that norm.
        scale_grad_by_freq: divide a row's gradient by how often it occurs in the batch.
        sparse: the gradient of the weight is a `RowSparse`: rows and values, however large the table is.

    The weight has shape (num_embeddings, embedding_dim) and starts as standard normal numbers.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.Embedding(10, 3)(minigrad.tensor([[1, 2, 4], [4, 3, 9]])).shape
    minigrad.Size([2, 3, 3])
    """

    weight: Any

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Any = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(
                f"padding_idx must be a row of the table of {num_embeddings} embeddings, got {padding_idx}"
            )
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        if _weight is None:
            self.weight = Parameter(
                empty(num_embeddings, embedding_dim, device=device, dtype=dtype), requires_grad=not _freeze
            )
            self.reset_parameters()
        else:
            if tuple(_weight.shape) != (num_embeddings, embedding_dim):
                raise ValueError(
                    f"_weight must have shape ({num_embeddings}, {embedding_dim}), got {tuple(_weight.shape)}"
                )
            self.weight = Parameter(_weight, requires_grad=not _freeze)

    def reset_parameters(self: Any) -> None:
        """Draw the starting values anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0.0

    def forward(self, input: Any) -> Any:
        return F.embedding(
            input,
            self.weight,
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Any,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Embedding:
        """An Embedding around a given table (num_embeddings, embedding_dim), frozen unless told otherwise."""
        if embeddings.ndim != 2:
            raise ValueError(f"the table of embeddings has 2 dimensions, got shape {tuple(embeddings.shape)}")
        rows, columns = embeddings.shape
        return cls(
            rows, columns, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse,
            _weight=embeddings, _freeze=freeze,
        )  # fmt: skip

    def extra_repr(self) -> str:
        shown = f"{self.num_embeddings}, {self.embedding_dim}"
        if self.padding_idx is not None:
            shown += f", padding_idx={self.padding_idx}"
        shown += _limits(self)
        if self.sparse:
            shown += ", sparse=True"
        return shown


class EmbeddingBag(Module):
    """The sum, the mean or the maximum of the rows of a table that each bag of numbers names: see `F.embedding_bag`.

    Args:
        num_embeddings: rows of the table.
        embedding_dim: length of each row.
        max_norm: rows that are looked up are first scaled, in place, to at most this norm.
        norm_type: the p of that norm.
        scale_grad_by_freq: divide a row's gradient by how often it occurs in the batch (not for "max").
        mode: "sum", "mean" or "max".
        sparse: the gradient of the weight is a `RowSparse` (not for "max").
        include_last_offset: the offsets have one more element, where the last bag ends.
        padding_idx: this row starts as zeros, counts for nothing and gets no gradient.

    It is called with numbers of shape (bags, length), or (n,) and offsets, and gives (bags, embedding_dim).

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.EmbeddingBag(10, 3)(minigrad.tensor([[1, 2, 4], [4, 3, 9]])).shape
    minigrad.Size([2, 3])
    """

    weight: Any

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Any = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise AssertionError(f"padding_idx must be one of the {num_embeddings} embeddings, got {padding_idx}")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.mode, self.sparse = scale_grad_by_freq, mode, sparse
        self.include_last_offset = include_last_offset
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        if _weight is None:
            self.weight = Parameter(empty(num_embeddings, embedding_dim, device=device, dtype=dtype))
            self.reset_parameters()
        else:
            if tuple(_weight.shape) != (num_embeddings, embedding_dim):
                raise AssertionError(
                    f"_weight must have shape ({num_embeddings}, {embedding_dim}), got {tuple(_weight.shape)}"
                )
            self.weight = Parameter(_weight)

    reset_parameters = Embedding.reset_parameters

    def forward(self, input: Any, offsets: Any = None, per_sample_weights: Any = None) -> Any:
        return F.embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Any,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> EmbeddingBag:
        """An EmbeddingBag around a given table (num_embeddings, embedding_dim), frozen unless told otherwise."""
        if embeddings.ndim != 2:
            raise AssertionError(f"the table of embeddings has 2 dimensions, got shape {tuple(embeddings.shape)}")
        rows, columns = embeddings.shape
        made = cls(
            rows, columns, max_norm, norm_type, scale_grad_by_freq, mode, sparse,
            _weight=embeddings, include_last_offset=include_last_offset, padding_idx=padding_idx,
        )  # fmt: skip
        made.weight.requires_grad = not freeze
        return made

    def extra_repr(self) -> str:
        shown = f"{self.num_embeddings}, {self.embedding_dim}"
        shown += _limits(self)
        shown += f", mode={self.mode!r}"
        if self.padding_idx is not None:
            shown += f", padding_idx={self.padding_idx}"
        return shown


def _limits(table: Embedding | EmbeddingBag) -> str:
    """What both kinds show of norms and frequencies, where it is not the default."""
    shown = "" if table.max_norm is None else f", max_norm={table.max_norm}"
    if table.norm_type != 2:
        shown += f", norm_type={table.norm_type}"
    if table.scale_grad_by_freq:
        shown += f", scale_grad_by_freq={table.scale_grad_by_freq}"
    return shown
