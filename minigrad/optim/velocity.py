"""The options in which libraries' momentum differs, and what they come to in numbers."""

from __future__ import annotations

from typing import Any

from .base.hyperparameters import Group, Hyperparameter

LR_IN_VELOCITY = Hyperparameter("lr_in_velocity", choices=(True, False))
FIRST_STEP = Hyperparameter("first_step", choices=("copy", "zeros"))


def factors(group: Group, t: int) -> dict[str, Any]:
    """Gain, rate and μ by the names of update's parameters.

    The gradient is multiplied by the gain on its way into the velocity, and the velocity by the rate on its way to the
    parameter; None stands for 1, and saves a pass over the arrays. The learning rate is in one of them: the results
    differ once it changes. Dampening 1 - τ is in the gain, but not at a first step that copies the gradient, and not
    without momentum.
    """
    lr = float(group["lr"])
    undamped = not group["momentum"] or (t == 1 and group["first_step"] == "copy")
    gain = 1.0 if undamped else 1.0 - group["dampening"]
    mu = float(group["momentum"])
    if group["lr_in_velocity"]:
        return {"gain": lr * gain, "rate": None, "mu": mu}
    return {"gain": None if gain == 1 else gain, "rate": lr, "mu": mu}


def or_one(factor: float | None) -> float:
    """The number that None stands for."""
    return 1.0 if factor is None else factor
