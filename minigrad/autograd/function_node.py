"""What a custom Function keeps between forward and backward: its ctx, and its node in the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..backend.devices import activate, device, device_of, library_on
from ..backend.library import is_array
from .core_ops import cast, sum_to
from .node import Node, Output, TensorBase
from .primitive import wrap
from .second_order import as_input
from .versions import Storage
from .walk import CHANGED, RELEASED, edge_of

if TYPE_CHECKING:
    from .function import Function


class FunctionCtx:
    """What a Function's forward hands on to its backward. Attributes of any other name may be set on it, too.

    Attributes:
        needs_input_grad: for each argument of forward, whether its gradient is wanted.
    """

    needs_input_grad: tuple[bool, ...]

    def __init__(self, name: str, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self._name = name
        self._to_save: tuple[Any, ...] = ()
        self._saved: tuple[Saved | None, ...] | None = None
        self._node: Node | None = None  # while backward runs: a lasting reference would be a cycle
        self._dirty: tuple[Any, ...] = ()
        self._non_differentiable: tuple[Any, ...] = ()
        self._materialize = True

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors (inputs, outputs, others or None) for backward, guarded against in-place changes.

        An output may be saved here, but not as an attribute of `ctx`: that would make a reference cycle.
        """
        for k, x in enumerate(tensors):
            if x is not None and not isinstance(x, TensorBase):
                raise TypeError(
                    f"save_for_backward takes tensors, argument {k} is {type(x).__name__}: "
                    "set it as an attribute, ctx.name = value"
                )
        self._to_save = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What `save_for_backward` kept.

        Raises:
            RuntimeError: one was changed in place since, or backward has already run and let go of them.
        """
        if self._saved is None:
            if self._to_save is None:
                raise RuntimeError(RELEASED.format(self._name))
            return self._to_save
        return tuple(None if s is None else s.unpack(self._node, self._name) for s in self._saved)

    def mark_dirty(self, *tensors: Any) -> None:
        """Say which inputs forward has changed in place. Each must be among its outputs."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Say which outputs have no gradient. (Those that are not floating point never have one.)"""
        self._non_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros (the default) or None for an output that was not used."""
        self._materialize = value

    def keep(self, outputs: Sequence[Any]) -> None:
        """Turn what is to be saved into arrays and edges, so that nothing refers back to the results."""
        self._saved = tuple(None if x is None else Saved.of(x, outputs) for x in self._to_save)
        self._to_save = ()

    def release(self) -> None:
        if self._saved:
            self._saved = self._to_save = None  # type: ignore[assignment]


class Saved(NamedTuple):
    """A saved tensor: its array, where its gradient goes, and the version it had."""

    array: Any
    edge: Any
    output: tuple[int, int] | None  # (position, count) if it is an output of the Function
    storage: Storage
    version: int

    @staticmethod
    def of(x: Any, outputs: Sequence[Any]) -> Saved:
        position = next((k for k, out in enumerate(outputs) if out is x), None)
        storage = x.shared_storage()
        if position is not None and x.node is not None:
            return Saved(x.array, None, (position, len(outputs)), storage, storage.version)
        return Saved(x.array, edge_of(x), None, storage, storage.version)

    def unpack(self, node: Node | None, name: str) -> Any:
        if self.storage.version != self.version:
            raise RuntimeError(CHANGED.format(name, self.storage.writer))
        if self.output is None:
            x = wrap(self.array) if self.edge is None else as_input(self.array, self.edge)
        else:
            position, count = self.output
            x = wrap(self.array, node if count == 1 or node is None else Output(node, position))
        if x is not self.edge:
            x._storage = self.storage
        return x


class FunctionNode(Node):
    """A recorded call of a Function. Its `frame` is the ctx."""

    frame: Any
    function: type[Function]
    arguments: Sequence[Argument | None]
    results: Sequence[tuple[Any, Any, device] | None]  # (shape, dtype, device) of each output

    def name(self) -> str:
        """`MyReLUBackward` for a Function called MyReLU."""
        return self.function.__name__ + "Backward"

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What the ctx has saved."""
        return self.frame.saved_tensors

    def release(self) -> None:
        """Let go of the saved tensors; attributes of the ctx stay, as in PyTorch."""
        if self.frame is not None:
            self.frame.release()

    @staticmethod
    def own_evaluate(node: Any, g: Any, create_graph: bool) -> list[Any]:
        """The gradients that the user's backward gives, checked."""
        gradients = g if type(g) is tuple else (g,)
        ctx = node.frame
        inputs = []
        for part, result in zip(gradients, node.results, strict=True):  # None only where there are several
            if part is None and ctx._materialize and result is not None:
                shape, dtype, where = result
                with activate(where):
                    part = library_on(where).zeros(shape, dtype=dtype)
            inputs.append(part if part is None or isinstance(part, TensorBase) else wrap(part))
        ctx._node = node
        try:
            returned = node.function._backward_function()(ctx, *inputs)
        finally:
            ctx._node = None
        return _checked(node, returned, create_graph)


class Argument(NamedTuple):
    """What the gradient of one argument has to look like; None in place of it for what is no tensor."""

    shape: tuple[int, ...]
    dtype: Any
    array_type: type
    needed: bool


def _checked(node: Any, returned: Any, create_graph: bool) -> list[Any]:
    """The gradients of the tensors among the arguments, in their shapes and dtypes."""
    given = list(returned) if isinstance(returned, (tuple, list)) else [returned]
    arguments = node.arguments
    while len(given) > len(arguments) and given[-1] is None:
        given.pop()
    if len(given) != len(arguments):
        raise RuntimeError(
            f"{node.name()}: backward returned {len(given)} gradients, but forward takes {len(arguments)} "
            "arguments (ctx not counted): return one for each argument, None for those that have no gradient"
        )
    gradients: list[Any] = []
    for k, (r, wanted) in enumerate(zip(given, arguments, strict=True)):
        if wanted is None:
            if r is not None:
                raise RuntimeError(
                    f"{node.name()}: backward returned a gradient for argument {k}, which is not a tensor: "
                    "return None there"
                )
            continue
        if r is None or not wanted.needed:
            gradients.append(None)
            continue
        if not isinstance(r, TensorBase):
            if not is_array(r):
                raise TypeError(
                    f"{node.name()}: backward must return tensors or None, got {type(r).__name__} for argument {k}"
                )
            r = wrap(r)
        if type(r.array) is not wanted.array_type:
            raise RuntimeError(
                f"{node.name()}: the gradient of argument {k} is on {device_of(r.array)}, the argument is not"
            )
        shape = tuple(r.array.shape)
        if shape != wanted.shape:
            if not _expandable(wanted.shape, shape):
                raise RuntimeError(
                    f"{node.name()}: backward returned a gradient of shape {shape} for argument {k}, "
                    f"which has shape {wanted.shape}"
                )
            r = sum_to(r, shape=wanted.shape)
        if r.array.dtype != wanted.dtype:
            r = cast(r, dtype=wanted.dtype)
        # As a view, so that the walk does not take the user's array for its own and add into it.
        gradients.append(r if create_graph else r.array[...])
    return gradients


def _expandable(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """True if a tensor of `shape` broadcasts to shape `to`."""
    return len(shape) <= len(to) and all(
        n == m or n == 1 for n, m in zip(shape, to[len(to) - len(shape) :], strict=True)
    )


__all__ = ["Argument", "FunctionCtx", "FunctionNode"]
