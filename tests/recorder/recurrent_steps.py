"""Recurrent layers in training steps: for tests that compare recorded ones with eager ones."""

from __future__ import annotations

from recorded_helpers import both_ways
from recurrent_kinds import CELLS, KINDS

import minigrad as mg
from minigrad import nn, optim

T, B, I, H = 4, 3, 2, 5

OPTIMIZERS = {
    "momentum": lambda params: optim.SGD(params, lr=0.05, momentum=0.9),
    "rmsprop": lambda params: optim.RMSprop(params, lr=0.01),
    "adam": lambda params: optim.Adam(params, lr=0.01),
}


def made(kind, size=(I, H), **options):
    name, own = (KINDS | CELLS)[kind]
    return getattr(nn, name)(*size, **own, **options)


def flat(result):
    """The tensors in a nest of tuples."""
    return [y for part in result for y in flat(part)] if isinstance(result, tuple) else [result]


def detached(state):
    return tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()


def loss_of(result):
    """A number that depends on every output."""
    return sum((y * mg.cos(y.detach() + k)).sum() for k, y in enumerate(flat(result)))


def looks(module):
    """The module and its gradients, as they are now."""
    return module, [None if p.grad is None else p.grad.clone() for p in module.parameters()]


def step_of(jit, module, optimizer, call=None):
    """A training step of the module; it gives the loss, what the module gave and the gradient of the first input."""

    @jit
    def step(x, *more):
        x = x.detach().requires_grad_()
        optimizer.zero_grad()
        result = call(module, x, *more) if call else module(x, *more)
        loss = loss_of(result)
        loss.backward()
        optimizer.step()
        return loss.detach(), [y.detach() for y in flat(result)], x.grad

    return step


def trained(make, inputs, calls=6, call=None, optimizer=OPTIMIZERS["momentum"], at_least=None):
    """A module in `calls` training steps, both ways; `inputs(k)` are the arguments of call k."""

    def scenario(jit):
        module = make()
        step = step_of(jit, module, optimizer([p for p in module.parameters() if p.requires_grad]), call)
        for k in range(calls):
            yield step(*inputs(k))
            yield looks(module)

    (jitted,) = both_ways(scenario, at_least=calls - 2 if at_least is None else at_least)
    return jitted


def batch(*shape):
    return lambda k: (mg.randn(*shape),)


def with_lengths(layer, x, lengths):
    return layer(x, lengths=lengths)


def some_lengths(k, dtype=mg.int64):
    return mg.tensor([[3, 4, 1], [1, 1, 1], [4, 4, 4], [2, 1, 3], [1, 2, 4], [4, 3, 2]][k % 6], dtype=dtype)
