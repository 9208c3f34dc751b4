"""Compare gradients with finite differences: `gradcheck` for first, `gradgradcheck` for second order."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .._tensor.creation import zeros_like
from .._tensor.sampling import randn_like
from ..backend.dtypes import public_dtype
from ..backend.library import library
from .gradients import grad
from .node import TensorBase
from .primitive import wrap
from .row_sparse import dense
from .walk import edge_of


class GradcheckError(RuntimeError):
    """A gradient does not agree with finite differences."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
) -> bool:
    """Check the gradients of `func(*inputs)` against central differences (f(x + eps) - f(x - eps)) / (2 eps).

    Each element of each Jacobian must satisfy |analytical - numerical| <= atol + rtol |numerical|. Inputs
    that require a gradient should be float64: the defaults are made for it.

    Args:
        func: takes tensors (and other arguments), returns a tensor or a tuple of them.
        inputs: one tensor or a tuple of arguments.
        eps: the step of the differences.
        raise_exception: False returns False where True raises.
        nondet_tol: how far two backward passes may differ.
        check_undefined_grad: also check that an output without a gradient counts as one with gradient zero.
        check_grad_dtypes: also check that gradients have the dtype of their inputs.

    Returns:
        True if all agree.

    Raises:
        GradcheckError: the message names output and input, with both Jacobians.
        ValueError: no input requires a gradient, or one cannot be varied.

    >>> import minigrad
    >>> x = minigrad.tensor([0.5, 2.0], dtype=minigrad.float64, requires_grad=True)
    >>> gradcheck(lambda x: (x.sin() * x).sum(), (x,))
    True
    """
    arguments = (inputs,) if isinstance(inputs, TensorBase) else tuple(inputs)
    varied = _varied(arguments)
    try:
        outputs = _outputs(func(*arguments))
        _check_jacobians(func, arguments, varied, outputs, eps, atol, rtol)
        _check_repeated(func, arguments, varied, outputs, nondet_tol)
        _check_zero(varied, outputs, check_undefined_grad, check_grad_dtypes)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
) -> bool:
    """Check gradients of gradients: `gradcheck` of the function that gives the gradients of `func`.

    Args:
        func, inputs: as in `gradcheck`.
        grad_outputs: the gradients of the outputs to start from, random if not given.
        gen_non_contig_grad_outputs: make the random ones non-contiguous.
        others: as in `gradcheck`.
    """
    arguments = (inputs,) if isinstance(inputs, TensorBase) else tuple(inputs)
    if grad_outputs is None:
        outputs = _outputs(func(*arguments))
        starts = tuple(_random_like(y, gen_non_contig_grad_outputs) for y in outputs)
    else:
        starts = (grad_outputs,) if isinstance(grad_outputs, TensorBase) else tuple(grad_outputs)
    count = len(arguments)

    def gradients(*both: Any) -> tuple[Any, ...]:
        tensors = [x for _, x in _varied(both[:count])]
        outputs = _outputs(func(*both[:count]))
        found = _grad(outputs, tensors, both[count:], create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    return gradcheck(
        gradients,
        (*arguments, *starts),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
    )


def _varied(arguments: Sequence[Any]) -> list[tuple[int, Any]]:
    """The inputs that require a gradient, with their positions."""
    found = [(k, x) for k, x in enumerate(arguments) if _edge(x) is not None]
    if not found:
        raise ValueError("gradcheck needs an input that requires a gradient: set requires_grad=True on one")
    for k, x in found:
        if x.array.dtype.itemsize < 8:
            warnings.warn(
                f"gradcheck: input {k} is {public_dtype(x.array.dtype)}, too coarse for finite differences: "
                "use float64",
                UserWarning,
                stacklevel=3,
            )
        if x.array.size and any(s == 0 and n > 1 for s, n in zip(x.array.strides, x.array.shape)):
            raise ValueError(
                f"gradcheck: elements of input {k} share one place in memory (it was expanded) and cannot be "
                "varied one at a time: clone() it first"
            )
    return found


def _outputs(result: Any, keep_all: bool = False) -> tuple[Any, ...]:
    """The outputs that have a gradient, or all."""
    results = result if isinstance(result, (tuple, list)) else (result,)
    return tuple(y for y in results if keep_all or _edge(y) is not None)


def _edge(x: Any) -> Any:
    """Where the gradient of `x` goes; None if it needs none, or is no tensor."""
    return edge_of(x) if isinstance(x, TensorBase) else None


def _check_jacobians(
    func: Any, arguments: Any, varied: Any, outputs: Any, eps: float, atol: float, rtol: float
) -> None:
    if not outputs:  # then no input may have any influence
        every = _outputs(func(*arguments), keep_all=True)
        for k, x in varied:
            for i, numerical in enumerate(_numerical(func, arguments, x, eps, every, keep_all=True)):
                if bool((abs(numerical) > atol).any()):
                    raise GradcheckError(
                        f"output {i} does not require a gradient, but depends on input {k}:\n"
                        f"numerical: {wrap(numerical)}"
                    )
        return
    for k, x in varied:
        expected = _numerical(func, arguments, x, eps, outputs)
        for i, y in enumerate(outputs):
            found = _analytical(y, x)
            if not bool((abs(found - expected[i]) <= atol + rtol * abs(expected[i])).all()):
                raise GradcheckError(
                    f"the Jacobian of output {i} with respect to input {k} is wrong:\n"
                    f"numerical: {wrap(expected[i])}\nanalytical: {wrap(found)}"
                )


def _numerical(
    func: Any, arguments: Any, x: Any, eps: float, outputs: Sequence[Any], keep_all: bool = False
) -> list[Any]:
    """The Jacobians, of shape (elements of x, elements of y), by central differences."""
    xp = library(x.array)
    jacobians = [xp.zeros((x.array.size, y.array.size), dtype="float64") for y in outputs]

    def values() -> list[Any]:
        result = func(*arguments)
        every = _outputs(result, keep_all)
        return [y.array.astype("float64").reshape(-1) for y in every]

    for row, place in enumerate(_places(x.array.shape)):
        before = x.array[place].copy()
        x.array[place] = before + eps
        high = values()
        x.array[place] = before - eps
        low = values()
        x.array[place] = before
        for jacobian, above, below in zip(jacobians, high, low, strict=True):
            jacobian[row] = (above - below) / (2 * eps)
    return jacobians


def _analytical(y: Any, x: Any) -> Any:
    """The Jacobian by one backward pass for each element of `y`."""
    xp = library(x.array)
    jacobian = xp.zeros((x.array.size, y.array.size), dtype="float64")
    for column, place in enumerate(_places(y.array.shape)):
        start = xp.zeros(y.array.shape, dtype=y.array.dtype)
        start[place] = 1
        (g,) = _grad(y, x, wrap(start), retain_graph=True, allow_unused=True)
        if g is not None:
            jacobian[:, column] = g.array.reshape(-1)
    return jacobian


def _places(shape: Iterable[int]) -> Iterable[tuple[int, ...]]:
    """The index of every element, in order."""
    return itertools.product(*(range(n) for n in shape))


def _check_repeated(func: Any, arguments: Any, varied: Any, outputs: Any, tolerance: float) -> None:
    """Two backward passes must agree."""
    tensors = [x for _, x in varied]
    for i, y in enumerate(outputs):
        start = _random_like(y)
        first = _grad(y, tensors, start, retain_graph=True, allow_unused=True)
        second = _grad(y, tensors, start, retain_graph=True, allow_unused=True)
        for (k, _), a, b in zip(varied, first, second, strict=True):
            if a is not None and bool((abs(a.array - b.array) > tolerance).any()):
                raise GradcheckError(
                    f"two backward passes gave different gradients of output {i} with respect to input {k}: "
                    "pass nondet_tol if that is meant to be"
                )


def _check_zero(varied: Any, outputs: Any, check_undefined: bool, check_dtypes: bool) -> None:
    """A zero gradient of the outputs must give zero, of the right kind; so must none for some of them."""
    tensors = [x for _, x in varied]
    found = _grad(outputs, tensors, [zeros_like(y) for y in outputs], retain_graph=True, allow_unused=True)
    for (k, x), g in zip(varied, found, strict=True):
        if g is None:
            continue
        if bool((g.array != 0).any()):
            raise GradcheckError(
                "backward does not multiply by the gradient it is given: it made another from a zero one, "
                f"for input {k}"
            )
        if tuple(g.array.shape) != tuple(x.array.shape):
            raise GradcheckError(f"the gradient of input {k} has shape {tuple(g.array.shape)}")
        if check_dtypes and g.array.dtype != x.array.dtype:
            raise GradcheckError(f"the gradient of input {k} is {public_dtype(g.array.dtype)}")
    if not check_undefined or len(outputs) < 2:
        return
    for i, y in enumerate(outputs):
        alone = _grad(y, tensors, zeros_like(y), retain_graph=True, allow_unused=True)
        for (k, _), g in zip(varied, alone, strict=True):
            if g is not None and bool((g.array != 0).any()):
                raise GradcheckError(
                    f"a zero gradient of output {i}, and none of the others, made another for input {k}"
                )


def _random_like(y: Any, scattered: bool = False) -> Any:
    """A random gradient for `y`, that requires a gradient itself."""
    values = randn_like(y.detach())
    if scattered and y.array.ndim:
        values = randn_like(y.detach().unsqueeze(-1).expand(*y.array.shape, 2))[..., 0]
    return values.detach().requires_grad_()


def _grad(*args: Any, **kwargs: Any) -> tuple[Any, ...]:
    """The gradients, all of them dense."""
    return tuple(map(dense, grad(*args, **kwargs)))


__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]
