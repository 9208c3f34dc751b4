"""The same thing on both sides: arrays to tensors of minigrad and PyTorch, and comparing what comes out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import minigrad as mg


def both(array: np.ndarray, requires_grad: bool = False) -> tuple[Any, Any]:
    """An array as a tensor of minigrad and of PyTorch, which do not share memory."""
    mine, theirs = mg.tensor(array), torch.tensor(array)
    if requires_grad and array.dtype.kind == "f":
        mine.requires_grad_()
        theirs.requires_grad_()
    return mine, theirs


def as_array(x: Any) -> np.ndarray:
    return np.asarray(x.detach().numpy())


def assert_same(mine: Any, theirs: Any, what: str = "", rtol: float | None = None, atol: float | None = None) -> None:
    """Equal shapes and dtypes, and values as close as the dtype allows, unless told otherwise."""
    if theirs is None:
        assert mine is None, f"{what}: {mine} is not None"
        return
    a, b = as_array(mine), as_array(theirs)
    assert a.shape == b.shape, f"{what}: shape {a.shape}, PyTorch's {b.shape}"
    assert a.dtype == b.dtype, f"{what}: {a.dtype}, PyTorch's {b.dtype}"
    exact = a.dtype == np.float64
    rtol = rtol if rtol is not None else 1e-9 if exact else 1e-5
    atol = atol if atol is not None else 1e-10 if exact else 1e-6
    np.testing.assert_allclose(a, b, rtol=rtol, atol=atol, err_msg=what)


def copy_parameters(mine: Any, theirs: Any) -> None:
    """Give minigrad's module the values of PyTorch's; keys, shapes and dtypes must be the same."""
    state = theirs.state_dict()
    assert list(mine.state_dict()) == list(state)
    for key, value in mine.state_dict().items():
        assert tuple(value.shape) == tuple(state[key].shape), key
        assert str(value.dtype).split(".")[1] == str(state[key].dtype).split(".")[1], key
    mine.load_state_dict({key: mg.tensor(value.numpy()) for key, value in state.items()})


def assert_same_gradients(mine: Any, theirs: Any, atol: float | None = None) -> None:
    """Equal gradients of all parameters, which have the same names."""
    named = dict(theirs.named_parameters())
    assert [name for name, _ in mine.named_parameters()] == list(named)
    for name, p in mine.named_parameters():
        assert_same(p.grad, named[name].grad, f"gradient of {name}", atol=atol)
