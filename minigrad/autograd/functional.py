"""Derivatives of functions: `vjp`, `jvp`, `jacobian`, `hessian`, `vhp` and `hvp`, with PyTorch's arguments.

Each takes a function of one or several tensors and the point at which to differentiate it. Inputs and outputs
may be a tensor or a tuple of tensors; what is returned has the same structure. Inputs need no
`requires_grad`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from .._tensor.creation import ones_like, zeros_like
from ..backend.library import library
from ..ops.joining import stack
from .gradients import grad
from .modes import enable_grad
from .node import TensorBase
from .primitive import wrap
from .row_sparse import dense
from .walk import edge_of


class Pack(NamedTuple):
    """Tensors, and whether they came as one tensor or as a tuple."""

    tensors: tuple[Any, ...]
    single: bool

    def result(self, tensors: Iterable[Any], create_graph: bool) -> Any:
        """`tensors` in this structure, detached unless they are to be differentiated again."""
        finished = tuple(x if create_graph else x.detach() for x in tensors)
        return finished[0] if self.single else finished


def vjp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs, and the vector `v` times the Jacobian: for each input, sum_i v_i d(output_i)/d(input).

    Args:
        func: takes the inputs, returns a tensor or a tuple of tensors.
        inputs: a tensor or a tuple of tensors.
        v: shaped like the outputs; it may be left out if the output is a single number.
        create_graph: let the results be differentiated again, also with respect to `inputs`.
        strict: raise where an output does not depend on an input, instead of giving zeros.

    >>> import minigrad
    >>> vjp(lambda x: (x ** 2).sum(), minigrad.tensor([1.0, 2.0]))
    (tensor(5.), tensor([2., 4.]))
    """
    with enable_grad():
        given, points = _points(inputs, create_graph)
        outputs = _call(func, points, strict)
        vectors = _vectors(v, outputs, create_graph, "output")
        found = _gradients(outputs.tensors, points, vectors, create_graph)
        products = _filled(found, points, strict, create_graph, "input")
    return outputs.result(outputs.tensors, create_graph), given.result(products, create_graph)


def jvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs, and the Jacobian times the vector `v`: for each output, sum_j d(output)/d(input_j) v_j.

    The product with a vector from the left is linear in that vector; its derivative by the vector, in
    direction `v`, is the product from the right (J. Townsend, "A new trick for calculating Jacobian vector
    products", 2017).

    Args:
        v: shaped like the inputs; it may be left out if there is one input of one element.
        others: as in `vjp`.

    >>> import minigrad
    >>> jvp(lambda x: x ** 2, minigrad.tensor([1.0, 2.0]), minigrad.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    with enable_grad():
        given, points = _points(inputs, create_graph)
        vectors = _vectors(v, given, create_graph, "input")
        outputs = _call(func, points, strict)
        found = _pushed_forward(outputs.tensors, points, vectors, create_graph)
        products = _filled(found, outputs.tensors, strict, create_graph, "output")
    return outputs.result(outputs.tensors, create_graph), outputs.result(products, create_graph)


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The derivative of every output element by every input element.

    Args:
        vectorize, strategy: accepted for PyTorch's sake; there is one way, one backward pass for each
        element. others: as in `vjp`.

    Returns:
        For a tensor in and out, a tensor of shape (*output.shape, *input.shape). A tuple of inputs gives a
        tuple of these, a tuple of outputs a tuple with one such result for each.

    >>> import minigrad
    >>> jacobian(lambda x: x ** 2, minigrad.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    with enable_grad():
        given, points = _points(inputs, create_graph)
        outputs = _call(func, points, strict)
        rows = [_jacobian_of(y, points, create_graph, strict) for y in outputs.tensors]
    results = tuple(given.result(row, create_graph) for row in rows)
    return results[0] if outputs.single else results


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The second derivatives of a function whose result is one number, by every pair of input elements.

    Args:
        vectorize, outer_jacobian_strategy: accepted for PyTorch's sake.
        others: as in `vjp`.

    Returns:
        For one input, a tensor of shape (*input.shape, *input.shape); for a tuple, a tuple of tuples [i][j].

    >>> import minigrad
    >>> hessian(lambda x: (x ** 3).sum(), minigrad.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    single = isinstance(inputs, TensorBase)

    def gradient(*points: Any) -> Any:
        slopes = jacobian(lambda *xs: _one_number(_call(func, xs, strict)).reshape(()), points, create_graph=True)
        return slopes[0] if single else slopes

    return jacobian(gradient, inputs, create_graph, strict)


def vhp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The output, one number, and the vector `v` times the Hessian. Arguments as in `jvp`.

    >>> import minigrad
    >>> vhp(lambda x: (x ** 3).sum(), minigrad.tensor([1.0, 2.0]), minigrad.ones(2))
    (tensor(9.), tensor([ 6., 12.]))
    """
    with enable_grad():
        given, points, vectors, output, slopes = _first_order(func, inputs, v, create_graph, strict)
        found = _gradients(slopes, points, vectors, create_graph)
        products = _filled(found, points, strict, create_graph, "input")
    return output if create_graph else output.detach(), given.result(products, create_graph)


def hvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The output, one number, and the Hessian times the vector `v`. Arguments as in `jvp`.

    Where second derivatives are continuous it equals `vhp`, which is faster.

    >>> import minigrad
    >>> hvp(lambda x: (x ** 3).sum(), minigrad.tensor([1.0, 2.0]), minigrad.ones(2))
    (tensor(9.), tensor([ 6., 12.]))
    """
    with enable_grad():
        given, points, vectors, output, slopes = _first_order(func, inputs, v, create_graph, strict)
        found = _pushed_forward(slopes, points, vectors, create_graph)
        products = _filled(found, points, strict, create_graph, "input")
    return output if create_graph else output.detach(), given.result(products, create_graph)


def _first_order(func: Any, inputs: Any, v: Any, create_graph: bool, strict: bool) -> tuple[Any, ...]:
    """What both products with the Hessian start from: the gradient, recorded."""
    given, points = _points(inputs, create_graph)
    vectors = _vectors(v, given, create_graph, "input")
    output = _one_number(_call(func, points, strict))
    found = _gradients((output,), points, (ones_like(output),), True)
    return given, points, vectors, output, _filled(found, points, strict, False, "input")


def _pack(value: Any, what: str) -> Pack:
    if isinstance(value, TensorBase):
        return Pack((value,), True)
    if isinstance(value, (tuple, list)) and all(isinstance(x, TensorBase) for x in value):
        return Pack(tuple(value), False)
    raise TypeError(f"{what} must be a tensor or a tuple of tensors, got {type(value).__name__}")


def _points(inputs: Any, create_graph: bool) -> tuple[Pack, tuple[Any, ...]]:
    """The inputs, and the tensors by which to differentiate: the inputs' values, joined to them if asked for."""
    given = _pack(inputs, "inputs")
    return given, tuple(
        x.view_as(x) if create_graph and edge_of(x) is not None else x.detach().requires_grad_() for x in given.tensors
    )


def _call(func: Any, points: Sequence[Any], strict: bool) -> Pack:
    outputs = _pack(func(*points), "what the function returns")
    if strict:
        for k, y in enumerate(outputs.tensors):
            if edge_of(y) is None:
                raise RuntimeError(f"strict=True: output {k} does not depend on any input")
            if any(y is x for x in points):
                raise RuntimeError(f"strict=True: output {k} is an input")
    return outputs


def _one_number(outputs: Pack) -> Any:
    if not outputs.single or outputs.tensors[0].array.size != 1:
        raise RuntimeError("a Hessian belongs to a function that returns one tensor with one element")
    return outputs.tensors[0]


def _vectors(v: Any, pattern: Pack, create_graph: bool, what: str) -> tuple[Any, ...]:
    """The vectors to multiply by, checked; ones for a single number."""
    if v is None:
        if len(pattern.tensors) != 1 or pattern.tensors[0].array.size != 1:
            raise RuntimeError(f"v can be left out only if there is one {what} with one element")
        return (ones_like(pattern.tensors[0].detach()),)
    vectors = _pack(v, "v").tensors
    shapes = [tuple(x.array.shape) for x in pattern.tensors]
    if [tuple(x.array.shape) for x in vectors] != shapes:
        raise RuntimeError(
            f"v must have the shapes of the {what}s, {shapes}, got {[tuple(x.array.shape) for x in vectors]}"
        )
    return vectors if create_graph else tuple(x.detach() for x in vectors)


def _gradients(outputs: Any, points: Any, vectors: Any, create_graph: bool) -> tuple[Any, ...]:
    """The vectors times the Jacobian; None for points that no output depends on."""
    pairs = [(y, v) for y, v in zip(outputs, vectors, strict=True) if edge_of(y) is not None]
    if not pairs:
        return (None,) * len(points)
    ys, vs = zip(*pairs, strict=True)
    found = grad(ys, points, vs, create_graph=create_graph, retain_graph=True, allow_unused=True)
    return tuple(map(dense, found))


def _pushed_forward(outputs: Any, points: Any, vectors: Any, create_graph: bool) -> tuple[Any, ...]:
    """The Jacobian times the vectors; None for outputs that depend on no point."""
    probes = tuple(zeros_like(y.detach()).requires_grad_() for y in outputs)
    linear = _gradients(outputs, points, probes, True)
    pairs = [(g, v) for g, v in zip(linear, vectors, strict=True) if g is not None]
    if not pairs:
        return (None,) * len(probes)
    gs, vs = zip(*pairs, strict=True)
    return _gradients(gs, probes, vs, create_graph)


def _filled(found: Sequence[Any], like: Sequence[Any], strict: bool, create_graph: bool, what: str) -> tuple[Any, ...]:
    """`found` with zeros for None; with `strict` that is an error, as is a result without a graph."""
    if strict:
        for k, g in enumerate(found):
            if g is None:
                raise RuntimeError(f"strict=True: the function's result does not depend on {what} {k}")
            if create_graph and edge_of(g) is None:
                raise RuntimeError(f"strict=True: the derivative of {what} {k} is constant")
    return tuple(zeros_like(x.detach()) if g is None else g for g, x in zip(found, like, strict=True))


def _jacobian_of(y: Any, points: Sequence[Any], create_graph: bool, strict: bool) -> list[Any]:
    """The Jacobians of one output by each point."""
    xp, shape = library(y.array), tuple(y.array.shape)
    rows = []
    for place in itertools.product(*(range(n) for n in shape)):
        start = xp.zeros(shape, dtype=y.array.dtype)
        start[place] = 1
        found = _gradients((y,), points, (wrap(start),), create_graph)
        rows.append(_filled(found, points, strict, create_graph, "input"))
    if not rows:
        return [zeros_like(x.detach()).expand(*shape, *x.array.shape) for x in points]
    return [stack([row[k] for row in rows]).reshape(*shape, *x.array.shape) for k, x in enumerate(points)]


__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]
