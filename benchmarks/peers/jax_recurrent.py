"""Recurrent layers for JAX: the products with all inputs before a `lax.scan` over time, as Flax and Haiku advise.

Weights keep PyTorch's layout, (rows, features): compiled for a CPU, `h @ w.T` is a tenth to a quarter faster here than
`h @ w` with the other layout, and unrolling the scan gains nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..recurrent_problems import CharacterModel, Recurrent
from .functional import Functions
from .peer import Job


def layer(jax: Any, functions: Functions, name: str) -> Callable[..., Any]:
    """(weights, input (steps, batch, inputs), state) -> state, output (steps, batch, hidden).

    The state is an array (batch, hidden), of LSTM a pair of them; None: zeros.
    """
    jnp, tanh, sigmoid = jax.numpy, functions.tanh, functions.sigmoid

    def run(weights: Any, x: Any, state: Any = None) -> Any:
        w_ih, w_hh, b_ih, b_hh = weights
        # GRU's new gate multiplies what comes from the state, its bias included, so that bias stays inside.
        projected = x @ w_ih.T + (b_ih if name == "GRU" else b_ih + b_hh)
        if state is None:
            zero = jnp.zeros((x.shape[1], w_hh.shape[1]), x.dtype)
            state = (zero, zero) if name == "LSTM" else zero

        def rnn(h: Any, z: Any) -> Any:
            h = tanh(z + h @ w_hh.T)
            return h, h

        def gru(h: Any, z: Any) -> Any:
            reset, update, new = jnp.split(z, 3, 1)
            from_reset, from_update, from_new = jnp.split(h @ w_hh.T + b_hh, 3, 1)
            update = sigmoid(update + from_update)
            new = tanh(new + sigmoid(reset + from_reset) * from_new)
            h = (1 - update) * new + update * h
            return h, h

        def lstm(state: Any, z: Any) -> Any:
            h, c = state
            enter, forget, cell, leave = jnp.split(z + h @ w_hh.T, 4, 1)
            c = sigmoid(forget) * c + sigmoid(enter) * tanh(cell)
            h = sigmoid(leave) * tanh(c)
            return (h, c), h

        step = {"RNN": rnn, "GRU": gru, "LSTM": lstm}[name]
        return jax.lax.scan(step, state, projected)

    return run


def layer_job(jax: Any, functions: Functions, tensor: Callable[..., Any], problem: Recurrent) -> Job:
    """The output and `jax.vjp`'s gradients of it in one jitted function."""
    weights = [tensor(a) for a in problem.parameters()]
    x, g = (tensor(a) for a in problem.arrays())
    forward = layer(jax, functions, problem.layer)

    def compute(weights: Any, x: Any, g: Any) -> Any:
        output, pull = jax.vjp(lambda *inputs: forward(*inputs)[1], weights, x)
        of_weights, of_x = pull(g)
        return output, of_x, *of_weights

    run = jax.jit(compute)
    last: list[Any] = []

    def number(results: Any) -> float:
        last[:] = results
        return 0.0

    return Job(lambda: run(weights, x, g), number, lambda: [np.asarray(a) for a in last], jax.block_until_ready)


def character_model_job(jax: Any, functions: Functions, tensor: Callable[..., Any], problem: CharacterModel) -> Job:
    """Loss, gradients, clipping and RMSprop in one jitted function; old parameters are donated."""
    jnp, forward = jax.numpy, layer(jax, functions, "LSTM")
    weights = [tensor(a) for a in problem.parameters()]
    squares = [jnp.zeros_like(p) for p in weights]
    x, y, h, c = (tensor(a) for a in problem.arrays())

    def loss_of(weights: Any, x: Any, y: Any, state: Any) -> Any:
        table, *lstm, weight, bias = weights
        state, output = forward(lstm, table[x], state)
        logs = functions.log_softmax(output @ weight.T + bias)
        return -jnp.take_along_axis(logs, y[..., None], -1).mean(), state

    def compute(weights: Any, squares: Any, state: Any, x: Any, y: Any) -> Any:
        (loss, state), gradients = jax.value_and_grad(loss_of, has_aux=True)(weights, x, y, state)
        norm = jnp.sqrt(sum((g * g).sum() for g in gradients))
        scale = jnp.minimum(problem.clip / (norm + 1e-6), 1)
        gradients = [scale * g for g in gradients]
        squares = [problem.alpha * v + (1 - problem.alpha) * g * g for v, g in zip(squares, gradients)]
        weights = [p - problem.lr * g / (jnp.sqrt(v) + problem.eps) for p, g, v in zip(weights, gradients, squares)]
        return loss, norm, weights, squares, state

    step = jax.jit(compute, donate_argnums=(0, 1, 2))
    held, norms = [weights, squares, (h[0], c[0])], []  # PyTorch's have a dimension for layers

    def run() -> Any:
        loss, norm, *held[:] = step(*held, x, y)
        return loss, norm

    def number(results: Any) -> float:
        norms.append(np.asarray(results[1]))
        return float(results[0])

    def state() -> list[np.ndarray]:
        h, c = (np.asarray(a)[None] for a in held[2])
        return [*map(np.asarray, held[0]), h, c, *norms]

    return Job(run, number, state, jax.block_until_ready)
