"""What recurrent layers say of arguments that do not fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._tensor.creation import as_tensor
from ..autograd.operands import array_of
from ..backend.door import whole
from ..backend.library import library


def check_sizes(
    name: str, input_size: Any, hidden_size: Any, num_layers: Any, proj_size: Any, dropout: Any
) -> None:
    """The arguments of a constructor."""
    for word, value in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"{name} takes an int as {word}, got {value!r}")
        if value <= 0:
            raise ValueError(f"{name} needs {word} of 1 or more, got {value}")
    if not isinstance(dropout, (int, float)) or isinstance(dropout, bool) or not 0 <= dropout <= 1:
        raise ValueError(f"{name} takes a probability between 0 and 1 as dropout, got {dropout!r}")
    if not 0 <= proj_size < hidden_size:
        raise ValueError(f"{name} needs proj_size smaller than hidden_size={hidden_size} (0: none), got {proj_size}")


def check_nonlinearity(nonlinearity: str) -> None:
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")


def check_input(layer: Any, input: Any, packed: bool) -> bool:
    """Whether `input` has a batch dimension."""
    name = type(layer).__name__
    dims, shape = input.ndim, tuple(input.shape)
    if dims not in ((2,) if packed else (2, 3)):
        raise ValueError(f"{name}() takes an input (T, B, input_size) or (T, input_size), got shape {shape}")
    weight = layer.weight_ih_l0
    if shape[-1] != layer.input_size:
        raise RuntimeError(f"{layer} takes an input with {layer.input_size} features, got shape {shape}")
    if input.dtype != weight.dtype:
        raise ValueError(
            f"{name}() got an input of {input.dtype}, but its weights are {weight.dtype}: convert the one "
            f"(input.to({weight.dtype})) or the other (model.to({input.dtype}))"
        )
    T = shape[1 if layer.batch_first and dims == 3 else 0]
    if T == 0:
        raise RuntimeError(f"{name}() needs a sequence of 1 step or more, got shape {shape}")
    return packed or dims == 3


def check_state(layer: Any, hx: Any, shapes: Sequence[tuple[int, ...]], batched: bool) -> list[Any]:
    """The first states, whose `shapes` are with a batch dimension."""
    name = type(layer).__name__
    pair = len(shapes) == 2
    if pair and (not isinstance(hx, (tuple, list)) or len(hx) != 2):
        raise TypeError(f"{name}() takes a pair (h_0, c_0) as hx, got {type(hx).__name__}")
    if not pair and isinstance(hx, (tuple, list)):
        raise TypeError(f"{name}() takes one tensor as hx, got a {type(hx).__name__} of {len(hx)}")
    given = list(hx) if pair else [hx]
    for word, x, shape in zip(("h_0", "c_0") if pair else ("hx",), given, shapes):
        expected = shape if batched else (shape[0], shape[2])
        if tuple(x.shape) != expected:
            letters = "(layers * directions, B, features)" if batched else "(layers * directions, features)"
            raise RuntimeError(f"{name}() needs {word} of shape {expected}, {letters}; got {tuple(x.shape)}")
    return given


def check_lengths(name: str, lengths: Any, input: Any) -> Any:
    """The lengths of the sequences of `input` (T, B, I) as an integer tensor on its device."""
    if lengths is None:
        return None
    T, B = input.shape[:2]
    if not hasattr(lengths, "dtype"):
        lengths = list(lengths)
        if any(not isinstance(n, int) for n in lengths):
            raise TypeError(f"{name}() takes whole numbers as lengths, got {lengths}")
    lengths = as_tensor(lengths, device=input.device)
    array = array_of(lengths)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name}() takes integer lengths, got {lengths.dtype}")
    if array.shape != (B,):
        raise ValueError(f"{name}() takes one length for each of {B} sequences, got shape {array.shape}")
    if library(array).__name__ == "numpy" and B:
        whole(_refuse_lengths, array, T, name)
    return lengths


def _refuse_lengths(lengths: Any, T: int, name: str) -> None:
    shortest, longest = int(lengths.min()), int(lengths.max())
    if shortest < 1:
        raise ValueError(f"{name}() needs lengths of 1 or more, got {shortest}: leave empty sequences out")
    if longest > T:
        raise ValueError(f"{name}() got a length of {longest}, but the input has {T} steps")
