"""Recurrent layers and cells for several tests, and the loop over single sequences that lengths are compared with."""

from __future__ import annotations

from recurrent_kinds import CELLS, KINDS

import minigrad as mg
from minigrad import nn


def made(kind, *sizes, **options):
    """The layer or cell of that kind, float64 unless told otherwise."""
    name, own = (KINDS | CELLS)[kind]
    return getattr(nn, name)(*sizes, **own, **({"dtype": mg.float64} | options))


def parts(result):
    """[output, h_n] or [output, h_n, c_n]."""
    output, state = result
    return [output, *state] if isinstance(state, tuple) else [output, state]


def joined(states):
    """The argument `hx`."""
    return states[0] if len(states) == 1 else tuple(states)


def initial(layer, *batch, requires_grad=True):
    """Random initial states for a layer: [h_0] or [h_0, c_0]."""
    rows = layer.num_layers * (2 if layer.bidirectional else 1)
    wide = [layer.hidden_size]
    if isinstance(layer, nn.LSTM):
        wide = [layer.proj_size or layer.hidden_size, layer.hidden_size]
    like = layer.weight_hh_l0
    return [mg.randn(rows, *batch, n, dtype=like.dtype, device=like.device, requires_grad=requires_grad) for n in wide]


def one_by_one(layer, x, states, lengths):
    """`parts(layer(x, states, lengths=lengths))`, each sequence run alone; `x` is (T, B, I)."""
    outputs, ends = [], []
    for b, n in enumerate(lengths):
        own = joined([s[:, b : b + 1] for s in states]) if states else None
        y, *last = parts(layer(x[:n, b : b + 1], own))
        rest = mg.zeros(x.shape[0] - n, 1, y.shape[2], dtype=y.dtype, device=y.device)
        outputs.append(mg.cat([y, rest]))
        ends.append(last)
    return [mg.cat(outputs, 1), *[mg.cat(same, 1) for same in zip(*ends)]]


def weighted(outputs, seed=1):
    """A number that depends on every element of every output, each in its own way."""
    generator = mg.Generator().manual_seed(seed)
    total = 0
    for y in outputs:
        w = mg.randn(*y.shape, generator=generator, dtype=mg.float64).to(y.device, y.dtype)
        total = total + (w * y).sum()
    return total


def apart(a, b):
    """The largest difference of two tensors of the same shape and dtype, 0 for empty ones."""
    assert tuple(a.shape) == tuple(b.shape) and a.dtype == b.dtype, (a.shape, b.shape, a.dtype, b.dtype)
    return (a.detach() - b.detach()).abs().max().item() if a.numel() else 0.0
