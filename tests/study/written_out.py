"""Recurrent layers as loops of plain operations, with a tensor for each gate: what gradient_flow is held to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import minigrad


@dataclass
class Trace:
    """The tensors of one layer and direction, by time step."""

    gates: list[dict[str, Any]] = field(default_factory=list)
    h: list[Any] = field(default_factory=list)
    c: list[Any] = field(default_factory=list)
    output: list[Any] = field(default_factory=list)

    def norms(self):
        """{column: norms of the gradients}, as LayerFlow.columns has them."""
        columns = {"output": self.output, "h": self.h}
        if self.c:
            columns["c"] = self.c
        columns |= {name: [step[name] for step in self.gates] for name in self.gates[0]}
        return {name: [0.0 if x.grad is None else x.grad.norm().item() for x in xs] for name, xs in columns.items()}

    def keep(self, t, gates, h, c, output):
        for x in (*gates.values(), h, output, *([] if c is None else [c])):
            x.retain_grad()
        self.gates[t], self.h[t], self.output[t] = gates, h, output
        if c is not None:
            self.c[t] = c


def cell_step(layer, suffix, x, h, c):
    """(gates before their nonlinearities, h, c) after one step; c is None but for an LSTM."""
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    w, u, b, d = (getattr(layer, f"{name}_{suffix}") for name in names)
    H = layer.hidden_size

    def rows(k, m, bias, v):
        return v @ m[k * H : (k + 1) * H].t() + bias[k * H : (k + 1) * H]

    kind = type(layer).__name__
    if kind == "RNN":
        a = rows(0, w, b, x) + rows(0, u, d, h)
        return {layer.nonlinearity: a}, getattr(a, layer.nonlinearity)(), None
    if kind == "GRU":
        r, z = (rows(k, w, b, x) + rows(k, u, d, h) for k in (0, 1))
        n = rows(2, w, b, x) + r.sigmoid() * rows(2, u, d, h)
        return {"r": r, "z": z, "n": n}, (1 - z.sigmoid()) * n.tanh() + z.sigmoid() * h, None
    i, f, g, o = (rows(k, w, b, x) + rows(k, u, d, h) for k in range(4))
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    h = o.sigmoid() * c.tanh()
    if layer.proj_size:
        h = h @ getattr(layer, f"weight_hr_{suffix}").t()
    return {"i": i, "f": f, "g": g, "o": o}, h, c


def written_out(layer, x, lengths=None):
    """(output, [last h of each layer and direction], {suffix: Trace}) of an input (T, B, I)."""
    T, B = x.shape[:2]
    traces, ends = {}, []
    for k in range(layer.num_layers):
        outputs = []
        for suffix in (f"l{k}", f"l{k}_reverse")[: 2 if layer.bidirectional else 1]:
            trace = traces[suffix] = Trace([{}] * T, [None] * T, [None] * T, [None] * T)
            h = minigrad.zeros(B, layer.proj_size or layer.hidden_size, dtype=x.dtype)
            c = minigrad.zeros(B, layer.hidden_size, dtype=x.dtype) if type(layer).__name__ == "LSTM" else None
            seen = []
            for t in reversed(range(T)) if suffix.endswith("reverse") else range(T):
                gates, new_h, new_c = cell_step(layer, suffix, x[t], h, c)
                output = new_h * 1
                trace.keep(t, gates, new_h, new_c, output)
                seen.append((t, output))
                lives = minigrad.tensor([[lengths is None or t < n] for n in lengths or [0] * B])
                h = minigrad.where(lives, new_h, h)
                c = None if c is None else minigrad.where(lives, new_c, c)
                seen[-1] = t, output * lives
            if c is None:
                trace.c = []
            outputs.append(minigrad.stack([output for _, output in sorted(seen, key=lambda pair: pair[0])]))
            ends.append(h)
        x = minigrad.cat(outputs, -1)
    return x, ends, traces
