"""A gradient divided by its own size: the step that Adagrad, RMSprop and Adam share, and where ε stands in it."""

from __future__ import annotations

from typing import Any

from .base.hyperparameters import Group, Hyperparameter

EPS = Hyperparameter("epsilon value", low=0, name="eps")
EPS_MODE = Hyperparameter("eps_mode", choices=("outside", "inside", "none"))


def eps_numbers(group: Group) -> dict[str, Any]:
    """The numbers that `normalized` needs: ε (None for none), and whether it stands inside of the root."""
    mode = group["eps_mode"]
    return {"eps": None if mode == "none" else float(group["eps"]), "inside": mode == "inside"}


def normalized(xp: Any, g: Any, v: Any, eps: float | None, inside: bool) -> Any:
    """g / √(v + ε) or g / (√v + ε): libraries differ, and for small gradients it decides everything."""
    root = xp.sqrt(v if eps is None or not inside else v + eps)
    if eps is not None and not inside:
        root += eps
    return xp.divide(g, root, out=root)
