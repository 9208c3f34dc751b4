"""Operations of one's own: `Function`, whose forward and backward the user writes, as in PyTorch.

    class Cube(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x ** 3

        @staticmethod
        def backward(ctx, grad_output):
            (x,) = ctx.saved_tensors
            return grad_output * 3 * x ** 2

    y = Cube.apply(x)

Forward runs without recording, on the tensors that it was given. Backward runs on Tensors, and is itself recorded
under `create_graph=True`, so a Function written in differentiable operations has gradients of every order.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

from .._tensor.inplace import check_writable, note_change, take_history
from ..backend.devices import activate, device, device_of, library_on
from ..backend.library import is_array
from .core_ops import cast, sum_to
from .modes import modes, set_recording
from .node import Node, Output, TensorBase, ViewInfo
from .primitive import wrap
from .second_order import as_input
from .versions import Storage
from .walk import CHANGED, RELEASED, edge_of


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
        self._saved: tuple[_Saved | None, ...] | None = None
        self._node: Node | None = None  # while backward runs: a lasting reference would be a cycle
        self._dirty: tuple[Any, ...] = ()
        self._non_differentiable: tuple[Any, ...] = ()
        self._materialize = True

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors (inputs, outputs or others; None is allowed) for backward, guarded against in-place changes.

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

    def _keep(self, outputs: Sequence[Any]) -> None:
        """Turn what is to be saved into arrays and edges, so that nothing refers back to the results."""
        self._saved = tuple(None if x is None else _Saved.of(x, outputs) for x in self._to_save)
        self._to_save = ()

    def _release(self) -> None:
        if self._saved:
            self._saved = self._to_save = None  # type: ignore[assignment]


class _Saved(NamedTuple):
    """A saved tensor: its array, where its gradient goes, and the version it had."""

    array: Any
    edge: Any
    output: tuple[int, int] | None  # (position, count) if it is an output of the Function
    storage: Storage
    version: int

    @staticmethod
    def of(x: Any, outputs: Sequence[Any]) -> _Saved:
        position = next((k for k, out in enumerate(outputs) if out is x), None)
        storage = x.shared_storage()
        if position is not None and x.node is not None:
            return _Saved(x.array, None, (position, len(outputs)), storage, storage.version)
        return _Saved(x.array, edge_of(x), None, storage, storage.version)

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
    arguments: Sequence[_Argument | None]
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
            self.frame._release()

    @staticmethod
    def own_evaluate(node: Any, g: Any, create_graph: bool) -> list[Any]:
        """The gradients that the user's backward gives, checked."""
        gradients = g if type(g) is tuple else (g,)
        ctx = node.frame
        inputs = []
        for part, result in zip(gradients, node.results, strict=True):
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


class _Argument(NamedTuple):
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
            f"{node.name()}: backward returned {len(given)} gradients, but forward takes {len(arguments)} arguments "
            "(ctx not counted): return one gradient for each argument, None for those that have none"
        )
    gradients = []
    for k, (r, wanted) in enumerate(zip(given, arguments, strict=True)):
        if wanted is None:
            if r is not None:
                raise RuntimeError(
                    f"{node.name()}: backward returned a gradient for argument {k}, which is not a tensor: return None"
                )
            continue
        if r is None or not wanted.needed:
            gradients.append(None)
            continue
        if is_array(r):
            r = wrap(r)
        if not isinstance(r, TensorBase):
            raise TypeError(
                f"{node.name()}: backward must return tensors or None, got {type(r).__name__} for argument {k}"
            )
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


@functools.cache
def _node_type(recording: type[Node]) -> type[FunctionNode]:
    """FunctionNode with what the present mode adds to every node."""
    return FunctionNode if recording is Node else type("FunctionNode", (FunctionNode, recording), {})


class Function:
    """An operation with a backward of its own; see the module's docstring.

    `forward(ctx, *args)` gets tensors and any other arguments, and returns a tensor or a tuple of them.
    `backward(ctx, *grads)` gets the gradient of each output and returns that of each argument, None where there
    is none. Forward may also leave the ctx to `setup_context(ctx, inputs, output)`, and is then `forward(*args)`.

    >>> import minigrad
    >>> class Square(Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return 2 * x * g
    >>> x = minigrad.tensor(3.0, requires_grad=True)
    >>> y = Square.apply(x)
    >>> y.backward()
    >>> x.grad, y.grad_fn
    (tensor(6.), <SquareBackward>)
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the outputs."""
        raise NotImplementedError("a Function needs a static method forward(ctx, *args)")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Save what backward needs, if forward takes no ctx."""
        raise NotImplementedError("setup_context")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradients of the arguments."""
        raise NotImplementedError("a Function needs a static method backward(ctx, *grad_outputs) to have a gradient")

    @staticmethod
    def vjp(ctx: Any, *grad_outputs: Any) -> Any:
        """Another name for `backward`."""
        raise NotImplementedError("vjp")

    def __call__(self, *args: Any) -> NoReturn:
        raise RuntimeError(
            f"{type(self).__name__} is called by its class method: {type(self).__name__}.apply(...), with "
            "forward and backward as static methods"
        )

    @classmethod
    def _backward_function(cls) -> Callable[..., Any]:
        return cls.backward if cls.vjp is Function.vjp else cls.vjp

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward, and record the call where a tensor among the arguments requires a gradient."""
        takes_ctx = cls.setup_context is Function.setup_context
        if kwargs or not takes_ctx:
            lead = (None,) if takes_ctx else ()
            bound = inspect.signature(cls.forward).bind(*lead, *args, **kwargs)
            bound.apply_defaults()
            args = bound.args[len(lead) :]
            if bound.kwargs:
                raise TypeError(f"{cls.__name__}.apply() cannot pass keyword-only arguments: {list(bound.kwargs)}")
        tensors = [x for x in args if isinstance(x, TensorBase)]
        edges = [edge_of(x) for x in tensors]
        recording = modes.node_type is not None and any(edge is not None for edge in edges)
        arguments = _describe(args, edges)
        ctx = FunctionCtx(cls.__name__ + "Backward", tuple(a is not None and a.needed for a in arguments))
        outer = modes.node_type
        set_recording(False)
        try:
            if takes_ctx:
                output = cls.forward(ctx, *args)
            else:
                output = cls.forward(*args)
                cls.setup_context(ctx, args, output)
        finally:
            modes.node_type = outer
        node = None
        if recording:
            node = _node_type(modes.recording_type)(edges)
            node.function, node.arguments, node.frame = cls, arguments, ctx
        outputs = _finish(node, ctx, tensors, output if isinstance(output, tuple) else (output,))
        return outputs if isinstance(output, tuple) else outputs[0]


def _describe(args: Sequence[Any], edges: Sequence[Any]) -> list[_Argument | None]:
    following = iter(edges)
    return [
        _Argument(tuple(x.array.shape), x.array.dtype, type(x.array), next(following) is not None)
        if isinstance(x, TensorBase)
        else None
        for x in args
    ]


def _finish(node: Any, ctx: FunctionCtx, tensors: Sequence[Any], raw: tuple[Any, ...]) -> tuple[Any, ...]:
    """The outputs of forward, joined to `node` (None: nothing is recorded)."""
    for x in ctx._dirty:
        if not _among(x, raw):
            raise RuntimeError(f"{ctx._name}: a tensor was marked dirty but is not an output: return it from forward")
        check_writable(x, ctx._name)
        note_change(x, ctx._name)
    outputs: list[Any] = []
    for k, x in enumerate(raw):
        if isinstance(x, TensorBase):
            x = _finish_one(node, ctx, tensors, outputs, x, k, len(raw))
        outputs.append(x)
    if node is not None:
        node.outputs = len(raw)
        node.results = [
            (tuple(x.array.shape), x.array.dtype, device_of(x.array)) if isinstance(x, TensorBase) else None
            for x in outputs
        ]
        ctx._keep(outputs)
    ctx._dirty = ctx._non_differentiable = ()
    return tuple(outputs)


def _finish_one(
    node: Any, ctx: FunctionCtx, tensors: Sequence[Any], before: Sequence[Any], x: Any, k: int, count: int
) -> Any:
    dirty, differentiable = _among(x, ctx._dirty), not _among(x, ctx._non_differentiable)
    if not dirty and (_among(x, tensors) or _among(x, before) or x.node is not None):
        x = _alias(x)  # what was given is handed back as a new tensor: its own history stays
    if node is None or x.array.dtype.kind != "f" or not differentiable:
        return x
    edge = node if count == 1 else Output(node, k)
    if not dirty:
        x.node = edge
        if x.view_of is not None:
            x.view_of.made_without_grad = True
    elif x.view_of is not None and count > 1:
        raise RuntimeError(f"{ctx._name}: a view can be changed in place only by a Function with one output")
    else:
        take_history(x, wrap(x.array, edge))
    return x


def _alias(x: Any) -> Any:
    """The same memory in another tensor, outside the graph. It counts as a view that may not be written to."""
    result = wrap(x.array)
    result._storage = x.shared_storage()
    result.view_of = ViewInfo(x if x.view_of is None else x.view_of.base, ())
    result.view_of.made_without_grad = True
    return result


def _among(x: Any, those: Sequence[Any]) -> bool:
    return any(x is other for other in those)


class _Refusal(Node):
    """The node of gradients that cannot be differentiated again."""

    def name(self) -> str:
        return "OnceDifferentiableBackward"

    @staticmethod
    def own_evaluate(node: Any, g: Any, create_graph: bool) -> NoReturn:
        raise RuntimeError("this gradient comes from a backward marked @once_differentiable: it has none of its own")


def once_differentiable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a Function's backward that must not be recorded; differentiating its results raises RuntimeError."""

    @functools.wraps(function)
    def wrapper(ctx: Any, *grads: Any) -> Any:
        outer = modes.node_type
        set_recording(False)
        try:
            results = function(ctx, *grads)
        finally:
            modes.node_type = outer
        sources = [g for g in grads if isinstance(g, TensorBase)] + [x for x in ctx.saved_tensors if x is not None]
        edges = [edge for edge in map(edge_of, sources) if edge is not None]
        if outer is None or not edges:
            return results
        refused = [
            wrap(r.array, _Refusal(edges)) if isinstance(r, TensorBase) else r
            for r in (results if isinstance(results, tuple) else (results,))
        ]
        return tuple(refused) if isinstance(results, tuple) else refused[0]

    return wrapper


__all__ = ["Function", "FunctionCtx", "once_differentiable"]
