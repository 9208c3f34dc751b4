"""Random programs of views and in-place changes: minigrad gives PyTorch's gradients or raises, and never others.

A program is a list of instructions (operation, tensor, other tensor, number), interpreted on both libraries in step.
PyTorch goes first: what it refuses is left out of the program. minigrad may refuse more; then the program ends.
"""

from __future__ import annotations

import random
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

import minigrad

torch = pytest.importorskip("torch")

# name -> f(library, x, y, k), which returns a tensor to be kept, or None
VIEWS = {
    "row": lambda m, x, y, k: x[k % x.shape[0]],
    "rows": lambda m, x, y, k: x[k % 2 :],
    "step": lambda m, x, y, k: x[::2],
    "column": lambda m, x, y, k: x[..., k % x.shape[-1]],
    "columns": lambda m, x, y, k: x[..., : 1 + k % x.shape[-1]],
    "flat": lambda m, x, y, k: x.view(-1),
    "reshape": lambda m, x, y, k: x.reshape(-1),
    "t": lambda m, x, y, k: x.t(),
    "transpose": lambda m, x, y, k: x.transpose(0, -1),
    "unsqueeze": lambda m, x, y, k: x.unsqueeze(k % 2),
    "squeeze": lambda m, x, y, k: x.squeeze(),
    "narrow": lambda m, x, y, k: x.narrow(0, k % 2, 1),
    "select": lambda m, x, y, k: x.select(-1, k % x.shape[-1]),
    "diagonal": lambda m, x, y, k: x.diagonal(),
    "unbind": lambda m, x, y, k: x.unbind(0)[k % x.shape[0]],
    "split": lambda m, x, y, k: x.split(1)[k % x.shape[0]],
    "expand": lambda m, x, y, k: x.expand(2, *x.shape),
    "detach": lambda m, x, y, k: x.detach(),
    "movedim": lambda m, x, y, k: x.movedim(0, -1),
    "view_as": lambda m, x, y, k: x.view_as(y),
}
FRESH = {
    "add": lambda m, x, y, k: x + y,
    "mul": lambda m, x, y, k: x * y,
    "scaled": lambda m, x, y, k: x * (0.5 + 0.1 * (k % 5)),
    "sin": lambda m, x, y, k: x.sin(),
    "tanh": lambda m, x, y, k: x.tanh(),
    "exp": lambda m, x, y, k: (x * 0.1).exp(),
    "clone": lambda m, x, y, k: x.clone(),
    "sum": lambda m, x, y, k: x.sum(0),
    "gather": lambda m, x, y, k: x[m.tensor([0, k % x.shape[0], 0])],
    "masked": lambda m, x, y, k: x[x > 0.1],
    "stack": lambda m, x, y, k: m.stack([x, x * 2])[k % 2],
}
CHANGES = {
    "add_": lambda m, x, y, k: x.add_(y),
    "iadd": lambda m, x, y, k: x.__iadd__(y),
    "sub_": lambda m, x, y, k: x.sub_(y * 0.5),
    "mul_": lambda m, x, y, k: x.mul_(y),
    "imul": lambda m, x, y, k: x.__imul__(0.7),
    "div_": lambda m, x, y, k: x.div_(y * y + 2.0),
    "sin_": lambda m, x, y, k: x.sin_(),
    "tanh_": lambda m, x, y, k: x.tanh_(),
    "sigmoid_": lambda m, x, y, k: x.sigmoid_(),
    "neg_": lambda m, x, y, k: x.neg_(),
    "relu_": lambda m, x, y, k: x.relu_(),
    "clamp_": lambda m, x, y, k: x.clamp_(-0.5, 0.5),
    "square_": lambda m, x, y, k: x.square_(),
    "pow_": lambda m, x, y, k: x.pow_(2),
    "copy_": lambda m, x, y, k: x.copy_(y),
    "zero_": lambda m, x, y, k: x.zero_(),
    "fill_": lambda m, x, y, k: x.fill_(0.25),
    "fill_t": lambda m, x, y, k: x.fill_(y.sum()),
    "addcmul_": lambda m, x, y, k: x.addcmul_(y, y, value=0.3),
    "lerp_": lambda m, x, y, k: x.lerp_(y, 0.3),
    "masked_fill_": lambda m, x, y, k: x.masked_fill_(x > 0.2, 0.1),
    "index_add_": lambda m, x, y, k: x.index_add_(0, m.tensor([0, 0]), y[:2]),
    "index_copy_": lambda m, x, y, k: x.index_copy_(0, m.tensor([1, 0]), y[:2]),
    "scatter_": lambda m, x, y, k: x.scatter_(0, m.zeros(1, *x.shape[1:], dtype=m.int64), y[:1]),
    "scatter_add_": lambda m, x, y, k: x.scatter_add_(0, m.zeros_like(y, dtype=m.int64), y),
    "set_row": lambda m, x, y, k: x.__setitem__(k % x.shape[0], y),
    "set_rows": lambda m, x, y, k: x.__setitem__(slice(k % 2, None), y),
    "set_column": lambda m, x, y, k: x.__setitem__((..., k % x.shape[-1]), y),
    "set_all": lambda m, x, y, k: x.__setitem__(slice(None), y),
    "set_number": lambda m, x, y, k: x.__setitem__(0, 0.3),
    "set_fancy": lambda m, x, y, k: x.__setitem__(m.tensor([0, 1]), y),
    "set_fancy_column": lambda m, x, y, k: x.__setitem__((slice(None), m.tensor([1, 0])), y),
    "set_mask": lambda m, x, y, k: x.__setitem__(x > 0.0, 0.2),
    "set_mask_t": lambda m, x, y, k: x.__setitem__(x > 0.0, y.sum()),
    "iadd_row": lambda m, x, y, k: _augmented(x, k % x.shape[0], y),
    "iadd_fancy": lambda m, x, y, k: _augmented(x, m.tensor([1, 0]), y),
    "iadd_deep": lambda m, x, y, k: _augmented(x[0], k % x.shape[-1], y.sum()),
    "detach_": lambda m, x, y, k: x.detach_(),
}
WITHOUT_GRAD = {f"no_grad {n}": VIEWS[n] for n in ("row", "flat", "columns")} | {
    f"no_grad {n}": CHANGES[n] for n in ("add_", "mul_", "zero_", "set_row", "copy_")
}
READS_WHILE_WRITING = {"index_add_", "index_copy_", "scatter_", "scatter_add_", "set_fancy", "set_fancy_column"}
OPERATIONS = [*VIEWS.items(), *FRESH.items(), *CHANGES.items(), *CHANGES.items(), *WITHOUT_GRAD.items()]


def _augmented(x: Any, key: Any, y: Any) -> None:
    x[key] += y


def _memory(x: Any) -> int:
    """The address of the memory that a tensor and its views share."""
    return x.untyped_storage().data_ptr()


def start(m: Any) -> list[Any]:
    """Two leaves that require a gradient, something computed, and two plain tensors."""
    values = np.linspace(-1.0, 1.0, 6)
    a = m.tensor(values.reshape(2, 3).tolist(), dtype=m.float64, requires_grad=True)
    b = m.tensor((values[::2] * 0.7).tolist(), dtype=m.float64, requires_grad=True)
    return [a, b, a * b, m.zeros(2, 3, dtype=m.float64), m.ones(3, dtype=m.float64) * 0.4]


def run(m: Any, tensors: list[Any], instruction: tuple[int, int, int, int]) -> None:
    name, operation = OPERATIONS[instruction[0] % len(OPERATIONS)]
    x, y = tensors[instruction[1] % len(tensors)], tensors[instruction[2] % len(tensors)]
    if name in READS_WHILE_WRITING and _memory(x) == _memory(y):
        raise ValueError("PyTorch's result depends on the order in which it goes through the memory")
    if name.startswith("no_grad"):
        with m.no_grad():
            result = operation(m, x, y, instruction[3])
    else:
        result = operation(m, x, y, instruction[3])
    if result is not None and not any(result is t for t in tensors):
        tensors.append(result)


def described(program: list[tuple[int, int, int, int]]) -> str:
    return "; ".join(f"{OPERATIONS[o % len(OPERATIONS)][0]} {i} {j} {k}" for o, i, j, k in program)


def gradients(m: Any, tensors: list[Any]) -> list[Any]:
    """Of a weighted sum of everything, by the two leaves; then those of the gradients' squared norm."""
    loss = sum(((t * (0.5 + 0.1 * n)).sum() for n, t in enumerate(tensors)), m.zeros((), dtype=m.float64))
    first = m.autograd.grad(loss, tensors[:2], allow_unused=True, create_graph=True)
    norm = sum(((g**2).sum() for g in first if g is not None), m.zeros((), dtype=m.float64))
    if norm.requires_grad:
        second = m.autograd.grad(norm, tensors[:2], allow_unused=True, materialize_grads=True)
    else:
        second = [m.zeros_like(t) for t in tensors[:2]]
    return [None if g is None else g.detach().numpy() for g in (*first, *second)]


class Refused(Exception):
    """minigrad raised where PyTorch did not."""


def compare(program: list[tuple[int, int, int, int]]) -> None:
    """Run a program on both; AssertionError if they differ, Refused if minigrad raises."""
    theirs, ours = start(torch), start(minigrad)
    done: list[tuple[int, int, int, int]] = []
    same_flags = True
    for instruction in program:
        try:
            run(torch, theirs, instruction)
        except (RuntimeError, IndexError, TypeError, ValueError, ZeroDivisionError):
            pairs = zip(theirs, ours, strict=True)
            if all(np.allclose(t.data.numpy(), o.data.numpy(), 1e-12, 1e-13) for t, o in pairs):
                continue
            return  # PyTorch raised after it had written
        try:
            expected = [(t.detach().numpy(), t.requires_grad, t.is_leaf) for t in theirs]
        except RuntimeError:
            return  # a view that PyTorch refuses to look at since its base was changed
        done.append(instruction)
        # PyTorch says that a view made inside no_grad(), or one of what was detached in place and changed,
        # requires a gradient, though none ever reaches its base.
        name = OPERATIONS[instruction[0] % len(OPERATIONS)][0]
        same_flags &= name not in WITHOUT_GRAD and name != "detach_"
        try:
            run(minigrad, ours, instruction)
        except (RuntimeError, IndexError, NotImplementedError) as error:
            raise Refused(f"{described(done)}: {error}") from error
        for n, ((values, requires_grad, is_leaf), o) in enumerate(zip(expected, ours, strict=True)):
            where = f"tensor {n} after: {described(done)}"
            np.testing.assert_allclose(o.data.numpy(), values, 1e-12, 1e-13, err_msg=where)
            if same_flags:
                assert (o.requires_grad, o.is_leaf) == (requires_grad, is_leaf), f"flags of {where}"
    try:
        wanted = gradients(torch, theirs)
    except RuntimeError:
        return  # a saved value was changed: minigrad may be able to go on, or not
    try:
        found = gradients(minigrad, ours)
    except RuntimeError as error:
        raise Refused(f"{described(done)}: {error}") from error
    for name, e, f in zip(("a", "b", "a, second order", "b, second order"), wanted, found, strict=True):
        assert (e is None) == (f is None), f"gradient of {name}: {e} and {f} after: {described(done)}"
        if e is not None:
            np.testing.assert_allclose(f, e, 1e-8, 1e-10, err_msg=f"gradient of {name}: {described(done)}")


small = st.integers(0, 99)
programs = st.lists(st.tuples(st.integers(0, len(OPERATIONS) - 1), small, small, small), min_size=1, max_size=12)


@pytest.mark.filterwarnings("ignore::UserWarning")
@hypothesis.settings(max_examples=250, deadline=None, derandomize=True)
@hypothesis.given(programs)
def test_never_a_different_gradient(program):
    try:
        compare(program)
    except Refused as refused:
        hypothesis.event(f"refused: {str(refused.__cause__)[:60]}")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_few_programs_are_refused():
    refused = []
    for seed in range(400):
        rng = random.Random(seed)
        program = [
            (rng.randrange(len(OPERATIONS)), rng.randrange(100), rng.randrange(100), rng.randrange(100))
            for _ in range(rng.randint(1, 10))
        ]
        try:
            compare(program)
        except Refused as error:
            refused.append(str(error))
    assert len(refused) <= 8, refused
