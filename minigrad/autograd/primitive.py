"""`primitive`: how an operation becomes differentiable.

    @primitive
    def mul(xp, input, other):
        return xp.multiply(input, other)

    mul.vjp(input=lambda g, other: g * other,
            other=lambda g, input: g * input)

The forward takes the array library, then arrays by position, then metadata by keyword. A gradient rule is named
after its input, and its own parameters name what it needs: `g` the gradient of the output, `out` the output,
`shape_of_x` the shape of input x, any other name an input or keyword of the forward. `rules.py` reads the names.

Called with plain arrays a primitive returns a plain array; with a Tensor among its inputs a Tensor, and where one
of them requires a gradient the call is recorded as a `Node`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ..backend.devices import device_of, to_device
from ..backend.dtypes import NUMBERS, REALS, float16, float32, float64, promote
from ..backend.library import libraries
from .modes import modes
from .node import Node, Output, TensorBase
from .operands import check_kinds, check_one_dtype, explained, foreign, one_library
from .plan import OUT
from .public import bind_keywords, write_out
from .rules import Rules
from .views import current_node, link_view

_new = object.__new__
Tensor: type[TensorBase] = TensorBase  # minigrad.Tensor, once it exists


def set_tensor_type(cls: type[TensorBase]) -> None:
    """Make `cls` the type of the results."""
    global Tensor
    Tensor = cls


def wrap(array: Any, node: Any = None) -> Any:
    """A Tensor around an array."""
    result = _new(Tensor)
    result.array = array
    if node is not None:
        result.node = node
    return result


def primitive(
    forward: Callable[..., Any] | None = None,
    *,
    dtype: str = "common",
    fixed: Sequence[str] = (),
    accepts: str | None = None,
    view: bool = False,
    differentiable: bool = True,
    nondiff: Sequence[int] = (),
    watched: Sequence[int] | None = None,
) -> Any:
    """Make a forward function differentiable; see the module's docstring.

    Args:
        dtype: "common" promotes the inputs to one dtype, "float" does so and makes integers the default dtype,
            "same" refuses inputs of different dtypes, "keep" leaves them alone.
        fixed: inputs that take no part in the promotion (masks, indices).
        accepts: the kinds of dtype that arrays may have ("f" floating point only, "biu" bool and integers), if not
            all; an error names the operation and the dtype it was given.
        view: the result may share the first input's memory.
        differentiable: False for results that have no gradient.
        nondiff: positions of such outputs among several.
        watched: positions, among several outputs, of those that rules read and callers can change in place (all).
    """
    if forward is None:
        options: dict[str, Any] = {"dtype": dtype, "fixed": fixed, "accepts": accepts, "view": view, "watched": watched}
        return partial(primitive, differentiable=differentiable, nondiff=nondiff, **options)
    names = list(inspect.signature(forward).parameters)[1:]
    rules = Rules(forward)
    keywords, plans = rules.keywords.keys(), rules.plans
    keeps, to_float, same = dtype == "keep", dtype == "float", dtype == "same"
    fixed_positions = frozenset(names.index(name) for name in fixed)
    fixed_mask = sum(1 << k for k in fixed_positions)
    library_of = libraries.get

    def call(*inputs: Any, **kw: Any) -> Any:
        destination = None
        if kw and not kw.keys() <= keywords:
            inputs, kw, destination = bind_keywords(rules, inputs, kw)
        arrays = []
        wanted = 0  # bit k: input k requires a gradient
        bit = 1
        xp: Any = None
        common: Any = None
        tensors = weak = uneven = False
        for x in inputs:
            owner = library_of(type(x))
            if owner is None:
                if isinstance(x, TensorBase):
                    tensors = True
                    if (x.node if x.view_of is None else current_node(x)) is not None:
                        wanted |= bit
                    x = x.array
                elif x is not None and type(x) not in NUMBERS:
                    x = foreign(x, call.__name__)
                owner = library_of(type(x))
            arrays.append(x)
            if owner is None:
                weak = True
            else:
                if owner is not xp:
                    xp = owner if xp is None else MIXED
                if common is None:
                    if not bit & fixed_mask:
                        common = x.dtype
                elif not keeps and x.dtype is not common and not bit & fixed_mask:
                    uneven = True
            bit += bit
        if xp is None or xp is MIXED:
            xp, arrays = one_library(arrays, inputs, call.__name__)
            if wanted:
                inputs = tuple(map(moved_with, inputs, arrays))
        if accepts is not None:
            check_kinds([a for k, a in enumerate(arrays) if k not in fixed_positions], accepts, call.__name__)
        if not keeps:
            if same:
                if uneven:  # of two objects for one dtype (pickle makes new ones) neither is refused
                    check_one_dtype([a for k, a in enumerate(arrays) if k not in fixed_positions], call.__name__)
            elif uneven or common is None or ((weak or to_float) and common.kind != "f"):
                arrays = promote(arrays, to_float=to_float, xp=xp, fixed=fixed_positions)
                uneven = True
        try:
            out = forward(xp, *arrays, **kw)
        except (ValueError, TypeError, IndexError) as error:
            raise explained(error, call.__name__, arrays) from error
        if type(out) not in libraries:
            if type(out) is tuple:
                return several(inputs, arrays, out, kw, wanted, tensors, destination)
            out = xp.asarray(out)
        if not tensors:
            return out if destination is None else write_out(out, destination)
        result = _new(Tensor)
        result.array = out
        if wanted and differentiable:
            node_type = modes.node_type
            if node_type is not None:
                node = result.node = record(node_type, inputs, arrays, out, kw, wanted, result)
                if uneven or out.dtype is not common:
                    node.dtypes = changed_dtypes(node, inputs, out.dtype)
        if view:
            link_view(result, inputs[0], call, kw)
        return result if destination is None else write_out(result, destination)

    def record(
        node_type: type[Node],
        inputs: Sequence[Any],
        arrays: Sequence[Any],
        out: Any,
        kw: dict[str, Any],
        wanted: int,
        result: Any,
    ) -> Node:
        """The node for a call: it keeps what its rules will need, and the storages that tell of changes."""
        plan = plans.get((wanted, len(inputs))) or rules.plan(wanted, len(inputs))
        return plan.record(node_type, inputs, arrays, out, kw, result)

    def several(
        inputs: Sequence[Any], arrays: list[Any], outs: tuple, kw: dict, wanted: int, tensors: bool, destination: Any
    ) -> Any:
        """The results of a forward that returns a tuple."""
        if not tensors:
            return outs if destination is None else write_out(outs, destination)
        results = tuple(wrap(out) for out in outs)
        if wanted and differentiable and modes.node_type is not None:
            joint = record(modes.node_type, inputs, arrays, outs, kw, wanted, None)
            joint.outputs = len(outs)
            if joint.frame is not None and joint.frame[OUT] is not None:
                joint.storages += tuple(
                    [result.shared_storage() for k, result in enumerate(results) if watched is None or k in watched]
                )
            for k, result in enumerate(results):
                if k not in nondiff:
                    result.node = Output(joint, k)
        if view:
            for k, result in enumerate(results):
                link_view(result, inputs[0], *rules.part(k, inputs[0], kw))
        return results if destination is None else write_out(results, destination)

    general = call
    if not keeps and differentiable and not (view or keywords or rules.variadic or nondiff or fixed):
        if len(names) == 1:
            call = _unary(general, rules)
        elif len(names) == 2:
            call = _binary(general, rules)
    general.__name__ = call.__name__ = call.__qualname__ = forward.__name__.rstrip("_")
    call.__doc__ = forward.__doc__
    call.__module__ = forward.__module__
    call.__signature__ = rules.public_signature()  # type: ignore[attr-defined]
    rules.__name__ = call.__name__
    call.rules = rules  # type: ignore[attr-defined]
    call.record = record  # type: ignore[attr-defined]
    call.vjp, call.joint, call.twin, call.parts = rules.vjp, rules.joint, rules.twin, rules.parts  # type: ignore
    return call


def _unary(general: Callable[..., Any], rules: Rules) -> Callable[..., Any]:
    """The short way for one floating point tensor or array; anything else goes the general way."""
    forward, plans = rules.forward, rules.plans

    def call(input: Any = _ABSENT, /, **kw: Any) -> Any:
        if isinstance(input, TensorBase) and not kw:
            x = input.array
            if x.dtype in _FLOATS:
                out = forward(libraries[type(x)], x)
                if type(out) not in libraries:
                    out = libraries[type(x)].asarray(out)
                result = _new(Tensor)
                result.array = out
                if (input.node if input.view_of is None else current_node(input)) is not None:
                    node_type = modes.node_type
                    if node_type is not None:
                        plan = plans.get(_ONE) or rules.plan(*_ONE)
                        result.node = plan.record(node_type, (input,), (x,), out, kw, result)
                return result
        elif type(input) in libraries and not kw and input.dtype in _FLOATS:  # in a rule, going backward
            out = forward(libraries[type(input)], input)
            return out if type(out) in libraries else libraries[type(input)].asarray(out)
        return general(*(() if input is _ABSENT else (input,)), **kw)

    return call


def _binary(general: Callable[..., Any], rules: Rules) -> Callable[..., Any]:
    """The short way for a floating point tensor with a number, or with another of its dtype and library."""
    forward, plans = rules.forward, rules.plans

    def call(input: Any = _ABSENT, other: Any = _ABSENT, /, **kw: Any) -> Any:
        if isinstance(input, TensorBase) and not kw:
            x = input.array
            dtype = x.dtype
            if isinstance(other, TensorBase):
                y = other.array
                short = y.dtype is dtype and dtype in _FLOATS and type(x) is type(y)
            else:
                y = other
                short = type(y) in REALS and dtype in _FLOATS
            if short:
                try:
                    out = forward(libraries[type(x)], x, y)
                except (ValueError, TypeError, IndexError) as error:
                    raise explained(error, general.__name__, (x, y)) from error
                if type(out) not in libraries:
                    out = libraries[type(x)].asarray(out)
                result = _new(Tensor)
                result.array = out
                wanted = 1 if (input.node if input.view_of is None else current_node(input)) is not None else 0
                if y is not other and (other.node if other.view_of is None else current_node(other)) is not None:
                    wanted += 2
                if wanted:
                    node_type = modes.node_type
                    if node_type is not None:
                        plan = plans.get((wanted, 2)) or rules.plan(wanted, 2)
                        result.node = plan.record(node_type, (input, other), (x, y), out, kw, result)
                return result
        return general(*(x for x in (input, other) if x is not _ABSENT), **kw)

    return call


@primitive(dtype="keep")
def transfer(xp, input, *, target, source):
    """`input` on the device `target`; its gradient goes back to `source`."""
    return to_device(input, target)


transfer.vjp(input=lambda g, target, source: transfer(g, target=source, source=target))


def moved_with(x: Any, array: Any) -> Any:
    """The input `x`, moved to the device to which its array has been: its gradient goes back to where it was."""
    if not isinstance(x, TensorBase) or type(x.array) is type(array):
        return x
    return transfer(x, target=device_of(array), source=device_of(x.array))


def changed_dtypes(node: Node, inputs: Sequence[Any], out: Any) -> Sequence[Any] | None:
    """The dtypes of the inputs that get a gradient, None if they are all the output's."""
    dtypes = [inputs[k].array.dtype for k in node.plan.needed]
    return None if all(dtype is out for dtype in dtypes) else dtypes


_ABSENT = object()
_ONE = (1, 1)  # the first input of one needs a gradient
MIXED = object()  # what stands for the library where there are several
_FLOATS = frozenset(d.dtype for d in (float16, float32, float64))
