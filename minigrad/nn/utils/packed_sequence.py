"""`PackedSequence`: what `nn.utils.rnn` packs sequences into, and recurrent layers take and return."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..._tensor.conversion_methods import parse_to
from ..._tensor.tensor import Tensor
from ...backend.devices import CPU, resolve
from ...backend.dtypes import float16, float32, float64, int8, int16, int32, int64, uint8


class _Packed(NamedTuple):
    data: Any
    batch_sizes: Any
    sorted_indices: Any
    unsorted_indices: Any


class PackedSequence(_Packed):
    """Sequences of several lengths without padding. It is made by `pack_sequence` and `pack_padded_sequence`.

    Attributes:
        data: (N, *), the first step of every sequence, then the second step of those that have one, and so on.
        batch_sizes: int64 (T,) on the CPU: how many sequences run at each step. It never rises.
        sorted_indices: int64 (B,) on the device of `data`: the numbers, in the batch that was packed, of the sequences
            from the longest to the shortest; None if they came so.
        unsorted_indices: the inverse: where each sequence of that batch is now.
    """

    def __new__(
        cls, data: Any, batch_sizes: Any = None, sorted_indices: Any = None, unsorted_indices: Any = None
    ) -> PackedSequence:
        if batch_sizes is None:
            if not isinstance(data, (list, tuple)) or len(data) != 2:
                raise TypeError(
                    f"PackedSequence() takes data and batch_sizes, got {type(data).__name__} alone: pack_sequence() "
                    "makes one of a list of tensors"
                )
            data, batch_sizes = data
        if isinstance(batch_sizes, Tensor) and batch_sizes.device != CPU:
            raise ValueError(f"batch_sizes of a PackedSequence are on the CPU, got {batch_sizes.device}: use .cpu()")
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kw: Any) -> PackedSequence:
        """With `data` on another device or in another dtype; itself where nothing changes. As `Tensor.to`."""
        data = self.data.to(*args, **kw)
        if data is self.data:
            return self
        indices = [None if i is None else i.to(data.device) for i in (self.sorted_indices, self.unsorted_indices)]
        return type(self)(data, self.batch_sizes, *indices)

    def cuda(self, *args: Any, **kw: Any) -> PackedSequence:
        """On a GPU: the current one, or the one named."""
        where = parse_to(args, kw)[0]
        return self.to(*args, **kw if where is not None and resolve(where) != CPU else {**kw, "device": "cuda"})

    def cpu(self, *args: Any, **kw: Any) -> PackedSequence:
        """On the CPU."""
        return self.to(*args, **{**kw, "device": "cpu"})

    def double(self) -> PackedSequence:
        """As float64."""
        return self.to(dtype=float64)

    def float(self) -> PackedSequence:
        """As float32."""
        return self.to(dtype=float32)

    def half(self) -> PackedSequence:
        """As float16."""
        return self.to(dtype=float16)

    def long(self) -> PackedSequence:
        """As int64."""
        return self.to(dtype=int64)

    def int(self) -> PackedSequence:
        """As int32."""
        return self.to(dtype=int32)

    def short(self) -> PackedSequence:
        """As int16."""
        return self.to(dtype=int16)

    def char(self) -> PackedSequence:
        """As int8."""
        return self.to(dtype=int8)

    def byte(self) -> PackedSequence:
        """As uint8."""
        return self.to(dtype=uint8)

    @property
    def is_cuda(self) -> bool:
        """True if `data` is on a GPU."""
        return self.data.is_cuda

    def pin_memory(self) -> PackedSequence:
        """The sequences themselves: arrays of NumPy cannot be pinned."""
        return self

    def is_pinned(self) -> bool:
        """False: see `pin_memory`."""
        return False


def invert_permutation(permutation: Any) -> Any:
    """Where each number stands in `permutation` (int64, (n,)); None of None.

    >>> import minigrad
    >>> invert_permutation(minigrad.tensor([2, 0, 1]))
    tensor([1, 2, 0])
    """
    return None if permutation is None else permutation.argsort()
