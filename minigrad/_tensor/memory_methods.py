"""The memory behind a tensor: strides, storage, contiguity, `resize_`."""

from __future__ import annotations

import math
from typing import Any

from ..autograd.primitive import wrap
from ..backend.library import address, library
from .inplace import check_writable, note_change
from .size import as_shape


class MemoryMethods:
    """Methods that show, or change, how the values lie in memory."""

    array: Any

    def stride(self, dim: int | None = None) -> Any:
        """How many elements apart neighbours lie, along each dimension or along one."""
        strides = tuple(s // self.array.dtype.itemsize for s in self.array.strides)
        return strides if dim is None else strides[dim]

    def element_size(self) -> int:
        """Bytes of one element."""
        return self.array.dtype.itemsize

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self.array.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.array.nbytes

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """True if the elements lie in C order without gaps."""
        return bool(self.array.flags.c_contiguous)

    def data_ptr(self) -> int:
        """The address of the first element."""
        return address(self.array)

    def storage_offset(self) -> int:
        """How many elements before this tensor's first lie in the memory that it is a view of."""
        base = self.array.base
        if base is None or not hasattr(base, "dtype"):
            return 0
        return (self.data_ptr() - wrap(base).data_ptr()) // self.array.dtype.itemsize

    def untyped_storage(self) -> Any:
        """The memory behind the tensor, as a flat tensor that shares it."""
        base = self.array if self.array.base is None or not hasattr(self.array.base, "dtype") else self.array.base
        return wrap(base.reshape(-1))

    def storage(self) -> Any:
        """As `untyped_storage`: the memory behind the tensor, flat."""
        return self.untyped_storage()

    def is_shared(self) -> bool:
        """False: tensors are copied between processes."""
        return False

    def share_memory_(self) -> Any:
        """The tensor itself: tensors are copied between processes."""
        return self

    def is_set_to(self, tensor: Any) -> bool:
        """True if both are the same view of the same memory."""
        return (
            self.data_ptr() == tensor.data_ptr()
            and self.array.shape == tensor.array.shape
            and self.array.strides == tensor.array.strides
        )

    def resize_(self, *sizes: Any, memory_format: Any = None) -> Any:
        """Another shape in place: the elements in memory order, new ones uninitialised."""
        check_writable(self, "resize_")
        shape = as_shape(sizes)
        flat = self.array.reshape(-1)
        count = math.prod(shape)
        if count > flat.size:
            grown = library(flat).empty(count, dtype=flat.dtype)
            grown[: flat.size] = flat
            flat = grown
        self.array = flat[:count].reshape(shape)
        note_change(self, "resize_")
        return self
