"""Recurrent layers on both sides: the same layer of minigrad and PyTorch, its states, and comparing what comes out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from recurrent_kinds import KINDS
from sides import assert_same, both, copy_parameters

import minigrad as mg
from minigrad import nn

T, B, I, H = 5, 3, 2, 4  # all different, and different from the projection


def layers(kind: str, dtype: str = "float64", size: tuple[int, int] = (I, H), **options: Any) -> tuple[Any, Any]:
    """A layer of minigrad and PyTorch's, with equal parameters."""
    name, own = KINDS[kind]
    mine = getattr(nn, name)(*size, **own, **options, dtype=getattr(mg, dtype))
    theirs = getattr(torch.nn, name)(*size, **own, **options, dtype=getattr(torch, dtype))
    copy_parameters(mine, theirs)
    return mine, theirs


def numbers(*shape: int, seed: int = 0, dtype: str = "float64") -> np.ndarray:
    return np.random.default_rng((seed, *shape)).normal(size=shape).astype(dtype)


def leaves(*shape: int, seed: int = 0, dtype: str = "float64") -> tuple[Any, Any]:
    return both(numbers(*shape, seed=seed, dtype=dtype), requires_grad=True)


def initial(theirs: Any, batch: int | None, dtype: str = "float64") -> list[tuple[Any, Any]]:
    """Initial states for PyTorch's layer on both sides: h_0, and for an LSTM c_0. No batch dimension for None."""
    rows = theirs.num_layers * (2 if theirs.bidirectional else 1)
    middle = () if batch is None else (batch,)
    wide = [theirs.proj_size or theirs.hidden_size]
    if theirs.mode == "LSTM":
        wide.append(theirs.hidden_size)
    return [leaves(rows, *middle, n, seed=11 + k, dtype=dtype) for k, n in enumerate(wide)]


def state(pairs: list[tuple[Any, Any]], side: int) -> Any:
    """The argument `hx` of one side."""
    if not pairs:
        return None
    return pairs[0][side] if len(pairs) == 1 else tuple(pair[side] for pair in pairs)


def parts(result: Any) -> list[Any]:
    """[output, h_n] or [output, h_n, c_n]."""
    output, hidden = result
    return [output, *hidden] if isinstance(hidden, tuple) else [output, hidden]


NAMES = ("output", "h_n", "c_n")


def assert_same_parts(mine: list[Any], theirs: list[Any], what: str) -> None:
    assert len(mine) == len(theirs)
    for name, a, b in zip(NAMES, mine, theirs):
        assert_same(a, b, f"{what}: {name}")


def paths(count: int) -> dict[str, list[int]]:
    """Where gradients may come from: positions among `parts`."""
    found = {"output": [0], "states": [*range(1, count)], "all": [*range(count)]}
    return found | {"c_n": [2]} if count == 3 else found


def assert_same_gradients_of(mine: list[Any], theirs: list[Any], pairs: dict[str, tuple[Any, Any]], what: str) -> None:
    """The gradients of `pairs` (name, and the tensor of either side) along every path; None counts as zero."""
    starts = [both(numbers(*b.shape, seed=31 + k, dtype=str(b.dtype).split(".")[1])) for k, b in enumerate(theirs)]
    routes = paths(len(theirs))
    for last, (route, picked) in zip([*[False] * (len(routes) - 1), True], routes.items()):
        found = mg.autograd.grad(
            [mine[k] for k in picked], [a for a, _ in pairs.values()], [starts[k][0] for k in picked],
            retain_graph=not last, allow_unused=True,
        )  # fmt: skip
        wanted = torch.autograd.grad(
            [theirs[k] for k in picked], [b for _, b in pairs.values()], [starts[k][1] for k in picked],
            retain_graph=not last, allow_unused=True,
        )  # fmt: skip
        for (name, (a, b)), g, w in zip(pairs.items(), found, wanted, strict=True):
            g = mg.zeros_like(a) if g is None else g
            w = torch.zeros_like(b) if w is None else w
            exact = b.dtype == torch.float64
            text = f"{what}: gradient of {name} from {route}"
            assert_same(g, w, text, *((1e-9, 1e-10) if exact else (1e-4, 1e-5)))


def parameters(mine: Any, theirs: Any) -> dict[str, tuple[Any, Any]]:
    """The parameters of both, by name."""
    named = dict(theirs.named_parameters())
    assert [name for name, _ in mine.named_parameters()] == list(named)
    return {name: (p, named[name]) for name, p in mine.named_parameters()}
