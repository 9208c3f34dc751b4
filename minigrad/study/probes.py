"""Recurrent layers that run step by step and keep, at each, the tensors whose gradients are asked for.

A layer computes its gates from W_ih x + W_hh h + b. A probe computes W_ih x outside, a tensor of its own for each step,
and gives it to the layer in place of the input, with the identity in place of W_ih: the gradient of that tensor is the
gradient at the gates, before their sigmoid or tanh. All the rest is done by the layer's twin, which is composed of
small operations: in the fused operation there are no tensors c_t that h_t is made of.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .._tensor.creation import eye, tensor, zeros
from ..autograd.modes import is_grad_enabled
from ..backend.door import door
from ..nn import Module
from ..nn.recurrent import RNNBase
from ..nn.recurrent_cells import RNNCellBase
from ..ops.comparison import where
from ..ops.joining import cat, stack
from ..ops.linear import linear
from ..ops.recurrent.gru import gru_twin
from ..ops.recurrent.lstm import lstm_twin
from ..ops.recurrent.rnn import rnn_twin
from ..ops.shape import unsqueeze

GATES = {3: ("r", "z", "n"), 4: ("i", "f", "g", "o")}


class Step(NamedTuple):
    """One time step: what its gates are made of (B, gates * H), its states (h, or h and c), and its output."""

    gates: Any
    states: list[Any]
    output: Any  # h, as it leaves the layer; None for a cell, of which nobody knows where h goes


class Probe:
    """Follows one layer in one direction, or one cell: `steps`, in the order of time."""

    def __init__(self, name: str, module: Any) -> None:
        self.name, self.module = name, module
        self.gates = GATES.get(module.gates) or (module.nonlinearity,)
        self.steps: list[Step] = []


def followed(layer: Any, gates: Any, states: list[Any], weights: list[Any], leaves: bool) -> Step:
    """The step of `layer` from `states`; `weights` are those after W_ih. `leaves`, if h is an output, too."""
    new = _next_states(layer, gates, states, weights)
    step = Step(gates, new, new[0].clone() if leaves else None)
    for x in (gates, *new, step.output):
        if x is not None:
            x.retain_grad()
    return step


def _next_states(layer: Any, gates: Any, states: list[Any], weights: list[Any]) -> list[Any]:
    given = gates[None], *states, eye(gates.shape[-1], dtype=gates.dtype, device=gates.device), *weights
    once: dict[str, Any] = {"lengths": None, "reverse": False, "keep": True}
    if layer.gates == 1:
        result = rnn_twin(*given, **once, nonlinearity=layer.nonlinearity)
    elif layer.gates == 3:
        result = gru_twin(*given, **once)
    else:
        result = lstm_twin(*given, *([None] if len(weights) == 3 else []), **once)
    return list(result[1 : 1 + len(states)])


def first_states(layer: Any, states: list[Any], x: Any, size: int) -> list[Any]:
    """The states to begin with, each (size, features) of (1, size, features) or None for zeros."""
    features = layer.proj_size or layer.hidden_size, layer.hidden_size
    return [
        zeros(size, n, dtype=x.dtype, device=x.device) if state is None else state[0]
        for state, n in zip(states, features)
    ]


def projected(x: Any, weight_ih: Any) -> Any:
    """W_ih x, as a tensor with a gradient."""
    gates = linear(x, weight_ih)
    return gates if gates.requires_grad else gates.requires_grad_()


def watched(model: Module) -> tuple[dict[str, Probe], Callable[[], None]]:
    """Make every recurrent layer and cell of `model` run through probes: these, and a function that undoes it."""
    probes: dict[str, Probe] = {}
    undo: list[tuple[Module, str]] = []

    def probe(name: str, module: Any) -> Probe:
        return probes.setdefault(name, Probe(name, module))

    if any({"_layer", "_step"} & vars(module).keys() for module in model.modules()):
        raise RuntimeError("gradient_flow: another one is looking at this model: end its `with` block first")
    for name, module in model.named_modules():
        if isinstance(module, RNNBase):
            module._layer = _layer_with(module, name, probe)  # type: ignore[method-assign]
            undo.append((module, "_layer"))
        elif isinstance(module, RNNCellBase):
            module._step = _step_with(module, name, probe)  # type: ignore[method-assign]
            undo.append((module, "_step"))

    def end() -> None:
        for module, attribute in undo:
            module.__dict__.pop(attribute, None)

    return probes, end


def _asked_for() -> bool:
    if door.recorder is not None:
        raise RuntimeError(
            "gradient_flow looks at single gradients, which a recorded step does not keep: inside of its `with` block, "
            "call the function itself, without minigrad.jit"
        )
    return is_grad_enabled()


def _step_with(cell: Any, name: str, probe: Callable[[str, Any], Probe]) -> Callable[..., Any]:
    """`cell._step`, through a probe."""
    original = cell._step

    def run_step(layer: Any, *args: Any, **more: Any) -> Any:
        if not _asked_for():
            return original(layer, *args, **more)
        follows = probe(name or type(cell).__name__, cell)

        def run_layer(x: Any, *given: Any, **options: Any) -> Any:
            *states, weight_ih, weight_hh, bias_ih, bias_hh = given
            follows.steps.append(
                followed(cell, projected(x[0], weight_ih), states, [weight_hh, bias_ih, bias_hh], leaves=False)
            )
            return None, *follows.steps[-1].states

        return original(run_layer, *args, **more)

    return run_step


def _layer_with(module: Any, name: str, probe: Callable[[str, Any], Probe]) -> Callable[..., Any]:
    """`module._layer`, step by step through a probe."""
    original = module._layer

    def run_layer(x: Any, states: list[Any], number: int, lengths: Any) -> tuple[Any, ...]:
        if not _asked_for():
            return original(x, states, number, lengths)
        weights, suffix = module._weights(number), module._all_weights[number][0].removeprefix("weight_ih_")
        follows = probe(".".join(filter(None, (name, suffix))), module)
        packed, counts = x.ndim == 2, None if lengths is None else lengths.tolist()
        if counts is not None and not packed:
            alive = tensor([[[t < n] for n in counts] for t in range(len(x))], device=x.device)
            x = where(alive, x, 0.0)  # what stands behind an end may be nan, and 0 times nan is nan
        gates = projected(x, weights[0])
        parts = gates.split(counts) if packed else gates.unbind(0)
        states = first_states(module, states, x, parts[0].shape[0])
        steps: list[Any] = [None] * len(parts)
        outputs: list[Any] = [None] * len(parts)
        for t in reversed(range(len(parts))) if module._is_reverse(number) else range(len(parts)):
            size = parts[t].shape[0]  # of packed sequences the first ones have a step t
            steps[t] = followed(module, parts[t], [s[:size] for s in states], weights[1:], leaves=True)
            outputs[t], new = steps[t].output, steps[t].states
            if packed:
                new = [cat([a, s[size:]]) for a, s in zip(new, states)]
            elif counts is not None:
                outputs[t] = where(alive[t], outputs[t], 0.0)
                new = [where(alive[t], a, b) for a, b in zip(new, states)]
            states = new
        follows.steps += steps
        return (cat(outputs) if packed else stack(outputs)), *[unsqueeze(s, 0) for s in states]

    return run_layer
