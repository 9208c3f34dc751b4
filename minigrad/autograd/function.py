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

Forward runs without recording, on the tensors that it was given. Backward runs on Tensors, and is itself
recorded under `create_graph=True`, so a Function whose backward is written in differentiable operations has
gradients of every order.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from .._tensor.inplace import check_writable, note_change, take_history
from ..backend.devices import device_of
from .function_node import Argument, FunctionCtx, FunctionNode
from .modes import modes, recorded_type, set_recording
from .node import Node, Output, TensorBase, ViewInfo
from .primitive import wrap
from .walk import edge_of


class Function:
    """An operation with a backward of its own; see the module's docstring.

    `forward(ctx, *args)` gets tensors and any other arguments, and returns a tensor or a tuple of them.
    `backward(ctx, *grads)` gets the gradient of each output and returns that of each argument, None where
    there is none. Forward may also leave the ctx to `setup_context(ctx, inputs, output)`, and is then
    `forward(*args)`.

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
        raise NotImplementedError("a Function needs a static method backward(ctx, *grads) to have a gradient")

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
                raise TypeError(f"{cls.__name__}.apply() takes no keyword-only arguments: {[*bound.kwargs]}")
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
        node: Any = None
        if recording:
            node = recorded_type(FunctionNode)(edges)
            node.function, node.arguments, node.frame = cls, arguments, ctx
        outputs = _finish(node, ctx, tensors, output if isinstance(output, tuple) else (output,))
        return outputs if isinstance(output, tuple) else outputs[0]


def _describe(args: Sequence[Any], edges: Sequence[Any]) -> list[Argument | None]:
    following = iter(edges)
    return [
        Argument(tuple(x.array.shape), x.array.dtype, type(x.array), next(following) is not None)
        if isinstance(x, TensorBase)
        else None
        for x in args
    ]


def _finish(node: Any, ctx: FunctionCtx, tensors: Sequence[Any], raw: tuple[Any, ...]) -> tuple[Any, ...]:
    """The outputs of forward, joined to `node` (None: nothing is recorded)."""
    for x in ctx._dirty:
        if not _among(x, raw):
            raise RuntimeError(f"{ctx._name}: a tensor marked dirty is not an output: return it from forward")
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
            (tuple(x.array.shape), x.array.dtype, device_of(x.array))
            if isinstance(x, TensorBase) and len(outputs) > 1
            else None
            for x in outputs
        ]
        ctx.keep(outputs)
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
    """The same memory in another tensor, outside the graph: a view that may not be written to."""
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
        raise RuntimeError("this gradient comes from a backward marked @once_differentiable and has none")


def once_differentiable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a Function's backward as not to be recorded; differentiating its results raises RuntimeError."""

    @functools.wraps(function)
    def wrapper(ctx: Any, *grads: Any) -> Any:
        outer = modes.node_type
        set_recording(False)
        try:
            results = function(ctx, *grads)
        finally:
            modes.node_type = outer
        sources = [x for x in (*grads, *ctx.saved_tensors) if isinstance(x, TensorBase)]
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
