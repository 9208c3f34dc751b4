"""What recurrent layers say of arguments that do not fit."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from .._tensor.creation import as_tensor
from ..autograd.node import TensorBase
from ..autograd.operands import array_of
from ..backend.door import whole
from ..backend.dtypes import int64
from .utils.sequence_rows import refuse_lengths


def check_sizes(name: str, input_size: Any, hidden_size: Any, **more: Any) -> None:
    """Arguments of a constructor that count something."""
    for word, value in {"input_size": input_size, "hidden_size": hidden_size, **more}.items():
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"{name} takes an int as {word}, got {value!r}")
        if value <= 0:
            raise ValueError(f"{name} needs {word} of 1 or more, got {value}")


def check_options(name: str, hidden_size: int, proj_size: Any, dropout: Any) -> None:
    """Other arguments of a layer's constructor."""
    if not isinstance(dropout, (int, float)) or isinstance(dropout, bool) or not 0 <= dropout <= 1:
        raise ValueError(f"{name} takes a probability between 0 and 1 as dropout, got {dropout!r}")
    if not isinstance(proj_size, int) or isinstance(proj_size, bool):
        raise TypeError(f"{name} takes an int as proj_size, got {proj_size!r}")
    if not 0 <= proj_size < hidden_size:
        raise ValueError(f"{name} needs proj_size smaller than hidden_size={hidden_size} (0: none), got {proj_size}")


def check_nonlinearity(nonlinearity: str) -> None:
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")


def check_tensor(name: str, word: str, x: Any) -> None:
    if not isinstance(x, TensorBase):
        raise TypeError(f"{name}() takes a tensor as {word}, got a {type(x).__name__}: minigrad.tensor(x) makes one")


def check_dtype(name: str, word: str, x: Any, weight: Any) -> None:
    if x.dtype != weight.dtype:
        other = f" or the other (model.to({x.dtype}))" if x.is_floating_point() else ""
        raise ValueError(
            f"{name}() got {word} of {x.dtype}, but its weights are {weight.dtype}: convert the one "
            f"(x.to({weight.dtype})){other}"
        )


def check_input(layer: Any, input: Any, packed: bool) -> bool:
    """Whether `input` has a batch dimension."""
    name = type(layer).__name__
    check_tensor(name, "input", input)
    dims, shape = input.ndim, tuple(input.shape)
    if dims not in ((2,) if packed else (2, 3)):
        expected = "packed data (N, input_size)" if packed else "an input (T, B, input_size) or (T, input_size)"
        raise ValueError(f"{name}() takes {expected}, got shape {shape}")
    if shape[-1] != layer.input_size:
        raise RuntimeError(f"{layer} takes an input with {layer.input_size} features, got shape {shape}")
    check_dtype(name, "an input", input, layer.weight_ih_l0)
    if shape[1 if layer.batch_first and dims == 3 else 0] == 0:
        raise RuntimeError(f"{name}() needs a sequence of 1 step or more, got shape {shape}")
    return packed or dims == 3


def check_pair(name: str, hx: Any, pair: bool) -> list[Any]:
    """The tensors of a state: h, or with `pair` (h, c)."""
    if pair and (not isinstance(hx, (tuple, list)) or len(hx) != 2):
        raise TypeError(f"{name}() takes a pair (h, c) as hx, got a {type(hx).__name__}")
    given = list(hx) if pair else [hx]
    for word, x in zip(("h", "c") if pair else ("hx",), given):
        check_tensor(name, word, x)
    return given


def check_state(layer: Any, hx: Any, shapes: Sequence[tuple[int, ...]], batched: bool) -> list[Any]:
    """The first states, whose `shapes` are with a batch dimension."""
    name = type(layer).__name__
    given = check_pair(name, hx, len(shapes) == 2)
    for word, x, shape in zip(("h_0", "c_0") if len(shapes) == 2 else ("hx",), given, shapes):
        expected = shape if batched else (shape[0], shape[2])
        if tuple(x.shape) != expected:
            letters = "(layers * directions, B, features)" if batched else "(layers * directions, features)"
            raise RuntimeError(f"{name}() needs {word} of shape {expected}, {letters}; got {tuple(x.shape)}")
        check_dtype(name, word, x, layer.weight_ih_l0)
    return given


def check_lengths(name: str, lengths: Any, input: Any) -> Any:
    """The lengths of the sequences of `input` (T, B, I) as an integer tensor on the CPU, None if there are none."""
    if lengths is None:
        return None
    T, B = input.shape[:2]
    if not hasattr(lengths, "dtype"):
        try:
            lengths = list(lengths)
            if any(isinstance(n, bool) for n in lengths):
                raise TypeError
            lengths = [operator.index(n) for n in lengths]
        except TypeError:
            raise TypeError(f"{name}() takes a list or tensor of whole numbers as lengths, got {lengths!r}") from None
        lengths = as_tensor(lengths, dtype=int64, device="cpu")
    lengths = as_tensor(lengths, device="cpu")  # those on a GPU are waited for once, not in each layer
    array = array_of(lengths)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name}() takes a list or tensor of whole numbers as lengths, got {array.dtype}")
    if array.shape != (B,):
        raise ValueError(f"{name}() takes one length for each of {B} sequences, got shape {tuple(array.shape)}")
    if B:
        whole(refuse_lengths, array, T, 1, name, ValueError)
    return lengths
