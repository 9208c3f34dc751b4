"""Which gradients flow where: `gradient_flow` gives their norms by time step and gate of recurrent layers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._tensor.creation import tensor
from .._tensor.tensor import Tensor
from ..backend.dtypes import float64
from ..nn import Module
from ..serialization.atomic import replacing
from ..train.errors import extra
from .probes import Probe, watched

_ROWS = 16  # time steps that are printed
_BAR = 24  # the longest bar


@dataclass(frozen=True)
class LayerFlow:
    """The norms of the gradients in one layer and direction, over the batch and the units, for each of T time steps.

    Attributes:
        gates: name -> (T,) float64, at what the gate's sigmoid or tanh is applied to. The names are those of the
            formulas: i, f, g and o of an LSTM; r, z and n of a GRU; "tanh" or "relu" of a simple RNN.
        hidden: (T,), at h_t: all that arrives there, from the output at t and from the steps after it.
        cell: (T,), at c_t of an LSTM; None for the others.
        output: (T,), the part of `hidden` that comes from the output at t; None for cells, where it is not known.
        reverse: whether it reads from the last step to the first; gradients then come back from the first to the last.
    """

    gates: dict[str, Tensor]
    hidden: Tensor
    cell: Tensor | None = None
    output: Tensor | None = None
    reverse: bool = False

    def columns(self) -> dict[str, list[float]]:
        """All norms by name: "output", "h", "c", and those of the gates."""
        states = {"output": self.output, "h": self.hidden, "c": self.cell}
        return {name: x.tolist() for name, x in (states | self.gates).items() if x is not None}

    def per_step(self) -> float:
        """The factor by which the norm at h_t changes with each step back through time, on the (geometric) average.

        Below 1 the gradient vanishes, above it explodes. nan where this cannot be told: no step to go back, or
        outputs at several steps that have gradients of their own, which mix.
        """
        if self.output is not None and sum(norm > 0 for norm in self.output.tolist()) > 1:
            return math.nan
        norms = self.hidden.tolist() if self.reverse else self.hidden.tolist()[::-1]  # on the way back
        start = next((k for k, norm in enumerate(norms) if norm != 0), len(norms))
        steps = len(norms) - 1 - start
        return (norms[-1] / norms[start]) ** (1 / steps) if steps > 0 else math.nan

    def __str__(self) -> str:
        columns = self.columns()
        count = len(self.hidden)
        shown = sorted({round(k * (count - 1) / (_ROWS - 1)) for k in range(_ROWS)})
        lines = [f"{'t':>6s}" + "".join(f"{name:>10s}" for name in columns)]
        lines += [
            f"{t:6d}" + "".join(f"{norms[t]:10.2e}" for norms in columns.values()) + f"  {bar}".rstrip()
            for t, bar in zip(shown, _bars([columns["h"][t] for t in shown]))
        ]
        factor = self.per_step()
        return "\n".join(lines if math.isnan(factor) else [*lines, f"  at h, times {factor:.3g} with each step back"])


class GradientFlow:
    """What `gradient_flow` gives: `layers`, by name a `LayerFlow`; `print` it, or `plot` it.

    `flow["encoder.l1_reverse"]` is the layer whose weights have that suffix, in the module `encoder`; of a cell, the
    name of the module. Where there is one only, `flow.gates`, `flow.hidden` and `flow.cell` are its.
    """

    def __init__(self, model: Module) -> None:
        if not isinstance(model, Module):
            raise TypeError(f"gradient_flow takes a module with recurrent layers, got {type(model).__name__}")
        self.model = model
        self.layers: dict[str, LayerFlow] = {}
        self._probes: dict[str, Probe] = {}
        self._end: Any = None

    def __enter__(self) -> GradientFlow:
        if self._end is not None:
            raise RuntimeError("gradient_flow: this one is already looking; make another")
        self._probes, self._end = watched(self.model)
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._end()
        probes, self._probes, self._end = self._probes, {}, None
        if kind is not None:
            return
        name = type(self.model).__name__
        if not probes:
            raise RuntimeError(
                f"gradient_flow: no recurrent layer of {name} has run, with gradients, inside of the `with` block"
            )
        self.layers = {key: _norms(probe) for key, probe in probes.items()}
        if not any(step.gates.grad is not None for probe in probes.values() for step in probe.steps):
            raise RuntimeError(
                f"gradient_flow: no gradient has come to the recurrent layers of {name}: call loss.backward() inside "
                "of the `with` block, of a loss that is made of their output"
            )

    def __getitem__(self, name: str) -> LayerFlow:
        if name not in self.layers:
            raise KeyError(f"{name!r} is none of {', '.join(self.layers) or 'the layers: there are none yet'}")
        return self.layers[name]

    @property
    def gates(self) -> dict[str, Tensor]:
        return self._only().gates

    @property
    def hidden(self) -> Tensor:
        return self._only().hidden

    @property
    def cell(self) -> Tensor | None:
        return self._only().cell

    def _only(self) -> LayerFlow:
        if not self.layers:
            raise AttributeError("gradient_flow: there is nothing to see before the `with` block has ended")
        if len(self.layers) != 1:
            raise AttributeError(
                f"gradient_flow has {len(self.layers)} layers: ask for one, as in flow[name]: {', '.join(self.layers)}"
            )
        return next(iter(self.layers.values()))

    def __str__(self) -> str:
        return "\n".join(f"{name}: norms of the gradient by time step\n{flow}" for name, flow in self.layers.items())

    def __repr__(self) -> str:
        return f"<gradient_flow of {type(self.model).__name__}: {', '.join(self.layers) or 'nothing yet'}>"

    def plot(self, path: Any) -> None:
        """Write a PNG with a panel for each layer: the norms over time, on a logarithmic axis. Needs matplotlib."""
        if not self.layers:
            raise RuntimeError("gradient_flow: there is nothing to draw before the `with` block has ended")
        rows, columns = math.ceil(len(self.layers) / 2), min(len(self.layers), 2)
        figure = extra("matplotlib.figure", "matplotlib", "drawing the gradient flow").Figure(
            figsize=(6 * columns, 4 * rows), layout="constrained"
        )
        panels = figure.subplots(rows, columns, squeeze=False).flatten()
        for axes, (name, flow) in zip(panels, self.layers.items()):
            for column, norms in flow.columns().items():
                positive = [norm if norm > 0 else math.nan for norm in norms]  # 0 has no place on this axis
                axes.plot(positive, label=column, linewidth=2 if column in "hc" else 1, marker=".")
            axes.set(title=name, xlabel="time step", ylabel="norm of the gradient", yscale="log")
            axes.grid(alpha=0.3)
            axes.legend()
        for axes in panels[len(self.layers) :]:
            axes.set_axis_off()
        with replacing(Path(path)) as file:
            figure.savefig(file, format="png", dpi=120)


def gradient_flow(model: Module) -> GradientFlow:
    """See the gradients inside of the recurrent layers and cells of `model`, by time step and gate.

        with gradient_flow(model) as flow:
            loss_of(model(x), y).backward()
        print(flow)
        flow.plot("flow.png")

    In the `with` block, layers run step by step: slower, with the same results and gradients but for rounding. What
    runs more than once (windows of a long sequence, an encoder that is the decoder, too) goes on in time. Vanishing
    and exploding gradients [Bengio et al. 1994, IEEE Transactions on Neural Networks 5] are norms that fall or grow
    on the way from the last time step to the first; a saturated gate is one whose norm is small where those of
    others are not.

    Raises:
        TypeError: `model` is no module.
        RuntimeError: (at the end of the block) no recurrent layer has run, or no gradient has come to it; (inside) a
            step of `minigrad.jit` is being recorded, or another block looks at the same layers.

    >>> import minigrad
    >>> from minigrad import nn
    >>> lstm = nn.LSTM(2, 4)
    >>> with gradient_flow(lstm) as flow:
    ...     output, _ = lstm(minigrad.randn(10, 3, 2))
    ...     output[6].sum().backward()
    >>> list(flow.gates), flow.gates["f"].shape
    (['i', 'f', 'g', 'o'], minigrad.Size([10]))
    >>> [norm > 0 for norm in flow.hidden.tolist()]  # nothing flows back from what comes after
    [True, True, True, True, True, True, True, False, False, False]
    """
    return GradientFlow(model)


def _norms(probe: Probe) -> LayerFlow:
    """The norms of the gradients that have come to the tensors of a probe."""
    count = len(probe.gates)
    by_gate = zip(*(_norms_of(step.gates, count) for step in probe.steps))
    hidden, *cell = zip(*([_norms_of(x)[0] for x in step.states] for step in probe.steps))
    output = [_norms_of(step.output)[0] for step in probe.steps if step.output is not None]
    return LayerFlow(
        gates={name: tensor(norms, dtype=float64) for name, norms in zip(probe.gates, by_gate)},
        hidden=tensor(hidden, dtype=float64),
        cell=tensor(cell[0], dtype=float64) if cell else None,
        output=tensor(output, dtype=float64) if output else None,
        reverse=probe.name.endswith("_reverse"),
    )


def _norms_of(x: Tensor, parts: int = 1) -> list[float]:
    """The norms of the gradient of the parts that lie side by side in each row of `x`."""
    if x.grad is None:
        return [0.0] * parts
    # in double precision, which can hold the squares of what float32 can hold
    return [math.sqrt(part.double().square().sum().item()) for part in x.grad.chunk(parts, dim=1)]


def _bars(norms: list[float]) -> list[str]:
    """Their logarithms as bars; of norms that differ by less than a factor of ten, all are long."""
    logs = [math.log10(x) if 0 < x < math.inf else None for x in norms]
    known = [x for x in logs if x is not None]
    if not known:
        return [""] * len(norms)
    top = max(known)
    width = max(top - min(known), 1.0)
    return ["" if x is None else "█" * (1 + round((_BAR - 1) * (1 - (top - x) / width))) for x in logs]
