"""An optimizer of one's own: by the rule, and as one writes it for PyTorch."""

from __future__ import annotations

import numpy as np
from optim_helpers import give_gradients, parameters, values

import minigrad
from minigrad.optim import Optimizer


class Signed(Optimizer):
    """By the rule: p <- p - lr sign(g), with the count of steps in a slot."""

    def __init__(self, params, lr=0.1):
        super().__init__(params, {"lr": lr})

    def slots(self, group):
        return {"count": 1.0}

    def scalars(self, group, t):
        return {"lr": group["lr"], "t": t}

    def update(self, xp, p, g, state, lr, t):
        state["count"] += t
        p -= lr * xp.sign(g)


class ByHand(Optimizer):
    """As one writes it for PyTorch: its own step, its own state."""

    def __init__(self, params, lr=0.1):
        super().__init__(params, {"lr": lr})

    @minigrad.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if len(state) == 0:
                    state["step"] = 0
                    state["memory"] = minigrad.zeros_like(p)
                state["step"] += 1
                state["memory"].mul_(0.5).add_(p.grad)
                p.data.add_(state["memory"], alpha=-group["lr"])


def test_an_algorithm_of_ones_own(device):
    params = parameters(device)
    start = [values(p) for p in params]
    optimizer = Signed(params)
    for _ in range(3):
        give_gradients(params, 0)
        optimizer.step()
    for p, before in zip(params, start):
        np.testing.assert_allclose(values(p), before - 0.3 * np.sign(values(p.grad)), rtol=1e-4, atol=1e-6)
        assert (values(optimizer.state[p]["count"]) == 1 + 1 + 2 + 3).all()


def test_an_optimizer_written_for_pytorch(device):
    params = parameters(device)
    optimizer = ByHand(params)
    for step in range(3):
        give_gradients(params, step)
        optimizer.step()
    fresh = ByHand(params)
    fresh.load_state_dict(optimizer.state_dict())
    for p in params:
        assert fresh.state[p]["step"] == 3
        np.testing.assert_array_equal(values(fresh.state[p]["memory"]), values(optimizer.state[p]["memory"]))
