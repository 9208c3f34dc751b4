"""`Tensor`: an array that remembers how it was made.

The class gathers methods from the files beside this one, by kind; each is a function of `minigrad.ops` or stands
in its class body. Nothing is added at import. Numerics are in `ops/`, the engine in `autograd/`.
"""

from __future__ import annotations

import copy as copying
import warnings
from typing import Any

from ..autograd import hooks
from ..autograd.gradients import backward as run_backward
from ..autograd.modes import is_inference_mode_enabled
from ..autograd.node import LEAF, TensorBase
from ..autograd.primitive import set_tensor_type, wrap
from ..autograd.row_sparse import RowSparse
from ..autograd.views import current_node
from ..backend.devices import device, device_of, to_host
from ..backend.door import refuse
from ..backend.dtypes import dtype, get_default_dtype, public_dtype
from . import pickling, printing
from .conversion_methods import ConversionMethods, set_requires_grad
from .creation import CreationMethods, array_from, empty
from .elementwise_methods import ElementwiseMethods
from .indexing_methods import IndexingMethods
from .inplace import InPlaceMethods
from .linalg_methods import LinalgMethods
from .memory_methods import MemoryMethods
from .numpy_protocols import NumpyProtocols
from .reduction_methods import ReductionMethods
from .sampling import SamplingMethods
from .shape_methods import ShapeMethods
from .size import Size, as_shape


class Tensor(
    ElementwiseMethods,
    ReductionMethods,
    ShapeMethods,
    LinalgMethods,
    IndexingMethods,
    InPlaceMethods,
    SamplingMethods,
    CreationMethods,
    ConversionMethods,
    MemoryMethods,
    NumpyProtocols,
    TensorBase,
):
    """A multi-dimensional array with gradients.

    Made by `minigrad.tensor(data)` and the other factories. As in PyTorch, `Tensor(2, 3)` is uninitialised of that
    shape and `Tensor([1, 2])` holds that data, both of the default dtype. The values are in `.array`, a NumPy or
    CuPy array.

    >>> import minigrad
    >>> x = minigrad.tensor([1.0, 2.0], requires_grad=True)
    >>> (x ** 2).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    def __init__(self, *data: Any, device: Any = None) -> None:
        if len(data) == 1 and isinstance(data[0], TensorBase):
            self.array = data[0].array
            self._storage = data[0].shared_storage()
        elif len(data) == 1 and not isinstance(data[0], (int, Size)):
            self.array = array_from(data[0], get_default_dtype(), device)
        else:
            self.array = empty(as_shape(data or (0,)), device=device).array

    # -- what it is ----------------------------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        """The sizes of the dimensions."""
        return Size(self.array.shape)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dimension."""
        return Size(self.array.shape) if dim is None else self.array.shape[_checked_dim(dim, self.array.ndim)]

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self.array.ndim

    def dim(self) -> int:
        """The number of dimensions."""
        return self.array.ndim

    ndimension = dim

    def numel(self) -> int:
        """The number of elements."""
        return self.array.size

    nelement = numel

    @property
    def dtype(self) -> dtype:
        """The element type."""
        return public_dtype(self.array.dtype)

    @property
    def device(self) -> device:
        """Where the values are."""
        return device_of(self.array)

    @property
    def is_cuda(self) -> bool:
        return self.device.type == "cuda"

    layout = "strided"
    is_sparse = False
    is_quantized = False
    names = ()

    def is_floating_point(self) -> bool:
        """True for float16, float32 and float64."""
        return self.array.dtype.kind == "f"

    def is_complex(self) -> bool:
        """False: minigrad has no complex numbers."""
        return False

    def is_signed(self) -> bool:
        """True for dtypes with negative numbers."""
        return self.array.dtype.kind in "fi"

    def is_inference(self) -> bool:
        """True inside inference_mode. Departs from PyTorch: tensors made there are ordinary ones afterwards."""
        return is_inference_mode_enabled()

    # -- the graph -----------------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """True if a gradient is wanted for it, or for something that it was made from."""
        return current_node(self) is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        set_requires_grad(self, value)

    @property
    def is_leaf(self) -> bool:
        """True if no recorded operation made it."""
        node = current_node(self)
        return node is None or node is LEAF

    @property
    def grad_fn(self) -> Any:
        """The recorded operation that made it, or None."""
        node = current_node(self)
        return None if node is LEAF else node

    @property
    def grad(self) -> Any:
        """The gradient that backward passes have added up; None before the first."""
        if self._grad is None and not self.is_leaf and self._retained is None:
            warnings.warn(
                "the .grad of a tensor that is not a leaf is None: call retain_grad() on it before backward()",
                UserWarning,
                stacklevel=2,
            )
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None:
            if not issubclass(type(value), (TensorBase, RowSparse)):
                raise TypeError(f".grad must be a Tensor or None, got {type(value).__name__}")
            if value.shape != self.shape or value.dtype != self.dtype:
                raise RuntimeError(
                    f".grad of a {self.dtype} tensor of shape {tuple(self.array.shape)} cannot be a "
                    f"{value.dtype} tensor of shape {tuple(value.shape)}"
                )
            if value.device != self.device:
                raise RuntimeError(f".grad must be on {self.device}, got one on {value.device}")
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @property
    def retains_grad(self) -> bool:
        """True if it is no leaf and `retain_grad` was called on it."""
        return self._retained is not None

    def backward(
        self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None
    ) -> None:
        """Add the gradients of this tensor into the `.grad` of the leaves that it was made from.

        Args:
            gradient: the gradient of the tensor itself; not needed for a single number.
            retain_graph: keep what the graph has saved, for another pass.
            create_graph: record the pass, to differentiate again.
            inputs: only these leaves.
        """
        run_backward(self, gradient, retain_graph, create_graph, inputs)

    retain_grad = hooks.retain_grad
    register_hook = hooks.register_hook
    register_post_accumulate_grad_hook = hooks.register_post_accumulate_grad_hook

    @property
    def data(self) -> Any:
        """The same values in the same memory, outside the graph and uncounted: changes go unnoticed by it."""
        return wrap(self.array)

    @data.setter
    def data(self, value: Any) -> None:
        if not isinstance(value, TensorBase):
            raise TypeError(f".data must be a Tensor, got {type(value).__name__}")
        if self.node is not None and value.array.dtype.kind != "f":
            raise RuntimeError(
                f".data of a tensor that requires a gradient cannot be {public_dtype(value.array.dtype)}"
            )
        self.array = value.array

    @property
    def _version(self) -> int:
        return self._storage.version if self._storage is not None else 0

    @property
    def _base(self) -> Any:
        return None if self.view_of is None else self.view_of.base

    # -- sequence, printing, copying -----------------------------------------------------------------------------

    def __len__(self) -> int:
        if not self.array.ndim:
            raise TypeError("len() of a 0-d tensor")
        return self.array.shape[0]

    def __iter__(self) -> Any:
        if not self.array.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).any().item())

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        node = self.grad_fn
        return printing.format_tensor(
            to_host(self.array),
            dtype_suffix_default=get_default_dtype().dtype,
            device=str(self.device) if self.is_cuda else None,
            requires_grad=self.requires_grad,
            grad_fn_name=None if node is None else node.name(),
        )

    def __reduce_ex__(self, protocol: Any) -> Any:
        return pickling.reduced(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) in memo:
            return memo[id(self)]
        if not self.is_leaf:
            raise RuntimeError("only leaves can be deep-copied: use clone() for a tensor that is part of a graph")
        refuse("a deep copy of a tensor", "use clone()")
        rebuild, args = self.__reduce_ex__(4)
        copied = memo[id(self)] = rebuild(*copying.deepcopy(args, memo))
        if self._grad is not None:
            copied._grad = copying.deepcopy(self._grad, memo)
        return copied


def _checked_dim(dim: int, ndim: int) -> int:
    if not -max(ndim, 1) <= dim < max(ndim, 1):
        raise IndexError(f"dimension {dim} does not exist in a tensor of {ndim} dimensions")
    return dim


set_tensor_type(Tensor)

__all__ = ["Tensor"]
