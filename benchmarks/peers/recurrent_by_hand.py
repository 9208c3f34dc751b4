"""A recurrent layer on fixed buffers, as `by_hand.py` has the others: products before and after a loop over time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..recurrent_problems import Recurrent
from .by_hand import add, dot, empty, multiply, number, subtract, tanh


def rnn(problem: Recurrent) -> tuple[Callable[[], None], list[np.ndarray]]:
    """h_t = tanh(W x_t + U h_(t-1) + b), forward and backward; and where output and gradients are found after it."""
    steps, batch, inputs, hidden = problem.steps, problem.batch, problem.inputs, problem.hidden
    w, u, b_w, b_u = problem.parameters()
    x, g = problem.arrays()
    rows, ones, one = steps * batch, np.ones(steps * batch, np.float32), number(1)
    states, part = np.zeros((steps + 1, batch, hidden), np.float32), empty(batch, hidden)
    fed, sums = empty(rows, hidden), empty(steps, batch, hidden)
    w_turned, u_turned, b = empty(inputs, hidden), empty(hidden, hidden), empty(hidden)
    gw, gu, gb, gx = empty(hidden, inputs), empty(hidden, hidden), empty(hidden), empty(steps, batch, inputs)
    output, before = states[1:], states[:-1]
    slopes = fed.reshape(output.shape)  # what was fed is not needed after the loop
    forward = list(zip(fed.reshape(output.shape), before, output))
    backward = list(zip(sums, slopes, g))[::-1]
    flat_x, flat_before, flat_sums, flat_gx = (a.reshape(rows, -1) for a in (x, before, sums, gx))

    def run() -> None:
        w_turned[...], u_turned[...] = w.T, u.T  # the weights may have changed since the last call
        add(b_w, b_u, b)
        dot(flat_x, w_turned, fed)
        add(fed, b, fed)
        for z, h, out in forward:
            dot(h, u_turned, part)
            add(part, z, part)
            tanh(part, out)
        multiply(output, output, slopes)
        subtract(one, slopes, slopes)
        part.fill(0)
        for gz, slope, g_out in backward:
            add(part, g_out, part)
            multiply(part, slope, gz)
            dot(gz, u, part)
        dot(flat_sums.T, flat_x, gw)
        dot(flat_sums.T, flat_before, gu)
        dot(ones, flat_sums, gb)
        dot(flat_sums, w, flat_gx)

    return run, [output, gx, gw, gu, gb, gb]
